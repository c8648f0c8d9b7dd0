/* DirectX 12 devices on Windows. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_CHOICE("performance_preference", "default|high_performance|minimum_power", "default",
                          "which device when there are several"),
    RUNG_OPTION_IS_CHOICE("device_filter", "gpu|npu|any", "gpu", "which kinds of device"),
    RUNG_OPTION_IS_FLAG("disable_metacommands", "false", "not the vendor's own kernels"),
    RUNG_OPTION_IS_FLAG("enable_graph_capture", "false", "a run is captured and replayed"),
    {0},
};

static const rung_descriptor descriptor = {
    .name = "directml",
    .systems = "windows",
    .needs = "Windows 10 1903 or later, with a DirectX 12 device",
};

RUNG_DESCRIBED_PROVIDER(directml, "DmlExecutionProvider", "any DirectX 12 device (DirectML)");
