/* Layout of glibc's dl-cache: since 2.2 a header "glibc-ld.so.cache1.1" with entries of 24 bytes whose names are
 * offsets from that header. Old systems put it behind an older table, "ld.so-1.7.0", whose length says where. */
#include "base/ld_cache.h"

#include <stdint.h>
#include <string.h>

enum { OLD_HEAD = 16, OLD_ENTRY = 12, HEAD = 48, ENTRY = 24, KIND_MASK = 0xff, KIND_ELF = 1, KIND_LIBC6 = 3 };

#if defined(__x86_64__)
enum { THIS_LIBRARY = 0x0300 };
#elif defined(__aarch64__)
enum { THIS_LIBRARY = 0x0a00 };
#elif defined(__riscv)
enum { THIS_LIBRARY = 0x1000 };
#else
enum { THIS_LIBRARY = 0 };
#endif

static const char old_magic[] = "ld.so-1.7.0", magic[] = "glibc-ld.so.cache1.1";

static uint32_t read_u32(const char *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* NULL when it does not end in the file. */
static const char *text_at(rung_str table, uint32_t at) {
  return at < table.size && memchr(table.data + at, 0, table.size - at) ? table.data + at : NULL;
}

static bool begins_with(rung_str bytes, const char *word) {
  return bytes.size >= strlen(word) && memcmp(bytes.data, word, strlen(word)) == 0;
}

/* Moves past a table of the old kind. */
static rung_str skip_old(rung_str bytes) {
  if (!begins_with(bytes, old_magic) || bytes.size < OLD_HEAD) return bytes;
  uint64_t size = OLD_HEAD + (uint64_t)read_u32(bytes.data + 12) * OLD_ENTRY;
  size = (size + 7) / 8 * 8;
  if (size > bytes.size) return (rung_str){0};
  return (rung_str){bytes.data + size, bytes.size - (size_t)size};
}

bool rung_ld_cache_each(rung_str bytes, rung_ld_cache_fn fn, void *context) {
  rung_str table = skip_old(bytes);
  if (table.size < HEAD || !begins_with(table, magic)) return false;
  uint64_t count = read_u32(table.data + 20);
  if (count > (table.size - HEAD) / ENTRY) return false;
  for (uint64_t i = 0; i < count; i++) {
    const char *entry = table.data + HEAD + i * ENTRY;
    uint32_t flags = read_u32(entry), kind = flags & KIND_MASK;
    const char *soname = text_at(table, read_u32(entry + 4)), *path = text_at(table, read_u32(entry + 8));
    if ((kind != KIND_LIBC6 && kind != KIND_ELF) || (flags & 0xff00) != THIS_LIBRARY || !soname || !path) continue;
    if (!fn(context, soname, path)) break;
  }
  return true;
}
