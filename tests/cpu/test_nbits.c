/* Kernels on codes of a few bits: the elements of every table are those of C, bit for bit; the product of a row has the
 * bits of the table of products in float32, with panels made first. Every byte outside of the operands is out of
 * bounds. */
#include "base/macros.h"
#include "provider/cpu/form/nbits.h"
#include "provider/cpu/form/product_nbits.h"
#include "provider/cpu/kernel/gemm_f32.h"
#include "support/kernels.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static float *random_row(uint32_t seed, size_t n) {
  float *x = guarded(n * sizeof *x, sizeof *x);
  random_floats(seed, n, x);
  return x;
}

/* Panels [0, panels), `step` bytes apart; codes, scales and zeros each end where nothing may be touched. */
static rung_nbits_rows make_rows(size_t bits, size_t width, size_t depth, size_t panels, size_t step) {
  uint32_t state = (uint32_t)(bits * 1000 + depth);
  size_t bytes = (panels - 1) * step + depth * width * bits / 8, floats = (panels - 1) * step / sizeof(float) + width;
  uint8_t *codes = guarded(bytes, 1);
  float *zeros = guarded(floats * sizeof *zeros, sizeof *zeros);
  random_bytes(&state, bytes, codes);
  for (size_t i = 0; i < floats; i++) zeros[i] = (float)random_below(&state, 1u << bits);
  return (rung_nbits_rows){bits, width, depth, codes, random_row(3, floats), zeros};
}

/* A product of one row by the table for products, from panels that are filled. */
static void multiply_filled(const rung_gemm_f32 *gemm, const rung_nbits_f32 *table, const rung_nbits_rows *rows,
                            size_t step, size_t panels, const float *a, float *sums) {
  size_t size = rows->width * RUNG_MAX(rows->depth, 1);
  float *b = malloc(size * sizeof *b);
  int32_t *offsets = malloc(RUNG_MAX(rows->depth, 1) * sizeof *offsets);
  assert_true(b && offsets);
  for (size_t k = 0; k < rows->depth; k++) offsets[k] = (int32_t)(k * rows->width);
  for (size_t p = 0; p < panels; p++) {
    rung_nbits_rows r = *rows;
    r.codes += p * step;
    r.scales += p * step / sizeof(float);
    r.zeros += p * step / sizeof(float);
    table->fill(&r, b);
    rung_tile_f32 tile = {.k = rows->depth,
                          .cols = rows->width,
                          .a = a,
                          .b = b,
                          .offsets = offsets,
                          .c = sums + p * rows->width,
                          .c_step = rows->width};
    gemm->tile[1](&tile);
  }
  free(b), free(offsets);
}

static void check(size_t mask, size_t bits, size_t depth, size_t panels) {
  rung_cpu_set features = rung_cpu_features() & test_masks[mask];
  const rung_nbits_f32 *table = rung_nbits_f32_for(features);
  const rung_gemm_f32 *gemm = rung_gemm_f32_for(features);
  size_t width = gemm->cols, step = RUNG_ROUND_UP(depth * width * bits / 8, 64) + 64, count = width * depth;
  rung_nbits_rows rows = make_rows(bits, width, depth, panels, step);
  float *want = guarded(count * sizeof *want, sizeof *want), *got = guarded(count * sizeof *got, sizeof *got);
  rung_nbits_f32_c.fill(&rows, want);
  table->fill(&rows, got);
  assert_memory_equal(want, got, count * sizeof *got);
  float *a = random_row(5, depth), *sums = guarded(panels * width * sizeof *sums, sizeof *sums),
        *tiles = guarded(panels * width * sizeof *tiles, sizeof *tiles);
  memset(sums, 0, panels * width * sizeof *sums);
  table->multiply(&rows, panels, step, a, sums);
  multiply_filled(gemm, table, &rows, step, panels, a, tiles);
  assert_memory_equal(tiles, sums, panels * width * sizeof *sums);
  guarded_free_all();
}

static void tables_agree(void **state) {
  (void)state;
  static const size_t depths[] = {0, 1, 2, 3, 16, 31, 32, 33, 128};
  for (size_t mask = 0; mask < TEST_MASKS; mask++)
    for (size_t bits = 2; bits <= 8; bits *= 2)
      for (size_t d = 0; d < RUNG_COUNT(depths); d++)
        for (size_t panels = 1; panels < 10; panels++) check(mask, bits, depths[d], panels);
}

/* Blocks of any length, or a block of its own for each row: a product in parts is that of the elements in double. */
static void rows_find_their_block(void **state) {
  (void)state;
  enum { N = 70, K = 100, BLOCK = 32, BLOCKS = 4, BITS = 4 };
  static uint8_t codes[N * BLOCKS * BLOCK * BITS / 8];
  static float scales[N * BLOCKS];
  int32_t groups[K];
  uint32_t seed = 7;
  random_bytes(&seed, sizeof codes, codes);
  random_floats(8, N * BLOCKS, scales);
  for (size_t k = 0; k < K; k++) groups[k] = (int32_t)random_below(&seed, BLOCKS);
  rung_tensor table = {.dtype = RUNG_F32, .rank = 1, .dims = {N * BLOCKS}, .data = scales, .size = sizeof scales};
  rung_nbits_source source = {codes, &table, NULL, 0};
  float *a = random_row(9, K);
  for (size_t mask = 0; mask < TEST_MASKS; mask++)
    for (int grouped = 0; grouped < 2; grouped++) {
      rung_nbits plan;
      assert_true(rung_nbits_make(rung_cpu_features() & test_masks[mask], N, K, BITS, BLOCK, &plan));
      char *packed = aligned_alloc(64, RUNG_ROUND_UP(plan.size, 64));
      assert_non_null(packed);
      rung_nbits_pack(&plan, &source, packed);
      rung_nbits_matrix matrix = {&plan, packed, grouped ? groups : NULL};
      float *sums = guarded(plan.panels * plan.width * sizeof *sums, sizeof *sums);
      rung_nbits_multiply(&matrix, 0, plan.panels, 5, K - 5, a + 5, sums);
      for (size_t j = 0; j < N; j++) {
        double want = 0;
        for (size_t k = 5; k < K; k++) {
          size_t block = grouped ? (size_t)groups[k] : k / BLOCK, at = j * BLOCKS * BLOCK + k;
          int code = codes[at / 2] >> at % 2 * 4 & 15;
          want += (double)a[k] * (double)((float)(code - 8) * scales[j * BLOCKS + block]);
        }
        assert_true((double)sums[j] - want < 1e-4 && want - (double)sums[j] < 1e-4);
      }
      free(packed);
    }
  guarded_free_all();
}

/* Products of int8: every table has the bits of C, for as many rows as it takes and fewer. */
static void check_i8(const rung_nbits_i8 *table, size_t bits, size_t block, size_t blocks) {
  enum { WIDTH = RUNG_NBITS_I8_WIDTH };
  size_t rows = table->rows, k = blocks * block;
  uint32_t state = (uint32_t)(bits * 1000 + k);
  uint8_t *codes = guarded(k * WIDTH * bits / 8, 1), *zeros = guarded(blocks * WIDTH, 1);
  int8_t *a = guarded(rows * k, 1);
  int32_t *sums = guarded(rows * blocks * sizeof *sums, sizeof *sums);
  random_bytes(&state, k * WIDTH * bits / 8, codes);
  random_bytes(&state, blocks * WIDTH, zeros);
  for (size_t i = 0; i < rows * k; i++) {
    a[i] = (int8_t)((int)random_below(&state, 255) - 127);
    sums[i / block] = (i % block ? sums[i / block] : 0) + a[i];
  }
  rung_nbits_i8_panel panel = {bits, block, blocks, codes, random_row(1, blocks * WIDTH), zeros};
  rung_nbits_i8_rows given = {a, random_row(2, rows * blocks), sums};
  for (size_t n = 1; n <= rows; n++) {
    size_t bytes = n * WIDTH * sizeof(float);
    float *want = guarded(bytes, sizeof *want), *got = guarded(bytes, sizeof *got);
    rung_nbits_i8_c.multiply(&panel, &given, n, want);
    table->multiply(&panel, &given, n, got);
    assert_memory_equal(want, got, bytes);
  }
  guarded_free_all();
}

static void i8_tables_agree(void **state) {
  (void)state;
  static const size_t lengths[] = {16, 32, 64, 1024};
  for (size_t mask = 0; mask < TEST_MASKS; mask++) {
    const rung_nbits_i8 *table = rung_nbits_i8_for(rung_cpu_features() & test_masks[mask]);
    for (size_t bits = 4; bits <= table->most_bits; bits += 4)
      for (size_t i = 0; i < RUNG_COUNT(lengths); i++)
        for (size_t blocks = 1; blocks < 4; blocks++) check_i8(table, bits, lengths[i], blocks);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tables_agree), cmocka_unit_test(rows_find_their_block),
                                     cmocka_unit_test(i8_tables_agree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
