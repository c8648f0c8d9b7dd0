/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
 *
 * Elements go in strips: loaded as float, with scale and zero point per element unless they are the same for all, then
 * computed, then stored in their type. Integers: y = clamp(rint(x / scale) + zero, low, high); the clamp comes first,
 * to [low - zero, high - zero], which gives the same and keeps everything in the range where rounding by adding a large
 * number is exact. NaN becomes `low`. */
#include "op/quantize.h"

#include "base/element.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/kernel/isa.h"
#include "provider/cpu/kernel/quantize_i8.h"

#include <math.h>

/* A strip begins at a multiple of this, so that packed types begin at whole bytes. */
enum { STRIP = 512 };

typedef struct linear_job {
  const rung_quantize_params *params;
  rung_quantize_layout layout;
  const rung_tensor *x, *scale, *zero; /* zero: NULL for 0 */
  rung_tensor *y;
  rung_dtype precision; /* of the division */
  bool saturate;
  const rung_quantize_table *loops;
} linear_job;

/* The numbers of one strip; the second ones are per element, or one for all where `same`. */
typedef struct strip {
  size_t n;
  bool same;
  float x[STRIP], scale[STRIP], zero[STRIP];
} strip;

/* Elements of any type as float: those of whole bytes, float8, and the packed ones. */
static void load_numbers(const rung_tensor *t, size_t at, size_t n, float *to) {
  if ((RUNG_SET_FLOAT | RUNG_SET_INTEGER) & RUNG_SET(t->dtype)) {
    rung_load_f32(t->dtype, t->data, at, 1, n, to);
  } else if (rung_dtype_is_packed(t->dtype) && at % 4 == 0) {
    rung_convert(&rung_convert_defaults, n, t->dtype,
                 (const char *)t->data + at * (size_t)rung_dtype_facts(t->dtype)->bits / 8, RUNG_F32, to);
  } else {
    for (size_t i = 0; i < n; i++) to[i] = (float)rung_element_get(t->dtype, t->data, at + i);
  }
}

/* Scale and zero point for elements [at, at + n): runs along the innermost dimension, or along the axis. */
static void load_scales(const linear_job *j, size_t at, strip *s) {
  const rung_quantize_layout *l = &j->layout;
  size_t inner = (size_t)l->inner, length = (size_t)l->length;
  for (size_t done = 0; done < s->n;) {
    size_t i = (at + done) % inner, row = (at + done) / inner, index = row % length, outer = row / length;
    size_t from =
        outer * (size_t)l->outer_step + index / (size_t)l->block * (size_t)l->block_step + i * (size_t)l->inner_step;
    size_t run = RUNG_MIN(inner - i, s->n - done);
    if (l->inner_step) {
      load_numbers(j->scale, from, run, s->scale + done);
      if (j->zero) load_numbers(j->zero, from, run, s->zero + done);
    } else {
      float zero = j->zero ? (float)rung_element_get(j->zero->dtype, j->zero->data, from) : 0;
      float scale = (float)rung_element_get(j->scale->dtype, j->scale->data, from);
      for (size_t k = done; k < done + run; k++) s->scale[k] = scale, s->zero[k] = zero;
    }
    done += run;
  }
}

static bool is_uniform(const rung_quantize_layout *l) { return !l->outer_step && !l->block_step && !l->inner_step; }

static void load_strip(const linear_job *j, size_t at, strip *s) {
  load_numbers(j->x, at, s->n, s->x);
  s->same = is_uniform(&j->layout);
  if (!s->same) load_scales(j, at, s);
}

/* Parallel over strips. */
typedef void (*strip_fn)(const linear_job *j, size_t at, strip *s);

typedef struct strip_job {
  const linear_job *linear;
  strip_fn fn;
} strip_job;

static void run_strips(void *context, size_t begin, size_t end) {
  const strip_job *j = context;
  size_t count = rung_tensor_count(j->linear->x);
  strip s;
  if (is_uniform(&j->linear->layout)) {
    s.n = 1;
    load_scales(j->linear, 0, &s);
    if (!j->linear->zero) s.zero[0] = 0;
  } else if (!j->linear->zero) {
    memset(s.zero, 0, sizeof s.zero);
  }
  for (size_t i = begin; i < end; i++) {
    s.n = RUNG_MIN(STRIP, count - i * STRIP);
    load_strip(j->linear, i * STRIP, &s);
    j->fn(j->linear, i * STRIP, &s);
  }
}

static rung_status *run_linear(rung_kernel_call *call, strip_fn fn) {
  const rung_quantize_params *p = call->params;
  linear_job job = {.params = p,
                    .x = rung_in(call, 0),
                    .scale = rung_in(call, 1),
                    .zero = rung_in(call, 2),
                    .y = rung_out(call, 0),
                    .saturate = p->saturate,
                    .loops = rung_quantize_for(rung_isa(call->host))};
  job.precision = p->precision ? (rung_dtype)p->precision : job.scale->dtype;
  if (job.zero)
    RUNG_RUN_REQUIRE(rung_tensor_count(job.zero) == rung_tensor_count(job.scale),
                     "zero point and scale have different shapes");
  RUNG_TRY(rung_quantize_layout_make(p, job.x, job.scale, &job.layout));
  size_t count = rung_tensor_count(job.x);
  if (count)
    rung_kernel_parallel(call, RUNG_DIV_UP(count, STRIP), rung_kernel_grain(STRIP / 2), run_strips,
                         &(strip_job){&job, fn});
  return NULL;
}

/* Quantising */

/* x / scale, rounded to the precision asked for. */
static void divide(const linear_job *j, strip *s) {
  bool half = j->precision == RUNG_F16, brain = j->precision == RUNG_BF16;
#define ROUNDED(v) (half ? rung_f16_to_f32(rung_f32_to_f16(v)) : rung_bf16_to_f32(rung_f32_to_bf16(v)))
  if (half || brain)
    for (size_t i = 0; i < s->n; i++) {
      float x = ROUNDED(s->x[i]), scale = ROUNDED(s->scale[s->same ? 0 : i]);
      s->x[i] = ROUNDED(x / scale);
    }
  else if (s->same)
    for (size_t i = 0; i < s->n; i++) s->x[i] /= s->scale[0];
  else
    for (size_t i = 0; i < s->n; i++) s->x[i] /= s->scale[i];
#undef ROUNDED
}

/* Quotients to integers, see above; the results are whole numbers in s->x. */
static void round_to_integers(strip *s, float low, float high) {
  const float large = 0x1.8p23f;
#define QUANTISE(zero)                                \
  for (size_t i = 0; i < s->n; i++) {                 \
    float z = zero, least = low - z, most = high - z; \
    float v = s->x[i] > least ? s->x[i] : least;      \
    v = v < most ? v : most;                          \
    s->x[i] = (v + large) - large + z;                \
  }
  if (s->same)
    QUANTISE(s->zero[0])
  else
    QUANTISE(s->zero[i])
#undef QUANTISE
}

static void store_bytes(const linear_job *j, size_t at, const strip *s) {
  uint8_t *to = (uint8_t *)j->y->data + at;
  for (size_t i = 0; i < s->n; i++) to[i] = (uint8_t)(int32_t)s->x[i];
}

static void store_words(const linear_job *j, size_t at, const strip *s) {
  uint16_t *to = (uint16_t *)j->y->data + at;
  for (size_t i = 0; i < s->n; i++) to[i] = (uint16_t)(int32_t)s->x[i];
}

static void store_packed(const linear_job *j, size_t at, const strip *s) {
  uint8_t bytes[STRIP];
  size_t bits = (size_t)rung_dtype_facts(j->y->dtype)->bits;
  for (size_t i = 0; i < s->n; i++)
    bytes[i] =
        j->y->dtype == RUNG_F4E2M1 ? rung_f64_to_f8(RUNG_F4E2M1, (double)s->x[i], true) : (uint8_t)(int32_t)s->x[i];
  rung_pack(j->y->dtype, bytes, s->n, (char *)j->y->data + at * bits / 8);
}

static void store_float8(const linear_job *j, size_t at, const strip *s) {
  uint8_t *to = (uint8_t *)j->y->data + at;
  for (size_t i = 0; i < s->n; i++) to[i] = rung_f64_to_f8(j->y->dtype, (double)s->x[i], j->saturate);
}

static void add_zeros(strip *s) {
  for (size_t i = 0; i < s->n; i++) s->x[i] += s->zero[s->same ? 0 : i];
}

/* RUNG_<NAME>: the least and the largest of an integer type. */
#define EACH_QUANTISED(X)      \
  X(U8, 0, 255, bytes)         \
  X(I8, -128, 127, bytes)      \
  X(U16, 0, 65535, words)      \
  X(I16, -32768, 32767, words) \
  X(U4, 0, 15, packed)         \
  X(I4, -8, 7, packed)         \
  X(U2, 0, 3, packed)          \
  X(I2, -2, 1, packed)

static bool is_byte(rung_dtype dtype) { return dtype == RUNG_U8 || dtype == RUNG_I8; }

static void quantize_strip(const linear_job *j, size_t at, strip *s) {
  if (s->same && is_byte(j->y->dtype) && j->precision == RUNG_F32) { /* the common case */
    j->loops->quantize(s->n, s->x, s->scale[0], (int32_t)s->zero[0], j->y->dtype == RUNG_U8 ? 0 : -128,
                       (uint8_t *)j->y->data + at);
    return;
  }
  divide(j, s);
  switch (j->y->dtype) {
#define CASE(NAME, low, high, kind)  \
  case RUNG_##NAME:                  \
    round_to_integers(s, low, high); \
    store_##kind(j, at, s);          \
    break;
    EACH_QUANTISED(CASE)
#undef CASE
    case RUNG_F4E2M1:
      add_zeros(s);
      store_packed(j, at, s);
      break;
    default:
      add_zeros(s);
      store_float8(j, at, s);
      break;
  }
}

static rung_status *run_QuantizeLinear(rung_kernel_call *call) { return run_linear(call, quantize_strip); }

#define SCALES \
  (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_F8E8M0))
#define QUANTISED                                                                                      \
  (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U16) | RUNG_SET(RUNG_I16) | RUNG_SET_PACKED | \
   (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0)))

const rung_kernel rung_cpu_QuantizeLinear = {
    .types = {{'X', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16) | RUNG_SET(RUNG_I32)},
              {'S', SCALES},
              {'Z', QUANTISED}},
    .run = run_QuantizeLinear};

/* Dequantising */

static void dequantize_strip(const linear_job *j, size_t at, strip *s) {
  if (s->same)
    for (size_t i = 0; i < s->n; i++) s->x[i] = (s->x[i] - s->zero[0]) * s->scale[0];
  else
    for (size_t i = 0; i < s->n; i++) s->x[i] = (s->x[i] - s->zero[i]) * s->scale[i];
  rung_store_f32(j->y->dtype, j->y->data, at, 1, s->n, s->x);
}

/* Bytes with one scale to float32 go straight. */
static rung_status *run_DequantizeLinear(rung_kernel_call *call) {
  const rung_quantize_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *scale = rung_in(call, 1), *zero = rung_in(call, 2);
  rung_tensor *y = rung_out(call, 0);
  bool plain = is_byte(x->dtype) && scale->dtype == RUNG_F32 && y->dtype == RUNG_F32 && p->block_size == 0;
  if (!plain || rung_tensor_count(scale) != 1 || (zero && rung_tensor_count(zero) != 1))
    return run_linear(call, dequantize_strip);
  rung_quantization q;
  RUNG_TRY(rung_quantization_read(call, 1, 2, &q));
  rung_dequantize(call, &q, x->dtype, rung_tensor_count(x), x->data, y->data);
  return NULL;
}

const rung_kernel rung_cpu_DequantizeLinear = {
    .types = {{'X', QUANTISED | RUNG_SET(RUNG_I32)}, {'S', SCALES & ~RUNG_SET(RUNG_I32)}}, .run = run_DequantizeLinear};

/* DynamicQuantizeLinear */

static rung_status *prepare_dynamic(rung_kernel_call *call) {
  call->scratch_size = rung_dynamic_scratch(rung_tensor_count(rung_in(call, 0)));
  return NULL;
}

static rung_status *run_dynamic(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *y = rung_out(call, 0), *scale = rung_out(call, 1), *zero = rung_out(call, 2);
  rung_quantization q = rung_dynamic_quantization(call, rung_tensor_count(x), x->data, call->scratch);
  if (y) rung_quantize(call, &q, RUNG_U8, rung_tensor_count(x), x->data, y->data);
  if (scale) *(float *)scale->data = q.scale;
  if (zero) *(uint8_t *)zero->data = (uint8_t)q.zero;
  return NULL;
}

const rung_kernel rung_cpu_DynamicQuantizeLinear = {.prepare = prepare_dynamic, .run = run_dynamic};
