/* RFC 7693, without a key. */
#include "base/digest.h"

#include "base/macros.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCK = 128 };

static const uint64_t start[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

/* Which words of the block each round takes, in its order; the last two rounds are the first two again. */
static const uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t x, int bits) { return x >> bits | x << (64 - bits); }

static uint64_t load(const uint8_t *bytes) {
  uint64_t word = 0;
  for (int i = 7; i >= 0; i--) word = word << 8 | bytes[i];
  return word;
}

RUNG_ALWAYS_INLINE void mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y) {
  v[a] += v[b] + x;
  v[d] = rotate(v[d] ^ v[a], 32);
  v[c] += v[d];
  v[b] = rotate(v[b] ^ v[c], 24);
  v[a] += v[b] + y;
  v[d] = rotate(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = rotate(v[b] ^ v[c], 63);
}

/* Written out, so that every index is known when it is compiled: that is three times as fast. */
#define ROUND(r)                                          \
  mix(v, 0, 4, 8, 12, m[order[r][0]], m[order[r][1]]);    \
  mix(v, 1, 5, 9, 13, m[order[r][2]], m[order[r][3]]);    \
  mix(v, 2, 6, 10, 14, m[order[r][4]], m[order[r][5]]);   \
  mix(v, 3, 7, 11, 15, m[order[r][6]], m[order[r][7]]);   \
  mix(v, 0, 5, 10, 15, m[order[r][8]], m[order[r][9]]);   \
  mix(v, 1, 6, 11, 12, m[order[r][10]], m[order[r][11]]); \
  mix(v, 2, 7, 8, 13, m[order[r][12]], m[order[r][13]]);  \
  mix(v, 3, 4, 9, 14, m[order[r][14]], m[order[r][15]])

static void add_block(uint64_t h[8], const uint8_t *block, uint64_t count, bool last) {
  uint64_t v[16], m[16];
  for (int i = 0; i < 16; i++) m[i] = load(block + 8 * i);
  memcpy(v, h, 8 * sizeof v[0]);
  memcpy(v + 8, start, sizeof start);
  v[12] ^= count; /* its upper half stays 0: nobody adds 2^64 bytes */
  if (last) v[14] = ~v[14];
  ROUND(0);
  ROUND(1);
  ROUND(2);
  ROUND(3);
  ROUND(4);
  ROUND(5);
  ROUND(6);
  ROUND(7);
  ROUND(8);
  ROUND(9);
  ROUND(0);
  ROUND(1);
  for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

void rung_digest_init(rung_digest *digest) {
  *digest = (rung_digest){.count = 0};
  memcpy(digest->h, start, sizeof start);
  digest->h[0] ^= 0x01010000 ^ RUNG_DIGEST_SIZE;
}

void rung_digest_add(rung_digest *digest, const void *data, size_t size) {
  const uint8_t *bytes = data;
  while (size) {
    if (digest->filled == BLOCK) {
      add_block(digest->h, digest->block, digest->count, false);
      digest->filled = 0;
    }
    if (!digest->filled && size > BLOCK) { /* straight from the data */
      digest->count += BLOCK;
      add_block(digest->h, bytes, digest->count, false);
      bytes += BLOCK, size -= BLOCK;
      continue;
    }
    size_t part = RUNG_MIN(size, BLOCK - digest->filled);
    memcpy(digest->block + digest->filled, bytes, part);
    digest->filled += part, digest->count += part;
    bytes += part, size -= part;
  }
}

void rung_digest_end(rung_digest *digest, uint8_t out[RUNG_DIGEST_SIZE]) {
  memset(digest->block + digest->filled, 0, BLOCK - digest->filled);
  add_block(digest->h, digest->block, digest->count, true);
  for (int i = 0; i < RUNG_DIGEST_SIZE; i++) out[i] = (uint8_t)(digest->h[i / 8] >> 8 * (i % 8));
}

const char *rung_digest_end_text(rung_digest *digest, char out[RUNG_DIGEST_TEXT]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t bytes[RUNG_DIGEST_SIZE];
  rung_digest_end(digest, bytes);
  for (size_t i = 0; i < RUNG_DIGEST_SIZE; i++) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  out[RUNG_DIGEST_TEXT - 1] = 0;
  return out;
}
