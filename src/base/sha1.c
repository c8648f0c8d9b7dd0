/* FIPS 180-4, section 6.1. */
#include "base/sha1.h"

#include <string.h>

enum { BLOCK = 64 };

static uint32_t rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static void add_block(uint32_t h[5], const uint8_t *block) {
  uint32_t w[80];
  for (int t = 0; t < 16; t++)
    w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
           block[4 * t + 3];
  for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int t = 0; t < 80; t++) {
    uint32_t f = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                 : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                 : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                          : (b ^ c ^ d) + 0xca62c1d6;
    uint32_t next = rotate(a, 5) + f + e + w[t];
    e = d, d = c, c = rotate(b, 30), b = a, a = next;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* The last block or two: what is left, a one bit, zeros, the length in bits. */
static void add_tail(uint32_t h[5], const uint8_t *data, size_t left, uint64_t size) {
  uint8_t tail[2 * BLOCK] = {0};
  if (left) memcpy(tail, data, left);
  tail[left] = 0x80;
  size_t blocks = left + 9 > BLOCK ? 2 : 1;
  for (int i = 0; i < 8; i++) tail[blocks * BLOCK - 1 - (size_t)i] = (uint8_t)(size * 8 >> (8 * i));
  for (size_t i = 0; i < blocks; i++) add_block(h, tail + i * BLOCK);
}

const char *rung_sha1_text(const void *data, size_t size, char out[RUNG_SHA1_TEXT]) {
  static const char digits[] = "0123456789abcdef";
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint8_t *bytes = data;
  size_t left = size;
  for (; left >= BLOCK; left -= BLOCK, bytes += BLOCK) add_block(h, bytes);
  add_tail(h, bytes, left, size);
  for (int i = 0; i < 40; i++) out[i] = digits[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
  out[40] = 0;
  return out;
}
