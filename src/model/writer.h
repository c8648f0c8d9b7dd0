/* ONNX messages, written: what every writer of models and values needs.
 *
 * Everything is appended to a rung_text, which takes any bytes and remembers when memory ran out: nothing here needs a
 * check before the end, then `failed` says whether all is there. Tensors must be the host's. Protobuf readers refuse
 * messages of 2 GiB and more; callers with that much data leave it in a file and write references. */
#ifndef RUNG_MODEL_WRITER_H
#define RUNG_MODEL_WRITER_H

#include "base/str.h"
#include "base/value.h"
#include "rung_graph.h"

/* ---- fields of any message; `number` is the field's ---- */

void rung_put_varint(rung_text *out, uint64_t value); /* without a tag */
void rung_put_int(rung_text *out, uint32_t number, int64_t value);
void rung_put_float(rung_text *out, uint32_t number, float value);
void rung_put_bytes(rung_text *out, uint32_t number, const void *data, size_t size);
void rung_put_text(rung_text *out, uint32_t number, const char *text); /* nothing for NULL and "" */
/* A nested message is what is written between the two; they nest. rung_put_end gets what rung_put_begin returned. */
size_t rung_put_begin(rung_text *out, uint32_t number);
void rung_put_end(rung_text *out, size_t begin);

/* ---- messages of ONNX, each as field `number` of the message around it ---- */

/* Names of symbolic dimensions: entry k for RUNG_SYMBOL(k); NULL or beyond `count`: a size without a name. */
typedef struct rung_symbols {
  const char *const *names;
  size_t count;
} rung_symbols;

/* TypeProto. Nothing for the kind NONE. */
void rung_write_type(rung_text *out, uint32_t number, const rung_type *type, rung_symbols symbols);
/* ValueInfoProto. */
void rung_write_value_info(rung_text *out, uint32_t number, const char *name, const rung_type *type,
                           rung_symbols symbols);
/* TensorProto with its data inside. `name` may be NULL. */
void rung_write_tensor(rung_text *out, uint32_t number, const char *name, const rung_tensor *tensor);
/* TensorProto whose data are the tensor->size bytes from `offset` on of the file `location`. */
void rung_write_external_tensor(rung_text *out, uint32_t number, const char *name, const rung_tensor *tensor,
                                const char *location, uint64_t offset);
/* SparseTensorProto of a value of the kind SPARSE. */
void rung_write_sparse(rung_text *out, uint32_t number, const char *name, const rung_value *sparse);
/* AttributeProto of any type but GRAPH and GRAPHS. */
void rung_write_attribute(rung_text *out, uint32_t number, const rung_attribute *attribute, rung_symbols symbols);
/* Its name and type only: to be followed by the value, inside rung_put_begin and rung_put_end. */
void rung_write_attribute_head(rung_text *out, const char *name, rung_attribute_type type);

/* ---- single values, as in the files of ONNX test data ---- */

/* The message of a value: TensorProto, SparseTensorProto, SequenceProto, MapProto or OptionalProto by its kind.
 * `name` may be NULL; so may `type`, which says what empty sequences and optionals would hold. */
rung_status *rung_model_write_value(const rung_value *value, const char *name, const rung_type *type,
                                    rung_text *out) RUNG_MUST_CHECK;

#endif
