/* AMD's graphics processors, operator by operator. ONNX Runtime has dropped it after 1.22; MIGraphX is its heir. A
 * descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_FLAG("miopen_conv_exhaustive_search", "false", "measure all convolution kernels"),
    RUNG_OPTION_IS_NUMBER("gpu_mem_limit", INT64_MAX, NULL, "bytes of device memory"),
    RUNG_OPTION_IS_CHOICE("arena_extend_strategy", "kNextPowerOfTwo|kSameAsRequested", "kNextPowerOfTwo",
                          "how the pool of device memory grows"),
    RUNG_OPTION_IS_FLAG("do_copy_in_default_stream", "true", "copies wait for the work before them"),
    RUNG_OPTION_IS_FLAG("has_user_compute_stream", "false", "work is queued on the caller's stream"),
    RUNG_OPTION_IS_TEXT("user_compute_stream", "address of that stream"),
    RUNG_OPTION_IS_FLAG("enable_hip_graph", "false", "a run is captured and replayed"),
    RUNG_OPTION_IS_FLAG("tunable_op_enable", "false", "choose among kernels by tuning results"),
    RUNG_OPTION_IS_FLAG("tunable_op_tuning_enable", "false", "measure kernels while running"),
    RUNG_OPTION_IS_NUMBER("tunable_op_max_tuning_duration_ms", 3600000, NULL, "time for measuring one kernel"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libamdhip64.so.7"}, {"libamdhip64.so.6"}, {"libamdhip64.so.5"}, {0}};

static const rung_descriptor descriptor = {
    .name = "rocm",
    .systems = "linux",
    .needs = "Linux on a machine with an AMD graphics processor",
    .libraries = libraries,
    .folders = "lib",
    .library_fix = "install ROCm (apt install rocm from AMD's repository), and name its folder, such as /opt/rocm/lib",
    .driver_file = "/dev/kfd",
    .driver_version = "/sys/module/amdgpu/version",
    .driver_fix = "load the driver amdgpu (modprobe amdgpu); in a container, give it /dev/kfd and /dev/dri",
    .devices = {"/dev/kfd", "/dev/dri/renderD#"},
    .pci_vendor = 0x1002,
    .device_fix = "in a container, give it /dev/kfd and /dev/dri",
};

RUNG_DESCRIBED_PROVIDER(rocm, "ROCMExecutionProvider", "AMD graphics processors, operator by operator (ROCm)");
