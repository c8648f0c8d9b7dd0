/* Of the elements of a sequence only the element type is followed: their shapes may differ, and a loop may change them.
 */
#include "op/sequence.h"

#include "op/op_infer.h"

/* The types of values that are there (and not merely expected) say the element type in place of the element. */
static rung_dtype element_dtype(const rung_type *type) { return type->element ? type->element->dtype : type->dtype; }

static rung_status *set_sequence(rung_infer *infer, rung_dtype dtype) {
  rung_type *element = rung_arena_alloc(infer->arena, 1, sizeof *element);
  RUNG_CHECK_ALLOC(element);
  *element = (rung_type){.kind = RUNG_TENSOR, .dtype = dtype, .rank = -1};
  infer->outputs[0] = (rung_type){.kind = RUNG_SEQUENCE, .dtype = dtype, .rank = -1, .element = element};
  return NULL;
}

static rung_status *require_sequence(const rung_infer *infer) {
  rung_kind kind = rung_infer_input(infer, 0)->kind;
  RUNG_MODEL_REQUIRE(kind == RUNG_SEQUENCE || kind == RUNG_NONE, "input 0 must be a sequence");
  return NULL;
}

/* SequenceEmpty, SequenceConstruct */

static rung_status *infer_SequenceEmpty(rung_infer *infer) {
  return set_sequence(infer, (rung_dtype)((const rung_sequence_empty_params *)infer->params)->dtype);
}

static rung_status *check_SequenceEmpty(const rung_node *node, void *params) {
  (void)node;
  int64_t dtype = ((const rung_sequence_empty_params *)params)->dtype;
  RUNG_MODEL_REQUIRE(dtype > 0 && dtype < 64 && rung_dtype_facts((rung_dtype)dtype), "element type %lld does not exist",
                     (long long)dtype);
  return NULL;
}

static const rung_attr sequence_empty_attrs[] = {RUNG_ATTR_INT(rung_sequence_empty_params, dtype, RUNG_F32), {0}};

const rung_op rung_op_SequenceEmpty = {.name = "SequenceEmpty",
                                       .domain = "",
                                       .since = 11,
                                       .signature = "-> output:S",
                                       .params_size = sizeof(rung_sequence_empty_params),
                                       .attributes = sequence_empty_attrs,
                                       .check = check_SequenceEmpty,
                                       .infer = infer_SequenceEmpty};

static rung_status *infer_SequenceConstruct(rung_infer *infer) {
  rung_dtype dtype = RUNG_UNDEFINED;
  for (uint32_t i = 0; i < infer->input_count && !dtype; i++)
    if (rung_infer_has(infer, i)) dtype = infer->inputs[i].type->dtype;
  return set_sequence(infer, dtype);
}

const rung_op rung_op_SequenceConstruct = {.name = "SequenceConstruct",
                                           .domain = "",
                                           .since = 11,
                                           .signature = "inputs:T... -> output_sequence:S",
                                           .infer = infer_SequenceConstruct};

/* SequenceInsert, SequenceErase, SequenceAt, SequenceLength */

static rung_status *infer_change(rung_infer *infer) {
  RUNG_TRY(require_sequence(infer));
  return set_sequence(infer, element_dtype(rung_infer_input(infer, 0)));
}

const rung_op rung_op_SequenceInsert = {.name = "SequenceInsert",
                                        .domain = "",
                                        .since = 11,
                                        .flags = RUNG_OP_ANY_KIND,
                                        .signature = "input_sequence:S tensor:T position:I? -> output_sequence:S",
                                        .infer = infer_change};

const rung_op rung_op_SequenceErase = {.name = "SequenceErase",
                                       .domain = "",
                                       .since = 11,
                                       .flags = RUNG_OP_ANY_KIND,
                                       .signature = "input_sequence:S position:I? -> output_sequence:S",
                                       .infer = infer_change};

static rung_status *infer_element(rung_infer *infer) {
  RUNG_TRY(require_sequence(infer));
  infer->outputs[0].dtype = element_dtype(rung_infer_input(infer, 0));
  return NULL;
}

const rung_op rung_op_SequenceAt = {.name = "SequenceAt",
                                    .domain = "",
                                    .since = 11,
                                    .flags = RUNG_OP_ANY_KIND,
                                    .signature = "input_sequence:S position:I -> tensor:T",
                                    .infer = infer_element};

static rung_status *infer_SequenceLength(rung_infer *infer) {
  RUNG_TRY(require_sequence(infer));
  return rung_infer_shape(infer, 0, 0, NULL);
}

const rung_op rung_op_SequenceLength = {.name = "SequenceLength",
                                        .domain = "",
                                        .since = 11,
                                        .flags = RUNG_OP_ANY_KIND,
                                        .signature = "input_sequence:S -> length:int64",
                                        .infer = infer_SequenceLength};

/* ConcatFromSequence, SplitToSequence */

static const rung_attr concat_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(rung_concat_sequence_params, axis), .required = true},
    RUNG_ATTR_INT(rung_concat_sequence_params, new_axis, 0),
    {0}};

const rung_op rung_op_ConcatFromSequence = {.name = "ConcatFromSequence",
                                            .domain = "",
                                            .since = 11,
                                            .flags = RUNG_OP_ANY_KIND,
                                            .signature = "input_sequence:S -> concat_result:T",
                                            .params_size = sizeof(rung_concat_sequence_params),
                                            .attributes = concat_attrs,
                                            .infer = infer_element};

static rung_status *infer_SplitToSequence(rung_infer *infer) {
  const rung_split_sequence_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int32_t axis;
  if (type->kind == RUNG_TENSOR && type->rank >= 0) RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
  return set_sequence(infer, type->dtype);
}

static const rung_attr split_attrs[] = {
    RUNG_ATTR_INT(rung_split_sequence_params, axis, 0), RUNG_ATTR_INT(rung_split_sequence_params, keepdims, 1), {0}};

const rung_op rung_op_SplitToSequence = {.name = "SplitToSequence",
                                         .domain = "",
                                         .since = 11,
                                         .signature = "input:T split:I? -> output_sequence:S",
                                         .params_size = sizeof(rung_split_sequence_params),
                                         .attributes = split_attrs,
                                         .infer = infer_SplitToSequence};

/* Optional, OptionalHasElement, OptionalGetElement */

static rung_status *infer_Optional(rung_infer *infer) {
  const rung_optional_params *p = infer->params;
  const rung_type *element = rung_infer_has(infer, 0) ? rung_infer_input(infer, 0) : p->type;
  rung_type *copy = rung_arena_alloc(infer->arena, 1, sizeof *copy);
  RUNG_CHECK_ALLOC(copy);
  RUNG_MODEL_REQUIRE(element, "neither an input nor the attribute \"type\" says what the optional holds");
  *copy = *element;
  infer->outputs[0] = (rung_type){.kind = RUNG_OPTIONAL, .rank = -1, .element = copy};
  return NULL;
}

static const rung_attr optional_attrs[] = {RUNG_ATTR_TYPE(rung_optional_params, type), {0}};

const rung_op rung_op_Optional = {.name = "Optional",
                                  .domain = "",
                                  .since = 15,
                                  .flags = RUNG_OP_ANY_KIND,
                                  .signature = "input:V? -> output:O",
                                  .params_size = sizeof(rung_optional_params),
                                  .attributes = optional_attrs,
                                  .infer = infer_Optional};

static rung_status *infer_OptionalHasElement(rung_infer *infer) { return rung_infer_shape(infer, 0, 0, NULL); }

const rung_op rung_op_OptionalHasElement = {.name = "OptionalHasElement",
                                            .domain = "",
                                            .since = 15,
                                            .flags = RUNG_OP_ANY_KIND,
                                            .signature = "input:O? -> output:bool",
                                            .infer = infer_OptionalHasElement};

/* Before opset 18 the input is an optional; later a tensor or sequence goes through as it is. */
static rung_status *infer_OptionalGetElement(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  if (type->kind != RUNG_OPTIONAL)
    infer->outputs[0] = *type;
  else if (type->element)
    infer->outputs[0] = *type->element;
  else
    infer->outputs[0] = (rung_type){.kind = RUNG_NONE, .rank = -1};
  return NULL;
}

const rung_op rung_op_OptionalGetElement = {.name = "OptionalGetElement",
                                            .domain = "",
                                            .since = 15,
                                            .flags = RUNG_OP_ANY_KIND,
                                            .signature = "input:O -> output:V",
                                            .infer = infer_OptionalGetElement};
