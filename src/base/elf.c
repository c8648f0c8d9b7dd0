#include "base/elf.h"

#include "base/arena.h"
#include "base/dylib.h"
#include "base/str.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>

/* Reading */

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#elif defined(__riscv)
#define THIS_MACHINE EM_RISCV
#else
#define THIS_MACHINE EM_NONE
#endif

enum { THIS_CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32 };

/* `count` elements of `size` bytes at `offset`, or NULL when they are not all in the file. */
static const void *part(const rung_file *file, uint64_t offset, uint64_t count, size_t size) {
  if (offset > file->size || count > (file->size - offset) / size) return NULL;
  return file->data + offset;
}

/* The dynamic section speaks of addresses in memory; program headers say where in the file they come from. */
static bool file_offset(const rung_file *file, const ElfW(Ehdr) * head, uint64_t address, uint64_t *out) {
  for (unsigned i = 0; i < head->e_phnum; i++) {
    ElfW(Phdr) segment;
    memcpy(&segment, file->data + head->e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
      continue;
    *out = segment.p_offset + (address - segment.p_vaddr);
    return true;
  }
  return false;
}

/* All that the loader maps must be in the file. */
static bool is_whole(const rung_file *file, const ElfW(Ehdr) * head) {
  for (unsigned i = 0; i < head->e_phnum; i++) {
    ElfW(Phdr) segment;
    memcpy(&segment, file->data + head->e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD && !part(file, segment.p_offset, segment.p_filesz, 1)) return false;
  }
  return true;
}

typedef struct dynamic {
  const uint8_t *entries;
  size_t count;
  const char *strings;
  uint64_t strings_size;
} dynamic;

static ElfW(Dyn) entry_at(const dynamic *d, size_t i) {
  ElfW(Dyn) entry;
  memcpy(&entry, d->entries + i * sizeof entry, sizeof entry);
  return entry;
}

static rung_status *find_dynamic(const rung_file *file, const ElfW(Ehdr) * head, dynamic *d) {
  for (unsigned i = 0; i < head->e_phnum && !d->entries; i++) {
    ElfW(Phdr) segment;
    memcpy(&segment, file->data + head->e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_DYNAMIC) continue;
    d->count = segment.p_filesz / sizeof(ElfW(Dyn));
    d->entries = part(file, segment.p_offset, d->count, sizeof(ElfW(Dyn)));
    RUNG_REQUIRE(d->entries, UNAVAILABLE, "the file is cut off");
  }
  RUNG_REQUIRE(d->entries, UNAVAILABLE, "it is no shared library");
  uint64_t address = 0, offset = 0;
  for (size_t i = 0; i < d->count; i++) {
    ElfW(Dyn) entry = entry_at(d, i);
    if (entry.d_tag == DT_STRTAB) address = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) d->strings_size = entry.d_un.d_val;
  }
  bool mapped = d->strings_size && file_offset(file, head, address, &offset);
  d->strings = mapped ? part(file, offset, d->strings_size, 1) : NULL;
  RUNG_REQUIRE(d->strings && d->strings[d->strings_size - 1] == 0, UNAVAILABLE, "its names are damaged or cut off");
  return NULL;
}

static rung_status *read_dynamic(rung_elf *elf, const dynamic *d) {
  for (size_t i = 0; i < d->count; i++) {
    ElfW(Dyn) entry = entry_at(d, i);
    if (entry.d_tag == DT_NULL) break;
    bool wanted =
        entry.d_tag == DT_NEEDED || entry.d_tag == DT_SONAME || entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH;
    if (!wanted) continue;
    RUNG_REQUIRE(entry.d_un.d_val < d->strings_size, UNAVAILABLE, "its names are damaged");
    const char *text = d->strings + entry.d_un.d_val;
    if (entry.d_tag == DT_SONAME) elf->soname = text;
    if (entry.d_tag == DT_RUNPATH || (entry.d_tag == DT_RPATH && !elf->runpath)) elf->runpath = text;
    if (entry.d_tag != DT_NEEDED) continue;
    RUNG_REQUIRE(elf->needed_count < RUNG_ELF_MOST_NEEDED, UNAVAILABLE, "it needs more than %d libraries",
                 RUNG_ELF_MOST_NEEDED);
    elf->needed[elf->needed_count++] = text;
  }
  return NULL;
}

rung_status *rung__elf_read(rung_elf *elf) {
  const rung_file *file = &elf->file;
  ElfW(Ehdr) head;
  RUNG_REQUIRE(file->size >= sizeof head && memcmp(file->data, ELFMAG, SELFMAG) == 0, UNAVAILABLE, "it is no ELF file");
  memcpy(&head, file->data, sizeof head);
  RUNG_REQUIRE(head.e_ident[EI_CLASS] == THIS_CLASS && head.e_machine == THIS_MACHINE, UNAVAILABLE,
               "it is for another processor");
  RUNG_REQUIRE(head.e_type == ET_DYN && head.e_phentsize == sizeof(ElfW(Phdr)), UNAVAILABLE, "it is no shared library");
  RUNG_REQUIRE(part(file, head.e_phoff, head.e_phnum, sizeof(ElfW(Phdr))) && is_whole(file, &head), UNAVAILABLE,
               "the file is cut off");
  dynamic d = {0};
  RUNG_TRY(find_dynamic(file, &head, &d));
  return read_dynamic(elf, &d);
}

rung_status *rung_elf_open(const rung_allocator *allocator, const char *path, rung_elf *out_elf) {
  *out_elf = (rung_elf){0};
  RUNG_TRY(rung_file_open(allocator, path, false, &out_elf->file));
  rung_status *status = rung__elf_read(out_elf);
  if (status) rung_elf_close(out_elf);
  return status;
}

void rung_elf_close(rung_elf *elf) { rung_file_close(&elf->file); }

/* Needed libraries */

typedef struct walk {
  const rung_allocator *allocator;
  const char *const *folders; /* the user's; may be NULL */
  rung_arena arena;
  RUNG_VEC(const char *) paths;   /* to be looked at; those before `next` are done */
  RUNG_VEC(const char *) sonames; /* found, or the system's */
  size_t next;
} walk;

static bool is_known(const walk *w, const char *soname) {
  for (size_t i = 0; i < w->sonames.count; i++)
    if (strcmp(w->sonames.at[i], soname) == 0) return true;
  return false;
}

/* One folder of a run path, with $ORIGIN written out. */
static bool expand(const char *entry, size_t size, const char *origin, char out[RUNG_PATH_MAX]) {
  static const char *const names[] = {"$ORIGIN", "${ORIGIN}"};
  for (size_t i = 0; i < 2; i++) {
    size_t length = strlen(names[i]);
    if (size >= length && strncmp(entry, names[i], length) == 0)
      return snprintf(out, RUNG_PATH_MAX, "%s%.*s", origin, (int)(size - length), entry + length) < RUNG_PATH_MAX;
  }
  return snprintf(out, RUNG_PATH_MAX, "%.*s", (int)size, entry) < RUNG_PATH_MAX;
}

static bool exists_in(const char *folder, const char *soname, char out[RUNG_PATH_MAX]) {
  if (snprintf(out, RUNG_PATH_MAX, "%s/%s", folder, soname) >= RUNG_PATH_MAX) return false;
  FILE *file = fopen(out, "re");
  if (file) fclose(file);
  return file != NULL;
}

static bool is_in_run_path(const char *runpath, const char *origin, const char *soname, char out[RUNG_PATH_MAX]) {
  char folder[RUNG_PATH_MAX];
  for (const char *at = runpath; at && *at;) {
    size_t size = strcspn(at, ":");
    if (expand(at, size, origin, folder) && exists_in(folder, soname, out)) return true;
    at += size + (at[size] == ':');
  }
  return false;
}

static bool is_in_folders(const char *const *folders, const char *soname, char out[RUNG_PATH_MAX]) {
  for (; folders && *folders; folders++)
    if (exists_in(*folders, soname, out)) return true;
  return false;
}

static rung_status *look_for(walk *w, const rung_elf *elf, const char *path, const char *soname) {
  char origin[RUNG_PATH_MAX], found[RUNG_PATH_MAX];
  RUNG_TRY(rung_file_folder(path, origin));
  bool own = is_in_folders(w->folders, soname, found) || is_in_run_path(elf->runpath, origin, soname, found);
  bool system = !own && rung_dylib_look(NULL, soname, found);
  const char *name = strrchr(path, '/');
  RUNG_REQUIRE(own || system, UNAVAILABLE, "%s, which %s needs", soname, name ? name + 1 : path);
  const char *key = rung_arena_copy(&w->arena, soname, strlen(soname));
  const char *at = own ? rung_arena_copy(&w->arena, found, strlen(found)) : NULL;
  if (!key || (own && !at) || !rung_vec_push(w->allocator, &w->sonames, key) ||
      (own && !rung_vec_push(w->allocator, &w->paths, at)))
    return rung_status_out_of_memory();
  return NULL;
}

static rung_status *check_one(walk *w, const char *path) {
  rung_elf elf;
  RUNG_TRY(rung_status_prefix(rung_elf_open(w->allocator, path, &elf), "%s", path));
  rung_status *status = NULL;
  for (size_t i = 0; i < elf.needed_count && !status; i++)
    if (!is_known(w, elf.needed[i])) status = look_for(w, &elf, path, elf.needed[i]);
  rung_elf_close(&elf);
  return status;
}

rung_status *rung_elf_check_needed(const rung_allocator *allocator, const char *path) {
  return rung_elf_check_needed_in(allocator, path, NULL);
}

rung_status *rung_elf_check_needed_in(const rung_allocator *allocator, const char *path, const char *const *folders) {
  enum { MOST = 256 };
  walk w = {.allocator = allocator, .folders = folders};
  rung_arena_init(&w.arena, allocator);
  rung_status *status = rung_vec_push(allocator, &w.paths, path) ? NULL : rung_status_out_of_memory();
  while (!status && w.next < w.paths.count && w.next < MOST) status = check_one(&w, w.paths.at[w.next++]);
  rung_vec_free(allocator, &w.paths);
  rung_vec_free(allocator, &w.sonames);
  rung_arena_finish(&w.arena);
  return status;
}
