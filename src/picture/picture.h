/* Encoded pictures become pixels: BMP and PNM by code of our own; PNG, JPEG, JPEG 2000, TIFF and WebP by the libraries
 * that are maintained for them. These are loaded when a picture needs them, by their sonames: a process without
 * pictures has none of them, and where one is missing the error says so.
 *
 * Pixels have 8 bits a channel, rows from the top. A palette is looked up, CMYK and YCbCr become RGB, samples of more
 * than 8 bits lose their low ones, embedded colour profiles and gamma are not applied; only TIFF's orientation turns
 * the picture. Alpha is handed on or dropped, never blended with. */
#ifndef RUNG_PICTURE_PICTURE_H
#define RUNG_PICTURE_PICTURE_H

#include "base/alloc.h"
#include "base/status.h"

/* A small file may claim a huge picture. */
#define RUNG_PICTURE_MOST_PIXELS ((size_t)1 << 27)

typedef enum rung_picture_form {
  RUNG_PICTURE_GRAY,
  RUNG_PICTURE_RGB,
  RUNG_PICTURE_BGR,
  RUNG_PICTURE_RGBA
} rung_picture_form;

/* Bytes of a pixel. */
size_t rung_picture_channels(rung_picture_form form);

/* Where the pixels go. */
typedef struct rung_picture_sink {
  rung_picture_form form;
  /* Called once, when the size is known: room for (height, width, channels) bytes. */
  rung_status *(*begin)(void *context, size_t width, size_t height, uint8_t **out_pixels);
  /* (optional) Asked now and then; true ends the decoding with CANCELLED. */
  bool (*stopped)(void *context);
  void *context;
} rung_picture_sink;

/* Formats, 0 and up; NULL behind the last. *out_lacking (may be NULL) is NULL where the format can be read here, else
 * what is missing and what mends it. Looks for files, and loads nothing. */
const char *rung_picture_format_name(size_t index, const char **out_lacking);

/* The format of which a stream is, by its first bytes; NULL when it is of none. */
const char *rung_picture_recognise(const void *data, size_t size);

/* INVALID_ARGUMENT for what is no picture or a damaged one, with the library's words; UNAVAILABLE when its library is
 * not here, UNSUPPORTED for a kind that is not read, LIMIT. Then the pixels, where there are some, are undefined. */
rung_status *rung_picture_read(const rung_allocator *allocator, const void *data, size_t size,
                               const rung_picture_sink *sink) RUNG_MUST_CHECK;

#endif
