/* Views. Inside an island the executor shares the storage and runs nothing; these serve where a copy is needed. */
#include "op/reshape.h"

#include "provider/cpu/form/strided.h"

static rung_status *run_view(rung_kernel_call *call) {
  rung_value *in = call->inputs[0];
  rung_tensor *out = rung_out(call, 0);
  if (!out) return rung_kernel_give(call, 0, rung_value_retain(in)); /* strings, sequences, ... : Identity */
  RUNG_RUN_REQUIRE(in->tensor.size == out->size, "%zu bytes cannot be seen as %zu", in->tensor.size, out->size);
  rung_strided_bytes(call, in->tensor.data, out->data, out->size);
  return NULL;
}

const rung_kernel rung_cpu_Identity = {.run = run_view};

/* Strings change their dimensions by a copy: the value itself is immutable. */
static rung_status *run_reshape(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0);
  if (in->dtype != RUNG_STRING) return run_view(call);
  rung_arena arena;
  rung_arena_init(&arena, call->host->allocator);
  int64_t next_symbol = RUNG_SYMBOL(1);
  rung_operand *operands = rung_arena_alloc(&arena, call->input_count, sizeof *operands);
  rung_type *types = rung_arena_alloc(&arena, call->input_count + 1, sizeof *types);
  rung_status *status = operands && types ? NULL : rung_status_out_of_memory();
  for (uint32_t i = 0; i < call->input_count && !status; i++) {
    if (!call->inputs[i]) continue;
    const rung_tensor *t = &call->inputs[i]->tensor;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
    operands[i] = (rung_operand){.type = &types[i], .value = call->inputs[i]};
  }
  rung_type *out = types ? &types[call->input_count] : NULL;
  rung_known known;
  rung_infer infer = {call->node, call->params, call->input_count, 1, operands, out, &known, &arena, &next_symbol};
  if (!status) status = rung_op_infer(call->node->op, &infer);
  if (!status) status = rung_kernel_give_strings(call, 0, out->rank, out->dims, in->data);
  rung_arena_finish(&arena);
  return status;
}

const rung_kernel rung_cpu_Reshape = {.run = run_reshape};
const rung_kernel rung_cpu_Flatten = {.run = run_reshape};
const rung_kernel rung_cpu_Squeeze = {.run = run_reshape};
const rung_kernel rung_cpu_Unsqueeze = {.run = run_reshape};
const rung_kernel rung_cpu_ms_ExpandDims = {.run = run_reshape};

static rung_status *run_Shape(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0);
  const rung_shape_params *p = call->params;
  rung_tensor *out = rung_out(call, 0);
  int64_t start = p->start < 0 ? p->start + in->rank : p->start;
  start = RUNG_CLAMP(start, 0, in->rank);
  if (out->size) memcpy(out->data, in->dims + start, out->size);
  return NULL;
}

const rung_kernel rung_cpu_Shape = {.run = run_Shape};
