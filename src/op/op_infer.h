/* Helpers for the `infer` functions of operator definitions.
 *
 * Each says what follows from what is known, and stays silent (rank -1, fresh symbols) where nothing follows. Errors
 * are INVALID_MODEL and only for what can never be right. */
#ifndef RUNG_OP_OP_INFER_H
#define RUNG_OP_OP_INFER_H

#include "op/op.h"

/* A dimension that nothing is known of. */
static inline int64_t rung_infer_symbol(rung_infer *infer) { return (*infer->next_symbol)++; }

static inline bool rung_infer_has(const rung_infer *infer, uint32_t input) {
  return input < infer->input_count && infer->inputs[input].type;
}
static inline bool rung_infer_wants(const rung_infer *infer, uint32_t output) { return output < infer->output_count; }
/* The type of an input that the signature requires. */
static inline const rung_type *rung_infer_input(const rung_infer *infer, uint32_t input) {
  return infer->inputs[input].type;
}
static inline bool rung_infer_ranked(const rung_infer *infer, uint32_t input) {
  return rung_infer_has(infer, input) && infer->inputs[input].type->rank >= 0;
}

/* Is every dimension of every output known? */
bool rung_type_is_concrete(const rung_type *type);

/* Sets an output's shape; nothing when the output is not wanted. LIMIT above RUNG_MAX_RANK. */
rung_status *rung_infer_shape(rung_infer *infer, uint32_t output, int32_t rank, const int64_t *dims) RUNG_MUST_CHECK;
/* Shape of `output` is that of `input`. */
void rung_infer_same(rung_infer *infer, uint32_t output, uint32_t input);
/* `rank` unknown dimensions. */
rung_status *rung_infer_rank(rung_infer *infer, uint32_t output, int32_t rank) RUNG_MUST_CHECK;

/* Negative axes count from the end; INVALID_MODEL outside [-rank, rank). */
rung_status *rung_infer_axis(const rung_infer *infer, int64_t axis, int32_t rank, int32_t *out_axis) RUNG_MUST_CHECK;

/* The elements of an integer input (int32 or int64, 0-D or 1-D), symbols among them. False
 * when it is left out, nothing is known, or it has more than `most` elements. */
bool rung_infer_elements(const rung_infer *infer, uint32_t input, int64_t *elements, uint32_t most,
                         uint32_t *out_count);
/* The same for any rank, in row-major order. */
bool rung_infer_flat_elements(const rung_infer *infer, uint32_t input, int64_t *elements, uint32_t most,
                              uint32_t *out_count);
/* As rung_infer_elements, but only when every element is a number. */
bool rung_infer_ints(const rung_infer *infer, uint32_t input, int64_t *ints, uint32_t most, uint32_t *out_count);
/* Axes given by attribute (older forms) or by input; false when unknown. An absent list has count 0. */
bool rung_infer_axes(const rung_infer *infer, rung_ints attribute, uint32_t input, int64_t axes[RUNG_MAX_RANK],
                     uint32_t *out_count);
/* Says what the elements of an output are; kept only for small ones. */
void rung_infer_known(rung_infer *infer, uint32_t output, const int64_t *elements, uint32_t count);

/* A tensor of such elements; *out_value is NULL when one is a symbol, or the type is not a small integer tensor's. */
rung_status *rung_known_value(const rung_allocator *allocator, const rung_type *type, const int64_t *elements,
                              uint32_t count, rung_value **out_value) RUNG_MUST_CHECK;

/* numpy broadcasting of two dimensions. */
rung_status *rung_infer_broadcast_dim(const rung_infer *infer, int64_t a, int64_t b, int64_t *out) RUNG_MUST_CHECK;
/* Output 0 has the broadcast shape of inputs [first, last]. */
rung_status *rung_infer_broadcast(rung_infer *infer, uint32_t first, uint32_t last) RUNG_MUST_CHECK;

/* Dimensions, or strides, of (N, D1, ..., C) in the order (N, C, D1, ...), and back. Nothing moves below rank 3. */
void rung_channels_first(int32_t rank, const int64_t *from, int64_t *to);
void rung_channels_last(int32_t rank, const int64_t *from, int64_t *to);

/* Output 0 as `inner` infers it of a node with these inputs (numbers of `infer`'s), the first of which and the output
 * have their channels last; `params` are, or begin with, those of `inner`. */
rung_status *rung_infer_as(rung_infer *infer, const rung_op *inner, const uint32_t *inputs, uint32_t count,
                           bool channels_last) RUNG_MUST_CHECK;

/* Dimensions in arithmetic: known when both are, else a fresh symbol (or what follows from 0 and 1). */
int64_t rung_infer_mul(rung_infer *infer, int64_t a, int64_t b);
int64_t rung_infer_add(rung_infer *infer, int64_t a, int64_t b);

#define RUNG_MODEL_REQUIRE(condition, ...) RUNG_REQUIRE(condition, INVALID_MODEL, __VA_ARGS__)

/* Common whole `infer` functions. */
rung_status *rung_infer_elementwise(rung_infer *infer); /* every output is shaped like input 0 */
rung_status *rung_infer_broadcast_all(rung_infer *infer);

#endif
