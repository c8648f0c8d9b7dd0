/* A browser's interface to accelerators. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_CHOICE("deviceType", "cpu|gpu|npu", "cpu", "what runs the model"),
    RUNG_OPTION_IS_CHOICE("powerPreference", "default|low-power|high-performance", "default", "speed against power"),
    {0},
};

static const rung_descriptor descriptor = {
    .name = "webnn",
    .systems = "",
    .needs = "a browser",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_CAP_BYTES,
  FOURS = RUNG_SET(RUNG_I4) | RUNG_SET(RUNG_U4),
  SIGNED = INDICES | RUNG_SET(RUNG_I8),
  WIDE = INDICES | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64),
  DATA = HALVES | WIDE | OCTETS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/webnn/webnn_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(webnn, "ONNX Runtime (webnn-operators.md of onnxruntime-qnn at cee6c0d)", NULL, .oldest = 7,
                     .newest = RUNG_NO_LAST_OPSET);

RUNG_TABLED_PROVIDER(webnn, "WebNNExecutionProvider", "accelerators, from inside a browser (WebNN)",
                     &rung_offline_webnn, "doubles");
