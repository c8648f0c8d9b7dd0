/* LinearAttention, CausalConvWithState, and those of com.microsoft. All compute in float32. */
#include "op/stateful.h"

#include "base/pool.h"
#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

/* LinearAttention: every head of keys has a state (key, value) that is followed from token to token. Heads and samples
 * are independent of each other. */

typedef struct linear_job {
  const rung_linear_attention_params *p;
  rung_linear_attention_sizes s;
  const rung_tensor *in[RUNG_LINEAR_INPUTS];
  rung_tensor *out, *present;
  size_t heads, group, length, key, value; /* group: heads of the query to one of keys */
  size_t sharing;                          /* heads of keys to one of the query */
  float scale;
  float *scratch; /* per thread: state, query, key, decay (key each), value, result (value each) */
} linear_job;

static rung_status *make_linear(const rung_kernel_call *call, linear_job *j) {
  rung_type types[RUNG_LINEAR_INPUTS];
  const rung_type *given[RUNG_LINEAR_INPUTS] = {0};
  *j = (linear_job){.p = call->params, .out = rung_out(call, 0), .present = rung_out(call, 1)};
  for (uint32_t i = 0; i < RUNG_LINEAR_INPUTS; i++) {
    const rung_tensor *t = j->in[i] = rung_in(call, i);
    if (!t) continue;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
    given[i] = &types[i];
  }
  RUNG_TRY(rung_linear_attention_check(j->p, given, &j->s));
  j->heads = (size_t)j->p->kv_num_heads;
  j->group = (size_t)RUNG_MAX(j->p->q_num_heads / j->p->kv_num_heads, 1);
  j->sharing = (size_t)RUNG_MAX(j->p->kv_num_heads / j->p->q_num_heads, 1);
  j->length = (size_t)j->s.length, j->key = (size_t)j->s.key, j->value = (size_t)j->s.value;
  j->scale = j->p->scale != 0 ? j->p->scale : 1 / sqrtf((float)j->key);
  return NULL;
}

static size_t linear_floats(const linear_job *j) {
  return RUNG_ROUND_UP(j->key * j->value + 3 * j->key + 2 * j->value, 16);
}

static rung_status *prepare_LinearAttention(rung_kernel_call *call) {
  linear_job j;
  RUNG_TRY(make_linear(call, &j));
  return rung_mul_size(linear_floats(&j) * sizeof(float), call->host->threads, &call->scratch_size)
             ? NULL
             : rung_status_out_of_memory();
}

static void load(const linear_job *j, uint32_t input, size_t at, size_t n, float *to) {
  rung_load_f32(j->in[input]->dtype, j->in[input]->data, at, 1, n, to);
}

/* state *= exp(decay) */
static void decay_state(const linear_job *j, size_t token, size_t head, float *decay, float *state) {
  size_t per_head = j->s.decay_per_key ? j->key : 1;
  load(j, RUNG_LINEAR_DECAY, (token * j->heads + head) * per_head, per_head, decay);
  for (size_t i = 0; i < j->key; i++) {
    float factor = rung_exp_f32(decay[j->s.decay_per_key ? i : 0]);
    for (size_t k = 0; k < j->value; k++) state[i * j->value + k] *= factor;
  }
}

/* value = beta * (value - state' key) */
static void correct_value(const linear_job *j, size_t token, size_t head, const float *key, const float *state,
                          float *spare, float *value) {
  float beta;
  load(j, RUNG_LINEAR_BETA, j->s.beta_per_head ? token * j->heads + head : token, 1, &beta);
  memset(spare, 0, j->value * sizeof *spare);
  for (size_t i = 0; i < j->key; i++)
    for (size_t k = 0; k < j->value; k++) spare[k] += key[i] * state[i * j->value + k];
  for (size_t k = 0; k < j->value; k++) value[k] = beta * (value[k] - spare[k]);
}

/* One result per head of the query that shares the state. */
static void read_state(const linear_job *j, size_t token, size_t head, const float *state, float *query,
                       float *result) {
  for (size_t g = 0; g < j->group && j->out; g++) {
    size_t at = (token * j->heads + head) * j->group + g;
    load(j, RUNG_LINEAR_Q, at / j->sharing * j->key, j->key, query);
    memset(result, 0, j->value * sizeof *result);
    for (size_t i = 0; i < j->key; i++)
      for (size_t k = 0; k < j->value; k++) result[k] += query[i] * state[i * j->value + k];
    for (size_t k = 0; k < j->value; k++) result[k] *= j->scale;
    rung_store_f32(j->out->dtype, j->out->data, at * j->value, 1, j->value, result);
  }
}

/* The state after `token` tokens of `length`, the slots of which are for the last ones. */
static void keep_state(const linear_job *j, size_t at, size_t token, const float *state) {
  size_t slots = RUNG_MAX((size_t)j->p->state_window, 1), left = j->length - token, size = j->key * j->value;
  if (!j->present || left >= slots) return;
  size_t slot = (slots - 1 - left) * (size_t)j->s.batch * j->heads * size;
  rung_store_f32(j->present->dtype, j->present->data, slot + at, 1, size, state);
}

static void run_head(const linear_job *j, size_t sample, size_t head, float *space) {
  float *state = space, *query = state + j->key * j->value, *key = query + j->key, *decay = key + j->key;
  float *value = decay + j->key, *result = value + j->value;
  size_t state_size = j->key * j->value, state_at = (sample * j->heads + head) * state_size;
  int rule = j->p->update_rule;
  size_t last = (size_t)RUNG_MAX(j->p->state_window - 1, 0) * (size_t)j->s.batch * j->heads * state_size;
  if (j->in[RUNG_LINEAR_PAST])
    load(j, RUNG_LINEAR_PAST, last + state_at, state_size, state);
  else
    memset(state, 0, state_size * sizeof *state);
  for (size_t t = 0; t < j->length; t++) {
    size_t token = sample * j->length + t;
    load(j, RUNG_LINEAR_K, (token * j->heads + head) * j->key, j->key, key);
    load(j, RUNG_LINEAR_V, (token * j->heads + head) * j->value, j->value, value);
    if (rule == RUNG_UPDATE_GATED || rule == RUNG_UPDATE_GATED_DELTA) decay_state(j, token, head, decay, state);
    if (rule == RUNG_UPDATE_DELTA || rule == RUNG_UPDATE_GATED_DELTA)
      correct_value(j, token, head, key, state, result, value);
    for (size_t i = 0; i < j->key; i++)
      for (size_t k = 0; k < j->value; k++) state[i * j->value + k] += key[i] * value[k];
    read_state(j, token, head, state, query, result);
    keep_state(j, state_at, t + 1, state);
  }
  if (!j->length) keep_state(j, state_at, 0, state);
}

static void run_heads(void *context, size_t begin, size_t end) {
  const linear_job *j = context;
  float *space = j->scratch + rung_pool_slot() * linear_floats(j);
  for (size_t i = begin; i < end; i++) run_head(j, i / j->heads, i % j->heads, space);
}

static rung_status *run_LinearAttention(rung_kernel_call *call) {
  linear_job j;
  RUNG_TRY(make_linear(call, &j));
  j.scratch = call->scratch;
  if (j.present && j.p->state_window > 1 && j.present->size) memset(j.present->data, 0, j.present->size);
  size_t cost = j.length * j.key * j.value * (2 + j.group) / 4;
  rung_kernel_parallel(call, (size_t)j.s.batch * j.heads, rung_kernel_grain(cost), run_heads, &j);
  return NULL;
}

#define NARROW (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

const rung_kernel rung_cpu_LinearAttention = {
    .types = {{'T', NARROW}, {'S', NARROW}}, .prepare = prepare_LinearAttention, .run = run_LinearAttention};
const rung_kernel rung_cpu_ms_LinearAttention = {
    .types = {{'T', NARROW}, {'S', NARROW}}, .prepare = prepare_LinearAttention, .run = run_LinearAttention};

/* CausalConvWithState: the state stands before the input; each result looks at `size` elements up to its own. */

typedef struct causal_job {
  const rung_tensor *x, *weight, *bias, *past;
  rung_tensor *y, *present;
  size_t batch, channels, length, size, dilation, before; /* before: elements of a channel's state */
  size_t slots;                                           /* states that come in and go out */
  bool activate, last;                                    /* last: channels are neighbours */
  float *scratch;                                         /* per thread: state and input, weights, results */
} causal_job;

static rung_status *make_causal(const rung_kernel_call *call, causal_job *j) {
  const rung_causal_conv_params *p = call->params;
  *j = (causal_job){.x = rung_in(call, 0),
                    .weight = rung_in(call, 1),
                    .bias = rung_in(call, 2),
                    .past = rung_in(call, 3),
                    .y = rung_out(call, 0),
                    .present = rung_out(call, 1),
                    .dilation = (size_t)RUNG_MAX(p->dilation, 1),
                    .slots = (size_t)RUNG_MAX(p->state_window, 1),
                    .activate = p->activation != 0,
                    .last = p->channels_last != 0};
  j->batch = (size_t)j->x->dims[0], j->size = (size_t)j->weight->dims[2];
  j->length = (size_t)j->x->dims[j->last ? 1 : 2];
  j->channels = j->last ? (size_t)rung_tensor_span(j->x, 2, j->x->rank) : (size_t)j->x->dims[1];
  RUNG_RUN_REQUIRE(j->size > 0, "the weight is empty");
  RUNG_RUN_REQUIRE(j->channels == (size_t)j->weight->dims[0] && (!j->bias || rung_tensor_count(j->bias) == j->channels),
                   "weight or bias are not for %zu channels", j->channels);
  j->before = (j->size - 1) * j->dilation;
  return NULL;
}

static size_t causal_floats(const causal_job *j) { return RUNG_ROUND_UP(2 * (j->length + j->size) + j->before, 16); }

static rung_status *prepare_CausalConvWithState(rung_kernel_call *call) {
  causal_job j;
  RUNG_TRY(make_causal(call, &j));
  return rung_mul_size(causal_floats(&j) * sizeof(float), call->host->threads, &call->scratch_size)
             ? NULL
             : rung_status_out_of_memory();
}

/* Where the `length` elements of a channel of a sample begin, and how far apart they lie. */
static size_t channel_at(const causal_job *j, size_t row, size_t length, size_t *step) {
  *step = j->last ? j->channels : 1;
  return j->last ? row / j->channels * j->channels * length + row % j->channels : row * length;
}

/* The state after each of the last elements, or after none: x is the old state and the input. */
static void keep_states(const causal_job *j, size_t row, const float *x) {
  size_t step, at = channel_at(j, row, j->before, &step), slot_size = j->batch * j->channels * j->before;
  for (size_t slot = 0; slot < j->slots && j->present; slot++) {
    size_t left = j->slots - 1 - slot; /* elements behind it */
    if (left < j->length || left == 0)
      rung_store_f32(j->present->dtype, j->present->data, slot * slot_size + at, step, j->before, x + j->length - left);
  }
}

static void run_channel(const causal_job *j, size_t row, float *space) {
  size_t channel = row % j->channels, before = j->before, step, at = channel_at(j, row, before, &step);
  float *x = space, *weight = x + j->length + before, *y = weight + j->size;
  float bias = 0;
  if (j->past)
    rung_load_f32(j->past->dtype, j->past->data, (j->slots - 1) * j->batch * j->channels * before + at, step, before,
                  x);
  else
    memset(x, 0, before * sizeof *x);
  at = channel_at(j, row, j->length, &step);
  rung_load_f32(j->x->dtype, j->x->data, at, step, j->length, x + before);
  rung_load_f32(j->weight->dtype, j->weight->data, channel * j->size, 1, j->size, weight);
  if (j->bias) rung_load_f32(j->bias->dtype, j->bias->data, channel, 1, 1, &bias);
  for (size_t t = 0; t < j->length; t++) y[t] = bias;
  for (size_t k = 0; k < j->size; k++)
    for (size_t t = 0; t < j->length; t++) y[t] += weight[k] * x[t + k * j->dilation];
  for (size_t t = 0; t < j->length && j->activate; t++) y[t] *= rung_sigmoid_f32(y[t]);
  if (j->y) rung_store_f32(j->y->dtype, j->y->data, at, step, j->length, y);
  keep_states(j, row, x);
}

static void run_channels(void *context, size_t begin, size_t end) {
  const causal_job *j = context;
  float *space = j->scratch + rung_pool_slot() * causal_floats(j);
  for (size_t i = begin; i < end; i++) run_channel(j, i, space);
}

static rung_status *run_CausalConvWithState(rung_kernel_call *call) {
  causal_job j;
  RUNG_TRY(make_causal(call, &j));
  j.scratch = call->scratch;
  if (j.present && j.slots > 1 && j.present->size) memset(j.present->data, 0, j.present->size);
  rung_kernel_parallel(call, j.batch * j.channels, rung_kernel_grain(j.length * j.size), run_channels, &j);
  return NULL;
}

static const char *refuse_causal(const rung_node *node, rung_reason *out_reason) {
  if (((const rung_causal_conv_params *)node->params)->ndim <= 1) return NULL;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  return "more than one spatial dimension (ndim)";
}

const rung_kernel rung_cpu_CausalConvWithState = {
    .types = {{'T', NARROW}}, .prepare = prepare_CausalConvWithState, .run = run_CausalConvWithState};
const rung_kernel rung_cpu_ms_CausalConvWithState = {.types = {{'T', NARROW}},
                                                     .refuse = refuse_causal,
                                                     .prepare = prepare_CausalConvWithState,
                                                     .run = run_CausalConvWithState};
