#include "provider/cpu/form/requantize.h"

#include "provider/cpu/form/epilogue.h"

void rung_requantize_run(const rung_requantize *r, const rung_math *math, const rung_quantize_table *table, size_t n,
                         int32_t *sums, size_t index, bool along, uint8_t *to) {
  static const float none = 0;
  if (r->dtype == RUNG_I32) return;
  float *x = (float *)sums;
  table->scale_sums(n, sums, r->scale_is_list ? r->scale + index : r->scale, along && r->scale_is_list,
                    r->bias ? r->bias + index : &none, along && r->bias, x);
  rung_epilogue_activate(math, &r->activation, n, x);
  if (r->dtype != RUNG_F32) table->quantize(n, x, r->y_scale, r->y_zero, r->dtype == RUNG_U8 ? 0 : -128, to);
}
