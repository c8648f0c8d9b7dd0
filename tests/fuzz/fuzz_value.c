/* A byte that names the kind, then any bytes as a value of it. What is read is written again and must be readable. */
#include "model/model.h"
#include "model/writer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const rung_value *value, const rung_type *type) {
  rung_text bytes;
  rung_text_init(&bytes, &rung_system_allocator);
  rung_value *again = NULL;
  if (rung_model_write_value(value, NULL, type, &bytes)) abort();
  if (rung_model_read_value(&rung_system_allocator, bytes.data, bytes.size, type, &again)) abort();
  if (again->kind != value->kind || again->count != value->count) abort();
  rung_value_release(again);
  rung_text_finish(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const rung_type element = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = -1};
  const rung_type type = {.kind = (rung_kind)(data[0] % (RUNG_SPARSE + 1)), .rank = -1, .element = &element};
  rung_value *value = NULL;
  rung_status *status = rung_model_read_value(&rung_system_allocator, data + 1, size - 1, &type, &value);
  if (value) write_and_read(value, &type);
  rung_status_free(status);
  rung_value_release(value);
  return 0;
}
