#include "provider/cpu/form/product_nbits.h"

#include "provider/cpu/form/floats.h"

#include <math.h>

enum { WIDTH = RUNG_NBITS_I8_WIDTH, UNIT = RUNG_NBITS_I8_UNIT, MOST_BLOCK = 1024, MOST_ROWS = 4, LANES = 16 };

bool rung_nbits_i8_make(rung_cpu_set features, size_t n, size_t k, size_t bits, size_t block, rung_nbits_i8_plan *p) {
  *p = (rung_nbits_i8_plan){.kernel = rung_nbits_i8_for(features), .n = n, .k = k, .bits = bits, .block = block};
  if (bits < 4 || bits > p->kernel->most_bits || block > MOST_BLOCK || block % LANES)
    return false; /* sums of a block fit int32 */
  p->blocks = RUNG_DIV_UP(k, block);
  p->panels = RUNG_DIV_UP(n, WIDTH);
  size_t floats;
  return rung_mul_size(p->blocks, block * bits / 8 * WIDTH, &p->code_bytes) && p->code_bytes < SIZE_MAX / 4 &&
         rung_mul_size(p->blocks, WIDTH * (sizeof(float) + 1), &floats) &&
         rung_add_size(p->code_bytes, RUNG_ROUND_UP(floats, RUNG_TENSOR_ALIGN), &p->panel_bytes) &&
         rung_mul_size(p->panel_bytes, p->panels, &p->size);
}

static rung_nbits_i8_panel panel_at(const rung_nbits_i8_plan *p, const void *packed, size_t panel) {
  const uint8_t *codes = (const uint8_t *)packed + panel * p->panel_bytes;
  const float *scales = (const float *)(codes + p->code_bytes);
  return (rung_nbits_i8_panel){p->bits, p->block, p->blocks,
                               codes,   scales,   (const uint8_t *)(scales + p->blocks * WIDTH)};
}

/* Code k of a column goes to unit k / each; of 4 bits the second four of a unit are high ones. */
static void pack_column(const rung_nbits_i8_plan *p, const rung_nbits_source *source, size_t column, void *packed) {
  rung_nbits_i8_panel panel = panel_at(p, packed, column / WIDTH);
  uint8_t *to = (uint8_t *)panel.codes, *zeros = (uint8_t *)panel.zeros;
  size_t lane = column % WIDTH, each = 32 / p->bits, bytes = p->blocks * p->block * p->bits / 8;
  const uint8_t *codes = source->codes + column * bytes;
  size_t row = source->first + column, zero_bytes = RUNG_DIV_UP(p->blocks * p->bits, 8);
  for (size_t k = 0; k < p->k; k++) {
    size_t shift = k % each / 4 * p->bits;
    to[k / each * UNIT + lane * 4 + k % 4] |= (uint8_t)(rung_nbits_code(codes, p->bits, k) << shift);
  }
  for (size_t b = 0; b < p->blocks; b++) {
    ((float *)panel.scales)[b * WIDTH + lane] = rung_nbits_number(source->scales, row * p->blocks + b);
    zeros[b * WIDTH + lane] =
        (uint8_t)(source->zeros ? rung_nbits_code((const uint8_t *)source->zeros->data + row * zero_bytes, p->bits, b)
                                : 1u << (p->bits - 1));
  }
}

void rung_nbits_i8_pack(const rung_nbits_i8_plan *p, const rung_nbits_source *source, void *packed) {
  memset(packed, 0, p->size); /* lanes from n on: scale 0 */
  for (size_t column = 0; column < p->n; column++) pack_column(p, source, column, packed);
}

/* Scratch: numbers, scales, sums of all rows, [rows][blocks] of each. */
typedef struct i8_job {
  const rung_nbits_i8_plan *plan;
  const void *packed;
  const rung_tensor *a;
  const float *bias;
  rung_tensor *y;
  size_t rows;
  int8_t *numbers;
  float *scales;
  int32_t *sums;
} i8_job;

bool rung_nbits_i8_scratch(const rung_nbits_i8_plan *p, size_t rows, size_t *out_bytes) {
  size_t blocks;
  return rung_mul_size(rows, p->blocks, &blocks) &&
         rung_mul_size(blocks, p->block + sizeof(float) + sizeof(int32_t), out_bytes);
}

/* `n` is a multiple of LANES. Adding 1.5 * 2^23 leaves a whole number in the low bits. What is not finite makes the
 * scale NaN, and so the row. */
static void quantise_block(const float *x, size_t n, int8_t *to, float *out_scale, int32_t *out_sum) {
  float sizes[LANES] = {0}, spoilt[LANES] = {0}, most = 0, wrong = 0, magic = 12582912.0f;
  int32_t sum = 0;
  for (size_t i = 0; i < n; i += LANES)
    for (size_t l = 0; l < LANES; l++) {
      float size = fabsf(x[i + l]);
      sizes[l] = size > sizes[l] ? size : sizes[l];
      spoilt[l] += x[i + l] * 0.0f;
    }
  for (size_t l = 0; l < LANES; l++) most = RUNG_MAX(most, sizes[l]), wrong += spoilt[l];
  bool empty = most < 1e-30f;
  float factor = empty ? 0.0f : 127.0f / most;
  for (size_t i = 0; i < n; i++) {
    float moved = x[i] * factor + magic;
    uint32_t bits;
    memcpy(&bits, &moved, sizeof bits);
    int8_t number = (int8_t)(uint8_t)bits;
    to[i] = number;
    sum += number;
  }
  *out_scale = (empty ? 0.0f : most / 127.0f) + wrong;
  *out_sum = sum;
}

static void quantise_blocks(void *context, size_t begin, size_t end) {
  const i8_job *j = context;
  const rung_nbits_i8_plan *p = j->plan;
  float block[MOST_BLOCK];
  for (size_t i = begin; i < end; i++) {
    size_t row = i / p->blocks, from = i % p->blocks * p->block, n = RUNG_MIN(p->block, p->k - from);
    rung_load_f32(j->a->dtype, j->a->data, row * p->k + from, 1, n, block);
    memset(block + n, 0, (p->block - n) * sizeof *block);
    quantise_block(block, p->block, j->numbers + i * p->block, &j->scales[i], &j->sums[i]);
  }
}

static void store_rows(const i8_job *j, size_t column, size_t first, size_t rows, float *tile) {
  size_t n = j->plan->n, columns = RUNG_MIN(n - column, (size_t)WIDTH);
  for (size_t r = 0; r < rows; r++, tile += WIDTH) {
    for (size_t c = 0; c < columns && j->bias; c++) tile[c] += j->bias[column + c];
    rung_store_f32(j->y->dtype, j->y->data, (first + r) * n + column, 1, columns, tile);
  }
}

static void multiply_panels(void *context, size_t begin, size_t end) {
  const i8_job *j = context;
  const rung_nbits_i8_plan *p = j->plan;
  float tile[MOST_ROWS * WIDTH];
  for (size_t panel = begin; panel < end; panel++) {
    rung_nbits_i8_panel b = panel_at(p, j->packed, panel);
    for (size_t first = 0, rows; first < j->rows; first += rows) {
      size_t at = first * p->blocks;
      rows = RUNG_MIN(j->rows - first, p->kernel->rows);
      p->kernel->multiply(&b, &(rung_nbits_i8_rows){j->numbers + at * p->block, j->scales + at, j->sums + at}, rows,
                          tile);
      store_rows(j, panel * WIDTH, first, rows, tile);
    }
  }
}

void rung_nbits_i8_run(const rung_kernel_call *call, const rung_nbits_i8_plan *p, const void *packed,
                       const rung_tensor *a, const float *bias, rung_tensor *y, void *scratch) {
  i8_job j = {.plan = p, .packed = packed, .a = a, .bias = bias, .y = y, .rows = rung_tensor_count(a) / p->k};
  size_t blocks = j.rows * p->blocks;
  j.scales = scratch;
  j.sums = (int32_t *)(j.scales + blocks);
  j.numbers = (int8_t *)(j.sums + blocks);
  rung_kernel_parallel(call, blocks, rung_kernel_grain(p->block), quantise_blocks, &j);
  rung_kernel_parallel(call, p->panels, rung_kernel_grain(RUNG_MAX(j.rows, 1) * p->k / 8), multiply_panels, &j);
}
