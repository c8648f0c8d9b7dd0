/* Apple's framework for the processor, the graphics and the neural engine of its machines. A descriptor: rung does not
 * hold it yet. */
#include "provider/descriptor/descriptor.h"

#include <strings.h>

static const rung_option_spec option_list[] = {
    RUNG_OPTION_IS_CHOICE("ModelFormat", "NeuralNetwork|MLProgram", "NeuralNetwork",
                          "the form that islands are handed over in"),
    RUNG_OPTION_IS_CHOICE("MLComputeUnits", "ALL|CPUOnly|CPUAndGPU|CPUAndNeuralEngine", "ALL", "what may be used"),
    RUNG_OPTION_IS_FLAG("RequireStaticInputShapes", "false", "leave nodes with open dimensions to others"),
    RUNG_OPTION_IS_FLAG("EnableOnSubgraphs", "false", "take nodes in the bodies of control flow, too"),
    RUNG_OPTION_IS_CHOICE("SpecializationStrategy", "Default|FastPrediction", "Default", "load fast or run fast"),
    RUNG_OPTION_IS_FLAG("ProfileComputePlan", "false", "log which unit runs what"),
    RUNG_OPTION_IS_FLAG("AllowLowPrecisionAccumulationOnGPU", "false", "sums in float16 on the graphics processor"),
    RUNG_OPTION_IS_PATH("ModelCacheDirectory", "folder of compiled models"),
    {0},
};

static const rung_descriptor descriptor = {
    .name = "coreml",
    .systems = "macos",
    .needs = "macOS 10.15 or iOS 13 (MLProgram: macOS 12 or iOS 15)",
};

/* What it takes, for plans without it: a table for each form */

enum {
  SINGLE = RUNG_CAP_F32,
  HALVES = RUNG_CAP_F32 | RUNG_CAP_F16,
  INDICES = RUNG_CAP_INDEX,
  BOOLEANS = RUNG_CAP_BOOL,
};

#define RUNG_CAPABILITY RUNG_CAPABILITY_ROW
static const rung_capability program_rows[] = {
#include "provider/coreml/coreml_program_ops.inc"
};
static const rung_capability network_rows[] = {
#include "provider/coreml/coreml_network_ops.inc"
};
#undef RUNG_CAPABILITY

static bool is_true(const char *text) {
  return strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0 ||
         strcasecmp(text, "yes") == 0;
}

static rung_status *claim_by_form(const rung_host *host, const rung_option *options, size_t option_count,
                                  const rung_graph *graph, rung_claims *claims) {
  const char *form = rung_option_given(options, option_count, "ModelFormat", "NeuralNetwork");
  bool program = strcasecmp(form, "MLProgram") == 0;
  rung_capabilities table = {.rows = program ? program_rows : network_rows,
                             .count = program ? RUNG_COUNT(program_rows) : RUNG_COUNT(network_rows),
                             .most_rank = 5};
  table.is_static = is_true(rung_option_given(options, option_count, "RequireStaticInputShapes", "false"));
  return rung_capabilities_claim(&table, host, graph, claims);
}

RUNG_OFFLINE_OF(coreml);
const rung_offline rung_offline_coreml = {
    .struct_size = sizeof(rung_offline),
    .source =
        "ONNX Runtime (coreml_supported_mlprogram_ops.md at 04f568d; NeuralNetwork: coreml_supported_ops.md at "
        "045ee20)",
    .claim = claim_by_form,
};

RUNG_TABLED_PROVIDER(coreml, "CoreMLExecutionProvider", "Apple machines: processor, graphics, neural engine (Core ML)",
                     &rung_offline_coreml, "pads,doubles,opset");
