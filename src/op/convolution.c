#include "op/convolution.h"

#include "op/product.h"

static rung_status *check_conv(const rung_node *node, void *params) {
  (void)node;
  const rung_conv_params *p = params;
  RUNG_MODEL_REQUIRE(p->group >= 1 && p->group <= INT32_MAX, "attribute \"group\" is %lld", (long long)p->group);
  return rung_window_check(&p->window);
}

/* Dimensions of x and w against each other; symbols fit everything. */
static rung_status *check_operands(const rung_conv_params *p, int32_t rank, const int64_t *x, int32_t w_rank,
                                   const int64_t *w, bool transposed) {
  RUNG_MODEL_REQUIRE(rank >= 3 && w_rank == rank, "input of rank %d, weights of rank %d", rank, w_rank);
  int64_t total = x[1], part = transposed ? w[0] : w[1];
  if (total >= 0 && part >= 0)
    RUNG_MODEL_REQUIRE(transposed ? total == part : total % p->group == 0 && total / p->group == part,
                       "%lld input channels in %lld groups, weights are for %lld", (long long)total,
                       (long long)p->group, (long long)part);
  if (w[0] >= 0)
    RUNG_MODEL_REQUIRE(w[0] % p->group == 0, "%lld channels do not divide into %lld groups", (long long)w[0],
                       (long long)p->group);
  rung_ints kernel = p->window.kernel_shape;
  RUNG_MODEL_REQUIRE(kernel.count == 0 || kernel.count == (size_t)rank - 2, "\"kernel_shape\" has %zu entries, not %d",
                     kernel.count, rank - 2);
  for (size_t i = 0; i < kernel.count; i++)
    RUNG_MODEL_REQUIRE(w[2 + i] < 0 || w[2 + i] == kernel.at[i], "\"kernel_shape\" says %lld, the weights %lld",
                       (long long)kernel.at[i], (long long)w[2 + i]);
  return NULL;
}

/* Rank and dims of the weights as far as known: `kernel_shape` says as much as their shape. */
static bool weight_dims(const rung_infer *infer, const rung_conv_params *p, uint32_t w, int32_t rank, int64_t *dims) {
  if (rung_infer_ranked(infer, w)) {
    const rung_type *type = rung_infer_input(infer, w);
    memcpy(dims, type->dims, sizeof type->dims);
    return true;
  }
  if (p->window.kernel_shape.count != (size_t)rank - 2) return false;
  dims[0] = dims[1] = -1;
  memcpy(dims + 2, p->window.kernel_shape.at, p->window.kernel_shape.count * sizeof *dims);
  return true;
}

static rung_status *infer_conv(rung_infer *infer, uint32_t w_input) {
  const rung_conv_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  if (x->rank < 0)
    return rung_infer_ranked(infer, w_input) ? rung_infer_rank(infer, 0, rung_infer_input(infer, w_input)->rank) : NULL;
  int64_t dims[RUNG_MAX_RANK], w[RUNG_MAX_RANK];
  RUNG_MODEL_REQUIRE(x->rank >= 3, "an input of rank %d has no spatial dimension", x->rank);
  if (!weight_dims(infer, p, w_input, x->rank, w)) return rung_infer_rank(infer, 0, x->rank);
  RUNG_TRY(check_operands(p, x->rank, x->dims,
                          rung_infer_ranked(infer, w_input) ? rung_infer_input(infer, w_input)->rank : x->rank, w,
                          false));
  dims[0] = x->dims[0];
  dims[1] = w[0] < 0 ? rung_infer_symbol(infer) : w[0];
  for (int32_t i = 0; i < x->rank - 2; i++)
    RUNG_TRY(rung_window_infer(infer, &p->window, x->rank - 2, i, x->dims[2 + i], w[2 + i], &dims[2 + i]));
  return rung_infer_shape(infer, 0, x->rank, dims);
}

static rung_status *infer_Conv(rung_infer *infer) { return infer_conv(infer, 1); }

static rung_status *infer_QLinearConv(rung_infer *infer) { return infer_conv(infer, 3); }

rung_status *rung_conv_shape_make(const rung_conv_params *p, const rung_tensor *x, const rung_tensor *w,
                                  rung_conv_shape *out) {
  RUNG_TRY(check_operands(p, x->rank, x->dims, w->rank, w->dims, false));
  *out =
      (rung_conv_shape){.batch = x->dims[0], .group = p->group, .in_channels = x->dims[1], .out_channels = w->dims[0]};
  return rung_window_make(&p->window, x->rank, x->dims, w->dims + 2, &out->window);
}

#define CONV_ATTRS RUNG_WINDOW_ATTRS, RUNG_ATTR_INT(rung_conv_params, group, 1)
static const rung_attr conv_attrs[] = {CONV_ATTRS, {0}};

#define CONV_OP(symbol, first, places)                                       \
  const rung_op rung_op_##symbol = {.name = #symbol,                         \
                                    .domain = "",                            \
                                    .since = first,                          \
                                    .signature = places,                     \
                                    .params_size = sizeof(rung_conv_params), \
                                    .attributes = conv_attrs,                \
                                    .check = check_conv,                     \
                                    .infer = infer_##symbol};
#define infer_ConvInteger infer_Conv
CONV_OP(Conv, 1, "X:T W:T B:T? -> Y:T")
CONV_OP(ConvInteger, 10, "x:A w:B x_zero_point:A? w_zero_point:B? -> y:int32")
CONV_OP(QLinearConv, 10,
        "x:A x_scale:float32 x_zero_point:A w:B w_scale:float32 w_zero_point:B y_scale:float32 y_zero_point:C "
        "B:int32? -> y:C")

/* QuantizedConv */

static rung_status *infer_QuantizedConv(rung_infer *infer) {
  RUNG_TRY(rung_infer_quantized(infer, 6, 7));
  return infer_conv(infer, 3);
}

const rung_op rung_op_QuantizedConv = {
    .name = "QuantizedConv",
    .domain = "",
    .since = 1,
    .signature =
        "x:A x_scale:float32 x_zero_point:A? w:B w_scale:float32 w_zero_point:B? y_scale:float32? "
        "y_zero_point:C? bias:D? bias_scale:float32? -> y:C",
    .params_size = sizeof(rung_conv_params),
    .infer = infer_QuantizedConv};

/* FusedConv */

static rung_status *check_fused(const rung_node *node, void *params) {
  rung_conv_params *p = params;
  RUNG_TRY(rung_activation_make(p->activation_name, p->activation_params, &p->activation));
  return check_conv(node, params);
}

static const rung_attr fused_attrs[] = {
    CONV_ATTRS,
    {"activation", RUNG_ATTR_KIND_STR, offsetof(rung_conv_params, activation_name), .text = ""},
    RUNG_ATTR_FLOATS(rung_conv_params, activation_params),
    {0}};

const rung_op rung_op_ms_FusedConv = {.name = "FusedConv",
                                      .domain = "com.microsoft",
                                      .since = 1,
                                      .signature = "X:T W:T B:T? Z:T? -> Y:T",
                                      .params_size = sizeof(rung_conv_params),
                                      .attributes = fused_attrs,
                                      .check = check_fused,
                                      .infer = infer_Conv};

/* com.microsoft: channels last, weights as ever */

static rung_status *infer_nhwc(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_Conv, (const uint32_t[]){0, 1}, 2, true);
}

#define NHWC(symbol, places, attrs, checks)                                     \
  const rung_op rung_op_ms_##symbol = {.name = #symbol,                         \
                                       .domain = "com.microsoft",               \
                                       .since = 1,                              \
                                       .signature = places,                     \
                                       .params_size = sizeof(rung_conv_params), \
                                       .attributes = attrs,                     \
                                       .check = checks,                         \
                                       .infer = infer_nhwc};
NHWC(NhwcConv, "X:T W:T B:T? -> Y:T", conv_attrs, check_conv)
NHWC(NhwcFusedConv, "X:T W:T B:T? Z:T? -> Y:T", fused_attrs, check_fused)

static rung_status *infer_ms_QLinearConv(rung_infer *infer) {
  const rung_conv_params *p = infer->params;
  return rung_infer_as(infer, &rung_op_QLinearConv, (const uint32_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8}, 9,
                       p->channels_last != 0);
}

static const rung_attr ms_qlinear_attrs[] = {CONV_ATTRS, RUNG_ATTR_INT(rung_conv_params, channels_last, 0), {0}};

const rung_op rung_op_ms_QLinearConv = {
    .name = "QLinearConv",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "x:A x_scale:float32 x_zero_point:A w:B w_scale:float32 w_zero_point:B y_scale:float32 y_zero_point:C "
        "B:int32? -> y:C",
    .params_size = sizeof(rung_conv_params),
    .attributes = ms_qlinear_attrs,
    .check = check_conv,
    .infer = infer_ms_QLinearConv};

/* ConvTranspose */

static rung_status *check_transpose(const rung_node *node, void *params) {
  const rung_conv_params *p = params;
  rung_ints lists[2] = {p->output_padding, p->output_shape};
  for (int k = 0; k < 2; k++) {
    RUNG_REQUIRE(lists[k].count <= RUNG_MAX_RANK, LIMIT, "an attribute has %zu entries", lists[k].count);
    for (size_t i = 0; i < lists[k].count; i++)
      RUNG_MODEL_REQUIRE(lists[k].at[i] >= 0 && lists[k].at[i] <= INT32_MAX, "attribute \"%s\" holds %lld",
                         k ? "output_shape" : "output_padding", (long long)lists[k].at[i]);
  }
  return check_conv(node, params);
}

/* Old exporters wrote output_shape with batch and channels; the spatial part comes last. */
static int64_t transposed_entry(rung_ints list, int32_t rank, int32_t axis) {
  return list.count ? list.at[(int32_t)list.count - rank + axis] : 0;
}

/* `in` is known. The padding follows from a size that is asked for, else the size from the padding. */
static rung_status *transposed_axis(const rung_conv_params *p, int32_t rank, int32_t axis, int64_t in, int64_t kernel,
                                    rung_window_axis *out) {
  const rung_window_params *window = &p->window;
  RUNG_TRY(rung_window_check(window));
  rung_ints lists[] = {window->strides, window->dilations, p->output_padding, p->output_shape};
  for (size_t i = 0; i < RUNG_COUNT(lists); i++)
    RUNG_MODEL_REQUIRE(
        lists[i].count == 0 || lists[i].count == (size_t)rank || (i == 3 && lists[i].count == (size_t)rank + 2),
        "an attribute has %zu entries, not %d", lists[i].count, rank);
  RUNG_MODEL_REQUIRE(window->pads.count == 0 || window->pads.count == 2 * (size_t)rank, "\"pads\" has %zu entries",
                     window->pads.count);
  RUNG_MODEL_REQUIRE(in < INT32_MAX && kernel >= 1 && kernel <= INT32_MAX, "a window of %lld over %lld elements",
                     (long long)kernel, (long long)in);
  rung_window_axis a = {.in = in,
                        .kernel = kernel,
                        .stride = window->strides.count ? window->strides.at[axis] : 1,
                        .dilation = window->dilations.count ? window->dilations.at[axis] : 1};
  /* Both products are below 2^62; their sum, and what is added, below 2^63. */
  int64_t whole =
      RUNG_MAX(in - 1, 0) * a.stride + (kernel - 1) * a.dilation + 1 + transposed_entry(p->output_padding, rank, axis);
  bool same = window->auto_pad == RUNG_PAD_SAME_UPPER || window->auto_pad == RUNG_PAD_SAME_LOWER;
  if (p->output_shape.count || same) {
    a.out = p->output_shape.count ? transposed_entry(p->output_shape, rank, axis) : RUNG_MIN(in * a.stride, whole);
    int64_t total = RUNG_MAX(0, whole - a.out);
    a.begin = window->auto_pad == RUNG_PAD_SAME_UPPER ? total / 2 : total - total / 2;
  } else if (window->auto_pad == RUNG_PAD_NOTSET && window->pads.count) {
    a.begin = window->pads.at[axis];
    a.out = whole - a.begin - window->pads.at[rank + axis];
  } else {
    a.out = whole;
  }
  RUNG_MODEL_REQUIRE(a.out >= 0, "dimension %d of the output would be %lld", axis, (long long)a.out);
  *out = a;
  return NULL;
}

static rung_status *infer_ConvTranspose(rung_infer *infer) {
  const rung_conv_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], w[RUNG_MAX_RANK];
  if (x->rank < 0)
    return rung_infer_ranked(infer, 1) ? rung_infer_rank(infer, 0, rung_infer_input(infer, 1)->rank) : NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 3, "an input of rank %d has no spatial dimension", x->rank);
  if (!weight_dims(infer, p, 1, x->rank, w)) return rung_infer_rank(infer, 0, x->rank);
  RUNG_TRY(check_operands(p, x->rank, x->dims, rung_infer_ranked(infer, 1) ? rung_infer_input(infer, 1)->rank : x->rank,
                          w, true));
  dims[0] = x->dims[0];
  dims[1] = rung_infer_mul(infer, w[1], p->group);
  if (w[1] < 0 && dims[1] == w[1]) dims[1] = rung_infer_symbol(infer);
  for (int32_t i = 0; i < x->rank - 2; i++) {
    rung_window_axis a;
    if (p->output_shape.count >= (size_t)x->rank - 2) {
      dims[2 + i] = transposed_entry(p->output_shape, x->rank - 2, i);
    } else if (x->dims[2 + i] < 0 || w[2 + i] < 0) {
      dims[2 + i] = rung_infer_symbol(infer);
    } else {
      RUNG_TRY(transposed_axis(p, x->rank - 2, i, x->dims[2 + i], w[2 + i], &a));
      dims[2 + i] = a.out;
    }
  }
  return rung_infer_shape(infer, 0, x->rank, dims);
}

rung_status *rung_conv_transpose_shape_make(const rung_conv_params *p, const rung_tensor *x, const rung_tensor *w,
                                            rung_conv_shape *out) {
  RUNG_TRY(check_operands(p, x->rank, x->dims, w->rank, w->dims, true));
  *out = (rung_conv_shape){.batch = x->dims[0],
                           .group = p->group,
                           .in_channels = x->dims[1],
                           .out_channels = w->dims[1] * p->group,
                           .window = {.rank = x->rank - 2}};
  for (int32_t i = 0; i < x->rank - 2; i++)
    RUNG_TRY(transposed_axis(p, x->rank - 2, i, x->dims[2 + i], w->dims[2 + i], &out->window.axes[i]));
  return NULL;
}

static const rung_attr transpose_attrs[] = {
    CONV_ATTRS, RUNG_ATTR_INTS(rung_conv_params, output_padding), RUNG_ATTR_INTS(rung_conv_params, output_shape), {0}};

const rung_op rung_op_ConvTranspose = {.name = "ConvTranspose",
                                       .domain = "",
                                       .since = 1,
                                       .signature = "X:T W:T B:T? -> Y:T",
                                       .params_size = sizeof(rung_conv_params),
                                       .attributes = transpose_attrs,
                                       .check = check_transpose,
                                       .infer = infer_ConvTranspose};
