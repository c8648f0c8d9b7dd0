#include "session/entry.h"

#include <stdio.h>

static const char magic[8] = {'r', 'u', 'n', 'g', 'k', 'e', 'p', 't'};

enum { VERSION_AT = 8, FIELDS_AT = 12, OFFSET_AT = 16, SIZE_AT = 24, PAYLOAD_DIGEST_AT = 32, HEAD_DIGEST_AT = 64 };
enum { FIELD_HEAD = 7 }; /* kind, size of the name, size of the value */

static void put_number(uint8_t *out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t get_number(const uint8_t *data, int bytes) {
  uint64_t number = 0;
  for (int i = bytes - 1; i >= 0; i--) number = number << 8 | data[i];
  return number;
}

/* Fields */

void rung__fields_init(entry_fields *fields, const rung_allocator *allocator) {
  *fields = (entry_fields){.count = 0};
  rung_text_init(&fields->text, allocator);
  rung_digest_init(&fields->key);
}

void rung__fields_finish(entry_fields *fields) { rung_text_finish(&fields->text); }

void rung__fields_add(entry_fields *fields, bool is_key, const char *name, const char *value) {
  size_t name_size = strlen(name), value_size = strlen(value);
  uint8_t head[FIELD_HEAD] = {is_key ? 'k' : 'n'};
  size_t total = FIELD_HEAD + name_size + value_size;
  if (fields->count == RUNG_ENTRY_MOST_FIELDS || name_size > UINT16_MAX || value_size >= RUNG_ENTRY_MOST_BYTES ||
      fields->text.size + total > RUNG_ENTRY_MOST_BYTES) {
    fields->failed = true;
    return;
  }
  put_number(head + 1, name_size, 2);
  put_number(head + 3, value_size, 4);
  rung_text_append(&fields->text, (const char *)head, sizeof head);
  rung_text_append(&fields->text, name, name_size);
  rung_text_append(&fields->text, value, value_size);
  fields->count++;
  if (!is_key) return;
  rung_digest_add(&fields->key, head, sizeof head);
  rung_digest_add(&fields->key, name, name_size);
  rung_digest_add(&fields->key, value, value_size);
}

void rung__fields_add_written(entry_fields *fields, rung_str written, size_t count) {
  rung_text_append(&fields->text, written.data, written.size);
  rung_digest_add(&fields->key, written.data, written.size);
  fields->count += count;
}

rung_status *rung__fields_check(const entry_fields *fields) {
  if (fields->text.failed) return rung_status_out_of_memory();
  RUNG_REQUIRE(!fields->failed, LIMIT, "it depends on more than an entry of the cache can say");
  return NULL;
}

const char *rung__fields_key(const entry_fields *fields, char out[RUNG_DIGEST_TEXT]) {
  rung_digest digest = fields->key;
  return rung_digest_end_text(&digest, out);
}

/* Writing */

size_t rung__entry_payload_offset(size_t fields_size) {
  return RUNG_ROUND_UP(RUNG_ENTRY_HEAD + fields_size, RUNG_ENTRY_ALIGN);
}

static void digest_head(const uint8_t *head, const void *fields, size_t size, uint8_t out[RUNG_DIGEST_SIZE]) {
  rung_digest digest;
  rung_digest_init(&digest);
  rung_digest_add(&digest, head, HEAD_DIGEST_AT);
  rung_digest_add(&digest, fields, size);
  rung_digest_end(&digest, out);
}

void rung__entry_head(const entry_fields *fields, size_t payload_size, const uint8_t payload_digest[RUNG_DIGEST_SIZE],
                      uint8_t out[RUNG_ENTRY_HEAD]) {
  memcpy(out, magic, sizeof magic);
  put_number(out + VERSION_AT, RUNG_ENTRY_VERSION, 4);
  put_number(out + FIELDS_AT, fields->text.size, 4);
  put_number(out + OFFSET_AT, rung__entry_payload_offset(fields->text.size), 8);
  put_number(out + SIZE_AT, payload_size, 8);
  memcpy(out + PAYLOAD_DIGEST_AT, payload_digest, RUNG_DIGEST_SIZE);
  digest_head(out, fields->text.data, fields->text.size, out + HEAD_DIGEST_AT);
}

/* Reading */

rung_status *rung__entry_parse_fields(rung_str fields, cache_entry *out_entry) {
  const uint8_t *data = (const uint8_t *)fields.data;
  size_t size = fields.size;
  cache_entry *e = out_entry;
  rung_digest key;
  e->field_count = 0;
  rung_digest_init(&key);
  for (size_t at = 0; at < size;) {
    RUNG_REQUIRE(size - at >= FIELD_HEAD, IO, "a field is cut off");
    uint64_t name_size = get_number(data + at + 1, 2), value_size = get_number(data + at + 3, 4);
    RUNG_REQUIRE(data[at] == 'k' || data[at] == 'n', IO, "a field is of no known kind");
    RUNG_REQUIRE(name_size + value_size <= size - at - FIELD_HEAD, IO, "a field is longer than the fields are");
    RUNG_REQUIRE(e->field_count < RUNG_ENTRY_MOST_FIELDS, IO, "it has more than %d fields", RUNG_ENTRY_MOST_FIELDS);
    const char *name = (const char *)data + at + FIELD_HEAD;
    size_t total = FIELD_HEAD + (size_t)name_size + (size_t)value_size;
    e->fields[e->field_count++] = (entry_field){
        .name = {name, (size_t)name_size}, .value = {name + name_size, (size_t)value_size}, .is_key = data[at] == 'k'};
    if (data[at] == 'k') rung_digest_add(&key, data + at, total);
    at += total;
  }
  rung_digest_end_text(&key, e->key);
  return NULL;
}

static rung_status *check_payload(const uint8_t *data, const cache_entry *e) {
  uint8_t is[RUNG_DIGEST_SIZE];
  rung_digest digest;
  rung_digest_init(&digest);
  rung_digest_add(&digest, e->payload, e->payload_size);
  rung_digest_end(&digest, is);
  RUNG_REQUIRE(memcmp(is, data + PAYLOAD_DIGEST_AT, sizeof is) == 0, IO, "its payload is damaged");
  return NULL;
}

rung_status *rung__entry_parse(const uint8_t *data, size_t size, bool payload, cache_entry *out_entry) {
  cache_entry *e = out_entry;
  e->field_count = 0;
  RUNG_REQUIRE(size >= RUNG_ENTRY_HEAD && memcmp(data, magic, sizeof magic) == 0, IO, "it is no entry of the cache");
  uint64_t version = get_number(data + VERSION_AT, 4), fields = get_number(data + FIELDS_AT, 4);
  RUNG_REQUIRE(version == RUNG_ENTRY_VERSION, IO, "it is of version %u, this is %d", (unsigned)version,
               RUNG_ENTRY_VERSION);
  RUNG_REQUIRE(fields <= RUNG_ENTRY_MOST_BYTES && fields <= size - RUNG_ENTRY_HEAD, IO, "its fields are cut off");
  uint8_t is[RUNG_DIGEST_SIZE];
  digest_head(data, data + RUNG_ENTRY_HEAD, (size_t)fields, is);
  RUNG_REQUIRE(memcmp(is, data + HEAD_DIGEST_AT, sizeof is) == 0, IO, "its head is damaged");
  size_t offset = rung__entry_payload_offset((size_t)fields);
  RUNG_REQUIRE(
      get_number(data + OFFSET_AT, 8) == offset && size >= offset && get_number(data + SIZE_AT, 8) == size - offset, IO,
      "it is cut off, or has bytes behind its end");
  for (size_t at = RUNG_ENTRY_HEAD + (size_t)fields; at < offset; at++)
    RUNG_REQUIRE(data[at] == 0, IO, "bytes before its payload are damaged");
  e->payload = data + offset;
  e->payload_size = size - offset;
  RUNG_TRY(rung__entry_parse_fields((rung_str){(const char *)data + RUNG_ENTRY_HEAD, (size_t)fields}, e));
  return payload ? check_payload(data, e) : NULL;
}

rung_str rung__entry_value(const cache_entry *e, rung_str name) {
  for (size_t i = 0; i < e->field_count; i++)
    if (rung_str_equal(e->fields[i].name, name)) return e->fields[i].value;
  return (rung_str){NULL, 0};
}
