/* Files, whole. */
#ifndef RUNG_TOOL_DISK_H
#define RUNG_TOOL_DISK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bytes {
  unsigned char *data; /* one NUL lies behind them, so that texts end */
  size_t size;
} bytes;

/* "-" is standard input. */
int read_file(const char *path, bytes *out);
void free_bytes(bytes *b);
/* Written beside the place and moved there, so that nobody sees half a file. */
int write_file(const char *path, const void *data, size_t size);
bool is_file(const char *path);
bool is_folder(const char *path);
/* Makes the folder and those above it. */
int make_folder(const char *path);

#endif
