#include "provider/cpu/form/widened.h"

#include "provider/cpu/form/convert.h"

rung_dtype rung_widened_type(rung_dtype dtype) {
  rung_dtypes wide =
      RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64);
  return wide >> dtype & 1 ? RUNG_F64 : RUNG_F32;
}

/* Room for a tensor, aligned for the next. */
static bool room_for(rung_dtype computed, const rung_tensor *tensor, size_t *out_bytes) {
  *out_bytes = 0;
  if (!tensor || tensor->dtype == computed) return true;
  if (!rung_dtype_bytes(computed, rung_tensor_count(tensor), out_bytes)) return false;
  *out_bytes = RUNG_ROUND_UP(*out_bytes, RUNG_TENSOR_ALIGN);
  return true;
}

bool rung_widened_scratch(rung_dtype computed, const rung_tensor *const *tensors, size_t count, size_t *out_bytes) {
  *out_bytes = 0;
  for (size_t i = 0; i < count; i++) {
    size_t bytes;
    if (!room_for(computed, tensors[i], &bytes) || !rung_add_size(*out_bytes, bytes, out_bytes)) return false;
  }
  return true;
}

void *rung_widened_out(rung_dtype computed, const rung_tensor *tensor, char **scratch) {
  size_t bytes;
  if (tensor->dtype == computed || !room_for(computed, tensor, &bytes)) return tensor->data;
  void *at = *scratch;
  *scratch += bytes;
  return at;
}

const void *rung_widened_in(rung_dtype computed, const rung_tensor *tensor, char **scratch) {
  if (!tensor) return NULL;
  void *at = rung_widened_out(computed, tensor, scratch);
  if (tensor->dtype != computed)
    rung_convert(&rung_convert_defaults, rung_tensor_count(tensor), tensor->dtype, tensor->data, computed, at);
  return at;
}

void rung_widened_end(rung_dtype computed, const rung_tensor *tensor, const void *result) {
  if (tensor->dtype != computed)
    rung_convert(&rung_convert_defaults, rung_tensor_count(tensor), computed, result, tensor->dtype, tensor->data);
}
