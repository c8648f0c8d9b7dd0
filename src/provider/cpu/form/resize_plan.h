/* The form of kernels that resample a tensor axis by axis: tables that say, for each output position of an axis, which
 * input positions it reads and with which weights. */
#ifndef RUNG_CPU_FORM_RESIZE_PLAN_H
#define RUNG_CPU_FORM_RESIZE_PLAN_H

#include "op/resize.h"

/* Output position x reads input positions first[x] to first[x] + taps - 1, all inside; weights[x * taps + t]. What
 * would lie outside is counted at the edge, or not at all, as the operator says. */
typedef struct rung_resize_table {
  size_t taps;
  int64_t *first;  /* -1: the position lies outside and takes the extrapolation value */
  double *weights; /* NULL: taps is 1 and every weight 1 */
} rung_resize_table;

/* How many input positions one output position reads at most. */
size_t rung_resize_taps(const rung_resize_params *params, const rung_resize_extent *extent);
/* Fills a table whose arrays have room. `roi`: begin and end, for tf_crop_and_resize. */
void rung_resize_fill(const rung_resize_params *params, const rung_resize_extent *extent, const double roi[2],
                      rung_resize_table *table);

#endif
