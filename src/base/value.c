#include "base/value.h"

#include "base/str.h"
#include "rung.h"

#include <assert.h>

rung_status *rung_tensor_describe(rung_dtype dtype, int32_t rank, const int64_t *dims, rung_tensor *out) {
  RUNG_REQUIRE(rung_dtype_facts(dtype), INVALID_ARGUMENT, "element type %d does not exist", (int)dtype);
  RUNG_REQUIRE(rank >= 0 && rank <= RUNG_MAX_RANK, LIMIT, "rank %d is above the limit of %d", rank, RUNG_MAX_RANK);
  size_t count, bytes;
  if (!rung_shape_count(rank, dims, &count) || !rung_dtype_bytes(dtype, count, &bytes)) {
    char text[RUNG_SHAPE_TEXT];
    return RUNG_ERROR(INVALID_ARGUMENT, "no tensor of %s can have the shape %s", rung_dtype_name(dtype),
                      rung_shape_text(rank, dims, text));
  }
  *out = (rung_tensor){.dtype = dtype, .rank = rank, .size = bytes};
  if (rank) memcpy(out->dims, dims, (size_t)rank * sizeof *dims);
  return NULL;
}

static rung_value *make(const rung_allocator *allocator, rung_kind kind) {
  rung_value *value = rung_alloc(allocator, 1, sizeof *value, "value");
  if (!value) return NULL;
  atomic_init(&value->references, 1);
  value->kind = kind;
  value->allocator = allocator;
  return value;
}

rung_status *rung_value_new_tensor(const rung_allocator *allocator, rung_dtype dtype, int32_t rank, const int64_t *dims,
                                   rung_value **out_value) {
  rung_tensor tensor;
  RUNG_TRY(rung_tensor_describe(dtype, rank, dims, &tensor));
  rung_value *value = make(allocator, RUNG_TENSOR);
  RUNG_CHECK_ALLOC(value);
  tensor.data = value->block = rung_alloc_data(allocator, tensor.size, "tensor");
  if (!value->block) {
    rung_value_release(value);
    return rung_status_out_of_memory();
  }
  if (dtype == RUNG_STRING) memset(tensor.data, 0, tensor.size);
  value->tensor = tensor;
  *out_value = value;
  return NULL;
}

rung_status *rung_value_wrap(const rung_allocator *allocator, const rung_tensor *tensor,
                             void (*release)(void *user, void *data), void *user, rung_value **out_value) {
  rung_tensor checked;
  RUNG_TRY(rung_tensor_describe(tensor->dtype, tensor->rank, tensor->dims, &checked));
  RUNG_REQUIRE(tensor->size >= checked.size && (tensor->data || checked.size == 0), INVALID_ARGUMENT,
               "the buffer holds %zu bytes, its shape needs %zu", tensor->data ? tensor->size : 0, checked.size);
  rung_value *value = make(allocator, RUNG_TENSOR);
  RUNG_CHECK_ALLOC(value);
  checked.data = tensor->data;
  checked.memory = tensor->memory;
  value->tensor = checked;
  value->release = release;
  value->user = user;
  *out_value = value;
  return NULL;
}

rung_status *rung_value_new_strings(const rung_allocator *allocator, int32_t rank, const int64_t *dims,
                                    const rung_str *strings, rung_value **out_value) {
  rung_tensor tensor;
  RUNG_TRY(rung_tensor_describe(RUNG_STRING, rank, dims, &tensor));
  size_t count = tensor.size / sizeof(rung_str), bytes = tensor.size;
  RUNG_REQUIRE(strings || !count, INVALID_ARGUMENT, "strings are NULL");
  for (size_t i = 0; i < count; i++) {
    RUNG_REQUIRE(strings[i].data || !strings[i].size, INVALID_ARGUMENT, "string %zu is NULL, its size %zu", i,
                 strings[i].size);
    if (!rung_add_size(bytes, strings[i].size, &bytes)) return rung_status_out_of_memory();
  }
  rung_value *value = make(allocator, RUNG_TENSOR);
  RUNG_CHECK_ALLOC(value);
  tensor.data = value->block = rung_alloc_data(allocator, bytes, "strings");
  if (!value->block) {
    rung_value_release(value);
    return rung_status_out_of_memory();
  }
  rung_str *copies = tensor.data;
  char *chars = (char *)value->block + tensor.size;
  for (size_t i = 0; i < count; i++) {
    if (strings[i].size) memcpy(chars, strings[i].data, strings[i].size);
    copies[i] = (rung_str){chars, strings[i].size};
    chars += strings[i].size;
  }
  value->tensor = tensor;
  *out_value = value;
  return NULL;
}

rung_status *rung_value_new_compound(const rung_allocator *allocator, rung_kind kind, rung_dtype dtype,
                                     rung_value *const *items, size_t count, rung_value **out_value) {
  rung_value *value = make(allocator, kind);
  RUNG_CHECK_ALLOC(value);
  value->tensor.dtype = dtype;
  if (count) {
    value->items = rung_alloc(allocator, count, sizeof *value->items, "items");
    if (!value->items) {
      rung_value_release(value);
      return rung_status_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) value->items[i] = rung_value_retain(items[i]);
    value->count = count;
  }
  *out_value = value;
  return NULL;
}

rung_status *rung_value_copy_tensor(const rung_allocator *allocator, const rung_tensor *tensor,
                                    rung_value **out_value) {
  if (tensor->dtype == RUNG_STRING)
    return rung_value_new_strings(allocator, tensor->rank, tensor->dims, tensor->data, out_value);
  RUNG_TRY(rung_value_new_tensor(allocator, tensor->dtype, tensor->rank, tensor->dims, out_value));
  if (tensor->size) memcpy((*out_value)->tensor.data, tensor->data, (*out_value)->tensor.size);
  return NULL;
}

rung_value *rung_value_retain(rung_value *value) {
  if (value) atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
  return value;
}

void rung_value_release(rung_value *value) {
  if (!value || atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) > 1) return;
  for (size_t i = 0; i < value->count; i++) rung_value_release(value->items[i]);
  if (value->release) value->release(value->user, value->tensor.data);
  rung_free(value->allocator, value->items);
  rung_free(value->allocator, value->block);
  rung_free(value->allocator, value);
}
