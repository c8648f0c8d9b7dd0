/* ARM's Compute Library for ARM processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_FLAG("enable_fast_math", "false", "products of float32 in bfloat16"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libarm_compute.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "acl",
    .systems = "linux android",
    .needs = "Linux or Android on an ARM processor",
    .libraries = libraries,
    .library_fix = "install ARM's Compute Library (Debian: apt install libarm-compute-dev)",
};

RUNG_DESCRIBED_PROVIDER(acl, "ACLExecutionProvider", "ARM's kernels for its processors (Compute Library)");
