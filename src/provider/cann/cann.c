/* Huawei's Ascend processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_NUMBER("npu_mem_limit", INT64_MAX, NULL, "bytes of device memory"),
    RUNG_OPTION_IS_CHOICE("arena_extend_strategy", "kNextPowerOfTwo|kSameAsRequested", "kNextPowerOfTwo",
                          "how the pool of device memory grows"),
    RUNG_OPTION_IS_FLAG("enable_cann_graph", "true", "compile whole graphs"),
    RUNG_OPTION_IS_FLAG("dump_graphs", "false", "write the islands as files"),
    RUNG_OPTION_IS_FLAG("dump_om_model", "true", "write compiled models as files"),
    RUNG_OPTION_IS_CHOICE(
        "precision_mode",
        "force_fp32|force_fp16|allow_fp32_to_fp16|must_keep_origin_dtype|allow_mix_precision|cube_fp16in_fp32out",
        "force_fp16", "what it computes in"),
    RUNG_OPTION_IS_CHOICE("op_select_impl_mode", "high_precision|high_performance", "high_performance",
                          "kernels to prefer"),
    RUNG_OPTION_IS_TEXT("optypelist_for_implmode", "operators that this is for"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libascendcl.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "cann",
    .systems = "linux",
    .needs = "Linux on a machine with an Ascend processor",
    .libraries = libraries,
    .folders = "lib64",
    .library_fix =
        "install Huawei's CANN toolkit, and name its folder, such as /usr/local/Ascend/ascend-toolkit/latest",
    .driver_file = "/dev/davinci_manager",
    .driver_version = "/usr/local/Ascend/driver/version.info",
    .driver_fix = "install Huawei's Ascend driver",
    .devices = {"/dev/davinci_manager", "/dev/davinci#"},
    .pci_vendor = 0x19e5,
    .device_fix = "in a container, give it /dev/davinci_manager and /dev/davinci0",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  UNSIGNED = RUNG_SET_UNSIGNED,
  DATA = HALVES | INDICES | RUNG_CAP_BYTES,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/cann/cann_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(cann, "ONNX Runtime (cann_graph.cc of onnxruntime-qnn at cee6c0d)", "cann", .oldest = 8,
                     .newest = RUNG_NO_LAST_OPSET);

RUNG_TABLED_PROVIDER(cann, "CANNExecutionProvider", "Huawei Ascend neural processors (CANN)", &rung_offline_cann,
                     "doubles");
