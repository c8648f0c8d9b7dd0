/* Any bytes as a shared library. */
#include "base/elf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rung_elf elf = {.file = {.data = data, .size = size}};
  rung_status *status = rung__elf_read(&elf);
  for (size_t i = 0; !status && i < elf.needed_count; i++) sink = strlen(elf.needed[i]);
  if (!status && elf.soname) sink = strlen(elf.soname);
  if (!status && elf.runpath) sink = strlen(elf.runpath);
  rung_status_free(status);
  return 0;
}
