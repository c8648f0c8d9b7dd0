#include "provider/cpu/form/product_f8.h"

#include "base/pool.h"
#include "provider/cpu/form/convert.h"

#include <math.h>

enum { ROWS = 8 }; /* of A at a time: each block of them reads all of B */

typedef struct job {
  const rung_kernel_call *call;
  const rung_product_f8 *product;
} job;

/* In doubles, per thread: a row of B, its zero points, ROWS rows of sums. */
static size_t space(const rung_matmul_shape *shape) { return (size_t)shape->n * (ROWS + 2); }

bool rung_product_f8_scratch(const rung_kernel_call *call, const rung_matmul_shape *shape, size_t *out_bytes) {
  return (size_t)shape->n < SIZE_MAX / sizeof(double) / (ROWS + 2) &&
         rung_mul_size(space(shape) * sizeof(double), RUNG_MAX(call->host->threads, 1), out_bytes);
}

static void store_row(const rung_product_f8 *p, size_t at, double *row) {
  size_t n = (size_t)p->shape->n;
  for (size_t c = 0; c < n; c++) {
    if (RUNG_PRODUCT_F8 & RUNG_SET(p->y->dtype)) {
      row[c] += p->y_zero;
    } else {
      double rounded = nearbyint(row[c]) + p->y_zero;
      row[c] = p->y->dtype == RUNG_U8 ? RUNG_CLAMP(rounded, 0, 255) : RUNG_CLAMP(rounded, -128, 127);
    }
  }
  rung_convert(&rung_convert_defaults, n, RUNG_F64, row, p->y->dtype, (char *)p->y->data + at * n);
}

/* Rows first, first + 1, ... of one matrix. */
static void run_block(const job *j, size_t matrix, size_t first, size_t count) {
  const rung_product_f8 *p = j->product;
  size_t n = (size_t)p->shape->n, depth = (size_t)p->shape->k, m = (size_t)p->shape->m, a, b;
  double *row = (double *)j->call->scratch + rung_pool_slot() * space(p->shape), *zeros = row + n, *sums = zeros + n;
  rung_matmul_operands(p->shape, matrix, &a, &b);
  for (size_t c = 0; c < n; c++) zeros[c] = rung_spread_at(&p->b_zero, c, b, 0);
  memset(sums, 0, count * n * sizeof *sums);
  for (size_t k = 0; k < depth; k++) {
    rung_convert(&rung_convert_defaults, n, p->b->dtype, (const char *)p->b->data + (b * depth + k) * n, RUNG_F64, row);
    for (size_t c = 0; c < n; c++) row[c] -= zeros[c];
    for (size_t r = 0; r < count; r++) {
      double x = rung_element_get(p->a->dtype, p->a->data, (a * m + first + r) * depth + k) -
                 rung_spread_at(&p->a_zero, first + r, a, 0);
      for (size_t c = 0; c < n; c++) sums[r * n + c] += x * row[c];
    }
  }
  for (size_t r = 0; r < count; r++) {
    double scale = rung_spread_at(&p->a_scale, first + r, a, 1);
    for (size_t c = 0; c < n; c++) sums[r * n + c] *= scale * rung_spread_at(&p->b_scale, c, b, 1) / p->y_scale;
    store_row(p, matrix * m + first + r, sums + r * n);
  }
}

static size_t blocks(const rung_matmul_shape *shape) { return ((size_t)shape->m + ROWS - 1) / ROWS; }

static void run_blocks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_matmul_shape *shape = j->product->shape;
  for (size_t i = begin; i < end; i++) {
    size_t first = i % blocks(shape) * ROWS;
    run_block(j, i / blocks(shape), first, RUNG_MIN((size_t)shape->m - first, (size_t)ROWS));
  }
}

void rung_product_f8_run(const rung_kernel_call *call, const rung_product_f8 *product) {
  const rung_matmul_shape *shape = product->shape;
  size_t count = rung_tensor_count(product->y);
  job j = {call, product};
  if (!count) return;
  rung_kernel_parallel(call, count / (size_t)shape->m / (size_t)shape->n * blocks(shape),
                       rung_kernel_grain((size_t)shape->n * (size_t)shape->k * ROWS), run_blocks, &j);
}
