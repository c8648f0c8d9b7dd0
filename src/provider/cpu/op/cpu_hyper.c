/* HyperConnectionPreMix, HyperConnectionPostMix, EngramGate: in float32, rounded once. */
#include "op/ms_gated.h"

#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))
enum { BLOCK = 256 };

/* Operands by row: streams (branches, size); gates (branches), or (branches, size); mix (branches, branches). */
typedef struct hyper_job {
  const rung_tensor *streams, *gates, *block, *mix; /* block: (size); mix may be NULL */
  rung_tensor *out;
  size_t rows, branches, size;
  bool per_feature; /* gates */
  float scale;
} hyper_job;

static void load(const rung_tensor *t, size_t at, size_t n, float *to) {
  rung_load_f32(t->dtype, t->data, at, 1, n, to);
}

/* sum += factor * elements [at, at + n) of one stream of a row. */
static void add_stream(const hyper_job *j, size_t row, size_t branch, size_t at, size_t n, float factor, float *sum) {
  float x[BLOCK];
  load(j->streams, (row * j->branches + branch) * j->size + at, n, x);
  for (size_t i = 0; i < n; i++) sum[i] += factor * x[i];
}

static void load_gates(const hyper_job *j, size_t row, size_t branch, size_t at, size_t n, float *to) {
  size_t gate = row * j->branches + branch;
  if (j->per_feature)
    load(j->gates, gate * j->size + at, n, to);
  else
    rung_load_f32(j->gates->dtype, j->gates->data, gate, 0, n, to);
}

static void mix_before(void *context, size_t begin, size_t end) {
  const hyper_job *j = context;
  float x[BLOCK], gates[BLOCK];
  for (size_t row = begin; row < end; row++)
    for (size_t at = 0, n; at < j->size; at += n) {
      float sum[BLOCK] = {0};
      n = RUNG_MIN(j->size - at, (size_t)BLOCK);
      for (size_t b = 0; b < j->branches; b++) {
        load(j->streams, (row * j->branches + b) * j->size + at, n, x);
        load_gates(j, row, b, at, n, gates);
        for (size_t i = 0; i < n; i++) sum[i] += x[i] * gates[i];
      }
      for (size_t i = 0; i < n; i++) sum[i] *= j->scale;
      rung_store_f32(j->out->dtype, j->out->data, row * j->size + at, 1, n, sum);
    }
}

static void mix_after(void *context, size_t begin, size_t end) {
  const hyper_job *j = context;
  float more[BLOCK], gates[BLOCK], factor = 1;
  for (size_t i = begin; i < end; i++) {
    size_t row = i / j->branches, to = i % j->branches;
    for (size_t at = 0, n; at < j->size; at += n) {
      float sum[BLOCK] = {0};
      n = RUNG_MIN(j->size - at, (size_t)BLOCK);
      for (size_t b = 0; b < j->branches; b++) {
        if (j->mix) load(j->mix, (row * j->branches + b) * j->branches + to, 1, &factor);
        if (j->mix || b == to) add_stream(j, row, b, at, n, factor, sum);
      }
      load(j->block, row * j->size + at, n, more);
      load_gates(j, row, to, at, n, gates);
      for (size_t k = 0; k < n; k++) sum[k] += gates[k] * more[k];
      rung_store_f32(j->out->dtype, j->out->data, i * j->size + at, 1, n, sum);
    }
  }
}

/* Do the first dimensions of `t` count rows, and is it (..., suffix) with these? */
static bool is_by_row(const hyper_job *j, int32_t leading, const rung_tensor *t, int32_t rank, size_t first,
                      size_t second) {
  if (t->rank != leading + rank) return false;
  for (int32_t i = 0; i < leading; i++)
    if (t->dims[i] != j->streams->dims[i]) return false;
  return (size_t)t->dims[leading] == first && (rank == 1 || (size_t)t->dims[leading + 1] == second);
}

/* `flat`: gates per feature may be flattened as the streams are. */
static rung_status *make_hyper(const rung_kernel_call *call, uint32_t gates, bool flat, hyper_job *j) {
  const rung_hyper_params *p = call->params;
  int64_t branches, size;
  *j = (hyper_job){.streams = rung_in(call, 0), .gates = rung_in(call, gates), .out = rung_out(call, 0)};
  RUNG_TRY(rung_hyper_check(p, j->streams->rank, j->streams->dims, &branches, &size));
  int32_t leading = j->streams->rank - (p->num_branches ? 1 : 2);
  j->branches = (size_t)branches, j->size = (size_t)size, j->scale = p->reduction_scale;
  j->rows = (size_t)rung_tensor_span(j->streams, 0, leading);
  bool plain = is_by_row(j, leading, j->gates, 1, j->branches, 0) || is_by_row(j, leading, j->gates, 2, j->branches, 1);
  j->per_feature =
      !plain && (is_by_row(j, leading, j->gates, 2, j->branches, j->size) ||
                 (flat && p->num_branches && is_by_row(j, leading, j->gates, 1, j->branches * j->size, 0)));
  RUNG_RUN_REQUIRE(plain || j->per_feature, "the gates do not fit %zu rows of %zu branches of %zu", j->rows,
                   j->branches, j->size);
  if (gates == 1) return NULL;
  j->block = rung_in(call, 1), j->mix = rung_in(call, 3);
  RUNG_RUN_REQUIRE(is_by_row(j, leading, j->block, 1, j->size, 0), "the block's output does not fit rows of %zu",
                   j->size);
  RUNG_RUN_REQUIRE(!j->mix || is_by_row(j, leading, j->mix, 2, j->branches, j->branches),
                   "stream_mix does not fit %zu branches", j->branches);
  return NULL;
}

static rung_status *run_pre_mix(rung_kernel_call *call) {
  hyper_job j;
  RUNG_TRY(make_hyper(call, 1, true, &j));
  rung_kernel_parallel(call, j.rows, rung_kernel_grain(j.branches * j.size), mix_before, &j);
  return NULL;
}

static rung_status *run_post_mix(rung_kernel_call *call) {
  hyper_job j;
  RUNG_TRY(make_hyper(call, 2, false, &j));
  rung_kernel_parallel(call, j.rows * j.branches, rung_kernel_grain(j.branches * j.size), mix_after, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_HyperConnectionPreMix = {.types = {{'T', NARROW_FLOATS}, {'M', NARROW_FLOATS}},
                                                       .run = run_pre_mix};
const rung_kernel rung_cpu_ms_HyperConnectionPostMix = {.types = {{'T', NARROW_FLOATS}, {'M', NARROW_FLOATS}},
                                                        .run = run_post_mix};

/* EngramGate: sigmoid of the root of |key query|, with its sign, of key and query with a norm each; times the value */

enum { ENGRAM_KEY, ENGRAM_QUERY, ENGRAM_VALUE, ENGRAM_KEY_SCALE, ENGRAM_QUERY_SCALE, ENGRAM_CONV_SCALE };

typedef struct engram_job {
  const rung_kernel_call *call;
  size_t branches, size; /* of a token */
  float epsilon;
} engram_job;

/* 1 / root of the mean square. */
static float inverse_of(const engram_job *j, double squares) {
  return 1 / sqrtf((float)(squares / (double)j->size) + j->epsilon);
}

static float gate_of(const engram_job *j, size_t row) {
  float x[4][BLOCK]; /* key, query and their scales */
  double squares[2] = {0}, dot = 0;
  for (size_t at = 0, n; at < j->size; at += n) {
    n = RUNG_MIN(j->size - at, (size_t)BLOCK);
    for (uint32_t i = 0; i < 2; i++) {
      load(rung_in(j->call, ENGRAM_KEY + i), row * j->size + at, n, x[i]);
      load(rung_in(j->call, ENGRAM_KEY_SCALE + i), row % j->branches * j->size + at, n, x[2 + i]);
      for (size_t k = 0; k < n; k++) squares[i] += (double)x[i][k] * (double)x[i][k];
    }
    for (size_t k = 0; k < n; k++) dot += (double)(x[0][k] * x[2][k]) * (double)(x[1][k] * x[3][k]);
  }
  float sum = (float)dot * inverse_of(j, squares[0]) * inverse_of(j, squares[1]) / sqrtf((float)j->size);
  float root = sqrtf(RUNG_MAX(fabsf(sum), 1e-6f));
  return 1 / (1 + expf(sum > 0 ? -root : sum < 0 ? root : -sum)); /* of NaN, NaN */
}

static void gate_rows(void *context, size_t begin, size_t end) {
  const engram_job *j = context;
  rung_tensor *out = rung_out(j->call, 0), *normed = rung_out(j->call, 1);
  float x[BLOCK], scale[BLOCK];
  for (size_t row = begin; row < end; row++) {
    float gate = gate_of(j, row), factor = 0;
    double squares = 0;
    for (int pass = 0; pass < (normed ? 2 : 1); pass++) {
      for (size_t at = 0, n; at < j->size; at += n) {
        n = RUNG_MIN(j->size - at, (size_t)BLOCK);
        load(rung_in(j->call, ENGRAM_VALUE), row / j->branches * j->size + at, n, x);
        for (size_t k = 0; k < n; k++) x[k] *= gate;
        if (pass == 0) {
          for (size_t k = 0; k < n; k++) squares += (double)x[k] * (double)x[k];
          if (out) rung_store_f32(out->dtype, out->data, row * j->size + at, 1, n, x);
          continue;
        }
        load(rung_in(j->call, ENGRAM_CONV_SCALE), row % j->branches * j->size + at, n, scale);
        for (size_t k = 0; k < n; k++) x[k] *= factor * scale[k];
        rung_store_f32(normed->dtype, normed->data, row * j->size + at, 1, n, x);
      }
      factor = inverse_of(j, squares);
    }
  }
}

static rung_status *run_EngramGate(rung_kernel_call *call) {
  const rung_tensor *key = rung_in(call, ENGRAM_KEY), *value = rung_in(call, ENGRAM_VALUE);
  RUNG_RUN_REQUIRE(key->rank == 4 && rung_tensor_same_shape(key, rung_in(call, ENGRAM_QUERY)),
                   "key and query must both be (batch, length, branches, size)");
  RUNG_RUN_REQUIRE(value->rank == 3 && value->dims[0] == key->dims[0] && value->dims[1] == key->dims[1] &&
                       value->dims[2] == key->dims[3],
                   "the value must be (batch, length, size)");
  for (uint32_t i = ENGRAM_KEY_SCALE; i <= ENGRAM_CONV_SCALE; i++) {
    const rung_tensor *scale = rung_in(call, i);
    RUNG_RUN_REQUIRE(!scale || (scale->rank == 2 && scale->dims[0] == key->dims[2] && scale->dims[1] == key->dims[3]),
                     "input %u must be (branches, size)", i);
  }
  engram_job j = {call, (size_t)key->dims[2], (size_t)key->dims[3],
                  ((const rung_gated_norm_params *)call->params)->epsilon};
  size_t rows = (size_t)rung_tensor_span(key, 0, 3);
  rung_kernel_parallel(call, j.size ? rows : 0, rung_kernel_grain(5 * j.size), gate_rows, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_EngramGate = {.types = {{'T', NARROW_FLOATS}}, .run = run_EngramGate};
