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
  const char *runpath; /* folders separated by ':', as written (DT_RUNPATH, or DT_RPATH); NULL: none */
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

/* For fuzzers: reads elf->file, all else being zero. */
rung_status *rung__elf_read(rung_elf *elf) RUNG_MUST_CHECK;

#endif
