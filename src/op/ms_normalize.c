#include "op/ms_normalize.h"

#include "op/normalize.h"
#include "op/op_infer.h"

/* SkipLayerNormalization, SkipSimplifiedLayerNormalization: normalised(input + skip + bias), and the sum itself */

static rung_status *infer_skip_norm(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  for (uint32_t i = 1; i < 3 && i < infer->output_count; i++) infer->outputs[i].dtype = RUNG_F32;
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 1, "the input is a scalar");
  memcpy(dims, x->dims, sizeof dims);
  dims[x->rank - 1] = 1;
  rung_infer_same(infer, 0, 0);
  rung_infer_same(infer, 3, 0);
  for (uint32_t i = 1; i < 3; i++) RUNG_TRY(rung_infer_shape(infer, i, x->rank, dims));
  return NULL;
}

static const rung_attr skip_norm_attrs[] = {RUNG_ATTR_FLOAT(rung_skip_norm_params, epsilon, 1e-12f), {0}};

#define SKIP_NORM(symbol, places)                                                                                     \
  const rung_op rung_op_ms_##symbol = {.name = #symbol,                                                               \
                                       .domain = "com.microsoft",                                                     \
                                       .since = 1,                                                                    \
                                       .signature = places " -> output:T mean:U inv_std_var:U input_skip_bias_sum:T", \
                                       .params_size = sizeof(rung_skip_norm_params),                                  \
                                       .attributes = skip_norm_attrs,                                                 \
                                       .infer = infer_skip_norm};
SKIP_NORM(SkipLayerNormalization, "input:T skip:T gamma:T beta:T? bias:T?")
SKIP_NORM(SkipSimplifiedLayerNormalization, "input:T skip:T gamma:T bias:T?")

/* SimplifiedLayerNormalization, which ONNX Runtime has in the standard domain, too: RMSNormalization with its factor */

static rung_status *infer_simplified_norm(rung_infer *infer) {
  const rung_layer_norm_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  int32_t axis;
  if (rung_infer_wants(infer, 1)) infer->outputs[1].dtype = (rung_dtype)p->stash_type;
  if (x->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, x->rank, &axis));
  rung_infer_same(infer, 0, 0);
  for (int32_t i = 0; i < x->rank; i++) dims[i] = i < axis ? x->dims[i] : 1;
  return rung_infer_shape(infer, 1, x->rank, dims);
}

static rung_status *check_simplified_norm(const rung_node *node, void *params) {
  (void)node;
  int64_t type = ((const rung_layer_norm_params *)params)->stash_type;
  RUNG_MODEL_REQUIRE(type == RUNG_F32 || type == RUNG_F64, "stash_type is %lld", (long long)type);
  return NULL;
}

static const rung_attr simplified_norm_attrs[] = {RUNG_ATTR_INT(rung_layer_norm_params, axis, -1),
                                                  RUNG_ATTR_INT(rung_layer_norm_params, stash_type, RUNG_F32),
                                                  RUNG_ATTR_FLOAT(rung_layer_norm_params, epsilon, 1e-5f),
                                                  {0}};

const rung_op rung_op_SimplifiedLayerNormalization = {.name = "SimplifiedLayerNormalization",
                                                      .domain = "",
                                                      .since = 1,
                                                      .signature = "X:T scale:V -> Y:V inv_std_var:U",
                                                      .params_size = sizeof(rung_layer_norm_params),
                                                      .attributes = simplified_norm_attrs,
                                                      .check = check_simplified_norm,
                                                      .infer = infer_simplified_norm};

/* EmbedLayerNormalization, and with quantised tables QEmbedLayerNormalization: rows of three tables are added and
 * normalised */

static rung_status *infer_EmbedLayerNormalization(rung_infer *infer) {
  const rung_type *words = rung_infer_input(infer, RUNG_EMBED_WORDS),
                  *table = rung_infer_input(infer, RUNG_EMBED_WORD_TABLE);
  int64_t dims[3] = {rung_infer_symbol(infer), rung_infer_symbol(infer), rung_infer_symbol(infer)};
  RUNG_MODEL_REQUIRE((words->rank < 0 || words->rank == 2) && (table->rank < 0 || table->rank == 2),
                     "words and the table of words must have two dimensions");
  if (words->rank == 2) dims[0] = words->dims[0], dims[1] = words->dims[1];
  if (table->rank == 2) dims[2] = table->dims[1];
  if (rung_infer_wants(infer, 1)) infer->outputs[1].dtype = RUNG_I32;
  RUNG_TRY(rung_infer_shape(infer, 0, 3, dims));
  RUNG_TRY(rung_infer_shape(infer, 1, 1, dims));
  return rung_infer_shape(infer, 2, 3, dims);
}

static const rung_attr embed_norm_attrs[] = {RUNG_ATTR_FLOAT(rung_embed_norm_params, epsilon, 1e-12f),
                                             RUNG_ATTR_INT(rung_embed_norm_params, mask_index_type, 0),
                                             {0}};

const rung_op rung_op_ms_EmbedLayerNormalization = {
    .name = "EmbedLayerNormalization",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "input_ids:I segment_ids:I? word_embedding:T position_embedding:T segment_embedding:T? gamma:T beta:T "
        "mask:I? position_ids:I? -> output:T mask_index:int32 embedding_sum:T",
    .params_size = sizeof(rung_embed_norm_params),
    .attributes = embed_norm_attrs,
    .infer = infer_EmbedLayerNormalization};

static const rung_attr qembed_norm_attrs[] = {RUNG_ATTR_FLOAT(rung_embed_norm_params, epsilon, 1e-12f), {0}};

const rung_op rung_op_ms_QEmbedLayerNormalization = {
    .name = "QEmbedLayerNormalization",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "input_ids:I segment_ids:I? word_embedding_quant:Q position_embedding_quant:Q segment_embedding:Q? "
        "gamma_quant:Q beta_quant:Q mask:I? word_embedding_scale:T position_embedding_scale:T "
        "segment_embedding_scale:T? gamma_scale:T beta_scale:T word_embedding_zero_point:Q "
        "position_embedding_zero_point:Q segment_embedding_zero_point:Q? gamma_zero_point:Q beta_zero_point:Q "
        "-> layernorm_out:T mask_index_out:int32",
    .params_size = sizeof(rung_embed_norm_params),
    .attributes = qembed_norm_attrs,
    .infer = infer_EmbedLayerNormalization};
