/* ImageDecoder: what is a picture, and how it becomes pixels, is known in src/picture. Which format a stream has shows
 * in the run only, so that the node is refused where one of them cannot be read. */
#include "op/picture.h"

#include "picture/picture.h"
#include "provider/opwise/kernel.h"

static const char *lacking_image_decoder(void) {
  const char *lacking = NULL;
  for (size_t i = 0; rung_picture_format_name(i, &lacking) && !lacking;) i++;
  return lacking;
}

static rung_status *begin_image(void *context, size_t width, size_t height, uint8_t **out_pixels) {
  rung_kernel_call *call = context;
  const rung_image_decoder_params *p = call->params;
  const int64_t dims[3] = {(int64_t)height, (int64_t)width, p->pixel_format == RUNG_IMAGE_GRAY ? 1 : 3};
  rung_tensor *image;
  RUNG_TRY(rung_kernel_output(call, 0, RUNG_U8, 3, dims, &image));
  *out_pixels = image->data;
  return NULL;
}

static bool is_cancelled(void *context) { return rung_kernel_is_cancelled(context); }

static rung_status *run_image_decoder(rung_kernel_call *call) {
  static const rung_picture_form forms[] = {
      [RUNG_IMAGE_RGB] = RUNG_PICTURE_RGB, [RUNG_IMAGE_BGR] = RUNG_PICTURE_BGR, [RUNG_IMAGE_GRAY] = RUNG_PICTURE_GRAY};
  const rung_image_decoder_params *p = call->params;
  const rung_tensor *encoded = rung_in(call, 0);
  RUNG_RUN_REQUIRE(encoded->rank == 1, "the encoded picture has rank %d, it must be 1", encoded->rank);
  if (!rung_kernel_wants(call, 0)) return NULL;
  const rung_picture_sink sink = {forms[p->pixel_format], begin_image, is_cancelled, call};
  rung_status *status = rung_picture_read(call->host->allocator, encoded->data, (size_t)encoded->dims[0], &sink);
  if (status && rung_status_code(status) == RUNG_CANCELLED) {
    rung_status_free(status); /* the host says why: it may be a deadline */
    status = NULL;
  }
  return status;
}

const rung_kernel rung_cpu_ImageDecoder = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .lacking = lacking_image_decoder, .run = run_image_decoder};
