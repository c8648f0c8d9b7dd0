/* PBM, PGM and PPM, as text (P1 to P3) and as bytes (P4 to P6). */
#include "picture/codec.h"

#include <math.h>

typedef struct pnm {
  rung_picture_reader *r;
  size_t at;
  int kind; /* 1 to 6 */
  uint32_t most;
} pnm;

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_pnm(const uint8_t *data, size_t size) {
  return size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6' && (is_space(data[2]) || data[2] == '#');
}

static void skip_space(pnm *p) {
  const rung_picture_reader *r = p->r;
  for (; p->at < r->size && (is_space(r->data[p->at]) || r->data[p->at] == '#'); p->at++)
    if (r->data[p->at] == '#')
      while (p->at + 1 < r->size && r->data[p->at] != '\n' && r->data[p->at] != '\r') p->at++;
}

static rung_status *read_number(pnm *p, uint32_t most, uint32_t *out) {
  const rung_picture_reader *r = p->r;
  skip_space(p);
  size_t first = p->at;
  uint32_t value = 0;
  for (; p->at < r->size && r->data[p->at] >= '0' && r->data[p->at] <= '9' && value <= most; p->at++)
    value = 10 * value + (uint32_t)(r->data[p->at] - '0');
  RUNG_REQUIRE(p->at > first || p->at < r->size, INVALID_ARGUMENT, "the file ends early");
  RUNG_REQUIRE(p->at > first, INVALID_ARGUMENT, "byte %zu is no number", first);
  RUNG_REQUIRE(value <= most, INVALID_ARGUMENT, "the number at byte %zu is above %u", first, most);
  *out = value;
  return NULL;
}

/* Bits need no space between them. */
static rung_status *read_bit(pnm *p, uint8_t *out) {
  const rung_picture_reader *r = p->r;
  skip_space(p);
  RUNG_REQUIRE(p->at < r->size, INVALID_ARGUMENT, "the file ends early");
  uint8_t c = r->data[p->at];
  RUNG_REQUIRE(c == '0' || c == '1', INVALID_ARGUMENT, "byte %zu is neither 0 nor 1", p->at);
  p->at++;
  *out = c == '1' ? 0 : 255;
  return NULL;
}

static uint8_t scale(const pnm *p, uint32_t value) {
  return p->most == 255 ? (uint8_t)value : (uint8_t)rint((double)value / p->most * 255);
}

static rung_status *text_row(pnm *p, uint8_t *row, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value;
    if (p->kind == 1) {
      RUNG_TRY(read_bit(p, &row[i]));
    } else {
      RUNG_TRY(read_number(p, p->most, &value));
      row[i] = scale(p, value);
    }
  }
  return NULL;
}

static rung_status *byte_row(pnm *p, uint8_t *row, size_t count) {
  size_t width = p->most > 255 ? 2 : 1, bytes = p->kind == 4 ? count / 8 + (count % 8 != 0) : count * width;
  RUNG_REQUIRE(bytes <= p->r->size - p->at, INVALID_ARGUMENT, "the file ends early");
  const uint8_t *from = p->r->data + p->at;
  p->at += bytes;
  for (size_t i = 0; i < count; i++) {
    if (p->kind == 4) {
      row[i] = from[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
      continue;
    }
    uint32_t value = width == 2 ? (uint32_t)from[2 * i] << 8 | from[2 * i + 1] : from[i];
    row[i] = scale(p, RUNG_MIN(value, p->most));
  }
  return NULL;
}

static rung_status *read_head(pnm *p, uint32_t *width, uint32_t *height) {
  enum { MOST_SIDE = 1 << 28 };
  p->kind = p->r->data[1] - '0';
  p->at = 2;
  p->most = 1;
  RUNG_TRY(read_number(p, MOST_SIDE, width));
  RUNG_TRY(read_number(p, MOST_SIDE, height));
  if (p->kind != 1 && p->kind != 4) RUNG_TRY(read_number(p, 65535, &p->most));
  RUNG_REQUIRE(p->most, INVALID_ARGUMENT, "its largest value is 0");
  p->at += p->at < p->r->size; /* one space */
  return NULL;
}

static rung_status *decode_pnm(rung_picture_reader *r) {
  pnm p = {.r = r};
  uint32_t width, height;
  RUNG_TRY(read_head(&p, &width, &height));
  size_t channels = p.kind % 3 == 0 ? 3 : 1;
  RUNG_TRY(rung__picture_begin(r, width, height, channels));
  uint8_t *row = rung_alloc(r->allocator, width, channels, "picture");
  RUNG_CHECK_ALLOC(row);
  rung_status *status = NULL;
  for (size_t y = 0; y < height && !status; y++) {
    status = p.kind < 4 ? text_row(&p, row, width * channels) : byte_row(&p, row, width * channels);
    if (!status) status = rung__picture_row(r, y, row);
  }
  rung_free(r->allocator, row);
  return status;
}

const rung_picture_codec rung__picture_pnm = {.name = "PNM", .recognise = is_pnm, .decode = decode_pnm};
