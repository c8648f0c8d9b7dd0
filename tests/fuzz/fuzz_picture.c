/* A byte that names the form, then an encoded picture of any format. Its pixels must all be there. Large pictures are
 * left to the limit of the sink, so that the fuzzer is quick. */
#include "picture/picture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct room {
  uint8_t *pixels;
  size_t size, channels;
} room;

static rung_status *begin(void *context, size_t width, size_t height, uint8_t **out_pixels) {
  enum { MOST = 1 << 20 };
  room *r = context;
  if (r->pixels || !width || !height) abort(); /* called twice, or for nothing */
  RUNG_REQUIRE(width <= MOST / height, LIMIT, "too many pixels for a fuzzer");
  r->size = width * height * r->channels;
  *out_pixels = r->pixels = malloc(r->size);
  return r->pixels ? NULL : rung_status_out_of_memory();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  rung_picture_form form = (rung_picture_form)(data[0] % (RUNG_PICTURE_RGBA + 1));
  room r = {.channels = rung_picture_channels(form)};
  const rung_picture_sink sink = {.form = form, .begin = begin, .context = &r};
  rung_status *status = rung_picture_read(&rung_system_allocator, data + 1, size - 1, &sink);
  if (!status && !r.pixels) abort();
  rung_status_free(status);
  free(r.pixels);
  return 0;
}
