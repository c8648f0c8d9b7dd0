/* A recursive descent that computes while it reads; the body of a sum is read once for each of its indices. */
#include "formula.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void formula_add(formula *f, const char *name, size_t size, const rung_tensor *tensor, double number) {
  if (f->count == FORMULA_NAMES || size >= FORMULA_NAME) {
    snprintf(f->trouble, sizeof f->trouble, "too many names, or too long a one, at \"%.30s\"", name);
    return;
  }
  formula_name *entry = &f->names[f->count++];
  *entry = (formula_name){.tensor = tensor, .number = number};
  memcpy(entry->name, name, size);
}

/* Reading */

typedef struct reader {
  formula *f;
  const char *at;
} reader;

static double expression(reader *r), total(reader *r);

static void complain(reader *r, const char *what) {
  if (r->f->trouble[0]) return;
  snprintf(r->f->trouble, sizeof r->f->trouble, "%s is expected before \"%.40s\"", what, r->at);
  r->at = "";
}

static void skip(reader *r) {
  while (isspace((unsigned char)*r->at)) r->at++;
}

static bool take(reader *r, const char *token) {
  skip(r);
  size_t size = strlen(token);
  if (strncmp(r->at, token, size) != 0) return false;
  r->at += size;
  return true;
}

static void need(reader *r, const char *token) {
  if (!take(r, token)) complain(r, token);
}

static size_t word(reader *r, const char **out) {
  skip(r);
  *out = r->at;
  while (isalnum((unsigned char)*r->at) || *r->at == '_') r->at++;
  return (size_t)(r->at - *out);
}

static bool is(const char *name, const char *text, size_t size) {
  return strlen(name) == size && memcmp(name, text, size) == 0;
}

/* Functions */

static double sign(double x) { return (x > 0) - (x < 0); }
static double is_nan(double x) { return isnan(x); }
static double is_inf(double x) { return isinf(x); }
static double to_f32(double x) { return (float)x; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }
double formula_noise(double x) {
  uint64_t bits = (uint64_t)(int64_t)x * 0x9e3779b97f4a7c15u;
  bits = (bits ^ bits >> 31) * 0xbf58476d1ce4e5b9u;
  bits ^= bits >> 29;
  return (double)(bits >> 40) / (1 << 23) - 1;
}

static double least(double x, double y) { return isnan(x) || isnan(y) ? NAN : fmin(x, y); }
static double most(double x, double y) { return isnan(x) || isnan(y) ? NAN : fmax(x, y); }
static double add(double x, double y) { return x + y; }
static double multiply(double x, double y) { return x * y; }

static const struct {
  const char *name;
  double (*of)(double);
} functions[] = {
    {"abs", fabs},     {"acos", acos},   {"acosh", acosh},         {"asin", asin},   {"asinh", asinh},
    {"atan", atan},    {"atanh", atanh}, {"ceil", ceil},           {"cos", cos},     {"cosh", cosh},
    {"erf", erf},      {"exp", exp},     {"f32", to_f32},          {"floor", floor}, {"isinf", is_inf},
    {"isnan", is_nan}, {"log", log},     {"noise", formula_noise}, {"rint", rint},   {"sigmoid", sigmoid},
    {"sign", sign},    {"sin", sin},     {"sinh", sinh},           {"sqrt", sqrt},   {"softplus", softplus},
    {"tan", tan},      {"tanh", tanh},   {"trunc", trunc}};

/* Of two, or over indices from `start` on. */
static const struct {
  const char *name;
  double (*of)(double, double);
  double start;
} pairs[] = {{"sum", add, 0},          {"prod", multiply, 1}, {"max", most, -INFINITY},
             {"min", least, INFINITY}, {"pow", pow, 0},       {"fmod", fmod, 0}};

static bool call(reader *r, const char *name, size_t size, double *out) {
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    if (!is(functions[i].name, name, size)) continue;
    need(r, "(");
    *out = functions[i].of(expression(r));
    need(r, ")");
    return true;
  }
  return false;
}

static const formula_name *find(const reader *r, const char *name, size_t size) {
  for (size_t i = r->f->count; i-- > 0;)
    if (is(r->f->names[i].name, name, size)) return &r->f->names[i];
  return NULL;
}

/* "k<3, l<4: body": the body for every index. It is read once where there is none, to get behind it. */
static double over(reader *r, size_t which) {
  const char *name;
  size_t size = word(r, &name), names = r->f->count;
  need(r, "<");
  double end = total(r), result = pairs[which].start, k = 0;
  const char *body = r->at;
  do {
    r->at = r->f->trouble[0] ? "" : body;
    formula_add(r->f, name, size, NULL, k);
    double value = take(r, ",") ? over(r, which) : (need(r, ":"), expression(r));
    if (k < end) result = pairs[which].of(result, value);
    r->f->count = names;
  } while (++k < end && !r->f->trouble[0]);
  return result;
}

/* Indices have names of their own. */
static bool is_index(const reader *r) {
  reader ahead = *r;
  const char *name;
  size_t size = word(&ahead, &name);
  return size && !isdigit((unsigned char)*name) && !find(r, name, size) && take(&ahead, "<");
}

static bool call_pair(reader *r, const char *name, size_t size, double *out) {
  size_t which = 0;
  while (which < sizeof pairs / sizeof pairs[0] && !is(pairs[which].name, name, size)) which++;
  if (which == sizeof pairs / sizeof pairs[0]) return false;
  need(r, "(");
  *out = is_index(r) ? over(r, which) : expression(r);
  while (take(r, ",")) *out = pairs[which].of(*out, expression(r));
  need(r, ")");
  return true;
}

/* Elements */

static double element(reader *r, const rung_tensor *tensor) {
  int64_t at = 0;
  bool inside = true;
  int32_t rank = 0;
  do {
    double index = expression(r);
    if (rank == tensor->rank) complain(r, "fewer indices");
    if (r->f->trouble[0]) return 0;
    inside &= index >= 0 && index < (double)tensor->dims[rank];
    at = at * tensor->dims[rank++] + (int64_t)index;
  } while (take(r, ","));
  double outside = take(r, "|") ? expression(r) : 0;
  need(r, "]");
  if (rank != tensor->rank) complain(r, "an index for every dimension");
  return inside && rank == tensor->rank ? rung_tensor_get(tensor, (size_t)at) : outside;
}

static double named(reader *r, const char *name, size_t size) {
  double value;
  if (call(r, name, size, &value) || call_pair(r, name, size, &value)) return value;
  const formula_name *entry = find(r, name, size);
  if (entry && !entry->tensor) return entry->number;
  if (entry) return take(r, "[") ? element(r, entry->tensor) : rung_tensor_get(entry->tensor, 0);
  r->at = name;
  complain(r, "a known name");
  return 0;
}

/* Operators */

static double primary(reader *r) {
  const char *name;
  if (take(r, "(")) {
    double value = expression(r);
    need(r, ")");
    return value;
  }
  if (take(r, "-")) return -primary(r);
  if (take(r, "!")) return primary(r) == 0;
  skip(r);
  if (isdigit((unsigned char)*r->at) || *r->at == '.') {
    char *end;
    double value = strtod(r->at, &end);
    r->at = end;
    return value;
  }
  size_t size = word(r, &name);
  if (is("inf", name, size)) return INFINITY;
  if (is("nan", name, size)) return NAN;
  if (size) return named(r, name, size);
  complain(r, "a value");
  return 0;
}

static double product(reader *r) {
  for (double value = primary(r);;) {
    if (take(r, "*")) {
      value *= primary(r);
    } else if (take(r, "/")) {
      value /= primary(r);
    } else if (take(r, "%")) {
      double by = primary(r);
      value -= floor(value / by) * by;
    } else {
      return value;
    }
  }
}

static double total(reader *r) {
  for (double value = product(r);;) {
    if (take(r, "+"))
      value += product(r);
    else if (take(r, "-"))
      value -= product(r);
    else
      return value;
  }
}

static double comparison(reader *r) {
  double value = total(r);
  if (take(r, "<=")) return value <= total(r);
  if (take(r, ">=")) return value >= total(r);
  if (take(r, "==")) return value == total(r);
  if (take(r, "!=")) return value != total(r);
  if (take(r, "<")) return value < total(r);
  if (take(r, ">")) return value > total(r);
  return value;
}

static double conjunction(reader *r) {
  double value = comparison(r);
  while (take(r, "&&")) {
    double other = comparison(r);
    value = value != 0 && other != 0;
  }
  return value;
}

static double disjunction(reader *r) {
  double value = conjunction(r);
  while (take(r, "||")) {
    double other = conjunction(r);
    value = value != 0 || other != 0;
  }
  return value;
}

/* Both branches are computed: nothing in them can go wrong. */
static double expression(reader *r) {
  double condition = disjunction(r);
  if (!take(r, "?")) return condition;
  double yes = expression(r);
  need(r, ":");
  double no = expression(r);
  return condition != 0 ? yes : no;
}

double formula_value(formula *f, const char *text) {
  reader r = {f, text};
  double value = expression(&r);
  skip(&r);
  if (*r.at) complain(&r, "the end");
  return f->trouble[0] ? 0 : value;
}
