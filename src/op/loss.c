#include "op/loss.h"

#include "op/op_infer.h"

/* Scores are (N, C, D1, ...), labels (N, D1, ...). */
static rung_status *infer_loss(rung_infer *infer) {
  const rung_loss_params *p = infer->params;
  const rung_type *scores = rung_infer_input(infer, 0), *labels = rung_infer_input(infer, 1);
  if (p->reduction == RUNG_LOSS_NONE)
    rung_infer_same(infer, 0, 1);
  else
    RUNG_TRY(rung_infer_shape(infer, 0, 0, NULL));
  rung_infer_same(infer, 1, 0);
  if (scores->rank < 0 || labels->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(scores->rank >= 2 && labels->rank == scores->rank - 1,
                     "scores of rank %d and labels of rank %d do not fit", scores->rank, labels->rank);
  for (int32_t i = 0; i < labels->rank; i++) {
    int64_t a = scores->dims[i ? i + 1 : 0], b = labels->dims[i];
    RUNG_MODEL_REQUIRE(a < 0 || b < 0 || a == b, "dimension %d of the labels is %lld, not %lld", i, (long long)b,
                       (long long)a);
  }
  return NULL;
}

static const rung_attr loss_attrs[] = {RUNG_ATTR_INT(rung_loss_params, ignore_index, RUNG_LOSS_ALL),
                                       RUNG_ATTR_CHOICE(rung_loss_params, reduction, "mean|sum|none"),
                                       {0}};

#define LOSS(symbol, places)                                                 \
  const rung_op rung_op_##symbol = {.name = #symbol,                         \
                                    .domain = "",                            \
                                    .since = 12,                             \
                                    .signature = places,                     \
                                    .params_size = sizeof(rung_loss_params), \
                                    .attributes = loss_attrs,                \
                                    .infer = infer_loss};
LOSS(NegativeLogLikelihoodLoss, "input:T target:I weight:T? -> loss:T")
LOSS(SoftmaxCrossEntropyLoss, "scores:T labels:I weights:T? -> output:T log_prob:T")
