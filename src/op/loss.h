/* Losses of classifiers. */
#ifndef RUNG_OP_LOSS_H
#define RUNG_OP_LOSS_H

#include "op/op.h"

typedef enum rung_loss_reduction { RUNG_LOSS_MEAN, RUNG_LOSS_SUM, RUNG_LOSS_NONE } rung_loss_reduction;

#define RUNG_LOSS_ALL INT64_MIN /* ignore_index when nothing is ignored */

typedef struct rung_loss_params {
  int64_t ignore_index;
  int reduction;
} rung_loss_params;

#endif
