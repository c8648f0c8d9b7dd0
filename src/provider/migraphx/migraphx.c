/* AMD's compiler of whole graphs for its graphics processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_FLAG("migraphx_fp16_enable", "false", "compute in float16"),
    RUNG_OPTION_IS_FLAG("migraphx_bf16_enable", "false", "compute in bfloat16"),
    RUNG_OPTION_IS_FLAG("migraphx_fp8_enable", "false", "compute in float8"),
    RUNG_OPTION_IS_FLAG("migraphx_int8_enable", "false", "compute in int8 by a calibration table"),
    RUNG_OPTION_IS_TEXT("migraphx_int8_calibration_table_name", "that table"),
    RUNG_OPTION_IS_FLAG("migraphx_int8_use_native_calibration_table", "false", "it was made by MIGraphX's own tools"),
    RUNG_OPTION_IS_FLAG("migraphx_exhaustive_tune", "false", "measure all kernels while compiling"),
    RUNG_OPTION_IS_NUMBER("migraphx_mem_limit", INT64_MAX, NULL, "bytes of device memory"),
    RUNG_OPTION_IS_CHOICE("migraphx_arena_extend_strategy", "kNextPowerOfTwo|kSameAsRequested", "kNextPowerOfTwo",
                          "how the pool of device memory grows"),
    RUNG_OPTION_IS_TEXT("migraphx_external_alloc", "address of an allocation function"),
    RUNG_OPTION_IS_TEXT("migraphx_external_free", "address of its free function"),
    RUNG_OPTION_IS_TEXT("migraphx_external_empty_cache", "address of a function that empties its cache"),
    RUNG_OPTION_IS_PATH("migraphx_model_cache_dir", "folder of compiled models"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libmigraphx_c.so.3"}, {0}};

static const rung_descriptor descriptor = {
    .name = "migraphx",
    .systems = "linux",
    .needs = "Linux on a machine with an AMD graphics processor",
    .libraries = libraries,
    .folders = "lib",
    .library_fix =
        "install ROCm with MIGraphX (apt install migraphx from AMD's repository), and name its folder, such as "
        "/opt/rocm/lib",
    .driver_file = "/dev/kfd",
    .driver_version = "/sys/module/amdgpu/version",
    .driver_fix = "load the driver amdgpu (modprobe amdgpu); in a container, give it /dev/kfd and /dev/dri",
    .devices = {"/dev/kfd", "/dev/dri/renderD#"},
    .pci_vendor = 0x1002,
    .device_fix = "in a container, give it /dev/kfd and /dev/dri",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  EIGHTHS = RUNG_SET(RUNG_F8E4M3FNUZ),
  PLAIN_FLOATS = HALVES | RUNG_CAP_F64,
  FLOATS = PLAIN_FLOATS | EIGHTHS,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_CAP_BYTES,
  SIGNED = RUNG_SET_SIGNED,
  UNSIGNED = RUNG_SET_UNSIGNED,
  INTEGERS = RUNG_SET_INTEGER,
  WIDE = INDICES | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64),
  PLAIN = INTEGERS | PLAIN_FLOATS | BOOLEANS,
  ANYTHING = PLAIN | EIGHTHS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/migraphx/migraphx_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(
    migraphx,
    "ONNX Runtime (migraphx_execution_provider.cc of onnxruntime-qnn at cee6c0d; types of MIGraphX at f729a52)", "hip",
    .most_rank = 0);

RUNG_TABLED_PROVIDER(migraphx, "MIGraphXExecutionProvider", "AMD graphics processors, compiled graphs (MIGraphX)",
                     &rung_offline_migraphx, "opset");
