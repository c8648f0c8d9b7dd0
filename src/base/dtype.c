#include "base/dtype.h"

#include "base/str.h"
#include "rung.h"

static const rung_dtype_info facts[] = {
#define RUNG_DTYPE(name, number, text, bits, numpy) [number] = {text, bits, numpy},
#include "rung_dtypes.inc"
#undef RUNG_DTYPE
};

static const char *const short_names[] = {
    [RUNG_F32] = "f32", [RUNG_U8] = "u8",   [RUNG_I8] = "i8",      [RUNG_U16] = "u16", [RUNG_I16] = "i16",
    [RUNG_I32] = "i32", [RUNG_I64] = "i64", [RUNG_STRING] = "str", [RUNG_F16] = "f16", [RUNG_F64] = "f64",
    [RUNG_U32] = "u32", [RUNG_U64] = "u64", [RUNG_BF16] = "bf16",  [RUNG_U4] = "u4",   [RUNG_I4] = "i4",
};

const rung_dtype_info *rung_dtype_facts(rung_dtype dtype) {
  return (size_t)dtype < RUNG_COUNT(facts) && facts[dtype].name ? &facts[dtype] : NULL;
}

const char *rung_dtype_name(rung_dtype dtype) {
  const rung_dtype_info *info = rung_dtype_facts(dtype);
  return info ? info->name : "undefined";
}

rung_dtype rung_dtype_parse(rung_str name) {
  for (size_t i = 1; i < RUNG_COUNT(facts); i++) {
    if (rung_str_is(name, facts[i].name)) return (rung_dtype)i;
    if (i < RUNG_COUNT(short_names) && short_names[i] && rung_str_is(name, short_names[i])) return (rung_dtype)i;
  }
  return RUNG_UNDEFINED;
}

size_t rung_dtype_size(rung_dtype dtype) {
  if (dtype == RUNG_STRING) return sizeof(rung_str);
  const rung_dtype_info *info = rung_dtype_facts(dtype);
  return info ? (size_t)(info->bits + 7) / 8 : 0;
}

bool rung_shape_count(int32_t rank, const int64_t *dims, size_t *out_count) {
  size_t count = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; i++) {
    if (dims[i] < 0) return false;
    if (dims[i] == 0)
      empty = true;
    else if (!rung_mul_size(count, (size_t)dims[i], &count))
      return false;
  }
  if (count > INT64_MAX) return false;
  *out_count = empty ? 0 : count;
  return true;
}

bool rung_dtype_bytes(rung_dtype dtype, size_t count, size_t *out_bytes) {
  const rung_dtype_info *info = rung_dtype_facts(dtype);
  if (!info) return false;
  if (info->bits && info->bits < 8) {
    *out_bytes = count / (size_t)(8 / info->bits) + (count % (size_t)(8 / info->bits) != 0);
    return true;
  }
  return rung_mul_size(count, rung_dtype_size(dtype), out_bytes) && *out_bytes <= INT64_MAX;
}

size_t rung_tensor_count(const rung_tensor *tensor) { return (size_t)rung_tensor_span(tensor, 0, tensor->rank); }

bool rung_tensor_is_aligned(const rung_tensor *tensor) {
  size_t size = rung_dtype_size(tensor->dtype);
  size_t align = tensor->dtype == RUNG_STRING || tensor->dtype == RUNG_C128 ? 8 : tensor->dtype == RUNG_C64 ? 4 : size;
  return align < 2 || (uintptr_t)tensor->data % align == 0;
}
