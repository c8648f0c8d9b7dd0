#include "support/folder.h"

#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void folder_make(temp_folder *folder) {
  const char *base = getenv("TMPDIR");
  char name[sizeof folder->path], real[4096];
  snprintf(name, sizeof name, "%s/rung-test-XXXXXX", base ? base : "/tmp");
  assert_non_null(mkdtemp(name));
  assert_non_null(realpath(name, real));
  assert_true(strlen(real) < sizeof folder->path);
  strcpy(folder->path, real);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info, (void)kind, (void)at;
  return remove(path);
}

void folder_remove(temp_folder *folder) {
  assert_int_equal(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

temp_folder own_folder;

int own_folder_set_up(void **state) {
  (void)state;
  folder_make(&own_folder); /* mkdtemp gives it to us alone */
  return 0;
}

int own_folder_tear_down(void **state) {
  (void)state;
  folder_remove(&own_folder);
  return 0;
}

const char *folder_at(const temp_folder *folder, const char *name, char out[FOLDER_PATH]) {
  int length = snprintf(out, FOLDER_PATH, "%s/%s", folder->path, name);
  assert_true(length > 0 && length < FOLDER_PATH);
  return out;
}

void folder_mkdir(const temp_folder *folder, const char *name) {
  char path[FOLDER_PATH];
  assert_int_equal(mkdir(folder_at(folder, name, path), 0777), 0);
}

void folder_write(const temp_folder *folder, const char *name, const void *data, size_t size) {
  char path[FOLDER_PATH];
  FILE *file = fopen(folder_at(folder, name, path), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

void folder_symlink(const temp_folder *folder, const char *target, const char *name) {
  char path[FOLDER_PATH];
  assert_int_equal(symlink(target, folder_at(folder, name, path)), 0);
}

void folder_hardlink(const temp_folder *folder, const char *target, const char *name) {
  char from[FOLDER_PATH], to[FOLDER_PATH];
  assert_int_equal(link(folder_at(folder, target, from), folder_at(folder, name, to)), 0);
}
