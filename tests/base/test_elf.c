#include "base/elf.h"

#include "base/dylib.h"
#include "support/elf.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small, and needs nothing. */
static const char sample[] = TEST_LIBRARIES "/libsample_vendor.so";

/* The system's, which needs libc. */
static const char *find_libm(char path[RUNG_PATH_MAX]) {
  assert_true(rung_dylib_look(NULL, "libm.so.6", path));
  return path;
}

/* A library's bytes, to be damaged. */
static uint8_t *read_library(const char *path, size_t *size) {
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, path, false, &file));
  uint8_t *bytes = malloc(file.size);
  assert_non_null(bytes);
  memcpy(bytes, file.data, *size = file.size);
  rung_file_close(&file);
  return bytes;
}

static void a_library_tells_its_name_and_needs(void **state) {
  (void)state;
  char path[RUNG_PATH_MAX];
  rung_elf elf;
  assert_ok(rung_elf_open(&rung_system_allocator, find_libm(path), &elf));
  assert_string_equal(elf.soname, "libm.so.6");
  bool libc = false;
  for (size_t i = 0; i < elf.needed_count; i++) libc |= strcmp(elf.needed[i], "libc.so.6") == 0;
  assert_true(libc);
  rung_elf_close(&elf);
  assert_ok(rung_elf_check_needed(&rung_system_allocator, path));
  assert_ok(rung_elf_check_needed(&rung_system_allocator, sample));
}

static void what_is_missing_is_named(void **state) {
  (void)state;
  size_t size;
  char path[RUNG_PATH_MAX];
  uint8_t *bytes = read_library(find_libm(path), &size);
  temp_folder folder;
  folder_make(&folder);
  for (size_t i = 0; i + 10 < size; i++)
    if (memcmp(bytes + i, "libc.so.6", 10) == 0) memcpy(bytes + i, "libQ", 4);
  folder_write(&folder, "libbroken.so", bytes, size);
  assert_error(rung_elf_check_needed(&rung_system_allocator, folder_at(&folder, "libbroken.so", path)), UNAVAILABLE,
               "libQ.so.6, which libbroken.so needs");
  folder_remove(&folder);
  free(bytes);
}

static void other_files_are_refused(void **state) {
  (void)state;
  rung_elf elf;
  size_t size;
  uint8_t *bytes = read_library(sample, &size);
  temp_folder folder;
  char path[FOLDER_PATH];
  folder_make(&folder);
  folder_write(&folder, "text", "no library", 10);
  assert_error(rung_elf_open(&rung_system_allocator, folder_at(&folder, "text", path), &elf), UNAVAILABLE, "no ELF");
  folder_write(&folder, "empty", "", 0);
  assert_error(rung_elf_open(&rung_system_allocator, folder_at(&folder, "empty", path), &elf), UNAVAILABLE, "no ELF");
  bytes[18] ^= 0xff; /* e_machine */
  folder_write(&folder, "other", bytes, size);
  assert_error(rung_elf_open(&rung_system_allocator, folder_at(&folder, "other", path), &elf), UNAVAILABLE,
               "another processor");
  assert_error(rung_elf_open(&rung_system_allocator, folder_at(&folder, "none", path), &elf), NOT_FOUND, "");
  folder_remove(&folder);
  free(bytes);
}

/* Every damaged byte of the headers and of the dynamic section, and every length: an answer, not a crash. */
static void damage_is_survived(void **state) {
  (void)state;
  size_t size;
  uint8_t *bytes = read_library(sample, &size);
  temp_folder folder;
  char path[FOLDER_PATH];
  folder_make(&folder);
  folder_at(&folder, "lib.so", path);
  for (size_t i = 0; i < size; i += i < 1024 ? 1 : 97) {
    rung_elf elf;
    folder_write(&folder, "lib.so", bytes, i);
    rung_status *status = rung_elf_open(&rung_system_allocator, path, &elf);
    if (!status) rung_elf_close(&elf);
    rung_status_free(status);
    uint8_t was = bytes[i];
    bytes[i] = (uint8_t)~was;
    folder_write(&folder, "lib.so", bytes, size);
    rung_status_free(rung_elf_check_needed(&rung_system_allocator, path));
    bytes[i] = was;
  }
  folder_remove(&folder);
  free(bytes);
}

/* In memory of just that length: a sanitizer sees the first byte too far. The loader would raise SIGBUS. */
static void cut_off_files_are_refused(void **state) {
  (void)state;
  uint8_t bytes[ELF_SIZE];
  size_t size = elf_make(&(elf_parts){.soname = "libx.so.1", .needed = {"liba.so"}}, bytes);
  for (size_t length = 0; length <= size; length++) {
    uint8_t *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    rung_elf elf = {.file = {.data = copy, .size = length}};
    if (length < size)
      assert_error(rung__elf_read(&elf), UNAVAILABLE, "");
    else
      assert_ok(rung__elf_read(&elf));
    free(copy);
  }
}

static void folders_and_run_paths_are_looked_into(void **state) {
  (void)state;
  temp_folder root;
  char path[FOLDER_PATH], other[FOLDER_PATH];
  folder_make(&root);
  folder_mkdir(&root, "other");
  const char *const folders[] = {folder_at(&root, "other", other), NULL};
  elf_write(&root, "liba.so", &(elf_parts){.needed = {"libb.so"}});
  elf_write(&root, "libb.so", &(elf_parts){.needed = {"liba.so"}}); /* beside it, but nobody looks there */
  folder_at(&root, "liba.so", path);
  assert_error(rung_elf_check_needed(&rung_system_allocator, path), UNAVAILABLE, "libb.so, which liba.so needs");
  elf_write(&root, "liba.so", &(elf_parts){.runpath = "/nowhere:$ORIGIN", .needed = {"libb.so"}});
  assert_error(rung_elf_check_needed(&rung_system_allocator, path), UNAVAILABLE, "liba.so, which libb.so needs");
  elf_write(&root, "libb.so", &(elf_parts){.runpath = "${ORIGIN}/../lib:${ORIGIN}", .needed = {"liba.so"}});
  assert_ok(rung_elf_check_needed(&rung_system_allocator, path)); /* a circle is no trouble */
  elf_write(&root, "libb.so", &(elf_parts){.needed = {"libdeep.so.4"}});
  elf_write(&root, "other/libdeep.so.4", &(elf_parts){0});
  assert_error(rung_elf_check_needed(&rung_system_allocator, path), UNAVAILABLE, "libdeep.so.4");
  assert_ok(rung_elf_check_needed_in(&rung_system_allocator, path, folders));
  folder_write(&root, "other/libdeep.so.4", "\177ELF", 4);
  assert_error(rung_elf_check_needed_in(&rung_system_allocator, path, folders), UNAVAILABLE, "libdeep.so.4: it is no");
  folder_remove(&root);
}

static void the_highest_version_is_found(void **state) {
  (void)state;
  temp_folder folder;
  char path[RUNG_PATH_MAX];
  folder_make(&folder);
  assert_false(rung_dylib_look(folder.path, "libx.so", path));
  folder_write(&folder, "libx.so.9", "", 0);
  folder_write(&folder, "libx.so.10", "", 0);
  folder_write(&folder, "libx.so.2.7", "", 0);
  folder_write(&folder, "libx.so_old", "", 0);
  folder_write(&folder, "libxy.so.99", "", 0);
  assert_true(rung_dylib_look(folder.path, "libx.so", path));
  assert_string_equal(strrchr(path, '/'), "/libx.so.10");
  assert_true(rung_dylib_look(folder.path, "libx.so.2", path));
  assert_string_equal(strrchr(path, '/'), "/libx.so.2.7");
  assert_false(rung_dylib_look("/no/such/folder", "libx.so", path));
  folder_remove(&folder);
}

static bool keep_version(void *context, const char *file, const char *version) {
  char *text = context;
  size_t used = strlen(text);
  snprintf(text + used, 256 - used, "%s%s%s;", file ? file : "", file ? ":" : "", version);
  return true;
}

static void versions_and_run_paths_are_read(void **state) {
  (void)state;
  temp_folder root;
  rung_elf elf;
  char path[FOLDER_PATH], wanted[256] = "", defined[256] = "";
  folder_make(&root);
  elf_write(&root, "liba.so",
            &(elf_parts){.soname = "liba.so",
                         .rpath = "/r",
                         .wants = {{"libc.so.6", "GLIBC_2.38"}, {"libb.so", "B_1"}},
                         .defines = {"A_1", "A_2"}});
  assert_ok(rung_elf_open(&rung_system_allocator, folder_at(&root, "liba.so", path), &elf));
  rung_elf_each_version_needed(&elf, keep_version, wanted);
  rung_elf_each_version_defined(&elf, keep_version, defined);
  assert_string_equal(wanted, "libc.so.6:GLIBC_2.38;libb.so:B_1;");
  assert_string_equal(defined, "A_1;A_2;");
  assert_string_equal(elf.rpath, "/r");
  assert_null(elf.runpath);
  assert_false(elf.loadable);
  assert_string_equal(rung_elf_machine(&elf.file), rung_elf_this_machine());
  rung_elf_close(&elf);
  elf_write(&root, "libs.so", &(elf_parts){.machine = 22});
  assert_error(rung_elf_open(&rung_system_allocator, folder_at(&root, "libs.so", path), &elf), UNAVAILABLE,
               "(s390x, this is ");
  assert_ok(rung_elf_open_any(&rung_system_allocator, "/proc/self/exe", &elf));
  assert_true(elf.loadable && elf.needed_count);
  uint64_t size = 0;
  assert_non_null(rung_elf_section(&elf, ".text", &size));
  assert_true(size > 0);
  assert_null(rung_elf_section(&elf, ".nv_fatbin", &size));
  rung_elf_close(&elf);
  folder_remove(&root);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_library_tells_its_name_and_needs),
      cmocka_unit_test(what_is_missing_is_named),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(damage_is_survived),
      cmocka_unit_test(cut_off_files_are_refused),
      cmocka_unit_test(folders_and_run_paths_are_looked_into),
      cmocka_unit_test(the_highest_version_is_found),
      cmocka_unit_test(versions_and_run_paths_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
