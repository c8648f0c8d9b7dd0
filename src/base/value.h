/* Run-time values: tensors, sequences, maps, optionals, sparse tensors. Counted, immutable once shared.
 *
 * One struct for all kinds, so that the executor's slots need no second dispatch:
 *   TENSOR    `tensor`; data in `block` (owned), or borrowed with `release` called when the last reference goes
 *   SEQUENCE  items[0..count); tensor.dtype is the element type when the items are tensors (known even when empty)
 *   OPTIONAL  items[0], or count 0 for none
 *   MAP       items[0] the keys (1-D tensor), items[1] the values: a 1-D tensor of as many elements when every value
 *             is a number or string, else a sequence
 *   SPARSE    items[0] the values (1-D), items[1] the indices (1-D linear, or 2-D); tensor.dims the dense shape,
 *             tensor.data NULL */
#ifndef RUNG_BASE_VALUE_H
#define RUNG_BASE_VALUE_H

#include "base/dtype.h"
#include "base/meter.h"
#include "base/status.h"

#include <stdatomic.h>

struct rung_value {
  atomic_int references;
  rung_kind kind;
  rung_tensor tensor;
  const rung_allocator *allocator; /* of this struct, block and items; it outlives the value */
  void *block;
  void (*release)(void *user, void *data);
  void *user;
  rung_value **items;
  size_t count;
  rung_meter *meter; /* counts `metered` bytes until the last reference goes; NULL: none does */
  size_t metered;
};

/* A tensor with uninitialised data (zeroed for strings, whose elements are then empty). */
rung_status *rung_value_new_tensor(const rung_allocator *allocator, rung_dtype dtype, int32_t rank, const int64_t *dims,
                                   rung_value **out_value) RUNG_MUST_CHECK;
/* A tensor over someone's memory. tensor->size must hold what dtype and dims need. `release` may be NULL. */
rung_status *rung_value_wrap(const rung_allocator *allocator, const rung_tensor *tensor,
                             void (*release)(void *user, void *data), void *user,
                             rung_value **out_value) RUNG_MUST_CHECK;
/* A string tensor: copies the bytes of `strings`, as many as dims say, into one block. */
rung_status *rung_value_new_strings(const rung_allocator *allocator, int32_t rank, const int64_t *dims,
                                    const rung_str *strings, rung_value **out_value) RUNG_MUST_CHECK;
/* Compound values. Each takes a reference of its own to the items. `dtype` is what sequence elements hold. */
rung_status *rung_value_new_compound(const rung_allocator *allocator, rung_kind kind, rung_dtype dtype,
                                     rung_value *const *items, size_t count, rung_value **out_value) RUNG_MUST_CHECK;
/* Whole copy in the host's memory. */
rung_status *rung_value_copy_tensor(const rung_allocator *allocator, const rung_tensor *tensor,
                                    rung_value **out_value) RUNG_MUST_CHECK;

/* What a meter counts for a tensor: millions of small ones are mostly what holds them. */
static inline size_t rung_value_cost(const rung_tensor *like) { return like->size + sizeof(rung_value); }
/* `bytes` that `meter` counts already belong to the value from now on. Before others have it; once. */
void rung_value_set_meter(rung_value *value, rung_meter *meter, size_t bytes);
/* "a tensor", "nothing": for messages. */
const char *rung_kind_text(rung_kind kind);
rung_value *rung_value_retain(rung_value *value); /* NULL stays NULL */
void rung_value_release(rung_value *value);       /* NULL is allowed */

/* Sets dtype, dims and size of *out (data NULL); an error that names what overflows or exceeds RUNG_MAX_RANK. */
rung_status *rung_tensor_describe(rung_dtype dtype, int32_t rank, const int64_t *dims,
                                  rung_tensor *out) RUNG_MUST_CHECK;

#endif
