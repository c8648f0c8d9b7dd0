#include "op/op_infer.h"

#include "base/str.h"
#include "base/value.h"

/* Shape arithmetic is followed through tensors of at most this many elements. */
enum { MOST_KNOWN = 64 };

bool rung_type_is_concrete(const rung_type *type) {
  if (type->kind != RUNG_TENSOR || type->rank < 0) return false;
  for (int32_t i = 0; i < type->rank; i++)
    if (type->dims[i] < 0) return false;
  return true;
}

rung_status *rung_infer_shape(rung_infer *infer, uint32_t output, int32_t rank, const int64_t *dims) {
  if (!rung_infer_wants(infer, output)) return NULL;
  RUNG_REQUIRE(rank <= RUNG_MAX_RANK, LIMIT, "output %u has rank %d, above the limit of %d", output, rank,
               RUNG_MAX_RANK);
  rung_type *type = &infer->outputs[output];
  type->rank = rank;
  if (rank > 0) memcpy(type->dims, dims, (size_t)rank * sizeof *dims);
  return NULL;
}

void rung_infer_same(rung_infer *infer, uint32_t output, uint32_t input) {
  if (!rung_infer_wants(infer, output) || !rung_infer_ranked(infer, input)) return;
  const rung_type *from = infer->inputs[input].type;
  infer->outputs[output].rank = from->rank;
  memcpy(infer->outputs[output].dims, from->dims, sizeof from->dims);
}

rung_status *rung_infer_rank(rung_infer *infer, uint32_t output, int32_t rank) {
  int64_t dims[RUNG_MAX_RANK];
  for (int32_t i = 0; i < rank && i < RUNG_MAX_RANK; i++) dims[i] = rung_infer_symbol(infer);
  return rung_infer_shape(infer, output, rank, dims);
}

rung_status *rung_infer_axis(const rung_infer *infer, int64_t axis, int32_t rank, int32_t *out_axis) {
  (void)infer;
  RUNG_REQUIRE(axis >= -rank && axis < rank, INVALID_MODEL, "axis %lld is outside [%d, %d)", (long long)axis, -rank,
               rank);
  *out_axis = (int32_t)(axis < 0 ? axis + rank : axis);
  return NULL;
}

bool rung_infer_flat_elements(const rung_infer *infer, uint32_t input, int64_t *elements, uint32_t most,
                              uint32_t *out_count) {
  *out_count = 0;
  if (!rung_infer_has(infer, input)) return false;
  const rung_operand *operand = &infer->inputs[input];
  if (operand->value && operand->value->kind == RUNG_TENSOR) {
    const rung_tensor *tensor = &operand->value->tensor;
    size_t count = rung_tensor_count(tensor);
    if (count > most || tensor->memory) return false;
    for (size_t i = 0; i < count; i++) {
      if (tensor->dtype == RUNG_I64) {
        memcpy(&elements[i], (const char *)tensor->data + 8 * i, 8);
      } else if (tensor->dtype == RUNG_I32) {
        int32_t narrow;
        memcpy(&narrow, (const char *)tensor->data + 4 * i, 4);
        elements[i] = narrow;
      } else {
        return false;
      }
    }
    *out_count = (uint32_t)count;
    return true;
  }
  if (!operand->known || operand->known_count > most) return false;
  memcpy(elements, operand->known, operand->known_count * sizeof *elements);
  *out_count = operand->known_count;
  return true;
}

bool rung_infer_elements(const rung_infer *infer, uint32_t input, int64_t *elements, uint32_t most,
                         uint32_t *out_count) {
  *out_count = 0;
  const rung_value *value = rung_infer_has(infer, input) ? infer->inputs[input].value : NULL;
  if (value && value->kind == RUNG_TENSOR && value->tensor.rank > 1) return false;
  return rung_infer_flat_elements(infer, input, elements, most, out_count);
}

bool rung_infer_ints(const rung_infer *infer, uint32_t input, int64_t *ints, uint32_t most, uint32_t *out_count) {
  if (!rung_infer_elements(infer, input, ints, most, out_count)) return false;
  for (uint32_t i = 0; i < *out_count; i++)
    if (RUNG_IS_SYMBOL(ints[i])) return false;
  return true;
}

bool rung_infer_axes(const rung_infer *infer, rung_ints attribute, uint32_t input, int64_t axes[RUNG_MAX_RANK],
                     uint32_t *out_count) {
  if (rung_infer_has(infer, input)) return rung_infer_ints(infer, input, axes, RUNG_MAX_RANK, out_count);
  *out_count = 0;
  if (attribute.count > RUNG_MAX_RANK) return false;
  if (attribute.count) memcpy(axes, attribute.at, attribute.count * sizeof *axes);
  *out_count = (uint32_t)attribute.count;
  return true;
}

void rung_infer_known(rung_infer *infer, uint32_t output, const int64_t *elements, uint32_t count) {
  if (!rung_infer_wants(infer, output) || count > MOST_KNOWN) return;
  int64_t *copy = rung_arena_alloc(infer->arena, count, sizeof *copy);
  if (!copy) return; /* knowing less is never wrong */
  if (count) memcpy(copy, elements, count * sizeof *copy);
  infer->known[output] = (rung_known){copy, count};
}

static bool is_all_numbers(const rung_type *type, const int64_t *elements, uint32_t count) {
  bool is_vector = type->rank == 1 && type->dims[0] == count, is_scalar = type->rank == 0 && count == 1;
  if (type->kind != RUNG_TENSOR || !(is_vector || is_scalar)) return false;
  if (type->dtype != RUNG_I64 && type->dtype != RUNG_I32) return false;
  for (uint32_t i = 0; i < count; i++)
    if (RUNG_IS_SYMBOL(elements[i])) return false;
  return true;
}

rung_status *rung_known_value(const rung_allocator *allocator, const rung_type *type, const int64_t *elements,
                              uint32_t count, rung_value **out_value) {
  *out_value = NULL;
  if (!elements || !is_all_numbers(type, elements, count)) return NULL;
  RUNG_TRY(rung_value_new_tensor(allocator, type->dtype, type->rank, type->dims, out_value));
  for (uint32_t i = 0; i < count; i++) {
    if (type->dtype == RUNG_I64)
      ((int64_t *)(*out_value)->tensor.data)[i] = elements[i];
    else
      ((int32_t *)(*out_value)->tensor.data)[i] = (int32_t)elements[i];
  }
  return NULL;
}

rung_status *rung_infer_broadcast_dim(const rung_infer *infer, int64_t a, int64_t b, int64_t *out) {
  (void)infer;
  if (a == b || b == 1)
    *out = a;
  else if (a == 1)
    *out = b;
  else if (a < 0)
    *out = b < 0 ? a : b; /* one of two symbols: equal when the run is valid, unless one is 1 */
  else if (b < 0)
    *out = a;
  else
    return RUNG_ERROR(INVALID_MODEL, "dimensions %lld and %lld cannot be broadcast", (long long)a, (long long)b);
  return NULL;
}

rung_status *rung_infer_broadcast(rung_infer *infer, uint32_t first, uint32_t last) {
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = 0;
  for (uint32_t i = first; i <= last; i++) {
    if (!rung_infer_ranked(infer, i)) {
      if (rung_infer_has(infer, i)) return NULL;
      continue;
    }
    rank = RUNG_MAX(rank, infer->inputs[i].type->rank);
  }
  for (int32_t axis = 0; axis < rank; axis++) {
    int64_t dim = 1;
    bool two_symbols = false;
    for (uint32_t i = first; i <= last; i++) {
      if (!rung_infer_has(infer, i)) continue;
      const rung_type *type = infer->inputs[i].type;
      int32_t at = axis - (rank - type->rank);
      if (at < 0) continue;
      two_symbols |= dim < 0 && type->dims[at] < 0 && dim != type->dims[at];
      RUNG_TRY(rung_infer_broadcast_dim(infer, dim, type->dims[at], &dim));
    }
    dims[axis] = two_symbols && dim < 0 ? rung_infer_symbol(infer) : dim;
  }
  return rung_infer_shape(infer, 0, rank, dims);
}

int64_t rung_infer_mul(rung_infer *infer, int64_t a, int64_t b) {
  int64_t product;
  if (a == 1) return b;
  if (b == 1) return a;
  if (a == 0 || b == 0) return 0;
  if (a < 0 || b < 0 || !rung_mul_i64(a, b, &product)) return rung_infer_symbol(infer);
  return product;
}

int64_t rung_infer_add(rung_infer *infer, int64_t a, int64_t b) {
  int64_t sum;
  if (a == 0) return b;
  if (b == 0) return a;
  if (a < 0 || b < 0 || !rung_add_i64(a, b, &sum)) return rung_infer_symbol(infer);
  return sum;
}

rung_status *rung_infer_elementwise(rung_infer *infer) {
  for (uint32_t i = 0; i < infer->output_count; i++) rung_infer_same(infer, i, 0);
  return NULL;
}

rung_status *rung_infer_broadcast_all(rung_infer *infer) {
  return infer->input_count ? rung_infer_broadcast(infer, 0, infer->input_count - 1) : NULL;
}

void rung_channels_first(int32_t rank, const int64_t *from, int64_t *to) {
  for (int32_t i = 0; i < rank; i++) to[i] = i == 0 || rank < 3 ? from[i] : i == 1 ? from[rank - 1] : from[i - 1];
}

void rung_channels_last(int32_t rank, const int64_t *from, int64_t *to) {
  for (int32_t i = 0; i < rank; i++) to[i] = i == 0 || rank < 3 ? from[i] : i == rank - 1 ? from[1] : from[i + 1];
}

rung_status *rung_infer_as(rung_infer *infer, const rung_op *inner, const uint32_t *inputs, uint32_t count,
                           bool channels_last) {
  rung_operand *operands = rung_arena_alloc(infer->arena, RUNG_MAX(count, 1), sizeof *operands);
  RUNG_CHECK_ALLOC(operands);
  rung_infer own = *infer;
  rung_type first, *out = infer->outputs;
  for (uint32_t i = 0; i < count; i++)
    if (rung_infer_has(infer, inputs[i])) operands[i] = infer->inputs[inputs[i]];
  if (channels_last && count && operands[0].type) {
    first = *operands[0].type;
    if (first.rank >= 0) rung_channels_first(first.rank, operands[0].type->dims, first.dims);
    operands[0].type = &first;
  }
  own.inputs = operands;
  own.input_count = count;
  own.output_count = RUNG_MIN(infer->output_count, 1);
  RUNG_TRY(inner->infer(&own));
  if (channels_last && own.output_count && out->rank >= 0) {
    rung_type made = *out;
    rung_channels_last(made.rank, made.dims, out->dims);
  }
  return NULL;
}
