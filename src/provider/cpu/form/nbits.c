#include "provider/cpu/form/nbits.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/kernel/gemm_f32.h"

bool rung_nbits_make(rung_cpu_set features, size_t n, size_t k, size_t bits, size_t block, rung_nbits *out) {
  size_t width = rung_gemm_f32_for(features)->cols, codes, floats;
  *out = (rung_nbits){
      .kernel = rung_nbits_f32_for(features), .n = n, .k = k, .bits = bits, .block = block, .width = width};
  out->blocks = RUNG_DIV_UP(k, block);
  out->panels = RUNG_DIV_UP(n, width);
  out->row_bytes = width * bits / 8;
  return rung_mul_size(k, out->row_bytes, &codes) && codes < SIZE_MAX / 2 &&
         rung_mul_size(out->blocks, 2 * width * sizeof(float), &floats) &&
         rung_add_size(RUNG_ROUND_UP(codes, RUNG_TENSOR_ALIGN), floats, &out->panel_bytes) &&
         rung_mul_size(out->panel_bytes, out->panels, &out->size);
}

size_t rung_nbits_code_bytes(const rung_nbits *plan) { return plan->blocks * plan->block * plan->bits / 8; }
size_t rung_nbits_zero_bytes(const rung_nbits *plan) { return RUNG_DIV_UP(plan->blocks * plan->bits, 8); }

float rung_nbits_number(const rung_tensor *t, size_t at) {
  size_t size = rung_dtype_size(t->dtype);
  uint64_t element = 0;
  float number;
  memcpy(&element, (const char *)t->data + at * size, size);
  rung_load_f32(t->dtype, &element, 0, 1, 1, &number);
  return number;
}

static float *scales_of(const rung_nbits *plan, char *panel) {
  return (float *)(panel + RUNG_ROUND_UP(plan->k * plan->row_bytes, RUNG_TENSOR_ALIGN));
}

/* Column `lane` of a panel. */
static void pack_column(const rung_nbits *plan, const rung_nbits_source *source, size_t column, size_t lane,
                        char *panel) {
  const uint8_t *codes = source->codes + column * rung_nbits_code_bytes(plan);
  uint8_t *to = (uint8_t *)panel + lane % plan->row_bytes;
  size_t shift = lane / plan->row_bytes * plan->bits, row = source->first + column;
  for (size_t k = 0; k < plan->k; k++)
    to[k * plan->row_bytes] |= (uint8_t)(rung_nbits_code(codes, plan->bits, k) << shift);
  float *scales = scales_of(plan, panel), *zeros = scales + plan->blocks * plan->width;
  const rung_tensor *s = source->scales, *z = source->zeros;
  for (size_t b = 0; b < plan->blocks; b++) {
    size_t at = b * plan->width + lane;
    scales[at] = rung_nbits_number(s, row * plan->blocks + b);
    if (!z)
      zeros[at] = (float)(1 << (plan->bits - 1));
    else if (z->dtype == RUNG_U8)
      zeros[at] = (float)rung_nbits_code((const uint8_t *)z->data + row * rung_nbits_zero_bytes(plan), plan->bits, b);
    else
      zeros[at] = rung_nbits_number(z, row * plan->blocks + b);
  }
}

void rung_nbits_pack(const rung_nbits *plan, const rung_nbits_source *source, void *packed) {
  memset(packed, 0, plan->size); /* lanes from n on: code and scale 0 */
  for (size_t column = 0; column < plan->n; column++)
    pack_column(plan, source, column, column % plan->width, (char *)packed + column / plan->width * plan->panel_bytes);
}

/* Rows from `from` on that have one scale per column, at most `depth`; of the panel that begins at `column`. */
static rung_nbits_rows rows_at(const rung_nbits_matrix *matrix, size_t column, size_t from, size_t depth) {
  const rung_nbits *plan = matrix->plan;
  char *panel = (char *)matrix->packed + column / plan->width * plan->panel_bytes;
  size_t block = matrix->groups ? (size_t)matrix->groups[from] : from / plan->block;
  size_t most = matrix->groups ? 1 : plan->block - from % plan->block;
  const float *scales = scales_of(plan, panel) + block * plan->width;
  return (rung_nbits_rows){.bits = plan->bits,
                           .width = plan->width,
                           .depth = RUNG_MIN(depth, most),
                           .codes = (const uint8_t *)panel + from * plan->row_bytes,
                           .scales = scales,
                           .zeros = scales + plan->blocks * plan->width};
}

void rung_nbits_fill(const void *b, size_t column, size_t width, size_t from, size_t depth, float *to) {
  const rung_nbits_matrix *matrix = b;
  for (size_t done = 0; done < depth;) {
    rung_nbits_rows rows = rows_at(matrix, column, from + done, depth - done);
    matrix->plan->kernel->fill(&rows, to + done * width);
    done += rows.depth;
  }
}

void rung_nbits_multiply(const void *b, size_t column, size_t panels, size_t from, size_t depth, const float *a,
                         float *sums) {
  const rung_nbits_matrix *matrix = b;
  const rung_nbits *plan = matrix->plan;
  memset(sums, 0, panels * plan->width * sizeof *sums);
  for (size_t done = 0; done < depth;) {
    rung_nbits_rows rows = rows_at(matrix, column, from + done, depth - done);
    plan->kernel->multiply(&rows, panels, plan->panel_bytes, a + done, sums);
    done += rows.depth;
  }
}
