/* The form of kernels that follow an index tensor: indices checked and made plain, rows picked, lines walked. */
#ifndef RUNG_CPU_FORM_GATHER_H
#define RUNG_CPU_FORM_GATHER_H

#include "provider/opwise/kernel.h"

/* Every index of an int32 or int64 tensor into [0, limit); negative ones count from the end. INVALID_ARGUMENT for what
 * lies outside. `out` holds as many as the tensor. CANCELLED when some were left out. */
rung_status *rung_gather_indices(const rung_kernel_call *call, const rung_tensor *indices, int64_t limit,
                                 int64_t *out) RUNG_MUST_CHECK;

/* Tuples of coordinates, the last dimension of `indices` (int32 or int64), into linear numbers of the slices of `data` that they
 * name, behind `batch` dimensions that both have. `out` holds one number a tuple. */
rung_status *rung_gather_tuples(const rung_kernel_call *call, const rung_tensor *indices, const rung_tensor *data,
                                int32_t batch, int64_t *out) RUNG_MUST_CHECK;
size_t rung_gather_tuple_count(const rung_tensor *indices);

/* to[o][i] = from[o][indices[i]] for o < outer, i < count; rows of `bytes`, `limit` of them for each o in `from`. */
typedef struct rung_gather {
  const void *from;
  void *to;
  const int64_t *indices;
  size_t outer, limit, count, bytes;
} rung_gather;
void rung_gather_rows(const rung_kernel_call *call, const rung_gather *gather);
/* The same for one `outer`, on the caller's thread. */
void rung_gather_row(const void *from, void *to, const int64_t *indices, size_t count, size_t bytes);

/* Where the lines of an index tensor along `axis` begin, in itself and in a data tensor that is at least as large in
 * all other dimensions. Elements of a line follow each other `step` elements apart. */
typedef struct rung_lines {
  size_t count, length; /* lines, and elements of one */
  size_t step;          /* in the index tensor */
  int64_t data_step;    /* in data */
  int32_t rank, axis;
  int64_t dims[RUNG_MAX_RANK];    /* of the index tensor */
  int64_t strides[RUNG_MAX_RANK]; /* of data */
} rung_lines;
rung_status *rung_lines_make(rung_lines *lines, const rung_tensor *indices, const rung_tensor *data,
                             int64_t axis) RUNG_MUST_CHECK;
/* Lines [first, first + n), in an order in which neighbours lie side by side: offsets in elements. */
void rung_lines_begin(const rung_lines *lines, size_t first, size_t n, size_t *index_at, size_t *data_at);

#endif
