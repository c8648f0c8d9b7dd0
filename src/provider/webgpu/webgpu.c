/* Any graphics processor, through Vulkan, Direct3D or Metal. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    {"deviceId", RUNG_OPTION_INT, NULL, 0, 255, "0", "which device, from 0", 1},
    RUNG_OPTION_IS_CHOICE("preferredLayout", "NCHW|NHWC", "NHWC", "layout of convolutions"),
    RUNG_OPTION_IS_FLAG("enableGraphCapture", "false", "a run is captured and replayed"),
    RUNG_OPTION_IS_CHOICE("dawnBackendType", "Vulkan|D3D12", NULL, "the system's interface"),
    RUNG_OPTION_IS_TEXT("dawnProcTable", "address of the functions"),
    RUNG_OPTION_IS_TEXT("webgpuInstance", "address of the caller's instance"),
    RUNG_OPTION_IS_TEXT("webgpuDevice", "address of the caller's device"),
    RUNG_OPTION_IS_CHOICE("storageBufferCacheMode", "disabled|lazyRelease|simple|bucket", "bucket",
                          "how buffers are used again"),
    RUNG_OPTION_IS_CHOICE("uniformBufferCacheMode", "disabled|lazyRelease|simple|bucket", "simple",
                          "the same for uniforms"),
    RUNG_OPTION_IS_CHOICE("queryResolveBufferCacheMode", "disabled|lazyRelease|simple|bucket", "disabled",
                          "the same for queries"),
    RUNG_OPTION_IS_CHOICE("defaultBufferCacheMode", "disabled|lazyRelease|simple|bucket", "disabled",
                          "the same for others"),
    RUNG_OPTION_IS_CHOICE("validationMode", "disabled|wgpuOnly|basic|full", NULL, "how much is checked"),
    RUNG_OPTION_IS_TEXT("forceCpuNodeNames", "nodes to leave to others"),
    RUNG_OPTION_IS_FLAG("enablePIXCapture", "false", "for a debugger"),
    RUNG_OPTION_IS_FLAG("preserveDevice", "false", "the device stays open between sessions"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libvulkan.so.1"}, {0}};

static const rung_descriptor descriptor = {
    .name = "webgpu",
    .systems = "linux windows macos",
    .needs = "Linux, Windows or macOS with a graphics processor",
    .libraries = libraries,
    .library_fix =
        "install the Vulkan loader (Debian: apt install libvulkan1) and the driver of your graphics processor",
    .devices = {"/dev/dri/renderD#"},
    .device_fix = "this machine has no graphics processor that programs can use",
};

/* What it takes, for plans without it */

enum {
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  DATA = HALVES | RUNG_CAP_I32 | RUNG_SET(RUNG_U32),
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/webgpu/webgpu_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(webgpu, "ONNX Runtime (webgpu-operators.md at 51f6177)", "webgpu", .most_rank = 0);

RUNG_TABLED_PROVIDER(webgpu, "WebGpuExecutionProvider", "any graphics processor (WebGPU)", &rung_offline_webgpu,
                     "doubles");
