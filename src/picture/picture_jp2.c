/* JPEG 2000 by OpenJPEG, in its file format or as a bare code stream. The library cannot be stopped within a tile; it
 * is asked to read the file piece by piece, and is stopped there. */
#include "picture/codec.h"

static bool is_file(const uint8_t *data, size_t size) {
  return size >= 12 && memcmp(data, "\0\0\0\x0cjP  \r\n\x87\n", 12) == 0;
}
static bool is_jp2(const uint8_t *data, size_t size) {
  return is_file(data, size) || (size >= 4 && memcmp(data, "\xff\x4f\xff\x51", 4) == 0);
}

#if RUNG_HAVE_OPENJPEG
#include <openjpeg.h>
#include <stdio.h>

#define SONAME "libopenjp2.so.7"

#define SYMBOLS(X)                                                                          \
  X(opj_codec_t *, opj_create_decompress, (OPJ_CODEC_FORMAT))                               \
  X(void, opj_destroy_codec, (opj_codec_t *))                                               \
  X(OPJ_BOOL, opj_set_error_handler, (opj_codec_t *, opj_msg_callback, void *))             \
  X(void, opj_set_default_decoder_parameters, (opj_dparameters_t *))                        \
  X(OPJ_BOOL, opj_setup_decoder, (opj_codec_t *, opj_dparameters_t *))                      \
  X(opj_stream_t *, opj_stream_create, (OPJ_SIZE_T, OPJ_BOOL))                              \
  X(void, opj_stream_destroy, (opj_stream_t *))                                             \
  X(void, opj_stream_set_read_function, (opj_stream_t *, opj_stream_read_fn))               \
  X(void, opj_stream_set_skip_function, (opj_stream_t *, opj_stream_skip_fn))               \
  X(void, opj_stream_set_seek_function, (opj_stream_t *, opj_stream_seek_fn))               \
  X(void, opj_stream_set_user_data, (opj_stream_t *, void *, opj_stream_free_user_data_fn)) \
  X(void, opj_stream_set_user_data_length, (opj_stream_t *, OPJ_UINT64))                    \
  X(OPJ_BOOL, opj_read_header, (opj_stream_t *, opj_codec_t *, opj_image_t **))             \
  X(OPJ_BOOL, opj_decode, (opj_codec_t *, opj_stream_t *, opj_image_t *))                   \
  X(void, opj_image_destroy, (opj_image_t *))
SYMBOLS(RUNG_PICTURE_CHECK)

typedef struct jp2_functions {
  SYMBOLS(RUNG_PICTURE_SLOT)
} jp2_functions;
static const char *const symbols[] = {SYMBOLS(RUNG_PICTURE_NAME)};

enum { PIECE = 1 << 16 }; /* bytes of the file that are read at a time */

typedef struct jp2_job {
  rung_picture_reader *r;
  jp2_functions lib;
  opj_codec_t *codec;
  opj_stream_t *stream;
  opj_image_t *image;
  size_t at;
  bool stopped;
  char message[256]; /* the first */
} jp2_job;

static OPJ_SIZE_T read_bytes(void *to, OPJ_SIZE_T count, void *context) {
  jp2_job *j = context;
  size_t taken = RUNG_MIN(count, j->r->size - j->at);
  if ((j->stopped |= rung__picture_stopped(j->r)) || !taken) return (OPJ_SIZE_T)-1;
  memcpy(to, j->r->data + j->at, taken);
  j->at += taken;
  return taken;
}

static OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void *context) {
  jp2_job *j = context;
  if (count < 0 || (uint64_t)count > j->r->size - j->at) return -1;
  j->at += (size_t)count;
  return count;
}

static OPJ_BOOL seek(OPJ_OFF_T to, void *context) {
  jp2_job *j = context;
  if (to < 0 || (uint64_t)to > j->r->size) return OPJ_FALSE;
  j->at = (size_t)to;
  return OPJ_TRUE;
}

static void on_error(const char *message, void *context) {
  jp2_job *j = context;
  if (!j->message[0]) snprintf(j->message, sizeof j->message, "%.*s", (int)strcspn(message, "\n"), message);
}

static rung_status *broken_off(const jp2_job *j) {
  if (j->stopped) return rung__picture_cancelled();
  return RUNG_ERROR(INVALID_ARGUMENT, "%s", j->message[0] ? j->message : "the library gives no reason");
}

static rung_status *read_head(jp2_job *j) {
  opj_dparameters_t parameters;
  j->codec = j->lib.opj_create_decompress(is_file(j->r->data, j->r->size) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  j->stream = j->lib.opj_stream_create(PIECE, OPJ_TRUE);
  if (!j->codec || !j->stream) return rung_status_out_of_memory();
  j->lib.opj_set_error_handler(j->codec, on_error, j);
  j->lib.opj_stream_set_read_function(j->stream, read_bytes);
  j->lib.opj_stream_set_skip_function(j->stream, skip_bytes);
  j->lib.opj_stream_set_seek_function(j->stream, seek);
  j->lib.opj_stream_set_user_data(j->stream, j, NULL);
  j->lib.opj_stream_set_user_data_length(j->stream, j->r->size);
  j->lib.opj_set_default_decoder_parameters(&parameters);
  if (!j->lib.opj_setup_decoder(j->codec, &parameters)) return broken_off(j);
  return j->lib.opj_read_header(j->stream, j->codec, &j->image) ? NULL : broken_off(j);
}

/* Pixels */

/* Each component has a size of its own, and the distance of its samples in pixels. */
static rung_status *check_components(const jp2_job *j, size_t count) {
  for (size_t c = 0; c < count; c++) {
    const opj_image_comp_t *part = &j->image->comps[c];
    RUNG_REQUIRE(part->data && part->w && part->h && part->dx && part->dy && part->prec && part->prec <= 31,
                 INVALID_ARGUMENT, "component %zu has no samples", c);
  }
  return NULL;
}

/* Sample (x, y) in 8 bits: high ones, rounded; few are spread. */
static uint8_t sample(const opj_image_comp_t *part, size_t x, size_t y) {
  x = RUNG_MIN(x / part->dx, part->w - 1u), y = RUNG_MIN(y / part->dy, part->h - 1u);
  int64_t value = part->data[y * part->w + x], most = ((int64_t)1 << part->prec) - 1;
  if (part->sgnd) value += (int64_t)1 << (part->prec - 1);
  value = part->prec > 8 ? (value + ((int64_t)1 << (part->prec - 9))) >> (part->prec - 8) : value * 255 / most;
  return (uint8_t)RUNG_MAX(0, RUNG_MIN(255, value));
}

static uint8_t near_byte(double value) { return (uint8_t)(value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5); }

static void ycc_to_rgb(uint8_t *pixel) {
  double y = pixel[0], cb = pixel[1] - 128.0, cr = pixel[2] - 128.0;
  pixel[0] = near_byte(y + 1.402 * cr);
  pixel[1] = near_byte(y - 0.344136 * cb - 0.714136 * cr);
  pixel[2] = near_byte(y + 1.772 * cb);
}

static bool is_cmyk(const opj_image_t *image) { return image->color_space == OPJ_CLRSPC_CMYK && image->numcomps == 4; }

static rung_status *hand_on(jp2_job *j, size_t parts, uint8_t *row) {
  const opj_image_t *image = j->image;
  bool is_ycc = parts >= 3 && (image->color_space == OPJ_CLRSPC_SYCC ||
                               (image->color_space != OPJ_CLRSPC_SRGB && image->comps[1].dx > image->comps[0].dx));
  for (size_t y = 0; y < j->r->height; y++) {
    for (size_t x = 0; x < j->r->width; x++) {
      uint8_t pixel[4];
      for (size_t c = 0; c < parts; c++) pixel[c] = sample(&image->comps[c], x, y);
      if (is_ycc) ycc_to_rgb(pixel);
      if (is_cmyk(image))
        rung__picture_cmyk_to_rgb(pixel, row + 3 * x, 1);
      else
        memcpy(row + parts * x, pixel, parts);
    }
    RUNG_TRY(rung__picture_row(j->r, y, row));
  }
  return NULL;
}

static rung_status *read_picture(jp2_job *j) {
  RUNG_TRY(read_head(j));
  size_t parts = j->image->numcomps;
  RUNG_REQUIRE(parts >= 1 && parts <= 4, UNSUPPORTED, "it has %zu components, 1 to 4 are read", parts);
  RUNG_REQUIRE(j->image->x1 > j->image->x0 && j->image->y1 > j->image->y0, INVALID_ARGUMENT, "it is empty");
  size_t width = j->image->x1 - j->image->x0, height = j->image->y1 - j->image->y0;
  RUNG_TRY(rung__picture_begin(j->r, width, height, parts));
  if (!j->lib.opj_decode(j->codec, j->stream, j->image)) return broken_off(j);
  parts = j->image->numcomps; /* a palette has been looked up */
  RUNG_REQUIRE(parts >= 1 && parts <= 4, UNSUPPORTED, "it has %zu components, 1 to 4 are read", parts);
  RUNG_TRY(check_components(j, parts));
  j->r->channels = is_cmyk(j->image) ? 3 : parts;
  uint8_t *row = rung_alloc(j->r->allocator, width, 4, "picture");
  RUNG_CHECK_ALLOC(row);
  rung_status *status = hand_on(j, parts, row);
  rung_free(j->r->allocator, row);
  return status;
}

static rung_status *decode_jp2(rung_picture_reader *r) {
  jp2_job j = {.r = r};
  rung_dylib *dylib;
  RUNG_TRY(rung__picture_load(r->allocator, &rung__picture_jp2, symbols, RUNG_COUNT(symbols), &j.lib, &dylib));
  rung_status *status = read_picture(&j);
  j.lib.opj_image_destroy(j.image);
  if (j.codec) j.lib.opj_destroy_codec(j.codec);
  j.lib.opj_stream_destroy(j.stream);
  rung_dylib_close(&dylib);
  return status;
}

const rung_picture_codec rung__picture_jp2 = {
    .name = "JPEG 2000",
    .library = SONAME,
    .lacking = RUNG_PICTURE_MISSING("JPEG 2000", SONAME, "OpenJPEG (Debian: libopenjp2-7)"),
    .recognise = is_jp2,
    .decode = decode_jp2};
#else
const rung_picture_codec rung__picture_jp2 = {
    .name = "JPEG 2000", .lacking = RUNG_PICTURE_NOT_BUILT("JPEG 2000", "OpenJPEG"), .recognise = is_jp2};
#endif
