/* Files, whole. */
#ifndef RUNG_TOOL_DISK_H
#define RUNG_TOOL_DISK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bytes {
  unsigned char *data; /* one NUL lies behind them, so that texts end */
  size_t size;
} bytes;

/* "-" is standard input. Of what is no regular file, and so may never end, at most 1 GiB. */
int read_file(const char *path, bytes *out);
/* For texts: at most 256 MiB. */
int read_text_file(const char *path, bytes *out);
void free_bytes(bytes *b);

/* What is to become the file `path`: a file beside it, moved there in the end, so that nobody sees half of it. Links
 * are followed. What is no regular file (/dev/stdout, a FIFO) stays and gets the bytes, and so does a file in a folder
 * that cannot be written: then the draft lies in $TMPDIR. */
typedef struct draft {
  const char *path; /* borrowed */
  char *name;       /* of the draft */
  char *target;     /* what it is moved to; NULL: it is copied into `path` */
  unsigned mode;    /* permissions of the file that is replaced; 0: there is none */
} draft;

/* Makes an empty draft to be filled by its name. Errors name `path`. */
int draft_begin(const char *path, draft *out);
/* Either ends it; draft_drop after draft_keep does nothing. */
int draft_keep(draft *d);
void draft_drop(draft *d);
int write_file(const char *path, const void *data, size_t size);
bool is_file(const char *path);
bool is_folder(const char *path);
/* Makes the folder and those above it. */
int make_folder(const char *path);

#endif
