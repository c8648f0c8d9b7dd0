#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int strings_agree(const rung_tensor *got, const rung_tensor *want, size_t count, char *words, size_t size) {
  const rung_str *a = got->data, *b = want->data;
  for (size_t i = 0; i < count; i++) {
    if (a[i].size == b[i].size && (a[i].size == 0 || memcmp(a[i].data, b[i].data, a[i].size) == 0)) continue;
    snprintf(words, size, "element %zu is \"%.*s\", not \"%.*s\"", i, (int)a[i].size, a[i].data, (int)b[i].size,
             b[i].data);
    return 0;
  }
  return 1;
}

static int numbers_agree(const rung_tensor *got, const rung_tensor *want, size_t count, const tolerance *allowed,
                         char *words, size_t size) {
  double dot = 0, left = 0, right = 0;
  for (size_t i = 0; i < count; i++) {
    double a = rung_tensor_get(got, i), b = rung_tensor_get(want, i);
    dot += a * b, left += a * a, right += b * b;
    if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= allowed->atol + allowed->rtol * fabs(b)) continue;
    snprintf(words, size, "element %zu is %.9g, not %.9g", i, a, b);
    return 0;
  }
  double cosine = left > 0 && right > 0 ? dot / sqrt(left * right) : 1;
  if (allowed->cosine <= 0 || cosine >= allowed->cosine) return 1;
  snprintf(words, size, "cosine %.6f is below %.6f", cosine, allowed->cosine);
  return 0;
}

static int tensors_agree(const rung_tensor *got, const rung_tensor *want, const tolerance *allowed, char *words,
                         size_t size) {
  if (got->dtype != want->dtype) {
    snprintf(words, size, "type %s, not %s", rung_dtype_name(got->dtype), rung_dtype_name(want->dtype));
    return 0;
  }
  if (got->rank != want->rank || memcmp(got->dims, want->dims, (size_t)want->rank * sizeof want->dims[0]) != 0) {
    snprintf(words, size, "another shape (rank %d, not %d, or other dimensions: %lld not %lld first)", got->rank,
             want->rank, got->rank ? (long long)got->dims[0] : 0, want->rank ? (long long)want->dims[0] : 0);
    return 0;
  }
  size_t count = rung_tensor_count(want);
  if (!allowed->values) return 1;
  if (want->dtype == RUNG_STRING) return strings_agree(got, want, count, words, size);
  return numbers_agree(got, want, count, allowed, words, size);
}

int values_agree(const rung_value *got, const rung_value *want, const tolerance *allowed, char *words, size_t size) {
  if (!got || rung_value_kind(got) != rung_value_kind(want)) {
    snprintf(words, size, "kind %d, not %d", (int)rung_value_kind(got), (int)rung_value_kind(want));
    return 0;
  }
  if (rung_value_tensor(want))
    return tensors_agree(rung_value_tensor(got), rung_value_tensor(want), allowed, words, size);
  if (rung_value_item_count(got) != rung_value_item_count(want)) {
    snprintf(words, size, "%zu items, not %zu", rung_value_item_count(got), rung_value_item_count(want));
    return 0;
  }
  for (size_t i = 0; i < rung_value_item_count(want); i++)
    if (!values_agree(rung_value_item(got, i), rung_value_item(want, i), allowed, words, size)) return 0;
  return 1;
}
