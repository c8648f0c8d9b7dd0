#include "op/filling.h"

#include "base/half.h"
#include "base/value.h"
#include "op/op_infer.h"

#include <math.h>

/* Numbers */

#define READ_AS(type)                                                                   \
  do {                                                                                  \
    type number;                                                                        \
    memcpy(&number, (const char *)tensor->data + index * sizeof number, sizeof number); \
    return number;                                                                      \
  } while (0)

static int64_t read_signed(const rung_tensor *tensor, size_t index) {
  switch (tensor->dtype) {
    case RUNG_I8:
      READ_AS(int8_t);
    case RUNG_I16:
      READ_AS(int16_t);
    case RUNG_I32:
      READ_AS(int32_t);
    default:
      READ_AS(int64_t);
  }
}

static uint64_t read_unsigned(const rung_tensor *tensor, size_t index) {
  switch (tensor->dtype) {
    case RUNG_U8:
    case RUNG_BOOL:
      READ_AS(uint8_t);
    case RUNG_U16:
    case RUNG_F16:
    case RUNG_BF16:
      READ_AS(uint16_t);
    case RUNG_U32:
      READ_AS(uint32_t);
    default:
      READ_AS(uint64_t);
  }
}

static double read_float(const rung_tensor *tensor, size_t index) {
  if (tensor->dtype == RUNG_F64) READ_AS(double);
  READ_AS(float);
}

double rung_element_float(const rung_tensor *tensor, size_t index) {
  if (RUNG_SET_SIGNED & RUNG_SET(tensor->dtype)) return (double)read_signed(tensor, index);
  if (tensor->dtype == RUNG_F32 || tensor->dtype == RUNG_F64) return read_float(tensor, index);
  uint64_t bits = read_unsigned(tensor, index);
  if (tensor->dtype == RUNG_F16) return rung_f16_to_f32((uint16_t)bits);
  if (tensor->dtype == RUNG_BF16) return rung_bf16_to_f32((uint16_t)bits);
  return (double)bits;
}

bool rung_element_int(const rung_tensor *tensor, size_t index, int64_t *out) {
  if (RUNG_SET_FLOAT & RUNG_SET(tensor->dtype)) {
    double number = rung_element_float(tensor, index);
    if (!(number > -0x1p63 && number < 0x1p63)) return false;
    *out = (int64_t)number;
    return true;
  }
  if (RUNG_SET_SIGNED & RUNG_SET(tensor->dtype)) {
    *out = read_signed(tensor, index);
    return true;
  }
  uint64_t number = read_unsigned(tensor, index);
  *out = (int64_t)number;
  return number <= INT64_MAX;
}

/* The tensor behind an input of one element, when its contents are known. */
static const rung_tensor *known_scalar(const rung_infer *infer, uint32_t input) {
  const rung_value *value = rung_infer_has(infer, input) ? infer->inputs[input].value : NULL;
  bool single = value && value->kind == RUNG_TENSOR && !value->tensor.memory && rung_tensor_count(&value->tensor) == 1;
  return single ? &value->tensor : NULL;
}

/* ConstantOfShape */

static rung_status *check_ConstantOfShape(const rung_node *node, void *params) {
  const rung_constant_of_shape_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(!p->value || (p->value->kind == RUNG_TENSOR && rung_tensor_count(&p->value->tensor) == 1 &&
                                   p->value->tensor.dtype != RUNG_STRING),
                     "attribute \"value\" must be a tensor of one number");
  return NULL;
}

/* A small integer result is shape arithmetic: later multiplied, compared, expanded to. */
static void know_constant(rung_infer *infer, int32_t rank, const int64_t *dims) {
  const rung_constant_of_shape_params *p = infer->params;
  enum { MOST = 64 };
  int64_t elements[MOST], number;
  size_t count;
  if (!p->value || rank > 1 || !rung_shape_count(rank, dims, &count) || count > MOST) return;
  if (p->value->tensor.dtype != RUNG_I64 && p->value->tensor.dtype != RUNG_I32) return;
  if (!rung_element_int(&p->value->tensor, 0, &number)) return;
  for (size_t i = 0; i < count; i++) elements[i] = number;
  rung_infer_known(infer, 0, elements, (uint32_t)count);
}

static rung_status *infer_ConstantOfShape(rung_infer *infer) {
  const rung_constant_of_shape_params *p = infer->params;
  const rung_type *shape = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  uint32_t rank;
  infer->outputs[0].dtype = p->value ? p->value->tensor.dtype : RUNG_F32;
  RUNG_MODEL_REQUIRE(shape->rank <= 1, "the shape has rank %d, 1 is expected", shape->rank);
  if (!rung_infer_elements(infer, 0, dims, RUNG_MAX_RANK, &rank)) {
    RUNG_REQUIRE(shape->rank != 1 || shape->dims[0] <= RUNG_MAX_RANK, LIMIT, "rank %lld is above the limit of %d",
                 (long long)shape->dims[0], RUNG_MAX_RANK);
    return shape->rank == 1 && shape->dims[0] >= 0 ? rung_infer_rank(infer, 0, (int32_t)shape->dims[0]) : NULL;
  }
  for (uint32_t i = 0; i < rank; i++)
    RUNG_MODEL_REQUIRE(dims[i] >= 0 || RUNG_IS_SYMBOL(dims[i]), "dimension %u is %lld", i, (long long)dims[i]);
  know_constant(infer, (int32_t)rank, dims);
  return rung_infer_shape(infer, 0, (int32_t)rank, dims);
}

static const rung_attr constant_of_shape_attrs[] = {RUNG_ATTR_TENSOR(rung_constant_of_shape_params, value), {0}};

const rung_op rung_op_ConstantOfShape = {.name = "ConstantOfShape",
                                         .domain = "",
                                         .since = 9,
                                         .flags = RUNG_OP_ENLARGES,
                                         .signature = "input:int64 -> output:T",
                                         .params_size = sizeof(rung_constant_of_shape_params),
                                         .attributes = constant_of_shape_attrs,
                                         .check = check_ConstantOfShape,
                                         .infer = infer_ConstantOfShape};

/* Range */

static rung_status *integer_count(int64_t start, int64_t limit, int64_t delta, int64_t *out_count) {
  uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
  uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
  bool any = delta > 0 ? limit > start : limit < start;
  uint64_t count = any ? 1 + (distance - 1) / step : 0;
  RUNG_REQUIRE(count <= INT64_MAX, LIMIT, "a range of %llu elements", (unsigned long long)count);
  *out_count = (int64_t)count;
  return NULL;
}

rung_status *rung_range_count(const rung_tensor *start, const rung_tensor *limit, const rung_tensor *delta,
                              int64_t *out_count) {
  if (RUNG_SET_INTEGER & RUNG_SET(start->dtype)) {
    int64_t step = delta ? read_signed(delta, 0) : 1;
    RUNG_MODEL_REQUIRE(step != 0, "delta is 0");
    return integer_count(read_signed(start, 0), read_signed(limit, 0), step, out_count);
  }
  /* The difference in the type of the operands, as ONNX has it: 0.3 - 0 in steps of 0.1 must not see the digits that
   * float32 does not have. */
  double step = delta ? rung_element_float(delta, 0) : 1, from = rung_element_float(start, 0),
         to = rung_element_float(limit, 0);
  double distance = start->dtype == RUNG_F64 ? to - from : (double)((float)to - (float)from);
  RUNG_MODEL_REQUIRE(step != 0, "delta is 0");
  double count = ceil(distance / step);
  RUNG_MODEL_REQUIRE(count < 0x1p53, "a range from %g to %g by %g", from, to, step); /* false for NaN, too */
  *out_count = count > 0 ? (int64_t)count : 0;
  return NULL;
}

/* Whole numbers that shape arithmetic has worked out, or constants. */
static rung_status *known_range(rung_infer *infer, int64_t *dim) {
  enum { MOST = 64 };
  int64_t bounds[3], elements[MOST];
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t count = 1;
    if (i == 2 && !rung_infer_has(infer, i))
      bounds[i] = 1;
    else if (!rung_infer_elements(infer, i, &bounds[i], 1, &count) || count != 1)
      return NULL;
  }
  if (RUNG_IS_SYMBOL(bounds[1]) && bounds[0] == 0 && bounds[2] == 1) *dim = bounds[1];
  for (int i = 0; i < 3; i++)
    if (RUNG_IS_SYMBOL(bounds[i])) return NULL;
  RUNG_MODEL_REQUIRE(bounds[2] != 0, "delta is 0");
  RUNG_TRY(integer_count(bounds[0], bounds[1], bounds[2], dim));
  if (*dim > MOST) return NULL;
  for (int64_t i = 0; i < *dim; i++) elements[i] = (int64_t)((uint64_t)bounds[0] + (uint64_t)i * (uint64_t)bounds[2]);
  rung_infer_known(infer, 0, elements, (uint32_t)*dim);
  return NULL;
}

static rung_status *infer_Range(rung_infer *infer) {
  const rung_tensor *start = known_scalar(infer, 0), *limit = known_scalar(infer, 1), *delta = known_scalar(infer, 2);
  int64_t dim = rung_infer_symbol(infer);
  for (uint32_t i = 0; i < 3; i++) {
    if (!rung_infer_has(infer, i)) continue;
    const rung_type *type = rung_infer_input(infer, i);
    bool single = type->rank <= 0 || (type->rank == 1 && (type->dims[0] < 0 || type->dims[0] == 1));
    RUNG_MODEL_REQUIRE(single, "input %u must be a scalar", i);
  }
  RUNG_TRY(known_range(infer, &dim));
  if (dim < 0 && start && limit && (delta || !rung_infer_has(infer, 2)))
    RUNG_TRY(rung_range_count(start, limit, delta, &dim));
  return rung_infer_shape(infer, 0, 1, &dim);
}

static const rung_attr range_attrs[] = {RUNG_ATTR_INT(rung_range_params, stash_type, 1), {0}};

#define RANGE(symbol, where, version, places)                                 \
  const rung_op rung_op_##symbol = {.name = "Range",                          \
                                    .domain = where,                          \
                                    .since = version,                         \
                                    .flags = RUNG_OP_ENLARGES,                \
                                    .signature = places " -> output:T",       \
                                    .params_size = sizeof(rung_range_params), \
                                    .attributes = range_attrs,                \
                                    .infer = infer_Range};
RANGE(Range, "", 11, "start:T limit:T delta:T")
RANGE(ms_Range, "com.microsoft", 1, "start:T limit:T delta:T?")

/* Size */

static rung_status *infer_Size(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t count = 1;
  if (type->rank >= 0) {
    for (int32_t i = 0; i < type->rank; i++) count = rung_infer_mul(infer, count, type->dims[i]);
    rung_infer_known(infer, 0, &count, 1);
  }
  return rung_infer_shape(infer, 0, 0, NULL);
}

const rung_op rung_op_Size = {
    .name = "Size", .domain = "", .since = 1, .signature = "data:T -> size:int64", .infer = infer_Size};

/* EyeLike */

static rung_status *check_EyeLike(const rung_node *node, void *params) {
  const rung_eye_like_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(
      p->dtype >= 0 && p->dtype < 32 && (!p->dtype || ((RUNG_SET_NUMERIC | RUNG_SET_BOOL) >> p->dtype & 1)),
      "attribute \"dtype\" is %lld, which is no type of numbers", (long long)p->dtype);
  return NULL;
}

static rung_status *infer_EyeLike(rung_infer *infer) {
  const rung_eye_like_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank == 2, "a matrix is expected, not an input of rank %d", type->rank);
  infer->outputs[0].dtype = p->dtype ? (rung_dtype)p->dtype : type->dtype;
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr eye_like_attrs[] = {
    RUNG_ATTR_INT(rung_eye_like_params, dtype, 0), RUNG_ATTR_INT(rung_eye_like_params, k, 0), {0}};

const rung_op rung_op_EyeLike = {.name = "EyeLike",
                                 .domain = "",
                                 .since = 9,
                                 .signature = "input:T -> output:U",
                                 .params_size = sizeof(rung_eye_like_params),
                                 .attributes = eye_like_attrs,
                                 .check = check_EyeLike,
                                 .infer = infer_EyeLike};

/* Trilu */

static rung_status *infer_Trilu(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank >= 2, "matrices are expected, not an input of rank %d", type->rank);
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr trilu_attrs[] = {RUNG_ATTR_INT(rung_trilu_params, upper, 1), {0}};

const rung_op rung_op_Trilu = {.name = "Trilu",
                               .domain = "",
                               .since = 14,
                               .signature = "input:T k:int64? -> output:T",
                               .params_size = sizeof(rung_trilu_params),
                               .attributes = trilu_attrs,
                               .infer = infer_Trilu};

/* OneHot */

static rung_status *infer_OneHot(rung_infer *infer) {
  const rung_one_hot_params *p = infer->params;
  const rung_type *indices = rung_infer_input(infer, 0);
  const rung_tensor *depth = known_scalar(infer, 1);
  int64_t dims[RUNG_MAX_RANK + 1], size = rung_infer_symbol(infer), number;
  uint32_t count;
  int32_t axis;
  if (depth) {
    RUNG_MODEL_REQUIRE(rung_element_int(depth, 0, &size) && size >= 0, "depth is %g", rung_element_float(depth, 0));
  } else if (rung_infer_elements(infer, 1, &number, 1, &count) && count == 1) {
    RUNG_MODEL_REQUIRE(number >= 0 || RUNG_IS_SYMBOL(number), "depth is %lld", (long long)number);
    size = number;
  }
  if (indices->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, indices->rank + 1, &axis));
  for (int32_t i = 0; i <= indices->rank; i++)
    dims[i] = i < axis ? indices->dims[i] : i == axis ? size : indices->dims[i - 1];
  return rung_infer_shape(infer, 0, indices->rank + 1, dims);
}

static const rung_attr one_hot_attrs[] = {RUNG_ATTR_INT(rung_one_hot_params, axis, -1), {0}};

const rung_op rung_op_OneHot = {.name = "OneHot",
                                .domain = "",
                                .since = 9,
                                .flags = RUNG_OP_ENLARGES,
                                .signature = "indices:T depth:U values:V -> output:V",
                                .params_size = sizeof(rung_one_hot_params),
                                .attributes = one_hot_attrs,
                                .infer = infer_OneHot};
