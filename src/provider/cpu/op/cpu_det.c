/* Det: Gaussian elimination with partial pivoting, in double. */
#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

typedef struct det_job {
  const rung_tensor *x;
  rung_tensor *y;
  size_t n;
  double *space;
} det_job;

static double eliminate(size_t n, double *a) {
  double det = 1;
  for (size_t c = 0; c < n; c++) {
    size_t pivot = c;
    for (size_t r = c + 1; r < n; r++)
      if (fabs(a[r * n + c]) > fabs(a[pivot * n + c])) pivot = r;
    if (a[pivot * n + c] == 0) return 0;
    if (pivot != c) det = -det;
    for (size_t k = c; k < n && pivot != c; k++) {
      double swapped = a[c * n + k];
      a[c * n + k] = a[pivot * n + k];
      a[pivot * n + k] = swapped;
    }
    det *= a[c * n + c];
    for (size_t r = c + 1; r < n; r++) {
      double factor = a[r * n + c] / a[c * n + c];
      for (size_t k = c + 1; k < n; k++) a[r * n + k] -= factor * a[c * n + k];
    }
  }
  return det;
}

static void run_matrices(void *context, size_t begin, size_t end) {
  const det_job *j = context;
  double *a = j->space + rung_pool_slot() * j->n * j->n;
  for (size_t i = begin; i < end; i++) {
    rung_load_f64(j->x->dtype, j->x->data, i * j->n * j->n, 1, j->n * j->n, a);
    double det = eliminate(j->n, a);
    rung_store_f64(j->y->dtype, j->y->data, i, 1, 1, &det);
  }
}

static rung_status *prepare_det(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 2 && x->dims[x->rank - 1] == x->dims[x->rank - 2], "the matrices are not square");
  size_t n = (size_t)x->dims[x->rank - 1];
  RUNG_REQUIRE(rung_mul_size(n * n * sizeof(double), RUNG_MAX(call->host->threads, 1), &call->scratch_size), LIMIT,
               "the matrix is too large");
  return NULL;
}

static rung_status *run_det(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  size_t n = (size_t)x->dims[x->rank - 1];
  det_job job = {x, rung_out(call, 0), n, call->scratch};
  rung_kernel_parallel(call, rung_tensor_count(job.y), rung_kernel_grain(n * n * n), run_matrices, &job);
  return NULL;
}

const rung_kernel rung_cpu_Det = {.types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_det, .run = run_det};
