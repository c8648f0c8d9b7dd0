/* Convolutions of 8-bit integers: ConvInteger, QLinearConv, and the fused QuantizedConv (op/convolution.h). Sums are
 * int32 and wrap. form/conv_i8.h in one to three spatial dimensions, else form/conv_plain.h. */
#include "op/convolution.h"

#include "base/element.h"
#include "base/pool.h"
#include "provider/cpu/form/conv_i8.h"
#include "provider/cpu/form/conv_plain.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/stand_in.h"
#include "provider/cpu/kernel/isa.h"

#define BYTES (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8))

/* Which input is what, per operator; NONE: it has no such input. */
enum { NONE = UINT32_MAX };
typedef struct places {
  uint32_t w, x_scale, x_zero, w_scale, w_zero, y_scale, y_zero, bias, bias_scale;
} places;

static const places integer_places = {1, NONE, 2, NONE, 3, NONE, NONE, NONE, NONE};
static const places linear_places = {3, 1, 2, 4, 5, 6, 7, 8, NONE};
static const places fused_places = {3, 1, 2, 4, 5, 6, 7, 8, 9};

typedef struct conv_state {
  bool fast;
  rung_conv_i8 conv;
  rung_conv_plain plain;
  size_t weights_at, lists_at, bytes_at; /* in scratch: packed weights, lists per channel, plain results */
} conv_state;

static rung_status *pack_conv(rung_kernel_call *call, const places *at, void **out_packed) {
  const rung_conv_params *p = call->params;
  const rung_tensor *w = rung_in(call, at->w);
  rung_conv_i8_weights weights;
  if (!w || w->rank < 3 || w->dims[0] % p->group ||
      !rung_conv_i8_weights_make(rung_isa(call->host), (size_t)p->group, w, &weights))
    return NULL;
  uint8_t *scratch = rung_alloc_data(call->host->allocator, weights.row_bytes, "pack");
  *out_packed = rung_alloc_data(call->host->allocator, weights.size * sizeof(int32_t), "weights");
  if (scratch && *out_packed) rung_conv_i8_pack(&weights, w->data, *out_packed, scratch);
  rung_free(call->host->allocator, scratch);
  return scratch && *out_packed ? NULL : rung_status_out_of_memory();
}

/* Preparing */

static bool add_space(size_t *total, size_t bytes, size_t *out_at) {
  if (*total >= SIZE_MAX / 2) return false;
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return rung_add_size(*out_at, bytes, total);
}

enum { LISTS = 4 }; /* zero points of w, bias as int32, scale, bias as float */

static rung_status *prepare_conv(rung_kernel_call *call, const places *at) {
  conv_state *state = call->state;
  const rung_tensor *x = rung_in(call, 0), *w = rung_in(call, at->w);
  rung_conv_shape shape;
  RUNG_TRY(rung_conv_shape_make(call->params, x, w, &shape));
  state->fast = rung_conv_i8_plan(call, &shape, x, w, &state->conv);
  rung_conv_plain_make(&state->plain, &shape, false, x->dtype, w->dtype);
  size_t total = 0, weights = 0, threads = RUNG_MAX(call->host->threads, 1);
  bool fits = state->fast ? rung_conv_i8_scratch(&state->conv, &total)
                          : rung_conv_plain_scratch(&state->plain, threads, &total);
  const rung_conv_i8_weights *packed = &state->conv.weights;
  if (state->fast && !call->packed) weights = packed->size * sizeof(int32_t) + packed->row_bytes;
  fits = fits && add_space(&total, weights, &state->weights_at) &&
         add_space(&total, (size_t)shape.out_channels * LISTS * sizeof(float), &state->lists_at) &&
         add_space(&total, state->fast ? 0 : threads * state->plain.out_count, &state->bytes_at);
  RUNG_REQUIRE(fits, LIMIT, "the convolution is too large");
  call->scratch_size = total;
  return NULL;
}

/* Operands */

static const rung_tensor *input_at(const rung_kernel_call *call, uint32_t place) {
  return place == NONE ? NULL : rung_in(call, place);
}

/* One number; `fallback` when it is left out. */
static rung_status *one_number(const rung_kernel_call *call, uint32_t place, const char *name, double fallback,
                               double *out) {
  const rung_tensor *t = input_at(call, place);
  RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == 1, "%s must be one number", name);
  *out = t ? rung_element_get(t->dtype, t->data, 0) : fallback;
  return NULL;
}

/* One number, or one per output channel. */
static rung_status *check_list(const rung_tensor *t, const char *name, size_t channels) {
  size_t count = t ? rung_tensor_count(t) : 1;
  RUNG_RUN_REQUIRE(count == 1 || count == channels, "%s has %zu elements for %zu channels", name, count, channels);
  return NULL;
}

static void load_list(const rung_tensor *t, size_t channels, float *to) {
  rung_load_f32(t->dtype, t->data, 0, rung_tensor_count(t) > 1, channels, to);
}

/* Fills run->requantize, w_zeros and bias from the inputs; lists lie in scratch. */
static rung_status *read_operands(rung_kernel_call *call, const places *at, rung_conv_i8_run *run) {
  const conv_state *state = call->state;
  const rung_conv_params *p = call->params;
  size_t channels = (size_t)state->plain.shape.out_channels;
  const rung_tensor *w_zero = input_at(call, at->w_zero), *w_scale = input_at(call, at->w_scale);
  const rung_tensor *bias = input_at(call, at->bias), *bias_scale = input_at(call, at->bias_scale);
  int32_t *w_zeros = (int32_t *)((char *)call->scratch + state->lists_at), *sums = w_zeros + channels;
  float *scales = (float *)(sums + channels), *biases = scales + channels;
  double x_scale, x_zero, y_scale, y_zero;
  RUNG_TRY(one_number(call, at->x_zero, "the zero point of x", 0, &x_zero));
  RUNG_TRY(one_number(call, at->x_scale, "the scale of x", 1, &x_scale));
  RUNG_TRY(one_number(call, at->y_scale, "the scale of y", 1, &y_scale));
  RUNG_TRY(one_number(call, at->y_zero, "the zero point of y", 0, &y_zero));
  RUNG_TRY(check_list(w_zero, "the zero point of w", channels));
  RUNG_TRY(check_list(w_scale, "the scale of w", channels));
  RUNG_TRY(check_list(bias_scale, "the scale of the bias", channels));
  RUNG_RUN_REQUIRE(!bias || rung_tensor_count(bias) == channels, "the bias is for other channels");
  bool fused = at == &fused_places;
  if (w_zero) load_list(w_zero, channels, scales);
  for (size_t m = 0; m < channels; m++) w_zeros[m] = w_zero ? (int32_t)scales[m] : 0;
  if (bias && !fused) memcpy(sums, bias->data, channels * sizeof *sums);
  if (bias && fused) load_list(bias, channels, biases);
  if (bias && fused && bias_scale) {
    load_list(bias_scale, channels, scales);
    for (size_t m = 0; m < channels; m++) biases[m] *= scales[m];
  }
  if (w_scale) load_list(w_scale, channels, scales);
  for (size_t m = 0; m < channels && w_scale; m++)
    scales[m] = (float)x_scale * scales[m] / (fused ? 1 : (float)y_scale);
  run->x = rung_in(call, 0)->data;
  run->y = rung_out(call, 0)->data;
  run->x_zero = (int32_t)x_zero;
  run->w_zeros = w_zero ? w_zeros : NULL;
  run->bias = bias && !fused ? sums : NULL;
  run->requantize = (rung_requantize){.dtype = rung_out(call, 0)->dtype,
                                      .scale = scales,
                                      .scale_is_list = true,
                                      .bias = bias && fused ? biases : NULL,
                                      .activation = p->activation,
                                      .y_scale = fused ? (float)y_scale : 1,
                                      .y_zero = (int32_t)y_zero};
  return NULL;
}

/* Running */

typedef struct plain_job {
  const conv_state *state;
  const rung_conv_i8_run *run;
  const rung_math *math;
  const rung_quantize_table *quantize;
  char *bytes;
} plain_job;

static void finish_plain(void *context, size_t n, size_t m, void *sums) {
  const plain_job *j = context;
  const rung_requantize *r = &j->run->requantize;
  size_t count = j->state->plain.out_count, size = rung_dtype_size(r->dtype);
  uint8_t *bytes = (uint8_t *)j->bytes + rung_pool_slot() * count;
  for (size_t i = 0; i < count && j->run->bias; i++) ((uint32_t *)sums)[i] += (uint32_t)j->run->bias[m];
  rung_requantize_run(r, j->math, j->quantize, count, sums, m, false, bytes);
  memcpy((char *)j->run->y + (n * (size_t)j->state->plain.shape.out_channels + m) * count * size,
         size == 1 ? (void *)bytes : sums, count * size);
}

static void run_plain(rung_kernel_call *call, const places *at, const rung_conv_i8_run *run) {
  const conv_state *state = call->state;
  const rung_tensor *w_zero = input_at(call, at->w_zero);
  rung_cpu_set features = rung_isa(call->host);
  plain_job job = {state, run, rung_math_for(features), rung_quantize_for(features),
                   (char *)call->scratch + state->bytes_at};
  rung_conv_plain_run plain = {.x = run->x,
                               .w = rung_in(call, at->w)->data,
                               .x_zero = run->x_zero,
                               .w_zeros = w_zero ? w_zero->data : NULL,
                               .w_zero_step = w_zero && rung_tensor_count(w_zero) > 1,
                               .finish = finish_plain,
                               .context = &job};
  rung_conv_plain_run_all(call, &state->plain, &plain, call->scratch);
}

static rung_status *run_conv(rung_kernel_call *call, const places *at) {
  const conv_state *state = call->state;
  rung_conv_i8_run run = {.w = call->packed};
  RUNG_TRY(read_operands(call, at, &run));
  if (!state->fast) {
    run_plain(call, at, &run);
    return NULL;
  }
  if (!run.w) {
    const rung_conv_i8_weights *weights = &state->conv.weights;
    int32_t *packed = (int32_t *)((char *)call->scratch + state->weights_at);
    rung_conv_i8_pack(weights, rung_in(call, at->w)->data, packed, (uint8_t *)(packed + weights->size));
    run.w = packed;
  }
  rung_conv_i8_run_all(call, &state->conv, &run, call->scratch);
  return NULL;
}

#define CONV_KERNEL(symbol, places, ...)                                                                          \
  static rung_status *pack_##symbol(rung_kernel_call *call, void **out) { return pack_conv(call, &places, out); } \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_conv(call, &places); }            \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_conv(call, &places); }                    \
  const rung_kernel rung_cpu_##symbol = {.types = {__VA_ARGS__},                                                  \
                                         .state_size = sizeof(conv_state),                                        \
                                         .pack = pack_##symbol,                                                   \
                                         .prepare = prepare_##symbol,                                             \
                                         .run = run_##symbol};
CONV_KERNEL(ConvInteger, integer_places, {'A', BYTES}, {'B', BYTES})
CONV_KERNEL(QLinearConv, linear_places, {'A', BYTES}, {'B', BYTES}, {'C', BYTES})
CONV_KERNEL(QuantizedConv, fused_places, {'A', BYTES}, {'B', BYTES}, {'C', BYTES},
            {'D', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_I32)})

/* com.microsoft's QLinearConv: channels may be last. */

#define LINEAR(last)                \
  {.kernel = &rung_cpu_QLinearConv, \
   .input_count = 9,                \
   .inputs = {{.turned = last},     \
              {.operand = 1},       \
              {.operand = 2},       \
              {.operand = 3},       \
              {.operand = 4},       \
              {.operand = 5},       \
              {.operand = 6},       \
              {.operand = 7},       \
              {.operand = 8}},      \
   .output.turned = last}
static const rung_stand_in linear[2] = {LINEAR(false), LINEAR(true)};

static const rung_stand_in *linear_of(const rung_kernel_call *call) {
  return &linear[((const rung_conv_params *)call->params)->channels_last != 0];
}
static rung_status *pack_ms_linear(rung_kernel_call *call, void **out) {
  return rung_stand_in_pack(call, linear_of(call), out);
}
static rung_status *prepare_ms_linear(rung_kernel_call *call) { return rung_stand_in_prepare(call, linear_of(call)); }
static rung_status *run_ms_linear(rung_kernel_call *call) { return rung_stand_in_run(call, linear_of(call)); }

const rung_kernel rung_cpu_ms_QLinearConv = {.types = {{'A', BYTES}, {'B', BYTES}, {'C', BYTES}},
                                             .state_size = sizeof(conv_state),
                                             .pack = pack_ms_linear,
                                             .prepare = prepare_ms_linear,
                                             .run = run_ms_linear};
