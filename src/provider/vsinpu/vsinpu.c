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

RUNG_DESCRIBED_PROVIDER(vsinpu, "VSINPUExecutionProvider", "VeriSilicon neural processors (TIM-VX)");
