#include "op/movement.h"

#include "base/value.h"
#include "op/filling.h"
#include "op/op_infer.h"

enum { MOST_KNOWN = 64 }; /* elements of shape arithmetic that are worth following */

/* The contents of a 1-D integer input, where known. */
static bool known_list(const rung_infer *infer, uint32_t input, int64_t elements[MOST_KNOWN], uint32_t *out_count) {
  return rung_infer_ranked(infer, input) && rung_infer_input(infer, input)->rank == 1 &&
         rung_infer_elements(infer, input, elements, MOST_KNOWN, out_count);
}

/* Transpose */

static rung_status *check_Transpose(const rung_node *node, void *params) {
  const rung_transpose_params *p = params;
  bool seen[RUNG_MAX_RANK] = {false};
  (void)node;
  RUNG_REQUIRE(p->perm.count <= RUNG_MAX_RANK, LIMIT, "perm has %zu elements, above the limit of %d", p->perm.count,
               RUNG_MAX_RANK);
  for (size_t i = 0; i < p->perm.count; i++) {
    int64_t axis = p->perm.at[i];
    RUNG_MODEL_REQUIRE(axis >= 0 && axis < (int64_t)p->perm.count && !seen[axis],
                       "perm is no permutation: element %zu is %lld", i, (long long)axis);
    seen[axis] = true;
  }
  return NULL;
}

static rung_status *infer_Transpose(rung_infer *infer) {
  const rung_transpose_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], elements[MOST_KNOWN];
  uint32_t count;
  if (type->rank < 0) return p->perm.count ? rung_infer_rank(infer, 0, (int32_t)p->perm.count) : NULL;
  RUNG_MODEL_REQUIRE(p->perm.count == 0 || (int64_t)p->perm.count == type->rank,
                     "perm has %zu elements for an input of rank %d", p->perm.count, type->rank);
  for (int32_t i = 0; i < type->rank; i++) dims[i] = type->dims[p->perm.count ? p->perm.at[i] : type->rank - 1 - i];
  if (known_list(infer, 0, elements, &count)) rung_infer_known(infer, 0, elements, count);
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static const rung_attr transpose_attrs[] = {RUNG_ATTR_INTS(rung_transpose_params, perm), {0}};

const rung_op rung_op_Transpose = {.name = "Transpose",
                                   .domain = "",
                                   .since = 1,
                                   .signature = "data:T -> transposed:T",
                                   .params_size = sizeof(rung_transpose_params),
                                   .attributes = transpose_attrs,
                                   .check = check_Transpose,
                                   .infer = infer_Transpose};

/* Concat */

static rung_status *check_Concat(const rung_node *node, void *params) {
  rung_concat_params *p = params;
  RUNG_MODEL_REQUIRE(p->axis != INT64_MIN || node->version < 4, "attribute \"axis\" is missing");
  if (p->axis == INT64_MIN) p->axis = 1;
  return NULL;
}

/* All dimensions but `axis` agree; a number is better than a symbol. */
static rung_status *join_dims(rung_infer *infer, const rung_type *type, int32_t axis, int64_t *dims) {
  for (int32_t i = 0; i < type->rank; i++) {
    if (i == axis) {
      dims[i] = rung_infer_add(infer, dims[i], type->dims[i]);
    } else if (dims[i] < 0) {
      dims[i] = type->dims[i];
    } else {
      RUNG_MODEL_REQUIRE(type->dims[i] < 0 || type->dims[i] == dims[i],
                         "dimension %d is %lld in one input and %lld in another", i, (long long)dims[i],
                         (long long)type->dims[i]);
    }
  }
  return NULL;
}

static void join_known(rung_infer *infer) {
  int64_t elements[MOST_KNOWN], joined[MOST_KNOWN];
  uint32_t total = 0, count;
  for (uint32_t i = 0; i < infer->input_count; i++) {
    if (!known_list(infer, i, elements, &count) || total + count > MOST_KNOWN) return;
    memcpy(joined + total, elements, count * sizeof *elements);
    total += count;
  }
  rung_infer_known(infer, 0, joined, total);
}

static rung_status *infer_Concat(rung_infer *infer) {
  const rung_concat_params *p = infer->params;
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = -1, axis = 0;
  bool complete = true;
  for (uint32_t i = 0; i < infer->input_count; i++) {
    RUNG_MODEL_REQUIRE(rung_infer_has(infer, i), "input %u is left out", i);
    const rung_type *type = rung_infer_input(infer, i);
    complete &= type->rank >= 0;
    if (type->rank < 0) continue;
    if (rank < 0) {
      rank = type->rank;
      RUNG_MODEL_REQUIRE(rank > 0, "scalars cannot be joined");
      RUNG_TRY(rung_infer_axis(infer, p->axis, rank, &axis));
      memcpy(dims, type->dims, sizeof dims);
      continue;
    }
    RUNG_MODEL_REQUIRE(type->rank == rank, "inputs have ranks %d and %d", rank, type->rank);
    RUNG_TRY(join_dims(infer, type, axis, dims));
  }
  if (rank < 0) return NULL;
  if (!complete) dims[axis] = rung_infer_symbol(infer);
  join_known(infer);
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr concat_attrs[] = {RUNG_ATTR_INT(rung_concat_params, axis, INT64_MIN), {0}};

const rung_op rung_op_Concat = {.name = "Concat",
                                .domain = "",
                                .since = 1,
                                .signature = "inputs:T... -> concat_result:T",
                                .params_size = sizeof(rung_concat_params),
                                .attributes = concat_attrs,
                                .check = check_Concat,
                                .infer = infer_Concat};

/* Sizes are int64; in the first versions of Split and Tile they have the type of the data, a floating-point one. */
static rung_status *read_sizes(const rung_infer *infer, uint32_t input, bool as_data, int64_t *sizes, uint32_t most,
                               uint32_t *out_count, bool *out_known) {
  const rung_operand *operand = &infer->inputs[input];
  rung_dtype expected = as_data ? infer->inputs[0].type->dtype : RUNG_I64;
  RUNG_MODEL_REQUIRE(!operand->type->dtype || !expected || operand->type->dtype == expected,
                     "input %u is %s where %s is expected", input, rung_dtype_name(operand->type->dtype),
                     rung_dtype_name(expected));
  RUNG_MODEL_REQUIRE(!as_data || !expected || (RUNG_SET_FLOAT & RUNG_SET(expected)), "the operand is %s, no float",
                     rung_dtype_name(expected));
  *out_known = false;
  if (!as_data) {
    *out_known = rung_infer_elements(infer, input, sizes, most, out_count);
    return NULL;
  }
  const rung_tensor *t = operand->value && operand->value->kind == RUNG_TENSOR ? &operand->value->tensor : NULL;
  if (!t || t->memory) return NULL;
  RUNG_MODEL_REQUIRE(rung_tensor_count(t) <= most, "input %u has %zu elements", input, rung_tensor_count(t));
  *out_count = (uint32_t)rung_tensor_count(t);
  for (uint32_t i = 0; i < *out_count; i++)
    RUNG_MODEL_REQUIRE(rung_element_int(t, i, &sizes[i]), "element %u of input %u is no size", i, input);
  *out_known = true;
  return NULL;
}

/* Split */

static rung_status *check_Split(const rung_node *node, void *params) {
  const rung_split_params *p = params;
  RUNG_MODEL_REQUIRE(p->num_outputs >= 0 && (p->num_outputs == 0 || p->num_outputs >= node->output_count),
                     "num_outputs is %lld for %u outputs", (long long)p->num_outputs, node->output_count);
  return NULL;
}

/* Sizes that are said. */
static rung_status *split_as_said(rung_infer *infer, const int64_t *sizes, uint32_t count, int64_t dim, int32_t axis) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], sum = 0;
  RUNG_MODEL_REQUIRE(count == infer->output_count, "%u sizes for %u outputs", count, infer->output_count);
  memcpy(dims, type->dims, sizeof dims);
  bool summed = true;
  for (uint32_t i = 0; i < count; i++) {
    RUNG_MODEL_REQUIRE(sizes[i] >= 0 || RUNG_IS_SYMBOL(sizes[i]), "size %u is %lld", i, (long long)sizes[i]);
    RUNG_MODEL_REQUIRE(sizes[i] < 0 || rung_add_i64(sum, sizes[i], &sum), "the sizes overflow");
    summed &= sizes[i] >= 0;
    dims[axis] = sizes[i];
    RUNG_TRY(rung_infer_shape(infer, i, type->rank, dims));
  }
  RUNG_MODEL_REQUIRE(dim < 0 || !summed || sum == dim, "the sizes add up to %lld, the dimension is %lld",
                     (long long)sum, (long long)dim);
  return NULL;
}

/* Equal parts, the last ones smaller when it does not come out even. */
static rung_status *split_evenly(rung_infer *infer, int64_t parts, bool must_be_even, int64_t dim, int32_t axis) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, type->dims, sizeof dims);
  RUNG_MODEL_REQUIRE(dim < 0 || !must_be_even || dim % parts == 0, "%lld cannot be split into %lld equal parts",
                     (long long)dim, (long long)parts);
  int64_t size = dim < 0 ? rung_infer_symbol(infer) : dim / parts + (dim % parts != 0), at = 0;
  for (uint32_t i = 0; i < infer->output_count; i++) {
    if (dim >= 0) {
      dims[axis] = RUNG_MIN(size, dim - at);
      at += dims[axis];
    } else {
      bool rest = !must_be_even && i + 1 == parts;
      dims[axis] = parts == 1 ? dim : rest ? rung_infer_symbol(infer) : size;
    }
    RUNG_TRY(rung_infer_shape(infer, i, type->rank, dims));
  }
  return NULL;
}

static void split_known(rung_infer *infer) {
  int64_t elements[MOST_KNOWN];
  uint32_t count, at = 0;
  if (!known_list(infer, 0, elements, &count)) return;
  for (uint32_t i = 0; i < infer->output_count; i++) {
    const rung_type *out = &infer->outputs[i];
    if (out->rank != 1 || out->dims[0] < 0 || out->dims[0] > count - at) return;
    rung_infer_known(infer, i, elements + at, (uint32_t)out->dims[0]);
    at += (uint32_t)out->dims[0];
  }
}

static rung_status *split_sizes(rung_infer *infer, int32_t axis) {
  const rung_split_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dim = type->dims[axis];
  if (!rung_infer_has(infer, 1) && p->split.count == 0)
    return split_evenly(infer, p->num_outputs ? p->num_outputs : infer->output_count,
                        infer->node->version < 18 && !p->num_outputs, dim, axis);
  if (!rung_infer_has(infer, 1)) {
    RUNG_MODEL_REQUIRE(p->split.count <= UINT32_MAX, "%zu sizes", p->split.count);
    return split_as_said(infer, p->split.at, (uint32_t)p->split.count, dim, axis);
  }
  int64_t *sizes = rung_arena_alloc(infer->arena, infer->output_count, sizeof *sizes);
  RUNG_CHECK_ALLOC(sizes);
  uint32_t count;
  bool known;
  RUNG_TRY(read_sizes(infer, 1, infer->node->version < 2, sizes, infer->output_count, &count, &known));
  if (known) return split_as_said(infer, sizes, count, dim, axis);
  for (uint32_t i = 0; i < infer->output_count; i++) sizes[i] = rung_infer_symbol(infer);
  return split_as_said(infer, sizes, infer->output_count, dim, axis);
}

static rung_status *infer_Split(rung_infer *infer) {
  const rung_split_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int32_t axis;
  if (type->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
  RUNG_TRY(split_sizes(infer, axis));
  split_known(infer);
  return NULL;
}

static const rung_attr split_attrs[] = {RUNG_ATTR_INT(rung_split_params, axis, 0),
                                        RUNG_ATTR_INT(rung_split_params, num_outputs, 0),
                                        RUNG_ATTR_INTS_UNTIL(rung_split_params, split, 12),
                                        {0}};

const rung_op rung_op_Split = {.name = "Split",
                               .domain = "",
                               .since = 1,
                               .signature = "input:T split:S? -> outputs:T...",
                               .params_size = sizeof(rung_split_params),
                               .attributes = split_attrs,
                               .check = check_Split,
                               .infer = infer_Split};

/* Slice */

rung_slice_range rung_slice_settle(int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (dim == 0) return (rung_slice_range){0, 1, 0};
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  rung_slice_range range = {0, step, 0};
  if (step > 0) {
    range.start = RUNG_CLAMP(start, 0, dim);
    end = RUNG_CLAMP(end, 0, dim);
    if (end > range.start) range.count = 1 + (end - range.start - 1) / step;
  } else {
    range.start = RUNG_CLAMP(start, 0, dim - 1);
    end = RUNG_CLAMP(end, -1, dim - 1);
    if (step == INT64_MIN) step++; /* longer than any dimension, as good as the next */
    if (end < range.start) range.count = 1 + (range.start - end - 1) / -step;
  }
  if (range.count <= 1) range.step = 1;
  if (range.count == 0) range.start = 0;
  return range;
}

static rung_status *check_Slice(const rung_node *node, void *params) {
  const rung_slice_params *p = params;
  if (node->version >= 10) {
    RUNG_MODEL_REQUIRE(node->input_count >= 3, "inputs \"starts\" and \"ends\" are missing");
    return NULL;
  }
  RUNG_MODEL_REQUIRE(node->input_count == 1, "inputs other than \"data\" before opset 10");
  RUNG_MODEL_REQUIRE(p->starts.count == p->ends.count && p->starts.count <= RUNG_MAX_RANK, "%zu starts, %zu ends",
                     p->starts.count, p->ends.count);
  RUNG_MODEL_REQUIRE(p->axes.count == 0 || p->axes.count == p->starts.count, "%zu axes for %zu starts", p->axes.count,
                     p->starts.count);
  return NULL;
}

/* The size of a range where it follows without a number for all: symbols stand for what is not known. */
static int64_t range_size(rung_infer *infer, int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (dim >= 0 && !RUNG_IS_SYMBOL(start) && !RUNG_IS_SYMBOL(end) && !RUNG_IS_SYMBOL(step))
    return rung_slice_settle(dim, start, end, step).count;
  if (RUNG_IS_SYMBOL(dim) && start == 0 && step == 1 && (end == dim || end >= INT32_MAX)) return dim;
  return rung_infer_symbol(infer);
}

typedef struct slice_lists {
  int64_t starts[RUNG_MAX_RANK], ends[RUNG_MAX_RANK], axes[RUNG_MAX_RANK], steps[RUNG_MAX_RANK];
  uint32_t count;
} slice_lists;

/* A bound that only looks like a symbol is beyond every dimension; so is its replacement. */
static void keep_numbers(int64_t *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) list[i] = RUNG_MAX(list[i], INT64_MIN / 2);
}

/* The elements of a list input; fresh symbols where they are unknown, first, first + increment, ... without
 * it. */
static rung_status *read_list(rung_infer *infer, uint32_t input, int64_t first, int64_t increment, uint32_t count,
                              int64_t *list) {
  uint32_t n = 0;
  if (!rung_infer_has(infer, input)) {
    for (uint32_t i = 0; i < count; i++) list[i] = first + i * increment;
  } else if (rung_infer_elements(infer, input, list, RUNG_MAX_RANK, &n)) {
    RUNG_MODEL_REQUIRE(n == count, "input %u has %u elements where %u are expected", input, n, count);
    if (infer->inputs[input].value) keep_numbers(list, n);
  } else {
    for (uint32_t i = 0; i < count; i++) list[i] = rung_infer_symbol(infer);
  }
  return NULL;
}

/* False when not even the number of ranges or their axes are known. */
static rung_status *read_lists(rung_infer *infer, slice_lists *lists, bool *out_known) {
  const rung_slice_params *p = infer->params;
  *out_known = true;
  if (infer->node->version < 10) {
    lists->count = (uint32_t)p->starts.count;
    for (uint32_t i = 0; i < lists->count; i++) {
      lists->starts[i] = p->starts.at[i];
      lists->ends[i] = p->ends.at[i];
      lists->axes[i] = p->axes.count ? p->axes.at[i] : (int64_t)i;
      lists->steps[i] = 1;
    }
    keep_numbers(lists->starts, lists->count);
    keep_numbers(lists->ends, lists->count);
    return NULL;
  }
  RUNG_MODEL_REQUIRE(rung_infer_has(infer, 1) && rung_infer_has(infer, 2), "starts and ends are left out");
  const rung_type *starts = rung_infer_input(infer, 1);
  *out_known = rung_infer_elements(infer, 1, lists->starts, RUNG_MAX_RANK, &lists->count);
  if (!*out_known) {
    *out_known = starts->rank == 1 && starts->dims[0] >= 0 && starts->dims[0] <= RUNG_MAX_RANK;
    if (!*out_known) return NULL;
    lists->count = (uint32_t)starts->dims[0];
  }
  RUNG_TRY(read_list(infer, 1, 0, 0, lists->count, lists->starts));
  RUNG_TRY(read_list(infer, 2, 0, 0, lists->count, lists->ends));
  RUNG_TRY(read_list(infer, 3, 0, 1, lists->count, lists->axes));
  RUNG_TRY(read_list(infer, 4, 1, 0, lists->count, lists->steps));
  for (uint32_t i = 0; i < lists->count; i++) *out_known &= !RUNG_IS_SYMBOL(lists->axes[i]);
  return NULL;
}

static void slice_known(rung_infer *infer, const slice_lists *lists) {
  int64_t elements[MOST_KNOWN], kept[MOST_KNOWN];
  uint32_t count;
  if (!known_list(infer, 0, elements, &count) || lists->count != 1) return;
  if (RUNG_IS_SYMBOL(lists->starts[0]) || RUNG_IS_SYMBOL(lists->ends[0]) || RUNG_IS_SYMBOL(lists->steps[0])) return;
  rung_slice_range range = rung_slice_settle(count, lists->starts[0], lists->ends[0], lists->steps[0]);
  for (int64_t i = 0; i < range.count; i++) kept[i] = elements[range.start + i * range.step];
  rung_infer_known(infer, 0, kept, (uint32_t)range.count);
}

static rung_status *infer_Slice(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  if (type->rank < 0) return NULL;
  slice_lists lists;
  bool known, taken[RUNG_MAX_RANK] = {false};
  RUNG_TRY(read_lists(infer, &lists, &known));
  if (!known) return rung_infer_rank(infer, 0, type->rank);
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, type->dims, sizeof dims);
  for (uint32_t i = 0; i < lists.count; i++) {
    int32_t axis;
    RUNG_TRY(rung_infer_axis(infer, lists.axes[i], type->rank, &axis));
    RUNG_MODEL_REQUIRE(!taken[axis], "axis %d is named twice", axis);
    RUNG_MODEL_REQUIRE(lists.steps[i] != 0, "step %u is 0", i);
    taken[axis] = true;
    dims[axis] = range_size(infer, type->dims[axis], lists.starts[i], lists.ends[i], lists.steps[i]);
  }
  slice_known(infer, &lists);
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static const rung_attr slice_attrs[] = {RUNG_ATTR_INTS_UNTIL(rung_slice_params, starts, 9),
                                        RUNG_ATTR_INTS_UNTIL(rung_slice_params, ends, 9),
                                        RUNG_ATTR_INTS_UNTIL(rung_slice_params, axes, 9),
                                        {0}};

const rung_op rung_op_Slice = {.name = "Slice",
                               .domain = "",
                               .since = 1,
                               .signature = "data:T starts:I? ends:I? axes:I? steps:I? -> output:T",
                               .params_size = sizeof(rung_slice_params),
                               .attributes = slice_attrs,
                               .check = check_Slice,
                               .infer = infer_Slice};

/* Expand */

static rung_status *infer_Expand(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0), *shape = rung_infer_input(infer, 1);
  int64_t wanted[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count;
  if (type->rank < 0) return NULL;
  if (!rung_infer_elements(infer, 1, wanted, RUNG_MAX_RANK, &count)) {
    bool counted = shape->rank == 1 && shape->dims[0] >= 0 && shape->dims[0] <= RUNG_MAX_RANK;
    return counted ? rung_infer_rank(infer, 0, RUNG_MAX(type->rank, (int32_t)shape->dims[0])) : NULL;
  }
  int32_t rank = RUNG_MAX(type->rank, (int32_t)count);
  for (int32_t i = 0; i < rank; i++) {
    int32_t a = i - (rank - type->rank), b = i - (rank - (int32_t)count);
    int64_t have = a < 0 ? 1 : type->dims[a], want = b < 0 ? 1 : wanted[b];
    RUNG_MODEL_REQUIRE(want >= 0 || RUNG_IS_SYMBOL(want), "element %d of the shape is %lld", b, (long long)want);
    bool symbols = have < 0 && want < 0 && have != want;
    RUNG_TRY(rung_infer_broadcast_dim(infer, have, want, &dims[i]));
    if (symbols) dims[i] = rung_infer_symbol(infer);
  }
  return rung_infer_shape(infer, 0, rank, dims);
}

const rung_op rung_op_Expand = {.name = "Expand",
                                .domain = "",
                                .since = 8,
                                .flags = RUNG_OP_ENLARGES,
                                .signature = "input:T shape:int64 -> output:T",
                                .infer = infer_Expand};

/* Tile. In opset 1 it repeats along one axis: input 1 says how often, input 2 along which. */

static rung_status *infer_tile_axis(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], tiles, number;
  uint32_t count[2];
  int32_t axis;
  bool known[2];
  RUNG_TRY(read_sizes(infer, 1, true, &tiles, 1, &count[0], &known[0]));
  RUNG_TRY(read_sizes(infer, 2, true, &number, 1, &count[1], &known[1]));
  for (int i = 0; i < 2; i++) RUNG_MODEL_REQUIRE(!known[i] || count[i] == 1, "input %d must be one number", i + 1);
  if (type->rank < 0) return NULL;
  if (!known[1]) return rung_infer_rank(infer, 0, type->rank);
  RUNG_TRY(rung_infer_axis(infer, number, type->rank, &axis));
  memcpy(dims, type->dims, sizeof dims);
  RUNG_MODEL_REQUIRE(!known[0] || tiles >= 0, "%lld tiles", (long long)tiles);
  dims[axis] = known[0] ? rung_infer_mul(infer, dims[axis], tiles) : rung_infer_symbol(infer);
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static rung_status *check_Tile(const rung_node *node, void *params) {
  (void)params;
  uint32_t expected = node->version < 6 ? 3 : 2;
  RUNG_MODEL_REQUIRE(node->input_count == expected, "%u inputs, Tile of opset %lld has %u", node->input_count,
                     (long long)node->version, expected);
  return NULL;
}

static rung_status *infer_Tile(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t repeats[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count;
  bool known;
  if (infer->node->version < 6) return infer_tile_axis(infer);
  RUNG_TRY(read_sizes(infer, 1, false, repeats, RUNG_MAX_RANK, &count, &known));
  if (type->rank < 0) return NULL;
  if (!known) return rung_infer_rank(infer, 0, type->rank);
  RUNG_MODEL_REQUIRE((int32_t)count == type->rank, "%u repeats for an input of rank %d", count, type->rank);
  for (uint32_t i = 0; i < count; i++) {
    RUNG_MODEL_REQUIRE(repeats[i] >= 0 || RUNG_IS_SYMBOL(repeats[i]), "repeat %u is %lld", i, (long long)repeats[i]);
    dims[i] = rung_infer_mul(infer, type->dims[i], repeats[i]);
  }
  return rung_infer_shape(infer, 0, type->rank, dims);
}

const rung_op rung_op_Tile = {.name = "Tile",
                              .domain = "",
                              .since = 1,
                              .flags = RUNG_OP_ENLARGES,
                              .signature = "input:T repeats:R axis:R? -> output:T",
                              .check = check_Tile,
                              .infer = infer_Tile};

/* DepthToSpace, SpaceToDepth: (N, C, H, W) */

static rung_status *check_blocks(const rung_node *node, void *params) {
  const rung_depth_space_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->blocksize > 0 && p->blocksize <= INT32_MAX, "blocksize is %lld", (long long)p->blocksize);
  return NULL;
}

static rung_status *require_image(const rung_type *type) {
  RUNG_MODEL_REQUIRE(type->rank == 4, "an input (N, C, H, W) is expected, not of rank %d", type->rank);
  return NULL;
}

static rung_status *divide_dim(rung_infer *infer, int64_t dim, int64_t by, int64_t *out) {
  RUNG_MODEL_REQUIRE(dim < 0 || dim % by == 0, "dimension %lld is no multiple of %lld", (long long)dim, (long long)by);
  *out = by == 1 ? dim : dim < 0 ? rung_infer_symbol(infer) : dim / by;
  return NULL;
}

static rung_status *infer_DepthToSpace(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t block = ((const rung_depth_space_params *)infer->params)->blocksize;
  if (type->rank < 0) return rung_infer_rank(infer, 0, 4);
  RUNG_TRY(require_image(type));
  int64_t dims[4] = {type->dims[0], 0, rung_infer_mul(infer, type->dims[2], block),
                     rung_infer_mul(infer, type->dims[3], block)};
  RUNG_TRY(divide_dim(infer, type->dims[1], block * block, &dims[1]));
  return rung_infer_shape(infer, 0, 4, dims);
}

static rung_status *infer_SpaceToDepth(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t block = ((const rung_depth_space_params *)infer->params)->blocksize;
  if (type->rank < 0) return rung_infer_rank(infer, 0, 4);
  RUNG_TRY(require_image(type));
  int64_t dims[4] = {type->dims[0], rung_infer_mul(infer, type->dims[1], block * block)};
  RUNG_TRY(divide_dim(infer, type->dims[2], block, &dims[2]));
  RUNG_TRY(divide_dim(infer, type->dims[3], block, &dims[3]));
  return rung_infer_shape(infer, 0, 4, dims);
}

static const rung_attr depth_to_space_attrs[] = {
    {"blocksize", RUNG_ATTR_KIND_INT, offsetof(rung_depth_space_params, blocksize), .required = true},
    RUNG_ATTR_CHOICE(rung_depth_space_params, mode, "DCR|CRD"),
    {0}};
static const rung_attr space_to_depth_attrs[] = {
    {"blocksize", RUNG_ATTR_KIND_INT, offsetof(rung_depth_space_params, blocksize), .required = true}, {0}};

const rung_op rung_op_DepthToSpace = {.name = "DepthToSpace",
                                      .domain = "",
                                      .since = 1,
                                      .signature = "input:T -> output:T",
                                      .params_size = sizeof(rung_depth_space_params),
                                      .attributes = depth_to_space_attrs,
                                      .check = check_blocks,
                                      .infer = infer_DepthToSpace};
const rung_op rung_op_SpaceToDepth = {.name = "SpaceToDepth",
                                      .domain = "",
                                      .since = 1,
                                      .signature = "input:T -> output:T",
                                      .params_size = sizeof(rung_depth_space_params),
                                      .attributes = space_to_depth_attrs,
                                      .check = check_blocks,
                                      .infer = infer_SpaceToDepth};

/* ReverseSequence */

static rung_status *check_ReverseSequence(const rung_node *node, void *params) {
  const rung_reverse_sequence_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE((p->batch_axis == 0 && p->time_axis == 1) || (p->batch_axis == 1 && p->time_axis == 0),
                     "batch_axis is %lld and time_axis %lld; one must be 0 and the other 1", (long long)p->batch_axis,
                     (long long)p->time_axis);
  return NULL;
}

static rung_status *infer_ReverseSequence(rung_infer *infer) {
  const rung_reverse_sequence_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0), *lengths = rung_infer_input(infer, 1);
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank >= 2, "the input has rank %d, at least 2 is expected", type->rank);
  RUNG_MODEL_REQUIRE(lengths->rank < 0 || lengths->rank == 1, "sequence_lens has rank %d, 1 is expected",
                     lengths->rank);
  if (type->rank > 0 && lengths->rank > 0) {
    int64_t batch = type->dims[p->batch_axis];
    RUNG_MODEL_REQUIRE(batch < 0 || lengths->dims[0] < 0 || lengths->dims[0] == batch,
                       "%lld lengths for a batch of %lld", (long long)lengths->dims[0], (long long)batch);
  }
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr reverse_sequence_attrs[] = {RUNG_ATTR_INT(rung_reverse_sequence_params, batch_axis, 1),
                                                   RUNG_ATTR_INT(rung_reverse_sequence_params, time_axis, 0),
                                                   {0}};

const rung_op rung_op_ReverseSequence = {.name = "ReverseSequence",
                                         .domain = "",
                                         .since = 10,
                                         .signature = "input:T sequence_lens:int64 -> Y:T",
                                         .params_size = sizeof(rung_reverse_sequence_params),
                                         .attributes = reverse_sequence_attrs,
                                         .check = check_ReverseSequence,
                                         .infer = infer_ReverseSequence};
