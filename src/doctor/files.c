#include "doctor/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NAMES = 20000 };

const char *rung__doctor_real(doctor *d, const char *path) {
  return d->root[0] ? rung__doctor_printf(d, "%s%s", d->root, path) : path;
}

static bool look(doctor *d, const char *path, struct stat *out) { return stat(rung__doctor_real(d, path), out) == 0; }

bool rung__doctor_is_file(doctor *d, const char *path) {
  struct stat info;
  return look(d, path, &info) && S_ISREG(info.st_mode);
}

bool rung__doctor_is_folder(doctor *d, const char *path) {
  struct stat info;
  return look(d, path, &info) && S_ISDIR(info.st_mode);
}

bool rung__doctor_exists(doctor *d, const char *path) {
  struct stat info;
  return look(d, path, &info);
}

int64_t rung__doctor_size(doctor *d, const char *path) {
  struct stat info;
  return look(d, path, &info) && S_ISREG(info.st_mode) ? (int64_t)info.st_size : -1;
}

const char *rung__doctor_canonical(doctor *d, const char *path) {
  char *real = realpath(rung__doctor_real(d, path), NULL), *root = d->root[0] ? realpath(d->root, NULL) : NULL;
  size_t skip = root ? strlen(root) : 0;
  bool inside = real && (!root || (strncmp(real, root, skip) == 0 && real[skip] == '/'));
  const char *out = inside ? rung__doctor_copy(d, real + skip, strlen(real + skip)) : path;
  free(real);
  free(root);
  return out;
}

rung_str rung__doctor_read(doctor *d, const char *path, size_t most) {
  int fd = open(rung__doctor_real(d, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat info;
  if (fd < 0) return (rung_str){0};
  bool folder = fstat(fd, &info) != 0 || S_ISDIR(info.st_mode);
  rung_text text;
  rung_text_init(&text, d->allocator);
  char piece[16384];
  while (!folder && text.size < most) {
    ssize_t got = read(fd, piece, RUNG_MIN(sizeof piece, most - text.size));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    rung_text_append(&text, piece, (size_t)got);
  }
  close(fd);
  rung_str out = {0};
  if (!folder) out = (rung_str){rung__doctor_copy(d, text.data ? text.data : "", text.size), text.size};
  if (d->failed) out = (rung_str){0};
  if (text.failed) d->failed = true;
  rung_text_finish(&text);
  return out;
}

bool rung__doctor_next_line(rung_str *text, rung_str *out_line) {
  if (!text->size) return false;
  const char *end = memchr(text->data, '\n', text->size);
  size_t size = end ? (size_t)(end - text->data) : text->size;
  *out_line = (rung_str){text->data, size};
  text->data += size + (end != NULL);
  text->size -= size + (end != NULL);
  if (out_line->size && out_line->data[out_line->size - 1] == '\r') out_line->size--;
  return true;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

rung_str rung__doctor_trim(rung_str text) {
  while (text.size && is_space(text.data[0])) text.data++, text.size--;
  while (text.size && is_space(text.data[text.size - 1])) text.size--;
  return text;
}

const char *rung__doctor_line(doctor *d, const char *path) {
  rung_str text = rung__doctor_read(d, path, 4096), line;
  if (!text.data || !rung__doctor_next_line(&text, &line)) return "";
  line = rung__doctor_trim(line);
  return rung__doctor_copy(d, line.data, line.size);
}

static int compare(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

doctor_list *rung__doctor_list(doctor *d) {
  static doctor_list none; /* read-only: nothing is added to it, as rung__doctor_add gives up when d->failed */
  doctor_list *list = rung__doctor_alloc(d, 1, sizeof *list);
  if (list && !rung_vec_push(d->allocator, &d->lists, list)) d->failed = true;
  return list && !d->failed ? list : &none;
}

doctor_list *rung__doctor_names(doctor *d, const char *folder) {
  doctor_list *list = rung__doctor_list(d);
  DIR *dir = opendir(rung__doctor_real(d, folder));
  for (struct dirent *entry; dir && list->count < MOST_NAMES && (entry = readdir(dir));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      rung__doctor_add(d, list, rung__doctor_copy(d, entry->d_name, strlen(entry->d_name)));
  if (dir) closedir(dir);
  if (list->count) qsort(list->at, list->count, sizeof *list->at, compare);
  return list;
}

bool rung__doctor_matches(const char *pattern, const char *name) {
  const char *star = NULL, *retry = NULL;
  while (*name) {
    if (*pattern == '*') {
      star = pattern++;
      retry = name;
    } else if (*pattern == *name) {
      pattern++, name++;
    } else if (star) {
      pattern = star + 1;
      name = ++retry;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return !*pattern;
}

/* `done` exists and has no '*'; `left` begins behind a '/'. */
static void match_below(doctor *d, const char *done, const char *left, doctor_list *out) {
  size_t size = strcspn(left, "/");
  const char *part = rung__doctor_copy(d, left, size), *rest = left[size] ? left + size + 1 : NULL;
  if (!strchr(part, '*')) {
    const char *path = rung__doctor_printf(d, "%s/%s", done, part);
    if (!rung__doctor_exists(d, path)) return;
    if (rest)
      match_below(d, path, rest, out);
    else
      rung__doctor_add(d, out, path);
    return;
  }
  const doctor_list *names = rung__doctor_names(d, done[0] ? done : "/");
  for (size_t i = 0; i < names->count; i++) {
    if (!rung__doctor_matches(part, names->at[i]) || (names->at[i][0] == '.' && part[0] != '.')) continue;
    const char *path = rung__doctor_printf(d, "%s/%s", done, names->at[i]);
    if (rest)
      match_below(d, path, rest, out);
    else
      rung__doctor_add(d, out, path);
  }
}

doctor_list *rung__doctor_glob(doctor *d, const char *pattern) {
  doctor_list *out = rung__doctor_list(d);
  if (pattern[0] == '/') match_below(d, "", pattern + 1, out);
  return out;
}

const char *rung__doctor_base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *rung__doctor_folder_of(doctor *d, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return ".";
  return slash == path ? "/" : rung__doctor_copy(d, path, (size_t)(slash - path));
}
