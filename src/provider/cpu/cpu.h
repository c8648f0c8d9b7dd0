/* Shared by the files of the CPU provider. */
#ifndef RUNG_PROVIDER_CPU_CPU_H
#define RUNG_PROVIDER_CPU_CPU_H

#include "provider/opwise/kernel.h"

/* NULL when the CPU has none (operators that the session drives, or that are expanded). */
const rung_kernel *rung_cpu_kernel(const rung_op *op);

extern const rung_provider_api rung_provider_cpu;

#endif
