#include "op/ms_decoding.h"

#include "op/op_infer.h"

/* UnfoldTensor: all pieces of `size` elements along a dimension, as a dimension more */

static rung_status *infer_UnfoldTensor(rung_infer *infer) {
  const rung_unfold_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK + 1];
  int32_t axis;
  if (x->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->dim, x->rank, &axis));
  memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
  RUNG_MODEL_REQUIRE(dims[axis] < 0 || p->size <= dims[axis], "pieces of %lld of a dimension of %lld",
                     (long long)p->size, (long long)dims[axis]);
  dims[axis] = dims[axis] < 0 ? rung_infer_symbol(infer) : (dims[axis] - p->size) / p->step + 1;
  dims[x->rank] = p->size;
  return rung_infer_shape(infer, 0, x->rank + 1, dims);
}

static rung_status *check_UnfoldTensor(const rung_node *node, void *params) {
  (void)node;
  const rung_unfold_params *p = params;
  RUNG_MODEL_REQUIRE(p->size > 0 && p->step > 0, "pieces of %lld, %lld apart", (long long)p->size, (long long)p->step);
  return NULL;
}

static const rung_attr unfold_attrs[] = {
    {"size", RUNG_ATTR_KIND_INT, offsetof(rung_unfold_params, size), .required = true},
    RUNG_ATTR_INT(rung_unfold_params, step, 1),
    RUNG_ATTR_INT(rung_unfold_params, dim, -1),
    {0}};

const rung_op rung_op_ms_UnfoldTensor = {.name = "UnfoldTensor",
                                         .domain = "com.microsoft",
                                         .since = 1,
                                         .flags = RUNG_OP_ENLARGES,
                                         .signature = "input:T -> output:T",
                                         .params_size = sizeof(rung_unfold_params),
                                         .attributes = unfold_attrs,
                                         .check = check_UnfoldTensor,
                                         .infer = infer_UnfoldTensor};

/* DynamicTimeWarping: how long the cheapest way through a matrix is shows in the run */

static rung_status *infer_DynamicTimeWarping(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 2 || (x->rank == 3 && (x->dims[0] < 0 || x->dims[0] == 1)),
                     "the costs must be one matrix");
  return rung_infer_shape(infer, 0, 2, (const int64_t[]){2, rung_infer_symbol(infer)});
}

const rung_op rung_op_ms_DynamicTimeWarping = {.name = "DynamicTimeWarping",
                                               .domain = "com.microsoft",
                                               .since = 1,
                                               .signature = "input:float32 -> output:int32",
                                               .infer = infer_DynamicTimeWarping};

/* NGramRepeatBlock: the score of a token that would repeat an n-gram becomes -infinity */

static rung_status *infer_NGramRepeatBlock(rung_infer *infer) {
  rung_infer_same(infer, 0, 1);
  return NULL;
}

static rung_status *check_NGramRepeatBlock(const rung_node *node, void *params) {
  (void)node;
  int64_t size = ((const rung_ngram_block_params *)params)->ngram_size;
  RUNG_MODEL_REQUIRE(size > 0, "ngram_size is %lld", (long long)size);
  return NULL;
}

static const rung_attr ngram_block_attrs[] = {
    {"ngram_size", RUNG_ATTR_KIND_INT, offsetof(rung_ngram_block_params, ngram_size), .required = true}, {0}};

const rung_op rung_op_ms_NGramRepeatBlock = {.name = "NGramRepeatBlock",
                                             .domain = "com.microsoft",
                                             .since = 1,
                                             .signature = "input_ids:int64 scores:float32 -> scores_out:float32",
                                             .params_size = sizeof(rung_ngram_block_params),
                                             .attributes = ngram_block_attrs,
                                             .check = check_NGramRepeatBlock,
                                             .infer = infer_NGramRepeatBlock};
