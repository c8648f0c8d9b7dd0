#include "provider/cpu/form/stand_in.h"

#include "op/window.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/form/strided.h"

/* The inner call and its operands. In scratch: what the stand-ins need, then the inner kernel's own. */
typedef struct stage {
  rung_kernel_call call;
  rung_value values[RUNG_STAND_INPUTS + 1]; /* the output last */
  rung_value *inputs[RUNG_STAND_INPUTS], *output;
  size_t turned_at[RUNG_STAND_INPUTS + 1], data_at[RUNG_STAND_INPUTS + 1]; /* in scratch */
  size_t used;
} stage;

static bool take_space(stage *s, size_t bytes, size_t *out_at) {
  *out_at = RUNG_ROUND_UP(s->used, RUNG_TENSOR_ALIGN);
  return bytes < SIZE_MAX / 4 && s->used < SIZE_MAX / 4 && rung_add_size(*out_at, bytes, &s->used);
}

/* Type and place of a stand-in. */
static rung_status *make_value(stage *s, uint32_t index, const rung_stand_place *place, const rung_tensor *real) {
  rung_tensor *t = &s->values[index].tensor;
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, real->dims, sizeof dims);
  if (place->turned) rung_channels_first(real->rank, real->dims, dims);
  RUNG_TRY(rung_tensor_describe(place->kind == RUNG_STAND_FLOAT ? RUNG_F32 : real->dtype, real->rank, dims, t));
  s->values[index].kind = RUNG_TENSOR;
  t->data = real->data;
  bool fits = (!place->turned || take_space(s, real->size, &s->turned_at[index])) &&
              (place->kind == RUNG_STAND_AS_IS || take_space(s, t->size, &s->data_at[index]));
  return fits ? NULL : RUNG_ERROR(LIMIT, "the operands are too large");
}

static rung_status *make_stage(const rung_kernel_call *call, const rung_stand_in *how, stage *s) {
  *s = (stage){.call = *call};
  for (uint32_t i = 0; i < how->input_count; i++) {
    const rung_tensor *real = rung_in(call, how->inputs[i].operand);
    if (!real) continue;
    RUNG_TRY(make_value(s, i, &how->inputs[i], real));
    s->inputs[i] = &s->values[i];
  }
  RUNG_RUN_REQUIRE(rung_out(call, 0), "the output is required");
  RUNG_TRY(make_value(s, RUNG_STAND_INPUTS, &how->output, rung_out(call, 0)));
  s->output = &s->values[RUNG_STAND_INPUTS];
  s->call.input_count = how->input_count;
  s->call.output_count = 1;
  s->call.inputs = s->inputs;
  s->call.outputs = &s->output;
  s->call.wanted = 1;
  s->used = RUNG_ROUND_UP(s->used, RUNG_TENSOR_ALIGN);
  return NULL;
}

rung_status *rung_stand_in_pack(rung_kernel_call *call, const rung_stand_in *how, void **out_packed) {
  rung_value *inputs[RUNG_STAND_INPUTS] = {0};
  rung_kernel_call inner = *call;
  for (uint32_t i = 0; i < how->input_count; i++) {
    const rung_stand_place *place = &how->inputs[i];
    if (place->kind == RUNG_STAND_AS_IS && !place->turned && place->operand < call->input_count)
      inputs[i] = call->inputs[place->operand];
  }
  inner.inputs = inputs;
  inner.input_count = how->input_count;
  return how->kernel->pack(&inner, out_packed);
}

rung_status *rung_stand_in_prepare(rung_kernel_call *call, const rung_stand_in *how) {
  stage s;
  RUNG_TRY(make_stage(call, how, &s));
  s.call.scratch_size = 0;
  if (how->kernel->prepare) RUNG_TRY(how->kernel->prepare(&s.call));
  return rung_add_size(s.used, s.call.scratch_size, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* Dense elements: the channels of `last`'s shape to the front, or back. */
static void turn(const rung_kernel_call *call, const rung_tensor *last, bool to_first, const void *from, void *to) {
  int32_t rank = last->rank;
  int64_t dims[RUNG_MAX_RANK], dense[RUNG_MAX_RANK], turned[RUNG_MAX_RANK];
  rung_strided plan;
  rung_channels_first(rank, last->dims, dims);
  if (to_first) {
    int64_t of_last[RUNG_MAX_RANK];
    rung_strided_dense(rank, last->dims, of_last);
    rung_channels_first(rank, of_last, turned);
    rung_strided_dense(rank, dims, dense);
    rung_strided_make(&plan, rung_dtype_size(last->dtype), rank, dims, turned, dense);
  } else {
    int64_t of_first[RUNG_MAX_RANK];
    rung_strided_dense(rank, dims, of_first);
    rung_channels_last(rank, of_first, turned);
    rung_strided_dense(rank, last->dims, dense);
    rung_strided_make(&plan, rung_dtype_size(last->dtype), rank, last->dims, turned, dense);
  }
  if (plan.count) rung_strided_run(call, &plan, from, to);
}

static rung_status *fill_input(const rung_kernel_call *call, const rung_stand_in *how, uint32_t index, stage *s) {
  const rung_stand_place *place = &how->inputs[index];
  const rung_tensor *real = rung_in(call, place->operand);
  rung_tensor *t = &s->values[index].tensor;
  size_t count = rung_tensor_count(real);
  char *scratch = call->scratch;
  if (place->turned) {
    t->data = scratch + s->turned_at[index];
    turn(call, real, true, real->data, t->data);
  }
  if (place->kind == RUNG_STAND_AS_IS) return NULL;
  rung_quantization q, y;
  RUNG_TRY(rung_quantization_read(call, place->scale, place->zero, &q));
  const void *from = t->data;
  t->data = scratch + s->data_at[index];
  if (place->kind == RUNG_STAND_FLOAT) {
    rung_dequantize(call, &q, real->dtype, count, from, t->data);
    return NULL;
  }
  uint8_t table[RUNG_QUANTIZED_CODES];
  RUNG_TRY(rung_quantization_read(call, how->output.scale, how->output.zero, &y));
  rung_code_table(call, real->dtype, &q, real->dtype, &y, NULL, NULL, table);
  rung_code_map(call, table, count, from, t->data);
  return NULL;
}

static rung_status *finish_output(const rung_kernel_call *call, const rung_stand_in *how, const stage *s) {
  const rung_stand_place *place = &how->output;
  rung_tensor *real = rung_out(call, 0);
  void *made = s->output->tensor.data, *bytes = real->data;
  if (place->kind == RUNG_STAND_FLOAT) {
    rung_quantization q;
    RUNG_TRY(rung_quantization_read(call, place->scale, place->zero, &q));
    if (place->turned) bytes = (char *)call->scratch + s->turned_at[RUNG_STAND_INPUTS];
    rung_quantize(call, &q, real->dtype, rung_tensor_count(real), made, bytes);
    made = bytes;
  }
  if (place->turned) turn(call, real, false, made, real->data);
  return NULL;
}

rung_status *rung_stand_in_run(rung_kernel_call *call, const rung_stand_in *how) {
  stage s;
  RUNG_TRY(make_stage(call, how, &s));
  for (uint32_t i = 0; i < how->input_count; i++)
    if (s.inputs[i]) RUNG_TRY(fill_input(call, how, i, &s));
  char *scratch = call->scratch;
  if (how->output.kind == RUNG_STAND_FLOAT)
    s.output->tensor.data = scratch + s.data_at[RUNG_STAND_INPUTS];
  else if (how->output.turned)
    s.output->tensor.data = scratch + s.turned_at[RUNG_STAND_INPUTS];
  s.call.scratch = scratch + s.used;
  s.call.scratch_size = call->scratch_size - s.used;
  RUNG_TRY(how->kernel->run(&s.call));
  return finish_output(call, how, &s);
}
