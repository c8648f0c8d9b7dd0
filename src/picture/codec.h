/* What a decoder of one format is, and what it gets. A codec is one file picture_<format>.c that exports one constant.
 */
#ifndef RUNG_PICTURE_CODEC_H
#define RUNG_PICTURE_CODEC_H

#include "base/dylib.h"
#include "picture/picture.h"

/* One picture that is being read. */
typedef struct rung_picture_reader {
  const rung_allocator *allocator;
  const uint8_t *data;
  size_t size;
  const rung_picture_sink *sink;
  size_t width, height;
  size_t channels; /* of the rows that the codec gives: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA */
  uint8_t *pixels; /* the sink's */
  size_t since_look;
} rung_picture_reader;

typedef struct rung_picture_codec {
  const char *name;
  const char *library; /* its soname; NULL: none is needed, or the build lacks the headers */
  const char *lacking; /* what to say where the library is not there; without a library: where the build lacks it */
  bool (*recognise)(const uint8_t *data, size_t size);
  rung_status *(*decode)(rung_picture_reader *reader); /* NULL: the build lacks the headers */
} rung_picture_codec;

/* All of them. */
#define RUNG_PICTURE_CODECS(X) X(bmp) X(jpeg) X(jp2) X(png) X(pnm) X(tiff) X(webp)
#define RUNG_PICTURE_CODEC(symbol) extern const rung_picture_codec rung__picture_##symbol;
RUNG_PICTURE_CODECS(RUNG_PICTURE_CODEC)

/* Texts for `lacking`. */
#define RUNG_PICTURE_MISSING(name, soname, package) \
  name " pictures need " soname ", which is not on this machine; install " package
#define RUNG_PICTURE_NOT_BUILT(name, package) \
  name " pictures were left out of this rung; build it with the headers of " package

/* The codec knows the size: checks it, and asks the sink for room. To be called once, before rows. */
rung_status *rung__picture_begin(rung_picture_reader *reader, size_t width, size_t height,
                                 size_t channels) RUNG_MUST_CHECK;
/* Row `y` as (width, channels), in any order. CANCELLED when the sink was stopped. */
rung_status *rung__picture_row(rung_picture_reader *reader, size_t y, const uint8_t *samples) RUNG_MUST_CHECK;
bool rung__picture_stopped(const rung_picture_reader *reader);
rung_status *rung__picture_cancelled(void) RUNG_MUST_CHECK RUNG_NEVER_NULL;

/* Loads a library for one picture and fills `table`, a struct of function pointers in the order of `symbols`. Once
 * loaded it stays in the process, so that the next picture finds it at once; the caller closes *out_dylib. */
rung_status *rung__picture_load(const rung_allocator *allocator, const rung_picture_codec *codec,
                                const char *const *symbols, size_t count, void *table,
                                rung_dylib **out_dylib) RUNG_MUST_CHECK;

/* A list LIST(X) of X(result, name, (arguments)) makes the table of a library, and checks it against its headers. */
#define RUNG_PICTURE_SLOT(result, name, arguments) result(*name) arguments;
#define RUNG_PICTURE_NAME(result, name, arguments) #name,
#define RUNG_PICTURE_CHECK(result, name, arguments) \
  _Static_assert(_Generic(&name, result(*) arguments: 1, default: 0), #name " has another type in this version");

/* (C, M, Y, K), 255 being full ink, to RGB */
void rung__picture_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count);

static inline uint32_t rung__get16le(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t rung__get32le(const uint8_t *p) { return rung__get16le(p) | rung__get16le(p + 2) << 16; }

#endif
