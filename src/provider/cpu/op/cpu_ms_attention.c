/* com.microsoft's MultiHeadAttention, Attention and QAttention: what is between their operands and
 * form/attention_heads.h. A bias is added to copies of q, k and v; a projection makes them side by side in one matrix.
 * Padding adds a low number to products, and does not hide them: a sample of nothing but padding attends to all. */
#include "op/ms_attention.h"

#include "provider/cpu/form/attention_heads.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/form/padding_mask.h"
#include "provider/cpu/form/product_i8.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/kernel/isa.h"

#include <float.h>
#include <math.h>

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))
#define BYTES (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8))

static bool take_space(size_t *used, size_t bytes, size_t *out_at) {
  *out_at = RUNG_ROUND_UP(*used, RUNG_TENSOR_ALIGN);
  return *used < SIZE_MAX / 4 && bytes < SIZE_MAX / 4 && rung_add_size(*out_at, bytes, used);
}

/* An attention with all that lies in scratch: first what this file puts there. */
typedef struct head_plan {
  rung_ms_attention_sizes s;
  rung_attention heads;
  rung_tensor padding; /* of a mask; rank 0: none */
  size_t padding_at, lengths_at, past_at[2], form_at, used;
} head_plan;

static void set_sizes(const rung_kernel_call *call, const rung_ms_attention_params *p, head_plan *plan) {
  const rung_ms_attention_sizes *s = &plan->s;
  plan->heads = (rung_attention){.call = call,
                                 .batch = (size_t)s->batch,
                                 .q_heads = (size_t)s->heads,
                                 .kv_heads = (size_t)s->heads,
                                 .group = 1,
                                 .q_length = (size_t)s->q_length,
                                 .total = (size_t)s->total,
                                 .head = (size_t)s->head,
                                 .v_head = (size_t)s->v_head};
  plan->heads.scale = p->scale != 0 ? p->scale : 1 / sqrtf((float)s->head);
}

static size_t cache_bytes(const head_plan *plan, size_t size, rung_dtype dtype) {
  const rung_attention *a = &plan->heads;
  return a->batch * a->kv_heads * a->total * size * rung_dtype_size(dtype);
}

/* `joins`: keys and values must be joined with a past, and no output holds them. */
static rung_status *lay_out(const rung_kernel_call *call, const rung_tensor *mask, bool joins, head_plan *plan) {
  const rung_attention *a = &plan->heads;
  rung_dtype dtype = a->y.dtype;
  if (mask) RUNG_TRY(rung_padding_mask_describe(mask, &plan->s, &plan->padding));
  bool fits = take_space(&plan->used, plan->padding.size, &plan->padding_at) &&
              take_space(&plan->used, a->batch * sizeof(int64_t), &plan->lengths_at) &&
              take_space(&plan->used, joins ? cache_bytes(plan, a->head, dtype) : 0, &plan->past_at[0]) &&
              take_space(&plan->used, joins ? cache_bytes(plan, a->v_head, dtype) : 0, &plan->past_at[1]) &&
              take_space(&plan->used, 0, &plan->form_at);
  (void)call;
  return fits ? NULL : rung_status_out_of_memory();
}

static rung_status *finish_plan(rung_kernel_call *call, const head_plan *plan) {
  size_t more;
  RUNG_TRY(rung_attention_scratch(&plan->heads, &more));
  return rung_add_size(plan->form_at, more, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* What comes before the new keys (values), and where both go: NULL where there is no past and nobody wants them. */
typedef struct cache {
  const void *past;
  void *present;
} cache;

static void join(const rung_kernel_call *call, const head_plan *plan, int which, const cache *c, rung_view *current) {
  const rung_attention *a = &plan->heads;
  size_t size = which ? a->v_head : a->head;
  if (!c->past && !c->present) return;
  char *scratch = call->scratch, *to = c->present ? c->present : scratch + plan->past_at[which];
  rung_view past = rung_view_of(c->past, current->dtype, false, a->kv_heads, (size_t)plan->s.past, size);
  rung_attention_join(a, c->past ? &past : NULL, (const int64_t *)(scratch + plan->lengths_at), current,
                      (size_t)plan->s.kv_length, size, a->total, to);
  *current = rung_view_of(to, current->dtype, false, a->kv_heads, a->total, size);
}

static void run_heads(const rung_kernel_call *call, head_plan *plan, const rung_tensor *mask, const rung_tensor *bias,
                      const cache caches[2], rung_tensor *shown) {
  const rung_ms_attention_params *p = call->params;
  rung_attention *a = &plan->heads;
  char *scratch = call->scratch;
  int64_t *lengths = (int64_t *)(scratch + plan->lengths_at);
  for (size_t i = 0; i < a->batch; i++) lengths[i] = plan->s.past;
  join(call, plan, 0, &caches[0], &a->k);
  join(call, plan, 1, &caches[1], &a->v);
  a->rows = (rung_attention_rows){.mask_columns = a->total,
                                  .causal = p->unidirectional == 1 && a->q_length > 1,
                                  .offset = plan->s.past,
                                  .hidden = -FLT_MAX,
                                  .shown = shown,
                                  .stage = RUNG_ATTENTION_MASKED};
  if (mask) {
    plan->padding.data = scratch + plan->padding_at;
    rung_padding_mask_fill(mask, p->mask_filter_value, &plan->padding);
    rung_attention_set_mask(&a->rows, 0, &plan->padding);
  }
  rung_attention_set_mask(&a->rows, 1, bias);
  rung_attention_run(a, scratch + plan->form_at);
}

static void types_of(const rung_kernel_call *call, uint32_t count, rung_type *types, const rung_type **given) {
  for (uint32_t i = 0; i < count; i++) {
    const rung_tensor *t = rung_in(call, i);
    given[i] = t ? &types[i] : NULL;
    if (!t) continue;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
  }
}

/* MultiHeadAttention */

/* Q, K or V as it comes; packed ones lie head by head side by side. */
static rung_view operand_view(const rung_tensor *t, size_t part, size_t heads, size_t size) {
  size_t length = (size_t)t->dims[t->rank == 4 ? 2 : 1], parts = t->rank == 5 ? (size_t)t->dims[3] : 1;
  if (parts == 1) return rung_view_of(t->data, t->dtype, t->rank == 3, heads, length, size);
  rung_view v = {t->data, t->dtype, length * heads * parts * size, parts * size, heads * parts * size};
  if (v.data) v.data += part * size * rung_dtype_size(t->dtype);
  return v;
}

typedef struct mha_plan {
  head_plan plan;
  size_t biased_at[3]; /* q, k, v with the bias, (batch, length, heads, size) */
  size_t lengths[3], sizes[3];
  bool biased[3];
} mha_plan;

static rung_status *make_mha(const rung_kernel_call *call, mha_plan *m) {
  rung_type types[RUNG_MHA_INPUTS];
  const rung_type *given[RUNG_MHA_INPUTS];
  const rung_tensor *q = rung_in(call, RUNG_MHA_QUERY), *k = rung_in(call, RUNG_MHA_KEY),
                    *v = rung_in(call, RUNG_MHA_VALUE), *y = rung_out(call, 0), *bias = rung_in(call, RUNG_MHA_BIAS);
  *m = (mha_plan){0};
  head_plan *plan = &m->plan;
  types_of(call, RUNG_MHA_INPUTS, types, given);
  RUNG_TRY(rung_mha_check(call->params, given, &plan->s));
  RUNG_RUN_REQUIRE(y, "the first output is required");
  set_sizes(call, call->params, plan);
  rung_attention *a = &plan->heads;
  size_t heads = a->q_heads;
  bool packed = q->rank == 5, packed_kv = k && k->rank == 5;
  a->q = operand_view(q, 0, heads, a->head);
  a->k = operand_view(packed ? q : k, packed ? 1 : 0, heads, a->head);
  a->v = operand_view(packed ? q : packed_kv ? k : v, packed ? 2 : 1, heads, a->v_head);
  a->y = rung_view_of(y->data, y->dtype, true, heads, a->q_length, a->v_head);
  const size_t lengths[3] = {a->q_length, (size_t)plan->s.kv_length, (size_t)plan->s.kv_length},
               sizes[3] = {a->head, a->head, a->v_head};
  memcpy(m->lengths, lengths, sizeof lengths);
  memcpy(m->sizes, sizes, sizeof sizes);
  for (int i = 0; i < 3; i++) {
    m->biased[i] = bias && (i == 0 || !k || k->rank != 4); /* keys of (batch, heads, ...) have theirs */
    size_t bytes = a->batch * lengths[i] * heads * sizes[i] * rung_dtype_size(y->dtype);
    RUNG_REQUIRE(take_space(&plan->used, m->biased[i] ? bytes : 0, &m->biased_at[i]), LIMIT, "operands are too large");
  }
  bool joins = rung_in(call, RUNG_MHA_PAST_K) && !(rung_out(call, 1) && rung_out(call, 2));
  return lay_out(call, rung_in(call, RUNG_MHA_MASK), joins, plan);
}

static rung_status *prepare_mha(rung_kernel_call *call) {
  mha_plan m;
  RUNG_TRY(make_mha(call, &m));
  return finish_plan(call, &m.plan);
}

typedef struct bias_job {
  rung_view from, to;
  const rung_tensor *bias;
  size_t first, heads, length, size; /* first: of the bias */
} bias_job;

static void add_bias_rows(void *context, size_t begin, size_t end) {
  enum { BLOCK = 128 };
  const bias_job *j = context;
  float x[BLOCK], more[BLOCK];
  for (size_t i = begin; i < end; i++) {
    size_t head = i % j->heads, row = i / j->heads % j->length, batch = i / j->heads / j->length;
    for (size_t at = 0; at < j->size; at += BLOCK) {
      size_t n = RUNG_MIN(j->size - at, (size_t)BLOCK);
      rung_load_f32(j->from.dtype, j->from.data, rung_view_at(&j->from, batch, head, row) + at, 1, n, x);
      rung_load_f32(j->bias->dtype, j->bias->data, j->first + head * j->size + at, 1, n, more);
      for (size_t k = 0; k < n; k++) x[k] += more[k];
      rung_store_f32(j->to.dtype, (void *)j->to.data, rung_view_at(&j->to, batch, head, row) + at, 1, n, x);
    }
  }
}

/* Number `which` of q, k and v, with its part of the bias. */
static void add_bias(const rung_kernel_call *call, const mha_plan *m, int which, rung_view *view) {
  const rung_attention *a = &m->plan.heads;
  size_t length = m->lengths[which], size = m->sizes[which];
  if (!m->biased[which]) return;
  rung_view to = rung_view_of((char *)call->scratch + m->biased_at[which], view->dtype, true, a->q_heads, length, size);
  bias_job job = {*view,  to,  rung_in(call, RUNG_MHA_BIAS), (size_t)which * a->q_heads * a->head, a->q_heads,
                  length, size};
  rung_kernel_parallel(call, a->batch * a->q_heads * length, rung_kernel_grain(size), add_bias_rows, &job);
  *view = to;
}

static rung_status *run_mha(rung_kernel_call *call) {
  mha_plan m;
  RUNG_TRY(make_mha(call, &m));
  rung_attention *a = &m.plan.heads;
  add_bias(call, &m, 0, &a->q);
  add_bias(call, &m, 1, &a->k);
  add_bias(call, &m, 2, &a->v);
  cache caches[2];
  for (uint32_t i = 0; i < 2; i++) {
    const rung_tensor *past = rung_in(call, RUNG_MHA_PAST_K + i), *present = rung_out(call, 1 + i);
    caches[i] = (cache){past ? past->data : NULL, present ? present->data : NULL};
  }
  run_heads(call, &m.plan, rung_in(call, RUNG_MHA_MASK), rung_in(call, RUNG_MHA_ATTENTION_BIAS), caches,
            rung_out(call, 3));
  return NULL;
}

static const char *refuse_mha(const rung_node *node, rung_reason *out_reason) {
  *out_reason = RUNG_REASON_INPUT;
  for (uint32_t i = RUNG_MHA_PAST_LENGTH; i < node->input_count; i++)
    if (node->inputs[i]) return "a cache that past and present share";
  const rung_value_info *mask = node->input_count > RUNG_MHA_MASK ? node->inputs[RUNG_MHA_MASK] : NULL;
  return mask && mask->type.rank == 4 ? "a mask of rank 4" : NULL;
}

const rung_kernel rung_cpu_ms_MultiHeadAttention = {
    .types = {{'T', NARROW_FLOATS}}, .refuse = refuse_mha, .prepare = prepare_mha, .run = run_mha};

/* Attention, QAttention: q, k and v are the columns of a projection of the input. */

typedef struct projected_state {
  rung_gemm gemm;          /* Attention; and QAttention with weights of several zero points: floats */
  rung_product_i8 product; /* QAttention */
  bool by_floats;
} projected_state;

/* Which input is what. */
typedef struct projected_inputs {
  uint32_t bias, mask, past, attention_bias; /* NONE: there is no such input */
} projected_inputs;
enum { NONE = UINT32_MAX };
static const projected_inputs attention_inputs = {RUNG_ATT_BIAS, RUNG_ATT_MASK, RUNG_ATT_PAST, RUNG_ATT_ATTENTION_BIAS};
static const projected_inputs qattention_inputs = {RUNG_QATT_BIAS, RUNG_QATT_MASK, RUNG_QATT_PAST, NONE};

typedef struct projected_plan {
  head_plan plan;
  size_t rows, in, columns, qk;
  size_t made_at, bias_at, scales_at, x_at, w_at; /* made: the projection; the last two: QAttention by floats */
} projected_plan;

static const rung_tensor *input_at(const rung_kernel_call *call, uint32_t index) {
  return index == NONE ? NULL : rung_in(call, index);
}

static rung_status *make_projected(const rung_kernel_call *call, const projected_inputs *at, bool by_floats,
                                   projected_plan *m) {
  rung_type types[RUNG_QATT_INPUTS];
  const rung_type *given[RUNG_QATT_INPUTS];
  rung_projected_types projected = {{0}};
  rung_projection projection;
  *m = (projected_plan){0};
  head_plan *plan = &m->plan;
  types_of(call, RUNG_QATT_INPUTS, types, given);
  projected.at[RUNG_ATT_INPUT] = given[0];
  projected.at[RUNG_ATT_WEIGHTS] = given[1];
  projected.at[RUNG_ATT_BIAS] = given[at->bias];
  projected.at[RUNG_ATT_MASK] = given[at->mask];
  projected.at[RUNG_ATT_PAST] = given[at->past];
  if (at->attention_bias != NONE) projected.at[RUNG_ATT_ATTENTION_BIAS] = given[at->attention_bias];
  RUNG_TRY(rung_projected_check(call->params, &projected, &projection, &plan->s));
  const rung_tensor *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y, "the first output is required");
  set_sizes(call, call->params, plan);
  rung_attention *a = &plan->heads;
  m->rows = a->batch * a->q_length;
  m->in = (size_t)projection.in;
  m->qk = (size_t)projection.qk;
  m->columns = (size_t)(2 * projection.qk + projection.v);
  a->y = rung_view_of(y->data, y->dtype, true, a->q_heads, a->q_length, a->v_head);
  size_t size = rung_dtype_size(y->dtype);
  bool fits = take_space(&plan->used, m->rows * m->columns * size, &m->made_at) &&
              take_space(&plan->used, m->columns * sizeof(float), &m->bias_at) &&
              take_space(&plan->used, m->columns * sizeof(float), &m->scales_at) &&
              take_space(&plan->used, by_floats ? m->rows * m->in * sizeof(float) : 0, &m->x_at) &&
              take_space(&plan->used, by_floats ? m->in * m->columns * sizeof(float) : 0, &m->w_at);
  RUNG_REQUIRE(fits, LIMIT, "the projection is too large");
  const rung_view made = {call->scratch ? (char *)call->scratch + m->made_at : NULL, y->dtype, a->q_length * m->columns,
                          a->head, m->columns};
  a->q = a->k = a->v = made;
  a->v.head = a->v_head;
  if (made.data) {
    a->k.data += m->qk * size;
    a->v.data += 2 * m->qk * size;
  }
  return lay_out(call, rung_in(call, at->mask), rung_in(call, at->past) && !rung_out(call, 1), plan);
}

/* The projection, then the heads. */
static rung_status *finish_projected(rung_kernel_call *call, const projected_plan *m, size_t product) {
  RUNG_TRY(finish_plan(call, &m->plan));
  call->scratch_size = RUNG_MAX(call->scratch_size, m->plan.form_at + product);
  return product < SIZE_MAX / 4 ? NULL : rung_status_out_of_memory();
}

static rung_status *plan_floats(rung_kernel_call *call, const projected_plan *m, rung_dtype a, rung_dtype b,
                                size_t *out_scratch) {
  projected_state *state = call->state;
  state->gemm = (rung_gemm){.m = m->rows,
                            .n = m->columns,
                            .k = m->in,
                            .alpha = 1,
                            .b_packed = call->packed && !state->by_floats,
                            .a = {a, m->in, 1},
                            .b = {b, m->columns, 1},
                            .c = {m->plan.heads.y.dtype, m->columns, 1}};
  rung_gemm_plan(call, &state->gemm);
  return rung_gemm_scratch(&state->gemm, out_scratch) ? NULL : rung_status_out_of_memory();
}

static void run_floats(const rung_kernel_call *call, const projected_plan *m, const void *a, const void *b,
                       const rung_tensor *bias) {
  const projected_state *state = call->state;
  char *scratch = call->scratch;
  rung_gemm_run run = {.a = a, .b = b, .c = scratch + m->made_at, .epilogue = {.residual_scale = 1}};
  if (bias) {
    float *floats = (float *)(scratch + m->bias_at);
    rung_load_f32(bias->dtype, bias->data, 0, 1, m->columns, floats);
    run.epilogue.bias = floats;
  }
  rung_gemm_run_all(call, &state->gemm, &run, scratch + m->plan.form_at);
}

static void attend(const rung_kernel_call *call, const projected_inputs *at, projected_plan *m) {
  const rung_tensor *past = rung_in(call, at->past);
  rung_tensor *present = rung_out(call, 1);
  cache caches[2] = {{past ? past->data : NULL, present ? present->data : NULL}};
  caches[1] = caches[0];
  if (past) caches[1].past = (const char *)past->data + past->size / 2;
  if (present) caches[1].present = (char *)present->data + present->size / 2;
  run_heads(call, &m->plan, rung_in(call, at->mask), input_at(call, at->attention_bias), caches, NULL);
}

static rung_status *pack_attention(rung_kernel_call *call, void **out_packed) {
  const rung_tensor *w = rung_in(call, RUNG_ATT_WEIGHTS);
  if (!w || w->rank != 2) return NULL;
  rung_cpu_set features = rung_isa(call->host);
  size_t k = (size_t)w->dims[0], n = (size_t)w->dims[1], floats;
  RUNG_REQUIRE(rung_gemm_packed_size(features, k, n, &floats), LIMIT, "weights are too large");
  *out_packed = rung_alloc_data(call->host->allocator, RUNG_MAX(floats * sizeof(float), 1), "weights");
  RUNG_CHECK_ALLOC(*out_packed);
  rung_gemm_pack(features, k, n, &(const rung_matrix){w->dtype, n, 1}, w->data, *out_packed);
  return NULL;
}

static rung_status *prepare_attention(rung_kernel_call *call) {
  projected_plan m;
  size_t product;
  RUNG_TRY(make_projected(call, &attention_inputs, false, &m));
  rung_dtype dtype = m.plan.heads.y.dtype;
  RUNG_TRY(plan_floats(call, &m, dtype, dtype, &product));
  return finish_projected(call, &m, product);
}

static rung_status *run_attention(rung_kernel_call *call) {
  projected_plan m;
  RUNG_TRY(make_projected(call, &attention_inputs, false, &m));
  run_floats(call, &m, rung_in(call, RUNG_ATT_INPUT)->data,
             call->packed ? call->packed : rung_in(call, RUNG_ATT_WEIGHTS)->data, rung_in(call, RUNG_ATT_BIAS));
  attend(call, &attention_inputs, &m);
  return NULL;
}

static const char *refuse_projected(const rung_node *node, rung_reason *out_reason) {
  const rung_ms_attention_params *p = node->params;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  if (p->do_rotary) return "do_rotary";
  return p->past_present_share_buffer ? "past_present_share_buffer" : NULL;
}

const rung_kernel rung_cpu_ms_Attention = {.types = {{'T', NARROW_FLOATS}},
                                           .packs = 1 << RUNG_ATT_WEIGHTS,
                                           .state_size = sizeof(projected_state),
                                           .refuse = refuse_projected,
                                           .pack = pack_attention,
                                           .prepare = prepare_attention,
                                           .run = run_attention};

/* QAttention */

static rung_status *pack_qattention(rung_kernel_call *call, void **out_packed) {
  const rung_tensor *w = rung_in(call, RUNG_QATT_WEIGHTS);
  if (!w || w->rank != 2) return NULL;
  rung_cpu_set features = rung_isa(call->host);
  size_t k = (size_t)w->dims[0], n = (size_t)w->dims[1], size, bytes;
  RUNG_REQUIRE(rung_product_i8_packed_size(features, k, n, &size) && rung_mul_size(size, sizeof(int32_t), &bytes),
               LIMIT, "weights are too large");
  *out_packed = rung_alloc_data(call->host->allocator, RUNG_MAX(bytes, 1), "weights");
  RUNG_CHECK_ALLOC(*out_packed);
  rung_product_i8_pack(features, k, n, w->dtype == RUNG_I8, w->data, *out_packed);
  return NULL;
}

static rung_status *prepare_qattention(rung_kernel_call *call) {
  projected_state *state = call->state;
  const rung_tensor *x = rung_in(call, RUNG_QATT_INPUT), *w = rung_in(call, RUNG_QATT_WEIGHTS),
                    *zeros = rung_in(call, RUNG_QATT_WEIGHT_ZERO);
  projected_plan m;
  size_t product;
  state->by_floats = zeros && rung_tensor_count(zeros) > 1;
  RUNG_TRY(make_projected(call, &qattention_inputs, state->by_floats, &m));
  if (state->by_floats) {
    RUNG_TRY(plan_floats(call, &m, RUNG_F32, RUNG_F32, &product));
  } else {
    rung_matmul_shape shape;
    const int64_t rows[2] = {(int64_t)m.rows, (int64_t)m.in};
    RUNG_TRY(rung_matmul_shape_make(2, rows, false, 2, w->dims, false, &shape));
    rung_product_i8_plan(call, &shape, x->dtype == RUNG_I8, w->dtype == RUNG_I8, call->packed != NULL, &state->product);
    if (!rung_product_i8_scratch(&state->product, &product)) return rung_status_out_of_memory();
  }
  return finish_projected(call, &m, product);
}

/* w as floats, column by column with its own scale and zero point. */
static void dequantize_weights(const rung_tensor *w, const rung_tensor *scales, const rung_tensor *zeros, float *to) {
  size_t columns = (size_t)w->dims[1];
  rung_load_f32(w->dtype, w->data, 0, 1, rung_tensor_count(w), to);
  for (size_t c = 0; c < columns; c++) {
    float scale, zero;
    rung_load_f32(scales->dtype, scales->data, rung_tensor_count(scales) == 1 ? 0 : c, 1, 1, &scale);
    rung_load_f32(zeros->dtype, zeros->data, c, 1, 1, &zero);
    for (size_t r = 0; r < (size_t)w->dims[0]; r++) to[r * columns + c] = (to[r * columns + c] - zero) * scale;
  }
}

static rung_status *check_list(const rung_tensor *t, const char *name, size_t columns) {
  RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == 1 || rung_tensor_count(t) == columns,
                   "%s has %zu elements for %zu columns", name, rung_tensor_count(t), columns);
  return NULL;
}

static rung_status *run_qattention(rung_kernel_call *call) {
  const projected_state *state = call->state;
  const rung_tensor *x = rung_in(call, RUNG_QATT_INPUT), *w = rung_in(call, RUNG_QATT_WEIGHTS),
                    *scales = rung_in(call, RUNG_QATT_WEIGHT_SCALE), *zeros = rung_in(call, RUNG_QATT_WEIGHT_ZERO),
                    *bias = rung_in(call, RUNG_QATT_BIAS);
  char *scratch = call->scratch;
  projected_plan m;
  rung_quantization q;
  RUNG_TRY(make_projected(call, &qattention_inputs, state->by_floats, &m));
  RUNG_TRY(rung_quantization_read(call, RUNG_QATT_SCALE, RUNG_QATT_ZERO, &q));
  RUNG_TRY(check_list(scales, "the scale of the weights", m.columns));
  RUNG_TRY(check_list(zeros, "the zero point of the weights", m.columns));
  if (state->by_floats) {
    float *floats = (float *)(scratch + m.x_at), *weights = (float *)(scratch + m.w_at);
    rung_dequantize(call, &q, x->dtype, rung_tensor_count(x), x->data, floats);
    dequantize_weights(w, scales, zeros, weights);
    run_floats(call, &m, floats, weights, bias);
  } else {
    float *list = (float *)(scratch + m.scales_at), zero = 0;
    rung_load_f32(RUNG_F32, scales->data, 0, rung_tensor_count(scales) == 1 ? 0 : 1, m.columns, list);
    for (size_t c = 0; c < m.columns; c++) list[c] *= q.scale;
    if (zeros) rung_load_f32(zeros->dtype, zeros->data, 0, 1, 1, &zero);
    rung_product_i8_run run = {
        .a = x->data,
        .b = call->packed ? call->packed : w->data,
        .a_zero = q.zero,
        .b_zero = (int32_t)zero,
        .c = scratch + m.made_at,
        .requantize = {.dtype = RUNG_F32, .scale = list, .scale_is_list = true, .bias = bias->data, .y_scale = 1}};
    rung_product_i8_run_all(call, &state->product, &run, scratch + m.plan.form_at);
  }
  attend(call, &qattention_inputs, &m);
  return NULL;
}

const rung_kernel rung_cpu_ms_QAttention = {.types = {{'T', RUNG_SET(RUNG_F32)}, {'A', BYTES}, {'B', BYTES}},
                                            .packs = 1 << RUNG_QATT_WEIGHTS,
                                            .state_size = sizeof(projected_state),
                                            .refuse = refuse_projected,
                                            .pack = pack_qattention,
                                            .prepare = prepare_qattention,
                                            .run = run_qattention};
