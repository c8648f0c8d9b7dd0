/* Pictures are written by libpng's simplified interface, which may be missing from the build. */
#include "picture.h"

#include "disk.h"
#include "text.h"

#include <stdlib.h>

#if RUNG_HAVE_PNG
#include <png.h>

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
int picture_write_png(const char *path, int width, int height, int channels, const unsigned char *pixels) {
  (void)path, (void)width, (void)height, (void)channels, (void)pixels;
  return fail(EXIT_OF(UNSUPPORTED), "this rung was built without libpng");
}
#endif
