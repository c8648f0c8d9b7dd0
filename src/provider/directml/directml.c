/* DirectX 12 devices on Windows. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_CHOICE("performance_preference", "default|high_performance|minimum_power", "default",
                          "which device when there are several"),
    RUNG_OPTION_IS_CHOICE("device_filter", "gpu|npu|any", "gpu", "which kinds of device"),
    RUNG_OPTION_IS_FLAG("disable_metacommands", "false", "not the vendor's own kernels"),
    RUNG_OPTION_IS_FLAG("enable_graph_capture", "false", "a run is captured and replayed"),
    {0},
};

static const rung_descriptor descriptor = {
    .name = "directml",
    .systems = "windows",
    .needs = "Windows 10 1903 or later, with a DirectX 12 device",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_CAP_BYTES,
  FOURS = RUNG_SET(RUNG_I4) | RUNG_SET(RUNG_U4),
  SIGNED = RUNG_SET_SIGNED,
  UNSIGNED = RUNG_SET_UNSIGNED,
  INTEGERS = RUNG_SET_INTEGER,
  WIDE = INDICES | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64),
  NARROW = OCTETS | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_U16) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_U32),
  ARITHMETIC = HALVES | INTEGERS,
  ANYTHING = ARITHMETIC | RUNG_CAP_F64 | BOOLEANS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/directml/directml_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(directml, "ONNX Runtime (OperatorKernels.md of onnxruntime-qnn at cee6c0d)", "dml",
                     .most_rank = 0);

RUNG_TABLED_PROVIDER(directml, "DmlExecutionProvider", "any DirectX 12 device (DirectML)", &rung_offline_directml,
                     "doubles");
