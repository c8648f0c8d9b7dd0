#include "provider/cpu/form/attention_rows.h"

#include <math.h>

enum { BLOCK = 256 };

void rung_attention_set_mask(rung_attention_rows *rows, int index, const rung_tensor *mask) {
  size_t stride = 1;
  rows->masks[index] = (rung_attention_mask){.tensor = mask};
  for (int32_t i = 1; mask && i <= mask->rank; i++) {
    int64_t dim = mask->dims[mask->rank - i];
    rows->masks[index].steps[4 - i] = dim == 1 ? 0 : stride;
    stride *= (size_t)dim;
  }
}

/* Columns [*begin, *end) that a row may see: the diagonal, the window and the length cut the rest off. */
static void find_visible(const rung_attention_rows *r, size_t batch, size_t row, size_t *begin, size_t *end) {
  int64_t last = (int64_t)r->mask_columns, first = 0;
  if (r->lengths) last = RUNG_MIN(last, r->lengths[batch]);
  int64_t offset = r->ends_with_length ? r->lengths[batch] - (int64_t)r->q_length : r->offset;
  int64_t diagonal = (int64_t)row + offset + 1;
  if (r->causal) last = RUNG_MIN(last, diagonal);
  if (r->causal && r->window > 0) first = diagonal - r->window;
  *end = (size_t)RUNG_MAX(last, 0);
  *begin = (size_t)RUNG_CLAMP(first, 0, (int64_t)*end);
}

static size_t mask_at(const rung_attention_mask *m, size_t batch, size_t head, size_t row) {
  return batch * m->steps[0] + head * m->steps[1] + row * m->steps[2];
}

#define ATTENTION_ROW(suffix, type, exponential)                                                                   \
  static void show_##suffix(const rung_attention_rows *r, rung_attention_stage stage, size_t batch, size_t head,   \
                            size_t row, const type *s) {                                                           \
    if (!r->shown || r->stage != stage) return;                                                                    \
    size_t columns = (size_t)r->shown->dims[3], at = ((batch * r->q_heads + head) * r->q_length + row) * columns;  \
    rung_store_##suffix(r->shown->dtype, r->shown->data, at, 1, RUNG_MIN(columns, r->total), s);                   \
  }                                                                                                                \
  /* Adds mask elements for columns [j, j + n). */                                                                 \
  static void add_block_##suffix(const rung_attention_mask *m, size_t at, size_t j, size_t n, type *s) {           \
    type bias[BLOCK];                                                                                              \
    rung_load_##suffix(m->tensor->dtype, m->tensor->data, at + j * m->steps[3], m->steps[3], n, bias);             \
    if (m->tensor->dtype == RUNG_BOOL)                                                                             \
      for (size_t i = 0; i < n; i++) bias[i] = bias[i] != 0 ? 0 : (type) - INFINITY;                               \
    for (size_t i = 0; i < n; i++) s[j + i] += bias[i];                                                            \
  }                                                                                                                \
  /* Adds the masks; false when they leave nothing. */                                                             \
  static bool add_masks_##suffix(const rung_attention_rows *r, size_t batch, size_t head, size_t row, type *s) {   \
    size_t begin, end;                                                                                             \
    find_visible(r, batch, row, &begin, &end);                                                                     \
    bool masked = false, visible = false;                                                                          \
    for (int k = 0; k < RUNG_ATTENTION_MASKS; k++) {                                                               \
      const rung_attention_mask *m = &r->masks[k];                                                                 \
      if (!m->tensor) continue;                                                                                    \
      masked = true;                                                                                               \
      for (size_t j = begin; j < end; j += BLOCK)                                                                  \
        add_block_##suffix(m, mask_at(m, batch, head, row), j, RUNG_MIN(end - j, (size_t)BLOCK), s);               \
    }                                                                                                              \
    for (size_t j = begin; j < end && masked && !visible; j++) visible = s[j] != (type) - INFINITY;                \
    for (size_t j = 0; j < begin; j++) s[j] = (type)r->hidden;                                                     \
    for (size_t j = end; j < r->total; j++) s[j] = (type)r->hidden;                                                \
    return masked ? visible : end > begin;                                                                         \
  }                                                                                                                \
  static void weigh_##suffix(const rung_attention_rows *r, size_t head, type *s) {                                 \
    type most = r->kernels.suffix->max(r->total, s), sink = r->sinks ? (type)r->sinks[head] : 0;                   \
    if (r->sinks && sink > most) most = sink;                                                                      \
    type sum = r->kernels.suffix->exponentials(r->total, s, most, s);                                              \
    if (r->sinks) sum += exponential(sink - most);                                                                 \
    r->kernels.suffix->divide(r->total, s, sum);                                                                   \
  }                                                                                                                \
  void rung_attention_row_##suffix(const rung_attention_rows *r, size_t batch, size_t head, size_t row, type *s) { \
    show_##suffix(r, RUNG_ATTENTION_PRODUCT, batch, head, row, s);                                                 \
    if (r->softcap > 0) cap_##suffix(r, r->total, s);                                                              \
    show_##suffix(r, RUNG_ATTENTION_CAPPED, batch, head, row, s);                                                  \
    bool visible = add_masks_##suffix(r, batch, head, row, s);                                                     \
    show_##suffix(r, RUNG_ATTENTION_MASKED, batch, head, row, s);                                                  \
    if (visible)                                                                                                   \
      weigh_##suffix(r, head, s);                                                                                  \
    else                                                                                                           \
      memset(s, 0, r->total * sizeof *s);                                                                          \
    show_##suffix(r, RUNG_ATTENTION_SOFTMAX, batch, head, row, s);                                                 \
  }

static void cap_f32(const rung_attention_rows *r, size_t n, float *s) {
  float cap = r->softcap;
  for (size_t i = 0; i < n; i++) s[i] /= cap;
  r->math->unary[RUNG_MATH_tanh](n, s, s, NULL);
  for (size_t i = 0; i < n; i++) s[i] *= cap;
}

static void cap_f64(const rung_attention_rows *r, size_t n, double *s) {
  double cap = (double)r->softcap;
  for (size_t i = 0; i < n; i++) s[i] = cap * tanh(s[i] / cap);
}

ATTENTION_ROW(f32, float, expf)
ATTENTION_ROW(f64, double, exp)
