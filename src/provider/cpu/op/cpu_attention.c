/* Attention and RotaryEmbedding. */
#include "op/attention.h"

#include "provider/cpu/form/attention_heads.h"
#include "provider/cpu/form/rotary.h"

#include <math.h>

static rung_status *make_attention(const rung_kernel_call *call, rung_attention_sizes *s, rung_attention *a) {
  const rung_attention_params *p = call->params;
  rung_type types[RUNG_ATTENTION_INPUTS];
  const rung_type *given[RUNG_ATTENTION_INPUTS] = {0};
  const rung_tensor *operands[RUNG_ATTENTION_INPUTS];
  for (uint32_t i = 0; i < RUNG_ATTENTION_INPUTS; i++) {
    const rung_tensor *t = operands[i] = rung_in(call, i);
    if (!t) continue;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
    given[i] = &types[i];
  }
  RUNG_TRY(rung_attention_check(p, given, s));
  const rung_tensor *q = operands[RUNG_ATTENTION_Q], *k = operands[RUNG_ATTENTION_K], *v = operands[RUNG_ATTENTION_V],
                    *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y, "the first output is required");
  *a = (rung_attention){.call = call,
                        .batch = (size_t)s->batch,
                        .q_heads = (size_t)s->q_heads,
                        .kv_heads = (size_t)s->kv_heads,
                        .group = (size_t)(s->q_heads / s->kv_heads),
                        .q_length = (size_t)s->q_length,
                        .total = (size_t)s->total,
                        .head = (size_t)s->head,
                        .v_head = (size_t)s->v_head,
                        .wide = q->dtype == RUNG_F64 || v->dtype == RUNG_F64};
  a->scale = p->scale != 0 ? p->scale : 1 / sqrtf((float)a->head);
  size_t length = (size_t)s->kv_length;
  a->q = rung_view_of(q->data, q->dtype, s->flat, a->q_heads, a->q_length, a->head);
  a->k = rung_view_of(k->data, k->dtype, s->flat, a->kv_heads, length, a->head);
  a->v = rung_view_of(v->data, v->dtype, s->flat, a->kv_heads, length, a->v_head);
  a->y = rung_view_of(y->data, y->dtype, s->flat, a->q_heads, a->q_length, a->v_head);
  return NULL;
}

/* Scratch: the joined keys and values where no output holds them, the past's lengths, then what the form needs. */

static size_t joined_bytes(const rung_attention *a, uint32_t past, uint32_t present, size_t size) {
  const rung_tensor *t = rung_in(a->call, past);
  if (!t || rung_out(a->call, present)) return 0;
  return RUNG_ROUND_UP(a->batch * a->kv_heads * a->total * size * rung_dtype_size(t->dtype), RUNG_TENSOR_ALIGN);
}

static size_t length_bytes(const rung_attention *a) {
  return RUNG_ROUND_UP(a->batch * sizeof(int64_t), RUNG_TENSOR_ALIGN);
}

static rung_status *prepare_Attention(rung_kernel_call *call) {
  rung_attention a;
  rung_attention_sizes s;
  size_t more;
  RUNG_TRY(make_attention(call, &s, &a));
  RUNG_TRY(rung_attention_scratch(&a, &more));
  call->scratch_size = length_bytes(&a) + joined_bytes(&a, RUNG_ATTENTION_PAST_K, 1, a.head) +
                       joined_bytes(&a, RUNG_ATTENTION_PAST_V, 2, a.v_head);
  return rung_add_size(call->scratch_size, more, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* Writes the present, where it is wanted or a past must be joined, and lets *current show it. */
static char *join(const rung_attention *a, const rung_attention_sizes *s, uint32_t past_input, uint32_t output,
                  size_t size, const int64_t *lengths, rung_view *current, char *scratch) {
  const rung_tensor *past = rung_in(a->call, past_input);
  rung_tensor *present = rung_out(a->call, output);
  if (!past && !present) return scratch;
  char *to = present ? present->data : scratch;
  rung_view old = {0};
  if (past) old = rung_view_of(past->data, past->dtype, false, a->kv_heads, (size_t)s->past, size);
  rung_attention_join(a, past ? &old : NULL, lengths, current, (size_t)s->kv_length, size, a->total, to);
  *current = rung_view_of(to, current->dtype, false, a->kv_heads, a->total, size);
  return present ? scratch : scratch + joined_bytes(a, past_input, output, size);
}

static rung_status *set_rows(const rung_kernel_call *call, const rung_attention_sizes *s, rung_attention *a) {
  const rung_attention_params *p = call->params;
  const rung_tensor *mask = rung_in(call, RUNG_ATTENTION_MASK), *lengths = rung_in(call, RUNG_ATTENTION_LENGTHS);
  a->rows = (rung_attention_rows){.softcap = p->softcap,
                                  .mask_columns = a->total,
                                  .lengths = lengths ? lengths->data : NULL,
                                  .causal = p->is_causal != 0,
                                  .ends_with_length = lengths != NULL,
                                  .offset = s->past,
                                  .hidden = -INFINITY,
                                  .shown = rung_out(call, 3),
                                  .stage = (rung_attention_stage)p->qk_matmul_output_mode};
  for (size_t i = 0; i < a->batch && lengths; i++)
    RUNG_RUN_REQUIRE(a->rows.lengths[i] >= 0 && a->rows.lengths[i] <= s->total, "sample %zu has %lld tokens of %lld", i,
                     (long long)a->rows.lengths[i], (long long)s->total);
  rung_attention_set_mask(&a->rows, 0, mask);
  /* Before opset 24 a mask of one column is broadcast; later a narrow mask hides what it does not reach. */
  int64_t columns = mask ? mask->dims[mask->rank - 1] : 1;
  if (mask && (columns != 1 || call->node->version >= 24)) a->rows.mask_columns = (size_t)columns;
  return NULL;
}

static rung_status *run_Attention(rung_kernel_call *call) {
  rung_attention a;
  rung_attention_sizes s;
  RUNG_TRY(make_attention(call, &s, &a));
  RUNG_TRY(set_rows(call, &s, &a));
  int64_t *lengths = call->scratch;
  char *scratch = (char *)call->scratch + length_bytes(&a);
  for (size_t i = 0; i < a.batch; i++) lengths[i] = s.past;
  scratch = join(&a, &s, RUNG_ATTENTION_PAST_K, 1, a.head, lengths, &a.k, scratch);
  scratch = join(&a, &s, RUNG_ATTENTION_PAST_V, 2, a.v_head, lengths, &a.v, scratch);
  rung_attention_run(&a, scratch);
  return NULL;
}

const rung_kernel rung_cpu_Attention = {
    .types = {{'T', RUNG_SET_FLOAT}, {'V', RUNG_SET_FLOAT}, {'U', RUNG_SET_NUMERIC | RUNG_SET_BOOL}},
    .prepare = prepare_Attention,
    .run = run_Attention};

/* RotaryEmbedding */

static rung_status *make_rotary(const rung_kernel_call *call, rung_rotary *r) {
  const rung_rotary_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *ids = rung_in(call, 3);
  bool flat = x->rank == 3;
  RUNG_RUN_REQUIRE(x->rank == 4 || (flat && p->num_heads > 0 && x->dims[2] % p->num_heads == 0),
                   "the input has no heads");
  *r = (rung_rotary){.interleaved = p->interleaved != 0,
                     .cosines = rung_in(call, 1),
                     .sines = rung_in(call, 2),
                     .positions = ids ? ids->data : NULL,
                     .batch = (size_t)x->dims[0],
                     .heads = (size_t)(flat ? p->num_heads : x->dims[1]),
                     .length = (size_t)x->dims[flat ? 1 : 2]};
  r->head = flat ? (size_t)x->dims[2] / r->heads : (size_t)x->dims[3];
  r->half = (p->rotary_embedding_dim ? (size_t)p->rotary_embedding_dim : r->head) / 2;
  RUNG_RUN_REQUIRE(2 * r->half <= r->head && (p->rotary_embedding_dim || r->head % 2 == 0),
                   "a head of %zu elements has no %zu pairs", r->head, r->half);
  int32_t rank = ids ? 2 : 3;
  RUNG_RUN_REQUIRE(r->cosines->rank == rank && rung_tensor_same_shape(r->cosines, r->sines) &&
                       r->cosines->dims[rank - 1] == (int64_t)r->half,
                   "the caches must both have %d dimensions, the last of %zu elements", rank, r->half);
  if (ids)
    RUNG_RUN_REQUIRE(ids->rank == 2 && ids->dims[0] == x->dims[0] && ids->dims[1] == (int64_t)r->length,
                     "position_ids must be (batch, length)");
  else
    RUNG_RUN_REQUIRE(
        (r->cosines->dims[0] == x->dims[0] || r->cosines->dims[0] == 1) && r->cosines->dims[1] == (int64_t)r->length,
        "the caches must be (batch, length, pairs)");
  r->x = rung_view_of(x->data, x->dtype, flat, r->heads, r->length, r->head);
  r->y = rung_view_of(rung_out(call, 0)->data, x->dtype, flat, r->heads, r->length, r->head);
  return NULL;
}

static rung_status *run_RotaryEmbedding(rung_kernel_call *call) {
  rung_rotary r;
  RUNG_TRY(make_rotary(call, &r));
  RUNG_TRY(rung_rotary_check(&r));
  rung_rotary_run(call, &r);
  return NULL;
}

const rung_kernel rung_cpu_RotaryEmbedding = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_RotaryEmbedding};
