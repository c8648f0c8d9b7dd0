/* Any bytes as /etc/ld.so.cache. */
#include "base/ld_cache.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static bool read_entry(void *context, const char *soname, const char *path) {
  (void)context;
  sink = strlen(soname) + strlen(path);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rung_ld_cache_each((rung_str){(const char *)data, size}, read_entry, NULL);
  return 0;
}
