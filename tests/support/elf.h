/* Small shared libraries that can be looked at, but hold no code: a header, two segments, a dynamic section. */
#ifndef RUNG_TESTS_ELF_H
#define RUNG_TESTS_ELF_H

#include "support/folder.h"

#include <stddef.h>
#include <stdint.h>

enum { ELF_MOST_NEEDED = 8, ELF_MOST_VERSIONS = 4, ELF_SIZE = 4096 };

/* A symbol version of another library: "GLIBC_2.28" of "libc.so.6". */
typedef struct elf_version {
  const char *file, *version;
} elf_version;

typedef struct elf_parts {
  const char *soname, *runpath;           /* NULL: none */
  const char *needed[ELF_MOST_NEEDED];    /* up to a NULL */
  const char *rpath;                      /* DT_RPATH; NULL: none */
  elf_version wants[ELF_MOST_VERSIONS];   /* up to a NULL */
  const char *defines[ELF_MOST_VERSIONS]; /* versions, up to a NULL */
  int machine;                            /* e_machine; 0: this one */
} elf_parts;

/* Writes a library for this machine into `bytes`; returns its size. */
size_t elf_make(const elf_parts *parts, uint8_t bytes[ELF_SIZE]);
/* The same as file `name` of the folder. */
void elf_write(const temp_folder *folder, const char *name, const elf_parts *parts);

#endif
