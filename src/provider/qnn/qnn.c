/* Qualcomm's Snapdragon processors. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_DEVICE("which device, from 0"),
    RUNG_OPTION_IS_CHOICE("backend_type", "htp|cpu|gpu|saver|ir", "htp", "what runs the model"),
    RUNG_OPTION_IS_PATH("backend_path", "the library of that back end"),
    RUNG_OPTION_IS_CHOICE("profiling_level", "off|basic|detailed", "off", "what is measured"),
    RUNG_OPTION_IS_PATH("profiling_file_path", "where it is written"),
    RUNG_OPTION_IS_NUMBER("rpc_control_latency", 1000000000, NULL, "microseconds"),
    RUNG_OPTION_IS_NUMBER("vtcm_mb", 1024, NULL, "megabytes of fast memory"),
    RUNG_OPTION_IS_CHOICE("htp_performance_mode",
                          "default|burst|balanced|high_performance|high_power_saver|low_balanced|low_power_saver|power_"
                          "saver|extreme_power_saver|sustained_high_performance",
                          "default", "speed against power"),
    RUNG_OPTION_IS_PATH("qnn_saver_path", "write the calls instead of making them"),
    RUNG_OPTION_IS_CHOICE("qnn_context_priority", "low|normal|normal_high|high", "normal", "against other programs"),
    RUNG_OPTION_IS_NUMBER("htp_graph_finalization_optimization_mode", 3, "0", "how long to optimise"),
    RUNG_OPTION_IS_NUMBER("soc_model", 1000000, "0", "the chip, 0: unknown"),
    RUNG_OPTION_IS_NUMBER("htp_arch", 255, "0", "its neural processor, 0: unknown"),
    RUNG_OPTION_IS_FLAG("enable_htp_fp16_precision", "true", "float32 models run in float16"),
    RUNG_OPTION_IS_FLAG("offload_graph_io_quantization", "true", "inputs and outputs are quantised elsewhere"),
    RUNG_OPTION_IS_FLAG("enable_htp_spill_fill_buffer", "false", "one scratch buffer for all contexts"),
    RUNG_OPTION_IS_FLAG("enable_htp_shared_memory_allocator", "false", "memory that the neural processor shares"),
    RUNG_OPTION_IS_FLAG("dump_json_qnn_graph", "false", "write the islands as files"),
    RUNG_OPTION_IS_PATH("json_qnn_graph_dir", "their folder"),
    {0},
};

static const rung_vendor_library libraries[] = {{"libQnnHtp.so"}, {"libQnnGpu.so"}, {"libQnnCpu.so"}, {0}};

static const rung_descriptor descriptor = {
    .name = "qnn",
    .systems = "linux android windows",
    .needs = "a machine with a Qualcomm processor, on Linux, Android or Windows",
    .libraries = libraries,
    .folders = "onnxruntime_qnn",
    .library_fix = "install Qualcomm's AI Runtime SDK, and name the folder of its libraries",
    .driver_library = "libcdsprpc.so",
    .driver_fix = "use a system image with Qualcomm's FastRPC",
    .devices = {"/dev/fastrpc-cdsp"},
    .device_fix = "this machine has no neural processor by Qualcomm that programs can use",
};

/* What it takes, for plans without it */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
  OCTETS = RUNG_CAP_BYTES,
  QUANTIZED = OCTETS | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_U16) | RUNG_CAP_I32,
  DATA = HALVES | QUANTIZED | RUNG_SET(RUNG_U32) | RUNG_CAP_I64 | BOOLEANS,
};

static const rung_capability rows[] = {
#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
#include "provider/qnn/qnn_ops.inc"
#undef RUNG_CAPABILITY
};

RUNG_OFFLINE_BY_ROWS(qnn, "ONNX Runtime (qnn/builder/opbuilder of onnxruntime-qnn at cee6c0d)", NULL, .most_rank = 5,
                     .is_static = true);

RUNG_TABLED_PROVIDER(qnn, "QNNExecutionProvider", "Qualcomm Snapdragon: neural, graphics or main processor (QNN)",
                     &rung_offline_qnn, "doubles");
