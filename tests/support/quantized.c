#include "support/quantized.h"

#include "provider/cpu/form/epilogue.h"
#include "support/kernels.h"

#include <math.h>

uint8_t plain_quantize(float x, float scale, int32_t zero, int32_t low) {
  float v = x / scale;
  if (isnan(v)) return (uint8_t)low;
  double rounded = rint((double)v) + zero;
  return (uint8_t)(int32_t)fmin(fmax(rounded, low), low + 255);
}

void random_requantize(uint32_t *random, size_t channels, double size, rung_requantize *r) {
  static const rung_dtype dtypes[] = {RUNG_I32, RUNG_F32, RUNG_U8, RUNG_I8};
  float *scale = guarded(channels * sizeof *scale, sizeof *scale),
        *bias = guarded(channels * sizeof *bias, sizeof *bias);
  for (size_t i = 0; i < channels; i++) {
    scale[i] = (float)(random_below(random, 2000) + 1) / (1000 * (float)size);
    bias[i] = (float)random_below(random, 2000) / 1000 - 1;
  }
  *r = (rung_requantize){.dtype = dtypes[random_below(random, 4)],
                         .scale = scale,
                         .scale_is_list = random_below(random, 2),
                         .bias = random_below(random, 2) ? bias : NULL,
                         .activation = {random_below(random, RUNG_ACTIVATION_GELU + 1), 0.25f, 0.75f},
                         .y_scale = 0.01f};
  r->y_zero = (int32_t)random_below(random, 256) - (r->dtype == RUNG_I8 ? 128 : 0);
}

void plain_requantize(const rung_requantize *r, int32_t sum, size_t channel, void *y, size_t at) {
  if (r->dtype == RUNG_I32) {
    ((int32_t *)y)[at] = sum;
    return;
  }
  float x = (float)sum * r->scale[r->scale_is_list ? channel : 0];
  x += r->bias ? r->bias[channel] : 0;
  rung_epilogue_activate(rung_math_for(0), &r->activation, 1, &x);
  if (r->dtype == RUNG_F32)
    ((float *)y)[at] = x;
  else
    ((uint8_t *)y)[at] = plain_quantize(x, r->y_scale, r->y_zero, r->dtype == RUNG_U8 ? 0 : -128);
}

int32_t byte_of(const uint8_t *bytes, int is_signed, size_t at) { return is_signed ? (int8_t)bytes[at] : bytes[at]; }
