#include "provider/cpu/form/moments.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/reduce_loops.h"

#define SUM_IDENTITY(NAME) 0
#define SUM_STEP(a, x, s) ((a) + (x))
#define SUM_MERGE(a, b) ((a) + (b))
#define DEVIATION_IDENTITY(NAME) 0
#define DEVIATION_STEP(a, x, s) ((a) + ((x) - (s)) * ((x) - (s)))
#define DEVIATION_MERGE(a, b) ((a) + (b))
#define MEAN(a, count, s) ((a) / (count))

RUNG_EACH_FLOAT(RUNG_REDUCER, SUM)
RUNG_EACH_FLOAT(RUNG_REDUCER, DEVIATION)
RUNG_EACH_FLOAT(RUNG_FINISH_WIDE, MEAN)

static const rung_reducer sum[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, SUM)};
static const rung_reducer deviation[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, DEVIATION)};
static const rung_reduce_finish finish[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, MEAN)};

void rung_moments(const rung_kernel_call *call, const rung_reduce *plan, const rung_tensor *x, void *mean,
                  void *variance, void *scratch) {
  size_t size = rung_dtype_size(x->dtype), wide = sum[x->dtype].size;
  rung_reduce_run(call, plan, &sum[x->dtype], finish[x->dtype], x->data, size, NULL, mean, wide, scratch);
  rung_reduce_run(call, plan, &deviation[x->dtype], finish[x->dtype], x->data, size, mean, variance, wide, scratch);
}
