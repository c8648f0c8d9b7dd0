/* The loader's cache: what this system has, tables made by hand, and damaged ones. */
#include "base/file.h"
#include "base/ld_cache.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
enum { HERE = 0x0303 };
#elif defined(__aarch64__)
enum { HERE = 0x0a03 };
#else
enum { HERE = 0x1003 };
#endif

enum { HEAD = 48, ENTRY = 24, MOST = 512 };

typedef struct seen {
  char text[512];
} seen;

static bool keep(void *context, const char *soname, const char *path) {
  seen *s = context;
  size_t used = strlen(s->text);
  snprintf(s->text + used, sizeof s->text - used, "%s=%s;", soname, path);
  return true;
}

static void put(char *at, uint32_t value) { memcpy(at, &value, 4); }

/* Entries of (flags, soname, path) up to flags 0. */
static size_t make(char bytes[MOST], const char *const (*entries)[2], const uint32_t *flags, size_t count) {
  memset(bytes, 0, MOST);
  memcpy(bytes, "glibc-ld.so.cache1.1", 20);
  put(bytes + 20, (uint32_t)count);
  size_t texts = HEAD + count * ENTRY;
  for (size_t i = 0; i < count; i++) {
    char *entry = bytes + HEAD + i * ENTRY;
    put(entry, flags[i]);
    for (int k = 0; k < 2; k++) {
      put(entry + 4 + 4 * k, (uint32_t)texts);
      strcpy(bytes + texts, entries[i][k]);
      texts += strlen(entries[i][k]) + 1;
    }
  }
  return texts;
}

static const char *const entries[][2] = {
    {"liba.so.1", "/lib/liba.so.1"}, {"libb.so.2", "/x/libb.so.2"}, {"libc.so.3", "/lib32/c"}};
static const uint32_t flags[] = {HERE, HERE, 0x0003};

static void entries_for_this_machine_are_told(void **state) {
  (void)state;
  char bytes[MOST], old[MOST + 64] = "ld.so-1.7.0";
  seen s = {""}, t = {""};
  size_t size = make(bytes, entries, flags, 3);
  assert_true(rung_ld_cache_each((rung_str){bytes, size}, keep, &s));
  assert_string_equal(s.text, "liba.so.1=/lib/liba.so.1;libb.so.2=/x/libb.so.2;");
  put(old + 12, 2); /* 16 + 2 * 12 bytes of an older table before it */
  memcpy(old + 40, bytes, size);
  assert_true(rung_ld_cache_each((rung_str){old, size + 40}, keep, &t));
  assert_string_equal(t.text, s.text);
}

static void damage_is_survived(void **state) {
  (void)state;
  char bytes[MOST];
  size_t size = make(bytes, entries, flags, 3);
  for (size_t cut = 0; cut < size; cut++) {
    char *copy = malloc(cut + 1); /* its end is where reading must stop */
    assert_non_null(copy);
    memcpy(copy, bytes, cut);
    seen s = {""};
    rung_ld_cache_each((rung_str){copy, cut}, keep, &s);
    free(copy);
  }
  seen s = {""};
  put(bytes + 20, 0xffffffff);
  assert_false(rung_ld_cache_each((rung_str){bytes, size}, keep, &s));
  assert_false(rung_ld_cache_each((rung_str){"", 0}, keep, &s));
  assert_false(rung_ld_cache_each((rung_str){"musl has none, and this is a text that is long enough", 50}, keep, &s));
}

static bool find_libc(void *context, const char *soname, const char *path) {
  *(bool *)context |= strcmp(soname, "libc.so.6") == 0 && path[0] == '/';
  return true;
}

static void this_systems_cache_is_read(void **state) {
  (void)state;
  rung_file file;
  rung_status *status = rung_file_open(&rung_system_allocator, "/etc/ld.so.cache", true, &file);
  if (status) {
    rung_status_free(status);
    skip();
  }
  bool found = false, read = rung_ld_cache_each((rung_str){(const char *)file.data, file.size}, find_libc, &found);
  rung_file_close(&file);
  if (!read) skip(); /* another machine's, under emulation */
#if defined(__x86_64__)
  assert_true(found);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(entries_for_this_machine_are_told),
                                     cmocka_unit_test(damage_is_survived),
                                     cmocka_unit_test(this_systems_cache_is_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
