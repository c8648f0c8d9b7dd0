/* Dropout, Bernoulli, Multinomial, RandomNormal, RandomUniform and their ...Like. */
#include "op/random.h"

#include "op/op_infer.h"

#include <math.h>

/* Dropout: inference unless asked for training by input 2, or before opset 7 by default. */

static rung_status *infer_Dropout(rung_infer *infer) {
  if (rung_infer_wants(infer, 1) && infer->node->version < 10) infer->outputs[1].dtype = infer->outputs[0].dtype;
  for (uint32_t i = 1; i < 3; i++)
    RUNG_MODEL_REQUIRE(!rung_infer_ranked(infer, i) || rung_infer_input(infer, i)->rank == 0 ||
                           (rung_infer_input(infer, i)->rank == 1 && rung_infer_input(infer, i)->dims[0] <= 1),
                       "input %u is not a scalar", i);
  return rung_infer_elementwise(infer);
}

static const rung_attr dropout_attrs[] = {
    {"ratio", RUNG_ATTR_KIND_FLOAT, offsetof(rung_dropout_params, ratio), .float_default = 0.5f, .until = 11},
    {"is_test", RUNG_ATTR_KIND_INT, offsetof(rung_dropout_params, is_test), .until = 6},
    RUNG_ATTR_INT(rung_dropout_params, seed, INT64_MIN),
    RUNG_ATTR_IGNORED("consumed_inputs"),
    {0}};

const rung_op rung_op_Dropout = {.name = "Dropout",
                                 .domain = "",
                                 .since = 1,
                                 .flags = RUNG_OP_RANDOM,
                                 .signature = "data:T ratio:U? training_mode:bool? -> output:T mask:bool",
                                 .params_size = sizeof(rung_dropout_params),
                                 .attributes = dropout_attrs,
                                 .infer = infer_Dropout};

/* The others. A seed that is not given is NaN. */

static rung_status *check_dtype(const rung_random_params *p, rung_dtypes allowed) {
  bool known = p->dtype >= 0 && p->dtype < 32 && (p->dtype == 0 || (allowed & RUNG_SET(p->dtype)));
  RUNG_MODEL_REQUIRE(known, "dtype=%lld is not among the types that can be drawn", (long long)p->dtype);
  return NULL;
}

static rung_status *check_float(const rung_node *node, void *params) {
  (void)node;
  return check_dtype(params, RUNG_SET_FLOAT);
}

static rung_status *check_Bernoulli(const rung_node *node, void *params) {
  (void)node;
  return check_dtype(params, RUNG_SET_NUMERIC | RUNG_SET_BOOL);
}

static rung_status *check_Multinomial(const rung_node *node, void *params) {
  const rung_random_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->sample_size >= 0, "sample_size is %lld", (long long)p->sample_size);
  return check_dtype(p, RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64));
}

static rung_status *infer_shaped(rung_infer *infer) {
  const rung_random_params *p = infer->params;
  for (size_t i = 0; i < p->shape.count; i++)
    RUNG_MODEL_REQUIRE(p->shape.at[i] >= 0, "shape element %zu is %lld", i, (long long)p->shape.at[i]);
  RUNG_REQUIRE(p->shape.count <= RUNG_MAX_RANK, LIMIT, "rank %zu is above the limit of %d", p->shape.count,
               RUNG_MAX_RANK);
  infer->outputs[0].dtype = (rung_dtype)p->dtype;
  return rung_infer_shape(infer, 0, (int32_t)p->shape.count, p->shape.at);
}

static rung_status *infer_like(rung_infer *infer, rung_dtypes allowed) {
  const rung_random_params *p = infer->params;
  rung_dtype dtype = p->dtype ? (rung_dtype)p->dtype : rung_infer_input(infer, 0)->dtype;
  RUNG_MODEL_REQUIRE(!dtype || (RUNG_SET(dtype) & allowed), "%s cannot be drawn; set dtype", rung_dtype_name(dtype));
  infer->outputs[0].dtype = dtype;
  return rung_infer_elementwise(infer);
}

static rung_status *infer_float_like(rung_infer *infer) { return infer_like(infer, RUNG_SET_FLOAT); }
static rung_status *infer_Bernoulli(rung_infer *infer) { return infer_like(infer, RUNG_SET_NUMERIC | RUNG_SET_BOOL); }

static rung_status *infer_Multinomial(rung_infer *infer) {
  const rung_random_params *p = infer->params;
  const rung_type *in = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(in->rank < 0 || in->rank == 2, "the input has rank %d, not 2", in->rank);
  infer->outputs[0].dtype = (rung_dtype)p->dtype;
  int64_t dims[2] = {in->rank == 2 ? in->dims[0] : rung_infer_symbol(infer), p->sample_size};
  return rung_infer_shape(infer, 0, 2, dims);
}

#define SEED {"seed", RUNG_ATTR_KIND_FLOAT, offsetof(rung_random_params, seed), .float_default = NAN}
#define FIRST(attribute, value) \
  {attribute, RUNG_ATTR_KIND_FLOAT, offsetof(rung_random_params, first), .float_default = value}
#define SECOND(attribute, value) \
  {attribute, RUNG_ATTR_KIND_FLOAT, offsetof(rung_random_params, second), .float_default = value}
#define DTYPE(value) RUNG_ATTR_INT(rung_random_params, dtype, value)
#define SHAPE {"shape", RUNG_ATTR_KIND_INTS, offsetof(rung_random_params, shape), .required = true}

#define RANDOM(symbol, version, text, checked, inferred, ...)                  \
  static const rung_attr symbol##_attrs[] = {SEED, __VA_ARGS__, {0}};          \
  const rung_op rung_op_##symbol = {.name = #symbol,                           \
                                    .domain = "",                              \
                                    .since = version,                          \
                                    .flags = RUNG_OP_RANDOM,                   \
                                    .signature = text,                         \
                                    .params_size = sizeof(rung_random_params), \
                                    .attributes = symbol##_attrs,              \
                                    .check = checked,                          \
                                    .infer = inferred};
RANDOM(Bernoulli, 15, "input:T -> output:U", check_Bernoulli, infer_Bernoulli, DTYPE(0))
RANDOM(Multinomial, 7, "input:T -> output:U", check_Multinomial, infer_Multinomial, DTYPE(RUNG_I32),
       RUNG_ATTR_INT(rung_random_params, sample_size, 1))
RANDOM(RandomNormal, 1, "-> output:T", check_float, infer_shaped, DTYPE(RUNG_F32), SHAPE, FIRST("mean", 0),
       SECOND("scale", 1))
RANDOM(RandomNormalLike, 1, "input:T -> output:U", check_float, infer_float_like, DTYPE(0), FIRST("mean", 0),
       SECOND("scale", 1))
RANDOM(RandomUniform, 1, "-> output:T", check_float, infer_shaped, DTYPE(RUNG_F32), SHAPE, FIRST("low", 0),
       SECOND("high", 1))
RANDOM(RandomUniformLike, 1, "input:T -> output:U", check_float, infer_float_like, DTYPE(0), FIRST("low", 0),
       SECOND("high", 1))
