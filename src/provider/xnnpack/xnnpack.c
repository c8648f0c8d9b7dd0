/* Google's kernels for small processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_NUMBER("intra_op_num_threads", 1024, "0", "threads of its own pool, 0: ours"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libXNNPACK.so.0"}, {"libXNNPACK.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "xnnpack",
    .systems = "linux android windows macos",
    .needs = "Linux, Android, Windows or macOS",
    .libraries = libraries,
    .library_fix = "install XNNPACK (Debian: apt install libxnnpack0)",
};

RUNG_DESCRIBED_PROVIDER(xnnpack, "XnnpackExecutionProvider", "Google's kernels for processors (XNNPACK)");
