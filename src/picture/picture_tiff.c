/* TIFF by libtiff 4.5 or later, the first whose handlers of errors are not the process's but the file's. The library
 * turns all layouts (strips, tiles, planes, palettes, 1 to 16 bits, CMYK, YCbCr, ...) into RGBA. Two fields are amended
 * in its memory before: orientation, as it flips pictures and never transposes them, and the meaning of alpha, by which
 * it would multiply. */
#include "picture/codec.h"

static bool is_tiff(const uint8_t *data, size_t size) {
  return size >= 8 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0 ||
                       memcmp(data, "II+\0", 4) == 0 || memcmp(data, "MM\0+", 4) == 0);
}

#if RUNG_HAVE_TIFF
#include <stdio.h>

#include <tiffio.h>

#define SONAME "libtiff.so.6"

#define SYMBOLS(X)                                                                                             \
  X(TIFFOpenOptions *, TIFFOpenOptionsAlloc, (void))                                                           \
  X(void, TIFFOpenOptionsFree, (TIFFOpenOptions *))                                                            \
  X(void, TIFFOpenOptionsSetMaxSingleMemAlloc, (TIFFOpenOptions *, tmsize_t))                                  \
  X(void, TIFFOpenOptionsSetErrorHandlerExtR, (TIFFOpenOptions *, TIFFErrorHandlerExtR, void *))               \
  X(void, TIFFOpenOptionsSetWarningHandlerExtR, (TIFFOpenOptions *, TIFFErrorHandlerExtR, void *))             \
  X(TIFF *, TIFFClientOpenExt,                                                                                 \
    (const char *, const char *, thandle_t, TIFFReadWriteProc, TIFFReadWriteProc, TIFFSeekProc, TIFFCloseProc, \
     TIFFSizeProc, TIFFMapFileProc, TIFFUnmapFileProc, TIFFOpenOptions *))                                     \
  X(void, TIFFClose, (TIFF *))                                                                                 \
  X(int, TIFFGetField, (TIFF *, uint32_t, ...))                                                                \
  X(int, TIFFGetFieldDefaulted, (TIFF *, uint32_t, ...))                                                       \
  X(int, TIFFSetField, (TIFF *, uint32_t, ...))                                                                \
  X(int, TIFFIsTiled, (TIFF *))                                                                                \
  X(int, TIFFRGBAImageOK, (TIFF *, char[1024]))                                                                \
  X(int, TIFFRGBAImageBegin, (TIFFRGBAImage *, TIFF *, int, char[1024]))                                       \
  X(int, TIFFRGBAImageGet, (TIFFRGBAImage *, uint32_t *, uint32_t, uint32_t))                                  \
  X(void, TIFFRGBAImageEnd, (TIFFRGBAImage *))
SYMBOLS(RUNG_PICTURE_CHECK)

typedef struct tiff_functions {
  SYMBOLS(RUNG_PICTURE_SLOT)
} tiff_functions;
static const char *const symbols[] = {SYMBOLS(RUNG_PICTURE_NAME)};

typedef struct tiff_job {
  rung_picture_reader *r;
  tiff_functions lib;
  TIFF *tiff;
  uint64_t at;
  uint32_t width, height; /* as stored */
  uint16_t orientation;   /* 1 to 8, as the format numbers them */
  bool has_alpha, is_premultiplied;
  char message[1024]; /* the first */
} tiff_job;

/* The file */

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t count) {
  tiff_job *j = handle;
  size_t left = j->at < j->r->size ? j->r->size - (size_t)j->at : 0, taken = RUNG_MIN((size_t)count, left);
  if (taken) memcpy(to, j->r->data + j->at, taken);
  j->at += taken;
  return (tmsize_t)taken;
}

static tmsize_t write_bytes(thandle_t handle, void *from, tmsize_t count) {
  (void)handle, (void)from, (void)count;
  return -1;
}

static toff_t seek(thandle_t handle, toff_t to, int whence) {
  tiff_job *j = handle;
  uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? j->at : j->r->size;
  return j->at = base + to;
}

static int close_nothing(thandle_t handle) {
  (void)handle;
  return 0;
}

/* The file is in memory. Without this, version 4.5.0 takes its own buffer for the size of an uncompressed tile. */
static int map(thandle_t handle, void **out_data, toff_t *out_size) {
  const rung_picture_reader *r = ((tiff_job *)handle)->r;
  memcpy(out_data, &r->data, sizeof r->data); /* only read */
  *out_size = r->size;
  return 1;
}

static void unmap(thandle_t handle, void *data, toff_t size) { (void)handle, (void)data, (void)size; }

static toff_t size_of(thandle_t handle) { return ((tiff_job *)handle)->r->size; }

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
  tiff_job *j = context;
  (void)tiff, (void)module;
  if (!j->message[0]) vsnprintf(j->message, sizeof j->message, format, arguments);
  return 1; /* nobody else's matter */
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
  (void)tiff, (void)context, (void)module, (void)format, (void)arguments;
  return 1;
}

static rung_status *broken_off(const tiff_job *j) {
  return RUNG_ERROR(INVALID_ARGUMENT, "%s", j->message[0] ? j->message : "the library gives no reason");
}

static rung_status *open_tiff(tiff_job *j) {
  TIFFOpenOptions *options = j->lib.TIFFOpenOptionsAlloc();
  RUNG_CHECK_ALLOC(options);
  j->lib.TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, j);
  j->lib.TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, j);
  j->lib.TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)RUNG_PICTURE_MOST_PIXELS * 8);
  j->tiff = j->lib.TIFFClientOpenExt("picture", "r", j, read_bytes, write_bytes, seek, close_nothing, size_of, map,
                                     unmap, options);
  j->lib.TIFFOpenOptionsFree(options);
  return j->tiff ? NULL : broken_off(j);
}

static void amend_fields(tiff_job *j) {
  uint16_t count = 0, *extra = NULL, alpha = EXTRASAMPLE_ASSOCALPHA;
  j->lib.TIFFGetFieldDefaulted(j->tiff, TIFFTAG_ORIENTATION, &j->orientation);
  j->lib.TIFFSetField(j->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  j->lib.TIFFGetFieldDefaulted(j->tiff, TIFFTAG_EXTRASAMPLES, &count, &extra);
  j->has_alpha = count && extra[0] != EXTRASAMPLE_UNSPECIFIED;
  j->is_premultiplied = j->has_alpha && extra[0] == EXTRASAMPLE_ASSOCALPHA;
  if (count == 1 && j->has_alpha) j->lib.TIFFSetField(j->tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha);
}

/* Pixels */

/* The stored pixel that is shown at (x, y). */
static size_t place_of(const tiff_job *j, size_t x, size_t y) {
  size_t o = j->orientation, last_x = j->width - 1u, last_y = j->height - 1u, swapped = y;
  if (o >= 5 && o <= 8) y = x, x = swapped;
  bool from_right = o == 2 || o == 3 || o == 7 || o == 8, from_below = o == 3 || o == 4 || o == 6 || o == 7;
  if (from_right) x = last_x - x;
  if (from_below) y = last_y - y;
  return y * j->width + x;
}

static void unpack(const tiff_job *j, uint32_t from, uint8_t *to) {
  to[0] = (uint8_t)TIFFGetR(from), to[1] = (uint8_t)TIFFGetG(from), to[2] = (uint8_t)TIFFGetB(from);
  if (j->has_alpha) to[3] = (uint8_t)TIFFGetA(from);
  for (int c = 0; j->is_premultiplied && to[3] && c < 3; c++) to[c] = (uint8_t)RUNG_MIN(255, to[c] * 255 / to[3]);
}

static rung_status *hand_on(tiff_job *j, const uint32_t *pixels, uint8_t *row) {
  rung_picture_reader *r = j->r;
  for (size_t y = 0; y < r->height; y++) {
    for (size_t x = 0; x < r->width; x++) unpack(j, pixels[place_of(j, x, y)], row + x * r->channels);
    RUNG_TRY(rung__picture_row(r, y, row));
  }
  return NULL;
}

/* Rows of a strip or tile, as many as are read between two looks. */
static uint32_t band_height(const tiff_job *j) {
  enum { PIXELS = 1 << 19 };
  uint32_t rows = j->height;
  bool tiled = j->lib.TIFFIsTiled(j->tiff);
  j->lib.TIFFGetFieldDefaulted(j->tiff, tiled ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP, &rows);
  if (!rows || rows >= j->height) return j->height;
  return rows * RUNG_MAX(1, (uint32_t)(PIXELS / ((uint64_t)rows * j->width)));
}

static rung_status *unpack_pixels(tiff_job *j, uint32_t *pixels) {
  TIFFRGBAImage image;
  uint32_t band = band_height(j);
  rung_status *status = NULL;
  if (!j->lib.TIFFRGBAImageOK(j->tiff, j->message) || !j->lib.TIFFRGBAImageBegin(&image, j->tiff, 1, j->message))
    return broken_off(j);
  image.req_orientation = ORIENTATION_TOPLEFT;
  for (uint32_t y = 0; y < j->height && !status; y += RUNG_MIN(band, j->height - y)) {
    image.row_offset = (int)y;
    if (rung__picture_stopped(j->r))
      status = rung__picture_cancelled();
    else if (!j->lib.TIFFRGBAImageGet(&image, pixels + (size_t)y * j->width, j->width, RUNG_MIN(band, j->height - y)))
      status = broken_off(j);
  }
  j->lib.TIFFRGBAImageEnd(&image);
  return status;
}

static rung_status *read_pixels(tiff_job *j) {
  const rung_allocator *allocator = j->r->allocator;
  uint32_t *pixels = rung_alloc(allocator, j->height, (size_t)j->width * sizeof *pixels, "picture");
  uint8_t *row = rung_alloc(allocator, j->r->width, j->r->channels, "picture");
  rung_status *status = NULL;
  if (!pixels || !row)
    status = rung_status_out_of_memory();
  else
    status = unpack_pixels(j, pixels);
  if (!status) status = hand_on(j, pixels, row);
  rung_free(allocator, row);
  rung_free(allocator, pixels);
  return status;
}

static rung_status *read_picture(tiff_job *j) {
  RUNG_TRY(open_tiff(j));
  bool is_sized = j->lib.TIFFGetField(j->tiff, TIFFTAG_IMAGEWIDTH, &j->width) &&
                  j->lib.TIFFGetField(j->tiff, TIFFTAG_IMAGELENGTH, &j->height);
  RUNG_REQUIRE(is_sized, INVALID_ARGUMENT, "it does not say its size");
  amend_fields(j);
  bool turns = j->orientation >= 5 && j->orientation <= 8;
  RUNG_TRY(rung__picture_begin(j->r, turns ? j->height : j->width, turns ? j->width : j->height, j->has_alpha ? 4 : 3));
  return read_pixels(j);
}

static rung_status *decode_tiff(rung_picture_reader *r) {
  tiff_job j = {.r = r};
  rung_dylib *dylib;
  RUNG_TRY(rung__picture_load(r->allocator, &rung__picture_tiff, symbols, RUNG_COUNT(symbols), &j.lib, &dylib));
  rung_status *status = read_picture(&j);
  if (j.tiff) j.lib.TIFFClose(j.tiff);
  rung_dylib_close(&dylib);
  return status;
}

const rung_picture_codec rung__picture_tiff = {
    .name = "TIFF",
    .library = SONAME,
    .lacking = RUNG_PICTURE_MISSING("TIFF", SONAME, "libtiff 4.5 or later (Debian: libtiff6)"),
    .recognise = is_tiff,
    .decode = decode_tiff};
#else
const rung_picture_codec rung__picture_tiff = {
    .name = "TIFF", .lacking = RUNG_PICTURE_NOT_BUILT("TIFF", "libtiff 4.5 or later"), .recognise = is_tiff};
#endif
