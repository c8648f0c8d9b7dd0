#include "support/elf.h"

#include "support/test.h"

#include <string.h>

#if defined(__x86_64__)
enum { MACHINE = 62 };
#elif defined(__aarch64__)
enum { MACHINE = 183 };
#else
enum { MACHINE = 243 };
#endif

enum {
  HEADER = 64,
  SEGMENT = 56,
  DYNAMIC_AT = HEADER + 2 * SEGMENT,
  STRINGS_AT = 1024,
  VERSIONS_AT = 3072,
  BASE = 0x10000
};

typedef struct writer {
  uint8_t *bytes;
  size_t dynamic, strings, versions;
} writer;

static void put(writer *w, size_t at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) w->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_entry(writer *w, uint64_t tag, uint64_t value) {
  put(w, w->dynamic, tag, 8);
  put(w, w->dynamic + 8, value, 8);
  w->dynamic += 16;
}

static void put_text(writer *w, uint64_t tag, const char *text) {
  if (!text) return;
  put_entry(w, tag, w->strings - STRINGS_AT);
  strcpy((char *)w->bytes + w->strings, text);
  w->strings += strlen(text) + 1;
}

static void put_segment(writer *w, size_t index, uint64_t type, size_t offset, size_t size) {
  size_t at = HEADER + index * SEGMENT;
  put(w, at, type, 4);
  put(w, at + 8, offset, 8);
  put(w, at + 16, BASE + offset, 8);
  put(w, at + 32, size, 8);
  put(w, at + 40, size, 8);
}

/* Adds a text; returns its place in the table. */
static size_t add_text(writer *w, const char *text) {
  size_t at = w->strings - STRINGS_AT;
  strcpy((char *)w->bytes + w->strings, text);
  w->strings += strlen(text) + 1;
  return at;
}

/* One Verneed with one Vernaux each. */
static void put_wants(writer *w, const elf_version *wants) {
  enum { NEED = 16, AUX = 16 };
  size_t count = 0, begin = w->versions;
  for (; count < ELF_MOST_VERSIONS && wants[count].file; count++) {
    size_t at = w->versions, aux = at + NEED;
    bool more = count + 1 < ELF_MOST_VERSIONS && wants[count + 1].file;
    put(w, at, 1, 2);
    put(w, at + 2, 1, 2);
    put(w, at + 4, add_text(w, wants[count].file), 4);
    put(w, at + 8, NEED, 4);
    put(w, at + 12, more ? NEED + AUX : 0, 4);
    put(w, aux + 6, 2 + count, 2);
    put(w, aux + 8, add_text(w, wants[count].version), 4);
    w->versions += NEED + AUX;
  }
  if (!count) return;
  put_entry(w, 0x6ffffffe, BASE + begin);
  put_entry(w, 0x6fffffff, count);
}

/* One Verdef with one Verdaux each. */
static void put_defines(writer *w, const char *const *defines) {
  enum { DEF = 20, AUX = 8 };
  size_t count = 0, begin = w->versions;
  for (; count < ELF_MOST_VERSIONS && defines[count]; count++) {
    size_t at = w->versions;
    bool more = count + 1 < ELF_MOST_VERSIONS && defines[count + 1];
    put(w, at, 1, 2);
    put(w, at + 4, 2 + count, 2);
    put(w, at + 6, 1, 2);
    put(w, at + 12, DEF, 4);
    put(w, at + 16, more ? DEF + AUX : 0, 4);
    put(w, at + DEF, add_text(w, defines[count]), 4);
    w->versions += DEF + AUX;
  }
  if (!count) return;
  put_entry(w, 0x6ffffffc, BASE + begin);
  put_entry(w, 0x6ffffffd, count);
}

size_t elf_make(const elf_parts *parts, uint8_t bytes[ELF_SIZE]) {
  static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  writer w = {.bytes = bytes, .dynamic = DYNAMIC_AT, .strings = STRINGS_AT + 1, .versions = VERSIONS_AT};
  memset(bytes, 0, ELF_SIZE);
  memcpy(bytes, ident, sizeof ident);
  put(&w, 16, 3, 2); /* shared object */
  put(&w, 18, parts->machine ? (uint64_t)parts->machine : MACHINE, 2);
  put(&w, 32, HEADER, 8);
  put(&w, 54, SEGMENT, 2);
  put(&w, 56, 2, 2);
  put_text(&w, 14, parts->soname);
  put_text(&w, 15, parts->rpath);
  put_text(&w, 29, parts->runpath);
  for (size_t i = 0; i < ELF_MOST_NEEDED && parts->needed[i]; i++) put_text(&w, 1, parts->needed[i]);
  put_wants(&w, parts->wants);
  put_defines(&w, parts->defines);
  put_entry(&w, 5, BASE + STRINGS_AT);
  put_entry(&w, 10, w.strings - STRINGS_AT);
  put_entry(&w, 0, 0);
  size_t size = w.versions > VERSIONS_AT ? w.versions : w.strings;
  put_segment(&w, 0, 1, 0, size);
  put_segment(&w, 1, 2, DYNAMIC_AT, w.dynamic - DYNAMIC_AT);
  assert_true(w.dynamic <= STRINGS_AT && w.strings <= VERSIONS_AT && w.versions <= ELF_SIZE);
  return size;
}

void elf_write(const temp_folder *folder, const char *name, const elf_parts *parts) {
  uint8_t bytes[ELF_SIZE];
  folder_write(folder, name, bytes, elf_make(parts, bytes));
}
