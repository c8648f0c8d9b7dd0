/* The immutable description of an ONNX model, read from bytes.
 *
 * Everything a file can say, checked for form (sizes, counts, nesting, names) but not yet for meaning. Names are
 * NUL-terminated copies in the model's arena; weights are not copied: a tensor's data points into the mapping of the
 * model file or of an external data file (at any alignment), except typed fields that are varints, which are decoded.
 *
 * A model is counted and shared by its sessions; the mapping and decoded tensors live until the last reference goes.
 * Thread-safe once made. */
#ifndef RUNG_MODEL_MODEL_H
#define RUNG_MODEL_MODEL_H

#include "base/arena.h"
#include "base/log.h"
#include "base/value.h"
#include "rung_graph.h"

struct rung_model_graph;

/* Strings and tensors are views of the file; TYPE_PROTOS is an array behind value.type_proto. Names are unique within a
 * node. */
typedef struct rung_model_attribute {
  rung_attribute value;             /* graph and graphs stay NULL: */
  struct rung_model_graph **graphs; /* GRAPH and GRAPHS: value.count (of GRAPH, 1) */
  const char *reference; /* inside a function: the attribute of the call that it stands for (then only the name and,
                          * if the file gives it, the type of `value` are set); else NULL */
} rung_model_attribute;

typedef struct rung_model_node {
  const char *name, *domain, *op_type, *overload; /* never NULL; "ai.onnx" is given as "" */
  size_t input_count, output_count, attribute_count;
  const char **inputs, **outputs; /* "": left out */
  rung_model_attribute *attributes;
} rung_model_node;

typedef struct rung_model_value {
  const char *name;
  rung_type type; /* kind NONE when the file does not say */
} rung_model_value;

typedef struct rung_model_initializer {
  const char *name;
  rung_value *value; /* TENSOR or SPARSE */
} rung_model_initializer;

typedef struct rung_model_graph {
  const char *name;
  size_t node_count, input_count, output_count, value_count, initializer_count;
  rung_model_node *nodes;
  rung_model_value *inputs, *outputs, *values; /* values: value_info */
  rung_model_initializer *initializers;
} rung_model_graph;

typedef struct rung_model_opset {
  const char *domain; /* "ai.onnx" is given as "" */
  int64_t version;
} rung_model_opset;

/* A model-local function: a body with formal inputs, outputs and attributes. Named dimensions in it are symbols of its
 * own; a call with other shapes needs fresh ones. It may import no operator set, and then follows the model's. */
typedef struct rung_model_function {
  const char *domain, *name, *overload;
  size_t input_count, output_count, attribute_count, default_count, node_count, opset_count, value_count;
  const char **inputs, **outputs, **attributes;
  rung_model_attribute *defaults;
  rung_model_node *nodes;
  rung_model_opset *opsets;
  rung_model_value *values;
} rung_model_function;

typedef struct rung_model_property {
  const char *key, *value;
} rung_model_property;

/* A file that exceeds one is refused with LIMIT and its name. 0 stands for the default, which is given here. */
typedef struct rung_model_limits {
  uint32_t depth;         /* nesting of messages: 100. A body in a body is three levels. At most 1000 */
  uint64_t nodes;         /* in all graphs and functions together: 1,000,000 */
  uint64_t functions;     /* 10,000 */
  uint64_t tensor_bytes;  /* of one tensor, for a sparse one as if it were dense: 2^40 */
  uint64_t decoded_bytes; /* memory that reading takes: structs, names, and tensors that must be decoded: 2^33 */
} rung_model_limits;
extern const rung_model_limits rung_model_limits_default;

typedef struct rung_model {
  atomic_int references;
  const rung_allocator *allocator;
  rung_arena arena;
  const char *path; /* NULL when made from memory */
  int64_t ir_version, model_version;
  const char *producer_name, *producer_version, *domain, *doc;
  size_t opset_count, property_count, function_count, symbol_count;
  rung_model_opset *opsets;
  rung_model_property *properties;
  rung_model_function *functions;
  const char **symbols; /* of dimension RUNG_SYMBOL(k), entry k: its name, or NULL when the file gives none */
  rung_model_graph *graph;
  size_t bytes, external_bytes;     /* of the model file; of external data that initializers refer to */
  struct rung_model_files *files;   /* mappings */
  struct rung_model_shared *shared; /* see model_shared.c */
  void *owned;                      /* bytes that the model frees, see rung_model_parse_owned; else NULL */
  RUNG_VEC(rung_value *) tensors;   /* every value that the description owns */
} rung_model;

typedef struct rung_model_options {
  rung_model_limits limits;
  bool read_files; /* read instead of mapping: safe against files that change or shrink while in use (a mapped one that
                    * shrinks raises SIGBUS) */
  const char *external_folder; /* where external data lies; NULL: the model's own folder, or nowhere from memory. When
                                * the model file is a link, also the folder that it really lies in */
} rung_model_options;

/* Reads a file. `options` NULL: defaults; `log` may be NULL. Errors name the file, graph, node, attribute or tensor.
 * External data is opened beneath its folder only; see rung_file_open_beneath for what else is refused. Its checksum,
 * if given, is verified (SHA-1 of the whole file; up to 4 GiB, beyond that the log warns). */
rung_status *rung_model_open(const rung_allocator *allocator, const rung_log *log, const char *path,
                             const rung_model_options *options, rung_model **out_model) RUNG_MUST_CHECK;
/* Parses bytes, which the caller keeps alive and unchanged until the model dies. */
rung_status *rung_model_parse(const rung_allocator *allocator, const rung_log *log, const void *data, size_t size,
                              const rung_model_options *options, rung_model **out_model) RUNG_MUST_CHECK;
/* The same with bytes made by rung_alloc_data of this allocator: taken, also on failure. */
rung_status *rung_model_parse_owned(const rung_allocator *allocator, const rung_log *log, void *data, size_t size,
                                    const rung_model_options *options, rung_model **out_model) RUNG_MUST_CHECK;
rung_model *rung_model_retain(rung_model *model);
void rung_model_release(rung_model *model);

/* Where bytes lie that a model was read from. */
typedef struct rung_model_place {
  uint64_t device, inode, size; /* which file, and its bytes */
  int64_t modified;             /* nanoseconds since 1970, when the file was opened */
  uint64_t offset;              /* in the file */
} rung_model_place;

/* Of `size` bytes that a value of the model points to; false when they lie in no file. */
bool rung_model_find(const rung_model *model, const void *data, size_t size, rung_model_place *out_place);

/* A block that sessions share: found by `key`, else made by `make` (with the model's allocator) and kept until the
 * model goes. Threads may ask at once; one makes it, the others wait. */
rung_status *rung_model_share(rung_model *model, const void *key, size_t key_size,
                              rung_status *(*make)(void *user, void **out_block), void *user,
                              void **out_block) RUNG_MUST_CHECK;
rung_status *rung__model_shared_init(rung_model *model) RUNG_MUST_CHECK;
void rung__model_shared_finish(rung_model *model);

/* Single messages, as in the files of ONNX test data: TensorProto, SparseTensorProto, SequenceProto, MapProto or
 * OptionalProto, by the kind that `type` expects (NULL or NONE: a tensor). The value owns a copy of its data. Nothing
 * is checked against `type` but the kind; it also tells what an empty sequence would hold. */
rung_status *rung_model_read_value(const rung_allocator *allocator, const void *data, size_t size,
                                   const rung_type *type, rung_value **out_value) RUNG_MUST_CHECK;

#endif
