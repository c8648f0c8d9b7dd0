/* Det and Inverse: Gaussian elimination with partial pivoting, in double. */
#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

enum { ROWS = 64 }; /* between two looks at whether the run was cancelled */

typedef struct det_job {
  const rung_kernel_call *call;
  const rung_tensor *x;
  rung_tensor *y;
  size_t n;
  double *space;
} det_job;

/* The row from `c` on with the largest element in column c. */
static size_t find_pivot(size_t n, const double *a, size_t c) {
  size_t pivot = c;
  for (size_t r = c + 1; r < n; r++)
    if (fabs(a[r * n + c]) > fabs(a[pivot * n + c])) pivot = r;
  return pivot;
}

static void swap_rows(size_t n, double *a, size_t one, size_t other) {
  for (size_t k = 0; k < n && one != other; k++) {
    double swapped = a[one * n + k];
    a[one * n + k] = a[other * n + k];
    a[other * n + k] = swapped;
  }
}

static double eliminate(const rung_kernel_call *call, size_t n, double *a) {
  double det = 1;
  for (size_t c = 0; c < n; c++) {
    size_t pivot = find_pivot(n, a, c);
    if (a[pivot * n + c] == 0) return 0;
    if (pivot != c) det = -det;
    swap_rows(n, a, c, pivot);
    det *= a[c * n + c];
    for (size_t r = c + 1; r < n; r++) {
      if (r % ROWS == 0 && rung_kernel_is_cancelled(call)) return 0;
      double factor = a[r * n + c] / a[c * n + c];
      for (size_t k = c + 1; k < n; k++) a[r * n + k] -= factor * a[c * n + k];
    }
  }
  return det;
}

static void run_determinants(void *context, size_t begin, size_t end) {
  const det_job *j = context;
  double *a = j->space + rung_pool_slot() * j->n * j->n;
  for (size_t i = begin; i < end; i++) {
    rung_load_f64(j->x->dtype, j->x->data, i * j->n * j->n, 1, j->n * j->n, a);
    double det = eliminate(j->call, j->n, a);
    rung_store_f64(j->y->dtype, j->y->data, i, 1, 1, &det);
  }
}

/* `matrices` of room per thread. */
static rung_status *prepare_square(rung_kernel_call *call, size_t matrices) {
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 2 && x->dims[x->rank - 1] == x->dims[x->rank - 2], "the matrices are not square");
  size_t n = (size_t)x->dims[x->rank - 1], bytes;
  RUNG_REQUIRE(rung_mul_size(n, n, &bytes) && rung_mul_size(bytes, matrices * sizeof(double), &bytes) &&
                   rung_mul_size(bytes, RUNG_MAX(call->host->threads, 1), &call->scratch_size),
               LIMIT, "the matrix is too large");
  return NULL;
}

static rung_status *prepare_det(rung_kernel_call *call) { return prepare_square(call, 1); }

static rung_status *run_det(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  size_t n = (size_t)x->dims[x->rank - 1];
  det_job job = {call, x, rung_out(call, 0), n, call->scratch};
  rung_kernel_parallel(call, rung_tensor_count(job.y), rung_kernel_grain(n * n * n), run_determinants, &job);
  return NULL;
}

const rung_kernel rung_cpu_Det = {.types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_det, .run = run_det};

/* Inverse: what turns A into the identity turns the identity into the inverse. Of a singular matrix it is infinite. */

static void invert(const rung_kernel_call *call, size_t n, double *a, double *b) {
  memset(b, 0, n * n * sizeof *b);
  for (size_t i = 0; i < n; i++) b[i * n + i] = 1;
  for (size_t c = 0; c < n; c++) {
    size_t pivot = find_pivot(n, a, c);
    swap_rows(n, a, c, pivot);
    swap_rows(n, b, c, pivot);
    double by = a[c * n + c];
    for (size_t k = 0; k < n; k++) a[c * n + k] /= by, b[c * n + k] /= by;
    for (size_t r = 0; r < n; r++) {
      double factor = a[r * n + c];
      if (r % ROWS == 0 && rung_kernel_is_cancelled(call)) return;
      if (r == c || factor == 0) continue;
      for (size_t k = c; k < n; k++) a[r * n + k] -= factor * a[c * n + k];
      for (size_t k = 0; k < n; k++) b[r * n + k] -= factor * b[c * n + k];
    }
  }
}

static void run_inverses(void *context, size_t begin, size_t end) {
  const det_job *j = context;
  size_t count = j->n * j->n;
  double *a = j->space + rung_pool_slot() * 2 * count;
  for (size_t i = begin; i < end; i++) {
    rung_load_f64(j->x->dtype, j->x->data, i * count, 1, count, a);
    invert(j->call, j->n, a, a + count);
    rung_store_f64(j->y->dtype, j->y->data, i * count, 1, count, a + count);
  }
}

static rung_status *prepare_inverse(rung_kernel_call *call) { return prepare_square(call, 2); }

static rung_status *run_inverse(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  size_t n = (size_t)x->dims[x->rank - 1], matrices = n ? rung_tensor_count(x) / (n * n) : 0;
  det_job job = {call, x, rung_out(call, 0), n, call->scratch};
  rung_kernel_parallel(call, matrices, rung_kernel_grain(2 * n * n * n), run_inverses, &job);
  return NULL;
}

const rung_kernel rung_cpu_ms_Inverse = {
    .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_inverse, .run = run_inverse};
