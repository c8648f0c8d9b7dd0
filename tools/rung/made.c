#include "made.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

/* Filling */

static const char *const fills[] = {"zeros", "ones", "random"};
enum { ZEROS, ONES, RANDOM, FILLS };

static int find_fill(const char *text) {
  size_t size = strcspn(text, "[");
  for (int i = 0; i < FILLS; i++)
    if (strlen(fills[i]) == size && memcmp(text, fills[i], size) == 0) return i;
  return -1;
}

bool is_fill(const char *text) { return find_fill(text) >= 0; }

int fill_read(target *t, const char *text, const feed_args *args, rung_value **out_value) {
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = t->type->rank;
  const char *bracket = strchr(text, '[');
  if (bracket && bracket[1] != ']') {
    rank = ends_with(bracket, "]") ? parse_counts(bracket + 1, strlen(bracket) - 2, ',', dims, RUNG_MAX_RANK) : -1;
    if (rank < 0)
      return fail(EXIT_USAGE, "%s: a shape is needed, such as %.*s[1,3,224,224]", clean(text), (int)(bracket - text),
                  text);
  } else if (bracket) {
    rank = 0;
  } else if (!closed_dims(t->type, dims)) {
    return BAD("its shape is not known; give one, such as %s=%s[1,3,224,224]", clean(t->name), text);
  } else if (args->batch && rank > 0 && t->type->dims[0] < 0) {
    dims[0] = args->batch;
  }
  rung_dtype dtype = wanted_dtype(t);
  TRY_STATUS(rung_value_create(t->env, dtype, rank, dims, out_value));
  const rung_tensor *tensor = rung_value_tensor(*out_value);
  size_t count = dtype == RUNG_STRING ? 0 : rung_tensor_count(tensor);
  int which = find_fill(text);
  if (which == RANDOM) rung_tensor_randomize(tensor, t->name, (uint64_t)args->seed);
  for (size_t i = 0; which == ONES && i < count; i++) rung_tensor_set(tensor, i, 1);
  return 0;
}

/* Numbers */

static const char text_mark[] = "text:";

bool is_literal(const char *text) {
  bool is_number = text[strspn(text, "0123456789+-.,eE[] ")] == 0 && strpbrk(text, "0123456789]");
  return is_number || starts_with(text, text_mark) || strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* The model's shape when `count` elements fit it, with one open dimension taking what is left. */
static int shape_for(const target *t, int64_t count, bool bracketed, int32_t *out_rank, int64_t *dims) {
  const rung_type *type = t->type;
  if (type->kind != RUNG_TENSOR || type->rank < 0) {
    *out_rank = count == 1 && !bracketed ? 0 : 1;
    dims[0] = count;
    return 0;
  }
  int64_t known = 1;
  int32_t open = -1;
  for (int32_t i = 0; i < type->rank; i++) {
    dims[i] = type->dims[i] < 0 ? 1 : type->dims[i];
    if (type->dims[i] < 0) open = i; /* the last of them */
    known *= dims[i] > 0 && dims[i] <= count ? dims[i] : count + 1;
    if (known > count) break;
  }
  if (open >= 0 && known > 0 && count % known == 0) dims[open] = count / known, known = count;
  if (known != count)
    return BAD("%" PRId64 " %s not make a %s", count, plural((size_t)count, "number does", "numbers do"),
               type_text(NULL, type));
  *out_rank = type->rank;
  return 0;
}

static int set_element(const rung_tensor *tensor, size_t index, const char *at, size_t size) {
  double value;
  char *end;
  bool is_word = (size == 4 && memcmp(at, "true", 4) == 0) || (size == 5 && memcmp(at, "false", 5) == 0);
  if (is_word)
    value = at[0] == 't';
  else if (!parse_number(at, size, &value))
    return BAD("\"%s\" is no number", clean_bytes(at, size));
  if (tensor->dtype == RUNG_I64 && !is_word && !memchr(at, '.', size)) {
    long long whole = strtoll(at, &end, 10); /* a double holds 53 bits of it only */
    if (end == at + size) return ((int64_t *)tensor->data)[index] = whole, 0;
  }
  rung_tensor_set(tensor, index, value);
  return 0;
}

static int read_text(target *t, const char *words, rung_value **out_value) {
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank;
  rung_dtype dtype = t->type->kind == RUNG_TENSOR && t->type->dtype ? t->type->dtype : RUNG_STRING;
  if (dtype != RUNG_STRING) return BAD("it takes %s, not text", rung_dtype_name(dtype));
  TRY(shape_for(t, 1, false, &rank, dims));
  rung_str text = {words, strlen(words)};
  return fail_status(rung_value_create_strings(t->env, rank, dims, &text, out_value));
}

int literal_read(target *t, const char *text, rung_value **out_value) {
  if (starts_with(text, text_mark)) return read_text(t, text + strlen(text_mark), out_value);
  size_t size = strlen(text);
  bool bracketed = text[0] == '[' && text[size - 1] == ']';
  const char *begin = text + bracketed, *end = text + size - bracketed;
  int64_t count = begin < end, dims[RUNG_MAX_RANK];
  for (const char *at = begin; at < end; at++) count += *at == ',';
  int32_t rank;
  TRY(shape_for(t, count, bracketed, &rank, dims));
  if (wanted_dtype(t) == RUNG_STRING) return BAD("it takes strings: write text:WORDS, or give a file");
  TRY_STATUS(rung_value_create(t->env, wanted_dtype(t), rank, dims, out_value));
  for (int64_t i = 0; i < count; i++) {
    begin += strspn(begin, " ");
    size_t digits = strcspn(begin, ", ]");
    TRY(set_element(rung_value_tensor(*out_value), (size_t)i, begin, digits));
    begin += digits + strspn(begin + digits, " ") + 1;
  }
  return 0;
}
