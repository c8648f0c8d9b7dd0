/* The form of reductions: every output combines the inputs along some dimensions.
 *
 * Neighbouring dimensions of one kind, kept or reduced, are merged. What remains is walked as rows: when the
 * last one is reduced, a row is a run of it and yields one accumulator; when it is kept, a row is a strip of
 * up to RUNG_REDUCE_COLUMNS neighbours with an accumulator each. Sixteen rows are combined in sequence, and
 * the results pairwise, as a binary counter carries: rounding errors grow with the logarithm of the count.
 * Few outputs of many elements are cut into pieces of a fixed number of rows. So the order depends on the
 * shape alone. */
#ifndef RUNG_CPU_FORM_REDUCE_H
#define RUNG_CPU_FORM_REDUCE_H

#include "provider/opwise/kernel.h"

enum {
  RUNG_REDUCE_COLUMNS = 64,    /* accumulators of a strip */
  RUNG_REDUCE_ACCUMULATOR = 8, /* bytes of one, at most */
};

/* How elements are combined. n columns have n accumulators; `shift` is the addend of each output, as in
 * log(sum(exp(x - shift))), in the type of the accumulators (NULL when the caller gave none). */
typedef struct rung_reducer {
  size_t size; /* bytes of an accumulator */
  void (*begin)(size_t n, void *acc);
  void (*row)(size_t n, const void *x, const void *shift, void *acc); /* n elements into one accumulator */
  void (*columns)(size_t n, const void *x, const void *shift, void *acc);
  void (*merge)(size_t n, const void *other, void *acc);
} rung_reducer;

/* out[i] from acc[i], which has combined `count` elements. */
typedef void (*rung_reduce_finish)(size_t n, size_t count, const void *shift, const void *acc, void *out);

typedef struct rung_reduce {
  size_t outputs, count; /* elements of the output, and of the input for each */
  int32_t rank;
  int64_t dims[RUNG_MAX_RANK], strides[RUNG_MAX_RANK]; /* merged, strides in elements */
  bool reduced[RUNG_MAX_RANK];
  size_t columns; /* of a row of strips; 0: the last dimension is reduced */
  size_t runs;    /* that the last, reduced dimension is cut into */
  size_t rows, tiles;
  size_t piece_rows, pieces; /* of a tile */
} rung_reduce;

void rung_reduce_make(rung_reduce *plan, const rung_tensor *in, const bool *reduced);
/* Bytes of scratch that rung_reduce_run needs. */
size_t rung_reduce_scratch(const rung_reduce *plan);
/* Reduces x (elements of x_size bytes) into out (out_size). `shift` and scratch may be NULL where not needed.
 */
void rung_reduce_run(const rung_kernel_call *call, const rung_reduce *plan, const rung_reducer *reducer,
                     rung_reduce_finish finish, const void *x, size_t x_size, const void *shift, void *out,
                     size_t out_size, void *scratch);

#endif
