#include "model/model_reader.h"

#include <assert.h>
#include <inttypes.h>

rung_status *rung__read_charge(rung_reader *reader, uint64_t bytes) {
  uint64_t limit = reader->limits.decoded_bytes;
  RUNG_REQUIRE(bytes <= limit && reader->decoded <= limit - bytes, LIMIT,
               "names, structure and decoded tensors need more than %" PRIu64 " bytes (limit decoded_bytes)", limit);
  reader->decoded += bytes;
  return NULL;
}

rung_status *rung__read_alloc(rung_reader *reader, size_t count, size_t size, void **out) {
  size_t bytes;
  if (!rung_mul_size(count, size, &bytes)) return rung_status_out_of_memory();
  RUNG_TRY(rung__read_charge(reader, bytes));
  void *block = rung_arena_alloc(reader->arena, count, size);
  RUNG_CHECK_ALLOC(block);
  *out = block;
  return NULL;
}

rung_status *rung__read_list(rung_reader *reader, const rung_wire_list *list, size_t size, void **out) {
  RUNG_TRY(rung__read_alloc(reader, list->count, size, out));
  return rung_wire_list_decode(list, size, *out);
}

rung_status *rung__read_dims(const rung_wire_list *list, int64_t out_dims[RUNG_MAX_RANK]) {
  RUNG_REQUIRE(list->count <= RUNG_MAX_RANK, LIMIT, "rank %zu is above the limit of %d", list->count, RUNG_MAX_RANK);
  RUNG_TRY(rung_wire_list_decode(list, sizeof *out_dims, out_dims));
  for (size_t i = 0; i < list->count; i++)
    RUNG_REQUIRE(out_dims[i] >= 0, INVALID_MODEL, "its size along axis %zu is %" PRId64, i, out_dims[i]);
  return NULL;
}

rung_status *rung__read_keep(rung_reader *reader, rung_value *value) {
  if (rung_vec_push(reader->allocator, &reader->model->tensors, value)) return NULL;
  rung_value_release(value);
  return rung_status_out_of_memory();
}

rung_status *rung__read_text(rung_reader *reader, rung_str text, const char **out) {
  RUNG_REQUIRE(!text.size || !memchr(text.data, 0, text.size), INVALID_MODEL, "a NUL byte stands in a text");
  *out = "";
  if (text.size == 0) return NULL;
  RUNG_TRY(rung__read_charge(reader, text.size + 1));
  *out = rung_arena_copy(reader->arena, text.data, text.size);
  RUNG_CHECK_ALLOC(*out);
  return NULL;
}

const char *rung__read_domain(const char *domain) { return strcmp(domain, "ai.onnx") == 0 ? "" : domain; }

/* Of a field, or of the elements of a list. */
static const rung_wire_type wire_types[] = {
    [RUNG_FIELD_TEXT] = RUNG_WIRE_BYTES,     [RUNG_FIELD_BYTES] = RUNG_WIRE_BYTES,
    [RUNG_FIELD_INT] = RUNG_WIRE_VARINT,     [RUNG_FIELD_FLOAT] = RUNG_WIRE_FIXED32,
    [RUNG_FIELD_MESSAGE] = RUNG_WIRE_BYTES,  [RUNG_FIELD_INTS] = RUNG_WIRE_VARINT,
    [RUNG_FIELD_FLOATS] = RUNG_WIRE_FIXED32, [RUNG_FIELD_DOUBLES] = RUNG_WIRE_FIXED64,
};

/* ---- one field into its slot; the field's wire type has been checked ---- */

static rung_status *fill_slot(rung_reader *reader, const rung_wire *wire, const rung_field *row,
                              const rung_wire_field *field, size_t index, void *slot) {
  switch (row->kind) {
    case RUNG_FIELD_TEXT:
      return rung_status_prefix(rung__read_text(reader, field->bytes, slot), "the %s before byte %zu", row->name,
                                rung_wire_offset(wire));
    case RUNG_FIELD_BYTES:
      *(rung_str *)slot = field->bytes;
      return NULL;
    case RUNG_FIELD_INT:
      *(int64_t *)slot = (int64_t)field->scalar;
      return NULL;
    case RUNG_FIELD_FLOAT:
      memcpy(slot, &field->scalar, sizeof(float));
      return NULL;
    case RUNG_FIELD_INTS:
    case RUNG_FIELD_FLOATS:
    case RUNG_FIELD_DOUBLES:
      return rung_status_prefix(rung_wire_list_add(slot, wire, field, wire_types[row->kind]), "%s", row->name);
    case RUNG_FIELD_MESSAGE:
      break;
  }
  rung_wire inner;
  RUNG_TRY(rung_wire_enter(wire, field, &inner));
  return row->read(reader, inner, index, slot);
}

/* ---- tables ---- */

static bool is_list(const rung_field *row) { return row->kind >= RUNG_FIELD_INTS; }

static size_t element_size(const rung_field *row) {
  return row->kind == RUNG_FIELD_TEXT    ? sizeof(const char *)
         : row->kind == RUNG_FIELD_BYTES ? sizeof(rung_str)
                                         : row->size;
}

static size_t *counter(const rung_field *row, void *target) { return (size_t *)((char *)target + row->count_offset); }

/* The array of a repeated field, or a text. By memcpy, as the member is a pointer to whatever the field holds. */
static void *get_pointer(const rung_field *row, const void *target) {
  void *pointer;
  memcpy(&pointer, (const char *)target + row->offset, sizeof pointer);
  return pointer;
}

static void set_pointer(const rung_field *row, void *target, const void *pointer) {
  memcpy((char *)target + row->offset, &pointer, sizeof pointer);
}

/* The next field that the table knows, and its row; *out_row is NULL at the end of the message. */
static rung_status *next_known(rung_wire *wire, const rung_field *table, size_t rows, rung_wire_field *out_field,
                               const rung_field **out_row) {
  *out_row = NULL;
  for (;;) {
    RUNG_TRY(rung_wire_next(wire, out_field));
    if (out_field->number == 0) return NULL;
    for (const rung_field *row = table; row < table + rows; row++) {
      if (row->number != out_field->number) continue;
      RUNG_REQUIRE(is_list(row) || out_field->type == wire_types[row->kind], INVALID_MODEL,
                   "the %s before byte %zu is %s instead of %s", row->name, rung_wire_offset(wire),
                   rung_wire_type_name(out_field->type), rung_wire_type_name(wire_types[row->kind]));
      *out_row = row;
      return NULL;
    }
  }
}

static rung_status *charge_limit(rung_reader *reader, const rung_field *row) {
  if (row->limit == RUNG_FIELD_NODES)
    RUNG_REQUIRE(++reader->nodes <= reader->limits.nodes, LIMIT, "more than %" PRIu64 " nodes (limit nodes)",
                 reader->limits.nodes);
  if (row->limit == RUNG_FIELD_FUNCTIONS)
    RUNG_REQUIRE(++reader->functions <= reader->limits.functions, LIMIT,
                 "more than %" PRIu64 " functions (limit functions)", reader->limits.functions);
  return NULL;
}

static rung_status *count_repeated(rung_reader *reader, rung_wire wire, const rung_field *table, size_t rows,
                                   void *target) {
  for (;;) {
    rung_wire_field field;
    const rung_field *row;
    RUNG_TRY(next_known(&wire, table, rows, &field, &row));
    if (!row) return NULL;
    if (!row->repeats) continue;
    RUNG_TRY(charge_limit(reader, row));
    ++*counter(row, target);
  }
}

/* Makes the arrays, and sets the counters back for the walk that fills them. */
static rung_status *make_arrays(rung_reader *reader, const rung_field *table, size_t rows, void *target) {
  for (const rung_field *row = table; row < table + rows; row++) {
    if (row->kind == RUNG_FIELD_TEXT && !row->repeats) set_pointer(row, target, "");
    if (!row->repeats || get_pointer(row, target)) continue;
    void *array;
    RUNG_TRY(rung__read_alloc(reader, *counter(row, target), element_size(row), &array));
    set_pointer(row, target, array);
  }
  for (const rung_field *row = table; row < table + rows; row++)
    if (row->repeats) *counter(row, target) = 0;
  return NULL;
}

rung_status *rung__read_fields(rung_reader *reader, rung_wire wire, const rung_field *table, size_t rows, void *target,
                               uint32_t *out_seen) {
  assert(rows <= 32);
  RUNG_TRY(count_repeated(reader, wire, table, rows, target));
  RUNG_TRY(make_arrays(reader, table, rows, target));
  const rung_wire message = wire;
  uint32_t seen = 0;
  for (;;) {
    rung_wire_field field;
    const rung_field *row;
    RUNG_TRY(next_known(&wire, table, rows, &field, &row));
    if (!row) break;
    uint32_t bit = (uint32_t)1 << (row - table);
    RUNG_REQUIRE(row->repeats || row->kind != RUNG_FIELD_MESSAGE || !(seen & bit), INVALID_MODEL,
                 "there is a second %s before byte %zu", row->name, rung_wire_offset(&wire));
    seen |= bit;
    char *slot = (char *)target + row->offset;
    if (is_list(row)) ((rung_wire_list *)(void *)slot)->message = message;
    size_t index = row->repeats ? (*counter(row, target))++ : 0;
    if (row->repeats) slot = (char *)get_pointer(row, target) + index * element_size(row);
    RUNG_TRY(fill_slot(reader, &wire, row, &field, index, slot));
  }
  if (out_seen) *out_seen = seen;
  return NULL;
}
