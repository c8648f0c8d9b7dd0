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

/* Elements are combined in one of these types; rows of any other are converted first. */
enum { RUNG_REDUCE_F32, RUNG_REDUCE_F64, RUNG_REDUCE_I64, RUNG_REDUCE_U64, RUNG_REDUCE_TYPES };

/* How elements are combined. n columns have n accumulators; `shift` is the addend of each output, as in
 * log(sum(exp(x - shift))), in the type of the accumulators (NULL when the caller gave none). */
typedef struct rung_reducer {
  void (*begin)(size_t n, void *acc);
  void (*row)(size_t n, const void *x, const void *shift, void *acc); /* n elements into one accumulator */
  void (*columns)(size_t n, const void *x, const void *shift, void *acc);
  void (*merge)(size_t n, const void *other, void *acc);
} rung_reducer;

/* acc[i], which has combined `count` elements, becomes the result. */
typedef void (*rung_reduce_finish)(size_t n, size_t count, const void *shift, void *acc);

/* All of it for one operator; a finish of NULL leaves accumulators as they are. */
typedef struct rung_reduction {
  rung_reducer reducers[RUNG_REDUCE_TYPES];
  rung_reduce_finish finishes[RUNG_REDUCE_TYPES];
  bool as_real;   /* integers are combined in float64 */
  bool saturates; /* results beyond the ends of an integer type are its ends; else they wrap */
} rung_reduction;

/* float32, float64, int64 or uint64: what elements of `dtype`, any real type or bool, are combined in. */
rung_dtype rung_reduce_dtype(const rung_reduction *how, rung_dtype dtype);

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
/* Reduces x into out. `shift` and scratch may be NULL where not needed. */
void rung_reduce_run(const rung_kernel_call *call, const rung_reduce *plan, const rung_reduction *how,
                     const rung_tensor *x, const void *shift, void *out, rung_dtype out_dtype, void *scratch);

#endif
