/* Products with weights of bytes that have scales and zero points of their own: exactly what plain sums give, with
 * every instruction set, for all tiles at once or one by one; bytes outside of the operands are out of bounds. */
#include "base/element.h"
#include "base/macros.h"
#include "provider/cpu/form/weights_i8.h"
#include "support/kernels.h"
#include "support/quantized.h"
#include "support/test.h"

#include <string.h>

typedef struct operands {
  size_t rows, k, n;
  bool is_signed, per_column;
  uint8_t *a, *b, *zeros;
  float *scales, *start, *want, *got;
  rung_tensor scale, zero;
  rung_quantization q;
} operands;

/* Scale and zero point lie behind another direction's. */
static void make(operands *o, uint32_t *random) {
  size_t count = 2 * (o->per_column ? o->n : 1);
  o->a = guarded(o->rows * o->k, 1);
  o->b = guarded(o->k * o->n, 1);
  o->zeros = guarded(count, 1);
  o->scales = guarded(count * sizeof(float), sizeof(float));
  float **outputs[] = {&o->start, &o->want, &o->got};
  for (size_t i = 0; i < 3; i++) *outputs[i] = guarded(o->rows * o->n * sizeof(float), sizeof(float));
  random_bytes(random, o->rows * o->k, o->a);
  random_bytes(random, o->k * o->n, o->b);
  random_bytes(random, count, o->zeros);
  random_floats(*random, count, o->scales);
  random_floats(*random + 1, o->rows * o->n, o->start);
  o->scale = (rung_tensor){.dtype = RUNG_F32, .rank = 1, .dims = {(int64_t)count}, .data = o->scales};
  o->zero =
      (rung_tensor){.dtype = o->is_signed ? RUNG_I8 : RUNG_U8, .rank = 1, .dims = {(int64_t)count}, .data = o->zeros};
  o->q = (rung_quantization){0.37f, (int32_t)random_below(random, 256)};
}

static void multiply_plainly(const operands *o) {
  for (size_t r = 0; r < o->rows; r++)
    for (size_t j = 0; j < o->n; j++) {
      size_t at = o->per_column ? o->n + j : 1;
      int32_t sum = 0, zero = byte_of(o->zeros, o->is_signed, at);
      for (size_t i = 0; i < o->k; i++)
        sum += (o->a[r * o->k + i] - o->q.zero) * (byte_of(o->b, o->is_signed, i * o->n + j) - zero);
      float product = (float)sum * (o->q.scale * o->scales[at]);
      o->want[r * o->n + j] = o->start[r * o->n + j] + product;
    }
}

static void check(uint32_t mask, operands *o) {
  rung_weights_i8 plan;
  assert_true(rung_weights_i8_plan(rung_cpu_features() & mask, o->k, o->n, &plan));
  int32_t *packed = guarded(plan.size * sizeof *packed, 64), *space = guarded(plan.space * sizeof *space, 64);
  size_t first = o->per_column ? o->n : 1;
  rung_weights_i8_source source = {o->b, o->is_signed, &o->scale, &o->zero, first, o->per_column, first, o->per_column};
  rung_weights_i8_pack(&plan, &source, packed);
  rung_rows_u8 rows = {o->rows, o->a, o->q, o->got};
  for (int apart = 0; apart < 2; apart++) {
    memcpy(o->got, o->start, o->rows * o->n * sizeof(float));
    for (size_t t = 0; t < plan.tiles && apart; t++) rung_weights_i8_add(&plan, packed, &rows, t, t + 1, space);
    if (!apart) rung_weights_i8_add(&plan, packed, &rows, 0, plan.tiles, space);
    assert_memory_equal(o->want, o->got, o->rows * o->n * sizeof(float));
  }
}

static void products_are_plain_sums(void **state) {
  (void)state;
  static const size_t depths[] = {1, 2, 3, 4, 15, 16, 17, 64, 131}, widths[] = {1, 12, 33, 256, 257, 600};
  static const size_t counts[] = {0, 1, 2, 5, 14, 15, 31};
  uint32_t random = 3;
  for (size_t d = 0; d < RUNG_COUNT(depths); d++)
    for (size_t w = 0; w < RUNG_COUNT(widths); w++)
      for (size_t c = 0; c < RUNG_COUNT(counts); c++) {
        size_t kind = d + w + c;
        operands o = {
            .rows = counts[c], .k = depths[d], .n = widths[w], .is_signed = kind % 2, .per_column = kind % 4 > 1};
        make(&o, &random);
        multiply_plainly(&o);
        for (size_t m = 0; m < TEST_MASKS; m++) check(test_masks[m], &o);
        guarded_free_all();
      }
}

static void sizes_do_not_overflow(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{SIZE_MAX / 2, 4}, {4, SIZE_MAX / 2}, {(size_t)1 << 40, (size_t)1 << 40}};
  rung_weights_i8 plan;
  for (size_t i = 0; i < RUNG_COUNT(sizes); i++)
    assert_false(rung_weights_i8_plan(rung_cpu_features(), sizes[i][0], sizes[i][1], &plan));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_plain_sums),
                                     cmocka_unit_test(sizes_do_not_overflow)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
