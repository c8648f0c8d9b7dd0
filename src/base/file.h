/* Files: whole files in memory, read-only; files that a model names, opened beneath its folder only; whole files
 * written so that they are either there or not.
 *
 * Mapping costs nothing until a page is touched, but a mapping shows what others write to the file, and when the file
 * shrinks, touching what is gone raises SIGBUS. Reading copies: what is checked is what is used. Map files that are
 * replaced by rename; read those that others may write in place. */
#ifndef RUNG_BASE_FILE_H
#define RUNG_BASE_FILE_H

#include "base/alloc.h"
#include "base/status.h"

enum { RUNG_PATH_MAX = 4096 }; /* bytes of a path, with the NUL */

typedef struct rung_file {
  const uint8_t *data; /* never NULL while open */
  size_t size;
  const rung_allocator *allocator; /* of data that was read; NULL: data is a mapping, or empty */
  uint64_t device, inode;          /* which file it is, whatever its name */
  int64_t modified;                /* when it last was, as it was opened: nanoseconds since 1970 */
} rung_file;

/* Opens a regular file, following links: the path is the user's. `read`: read instead of mapping. Messages of this and
 * the next function may say "it": the caller puts the name before them. */
rung_status *rung_file_open(const rung_allocator *allocator, const char *path, bool read,
                            rung_file *out_file) RUNG_MUST_CHECK;

/* Where the files that a model names may lie. */
typedef struct rung_file_scope {
  const char *folder;    /* names count from here; the kernel keeps the lookup beneath it */
  const char *linked;    /* or NULL: a second folder that links in `folder` may lead into, and where names are looked up
                          * that `folder` does not have. Canonical: the folder part of a rung_file_real_path */
  const rung_file *self; /* or NULL: the file that gives the names, which it must not name itself */
} rung_file_scope;

/* Opens the regular file `location`, a relative path that an untrusted file gives. Refused with INVALID_MODEL: a path
 * that is empty, absolute, or holds a NUL byte or a ".." component; one that leaves the scope by a link; anything but
 * a regular file; one with several hard links (a second name may stand outside the folder); the scope's own file.
 * Kernels before Linux 5.6 cannot keep links inside: there all links are refused. */
rung_status *rung_file_open_beneath(const rung_allocator *allocator, const rung_file_scope *scope, rung_str location,
                                    bool read, rung_file *out_file) RUNG_MUST_CHECK;

/* Unmaps or frees; a zeroed or closed file is allowed. */
void rung_file_close(rung_file *file);

/* The folder part of `path`: "." when there is none. */
rung_status *rung_file_folder(const char *path, char out_folder[RUNG_PATH_MAX]) RUNG_MUST_CHECK;
/* The canonical path of an existing file or folder: absolute, without links and dots. */
rung_status *rung_file_real_path(const char *path, char out_path[RUNG_PATH_MAX]) RUNG_MUST_CHECK;

/* Writes the pieces, one after another, to a new file beside `path`, flushes it to the disk and renames it to `path`,
 * which is replaced also when it is a link. `mode`: permissions before umask, such as 0666. On failure `path` is as
 * before and nothing new is left behind (but for a ".tmp" file when the process is killed). */
rung_status *rung_file_write_atomic(const char *path, const rung_str *pieces, size_t count,
                                    unsigned mode) RUNG_MUST_CHECK;

/* The same where the user names the path: links are followed, and a device, a FIFO or what a link that leads nowhere
 * names is written in place. `mode` is that of a new file. */
rung_status *rung_file_write(const char *path, const rung_str *pieces, size_t count, unsigned mode) RUNG_MUST_CHECK;

/* For tests: the lookup for kernels without openat2. A descriptor, or -1 and errno. */
int rung__file_walk(const char *folder, const char *location, int flags);

#endif
