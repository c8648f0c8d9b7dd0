/* ImageDecoder. */
#include "op/picture.h"

#include "op/op_infer.h"

static rung_status *infer_ImageDecoder(rung_infer *infer) {
  const rung_image_decoder_params *p = infer->params;
  const rung_type *encoded = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(encoded->rank < 0 || encoded->rank == 1, "the encoded picture has rank %d, it must be 1",
                     encoded->rank);
  int64_t dims[3] = {rung_infer_symbol(infer), rung_infer_symbol(infer), p->pixel_format == RUNG_IMAGE_GRAY ? 1 : 3};
  return rung_infer_shape(infer, 0, 3, dims);
}

static const rung_attr image_decoder_attrs[] = {
    RUNG_ATTR_CHOICE(rung_image_decoder_params, pixel_format, "RGB|BGR|Grayscale"), {0}};

const rung_op rung_op_ImageDecoder = {.name = "ImageDecoder",
                                      .domain = "",
                                      .since = 20,
                                      .flags = RUNG_OP_ENLARGES,
                                      .signature = "encoded_stream:uint8 -> image:uint8",
                                      .params_size = sizeof(rung_image_decoder_params),
                                      .attributes = image_decoder_attrs,
                                      .infer = infer_ImageDecoder};
