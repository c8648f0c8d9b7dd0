/* Any bytes as a shared library. */
#include "base/elf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static bool read_version(void *context, const char *file, const char *version) {
  (void)context;
  sink = strlen(version) + (file ? strlen(file) : 0);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rung_elf elf = {.file = {.data = data, .size = size}};
  rung_status *status = rung__elf_read(&elf);
  for (size_t i = 0; !status && i < elf.needed_count; i++) sink = strlen(elf.needed[i]);
  if (!status && elf.soname) sink = strlen(elf.soname);
  if (!status && elf.runpath) sink = strlen(elf.runpath);
  if (!status && elf.rpath) sink = strlen(elf.rpath);
  if (!status) rung_elf_each_version_needed(&elf, read_version, NULL);
  if (!status) rung_elf_each_version_defined(&elf, read_version, NULL);
  uint64_t length = 0;
  const uint8_t *section = status ? NULL : rung_elf_section(&elf, ".text", &length);
  for (uint64_t i = 0; section && i < length; i++) sink = section[i];
  rung_status_free(status);
  return 0;
}
