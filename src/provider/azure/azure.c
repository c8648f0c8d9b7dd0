/* Models that run on a server of Azure's. A descriptor: rung does not hold it yet. */
#include "provider/descriptor/descriptor.h"

static const rung_option_spec option_list[] = {
    {0},
};

static const rung_descriptor descriptor = {
    .name = "azure",
    .systems = "",
    .needs = "a server elsewhere: rung runs models on this machine alone",
};

RUNG_DESCRIBED_PROVIDER(azure, "AzureExecutionProvider", "remote models on Azure");
