/* Transposes of small matrices of elements that are 1, 2, 4 or 8 bytes wide: the tiles of larger ones.
 *
 * to[column][row] = from[row][column]. Both sides are dense along their last dimension; rows lie `from_step` and
 * `to_step` bytes apart, and neither needs to be aligned. The two do not overlap. Only elements are touched. */
#ifndef RUNG_CPU_KERNEL_TRANSPOSE_H
#define RUNG_CPU_KERNEL_TRANSPOSE_H

#include "provider/cpu/kernel/isa.h"

typedef void (*rung_transpose_fn)(size_t rows, size_t columns, const char *from, ptrdiff_t from_step, char *to,
                                  ptrdiff_t to_step);

/* By width of an element in bytes; NULL for widths that have none. */
enum { RUNG_TRANSPOSE_WIDTHS = 9 };
typedef struct rung_transpose {
  rung_transpose_fn of[RUNG_TRANSPOSE_WIDTHS];
} rung_transpose;

extern const rung_transpose rung_transpose_c;
#if defined(__x86_64__)
extern const rung_transpose rung_transpose_avx2;
#endif

const rung_transpose *rung_transpose_for(rung_cpu_set features);

#endif
