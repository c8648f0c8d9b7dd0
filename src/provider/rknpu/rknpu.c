/* Rockchip's neural processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    {0},
};

static const rung_vendor_library libraries[] = {{"librknn_api.so"}, {"librknpu_ddk.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "rknpu",
    .systems = "linux android",
    .needs = "Linux or Android on a Rockchip processor",
    .libraries = libraries,
    .library_fix = "install Rockchip's RKNPU runtime",
    .devices = {"/dev/rknpu"},
    .device_fix = "use a system image with Rockchip's driver",
};

RUNG_DESCRIBED_PROVIDER(rknpu, "RknpuExecutionProvider", "Rockchip neural processors (RKNPU)");
