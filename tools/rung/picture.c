/* libpng's simplified interface, and libjpeg with its errors caught. Either may be missing from the build. */
#include "picture.h"

#include "text.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if RUNG_HAVE_PNG
#include <png.h>
#endif
#if RUNG_HAVE_JPEG
#include <jpeglib.h>
#endif

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

/* A small file may claim a huge picture. */
enum { MOST_PIXELS = 1 << 25 };

bool is_png(bytes file) { return file.size >= 8 && memcmp(file.data, "\x89PNG\r\n\x1a\n", 8) == 0; }
bool is_jpeg(bytes file) { return file.size >= 3 && memcmp(file.data, "\xff\xd8\xff", 3) == 0; }

void free_picture(picture *p) {
  free(p->pixels);
  *p = (picture){0};
}

#if RUNG_HAVE_PNG || RUNG_HAVE_JPEG
static int new_picture(size_t width, size_t height, picture *out) {
  if (!width || !height || width > MOST_PIXELS || height > MOST_PIXELS / width)
    return fail(EXIT_OF(LIMIT), "a picture of %zu x %zu pixels is too large", width, height);
  *out = (picture){(int)width, (int)height, get_memory(width * height, 4)};
  return 0;
}
#endif

/* PNG */

#if RUNG_HAVE_PNG
static int decode_png(bytes file, picture *out) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_memory(&image, file.data, file.size)) return BAD("it is no PNG: %s", image.message);
  int code = new_picture(image.width, image.height, out);
  image.format = PNG_FORMAT_RGBA;
  if (!code && !png_image_finish_read(&image, NULL, out->pixels, 0, NULL)) {
    code = BAD("the PNG is damaged: %s", image.message);
    free_picture(out);
  }
  png_image_free(&image);
  return code;
}

int picture_write_png(const char *path, int width, int height, int channels, const unsigned char *pixels) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)width,
                     .height = (png_uint_32)height,
                     .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  void *file = get_memory(size, 1);
  int code = png_image_write_to_memory(&image, file, &size, 0, pixels, 0, NULL)
                 ? write_file(path, file, size)
                 : fail(EXIT_OF(INTERNAL), "%s: %s", path, image.message);
  free(file);
  return code;
}
#else
static int decode_png(bytes file, picture *out) {
  (void)file, (void)out;
  return fail(EXIT_OF(UNSUPPORTED), "this rung was built without libpng");
}

int picture_write_png(const char *path, int width, int height, int channels, const unsigned char *pixels) {
  (void)path, (void)width, (void)height, (void)channels, (void)pixels;
  return fail(EXIT_OF(UNSUPPORTED), "this rung was built without libpng");
}
#endif

/* JPEG */

#if RUNG_HAVE_JPEG
typedef struct jpeg_reader {
  struct jpeg_decompress_struct jpeg; /* first: libjpeg hands it back */
  struct jpeg_error_mgr errors;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  picture picture;
} jpeg_reader;

static void on_jpeg_error(j_common_ptr jpeg) {
  jpeg_reader *r = (jpeg_reader *)jpeg;
  r->errors.format_message(jpeg, r->message);
  longjmp(r->escape, 1);
}

static void on_jpeg_warning(j_common_ptr jpeg, int level) { (void)jpeg, (void)level; }

/* From RGB at the front of a row to RGBA, from its end so that nothing is overwritten. */
static void spread_row(unsigned char *row, int width) {
  for (int x = width; x-- > 0;) {
    unsigned char r = row[3 * x], g = row[3 * x + 1], b = row[3 * x + 2];
    row[4 * x] = r, row[4 * x + 1] = g, row[4 * x + 2] = b, row[4 * x + 3] = 255;
  }
}

/* Everything that must outlive a longjmp is in *r. */
static int decode_into(jpeg_reader *r, bytes file) {
  if (setjmp(r->escape)) return BAD("the JPEG is damaged: %s", r->message);
  jpeg_create_decompress(&r->jpeg);
  jpeg_mem_src(&r->jpeg, file.data, (unsigned long)file.size);
  jpeg_read_header(&r->jpeg, TRUE);
  r->jpeg.out_color_space = JCS_RGB;
  TRY(new_picture(r->jpeg.image_width, r->jpeg.image_height, &r->picture));
  jpeg_start_decompress(&r->jpeg);
  while (r->jpeg.output_scanline < r->jpeg.output_height) {
    JSAMPROW row = r->picture.pixels + (size_t)r->jpeg.output_scanline * (size_t)r->picture.width * 4;
    jpeg_read_scanlines(&r->jpeg, &row, 1);
    spread_row(row, r->picture.width);
  }
  jpeg_finish_decompress(&r->jpeg);
  return 0;
}

static int decode_jpeg(bytes file, picture *out) {
  jpeg_reader r = {0};
  r.jpeg.err = jpeg_std_error(&r.errors);
  r.errors.error_exit = on_jpeg_error;
  r.errors.emit_message = on_jpeg_warning;
  int code = decode_into(&r, file);
  jpeg_destroy_decompress(&r.jpeg);
  if (code)
    free_picture(&r.picture);
  else
    *out = r.picture;
  return code;
}
#else
static int decode_jpeg(bytes file, picture *out) {
  (void)file, (void)out;
  return fail(EXIT_OF(UNSUPPORTED), "this rung was built without libjpeg");
}
#endif

int picture_decode(bytes file, picture *out) { return is_png(file) ? decode_png(file, out) : decode_jpeg(file, out); }

const char *picture_formats(void) {
  return RUNG_HAVE_PNG && RUNG_HAVE_JPEG ? "png, jpeg" : RUNG_HAVE_PNG ? "png" : RUNG_HAVE_JPEG ? "jpeg" : "";
}
