#include "session/store.h"

#include "base/file.h"
#include "base/os.h"
#include "base/printable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_MS = 10000, PAUSE_MS = 5 }; /* how long the lock is waited for, and between two looks */

static const char suffix[] = ".rung";

/* strerror: thread-safe in glibc and musl. */
static rung_status *os_error(const rung_store *store, int error, const char *what) {
  return RUNG_ERROR(IO, "cache \"%s\": cannot %s: %s", store->path, what, strerror(error));
}

/* Opening */

/* Every folder on the way that is missing, for this user only. */
static void make_folders(char *path) {
  for (char *at = path + 1; at[-1]; at++) {
    if (*at && *at != '/') continue;
    char kept = *at;
    *at = 0;
    mkdir(path, 0700); /* what fails here shows when the folder is opened */
    *at = kept;
  }
}

static rung_status *check_folder(const rung_store *store) {
  struct stat info;
  if (fstat(store->folder, &info) != 0) return os_error(store, errno, "look at it");
  RUNG_REQUIRE(info.st_uid == geteuid(), UNAVAILABLE,
               "cache \"%s\": the folder belongs to another user, who could put code there; name one of your own",
               store->path);
  RUNG_REQUIRE(!(info.st_mode & (S_IWGRP | S_IWOTH)), UNAVAILABLE,
               "cache \"%s\": others may write to the folder (mode %03o), and could put code there; chmod 700 it",
               store->path, (unsigned)(info.st_mode & 0777));
  return NULL;
}

rung_status *rung__store_open(rung_store *store, const rung_allocator *allocator, const char *path, uint64_t max_bytes,
                              bool changes) {
  char shown[RUNG_PRINTABLE];
  size_t size = strlen(path);
  *store = (rung_store){.allocator = allocator, .folder = -1, .max_bytes = max_bytes, .changes = changes};
  RUNG_REQUIRE(size > 0 && size < RUNG_PATH_MAX, INVALID_ARGUMENT, "the cache needs the path of a folder");
  store->path = rung_alloc(allocator, size + 1, 1, "cache");
  RUNG_CHECK_ALLOC(store->path);
  memcpy(store->path, path, size);
  if (changes) make_folders(store->path);
  store->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  rung_status *status = NULL;
  if (store->folder < 0)
    status = rung_status_make(errno == ENOENT ? RUNG_NOT_FOUND : RUNG_UNAVAILABLE, __FILE__, __LINE__,
                              "cache \"%s\": cannot open the folder: %s", rung_printable((rung_str){path, size}, shown),
                              strerror(errno));
  if (!status) status = check_folder(store);
  if (status) rung__store_close(store);
  return status;
}

void rung__store_open_none(rung_store *store, const rung_allocator *allocator) {
  *store = (rung_store){.allocator = allocator, .folder = -1};
}

void rung__store_close(rung_store *store) {
  if (!store->path) return;
  if (store->folder >= 0) close(store->folder);
  rung_free(store->allocator, store->path);
  *store = (rung_store){.folder = -1};
}

/* The lock: waited for, but not for ever, as its holder may have been stopped. */

rung_status *rung__store_lock(const rung_store *store, int *out_lock) {
  int fd = openat(store->folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return os_error(store, errno, "open its lock");
  for (int got, ms = 0; (got = rung_os_try_lock(fd)) != 1; ms += PAUSE_MS) {
    int error = errno;
    if (got == 0 && ms < LOCK_MS) {
      rung_os_pause(PAUSE_MS);
      continue;
    }
    close(fd);
    if (got < 0) return os_error(store, error, "lock it");
    return RUNG_ERROR(IO, "cache \"%s\": another process has held its lock for %d s", store->path, LOCK_MS / 1000);
  }
  *out_lock = fd;
  return NULL;
}

/* Entries */

static const char *name_of(const char *key, char out[RUNG_DIGEST_TEXT + sizeof suffix]) {
  snprintf(out, RUNG_DIGEST_TEXT + sizeof suffix, "%.*s%s", RUNG_DIGEST_TEXT - 1, key, suffix);
  return out;
}

static bool is_entry(const char *name) {
  size_t digits = strspn(name, "0123456789abcdef");
  return digits == RUNG_DIGEST_TEXT - 1 && strcmp(name + digits, suffix) == 0;
}

static rung_status *map_entry(int fd, stored_entry *found) {
  struct stat info;
  RUNG_REQUIRE(fstat(fd, &info) == 0 && S_ISREG(info.st_mode), IO, "it is no regular file");
  RUNG_REQUIRE(info.st_uid == geteuid() && !(info.st_mode & (S_IWGRP | S_IWOTH)), IO,
               "it belongs to another user, or others may write to it");
  RUNG_REQUIRE(info.st_size >= RUNG_ENTRY_HEAD && (uintmax_t)info.st_size <= SIZE_MAX / 2, IO, "it is cut off");
  void *mapping = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  RUNG_REQUIRE(mapping != MAP_FAILED, IO, "it cannot be mapped: %s", strerror(errno));
  found->mapping = mapping;
  found->size = (size_t)info.st_size;
  found->inode = info.st_ino;
  return NULL;
}

static rung_status *read_entry(const rung_store *store, int fd, const char *key, bool payload, stored_entry *found) {
  RUNG_TRY(map_entry(fd, found));
  found->entry = rung_alloc(store->allocator, 1, sizeof *found->entry, "cache entry");
  RUNG_CHECK_ALLOC(found->entry);
  RUNG_TRY(rung__entry_parse(found->mapping, found->size, payload, found->entry));
  RUNG_REQUIRE(strcmp(found->entry->key, key) == 0, IO, "it is another entry than its name says");
  if (payload) (void)futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}});
  return NULL;
}

rung_status *rung__store_find(const rung_store *store, const char *key, bool payload, stored_entry *out_found) {
  char name[RUNG_DIGEST_TEXT + sizeof suffix];
  *out_found = (stored_entry){0};
  if (store->folder < 0) return NULL;
  int fd = openat(store->folder, name_of(key, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) return NULL;
  if (fd < 0) return os_error(store, errno, "open an entry");
  rung_status *status = read_entry(store, fd, key, payload, out_found);
  close(fd);
  if (!status) return NULL;
  uint64_t inode = out_found->inode;
  rung__store_release(store, out_found);
  out_found->inode = inode;
  return rung_status_code(status) == RUNG_OUT_OF_MEMORY ? status : rung_status_prefix(status, "entry %.12s", key);
}

void rung__store_release(const rung_store *store, stored_entry *found) {
  if (found->mapping) munmap(found->mapping, found->size);
  rung_free(store->allocator, found->entry);
  *found = (stored_entry){0};
}

rung_status *rung__store_remove(const rung_store *store, const char *key, uint64_t inode) {
  char name[RUNG_DIGEST_TEXT + sizeof suffix];
  struct stat info;
  int lock;
  name_of(key, name);
  RUNG_TRY(rung__store_lock(store, &lock));
  rung_status *status = NULL;
  bool there = fstatat(store->folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
  bool same = there && (!inode || info.st_ino == inode);
  if (!there)
    status = RUNG_ERROR(NOT_FOUND, "cache \"%s\" has no entry %.12s", store->path, key);
  else if (same && unlinkat(store->folder, name, 0) != 0)
    status = os_error(store, errno, "remove an entry");
  close(lock);
  return status;
}

/* Names */

typedef struct visit {
  const rung_store *store;
  rung_status *(*fn)(struct visit *v, const char *name, const struct stat *info);
  stored_files *files;
  uint64_t removed;
} visit;

/* Calls fn with every regular file in the folder. */
static rung_status *each_file(visit *v) {
  int fd = openat(v->store->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (!folder) {
    int error = errno;
    if (fd >= 0) close(fd);
    return os_error(v->store, error, "list it");
  }
  rung_status *status = NULL;
  for (struct dirent *at; !status && (at = readdir(folder));) {
    struct stat info;
    if (fstatat(v->store->folder, at->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
      status = v->fn(v, at->d_name, &info);
  }
  closedir(folder);
  return status;
}

static rung_status *add_file(visit *v, const char *name, const struct stat *info) {
  if (!is_entry(name)) return NULL;
  stored_file file = {.bytes = (uint64_t)info->st_size,
                      .used = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
  memcpy(file.key, name, RUNG_DIGEST_TEXT - 1);
  v->files->bytes += file.bytes;
  return rung_vec_push(v->store->allocator, &v->files->files, file) ? NULL : rung_status_out_of_memory();
}

static int by_use(const void *a, const void *b) {
  const stored_file *x = a, *y = b;
  return x->used != y->used ? (x->used < y->used ? 1 : -1) : strcmp(x->key, y->key);
}

rung_status *rung__store_list(const rung_store *store, stored_files *out_files) {
  *out_files = (stored_files){0};
  if (store->folder < 0) return NULL;
  visit v = {.store = store, .fn = add_file, .files = out_files};
  rung_status *status = each_file(&v);
  if (status)
    rung__store_list_free(store, out_files);
  else if (out_files->files.count)
    qsort(out_files->files.at, out_files->files.count, sizeof *out_files->files.at, by_use);
  return status;
}

void rung__store_list_free(const rung_store *store, stored_files *files) {
  rung_vec_free(store->allocator, &files->files);
}

/* Nobody holds the lock of what a process that is gone has left; and notes are written under the store's lock. */
static bool is_left_over(const rung_store *store, const char *name) {
  enum { NAME = 96 };
  size_t size = strlen(name);
  if (strncmp(name, "notes.", 6) == 0 && size > 4 && strcmp(name + size - 4, ".tmp") == 0) return true;
  bool is_turn = strncmp(name, RUNG_STORE_TURN, sizeof RUNG_STORE_TURN - 1) == 0;
  if ((strncmp(name, "tmp-", 4) != 0 && !is_turn) || size >= NAME) return false;
  char writer[NAME];
  size_t scratch = sizeof RUNG_STORE_SCRATCH - 1;
  bool is_scratch = size > scratch && strcmp(name + size - scratch, RUNG_STORE_SCRATCH) == 0;
  snprintf(writer, sizeof writer, "%.*s", (int)(is_scratch ? size - scratch : size), name);
  int fd = openat(store->folder, writer, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return is_scratch && errno == ENOENT;
  bool left = rung_os_try_lock(fd) == 1;
  close(fd);
  return left;
}

static rung_status *sweep_file(visit *v, const char *name, const struct stat *info) {
  (void)info;
  if (is_left_over(v->store, name)) unlinkat(v->store->folder, name, 0);
  return NULL;
}

static rung_status *clear_file(visit *v, const char *name, const struct stat *info) {
  (void)info;
  bool entry = is_entry(name);
  if (!entry && strcmp(name, "notes") != 0 && !is_left_over(v->store, name)) return NULL;
  if (unlinkat(v->store->folder, name, 0) != 0 && errno != ENOENT) return os_error(v->store, errno, "remove an entry");
  v->removed += entry;
  return NULL;
}

rung_status *rung__store_clear(const rung_store *store, uint64_t *out_count) {
  int lock;
  RUNG_TRY(rung__store_lock(store, &lock));
  visit v = {.store = store, .fn = clear_file};
  rung_status *status = each_file(&v);
  close(lock);
  *out_count = v.removed;
  return status;
}

/* Under the lock: removes what was not used for longest, until `bytes` more fit. */
static rung_status *make_room(const rung_store *store, uint64_t bytes) {
  stored_files all;
  visit sweep = {.store = store, .fn = sweep_file};
  RUNG_TRY(each_file(&sweep));
  RUNG_TRY(rung__store_list(store, &all));
  rung_status *status = NULL;
  for (size_t i = all.files.count; i-- > 0 && all.bytes + bytes > store->max_bytes && !status;) {
    char name[RUNG_DIGEST_TEXT + sizeof suffix];
    if (unlinkat(store->folder, name_of(all.files.at[i].key, name), 0) != 0 && errno != ENOENT)
      status = os_error(store, errno, "remove an entry");
    all.bytes -= all.files.at[i].bytes;
  }
  rung__store_list_free(store, &all);
  return status;
}

/* Writing */

/* Under the lock, so that nobody takes it for a leftover before it is locked. */
static rung_status *create_temporary(store_writer *w) {
  for (int tries = 0; tries < 100; tries++) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(w->name, sizeof w->name, "tmp-%ld-%lx", (long)getpid(), (unsigned long)now.tv_nsec + (unsigned)tries);
    w->fd = openat(w->store->folder, w->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (w->fd < 0 && errno == EEXIST) continue;
    if (w->fd < 0) return os_error(w->store, errno, "create a file");
    if (rung_os_try_lock(w->fd) == 1) return NULL;
    int error = errno;
    rung__writer_abandon(w);
    return os_error(w->store, error, "lock a file");
  }
  return os_error(w->store, EEXIST, "create a file");
}

static rung_status *write_at(const store_writer *w, const void *data, size_t size, size_t offset) {
  const char *at = data;
  while (size) {
    ptrdiff_t done = rung_os_write(w->fd, at, RUNG_MIN(size, (size_t)1 << 30), (int64_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return os_error(w->store, done ? errno : ENOSPC, "write");
    at += done, size -= (size_t)done, offset += (size_t)done;
  }
  return NULL;
}

rung_status *rung__writer_begin(store_writer *writer, const rung_store *store, const entry_fields *fields) {
  int lock;
  *writer = (store_writer){.store = store, .fields = fields, .fd = -1};
  RUNG_TRY(rung__fields_check(fields));
  rung_digest_init(&writer->digest);
  RUNG_TRY(rung__store_lock(store, &lock));
  rung_status *status = create_temporary(writer);
  close(lock);
  if (!status) status = write_at(writer, fields->text.data, fields->text.size, RUNG_ENTRY_HEAD);
  if (status) rung__writer_abandon(writer);
  return status;
}

rung_status *rung__writer_write(void *writer, const void *data, size_t size) {
  store_writer *w = writer;
  size_t offset = rung__entry_payload_offset(w->fields->text.size) + w->payload_size;
  RUNG_REQUIRE(size <= w->store->max_bytes && w->payload_size <= w->store->max_bytes - size, LIMIT,
               "cache \"%s\": the entry is larger than the cache may be", w->store->path);
  RUNG_TRY(write_at(w, data, size, offset));
  rung_digest_add(&w->digest, data, size);
  w->payload_size += size;
  return NULL;
}

rung_status *rung__writer_scratch(const store_writer *writer, char out_path[RUNG_PATH_MAX]) {
  int length = snprintf(out_path, RUNG_PATH_MAX, "%s/%s" RUNG_STORE_SCRATCH, writer->store->path, writer->name);
  RUNG_REQUIRE(length > 0 && length < RUNG_PATH_MAX, LIMIT, "the path of the cache is too long");
  int fd = open(out_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return os_error(writer->store, errno, "create a file");
  close(fd);
  return NULL;
}

/* The head comes last: until then the file is no entry. */
static rung_status *finish_file(store_writer *w) {
  uint8_t digest[RUNG_DIGEST_SIZE], head[RUNG_ENTRY_HEAD];
  size_t size = rung__entry_payload_offset(w->fields->text.size) + w->payload_size;
  RUNG_REQUIRE(size <= w->store->max_bytes, LIMIT, "cache \"%s\": the entry is larger than the cache may be",
               w->store->path);
  rung_digest_end(&w->digest, digest);
  rung__entry_head(w->fields, w->payload_size, digest, head);
  if (!w->payload_size && !rung_os_resize(w->fd, (int64_t)size)) return os_error(w->store, errno, "write");
  RUNG_TRY(write_at(w, head, sizeof head, 0));
  return fsync(w->fd) == 0 ? NULL : os_error(w->store, errno, "flush a file");
}

/* Some file systems cannot flush a folder, and then there is nothing to wait for. */
static rung_status *publish(store_writer *w) {
  char key[RUNG_DIGEST_TEXT], name[RUNG_DIGEST_TEXT + sizeof suffix];
  int lock;
  RUNG_TRY(rung__store_lock(w->store, &lock));
  rung_status *status = make_room(w->store, rung__entry_payload_offset(w->fields->text.size) + w->payload_size);
  rung__fields_key(w->fields, key);
  if (!status && renameat(w->store->folder, w->name, w->store->folder, name_of(key, name)) != 0)
    status = os_error(w->store, errno, "rename a file");
  if (!status) (void)!fsync(w->store->folder);
  close(lock);
  return status;
}

rung_status *rung__writer_commit(store_writer *writer) {
  rung_status *status = finish_file(writer);
  if (!status) status = publish(writer);
  if (status) {
    rung__writer_abandon(writer);
    return status;
  }
  close(writer->fd);
  writer->fd = -1;
  return NULL;
}

void rung__writer_abandon(store_writer *writer) {
  if (writer->fd < 0) return;
  unlinkat(writer->store->folder, writer->name, 0);
  close(writer->fd);
  writer->fd = -1;
}
