/* The form of kernels that copy elements from one N-D layout to another: transposes, slices, repeats, joins.
 *
 * An element is a run of bytes. What lies together on both sides is merged into longer elements first, and
 * dimensions that both sides step through alike into one, so that most real cases are a few memcpy or one
 * transpose. A transpose goes by tiles that stay in the first-level cache. */
#ifndef RUNG_CPU_FORM_STRIDED_H
#define RUNG_CPU_FORM_STRIDED_H

#include "provider/opwise/kernel.h"

enum { RUNG_STRIDED_RANK = 2 * RUNG_MAX_RANK }; /* Tile needs two dimensions for one */

/* A copy that is a walk over `dims`, outermost first, in the order of the destination. */
typedef struct rung_strided {
  size_t size;  /* bytes of an element */
  size_t count; /* elements */
  int32_t rank; /* 0: a single element */
  int64_t dims[RUNG_STRIDED_RANK];
  int64_t from[RUNG_STRIDED_RANK]; /* bytes from one element to the next; 0 repeats, negative goes backwards */
  int64_t to[RUNG_STRIDED_RANK];   /* the same, never 0 */
} rung_strided;

/* Elements of `size` bytes; strides in elements. `rank` is at most RUNG_STRIDED_RANK. Strides of dimensions
 * of size 1 are not looked at. */
void rung_strided_make(rung_strided *plan, size_t size, int32_t rank, const int64_t *dims, const int64_t *from,
                       const int64_t *to);
/* `from` and `to` point at element 0 of the walk; source and destination do not overlap. */
void rung_strided_run(const rung_kernel_call *call, const rung_strided *plan, const void *from, void *to);

/* `bytes` of one tensor as they are. */
void rung_strided_bytes(const rung_kernel_call *call, const void *from, void *to, size_t bytes);
void rung_strided_zero(const rung_kernel_call *call, void *to, size_t bytes);

/* Row-major strides of `dims`, in elements. */
void rung_strided_dense(int32_t rank, const int64_t *dims, int64_t *strides);

/* count copies of an element of `size` bytes. */
void rung_strided_fill(void *to, size_t count, const void *element, size_t size);

#endif
