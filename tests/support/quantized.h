/* For tests of 8-bit integers: what becomes of exact sums (form/requantize.h), element by element. */
#ifndef RUNG_TESTS_QUANTIZED_H
#define RUNG_TESTS_QUANTIZED_H

#include "provider/cpu/form/requantize.h"

/* clamp(rint(x / scale) + zero) to [low, low + 255], by way of double; NaN gives low. */
uint8_t plain_quantize(float x, float scale, int32_t zero, int32_t low);

/* One of int32, float32, uint8, int8, with scale and bias for `channels` (guarded memory) so that sums of about `size`
 * fill the range of bytes, and some fall out of it. */
void random_requantize(uint32_t *random, size_t channels, double size, rung_requantize *out);
/* Element `at` of y, from a sum of `channel`. */
void plain_requantize(const rung_requantize *r, int32_t sum, size_t channel, void *y, size_t at);

/* Element `at` of bytes that are int8 or uint8. */
int32_t byte_of(const uint8_t *bytes, int is_signed, size_t at);

#endif
