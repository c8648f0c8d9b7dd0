/* JavaScript kernels, inside a browser. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_CHOICE("preferredLayout", "NCHW|NHWC", "NCHW", "layout of convolutions"),
    {0},
};

static const rung_descriptor descriptor = {
    .name = "js",
    .systems = "",
    .needs = "a browser",
};

RUNG_DESCRIBED_PROVIDER(js, "JsExecutionProvider", "graphics processors, from inside a browser (JavaScript)");
