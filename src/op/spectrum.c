#include "op/spectrum.h"

#include "op/op_infer.h"

enum { MOST_ELEMENTS = 1 << 28 }; /* of a window or transform: a scalar must not ask for all memory */

/* A scalar that must be known to tell a shape. */
static bool known_scalar(const rung_infer *infer, uint32_t input, int64_t *out) {
  uint32_t count;
  return rung_infer_ints(infer, input, out, 1, &count) && count == 1;
}

static rung_status *require_size(const char *what, int64_t size, int64_t least) {
  RUNG_MODEL_REQUIRE(size >= least, "%s is %lld, it must be at least %lld", what, (long long)size, (long long)least);
  RUNG_REQUIRE(size <= MOST_ELEMENTS, LIMIT, "%s is %lld, above the limit of %d", what, (long long)size, MOST_ELEMENTS);
  return NULL;
}

/* Windows */

static rung_status *check_output_datatype(const rung_node *node, void *params) {
  (void)node;
  int64_t dtype = ((const rung_window_params *)params)->output_datatype;
  RUNG_MODEL_REQUIRE(dtype > 0 && dtype < 32 && (RUNG_SET_NUMERIC >> dtype & 1), "output_datatype %lld is no number",
                     (long long)dtype);
  return NULL;
}

static rung_status *infer_window(rung_infer *infer) {
  int64_t size = rung_infer_symbol(infer), known;
  infer->outputs[0].dtype = (rung_dtype)((const rung_window_params *)infer->params)->output_datatype;
  if (known_scalar(infer, 0, &known)) {
    RUNG_TRY(require_size("size", known, 0));
    size = known;
  }
  return rung_infer_shape(infer, 0, 1, &size);
}

static const rung_attr window_attrs[] = {
    RUNG_ATTR_INT(rung_window_params, periodic, 1), RUNG_ATTR_INT(rung_window_params, output_datatype, RUNG_F32), {0}};

#define WINDOW(symbol)                                                         \
  const rung_op rung_op_##symbol = {.name = #symbol,                           \
                                    .domain = "",                              \
                                    .since = 17,                               \
                                    .flags = RUNG_OP_ENLARGES,                 \
                                    .signature = "size:I -> output:T",         \
                                    .params_size = sizeof(rung_window_params), \
                                    .attributes = window_attrs,                \
                                    .check = check_output_datatype,            \
                                    .infer = infer_window};
WINDOW(BlackmanWindow)
WINDOW(HammingWindow)
WINDOW(HannWindow)

/* MelWeightMatrix */

static rung_status *infer_MelWeightMatrix(rung_infer *infer) {
  int64_t dims[2] = {rung_infer_symbol(infer), rung_infer_symbol(infer)}, bins, length;
  infer->outputs[0].dtype = (rung_dtype)((const rung_window_params *)infer->params)->output_datatype;
  if (known_scalar(infer, 0, &bins)) {
    RUNG_TRY(require_size("num_mel_bins", bins, 0));
    dims[1] = bins;
  }
  if (known_scalar(infer, 1, &length)) {
    RUNG_TRY(require_size("dft_length", length, 0));
    dims[0] = length / 2 + 1;
  }
  return rung_infer_shape(infer, 0, 2, dims);
}

static const rung_attr mel_attrs[] = {RUNG_ATTR_INT(rung_window_params, output_datatype, RUNG_F32), {0}};

const rung_op rung_op_MelWeightMatrix = {
    .name = "MelWeightMatrix",
    .domain = "",
    .since = 17,
    .flags = RUNG_OP_ENLARGES,
    .signature = "num_mel_bins:I dft_length:I sample_rate:I lower_edge_hertz:F upper_edge_hertz:F -> output:T",
    .params_size = sizeof(rung_window_params),
    .attributes = mel_attrs,
    .check = check_output_datatype,
    .infer = infer_MelWeightMatrix};

/* DFT */

rung_status *rung_dft_sizes_make(const rung_dft_params *p, int64_t given, int64_t parts, int64_t length,
                                 rung_dft_sizes *s) {
  bool to_real = p->inverse && p->onesided;
  s->length = length >= 0 ? length : to_real ? 2 * (given - 1) : given;
  RUNG_TRY(require_size("the length of the transform", s->length, 1));
  RUNG_MODEL_REQUIRE(parts == 1 || parts == 2, "the last dimension is %lld, it must be 1 or 2", (long long)parts);
  RUNG_MODEL_REQUIRE(!p->onesided || p->inverse || parts == 1, "a one-sided transform needs real input");
  s->made = p->onesided && !p->inverse ? s->length / 2 + 1 : s->length;
  s->parts = to_real ? 1 : 2;
  return NULL;
}

static rung_status *infer_DFT(rung_infer *infer) {
  const rung_dft_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], axis = p->axis, length = -1;
  int32_t at;
  if (x->rank < 0) return NULL;
  if (infer->node->version >= 20) axis = -2;
  bool has_axis = !rung_infer_has(infer, 2) || known_scalar(infer, 2, &axis);
  bool has_length = !rung_infer_has(infer, 1) || known_scalar(infer, 1, &length);
  if (!has_axis) return rung_infer_rank(infer, 0, x->rank);
  RUNG_TRY(rung_infer_axis(infer, axis, x->rank, &at));
  RUNG_MODEL_REQUIRE(at < x->rank - 1, "axis %lld is the last one, which holds real and imaginary parts",
                     (long long)axis);
  memcpy(dims, x->dims, sizeof dims);
  rung_dft_sizes sizes = {.made = rung_infer_symbol(infer), .parts = p->inverse && p->onesided ? 1 : 2};
  int64_t parts = x->dims[x->rank - 1];
  if (has_length && (x->dims[at] >= 0 || length >= 0) && parts >= 0)
    RUNG_TRY(rung_dft_sizes_make(p, x->dims[at], parts, length, &sizes));
  else if (has_length && length < 0 && !p->onesided)
    sizes.made = x->dims[at];
  dims[at] = sizes.made;
  dims[x->rank - 1] = sizes.parts;
  return rung_infer_shape(infer, 0, x->rank, dims);
}

static rung_status *check_flags(int64_t onesided, int64_t inverse) {
  RUNG_MODEL_REQUIRE((onesided == 0 || onesided == 1) && (inverse == 0 || inverse == 1),
                     "onesided and inverse must be 0 or 1");
  return NULL;
}

static rung_status *check_DFT(const rung_node *node, void *params) {
  (void)node;
  const rung_dft_params *p = params;
  return check_flags(p->onesided, p->inverse);
}

static const rung_attr dft_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(rung_dft_params, axis), .int_default = 1, .until = 19},
    RUNG_ATTR_INT(rung_dft_params, inverse, 0),
    RUNG_ATTR_INT(rung_dft_params, onesided, 0),
    {0}};

const rung_op rung_op_DFT = {.name = "DFT",
                             .domain = "",
                             .since = 17,
                             .flags = RUNG_OP_ENLARGES,
                             .signature = "input:T dft_length:I? axis:int64? -> output:T",
                             .params_size = sizeof(rung_dft_params),
                             .attributes = dft_attrs,
                             .check = check_DFT,
                             .infer = infer_DFT};

/* Rfft, Irfft */

static rung_status *infer_rfft(rung_infer *infer, bool inverse) {
  const rung_rfft_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK + 1];
  if (x->rank < 0) return NULL;
  int32_t rank = x->rank - inverse; /* of the real side */
  RUNG_MODEL_REQUIRE(p->signal_ndim <= rank, "signal_ndim is %lld, an input of rank %d has fewer dimensions",
                     (long long)p->signal_ndim, x->rank);
  memcpy(dims, x->dims, sizeof x->dims);
  if (inverse)
    RUNG_MODEL_REQUIRE(dims[rank] < 0 || dims[rank] == 2, "the last dimension is %lld, not 2", (long long)dims[rank]);
  else
    dims[rank] = 2;
  for (int32_t i = rank - (int32_t)p->signal_ndim; i < rank; i++)
    if (dims[i] >= 0) RUNG_TRY(require_size("a dimension of the signal", dims[i], 1));
  int64_t *last = &dims[rank - 1];
  *last = *last < 0 ? rung_infer_symbol(infer) : inverse ? 2 * *last - 1 : *last / 2 + 1;
  return rung_infer_shape(infer, 0, rank + !inverse, dims);
}

static rung_status *infer_Rfft(rung_infer *infer) { return infer_rfft(infer, false); }
static rung_status *infer_Irfft(rung_infer *infer) { return infer_rfft(infer, true); }

static rung_status *check_rfft(const rung_node *node, void *params) {
  (void)node;
  const rung_rfft_params *p = params;
  RUNG_MODEL_REQUIRE(p->onesided == 1 && p->normalized == 0 && p->signal_ndim >= 1 && p->signal_ndim <= 3,
                     "onesided is %lld (1 is possible), normalized %lld (0), signal_ndim %lld (1 to 3)",
                     (long long)p->onesided, (long long)p->normalized, (long long)p->signal_ndim);
  return NULL;
}

static const rung_attr rfft_attrs[] = {RUNG_ATTR_INT(rung_rfft_params, onesided, 1),
                                       RUNG_ATTR_INT(rung_rfft_params, normalized, 0),
                                       RUNG_ATTR_INT(rung_rfft_params, signal_ndim, 1),
                                       {0}};

#define RFFT(symbol)                                                            \
  const rung_op rung_op_ms_##symbol = {.name = #symbol,                         \
                                       .domain = "com.microsoft",               \
                                       .since = 1,                              \
                                       .flags = RUNG_OP_ENLARGES,               \
                                       .signature = "X:T -> Y:T",               \
                                       .params_size = sizeof(rung_rfft_params), \
                                       .attributes = rfft_attrs,                \
                                       .check = check_rfft,                     \
                                       .infer = infer_##symbol};
RFFT(Rfft)
RFFT(Irfft)

/* STFT */

static rung_status *infer_STFT(rung_infer *infer) {
  const rung_stft_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  const rung_type *window = rung_infer_has(infer, 2) ? rung_infer_input(infer, 2) : NULL;
  int64_t dims[4] = {rung_infer_symbol(infer), rung_infer_symbol(infer), rung_infer_symbol(infer), 2}, step = 0,
          length = -1;
  if (x->rank < 0) return rung_infer_shape(infer, 0, 4, dims);
  RUNG_MODEL_REQUIRE(x->rank == 3 || x->rank == 2, "the signal has rank %d, it must be 3", x->rank);
  dims[0] = x->dims[0];
  if (known_scalar(infer, 1, &step)) RUNG_TRY(require_size("frame_step", step, 1));
  if (rung_infer_has(infer, 3))
    (void)known_scalar(infer, 3, &length);
  else
    length = window ? (window->rank == 1 ? window->dims[0] : -1) : x->dims[1];
  if (length < 0) return rung_infer_shape(infer, 0, 4, dims);
  RUNG_TRY(require_size("the length of a frame", length, 1));
  dims[2] = p->onesided ? length / 2 + 1 : length;
  if (x->dims[1] >= 0 && step > 0) {
    RUNG_MODEL_REQUIRE(length <= x->dims[1], "a frame of %lld does not fit in a signal of %lld", (long long)length,
                       (long long)x->dims[1]);
    dims[1] = 1 + (x->dims[1] - length) / step;
  }
  return rung_infer_shape(infer, 0, 4, dims);
}

static rung_status *check_STFT(const rung_node *node, void *params) {
  (void)node;
  return check_flags(((const rung_stft_params *)params)->onesided, 0);
}

static const rung_attr stft_attrs[] = {RUNG_ATTR_INT(rung_stft_params, onesided, 1), {0}};

const rung_op rung_op_STFT = {.name = "STFT",
                              .domain = "",
                              .since = 17,
                              .signature = "signal:T frame_step:I window:T? frame_length:I? -> output:T",
                              .params_size = sizeof(rung_stft_params),
                              .attributes = stft_attrs,
                              .check = check_STFT,
                              .infer = infer_STFT};
