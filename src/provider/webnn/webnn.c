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

RUNG_DESCRIBED_PROVIDER(webnn, "WebNNExecutionProvider", "accelerators, from inside a browser (WebNN)");
