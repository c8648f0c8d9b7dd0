/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/depthwise_f32.h"

static float sum_at(const rung_depthwise_f32 *d, ptrdiff_t oy, ptrdiff_t ox) {
  float sum = 0;
  for (ptrdiff_t ky = 0; ky < d->y.kernel; ky++) {
    ptrdiff_t iy = oy * d->y.stride + ky * d->y.dilation - d->y.begin;
    if (iy < 0 || iy >= d->y.in) continue;
    for (ptrdiff_t kx = 0; kx < d->x.kernel; kx++) {
      ptrdiff_t ix = ox * d->x.stride + kx * d->x.dilation - d->x.begin;
      if (ix >= 0 && ix < d->x.in) sum += d->weights[ky * d->x.kernel + kx] * d->from[iy * d->x.in + ix];
    }
  }
  return sum;
}

static void channel(const rung_depthwise_f32 *d) {
  for (ptrdiff_t oy = 0; oy < d->y.out; oy++)
    for (ptrdiff_t ox = 0; ox < d->x.out; ox++) {
      float s = sum_at(d, oy, ox);
      ptrdiff_t at = oy * d->x.out + ox;
      if (d->flags & RUNG_TILE_ROW_BIAS) s += d->bias;
      if (d->flags & RUNG_TILE_RESIDUAL) s += d->residual[at];
      if (d->flags & RUNG_TILE_CLAMP) {
        s = s < d->low ? d->low : s;
        s = s > d->high ? d->high : s;
      }
      d->to[at] = s;
    }
}

const rung_depthwise_table rung_depthwise_f32_c = {channel, 1};

const rung_depthwise_table *rung_depthwise_f32_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512) return &rung_depthwise_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_depthwise_f32_avx2;
#endif
  (void)features;
  return &rung_depthwise_f32_c;
}
