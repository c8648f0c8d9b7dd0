/* What each legalising pass does to a node; see legalise.h. */
#include "graph/legalise.h"
#include "op/movement.h"
#include "op/op_infer.h"
#include "op/padding.h"

#include <math.h>

/* Reading nodes */

static bool is_called(const rung_node *node, const char *const *names, size_t count) {
  if (!node || !node->op || node->domain[0]) return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(node->op_type, names[i]) == 0) return true;
  return false;
}

static bool is_one(const rung_node *node, const char *name) { return is_called(node, &name, 1); }

static rung_value_info *input(const rung_node *node, uint32_t i) {
  return i < node->input_count ? node->inputs[i] : NULL;
}

/* The numbers of a small constant of int64; false when it is none. */
static bool constant_ints(const rung_value_info *info, int64_t *ints, size_t most, size_t *out_count) {
  if (!info || !info->constant || info->constant->kind != RUNG_TENSOR) return false;
  const rung_tensor *t = &info->constant->tensor;
  *out_count = rung_tensor_count(t);
  if (t->dtype != RUNG_I64 || *out_count > most) return false;
  if (*out_count) memcpy(ints, t->data, *out_count * sizeof *ints);
  return true;
}

static void set_int(rung_attribute *a, const char *name, int64_t value) {
  *a = (rung_attribute){.name = name, .type = RUNG_ATTRIBUTE_INT, .i = value};
}

/* pads: what Pad copies from the tensor itself (reflect, edge, wrap) are slices of it, joined axis by axis. */

typedef struct pad_plan {
  int mode;
  int64_t begin[RUNG_MAX_RANK], end[RUNG_MAX_RANK];
} pad_plan;

/* Elements start, start + step, ... before end of `axis`. */
static rung_status *slice(rung_replacement *r, rung_value_info *of, int32_t axis, int64_t start, int64_t end,
                          int64_t step, rung_value_info **out_part) {
  const int64_t numbers[4] = {start, end, axis, step};
  rung_node *node = rung__replacement_node(r, "Slice", 5, 0);
  RUNG_CHECK_ALLOC(node);
  node->inputs[0] = of;
  for (uint32_t i = 0; i < 4; i++)
    RUNG_TRY(rung__replacement_ints(r, RUNG_I64, 1, &numbers[i], 1, &node->inputs[i + 1]));
  *out_part = rung__replacement_value(r, node);
  return *out_part ? NULL : rung_status_out_of_memory();
}

/* One margin of `size` elements beside a dimension of `dim`. A single element needs no negative step. */
static rung_status *margin(rung_replacement *r, const pad_plan *plan, rung_value_info *of, int32_t axis, int64_t dim,
                           int64_t size, bool behind, rung_value_info **out_part) {
  if (plan->mode == RUNG_PAD_EDGE) {
    int64_t at = behind ? dim - 1 : 0;
    return slice(r, of, axis, at, at + 1, 1, out_part);
  }
  if (plan->mode == RUNG_PAD_WRAP)
    return behind ? slice(r, of, axis, 0, size, 1, out_part) : slice(r, of, axis, dim - size, dim, 1, out_part);
  int64_t first = behind ? dim - 2 : size, last = first - size; /* down to what is behind `last` */
  if (size == 1) return slice(r, of, axis, first, first + 1, 1, out_part);
  return slice(r, of, axis, first, last < 0 ? INT32_MIN + 1 : last, -1, out_part);
}

/* An edge is joined as often as it is wide. */
static uint32_t repeats(const pad_plan *plan, int64_t size) {
  return size == 0 ? 0 : plan->mode == RUNG_PAD_EDGE ? (uint32_t)size : 1;
}

static rung_status *pad_axis(rung_replacement *r, const pad_plan *plan, int32_t axis, int64_t dim,
                             rung_value_info **value) {
  rung_value_info *before = NULL, *after = NULL, *whole = *value;
  uint32_t left = repeats(plan, plan->begin[axis]), right = repeats(plan, plan->end[axis]), at = 0;
  if (left) RUNG_TRY(margin(r, plan, whole, axis, dim, plan->begin[axis], false, &before));
  if (right) RUNG_TRY(margin(r, plan, whole, axis, dim, plan->end[axis], true, &after));
  rung_node *node = rung__replacement_node(r, "Concat", left + 1 + right, 1);
  RUNG_CHECK_ALLOC(node);
  set_int(&node->attributes[0], "axis", axis);
  while (at < left) node->inputs[at++] = before;
  node->inputs[at++] = whole;
  while (at < left + 1 + right) node->inputs[at++] = after;
  *value = rung__replacement_value(r, node);
  return *value ? NULL : rung_status_out_of_memory();
}

static bool read_pads(const rung_node *node, pad_plan *plan) {
  const rung_pad_params *p = node->params;
  const rung_type *type = &node->inputs[0]->type;
  int64_t pads[2 * RUNG_MAX_RANK], axes[RUNG_MAX_RANK];
  size_t count = RUNG_MIN(p->pads.count, RUNG_COUNT(pads)), axis_count = 0;
  bool has_axes = input(node, 3) != NULL;
  if (node->opset < 11 && count) memcpy(pads, p->pads.at, count * sizeof *pads);
  if (node->opset >= 11 && !constant_ints(input(node, 1), pads, RUNG_COUNT(pads), &count)) return false;
  if (has_axes && !constant_ints(input(node, 3), axes, RUNG_COUNT(axes), &axis_count)) return false;
  rung_status *status =
      rung_pad_spread(type->rank, pads, count, has_axes ? axes : NULL, axis_count, plan->begin, plan->end);
  bool fits = !status;
  rung_status_free(status);
  plan->mode = p->mode;
  return fits;
}

/* Is every margin one that slices of the tensor can make? */
static bool can_slice(const pad_plan *plan, const rung_type *type, bool *out_any) {
  enum { MOST_REPEATS = 32 };
  *out_any = false;
  for (int32_t i = 0; i < type->rank; i++) {
    int64_t most = RUNG_MAX(plan->begin[i], plan->end[i]), dim = type->dims[i];
    if (plan->begin[i] == 0 && plan->end[i] == 0) continue;
    if (dim < 1) return false; /* not known, or nothing there */
    int64_t limit = plan->mode == RUNG_PAD_REFLECT ? dim - 1 : plan->mode == RUNG_PAD_WRAP ? dim : MOST_REPEATS;
    if (plan->begin[i] < 0 || plan->end[i] < 0 || most > limit) return false;
    *out_any = true;
  }
  return true;
}

rung_status *rung__legalise_pads(rung_replacement *r) {
  const rung_node *node = r->old;
  pad_plan plan;
  bool any;
  if (!is_one(node, "Pad") || node->opset < 10 || node->inputs[0]->type.rank < 0) return NULL;
  if (((const rung_pad_params *)node->params)->mode == RUNG_PAD_CONSTANT || !read_pads(node, &plan)) return NULL;
  const rung_type *type = &node->inputs[0]->type;
  if (!can_slice(&plan, type, &any) || !any) return NULL;
  rung_value_info *value = node->inputs[0];
  for (int32_t i = 0; i < type->rank; i++)
    if (plan.begin[i] || plan.end[i]) RUNG_TRY(pad_axis(r, &plan, i, type->dims[i], &value));
  return NULL;
}

/* doubles: float64 between float32 on both sides. Products, sums and quotients of float32 that are rounded to float64
 * and then to float32 are those of float32 (53 >= 2 * 24 + 2 bits), and so are comparisons. A scalar of float64 has to
 * be a float32, too. */

/* `info` in float32: what was cast, or the constant; NULL: it is not one. */
static rung_status *narrowed(rung_replacement *r, rung_value_info *info, rung_value_info **out_info) {
  *out_info = NULL;
  if (info->constant && info->constant->kind == RUNG_TENSOR && info->constant->tensor.dtype == RUNG_F64) {
    const rung_tensor *from = &info->constant->tensor;
    rung_value *value;
    RUNG_TRY(rung_value_new_tensor(r->ir->allocator, RUNG_F32, from->rank, from->dims, &value));
    bool exact = true;
    for (size_t i = 0, count = rung_tensor_count(from); i < count; i++) {
      double wide;
      memcpy(&wide, (const char *)from->data + i * sizeof wide, sizeof wide);
      float narrow = fabs(wide) <= 3.4028234663852886e38 || isinf(wide) ? (float)wide : NAN;
      exact &= (double)narrow == wide && signbit(narrow) == signbit(wide);
      memcpy((char *)value->tensor.data + i * sizeof narrow, &narrow, sizeof narrow);
    }
    rung_status *status = exact ? rung__replacement_constant(r, value, out_info) : NULL;
    rung_value_release(value);
    return status;
  }
  const rung_node *cast = info->producer;
  if (cast && is_one(cast, "Cast") && cast->graph == r->graph && cast->inputs[0]->type.dtype == RUNG_F32) {
    r->before[r->before_count++] = cast;
    *out_info = cast->inputs[0];
  }
  return NULL;
}

/* `node` with all inputs in float32. No replacement when one cannot be had. */
static rung_status *narrow_node(rung_replacement *r, const rung_node *node) {
  enum { MOST_INPUTS = 8 };
  if (node->input_count > MOST_INPUTS || node->output_count != 1 || node->attribute_count) return NULL;
  rung_node *narrow = rung__replacement_node(r, node->op_type, node->input_count, 0);
  RUNG_CHECK_ALLOC(narrow);
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i]) RUNG_TRY(narrowed(r, node->inputs[i], &narrow->inputs[i]));
    if (!narrow->inputs[i]) r->count = 0;
    if (!r->count) return NULL;
  }
  return NULL;
}

/* An exponent may have a type of its own. */
static rung_status *narrow_exponent(rung_replacement *r) {
  const rung_node *node = r->old;
  rung_value_info *exponent = NULL;
  if (node->opset < 12 || node->inputs[0]->type.dtype != RUNG_F32 || !node->inputs[1]->constant) return NULL;
  RUNG_TRY(narrowed(r, node->inputs[1], &exponent));
  if (!exponent) return NULL;
  rung_node *narrow = rung__replacement_node(r, "Pow", 2, 0);
  RUNG_CHECK_ALLOC(narrow);
  narrow->inputs[0] = node->inputs[0];
  narrow->inputs[1] = exponent;
  return NULL;
}

rung_status *rung__legalise_doubles(rung_replacement *r) {
  static const char *const arithmetic[] = {"Add", "Sub", "Mul", "Div", "Sqrt", "Neg", "Abs", "Max", "Min", "Relu"};
  static const char *const comparisons[] = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"};
  const rung_node *node = r->old;
  if (is_one(node, "Pow")) return narrow_exponent(r);
  if (is_called(node, comparisons, RUNG_COUNT(comparisons)))
    return node->inputs[0]->type.dtype == RUNG_F64 ? narrow_node(r, node) : NULL;
  if (!is_one(node, "Cast") || node->outputs[0]->type.dtype != RUNG_F32) return NULL;
  const rung_node *maker = node->inputs[0]->producer;
  if (node->inputs[0]->type.dtype != RUNG_F64 || !maker || maker->graph != r->graph ||
      !is_called(maker, arithmetic, RUNG_COUNT(arithmetic)))
    return NULL;
  RUNG_TRY(narrow_node(r, maker));
  r->before[r->before_count++] = maker;
  return NULL;
}

/* clips: Clip of integers is Max and Min. (Of floats it is not, where NaN comes in.) */

rung_status *rung__legalise_clips(rung_replacement *r) {
  static const char *const names[] = {"Max", "Min"};
  const rung_node *node = r->old;
  if (!is_one(node, "Clip") || node->opset < 12) return NULL;
  rung_value_info *value = node->inputs[0];
  if (!value->type.dtype || !(RUNG_SET(value->type.dtype) & RUNG_SET_INTEGER)) return NULL;
  for (uint32_t i = 0; i < 2; i++) {
    if (!input(node, i + 1)) continue;
    rung_node *limit = rung__replacement_node(r, names[i], 2, 0);
    RUNG_CHECK_ALLOC(limit);
    limit->inputs[0] = value;
    limit->inputs[1] = node->inputs[i + 1];
    value = rung__replacement_value(r, limit);
    RUNG_CHECK_ALLOC(value);
  }
  return NULL;
}

/* indices: constants of int64 that say where, as int32, where the operator takes both. */

static const struct {
  const char *op_type;
  uint32_t first, last; /* inputs */
} indexed[] = {
    {"Gather", 1, 1}, {"GatherElements", 1, 1}, {"ScatterElements", 1, 1}, {"CumSum", 1, 1}, {"Slice", 1, 4}};

/* Bounds of a Slice beyond int32 mean the ends of the dimension, which are nearer. */
static bool fits(const rung_tensor *t, bool bounds) {
  if (t->dtype != RUNG_I64) return false;
  for (size_t i = 0, count = rung_tensor_count(t); i < count; i++) {
    int64_t number;
    memcpy(&number, (const char *)t->data + i * sizeof number, sizeof number);
    if (!bounds && (number < INT32_MIN || number > INT32_MAX)) return false;
  }
  return true;
}

static rung_status *narrow_indices(rung_replacement *r, const rung_tensor *from, rung_value_info **out_info) {
  rung_value *value;
  RUNG_TRY(rung_value_new_tensor(r->ir->allocator, RUNG_I32, from->rank, from->dims, &value));
  for (size_t i = 0, count = rung_tensor_count(from); i < count; i++) {
    int64_t number;
    memcpy(&number, (const char *)from->data + i * sizeof number, sizeof number);
    int32_t narrow = (int32_t)RUNG_CLAMP(number, INT32_MIN + 1, INT32_MAX);
    memcpy((char *)value->tensor.data + i * sizeof narrow, &narrow, sizeof narrow);
  }
  rung_status *status = rung__replacement_constant(r, value, out_info);
  rung_value_release(value);
  return status;
}

rung_status *rung__legalise_indices(rung_replacement *r) {
  const rung_node *node = r->old;
  size_t k = 0;
  while (k < RUNG_COUNT(indexed) && !is_one(node, indexed[k].op_type)) k++;
  bool slices = is_one(node, "Slice");
  if (k == RUNG_COUNT(indexed) || (slices && node->opset < 10)) return NULL;
  for (uint32_t i = indexed[k].first; i <= indexed[k].last; i++) {
    const rung_value_info *info = input(node, i);
    if (info && (!info->constant || !fits(&info->constant->tensor, slices))) return NULL;
  }
  if (!input(node, indexed[k].first)) return NULL;
  rung_node *narrow = rung__replacement_node(r, node->op_type, node->input_count, node->attribute_count);
  RUNG_CHECK_ALLOC(narrow);
  if (node->attribute_count)
    memcpy(narrow->attributes, node->attributes, node->attribute_count * sizeof *node->attributes);
  for (uint32_t i = 0; i < node->input_count; i++) {
    narrow->inputs[i] = node->inputs[i];
    if (node->inputs[i] && i >= indexed[k].first && i <= indexed[k].last)
      RUNG_TRY(narrow_indices(r, &node->inputs[i]->constant->tensor, &narrow->inputs[i]));
  }
  return NULL;
}
