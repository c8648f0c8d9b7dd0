/* Operators that draw random numbers: Dropout, Bernoulli, Multinomial, RandomNormal, RandomUniform and their ...Like.
 *
 * The generator has no state: number i of a node is a hash of a key and i (the finaliser of SplitMix64: Steele, Lea and
 * Flood, 2014), so that results do not depend on threads. With a `seed` the key follows from it alone, and every run
 * draws the same; without, it follows from the session's seed, the node's name and the number of the run. */
#include "op/random.h"

#include "base/element.h"
#include "base/str.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

enum { BLOCK = 256 };

/* Generator */

static uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static uint64_t draw_bits(uint64_t key, uint64_t i) { return mix(key + (i + 1) * 0x9e3779b97f4a7c15u); }
/* In [0, 1). */
static double draw_unit(uint64_t key, uint64_t i) { return (double)(draw_bits(key, i) >> 11) * 0x1p-53; }

/* Box and Muller: two numbers from two. */
static double draw_normal(uint64_t key, uint64_t i) {
  double radius = sqrt(-2 * log(1 - draw_unit(key, i & ~UINT64_C(1)))),
         angle = 2 * 3.14159265358979323846 * draw_unit(key, i | 1);
  return radius * (i & 1 ? sin(angle) : cos(angle));
}

static uint64_t key_of(const rung_kernel_call *call, bool has_seed, uint64_t seed) {
  if (has_seed) return mix(seed);
  uint64_t name = rung_hash_bytes(call->node->name, strlen(call->node->name), 0);
  return mix(mix(mix(call->host->seed) + name) + (call->run ? call->run->number : 0));
}

static uint64_t key_of_params(const rung_kernel_call *call, const rung_random_params *p) {
  return key_of(call, p->seed == p->seed, rung_f32_bits(p->seed));
}

/* RandomUniform, RandomNormal, Bernoulli: one number for one element */

typedef struct draw_job {
  uint64_t key;
  const rung_random_params *p;
  const rung_tensor *in; /* Bernoulli: probabilities */
  rung_tensor *out;
} draw_job;

static void store_block(const draw_job *j, size_t at, size_t n, const double *numbers) {
  rung_convert(&rung_convert_defaults, n, RUNG_F64, numbers, j->out->dtype,
               (char *)j->out->data + at * rung_dtype_size(j->out->dtype));
}

static void uniform_piece(void *context, size_t begin, size_t end) {
  const draw_job *j = context;
  double numbers[BLOCK], low = (double)j->p->first, width = (double)j->p->second - low;
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, BLOCK);
    for (size_t i = 0; i < n; i++) numbers[i] = low + width * draw_unit(j->key, begin + i);
    store_block(j, begin, n, numbers);
  }
}

static void normal_piece(void *context, size_t begin, size_t end) {
  const draw_job *j = context;
  double numbers[BLOCK], mean = (double)j->p->first, scale = (double)j->p->second;
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, BLOCK);
    for (size_t i = 0; i < n; i++) numbers[i] = mean + scale * draw_normal(j->key, begin + i);
    store_block(j, begin, n, numbers);
  }
}

static void bernoulli_piece(void *context, size_t begin, size_t end) {
  const draw_job *j = context;
  double numbers[BLOCK];
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, BLOCK);
    rung_load_f64(j->in->dtype, j->in->data, begin, 1, n, numbers);
    for (size_t i = 0; i < n; i++) numbers[i] = draw_unit(j->key, begin + i) < numbers[i];
    store_block(j, begin, n, numbers);
  }
}

static rung_status *draw(rung_kernel_call *call, void (*piece)(void *context, size_t begin, size_t end)) {
  draw_job job = {key_of_params(call, call->params), call->params, rung_in(call, 0), rung_out(call, 0)};
  if (job.out) rung_kernel_parallel(call, rung_tensor_count(job.out), rung_kernel_grain(20), piece, &job);
  return NULL;
}

static rung_status *run_uniform(rung_kernel_call *call) { return draw(call, uniform_piece); }
static rung_status *run_normal(rung_kernel_call *call) { return draw(call, normal_piece); }
static rung_status *run_Bernoulli(rung_kernel_call *call) { return draw(call, bernoulli_piece); }

const rung_kernel rung_cpu_Bernoulli = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_Bernoulli};
const rung_kernel rung_cpu_RandomNormal = {.run = run_normal};
const rung_kernel rung_cpu_RandomNormalLike = {.run = run_normal};
const rung_kernel rung_cpu_RandomUniform = {.run = run_uniform};
const rung_kernel rung_cpu_RandomUniformLike = {.run = run_uniform};

/* Multinomial: rows of logarithms of weights. Sums of the weights are kept in scratch, and each sample is looked up. */

typedef struct multinomial_job {
  uint64_t key;
  const rung_tensor *in;
  rung_tensor *out;
  size_t classes, samples;
  double *sums; /* [rows, classes] */
} multinomial_job;

static void accumulate(const multinomial_job *j, size_t row, double *sums) {
  double largest = -INFINITY, sum = 0;
  rung_load_f64(j->in->dtype, j->in->data, row * j->classes, 1, j->classes, sums);
  for (size_t i = 0; i < j->classes; i++) largest = sums[i] > largest ? sums[i] : largest;
  for (size_t i = 0; i < j->classes; i++) {
    double weight = exp(sums[i] - largest);
    sums[i] = sum += weight > 0 ? weight : 0; /* NaN is never drawn */
  }
}

/* The first class whose sum is above `at`; the last one when rounding lets none be. */
static size_t look_up(const multinomial_job *j, const double *sums, double at) {
  size_t low = 0, high = j->classes - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sums[middle] > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static void multinomial_rows(void *context, size_t begin, size_t end) {
  const multinomial_job *j = context;
  for (size_t row = begin; row < end; row++) {
    double *sums = j->sums + row * j->classes;
    accumulate(j, row, sums);
    for (size_t i = row * j->samples; i < (row + 1) * j->samples; i++) {
      size_t chosen = look_up(j, sums, draw_unit(j->key, i) * sums[j->classes - 1]);
      if (j->out->dtype == RUNG_I64)
        ((int64_t *)j->out->data)[i] = (int64_t)chosen;
      else
        ((int32_t *)j->out->data)[i] = (int32_t)chosen;
    }
  }
}

static rung_status *prepare_Multinomial(rung_kernel_call *call) {
  RUNG_REQUIRE(rung_mul_size(rung_tensor_count(rung_in(call, 0)), sizeof(double), &call->scratch_size), LIMIT,
               "the input is too large");
  return NULL;
}

static rung_status *run_Multinomial(rung_kernel_call *call) {
  const rung_random_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  rung_tensor *out = rung_out(call, 0);
  if (!out || !rung_tensor_count(out)) return NULL;
  RUNG_RUN_REQUIRE(in->dims[1] > 0 && in->dims[1] <= INT32_MAX, "%lld classes to choose from", (long long)in->dims[1]);
  multinomial_job job = {key_of_params(call, p), in, out, (size_t)in->dims[1], (size_t)p->sample_size, call->scratch};
  rung_kernel_parallel(call, (size_t)in->dims[0], rung_kernel_grain(10 * (job.classes + job.samples)), multinomial_rows,
                       &job);
  return NULL;
}

const rung_kernel rung_cpu_Multinomial = {
    .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_Multinomial, .run = run_Multinomial};

/* Dropout */

typedef struct dropout_job {
  uint64_t key;
  double ratio;
  const rung_tensor *in;
  rung_tensor *out, *mask; /* either may be NULL */
} dropout_job;

static void dropout_piece(void *context, size_t begin, size_t end) {
  const dropout_job *j = context;
  double numbers[BLOCK], scale = 1 / (1 - j->ratio);
  uint8_t keep[BLOCK];
  size_t size = rung_dtype_size(j->in->dtype);
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, BLOCK);
    for (size_t i = 0; i < n; i++) keep[i] = draw_unit(j->key, begin + i) >= j->ratio;
    if (j->mask)
      rung_convert(&rung_convert_defaults, n, RUNG_BOOL, keep, j->mask->dtype,
                   (char *)j->mask->data + begin * rung_dtype_size(j->mask->dtype));
    if (!j->out) continue;
    rung_convert(&rung_convert_defaults, n, j->in->dtype, (const char *)j->in->data + begin * size, RUNG_F64, numbers);
    for (size_t i = 0; i < n; i++) numbers[i] = keep[i] ? numbers[i] * scale : 0;
    rung_convert(&rung_convert_defaults, n, RUNG_F64, numbers, j->in->dtype, (char *)j->out->data + begin * size);
  }
}

static bool is_training(const rung_kernel_call *call) {
  const rung_dropout_params *p = call->params;
  const rung_tensor *mode = rung_in(call, 2);
  if (call->node->version < 7) return !p->is_test;
  return mode && rung_tensor_count(mode) == 1 && *(const uint8_t *)mode->data;
}

static void pass_through(const rung_tensor *in, rung_tensor *out, rung_tensor *mask) {
  if (out && out->size && out->data != in->data) memcpy(out->data, in->data, out->size);
  for (size_t i = 0, n = mask ? rung_tensor_count(mask) : 0; i < n; i++)
    rung_convert(&rung_convert_defaults, 1, RUNG_BOOL, &(uint8_t){1}, mask->dtype,
                 (char *)mask->data + i * rung_dtype_size(mask->dtype));
}

static rung_status *run_Dropout(rung_kernel_call *call) {
  const rung_dropout_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *ratio = rung_in(call, 1);
  dropout_job job = {0, (double)p->ratio, in, rung_out(call, 0), rung_out(call, 1)};
  if (ratio && rung_tensor_count(ratio) == 1) job.ratio = rung_element_get(ratio->dtype, ratio->data, 0);
  if (!is_training(call) || job.ratio == 0) {
    pass_through(in, job.out, job.mask);
    return NULL;
  }
  RUNG_RUN_REQUIRE(job.ratio > 0 && job.ratio <= 1, "the ratio is %g, not in [0, 1]", job.ratio);
  job.key = key_of(call, p->seed != INT64_MIN, (uint64_t)p->seed);
  rung_kernel_parallel(call, rung_tensor_count(in), rung_kernel_grain(10), dropout_piece, &job);
  return NULL;
}

#define DROPPED (RUNG_SET_FLOAT | (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0)))
const rung_kernel rung_cpu_Dropout = {.types = {{'T', DROPPED}, {'U', DROPPED}}, .run = run_Dropout};
