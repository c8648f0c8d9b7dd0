/* Files of the engine cache: whole ones, and the fields alone, which a damaged file shows only when its digests fit. */
#include "session/entry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that was parsed lies within the data. */
static void touch(const cache_entry *e, const uint8_t *data, size_t size) {
  const char *begin = (const char *)data;
  for (size_t i = 0; i < e->field_count; i++) {
    rung_str parts[] = {e->fields[i].name, e->fields[i].value};
    for (size_t k = 0; k < 2; k++)
      if (parts[k].data < begin || parts[k].size > size || parts[k].data > begin + size - parts[k].size) abort();
    rung__entry_value(e, e->fields[i].name);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static cache_entry e;
  for (int payload = 0; payload < 2; payload++) {
    rung_status *status = rung__entry_parse(data, size, payload, &e);
    if (!status) touch(&e, data, size);
    if (!status && (e.payload < data || e.payload_size > size || e.payload + e.payload_size != data + size)) abort();
    rung_status_free(status);
  }
  rung_status *status = rung__entry_parse_fields((rung_str){(const char *)data, size}, &e);
  if (!status) touch(&e, data, size);
  rung_status_free(status);
  return 0;
}
