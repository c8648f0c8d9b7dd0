/* Pictures that the tool writes; the library reads them. */
#ifndef RUNG_TOOL_PICTURE_H
#define RUNG_TOOL_PICTURE_H

/* `channels` is 1 (gray) or 3: pixels are (height, width, channels), 8 bits a channel, rows from the top. */
int picture_write_png(const char *path, int width, int height, int channels, const unsigned char *pixels);

#endif
