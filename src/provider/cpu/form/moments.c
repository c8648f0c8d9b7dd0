#include "provider/cpu/form/moments.h"

#include "provider/cpu/form/reduce_loops.h"

#define SUM_IDENTITY(NAME) 0
#define SUM_STEP(a, x, s) ((a) + (x))
#define SUM_MERGE(a, b) ((a) + (b))
#define DEVIATION_IDENTITY(NAME) 0
#define DEVIATION_STEP(a, x, s) ((a) + ((x) - (s)) * ((x) - (s)))
#define DEVIATION_MERGE(a, b) ((a) + (b))
#define MEAN(a, count, s) ((a) / (count))

RUNG_REDUCE_FLOATS(RUNG_REDUCER, SUM)
RUNG_REDUCE_FLOATS(RUNG_REDUCER, DEVIATION)
RUNG_REDUCE_FLOATS(RUNG_FINISH, MEAN)

static const rung_reduction means = {{RUNG_REDUCER_FLOATS(SUM)}, {RUNG_FINISH_FLOATS(MEAN)}};
static const rung_reduction deviations = {{RUNG_REDUCER_FLOATS(DEVIATION)}, {RUNG_FINISH_FLOATS(MEAN)}};

void rung_moments(const rung_kernel_call *call, const rung_reduce *plan, const rung_tensor *x, void *mean,
                  void *variance, void *scratch) {
  rung_dtype wide = rung_reduce_dtype(&means, x->dtype);
  rung_reduce_run(call, plan, &means, x, NULL, mean, wide, scratch);
  rung_reduce_run(call, plan, &deviations, x, mean, variance, wide, scratch);
}
