#include "provider/cpu/form/letters.h"

#include "base/macros.h"

size_t rung_utf8_read(const char *bytes, size_t size, uint32_t *out_point) {
  static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *b = (const unsigned char *)bytes;
  size_t length = b[0] < 0x80                   ? 1
                  : b[0] >= 0xf0 && b[0] < 0xf8 ? 4
                  : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
                  : b[0] >= 0xc0 && b[0] < 0xe0 ? 2
                                                : 0;
  uint32_t point = length == 1 ? b[0] : b[0] & (0x7fu >> length);
  *out_point = RUNG_UTF8_INVALID + b[0];
  if (length == 0 || length > size) return 1;
  for (size_t i = 1; i < length; i++) {
    if ((b[i] & 0xc0) != 0x80) return 1;
    point = point << 6 | (b[i] & 0x3f);
  }
  if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return 1;
  *out_point = point;
  return length;
}

size_t rung_utf8_write(uint32_t point, char *bytes) {
  if (point < 0x80 || point >= RUNG_UTF8_INVALID) {
    bytes[0] = (char)(point & 0xff);
    return 1;
  }
  size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, point >>= 6) bytes[i] = (char)(0x80 | (point & 0x3f));
  bytes[0] = (char)((0xf00u >> length & 0xff) | point);
  return length;
}

/* Capitals from `first` to `last`, every `step`-th; the small letter is `small` further on. In order. */
static const struct {
  uint32_t first, last;
  int32_t step, small;
} pairs[] = {
    {0x0041, 0x005a, 1, 32},    {0x00c0, 0x00d6, 1, 32},    {0x00d8, 0x00de, 1, 32},    {0x0100, 0x012e, 2, 1},
    {0x0132, 0x0136, 2, 1},     {0x0139, 0x0147, 2, 1},     {0x014a, 0x0176, 2, 1},     {0x0178, 0x0178, 1, -121},
    {0x0179, 0x017d, 2, 1},     {0x01a0, 0x01a4, 2, 1},     {0x01cd, 0x01db, 2, 1},     {0x01de, 0x01ee, 2, 1},
    {0x01f8, 0x021e, 2, 1},     {0x0222, 0x0232, 2, 1},     {0x0246, 0x024e, 2, 1},     {0x0370, 0x0372, 2, 1},
    {0x0376, 0x0376, 1, 1},     {0x037f, 0x037f, 1, 116},   {0x0386, 0x0386, 1, 38},    {0x0388, 0x038a, 1, 37},
    {0x038c, 0x038c, 1, 64},    {0x038e, 0x038f, 1, 63},    {0x0391, 0x03a1, 1, 32},    {0x03a3, 0x03ab, 1, 32},
    {0x03d8, 0x03ee, 2, 1},     {0x03fd, 0x03ff, 1, -130},  {0x0400, 0x040f, 1, 80},    {0x0410, 0x042f, 1, 32},
    {0x0460, 0x0480, 2, 1},     {0x048a, 0x04be, 2, 1},     {0x04c1, 0x04cd, 2, 1},     {0x04d0, 0x052e, 2, 1},
    {0x0531, 0x0556, 1, 48},    {0x10a0, 0x10c5, 1, 7264},  {0x13a0, 0x13ef, 1, 38864}, {0x13f0, 0x13f5, 1, 8},
    {0x1c90, 0x1cba, 1, -3008}, {0x1cbd, 0x1cbf, 1, -3008}, {0x1e00, 0x1e94, 2, 1},     {0x1ea0, 0x1efe, 2, 1},
    {0x1f08, 0x1f0f, 1, -8},    {0x1f18, 0x1f1d, 1, -8},    {0x1f28, 0x1f2f, 1, -8},    {0x1f38, 0x1f3f, 1, -8},
    {0x1f48, 0x1f4d, 1, -8},    {0x1f59, 0x1f5f, 2, -8},    {0x1f68, 0x1f6f, 1, -8},    {0x1fc8, 0x1fcb, 1, -86},
    {0x2160, 0x216f, 1, 16},    {0x24b6, 0x24cf, 1, 26},    {0x2c00, 0x2c2f, 1, 48},    {0x2c67, 0x2c6b, 2, 1},
    {0x2c80, 0x2ce2, 2, 1},     {0xa640, 0xa66c, 2, 1},     {0xa680, 0xa69a, 2, 1},     {0xa722, 0xa72e, 2, 1},
    {0xa732, 0xa76e, 2, 1},     {0xa77e, 0xa786, 2, 1},     {0xa796, 0xa7a8, 2, 1},     {0xa7b4, 0xa7c2, 2, 1},
    {0xff21, 0xff3a, 1, 32},    {0x10400, 0x10427, 1, 40},  {0x104b0, 0x104d3, 1, 40},  {0x10570, 0x1057a, 1, 39},
    {0x1057c, 0x1058a, 1, 39},  {0x1058c, 0x10592, 1, 39},  {0x10c80, 0x10cb2, 1, 64},  {0x118a0, 0x118bf, 1, 32},
    {0x16e40, 0x16e5f, 1, 32},  {0x1e900, 0x1e921, 1, 34}};

uint32_t rung_lower_case(uint32_t point) {
  for (size_t i = 0; i < RUNG_COUNT(pairs) && point >= pairs[i].first; i++)
    if (point <= pairs[i].last && (point - pairs[i].first) % (uint32_t)pairs[i].step == 0)
      return point + (uint32_t)pairs[i].small;
  return point;
}

uint32_t rung_upper_case(uint32_t point) {
  for (size_t i = 0; i < RUNG_COUNT(pairs); i++) {
    uint32_t capital = point - (uint32_t)pairs[i].small;
    if (capital >= pairs[i].first && capital <= pairs[i].last &&
        (capital - pairs[i].first) % (uint32_t)pairs[i].step == 0)
      return capital;
  }
  return point;
}
