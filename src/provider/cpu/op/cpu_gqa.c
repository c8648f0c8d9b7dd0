/* com.microsoft's GroupQueryAttention, RotaryEmbedding and MRotaryEmbedding. Every sample has a length of its own: the
 * first tokens of its cache count, new ones are written behind them. */
#include "op/ms_attention.h"

#include "provider/cpu/form/cache_codes.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/rotary.h"

#include <math.h>

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

/* RotaryEmbedding */

static rung_status *make_rotary(const rung_kernel_call *call, rung_rotary *r) {
  const rung_ms_rotary_params *p = call->params;
  const rung_tensor *x = rung_in(call, RUNG_ROTARY_X), *positions = rung_in(call, RUNG_ROTARY_POSITIONS),
                    *cosines = rung_in(call, RUNG_ROTARY_COSINES), *sines = rung_in(call, RUNG_ROTARY_SINES);
  RUNG_RUN_REQUIRE((x->rank == 3 || x->rank == 4) && rung_out(call, 0), "the input has rank %d", x->rank);
  RUNG_RUN_REQUIRE(cosines->rank == 2 && rung_tensor_same_shape(cosines, sines),
                   "the caches must be (positions, pairs), both");
  bool flat = x->rank == 3;
  *r = (rung_rotary){.interleaved = p->interleaved != 0,
                     .cosines = cosines,
                     .sines = sines,
                     .positions = positions->data,
                     .sections = p->mrope_section.at,
                     .woven = p->mrope_layout == 1,
                     .scale = p->mrope_section.at ? &p->scale : NULL,
                     .counts_on = !p->mrope_section.at && rung_tensor_count(positions) == 1,
                     .batch = (size_t)x->dims[0],
                     .length = (size_t)x->dims[flat ? 1 : 2],
                     .half = (size_t)cosines->dims[1]};
  int64_t hidden = flat ? x->dims[2] : x->dims[3], heads = p->num_heads;
  if (flat && heads == 0 && cosines->dims[1] > 0) heads = hidden / (2 * cosines->dims[1]);
  if (!flat) heads = x->dims[1];
  RUNG_RUN_REQUIRE(heads >= 0 && (!flat || (heads > 0 && hidden % heads == 0)),
                   "a hidden size of %lld has no %lld heads", (long long)hidden, (long long)heads);
  r->heads = (size_t)heads;
  r->head = flat ? (size_t)(hidden / heads) : (size_t)hidden;
  size_t turned = p->rotary_embedding_dim ? (size_t)p->rotary_embedding_dim : r->head;
  RUNG_RUN_REQUIRE(turned <= r->head && turned == 2 * r->half, "caches of %zu pairs for %zu of %zu elements of a head",
                   r->half, turned, r->head);
  int32_t streams = r->sections ? 1 : 0; /* a dimension of them */
  bool fits = positions->rank == 2 + streams && positions->dims[streams] == x->dims[0] &&
              positions->dims[streams + 1] == (int64_t)r->length && (!streams || positions->dims[0] == 3);
  RUNG_RUN_REQUIRE(r->counts_on || fits, "position_ids must be %s",
                   streams ? "(3, batch, length)" : "(batch, length), or one number");
  RUNG_RUN_REQUIRE(!streams || r->sections[0] + r->sections[1] + r->sections[2] == (int64_t)r->half,
                   "mrope_section does not add up to %zu pairs", r->half);
  r->x = rung_view_of(x->data, x->dtype, flat, r->heads, r->length, r->head);
  r->y = rung_view_of(rung_out(call, 0)->data, x->dtype, flat, r->heads, r->length, r->head);
  return NULL;
}

static rung_status *run_rotary(rung_kernel_call *call) {
  rung_rotary r;
  RUNG_TRY(make_rotary(call, &r));
  RUNG_TRY(rung_rotary_check(&r));
  rung_rotary_run(call, &r);
  return NULL;
}

const rung_kernel rung_cpu_ms_RotaryEmbedding = {.types = {{'T', NARROW_FLOATS}}, .run = run_rotary};
const rung_kernel rung_cpu_ms_MRotaryEmbedding = {.types = {{'T', NARROW_FLOATS}}, .run = run_rotary};

/* GroupQueryAttention */

typedef struct gqa {
  rung_gqa_sizes s;
  rung_attention heads;
  size_t room;                                        /* rows of the joined caches */
  bool slides;                                        /* outputs hold the last of these rows only */
  size_t kept_at;                                     /* per sample */
  size_t lengths_at, past_at, positions_at, sinks_at; /* in scratch: per sample, per token, per head */
  size_t q_at, k_at;                                  /* q and k normalised and turned, (batch, length, heads, head) */
  size_t joined_at[2], codes_at[2], form_at;          /* caches as floats, and as numbers, that nobody wants */
} gqa;

static bool take_space(size_t *used, size_t bytes, size_t *out_at) {
  *out_at = RUNG_ROUND_UP(*used, RUNG_TENSOR_ALIGN);
  return *used < SIZE_MAX / 4 && bytes < SIZE_MAX / 4 && rung_add_size(*out_at, bytes, used);
}

static rung_status *check_operands(const rung_kernel_call *call, gqa *g) {
  rung_type types[RUNG_GQA_INPUTS];
  const rung_type *given[RUNG_GQA_INPUTS] = {0};
  for (uint32_t i = 0; i < RUNG_GQA_INPUTS; i++) {
    const rung_tensor *t = rung_in(call, i);
    if (!t) continue;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
    given[i] = &types[i];
    rung_dtype cache = rung_gqa_cache_type(call->params, types[0].dtype);
    RUNG_RUN_REQUIRE((i != RUNG_GQA_PAST_K && i != RUNG_GQA_PAST_V) || t->dtype == cache, "the past is %s, and not %s",
                     rung_dtype_name(t->dtype), rung_dtype_name(cache));
  }
  return rung_gqa_check(call->params, given, &g->s);
}

/* Q, K, V in one row, or each in its own. */
static void set_views(const rung_kernel_call *call, gqa *g) {
  rung_attention *a = &g->heads;
  const rung_tensor *q = rung_in(call, RUNG_GQA_QUERY), *k = rung_in(call, RUNG_GQA_KEY),
                    *v = rung_in(call, RUNG_GQA_VALUE), *y = rung_out(call, 0);
  size_t length = a->q_length, size = rung_dtype_size(q->dtype), heads = a->q_heads + 2 * a->kv_heads;
  a->y = rung_view_of(y->data, y->dtype, true, a->q_heads, length, a->head);
  if (k) {
    a->q = rung_view_of(q->data, q->dtype, true, a->q_heads, length, a->head);
    a->k = rung_view_of(k->data, k->dtype, true, a->kv_heads, length, a->head);
    a->v = rung_view_of(v->data, v->dtype, true, a->kv_heads, length, a->head);
    return;
  }
  a->q = a->k = a->v = rung_view_of(q->data, q->dtype, true, heads, length, a->head);
  if (!q->data) return;
  a->k.data += a->q_heads * a->head * size;
  a->v.data += (a->q_heads + a->kv_heads) * a->head * size;
}

static rung_status *make_gqa(const rung_kernel_call *call, gqa *g) {
  const rung_gqa_params *p = call->params;
  const rung_tensor *present = rung_out(call, 1) ? rung_out(call, 1) : rung_out(call, 2);
  *g = (gqa){.room = 0};
  RUNG_TRY(check_operands(call, g));
  RUNG_RUN_REQUIRE(rung_out(call, 0), "the first output is required");
  const rung_gqa_sizes *s = &g->s;
  g->slides = p->sliding_window_cache != 0;
  g->room = present && !g->slides ? (size_t)present->dims[2] : (size_t)s->past + (size_t)s->length;
  rung_attention *a = &g->heads;
  *a = (rung_attention){.call = call,
                        .batch = (size_t)s->batch,
                        .q_heads = (size_t)s->heads,
                        .kv_heads = (size_t)s->kv_heads,
                        .group = (size_t)(s->heads / s->kv_heads),
                        .q_length = (size_t)s->length,
                        .total = g->room,
                        .head = (size_t)s->head,
                        .v_head = (size_t)s->head,
                        .scale = p->scale != 0 ? p->scale : 1 / sqrtf((float)s->head)};
  set_views(call, g);
  size_t size = rung_dtype_size(a->y.dtype), tokens = a->batch * a->q_length, row = a->head * size, used = 0,
         rows = a->batch * a->kv_heads * g->room, cache = rows * row, codes = 0;
  bool direct[2] = {rung_out(call, 1) && !g->slides,
                    rung_out(call, 2) && !g->slides}; /* outputs are the joined caches */
  bool turned = p->do_rotary || rung_in(call, RUNG_GQA_Q_NORM);
  if (p->k_quant_type) codes = rows * (size_t)rung_gqa_cache_row(p, s->head), cache = rows * a->head * sizeof(float);
  bool fits = take_space(&used, a->batch * sizeof(int64_t), &g->lengths_at) &&
              take_space(&used, a->batch * sizeof(int64_t), &g->past_at) &&
              take_space(&used, a->batch * sizeof(int64_t), &g->kept_at) &&
              take_space(&used, tokens * sizeof(int64_t), &g->positions_at) &&
              take_space(&used, a->q_heads * sizeof(float), &g->sinks_at) &&
              take_space(&used, turned ? tokens * a->q_heads * row : 0, &g->q_at) &&
              take_space(&used, turned ? tokens * a->kv_heads * row : 0, &g->k_at) &&
              take_space(&used, direct[0] && !codes ? 0 : cache, &g->joined_at[0]) &&
              take_space(&used, direct[1] && !codes ? 0 : cache, &g->joined_at[1]) &&
              take_space(&used, direct[0] ? 0 : codes, &g->codes_at[0]) &&
              take_space(&used, direct[1] ? 0 : codes, &g->codes_at[1]) && take_space(&used, 0, &g->form_at);
  RUNG_REQUIRE(fits, LIMIT, "the operands are too large");
  return NULL;
}

static rung_status *prepare_gqa(rung_kernel_call *call) {
  gqa g;
  size_t more;
  RUNG_TRY(make_gqa(call, &g));
  rung_attention joined = g.heads;
  rung_dtype cache = ((const rung_gqa_params *)call->params)->k_quant_type ? RUNG_F32 : g.heads.k.dtype;
  joined.k = joined.v = rung_view_of(NULL, cache, false, joined.kv_heads, g.room, joined.head);
  RUNG_TRY(rung_attention_scratch(&joined, &more));
  return rung_add_size(g.form_at, more, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* Tokens of every sample, in all and before this run; a run of as many as there are in all begins anew. */
static rung_status *read_lengths(const rung_kernel_call *call, const gqa *g, int64_t *lengths, int64_t *past,
                                 bool *out_first) {
  const rung_tensor *given = rung_in(call, RUNG_GQA_LENGTHS);
  int64_t total;
  size_t count;
  RUNG_TRY(rung_kernel_ints(rung_in(call, RUNG_GQA_TOTAL), &total, 1, &count));
  RUNG_RUN_REQUIRE(count == 1 && total >= 0 && (g->slides || (uint64_t)total <= g->room),
                   "total_sequence_length is %lld of %zu", count ? (long long)total : 0, g->room);
  RUNG_RUN_REQUIRE(rung_tensor_count(given) == g->heads.batch, "seqlens_k has %zu elements for %zu samples",
                   rung_tensor_count(given), g->heads.batch);
  *out_first = total == g->s.length;
  for (size_t b = 0; b < g->heads.batch; b++) {
    lengths[b] = (int64_t)((const int32_t *)given->data)[b] + 1;
    past[b] = *out_first ? 0 : lengths[b] - g->s.length;
    RUNG_RUN_REQUIRE(lengths[b] >= 0 && lengths[b] <= total && past[b] >= 0 && (g->slides || past[b] <= g->s.past),
                     "sample %zu has %lld tokens, %lld of them new, and a cache of %lld", b, (long long)lengths[b],
                     (long long)g->s.length, (long long)g->s.past);
    RUNG_RUN_REQUIRE(g->slides || past[b] + g->s.length <= (int64_t)g->room, "the cache of sample %zu has no room", b);
  }
  return NULL;
}

/* How many of the last tokens are in a cache that slides, after so many in all: when it is full, as many go as leave a
 * window less one. */
static int64_t resident(const rung_kernel_call *call, const gqa *g, int64_t tokens) {
  int64_t room = g->s.past, gone = room - ((const rung_gqa_params *)call->params)->local_window_size + 1;
  return tokens <= room ? tokens : tokens - gone * ((tokens - room + gone - 1) / gone);
}

/* From here on, lengths and past count rows of the joined cache; the last `kept` ones are to stay. */
static void slide(const rung_kernel_call *call, const gqa *g, int64_t *lengths, int64_t *past) {
  int64_t *kept = (int64_t *)((char *)call->scratch + g->kept_at);
  for (size_t b = 0; b < g->heads.batch && g->slides; b++) {
    int64_t added = lengths[b] - past[b];
    kept[b] = resident(call, g, lengths[b]);
    past[b] = resident(call, g, past[b]);
    lengths[b] = past[b] + added;
  }
}

/* Rows of `size` bytes of the joined cache, into the one that slides. */
static void keep_rows(const rung_kernel_call *call, const gqa *g, const int64_t *lengths, const char *joined,
                      size_t size, rung_tensor *present) {
  const int64_t *kept = (const int64_t *)((const char *)call->scratch + g->kept_at);
  size_t room = (size_t)g->s.past, heads = g->heads.kv_heads;
  if (!g->slides || !present) return;
  for (size_t i = 0; i < g->heads.batch * heads; i++) {
    size_t rows = (size_t)kept[i / heads], first = (size_t)lengths[i / heads] - rows;
    char *to = (char *)present->data + i * room * size;
    memcpy(to, joined + (i * g->room + first) * size, rows * size);
    memset(to + rows * size, 0, (room - rows) * size);
  }
}

/* Heads of queries and keys, each divided by the root of its mean square. */

typedef struct norm_job {
  const rung_tensor *weight;
  rung_view x, y;
  size_t heads, length, head;
  float epsilon;
} norm_job;

static void norm_heads(void *context, size_t begin, size_t end) {
  enum { BLOCK = 256 };
  const norm_job *j = context;
  float block[BLOCK], weight[BLOCK];
  for (size_t i = begin; i < end; i++) {
    size_t row = i % j->length, head = i / j->length % j->heads, sample = i / j->length / j->heads;
    size_t from = rung_view_at(&j->x, sample, head, row), to = rung_view_at(&j->y, sample, head, row);
    double squares = 0;
    for (size_t at = 0; at < j->head; at += BLOCK) {
      size_t n = RUNG_MIN(j->head - at, (size_t)BLOCK);
      rung_load_f32(j->x.dtype, j->x.data, from + at, 1, n, block);
      for (size_t k = 0; k < n; k++) squares += (double)block[k] * (double)block[k];
    }
    float factor = 1 / sqrtf((float)(squares / (double)j->head) + j->epsilon);
    for (size_t at = 0; at < j->head; at += BLOCK) {
      size_t n = RUNG_MIN(j->head - at, (size_t)BLOCK);
      rung_load_f32(j->x.dtype, j->x.data, from + at, 1, n, block);
      rung_load_f32(j->weight->dtype, j->weight->data, at, 1, n, weight);
      for (size_t k = 0; k < n; k++) block[k] *= factor * weight[k];
      rung_store_f32(j->y.dtype, (void *)j->y.data, to + at, 1, n, block);
    }
  }
}

static void normalise(const rung_kernel_call *call, gqa *g) {
  rung_attention *a = &g->heads;
  rung_view *views[2] = {&a->q, &a->k};
  const size_t heads[2] = {a->q_heads, a->kv_heads}, at[2] = {g->q_at, g->k_at};
  for (uint32_t i = 0; i < 2 && rung_in(call, RUNG_GQA_Q_NORM); i++) {
    norm_job j = {.weight = rung_in(call, RUNG_GQA_Q_NORM + i),
                  .x = *views[i],
                  .heads = heads[i],
                  .length = a->q_length,
                  .head = a->head,
                  .epsilon = ((const rung_gqa_params *)call->params)->qk_norm_epsilon};
    j.y = *views[i] = rung_view_of((char *)call->scratch + at[i], j.x.dtype, true, heads[i], a->q_length, a->head);
    rung_kernel_parallel(call, a->batch * heads[i] * a->q_length, rung_kernel_grain(2 * a->head), norm_heads, &j);
  }
}

/* Queries and keys are turned by the positions that are given, or that follow from the lengths. */
static rung_status *turn(const rung_kernel_call *call, gqa *g, const int64_t *lengths, const int64_t *past) {
  const rung_gqa_params *p = call->params;
  const rung_tensor *cosines = rung_in(call, RUNG_GQA_COSINES), *sines = rung_in(call, RUNG_GQA_SINES),
                    *given = rung_in(call, RUNG_GQA_POSITIONS);
  rung_attention *a = &g->heads;
  size_t length = a->q_length;
  int64_t *positions = (int64_t *)((char *)call->scratch + g->positions_at);
  if (!p->do_rotary) return NULL;
  RUNG_RUN_REQUIRE(cosines && sines && cosines->rank == 2 && rung_tensor_same_shape(cosines, sines),
                   "do_rotary needs caches of (positions, pairs)");
  RUNG_RUN_REQUIRE(2 * (size_t)cosines->dims[1] <= a->head, "caches of %lld pairs for heads of %zu",
                   (long long)cosines->dims[1], a->head);
  RUNG_RUN_REQUIRE(!given || rung_tensor_count(given) == a->batch * length, "position_ids must be (batch, length)");
  for (size_t b = 0; b < a->batch && !given; b++)
    for (size_t i = 0; i < length; i++) /* padding is turned somehow */
      positions[b * length + i] = past[b] + (int64_t)i < lengths[b] ? past[b] + (int64_t)i : 1;
  rung_rotary r = {.batch = a->batch,
                   .length = length,
                   .head = a->head,
                   .half = (size_t)cosines->dims[1],
                   .interleaved = p->rotary_interleaved != 0,
                   .cosines = cosines,
                   .sines = sines,
                   .positions = given ? given->data : positions};
  RUNG_TRY(rung_rotary_check(&r));
  rung_view *views[2] = {&a->q, &a->k};
  const size_t heads[2] = {a->q_heads, a->kv_heads}, at[2] = {g->q_at, g->k_at};
  for (int i = 0; i < 2; i++) {
    r.heads = heads[i];
    r.x = *views[i];
    r.y = *views[i] = rung_view_of((char *)call->scratch + at[i], r.x.dtype, true, heads[i], length, a->head);
    rung_rotary_run(call, &r);
  }
  return NULL;
}

/* The cache is made of numbers, and attention sees it as floats. */
static rung_status *join_codes(const rung_kernel_call *call, const gqa *g, uint32_t which, const int64_t *lengths,
                               const int64_t *past_lengths, rung_view *current) {
  const rung_gqa_params *p = call->params;
  const rung_attention *a = &g->heads;
  const rung_tensor *past = rung_in(call, RUNG_GQA_PAST_K + which), *scale = rung_in(call, RUNG_GQA_K_SCALE + which);
  rung_tensor *present = rung_out(call, 1 + which);
  bool per_channel = (which ? p->v_quant_type : p->k_quant_type) == RUNG_GQA_PER_CHANNEL;
  size_t expected = per_channel ? a->kv_heads * a->head : 1;
  RUNG_RUN_REQUIRE(rung_tensor_count(scale) == expected, "%s has %zu elements, %zu are expected",
                   which ? "v_scale" : "k_scale", rung_tensor_count(scale), expected);
  rung_cache_codes cache = {.batch = a->batch,
                            .heads = a->kv_heads,
                            .room = g->room,
                            .head = a->head,
                            .bits = (size_t)p->kv_cache_bit_width,
                            .scales = scale->data,
                            .per_channel = per_channel,
                            .past = past ? past->data : NULL,
                            .past_room = (size_t)g->s.past,
                            .past_lengths = past_lengths,
                            .current = *current,
                            .length = a->q_length,
                            .codes = present && !g->slides ? present->data : (char *)call->scratch + g->codes_at[which],
                            .floats = (float *)((char *)call->scratch + g->joined_at[which])};
  rung_cache_codes_join(call, &cache);
  keep_rows(call, g, lengths, cache.codes, (size_t)rung_gqa_cache_row(p, g->s.head), present);
  *current = rung_view_of(cache.floats, RUNG_F32, false, a->kv_heads, g->room, a->head);
  return NULL;
}

static rung_status *join(const rung_kernel_call *call, const gqa *g, uint32_t which, const int64_t *lengths,
                         const int64_t *past_lengths, rung_view *current) {
  if (((const rung_gqa_params *)call->params)->k_quant_type)
    return join_codes(call, g, which, lengths, past_lengths, current);
  const rung_attention *a = &g->heads;
  const rung_tensor *past = rung_in(call, RUNG_GQA_PAST_K + which);
  rung_tensor *present = rung_out(call, 1 + which);
  rung_view old = {0};
  if (past) old = rung_view_of(past->data, past->dtype, false, a->kv_heads, (size_t)g->s.past, a->head);
  char *to = present && !g->slides ? present->data : (char *)call->scratch + g->joined_at[which];
  rung_attention_join(a, past ? &old : NULL, past_lengths, current, a->q_length, a->head, g->room, to);
  keep_rows(call, g, lengths, to, a->head * rung_dtype_size(current->dtype), present);
  *current = rung_view_of(to, current->dtype, false, a->kv_heads, g->room, a->head);
  return NULL;
}

static rung_status *set_rows(const rung_kernel_call *call, gqa *g, const int64_t *lengths, bool first) {
  const rung_gqa_params *p = call->params;
  const rung_tensor *bias = rung_in(call, RUNG_GQA_BIAS), *given = rung_in(call, RUNG_GQA_SINKS);
  rung_attention *a = &g->heads;
  float *sinks = (float *)((char *)call->scratch + g->sinks_at);
  a->rows = (rung_attention_rows){
      .softcap = p->softcap,
      .mask_columns = g->room,
      .lengths = lengths,
      .causal = p->causal != 0,
      .ends_with_length = !first,
      .window = RUNG_MAX(p->local_window_size, 0),
      .hidden = -INFINITY,
      .shown = p->qk_output ? rung_out(call, 3) : NULL,
      .stage = p->qk_output == RUNG_GQA_QK_AFTER ? RUNG_ATTENTION_SOFTMAX : RUNG_ATTENTION_MASKED};
  for (size_t h = 0; h < a->q_heads; h++) sinks[h] = 0;
  if (given) rung_load_f32(given->dtype, given->data, 0, 1, a->q_heads, sinks);
  if (given || p->smooth_softmax == 1) a->rows.sinks = sinks;
  if (!bias) return NULL;
  int64_t most = 0;
  for (size_t b = 0; b < a->batch; b++) most = RUNG_MAX(most, lengths[b]);
  bool fits = bias->rank == 4 && (bias->dims[0] == 1 || bias->dims[0] == g->s.batch) &&
              (bias->dims[1] == 1 || bias->dims[1] == g->s.heads) && bias->dims[2] == g->s.length &&
              bias->dims[3] >= most;
  RUNG_RUN_REQUIRE(fits, "the attention bias does not fit %lld samples of %lld tokens", (long long)g->s.batch,
                   (long long)g->s.length);
  rung_attention_set_mask(&a->rows, 0, bias);
  return NULL;
}

/* What is hidden shows as 0 among the products, too. */
static void show_zeros(rung_tensor *shown) {
  enum { BLOCK = 256 };
  float block[BLOCK];
  for (size_t i = 0, count = rung_tensor_count(shown); i < count; i += BLOCK) {
    size_t n = RUNG_MIN(count - i, (size_t)BLOCK);
    rung_load_f32(shown->dtype, shown->data, i, 1, n, block);
    for (size_t k = 0; k < n; k++) block[k] = block[k] == -INFINITY ? 0 : block[k];
    rung_store_f32(shown->dtype, shown->data, i, 1, n, block);
  }
}

static rung_status *run_gqa(rung_kernel_call *call) {
  gqa g;
  bool first;
  char *scratch = call->scratch;
  RUNG_TRY(make_gqa(call, &g));
  int64_t *lengths = (int64_t *)(scratch + g.lengths_at), *past = (int64_t *)(scratch + g.past_at);
  RUNG_TRY(read_lengths(call, &g, lengths, past, &first));
  normalise(call, &g);
  RUNG_TRY(turn(call, &g, lengths, past));
  slide(call, &g, lengths, past);
  RUNG_TRY(set_rows(call, &g, lengths, first));
  RUNG_TRY(join(call, &g, 0, lengths, past, &g.heads.k));
  RUNG_TRY(join(call, &g, 1, lengths, past, &g.heads.v));
  rung_tensor *shown = rung_out(call, 3);
  if (shown && shown->size) memset(shown->data, 0, shown->size);
  rung_attention_run(&g.heads, scratch + g.form_at);
  if (shown && g.heads.rows.stage == RUNG_ATTENTION_MASKED) show_zeros(shown);
  return NULL;
}

static const char *refuse_gqa(const rung_node *node, rung_reason *out_reason) {
  const rung_gqa_params *p = node->params;
  if (!p->sliding_window_cache) return NULL;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  if (p->qk_output) return "qk_output of a cache that slides";
  *out_reason = RUNG_REASON_INPUT;
  bool bias = RUNG_GQA_BIAS < node->input_count && node->inputs[RUNG_GQA_BIAS];
  return bias ? "attention_bias of a cache that slides" : NULL;
}

const rung_kernel rung_cpu_ms_GroupQueryAttention = {
    .types = {{'T', NARROW_FLOATS}, {'C', NARROW_FLOATS | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8)}},
    .refuse = refuse_gqa,
    .prepare = prepare_gqa,
    .run = run_gqa};
