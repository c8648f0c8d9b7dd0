/* BMP of Windows and OS/2: 1, 2, 4 and 8 bits with a palette, also run-length encoded, and 16, 24 and 32 bits, also
 * with masks. */
#include "picture/codec.h"

enum { RGB, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 6 };

typedef struct mask {
  uint32_t bits, most; /* most: the largest value of the field, 0 when there is none */
  int shift;
} mask;

typedef struct bmp {
  rung_picture_reader *r;
  size_t width, height;
  bool from_top;
  uint32_t bits, compression;
  size_t data; /* where the pixels begin */
  mask masks[4];
  uint8_t palette[256][3]; /* RGB; what is not in the file is black */
} bmp;

/* Two letters are few: the size of the head is looked at, too. */
static bool is_bmp(const uint8_t *data, size_t size) {
  return size >= 18 && data[0] == 'B' && data[1] == 'M' && rung__get32le(data + 14) >= 12 &&
         rung__get32le(data + 14) <= 256;
}

static uint32_t word(const bmp *b, size_t at) { return rung__get32le(b->r->data + at); }

static mask mask_of(uint32_t bits) {
  mask m = {bits, bits, 0};
  while (m.most && !(m.most & 1)) m.most >>= 1, m.shift++;
  return m;
}

/* Masks stand behind a head of 40 bytes, or in a longer one. */
static rung_status *read_masks(bmp *b, size_t head) {
  bool given = b->compression == BITFIELDS || b->compression == ALPHA_BITFIELDS;
  uint32_t bits[4] = {b->bits == 16 ? 0x7c00 : 0xff0000, b->bits == 16 ? 0x3e0 : 0xff00, b->bits == 16 ? 0x1f : 0xff,
                      0};
  size_t count = head >= 56 || b->compression == ALPHA_BITFIELDS ? 4 : 3;
  if (given) {
    RUNG_REQUIRE(54 + 4 * count <= b->r->size, INVALID_ARGUMENT, "the file ends early");
    for (size_t i = 0; i < count; i++) bits[i] = word(b, 54 + 4 * i);
  }
  for (size_t i = 0; i < 4; i++) b->masks[i] = mask_of(bits[i]);
  return NULL;
}

static void read_palette(bmp *b, size_t at, size_t entry, size_t count) {
  for (size_t i = 0; i < count && at + (i + 1) * entry <= b->r->size; i++)
    for (size_t c = 0; c < 3; c++) b->palette[i][c] = b->r->data[at + i * entry + 2 - c];
}

static rung_status *read_head(bmp *b) {
  const rung_picture_reader *r = b->r;
  RUNG_REQUIRE(r->size >= 26, INVALID_ARGUMENT, "the file ends early");
  size_t head = word(b, 14), colours = 0;
  b->data = word(b, 10);
  RUNG_REQUIRE(head == 12 || (head >= 16 && head <= 256), INVALID_ARGUMENT, "its head has %zu bytes", head);
  RUNG_REQUIRE(14 + RUNG_MAX(head, 40) <= r->size || head == 12, INVALID_ARGUMENT, "the file ends early");
  if (head == 12) {
    b->width = rung__get16le(r->data + 18), b->height = rung__get16le(r->data + 20);
    b->bits = rung__get16le(r->data + 24);
  } else {
    uint32_t height = word(b, 22);
    b->width = word(b, 18);
    b->from_top = height >> 31;
    b->height = b->from_top ? 0u - height : height;
    b->bits = rung__get16le(r->data + 28);
    b->compression = head >= 40 ? word(b, 30) : RGB;
    colours = head >= 40 ? word(b, 46) : 0;
  }
  bool small = b->bits == 1 || b->bits == 2 || b->bits == 4 || b->bits == 8;
  bool masked = b->compression == BITFIELDS || b->compression == ALPHA_BITFIELDS;
  bool fits = b->compression == RGB    ? small || b->bits == 16 || b->bits == 24 || b->bits == 32
              : b->compression == RLE8 ? b->bits == 8
              : b->compression == RLE4 ? b->bits == 4
                                       : masked && (b->bits == 16 || b->bits == 32);
  RUNG_REQUIRE(fits, UNSUPPORTED, "%u bits with compression %u are not read", b->bits, b->compression);
  if (b->bits > 8) return read_masks(b, head);
  size_t all = (size_t)1 << b->bits;
  read_palette(b, 14 + head, head == 12 ? 3 : 4, colours && colours < all ? colours : all);
  return NULL;
}

/* Rows of bits */

static void indexed_row(const bmp *b, const uint8_t *from, uint8_t *row) {
  for (size_t x = 0; x < b->width; x++) {
    size_t bit = x * b->bits;
    size_t index = from[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1);
    memcpy(row + 3 * x, b->palette[index], 3);
  }
}

static uint8_t field(const mask *m, uint32_t pixel) {
  return m->most ? (uint8_t)((uint64_t)((pixel & m->bits) >> m->shift) * 255 / m->most) : 0;
}

static void masked_row(const bmp *b, const uint8_t *from, uint8_t *row) {
  size_t channels = b->r->channels;
  for (size_t x = 0; x < b->width; x++)
    for (size_t c = 0; c < channels; c++)
      row[channels * x + c] =
          field(&b->masks[c], b->bits == 16 ? rung__get16le(from + 2 * x) : rung__get32le(from + 4 * x));
}

static void bgr_row(const bmp *b, const uint8_t *from, uint8_t *row) {
  for (size_t x = 0; x < b->width; x++)
    for (size_t c = 0; c < 3; c++) row[3 * x + c] = from[3 * x + 2 - c];
}

static rung_status *read_rows(bmp *b, uint8_t *row) {
  size_t stride = (b->width * b->bits + 31) / 32 * 4, bytes = (b->width * b->bits + 7) / 8;
  for (size_t i = 0; i < b->height; i++) {
    size_t at = b->data + i * stride;
    RUNG_REQUIRE(at <= b->r->size && bytes <= b->r->size - at, INVALID_ARGUMENT,
                 "the file ends early, in row %zu of %zu", i, b->height);
    const uint8_t *from = b->r->data + at;
    if (b->bits <= 8)
      indexed_row(b, from, row);
    else if (b->bits == 24)
      bgr_row(b, from, row);
    else
      masked_row(b, from, row);
    RUNG_TRY(rung__picture_row(b->r, b->from_top ? i : b->height - 1 - i, row));
  }
  return NULL;
}

/* Runs */

typedef struct runs {
  size_t at, x, y;
  uint8_t *indices; /* (height, width), rows in the order of the file */
} runs;

/* Writes `count` indices, all from `from` with one byte repeated, or one after the other. Those outside are dropped. */
static void put(const bmp *b, runs *s, const uint8_t *from, size_t count, bool repeated) {
  for (size_t i = 0; i < count; i++, s->x++) {
    if (s->x >= b->width || s->y >= b->height) continue;
    uint8_t byte = from[repeated ? 0 : b->bits == 8 ? i : i / 2];
    s->indices[s->y * b->width + s->x] = b->bits == 8 ? byte : i % 2 ? byte & 15 : byte >> 4;
  }
}

/* What stands behind a 0: the end of a row or of the picture, a jump, or indices. */
static rung_status *escape(const bmp *b, runs *s, uint8_t code, bool *ends) {
  const uint8_t *data = b->r->data;
  size_t bytes = code == 2 ? 2 : code < 2 ? 0 : b->bits == 8 ? code : (code + 1u) / 2;
  RUNG_REQUIRE(bytes <= b->r->size - s->at, INVALID_ARGUMENT, "the file ends early, in row %zu of %zu", s->y,
               b->height);
  *ends = code == 1;
  if (code == 0) s->x = 0, s->y++;
  if (code == 2) s->x += data[s->at], s->y += data[s->at + 1];
  if (code > 2) put(b, s, data + s->at, code, false);
  s->at += code > 2 ? bytes + bytes % 2 : bytes;
  return NULL;
}

static rung_status *read_runs(bmp *b, runs *s) {
  bool ends = false;
  size_t looked = 0;
  for (s->at = b->data; !ends && s->y < b->height;) {
    RUNG_REQUIRE(s->at < b->r->size && b->r->size - s->at >= 2, INVALID_ARGUMENT,
                 "the file ends early, in row %zu of %zu", s->y, b->height);
    const uint8_t *pair = b->r->data + s->at;
    s->at += 2;
    if (pair[0])
      put(b, s, pair + 1, pair[0], true);
    else
      RUNG_TRY(escape(b, s, pair[1], &ends));
    if (++looked % 4096 == 0 && rung__picture_stopped(b->r)) return rung__picture_cancelled();
  }
  return NULL;
}

static rung_status *decode_runs(bmp *b, uint8_t *row) {
  runs s = {.indices = rung_alloc(b->r->allocator, b->width, b->height, "picture")};
  RUNG_CHECK_ALLOC(s.indices);
  rung_status *status = read_runs(b, &s);
  for (size_t i = 0; i < b->height && !status; i++) {
    for (size_t x = 0; x < b->width; x++) memcpy(row + 3 * x, b->palette[s.indices[i * b->width + x]], 3);
    status = rung__picture_row(b->r, b->from_top ? i : b->height - 1 - i, row);
  }
  rung_free(b->r->allocator, s.indices);
  return status;
}

static rung_status *decode_bmp(rung_picture_reader *r) {
  bmp b = {.r = r};
  RUNG_TRY(read_head(&b));
  size_t channels = b.masks[3].bits ? 4 : 3;
  RUNG_TRY(rung__picture_begin(r, b.width, b.height, channels));
  uint8_t *row = rung_alloc(r->allocator, b.width, channels, "picture");
  RUNG_CHECK_ALLOC(row);
  bool has_runs = b.compression == RLE8 || b.compression == RLE4;
  rung_status *status = has_runs ? decode_runs(&b, row) : read_rows(&b, row);
  rung_free(r->allocator, row);
  return status;
}

const rung_picture_codec rung__picture_bmp = {.name = "BMP", .recognise = is_bmp, .decode = decode_bmp};
