#include "provider/cpu/form/moved.h"

void rung_unpack(rung_dtype dtype, const void *packed, size_t count, uint8_t *bytes) {
  unsigned bits = (unsigned)rung_dtype_facts(dtype)->bits, each = 8 / bits, mask = (1u << bits) - 1;
  const uint8_t *from = packed;
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(from[i / each] >> (i % each * bits) & mask);
}

void rung_pack(rung_dtype dtype, const uint8_t *bytes, size_t count, void *packed) {
  unsigned bits = (unsigned)rung_dtype_facts(dtype)->bits, each = 8 / bits, mask = (1u << bits) - 1;
  uint8_t *to = packed;
  for (size_t i = 0; i < count; i += each) {
    unsigned byte = 0;
    for (unsigned k = 0; k < each && i + k < count; k++) byte |= (bytes[i + k] & mask) << (k * bits);
    to[i / each] = (uint8_t)byte;
  }
}

/* Is the type of this operand one that the kernel does not see as it is? */
static bool is_packed(const rung_value *value) {
  return value && value->kind == RUNG_TENSOR && rung_dtype_is_packed(value->tensor.dtype);
}

static rung_dtype output_dtype(const rung_kernel_call *call, uint32_t i) {
  if (call->outputs[i]) return call->outputs[i]->tensor.dtype;
  return call->types && rung_kernel_wants(call, i) ? call->types[i].dtype : RUNG_UNDEFINED;
}

static bool is_odd(rung_dtype dtype) { return dtype == RUNG_STRING || rung_dtype_is_packed(dtype); }

static bool goes_straight(const rung_kernel_call *call) {
  for (uint32_t i = 0; i < call->input_count; i++)
    if (is_packed(call->inputs[i])) return false;
  for (uint32_t i = 0; i < call->output_count; i++)
    if (is_odd(output_dtype(call, i))) return false;
  return true;
}

static bool shape_is_known(const rung_type *type) {
  for (int32_t i = 0; i < type->rank; i++)
    if (type->dims[i] < 0) return false;
  return type->rank >= 0;
}

/* Stand-ins: inputs first, then outputs. Those that are the operands themselves are references. */
static rung_status *make_input(const rung_kernel_call *call, uint32_t i, rung_value **out) {
  rung_value *real = call->inputs[i];
  if (!is_packed(real)) {
    *out = rung_value_retain(real);
    return NULL;
  }
  const rung_tensor *t = &real->tensor;
  RUNG_TRY(rung_value_new_tensor(call->host->allocator, RUNG_U8, t->rank, t->dims, out));
  rung_unpack(t->dtype, t->data, rung_tensor_count(t), (*out)->tensor.data);
  return NULL;
}

static rung_status *make_output(const rung_kernel_call *call, uint32_t i, rung_value **out) {
  rung_value *real = call->outputs[i];
  rung_dtype dtype = output_dtype(call, i);
  if (!is_odd(dtype)) {
    *out = rung_value_retain(real);
    return NULL;
  }
  dtype = dtype == RUNG_STRING ? RUNG_STRING : RUNG_U8;
  if (real) return rung_value_new_tensor(call->host->allocator, dtype, real->tensor.rank, real->tensor.dims, out);
  if (!shape_is_known(&call->types[i])) return NULL; /* the kernel will tell */
  return rung_value_new_tensor(call->host->allocator, dtype, call->types[i].rank, call->types[i].dims, out);
}

/* What the kernel made, in the form that the caller wants. */
static rung_status *take_output(rung_kernel_call *call, uint32_t i, rung_value *made) {
  rung_dtype dtype = output_dtype(call, i);
  if (!made || made == call->outputs[i]) return NULL;
  const rung_tensor *t = &made->tensor;
  if (dtype == RUNG_STRING) return rung_kernel_give_strings(call, i, t->rank, t->dims, t->data);
  if (!rung_dtype_is_packed(dtype)) return rung_kernel_give(call, i, rung_value_retain(made));
  rung_tensor *out;
  RUNG_TRY(rung_kernel_output(call, i, dtype, t->rank, t->dims, &out));
  if (out) rung_pack(dtype, t->data, rung_tensor_count(t), out->data);
  return NULL;
}

static rung_status *run_stand_ins(rung_kernel_call *call, rung_moved_fn fn, rung_value **inputs, rung_value **outputs) {
  for (uint32_t i = 0; i < call->input_count; i++) RUNG_TRY(make_input(call, i, &inputs[i]));
  for (uint32_t i = 0; i < call->output_count; i++) RUNG_TRY(make_output(call, i, &outputs[i]));
  rung_kernel_call inner = *call;
  inner.inputs = inputs;
  inner.outputs = outputs;
  RUNG_TRY(fn(&inner));
  for (uint32_t i = 0; i < call->output_count; i++) RUNG_TRY(take_output(call, i, outputs[i]));
  return NULL;
}

rung_status *rung_moved(rung_kernel_call *call, rung_moved_fn fn) {
  if (goes_straight(call)) return fn(call);
  uint32_t count = call->input_count + call->output_count;
  rung_value **values = rung_alloc(call->host->allocator, count, sizeof *values, "stand-ins");
  RUNG_CHECK_ALLOC(values);
  rung_status *status = run_stand_ins(call, fn, values, values + call->input_count);
  for (uint32_t i = 0; i < count; i++) rung_value_release(values[i]);
  rung_free(call->host->allocator, values);
  return status;
}
