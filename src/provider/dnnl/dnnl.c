/* Intel's oneDNN kernels for processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_FLAG("use_arena", "true", "memory comes from a pool"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libdnnl.so.3"}, {"libdnnl.so.2"}, {0}};

static const rung_descriptor descriptor = {
    .name = "dnnl",
    .systems = "linux windows macos",
    .needs = "Linux, Windows or macOS",
    .libraries = libraries,
    .library_fix = "install oneDNN (Debian: apt install libdnnl2)",
};

RUNG_DESCRIBED_PROVIDER(dnnl, "DnnlExecutionProvider", "Intel's kernels for processors (oneDNN)");
