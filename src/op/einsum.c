/* Einsum's equation: terms of letters, separated by commas, at most one "..." in each; after "->" the
 * output's. Without an arrow the output is the dimensions of "...", then all letters that occur once, in
 * alphabetical order. */
#include "op/product.h"

enum { LETTERS = 52, NO_LABEL = -1 };

typedef struct parser {
  const char *at, *end;
  int8_t numbers[LETTERS]; /* label of a letter */
  int32_t uses[LETTERS];
  int32_t ellipsis_rank; /* of the operand where "..." stands for most */
  rung_einsum *out;
} parser;

static int letter_index(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  return -1;
}

static char next(parser *p) {
  while (p->at < p->end && *p->at == ' ') p->at++;
  return p->at < p->end ? *p->at : 0;
}

static bool take_ellipsis(parser *p) {
  if (next(p) != '.' || p->end - p->at < 3 || p->at[1] != '.' || p->at[2] != '.') return false;
  p->at += 3;
  return true;
}

/* One term as letter indices, -1 for "..."; `most` letters at most. */
static rung_status *take_term(parser *p, int32_t most, int8_t *term, int32_t *out_count, bool *out_ellipsis) {
  *out_count = 0;
  *out_ellipsis = false;
  for (char c = next(p); c && c != ',' && c != '-'; c = next(p)) {
    int letter = letter_index(c);
    RUNG_MODEL_REQUIRE(letter >= 0 || c == '.', "equation has '%c'", c >= ' ' && c < 127 ? c : '?');
    RUNG_MODEL_REQUIRE(*out_count < most, "equation has more letters in a term than the operand has dimensions");
    if (c == '.') {
      RUNG_MODEL_REQUIRE(take_ellipsis(p) && !*out_ellipsis, "equation has '.' that is no single \"...\"");
      *out_ellipsis = true;
      letter = -1;
    } else {
      p->at++;
      p->uses[letter]++;
    }
    term[(*out_count)++] = (int8_t)letter;
  }
  return NULL;
}

/* Labels of "..." in the inputs: dimension d, counted from the last, is label 100 + d until all are numbered.
 */
enum { ELLIPSIS_LABEL = 100 };

static rung_status *take_input(parser *p, int32_t input, int32_t rank) {
  int8_t term[RUNG_MAX_RANK + 1];
  int32_t count;
  bool ellipsis;
  RUNG_TRY(take_term(p, RUNG_MAX_RANK + 1, term, &count, &ellipsis));
  int32_t hidden = rank - (count - ellipsis);
  RUNG_MODEL_REQUIRE(hidden == 0 || (ellipsis && hidden > 0), "equation has %d letters for input %d of rank %d",
                     count - ellipsis, input, rank);
  p->out->ranks[input] = rank;
  if (ellipsis) p->ellipsis_rank = RUNG_MAX(p->ellipsis_rank, hidden);
  int32_t to = 0;
  for (int32_t i = 0; i < count; i++) {
    if (term[i] >= 0)
      p->out->labels[input][to++] = term[i];
    else
      for (int32_t d = 0; d < hidden; d++) p->out->labels[input][to++] = (int8_t)(ELLIPSIS_LABEL + hidden - 1 - d);
  }
  return NULL;
}

/* Numbers for the output's labels. `ellipsis_first`: number of the first dimension of "...", or NO_LABEL. */
static rung_status *take_output(parser *p, int32_t *ellipsis_first) {
  int8_t term[RUNG_EINSUM_LABELS];
  int32_t count;
  bool ellipsis, used[LETTERS];
  for (int i = 0; i < LETTERS; i++) used[i] = p->uses[i] > 0;
  p->at += 2;
  RUNG_TRY(take_term(p, RUNG_EINSUM_LABELS, term, &count, &ellipsis));
  RUNG_MODEL_REQUIRE(p->at == p->end, "equation goes on after the output");
  for (int32_t i = 0; i < count; i++) {
    if (term[i] < 0) {
      *ellipsis_first = p->out->out_rank;
      p->out->out_rank += p->ellipsis_rank;
      continue;
    }
    RUNG_MODEL_REQUIRE(used[term[i]] && p->numbers[term[i]] == NO_LABEL,
                       "equation names a letter in the output that is in no input, or twice");
    p->numbers[term[i]] = (int8_t)p->out->out_rank++;
  }
  return NULL;
}

static void imply_output(parser *p, int32_t *ellipsis_first) {
  *ellipsis_first = 0;
  p->out->out_rank = p->ellipsis_rank;
  for (int i = 0; i < LETTERS; i++)
    if (p->uses[i] == 1) p->numbers[i] = (int8_t)p->out->out_rank++;
}

static void number_labels(parser *p, int32_t ellipsis_first) {
  rung_einsum *out = p->out;
  out->label_count = out->out_rank;
  if (ellipsis_first == NO_LABEL) {
    ellipsis_first = out->label_count;
    out->label_count += p->ellipsis_rank;
  }
  for (int i = 0; i < LETTERS; i++)
    if (p->uses[i] && p->numbers[i] == NO_LABEL) p->numbers[i] = (int8_t)out->label_count++;
  for (int32_t i = 0; i < out->input_count; i++)
    for (int32_t d = 0; d < out->ranks[i]; d++) {
      int8_t label = out->labels[i][d];
      out->labels[i][d] = label >= ELLIPSIS_LABEL
                              ? (int8_t)(ellipsis_first + p->ellipsis_rank - 1 - (label - ELLIPSIS_LABEL))
                              : p->numbers[label];
    }
}

rung_status *rung_einsum_parse(rung_str equation, uint32_t input_count, const int32_t *ranks, rung_einsum *out) {
  RUNG_REQUIRE(input_count <= RUNG_EINSUM_INPUTS, LIMIT, "%u inputs, at most %d are supported", input_count,
               RUNG_EINSUM_INPUTS);
  *out = (rung_einsum){.input_count = (int32_t)input_count};
  parser p = {.at = equation.data, .end = equation.data + equation.size, .out = out};
  memset(p.numbers, NO_LABEL, sizeof p.numbers);
  for (uint32_t i = 0; i < input_count; i++) {
    if (i > 0) {
      RUNG_MODEL_REQUIRE(next(&p) == ',', "equation has %u terms for %u inputs", i, input_count);
      p.at++;
    }
    RUNG_TRY(take_input(&p, (int32_t)i, ranks[i]));
  }
  int32_t ellipsis_first = NO_LABEL;
  char c = next(&p);
  if (c == '-' && p.end - p.at >= 2 && p.at[1] == '>')
    RUNG_TRY(take_output(&p, &ellipsis_first));
  else if (c == 0)
    imply_output(&p, &ellipsis_first);
  else
    return RUNG_ERROR(INVALID_MODEL, "equation has more terms than the %u inputs, or a '-' without '>'", input_count);
  RUNG_REQUIRE(out->out_rank <= RUNG_MAX_RANK, LIMIT, "the output has rank %d, above the limit of %d", out->out_rank,
               RUNG_MAX_RANK);
  number_labels(&p, ellipsis_first);
  return NULL;
}

static rung_status *infer_Einsum(rung_infer *infer) {
  const rung_einsum_params *p = infer->params;
  int32_t ranks[RUNG_EINSUM_INPUTS];
  rung_einsum sum;
  RUNG_REQUIRE(infer->input_count <= RUNG_EINSUM_INPUTS, LIMIT, "%u inputs, at most %d are supported",
               infer->input_count, RUNG_EINSUM_INPUTS);
  for (uint32_t i = 0; i < infer->input_count; i++) {
    if (!rung_infer_ranked(infer, i)) return NULL;
    ranks[i] = rung_infer_input(infer, i)->rank;
  }
  RUNG_TRY(rung_einsum_parse(p->equation, infer->input_count, ranks, &sum));
  int64_t dims[RUNG_EINSUM_LABELS];
  for (int32_t i = 0; i < sum.label_count; i++) dims[i] = 1;
  for (int32_t i = 0; i < sum.input_count; i++)
    for (int32_t d = 0; d < ranks[i]; d++) {
      int64_t *dim = &dims[sum.labels[i][d]];
      RUNG_TRY(rung_infer_broadcast_dim(infer, *dim, rung_infer_input(infer, (uint32_t)i)->dims[d], dim));
    }
  return rung_infer_shape(infer, 0, sum.out_rank, dims);
}

static const rung_attr einsum_attrs[] = {
    {"equation", RUNG_ATTR_KIND_STR, offsetof(rung_einsum_params, equation), .text = "", .required = true}, {0}};

const rung_op rung_op_Einsum = {.name = "Einsum",
                                .domain = "",
                                .since = 12,
                                .signature = "Inputs:T... -> Output:T",
                                .params_size = sizeof(rung_einsum_params),
                                .attributes = einsum_attrs,
                                .infer = infer_Einsum};
