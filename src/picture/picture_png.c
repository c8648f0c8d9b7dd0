/* PNG by libpng. Its errors are jumps, which end in the function that called it: between the two are frames of the
 * library and of callbacks that hold nothing. */
#include "picture/codec.h"

static bool is_png(const uint8_t *data, size_t size) { return size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0; }

#if RUNG_HAVE_PNG
#include <png.h>
#include <setjmp.h>
#include <stdio.h>

#define TEXT(x) #x
#define SONAME_OF(number) "libpng" TEXT(number) ".so." TEXT(number)
#define SONAME SONAME_OF(PNG_LIBPNG_VER_SONUM)

#define SYMBOLS(X)                                                                                   \
  X(png_structp, png_create_read_struct, (png_const_charp, png_voidp, png_error_ptr, png_error_ptr)) \
  X(png_infop, png_create_info_struct, (png_const_structrp))                                         \
  X(void, png_destroy_read_struct, (png_structpp, png_infopp, png_infopp))                           \
  X(void, png_set_read_fn, (png_structrp, png_voidp, png_rw_ptr))                                    \
  X(void, png_set_user_limits, (png_structrp, png_uint_32, png_uint_32))                             \
  X(void, png_read_info, (png_structrp, png_inforp))                                                 \
  X(void, png_read_update_info, (png_structrp, png_inforp))                                          \
  X(png_uint_32, png_get_image_width, (png_const_structrp, png_const_inforp))                        \
  X(png_uint_32, png_get_image_height, (png_const_structrp, png_const_inforp))                       \
  X(png_byte, png_get_channels, (png_const_structrp, png_const_inforp))                              \
  X(void, png_set_expand, (png_structrp))                                                            \
  X(void, png_set_strip_16, (png_structrp))                                                          \
  X(int, png_set_interlace_handling, (png_structrp))                                                 \
  X(void, png_read_row, (png_structrp, png_bytep, png_bytep))
SYMBOLS(RUNG_PICTURE_CHECK)

typedef struct png_functions {
  SYMBOLS(RUNG_PICTURE_SLOT)
} png_functions;
static const char *const symbols[] = {SYMBOLS(RUNG_PICTURE_NAME)};

/* What outlives a jump is in here. */
typedef struct png_job {
  rung_picture_reader *r;
  png_functions lib;
  png_structp png;
  png_infop info;
  size_t at, width, height, channels;
  int passes;
  uint8_t *rows; /* one, or all of an interlaced picture */
  jmp_buf escape;
  char message[200];
} png_job;

/* Callbacks get nothing but the library's handle, and ask the library whose it is: by a function that they would first
 * have to find. The picture that this thread is reading; set while it is. */
static _Thread_local png_job *reading;

static void on_error(png_structp png, png_const_charp message) {
  png_job *j = reading;
  (void)png;
  snprintf(j->message, sizeof j->message, "%s", message);
  longjmp(j->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message) { (void)png, (void)message; }

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  png_job *j = reading;
  if (count > j->r->size - j->at) on_error(png, "the file ends early");
  memcpy(to, j->r->data + j->at, count);
  j->at += count;
}

static rung_status *damaged(const png_job *j) { return RUNG_ERROR(INVALID_ARGUMENT, "%s", j->message); }

static rung_status *read_head(png_job *j) {
  if (setjmp(j->escape)) return damaged(j);
  j->png = j->lib.png_create_read_struct(PNG_LIBPNG_VER_STRING, j, on_error, on_warning);
  if (j->png) j->info = j->lib.png_create_info_struct(j->png);
  if (!j->info) return rung_status_out_of_memory();
  j->lib.png_set_user_limits(j->png, RUNG_PICTURE_MOST_PIXELS, RUNG_PICTURE_MOST_PIXELS);
  j->lib.png_set_read_fn(j->png, j, read_bytes);
  j->lib.png_read_info(j->png, j->info);
  j->lib.png_set_expand(j->png); /* palettes, few bits, and what is transparent without alpha */
  j->lib.png_set_strip_16(j->png);
  j->passes = j->lib.png_set_interlace_handling(j->png);
  j->lib.png_read_update_info(j->png, j->info);
  j->width = j->lib.png_get_image_width(j->png, j->info);
  j->height = j->lib.png_get_image_height(j->png, j->info);
  j->channels = j->lib.png_get_channels(j->png, j->info);
  return NULL;
}

static rung_status *read_row(png_job *j, uint8_t *row) {
  if (setjmp(j->escape)) return damaged(j);
  j->lib.png_read_row(j->png, row, NULL);
  return NULL;
}

/* The passes of an interlaced picture fill in its rows, the last one makes them complete. */
static rung_status *read_rows(png_job *j) {
  for (int pass = 0; pass < j->passes; pass++)
    for (size_t y = 0; y < j->height; y++) {
      uint8_t *row = j->rows + (j->passes > 1 ? y * j->width * j->channels : 0);
      RUNG_TRY(read_row(j, row));
      if (pass == j->passes - 1) RUNG_TRY(rung__picture_row(j->r, y, row));
      if (y % 256 == 255 && rung__picture_stopped(j->r)) return rung__picture_cancelled();
    }
  return NULL;
}

static rung_status *read_picture(png_job *j) {
  RUNG_TRY(read_head(j));
  RUNG_TRY(rung__picture_begin(j->r, j->width, j->height, j->channels));
  j->rows = rung_alloc(j->r->allocator, j->passes > 1 ? j->height : 1, j->width * j->channels, "picture");
  RUNG_CHECK_ALLOC(j->rows);
  return read_rows(j);
}

static rung_status *decode_png(rung_picture_reader *r) {
  png_job j = {.r = r};
  rung_dylib *dylib;
  RUNG_TRY(rung__picture_load(r->allocator, &rung__picture_png, symbols, RUNG_COUNT(symbols), &j.lib, &dylib));
  reading = &j;
  rung_status *status = read_picture(&j);
  j.lib.png_destroy_read_struct(&j.png, &j.info, NULL);
  reading = NULL;
  rung_free(r->allocator, j.rows);
  rung_dylib_close(&dylib);
  return status;
}

const rung_picture_codec rung__picture_png = {
    .name = "PNG",
    .library = SONAME,
    .lacking = RUNG_PICTURE_MISSING("PNG", SONAME, "libpng (Debian: libpng16-16)"),
    .recognise = is_png,
    .decode = decode_png};
#else
const rung_picture_codec rung__picture_png = {
    .name = "PNG", .lacking = RUNG_PICTURE_NOT_BUILT("PNG", "libpng"), .recognise = is_png};
#endif
