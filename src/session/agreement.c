#include "session/agreement.h"

#include "base/dtype.h"
#include "base/element.h"
#include "base/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The first reason stays. Returns 0. */
static int differ(rung_difference *d, const char *format, ...) {
  if (d->words[0]) return 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(d->words, sizeof d->words, format, arguments);
  va_end(arguments);
  return 0;
}

static void compare_strings(const rung_tensor *got, const rung_tensor *want, size_t count, rung_difference *d) {
  const rung_str *a = got->data, *b = want->data;
  for (size_t i = 0; i < count; i++) {
    if (a[i].size == b[i].size && (a[i].size == 0 || memcmp(a[i].data, b[i].data, a[i].size) == 0)) continue;
    d->wrong++;
    differ(d, "element %zu is \"%.*s\", not \"%.*s\"", i, (int)a[i].size, a[i].data, (int)b[i].size, b[i].data);
  }
}

/* Doubles hold whole numbers of 53 bits only, so those of 64 are told apart by their bytes. */
static void compare_whole(const rung_tensor *got, const rung_tensor *want, size_t count, const rung_tolerance *allowed,
                          rung_difference *d) {
  int is_wide = want->dtype == RUNG_I64 || want->dtype == RUNG_U64;
  for (size_t i = 0; i < count; i++) {
    double a = rung_element_get(got->dtype, got->data, i), b = rung_element_get(want->dtype, want->data, i);
    int same = is_wide ? memcmp((const char *)got->data + 8 * i, (const char *)want->data + 8 * i, 8) == 0 : a == b;
    if (same) continue;
    d->max_abs = fmax(d->max_abs, fabs(a - b));
    if (allowed->atol >= 1 && fabs(a - b) <= allowed->atol) continue;
    d->wrong++;
    differ(d, "element %zu is %.17g, not %.17g", i, a, b);
  }
}

static void compare_floats(const rung_tensor *got, const rung_tensor *want, size_t count, const rung_tolerance *allowed,
                           rung_difference *d) {
  double dot = 0, left = 0, right = 0;
  for (size_t i = 0; i < count; i++) {
    double a = rung_element_get(got->dtype, got->data, i), b = rung_element_get(want->dtype, want->data, i);
    bool finite = isfinite(a) && isfinite(b);
    if (finite) dot += a * b, left += a * a, right += b * b;
    if (a == b || (isnan(a) && isnan(b))) continue;
    double far = fabs(a - b);
    d->max_abs = far > d->max_abs || isnan(far) ? far : d->max_abs;
    if (finite && far <= allowed->atol + allowed->rtol * fabs(b)) continue;
    d->wrong++;
    differ(d, "element %zu is %.9g, not %.9g", i, a, b);
  }
  d->cosine = left > 0 && right > 0 ? dot / sqrt(left * right) : 1;
  if (allowed->cosine == 0 || d->cosine >= allowed->cosine) return; /* NaN is below everything */
  d->wrong = d->wrong ? d->wrong : 1;
  differ(d, "cosine %.6f is below %.6f", d->cosine, allowed->cosine);
}

static int is_whole(rung_dtype dtype) {
  switch (dtype) {
    case RUNG_U8:
    case RUNG_I8:
    case RUNG_U16:
    case RUNG_I16:
    case RUNG_I32:
    case RUNG_U32:
    case RUNG_I64:
    case RUNG_U64:
    case RUNG_BOOL:
    case RUNG_U4:
    case RUNG_I4:
    case RUNG_U2:
    case RUNG_I2:
      return 1;
    default:
      return 0;
  }
}

static void shape_text(const rung_tensor *tensor, char *text, size_t size) {
  size_t at = (size_t)snprintf(text, size, "[");
  for (int32_t i = 0; i < tensor->rank && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%lld", i ? "," : "", (long long)tensor->dims[i]);
  if (at < size) snprintf(text + at, size - at, "]");
}

static int tensors_agree(const rung_tensor *got, const rung_tensor *want, const rung_tolerance *allowed,
                         rung_difference *d) {
  if (got->dtype != want->dtype)
    return differ(d, "type %s, not %s", rung_dtype_name(got->dtype), rung_dtype_name(want->dtype));
  if (got->rank != want->rank || memcmp(got->dims, want->dims, (size_t)want->rank * sizeof want->dims[0]) != 0) {
    char a[160], b[160];
    shape_text(got, a, sizeof a);
    shape_text(want, b, sizeof b);
    return differ(d, "shape %s, not %s", a, b);
  }
  size_t count = rung_tensor_count(want);
  d->count += count;
  if (!allowed->values) return 1;
  if (want->dtype == RUNG_STRING)
    compare_strings(got, want, count, d);
  else if (is_whole(want->dtype))
    compare_whole(got, want, count, allowed, d);
  else
    compare_floats(got, want, count, allowed, d);
  return d->wrong == 0;
}

int rung__value_agrees(const rung_value *got, const rung_value *want, const rung_tolerance *allowed,
                       rung_difference *d) {
  static const char *const kinds[] = {"nothing", "a tensor", "a sequence", "a map", "an optional", "a sparse tensor"};
  if (got->kind != want->kind) return differ(d, "%s, not %s", kinds[got->kind], kinds[want->kind]);
  if (want->kind == RUNG_TENSOR) return tensors_agree(&got->tensor, &want->tensor, allowed, d);
  if (got->count != want->count) return differ(d, "%zu items, not %zu", got->count, want->count);
  int agree = 1;
  for (size_t i = 0; i < want->count; i++) agree &= rung__value_agrees(got->items[i], want->items[i], allowed, d);
  return agree;
}
