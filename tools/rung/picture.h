/* Pictures: 8 bits a channel, always red, green, blue, alpha, rows from the top. */
#ifndef RUNG_TOOL_PICTURE_H
#define RUNG_TOOL_PICTURE_H

#include "disk.h"

typedef struct picture {
  int width, height;
  unsigned char *pixels; /* (height, width, 4) */
} picture;

bool is_png(bytes file);
bool is_jpeg(bytes file);
/* PNG or JPEG, as the file begins. Freed by free_picture. */
int picture_decode(bytes file, picture *out);
void free_picture(picture *p);
/* `channels` is 1 (gray) or 3: pixels are (height, width, channels). */
int picture_write_png(const char *path, int width, int height, int channels, const unsigned char *pixels);

/* "png, jpeg" as far as they are built in. */
const char *picture_formats(void);

#endif
