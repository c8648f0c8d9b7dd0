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

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  OCTETS = RUNG_CAP_BYTES,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/acl/acl_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(acl, "ONNX Runtime (core/providers/acl of onnxruntime-qnn at cee6c0d)", NULL, .most_rank = 0);

RUNG_TABLED_PROVIDER(acl, "ACLExecutionProvider", "ARM's kernels for its processors (Compute Library)",
                     &rung_offline_acl, NULL);
