#include "op/columns.h"

/* Col2Im: input (N, C * elements of a block, blocks) to (N, C, D1, ..., Dn) */

static rung_status *check_Col2Im(const rung_node *node, void *params) {
  const rung_col2im_params *p = params;
  (void)node;
  return rung_window_check(&p->window);
}

rung_status *rung_col2im_window(const rung_col2im_params *params, int32_t rank, const int64_t *image,
                                const int64_t *block, int64_t blocks, rung_window *out) {
  int64_t count = 1;
  out->rank = rank;
  for (int32_t i = 0; i < rank; i++) {
    RUNG_MODEL_REQUIRE(image[i] >= 0, "image dimension %d is %lld", i, (long long)image[i]);
    RUNG_TRY(rung_window_axis_make(&params->window, rank, i, image[i], block[i], &out->axes[i]));
    RUNG_MODEL_REQUIRE(rung_mul_i64(count, out->axes[i].out, &count), "the number of blocks overflows");
  }
  RUNG_MODEL_REQUIRE(count == blocks, "%lld blocks where the image has room for %lld", (long long)blocks,
                     (long long)count);
  return NULL;
}

static rung_status *infer_Col2Im(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0), *shape = rung_infer_input(infer, 1);
  int64_t dims[RUNG_MAX_RANK + 2], block[RUNG_MAX_RANK];
  uint32_t rank, block_rank;
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank == 3, "the input has rank %d, 3 is expected", type->rank);
  if (!rung_infer_elements(infer, 1, dims + 2, RUNG_MAX_RANK - 2, &rank)) {
    bool counted = shape->rank == 1 && shape->dims[0] >= 0 && shape->dims[0] <= RUNG_MAX_RANK - 2;
    return counted ? rung_infer_rank(infer, 0, (int32_t)shape->dims[0] + 2) : NULL;
  }
  RUNG_MODEL_REQUIRE(rank >= 1, "the image has no dimension");
  dims[0] = type->rank == 3 ? type->dims[0] : rung_infer_symbol(infer);
  dims[1] = rung_infer_symbol(infer);
  if (rung_infer_ints(infer, 2, block, RUNG_MAX_RANK, &block_rank)) {
    int64_t size = 1;
    RUNG_MODEL_REQUIRE(block_rank == rank, "an image of %u dimensions, a block of %u", rank, block_rank);
    for (uint32_t i = 0; i < rank; i++)
      RUNG_MODEL_REQUIRE(block[i] >= 1 && rung_mul_i64(size, block[i], &size), "block dimension %u is %lld", i,
                         (long long)block[i]);
    int64_t channels = type->rank == 3 ? type->dims[1] : -1;
    RUNG_MODEL_REQUIRE(channels < 0 || channels % size == 0, "%lld is no multiple of a block's %lld elements",
                       (long long)channels, (long long)size);
    if (channels >= 0) dims[1] = channels / size;
  }
  return rung_infer_shape(infer, 0, (int32_t)rank + 2, dims);
}

static const rung_attr col2im_attrs[] = {RUNG_ATTR_INTS(rung_window_params, strides),
                                         RUNG_ATTR_INTS(rung_window_params, dilations),
                                         RUNG_ATTR_INTS(rung_window_params, pads),
                                         {0}};

const rung_op rung_op_Col2Im = {.name = "Col2Im",
                                .domain = "",
                                .since = 18,
                                .signature = "input:T image_shape:int64 block_shape:int64 -> output:T",
                                .params_size = sizeof(rung_col2im_params),
                                .attributes = col2im_attrs,
                                .check = check_Col2Im,
                                .infer = infer_Col2Im};

/* DeformConv: X (N, C, D...), W (M, C / group, K...), offset (N, offset_group * K * n, O...), mask without the n */

static rung_status *check_DeformConv(const rung_node *node, void *params) {
  const rung_deform_conv_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->group >= 1 && p->group <= INT32_MAX && p->offset_group >= 1 && p->offset_group <= INT32_MAX,
                     "group is %lld, offset_group %lld", (long long)p->group, (long long)p->offset_group);
  return rung_window_check(&p->window);
}

/* (N, channels, O...) */
static rung_status *check_map(const rung_type *type, const char *name, int64_t batch, int64_t channels,
                              const rung_window *window) {
  bool fits = type->rank == window->rank + 2 && type->dims[0] == batch && type->dims[1] == channels;
  for (int32_t i = 0; fits && i < window->rank; i++) fits = type->dims[2 + i] == window->axes[i].out;
  RUNG_MODEL_REQUIRE(fits, "the shape of %s is not what the others ask for", name);
  return NULL;
}

rung_status *rung_deform_conv_window(const rung_deform_conv_params *params, const rung_type *x, const rung_type *w,
                                     const rung_type *offset, const rung_type *b, const rung_type *mask,
                                     rung_window *out) {
  int64_t taps = params->offset_group, coordinates, group = params->group;
  RUNG_MODEL_REQUIRE(x->rank >= 3 && w->rank == x->rank, "input of rank %d, weights of rank %d", x->rank, w->rank);
  RUNG_TRY(rung_window_make(&params->window, x->rank, x->dims, w->dims + 2, out));
  rung_ints kernel = params->window.kernel_shape;
  for (size_t i = 0; i < kernel.count; i++)
    RUNG_MODEL_REQUIRE(kernel.at[i] == w->dims[2 + i], "kernel_shape says %lld, the weights %lld",
                       (long long)kernel.at[i], (long long)w->dims[2 + i]);
  RUNG_MODEL_REQUIRE(x->dims[1] % group == 0 && x->dims[1] / group == w->dims[1] && w->dims[0] % group == 0,
                     "%lld input and %lld output channels in %lld groups, weights for %lld", (long long)x->dims[1],
                     (long long)w->dims[0], (long long)group, (long long)w->dims[1]);
  RUNG_MODEL_REQUIRE(x->dims[1] % params->offset_group == 0, "%lld channels do not divide into %lld offset groups",
                     (long long)x->dims[1], (long long)params->offset_group);
  for (int32_t i = 0; i < out->rank; i++)
    RUNG_MODEL_REQUIRE(rung_mul_i64(taps, w->dims[2 + i], &taps), "the kernel's size overflows");
  RUNG_MODEL_REQUIRE(rung_mul_i64(taps, out->rank, &coordinates), "the kernel's size overflows");
  RUNG_TRY(check_map(offset, "offset", x->dims[0], coordinates, out));
  if (mask) RUNG_TRY(check_map(mask, "mask", x->dims[0], taps, out));
  RUNG_MODEL_REQUIRE(!b || (b->rank == 1 && b->dims[0] == w->dims[0]),
                     "the bias must have one element per output channel");
  return NULL;
}

static rung_status *infer_DeformConv(rung_infer *infer) {
  const rung_deform_conv_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0), *w = rung_infer_input(infer, 1),
                  *offset = rung_infer_input(infer, 2);
  const rung_type *b = rung_infer_has(infer, 3) ? rung_infer_input(infer, 3) : NULL;
  const rung_type *mask = rung_infer_has(infer, 4) ? rung_infer_input(infer, 4) : NULL;
  int32_t rank = RUNG_MAX(x->rank, offset->rank);
  int64_t dims[RUNG_MAX_RANK];
  rung_window window;
  if (rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(rank >= 3 && (x->rank < 0 || offset->rank < 0 || x->rank == offset->rank),
                     "X has rank %d, offset %d", x->rank, offset->rank);
  bool concrete = rung_type_is_concrete(x) && rung_type_is_concrete(w) && rung_type_is_concrete(offset) &&
                  (!b || rung_type_is_concrete(b)) && (!mask || rung_type_is_concrete(mask));
  if (concrete) RUNG_TRY(rung_deform_conv_window(p, x, w, offset, b, mask, &window));
  dims[0] = x->rank > 0 ? x->dims[0] : rung_infer_symbol(infer);
  dims[1] = w->rank > 0 ? w->dims[0] : rung_infer_symbol(infer);
  for (int32_t i = 2; i < rank; i++) dims[i] = offset->rank > 0 ? offset->dims[i] : rung_infer_symbol(infer);
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr deform_conv_attrs[] = {RUNG_ATTR_INTS(rung_window_params, kernel_shape),
                                              RUNG_ATTR_INTS(rung_window_params, strides),
                                              RUNG_ATTR_INTS(rung_window_params, dilations),
                                              RUNG_ATTR_INTS(rung_window_params, pads),
                                              RUNG_ATTR_INT(rung_deform_conv_params, group, 1),
                                              RUNG_ATTR_INT(rung_deform_conv_params, offset_group, 1),
                                              {0}};

const rung_op rung_op_DeformConv = {.name = "DeformConv",
                                    .domain = "",
                                    .since = 19,
                                    .signature = "X:T W:T offset:T B:T? mask:T? -> Y:T",
                                    .params_size = sizeof(rung_deform_conv_params),
                                    .attributes = deform_conv_attrs,
                                    .check = check_DeformConv,
                                    .infer = infer_DeformConv};
