#include "base/file.h"

#include "base/os.h"
#include "base/printable.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static_assert(RUNG_PATH_MAX >= PATH_MAX, "realpath writes that much");

/* O_NONBLOCK: opening a FIFO must not wait; regular files ignore it. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static rung_code code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return RUNG_NOT_FOUND;
  return error == ENOMEM ? RUNG_OUT_OF_MEMORY : RUNG_IO;
}

/* strerror: thread-safe in glibc and musl. */
static rung_status *os_error(int error, const char *what, const char *path) {
  char shown[RUNG_PRINTABLE];
  return rung_status_make(code_of(error), __FILE__, __LINE__, "cannot %s \"%s\": %s", what,
                          rung_printable((rung_str){path, strlen(path)}, shown), strerror(error));
}

/* ---- contents ---- */

static rung_status *read_all(const rung_allocator *allocator, int fd, size_t size, const char *path, rung_file *file) {
  uint8_t *data = rung_alloc_data(allocator, size, "file");
  RUNG_CHECK_ALLOC(data);
  size_t done = 0;
  while (done < size) {
    ssize_t got = read(fd, data + done, RUNG_MIN(size - done, (size_t)1 << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      int error = errno;
      rung_free(allocator, data);
      if (got < 0) return os_error(error, "read", path);
      return RUNG_ERROR(IO, "the file shrank from %zu to %zu bytes while it was read", size, done);
    }
    done += (size_t)got;
  }
  file->data = data;
  file->allocator = allocator;
  return NULL;
}

static rung_status *map_all(int fd, size_t size, const char *path, rung_file *file) {
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return os_error(errno, "map", path);
  file->data = data;
  return NULL;
}

/* Makes a file of the open descriptor, which stays the caller's. */
static rung_status *take_contents(const rung_allocator *allocator, int fd, const struct stat *info, bool read,
                                  const char *path, rung_file *out_file) {
  RUNG_REQUIRE(info->st_size >= 0 && (uintmax_t)info->st_size <= SIZE_MAX / 2, LIMIT, "the file is too large");
  rung_file file = {
      (const uint8_t *)"", (size_t)info->st_size, NULL,
      info->st_dev,        info->st_ino,          (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
  if (file.size && read) RUNG_TRY(read_all(allocator, fd, file.size, path, &file));
  if (file.size && !read) RUNG_TRY(map_all(fd, file.size, path, &file));
  *out_file = file;
  return NULL;
}

rung_status *rung_file_open(const rung_allocator *allocator, const char *path, bool read, rung_file *out_file) {
  int fd = open(path, OPEN_FLAGS);
  if (fd < 0) return rung_status_make(code_of(errno), __FILE__, __LINE__, "it cannot be opened: %s", strerror(errno));
  struct stat info;
  rung_status *status = NULL;
  if (fstat(fd, &info) != 0)
    status = os_error(errno, "look at", path);
  else if (!S_ISREG(info.st_mode))
    status = RUNG_ERROR(IO, "it is %s", S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
  else
    status = take_contents(allocator, fd, &info, read, path, out_file);
  close(fd);
  return status;
}

void rung_file_close(rung_file *file) {
  if (file->allocator)
    rung_free(file->allocator, (void *)file->data);
  else if (file->size)
    munmap((void *)file->data, file->size);
  *file = (rung_file){0};
}

/* ---- files beneath a folder ---- */

/* The part of the path before its next slash, opened in the folder `at`, which is closed. */
static int step(int at, const char **path, int flags) {
  char part[NAME_MAX + 1];
  size_t size = strcspn(*path, "/");
  bool last = (*path)[size] == 0;
  int next = -1;
  if (size == 0 || size > NAME_MAX) {
    errno = size ? ENAMETOOLONG : ENOENT;
  } else {
    memcpy(part, *path, size);
    part[size] = 0;
    next = openat(at, part, last ? flags | O_NOFOLLOW : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  int error = errno;
  close(at);
  errno = error;
  *path += size + strspn(*path + size, "/");
  return next;
}

int rung__file_walk(const char *folder, const char *location, int flags) {
  int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  do {
    if (at >= 0) at = step(at, &location, flags);
  } while (at >= 0 && *location);
  return at;
}

static int open_in(const char *folder, const char *location, bool links) {
  int fd = rung_os_open_beneath(folder, location, OPEN_FLAGS, links);
  return fd < 0 && errno == ENOSYS ? rung__file_walk(folder, location, OPEN_FLAGS) : fd;
}

/* What a link in the folder leads to, when that lies in the linked folder. The path that realpath found is looked up
 * again without links, so a link changed meanwhile leads to an error and never outside. */
static int open_linked(const rung_file_scope *scope, const char *location) {
  char path[RUNG_PATH_MAX], real[RUNG_PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s", scope->folder, location);
  if (length < 0 || (size_t)length >= sizeof path) return errno = ENAMETOOLONG, -1;
  if (!realpath(path, real)) return -1;
  size_t prefix = strcmp(scope->linked, "/") == 0 ? 0 : strlen(scope->linked);
  if (strncmp(real, scope->linked, prefix) != 0 || real[prefix] != '/') return errno = EXDEV, -1;
  return open_in(scope->linked, real + prefix + 1, false);
}

static int open_in_scope(const rung_file_scope *scope, const char *location) {
  int fd = open_in(scope->folder, location, true);
  if (fd >= 0 || !scope->linked) return fd;
  if (errno == EXDEV || errno == ELOOP) return open_linked(scope, location);
  if (errno == ENOENT) return open_in(scope->linked, location, true);
  return -1;
}

static bool has_parent_component(rung_str location) {
  for (size_t i = 0; i < location.size;) {
    size_t end = i;
    while (end < location.size && location.data[end] != '/') end++;
    if (end - i == 2 && memcmp(location.data + i, "..", 2) == 0) return true;
    i = end + 1;
  }
  return false;
}

static rung_status *check_location(rung_str location) {
  RUNG_REQUIRE(location.size > 0, INVALID_MODEL, "the location is empty");
  RUNG_REQUIRE(!memchr(location.data, 0, location.size), INVALID_MODEL, "the location holds a NUL byte");
  RUNG_REQUIRE(location.size < RUNG_PATH_MAX, INVALID_MODEL, "the location has %zu bytes", location.size);
  RUNG_REQUIRE(location.data[0] != '/', INVALID_MODEL, "the location is an absolute path");
  RUNG_REQUIRE(!has_parent_component(location), INVALID_MODEL, "the location contains \"..\"");
  return NULL;
}

static rung_status *check_identity(const rung_file_scope *scope, const struct stat *info) {
  RUNG_REQUIRE(S_ISREG(info->st_mode), INVALID_MODEL, "it is no regular file");
  RUNG_REQUIRE(!scope->self || scope->self->device != info->st_dev || scope->self->inode != info->st_ino, INVALID_MODEL,
               "it is the model file itself");
  RUNG_REQUIRE(info->st_nlink <= 1, INVALID_MODEL,
               "it has %ju hard links, so it may be a file from elsewhere; put a copy in its place",
               (uintmax_t)info->st_nlink);
  return NULL;
}

static rung_status *refuse_open(int error, const rung_file_scope *scope) {
  if (error == EXDEV || error == ELOOP)
    return RUNG_ERROR(INVALID_MODEL, "it leads outside the folder \"%s\" by a link", scope->folder);
  return rung_status_make(code_of(error), __FILE__, __LINE__, "it cannot be opened in the folder \"%s\": %s",
                          scope->folder, strerror(error));
}

rung_status *rung_file_open_beneath(const rung_allocator *allocator, const rung_file_scope *scope, rung_str location,
                                    bool read, rung_file *out_file) {
  RUNG_TRY(check_location(location));
  char path[RUNG_PATH_MAX];
  memcpy(path, location.data, location.size);
  path[location.size] = 0;
  int fd = open_in_scope(scope, path);
  if (fd < 0) return refuse_open(errno, scope);
  struct stat info;
  rung_status *status = fstat(fd, &info) == 0 ? check_identity(scope, &info) : os_error(errno, "look at", path);
  if (!status) status = take_contents(allocator, fd, &info, read, path, out_file);
  close(fd);
  return status;
}

/* ---- folders ---- */

rung_status *rung_file_folder(const char *path, char out_folder[RUNG_PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  size_t length = slash ? RUNG_MAX((size_t)(slash - path), 1) : 1;
  if (length >= RUNG_PATH_MAX) return os_error(ENAMETOOLONG, "open", path);
  memcpy(out_folder, slash ? path : ".", length);
  out_folder[length] = 0;
  return NULL;
}

rung_status *rung_file_real_path(const char *path, char out_path[RUNG_PATH_MAX]) {
  return realpath(path, out_path) ? NULL : os_error(errno, "resolve", path);
}

/* ---- writing ---- */

static rung_status *write_pieces(int fd, const rung_str *pieces, size_t count, const char *path) {
  for (size_t i = 0; i < count; i++) {
    rung_str left = pieces[i];
    while (left.size) {
      ptrdiff_t done = rung_os_write(fd, left.data, RUNG_MIN(left.size, (size_t)1 << 30), RUNG_OS_APPEND);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return os_error(errno, "write", path);
      left = (rung_str){left.data + done, left.size - (size_t)done};
    }
  }
  return NULL;
}

/* A file that did not exist before, beside `path`. The name need not be secret, as O_EXCL does not follow links. */
static rung_status *create_beside(const char *path, unsigned mode, char *out_name, size_t size, int *out_fd) {
  for (int tries = 0; tries < 100; tries++) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(out_name, size, "%s.%ld-%lx.tmp", path, (long)getpid(), (unsigned long)now.tv_nsec);
    if (length < 0 || (size_t)length >= size) return os_error(ENAMETOOLONG, "write", path);
    *out_fd = open(out_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (*out_fd >= 0) return NULL;
    if (errno != EEXIST) return os_error(errno, "create", out_name);
  }
  return os_error(EEXIST, "create", out_name);
}

/* The rename is durable once the folder is flushed. Some file systems cannot, and then there is nothing to wait for. */
static void flush_folder(const char *path) {
  char folder[RUNG_PATH_MAX];
  rung_status *status = rung_file_folder(path, folder);
  int fd = status ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  rung_status_free(status);
  if (fd < 0) return;
  (void)!fsync(fd);
  close(fd);
}

rung_status *rung_file_write_atomic(const char *path, const rung_str *pieces, size_t count, unsigned mode) {
  char name[RUNG_PATH_MAX];
  int fd = -1;
  RUNG_TRY(create_beside(path, mode, name, sizeof name, &fd));
  rung_status *status = write_pieces(fd, pieces, count, path);
  if (!status && fsync(fd) != 0) status = os_error(errno, "flush", path);
  if (close(fd) != 0 && !status) status = os_error(errno, "close", path);
  if (!status && rename(name, path) != 0) status = os_error(errno, "replace", path);
  if (status)
    unlink(name);
  else
    flush_folder(path);
  return status;
}

static rung_status *write_in_place(const char *path, const rung_str *pieces, size_t count, unsigned mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
  if (fd < 0) return os_error(errno, "create", path);
  rung_status *status = write_pieces(fd, pieces, count, path);
  if (close(fd) != 0 && !status) status = os_error(errno, "close", path);
  return status;
}

rung_status *rung_file_write(const char *path, const rung_str *pieces, size_t count, unsigned mode) {
  struct stat target;
  char real[RUNG_PATH_MAX];
  if (lstat(path, &target) != 0) return rung_file_write_atomic(path, pieces, count, mode);
  bool there = stat(path, &target) == 0;
  if (there && S_ISDIR(target.st_mode)) return os_error(EISDIR, "write", path);
  if (!there || !S_ISREG(target.st_mode)) return write_in_place(path, pieces, count, mode);
  RUNG_TRY(rung_file_real_path(path, real));
  return rung_file_write_atomic(real, pieces, count, target.st_mode & 0777);
}
