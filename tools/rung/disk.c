#include "disk.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reading */

enum { MOST_TEXT = 256 << 20, MOST_STREAM = 1 << 30 }; /* bytes */

static int read_error(const char *path, int reason) {
  bool missing = reason == ENOENT || reason == ENOTDIR;
  return fail(missing ? EXIT_OF(NOT_FOUND) : EXIT_OF(IO), "%s: %s", clean(path), strerror(reason));
}

static int too_long(const char *path, size_t most) {
  return fail(EXIT_OF(LIMIT), "%s has more than %zu MiB, which is the most for it", clean(path), most >> 20);
}

/* Room for `expected` bytes is there at once; more is made as they come. */
static int read_stream(FILE *file, const char *path, size_t expected, size_t most, bytes *out) {
  size_t room = expected + 2, size = 0, got = 1;
  unsigned char *data = malloc(room);
  while (data && (got = fread(data + size, 1, room - 1 - size, file)) > 0 && size + got <= most) {
    size += got;
    if (size < room - 1) continue;
    room *= 2;
    unsigned char *more = realloc(data, room);
    if (!more) free(data);
    data = more;
  }
  if (!data)
    return fail(EXIT_OF(OUT_OF_MEMORY), "%s: there is no memory for %s of it", clean(path), bytes_text((double)room));
  int code = got ? too_long(path, most) : ferror(file) ? read_error(path, errno) : 0;
  if (code) {
    free(data);
    return code;
  }
  data[size] = 0;
  *out = (bytes){data, size};
  return 0;
}

/* A regular file holds what its size says; whatever else may never end. */
static int read_open(FILE *file, const char *path, size_t most, bytes *out) {
  struct stat s;
  if (fstat(fileno(file), &s) != 0) return read_error(path, errno);
  if (S_ISDIR(s.st_mode)) return fail(EXIT_OF(IO), "%s is a folder", clean(path));
  if (!S_ISREG(s.st_mode)) return read_stream(file, path, 1 << 16, most < MOST_STREAM ? most : MOST_STREAM, out);
  if ((uintmax_t)s.st_size > most) return too_long(path, most);
  return read_stream(file, path, (size_t)s.st_size, most, out);
}

static int read_limited(const char *path, size_t most, bytes *out) {
  if (strcmp(path, "-") == 0) return read_open(stdin, "standard input", most, out);
  FILE *file = fopen(path, "rb");
  if (!file) return read_error(path, errno);
  int code = read_open(file, path, most, out);
  fclose(file);
  return code;
}

int read_file(const char *path, bytes *out) { return read_limited(path, SIZE_MAX / 4, out); }
int read_text_file(const char *path, bytes *out) { return read_limited(path, MOST_TEXT, out); }

void free_bytes(bytes *b) {
  free(b->data);
  *b = (bytes){0};
}

/* Writing */

static int cannot_write(const char *path, int reason) {
  bool missing = reason == ENOENT || reason == ENOTDIR;
  return fail(missing ? EXIT_OF(NOT_FOUND) : EXIT_OF(IO), "%s cannot be written: %s", clean(path), strerror(reason));
}

static bool is_standard_output(const struct stat *s) {
  struct stat out;
  return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == s->st_dev && out.st_ino == s->st_ino;
}

/* A file that is there, or nothing, is replaced; what else there is, and what a link to nothing names, is written into.
 */
static int find_place(draft *d) {
  struct stat s;
  char real[PATH_MAX];
  if (lstat(d->path, &s) != 0) {
    d->target = copy_text(d->path, strlen(d->path));
    return 0;
  }
  if (stat(d->path, &s) != 0) return 0;
  if (S_ISDIR(s.st_mode)) return fail(EXIT_OF(IO), "%s is a folder", clean(d->path));
  if (!S_ISREG(s.st_mode) || is_standard_output(&s) || !realpath(d->path, real)) return 0;
  d->target = copy_text(real, strlen(real));
  d->mode = s.st_mode & 0777;
  return 0;
}

static int make_beside(draft *d) {
  if (!d->target) return -1;
  d->name = format_text("%s.part%ld", d->target, (long)getpid());
  unlink(d->name); /* of a process that was killed */
  return open(d->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int make_elsewhere(draft *d) {
  const char *folder = getenv("TMPDIR");
  free(d->target);
  free(d->name);
  d->target = NULL;
  d->name = format_text("%s/rung-XXXXXX", folder && folder[0] ? folder : "/tmp");
  return mkstemp(d->name);
}

int draft_begin(const char *path, draft *out) {
  *out = (draft){.path = path};
  int code = find_place(out), fd = code ? -1 : make_beside(out);
  if (!code && fd < 0 && (!out->target || (out->mode && (errno == EACCES || errno == EROFS)))) fd = make_elsewhere(out);
  if (!code && fd < 0) code = cannot_write(path, errno);
  if (fd >= 0) close(fd);
  if (code) {
    free(out->name);
    free(out->target);
  }
  return code;
}

static bool copy_stream(FILE *from, FILE *to) {
  char block[1 << 14];
  size_t got;
  while ((got = fread(block, 1, sizeof block, from)) > 0)
    if (fwrite(block, 1, got, to) != got) return false;
  return !ferror(from);
}

/* Standard output that is a file goes on where it is. */
static bool copy_into(const draft *d) {
  struct stat s;
  bool own = stat(d->path, &s) == 0 && is_standard_output(&s);
  FILE *from = fopen(d->name, "rb"), *to = !from ? NULL : own ? stdout : fopen(d->path, "wb");
  bool ok = from && to && copy_stream(from, to);
  if (to) ok = (own ? fflush(to) : fclose(to)) == 0 && ok;
  int reason = errno;
  if (from) fclose(from);
  errno = reason;
  return ok;
}

int draft_keep(draft *d) {
  if (d->target && d->mode) chmod(d->name, d->mode);
  bool ok = d->target ? rename(d->name, d->target) == 0 : copy_into(d);
  int code = ok ? 0 : cannot_write(d->path, errno);
  if (ok && d->target) *d->name = 0;
  draft_drop(d);
  return code;
}

void draft_drop(draft *d) {
  if (d->name && d->name[0]) unlink(d->name);
  free(d->name);
  free(d->target);
  *d = (draft){0};
}

int write_file(const char *path, const void *data, size_t size) {
  draft d;
  TRY(draft_begin(path, &d));
  FILE *file = fopen(d.name, "wb");
  bool ok = file && fwrite(data, 1, size, file) == size;
  if (file) ok = fclose(file) == 0 && ok;
  if (ok) return draft_keep(&d);
  int code = cannot_write(path, errno);
  draft_drop(&d);
  return code;
}

bool is_file(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

bool is_folder(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

int make_folder(const char *path) {
  char *name = copy_text(path, strlen(path));
  int code = 0;
  for (char *at = name + 1; !code && at[-1]; at++) {
    if (*at && *at != '/') continue;
    char kept = *at;
    *at = 0;
    if (mkdir(name, 0777) != 0 && errno != EEXIST)
      code = fail(EXIT_OF(IO), "folder %s cannot be made: %s", clean(name), strerror(errno));
    *at = kept;
  }
  free(name);
  if (!code && !is_folder(path)) code = fail(EXIT_OF(IO), "%s is no folder", clean(path));
  return code;
}
