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

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  OCTETS = RUNG_CAP_BYTES,
  OCTET = RUNG_SET(RUNG_U8),
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/xnnpack/xnnpack_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(xnnpack, "ONNX Runtime (core/providers/xnnpack of onnxruntime-qnn at cee6c0d)", NULL,
                     .most_rank = 0);

RUNG_TABLED_PROVIDER(xnnpack, "XnnpackExecutionProvider", "Google's kernels for processors (XNNPACK)",
                     &rung_offline_xnnpack, NULL);
