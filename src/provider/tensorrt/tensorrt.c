/* NVIDIA's compiler of whole graphs for its graphics processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_FLAG("has_user_compute_stream", "false", "work is queued on the caller's stream"),
    RUNG_OPTION_IS_TEXT("user_compute_stream", "address of that stream"),
    RUNG_OPTION_IS_NUMBER("trt_max_partition_iterations", 1000000, "1000", "rounds of cutting the graph"),
    RUNG_OPTION_IS_NUMBER("trt_min_subgraph_size", 1000000, "1", "nodes that an island needs at least"),
    RUNG_OPTION_IS_NUMBER("trt_max_workspace_size", INT64_MAX, NULL,
                          "bytes of scratch memory; as much as there is when unset"),
    RUNG_OPTION_IS_FLAG("trt_fp16_enable", "false", "compute in float16 where it is faster"),
    RUNG_OPTION_IS_FLAG("trt_bf16_enable", "false", "compute in bfloat16 where it is faster"),
    RUNG_OPTION_IS_FLAG("trt_int8_enable", "false", "compute in int8 by a calibration table"),
    RUNG_OPTION_IS_TEXT("trt_int8_calibration_table_name", "that table"),
    RUNG_OPTION_IS_FLAG("trt_int8_use_native_calibration_table", "false", "it was made by TensorRT's own tools"),
    RUNG_OPTION_IS_FLAG("trt_dla_enable", "false", "use a deep learning accelerator"),
    RUNG_OPTION_IS_NUMBER("trt_dla_core", 15, "0", "which one"),
    RUNG_OPTION_IS_FLAG("trt_dump_subgraphs", "false", "write the islands as files"),
    RUNG_OPTION_IS_FLAG("trt_engine_cache_enable", "false", "keep compiled engines in files"),
    RUNG_OPTION_IS_PATH("trt_engine_cache_path", "their folder"),
    RUNG_OPTION_IS_TEXT("trt_engine_cache_prefix", "how their names begin"),
    RUNG_OPTION_IS_FLAG("trt_weight_stripped_engine_enable", "false", "engines without weights"),
    RUNG_OPTION_IS_PATH("trt_onnx_model_folder_path", "where the model with the weights lies"),
    RUNG_OPTION_IS_FLAG("trt_engine_decryption_enable", "false", "engines are encrypted"),
    RUNG_OPTION_IS_PATH("trt_engine_decryption_lib_path", "the library that decrypts them"),
    RUNG_OPTION_IS_FLAG("trt_force_sequential_engine_build", "false", "build one engine at a time"),
    RUNG_OPTION_IS_FLAG("trt_context_memory_sharing_enable", "false", "islands share their scratch memory"),
    RUNG_OPTION_IS_FLAG("trt_layer_norm_fp32_fallback", "false", "normalisations stay in float32"),
    RUNG_OPTION_IS_FLAG("trt_timing_cache_enable", "false", "keep what was measured while compiling"),
    RUNG_OPTION_IS_PATH("trt_timing_cache_path", "its folder"),
    RUNG_OPTION_IS_FLAG("trt_force_timing_cache", "false", "use it on another model of processor, too"),
    RUNG_OPTION_IS_FLAG("trt_detailed_build_log", "false", "log the steps of compiling"),
    RUNG_OPTION_IS_FLAG("trt_build_heuristics_enable", "false", "guess instead of measuring"),
    RUNG_OPTION_IS_FLAG("trt_sparsity_enable", "false", "use weights with zeros in a pattern"),
    RUNG_OPTION_IS_NUMBER("trt_builder_optimization_level", 5, "3", "how long to search"),
    RUNG_OPTION_IS_TEXT("trt_auxiliary_streams", "how many, -1: as many as useful"),
    RUNG_OPTION_IS_TEXT("trt_tactic_sources", "libraries to choose kernels from: \"-CUDNN,+CUBLAS\""),
    RUNG_OPTION_IS_PATH("trt_extra_plugin_lib_paths", "libraries with operators, separated by semicolons"),
    RUNG_OPTION_IS_TEXT("trt_profile_min_shapes", "least shapes: in1:1x3x64x64,in2:1x8"),
    RUNG_OPTION_IS_TEXT("trt_profile_max_shapes", "largest shapes"),
    RUNG_OPTION_IS_TEXT("trt_profile_opt_shapes", "shapes to optimise for"),
    RUNG_OPTION_IS_FLAG("trt_cuda_graph_enable", "false", "a run is captured and replayed"),
    RUNG_OPTION_IS_FLAG("trt_dump_ep_context_model", "false", "write a model that holds the engines"),
    RUNG_OPTION_IS_PATH("trt_ep_context_file_path", "where"),
    RUNG_OPTION_IS_NUMBER("trt_ep_context_embed_mode", 1, "0", "1: the engines lie in it, 0: beside it"),
    RUNG_OPTION_IS_FLAG("trt_engine_hw_compatible", "false", "engines for later processors, too"),
    RUNG_OPTION_IS_TEXT("trt_op_types_to_exclude", "operators to leave to others"),
    RUNG_OPTION_IS_TEXT("trt_preview_features", "features in preview"),
    RUNG_OPTION_IS_FLAG("trt_load_user_initializer", "false", "weights come from the caller's memory"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libnvinfer.so.11"}, {"libnvinfer.so.10"}, {"libnvinfer.so.8"}, {0}};

static const rung_descriptor descriptor = {
    .name = "tensorrt",
    .systems = "linux windows",
    .needs = "Linux or Windows on a machine with an NVIDIA graphics processor",
    .libraries = libraries,
    .folders = "tensorrt_libs",
    .library_fix = "pip install tensorrt, and name the folder of the packages",
    .driver_library = "libcuda.so.1",
    .driver_version = "/proc/driver/nvidia/version",
    .driver_fix =
        "install NVIDIA's driver (Debian: apt install nvidia-driver); in a container, give it the device (--gpus all)",
    .devices = {"/dev/nvidiactl", "/dev/nvidia#"},
    .pci_vendor = 0x10de,
    .device_fix = "load the driver (modprobe nvidia); in a container, give it the device (--gpus all)",
};

/* What it takes, for plans without it */

enum {
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  FLOATS = HALVES | RUNG_CAP_BF16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_SET(RUNG_U8),
  QUANTIZED = RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_F8E4M3FN) | RUNG_SET(RUNG_I4),
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/tensorrt/tensorrt_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(tensorrt, "TensorRT 10.0 (onnx-tensorrt 10.1, operators.md)", "cuda", .oldest = 9, .newest = 20,
                     .most_rank = 8);

RUNG_TABLED_PROVIDER(tensorrt, "TensorrtExecutionProvider", "NVIDIA graphics processors, compiled graphs (TensorRT)",
                     &rung_offline_tensorrt, "doubles,clips,opset");
