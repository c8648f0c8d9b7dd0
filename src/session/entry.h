/* One file of the engine cache: what an executable was made from, and its bytes.
 *
 *     0  "rungkept"        16  where the payload begins, a multiple of 4,096
 *     8  version (u32)     24  bytes of the payload           32  digest of the payload
 *    12  bytes of fields   64  digest of bytes 0 to 63 and of the fields
 *    96  fields, then zeros up to the payload, which ends the file
 *
 * A field is a byte 'k' or 'n', the size of its name (u16) and of its value (u32), and both. The 'k' fields are the
 * key, and their digest is the name of the file; 'n' are notes. All numbers are little-endian. Every byte of the file
 * is under one of the digests, or must be zero. */
#ifndef RUNG_SESSION_ENTRY_H
#define RUNG_SESSION_ENTRY_H

#include "base/digest.h"
#include "base/status.h"
#include "base/str.h"

enum {
  RUNG_ENTRY_VERSION = 1,
  RUNG_ENTRY_HEAD = 96,
  RUNG_ENTRY_ALIGN = 4096,
  RUNG_ENTRY_MOST_FIELDS = 256,
  RUNG_ENTRY_MOST_BYTES = 1 << 20, /* of all fields */
};

typedef struct entry_field {
  rung_str name, value;
  bool is_key;
} entry_field;

/* Fields as they are written. */
typedef struct entry_fields {
  rung_text text;
  rung_digest key; /* of the 'k' fields */
  size_t count;
  bool failed; /* more or longer than an entry holds */
} entry_fields;

void rung__fields_init(entry_fields *fields, const rung_allocator *allocator);
void rung__fields_finish(entry_fields *fields);
void rung__fields_add(entry_fields *fields, bool is_key, const char *name, const char *value);
/* Adds key fields that are written already: `count` of them. */
void rung__fields_add_written(entry_fields *fields, rung_str written, size_t count);
/* LIMIT or out of memory, when adding failed. */
rung_status *rung__fields_check(const entry_fields *fields) RUNG_MUST_CHECK;
/* The digest of the key fields so far. Returns out. */
const char *rung__fields_key(const entry_fields *fields, char out[RUNG_DIGEST_TEXT]);

/* A parsed entry: views of its bytes. */
typedef struct cache_entry {
  size_t field_count;
  entry_field fields[RUNG_ENTRY_MOST_FIELDS];
  char key[RUNG_DIGEST_TEXT];
  const uint8_t *payload;
  size_t payload_size;
} cache_entry;

/* Where the payload of an entry with these fields begins. */
size_t rung__entry_payload_offset(size_t fields_size);
/* The first bytes of an entry. */
void rung__entry_head(const entry_fields *fields, size_t payload_size, const uint8_t payload_digest[RUNG_DIGEST_SIZE],
                      uint8_t out[RUNG_ENTRY_HEAD]);

/* Reads the bytes of a whole file, which may be anything. `payload`: also that the payload's digest is right. IO says
 * what is wrong. */
rung_status *rung__entry_parse(const uint8_t *data, size_t size, bool payload, cache_entry *out_entry) RUNG_MUST_CHECK;
/* Reads fields alone, as entry_fields writes them. */
rung_status *rung__entry_parse_fields(rung_str fields, cache_entry *out_entry) RUNG_MUST_CHECK;
/* {NULL, 0} when there is no such field. */
rung_str rung__entry_value(const cache_entry *e, rung_str name);

#endif
