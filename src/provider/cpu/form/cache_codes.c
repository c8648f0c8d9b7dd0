#include "provider/cpu/form/cache_codes.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/kernel/isa.h"

enum { BLOCK = 256 }; /* even */

/* Adding 1.5 * 2^23 rounds to a whole number, and leaves it in the low bits. */
static int rounded(float x, float least, float most) {
  float moved = (x > least ? x < most ? x : most : least) + 12582912.0f;
  uint32_t bits;
  memcpy(&bits, &moved, sizeof bits);
  return (int)(bits - 0x4b400000u);
}

/* Numbers of one row from `at` on, whose scales are scales[i * step]. */
static void write_codes(size_t bits, size_t at, size_t n, const float *x, const float *scales, size_t step, char *row) {
  if (bits == 8) {
    for (size_t i = 0; i < n; i++) row[at + i] = (char)rounded(x[i] / scales[i * step], -128, 127);
    return;
  }
  for (size_t i = 0; i < n; i += 2) {
    int low = rounded(x[i] / scales[i * step], -8, 7) + 8, high = rounded(x[i + 1] / scales[(i + 1) * step], -8, 7) + 8;
    row[(at + i) / 2] = (char)(low | high << 4);
  }
}

/* Numbers of 4 bits, two from a byte. */
static void unpack(size_t n, const uint8_t *pairs, float *to) {
  for (size_t i = 0; i < n / 2; i++) {
    to[2 * i] = (float)((int)(pairs[i] & 15) - 8);
    to[2 * i + 1] = (float)((int)(pairs[i] >> 4) - 8);
  }
}

static void join_row(const rung_cache_codes *c, size_t i) {
  size_t row = i % c->room, head = i / c->room % c->heads, sample = i / c->room / c->heads;
  size_t bytes = c->head * c->bits / 8, past = (size_t)c->past_lengths[sample], step = c->per_channel;
  const float *scales = c->scales + head * c->head * step;
  char *codes = c->codes + i * bytes;
  float *floats = c->floats + i * c->head, block[BLOCK];
  if (row >= past + c->length) {
    memset(codes, 0, bytes);
    memset(floats, 0, c->head * sizeof *floats);
    return;
  }
  if (row < past) memcpy(codes, c->past + ((sample * c->heads + head) * c->past_room + row) * bytes, bytes);
  for (size_t at = 0; at < c->head && row >= past; at += BLOCK) {
    size_t n = RUNG_MIN(c->head - at, (size_t)BLOCK);
    rung_load_f32(c->current.dtype, c->current.data, rung_view_at(&c->current, sample, head, row - past) + at, 1, n,
                  block);
    write_codes(c->bits, at, n, block, scales + at * step, step, codes);
  }
  if (c->bits == 8)
    rung_load_f32(RUNG_I8, codes, 0, 1, c->head, floats);
  else
    unpack(c->head, (const uint8_t *)codes, floats);
  c->math->binary[RUNG_MATH_mul](c->head, floats, 1, scales, (ptrdiff_t)step, floats, NULL);
}

static void join_rows(void *context, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) join_row(context, i);
}

void rung_cache_codes_join(const rung_kernel_call *call, const rung_cache_codes *c) {
  rung_cache_codes with_math = *c;
  with_math.math = rung_math_for(rung_isa(call->host));
  rung_kernel_parallel(call, c->batch * c->heads * c->room, rung_kernel_grain(c->head), join_rows, &with_math);
}
