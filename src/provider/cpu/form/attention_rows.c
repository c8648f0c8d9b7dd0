#include "provider/cpu/form/attention_rows.h"

#include "provider/cpu/form/floats.h"

#include <math.h>

enum { BLOCK = 256 };

rung_status *rung_attention_rows_make(const rung_attention_sizes *sizes, bool mask_is_padded,
                                      rung_attention_rows *rows) {
  rows->q_heads = (size_t)sizes->q_heads;
  rows->q_length = (size_t)sizes->q_length;
  rows->total = rows->mask_columns = (size_t)sizes->total;
  rows->offset = sizes->past;
  for (int64_t i = 0; i < sizes->batch && rows->lengths; i++)
    RUNG_REQUIRE(rows->lengths[i] >= 0 && rows->lengths[i] <= sizes->total, INVALID_ARGUMENT,
                 "sample %lld has %lld tokens of %lld", (long long)i, (long long)rows->lengths[i],
                 (long long)sizes->total);
  const rung_tensor *mask = rows->mask;
  if (!mask) return NULL;
  size_t stride = 1;
  for (int32_t i = 1; i <= mask->rank; i++) {
    int64_t dim = mask->dims[mask->rank - i];
    rows->mask_steps[4 - i] = dim == 1 ? 0 : stride;
    stride *= (size_t)dim;
  }
  int64_t columns = mask->dims[mask->rank - 1];
  if (columns != 1 || mask_is_padded) rows->mask_columns = (size_t)columns;
  return NULL;
}

/* Columns that a row sees at most: the diagonal and the length cut the rest off. */
static size_t visible_columns(const rung_attention_rows *r, size_t batch, size_t row) {
  int64_t end = (int64_t)r->mask_columns;
  if (r->lengths) end = RUNG_MIN(end, r->lengths[batch]);
  int64_t offset = r->lengths ? r->lengths[batch] - (int64_t)r->q_length : r->offset;
  if (r->params->is_causal) end = RUNG_MIN(end, (int64_t)row + offset + 1);
  return (size_t)RUNG_MAX(end, 0);
}

static size_t mask_at(const rung_attention_rows *r, size_t batch, size_t head, size_t row) {
  return batch * r->mask_steps[0] + head * r->mask_steps[1] + row * r->mask_steps[2];
}

#define ATTENTION_ROW(suffix, type)                                                                                \
  static void show_##suffix(const rung_attention_rows *r, rung_attention_stage stage, size_t batch, size_t head,   \
                            size_t row, const type *s) {                                                           \
    if (!r->shown || r->params->qk_matmul_output_mode != (int64_t)stage) return;                                   \
    size_t at = ((batch * r->q_heads + head) * r->q_length + row) * r->total;                                      \
    rung_store_##suffix(r->shown->dtype, r->shown->data, at, 1, r->total, s);                                      \
  }                                                                                                                \
  /* Adds the mask; false when it leaves nothing. */                                                               \
  static bool add_mask_##suffix(const rung_attention_rows *r, size_t batch, size_t head, size_t row, type *s) {    \
    size_t end = visible_columns(r, batch, row), at = r->mask ? mask_at(r, batch, head, row) : 0;                  \
    bool visible = !r->mask && end;                                                                                \
    type bias[BLOCK];                                                                                              \
    for (size_t j = 0; j < end && r->mask; j += BLOCK) {                                                           \
      size_t n = RUNG_MIN(end - j, (size_t)BLOCK), step = r->mask_steps[3];                                        \
      rung_load_##suffix(r->mask->dtype, r->mask->data, at + j * step, step, n, bias);                             \
      if (r->mask->dtype == RUNG_BOOL)                                                                             \
        for (size_t i = 0; i < n; i++) bias[i] = bias[i] != 0 ? 0 : (type) - INFINITY;                             \
      for (size_t i = 0; i < n; i++) visible |= bias[i] != (type) - INFINITY;                                      \
      for (size_t i = 0; i < n; i++) s[j + i] += bias[i];                                                          \
    }                                                                                                              \
    for (size_t j = end; j < r->total; j++) s[j] = (type) - INFINITY;                                              \
    return visible;                                                                                                \
  }                                                                                                                \
  void rung_attention_row_##suffix(const rung_attention_rows *r, size_t batch, size_t head, size_t row, type *s) { \
    size_t n = r->total;                                                                                           \
    show_##suffix(r, RUNG_ATTENTION_PRODUCT, batch, head, row, s);                                                 \
    if (r->params->softcap > 0) cap_##suffix(r, n, s);                                                             \
    show_##suffix(r, RUNG_ATTENTION_CAPPED, batch, head, row, s);                                                  \
    bool visible = add_mask_##suffix(r, batch, head, row, s);                                                      \
    show_##suffix(r, RUNG_ATTENTION_MASKED, batch, head, row, s);                                                  \
    type sum = visible ? rung_exponentials_##suffix(n, s, rung_max_##suffix(n, s), s) : 1;                         \
    if (visible)                                                                                                   \
      rung_divide_##suffix(n, s, sum);                                                                             \
    else                                                                                                           \
      memset(s, 0, n * sizeof *s);                                                                                 \
    show_##suffix(r, RUNG_ATTENTION_SOFTMAX, batch, head, row, s);                                                 \
  }

static void cap_f32(const rung_attention_rows *r, size_t n, float *s) {
  float cap = r->params->softcap;
  for (size_t i = 0; i < n; i++) s[i] /= cap;
  r->math->unary[RUNG_MATH_tanh](n, s, s, NULL);
  for (size_t i = 0; i < n; i++) s[i] *= cap;
}

static void cap_f64(const rung_attention_rows *r, size_t n, double *s) {
  double cap = (double)r->params->softcap;
  for (size_t i = 0; i < n; i++) s[i] = cap * tanh(s[i] / cap);
}

ATTENTION_ROW(f32, float)
ATTENTION_ROW(f64, double)
