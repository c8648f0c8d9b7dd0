/* HyperConnectionPreMix, HyperConnectionPostMix: in float32, rounded once. */
#include "op/ms_gated.h"

#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

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
