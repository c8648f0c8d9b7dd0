/* Conv and FusedConv: form/conv.h for floats up to 32 bits in one to three spatial dimensions, else form/conv_plain.h.
 * The fused form also serves steps that the provider has fused: Y = activation(conv(X, W) + B + Z). */
#include "op/convolution.h"

#include "provider/cpu/form/conv.h"
#include "provider/cpu/form/conv_plain.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/stand_in.h"
#include "provider/cpu/kernel/isa.h"

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

typedef struct conv_state {
  bool fast;
  rung_conv conv;
  rung_conv_plain plain;
  size_t weights_at, bias_at; /* bytes into scratch: weights as they are needed, bias as floats */
} conv_state;

static void pack_weights(const rung_kernel_call *call, const rung_tensor *w, float *packed) {
  size_t group = (size_t)((const rung_conv_params *)call->params)->group;
  rung_conv_pack(rung_isa(call->host), group, (size_t)w->dims[0] / group, (size_t)rung_tensor_span(w, 1, w->rank),
                 w->dtype, w->data, packed);
}

static bool floats_size(const rung_tensor *w, size_t *out_bytes) {
  return rung_mul_size(rung_tensor_count(w), sizeof(float), out_bytes);
}

static rung_status *pack_conv(rung_kernel_call *call, void **out_packed) {
  const rung_conv_params *p = call->params;
  const rung_tensor *w = rung_in(call, 1);
  size_t bytes;
  if (!w || w->dtype == RUNG_F64 || w->rank < 3 || w->dims[0] % p->group) return NULL;
  RUNG_REQUIRE(floats_size(w, &bytes), LIMIT, "weights are too large");
  *out_packed = rung_alloc_data(call->host->allocator, bytes, "weights");
  RUNG_CHECK_ALLOC(*out_packed);
  pack_weights(call, w, *out_packed);
  return NULL;
}

/* Preparing */

static bool add_space(size_t *total, size_t bytes, size_t *out_at) {
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return *total < SIZE_MAX / 2 && rung_add_size(*out_at, bytes, total);
}

static rung_status *prepare_conv(rung_kernel_call *call) {
  conv_state *state = call->state;
  const rung_tensor *x = rung_in(call, 0), *w = rung_in(call, 1), *bias = rung_in(call, 2), *z = rung_in(call, 3);
  rung_conv_shape shape;
  RUNG_TRY(rung_conv_shape_make(call->params, x, w, &shape));
  if (bias) RUNG_RUN_REQUIRE(bias->rank == 1 && bias->dims[0] == shape.out_channels, "the bias is for other channels");
  if (z) RUNG_RUN_REQUIRE(rung_tensor_same_shape(z, rung_out(call, 0)), "Z is not shaped like Y");
  state->fast = x->dtype != RUNG_F64 && rung_conv_plan(call, &shape, NULL, x->dtype, &state->conv);
  rung_conv_plain_make(&state->plain, &shape, false, x->dtype, w->dtype);
  size_t total, weights = 0, floats = 0;
  bool fits = floats_size(w, &floats);
  fits = fits && (state->fast ? rung_conv_scratch(&state->conv, &total)
                              : rung_conv_plain_scratch(&state->plain, call->host->threads, &total));
  if (state->fast && !call->packed) weights = floats;
  if (!state->fast && w->data && !rung_tensor_is_aligned(w)) weights = w->size;
  fits = fits && add_space(&total, weights, &state->weights_at) &&
         add_space(&total, bias ? (size_t)shape.out_channels * sizeof(float) : 0, &state->bias_at);
  RUNG_REQUIRE(fits, LIMIT, "the convolution is too large");
  call->scratch_size = total;
  return NULL;
}

/* Running */

static rung_status *run_fast(rung_kernel_call *call) {
  const conv_state *state = call->state;
  const rung_conv_params *p = call->params;
  const rung_tensor *w = rung_in(call, 1), *bias = rung_in(call, 2), *z = rung_in(call, 3);
  rung_conv_run run = {.x = rung_in(call, 0)->data,
                       .w = call->packed,
                       .y = rung_out(call, 0)->data,
                       .epilogue = {.residual = z ? z->data : NULL, .residual_scale = 1, .activation = p->activation}};
  if (!run.w) {
    float *packed = (float *)((char *)call->scratch + state->weights_at);
    pack_weights(call, w, packed);
    run.w = packed;
  }
  if (bias && bias->dtype != RUNG_F32) {
    float *wide = (float *)((char *)call->scratch + state->bias_at);
    rung_load_f32(bias->dtype, bias->data, 0, 1, rung_tensor_count(bias), wide);
    run.epilogue.bias = wide;
  } else if (bias) {
    run.epilogue.bias = bias->data;
  }
  rung_conv_run_all(call, &state->conv, &run, call->scratch);
  return NULL;
}

typedef struct plain_job {
  const conv_state *state;
  const rung_conv_params *params;
  const rung_tensor *bias, *z, *y;
  const rung_math *math;
} plain_job;

static void finish_double(const plain_job *j, size_t at, size_t m, size_t count, double *sums) {
  if (j->bias)
    for (size_t i = 0; i < count; i++) sums[i] += ((const double *)j->bias->data)[m];
  rung_store_f64(RUNG_F64, j->y->data, at, 1, count, sums);
}

static void finish_float(const plain_job *j, size_t at, size_t m, size_t count, float *sums) {
  float bias = 0, strip[64];
  if (j->bias) rung_load_f32(j->bias->dtype, j->bias->data, m, 1, 1, &bias);
  for (size_t done = 0; done < count; done += RUNG_COUNT(strip)) {
    size_t n = RUNG_MIN(RUNG_COUNT(strip), count - done);
    float *s = sums + done;
    for (size_t i = 0; i < n; i++) s[i] += bias;
    if (j->z) {
      rung_load_f32(j->z->dtype, j->z->data, at + done, 1, n, strip);
      for (size_t i = 0; i < n; i++) s[i] += strip[i];
    }
    rung_epilogue_activate(j->math, &j->params->activation, n, s);
    rung_store_f32(j->y->dtype, j->y->data, at + done, 1, n, s);
  }
}

static void finish_plain(void *context, size_t n, size_t m, void *sums) {
  const plain_job *j = context;
  size_t count = j->state->plain.out_count, at = (n * (size_t)j->state->plain.shape.out_channels + m) * count;
  if (j->y->dtype == RUNG_F64)
    finish_double(j, at, m, count, sums);
  else
    finish_float(j, at, m, count, sums);
}

static rung_status *run_conv(rung_kernel_call *call) {
  const conv_state *state = call->state;
  const rung_tensor *w = rung_in(call, 1);
  if (state->fast) return run_fast(call);
  plain_job job = {
      state, call->params, rung_in(call, 2), rung_in(call, 3), rung_out(call, 0), rung_math_for(rung_isa(call->host))};
  rung_conv_plain_run run = {.x = rung_in(call, 0)->data, .w = w->data, .finish = finish_plain, .context = &job};
  if (w->size && !rung_tensor_is_aligned(w)) {
    void *copy = (char *)call->scratch + state->weights_at;
    memcpy(copy, w->data, w->size);
    run.w = copy;
  }
  rung_conv_plain_run_all(call, &state->plain, &run, call->scratch);
  return NULL;
}

#define CONV_KERNEL(symbol, set)                                           \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}},            \
                                         .packs = 1 << 1,                  \
                                         .state_size = sizeof(conv_state), \
                                         .pack = pack_conv,                \
                                         .prepare = prepare_conv,          \
                                         .run = run_conv};
CONV_KERNEL(Conv, NARROW_FLOATS | RUNG_SET(RUNG_F64))
CONV_KERNEL(ms_FusedConv, NARROW_FLOATS)

/* com.microsoft: channels last */

static const rung_stand_in nhwc = {
    .kernel = &rung_cpu_ms_FusedConv,
    .input_count = 4,
    .inputs = {{.turned = true}, {.operand = 1}, {.operand = 2}, {.operand = 3, .turned = true}},
    .output = {.turned = true}};

static rung_status *pack_nhwc(rung_kernel_call *call, void **out) { return rung_stand_in_pack(call, &nhwc, out); }
static rung_status *prepare_nhwc(rung_kernel_call *call) { return rung_stand_in_prepare(call, &nhwc); }
static rung_status *run_nhwc(rung_kernel_call *call) { return rung_stand_in_run(call, &nhwc); }

#define NHWC_KERNEL(symbol, set)                                           \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}},            \
                                         .packs = 1 << 1,                  \
                                         .state_size = sizeof(conv_state), \
                                         .pack = pack_nhwc,                \
                                         .prepare = prepare_nhwc,          \
                                         .run = run_nhwc};
NHWC_KERNEL(ms_NhwcConv, NARROW_FLOATS | RUNG_SET(RUNG_F64))
NHWC_KERNEL(ms_NhwcFusedConv, NARROW_FLOATS)
