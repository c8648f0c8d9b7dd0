/* One call of one step on values that are all there: for folding, for evaluation, and for steps whose shapes depend on
 * data. */
#include "op/op_infer.h"
#include "provider/opwise/opwise_internal.h"

rung_status *rung__opwise_infer(rung_arena *arena, const rung_step *step, const rung_operand *operands,
                                rung_type *types, rung_known *known) {
  int64_t next_symbol = RUNG_SYMBOL(1);
  rung_infer infer = {step->node, step->params, step->input_count, step->output_count, operands, types,
                      known,      arena,        &next_symbol};
  return rung_op_infer(step->op, &infer);
}

/* One call of one step with outputs made as far as types tell; shared by folding, evaluation and dynamic steps. */
static rung_status *call_step(const rung_host *host, const rung_run *run, const rung_step *step, const void *packed,
                              rung_value *const *inputs, const rung_type *types, rung_value **outputs) {
  const rung_allocator *allocator = host->allocator;
  rung_kernel_call call = rung__opwise_kernel_call(step, inputs, outputs, host, run);
  call.types = types;
  call.packed = packed;
  rung_status *status = NULL;
  for (uint32_t i = 0; i < step->output_count && !status; i++) {
    if (!step->outputs[i]) continue;
    call.wanted |= (uint64_t)1 << (i & 63);
    bool told = rung_type_is_concrete(&types[i]) && types[i].dtype;
    if (!told && types[i].kind == RUNG_TENSOR && !(step->kernel->flags & RUNG_KERNEL_OWN_SHAPE))
      status = RUNG_ERROR(INVALID_ARGUMENT, "the operands leave the shape of output %u open", i);
    else if (told && types[i].dtype != RUNG_STRING)
      status = rung__opwise_new_tensor(host, run, types[i].dtype, types[i].rank, types[i].dims, &outputs[i]);
  }
  if (!status && step->kernel->state_size) {
    call.state = rung_alloc(allocator, 1, step->kernel->state_size, "kernel state");
    if (!call.state) status = rung_status_out_of_memory();
  }
  if (!status && step->kernel->prepare) status = step->kernel->prepare(&call);
  if (!status && call.scratch_size) status = rung__opwise_charge(host, run, call.scratch_size);
  if (!status && call.scratch_size) {
    call.scratch = rung_alloc_data(allocator, call.scratch_size, "scratch");
    if (!call.scratch) status = rung_status_out_of_memory();
  }
  if (!status) status = step->kernel->run(&call);
  for (uint32_t i = 0; i < step->output_count && !status; i++)
    if (step->outputs[i] && !outputs[i]) status = RUNG_ERROR(INTERNAL, "the kernel made no output %u", i);
  rung_free(allocator, call.scratch);
  rung_free(allocator, call.state);
  return status;
}

/* Infers and calls a step on values that are all there. `outputs` must be NULLs; they are new references. */
rung_status *rung__opwise_call(const rung_host *host, const rung_run *run, const rung_step *step, const void *packed,
                               rung_value *const *inputs, rung_value **outputs) {
  const rung_allocator *allocator = host->allocator;
  rung_arena arena;
  rung_arena_init(&arena, allocator);
  rung_operand *operands = rung_arena_alloc(&arena, step->input_count, sizeof *operands);
  rung_type *input_types = rung_arena_alloc(&arena, step->input_count, sizeof *input_types);
  rung_type *types = rung_arena_alloc(&arena, step->output_count, sizeof *types);
  rung_known *known = rung_arena_alloc(&arena, step->output_count, sizeof *known);
  rung_status *status = operands && input_types && types && known ? NULL : rung_status_out_of_memory();
  for (uint32_t i = 0; i < step->input_count && !status; i++) {
    if (!inputs[i]) continue;
    const rung_tensor *t = &inputs[i]->tensor;
    input_types[i] = (rung_type){.kind = inputs[i]->kind, .dtype = t->dtype, .rank = t->rank};
    memcpy(input_types[i].dims, t->dims, sizeof t->dims);
    operands[i] = (rung_operand){.type = &input_types[i], .value = inputs[i]};
  }
  if (!status) status = rung__opwise_infer(&arena, step, operands, types, known);
  if (!status) status = call_step(host, run, step, packed, inputs, types, outputs);
  if (status)
    for (uint32_t i = 0; i < step->output_count; i++) {
      rung_value_release(outputs[i]);
      outputs[i] = NULL;
    }
  rung_arena_finish(&arena);
  return status;
}

/* Values may lie in a mapped file at any byte; kernels want elements where the machine wants them. */
static rung_status *align_inputs(const rung_allocator *allocator, uint32_t count, rung_value *const *inputs,
                                 rung_value **aligned) {
  for (uint32_t i = 0; i < count; i++) {
    bool odd = inputs[i] && inputs[i]->kind == RUNG_TENSOR && !rung_tensor_is_aligned(&inputs[i]->tensor);
    if (odd)
      RUNG_TRY(rung_value_copy_tensor(allocator, &inputs[i]->tensor, &aligned[i]));
    else
      aligned[i] = rung_value_retain(inputs[i]);
  }
  return NULL;
}

rung_status *rung_opwise_evaluate(const rung_host *host, const rung_kernel *kernel, const rung_node *node,
                                  rung_value *const *inputs, rung_value **outputs) {
  rung_step step = {kernel,       node,         node->op, node->params, node->input_count, node->output_count,
                    node->inputs, node->outputs};
  void *packed = NULL;
  rung_value **aligned = rung_alloc(host->allocator, node->input_count + 1, sizeof *aligned, "operands");
  RUNG_CHECK_ALLOC(aligned);
  rung_status *status = align_inputs(host->allocator, node->input_count, inputs, aligned);
  rung_kernel_call call = rung__opwise_kernel_call(&step, aligned, NULL, host, NULL);
  if (!status && kernel->pack) status = kernel->pack(&call, &packed);
  if (!status) status = rung__opwise_call(host, NULL, &step, packed, aligned, outputs);
  for (uint32_t i = 0; i < node->input_count; i++) rung_value_release(aligned[i]);
  rung_free(host->allocator, aligned);
  rung_free(host->allocator, packed);
  return status;
}
