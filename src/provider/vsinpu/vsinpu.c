/* VeriSilicon's neural processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    {0},
};

static const rung_vendor_library libraries[] = {{"libtim-vx.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "vsinpu",
    .systems = "linux",
    .needs = "Linux on a processor with a neural unit by VeriSilicon",
    .libraries = libraries,
    .library_fix = "install TIM-VX",
    .devices = {"/dev/galcore"},
    .device_fix = "load the driver galcore",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_CAP_BYTES,
  DATA = HALVES | OCTETS | RUNG_CAP_I32 | BOOLEANS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/vsinpu/vsinpu_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(vsinpu, "ONNX Runtime (core/providers/vsinpu of onnxruntime-qnn at cee6c0d)", NULL, .most_rank = 6,
                     .is_static = true);

RUNG_TABLED_PROVIDER(vsinpu, "VSINPUExecutionProvider", "VeriSilicon neural processors (TIM-VX)", &rung_offline_vsinpu,
                     "doubles,indices");
