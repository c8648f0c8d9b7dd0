#include "provider/cpu/form/requantize.h"

/* The clamp comes before the rounding, which is then exact by adding a large number; NaN gives the least. */
void rung_requantize(size_t n, const int32_t *sums, const float *scale, size_t scale_step, int32_t zero,
                     rung_dtype dtype, void *y) {
  const float large = 0x1.8p23f, low = dtype == RUNG_U8 ? 0 : -128, z = (float)zero, least = low - z,
              most = low + 255 - z;
  uint8_t *to = y;
#define LOOP(factor)                                     \
  for (size_t i = 0; i < n; i++) {                       \
    float v = (float)sums[i] * factor;                   \
    v = v > least ? v : least;                           \
    v = v < most ? v : most;                             \
    to[i] = (uint8_t)(int32_t)((v + large) - large + z); \
  }
  if (scale_step)
    LOOP(scale[i])
  else
    LOOP(scale[0])
#undef LOOP
}
