#include "op/ms_gated.h"

#include "op/op_infer.h"

#define GATED_OP(symbol, places, ...)                                   \
  const rung_op rung_op_ms_##symbol = {.name = #symbol,                 \
                                       .domain = "com.microsoft",       \
                                       .since = 1,                      \
                                       .signature = places,             \
                                       .infer = rung_infer_elementwise, \
                                       __VA_ARGS__};

/* GatedRMSNorm: normalised(X) times a function of the gate. BranchwiseRMSNorm: every branch has a norm of its own */

static rung_status *check_branches(const rung_node *node, void *params) {
  (void)node;
  int64_t branches = ((const rung_gated_norm_params *)params)->num_branches;
  RUNG_MODEL_REQUIRE(branches >= 0, "num_branches is %lld", (long long)branches);
  return NULL;
}

static const rung_attr gated_norm_attrs[] = {RUNG_ATTR_FLOAT(rung_gated_norm_params, epsilon, 1e-5f),
                                             RUNG_ATTR_CHOICE(rung_gated_norm_params, activation, "silu|swish|sigmoid"),
                                             {0}};
static const rung_attr branch_norm_attrs[] = {RUNG_ATTR_FLOAT(rung_gated_norm_params, epsilon, 1e-5f),
                                              RUNG_ATTR_INT(rung_gated_norm_params, num_branches, 0),
                                              {0}};

GATED_OP(GatedRMSNorm, "X:T scale:T gate:T -> Y:T", .params_size = sizeof(rung_gated_norm_params),
         .attributes = gated_norm_attrs)
GATED_OP(BranchwiseRMSNorm, "X:T scale:M? -> Y:T", .params_size = sizeof(rung_gated_norm_params),
         .attributes = branch_norm_attrs, .check = check_branches)

/* GatedAdd: X + Y gate, with a gate per row. ScaledSiLU: silu(scale X) */

GATED_OP(GatedAdd, "X:T Y:T gate:T -> output:T")

static const rung_attr scaled_silu_attrs[] = {RUNG_ATTR_FLOAT(rung_scaled_silu_params, alpha, 1), {0}};

GATED_OP(ScaledSiLU, "X:T scale:M? -> Y:T", .params_size = sizeof(rung_scaled_silu_params),
         .attributes = scaled_silu_attrs)

/* LinearAttentionGate: decay and beta of LinearAttention from what projections made */

static rung_status *infer_LinearAttentionGate(rung_infer *infer) {
  rung_infer_same(infer, 0, 0);
  if (!rung_infer_wants(infer, 1)) return NULL;
  RUNG_MODEL_REQUIRE(rung_infer_has(infer, 3) || !infer->node->outputs[1], "beta is wanted, and b is not given");
  rung_infer_same(infer, 1, 0);
  return NULL;
}

const rung_op rung_op_ms_LinearAttentionGate = {
    .name = "LinearAttentionGate",
    .domain = "com.microsoft",
    .since = 1,
    .signature = "a:T dt_bias:float32 decay_scale:float32 b:T? -> decay:T beta:T",
    .infer = infer_LinearAttentionGate};

/* HyperConnectionPreMix: the streams' sum, each with a gate. HyperConnectionPostMix: streams mixed with each other, and
 * a block's output added to each */

rung_status *rung_hyper_check(const rung_hyper_params *p, int32_t rank, const int64_t *dims, int64_t *branches,
                              int64_t *size) {
  RUNG_MODEL_REQUIRE(p->num_branches >= 0 && rank >= (p->num_branches ? 1 : 2),
                     "the streams have rank %d, and no branches", rank);
  int64_t last = dims[rank - 1];
  *branches = p->num_branches ? p->num_branches : dims[rank - 2];
  *size = p->num_branches ? last / p->num_branches : last;
  RUNG_MODEL_REQUIRE(!p->num_branches || (last % p->num_branches == 0 && last > 0),
                     "%lld elements cannot be divided into %lld branches", (long long)last, (long long)*branches);
  return NULL;
}

static rung_status *infer_pre_mix(rung_infer *infer) {
  const rung_hyper_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], branches, size;
  int32_t rank = p->num_branches ? x->rank : x->rank - 1;
  if (x->rank < 0) return NULL;
  memcpy(dims, x->dims, sizeof dims);
  if (p->num_branches && x->rank && dims[x->rank - 1] < 0)
    size = rung_infer_symbol(infer);
  else
    RUNG_TRY(rung_hyper_check(p, x->rank, x->dims, &branches, &size));
  dims[rank - 1] = size;
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr pre_mix_attrs[] = {
    RUNG_ATTR_INT(rung_hyper_params, num_branches, 0), RUNG_ATTR_FLOAT(rung_hyper_params, reduction_scale, 1), {0}};
static const rung_attr post_mix_attrs[] = {RUNG_ATTR_INT(rung_hyper_params, num_branches, 0), {0}};

const rung_op rung_op_ms_HyperConnectionPreMix = {.name = "HyperConnectionPreMix",
                                                  .domain = "com.microsoft",
                                                  .since = 1,
                                                  .signature = "streams:T pre_mix:M -> output:T",
                                                  .params_size = sizeof(rung_hyper_params),
                                                  .attributes = pre_mix_attrs,
                                                  .infer = infer_pre_mix};

GATED_OP(HyperConnectionPostMix, "streams:T block_output:T post_mix:M stream_mix:M? -> output:T",
         .params_size = sizeof(rung_hyper_params), .attributes = post_mix_attrs)

/* EngramGate: a value for all branches, times a gate of each branch's key and query */

static rung_status *infer_EngramGate(rung_infer *infer) {
  rung_infer_same(infer, 0, 0);
  if (!rung_infer_wants(infer, 1)) return NULL;
  RUNG_MODEL_REQUIRE(rung_infer_has(infer, 5) || !infer->node->outputs[1],
                     "gated_value_normed is wanted, and conv_norm_scale is not given");
  rung_infer_same(infer, 1, 0);
  return NULL;
}

static const rung_attr engram_attrs[] = {RUNG_ATTR_FLOAT(rung_gated_norm_params, epsilon, 1e-5f), {0}};

const rung_op rung_op_ms_EngramGate = {
    .name = "EngramGate",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "key:T query:T value:T key_norm_scale:T query_norm_scale:T conv_norm_scale:T? -> output:T gated_value_normed:T",
    .params_size = sizeof(rung_gated_norm_params),
    .attributes = engram_attrs,
    .infer = infer_EngramGate};
