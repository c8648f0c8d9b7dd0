#include "op/attention.h"

#include "op/op_infer.h"

enum { UNKNOWN = -1 }; /* neither a size nor a symbol */

/* A size known from one operand must be that of others; a symbol is better than nothing. */
static rung_status *agree(const char *what, int64_t size, int64_t *known) {
  if (*known == UNKNOWN || (*known < 0 && size >= 0)) *known = size;
  RUNG_MODEL_REQUIRE(size < 0 || *known == size, "%s is %lld in one operand and %lld in another", what,
                     (long long)*known, (long long)size);
  return NULL;
}

/* Attention */

static rung_status *require_rank(const rung_type *type, uint32_t input, int32_t rank) {
  RUNG_MODEL_REQUIRE(type->rank == rank, "input %u has rank %d, it must be %d", input, type->rank, rank);
  return NULL;
}

/* Q, K or V. */
static rung_status *take_operand(const rung_attention_params *p, const rung_type *type, uint32_t input,
                                 rung_attention_sizes *s) {
  bool is_q = input == RUNG_ATTENTION_Q;
  int64_t *heads = is_q ? &s->q_heads : &s->kv_heads, *length = is_q ? &s->q_length : &s->kv_length;
  int64_t *head = input == RUNG_ATTENTION_V ? &s->v_head : &s->head;
  RUNG_TRY(require_rank(type, input, s->flat ? 3 : 4));
  RUNG_TRY(agree("the batch size", type->dims[0], &s->batch));
  if (!s->flat) {
    RUNG_TRY(agree("the number of heads", type->dims[1], heads));
    RUNG_TRY(agree("the length", type->dims[2], length));
    return agree("the head size", type->dims[3], head);
  }
  int64_t count = is_q ? p->q_num_heads : p->kv_num_heads, hidden = type->dims[2];
  RUNG_MODEL_REQUIRE(count > 0, "with three dimensions, q_num_heads and kv_num_heads must be given");
  RUNG_MODEL_REQUIRE(hidden < 0 || hidden % count == 0, "the hidden size %lld cannot be divided into %lld heads",
                     (long long)hidden, (long long)count);
  *heads = count;
  RUNG_TRY(agree("the length", type->dims[1], length));
  return hidden < 0 ? NULL : agree("the head size", hidden / count, head);
}

static rung_status *take_past(const rung_type *type, uint32_t input, rung_attention_sizes *s) {
  RUNG_TRY(require_rank(type, input, 4));
  RUNG_TRY(agree("the batch size", type->dims[0], &s->batch));
  RUNG_TRY(agree("the number of heads", type->dims[1], &s->kv_heads));
  RUNG_TRY(agree("the past length", type->dims[2], &s->past));
  return agree("the head size", type->dims[3], input == RUNG_ATTENTION_PAST_V ? &s->v_head : &s->head);
}

static rung_status *check_mask(const rung_type *mask, const rung_attention_sizes *s) {
  int64_t full[4] = {s->batch, s->q_heads, s->q_length, s->total};
  RUNG_MODEL_REQUIRE(mask->rank >= 1 && mask->rank <= 4, "the mask has rank %d", mask->rank);
  for (int32_t i = 1; i <= mask->rank; i++) {
    int64_t dim = mask->dims[mask->rank - i], size = full[4 - i];
    bool fits = dim == 1 || dim == size || (i == 1 && dim < size);
    RUNG_MODEL_REQUIRE(dim < 0 || size < 0 || fits, "dimension %d of the mask is %lld, not %lld", mask->rank - i,
                       (long long)dim, (long long)size);
  }
  return NULL;
}

rung_status *rung_attention_check(const rung_attention_params *p, const rung_type *const types[RUNG_ATTENTION_INPUTS],
                                  rung_attention_sizes *s) {
  *s = (rung_attention_sizes){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
  s->flat = types[RUNG_ATTENTION_Q]->rank == 3;
  for (uint32_t i = 0; i < RUNG_ATTENTION_INPUTS; i++) {
    const rung_type *type = types[i];
    if (!type || type->rank < 0) continue;
    if (i <= RUNG_ATTENTION_V) RUNG_TRY(take_operand(p, type, i, s));
    if (i == RUNG_ATTENTION_PAST_K || i == RUNG_ATTENTION_PAST_V) RUNG_TRY(take_past(type, i, s));
    if (i != RUNG_ATTENTION_LENGTHS) continue;
    RUNG_TRY(require_rank(type, i, 1));
    RUNG_TRY(agree("the batch size", type->dims[0], &s->batch));
  }
  RUNG_MODEL_REQUIRE(!types[RUNG_ATTENTION_PAST_K] == !types[RUNG_ATTENTION_PAST_V],
                     "of the past, only one of key and value is given");
  if (!types[RUNG_ATTENTION_PAST_K]) s->past = 0;
  RUNG_MODEL_REQUIRE(!types[RUNG_ATTENTION_LENGTHS] || s->past == 0, "nonpad_kv_seqlen and a past exclude each other");
  RUNG_MODEL_REQUIRE(s->q_heads < 0 || s->kv_heads < 0 || (s->kv_heads && s->q_heads % s->kv_heads == 0),
                     "%lld heads of the query cannot share %lld of the key", (long long)s->q_heads,
                     (long long)s->kv_heads);
  if (s->past == 0)
    s->total = s->kv_length;
  else if (s->past > 0 && s->kv_length >= 0)
    RUNG_MODEL_REQUIRE(rung_add_i64(s->past, s->kv_length, &s->total), "the past is too long");
  const rung_type *mask = types[RUNG_ATTENTION_MASK];
  return mask && mask->rank >= 0 ? check_mask(mask, s) : NULL;
}

/* What is unknown gets a symbol. */
static void name_sizes(rung_infer *infer, rung_attention_sizes *s) {
  int64_t *sizes[] = {&s->batch, &s->q_heads, &s->kv_heads, &s->q_length, &s->total, &s->head, &s->v_head};
  for (size_t i = 0; i < RUNG_COUNT(sizes); i++)
    if (*sizes[i] == UNKNOWN) *sizes[i] = rung_infer_symbol(infer);
}

static rung_status *infer_Attention(rung_infer *infer) {
  const rung_attention_params *p = infer->params;
  const rung_type *types[RUNG_ATTENTION_INPUTS] = {0};
  rung_attention_sizes s;
  for (uint32_t i = 0; i < infer->input_count; i++) types[i] = infer->inputs[i].type;
  if (types[0]->rank < 0) return NULL;
  RUNG_TRY(rung_attention_check(p, types, &s));
  name_sizes(infer, &s);
  if (s.flat)
    RUNG_TRY(rung_infer_shape(infer, 0, 3,
                              (const int64_t[]){s.batch, s.q_length, rung_infer_mul(infer, s.q_heads, s.v_head)}));
  else
    RUNG_TRY(rung_infer_shape(infer, 0, 4, (const int64_t[]){s.batch, s.q_heads, s.q_length, s.v_head}));
  RUNG_TRY(rung_infer_shape(infer, 1, 4, (const int64_t[]){s.batch, s.kv_heads, s.total, s.head}));
  RUNG_TRY(rung_infer_shape(infer, 2, 4, (const int64_t[]){s.batch, s.kv_heads, s.total, s.v_head}));
  return rung_infer_shape(infer, 3, 4, (const int64_t[]){s.batch, s.q_heads, s.q_length, s.total});
}

static rung_status *check_Attention(const rung_node *node, void *params) {
  (void)node;
  const rung_attention_params *p = params;
  RUNG_MODEL_REQUIRE(
      p->qk_matmul_output_mode >= RUNG_ATTENTION_PRODUCT && p->qk_matmul_output_mode <= RUNG_ATTENTION_SOFTMAX,
      "qk_matmul_output_mode %lld does not exist", (long long)p->qk_matmul_output_mode);
  RUNG_MODEL_REQUIRE(p->q_num_heads >= 0 && p->kv_num_heads >= 0, "numbers of heads must not be negative");
  return NULL;
}

static const rung_attr attention_attrs[] = {RUNG_ATTR_INT(rung_attention_params, is_causal, 0),
                                            RUNG_ATTR_INT(rung_attention_params, q_num_heads, 0),
                                            RUNG_ATTR_INT(rung_attention_params, kv_num_heads, 0),
                                            RUNG_ATTR_INT(rung_attention_params, qk_matmul_output_mode, 0),
                                            RUNG_ATTR_INT(rung_attention_params, softmax_precision, 0),
                                            RUNG_ATTR_FLOAT(rung_attention_params, scale, 0),
                                            RUNG_ATTR_FLOAT(rung_attention_params, softcap, 0),
                                            {0}};

const rung_op rung_op_Attention = {.name = "Attention",
                                   .domain = "",
                                   .since = 23,
                                   .signature =
                                       "Q:T K:T V:V attn_mask:U? past_key:T? past_value:V? nonpad_kv_seqlen:int64? -> "
                                       "Y:T present_key:T present_value:V qk_matmul_output:T",
                                   .params_size = sizeof(rung_attention_params),
                                   .attributes = attention_attrs,
                                   .check = check_Attention,
                                   .infer = infer_Attention};

/* FlexAttention */

rung_dtype rung_flex_attention_precision(const rung_flex_attention_params *params, rung_dtype type) {
  if (params->softmax_precision) return (rung_dtype)params->softmax_precision;
  return type == RUNG_F64 ? RUNG_F64 : RUNG_F32;
}

static rung_status *infer_FlexAttention(rung_infer *infer) {
  static const rung_attention_params none;
  const rung_type *types[RUNG_ATTENTION_INPUTS] = {0};
  rung_attention_sizes s;
  for (uint32_t i = RUNG_ATTENTION_Q; i <= RUNG_ATTENTION_V; i++) {
    types[i] = rung_infer_input(infer, i);
    if (types[i]->rank >= 0) RUNG_TRY(require_rank(types[i], i, 4));
    RUNG_MODEL_REQUIRE(!types[i]->dtype || (RUNG_SET(types[i]->dtype) & RUNG_SET_FLOAT), "input %u is %s, no float", i,
                       rung_dtype_name(types[i]->dtype));
  }
  if (types[0]->rank < 0) return NULL;
  RUNG_TRY(rung_attention_check(&none, types, &s));
  name_sizes(infer, &s);
  return rung_infer_shape(infer, 0, 4, (const int64_t[]){s.batch, s.q_heads, s.q_length, s.v_head});
}

static rung_status *check_body(const char *name, const rung_graph *body) {
  RUNG_MODEL_REQUIRE(!body || (body->input_count == 1 && body->output_count == 1),
                     "%s must take one value and give one, it takes %u and gives %u", name, body->input_count,
                     body->output_count);
  return NULL;
}

static rung_status *check_FlexAttention(const rung_node *node, void *params) {
  (void)node;
  const rung_flex_attention_params *p = params;
  bool known = p->softmax_precision >= 0 && p->softmax_precision < 64;
  RUNG_MODEL_REQUIRE(!p->softmax_precision || (known && (RUNG_SET(p->softmax_precision) & RUNG_SET_FLOAT)),
                     "softmax_precision %lld is no floating-point type", (long long)p->softmax_precision);
  RUNG_TRY(check_body("score_mod", p->score_mod));
  return check_body("prob_mod", p->prob_mod);
}

static const rung_attr flex_attention_attrs[] = {RUNG_ATTR_FLOAT(rung_flex_attention_params, scale, 0),
                                                 RUNG_ATTR_INT(rung_flex_attention_params, softmax_precision, 0),
                                                 RUNG_ATTR_OPTIONAL_GRAPH(rung_flex_attention_params, score_mod),
                                                 RUNG_ATTR_OPTIONAL_GRAPH(rung_flex_attention_params, prob_mod),
                                                 {0}};

const rung_op rung_op_preview_FlexAttention = {.name = "FlexAttention",
                                               .domain = "ai.onnx.preview",
                                               .since = 1,
                                               .flags = RUNG_OP_EXPANDS,
                                               .signature = "Q:T K:T V:T -> Y:T",
                                               .params_size = sizeof(rung_flex_attention_params),
                                               .attributes = flex_attention_attrs,
                                               .check = check_FlexAttention,
                                               .infer = infer_FlexAttention};

/* RotaryEmbedding */

static rung_status *infer_RotaryEmbedding(rung_infer *infer) {
  const rung_rotary_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 4 || (x->rank == 3 && p->num_heads > 0),
                     "the input has rank %d; it must be 4, or 3 with num_heads", x->rank);
  return rung_infer_elementwise(infer);
}

static rung_status *check_RotaryEmbedding(const rung_node *node, void *params) {
  (void)node;
  const rung_rotary_params *p = params;
  RUNG_MODEL_REQUIRE(p->num_heads >= 0 && p->rotary_embedding_dim >= 0 && p->rotary_embedding_dim % 2 == 0,
                     "num_heads is %lld, rotary_embedding_dim %lld", (long long)p->num_heads,
                     (long long)p->rotary_embedding_dim);
  return NULL;
}

static const rung_attr rotary_attrs[] = {RUNG_ATTR_INT(rung_rotary_params, interleaved, 0),
                                         RUNG_ATTR_INT(rung_rotary_params, num_heads, 0),
                                         RUNG_ATTR_INT(rung_rotary_params, rotary_embedding_dim, 0),
                                         {0}};

const rung_op rung_op_RotaryEmbedding = {.name = "RotaryEmbedding",
                                         .domain = "",
                                         .since = 23,
                                         .signature = "X:T cos_cache:T sin_cache:T position_ids:int64? -> Y:T",
                                         .params_size = sizeof(rung_rotary_params),
                                         .attributes = rotary_attrs,
                                         .check = check_RotaryEmbedding,
                                         .infer = infer_RotaryEmbedding};
