#include "model/wire.h"

#include "base/alloc.h"

#include <assert.h>

/* Fixed-width scalars and packed arrays of them are copied as they lie in the file, which is little-endian. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "big-endian hosts need byte swaps here");

enum { START_GROUP = 3, END_GROUP = 4, LONGEST_VARINT = 10 };

rung_wire rung_wire_over(const void *data, size_t size, uint32_t depth) {
  const uint8_t *at = size ? data : (const uint8_t *)"";
  return (rung_wire){at, at + size, at, depth};
}

size_t rung_wire_offset(const rung_wire *wire) { return (size_t)(wire->at - wire->origin); }

const char *rung_wire_type_name(rung_wire_type type) {
  switch (type) {
    case RUNG_WIRE_VARINT:
      return "varint";
    case RUNG_WIRE_FIXED64:
      return "64-bit";
    case RUNG_WIRE_BYTES:
      return "length-delimited";
    case RUNG_WIRE_FIXED32:
      return "32-bit";
  }
  return "unknown";
}

static rung_status *too_deep(const rung_wire *wire) {
  return RUNG_ERROR(LIMIT, "messages nest deeper than the limit `depth` allows, at byte %zu", rung_wire_offset(wire));
}

rung_status *rung_wire_enter(const rung_wire *outer, const rung_wire_field *field, rung_wire *out_inner) {
  assert(field->type == RUNG_WIRE_BYTES && field->bytes.data);
  if (outer->depth == 0) return too_deep(outer);
  const uint8_t *at = (const uint8_t *)field->bytes.data;
  *out_inner = (rung_wire){at, at + field->bytes.size, outer->origin, outer->depth - 1};
  return NULL;
}

rung_status *rung_wire_varint(rung_wire *wire, uint64_t *out_value) {
  uint64_t value = 0;
  for (int i = 0; i < LONGEST_VARINT; i++) {
    RUNG_REQUIRE(wire->at + i < wire->end, INVALID_MODEL, "the message ends inside a number at byte %zu",
                 rung_wire_offset(wire));
    uint8_t byte = wire->at[i];
    if (i == LONGEST_VARINT - 1 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      wire->at += i + 1;
      *out_value = value;
      return NULL;
    }
  }
  return RUNG_ERROR(INVALID_MODEL, "the number at byte %zu has more than 64 bits", rung_wire_offset(wire));
}

static rung_status *read_fixed(rung_wire *wire, size_t size, uint64_t *out_value) {
  RUNG_REQUIRE((size_t)(wire->end - wire->at) >= size, INVALID_MODEL,
               "the message ends inside a %zu-byte number at byte %zu", size, rung_wire_offset(wire));
  *out_value = 0;
  memcpy(out_value, wire->at, size);
  wire->at += size;
  return NULL;
}

static rung_status *read_bytes(rung_wire *wire, rung_str *out_bytes) {
  uint64_t size;
  size_t offset = rung_wire_offset(wire);
  RUNG_TRY(rung_wire_varint(wire, &size));
  size_t left = (size_t)(wire->end - wire->at);
  RUNG_REQUIRE(size <= left, INVALID_MODEL,
               "the field at byte %zu claims %llu bytes, its message has %zu left; the file may be cut short", offset,
               (unsigned long long)size, left);
  *out_bytes = (rung_str){(const char *)wire->at, (size_t)size};
  wire->at += size;
  return NULL;
}

/* Reads tag and payload; of the groups, the tag only. */
static rung_status *read_field(rung_wire *wire, uint32_t *out_kind, rung_wire_field *out_field) {
  uint64_t tag;
  size_t offset = rung_wire_offset(wire);
  RUNG_TRY(rung_wire_varint(wire, &tag));
  RUNG_REQUIRE(tag >> 3 && tag <= UINT32_MAX, INVALID_MODEL, "no field can have the tag %llu at byte %zu",
               (unsigned long long)tag, offset);
  *out_kind = (uint32_t)tag & 7;
  *out_field = (rung_wire_field){.number = (uint32_t)tag >> 3, .type = (rung_wire_type)*out_kind};
  switch (*out_kind) {
    case RUNG_WIRE_VARINT:
      return rung_wire_varint(wire, &out_field->scalar);
    case RUNG_WIRE_FIXED64:
      return read_fixed(wire, 8, &out_field->scalar);
    case RUNG_WIRE_FIXED32:
      return read_fixed(wire, 4, &out_field->scalar);
    case RUNG_WIRE_BYTES:
      return read_bytes(wire, &out_field->bytes);
    case START_GROUP:
    case END_GROUP:
      return NULL;
  }
  return RUNG_ERROR(INVALID_MODEL, "wire type %u at byte %zu does not exist", *out_kind, offset);
}

static rung_status *skip_group(rung_wire *wire, uint32_t number, uint32_t depth) {
  if (depth == 0) return too_deep(wire);
  for (;;) {
    RUNG_REQUIRE(wire->at < wire->end, INVALID_MODEL, "the message ends inside group %u at byte %zu", number,
                 rung_wire_offset(wire));
    uint32_t kind;
    rung_wire_field field;
    RUNG_TRY(read_field(wire, &kind, &field));
    if (kind == START_GROUP) RUNG_TRY(skip_group(wire, field.number, depth - 1));
    if (kind != END_GROUP) continue;
    RUNG_REQUIRE(field.number == number, INVALID_MODEL, "group %u ends as group %u before byte %zu", number,
                 field.number, rung_wire_offset(wire));
    return NULL;
  }
}

rung_status *rung_wire_next(rung_wire *wire, rung_wire_field *out_field) {
  while (wire->at < wire->end) {
    uint32_t kind;
    RUNG_TRY(read_field(wire, &kind, out_field));
    RUNG_REQUIRE(kind != END_GROUP, INVALID_MODEL, "a group ends before byte %zu that never began",
                 rung_wire_offset(wire));
    if (kind != START_GROUP) return NULL;
    RUNG_TRY(skip_group(wire, out_field->number, wire->depth));
  }
  *out_field = (rung_wire_field){0};
  return NULL;
}

rung_str rung_wire_peek(rung_wire wire, uint32_t number) {
  for (;;) {
    rung_wire_field field;
    rung_status *status = rung_wire_next(&wire, &field);
    rung_status_free(status);
    if (status || field.number == 0) return (rung_str){"", 0};
    if (field.number == number && field.type == RUNG_WIRE_BYTES) return field.bytes;
  }
}

/* ---- repeated scalars ---- */

static size_t fixed_size(rung_wire_type type) { return type == RUNG_WIRE_FIXED32 ? 4 : 8; }

/* A varint ends at each byte below 0x80. Whether none is too long is found out when they are decoded. */
static rung_status *count_packed(const rung_wire_field *field, rung_wire_type type, size_t offset, size_t *out_count) {
  const uint8_t *bytes = (const uint8_t *)field->bytes.data;
  size_t size = field->bytes.size, count = 0;
  if (type != RUNG_WIRE_VARINT) {
    RUNG_REQUIRE(size % fixed_size(type) == 0, INVALID_MODEL, "%zu packed bytes before byte %zu are no multiple of %zu",
                 size, offset, fixed_size(type));
    *out_count = size / fixed_size(type);
    return NULL;
  }
  for (size_t i = 0; i < size; i++) count += bytes[i] < 0x80;
  RUNG_REQUIRE(size == 0 || bytes[size - 1] < 0x80, INVALID_MODEL,
               "%zu packed bytes before byte %zu end inside a number", size, offset);
  *out_count = count;
  return NULL;
}

rung_status *rung_wire_list_add(rung_wire_list *list, const rung_wire *message, const rung_wire_field *field,
                                rung_wire_type type) {
  size_t count = 1;
  if (field->type == RUNG_WIRE_BYTES)
    RUNG_TRY(count_packed(field, type, rung_wire_offset(message), &count));
  else
    RUNG_REQUIRE(field->type == type, INVALID_MODEL, "the element before byte %zu is %s instead of %s",
                 rung_wire_offset(message), rung_wire_type_name(field->type), rung_wire_type_name(type));
  list->number = field->number;
  list->type = type;
  list->count += count; /* cannot overflow: an element takes a byte of the file */
  list->parts++;
  list->data = field->bytes;
  return NULL;
}

static rung_status *decode_packed(const rung_wire_list *list, rung_str bytes, size_t size, uint8_t **out) {
  rung_wire part = {(const uint8_t *)bytes.data, (const uint8_t *)bytes.data + bytes.size, list->message.origin, 0};
  while (part.at < part.end) {
    uint64_t value;
    RUNG_TRY(list->type == RUNG_WIRE_VARINT ? rung_wire_varint(&part, &value)
                                            : read_fixed(&part, fixed_size(list->type), &value));
    memcpy(*out, &value, size);
    *out += size;
  }
  return NULL;
}

rung_status *rung_wire_list_decode(const rung_wire_list *list, size_t size, void *out) {
  if (list->count == 0) return NULL;
  uint8_t *to = out;
  rung_wire wire = list->message;
  for (;;) {
    rung_wire_field field;
    RUNG_TRY(rung_wire_next(&wire, &field));
    if (field.number == 0) return NULL;
    if (field.number != list->number) continue;
    if (field.type == RUNG_WIRE_BYTES) {
      RUNG_TRY(decode_packed(list, field.bytes, size, &to));
    } else {
      memcpy(to, &field.scalar, size);
      to += size;
    }
  }
}
