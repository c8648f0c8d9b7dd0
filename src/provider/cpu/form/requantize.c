#include "provider/cpu/form/requantize.h"

#include "provider/cpu/form/epilogue.h"

#include <math.h>

/* What bounds results before they are quantised, bounds them afterwards, too: dividing and rounding keep the order.
 * Then one pass does it all; false when it cannot. */
static bool run_at_once(const rung_requantize *r, const rung_quantize_table *table, size_t n, const int32_t *sums,
                        float scale, float bias, uint8_t *to) {
  int32_t lowest = r->dtype == RUNG_U8 ? 0 : -128;
  float least = (float)(lowest - r->y_zero), most = least + 255, low = -INFINITY, high = INFINITY;
  if (r->activation.kind == RUNG_ACTIVATION_RELU)
    low = 0;
  else if (r->activation.kind == RUNG_ACTIVATION_CLIP)
    low = r->activation.alpha / r->y_scale, high = r->activation.beta / r->y_scale;
  else if (r->activation.kind != RUNG_ACTIVATION_NONE)
    return false;
  if (!(r->y_scale > 0 && r->y_scale < INFINITY && low <= high && isfinite(scale) && isfinite(bias))) return false;
  table->requantize(n, sums, scale, bias, r->y_scale, RUNG_CLAMP(low, least, most), RUNG_CLAMP(high, least, most),
                    r->y_zero, to);
  return true;
}

void rung_requantize_run(const rung_requantize *r, const rung_math *math, const rung_quantize_table *table, size_t n,
                         int32_t *sums, size_t index, bool along, uint8_t *to) {
  static const float none = 0;
  if (r->dtype == RUNG_I32) return;
  bool single = !along || (!r->scale_is_list && !r->bias);
  if (r->dtype != RUNG_F32 && single &&
      run_at_once(r, table, n, sums, r->scale_is_list ? r->scale[index] : *r->scale, r->bias ? r->bias[index] : 0, to))
    return;
  float *x = (float *)sums;
  table->scale_sums(n, sums, r->scale_is_list ? r->scale + index : r->scale, along && r->scale_is_list,
                    r->bias ? r->bias + index : &none, along && r->bias, x);
  rung_epilogue_activate(math, &r->activation, n, x);
  if (r->dtype != RUNG_F32) table->quantize(n, x, r->y_scale, r->y_zero, r->dtype == RUNG_U8 ? 0 : -128, to);
}
