/* MoE, QMoE. Expert after expert: the tokens that go to it are gathered, up to CHUNK at a time, and taken through its
 * layers, which are products like others (form/gemm.h, with form/nbits.h for codes); the results are added up in
 * float32, in the order of the experts. */
#include "op/ms_moe.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/form/nbits.h"
#include "provider/cpu/kernel/isa.h"

#include <math.h>

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

enum { CHUNK = 64 };

/* One layer of all experts: W (experts, n, k). */
typedef struct moe_layer {
  const rung_tensor *weights, *scales, *bias, *zeros; /* weights NULL: there is none */
  size_t n, k;
  rung_nbits nbits;    /* of one expert, when quantised */
  size_t expert_bytes; /* packed */
  size_t packed_at;    /* where those of all experts begin in the packed block, or in scratch */
} moe_layer;

typedef struct moe {
  const rung_kernel_call *call;
  const rung_moe_params *p;
  bool quantized;
  size_t tokens, hidden, experts, inter, k;
  moe_layer layers[RUNG_MOE_LAYERS];
  size_t packed_bytes;
} moe;

static bool is_fused(const rung_moe_params *p) {
  return p->activation_type == RUNG_MOE_SWIGLU && p->swiglu_fusion != RUNG_SWIGLU_APART;
}

static rung_status *require_shape(const rung_tensor *t, const char *name, size_t layer, int32_t rank,
                                  const size_t *dims) {
  if (!t) return NULL;
  RUNG_RUN_REQUIRE(t->rank == rank, "%s of fc%zu have rank %d, not %d", name, layer + 1, t->rank, rank);
  for (int32_t i = 0; i < rank; i++)
    RUNG_RUN_REQUIRE((size_t)t->dims[i] == dims[i], "dimension %d of the %s of fc%zu is %lld, not %zu", i, name,
                     layer + 1, (long long)t->dims[i], dims[i]);
  return NULL;
}

static rung_status *check_quantized(moe *m, size_t i) {
  moe_layer *l = &m->layers[i];
  size_t block = m->p->block_size ? (size_t)m->p->block_size : l->k, bits = (size_t)m->p->bits[i],
         bytes = l->k * bits / 8;
  RUNG_RUN_REQUIRE(l->k * bits % 8 == 0, "rows of fc%zu, %zu codes of %zu bits, are not whole bytes", i + 1, l->k,
                   bits);
  RUNG_RUN_REQUIRE(l->k % block == 0, "rows of fc%zu, %zu codes, are not whole blocks of %zu", i + 1, l->k, block);
  RUNG_RUN_REQUIRE(l->scales, "the scales of fc%zu are missing", i + 1);
  RUNG_REQUIRE(rung_nbits_make(rung_isa(m->call->host), l->n, l->k, bits, block, &l->nbits), LIMIT,
               "weights are too large");
  int32_t rank = m->p->block_size ? 3 : 2;
  const size_t codes[3] = {m->experts, l->n, bytes}, scales[3] = {m->experts, l->n, l->nbits.blocks},
               zeros[3] = {m->experts, rank == 3 ? l->n : RUNG_DIV_UP(l->n * bits, 8),
                           rung_nbits_zero_bytes(&l->nbits)};
  RUNG_TRY(require_shape(l->weights, "weights", i, 3, codes));
  RUNG_TRY(require_shape(l->scales, "scales", i, rank, scales));
  RUNG_TRY(require_shape(l->zeros, "zero points", i, rank, zeros));
  l->expert_bytes = l->nbits.size;
  return NULL;
}

static rung_status *check_layer(moe *m, size_t i) {
  moe_layer *l = &m->layers[i];
  size_t floats, bytes;
  const size_t sizes[3] = {m->experts, l->n, l->k};
  if (!l->weights) return NULL;
  if (m->quantized) {
    RUNG_TRY(check_quantized(m, i));
  } else {
    RUNG_TRY(require_shape(l->weights, "weights", i, 3, sizes));
    RUNG_REQUIRE(rung_gemm_packed_size(rung_isa(m->call->host), l->k, l->n, &floats), LIMIT, "weights are too large");
    l->expert_bytes = RUNG_ROUND_UP(floats * sizeof(float), RUNG_TENSOR_ALIGN);
  }
  RUNG_TRY(require_shape(l->bias, "biases", i, 2, sizes));
  l->packed_at = m->packed_bytes;
  RUNG_REQUIRE(rung_mul_size(l->expert_bytes, m->experts, &bytes) && bytes < SIZE_MAX / 4 &&
                   rung_add_size(m->packed_bytes, RUNG_ROUND_UP(bytes, RUNG_TENSOR_ALIGN), &m->packed_bytes),
               LIMIT, "weights are too large");
  return NULL;
}

/* Sizes from the weights alone. */
static rung_status *make_layers(const rung_kernel_call *call, bool quantized, moe *m) {
  const rung_moe_layer_inputs *inputs = quantized ? rung_qmoe_inputs : rung_moe_inputs;
  const rung_moe_params *p = call->params;
  *m = (moe){.call = call, .p = p, .quantized = quantized, .k = (size_t)p->k};
  for (size_t i = 0; i < RUNG_MOE_LAYERS; i++) {
    moe_layer *l = &m->layers[i];
    l->weights = rung_in(call, inputs[i].weights);
    l->bias = rung_in(call, inputs[i].bias);
    if (inputs[i].scales) l->scales = rung_in(call, inputs[i].scales);
    if (inputs[i].zeros) l->zeros = rung_in(call, inputs[i].zeros);
  }
  const rung_tensor *first = m->layers[0].weights, *second = m->layers[1].weights;
  RUNG_RUN_REQUIRE(first->rank == 3 && second->rank == 3, "weights must have three dimensions");
  size_t parts = is_fused(m->p) ? 2 : 1;
  m->experts = (size_t)first->dims[0];
  m->hidden = (size_t)second->dims[1];
  m->inter = (size_t)first->dims[1] / parts;
  RUNG_RUN_REQUIRE(m->hidden && m->inter && (size_t)first->dims[1] == parts * m->inter, "experts of %zu and %lld rows",
                   m->hidden, (long long)first->dims[1]);
  RUNG_RUN_REQUIRE(m->k <= m->experts, "%zu of %zu experts are asked for", m->k, m->experts);
  RUNG_RUN_REQUIRE(m->p->activation_type != RUNG_MOE_SWIGLU || is_fused(m->p) != (m->layers[2].weights != NULL),
                   "swiglu takes its values from fc1 (fused), or from fc3");
  m->layers[0].n = parts * m->inter, m->layers[0].k = m->hidden;
  m->layers[1].n = m->hidden, m->layers[1].k = m->inter;
  m->layers[2].n = m->inter, m->layers[2].k = m->hidden;
  for (size_t i = 0; i < RUNG_MOE_LAYERS; i++) RUNG_TRY(check_layer(m, i));
  return NULL;
}

static rung_status *make_moe(const rung_kernel_call *call, bool quantized, moe *m) {
  const rung_tensor *x = rung_in(call, 0), *router = rung_in(call, 1),
                    *mixing = quantized ? rung_in(call, RUNG_QMOE_ROUTER_WEIGHTS) : NULL;
  RUNG_TRY(make_layers(call, quantized, m));
  RUNG_RUN_REQUIRE(x->rank >= 2 && x->dims[x->rank - 1] == (int64_t)m->hidden && rung_out(call, 0),
                   "the input has no rows of %zu elements", m->hidden);
  m->tokens = rung_tensor_count(x) / m->hidden;
  for (int i = 0; i < 2; i++) {
    const rung_tensor *t = i ? mixing : router;
    RUNG_RUN_REQUIRE(!t || (t->rank == 2 && t->dims[0] == (int64_t)m->tokens && t->dims[1] == (int64_t)m->experts),
                     "%s must be (%zu, %zu)", i ? "router_weights" : "router_probs", m->tokens, m->experts);
  }
  return NULL;
}

/* Packing. Zero points of rows of one block are packed across rows: they are made floats first. */

static rung_status *pack_codes(const moe *m, size_t i, char *to) {
  const moe_layer *l = &m->layers[i];
  const rung_allocator *allocator = m->call->host->allocator;
  size_t bits = (size_t)m->p->bits[i], each = 8 / bits, rows = m->experts * l->n, row_bytes = RUNG_DIV_UP(l->n, each);
  rung_nbits_source source = {.codes = l->weights->data, .scales = l->scales, .zeros = l->zeros};
  rung_tensor floats = {.dtype = RUNG_F32, .rank = 1, .dims = {(int64_t)rows}, .size = rows * sizeof(float)};
  if (l->zeros && !m->p->block_size) {
    floats.data = rung_alloc_data(allocator, floats.size, "zeros");
    RUNG_CHECK_ALLOC(floats.data);
    for (size_t r = 0; r < rows; r++) {
      size_t row = r % l->n, byte = r / l->n * row_bytes + row / each;
      unsigned code = ((const uint8_t *)l->zeros->data)[byte] >> (row % each * bits) & ((1u << bits) - 1);
      ((float *)floats.data)[r] = (float)code;
    }
    source.zeros = &floats;
  }
  for (size_t e = 0; e < m->experts; e++) {
    source.first = e * l->n;
    source.codes = (const uint8_t *)l->weights->data + e * l->n * rung_nbits_code_bytes(&l->nbits);
    rung_nbits_pack(&l->nbits, &source, to + e * l->expert_bytes);
  }
  rung_free(allocator, floats.data);
  return NULL;
}

static rung_status *pack_layer(const moe *m, size_t i, char *to) {
  const moe_layer *l = &m->layers[i];
  if (!l->weights) return NULL;
  if (m->quantized) return pack_codes(m, i, to);
  size_t bytes = l->n * l->k * rung_dtype_size(l->weights->dtype);
  for (size_t e = 0; e < m->experts; e++)
    rung_gemm_pack(rung_isa(m->call->host), l->k, l->n, &(const rung_matrix){l->weights->dtype, 1, l->k},
                   (const char *)l->weights->data + e * bytes, (float *)(to + e * l->expert_bytes));
  return NULL;
}

static rung_status *pack_layers(const moe *m, char *to) {
  for (size_t i = 0; i < RUNG_MOE_LAYERS; i++) RUNG_TRY(pack_layer(m, i, to + m->layers[i].packed_at));
  return NULL;
}

/* Weights, with scales and zero points, are laid out when they are all constant. */
static rung_status *pack_moe(rung_kernel_call *call, bool quantized, void **out_packed) {
  const rung_moe_layer_inputs *inputs = quantized ? rung_qmoe_inputs : rung_moe_inputs;
  const rung_node *node = call->node;
  moe m;
  for (size_t i = 0; i < RUNG_MOE_LAYERS; i++) {
    const uint32_t needed[3] = {inputs[i].weights, inputs[i].scales, inputs[i].zeros};
    for (int k = 0; k < 3; k++)
      if (needed[k] && needed[k] < node->input_count && node->inputs[needed[k]] && !rung_in(call, needed[k]))
        return NULL;
  }
  RUNG_TRY(make_layers(call, quantized, &m));
  void *packed = rung_alloc_data(call->host->allocator, RUNG_MAX(m.packed_bytes, 1), "weights");
  RUNG_CHECK_ALLOC(packed);
  rung_status *status = pack_layers(&m, packed);
  if (status)
    rung_free(call->host->allocator, packed);
  else
    *out_packed = packed;
  return status;
}

/* Preparing. Scratch: what pack has not made, then what a run needs. */

typedef struct workspace {
  size_t packed, experts, factors, ratings; /* per token and choice, the last per expert */
  size_t tokens;                            /* of a chunk: the number of the choice */
  size_t x, first, third, hidden, y, sum;   /* rows of a chunk; sums of all tokens */
  size_t bias, gemm;
} workspace;

static bool take_space(size_t *used, size_t count, size_t size, size_t *out_at) {
  size_t bytes;
  *out_at = RUNG_ROUND_UP(*used, RUNG_TENSOR_ALIGN);
  return *used < SIZE_MAX / 4 && rung_mul_size(count, size, &bytes) && bytes < SIZE_MAX / 4 &&
         rung_add_size(*out_at, bytes, used);
}

static rung_status *lay_out(const moe *m, workspace *w) {
  size_t used = 0, most = RUNG_MAX(m->layers[0].n, RUNG_MAX(m->hidden, m->inter)), choices;
  bool fits = rung_mul_size(m->tokens, m->k, &choices) &&
              take_space(&used, m->call->packed ? 0 : m->packed_bytes, 1, &w->packed) &&
              take_space(&used, choices, sizeof(int32_t), &w->experts) &&
              take_space(&used, choices, sizeof(float), &w->factors) &&
              take_space(&used, m->experts, sizeof(float), &w->ratings) &&
              take_space(&used, CHUNK, sizeof(size_t), &w->tokens) &&
              take_space(&used, CHUNK * m->hidden, sizeof(float), &w->x) &&
              take_space(&used, CHUNK * m->layers[0].n, sizeof(float), &w->first) &&
              take_space(&used, m->layers[2].weights ? CHUNK * m->inter : 0, sizeof(float), &w->third) &&
              take_space(&used, CHUNK * m->inter, sizeof(float), &w->hidden) &&
              take_space(&used, CHUNK * m->hidden, sizeof(float), &w->y) &&
              take_space(&used, m->tokens * m->hidden, sizeof(float), &w->sum) &&
              take_space(&used, most, sizeof(float), &w->bias) && take_space(&used, 0, 1, &w->gemm);
  return fits ? NULL : RUNG_ERROR(LIMIT, "the mixture is too large");
}

static rung_gemm plan_layer(const moe *m, size_t i, size_t rows) {
  const moe_layer *l = &m->layers[i];
  rung_gemm g = {.m = rows,
                 .n = l->n,
                 .k = l->k,
                 .alpha = 1,
                 .b_packed = !m->quantized,
                 .fill_b = m->quantized ? rung_nbits_fill : NULL,
                 .a = {RUNG_F32, l->k, 1},
                 .b = {RUNG_F32, 1, l->k},
                 .c = {RUNG_F32, l->n, 1}};
  rung_gemm_plan(m->call, &g);
  return g;
}

static rung_status *prepare_moe(rung_kernel_call *call, bool quantized) {
  moe m;
  workspace w;
  size_t most = 0, one;
  RUNG_TRY(make_moe(call, quantized, &m));
  RUNG_TRY(lay_out(&m, &w));
  for (size_t i = 0; i < RUNG_MOE_LAYERS; i++)
    for (size_t rows = 1; m.layers[i].weights && rows <= RUNG_MIN(m.tokens, (size_t)CHUNK); rows++) {
      rung_gemm g = plan_layer(&m, i, rows);
      if (!rung_gemm_scratch(&g, &one)) return rung_status_out_of_memory();
      most = RUNG_MAX(most, one);
    }
  return rung_add_size(w.gemm, most, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* Routing */

/* The k experts with the highest ratings, of equal ones the later, and what they weigh. */
static void route_token(const moe *m, const float *ratings, const rung_tensor *mixing, size_t token, int32_t *experts,
                        float *factors) {
  float largest = ratings[0], sum = 0, chosen = 0;
  for (size_t e = 1; e < m->experts; e++) largest = RUNG_MAX(largest, ratings[e]);
  for (size_t e = 0; e < m->experts; e++) sum += expf(ratings[e] - largest);
  for (size_t j = 0; j < m->k; j++) {
    int32_t best = -1;
    for (size_t e = 0; e < m->experts; e++) {
      bool taken = false;
      for (size_t i = 0; i < j; i++) taken |= experts[i] == (int32_t)e;
      if (!taken && (best < 0 || ratings[e] >= ratings[best])) best = (int32_t)e;
    }
    experts[j] = RUNG_MAX(best, 0); /* NaN compares with nothing */
    factors[j] = expf(ratings[experts[j]] - largest) / sum;
    if (mixing) rung_load_f32(mixing->dtype, mixing->data, token * m->experts + (size_t)experts[j], 1, 1, &factors[j]);
    chosen += factors[j];
  }
  bool normalize = m->p->normalize_routing_weights || (m->quantized && !mixing); /* as ONNX Runtime has it */
  for (size_t j = 0; j < m->k && normalize; j++) factors[j] /= chosen;
}

static void route(const moe *m, const workspace *w) {
  const rung_tensor *router = rung_in(m->call, 1),
                    *mixing = m->quantized ? rung_in(m->call, RUNG_QMOE_ROUTER_WEIGHTS) : NULL;
  char *scratch = m->call->scratch;
  float *ratings = (float *)(scratch + w->ratings);
  for (size_t t = 0; t < m->tokens; t++) {
    rung_load_f32(router->dtype, router->data, t * m->experts, 1, m->experts, ratings);
    route_token(m, ratings, mixing, t, (int32_t *)(scratch + w->experts) + t * m->k,
                (float *)(scratch + w->factors) + t * m->k);
  }
}

/* Experts */

static void swiglu(const moe *m, size_t rows, const float *gates, size_t row, size_t step, const float *values,
                   size_t values_row, float *to) {
  const rung_moe_params *p = m->p;
  float limit = p->swiglu_limit;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < m->inter; i++) {
      float g = RUNG_MIN(gates[r * row + i * step], limit), v = values[r * values_row + i * step];
      v = RUNG_CLAMP(v, -limit, limit);
      to[r * m->inter + i] = g / (1 + expf(-p->activation_alpha * g)) * (v + p->activation_beta);
    }
}

/* f of the first layer, times the third if there is one. */
static void activate(const moe *m, size_t rows, const float *first, const float *third, float *to) {
  static const float plain[2] = {1, 0};
  const rung_math *math = rung_math_for(rung_isa(m->call->host));
  size_t count = rows * m->inter, n = m->layers[0].n;
  if (m->p->activation_type == RUNG_MOE_SWIGLU) {
    bool in_turn = m->p->swiglu_fusion == RUNG_SWIGLU_IN_TURN;
    if (third)
      swiglu(m, rows, first, n, 1, third, m->inter, to);
    else
      swiglu(m, rows, first, n, in_turn ? 2 : 1, first + (in_turn ? 1 : m->inter), n, to);
    return;
  }
  if (m->p->activation_type == RUNG_MOE_RELU)
    math->unary[RUNG_MATH_relu](count, first, to, NULL);
  else if (m->p->activation_type == RUNG_MOE_GELU)
    math->unary[RUNG_MATH_gelu_tanh](count, first, to, NULL);
  else if (m->p->activation_type == RUNG_MOE_SILU)
    math->unary[RUNG_MATH_swish](count, first, to, plain);
  else
    memcpy(to, first, count * sizeof *to);
  for (size_t i = 0; i < count && third; i++) to[i] *= third[i];
}

static void run_layer(const moe *m, const workspace *w, size_t i, size_t expert, size_t rows, const float *x,
                      float *y) {
  const moe_layer *l = &m->layers[i];
  char *scratch = m->call->scratch;
  const char *packed = m->call->packed ? m->call->packed : scratch + w->packed;
  packed += l->packed_at + expert * l->expert_bytes;
  rung_nbits_matrix matrix = {&l->nbits, packed, NULL};
  rung_gemm g = plan_layer(m, i, rows);
  rung_gemm_run run = {
      .a = x, .b = m->quantized ? (const void *)&matrix : packed, .c = y, .epilogue = {.residual_scale = 1}};
  if (l->bias) {
    float *bias = (float *)(scratch + w->bias);
    rung_load_f32(l->bias->dtype, l->bias->data, expert * l->n, 1, l->n, bias);
    run.epilogue.bias = bias;
  }
  rung_gemm_run_all(m->call, &g, &run, scratch + w->gemm);
}

/* A chunk of choices that name this expert. */
static void run_chunk(const moe *m, const workspace *w, size_t expert, size_t rows) {
  char *scratch = m->call->scratch;
  const rung_tensor *in = rung_in(m->call, 0);
  const size_t *choices = (const size_t *)(scratch + w->tokens);
  const float *factors = (const float *)(scratch + w->factors);
  float *x = (float *)(scratch + w->x), *first = (float *)(scratch + w->first),
        *hidden = (float *)(scratch + w->hidden), *y = (float *)(scratch + w->y), *sum = (float *)(scratch + w->sum),
        *third = m->layers[2].weights ? (float *)(scratch + w->third) : NULL;
  for (size_t r = 0; r < rows; r++)
    rung_load_f32(in->dtype, in->data, choices[r] / m->k * m->hidden, 1, m->hidden, x + r * m->hidden);
  run_layer(m, w, 0, expert, rows, x, first);
  if (third) run_layer(m, w, 2, expert, rows, x, third);
  activate(m, rows, first, third, hidden);
  run_layer(m, w, 1, expert, rows, hidden, y);
  const rung_rows_f32 *kernels = rung_rows_f32_for(rung_isa(m->call->host));
  for (size_t r = 0; r < rows; r++)
    kernels->add_scaled(m->hidden, factors[choices[r]], y + r * m->hidden, sum + choices[r] / m->k * m->hidden);
}

static void run_experts(const moe *m, const workspace *w) {
  char *scratch = m->call->scratch;
  const int32_t *experts = (const int32_t *)(scratch + w->experts);
  size_t *choices = (size_t *)(scratch + w->tokens);
  for (size_t e = 0; e < m->experts; e++) {
    size_t rows = 0;
    for (size_t i = 0; i < m->tokens * m->k; i++) {
      if (experts[i] != (int32_t)e) continue;
      choices[rows++] = i;
      if (rows == CHUNK) run_chunk(m, w, e, rows), rows = 0;
    }
    if (rows) run_chunk(m, w, e, rows);
    if (rung_kernel_is_cancelled(m->call)) return;
  }
}

static rung_status *run_moe(rung_kernel_call *call, bool quantized) {
  moe m;
  workspace w;
  RUNG_TRY(make_moe(call, quantized, &m));
  RUNG_TRY(lay_out(&m, &w));
  char *scratch = call->scratch;
  rung_tensor *y = rung_out(call, 0);
  float *sum = (float *)(scratch + w.sum);
  if (!m.tokens) return NULL;
  if (!call->packed) RUNG_TRY(pack_layers(&m, scratch + w.packed));
  memset(sum, 0, m.tokens * m.hidden * sizeof *sum);
  route(&m, &w);
  run_experts(&m, &w);
  rung_store_f32(y->dtype, y->data, 0, 1, m.tokens * m.hidden, sum);
  return NULL;
}

static const char *refuse_moe(const rung_node *node, rung_reason *out_reason) {
  const rung_moe_params *p = node->params;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  if (p->use_sparse_mixer) return "use_sparse_mixer";
  if (p->quant_type) return "weights of fp4 or fp8 (quant_type)";
  return p->weights_prepacked == 1 ? "weights in another provider's layout (weights_prepacked)" : NULL;
}

#define MOE_KERNEL(symbol, quantized, packed, ...)                                                                 \
  static rung_status *pack_##symbol(rung_kernel_call *call, void **out) { return pack_moe(call, quantized, out); } \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_moe(call, quantized); }            \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_moe(call, quantized); }                    \
  const rung_kernel rung_cpu_ms_##symbol = {.types = {{'T', NARROW_FLOATS}, __VA_ARGS__},                          \
                                            .packs = packed,                                                       \
                                            .refuse = refuse_moe,                                                  \
                                            .pack = pack_##symbol,                                                 \
                                            .prepare = prepare_##symbol,                                           \
                                            .run = run_##symbol};
MOE_KERNEL(MoE, false, 1 << 2 | 1 << 4 | 1 << 6, {0})
MOE_KERNEL(QMoE, true, 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 7 << 11, {'Q', RUNG_SET(RUNG_U8)},
           {'S', NARROW_FLOATS})
