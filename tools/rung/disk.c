#include "disk.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_stream(FILE *file, const char *path, bytes *out) {
  size_t room = 1 << 16, size = 0, got;
  unsigned char *data = get_memory(room, 1);
  while ((got = fread(data + size, 1, room - 1 - size, file)) > 0) {
    size += got;
    if (size < room - 1) continue;
    unsigned char *more = get_memory(2 * room, 1);
    memcpy(more, data, size);
    free(data);
    data = more;
    room *= 2;
  }
  if (ferror(file)) {
    free(data);
    return fail(EXIT_OF(IO), "%s: %s", clean(path), strerror(errno));
  }
  data[size] = 0;
  *out = (bytes){data, size};
  return 0;
}

int read_file(const char *path, bytes *out) {
  if (strcmp(path, "-") == 0) return read_stream(stdin, "standard input", out);
  if (is_folder(path)) return fail(EXIT_OF(IO), "%s is a folder", clean(path));
  FILE *file = fopen(path, "rb");
  if (!file) return fail(errno == ENOENT ? EXIT_OF(NOT_FOUND) : EXIT_OF(IO), "%s: %s", clean(path), strerror(errno));
  int code = read_stream(file, path, out);
  fclose(file);
  return code;
}

void free_bytes(bytes *b) {
  free(b->data);
  *b = (bytes){0};
}

int write_file(const char *path, const void *data, size_t size) {
  char *beside = format_text("%s.part%ld", path, (long)getpid());
  FILE *file = fopen(beside, "wb");
  bool ok = file && fwrite(data, 1, size, file) == size;
  if (file) ok = fclose(file) == 0 && ok;
  if (ok) ok = rename(beside, path) == 0;
  int reason = errno;
  if (!ok && file) remove(beside);
  free(beside);
  return ok ? 0 : fail(EXIT_OF(IO), "%s cannot be written: %s", clean(path), strerror(reason));
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
