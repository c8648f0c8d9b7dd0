/* Which instructions kernels of a session may use. */
#ifndef RUNG_CPU_KERNEL_ISA_H
#define RUNG_CPU_KERNEL_ISA_H

#include "base/cpu.h"
#include "provider/opwise/kernel.h"

static inline rung_cpu_set rung_isa(const rung_host *host) { return host->cpu_features; }

#endif
