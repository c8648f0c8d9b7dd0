#include "op/stateful.h"

#include "op/op_infer.h"

enum { UNKNOWN = -1 }; /* neither a size nor a symbol */

static rung_status *agree(const char *what, int64_t size, int64_t *known) {
  if (*known == UNKNOWN || (*known < 0 && size >= 0)) *known = size;
  RUNG_MODEL_REQUIRE(size < 0 || *known == size, "%s is %lld in one operand and %lld in another", what,
                     (long long)*known, (long long)size);
  return NULL;
}

/* LinearAttention */

/* The size of one of `heads` parts of the last dimension. */
static rung_status *divide(const char *what, int64_t hidden, int64_t heads, int64_t *known) {
  if (hidden < 0) return NULL;
  RUNG_MODEL_REQUIRE(hidden % heads == 0, "%s: %lld elements cannot be divided into %lld heads", what,
                     (long long)hidden, (long long)heads);
  return agree(what, hidden / heads, known);
}

static rung_status *check_packed(const rung_type *type, uint32_t input, rung_linear_attention_sizes *s) {
  RUNG_MODEL_REQUIRE(type->rank == 3, "input %u has rank %d, it must be 3", input, type->rank);
  RUNG_TRY(agree("the batch size", type->dims[0], &s->batch));
  return agree("the length", type->dims[1], &s->length);
}

static rung_status *check_past(const rung_linear_attention_params *p, const rung_type *type,
                               rung_linear_attention_sizes *s) {
  int64_t heads = p->kv_num_heads, window = p->state_window;
  int32_t first = window > 0;
  RUNG_MODEL_REQUIRE(type->rank == 4 + first, "past_state has rank %d, it must be %d", type->rank, 4 + first);
  if (first) RUNG_TRY(agree("state_window", type->dims[0], &window));
  RUNG_TRY(agree("the batch size", type->dims[first], &s->batch));
  RUNG_TRY(agree("kv_num_heads", type->dims[first + 1], &heads));
  RUNG_TRY(agree("the size of a key", type->dims[first + 2], &s->key));
  return agree("the size of a value", type->dims[first + 3], &s->value);
}

static rung_status *check_gates(const rung_linear_attention_params *p, const rung_type *decay, const rung_type *beta,
                                rung_linear_attention_sizes *s) {
  int64_t heads = p->kv_num_heads;
  bool gated = p->update_rule == RUNG_UPDATE_GATED || p->update_rule == RUNG_UPDATE_GATED_DELTA;
  bool delta = p->update_rule == RUNG_UPDATE_DELTA || p->update_rule == RUNG_UPDATE_GATED_DELTA;
  RUNG_MODEL_REQUIRE(!gated || decay, "the update rule needs a decay");
  RUNG_MODEL_REQUIRE(!delta || beta, "the update rule needs a beta");
  if (decay && decay->rank >= 0) {
    RUNG_TRY(check_packed(decay, RUNG_LINEAR_DECAY, s));
    s->decay_per_key = decay->dims[2] != heads || s->key == 1;
    RUNG_MODEL_REQUIRE(decay->dims[2] < 0 || decay->dims[2] == heads || s->key < 0 || decay->dims[2] == heads * s->key,
                       "the decay has %lld elements for %lld heads", (long long)decay->dims[2], (long long)heads);
  }
  if (beta && beta->rank >= 0) {
    RUNG_TRY(check_packed(beta, RUNG_LINEAR_BETA, s));
    s->beta_per_head = beta->dims[2] == heads;
    RUNG_MODEL_REQUIRE(beta->dims[2] < 0 || beta->dims[2] == heads || beta->dims[2] == 1,
                       "beta has %lld elements for %lld heads", (long long)beta->dims[2], (long long)heads);
  }
  return NULL;
}

rung_status *rung_linear_attention_check(const rung_linear_attention_params *p,
                                         const rung_type *const types[RUNG_LINEAR_INPUTS],
                                         rung_linear_attention_sizes *s) {
  const rung_type *q = types[RUNG_LINEAR_Q], *k = types[RUNG_LINEAR_K], *v = types[RUNG_LINEAR_V],
                  *past = types[RUNG_LINEAR_PAST];
  *s = (rung_linear_attention_sizes){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, false, false};
  for (uint32_t i = RUNG_LINEAR_Q; i <= RUNG_LINEAR_V; i++)
    if (types[i]->rank >= 0) RUNG_TRY(check_packed(types[i], i, s));
  if (q->rank >= 0) RUNG_TRY(divide("the size of a key", q->dims[2], p->q_num_heads, &s->key));
  if (k->rank >= 0) RUNG_TRY(divide("the size of a key", k->dims[2], p->kv_num_heads, &s->key));
  if (v->rank >= 0) RUNG_TRY(divide("the size of a value", v->dims[2], p->kv_num_heads, &s->value));
  if (past && past->rank >= 0) RUNG_TRY(check_past(p, past, s));
  return check_gates(p, types[RUNG_LINEAR_DECAY], types[RUNG_LINEAR_BETA], s);
}

static rung_status *infer_LinearAttention(rung_infer *infer) {
  const rung_linear_attention_params *p = infer->params;
  const rung_type *types[RUNG_LINEAR_INPUTS] = {0};
  rung_linear_attention_sizes s;
  for (uint32_t i = 0; i < infer->input_count; i++) types[i] = infer->inputs[i].type;
  RUNG_TRY(rung_linear_attention_check(p, types, &s));
  const rung_type *state = types[RUNG_LINEAR_PAST] ? types[RUNG_LINEAR_PAST] : types[RUNG_LINEAR_Q];
  if (rung_infer_wants(infer, 1)) infer->outputs[1].dtype = state->dtype;
  int64_t *sizes[] = {&s.batch, &s.length, &s.key, &s.value};
  for (size_t i = 0; i < RUNG_COUNT(sizes); i++)
    if (*sizes[i] == UNKNOWN) *sizes[i] = rung_infer_symbol(infer);
  RUNG_TRY(rung_infer_shape(
      infer, 0, 3,
      (const int64_t[]){s.batch, s.length, rung_infer_mul(infer, RUNG_MAX(p->q_num_heads, p->kv_num_heads), s.value)}));
  int64_t dims[5] = {p->state_window, s.batch, p->kv_num_heads, s.key, s.value};
  return p->state_window ? rung_infer_shape(infer, 1, 5, dims) : rung_infer_shape(infer, 1, 4, dims + 1);
}

static rung_status *check_window(int64_t window) {
  RUNG_MODEL_REQUIRE(window >= 0 && window <= 8, "state_window is %lld, it must be 0 to 8", (long long)window);
  return NULL;
}

static rung_status *check_ms_linear(const rung_node *node, void *params) {
  (void)node;
  const rung_linear_attention_params *p = params;
  RUNG_TRY(check_window(p->state_window));
  RUNG_MODEL_REQUIRE(p->kv_num_heads > 0 && p->q_num_heads > 0 &&
                         (p->q_num_heads % p->kv_num_heads == 0 || p->kv_num_heads % p->q_num_heads == 0),
                     "%lld heads of the query and %lld of the key cannot share", (long long)p->q_num_heads,
                     (long long)p->kv_num_heads);
  return NULL;
}

static rung_status *check_LinearAttention(const rung_node *node, void *params) {
  (void)node;
  const rung_linear_attention_params *p = params;
  RUNG_MODEL_REQUIRE(p->kv_num_heads > 0 && p->q_num_heads > 0 && p->q_num_heads % p->kv_num_heads == 0,
                     "%lld heads of the query cannot share %lld of the key", (long long)p->q_num_heads,
                     (long long)p->kv_num_heads);
  return NULL;
}

/* clang-format off */
#define LINEAR_ATTENTION_ATTRS                                                                                      \
    {"q_num_heads", RUNG_ATTR_KIND_INT, offsetof(rung_linear_attention_params, q_num_heads), .required = true},     \
    {"kv_num_heads", RUNG_ATTR_KIND_INT, offsetof(rung_linear_attention_params, kv_num_heads), .required = true},   \
    RUNG_ATTR_INT(rung_linear_attention_params, chunk_size, 64),                                                    \
    RUNG_ATTR_FLOAT(rung_linear_attention_params, scale, 0),                                                        \
    {"update_rule", RUNG_ATTR_KIND_CHOICE, offsetof(rung_linear_attention_params, update_rule),                     \
     .int_default = RUNG_UPDATE_GATED_DELTA, .text = "linear|gated|delta|gated_delta"}
/* clang-format on */
static const rung_attr linear_attention_attrs[] = {LINEAR_ATTENTION_ATTRS, {0}};
static const rung_attr ms_linear_attrs[] = {
    LINEAR_ATTENTION_ATTRS, RUNG_ATTR_INT(rung_linear_attention_params, state_window, 0), {0}};

const rung_op rung_op_LinearAttention = {
    .name = "LinearAttention",
    .domain = "",
    .since = 27,
    .signature = "query:T key:T value:T past_state:S? decay:T? beta:T? -> output:T present_state:S",
    .params_size = sizeof(rung_linear_attention_params),
    .attributes = linear_attention_attrs,
    .check = check_LinearAttention,
    .infer = infer_LinearAttention};

const rung_op rung_op_ms_LinearAttention = {
    .name = "LinearAttention",
    .domain = "com.microsoft",
    .since = 1,
    .signature = "query:T key:T value:T past_state:S? decay:T? beta:T? -> output:T present_state:S",
    .params_size = sizeof(rung_linear_attention_params),
    .attributes = ms_linear_attrs,
    .check = check_ms_linear,
    .infer = infer_LinearAttention};

/* CausalConvWithState: input (batch, channels, length), or (batch, length, channels...) with channels_last; the state
 * is as long as the filter reaches back */

static rung_status *infer_CausalConvWithState(rung_infer *infer) {
  const rung_causal_conv_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0), *w = rung_infer_input(infer, 1);
  int64_t channels = UNKNOWN, state = UNKNOWN, dims[RUNG_MAX_RANK + 1] = {p->state_window}, window = p->state_window;
  int32_t more = window > 0, length = p->channels_last ? 1 : 2; /* which dimension of the input */
  RUNG_MODEL_REQUIRE(
      (x->rank < 0 || x->rank == 3 || (p->channels_last && x->rank > 3)) && (w->rank < 0 || w->rank == 3),
      "input and weight must have three dimensions");
  if (x->rank == 3) channels = x->dims[3 - length];
  if (w->rank == 3) {
    if (x->rank <= 3) RUNG_TRY(agree("the number of channels", w->dims[0], &channels));
    RUNG_MODEL_REQUIRE((w->dims[1] < 0 || w->dims[1] == 1) && w->dims[2] != 0,
                       "the weight must be (channels, 1, size)");
    if (w->dims[2] > 0)
      RUNG_MODEL_REQUIRE(rung_mul_i64(w->dims[2] - 1, RUNG_MAX(p->dilation, 1), &state) && state <= INT32_MAX,
                         "%lld weights %lld apart reach too far", (long long)w->dims[2], (long long)p->dilation);
  }
  if (rung_infer_ranked(infer, 2)) {
    const rung_type *bias = rung_infer_input(infer, 2);
    RUNG_MODEL_REQUIRE(bias->rank == 1, "the bias has rank %d", bias->rank);
    if (x->rank <= 3) RUNG_TRY(agree("the number of channels", bias->dims[0], &channels));
  }
  if (x->rank < 0) return NULL;
  for (int32_t i = 0; i < x->rank; i++) dims[more + i] = i == length ? state : x->dims[i];
  if (rung_infer_ranked(infer, 3)) {
    const rung_type *past = rung_infer_input(infer, 3);
    RUNG_MODEL_REQUIRE(past->rank == x->rank + more, "past_state has rank %d", past->rank);
    for (int32_t i = 0; i < past->rank; i++) RUNG_TRY(agree("a dimension of the state", past->dims[i], &dims[i]));
  }
  if (!p->channels_last) RUNG_TRY(agree("the number of channels", channels, &dims[more + 1]));
  if (dims[more + length] == UNKNOWN) dims[more + length] = rung_infer_symbol(infer);
  rung_infer_same(infer, 0, 0);
  return rung_infer_shape(infer, 1, x->rank + more, dims);
}

static rung_status *check_ms_causal(const rung_node *node, void *params) {
  (void)node;
  const rung_causal_conv_params *p = params;
  RUNG_TRY(check_window(p->state_window));
  RUNG_MODEL_REQUIRE(p->dilation >= 1, "dilation is %lld", (long long)p->dilation);
  RUNG_MODEL_REQUIRE(p->ndim >= 1 && p->ndim <= 3, "ndim is %lld", (long long)p->ndim);
  RUNG_MODEL_REQUIRE(!p->channels_last || p->ndim == 1, "channels_last with ndim %lld", (long long)p->ndim);
  return NULL;
}

static const rung_attr causal_conv_attrs[] = {RUNG_ATTR_CHOICE(rung_causal_conv_params, activation, "none|silu|swish"),
                                              {0}};
static const rung_attr ms_causal_attrs[] = {RUNG_ATTR_CHOICE(rung_causal_conv_params, activation, "none|silu|swish"),
                                            RUNG_ATTR_INT(rung_causal_conv_params, state_window, 0),
                                            RUNG_ATTR_INT(rung_causal_conv_params, channels_last, 0),
                                            RUNG_ATTR_INT(rung_causal_conv_params, dilation, 1),
                                            RUNG_ATTR_INT(rung_causal_conv_params, ndim, 1),
                                            {0}};

#define CAUSAL_CONV(symbol, where, version, ...)                                                                       \
  const rung_op rung_op_##symbol = {.name = "CausalConvWithState",                                                     \
                                    .domain = where,                                                                   \
                                    .since = version,                                                                  \
                                    .signature = "input:T weight:T bias:T? past_state:T? -> output:T present_state:T", \
                                    .params_size = sizeof(rung_causal_conv_params),                                    \
                                    .infer = infer_CausalConvWithState,                                                \
                                    __VA_ARGS__};
CAUSAL_CONV(CausalConvWithState, "", 27, .attributes = causal_conv_attrs)
CAUSAL_CONV(ms_CausalConvWithState, "com.microsoft", 1, .attributes = ms_causal_attrs, .check = check_ms_causal)
