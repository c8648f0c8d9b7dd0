#include "op/ms_attention.h"

#include "op/op_infer.h"

enum { UNKNOWN = -1 };

/* A size known from one operand must be that of others. */
static rung_status *agree(const char *what, int64_t size, int64_t *known) {
  if (size < 0) return NULL;
  if (*known < 0) *known = size;
  RUNG_MODEL_REQUIRE(*known == size, "%s is %lld in one operand and %lld in another", what, (long long)*known,
                     (long long)size);
  return NULL;
}

static rung_status *require_rank(const rung_type *type, const char *name, int32_t rank) {
  RUNG_MODEL_REQUIRE(type->rank == rank, "%s has rank %d, it must be %d", name, type->rank, rank);
  return NULL;
}

static bool is_ranked(const rung_type *type) { return type && type->rank >= 0; }

/* `count` heads of what size? */
static rung_status *split_heads(int64_t hidden, int64_t count, int64_t *head) {
  if (hidden < 0) return NULL;
  RUNG_MODEL_REQUIRE(hidden % count == 0, "a hidden size of %lld cannot be divided into %lld heads", (long long)hidden,
                     (long long)count);
  return agree("the head size", hidden / count, head);
}

static rung_status *check_heads(int64_t heads) {
  RUNG_MODEL_REQUIRE(heads >= 1 && heads <= INT32_MAX, "num_heads is %lld", (long long)heads);
  return NULL;
}

static int64_t sum_of(int64_t a, int64_t b) { return a < 0 || b < 0 || a > INT64_MAX - b ? UNKNOWN : a + b; }

static int64_t symbol_for(rung_infer *infer, int64_t size) { return size < 0 ? rung_infer_symbol(infer) : size; }

rung_status *rung_ms_attention_check_masks(const rung_ms_attention_sizes *s, const rung_type *mask,
                                           const rung_type *bias) {
  int64_t batch = s->batch, length = s->q_length, total = s->total;
  if (is_ranked(mask)) {
    const int64_t *d = mask->dims;
    RUNG_MODEL_REQUIRE(mask->rank >= 1 && mask->rank <= 4, "the mask has rank %d", mask->rank);
    bool other = mask->rank == 4 || (mask->rank == 1 && batch >= 0 && d[0] == 3 * batch + 2); /* of other providers */
    if (other) return NULL;
    bool first = d[0] < 0 || batch < 0 || d[0] == batch || (mask->rank == 1 && d[0] / 2 == batch && d[0] % 2 == 0);
    bool middle = mask->rank < 3 || d[1] < 0 || length < 0 || d[1] == length;
    bool last = mask->rank < 2 || d[mask->rank - 1] < 0 || total < 0 || d[mask->rank - 1] == total;
    RUNG_MODEL_REQUIRE(first && middle && last,
                       "a mask of rank %d does not fit %lld samples, %lld queries and %lld keys", mask->rank,
                       (long long)batch, (long long)length, (long long)total);
  }
  if (!is_ranked(bias)) return NULL;
  RUNG_TRY(require_rank(bias, "the attention bias", 4));
  const int64_t full[4] = {batch, s->heads, length, total};
  for (int i = 0; i < 4; i++)
    RUNG_MODEL_REQUIRE(bias->dims[i] < 0 || full[i] < 0 || bias->dims[i] == full[i] || (i < 2 && bias->dims[i] == 1),
                       "dimension %d of the attention bias is %lld, not %lld", i, (long long)bias->dims[i],
                       (long long)full[i]);
  return NULL;
}

/* MultiHeadAttention */

static rung_status *take_query(const rung_type *q, rung_ms_attention_sizes *s) {
  if (!is_ranked(q)) return NULL;
  RUNG_MODEL_REQUIRE(q->rank == 3 || q->rank == 5, "the query has rank %d, it must be 3, or 5", q->rank);
  RUNG_TRY(agree("the batch size", q->dims[0], &s->batch));
  RUNG_TRY(agree("the length of the query", q->dims[1], &s->q_length));
  if (q->rank == 3) return split_heads(q->dims[2], s->heads, &s->head);
  RUNG_MODEL_REQUIRE(q->dims[3] < 0 || q->dims[3] == 3, "dimension 3 of packed operands is %lld, not 3",
                     (long long)q->dims[3]);
  RUNG_TRY(agree("the number of heads", q->dims[2], &s->heads));
  RUNG_TRY(agree("the head size", q->dims[4], &s->head));
  RUNG_TRY(agree("the head size", q->dims[4], &s->v_head));
  return agree("the length of the key", q->dims[1], &s->kv_length);
}

static rung_status *take_key(const rung_type *k, const char *name, int64_t *head, rung_ms_attention_sizes *s) {
  if (!is_ranked(k)) return NULL;
  RUNG_MODEL_REQUIRE(k->rank >= 3 && k->rank <= 5, "%s has rank %d", name, k->rank);
  RUNG_TRY(agree("the batch size", k->dims[0], &s->batch));
  RUNG_TRY(agree("the length of the key", k->dims[k->rank == 4 ? 2 : 1], &s->kv_length));
  if (k->rank == 3) return split_heads(k->dims[2], s->heads, head);
  RUNG_TRY(agree("the number of heads", k->dims[k->rank == 4 ? 1 : 2], &s->heads));
  RUNG_TRY(agree("the head size", k->dims[k->rank - 1], head));
  if (k->rank == 4) return NULL;
  RUNG_MODEL_REQUIRE(k->dims[3] < 0 || k->dims[3] == 2, "dimension 3 of packed keys and values is %lld, not 2",
                     (long long)k->dims[3]);
  return agree("the head size", k->dims[4], &s->v_head);
}

static rung_status *take_past(const rung_type *past, int64_t *head, rung_ms_attention_sizes *s) {
  if (!is_ranked(past)) return NULL;
  RUNG_TRY(require_rank(past, "the past", 4));
  RUNG_TRY(agree("the batch size", past->dims[0], &s->batch));
  RUNG_TRY(agree("the number of heads", past->dims[1], &s->heads));
  RUNG_TRY(agree("the length of the past", past->dims[2], &s->past));
  return agree("the head size", past->dims[3], head);
}

rung_status *rung_mha_check(const rung_ms_attention_params *p, const rung_type *const types[RUNG_MHA_INPUTS],
                            rung_ms_attention_sizes *s) {
  *s = (rung_ms_attention_sizes){UNKNOWN, p->num_heads, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
  const rung_type *q = types[RUNG_MHA_QUERY], *k = types[RUNG_MHA_KEY], *v = types[RUNG_MHA_VALUE],
                  *bias = types[RUNG_MHA_BIAS];
  bool packed = is_ranked(q) && q->rank == 5, packed_kv = is_ranked(k) && k->rank == 5;
  RUNG_MODEL_REQUIRE(!is_ranked(q) || packed == !k,
                     packed ? "key and value are in the query, and given as well" : "the key is missing");
  RUNG_MODEL_REQUIRE(!is_ranked(q) || (is_ranked(k) && packed_kv == !v) || !is_ranked(k),
                     packed_kv ? "the value is in the key, and given as well" : "the value is missing");
  RUNG_TRY(take_query(q, s));
  RUNG_TRY(take_key(k, "the key", &s->head, s));
  RUNG_TRY(take_key(v, "the value", &s->v_head, s));
  if (is_ranked(k) && is_ranked(v))
    RUNG_MODEL_REQUIRE(k->rank == v->rank, "the key has rank %d, the value %d", k->rank, v->rank);
  RUNG_MODEL_REQUIRE(!types[RUNG_MHA_PAST_K] == !types[RUNG_MHA_PAST_V],
                     "of the past, only one of key and value is given");
  RUNG_TRY(take_past(types[RUNG_MHA_PAST_K], &s->head, s));
  RUNG_TRY(take_past(types[RUNG_MHA_PAST_V], &s->v_head, s));
  if (!types[RUNG_MHA_PAST_K]) s->past = 0;
  s->total = sum_of(s->past, s->kv_length);
  if (is_ranked(bias) && s->head >= 0 && s->v_head >= 0) {
    int64_t hidden = s->heads * (2 * s->head + s->v_head);
    RUNG_MODEL_REQUIRE(bias->rank == 1 && (bias->dims[0] < 0 || bias->dims[0] == hidden),
                       "the bias has %lld elements, not %lld", bias->rank ? (long long)bias->dims[0] : 1,
                       (long long)hidden);
  }
  return rung_ms_attention_check_masks(s, types[RUNG_MHA_MASK], types[RUNG_MHA_ATTENTION_BIAS]);
}

static rung_status *infer_MultiHeadAttention(rung_infer *infer) {
  const rung_type *types[RUNG_MHA_INPUTS] = {0};
  rung_ms_attention_sizes s;
  for (uint32_t i = 0; i < infer->input_count; i++) types[i] = infer->inputs[i].type;
  RUNG_TRY(rung_mha_check(infer->params, types, &s));
  const rung_type *q = types[RUNG_MHA_QUERY];
  int64_t batch = symbol_for(infer, s.batch), length = q->rank >= 0 ? q->dims[1] : rung_infer_symbol(infer),
          total = symbol_for(infer, s.total), head = symbol_for(infer, s.head), v_head = symbol_for(infer, s.v_head);
  if (s.batch < 0 && q->rank >= 0) batch = q->dims[0];
  RUNG_TRY(rung_infer_shape(infer, 0, 3, (const int64_t[]){batch, length, rung_infer_mul(infer, s.heads, v_head)}));
  RUNG_TRY(rung_infer_shape(infer, 1, 4, (const int64_t[]){batch, s.heads, total, head}));
  RUNG_TRY(rung_infer_shape(infer, 2, 4, (const int64_t[]){batch, s.heads, total, v_head}));
  return rung_infer_shape(infer, 3, 4, (const int64_t[]){batch, s.heads, length, total});
}

static rung_status *check_attention(const rung_node *node, void *params) {
  const rung_ms_attention_params *p = params;
  (void)node;
  RUNG_TRY(check_heads(p->num_heads));
  RUNG_MODEL_REQUIRE(p->qkv_hidden_sizes.count == 0 || p->qkv_hidden_sizes.count == 3,
                     "qkv_hidden_sizes has %zu entries, not 3", p->qkv_hidden_sizes.count);
  for (size_t i = 0; i < p->qkv_hidden_sizes.count; i++)
    RUNG_MODEL_REQUIRE(p->qkv_hidden_sizes.at[i] >= 1 && p->qkv_hidden_sizes.at[i] <= INT32_MAX,
                       "qkv_hidden_sizes holds %lld", (long long)p->qkv_hidden_sizes.at[i]);
  return NULL;
}

#define NUM_HEADS(type) {"num_heads", RUNG_ATTR_KIND_INT, offsetof(type, num_heads), .required = true}
#define COMMON_ATTRS                                                                               \
  NUM_HEADS(rung_ms_attention_params), RUNG_ATTR_INT(rung_ms_attention_params, unidirectional, 0), \
      RUNG_ATTR_FLOAT(rung_ms_attention_params, scale, 0),                                         \
      RUNG_ATTR_FLOAT(rung_ms_attention_params, mask_filter_value, -10000)
static const rung_attr mha_attrs[] = {COMMON_ATTRS, {0}};

const rung_op rung_op_ms_MultiHeadAttention = {
    .name = "MultiHeadAttention",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "query:T key:T? value:T? bias:T? key_padding_mask:int32? attention_bias:T? past_key:T? past_value:T? "
        "past_sequence_length:int32? cache_indirection:int32? -> output:T present_key:T present_value:T qk:T",
    .params_size = sizeof(rung_ms_attention_params),
    .attributes = mha_attrs,
    .check = check_attention,
    .infer = infer_MultiHeadAttention};

/* Attention, QAttention */

/* What is q and k, and what v, of `columns` in all. */
static rung_status *divide_projection(const rung_ms_attention_params *p, int64_t columns, rung_projection *out) {
  out->qk = out->v = UNKNOWN;
  if (p->qkv_hidden_sizes.count) {
    const int64_t *sizes = p->qkv_hidden_sizes.at;
    RUNG_MODEL_REQUIRE(sizes[0] == sizes[1], "q has a hidden size of %lld, k of %lld", (long long)sizes[0],
                       (long long)sizes[1]);
    out->qk = sizes[0];
    out->v = sizes[2];
    RUNG_MODEL_REQUIRE(columns < 0 || columns == 2 * out->qk + out->v, "weights have %lld columns, not %lld",
                       (long long)columns, (long long)(2 * out->qk + out->v));
  } else if (columns >= 0) {
    RUNG_MODEL_REQUIRE(columns % 3 == 0, "%lld columns of weights are not q, k and v", (long long)columns);
    out->qk = out->v = columns / 3;
  }
  return NULL;
}

rung_status *rung_projected_check(const rung_ms_attention_params *p, const rung_projected_types *types,
                                  rung_projection *projection, rung_ms_attention_sizes *s) {
  const rung_type *x = types->at[RUNG_ATT_INPUT], *w = types->at[RUNG_ATT_WEIGHTS], *bias = types->at[RUNG_ATT_BIAS],
                  *past = types->at[RUNG_ATT_PAST];
  *s = (rung_ms_attention_sizes){UNKNOWN, p->num_heads, UNKNOWN, UNKNOWN, 0, UNKNOWN, UNKNOWN, UNKNOWN};
  *projection = (rung_projection){UNKNOWN, UNKNOWN, UNKNOWN};
  int64_t columns = UNKNOWN;
  if (is_ranked(x)) {
    RUNG_TRY(require_rank(x, "the input", 3));
    s->batch = x->dims[0], s->q_length = s->kv_length = x->dims[1];
    projection->in = x->dims[2];
  }
  if (is_ranked(w)) {
    RUNG_TRY(require_rank(w, "weights", 2));
    RUNG_TRY(agree("the size of the input", w->dims[0], &projection->in));
    columns = w->dims[1];
  }
  if (is_ranked(bias)) {
    RUNG_TRY(require_rank(bias, "the bias", 1));
    RUNG_TRY(agree("the number of columns", bias->dims[0], &columns));
  }
  RUNG_TRY(divide_projection(p, columns, projection));
  RUNG_TRY(split_heads(projection->qk, s->heads, &s->head));
  RUNG_TRY(split_heads(projection->v, s->heads, &s->v_head));
  if (past) {
    s->past = UNKNOWN;
    if (is_ranked(past)) {
      RUNG_TRY(require_rank(past, "the past", 5));
      RUNG_MODEL_REQUIRE(past->dims[0] < 0 || past->dims[0] == 2, "dimension 0 of the past is %lld, not 2",
                         (long long)past->dims[0]);
      RUNG_TRY(agree("the batch size", past->dims[1], &s->batch));
      RUNG_TRY(agree("the number of heads", past->dims[2], &s->heads));
      RUNG_TRY(agree("the head size", past->dims[4], &s->head));
      RUNG_TRY(agree("the head size", past->dims[4], &s->v_head));
      s->past = past->dims[3] < 0 ? UNKNOWN : past->dims[3];
    }
  }
  s->total = sum_of(s->past, s->kv_length);
  return rung_ms_attention_check_masks(s, types->at[RUNG_ATT_MASK], types->at[RUNG_ATT_ATTENTION_BIAS]);
}

static rung_status *infer_projected(rung_infer *infer, const rung_projected_types *types) {
  const rung_type *x = types->at[RUNG_ATT_INPUT];
  rung_ms_attention_sizes s;
  rung_projection projection;
  RUNG_TRY(rung_projected_check(infer->params, types, &projection, &s));
  int64_t batch = x->rank >= 0 ? x->dims[0] : rung_infer_symbol(infer),
          length = x->rank >= 0 ? x->dims[1] : rung_infer_symbol(infer);
  int64_t present[5] = {2, batch, s.heads, symbol_for(infer, s.total), symbol_for(infer, s.head)};
  RUNG_TRY(rung_infer_shape(infer, 0, 3, (const int64_t[]){batch, length, symbol_for(infer, projection.v)}));
  RUNG_MODEL_REQUIRE(!rung_infer_wants(infer, 1) || s.head < 0 || s.head == s.v_head,
                     "keys of %lld and values of %lld elements cannot be in one present", (long long)s.head,
                     (long long)s.v_head);
  return rung_infer_shape(infer, 1, 5, present);
}

static rung_status *infer_Attention(rung_infer *infer) {
  rung_projected_types types = {{0}};
  for (uint32_t i = 0; i < infer->input_count; i++) types.at[i] = infer->inputs[i].type;
  return infer_projected(infer, &types);
}

static rung_status *infer_QAttention(rung_infer *infer) {
  const rung_type *types[RUNG_QATT_INPUTS] = {0};
  for (uint32_t i = 0; i < infer->input_count; i++) types[i] = infer->inputs[i].type;
  return infer_projected(infer, &(const rung_projected_types){{[RUNG_ATT_INPUT] = types[RUNG_QATT_INPUT],
                                                               [RUNG_ATT_WEIGHTS] = types[RUNG_QATT_WEIGHTS],
                                                               [RUNG_ATT_BIAS] = types[RUNG_QATT_BIAS],
                                                               [RUNG_ATT_MASK] = types[RUNG_QATT_MASK],
                                                               [RUNG_ATT_PAST] = types[RUNG_QATT_PAST]}});
}

static const rung_attr qattention_attrs[] = {COMMON_ATTRS,
                                             RUNG_ATTR_INT(rung_ms_attention_params, do_rotary, 0),
                                             RUNG_ATTR_INT(rung_ms_attention_params, past_present_share_buffer, 0),
                                             {0}};
static const rung_attr attention_attrs[] = {COMMON_ATTRS,
                                            RUNG_ATTR_INT(rung_ms_attention_params, do_rotary, 0),
                                            RUNG_ATTR_INT(rung_ms_attention_params, rotary_embedding_dim, 0),
                                            RUNG_ATTR_INT(rung_ms_attention_params, past_present_share_buffer, 0),
                                            RUNG_ATTR_INTS(rung_ms_attention_params, qkv_hidden_sizes),
                                            {0}};

const rung_op rung_op_ms_Attention = {.name = "Attention",
                                      .domain = "com.microsoft",
                                      .since = 1,
                                      .signature =
                                          "input:T weights:T bias:T? mask_index:int32? past:T? "
                                          "attention_bias:T? past_sequence_length:int32? -> output:T present:T",
                                      .params_size = sizeof(rung_ms_attention_params),
                                      .attributes = attention_attrs,
                                      .check = check_attention,
                                      .infer = infer_Attention};
const rung_op rung_op_ms_QAttention = {
    .name = "QAttention",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "input:A weight:B bias:T input_scale:T weight_scale:T mask_index:int32? input_zero_point:A? "
        "weight_zero_point:B? past:T? -> output:T present:T",
    .params_size = sizeof(rung_ms_attention_params),
    .attributes = qattention_attrs,
    .check = check_attention,
    .infer = infer_QAttention};

/* RotaryEmbedding */

static rung_status *check_rotary(const rung_node *node, void *params) {
  (void)node;
  const rung_ms_rotary_params *p = params;
  RUNG_MODEL_REQUIRE(p->num_heads >= 0 && p->rotary_embedding_dim >= 0 && p->rotary_embedding_dim % 2 == 0,
                     "num_heads is %lld, rotary_embedding_dim %lld", (long long)p->num_heads,
                     (long long)p->rotary_embedding_dim);
  RUNG_MODEL_REQUIRE(p->rotary_embedding_dim == 0 || p->num_heads > 0, "rotary_embedding_dim needs num_heads");
  return NULL;
}

static rung_status *infer_rotary(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 3 || x->rank == 4, "the input has rank %d; it must be 3 or 4", x->rank);
  return rung_infer_elementwise(infer);
}

static const rung_attr rotary_attrs[] = {RUNG_ATTR_INT(rung_ms_rotary_params, interleaved, 0),
                                         RUNG_ATTR_INT(rung_ms_rotary_params, num_heads, 0),
                                         RUNG_ATTR_INT(rung_ms_rotary_params, rotary_embedding_dim, 0),
                                         RUNG_ATTR_INT(rung_ms_rotary_params, is_packed_batching, 0),
                                         RUNG_ATTR_FLOAT(rung_ms_rotary_params, scale, 1),
                                         {0}};

const rung_op rung_op_ms_RotaryEmbedding = {
    .name = "RotaryEmbedding",
    .domain = "com.microsoft",
    .since = 1,
    .signature = "input:T position_ids:int64 cos_cache:T sin_cache:T -> output:T",
    .params_size = sizeof(rung_ms_rotary_params),
    .attributes = rotary_attrs,
    .check = check_rotary,
    .infer = infer_rotary};

static rung_status *check_mrotary(const rung_node *node, void *params) {
  const rung_ms_rotary_params *p = params;
  int64_t most = INT32_MAX;
  RUNG_TRY(check_rotary(node, params));
  RUNG_MODEL_REQUIRE(p->mrope_section.count == 3, "mrope_section has %zu elements, it must have 3",
                     p->mrope_section.count);
  for (size_t i = 0; i < 3; i++)
    RUNG_MODEL_REQUIRE(p->mrope_section.at[i] >= 0 && p->mrope_section.at[i] <= most, "mrope_section[%zu] is %lld", i,
                       (long long)p->mrope_section.at[i]);
  RUNG_MODEL_REQUIRE(p->mrope_layout == 0 || p->mrope_layout == 1, "mrope_layout is %lld, it must be 0 or 1",
                     (long long)p->mrope_layout);
  return NULL;
}

static const rung_attr mrotary_attrs[] = {
    {"mrope_section", RUNG_ATTR_KIND_INTS, offsetof(rung_ms_rotary_params, mrope_section), .required = true},
    RUNG_ATTR_INT(rung_ms_rotary_params, mrope_layout, 0),
    RUNG_ATTR_INT(rung_ms_rotary_params, interleaved, 0),
    RUNG_ATTR_INT(rung_ms_rotary_params, num_heads, 0),
    RUNG_ATTR_INT(rung_ms_rotary_params, rotary_embedding_dim, 0),
    RUNG_ATTR_INT(rung_ms_rotary_params, is_packed_batching, 0),
    RUNG_ATTR_FLOAT(rung_ms_rotary_params, scale, 1),
    {0}};

const rung_op rung_op_ms_MRotaryEmbedding = {
    .name = "MRotaryEmbedding",
    .domain = "com.microsoft",
    .since = 1,
    .signature = "input:T position_ids:int64 cos_cache:T sin_cache:T -> output:T",
    .params_size = sizeof(rung_ms_rotary_params),
    .attributes = mrotary_attrs,
    .check = check_mrotary,
    .infer = infer_rotary};

/* GroupQueryAttention */

rung_dtype rung_gqa_cache_type(const rung_gqa_params *p, rung_dtype dtype) {
  if (p->k_quant_type == RUNG_GQA_FLOATS) return dtype;
  return p->kv_cache_bit_width == 4 ? RUNG_U8 : RUNG_I8;
}

static bool is_halved(const rung_gqa_params *p) {
  return p->k_quant_type != RUNG_GQA_FLOATS && p->kv_cache_bit_width == 4;
}

int64_t rung_gqa_cache_row(const rung_gqa_params *p, int64_t head) { return is_halved(p) ? head / 2 : head; }

static rung_status *take_cache(const rung_gqa_params *p, const rung_type *past, rung_gqa_sizes *s) {
  if (!is_ranked(past)) return NULL;
  RUNG_TRY(require_rank(past, "the past", 4));
  RUNG_TRY(agree("the batch size", past->dims[0], &s->batch));
  RUNG_TRY(agree("the number of heads", past->dims[1], &s->kv_heads));
  RUNG_TRY(agree("the length of the past", past->dims[2], &s->past));
  int64_t row = past->dims[3];
  RUNG_MODEL_REQUIRE(row <= INT32_MAX, "the past has rows of %lld", (long long)row);
  return agree("the head size", row >= 0 && is_halved(p) ? 2 * row : row, &s->head);
}

static rung_status *take_row(const rung_type *type, const char *name, int64_t heads, rung_gqa_sizes *s) {
  if (!is_ranked(type)) return NULL;
  RUNG_TRY(require_rank(type, name, 3));
  RUNG_TRY(agree("the batch size", type->dims[0], &s->batch));
  RUNG_TRY(agree("the length", type->dims[1], &s->length));
  return split_heads(type->dims[2], heads, &s->head);
}

rung_status *rung_gqa_check(const rung_gqa_params *p, const rung_type *const types[RUNG_GQA_INPUTS],
                            rung_gqa_sizes *s) {
  const rung_type *lengths = types[RUNG_GQA_LENGTHS], *sinks = types[RUNG_GQA_SINKS];
  *s = (rung_gqa_sizes){UNKNOWN, p->num_heads, p->kv_num_heads, UNKNOWN, UNKNOWN, UNKNOWN, false};
  s->packed = !types[RUNG_GQA_KEY];
  RUNG_MODEL_REQUIRE(!types[RUNG_GQA_KEY] == !types[RUNG_GQA_VALUE], "of key and value, only one is given");
  RUNG_MODEL_REQUIRE(!types[RUNG_GQA_PAST_K] == !types[RUNG_GQA_PAST_V],
                     "of the past, only one of key and value is given");
  RUNG_TRY(take_row(types[RUNG_GQA_QUERY], "the query", s->packed ? s->heads + 2 * s->kv_heads : s->heads, s));
  RUNG_TRY(take_row(types[RUNG_GQA_KEY], "the key", s->kv_heads, s));
  RUNG_TRY(take_row(types[RUNG_GQA_VALUE], "the value", s->kv_heads, s));
  RUNG_TRY(take_cache(p, types[RUNG_GQA_PAST_K], s));
  RUNG_TRY(take_cache(p, types[RUNG_GQA_PAST_V], s));
  if (!types[RUNG_GQA_PAST_K]) s->past = 0;
  RUNG_MODEL_REQUIRE(!is_halved(p) || s->head < 0 || s->head % 2 == 0, "a cache of 4 bits for heads of %lld",
                     (long long)s->head);
  RUNG_MODEL_REQUIRE(!p->sliding_window_cache || types[RUNG_GQA_PAST_K], "sliding_window_cache needs a past");
  RUNG_MODEL_REQUIRE(!p->sliding_window_cache || s->past < 0 || s->past >= p->local_window_size,
                     "a cache of %lld tokens for a window of %lld", (long long)s->past,
                     (long long)p->local_window_size);
  RUNG_MODEL_REQUIRE(!p->k_quant_type || (types[RUNG_GQA_K_SCALE] && types[RUNG_GQA_V_SCALE]),
                     "quantised caches need k_scale and v_scale");
  RUNG_MODEL_REQUIRE(!types[RUNG_GQA_Q_NORM] == !types[RUNG_GQA_K_NORM],
                     "of q_norm_weight and k_norm_weight, only one is given");
  for (int i = RUNG_GQA_Q_NORM; i <= RUNG_GQA_K_NORM; i++)
    if (is_ranked(types[i])) {
      RUNG_TRY(require_rank(types[i], "the weight of a norm", 1));
      RUNG_TRY(agree("the head size", types[i]->dims[0], &s->head));
    }
  if (is_ranked(lengths) && lengths->rank >= 1) RUNG_TRY(agree("the batch size", lengths->dims[0], &s->batch));
  if (is_ranked(sinks))
    RUNG_MODEL_REQUIRE(sinks->rank == 1 && (sinks->dims[0] < 0 || sinks->dims[0] == s->heads),
                       "head_sink has %lld elements for %lld heads", sinks->rank ? (long long)sinks->dims[0] : 1,
                       (long long)s->heads);
  return NULL;
}

static rung_status *infer_GroupQueryAttention(rung_infer *infer) {
  const rung_type *types[RUNG_GQA_INPUTS] = {0};
  rung_gqa_sizes s;
  int64_t total, room;
  uint32_t count;
  for (uint32_t i = 0; i < infer->input_count; i++) types[i] = infer->inputs[i].type;
  RUNG_TRY(rung_gqa_check(infer->params, types, &s));
  const rung_type *q = types[RUNG_GQA_QUERY];
  int64_t batch = q->rank >= 0 ? q->dims[0] : symbol_for(infer, s.batch),
          length = q->rank >= 0 ? q->dims[1] : symbol_for(infer, s.length), head = symbol_for(infer, s.head);
  bool known = rung_infer_ints(infer, RUNG_GQA_TOTAL, &total, 1, &count) && count == 1;
  RUNG_MODEL_REQUIRE(!known || total >= 0, "total_sequence_length is %lld", (long long)total);
  room = known && s.past >= 0 ? RUNG_MAX(total, s.past) : rung_infer_symbol(infer);
  if (((const rung_gqa_params *)infer->params)->sliding_window_cache) room = symbol_for(infer, s.past);
  int64_t hidden = s.packed || q->rank < 0 ? rung_infer_mul(infer, s.heads, head) : q->dims[2];
  for (uint32_t i = 1; i < 3 && i < infer->output_count; i++)
    if (!infer->outputs[i].dtype) /* no past */
      infer->outputs[i].dtype = rung_gqa_cache_type(infer->params, infer->outputs[0].dtype);
  RUNG_TRY(rung_infer_shape(infer, 0, 3, (const int64_t[]){batch, length, hidden}));
  int64_t row =
      head >= 0 || !is_halved(infer->params) ? rung_gqa_cache_row(infer->params, head) : rung_infer_symbol(infer);
  for (uint32_t i = 1; i < 3; i++)
    RUNG_TRY(rung_infer_shape(infer, i, 4, (const int64_t[]){batch, s.kv_heads, room, row}));
  return rung_infer_shape(infer, 3, 4,
                          (const int64_t[]){batch, s.heads, length, known ? total : rung_infer_symbol(infer)});
}

static rung_status *check_GroupQueryAttention(const rung_node *node, void *params) {
  const rung_gqa_params *p = params;
  (void)node;
  RUNG_TRY(check_heads(p->num_heads));
  RUNG_TRY(check_heads(p->kv_num_heads));
  RUNG_MODEL_REQUIRE(p->num_heads % p->kv_num_heads == 0, "%lld heads of the query cannot share %lld of the key",
                     (long long)p->num_heads, (long long)p->kv_num_heads);
  RUNG_MODEL_REQUIRE(p->qk_output >= RUNG_GQA_NO_QK && p->qk_output <= RUNG_GQA_QK_AFTER,
                     "qk_output is %lld, it must be 0, 1 or 2", (long long)p->qk_output);
  RUNG_MODEL_REQUIRE(p->causal == 0 || p->causal == 1, "causal is %lld, it must be 0 or 1", (long long)p->causal);
  RUNG_MODEL_REQUIRE(p->causal || p->local_window_size <= 0, "a local window without causal");
  RUNG_MODEL_REQUIRE(!p->sliding_window_cache || (p->local_window_size > 0 && p->local_window_size <= INT32_MAX),
                     "sliding_window_cache with a window of %lld", (long long)p->local_window_size);
  RUNG_MODEL_REQUIRE(!p->k_quant_type == !p->v_quant_type, "of the caches, only one is quantised");
  RUNG_MODEL_REQUIRE(!p->k_quant_type || p->kv_cache_bit_width == 4 || p->kv_cache_bit_width == 8,
                     "kv_cache_bit_width is %lld, it must be 4 or 8", (long long)p->kv_cache_bit_width);
  return NULL;
}

static const rung_attr gqa_attrs[] = {
    NUM_HEADS(rung_gqa_params),
    {"kv_num_heads", RUNG_ATTR_KIND_INT, offsetof(rung_gqa_params, kv_num_heads), .required = true},
    RUNG_ATTR_INT(rung_gqa_params, do_rotary, 0),
    RUNG_ATTR_INT(rung_gqa_params, rotary_interleaved, 0),
    RUNG_ATTR_INT(rung_gqa_params, local_window_size, -1),
    RUNG_ATTR_INT(rung_gqa_params, smooth_softmax, -1),
    RUNG_ATTR_INT(rung_gqa_params, qk_output, 0),
    RUNG_ATTR_INT(rung_gqa_params, causal, 1),
    RUNG_ATTR_INT(rung_gqa_params, sliding_window_cache, 0),
    RUNG_ATTR_INT(rung_gqa_params, kv_cache_bit_width, 0),
    RUNG_ATTR_FLOAT(rung_gqa_params, scale, 0),
    RUNG_ATTR_FLOAT(rung_gqa_params, softcap, 0),
    RUNG_ATTR_FLOAT(rung_gqa_params, qk_norm_epsilon, 1e-6f),
    RUNG_ATTR_CHOICE(rung_gqa_params, k_quant_type, "NONE|PER_TENSOR|PER_CHANNEL"),
    RUNG_ATTR_CHOICE(rung_gqa_params, v_quant_type, "NONE|PER_TENSOR|PER_CHANNEL"),
    {0}};

const rung_op rung_op_ms_GroupQueryAttention = {
    .name = "GroupQueryAttention",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "query:T key:T? value:T? past_key:C? past_value:C? seqlens_k:int32 total_sequence_length:int32 cos_cache:T? "
        "sin_cache:T? position_ids:int64? attention_bias:T? head_sink:T? k_scale:float32? v_scale:float32? "
        "q_norm_weight:T? k_norm_weight:T? -> output:T present_key:C present_value:C output_qk:T",
    .params_size = sizeof(rung_gqa_params),
    .attributes = gqa_attrs,
    .check = check_GroupQueryAttention,
    .infer = infer_GroupQueryAttention};
