#include "show.h"

#include "json_out.h"
#include "term.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 8, MOST_IN_JSON = 1024 };

/* Elements */

static bool is_float(rung_dtype dtype) { return strstr(rung_dtype_name(dtype), "float") != NULL; }

static void print_element(const rung_tensor *t, size_t i) {
  if (t->dtype == RUNG_STRING)
    printf("\"%s\"", clean_bytes(((const rung_str *)t->data)[i].data, ((const rung_str *)t->data)[i].size));
  else if (t->dtype == RUNG_BOOL)
    fputs(rung_tensor_get(t, i) != 0 ? "true" : "false", stdout);
  else if (t->dtype == RUNG_I64)
    printf("%" PRId64, ((const int64_t *)t->data)[i]);
  else
    printf("%.5g", rung_tensor_get(t, i));
}

static void json_element(const rung_tensor *t, size_t i) {
  if (t->dtype == RUNG_STRING)
    json_bytes(NULL, ((const rung_str *)t->data)[i].data, ((const rung_str *)t->data)[i].size);
  else if (t->dtype == RUNG_BOOL)
    json_bool(NULL, rung_tensor_get(t, i) != 0);
  else if (t->dtype == RUNG_I64)
    json_count(NULL, ((const int64_t *)t->data)[i]);
  else
    json_number(NULL, rung_tensor_get(t, i));
}

typedef struct range {
  double min, max, sum;
  size_t numbers, nans, infinities;
} range;

static range range_of(const rung_tensor *t) {
  range r = {.min = INFINITY, .max = -INFINITY};
  size_t count = t->dtype == RUNG_STRING ? 0 : rung_tensor_count(t);
  for (size_t i = 0; i < count; i++) {
    double value = rung_tensor_get(t, i);
    r.nans += isnan(value) != 0;
    r.infinities += isinf(value) != 0;
    if (!isfinite(value)) continue;
    r.numbers++;
    r.sum += value;
    r.min = value < r.min ? value : r.min;
    r.max = value > r.max ? value : r.max;
  }
  return r;
}

/* The best classes */

typedef struct score {
  double value;
  size_t index;
} score;

static int by_value(const void *a, const void *b) {
  const score *x = a, *y = b;
  double left = isnan(x->value) ? -INFINITY : x->value, right = isnan(y->value) ? -INFINITY : y->value;
  if (left != right) return left < right ? 1 : -1;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* Classes lie along the last axis that has more than one place; the ones behind it are no matter. */
static size_t class_count(const rung_tensor *t) {
  int32_t axis = t->rank - 1;
  while (axis > 0 && t->dims[axis] == 1) axis--;
  return axis < 0 ? 0 : (size_t)t->dims[axis];
}

/* Row `row` of the tensor, best first. */
static score *sort_row(const rung_tensor *t, size_t row, size_t classes, bool softmax) {
  score *scores = get_memory(classes, sizeof *scores);
  for (size_t i = 0; i < classes; i++) scores[i] = (score){rung_tensor_get(t, row * classes + i), i};
  qsort(scores, classes, sizeof *scores, by_value);
  double largest = classes ? scores[0].value : 0, sum = 0;
  for (size_t i = 0; softmax && i < classes; i++) sum += scores[i].value = exp(scores[i].value - largest);
  for (size_t i = 0; softmax && i < classes; i++) scores[i].value /= sum;
  return scores;
}

static bool has_classes(const rung_tensor *t, const show_args *how) {
  return t && how->top > 0 && class_count(t) > 1 && t->dtype != RUNG_STRING && rung_tensor_count(t) > 0;
}

static const char *label_of(const show_args *how, size_t index) {
  return how->labels && index < how->labels->count ? how->labels->at[index] : NULL;
}

static void print_top(const rung_tensor *t, const show_args *how) {
  size_t classes = class_count(t), rows = rung_tensor_count(t) / classes;
  for (size_t row = 0; row < rows && row < FEW; row++) {
    score *scores = sort_row(t, row, classes, how->softmax);
    if (rows > 1) printf("  row %zu\n", row);
    for (size_t i = 0; i < classes && i < (size_t)how->top; i++) {
      const char *label = label_of(how, scores[i].index);
      printf("  %s%9.4f%s  %4zu  %s\n", in(i ? PLAIN : BOLD), scores[i].value, in(PLAIN), scores[i].index,
             label ? clean(label) : "");
    }
    free(scores);
  }
  if (rows > FEW) printf("  and %zu rows more\n", rows - FEW);
}

static void json_top(const rung_tensor *t, const show_args *how) {
  size_t classes = class_count(t), rows = rung_tensor_count(t) / classes;
  json_array("top");
  for (size_t row = 0; row < rows && row < MOST_IN_JSON; row++) {
    score *scores = sort_row(t, row, classes, how->softmax);
    json_array(NULL);
    for (size_t i = 0; i < classes && i < (size_t)how->top; i++) {
      json_object(NULL);
      json_count("class", (int64_t)scores[i].index);
      json_number("score", scores[i].value);
      json_text("label", label_of(how, scores[i].index));
      json_end();
    }
    json_end();
    free(scores);
  }
  json_end();
}

/* Text: (..., steps, classes), the best class of each step, repeats and blanks left out */

static bool spells(const rung_tensor *t, const show_args *how) {
  return t && how->ctc && t->rank >= 2 && is_float(t->dtype) && t->dims[t->rank - 1] > 1 && rung_tensor_count(t) > 0;
}

static size_t best_class(const rung_tensor *t, size_t row, size_t classes) {
  size_t best = 0;
  for (size_t i = 1; i < classes; i++)
    if (rung_tensor_get(t, row * classes + i) > rung_tensor_get(t, row * classes + best)) best = i;
  return best;
}

/* Writes the text of one item of the batch to `out`, unless that is NULL, and returns its size. */
static size_t spell_to(const rung_tensor *t, size_t item, const show_args *how, char *out) {
  size_t classes = (size_t)t->dims[t->rank - 1], steps = (size_t)t->dims[t->rank - 2], last = 0, size = 0;
  for (size_t step = 0; step < steps; step++) {
    size_t class = best_class(t, item * steps + step, classes);
    const char *label = class ? label_of(how, class - 1) : NULL;
    if (class && !label) label = class == classes - 1 ? " " : "?";
    if (class && class != last) {
      if (out) memcpy(out + size, label, strlen(label));
      size += strlen(label);
    }
    last = class;
  }
  return size;
}

/* The caller frees it. */
static char *spell(const rung_tensor *t, size_t item, const show_args *how) {
  char *text = get_memory(spell_to(t, item, how, NULL) + 1, 1);
  text[spell_to(t, item, how, text)] = 0;
  return text;
}

static size_t text_count(const rung_tensor *t) {
  return rung_tensor_count(t) / (size_t)t->dims[t->rank - 1] / (size_t)t->dims[t->rank - 2];
}

static void print_texts(const rung_tensor *t, const show_args *how) {
  for (size_t item = 0; item < text_count(t); item++) {
    char *text = spell(t, item, how);
    printf("  %s\"%s\"%s\n", in(BOLD), clean(text), in(PLAIN));
    free(text);
  }
}

static void json_texts(const rung_tensor *t, const show_args *how) {
  json_array("texts");
  for (size_t item = 0; item < text_count(t); item++) {
    char *text = spell(t, item, how);
    json_text(NULL, text);
    free(text);
  }
  json_end();
}

/* Values, for people */

static void print_value(const rung_value *value);

static void print_tensor(const rung_tensor *t) {
  size_t count = rung_tensor_count(t);
  if (t->rank > 0) printf("%s[%s]  ", rung_dtype_name(t->dtype), dims_text(NULL, t->rank, t->dims));
  size_t shown = count > FEW ? FEW / 2 : count;
  for (size_t i = 0; i < shown; i++) {
    if (i) putchar(' ');
    print_element(t, i);
  }
  if (count > shown) fputs(" ...", stdout);
}

static void print_map(const rung_value *value) {
  const rung_tensor *keys = rung_value_tensor(rung_value_item(value, 0));
  const rung_value *values = rung_value_item(value, 1);
  const rung_tensor *tensor = rung_value_tensor(values);
  size_t count = keys ? rung_tensor_count(keys) : 0;
  putchar('{');
  for (size_t i = 0; i < count && i < FEW; i++) {
    if (i) fputs(", ", stdout);
    print_element(keys, i);
    fputs(": ", stdout);
    if (tensor)
      print_element(tensor, i);
    else
      print_value(rung_value_item(values, i));
  }
  fputs(count > FEW ? ", ...}" : "}", stdout);
}

static void print_value(const rung_value *value) {
  const rung_tensor *tensor = rung_value_tensor(value);
  size_t count = rung_value_item_count(value);
  if (tensor) {
    print_tensor(tensor);
  } else if (rung_value_kind(value) == RUNG_MAP) {
    print_map(value);
  } else if (rung_value_kind(value) == RUNG_SEQUENCE) {
    printf("%zu %s: ", count, plural(count, "item", "items"));
    for (size_t i = 0; i < count && i < FEW; i++) {
      if (i) fputs("; ", stdout);
      print_value(rung_value_item(value, i));
    }
    if (count > FEW) fputs("; ...", stdout);
  } else if (count) {
    print_value(rung_value_item(value, 0));
  } else {
    fputs("nothing", stdout);
  }
}

static void print_range(const rung_tensor *t) {
  range r = range_of(t);
  if (rung_tensor_count(t) > FEW && r.numbers)
    printf("  %sfrom %.5g to %.5g, mean %.5g%s", in(DIM), r.min, r.max, r.sum / (double)r.numbers, in(PLAIN));
  if (r.nans) printf("  %s%zu NaN%s", in(BAD), r.nans, in(PLAIN));
  if (r.infinities) printf("  %s%zu infinite%s", in(BAD), r.infinities, in(PLAIN));
}

void show_value(const char *name, const rung_value *value, const show_args *how) {
  const rung_tensor *tensor = rung_value_tensor(value);
  printf("%s%s%s  ", in(BOLD), clean(name), in(PLAIN));
  if (spells(tensor, how) || has_classes(tensor, how)) {
    printf("%s[%s]\n", rung_dtype_name(tensor->dtype), dims_text(NULL, tensor->rank, tensor->dims));
    if (spells(tensor, how)) print_texts(tensor, how);
    if (has_classes(tensor, how)) print_top(tensor, how);
    return;
  }
  print_value(value);
  if (tensor) print_range(tensor);
  putchar('\n');
}

/* Values, as JSON */

static void json_members(const rung_value *value);

static void json_tensor(const rung_tensor *t) {
  size_t count = rung_tensor_count(t);
  json_text("dtype", rung_dtype_name(t->dtype));
  json_array("shape");
  for (int32_t i = 0; i < t->rank; i++) json_count(NULL, t->dims[i]);
  json_end();
  if (is_float(t->dtype)) {
    range r = range_of(t);
    json_number("min", r.min);
    json_number("max", r.max);
    json_number("mean", r.numbers ? r.sum / (double)r.numbers : NAN);
    json_count("not_finite", (int64_t)(r.nans + r.infinities));
  }
  if (count > MOST_IN_JSON) {
    json_null("values");
    return;
  }
  json_array("values");
  for (size_t i = 0; i < count; i++) json_element(t, i);
  json_end();
}

static void json_members(const rung_value *value) {
  static const char *const kinds[] = {"nothing", "tensor", "sequence", "map", "optional", "sparse"};
  json_text("kind", kinds[rung_value_kind(value)]);
  if (rung_value_tensor(value)) {
    json_tensor(rung_value_tensor(value));
    return;
  }
  json_array("items"); /* of a map: its keys, and its values */
  for (size_t i = 0; i < rung_value_item_count(value) && i < MOST_IN_JSON; i++) {
    json_object(NULL);
    json_members(rung_value_item(value, i));
    json_end();
  }
  json_end();
}

void show_json(const char *name, const rung_value *value, const show_args *how, const char *file) {
  json_object(NULL);
  json_text("name", name);
  json_members(value);
  if (has_classes(rung_value_tensor(value), how)) json_top(rung_value_tensor(value), how);
  if (spells(rung_value_tensor(value), how)) json_texts(rung_value_tensor(value), how);
  json_text("file", file);
  json_end();
}
