#include "provider/cpu/form/norm_rows.h"

#include <math.h>

#define NORM_ROW(suffix, type, root)                                                                             \
  /* y = (x - mean) * factor * scale + bias over one run of elements with one scale, or a scale each (step 1) */ \
  static void apply_##suffix(const rung_norm *j, size_t row, size_t n, const type *x, type mean, type inverse,   \
                             type *y) {                                                                          \
    const rung_row_operand *s = &j->scale, *b = &j->bias;                                                        \
    const type *scale = s->at ? (const type *)s->at + row % s->period * s->step : NULL;                          \
    const type *bias = b->at ? (const type *)b->at + row % b->period * b->step : NULL;                           \
    size_t repeat = scale ? s->repeat : n;                                                                       \
    if (repeat > 1 || !scale) {                                                                                  \
      for (size_t at = 0, c = 0; at < n; at += repeat, c++) {                                                    \
        type factor = scale ? scale[c] : 1, shift = bias ? bias[c] : 0;                                          \
        RUNG_ROW_LOOP(j->call, at, at + repeat, i, y[i] = (x[i] - mean) * inverse * factor + shift)              \
      }                                                                                                          \
    } else if (bias) {                                                                                           \
      RUNG_ROW_LOOP(j->call, 0, n, i, y[i] = (x[i] - mean) * inverse * scale[i] + bias[i])                       \
    } else {                                                                                                     \
      RUNG_ROW_LOOP(j->call, 0, n, i, y[i] = (x[i] - mean) * inverse * scale[i])                                 \
    }                                                                                                            \
  }                                                                                                              \
  void rung_norm_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {                     \
    const rung_norm *j = context;                                                                                \
    type mean = j->centred ? j->kernels.suffix->sum(n, x) / (type)n : 0;                                         \
    type variance = j->kernels.suffix->squares(n, x, mean) / (type)n;                                            \
    type inverse = 1 / root(variance + (type)j->epsilon);                                                        \
    if (j->means) ((type *)j->means)[row] = mean;                                                                \
    if (j->inverses) ((type *)j->inverses)[row] = inverse;                                                       \
    apply_##suffix(j, row, n, x, mean, inverse, y);                                                              \
  }
NORM_ROW(f32, float, sqrtf)
NORM_ROW(f64, double, sqrt)
const rung_row_functions rung_norm_rows = {rung_norm_row_f32, rung_norm_row_f64};

size_t rung_norm_size(rung_dtype dtype) { return dtype == RUNG_F64 ? sizeof(double) : sizeof(float); }
size_t rung_norm_bytes(size_t count, rung_dtype dtype) {
  return RUNG_ROUND_UP(count * rung_norm_size(dtype), RUNG_TENSOR_ALIGN);
}

void rung_norm_load(const rung_tensor *from, rung_dtype dtype, void *to) {
  size_t n = rung_tensor_count(from);
  if (dtype == RUNG_F64)
    rung_load_f64(from->dtype, from->data, 0, 1, n, to);
  else
    rung_load_f32(from->dtype, from->data, 0, 1, n, to);
}

void rung_norm_store(rung_tensor *to, rung_dtype dtype, const void *from) {
  size_t n = rung_tensor_count(to);
  if (dtype == RUNG_F64)
    rung_store_f64(to->dtype, to->data, 0, 1, n, from);
  else
    rung_store_f32(to->dtype, to->data, 0, 1, n, from);
}
