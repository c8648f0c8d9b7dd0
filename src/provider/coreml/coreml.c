/* Apple's framework for the processor, the graphics and the neural engine of its machines. A descriptor: rung does not
 * hold it yet. */
#include "provider/descriptor/descriptor.h"

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

RUNG_DESCRIBED_PROVIDER(coreml, "CoreMLExecutionProvider",
                        "Apple machines: processor, graphics, neural engine (Core ML)");
