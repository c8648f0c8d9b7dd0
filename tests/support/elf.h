/* Small shared libraries that can be looked at, but hold no code: a header, two segments, a dynamic section. */
#ifndef RUNG_TESTS_ELF_H
#define RUNG_TESTS_ELF_H

#include "support/folder.h"

#include <stddef.h>
#include <stdint.h>

enum { ELF_MOST_NEEDED = 8, ELF_SIZE = 2048 };

typedef struct elf_parts {
  const char *soname, *runpath;        /* NULL: none */
  const char *needed[ELF_MOST_NEEDED]; /* up to a NULL */
} elf_parts;

/* Writes a library for this machine into `bytes`; returns its size. */
size_t elf_make(const elf_parts *parts, uint8_t bytes[ELF_SIZE]);
/* The same as file `name` of the folder. */
void elf_write(const temp_folder *folder, const char *name, const elf_parts *parts);

#endif
