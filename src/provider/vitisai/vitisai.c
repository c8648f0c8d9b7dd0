/* AMD's Ryzen AI and Versal processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_PATH("config_file", "how models are compiled"),
    RUNG_OPTION_IS_PATH("cache_dir", "folder of compiled models"),
    RUNG_OPTION_IS_TEXT("cache_key", "name of this model in it"),
    RUNG_OPTION_IS_PATH("xclbin", "the binary of the processor"),
    RUNG_OPTION_IS_CHOICE("target", "X1|X2|RyzenAI|VAIML", NULL, "how models are compiled"),
    RUNG_OPTION_IS_TEXT("log_level", "of its own log"),
    {0},
};

static const rung_vendor_library libraries[] = {
    {"libonnxruntime_vitisai_ep.so.1"}, {"libonnxruntime_vitisai_ep.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "vitisai",
    .systems = "linux windows",
    .needs = "Linux or Windows on a machine with an AMD neural processor",
    .libraries = libraries,
    .library_fix = "install AMD's Ryzen AI software",
    .driver_library = "libxrt_core.so.2",
    .driver_fix = "install AMD's XRT and the driver amdxdna",
    .devices = {"/dev/accel/accel#"},
    .pci_vendor = 0x1022,
    .device_fix = "load the driver amdxdna (Linux 6.14 or later)",
};

RUNG_DESCRIBED_PROVIDER(vitisai, "VitisAIExecutionProvider", "AMD Ryzen AI neural processors (Vitis AI)");
