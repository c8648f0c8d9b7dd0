/* Libraries looked at without loading them: what an ELF file calls itself and what it needs. Loading runs code of the
 * vendor's, and the loader believes what it reads: a file that was cut off raises SIGBUS in it. This only reads
 * headers, and believes nothing. */
#ifndef RUNG_BASE_ELF_H
#define RUNG_BASE_ELF_H

#include "base/file.h"

enum { RUNG_ELF_MOST_NEEDED = 128 };

typedef struct rung_elf {
  rung_file file;      /* texts lie in it */
  const char *soname;  /* NULL: none */
  const char *rpath;   /* DT_RPATH: folders separated by ':', as written; counts only without a runpath. NULL: none */
  const char *runpath; /* DT_RUNPATH: the same, but only for what this library itself needs; NULL: none */
  bool loadable;       /* it has what binding needs: a table of symbols and a hash over it */
  bool is_program;     /* an executable that no library can be (ET_EXEC) */
  uint64_t versions_needed, versions_needed_count;   /* place in the file, and number, of what _each_ functions read */
  uint64_t versions_defined, versions_defined_count; /* the same */
  const char *strings;
  uint64_t strings_size;
  size_t needed_count;
  const char *needed[RUNG_ELF_MOST_NEEDED]; /* sonames */
} rung_elf;

/* UNAVAILABLE: no shared library, one for another processor, or a damaged one; the message leaves out the path. */
rung_status *rung_elf_open(const rung_allocator *allocator, const char *path, rung_elf *out_elf) RUNG_MUST_CHECK;
void rung_elf_close(rung_elf *elf);

/* What loading the library at `path` would miss, as the loader would look for it: through the folders that libraries
 * name themselves, then where the system looks. UNAVAILABLE "libx.so.3, which liby.so needs" for the first one
 * missing. Libraries of the system are taken to be whole. */
rung_status *rung_elf_check_needed(const rung_allocator *allocator, const char *path) RUNG_MUST_CHECK;
/* The same, when `folders` (NULL-terminated; may be NULL) are looked into first. */
rung_status *rung_elf_check_needed_in(const rung_allocator *allocator, const char *path,
                                      const char *const *folders) RUNG_MUST_CHECK;

/* What an ELF file is for, by its first bytes alone: "x86-64", "aarch64", "x86-64 (32 bits)"; NULL: it is none, or a
 * damaged one. */
const char *rung_elf_machine(const rung_file *file);
/* The same of this program. */
const char *rung_elf_this_machine(void);

/* Programs are taken, too: for where an interpreter makes its libraries be looked for. */
rung_status *rung_elf_open_any(const rung_allocator *allocator, const char *path, rung_elf *out_elf) RUNG_MUST_CHECK;

/* Calls fn with each symbol version that the library needs ("GLIBC_2.34" of "libc.so.6"), or that it defines (then
 * `file` is NULL), until fn returns false. Damaged tables end early. */
typedef bool (*rung_elf_version_fn)(void *context, const char *file, const char *version);
void rung_elf_each_version_needed(const rung_elf *elf, rung_elf_version_fn fn, void *context);
void rung_elf_each_version_defined(const rung_elf *elf, rung_elf_version_fn fn, void *context);

/* The bytes of a section, by its name (".nv_fatbin"); NULL when there is none, or not in the file. */
const uint8_t *rung_elf_section(const rung_elf *elf, const char *name, uint64_t *out_size);

/* For fuzzers: reads elf->file, all else being zero. */
rung_status *rung__elf_read(rung_elf *elf) RUNG_MUST_CHECK;

#endif
