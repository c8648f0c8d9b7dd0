/* Inside src/model: how messages become structs.
 *
 * Each ONNX message has a table of the fields that matter here, and one function that reads it: it walks the table
 * with rung__read_fields, checks what it got, and puts its place ("node 12 "conv1" (Conv)") before any error from
 * within. The walk goes over a message twice: once to count what repeats, so that arrays are allocated in one piece,
 * once to fill. Nested messages are stepped over by the first walk, so every byte is looked at once per level at most
 * twice, and weights never.
 *
 *   model.c            ModelProto, FunctionProto, opsets, properties; life of a rung_model
 *   model_graph.c      GraphProto, NodeProto, ValueInfoProto
 *   model_attribute.c  AttributeProto
 *   model_type.c       TypeProto and its shapes; symbols
 *   model_tensor.c     TensorProto
 *   model_sparse.c     SparseTensorProto
 *   model_external.c   external data of tensors, and the files that hold it
 *   model_value.c      SequenceProto, MapProto, OptionalProto: values of test data */
#ifndef RUNG_MODEL_MODEL_READER_H
#define RUNG_MODEL_MODEL_READER_H

#include "base/map.h"
#include "model/model.h"
#include "model/wire.h"

/* The state of one parse. */
typedef struct rung_reader {
  const rung_allocator *allocator;
  const rung_log *log;
  rung_arena *arena; /* names and arrays of structs */
  rung_model *model; /* NULL when a single value is read: then external data is refused */
  rung_model_limits limits;
  uint64_t nodes, functions, decoded; /* so far, against the limits of those names */
  rung_map symbols; /* name -> 1 + index in symbol_names: those of the scope being read (main graph, or a function) */
  RUNG_VEC(const char *) symbol_names;
} rung_reader;

/* Reads the message `wire` into the zeroed struct `out`; it is number `index` of its kind in its parent. */
typedef rung_status *rung_read_fn(rung_reader *reader, rung_wire wire, size_t index, void *out);

typedef enum rung_field_kind {
  RUNG_FIELD_TEXT,    /* const char *: NUL-terminated copy; "" when absent; a NUL inside is an error */
  RUNG_FIELD_BYTES,   /* rung_str into the file; .data NULL when absent */
  RUNG_FIELD_INT,     /* int64_t */
  RUNG_FIELD_FLOAT,   /* float */
  RUNG_FIELD_MESSAGE, /* a struct, filled by `read`; a second one of a field that does not repeat is an error */
  RUNG_FIELD_INTS,    /* rung_wire_list of varints, for any kind of integer */
  RUNG_FIELD_FLOATS,  /* rung_wire_list of 32-bit numbers */
  RUNG_FIELD_DOUBLES, /* rung_wire_list of 64-bit numbers */
} rung_field_kind;

/* What is counted against a limit when a repeated field is met. */
typedef enum rung_field_limit { RUNG_FIELD_FREE, RUNG_FIELD_NODES, RUNG_FIELD_FUNCTIONS } rung_field_limit;

typedef struct rung_field {
  uint32_t number;
  const char *name;
  rung_field_kind kind;
  bool repeats;        /* `offset` is of a pointer to an array; several fields may share one array */
  size_t offset;       /* of the member, in the struct that the message is read into */
  size_t count_offset; /* repeats: of the size_t that counts the array */
  size_t size;         /* MESSAGE: of the struct, or of one element of the array */
  rung_read_fn *read;  /* MESSAGE */
  rung_field_limit limit;
} rung_field;

/* Rows of a table: a field that stands once, and one that repeats. KIND is the end of a rung_field_kind. */
#define RUNG_ONE(number, text, KIND, type, member) \
  {number, text, RUNG_FIELD_##KIND, false, offsetof(type, member), 0, 0, NULL, RUNG_FIELD_FREE}
#define RUNG_ONE_MESSAGE(number, text, type, member, read) \
  {number, text, RUNG_FIELD_MESSAGE, false, offsetof(type, member), 0, sizeof((type *)0)->member, read, RUNG_FIELD_FREE}
#define RUNG_MANY(number, text, KIND, type, member, count) \
  {number, text, RUNG_FIELD_##KIND, true, offsetof(type, member), offsetof(type, count), 0, NULL, RUNG_FIELD_FREE}
#define RUNG_MANY_MESSAGES(number, text, type, member, count, read) \
  RUNG_MANY_LIMITED(number, text, type, member, count, read, FREE)
#define RUNG_MANY_LIMITED(number, text, type, member, count, read, LIMIT) \
  {number,                                                                \
   text,                                                                  \
   RUNG_FIELD_MESSAGE,                                                    \
   true,                                                                  \
   offsetof(type, member),                                                \
   offsetof(type, count),                                                 \
   sizeof *((type *)0)->member,                                           \
   read,                                                                  \
   RUNG_FIELD_##LIMIT}

/* Fills the zeroed struct `target` from the fields of `wire`, as the table says; other fields are stepped over.
 * `out_seen`, which may be NULL, gets bit i for row i that was met. A table has at most 32 rows. */
rung_status *rung__read_fields(rung_reader *reader, rung_wire wire, const rung_field *table, size_t rows, void *target,
                               uint32_t *out_seen) RUNG_MUST_CHECK;

/* Zeroed memory in the arena, charged to the limit decoded_bytes, as names are. */
rung_status *rung__read_alloc(rung_reader *reader, size_t count, size_t size, void **out) RUNG_MUST_CHECK;
rung_status *rung__read_charge(rung_reader *reader, uint64_t bytes) RUNG_MUST_CHECK;
/* Elements of a list into a new array of the arena, `size` bytes each. */
rung_status *rung__read_list(rung_reader *reader, const rung_wire_list *list, size_t size, void **out) RUNG_MUST_CHECK;
/* The shape of a tensor: rank and signs are checked, the product is not. */
rung_status *rung__read_dims(const rung_wire_list *list, int64_t out_dims[RUNG_MAX_RANK]) RUNG_MUST_CHECK;
/* Gives a value to the model: it dies with it. Takes the reference, also on failure. */
rung_status *rung__read_keep(rung_reader *reader, rung_value *value) RUNG_MUST_CHECK;
/* A NUL-terminated copy; a NUL inside is an error. */
rung_status *rung__read_text(rung_reader *reader, rung_str text, const char **out) RUNG_MUST_CHECK;
/* "ai.onnx" and "" are one domain. */
const char *rung__read_domain(const char *domain);

/* rung_read_fn of the messages; the comment names what `out` points to. */
rung_read_fn rung__read_graph;      /* rung_model_graph * (a pointer: the graph is allocated) */
rung_read_fn rung__read_node;       /* rung_model_node */
rung_read_fn rung__read_value_info; /* rung_model_value */
rung_read_fn rung__read_attribute;  /* rung_model_attribute */
rung_read_fn rung__read_type;       /* rung_type */
rung_read_fn rung__read_tensor;     /* rung_value *: the model's; data in the mapping where it can be */
rung_read_fn rung__read_sparse;     /* rung_value *: the model's */

/* A TensorProto as a value of the caller's; its data is in the file where it can be. out_name: a span of the file. */
rung_status *rung__tensor_value(rung_reader *reader, rung_wire wire, rung_str *out_name,
                                rung_value **out_value) RUNG_MUST_CHECK;
/* A SparseTensorProto likewise; the name is that of its values. */
rung_status *rung__sparse_value(rung_reader *reader, rung_wire wire, rung_str *out_name,
                                rung_value **out_value) RUNG_MUST_CHECK;

/* One entry of a tensor's external_data. */
typedef struct rung_model_entry {
  rung_str key, value;
} rung_model_entry;
/* Finds the `size` bytes that the entries place in another file. `out_data` lives as long as the model. */
rung_status *rung__external_data(rung_reader *reader, const rung_model_entry *entries, size_t count, size_t size,
                                 const uint8_t **out_data) RUNG_MUST_CHECK;
/* Opens model->path and keeps it for the model; out_bytes is the whole file. */
rung_status *rung__files_open(rung_model *model, const rung_model_options *options,
                              rung_str *out_bytes) RUNG_MUST_CHECK;
/* The same for a model whose bytes are the caller's. */
rung_status *rung__files_attach(rung_model *model, const rung_model_options *options) RUNG_MUST_CHECK;
void rung__files_close(rung_model *model); /* also after a failure to open */

#endif
