/* Mean and variance along dimensions, of any float type: two reductions, the second around the first's result. */
#ifndef RUNG_CPU_FORM_MOMENTS_H
#define RUNG_CPU_FORM_MOMENTS_H

#include "provider/cpu/form/reduce.h"

/* `mean` and `variance` (of the population) have plan->outputs elements: double when x is float64, else float. Scratch
 * is what rung_reduce_scratch says. */
void rung_moments(const rung_kernel_call *call, const rung_reduce *plan, const rung_tensor *x, void *mean,
                  void *variance, void *scratch);

#endif
