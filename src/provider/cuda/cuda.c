/* NVIDIA's graphics processors, operator by operator. A descriptor: rung does not hold it yet. */
#include "base/vendor_floors.h"
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_FLAG("has_user_compute_stream", "false", "work is queued on the caller's stream"),
    RUNG_OPTION_IS_TEXT("user_compute_stream", "address of that stream"),
    RUNG_OPTION_IS_NUMBER("gpu_mem_limit", INT64_MAX, NULL, "bytes of device memory; no limit when unset"),
    RUNG_OPTION_IS_CHOICE("arena_extend_strategy", "kNextPowerOfTwo|kSameAsRequested", "kNextPowerOfTwo",
                          "how the pool of device memory grows"),
    RUNG_OPTION_IS_CHOICE("cudnn_conv_algo_search", "EXHAUSTIVE|HEURISTIC|DEFAULT", "EXHAUSTIVE",
                          "how convolutions are chosen"),
    RUNG_OPTION_IS_FLAG("do_copy_in_default_stream", "true", "copies wait for the work before them"),
    RUNG_OPTION_IS_FLAG("cudnn_conv_use_max_workspace", "true", "convolutions may take all scratch memory they want"),
    RUNG_OPTION_IS_FLAG("cudnn_conv1d_pad_to_nc1d", "false", "1-D convolutions are padded on the other side"),
    RUNG_OPTION_IS_FLAG("enable_cuda_graph", "false", "a run is captured and replayed"),
    RUNG_OPTION_IS_FLAG("enable_cudnn", "true", "use cuDNN where it is there"),
    RUNG_OPTION_IS_FLAG("enable_skip_layer_norm_strict_mode", "false", "accepted, without effect"),
    RUNG_OPTION_IS_FLAG("prefer_nhwc", "false", "convolutions work with channels last"),
    RUNG_OPTION_IS_FLAG("use_ep_level_unified_stream", "false", "one stream for everything"),
    RUNG_OPTION_IS_FLAG("use_tf32", "false", "products of float32 in 19 bits: faster, less exact"),
    RUNG_OPTION_IS_FLAG("fuse_conv_bias", "false", "convolution and bias in one kernel"),
    RUNG_OPTION_IS_NUMBER("sdpa_kernel", 1023, NULL, "which attention kernels may be used, as bits"),
    RUNG_OPTION_IS_FLAG("tunable_op_enable", "false", "choose among kernels by tuning results"),
    RUNG_OPTION_IS_FLAG("tunable_op_tuning_enable", "false", "measure kernels while running"),
    RUNG_OPTION_IS_NUMBER("tunable_op_max_tuning_duration_ms", 3600000, NULL, "time for measuring one kernel"),
    RUNG_OPTION_IS_TEXT("gpu_external_alloc", "address of an allocation function"),
    RUNG_OPTION_IS_TEXT("gpu_external_free", "address of its free function"),
    RUNG_OPTION_IS_TEXT("gpu_external_empty_cache", "address of a function that empties its cache"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libcudart.so.13", RUNG_CUDA_13_DRIVER},
                                                {"libcudart.so.12", RUNG_CUDA_12_DRIVER},
                                                {"libcudart.so.11.0", RUNG_CUDA_11_DRIVER},
                                                {0}};

static const rung_descriptor descriptor = {
    .name = "cuda",
    .systems = "linux windows",
    .needs = "Linux or Windows on a machine with an NVIDIA graphics processor",
    .libraries = libraries,
    .folders = "nvidia/cu13/lib:nvidia/cuda_runtime/lib",
    .library_fix =
        "pip install nvidia-cuda-runtime nvidia-cublas nvidia-cudnn-cu13, and name the folder of the packages",
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
  FLOATS = RUNG_CAP_F32 | RUNG_CAP_F16 | RUNG_CAP_F64,
  BRAIN = RUNG_CAP_BF16,
  SHORT = RUNG_CAP_F32 | RUNG_CAP_F16 | BRAIN,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  SIGNED = RUNG_SET_SIGNED,
  INTEGERS = RUNG_SET_INTEGER,
  WIDE = INDICES | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64),
  ARITHMETIC = FLOATS | WIDE,
  NUMBERS = FLOATS | BRAIN | INTEGERS,
  ANYTHING = NUMBERS | BOOLEANS,
  QUANTIZED = RUNG_CAP_BYTES | RUNG_SET(RUNG_F8E4M3FN) | RUNG_SET(RUNG_F8E5M2),
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/cuda/cuda_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(cuda, "ONNX Runtime (OperatorKernels.md at 001d12d)", "cuda", .most_rank = 0);

RUNG_TABLED_PROVIDER(cuda, "CUDAExecutionProvider", "NVIDIA graphics processors, operator by operator (CUDA)",
                     &rung_offline_cuda, NULL);
