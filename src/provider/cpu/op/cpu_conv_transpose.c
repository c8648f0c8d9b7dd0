/* ConvTranspose, without col2im: outputs that are a stride apart see the same taps of the kernel, so each such phase of
 * the output is a convolution of stride 1 (form/conv.h) with some of the taps in reverse order, stored with steps.
 *
 *     stride 2, kernel 4:  out[2 j] from taps 2, 0 of in[j - 1], in[j];  out[2 j + 1] from taps 3, 1
 *
 * Which taps depends on the residue (o + begin) % stride of an output o; weights are packed per residue, since `begin`
 * may depend on the input's size. Many phases (a stride of hundreds, as in vocoders), other ranks and float64 take
 * form/conv_plain.h. */
#include "op/convolution.h"

#include "provider/cpu/form/conv.h"
#include "provider/cpu/form/conv_plain.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/kernel/isa.h"

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

enum { MOST_PHASES = 64, DIMS = 3 };

typedef struct transpose_state {
  bool fast;
  rung_conv_shape shape;
  rung_conv_plain plain;
  size_t weights_at, bias_at; /* bytes into scratch: weights in the form they are needed in, bias as floats */
} transpose_state;

/* What pack and run have to know of the kernel: nothing here comes from the input's shape. */
typedef struct filter {
  int32_t rank;
  size_t group, in, out; /* channels of a group */
  size_t taps;
  int64_t kernel[DIMS], stride[DIMS], dilation[DIMS];
  size_t phases; /* 0: too many */
} filter;

static bool filter_make(const rung_conv_params *p, const rung_tensor *w, filter *f) {
  *f = (filter){.rank = w->rank - 2, .group = (size_t)p->group, .taps = (size_t)rung_tensor_span(w, 2, w->rank)};
  rung_ints strides = p->window.strides, dilations = p->window.dilations;
  if (f->rank < 1 || f->rank > DIMS || w->dtype == RUNG_F64 || w->dims[0] % p->group) return false;
  if ((strides.count && strides.count != (size_t)f->rank) || (dilations.count && dilations.count != (size_t)f->rank))
    return false;
  f->in = (size_t)(w->dims[0] / p->group);
  f->out = (size_t)w->dims[1];
  f->phases = 1;
  for (int32_t d = 0; d < f->rank; d++) {
    f->kernel[d] = w->dims[2 + d];
    f->stride[d] = strides.count ? strides.at[d] : 1;
    f->dilation[d] = dilations.count ? dilations.at[d] : 1;
    f->phases = f->stride[d] <= MOST_PHASES ? f->phases * (size_t)f->stride[d] : MOST_PHASES + 1;
    if (f->phases > MOST_PHASES) return false;
  }
  return true;
}

/* The taps of one dimension that outputs of a residue see: last, last - step, ... */
typedef struct residue {
  int64_t last, step, count;
  int64_t spread; /* of the inputs that neighbouring ones of these taps read */
} residue;

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

static residue residue_of(const filter *f, int32_t d, int64_t value) {
  int64_t common = gcd(f->stride[d], f->dilation[d]), step = f->stride[d] / common, first = 0;
  residue r = {.step = step, .spread = f->dilation[d] / common};
  while (first < step && first * f->dilation[d] % f->stride[d] != value) first++;
  if (first == step || first >= f->kernel[d]) return r;
  r.count = (f->kernel[d] - 1 - first) / step + 1;
  r.last = first + (r.count - 1) * step;
  return r;
}

/* Residues number `index`, in every dimension; returns how many taps they have together. */
static size_t residues_of(const filter *f, size_t index, residue *residues) {
  size_t taps = 1;
  for (int32_t d = f->rank - 1; d >= 0; d--) {
    residues[d] = residue_of(f, d, (int64_t)(index % (size_t)f->stride[d]));
    index /= (size_t)f->stride[d];
    taps *= (size_t)residues[d].count;
  }
  return taps;
}

/* Weights */

/* Tap number `t` of those of the residues, counted in all taps. */
static size_t tap_index(const filter *f, const residue *residues, size_t t) {
  size_t at = 0, scale = 1;
  for (int32_t d = f->rank - 1; d >= 0; d--) {
    const residue *r = &residues[d];
    at += (size_t)(r->last - (int64_t)(t % (size_t)r->count) * r->step) * scale;
    t /= (size_t)r->count;
    scale *= (size_t)f->kernel[d];
  }
  return at;
}

/* From (C, M / group, taps) to panels of output channels, [in][taps][rows] each: residue after residue, group after
 * group. Elements may lie at any byte. */
static void pack_residues(const rung_kernel_call *call, const filter *f, const rung_tensor *w, float *to) {
  const rung_gemm_f32 *kernel = rung_gemm_f32_for(rung_isa(call->host));
  size_t panels = rung_panel_count(kernel, f->out), size = rung_dtype_size(w->dtype);
  for (size_t i = 0; i < f->phases; i++) {
    residue residues[DIMS];
    size_t taps = residues_of(f, i, residues);
    for (size_t g = 0; g < f->group; g++)
      for (size_t p = 0, m = 0; p < panels; p++) {
        size_t end = rung_panel_end(f->out, panels, p);
        for (size_t k = 0; k < f->in * taps; k++)
          for (size_t row = m; row < end; row++) {
            size_t at = ((g * f->in + k / taps) * f->out + row) * f->taps + tap_index(f, residues, k % taps);
            uint32_t bits = 0;
            memcpy(&bits, (const char *)w->data + at * size, size);
            rung_load_f32(w->dtype, &bits, 0, 1, 1, to++);
          }
        m = end;
      }
  }
}

static bool floats_size(const rung_tensor *w, size_t *out_bytes) {
  return rung_mul_size(rung_tensor_count(w), sizeof(float), out_bytes);
}

static rung_status *pack_transpose(rung_kernel_call *call, void **out_packed) {
  const rung_tensor *w = rung_in(call, 1);
  filter f;
  size_t bytes;
  if (!w || !filter_make(call->params, w, &f)) return NULL;
  RUNG_REQUIRE(floats_size(w, &bytes), LIMIT, "weights are too large");
  *out_packed = rung_alloc_data(call->host->allocator, bytes, "weights");
  RUNG_CHECK_ALLOC(*out_packed);
  pack_residues(call, &f, w, *out_packed);
  return NULL;
}

/* Phases */

/* The convolution that makes the outputs phase, phase + stride, ... of every dimension, and where its weights begin.
 * False when there are none. */
static bool phase_make(const filter *f, const rung_conv_shape *whole, size_t phase, rung_conv_shape *part,
                       rung_conv_place *places, size_t *out_weights) {
  residue residues[DIMS];
  int64_t phases[DIMS];
  size_t index = 0;
  *part = *whole;
  for (int32_t d = f->rank - 1; d >= 0; d--) {
    phases[d] = (int64_t)(phase % (size_t)f->stride[d]);
    phase /= (size_t)f->stride[d];
  }
  for (int32_t d = 0; d < f->rank; d++)
    index = index * (size_t)f->stride[d] + (size_t)((phases[d] + whole->window.axes[d].begin) % f->stride[d]);
  *out_weights = 0;
  for (size_t i = 0; i < index; i++) *out_weights += residues_of(f, i, residues) * f->in * f->out * f->group;
  residues_of(f, index, residues);
  for (int32_t d = 0; d < f->rank; d++) {
    const rung_window_axis *a = &whole->window.axes[d];
    const residue *r = &residues[d];
    int64_t shift = (phases[d] + a->begin - r->last * a->dilation) / a->stride; /* exact where there are taps */
    places[d] = (rung_conv_place){(size_t)phases[d], (size_t)a->stride, (size_t)a->out};
    part->window.axes[d] = (rung_window_axis){.in = a->in,
                                              .out = a->out > phases[d] ? (a->out - phases[d] - 1) / a->stride + 1 : 0,
                                              .kernel = r->count,
                                              .stride = 1,
                                              .dilation = r->spread,
                                              .begin = -shift};
    if (part->window.axes[d].out == 0) return false;
  }
  return true;
}

/* Plans every phase to learn what the largest needs; false when one is none for the fast form. */
static bool plan_phases(const rung_kernel_call *call, const filter *f, const rung_conv_shape *shape, rung_dtype dtype,
                        size_t *out_scratch) {
  *out_scratch = 0;
  for (size_t i = 0; i < f->phases; i++) {
    rung_conv_shape part;
    rung_conv_place places[DIMS];
    rung_conv plan;
    size_t weights, bytes;
    if (!phase_make(f, shape, i, &part, places, &weights)) continue;
    if (!rung_conv_plan(call, &part, places, dtype, &plan) || !rung_conv_scratch(&plan, &bytes)) return false;
    *out_scratch = RUNG_MAX(*out_scratch, bytes);
  }
  return true;
}

static bool add_space(size_t *total, size_t bytes, size_t *out_at) {
  if (*total >= SIZE_MAX / 2) return false;
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return rung_add_size(*out_at, bytes, total);
}

static rung_status *prepare_transpose(rung_kernel_call *call) {
  transpose_state *state = call->state;
  const rung_tensor *x = rung_in(call, 0), *w = rung_in(call, 1), *bias = rung_in(call, 2);
  rung_conv_shape *shape = &state->shape;
  RUNG_TRY(rung_conv_transpose_shape_make(call->params, x, w, shape));
  if (bias) RUNG_RUN_REQUIRE(bias->rank == 1 && bias->dims[0] == shape->out_channels, "the bias is for other channels");
  filter f;
  size_t total = 0, weights = 0, floats = 0;
  bool fits = floats_size(w, &floats);
  state->fast = filter_make(call->params, w, &f) && shape->batch && plan_phases(call, &f, shape, x->dtype, &total);
  rung_conv_plain_make(&state->plain, shape, true, x->dtype, w->dtype);
  if (!state->fast) fits = fits && rung_conv_plain_scratch(&state->plain, call->host->threads, &total);
  if (state->fast && !call->packed) weights = floats;
  if (!state->fast && w->data && !rung_tensor_is_aligned(w)) weights = w->size;
  fits = fits && add_space(&total, weights, &state->weights_at) &&
         add_space(&total, bias ? (size_t)shape->out_channels * sizeof(float) : 0, &state->bias_at);
  RUNG_REQUIRE(fits, LIMIT, "the convolution is too large");
  call->scratch_size = total;
  return NULL;
}

/* Running */

static rung_status *run_fast(rung_kernel_call *call) {
  const transpose_state *state = call->state;
  const rung_tensor *x = rung_in(call, 0), *w = rung_in(call, 1), *bias = rung_in(call, 2);
  const float *weights = call->packed;
  rung_conv_run run = {.x = x->data, .y = rung_out(call, 0)->data};
  filter f;
  if (!filter_make(call->params, w, &f)) return RUNG_ERROR(INTERNAL, "weights have changed");
  if (!weights) {
    float *packed = (float *)((char *)call->scratch + state->weights_at);
    pack_residues(call, &f, w, packed);
    weights = packed;
  }
  if (bias) {
    float *wide = (float *)((char *)call->scratch + state->bias_at);
    rung_load_f32(bias->dtype, bias->data, 0, 1, rung_tensor_count(bias), wide);
    run.epilogue.bias = wide;
  }
  for (size_t i = 0; i < f.phases; i++) {
    rung_conv_shape part;
    rung_conv_place places[DIMS];
    rung_conv plan;
    size_t at;
    if (!phase_make(&f, &state->shape, i, &part, places, &at)) continue;
    if (!rung_conv_plan(call, &part, places, x->dtype, &plan)) return RUNG_ERROR(INTERNAL, "the plan has changed");
    run.w = weights + at;
    rung_conv_run_all(call, &plan, &run, call->scratch);
  }
  return NULL;
}

typedef struct plain_job {
  const transpose_state *state;
  const rung_tensor *bias, *y;
} plain_job;

static void finish_plain(void *context, size_t n, size_t m, void *sums) {
  const plain_job *j = context;
  size_t count = j->state->plain.out_count, at = (n * (size_t)j->state->shape.out_channels + m) * count;
  double bias = 0;
  if (j->bias) rung_load_f64(j->bias->dtype, j->bias->data, m, 1, 1, &bias);
  if (j->y->dtype == RUNG_F64) {
    for (size_t i = 0; i < count; i++) ((double *)sums)[i] += bias;
    rung_store_f64(RUNG_F64, j->y->data, at, 1, count, sums);
  } else {
    for (size_t i = 0; i < count; i++) ((float *)sums)[i] += (float)bias;
    rung_store_f32(j->y->dtype, j->y->data, at, 1, count, sums);
  }
}

static rung_status *run_transpose(rung_kernel_call *call) {
  const transpose_state *state = call->state;
  const rung_tensor *w = rung_in(call, 1);
  if (state->fast) return run_fast(call);
  plain_job job = {state, rung_in(call, 2), rung_out(call, 0)};
  rung_conv_plain_run run = {.x = rung_in(call, 0)->data, .w = w->data, .finish = finish_plain, .context = &job};
  if (w->size && !rung_tensor_is_aligned(w)) {
    void *copy = (char *)call->scratch + state->weights_at;
    memcpy(copy, w->data, w->size);
    run.w = copy;
  }
  rung_conv_plain_run_all(call, &state->plain, &run, call->scratch);
  return NULL;
}

const rung_kernel rung_cpu_ConvTranspose = {.types = {{'T', NARROW_FLOATS | RUNG_SET(RUNG_F64)}},
                                            .packs = 1 << 1,
                                            .state_size = sizeof(transpose_state),
                                            .pack = pack_transpose,
                                            .prepare = prepare_transpose,
                                            .run = run_transpose};
