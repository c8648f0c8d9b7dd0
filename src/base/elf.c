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

/* Tables that are read later, or only have to be there. Addresses become places in the file. */
static void note_tables(rung_elf *elf, const ElfW(Dyn) * entry, bool *symbols, bool *hash) {
  switch (entry->d_tag) {
    case DT_SYMTAB:
      *symbols = true;
      break;
    case DT_HASH:
    case DT_GNU_HASH:
      *hash = true;
      break;
    case DT_VERNEED:
      elf->versions_needed = entry->d_un.d_ptr;
      break;
    case DT_VERNEEDNUM:
      elf->versions_needed_count = entry->d_un.d_val;
      break;
    case DT_VERDEF:
      elf->versions_defined = entry->d_un.d_ptr;
      break;
    case DT_VERDEFNUM:
      elf->versions_defined_count = entry->d_un.d_val;
      break;
    default:
      break;
  }
}

static void place_versions(rung_elf *elf, const ElfW(Ehdr) * head) {
  uint64_t offset;
  if (elf->versions_needed_count && file_offset(&elf->file, head, elf->versions_needed, &offset))
    elf->versions_needed = offset;
  else
    elf->versions_needed_count = 0;
  if (elf->versions_defined_count && file_offset(&elf->file, head, elf->versions_defined, &offset))
    elf->versions_defined = offset;
  else
    elf->versions_defined_count = 0;
}

static rung_status *read_dynamic(rung_elf *elf, const dynamic *d) {
  bool symbols = false, hash = false;
  for (size_t i = 0; i < d->count; i++) {
    ElfW(Dyn) entry = entry_at(d, i);
    if (entry.d_tag == DT_NULL) break;
    note_tables(elf, &entry, &symbols, &hash);
    bool wanted =
        entry.d_tag == DT_NEEDED || entry.d_tag == DT_SONAME || entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH;
    if (!wanted) continue;
    RUNG_REQUIRE(entry.d_un.d_val < d->strings_size, UNAVAILABLE, "its names are damaged");
    const char *text = d->strings + entry.d_un.d_val;
    if (entry.d_tag == DT_SONAME) elf->soname = text;
    if (entry.d_tag == DT_RUNPATH) elf->runpath = text;
    if (entry.d_tag == DT_RPATH) elf->rpath = text;
    if (entry.d_tag != DT_NEEDED) continue;
    RUNG_REQUIRE(elf->needed_count < RUNG_ELF_MOST_NEEDED, UNAVAILABLE, "it needs more than %d libraries",
                 RUNG_ELF_MOST_NEEDED);
    elf->needed[elf->needed_count++] = text;
  }
  elf->loadable = symbols && hash;
  elf->strings = d->strings;
  elf->strings_size = d->strings_size;
  return NULL;
}

static rung_status *read_headers(rung_elf *elf, bool programs) {
  const rung_file *file = &elf->file;
  ElfW(Ehdr) head;
  RUNG_REQUIRE(file->size >= sizeof head && memcmp(file->data, ELFMAG, SELFMAG) == 0, UNAVAILABLE, "it is no ELF file");
  memcpy(&head, file->data, sizeof head);
  RUNG_REQUIRE(head.e_machine != EM_NONE, UNAVAILABLE, "its header is damaged");
  RUNG_REQUIRE(head.e_ident[EI_CLASS] == THIS_CLASS && head.e_machine == THIS_MACHINE, UNAVAILABLE,
               "it is for another processor (%s, this is %s)", rung_elf_machine(file), rung_elf_this_machine());
  elf->is_program = head.e_type == ET_EXEC;
  RUNG_REQUIRE((head.e_type == ET_DYN || (programs && elf->is_program)) && head.e_phentsize == sizeof(ElfW(Phdr)),
               UNAVAILABLE, "it is no shared library");
  RUNG_REQUIRE(part(file, head.e_phoff, head.e_phnum, sizeof(ElfW(Phdr))) && is_whole(file, &head), UNAVAILABLE,
               "the file is cut off");
  dynamic d = {0};
  RUNG_TRY(find_dynamic(file, &head, &d));
  RUNG_TRY(read_dynamic(elf, &d));
  place_versions(elf, &head);
  return NULL;
}

rung_status *rung__elf_read(rung_elf *elf) { return read_headers(elf, false); }

static rung_status *open_elf(const rung_allocator *allocator, const char *path, bool programs, rung_elf *out_elf) {
  *out_elf = (rung_elf){0};
  RUNG_TRY(rung_file_open(allocator, path, false, &out_elf->file));
  rung_status *status = read_headers(out_elf, programs);
  if (status) rung_elf_close(out_elf);
  return status;
}

rung_status *rung_elf_open(const rung_allocator *allocator, const char *path, rung_elf *out_elf) {
  return open_elf(allocator, path, false, out_elf);
}

rung_status *rung_elf_open_any(const rung_allocator *allocator, const char *path, rung_elf *out_elf) {
  return open_elf(allocator, path, true, out_elf);
}

void rung_elf_close(rung_elf *elf) { rung_file_close(&elf->file); }

/* Machines */

static const struct {
  uint16_t number;
  const char *name, *narrow;
} machines[] = {{EM_X86_64, "x86-64", "x86-64 (32 bits)"},
                {EM_386, "x86", "x86 (32 bits)"},
                {EM_AARCH64, "aarch64", "aarch64 (32 bits)"},
                {EM_ARM, "arm", "arm (32 bits)"},
                {EM_RISCV, "riscv64", "riscv32"},
                {EM_PPC64, "ppc64", "ppc"},
                {EM_S390, "s390x", "s390"}};

static const char *machine_name(unsigned number, unsigned class) {
  for (size_t i = 0; i < RUNG_COUNT(machines); i++)
    if (machines[i].number == number) return class == ELFCLASS64 ? machines[i].name : machines[i].narrow;
  return "an unknown machine";
}

const char *rung_elf_machine(const rung_file *file) {
  enum { MACHINE_AT = 18 };
  if (file->size < MACHINE_AT + 2 || memcmp(file->data, ELFMAG, SELFMAG) != 0) return NULL;
  bool big = file->data[EI_DATA] == ELFDATA2MSB;
  unsigned low = file->data[MACHINE_AT + big], high = file->data[MACHINE_AT + !big];
  return low | high ? machine_name(low | high << 8, file->data[EI_CLASS]) : NULL;
}

const char *rung_elf_this_machine(void) { return machine_name(THIS_MACHINE, THIS_CLASS); }

/* Symbol versions */

static const char *text_at(const rung_elf *elf, uint64_t at) {
  return at < elf->strings_size ? elf->strings + at : NULL;
}

void rung_elf_each_version_needed(const rung_elf *elf, rung_elf_version_fn fn, void *context) {
  uint64_t at = elf->versions_needed;
  for (uint64_t i = 0; i < elf->versions_needed_count; i++) {
    ElfW(Verneed) of;
    const void *bytes = part(&elf->file, at, 1, sizeof of);
    if (!bytes) return;
    memcpy(&of, bytes, sizeof of);
    const char *file = text_at(elf, of.vn_file);
    uint64_t aux = at + of.vn_aux;
    for (unsigned k = 0; k < of.vn_cnt; k++) {
      ElfW(Vernaux) one;
      bytes = part(&elf->file, aux, 1, sizeof one);
      if (!bytes) return;
      memcpy(&one, bytes, sizeof one);
      const char *version = text_at(elf, one.vna_name);
      bool weak = one.vna_flags & VER_FLG_WEAK;
      if (file && version && !weak && !fn(context, file, version)) return;
      if (!one.vna_next) break;
      aux += one.vna_next;
    }
    if (!of.vn_next) return;
    at += of.vn_next;
  }
}

void rung_elf_each_version_defined(const rung_elf *elf, rung_elf_version_fn fn, void *context) {
  uint64_t at = elf->versions_defined;
  for (uint64_t i = 0; i < elf->versions_defined_count; i++) {
    ElfW(Verdef) of;
    ElfW(Verdaux) name;
    const void *bytes = part(&elf->file, at, 1, sizeof of);
    if (!bytes) return;
    memcpy(&of, bytes, sizeof of);
    bytes = part(&elf->file, at + of.vd_aux, 1, sizeof name);
    if (!bytes) return;
    memcpy(&name, bytes, sizeof name);
    const char *version = text_at(elf, name.vda_name);
    if (version && !(of.vd_flags & VER_FLG_BASE) && !fn(context, NULL, version)) return;
    if (!of.vd_next) return;
    at += of.vd_next;
  }
}

/* Sections: what strip leaves; the loader does not look at them. */

static bool read_section(const rung_elf *elf, const ElfW(Ehdr) * head, size_t index, ElfW(Shdr) * out) {
  const uint8_t *all = part(&elf->file, head->e_shoff, head->e_shnum, sizeof *out);
  if (!all || index >= head->e_shnum || head->e_shentsize != sizeof *out) return false;
  memcpy(out, all + index * sizeof *out, sizeof *out);
  return true;
}

const uint8_t *rung_elf_section(const rung_elf *elf, const char *name, uint64_t *out_size) {
  ElfW(Ehdr) head;
  ElfW(Shdr) names, section;
  if (elf->file.size < sizeof head) return NULL;
  memcpy(&head, elf->file.data, sizeof head);
  if (!read_section(elf, &head, head.e_shstrndx, &names)) return NULL;
  const char *texts = part(&elf->file, names.sh_offset, names.sh_size, 1);
  size_t length = strlen(name) + 1;
  for (size_t i = 0; texts && read_section(elf, &head, i, &section); i++) {
    if (section.sh_name > names.sh_size || names.sh_size - section.sh_name < length) continue;
    if (memcmp(texts + section.sh_name, name, length) != 0 || section.sh_type == SHT_NOBITS) continue;
    *out_size = section.sh_size;
    return part(&elf->file, section.sh_offset, section.sh_size, 1);
  }
  return NULL;
}

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
  bool own = is_in_folders(w->folders, soname, found) ||
             is_in_run_path(elf->runpath ? elf->runpath : elf->rpath, origin, soname, found);
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
