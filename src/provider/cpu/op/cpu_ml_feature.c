/* ArrayFeatureExtractor, Binarizer, Scaler, Normalizer, Imputer, FeatureVectorizer. */
#include "op/ml_feature.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

#define NUMBERS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_I32))

/* ArrayFeatureExtractor */

static rung_status *run_ArrayFeatureExtractor(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *y = rung_in(call, 1);
  RUNG_RUN_REQUIRE(x->rank >= 1, "the input is a scalar, it has no features");
  size_t features = (size_t)x->dims[x->rank - 1], rows = (size_t)rung_tensor_span(x, 0, x->rank - 1);
  size_t count = rung_tensor_count(y), size = rung_dtype_size(x->dtype);
  const int64_t *indices = y->data;
  for (size_t i = 0; i < count; i++)
    RUNG_RUN_REQUIRE(indices[i] >= 0 && (uint64_t)indices[i] < features, "index %zu is %lld, there are %zu features", i,
                     (long long)indices[i], features);
  bool is_string = x->dtype == RUNG_STRING;
  size_t cells;
  if (!rung_mul_size(rows, count, &cells)) return rung_status_out_of_memory();
  rung_str *strings = is_string ? rung_alloc(call->host->allocator, cells + 1, sizeof *strings, "strings") : NULL;
  if (is_string) RUNG_CHECK_ALLOC(strings);
  char *to = is_string ? (char *)strings : rung_out(call, 0)->data;
  for (size_t row = 0, done = 0; row < rows; row++)
    for (size_t i = 0; i < count && !rung_kernel_stops_at(call, done++); i++)
      memcpy(to + (row * count + i) * size, (const char *)x->data + (row * features + (size_t)indices[i]) * size, size);
  if (!is_string) return NULL;
  int64_t dims[RUNG_MAX_RANK] = {1};
  int32_t rank = RUNG_MAX(x->rank, 2);
  for (int32_t i = 0; i + 1 < x->rank; i++) dims[i] = x->dims[i];
  dims[rank - 1] = (int64_t)count;
  rung_status *status = rung_kernel_give_strings(call, 0, rank, dims, strings);
  rung_free(call->host->allocator, strings);
  return status;
}

const rung_kernel rung_cpu_ml_ArrayFeatureExtractor = {.types = {{'T', NUMBERS | RUNG_SET_STRING}},
                                                       .run = run_ArrayFeatureExtractor};

/* Runs of elements, each through double, which holds all numbers of 32 bits and floats exactly. */

enum { BLOCK = 256 };

typedef struct job {
  const rung_kernel_call *call;
  const void *params;
  const rung_tensor *x;
  rung_tensor *y;
  size_t features;
} job;

static size_t features_of(const rung_tensor *x) { return x->rank ? (size_t)x->dims[x->rank - 1] : 1; }

static rung_status *run_elements(rung_kernel_call *call, void (*fn)(void *context, size_t begin, size_t end)) {
  const rung_tensor *x = rung_in(call, 0);
  job j = {call, call->params, x, rung_out(call, 0), features_of(x)};
  rung_kernel_parallel(call, rung_tensor_count(x), rung_kernel_grain(4), fn, &j);
  return NULL;
}

static void scale_elements(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_scaler_params *p = j->params;
  double x[BLOCK];
  for (size_t at = begin; at < end; at += BLOCK) {
    size_t n = RUNG_MIN(end - at, (size_t)BLOCK);
    rung_load_f64(j->x->dtype, j->x->data, at, 1, n, x);
    for (size_t i = 0; i < n; i++) {
      size_t feature = (at + i) % j->features;
      float offset = p->offset.count ? p->offset.at[p->offset.count == 1 ? 0 : feature] : 0;
      float scale = p->scale.count ? p->scale.at[p->scale.count == 1 ? 0 : feature] : 1;
      x[i] = (x[i] - (double)offset) * (double)scale;
    }
    rung_store_f64(RUNG_F32, j->y->data, at, 1, n, x);
  }
}

static rung_status *run_Scaler(rung_kernel_call *call) {
  const rung_scaler_params *p = call->params;
  size_t features = features_of(rung_in(call, 0));
  RUNG_RUN_REQUIRE(
      (p->scale.count <= 1 || p->scale.count == features) && (p->offset.count <= 1 || p->offset.count == features),
      "scale and offset have %zu and %zu elements for %zu features", p->scale.count, p->offset.count, features);
  return run_elements(call, scale_elements);
}

const rung_kernel rung_cpu_ml_Scaler = {.types = {{'T', NUMBERS}}, .run = run_Scaler};

/* Compared as double: of int64 beyond 2^53 only the threshold's side could be lost, and a float is never that near. */
#define BINARIZE(op, NAME, stored, computed, load, store)                                         \
  case RUNG_##NAME:                                                                               \
    for (size_t i = begin; i < end; i++)                                                          \
      ((stored *)j->y->data)[i] = (double)((const stored *)j->x->data)[i] > (double)p->threshold; \
    break;

static void binarize_elements(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_binarizer_params *p = j->params;
  switch (j->x->dtype) {
    BINARIZE(, F32, float, , , )
    BINARIZE(, F64, double, , , )
    BINARIZE(, I32, int32_t, , , )
    BINARIZE(, I64, int64_t, , , )
    default:
      break;
  }
}

static rung_status *run_Binarizer(rung_kernel_call *call) { return run_elements(call, binarize_elements); }

const rung_kernel rung_cpu_ml_Binarizer = {
    .types = {{'T', NUMBERS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_Binarizer};

/* Imputer */

#define IMPUTE(NAME, stored, list, replaced)                                                              \
  case RUNG_##NAME:                                                                                       \
    for (size_t i = begin; i < end; i++) {                                                                \
      stored x = ((const stored *)j->x->data)[i], old = (stored)p->replaced;                              \
      bool hit = x == old || (x != x && old != old);                                                      \
      ((stored *)j->y->data)[i] = hit ? (stored)p->list.at[p->list.count == 1 ? 0 : i % j->features] : x; \
    }                                                                                                     \
    break;

static void impute_elements(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_imputer_params *p = j->params;
  switch (j->x->dtype) {
    IMPUTE(F32, float, imputed_value_floats, replaced_value_float)
    IMPUTE(F64, double, imputed_value_floats, replaced_value_float)
    IMPUTE(I32, int32_t, imputed_value_int64s, replaced_value_int64)
    IMPUTE(I64, int64_t, imputed_value_int64s, replaced_value_int64)
    default:
      break;
  }
}

static rung_status *run_Imputer(rung_kernel_call *call) {
  const rung_imputer_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  bool is_float = x->dtype == RUNG_F32 || x->dtype == RUNG_F64;
  size_t count = is_float ? p->imputed_value_floats.count : p->imputed_value_int64s.count;
  RUNG_RUN_REQUIRE(count == 1 || (count && count == features_of(x)), "%zu values to impute %s with for %zu features",
                   count, rung_dtype_name(x->dtype), features_of(x));
  return run_elements(call, impute_elements);
}

const rung_kernel rung_cpu_ml_Imputer = {.types = {{'T', NUMBERS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_Imputer};

/* Normalizer: a row whose norm is 0 stays as it is. */

static double norm_of(const rung_normalizer_params *p, const job *j, size_t row, double *x) {
  double norm = p->norm == RUNG_NORM_MAX ? -INFINITY : 0;
  for (size_t at = 0; at < j->features && !rung_kernel_stops_at(j->call, at); at += BLOCK) {
    size_t n = RUNG_MIN(j->features - at, (size_t)BLOCK);
    rung_load_f64(j->x->dtype, j->x->data, row * j->features + at, 1, n, x);
    for (size_t i = 0; i < n; i++) {
      if (p->norm == RUNG_NORM_MAX)
        norm = x[i] > norm ? x[i] : norm;
      else
        norm += p->norm == RUNG_NORM_L1 ? fabs(x[i]) : x[i] * x[i];
    }
  }
  return p->norm == RUNG_NORM_L2 ? sqrt(norm) : norm;
}

static void normalize_rows(void *context, size_t begin, size_t end) {
  const job *j = context;
  double x[BLOCK];
  for (size_t row = begin; row < end; row++) {
    double norm = norm_of(j->params, j, row, x);
    for (size_t at = 0; at < j->features && !rung_kernel_stops_at(j->call, at); at += BLOCK) {
      size_t n = RUNG_MIN(j->features - at, (size_t)BLOCK);
      rung_load_f64(j->x->dtype, j->x->data, row * j->features + at, 1, n, x);
      for (size_t i = 0; i < n && norm != 0; i++) x[i] /= norm;
      rung_store_f64(RUNG_F32, j->y->data, row * j->features + at, 1, n, x);
    }
  }
}

static rung_status *run_Normalizer(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  job j = {call, call->params, x, rung_out(call, 0), features_of(x)};
  size_t rows = j.features ? rung_tensor_count(x) / j.features : 0;
  rung_kernel_parallel(call, rows, rung_kernel_grain(4 * j.features), normalize_rows, &j);
  return NULL;
}

const rung_kernel rung_cpu_ml_Normalizer = {.types = {{'T', NUMBERS}}, .run = run_Normalizer};

/* FeatureVectorizer: an input gives as many columns as inputdimensions say; what it lacks is 0. */

static void copy_columns(const rung_tensor *x, size_t rows, size_t columns, size_t wanted, float *to, size_t row_step) {
  size_t n = RUNG_MIN(columns, wanted);
  for (size_t row = 0; row < rows; row++) {
    rung_load_f32(x->dtype, x->data, row * columns, 1, n, to + row * row_step);
    for (size_t i = n; i < wanted; i++) to[row * row_step + i] = 0;
  }
}

static rung_status *run_FeatureVectorizer(rung_kernel_call *call) {
  const rung_feature_vectorizer_params *p = call->params;
  rung_tensor *y = rung_out(call, 0);
  size_t rows = (size_t)y->dims[0], step = (size_t)y->dims[1], at = 0;
  for (uint32_t i = 0; i < call->input_count; i++) {
    const rung_tensor *x = rung_in(call, i);
    if (!x) continue;
    size_t columns = (size_t)x->dims[x->rank - 1], wanted = columns;
    if (i < p->inputdimensions.count) wanted = (size_t)p->inputdimensions.at[i];
    RUNG_RUN_REQUIRE((x->rank == 1 ? 1 : (size_t)x->dims[0]) == rows, "input %u has other rows than the first", i);
    if (y->size) copy_columns(x, rows, columns, wanted, (float *)y->data + at, step);
    at += wanted;
  }
  return NULL;
}

const rung_kernel rung_cpu_ml_FeatureVectorizer = {.types = {{'T', NUMBERS}}, .run = run_FeatureVectorizer};
