#ifndef RUNG_OP_PICTURE_H
#define RUNG_OP_PICTURE_H

typedef struct rung_image_decoder_params {
  enum { RUNG_IMAGE_RGB, RUNG_IMAGE_BGR, RUNG_IMAGE_GRAY } pixel_format;
} rung_image_decoder_params;

#endif
