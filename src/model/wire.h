/* The protobuf wire format, read from untrusted bytes without allocating.
 *
 * A message is a run of fields, each a tag (number and wire type) and a payload. A rung_wire walks over the fields of
 * one message and never looks outside it; what a field holds is a number or a span of bytes, which may be text, a
 * nested message or packed scalars. Every error names the byte at which it was found, counted from the first byte of
 * the outermost message. */
#ifndef RUNG_MODEL_WIRE_H
#define RUNG_MODEL_WIRE_H

#include "base/status.h"

#include <stdbool.h>

typedef enum rung_wire_type {
  RUNG_WIRE_VARINT = 0,
  RUNG_WIRE_FIXED64 = 1,
  RUNG_WIRE_BYTES = 2,
  RUNG_WIRE_FIXED32 = 5,
} rung_wire_type;

typedef struct rung_wire {
  const uint8_t *at, *end; /* what is left of this message */
  const uint8_t *origin;   /* first byte of the outermost message */
  uint32_t depth;          /* how many levels of messages or groups may still open inside this one */
} rung_wire;

typedef struct rung_wire_field {
  uint32_t number; /* 0: the message has ended */
  rung_wire_type type;
  uint64_t scalar; /* VARINT, FIXED32, FIXED64 */
  rung_str bytes;  /* BYTES: a span of the message; .data is not NULL */
} rung_wire_field;

/* A wire over a whole message of `size` bytes; `data` may be NULL when size is 0. */
rung_wire rung_wire_over(const void *data, size_t size, uint32_t depth);
/* A wire over the message that a BYTES field holds. LIMIT when the nesting is too deep. */
rung_status *rung_wire_enter(const rung_wire *outer, const rung_wire_field *field,
                             rung_wire *out_inner) RUNG_MUST_CHECK;
/* The next field. Groups, which ONNX never uses, are stepped over. */
rung_status *rung_wire_next(rung_wire *wire, rung_wire_field *out_field) RUNG_MUST_CHECK;
/* A base-128 number of at most ten bytes and 64 bits. */
rung_status *rung_wire_varint(rung_wire *wire, uint64_t *out_value) RUNG_MUST_CHECK;
/* The first BYTES field of that number, or an empty string: for error messages, so damage counts as absence. */
rung_str rung_wire_peek(rung_wire wire, uint32_t number);
/* Where the wire stands, in bytes from the origin. */
size_t rung_wire_offset(const rung_wire *wire);
const char *rung_wire_type_name(rung_wire_type type);

/* A repeated scalar field. Its elements may stand singly or packed, in one part or several, anywhere in its message:
 * parts are counted as they are met, and decoded in a second walk once the caller has made room. */
typedef struct rung_wire_list {
  rung_wire message;   /* the whole message */
  uint32_t number;     /* of the field; 0: not met yet */
  rung_wire_type type; /* of one element: VARINT, FIXED32 or FIXED64 */
  size_t parts;
  size_t count;  /* elements in all parts */
  rung_str data; /* of the last packed part; when `parts` is 1 and .data not NULL, all elements lie here */
} rung_wire_list;

/* Counts one more part: `field` was met in `message`, the elements are of wire type `type`. */
rung_status *rung_wire_list_add(rung_wire_list *list, const rung_wire *message, const rung_wire_field *field,
                                rung_wire_type type) RUNG_MUST_CHECK;
/* Writes the low `size` bytes of each of the list's `count` elements to `out`, one after another. */
rung_status *rung_wire_list_decode(const rung_wire_list *list, size_t size, void *out) RUNG_MUST_CHECK;

#endif
