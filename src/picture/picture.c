/* The table of formats, what all of them share, and rows in the form that the caller wants. */
#include "picture/picture.h"

#include "picture/codec.h"

#define CODEC(symbol) &rung__picture_##symbol,
static const rung_picture_codec *const codecs[] = {RUNG_PICTURE_CODECS(CODEC)};

enum { LOOK_EVERY = 1 << 20 }; /* samples between two looks at whether to stop */

static const rung_picture_codec *find_codec(const void *data, size_t size) {
  for (size_t i = 0; i < RUNG_COUNT(codecs); i++)
    if (codecs[i]->recognise(data, size)) return codecs[i];
  return NULL;
}

static const char *lacks(const rung_picture_codec *codec) {
  char path[RUNG_PATH_MAX];
  if (!codec->decode) return codec->lacking;
  return codec->library && !rung_dylib_look(NULL, codec->library, path) ? codec->lacking : NULL;
}

const char *rung_picture_format_name(size_t index, const char **out_lacking) {
  if (index >= RUNG_COUNT(codecs)) return NULL;
  if (out_lacking) *out_lacking = lacks(codecs[index]);
  return codecs[index]->name;
}

const char *rung_picture_recognise(const void *data, size_t size) {
  const rung_picture_codec *codec = find_codec(data, size);
  return codec ? codec->name : NULL;
}

rung_status *rung_picture_read(const rung_allocator *allocator, const void *data, size_t size,
                               const rung_picture_sink *sink) {
  const rung_picture_codec *codec = find_codec(data, size);
  RUNG_REQUIRE(codec, INVALID_ARGUMENT,
               "%zu bytes are no picture of a known format (BMP, JPEG, JPEG 2000, PNG, PNM, TIFF, WebP)", size);
  RUNG_REQUIRE(codec->decode, UNAVAILABLE, "%s", codec->lacking);
  rung_picture_reader reader = {.allocator = allocator, .data = data, .size = size, .sink = sink};
  rung_status *status = codec->decode(&reader);
  bool damaged = status && rung_status_code(status) != RUNG_CANCELLED && rung_status_code(status) != RUNG_UNAVAILABLE;
  return damaged ? rung_status_prefix(status, "the %s picture", codec->name) : status;
}

rung_status *rung__picture_load(const rung_allocator *allocator, const rung_picture_codec *codec,
                                const char *const *symbols, size_t count, void *table, rung_dylib **out_dylib) {
  rung_dylib *dylib;
  rung_status *status = rung_dylib_open(allocator, codec->library, &dylib);
  if (status) return rung_status_prefix(status, "%s", codec->lacking);
  rung_dylib_keep(dylib);
  status = rung_dylib_bind(dylib, symbols, count, table);
  if (status)
    rung_dylib_close(&dylib);
  else
    *out_dylib = dylib;
  return status;
}

/* Rows */

size_t rung_picture_channels(rung_picture_form form) {
  return form == RUNG_PICTURE_GRAY ? 1 : form == RUNG_PICTURE_RGBA ? 4 : 3;
}

bool rung__picture_stopped(const rung_picture_reader *r) {
  return r->sink->stopped && r->sink->stopped(r->sink->context);
}

rung_status *rung__picture_cancelled(void) { return RUNG_ERROR(CANCELLED, "the decoding of a picture was cancelled"); }

rung_status *rung__picture_begin(rung_picture_reader *r, size_t width, size_t height, size_t channels) {
  RUNG_REQUIRE(width && height, INVALID_ARGUMENT, "it has %zu x %zu pixels", width, height);
  RUNG_REQUIRE(width <= RUNG_PICTURE_MOST_PIXELS && height <= RUNG_PICTURE_MOST_PIXELS / width, LIMIT,
               "%zu x %zu pixels are more than the %zu that are read", width, height, RUNG_PICTURE_MOST_PIXELS);
  r->width = width, r->height = height, r->channels = channels;
  return r->sink->begin(r->sink->context, width, height, &r->pixels);
}

/* The weights of ITU-R BT.601 in 16 bits, as Pillow has them. */
static uint8_t luma(const uint8_t *rgb) {
  return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static void to_gray(const uint8_t *from, size_t channels, uint8_t *to, size_t count) {
  for (size_t i = 0; i < count; i++, from += channels) to[i] = channels < 3 ? from[0] : luma(from);
}

static void to_colour(const uint8_t *from, size_t channels, uint8_t *to, size_t count, size_t red, size_t stride) {
  size_t green = channels < 3 ? 0 : 1, blue = channels < 3 ? 0 : 2;
  for (size_t i = 0; i < count; i++, from += channels, to += stride) {
    to[red] = from[0], to[1] = from[green], to[2 - red] = from[blue];
    if (stride == 4) to[3] = channels % 2 == 0 ? from[channels - 1] : 255;
  }
}

rung_status *rung__picture_row(rung_picture_reader *r, size_t y, const uint8_t *samples) {
  size_t stride = rung_picture_channels(r->sink->form);
  uint8_t *to = r->pixels + y * r->width * stride;
  if (r->sink->form == RUNG_PICTURE_GRAY)
    to_gray(samples, r->channels, to, r->width);
  else
    to_colour(samples, r->channels, to, r->width, r->sink->form == RUNG_PICTURE_BGR ? 2 : 0, stride);
  r->since_look += r->width * r->channels;
  if (r->since_look < LOOK_EVERY) return NULL;
  r->since_look = 0;
  return rung__picture_stopped(r) ? rung__picture_cancelled() : NULL;
}

/* a * b / 255, rounded */
static uint32_t product_of_parts(uint32_t a, uint32_t b) {
  uint32_t x = a * b + 128;
  return ((x >> 8) + x) >> 8;
}

void rung__picture_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count) {
  for (size_t i = 0; i < count; i++, cmyk += 4, rgb += 3) {
    uint32_t light = 255u - cmyk[3], rest[3];
    for (int c = 0; c < 3; c++) rest[c] = light - product_of_parts(cmyk[c], light);
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)rest[c];
  }
}
