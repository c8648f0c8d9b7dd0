/* Products of 8-bit integers: tiles, packing and the whole form against plain sums, exactly, with every instruction set
 * and number of threads; bytes outside of the operands are out of bounds. */
#include "provider/cpu/form/product_i8.h"
#include "support/kernels.h"
#include "support/quantized.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* Tiles. A and B are made of plain numbers, number g of unit k in row k * group + g. */

typedef struct operands {
  size_t rows, cols, depth; /* depth: in numbers */
  int8_t *a;                /* [depth][rows] */
  uint8_t *b;               /* [depth][cols] */
  int32_t *want, *got;
  rung_tile_i32 tile;
} operands;

/* The number in the place that it has in a unit. */
static uint32_t placed(const rung_gemm_i8 *table, int32_t number, size_t g) {
  return table->group == 4 ? ((uint32_t)number & 0xff) << 8 * g : ((uint32_t)number & 0xffff) << 16 * g;
}

static int32_t *random_ints(uint32_t *random, size_t n) {
  int32_t *x = guarded(n * sizeof *x, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (int32_t)(random_below(random, 1 << 16) << 16 | random_below(random, 1 << 16));
  return x;
}

static void random_operands(uint32_t *random, operands *o) {
  o->a = guarded(o->depth * o->rows, 1);
  o->b = guarded(o->depth * o->cols, 1);
  random_bytes(random, o->depth * o->rows, (uint8_t *)o->a);
  random_bytes(random, o->depth * o->cols, o->b);
  int32_t *bias = random_ints(random, RUNG_MAX(o->rows, o->cols));
  o->want = random_ints(random, o->rows * o->cols);
  o->got = guarded(o->rows * o->cols * sizeof *o->got, sizeof *o->got);
  memcpy(o->got, o->want, o->rows * o->cols * sizeof *o->got);
  o->tile = (rung_tile_i32){.cols = o->cols,
                            .c = o->got,
                            .c_step = o->cols,
                            .flags = random_below(random, 32),
                            .row_bias = bias,
                            .column_bias = bias,
                            .residual = random_ints(random, o->rows * o->cols),
                            .residual_step = o->cols,
                            .low = -70000,
                            .high = 2000000000};
}

static void fill_want(const operands *o) {
  const rung_tile_i32 *t = &o->tile;
  for (size_t r = 0; r < o->rows; r++)
    for (size_t j = 0; j < o->cols; j++) {
      uint32_t sum = 0, old = (uint32_t)o->want[r * o->cols + j];
      for (size_t k = 0; k < o->depth; k++) sum += (uint32_t)(o->a[k * o->rows + r] * o->b[k * o->cols + j]);
      if (t->flags & RUNG_TILE_ACCUMULATE) sum += old;
      if (t->flags & RUNG_TILE_ROW_BIAS) sum += (uint32_t)t->row_bias[r];
      if (t->flags & RUNG_TILE_COLUMN_BIAS) sum += (uint32_t)t->column_bias[j];
      if (t->flags & RUNG_TILE_RESIDUAL) sum += (uint32_t)t->residual[r * o->cols + j];
      int32_t s = (int32_t)sum;
      o->want[r * o->cols + j] = t->flags & RUNG_TILE_CLAMP ? RUNG_CLAMP(s, t->low, t->high) : s;
    }
}

/* A and B as the table wants them; what fills a unit up is 0 in A and may be anything in B. */
static void pack_operands(const rung_gemm_i8 *table, operands *o) {
  size_t units = rung_i8_units(table, o->depth), panels = RUNG_DIV_UP(o->cols, table->cols);
  size_t last = RUNG_ROUND_UP(o->cols, table->lanes) - (panels - 1) * table->cols; /* readable in the last panel */
  size_t size = (panels - 1) * units * table->cols + (units ? (units - 1) * table->cols + last : 0);
  int32_t *a = guarded(units * o->rows * sizeof *a, sizeof *a), *b = guarded(size * sizeof *b, sizeof *b);
  int32_t *offsets = guarded(units * sizeof *offsets, sizeof *offsets);
  memset(b, 0x55, size * sizeof *b);
  for (size_t u = 0; u < units; u++) {
    offsets[u] = (int32_t)(u * table->cols);
    for (size_t r = 0; r < o->rows; r++) {
      uint32_t unit = 0;
      for (size_t g = 0, k = u * table->group; g < table->group && k < o->depth; g++, k++)
        unit |= placed(table, o->a[k * o->rows + r], g);
      a[u * o->rows + r] = (int32_t)unit;
    }
    for (size_t j = 0; j < o->cols; j++) {
      uint32_t unit = 0;
      for (size_t g = 0, k = u * table->group; g < table->group; g++, k++)
        unit |= placed(table, k < o->depth ? o->b[k * o->cols + j] : 200, g);
      b[j / table->cols * units * table->cols + u * table->cols + j % table->cols] = (int32_t)unit;
    }
  }
  o->tile.k = units;
  o->tile.a = a, o->tile.b = b, o->tile.offsets = offsets;
  o->tile.b_step = units * table->cols;
}

static void tiles_are_exact(void **state) {
  (void)state;
  static const size_t depths[] = {0, 1, 3, 4, 29, 160};
  uint32_t random = 1;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_gemm_i8 *table = rung_gemm_i8_for(rung_cpu_features() & test_masks[m]);
    for (size_t rows = 1; rows <= table->rows; rows++)
      for (size_t cols = 1; cols <= 2 * table->cols + 1; cols += 1 + cols % 3)
        for (size_t d = 0; d < RUNG_COUNT(depths); d++) {
          operands o = {.rows = rows, .cols = cols, .depth = depths[d]};
          random_operands(&random, &o);
          pack_operands(table, &o);
          fill_want(&o);
          table->tile[rows](&o.tile);
          assert_memory_equal(o.want, o.got, rows * cols * sizeof(int32_t));
          guarded_free_all();
        }
  }
}

/* Sums that pass the limit of int32 on the way, not only at the end. */
static void tiles_wrap(void **state) {
  (void)state;
  uint32_t random = 5;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_gemm_i8 *table = rung_gemm_i8_for(rung_cpu_features() & test_masks[m]);
    operands o = {.rows = 2, .cols = 3, .depth = 70000};
    random_operands(&random, &o);
    memset(o.a, -128, o.depth * o.rows);
    memset(o.b, 255, o.depth * o.cols);
    pack_operands(table, &o);
    fill_want(&o);
    table->tile[2](&o.tile);
    assert_memory_equal(o.want, o.got, 6 * sizeof(int32_t));
    guarded_free_all();
  }
}

/* Packing */

static void units_are_interleaved(void **state) {
  (void)state;
  uint32_t random = 2;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_gemm_i8 *table = rung_gemm_i8_for(rung_cpu_features() & test_masks[m]);
    for (size_t n = 1; n < 70; n++)
      for (size_t step = 1; step <= 3; step++) {
        uint8_t *from[RUNG_I8_GROUP], flip = n % 2 ? 0x80 : 0;
        size_t size = (n - 1) * step + 1;
        for (size_t g = 0; g < table->group; g++) random_bytes(&random, size, from[g] = guarded(size, 1));
        int32_t *to = guarded(n * sizeof *to, sizeof *to);
        table->interleave(n, (const uint8_t *const *)from, step, flip, to);
        for (size_t i = 0; i < n; i++) {
          uint32_t unit = 0;
          for (size_t g = 0; g < table->group; g++) unit |= placed(table, from[g][i * step] ^ flip, g);
          assert_int_equal((uint32_t)to[i], unit);
        }
        guarded_free_all();
      }
  }
}

static void rows_are_packed(void **state) {
  (void)state;
  uint32_t random = 3;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_gemm_i8 *table = rung_gemm_i8_for(rung_cpu_features() & test_masks[m]);
    for (size_t k = 1; k < 270; k += 1 + k / 40) {
      size_t step = 1 + random_below(&random, 14), units = rung_i8_units(table, k), size = (units - 1) * step + 1;
      uint8_t *from = guarded(k, 1), flip = k % 2 ? 0x80 : 0;
      int32_t *to = guarded(size * sizeof *to, sizeof *to), sum = 0;
      random_bytes(&random, k, from);
      memset(to, 0x55, size * sizeof *to);
      int32_t got = table->pack_row(k, from, flip, step, to);
      for (size_t i = 0; i < size; i++) {
        uint32_t unit = i % step ? 0x55555555 : 0;
        for (size_t g = 0, at = i / step * table->group; g < table->group && at < k && i % step == 0; g++, at++) {
          int8_t number = (int8_t)(from[at] ^ flip);
          unit |= placed(table, number, g);
          sum += number;
        }
        assert_int_equal((uint32_t)to[i], unit);
      }
      assert_int_equal(got, sum);
      guarded_free_all();
    }
  }
}

/* The whole form */

typedef struct product {
  rung_matmul_shape shape;
  bool a_signed, b_signed, packed;
  size_t matrix, matrices, count; /* bytes of one B; how many there are; elements of C */
  uint8_t *a, *b;
  rung_product_i8_run run;
} product;

static void random_product(uint32_t *random, int64_t more, product *p) {
  int64_t m = 1 + random_below(random, more ? 3 : 50), k = more + random_below(random, 300),
          n = 1 + random_below(random, more ? 3 : 90);
  int64_t outer = 1 + random_below(random, more ? 1 : 3), inner = 1 + random_below(random, more ? 1 : 3);
  if (!more && random_below(random, 6) == 0) n += 300; /* several tiles */
  uint32_t kind = random_below(random, 4);             /* how the stacks of A and B meet */
  int64_t a[] = {kind & 1 ? outer : 1, inner, m, k}, b[] = {kind & 2 ? outer : 1, kind == 2 ? inner : 1, k, n};
  *p = (product){.a_signed = random_below(random, 2), .b_signed = random_below(random, 2)};
  p->packed = random_below(random, 2);
  assert_ok(rung_matmul_shape_make(4, a, false, 4, b, false, &p->shape));
  p->matrix = (size_t)(k * n);
  p->matrices = (size_t)(b[0] * b[1]);
  p->count = (size_t)m * (size_t)n;
  for (int32_t i = 0; i < p->shape.batch_rank; i++) p->count *= (size_t)p->shape.batch[i];
  size_t a_size = (size_t)(a[0] * a[1] * m * k);
  random_bytes(random, a_size, p->a = guarded(a_size, 1));
  random_bytes(random, p->matrix * p->matrices, p->b = guarded(p->matrix * p->matrices, 1));
  p->run = (rung_product_i8_run){.a = p->a,
                                 .a_zero = (int32_t)random_below(random, 256) - (p->a_signed ? 128 : 0),
                                 .b_zero = (int32_t)random_below(random, 256) - (p->b_signed ? 128 : 0)};
  random_requantize(random, (size_t)n, 5000 * (double)(k + 1) / 16, &p->run.requantize);
}

static void multiply_plainly(const product *p, void *c) {
  size_t m = (size_t)p->shape.m, n = (size_t)p->shape.n, depth = (size_t)p->shape.k;
  for (size_t i = 0; i < p->count; i++) {
    size_t column = i % n, row = i / n % m, rest = i / n / m, a = 0, b = 0;
    for (int32_t d = p->shape.batch_rank - 1; d >= 0; d--) {
      size_t index = rest % (size_t)p->shape.batch[d];
      rest /= (size_t)p->shape.batch[d];
      a += index * (size_t)p->shape.a_step[d];
      b += index * (size_t)p->shape.b_step[d];
    }
    uint32_t sum = 0;
    for (size_t k = 0; k < depth; k++)
      sum += (uint32_t)((byte_of(p->a, p->a_signed, (a * m + row) * depth + k) - p->run.a_zero) *
                        (byte_of(p->b, p->b_signed, b * p->matrix + k * n + column) - p->run.b_zero));
    plain_requantize(&p->run.requantize, (int32_t)sum, column, c, i);
  }
}

static void run_product(const product *p, uint32_t threads, uint32_t mask, void *c) {
  test_host h;
  test_host_start(&h, threads, mask);
  rung_kernel_call call = {.host = &h.host};
  rung_product_i8 plan;
  rung_product_i8_run run = p->run;
  size_t bytes, size;
  run.b = p->b;
  run.c = c;
  if (p->packed) {
    assert_true(rung_product_i8_packed_size(h.host.cpu_features, (size_t)p->shape.k, (size_t)p->shape.n, &size));
    int32_t *packed = guarded(p->matrices * size * sizeof *packed, 64);
    for (size_t i = 0; i < p->matrices; i++)
      rung_product_i8_pack(h.host.cpu_features, (size_t)p->shape.k, (size_t)p->shape.n, p->b_signed,
                           p->b + i * p->matrix, packed + i * size);
    run.b = packed;
  }
  rung_product_i8_plan(&call, &p->shape, p->a_signed, p->b_signed, p->packed, &plan);
  assert_true(rung_product_i8_scratch(&plan, &bytes));
  rung_product_i8_run_all(&call, &plan, &run, guarded(bytes, 64));
  test_host_stop(&h);
}

/* k up to some hundreds, and now and then so many that sums are made in pieces. */
static void products_are_exact(void **state) {
  (void)state;
  uint32_t random = 4;
  for (int round = 0; round < 200; round++) {
    product p;
    random_product(&random, round % 100 == 99 ? 2200000 : 0, &p);
    size_t size = rung_dtype_size(p.run.requantize.dtype), bytes = p.count * size;
    void *want = guarded(bytes, size), *got = guarded(bytes, size);
    multiply_plainly(&p, want);
    for (size_t m = 0; m < TEST_MASKS; m++)
      for (uint32_t threads = 1; threads <= 3; threads++) {
        memset(got, 0x55, bytes);
        run_product(&p, threads, test_masks[m], got);
        assert_memory_equal(want, got, bytes);
      }
    guarded_free_all();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiles_are_exact), cmocka_unit_test(tiles_wrap),
                                     cmocka_unit_test(units_are_interleaved), cmocka_unit_test(rows_are_packed),
                                     cmocka_unit_test(products_are_exact)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
