#include "model/writer.h"

#include "model/wire.h"

#include <assert.h>
#include <stdio.h>

/* ---- fields ---- */

static size_t encode(uint64_t value, uint8_t out[10]) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) out[size++] = (uint8_t)(value | 0x80);
  out[size++] = (uint8_t)value;
  return size;
}

void rung_put_varint(rung_text *out, uint64_t value) {
  uint8_t bytes[10];
  size_t size = encode(value, bytes);
  rung_text_append(out, (const char *)bytes, size);
}

static void put_tag(rung_text *out, uint32_t number, rung_wire_type type) {
  rung_put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

void rung_put_int(rung_text *out, uint32_t number, int64_t value) {
  put_tag(out, number, RUNG_WIRE_VARINT);
  rung_put_varint(out, (uint64_t)value);
}

void rung_put_float(rung_text *out, uint32_t number, float value) {
  put_tag(out, number, RUNG_WIRE_FIXED32);
  rung_text_append(out, (const char *)&value, sizeof value);
}

void rung_put_bytes(rung_text *out, uint32_t number, const void *data, size_t size) {
  put_tag(out, number, RUNG_WIRE_BYTES);
  rung_put_varint(out, size);
  rung_text_append(out, data, size);
}

void rung_put_text(rung_text *out, uint32_t number, const char *text) {
  if (text && text[0]) rung_put_bytes(out, number, text, strlen(text));
}

static void put_str(rung_text *out, uint32_t number, rung_str text) {
  rung_put_bytes(out, number, text.data, text.size);
}

/* The length goes before the message, and is known after it. One byte is left for it; a message of 128 bytes and more
 * is moved to make room, which costs a weight one copy per level, and there are two. */
size_t rung_put_begin(rung_text *out, uint32_t number) {
  put_tag(out, number, RUNG_WIRE_BYTES);
  rung_text_append(out, "", 1);
  return out->size;
}

void rung_put_end(rung_text *out, size_t begin) {
  if (out->failed) return;
  assert(begin > 0 && begin <= out->size);
  uint8_t length[10];
  size_t size = out->size - begin, digits = encode(size, length);
  rung_text_append(out, (const char *)length, digits - 1); /* makes the room */
  if (out->failed) return;
  memmove(out->data + begin + digits - 1, out->data + begin, size);
  memcpy(out->data + begin - 1, length, digits);
}

/* ---- types ---- */

static void write_shape(rung_text *out, uint32_t number, const rung_type *type, rung_symbols symbols) {
  if (type->rank < 0) return;
  size_t shape = rung_put_begin(out, number);
  for (int32_t i = 0; i < type->rank; i++) {
    size_t dim = rung_put_begin(out, 1);
    if (RUNG_IS_SYMBOL(type->dims[i])) {
      uint64_t symbol = (uint64_t)(type->dims[i] - RUNG_SYMBOL(0));
      if (symbol < symbols.count) rung_put_text(out, 2, symbols.names[symbol]);
    } else {
      rung_put_int(out, 1, type->dims[i]);
    }
    rung_put_end(out, dim);
  }
  rung_put_end(out, shape);
}

static void write_type_fields(rung_text *out, const rung_type *type, rung_symbols symbols) {
  static const uint32_t members[] = {
      [RUNG_TENSOR] = 1, [RUNG_SEQUENCE] = 4, [RUNG_MAP] = 5, [RUNG_SPARSE] = 8, [RUNG_OPTIONAL] = 9,
  };
  if (type->kind == RUNG_NONE) return;
  size_t body = rung_put_begin(out, members[type->kind]);
  bool has_shape = type->kind == RUNG_TENSOR || type->kind == RUNG_SPARSE;
  if (has_shape || type->kind == RUNG_MAP) rung_put_int(out, 1, type->dtype);
  if (has_shape) write_shape(out, 2, type, symbols);
  if (!has_shape && type->element) rung_write_type(out, type->kind == RUNG_MAP ? 2 : 1, type->element, symbols);
  rung_put_end(out, body);
}

void rung_write_type(rung_text *out, uint32_t number, const rung_type *type, rung_symbols symbols) {
  if (type->kind == RUNG_NONE) return;
  size_t begin = rung_put_begin(out, number);
  write_type_fields(out, type, symbols);
  rung_put_end(out, begin);
}

void rung_write_value_info(rung_text *out, uint32_t number, const char *name, const rung_type *type,
                           rung_symbols symbols) {
  size_t begin = rung_put_begin(out, number);
  rung_put_text(out, 1, name);
  rung_write_type(out, 2, type, symbols);
  rung_put_end(out, begin);
}

/* ---- tensors ---- */

static void write_tensor_head(rung_text *out, const char *name, const rung_tensor *tensor) {
  assert(!tensor->memory);
  for (int32_t i = 0; i < tensor->rank; i++) rung_put_int(out, 1, tensor->dims[i]);
  rung_put_int(out, 2, tensor->dtype);
  rung_put_text(out, 8, name);
}

static void write_tensor_fields(rung_text *out, const char *name, const rung_tensor *tensor) {
  write_tensor_head(out, name, tensor);
  const rung_str *strings = tensor->data;
  if (tensor->dtype != RUNG_STRING)
    rung_put_bytes(out, 9, tensor->data, tensor->size);
  else
    for (size_t i = 0; i < rung_tensor_count(tensor); i++) put_str(out, 6, strings[i]);
}

void rung_write_tensor(rung_text *out, uint32_t number, const char *name, const rung_tensor *tensor) {
  size_t begin = rung_put_begin(out, number);
  write_tensor_fields(out, name, tensor);
  rung_put_end(out, begin);
}

static void write_entry(rung_text *out, const char *key, const char *value) {
  size_t begin = rung_put_begin(out, 13);
  rung_put_text(out, 1, key);
  rung_put_text(out, 2, value);
  rung_put_end(out, begin);
}

void rung_write_external_tensor(rung_text *out, uint32_t number, const char *name, const rung_tensor *tensor,
                                const char *location, uint64_t offset) {
  char digits[24];
  size_t begin = rung_put_begin(out, number);
  write_tensor_head(out, name, tensor);
  write_entry(out, "location", location);
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)offset);
  write_entry(out, "offset", digits);
  snprintf(digits, sizeof digits, "%zu", tensor->size);
  write_entry(out, "length", digits);
  rung_put_int(out, 14, 1);
  rung_put_end(out, begin);
}

static void write_sparse_fields(rung_text *out, const char *name, const rung_value *sparse) {
  rung_write_tensor(out, 1, name, &sparse->items[0]->tensor);
  rung_write_tensor(out, 2, NULL, &sparse->items[1]->tensor);
  for (int32_t i = 0; i < sparse->tensor.rank; i++) rung_put_int(out, 3, sparse->tensor.dims[i]);
}

void rung_write_sparse(rung_text *out, uint32_t number, const char *name, const rung_value *sparse) {
  size_t begin = rung_put_begin(out, number);
  write_sparse_fields(out, name, sparse);
  rung_put_end(out, begin);
}

/* ---- attributes ---- */

void rung_write_attribute_head(rung_text *out, const char *name, rung_attribute_type type) {
  rung_put_text(out, 1, name);
  rung_put_int(out, 20, type);
}

static void write_attribute_value(rung_text *out, const rung_attribute *a, rung_symbols symbols) {
  switch (a->type) {
    case RUNG_ATTRIBUTE_FLOAT:
      rung_put_float(out, 2, a->f);
      break;
    case RUNG_ATTRIBUTE_INT:
      rung_put_int(out, 3, a->i);
      break;
    case RUNG_ATTRIBUTE_STRING:
      put_str(out, 4, a->s);
      break;
    case RUNG_ATTRIBUTE_TENSOR:
      rung_write_tensor(out, 5, NULL, &a->tensor->tensor);
      break;
    case RUNG_ATTRIBUTE_SPARSE_TENSOR:
      rung_write_sparse(out, 22, NULL, a->tensor);
      break;
    case RUNG_ATTRIBUTE_TYPE_PROTO:
      rung_write_type(out, 14, a->type_proto, symbols);
      break;
    case RUNG_ATTRIBUTE_FLOATS:
      for (size_t i = 0; i < a->count; i++) rung_put_float(out, 7, a->floats[i]);
      break;
    case RUNG_ATTRIBUTE_INTS:
      for (size_t i = 0; i < a->count; i++) rung_put_int(out, 8, a->ints[i]);
      break;
    case RUNG_ATTRIBUTE_STRINGS:
      for (size_t i = 0; i < a->count; i++) put_str(out, 9, a->strings[i]);
      break;
    case RUNG_ATTRIBUTE_TENSORS:
      for (size_t i = 0; i < a->count; i++) rung_write_tensor(out, 10, NULL, &a->tensors[i]->tensor);
      break;
    case RUNG_ATTRIBUTE_SPARSE_TENSORS:
      for (size_t i = 0; i < a->count; i++) rung_write_sparse(out, 23, NULL, a->tensors[i]);
      break;
    case RUNG_ATTRIBUTE_TYPE_PROTOS:
      for (size_t i = 0; i < a->count; i++) rung_write_type(out, 15, &a->type_proto[i], symbols);
      break;
    case RUNG_ATTRIBUTE_GRAPH:
    case RUNG_ATTRIBUTE_GRAPHS:
      assert(!"bodies are written by the graph layer");
      break;
  }
}

void rung_write_attribute(rung_text *out, uint32_t number, const rung_attribute *attribute, rung_symbols symbols) {
  size_t begin = rung_put_begin(out, number);
  rung_write_attribute_head(out, attribute->name, attribute->type);
  write_attribute_value(out, attribute, symbols);
  rung_put_end(out, begin);
}

/* ---- values ---- */

static void write_value_fields(rung_text *out, const char *name, const rung_value *value, const rung_type *type);

/* SequenceProto and OptionalProto number the kinds alike, and a field with values of kind k is number k + 2. */
static int64_t kind_number(rung_kind kind) {
  static const int64_t numbers[] = {
      [RUNG_TENSOR] = 1, [RUNG_SPARSE] = 2, [RUNG_SEQUENCE] = 3, [RUNG_MAP] = 4, [RUNG_OPTIONAL] = 5,
  };
  return numbers[kind];
}

static void write_nested(rung_text *out, uint32_t number, const rung_value *value, const rung_type *type) {
  size_t begin = rung_put_begin(out, number);
  write_value_fields(out, NULL, value, type);
  rung_put_end(out, begin);
}

static void write_items(rung_text *out, const rung_value *value, const rung_type *element) {
  rung_kind kind = value->count ? value->items[0]->kind : element ? element->kind : RUNG_NONE;
  rung_put_int(out, 2, kind_number(kind));
  for (size_t i = 0; i < value->count; i++)
    write_nested(out, (uint32_t)kind_number(kind) + 2, value->items[i], element);
}

static int64_t key_at(const rung_tensor *keys, size_t i) {
  switch (keys->dtype) {
    case RUNG_I8:
      return ((const int8_t *)keys->data)[i];
    case RUNG_U8:
      return ((const uint8_t *)keys->data)[i];
    case RUNG_I16:
      return ((const int16_t *)keys->data)[i];
    case RUNG_U16:
      return ((const uint16_t *)keys->data)[i];
    case RUNG_I32:
      return ((const int32_t *)keys->data)[i];
    case RUNG_U32:
      return ((const uint32_t *)keys->data)[i];
    default:
      return ((const int64_t *)keys->data)[i]; /* U64 has the same bits */
  }
}

/* The values of a map that a 1-D tensor holds become a sequence of scalars. */
static void write_scalars(rung_text *out, const rung_tensor *tensor) {
  rung_tensor scalar = {.dtype = tensor->dtype, .size = rung_dtype_size(tensor->dtype)};
  rung_put_int(out, 2, kind_number(RUNG_TENSOR));
  for (size_t i = 0; i < rung_tensor_count(tensor); i++) {
    scalar.data = (char *)tensor->data + i * scalar.size;
    rung_write_tensor(out, 3, NULL, &scalar);
  }
}

static void write_map(rung_text *out, const rung_value *map, const rung_type *type) {
  const rung_tensor *keys = &map->items[0]->tensor;
  const rung_value *values = map->items[1];
  rung_put_int(out, 2, keys->dtype);
  for (size_t i = 0; i < rung_tensor_count(keys); i++) {
    if (keys->dtype == RUNG_STRING)
      put_str(out, 4, ((const rung_str *)keys->data)[i]);
    else
      rung_put_int(out, 3, key_at(keys, i));
  }
  size_t begin = rung_put_begin(out, 5);
  if (values->kind == RUNG_TENSOR)
    write_scalars(out, &values->tensor);
  else
    write_items(out, values, type ? type->element : NULL);
  rung_put_end(out, begin);
}

static void write_value_fields(rung_text *out, const char *name, const rung_value *value, const rung_type *type) {
  if (type && type->kind != value->kind) type = NULL;
  if (value->kind == RUNG_SEQUENCE || value->kind == RUNG_OPTIONAL || value->kind == RUNG_MAP)
    rung_put_text(out, 1, name);
  switch (value->kind) {
    case RUNG_TENSOR:
      write_tensor_fields(out, name, &value->tensor);
      break;
    case RUNG_SPARSE:
      write_sparse_fields(out, name, value);
      break;
    case RUNG_SEQUENCE:
    case RUNG_OPTIONAL:
      write_items(out, value, type ? type->element : NULL);
      break;
    case RUNG_MAP:
      write_map(out, value, type);
      break;
    case RUNG_NONE:
      break;
  }
}

rung_status *rung_model_write_value(const rung_value *value, const char *name, const rung_type *type, rung_text *out) {
  write_value_fields(out, name, value, type);
  return out->failed ? rung_status_out_of_memory() : NULL;
}
