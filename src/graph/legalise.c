#include "graph/legalise.h"

#include "base/half.h"
#include "base/str.h"

#include <stdio.h>

/* Building */

rung_node *rung__replacement_node(rung_replacement *r, const char *op_type, uint32_t inputs, uint32_t attributes) {
  if (r->count == RUNG_MOST_REPLACED) return NULL;
  const char *name = rung_arena_printf(&r->ir->arena, "%s/%s_%u", r->old->name, r->pass, r->count);
  rung_node *node = name ? rung_ir_new_node(r->ir, r->graph, name, op_type, r->old->opset, inputs, attributes) : NULL;
  if (node) r->nodes[r->count++] = node;
  return node;
}

rung_value_info *rung__replacement_value(rung_replacement *r, rung_node *node) {
  rung_value_info *info = rung_arena_alloc(&r->ir->arena, 1, sizeof *info);
  if (!info) return NULL;
  *info = (rung_value_info){.name = node->name, .producer = node, .graph = r->graph, .type = {.rank = -1}};
  node->outputs[0] = info;
  return info;
}

rung_status *rung__replacement_constant(rung_replacement *r, rung_value *value, rung_value_info **out_info) {
  rung_value_info *info = rung_arena_alloc(&r->ir->arena, 1, sizeof *info);
  RUNG_CHECK_ALLOC(info);
  info->name = rung_arena_printf(&r->ir->arena, "%s/%s_constant_%zu", r->old->name, r->pass, r->ir->constants.count);
  RUNG_CHECK_ALLOC(info->name);
  info->graph = r->graph;
  *out_info = info;
  return rung_ir_set_constant(r->ir, info, value);
}

rung_status *rung__replacement_ints(rung_replacement *r, rung_dtype dtype, int32_t rank, const int64_t *ints,
                                    size_t count, rung_value_info **out_info) {
  int64_t dims[1] = {(int64_t)count};
  rung_value *value;
  RUNG_TRY(rung_value_new_tensor(r->ir->allocator, dtype, rank, dims, &value));
  for (size_t i = 0; i < count; i++) {
    int32_t narrow = (int32_t)ints[i];
    if (dtype == RUNG_I32)
      memcpy((char *)value->tensor.data + i * sizeof narrow, &narrow, sizeof narrow);
    else
      memcpy((char *)value->tensor.data + i * sizeof ints[i], &ints[i], sizeof ints[i]);
  }
  rung_status *status = rung__replacement_constant(r, value, out_info);
  rung_value_release(value);
  return status;
}

/* Random data */

static uint64_t draw(uint64_t *state) { /* xorshift64* */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(2685821657736338717);
}

/* Floats of many magnitudes, with the borders of float32 among them; integers around 0. */
static double draw_number(uint64_t *state, size_t index) {
  static const double borders[] = {0.0, -0.0, 1.0, -1.0, 1e-45, -1.2e-38, 3.4028234663852886e38, -65504.0, 0.1f};
  if (index < RUNG_COUNT(borders)) return borders[index];
  double fraction = (double)(draw(state) >> 11) / 9007199254740992.0 * 2 - 1;
  return fraction * (double)(INT64_C(1) << (draw(state) % 12)) / 16;
}

static void fill(const rung_tensor *t, uint64_t *state) {
  size_t count = rung_tensor_count(t), size = rung_dtype_size(t->dtype);
  for (size_t i = 0; i < count; i++) {
    char *at = (char *)t->data + i * size;
    double number = draw_number(state, i);
    float single = (float)number;
    uint64_t bits = draw(state) % 201 - 100; /* the low bytes of -100 to 100 */
    uint16_t half = rung_f32_to_f16(single);
    if (t->dtype == RUNG_F32)
      memcpy(at, &single, sizeof single);
    else if (t->dtype == RUNG_F64)
      memcpy(at, &number, sizeof number);
    else if (t->dtype == RUNG_F16)
      memcpy(at, &half, sizeof half);
    else if (t->dtype == RUNG_BOOL)
      *at = (char)(bits & 1);
    else
      memcpy(at, &bits, size);
  }
}

/* Sizes of open dimensions: any, and the same for the same. */
enum { SIZE_OF_OPEN = 3 };

/* A random value of the type; *out_value is NULL where none can be made. */
static rung_status *random_value(const rung_allocator *allocator, const rung_type *type, uint64_t *state,
                                 rung_value **out_value) {
  enum { MOST_ELEMENTS = 1 << 24 };
  static const rung_dtypes drawn =
      RUNG_SET_INTEGER | RUNG_SET_BOOL | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_F16);
  int64_t dims[RUNG_MAX_RANK];
  size_t count;
  *out_value = NULL;
  if (type->kind != RUNG_TENSOR || type->rank < 0 || !(RUNG_SET(type->dtype) & drawn)) return NULL;
  for (int32_t i = 0; i < type->rank; i++) dims[i] = type->dims[i] < 0 ? SIZE_OF_OPEN : type->dims[i];
  if (!rung_shape_count(type->rank, dims, &count) || count > MOST_ELEMENTS) return NULL;
  RUNG_TRY(rung_value_new_tensor(allocator, type->dtype, type->rank, dims, out_value));
  fill(&(*out_value)->tensor, state);
  return NULL;
}

/* The outputs of the old node become those of the last new one, which has none before. */
static rung_status *finish(rung_replacement *r) {
  rung_node *last = r->nodes[r->count - 1];
  last->output_count = r->old->output_count;
  last->outputs = r->old->outputs;
  r->before[r->before_count++] = r->old;
  for (uint32_t i = 0; i < r->count; i++) RUNG_TRY(rung_op_bind(r->nodes[i], &r->ir->arena));
  return NULL;
}

/* Proof */

/* Values on both ways: of the inputs from outside, then of what the nodes make. */
typedef struct trial {
  const rung_replacement *r;
  const rung_evaluator *evaluator;
  RUNG_VEC(const rung_value_info *) infos;
  RUNG_VEC(rung_value *) values;
  uint64_t state;
} trial;

static rung_value *find_value(const trial *t, const rung_value_info *info) {
  for (size_t i = t->infos.count; i-- > 0;)
    if (t->infos.at[i] == info) return t->values.at[i];
  return NULL;
}

/* Takes the reference, also when it fails. */
static rung_status *keep(trial *t, const rung_value_info *info, rung_value *value) {
  const rung_allocator *allocator = t->r->ir->allocator;
  if (rung_vec_push(allocator, &t->infos, info) && rung_vec_push(allocator, &t->values, value)) return NULL;
  if (t->infos.count > t->values.count) t->infos.count--;
  rung_value_release(value);
  return rung_status_out_of_memory();
}

static rung_status *operand(trial *t, const rung_value_info *info, rung_value **out_value) {
  *out_value = info->constant ? info->constant : find_value(t, info);
  if (*out_value) return NULL;
  RUNG_TRY(random_value(t->r->ir->allocator, &info->type, &t->state, out_value));
  RUNG_REQUIRE(*out_value, UNSUPPORTED, "no data can be made for %s", info->name);
  return keep(t, info, *out_value);
}

static rung_status *run_node(trial *t, const rung_node *node) {
  rung_value **inputs = rung_alloc(t->r->ir->allocator, (size_t)node->input_count + 1, sizeof *inputs, "trial");
  rung_value **outputs = rung_alloc(t->r->ir->allocator, (size_t)node->output_count + 1, sizeof *outputs, "trial");
  rung_status *status = inputs && outputs ? NULL : rung_status_out_of_memory();
  for (uint32_t i = 0; i < node->input_count && !status; i++)
    if (node->inputs[i]) status = operand(t, node->inputs[i], &inputs[i]);
  if (!status) status = t->evaluator->run(t->evaluator->user, node, inputs, outputs);
  for (uint32_t i = 0; outputs && i < node->output_count; i++) {
    if (!status && outputs[i] && node->outputs[i])
      status = keep(t, node->outputs[i], outputs[i]);
    else
      rung_value_release(outputs[i]);
  }
  rung_free(t->r->ir->allocator, outputs);
  rung_free(t->r->ir->allocator, inputs);
  return status;
}

static rung_status *run_nodes(trial *t, rung_node *const *nodes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) RUNG_TRY(run_node(t, nodes[i]));
  return NULL;
}

static bool equal_values(const rung_value *a, const rung_value *b) {
  return a && b && a->kind == RUNG_TENSOR && b->kind == RUNG_TENSOR && a->tensor.dtype == b->tensor.dtype &&
         rung_tensor_same_shape(&a->tensor, &b->tensor) && a->tensor.dtype != RUNG_STRING &&
         a->tensor.size == b->tensor.size &&
         (!a->tensor.size || memcmp(a->tensor.data, b->tensor.data, a->tensor.size) == 0);
}

static void end_trial(trial *t) {
  for (size_t i = 0; i < t->values.count; i++) rung_value_release(t->values.at[i]);
  rung_vec_free(t->r->ir->allocator, &t->values);
  rung_vec_free(t->r->ir->allocator, &t->infos);
}

/* The old way and the new one make values of the same names: what the old one made is found first, then the newer. */
static rung_status *compare(trial *t, bool *out_equal) {
  const rung_replacement *r = t->r;
  const rung_node *last = r->nodes[r->count - 1];
  rung_value *old[RUNG_MOST_REPLACED] = {NULL};
  uint32_t count = RUNG_MIN(r->old->output_count, RUNG_MOST_REPLACED);
  RUNG_TRY(run_nodes(t, (rung_node *const *)r->before, r->before_count));
  for (uint32_t i = 0; i < count; i++) old[i] = find_value(t, r->old->outputs[i]);
  RUNG_TRY(run_nodes(t, r->nodes, r->count));
  *out_equal = r->old->output_count == last->output_count && count == last->output_count;
  for (uint32_t i = 0; i < count && *out_equal; i++)
    *out_equal = !last->outputs[i] ||
                 (find_value(t, last->outputs[i]) != old[i] && equal_values(old[i], find_value(t, last->outputs[i])));
  return NULL;
}

/* Does the replacement compute the same? What cannot be run does not. */
static rung_status *try_both(const rung_replacement *r, const rung_evaluator *evaluator, bool *out_equal) {
  trial t = {.r = r, .evaluator = evaluator, .state = UINT64_C(0x9e3779b97f4a7c15)};
  *out_equal = false;
  rung_status *status = compare(&t, out_equal);
  end_trial(&t);
  rung_code code = rung_status_code(status);
  if (!status || code == RUNG_OUT_OF_MEMORY || code == RUNG_CANCELLED) return status;
  *out_equal = false;
  rung_log_line(r->ir->log, RUNG_LOG_INFO, "%s: node \"%s\" is not rewritten: %s", r->pass, r->old->name,
                rung_status_message(status));
  rung_status_free(status);
  return NULL;
}

rung_status *rung__replacement_prove(rung_replacement *r, const rung_evaluator *evaluator, bool *out_equal) {
  RUNG_TRY(finish(r));
  return try_both(r, evaluator, out_equal);
}

/* The walk */

static rung_status *adopt(rung_replacement *r) {
  for (uint32_t n = 0; n < r->count; n++) {
    rung_node *node = r->nodes[n];
    for (uint32_t i = 0; i < node->input_count; i++) {
      rung_value_info *info = node->inputs[i];
      bool is_new = info && info->constant && info->graph == r->graph &&
                    (info->index >= r->graph->value_count || r->graph->values[info->index] != info);
      if (is_new) RUNG_TRY(rung_ir_own_value(r->ir, r->graph, info));
    }
    if (n + 1 < r->count) RUNG_TRY(rung_ir_own_value(r->ir, r->graph, node->outputs[0]));
  }
  rung_node *last = r->nodes[r->count - 1];
  for (uint32_t i = 0; i < last->output_count; i++)
    if (last->outputs[i]) last->outputs[i]->producer = last;
  return NULL;
}

typedef RUNG_VEC(rung_node *) node_list;

static rung_status *legalise_node(rung_ir *ir, const rung_passes *passes, rung_pass pass, rung_node *node,
                                  node_list *list, uint32_t *changed) {
  static rung_status *(*const rules[])(rung_replacement *r) = {
#define RUNG_PASS(name, help)
#define RUNG_LEGALISE(name, help) [RUNG_PASS_##name] = rung__legalise_##name,
#include "graph/passes.inc"
#undef RUNG_LEGALISE
#undef RUNG_PASS
  };
  rung_replacement r = {.ir = ir, .graph = node->graph, .old = node, .pass = rung_pass_name(pass)};
  bool equal = false;
  RUNG_TRY(rules[pass](&r));
  if (r.count) RUNG_TRY(rung__replacement_prove(&r, passes->evaluator, &equal));
  if (equal) RUNG_TRY(adopt(&r));
  *changed += equal;
  for (uint32_t i = 0; i < (equal ? r.count : 1); i++)
    if (!rung_vec_push(ir->allocator, list, equal ? r.nodes[i] : node)) return rung_status_out_of_memory();
  return NULL;
}

rung_status *rung_legalise(rung_ir *ir, const rung_passes *passes, rung_pass pass, rung_graph *graph,
                           uint32_t *changed) {
  node_list list = {0};
  uint32_t count = 0;
  rung_status *status = NULL;
  if (!passes->evaluator) return NULL;
  for (uint32_t n = 0; n < graph->node_count && !status; n++)
    status = legalise_node(ir, passes, pass, graph->nodes[n], &list, &count);
  if (!status && count) status = rung_ir_set_nodes(ir, graph, list.at, list.count);
  rung_vec_free(ir->allocator, &list);
  *changed += count;
  return status;
}
