/* Android's interface to accelerators, deprecated since Android 15. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_FLAG("use_fp16", "false", "compute in float16"),
    RUNG_OPTION_IS_FLAG("use_nchw", "false", "channels before rows"),
    RUNG_OPTION_IS_FLAG("cpu_disabled", "false", "not on the reference processor path"),
    RUNG_OPTION_IS_FLAG("cpu_only", "false", "on the reference processor path alone"),
    RUNG_OPTION_IS_TEXT("partitioning_stop_ops", "operators behind which nothing is taken"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libneuralnetworks.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "nnapi",
    .systems = "android",
    .needs = "Android 8.1 or later (API level 27)",
    .libraries = libraries,
    .library_fix = "update Android to 8.1 or later",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  INDICES = RUNG_CAP_INDEX,
  OCTETS = RUNG_CAP_BYTES,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/nnapi/nnapi_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(nnapi, "ONNX Runtime (nnapi_supported_ops.md at 5308675)", NULL, .most_rank = 4,
                     .is_static = true);

RUNG_TABLED_PROVIDER(nnapi, "NnapiExecutionProvider", "Android's neural networks interface (NNAPI)",
                     &rung_offline_nnapi, "pads,doubles,indices,opset");
