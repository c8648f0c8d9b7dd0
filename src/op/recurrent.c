#include "op/recurrent.h"

#include "base/str.h"
#include "op/op_infer.h"

#include <math.h>

/* Activations */

static const struct {
  const char *name;
  int takes;
  float alpha, beta;
} functions[] = {
#define ROW(NAME, text, takes, alpha, beta) {text, takes, alpha, beta},
    RUNG_EACH_GATE(ROW)
#undef ROW
};

/* Names are compared without regard to case, as exporters write them in several ways. */
static bool same_name(rung_str a, const char *b) {
  if (a.size != strlen(b)) return false;
  for (size_t i = 0; i < a.size; i++)
    if ((a.data[i] | 0x20) != (b[i] | 0x20)) return false;
  return true;
}

/* Alphas and betas are used up in the order of the functions that take them. */
static rung_status *find_function(const rung_recurrent_params *p, rung_str name, size_t *alphas, size_t *betas,
                                  rung_gate *out) {
  size_t i = 0;
  while (i < RUNG_COUNT(functions) && !same_name(name, functions[i].name)) i++;
  RUNG_MODEL_REQUIRE(i < RUNG_COUNT(functions), "activation \"%.*s\" does not exist", (int)RUNG_MIN(name.size, 32),
                     name.data);
  *out = (rung_gate){(int)i, functions[i].alpha, functions[i].beta};
  if (functions[i].takes > 0 && *alphas < p->activation_alpha.count) out->alpha = p->activation_alpha.at[(*alphas)++];
  if (functions[i].takes > 1 && *betas < p->activation_beta.count) out->beta = p->activation_beta.at[(*betas)++];
  return NULL;
}

/* `defaults` per direction. */
static rung_status *settle(rung_recurrent_params *p, int64_t gates, const char *const *defaults, size_t count) {
  size_t alphas = 0, betas = 0;
  p->gates = gates;
  p->directions = p->direction == RUNG_BIDIRECTIONAL ? 2 : 1;
  size_t needed = count * (size_t)p->directions;
  /* RNN's own default list has an entry for either direction, whatever the direction. */
  RUNG_MODEL_REQUIRE(p->activations.count == 0 || p->activations.count >= needed,
                     "%zu activations are given, %zu are needed", p->activations.count, needed);
  for (size_t i = 0; i < needed; i++) {
    rung_str name = p->activations.count ? p->activations.at[i] : rung_str_of(defaults[i % count]);
    RUNG_TRY(find_function(p, name, &alphas, &betas, &p->functions[i / count][i % count]));
  }
  RUNG_MODEL_REQUIRE(p->clip >= 0, "clip is %g, it must not be negative", (double)p->clip);
  RUNG_MODEL_REQUIRE(p->layout == 0 || p->layout == 1, "layout is %lld, it must be 0 or 1", (long long)p->layout);
  RUNG_MODEL_REQUIRE(p->hidden_size >= 0, "hidden_size is %lld", (long long)p->hidden_size);
  return NULL;
}

static rung_status *check_RNN(const rung_node *node, void *params) {
  (void)node;
  return settle(params, 1, (const char *const[]){"Tanh"}, 1);
}

static rung_status *check_GRU(const rung_node *node, void *params) {
  (void)node;
  return settle(params, 3, (const char *const[]){"Sigmoid", "Tanh"}, 2);
}

static rung_status *check_LSTM(const rung_node *node, void *params) {
  (void)node;
  return settle(params, 4, (const char *const[]){"Sigmoid", "Tanh", "Tanh"}, 3);
}

/* Shapes */

static rung_status *agree(const char *what, int64_t size, int64_t *known) {
  if (size < 0) return NULL;
  RUNG_MODEL_REQUIRE(*known < 0 || *known == size, "%s is %lld in one operand and %lld in another", what,
                     (long long)*known, (long long)size);
  *known = size;
  return NULL;
}

/* Dimension `at` of operand is factor * what is in *known. */
static rung_status *agree_multiple(const char *what, int64_t size, int64_t factor, int64_t *known) {
  RUNG_MODEL_REQUIRE(size < 0 || size % factor == 0, "%s: %lld is no multiple of %lld", what, (long long)size,
                     (long long)factor);
  return agree(what, size < 0 ? size : size / factor, known);
}

rung_status *rung_recurrent_check(const rung_recurrent_params *p, const rung_recurrent_operand operands[8],
                                  rung_recurrent_sizes *s) {
  static const int32_t ranks[8] = {3, 3, 3, 2, 1, 3, 3, 2};
  static const char hidden[] = "hidden_size", input[] = "the size of the input", batch[] = "the batch size";
  *s = (rung_recurrent_sizes){-1, -1, -1, p->hidden_size ? p->hidden_size : -1};
  int64_t directions = p->directions;
  bool by_batch = p->layout == 1;
  for (int i = 0; i < 8; i++) {
    const int64_t *dims = operands[i].dims;
    if (!dims || operands[i].rank < 0) continue;
    RUNG_MODEL_REQUIRE(operands[i].rank == ranks[i], "input %d has rank %d, it must be %d", i, operands[i].rank,
                       ranks[i]);
    switch (i) {
      case RUNG_RNN_X:
        RUNG_TRY(agree("the number of steps", dims[by_batch], &s->steps));
        RUNG_TRY(agree(batch, dims[!by_batch], &s->batch));
        RUNG_TRY(agree(input, dims[2], &s->input));
        break;
      case RUNG_RNN_W:
      case RUNG_RNN_R:
        RUNG_TRY(agree("the number of directions", dims[0], &directions));
        RUNG_TRY(agree_multiple(hidden, dims[p->quantized ? 2 : 1], p->gates, &s->hidden));
        RUNG_TRY(agree(i == RUNG_RNN_W ? input : hidden, dims[p->quantized ? 1 : 2],
                       i == RUNG_RNN_W ? &s->input : &s->hidden));
        break;
      case RUNG_RNN_B:
      case RUNG_RNN_P:
        RUNG_TRY(agree("the number of directions", dims[0], &directions));
        RUNG_TRY(agree_multiple(hidden, dims[1], i == RUNG_RNN_B ? 2 * p->gates : 3, &s->hidden));
        break;
      case RUNG_RNN_LENGTHS:
        RUNG_TRY(agree(batch, dims[0], &s->batch));
        break;
      default:
        RUNG_TRY(agree("the number of directions", dims[by_batch], &directions));
        RUNG_TRY(agree(batch, dims[!by_batch], &s->batch));
        RUNG_TRY(agree(hidden, dims[2], &s->hidden));
    }
  }
  return NULL;
}

static int64_t or_symbol(rung_infer *infer, int64_t size, int64_t dim) {
  return size >= 0 ? size : RUNG_IS_SYMBOL(dim) ? dim : rung_infer_symbol(infer);
}

static rung_status *infer_recurrent(rung_infer *infer) {
  const rung_recurrent_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  rung_recurrent_operand operands[8] = {0};
  rung_recurrent_sizes s;
  for (uint32_t i = 0; i < infer->input_count && i < 8; i++)
    if (rung_infer_has(infer, i))
      operands[i] = (rung_recurrent_operand){infer->inputs[i].type->rank, infer->inputs[i].type->dims};
  RUNG_TRY(rung_recurrent_check(p, operands, &s));
  int64_t steps = or_symbol(infer, s.steps, x->rank < 0 ? 0 : x->dims[p->layout]);
  int64_t batch = or_symbol(infer, s.batch, x->rank < 0 ? 0 : x->dims[!p->layout]);
  int64_t hidden = or_symbol(infer, s.hidden, 0), directions = p->directions;
  RUNG_TRY(rung_infer_shape(infer, 0, 4,
                            p->layout ? (const int64_t[]){batch, steps, directions, hidden}
                                      : (const int64_t[]){steps, directions, batch, hidden}));
  for (uint32_t i = 1; i < 3; i++)
    RUNG_TRY(rung_infer_shape(
        infer, i, 3,
        p->layout ? (const int64_t[]){batch, directions, hidden} : (const int64_t[]){directions, batch, hidden}));
  return NULL;
}

#define COMMON_ATTRS                                                                                                   \
  RUNG_ATTR_FLOATS(rung_recurrent_params, activation_alpha), RUNG_ATTR_FLOATS(rung_recurrent_params, activation_beta), \
      RUNG_ATTR_STRS(rung_recurrent_params, activations), RUNG_ATTR_FLOAT(rung_recurrent_params, clip, INFINITY),      \
      RUNG_ATTR_CHOICE(rung_recurrent_params, direction, "forward|reverse|bidirectional"),                             \
      RUNG_ATTR_INT(rung_recurrent_params, hidden_size, 0), RUNG_ATTR_INT(rung_recurrent_params, layout, 0),           \
      RUNG_ATTR_INT(rung_recurrent_params, output_sequence, 0)

static const rung_attr rnn_attrs[] = {COMMON_ATTRS, {0}};
static const rung_attr gru_attrs[] = {COMMON_ATTRS, RUNG_ATTR_INT(rung_recurrent_params, linear_before_reset, 0), {0}};
static const rung_attr lstm_attrs[] = {COMMON_ATTRS, RUNG_ATTR_INT(rung_recurrent_params, input_forget, 0), {0}};

#define RECURRENT(symbol, attrs, more_inputs, more_outputs)                                                       \
  const rung_op rung_op_##symbol = {                                                                              \
      .name = #symbol,                                                                                            \
      .domain = "",                                                                                               \
      .since = 1,                                                                                                 \
      .signature = "X:T W:T R:T B:T? sequence_lens:int32? initial_h:T? " more_inputs "-> Y:T Y_h:T" more_outputs, \
      .params_size = sizeof(rung_recurrent_params),                                                               \
      .attributes = attrs,                                                                                        \
      .check = check_##symbol,                                                                                    \
      .infer = infer_recurrent};
RECURRENT(RNN, rnn_attrs, "", "")
RECURRENT(GRU, gru_attrs, "", "")
RECURRENT(LSTM, lstm_attrs, "initial_c:T? P:T? ", " Y_c:T")

static rung_status *check_DynamicQuantizeLSTM(const rung_node *node, void *params) {
  ((rung_recurrent_params *)params)->quantized = true;
  return check_LSTM(node, params);
}

const rung_op rung_op_ms_DynamicQuantizeLSTM = {
    .name = "DynamicQuantizeLSTM",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "X:T W:Q R:Q B:T? sequence_lens:int32? initial_h:T? initial_c:T? P:T? W_scale:T W_zero_point:Q R_scale:T "
        "R_zero_point:Q -> Y:T Y_h:T Y_c:T",
    .params_size = sizeof(rung_recurrent_params),
    .attributes = lstm_attrs,
    .check = check_DynamicQuantizeLSTM,
    .infer = infer_recurrent};
