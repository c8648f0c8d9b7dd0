/* WebP by libwebp, lossy or not; of animations none. The library is given the file piece by piece, and so can be
 * stopped between two. */
#include "picture/codec.h"

static bool is_webp(const uint8_t *data, size_t size) {
  return size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0;
}

#if RUNG_HAVE_WEBP
#include <webp/decode.h>

#define SONAME "libwebp.so.7"

#define SYMBOLS(X)                                                                                   \
  X(VP8StatusCode, WebPGetFeaturesInternal, (const uint8_t *, size_t, WebPBitstreamFeatures *, int)) \
  X(WebPIDecoder *, WebPINewRGB, (WEBP_CSP_MODE, uint8_t *, size_t, int))                            \
  X(VP8StatusCode, WebPIUpdate, (WebPIDecoder *, const uint8_t *, size_t))                           \
  X(void, WebPIDelete, (WebPIDecoder *))
SYMBOLS(RUNG_PICTURE_CHECK)

typedef struct webp_functions {
  SYMBOLS(RUNG_PICTURE_SLOT)
} webp_functions;
static const char *const symbols[] = {SYMBOLS(RUNG_PICTURE_NAME)};

enum { PIECE = 1 << 14 }; /* bytes of the file: about a million pixels, where they are dearest */

static const char *words(VP8StatusCode code) {
  static const char *const texts[] = {
      [VP8_STATUS_OUT_OF_MEMORY] = "out of memory",
      [VP8_STATUS_INVALID_PARAM] = "an invalid parameter",
      [VP8_STATUS_BITSTREAM_ERROR] = "an error in the bit stream",
      [VP8_STATUS_UNSUPPORTED_FEATURE] = "an unsupported feature",
      [VP8_STATUS_SUSPENDED] = "the file ends early",
      [VP8_STATUS_NOT_ENOUGH_DATA] = "the file ends early",
  };
  return (size_t)code < RUNG_COUNT(texts) && texts[code] ? texts[code] : "an unknown error";
}

static rung_status *feed(rung_picture_reader *r, const webp_functions *lib, WebPIDecoder *decoder) {
  VP8StatusCode code = VP8_STATUS_SUSPENDED;
  for (size_t at = 0; at < r->size && code == VP8_STATUS_SUSPENDED;) {
    if (rung__picture_stopped(r)) return rung__picture_cancelled();
    at += RUNG_MIN(r->size - at, PIECE);
    code = lib->WebPIUpdate(decoder, r->data, at);
  }
  RUNG_REQUIRE(code == VP8_STATUS_OK, INVALID_ARGUMENT, "%s", words(code));
  return NULL;
}

static rung_status *read_picture(rung_picture_reader *r, const webp_functions *lib) {
  WebPBitstreamFeatures features = {0};
  VP8StatusCode code = lib->WebPGetFeaturesInternal(r->data, r->size, &features, WEBP_DECODER_ABI_VERSION);
  RUNG_REQUIRE(code == VP8_STATUS_OK, INVALID_ARGUMENT, "%s", words(code));
  RUNG_REQUIRE(!features.has_animation, UNSUPPORTED, "it is an animation");
  size_t width = (size_t)features.width, height = (size_t)features.height, channels = features.has_alpha ? 4 : 3;
  RUNG_TRY(rung__picture_begin(r, width, height, channels));
  size_t stride = width * channels;
  uint8_t *pixels = rung_alloc(r->allocator, height, stride, "picture");
  RUNG_CHECK_ALLOC(pixels);
  WebPIDecoder *decoder = lib->WebPINewRGB(channels == 4 ? MODE_RGBA : MODE_RGB, pixels, height * stride, (int)stride);
  rung_status *status = decoder ? feed(r, lib, decoder) : rung_status_out_of_memory();
  for (size_t y = 0; y < height && !status; y++) status = rung__picture_row(r, y, pixels + y * stride);
  lib->WebPIDelete(decoder);
  rung_free(r->allocator, pixels);
  return status;
}

static rung_status *decode_webp(rung_picture_reader *r) {
  webp_functions lib;
  rung_dylib *dylib;
  RUNG_TRY(rung__picture_load(r->allocator, &rung__picture_webp, symbols, RUNG_COUNT(symbols), &lib, &dylib));
  rung_status *status = read_picture(r, &lib);
  rung_dylib_close(&dylib);
  return status;
}

const rung_picture_codec rung__picture_webp = {
    .name = "WebP",
    .library = SONAME,
    .lacking = RUNG_PICTURE_MISSING("WebP", SONAME, "libwebp (Debian: libwebp7)"),
    .recognise = is_webp,
    .decode = decode_webp};
#else
const rung_picture_codec rung__picture_webp = {
    .name = "WebP", .lacking = RUNG_PICTURE_NOT_BUILT("WebP", "libwebp"), .recognise = is_webp};
#endif
