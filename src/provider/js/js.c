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

/* ONNX Runtime's list for browsers is about these kernels. */
RUNG_OFFLINE_OF(webgpu);

RUNG_TABLED_PROVIDER(js, "JsExecutionProvider", "graphics processors, from inside a browser (JavaScript)",
                     &rung_offline_webgpu, "doubles");
