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

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  FLOATS = RUNG_CAP_F32 | RUNG_CAP_BF16,
  WIDER_FLOATS = HALVES | FLOATS | RUNG_CAP_F64,
  OCTETS = RUNG_CAP_BYTES,
  DATA = HALVES | FLOATS | RUNG_CAP_I32 | OCTETS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/dnnl/dnnl_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(dnnl, "ONNX Runtime (core/providers/dnnl of onnxruntime-qnn at cee6c0d)", NULL, .most_rank = 0);

RUNG_TABLED_PROVIDER(dnnl, "DnnlExecutionProvider", "Intel's kernels for processors (oneDNN)", &rung_offline_dnnl,
                     NULL);
