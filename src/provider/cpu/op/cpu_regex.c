/* RegexFullMatch. */
#include "op/text.h"

#include "base/pool.h"
#include "provider/cpu/form/pattern.h"
#include "provider/opwise/kernel.h"

static rung_status *pack_RegexFullMatch(rung_kernel_call *call, void **out_packed) {
  rung_pattern *pattern = NULL;
  rung_status *status =
      rung_pattern_make(call->host->allocator, ((const rung_regex_params *)call->params)->pattern, &pattern);
  *out_packed = pattern;
  return status;
}

static size_t work_bytes(const rung_pattern *pattern) {
  return RUNG_ROUND_UP(rung_pattern_work(pattern), RUNG_TENSOR_ALIGN);
}

static rung_status *prepare_RegexFullMatch(rung_kernel_call *call) {
  call->scratch_size = work_bytes(call->packed) * call->host->threads;
  return NULL;
}

typedef struct regex_job {
  const rung_pattern *pattern;
  const rung_str *texts;
  uint8_t *out;
  char *work;
} regex_job;

static void match_texts(void *context, size_t begin, size_t end) {
  const regex_job *j = context;
  char *work = j->work + rung_pool_slot() * work_bytes(j->pattern);
  for (size_t i = begin; i < end; i++) j->out[i] = rung_pattern_matches(j->pattern, j->texts[i], work);
}

static rung_status *run_RegexFullMatch(rung_kernel_call *call) {
  regex_job j = {call->packed, rung_in(call, 0)->data, rung_out(call, 0)->data, call->scratch};
  rung_kernel_parallel(call, rung_tensor_count(rung_in(call, 0)), rung_kernel_grain(1000), match_texts, &j);
  return NULL;
}

const rung_kernel rung_cpu_RegexFullMatch = {
    .pack = pack_RegexFullMatch, .prepare = prepare_RegexFullMatch, .run = run_RegexFullMatch};
