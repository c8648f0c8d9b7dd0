/* CDist: squared or Euclidean distances between all rows of two matrices, as sums of squared differences. */
#include "op/product.h"
#include "provider/opwise/kernel.h"

#include <math.h>

typedef struct distance_job {
  const rung_tensor *a, *b;
  rung_tensor *c;
  bool root;
} distance_job;

/* Row i of C: distances of row i of A from every row of B. */
#define DISTANCE_ROWS(suffix, type, square_root)                                                 \
  static void run_rows_##suffix(void *context, size_t begin, size_t end) {                       \
    enum { LANES = 8 };                                                                          \
    const distance_job *j = context;                                                             \
    size_t n = (size_t)j->a->dims[1], count = (size_t)j->b->dims[0];                             \
    for (size_t i = begin; i < end; i++)                                                         \
      for (size_t k = 0; k < count; k++) {                                                       \
        const type *x = (const type *)j->a->data + i * n, *y = (const type *)j->b->data + k * n; \
        type lanes[LANES] = {0}, sum = 0;                                                        \
        for (size_t at = 0; at < n; at++) {                                                      \
          type d = x[at] - y[at];                                                                \
          lanes[at % LANES] += d * d;                                                            \
        }                                                                                        \
        for (size_t l = 0; l < LANES; l++) sum += lanes[l];                                      \
        ((type *)j->c->data)[i * count + k] = j->root ? square_root(sum) : sum;                  \
      }                                                                                          \
  }
DISTANCE_ROWS(f32, float, sqrtf)
DISTANCE_ROWS(f64, double, sqrt)

static rung_status *run_CDist(rung_kernel_call *call) {
  const rung_cdist_params *p = call->params;
  distance_job j = {rung_in(call, 0), rung_in(call, 1), rung_out(call, 0), p->metric == RUNG_CDIST_EUCLIDEAN};
  RUNG_RUN_REQUIRE(j.a->rank == 2 && j.b->rank == 2 && j.a->dims[1] == j.b->dims[1], "rows of different lengths");
  size_t cost = (size_t)j.b->dims[0] * (size_t)j.b->dims[1];
  rung_kernel_parallel(call, (size_t)j.a->dims[0], rung_kernel_grain(cost),
                       j.a->dtype == RUNG_F64 ? run_rows_f64 : run_rows_f32, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_CDist = {.types = {{'T', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64)}}, .run = run_CDist};
