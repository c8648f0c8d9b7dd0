#include "op/pooling.h"

static rung_status *check_pool(const rung_node *node, void *params) {
  (void)node;
  return rung_window_check(&((const rung_pool_params *)params)->window);
}

static rung_status *check_lp(const rung_node *node, void *params) {
  rung_pool_params *p = params;
  if (node->version == 1) {
    RUNG_REQUIRE(p->p_float == (float)(int)RUNG_CLAMP(p->p_float, 0, 1e6f), UNSUPPORTED,
                 "a norm of p = %g; from opset 2 on p is a whole number", (double)p->p_float);
    p->p = (int64_t)p->p_float;
  }
  RUNG_MODEL_REQUIRE(p->p >= 1, "attribute \"p\" is %lld", (long long)p->p);
  return check_pool(node, params);
}

static rung_status *infer_pool(rung_infer *infer) {
  const rung_pool_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  rung_ints kernel = p->window.kernel_shape;
  int32_t rank = x->rank < 0 ? (int32_t)kernel.count + 2 : x->rank;
  RUNG_MODEL_REQUIRE(rank >= 3 && kernel.count == (size_t)rank - 2,
                     "\"kernel_shape\" has %zu entries, the input rank %d", kernel.count, rank);
  int64_t dims[RUNG_MAX_RANK];
  for (int32_t i = 0; i < 2; i++) dims[i] = x->rank < 0 ? rung_infer_symbol(infer) : x->dims[i];
  for (int32_t i = 2; i < rank; i++)
    RUNG_TRY(rung_window_infer(infer, &p->window, rank - 2, i - 2, x->rank < 0 ? rung_infer_symbol(infer) : x->dims[i],
                               kernel.at[i - 2], &dims[i]));
  for (uint32_t output = 0; output < infer->output_count; output++)
    RUNG_TRY(rung_infer_shape(infer, output, rank, dims));
  return NULL;
}

#define POOL_ATTRS                                                                               \
  RUNG_WINDOW_ATTRS, {"ceil_mode", RUNG_ATTR_KIND_INT, offsetof(rung_window_params, ceil_mode)}, \
      RUNG_ATTR_INT(rung_pool_params, count_include_pad, 0), RUNG_ATTR_INT(rung_pool_params, storage_order, 0)
#define LP_ATTRS                                                                                    \
  {"p", RUNG_ATTR_KIND_FLOAT, offsetof(rung_pool_params, p_float), .float_default = 2, .until = 1}, \
      RUNG_ATTR_INT(rung_pool_params, p, 2)
static const rung_attr pool_attrs[] = {POOL_ATTRS, {0}};
static const rung_attr lp_attrs[] = {POOL_ATTRS, LP_ATTRS, {0}};

#define POOL_OP(symbol, places, attrs, checks)                               \
  const rung_op rung_op_##symbol = {.name = #symbol,                         \
                                    .domain = "",                            \
                                    .since = 1,                              \
                                    .signature = places,                     \
                                    .params_size = sizeof(rung_pool_params), \
                                    .attributes = attrs,                     \
                                    .check = checks,                         \
                                    .infer = infer_pool};
POOL_OP(MaxPool, "X:T -> Y:T Indices:int64?", pool_attrs, check_pool)
POOL_OP(AveragePool, "X:T -> Y:T", pool_attrs, check_pool)
POOL_OP(LpPool, "X:T -> Y:T", lp_attrs, check_lp)

/* com.microsoft: channels last */

static rung_status *infer_NhwcMaxPool(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_MaxPool, (const uint32_t[]){0}, 1, true);
}

static const rung_attr nhwc_attrs[] = {
    RUNG_WINDOW_ATTRS, {"ceil_mode", RUNG_ATTR_KIND_INT, offsetof(rung_window_params, ceil_mode)}, {0}};

const rung_op rung_op_ms_NhwcMaxPool = {.name = "NhwcMaxPool",
                                        .domain = "com.microsoft",
                                        .since = 1,
                                        .signature = "x:T -> y:T",
                                        .params_size = sizeof(rung_pool_params),
                                        .attributes = nhwc_attrs,
                                        .check = check_pool,
                                        .infer = infer_NhwcMaxPool};

/* One number per channel */

static rung_status *infer_global(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 2, "an input of rank %d has no channels", x->rank);
  int64_t dims[RUNG_MAX_RANK] = {x->dims[0], x->dims[1]};
  for (int32_t i = 2; i < x->rank; i++) dims[i] = 1;
  return rung_infer_shape(infer, 0, x->rank, dims);
}

static const rung_attr global_attrs[] = {LP_ATTRS, {0}};

const rung_op rung_op_GlobalAveragePool = {
    .name = "GlobalAveragePool", .domain = "", .since = 1, .signature = "X:T -> Y:T", .infer = infer_global};
const rung_op rung_op_GlobalMaxPool = {
    .name = "GlobalMaxPool", .domain = "", .since = 1, .signature = "X:T -> Y:T", .infer = infer_global};
const rung_op rung_op_GlobalLpPool = {.name = "GlobalLpPool",
                                      .domain = "",
                                      .since = 1,
                                      .signature = "X:T -> Y:T",
                                      .params_size = sizeof(rung_pool_params),
                                      .attributes = global_attrs,
                                      .check = check_lp,
                                      .infer = infer_global};

/* MaxUnpool */

rung_status *rung_unpool_axis_make(const rung_window_params *p, int32_t rank, int32_t axis, int64_t in, int64_t *out) {
  RUNG_TRY(rung_window_check(p));
  RUNG_MODEL_REQUIRE(p->kernel_shape.count == (size_t)rank, "\"kernel_shape\" has %zu entries, not %d",
                     p->kernel_shape.count, rank);
  RUNG_MODEL_REQUIRE(in < INT32_MAX, "dimension %d is %lld", axis, (long long)in);
  int64_t stride = p->strides.count ? p->strides.at[axis] : 1;
  int64_t pads = p->pads.count ? p->pads.at[axis] + p->pads.at[rank + axis] : 0;
  *out = (in - 1) * stride - pads + p->kernel_shape.at[axis];
  RUNG_MODEL_REQUIRE(*out >= 0, "dimension %d of the output would be %lld", axis, (long long)*out);
  return NULL;
}

static rung_status *infer_MaxUnpool(rung_infer *infer) {
  const rung_pool_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  uint32_t count;
  if (rung_infer_has(infer, 2)) {
    if (!rung_infer_elements(infer, 2, dims, RUNG_MAX_RANK, &count))
      return x->rank < 0 ? NULL : rung_infer_rank(infer, 0, x->rank);
    for (uint32_t i = 0; i < count; i++)
      RUNG_MODEL_REQUIRE(dims[i] >= 0 || RUNG_IS_SYMBOL(dims[i]), "\"output_shape\" holds %lld", (long long)dims[i]);
    RUNG_MODEL_REQUIRE(x->rank < 0 || count == (uint32_t)x->rank, "\"output_shape\" has %u entries, the input rank %d",
                       count, x->rank);
    return rung_infer_shape(infer, 0, (int32_t)count, dims);
  }
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 3, "an input of rank %d has no spatial dimension", x->rank);
  dims[0] = x->dims[0], dims[1] = x->dims[1];
  for (int32_t i = 2; i < x->rank; i++) {
    dims[i] = rung_infer_symbol(infer);
    if (x->dims[i] >= 0) RUNG_TRY(rung_unpool_axis_make(&p->window, x->rank - 2, i - 2, x->dims[i], &dims[i]));
  }
  return rung_infer_shape(infer, 0, x->rank, dims);
}

const rung_op rung_op_MaxUnpool = {.name = "MaxUnpool",
                                   .domain = "",
                                   .since = 9,
                                   .signature = "X:T I:int64 output_shape:int64? -> output:T",
                                   .params_size = sizeof(rung_pool_params),
                                   .attributes = pool_attrs,
                                   .check = check_pool,
                                   .infer = infer_MaxUnpool};
