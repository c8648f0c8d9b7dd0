/* Cast, CastLike, BitCast: another element type, the same shape. */
#include "base/str.h"
#include "op/elementwise.h"
#include "op/op_infer.h"

/* Element types that Cast takes, as attribute or input. */
static bool is_castable(int64_t dtype) {
  return dtype > 0 && dtype < 32 && rung_dtype_facts((rung_dtype)dtype) && !(RUNG_SET_COMPLEX & RUNG_SET(dtype));
}

static rung_status *infer_to(rung_infer *infer, rung_dtype dtype) {
  RUNG_MODEL_REQUIRE(is_castable(rung_infer_input(infer, 0)->dtype) || !rung_infer_input(infer, 0)->dtype,
                     "%s cannot be cast", rung_dtype_name(rung_infer_input(infer, 0)->dtype));
  infer->outputs[0].dtype = dtype;
  return rung_infer_elementwise(infer);
}

/* Sizes of tensors stay what they are; numbers, when the type holds them. */
static void keep_known(rung_infer *infer) {
  enum { MOST = 64 };
  int64_t elements[MOST];
  uint32_t count;
  rung_dtype from = rung_infer_input(infer, 0)->dtype, to = infer->outputs[0].dtype;
  bool fits = to == RUNG_I64 || (to == RUNG_I32 && from == RUNG_I32);
  if (to != RUNG_I64 && to != RUNG_I32) return;
  if (!rung_infer_elements(infer, 0, elements, MOST, &count)) return;
  for (uint32_t i = 0; i < count && !fits; i++)
    if (!RUNG_IS_SYMBOL(elements[i]) && (int32_t)elements[i] != elements[i]) elements[i] = rung_infer_symbol(infer);
  rung_infer_known(infer, 0, elements, count);
}

#define ROUND_MODE \
  {"round_mode", RUNG_ATTR_KIND_CHOICE, offsetof(rung_cast_params, round_mode), .text = "up|down|nearest"}

/* Cast: the first version named the type by a string. */

typedef struct cast_params {
  rung_cast_params cast;
  rung_str name;
} cast_params;

static rung_status *check_Cast(const rung_node *node, void *params) {
  cast_params *p = params;
  if (node->version < 6) {
    char name[16] = {0};
    for (size_t i = 0; i < RUNG_MIN(p->name.size, sizeof name - 1); i++)
      name[i] = (char)(p->name.data[i] >= 'A' && p->name.data[i] <= 'Z' ? p->name.data[i] + 32 : p->name.data[i]);
    p->cast.to = strcmp(name, "float") == 0    ? RUNG_F32
                 : strcmp(name, "double") == 0 ? RUNG_F64
                                               : (int64_t)rung_dtype_parse(rung_str_of(name));
  }
  RUNG_MODEL_REQUIRE(is_castable(p->cast.to), "to=%lld is no element type that can be cast to", (long long)p->cast.to);
  return NULL;
}

static rung_status *infer_Cast(rung_infer *infer) {
  const rung_cast_params *p = infer->params;
  RUNG_TRY(infer_to(infer, (rung_dtype)p->to));
  keep_known(infer);
  return NULL;
}

static const rung_attr cast_attrs[] = {
    {"to", RUNG_ATTR_KIND_STR, offsetof(cast_params, name), .text = "", .until = 5, .required = true},
    {"to", RUNG_ATTR_KIND_INT, offsetof(cast_params, cast.to), .required = true},
    RUNG_ATTR_INT(rung_cast_params, saturate, 1),
    ROUND_MODE,
    {0}};

const rung_op rung_op_Cast = {.name = "Cast",
                              .domain = "",
                              .since = 1,
                              .signature = "input:T -> output:U",
                              .params_size = sizeof(cast_params),
                              .attributes = cast_attrs,
                              .check = check_Cast,
                              .infer = infer_Cast};

/* CastLike */

static rung_status *infer_CastLike(rung_infer *infer) {
  rung_dtype to = rung_infer_input(infer, 1)->dtype;
  RUNG_MODEL_REQUIRE(is_castable(to) || !to, "nothing can be cast to %s", rung_dtype_name(to));
  RUNG_TRY(infer_to(infer, to));
  keep_known(infer);
  return NULL;
}

static const rung_attr cast_like_attrs[] = {RUNG_ATTR_INT(rung_cast_params, saturate, 1), ROUND_MODE, {0}};

const rung_op rung_op_CastLike = {.name = "CastLike",
                                  .domain = "",
                                  .since = 15,
                                  .signature = "input:T target_type:U -> output:U",
                                  .params_size = sizeof(rung_cast_params),
                                  .attributes = cast_like_attrs,
                                  .infer = infer_CastLike};

/* BitCast */

static rung_status *check_BitCast(const rung_node *node, void *params) {
  const rung_cast_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->to > 0 && p->to < 32 && rung_dtype_facts((rung_dtype)p->to) && p->to != RUNG_STRING,
                     "to=%lld is no element type of fixed width", (long long)p->to);
  return NULL;
}

static rung_status *infer_BitCast(rung_infer *infer) {
  const rung_cast_params *p = infer->params;
  const rung_dtype_info *from = rung_dtype_facts(rung_infer_input(infer, 0)->dtype);
  RUNG_MODEL_REQUIRE(!from || from->bits == rung_dtype_facts((rung_dtype)p->to)->bits, "%s and %s differ in width",
                     from ? from->name : "", rung_dtype_name((rung_dtype)p->to));
  infer->outputs[0].dtype = (rung_dtype)p->to;
  return rung_infer_elementwise(infer);
}

static const rung_attr bitcast_attrs[] = {{"to", RUNG_ATTR_KIND_INT, offsetof(rung_cast_params, to), .required = true},
                                          {0}};

const rung_op rung_op_BitCast = {.name = "BitCast",
                                 .domain = "",
                                 .since = 26,
                                 .signature = "input:T -> output:U",
                                 .params_size = sizeof(rung_cast_params),
                                 .attributes = bitcast_attrs,
                                 .check = check_BitCast,
                                 .infer = infer_BitCast};
