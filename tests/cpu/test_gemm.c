/* Products in float32: every kernel table against the one in C, every byte outside of the operands out of bounds; and
 * the whole form against sums in double, with the same bits for any number of threads. */
#include "base/pool.h"
#include "provider/cpu/form/gemm.h"
#include "support/kernels.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const rung_cpu_set masks[] = {0, RUNG_CPU_AVX2, RUNG_CPU_ALL};

/* Kernels */

typedef struct operands {
  size_t rows, cols, k;
  rung_tile_f32 tile;
} operands;

/* B as the table wants it, C filled with what is to be added to. */
static void make_operands(const rung_gemm_f32 *table, operands *o, unsigned flags, uint32_t seed) {
  size_t panels = (o->cols + table->cols - 1) / table->cols,
         readable = (o->cols + table->lanes - 1) / table->lanes * table->lanes;
  size_t last = readable - (panels - 1) * table->cols; /* columns of the last panel that are there */
  float *a = guarded(o->k * o->rows * sizeof *a, sizeof *a),
        *all = malloc((o->k + 1) * panels * table->cols * sizeof *all);
  size_t size = (panels - 1) * o->k * table->cols + (o->k ? (o->k - 1) * table->cols + last : 0);
  float *b = guarded(size * sizeof *b, sizeof *b), *c = guarded(o->rows * o->cols * sizeof *c, sizeof *c);
  int32_t *offsets = guarded(o->k * sizeof *offsets, sizeof *offsets);
  float *bias = guarded(RUNG_MAX(o->rows, o->cols) * sizeof *bias, sizeof *bias);
  float *residual = guarded(o->rows * o->cols * sizeof *residual, sizeof *residual);
  random_floats(seed, o->k * o->rows, a);
  random_floats(seed + 1, o->k * o->cols, all); /* [k][cols], the same for all tables */
  for (size_t i = 0; i < size; i++) b[i] = NAN;
  for (size_t k = 0; k < o->k; k++) {
    offsets[k] = (int32_t)(k * table->cols);
    for (size_t j = 0; j < o->cols; j++)
      b[j / table->cols * o->k * table->cols + k * table->cols + j % table->cols] = all[k * o->cols + j];
  }
  random_floats(seed + 2, o->rows * o->cols, c);
  random_floats(seed + 3, RUNG_MAX(o->rows, o->cols), bias);
  random_floats(seed + 4, o->rows * o->cols, residual);
  free(all);
  o->tile = (rung_tile_f32){.k = o->k,
                            .cols = o->cols,
                            .a = a,
                            .b = b,
                            .offsets = offsets,
                            .b_step = o->k * table->cols,
                            .c = c,
                            .c_step = o->cols,
                            .flags = flags,
                            .row_bias = bias,
                            .column_bias = bias,
                            .residual = residual,
                            .residual_step = o->cols,
                            .low = -1.5f,
                            .high = 2};
}

/* As many rows as a table has, by calls of the kernel in C, which has fewer. */
static void run_reference(operands *o) {
  rung_tile_f32 whole = o->tile;
  float *a = malloc(o->k * 4 * sizeof *a + 1);
  for (size_t r = 0; r < o->rows; r += 4) {
    size_t rows = o->rows - r < 4 ? o->rows - r : 4;
    rung_tile_f32 part = whole;
    for (size_t k = 0; k < o->k; k++) memcpy(a + k * rows, whole.a + k * o->rows + r, rows * sizeof *a);
    part.a = a;
    part.c += r * o->cols;
    part.residual += r * o->cols;
    if (part.flags & RUNG_TILE_ROW_BIAS) part.row_bias += r;
    rung_gemm_f32_c.tile[rows](&part);
  }
  free(a);
}

static void check_tile(const rung_gemm_f32 *table, size_t rows, size_t cols, size_t k, unsigned flags, uint32_t seed) {
  operands want = {rows, cols, k, {0}}, got = want;
  make_operands(&rung_gemm_f32_c, &want, flags, seed);
  make_operands(table, &got, flags, seed);
  run_reference(&want);
  table->tile[rows](&got.tile);
  assert_near(table->name, rows * cols, want.tile.c, got.tile.c, 1e-6f * ((float)k + 8));
  guarded_free_all();
}

static void tables_agree(void **state) {
  (void)state;
  static const size_t depths[] = {0, 1, 7, 40};
  for (size_t m = 0; m < 3; m++) {
    const rung_gemm_f32 *table = rung_gemm_f32_for(rung_cpu_features() & masks[m]);
    uint32_t seed = 1;
    for (size_t rows = 1; rows <= table->rows; rows++)
      for (size_t cols = 1; cols <= 2 * table->cols + 1; cols += 1 + cols % 3)
        for (size_t d = 0; d < 4; d++, seed++) check_tile(table, rows, cols, depths[d], seed % 32, seed);
  }
}

/* NaN stays NaN through a clamp. */
static void clamps_keep_nan(void **state) {
  (void)state;
  for (size_t m = 0; m < 3; m++) {
    const rung_gemm_f32 *table = rung_gemm_f32_for(rung_cpu_features() & masks[m]);
    float a = NAN, b[32] = {0}, c[3] = {0};
    int32_t offset = 0;
    rung_tile_f32 tile = {.k = 1,
                          .cols = 3,
                          .a = &a,
                          .b = b,
                          .offsets = &offset,
                          .c = c,
                          .c_step = 3,
                          .flags = RUNG_TILE_CLAMP,
                          .low = 0,
                          .high = 6};
    table->tile[1](&tile);
    for (int i = 0; i < 3; i++) assert_true(isnan(c[i]));
  }
}

/* The whole form */

typedef struct product {
  size_t m, n, k, batch;
  bool trans_a, trans_b, packed;
  float *a, *b, *c;
} product;

static void run_product(const product *p, uint32_t threads, uint32_t mask, float *c) {
  test_host h;
  test_host_start(&h, threads, mask);
  rung_kernel_call call = {.host = &h.host};
  rung_gemm plan = {.m = p->m,
                    .n = p->n,
                    .k = p->k,
                    .alpha = 0.5f,
                    .b_packed = p->packed,
                    .a = {RUNG_F32, p->trans_a ? 1 : p->k, p->trans_a ? p->m : 1},
                    .b = {RUNG_F32, p->trans_b ? 1 : p->n, p->trans_b ? p->k : 1},
                    .c = {RUNG_F32, p->n, 1},
                    .stack = {.rank = 1,
                              .dims = {(int64_t)p->batch},
                              .a = {(int64_t)(p->m * p->k)},
                              .b = {p->packed ? 0 : (int64_t)(p->k * p->n)},
                              .c = {(int64_t)(p->m * p->n)}}};
  rung_gemm_run run = {.a = p->a, .b = p->b, .c = c, .epilogue = {.residual_scale = 1}};
  float *packed = NULL;
  if (p->packed) {
    size_t floats;
    assert_true(rung_gemm_packed_size(h.host.cpu_features, p->k, p->n, &floats));
    packed = guarded(floats * sizeof *packed, 64);
    rung_gemm_pack(h.host.cpu_features, p->k, p->n, &plan.b, p->b, packed);
    run.b = packed;
  }
  size_t bytes;
  rung_gemm_plan(&call, &plan);
  assert_true(rung_gemm_scratch(&plan, &bytes));
  rung_gemm_run_all(&call, &plan, &run, guarded(bytes, 64));
  test_host_stop(&h);
}

static double exact(const product *p, size_t matrix, size_t i, size_t j) {
  const float *a = p->a + matrix * p->m * p->k, *b = p->b + (p->packed ? 0 : matrix * p->k * p->n);
  double sum = 0;
  for (size_t k = 0; k < p->k; k++)
    sum += (double)a[p->trans_a ? k * p->m + i : i * p->k + k] * (double)b[p->trans_b ? j * p->k + k : k * p->n + j];
  return sum / 2;
}

static void check_product(product *p, uint32_t seed) {
  size_t count = p->batch * p->m * p->n;
  p->a = guarded(p->batch * p->m * p->k * sizeof(float), sizeof(float));
  p->b = guarded((p->packed ? 1 : p->batch) * p->k * p->n * sizeof(float), sizeof(float));
  p->c = guarded(count * sizeof(float), sizeof(float));
  float *want = malloc(count * sizeof *want + 1), *again = guarded(count * sizeof(float), sizeof(float));
  random_floats(seed, p->batch * p->m * p->k, p->a);
  random_floats(seed + 1, (p->packed ? 1 : p->batch) * p->k * p->n, p->b);
  for (size_t i = 0; i < count; i++) want[i] = (float)exact(p, i / (p->m * p->n), i / p->n % p->m, i % p->n);
  for (size_t m = 0; m < 3; m++) {
    run_product(p, 1, masks[m], p->c);
    assert_near("product", count, want, p->c, 1e-6f * ((float)p->k + 8));
    for (uint32_t threads = 2; threads <= 4; threads++) {
      run_product(p, threads, masks[m], again);
      assert_memory_equal(p->c, again, count * sizeof(float));
    }
  }
  free(want);
  guarded_free_all();
}

static void products_are_right(void **state) {
  (void)state;
  uint32_t random = 5;
  for (int round = 0; round < 40; round++) {
    product p = {.m = 1 + random_below(&random, 60),
                 .n = 1 + random_below(&random, 90),
                 .k = random_below(&random, 900),
                 .batch = 1 + random_below(&random, 3),
                 .trans_a = random_below(&random, 2),
                 .trans_b = random_below(&random, 2),
                 .packed = random_below(&random, 2)};
    check_product(&p, (uint32_t)round);
  }
}

/* Cancelling: the work between two looks at the flag is counted, not timed. A processor does 20 operations in a
 * nanosecond or more, so a billion take at most 50 ms. */

static const double most_work = 1e9;

typedef struct watch {
  size_t looks, stop_after; /* stop_after 0: never */
} watch;

static int look(const rung_run *run) {
  watch *w = run->context;
  w->looks++;
  return w->stop_after && w->looks >= w->stop_after;
}

static rung_gemm plan_of(size_t m, size_t n, size_t k) {
  return (rung_gemm){
      .m = m, .n = n, .k = k, .alpha = 1, .a = {RUNG_F32, k, 1}, .b = {RUNG_F32, n, 1}, .c = {RUNG_F32, n, 1}};
}

static void long_products_look_at_the_flag(void **state) {
  (void)state;
  enum { M = 3, N = 5, K = 100000 };
  test_host h;
  test_host_start(&h, 1, RUNG_CPU_ALL);
  h.host.cancelled = look;
  for (size_t stop_after = 0; stop_after < 3; stop_after++) {
    watch w = {.stop_after = stop_after};
    rung_run run = {.host = &h.host, .context = &w, .cancellable = 1};
    rung_kernel_call call = {.host = &h.host, .run = &run};
    rung_gemm plan = plan_of(M, N, K);
    float *a = calloc(M * K, sizeof *a), *b = calloc(K * N, sizeof *b), c[M * N];
    rung_gemm_run work = {.a = a, .b = b, .c = c, .epilogue = {.residual_scale = 1}};
    size_t bytes;
    rung_gemm_plan(&call, &plan);
    assert_true(rung_gemm_scratch(&plan, &bytes));
    rung_gemm_run_all(&call, &plan, &work, guarded(bytes, 64));
    if (stop_after)
      assert_int_equal(w.looks, stop_after);
    else /* a tile of the largest kind times the rows between two looks is below the limit */
      assert_true(2.0 * K / (double)w.looks * 256 * 256 < most_work);
    free(a);
    free(b);
    guarded_free_all();
  }
  test_host_stop(&h);
}

/* The pieces that the host sees of 4096 x 4096 x 4096, when one thread does them all. */
static void large_products_come_in_pieces(void **state) {
  (void)state;
  for (size_t m = 0; m < 3; m++) {
    test_host h;
    test_host_start(&h, 1, masks[m]);
    rung_kernel_call call = {.host = &h.host};
    rung_gemm plan = plan_of(4096, 4096, 4096);
    rung_gemm_plan(&call, &plan);
    assert_true(plan.m_tiles * plan.tile_m >= 4096 && plan.n_tiles * plan.tile_n >= 4096);
    assert_true(2.0 * (double)(plan.grain * plan.tile_m * plan.tile_n) * 4096 < most_work);
    assert_true(plan.tile_m <= 256 && plan.tile_n <= 256);
    test_host_stop(&h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_agree), cmocka_unit_test(clamps_keep_nan), cmocka_unit_test(products_are_right),
      cmocka_unit_test(long_products_look_at_the_flag), cmocka_unit_test(large_products_come_in_pieces)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
