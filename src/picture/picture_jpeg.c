/* JPEG by libjpeg-turbo (or another library of its interface). Its errors are jumps, which end in the function that
 * called it: between the two are frames of the library and of callbacks that hold nothing. A picture that ends early is
 * an error, other blemishes are none, as for Pillow. */
#include "picture/codec.h"

static bool is_jpeg(const uint8_t *data, size_t size) { return size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0; }

#if RUNG_HAVE_JPEG
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#if JPEG_LIB_VERSION >= 80
#define SONAME "libjpeg.so.8"
#else
#define SONAME "libjpeg.so.62"
#endif

#define SYMBOLS(X)                                                                \
  X(struct jpeg_error_mgr *, jpeg_std_error, (struct jpeg_error_mgr *))           \
  X(void, jpeg_CreateDecompress, (j_decompress_ptr, int, size_t))                 \
  X(void, jpeg_destroy_decompress, (j_decompress_ptr))                            \
  X(void, jpeg_mem_src, (j_decompress_ptr, const unsigned char *, unsigned long)) \
  X(int, jpeg_read_header, (j_decompress_ptr, boolean))                           \
  X(boolean, jpeg_start_decompress, (j_decompress_ptr))                           \
  X(JDIMENSION, jpeg_read_scanlines, (j_decompress_ptr, JSAMPARRAY, JDIMENSION))
SYMBOLS(RUNG_PICTURE_CHECK)

typedef struct jpeg_functions {
  SYMBOLS(RUNG_PICTURE_SLOT)
} jpeg_functions;
static const char *const symbols[] = {SYMBOLS(RUNG_PICTURE_NAME)};

enum { MOST_SCANS = 500 }; /* each goes over the whole picture, and may be a few bytes long */

/* What outlives a jump is in here. */
typedef struct jpeg_job {
  struct jpeg_decompress_struct jpeg; /* first: the library hands it to callbacks */
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  rung_picture_reader *r;
  jpeg_functions lib;
  size_t channels; /* as decoded: 1, 3, or 4: CMYK */
  uint8_t *row, *rgb;
  bool stopped;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
} jpeg_job;

static void on_error(j_common_ptr jpeg) {
  jpeg_job *j = (jpeg_job *)jpeg;
  j->errors.format_message(jpeg, j->message);
  longjmp(j->escape, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
  if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
  jpeg_job *j = (jpeg_job *)jpeg;
  j->stopped = rung__picture_stopped(j->r);
  bool too_many = j->jpeg.input_scan_number > MOST_SCANS;
  if (too_many) snprintf(j->message, sizeof j->message, "it has more than %d scans", MOST_SCANS);
  if (j->stopped || too_many) longjmp(j->escape, 1);
}

static rung_status *broken_off(const jpeg_job *j) {
  return j->stopped ? rung__picture_cancelled() : RUNG_ERROR(INVALID_ARGUMENT, "%s", j->message);
}

static rung_status *read_head(jpeg_job *j) {
  if (setjmp(j->escape)) return broken_off(j);
  j->lib.jpeg_CreateDecompress(&j->jpeg, JPEG_LIB_VERSION, sizeof j->jpeg);
  j->progress.progress_monitor = on_progress;
  j->jpeg.progress = &j->progress;
  j->lib.jpeg_mem_src(&j->jpeg, j->r->data, (unsigned long)j->r->size);
  j->lib.jpeg_read_header(&j->jpeg, TRUE);
  J_COLOR_SPACE from = j->jpeg.jpeg_color_space;
  bool is_cmyk = from == JCS_CMYK || from == JCS_YCCK;
  j->jpeg.out_color_space = is_cmyk ? JCS_CMYK : from == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  j->channels = is_cmyk ? 4 : from == JCS_GRAYSCALE ? 1 : 3;
  return NULL;
}

static rung_status *start(jpeg_job *j) {
  if (setjmp(j->escape)) return broken_off(j);
  j->lib.jpeg_start_decompress(&j->jpeg);
  return NULL;
}

static rung_status *read_row(jpeg_job *j) {
  if (setjmp(j->escape)) return broken_off(j);
  JSAMPROW row = j->row;
  j->lib.jpeg_read_scanlines(&j->jpeg, &row, 1);
  return NULL;
}

/* Ink is stored inverted, as Adobe's programs do it and all others since. */
static const uint8_t *rgb_of(jpeg_job *j) {
  if (j->channels < 4) return j->row;
  for (size_t i = 0; i < 4 * j->r->width; i++) j->row[i] = 255 - j->row[i];
  rung__picture_cmyk_to_rgb(j->row, j->rgb, j->r->width);
  return j->rgb;
}

static rung_status *read_picture(jpeg_job *j) {
  RUNG_TRY(read_head(j));
  size_t width = j->jpeg.image_width, height = j->jpeg.image_height;
  RUNG_TRY(rung__picture_begin(j->r, width, height, RUNG_MIN(j->channels, 3)));
  j->row = rung_alloc(j->r->allocator, width, j->channels + 3, "picture");
  RUNG_CHECK_ALLOC(j->row);
  j->rgb = j->row + width * j->channels;
  RUNG_TRY(start(j));
  for (size_t y = 0; y < height; y++) {
    RUNG_TRY(read_row(j));
    RUNG_TRY(rung__picture_row(j->r, y, rgb_of(j)));
  }
  return NULL;
}

static rung_status *decode_jpeg(rung_picture_reader *r) {
  jpeg_job j = {.r = r};
  rung_dylib *dylib;
  RUNG_TRY(rung__picture_load(r->allocator, &rung__picture_jpeg, symbols, RUNG_COUNT(symbols), &j.lib, &dylib));
  j.jpeg.err = j.lib.jpeg_std_error(&j.errors);
  j.errors.error_exit = on_error;
  j.errors.emit_message = on_message;
  rung_status *status = read_picture(&j);
  j.lib.jpeg_destroy_decompress(&j.jpeg);
  rung_free(r->allocator, j.row);
  rung_dylib_close(&dylib);
  return status;
}

const rung_picture_codec rung__picture_jpeg = {
    .name = "JPEG",
    .library = SONAME,
    .lacking = RUNG_PICTURE_MISSING("JPEG", SONAME, "libjpeg-turbo (Debian: libjpeg62-turbo)"),
    .recognise = is_jpeg,
    .decode = decode_jpeg};
#else
const rung_picture_codec rung__picture_jpeg = {
    .name = "JPEG", .lacking = RUNG_PICTURE_NOT_BUILT("JPEG", "libjpeg-turbo"), .recognise = is_jpeg};
#endif
