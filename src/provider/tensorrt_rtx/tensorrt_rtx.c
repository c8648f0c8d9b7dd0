/* NVIDIA's compiler of whole graphs for the cards of its RTX series. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_FLAG("has_user_compute_stream", "false", "work is queued on the caller's stream"),
    RUNG_OPTION_IS_TEXT("user_compute_stream", "address of that stream"),
    RUNG_OPTION_IS_NUMBER("nv_max_workspace_size", INT64_MAX, NULL, "bytes of scratch memory"),
    RUNG_OPTION_IS_NUMBER("nv_max_shared_mem_size", INT64_MAX, NULL, "bytes of shared memory of a kernel"),
    RUNG_OPTION_IS_FLAG("nv_dump_subgraphs", "false", "write the islands as files"),
    RUNG_OPTION_IS_FLAG("nv_detailed_build_log", "false", "log the steps of compiling"),
    RUNG_OPTION_IS_TEXT("nv_profile_min_shapes", "least shapes: in1:1x3x64x64,in2:1x8"),
    RUNG_OPTION_IS_TEXT("nv_profile_max_shapes", "largest shapes"),
    RUNG_OPTION_IS_TEXT("nv_profile_opt_shapes", "shapes to optimise for"),
    RUNG_OPTION_IS_FLAG("nv_multi_profile_enable", "false", "several sets of shapes"),
    RUNG_OPTION_IS_NUMBER("nv_profile_index", 255, "0", "which set"),
    RUNG_OPTION_IS_FLAG("nv_use_external_data_initializer", "false", "weights are not copied into the parser"),
    RUNG_OPTION_IS_PATH("nv_runtime_cache_path", "folder of compiled kernels"),
    RUNG_OPTION_IS_NUMBER("nv_length_aux_stream_array", 255, "0", "how many further streams are given"),
    RUNG_OPTION_IS_TEXT("user_aux_stream_array", "address of those streams"),
    RUNG_OPTION_IS_FLAG("enable_cuda_graph", "false", "a run is captured and replayed"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libtensorrt_rtx.so.1"}, {0}};

static const rung_descriptor descriptor = {
    .name = "tensorrt_rtx",
    .systems = "linux windows",
    .needs = "Linux or Windows on a machine with an NVIDIA graphics processor",
    .libraries = libraries,
    .folders = "tensorrt_rtx_libs:onnxruntime_ep_nv_tensorrt_rtx",
    .library_fix = "pip install tensorrt-rtx-cu13, and name the folder of the packages",
    .driver_library = "libcuda.so.1",
    .driver_version = "/proc/driver/nvidia/version",
    .driver_fix =
        "install NVIDIA's driver (Debian: apt install nvidia-driver); in a container, give it the device (--gpus all)",
    .devices = {"/dev/nvidiactl", "/dev/nvidia#"},
    .pci_vendor = 0x10de,
    .device_fix = "load the driver (modprobe nvidia); in a container, give it the device (--gpus all)",
};

/* It publishes no list of its own; its parser of ONNX is TensorRT's. */
RUNG_OFFLINE_OF(tensorrt);

RUNG_TABLED_PROVIDER(tensorrt_rtx, "NvTensorRTRTXExecutionProvider",
                     "NVIDIA RTX cards, compiled graphs (TensorRT for RTX)", &rung_offline_tensorrt,
                     "doubles,clips,opset");
