/* GatherBlockQuantized: rows picked from a table of codes, and made floats. What an index outside of the table asks for
 * is zero. */
#include "op/ms_nbits.h"

#include "base/element.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

typedef struct gather_job {
  const rung_tensor *data, *indices, *scales, *zeros; /* zeros: NULL for `zero` */
  rung_tensor *y;
  int32_t rank, axis, quantized;
  int64_t dims[RUNG_MAX_RANK];  /* of data, in codes */
  int64_t steps[RUNG_MAX_RANK]; /* of scales, in elements; 0 where one serves all */
  int64_t block;
  size_t count, rows, length; /* indices; rows of `length` elements that one of them brings */
  unsigned bits;              /* of a code in a uint8 */
  float zero;
} gather_job;

/* Code number `at` of a tensor. */
static float code_at(const gather_job *j, const rung_tensor *t, size_t at) {
  if (t->dtype != RUNG_U8) return (float)rung_element_get(t->dtype, t->data, at);
  unsigned each = 8 / j->bits, byte = ((const uint8_t *)t->data)[at / each];
  return (float)(byte >> (at % each * j->bits) & ((1u << j->bits) - 1));
}

/* That belongs to scale number `at`: those of a uint8 are packed row by row. */
static float zero_at(const gather_job *j, size_t at) {
  if (!j->zeros) return j->zero;
  if (j->zeros->dtype != RUNG_U8) return code_at(j, j->zeros, at);
  size_t blocks = (size_t)j->scales->dims[j->rank - 1], row = (size_t)j->zeros->dims[j->rank - 1] * (8 / j->bits);
  return code_at(j, j->zeros, at / blocks * row + at % blocks);
}

/* The scale of the first element of the row that begins with element number `at`. */
static size_t scale_of(const gather_job *j, size_t at) {
  int64_t rest = (int64_t)at, scale = 0;
  for (int32_t i = j->rank - 1; i >= 0; i--) {
    int64_t index = rest % j->dims[i];
    rest /= j->dims[i];
    scale += (i == j->quantized ? index / j->block : index) * j->steps[i];
  }
  return (size_t)scale;
}

static void make_row(const gather_job *j, size_t at, size_t to) {
  enum { STRIP = 256 };
  float strip[STRIP];
  size_t first = scale_of(j, at);
  int32_t last = j->rank - 1;
  for (size_t done = 0; done < j->length; done += STRIP) {
    size_t n = RUNG_MIN(j->length - done, (size_t)STRIP);
    for (size_t i = 0; i < n; i++) {
      size_t along = last == j->quantized ? (done + i) / (size_t)j->block : done + i;
      size_t scale_at = first + (j->length == 1 ? 0 : along * (size_t)j->steps[last]);
      float scale;
      rung_load_f32(j->scales->dtype, j->scales->data, scale_at, 1, 1, &scale);
      strip[i] = (code_at(j, j->data, at + done + i) - zero_at(j, scale_at)) * scale;
    }
    rung_store_f32(j->y->dtype, j->y->data, to + done, 1, n, strip);
  }
}

static void gather_rows(void *context, size_t begin, size_t end) {
  const gather_job *j = context;
  size_t size = rung_dtype_size(j->y->dtype);
  for (size_t r = begin; r < end; r++) {
    size_t row = r % j->rows, which = r / j->rows % j->count, outer = r / j->rows / j->count;
    int64_t limit = j->dims[j->axis], index = j->indices->dtype == RUNG_I64
                                                  ? ((const int64_t *)j->indices->data)[which]
                                                  : ((const int32_t *)j->indices->data)[which];
    if (index < -limit || index >= limit) {
      memset((char *)j->y->data + r * j->length * size, 0, j->length * size);
      continue;
    }
    size_t at = (outer * (size_t)limit + (size_t)(index < 0 ? index + limit : index)) * j->rows + row;
    make_row(j, at * j->length, r * j->length);
  }
}

static bool is_integer(rung_dtype dtype) { return dtype == RUNG_U8 || dtype == RUNG_U4 || dtype == RUNG_I4; }

/* Scales have the rank of data, a dimension for every block, and may have 1 for what they do not tell apart. */
static rung_status *spread_scales(const rung_gather_block_params *p, gather_job *j) {
  bool integer = is_integer(j->data->dtype);
  int64_t step = 1, length = j->dims[j->quantized];
  RUNG_RUN_REQUIRE(p->block_size > 0 || !integer, "block_size is 0 for integers");
  j->block = p->block_size ? p->block_size : RUNG_MAX(length, 1);
  RUNG_RUN_REQUIRE(j->scales->rank == j->rank, "scales have rank %d, data %d", j->scales->rank, j->rank);
  for (int32_t i = j->rank - 1; i >= 0; i--) {
    int64_t dim = j->scales->dims[i], whole = i == j->quantized ? RUNG_DIV_UP(length, j->block) : j->dims[i];
    RUNG_RUN_REQUIRE(dim == whole || (dim == 1 && !integer && i != j->quantized),
                     "dimension %d of the scales is %lld, not %lld", i, (long long)dim, (long long)whole);
    j->steps[i] = dim == whole ? step : 0;
    step *= dim;
  }
  return NULL;
}

static rung_status *check_zeros(const gather_job *j, int64_t codes) {
  if (!j->zeros) return NULL;
  RUNG_RUN_REQUIRE(is_integer(j->data->dtype), "zero_points with data of type %s", rung_dtype_name(j->data->dtype));
  RUNG_RUN_REQUIRE(j->zeros->rank == j->rank, "zero_points have rank %d, data %d", j->zeros->rank, j->rank);
  for (int32_t i = 0; i < j->rank; i++) {
    int64_t dim = j->scales->dims[i], expected = i == j->quantized ? RUNG_DIV_UP(dim, codes) : dim;
    RUNG_RUN_REQUIRE(j->zeros->dims[i] == expected, "dimension %d of zero_points is %lld, not %lld", i,
                     (long long)j->zeros->dims[i], (long long)expected);
  }
  return NULL;
}

static rung_status *run_GatherBlockQuantized(rung_kernel_call *call) {
  const rung_gather_block_params *p = call->params;
  const rung_tensor *data = rung_in(call, 0);
  int64_t codes = rung_gather_block_codes(p, data->dtype);
  gather_job j = {.data = data,
                  .indices = rung_in(call, 1),
                  .scales = rung_in(call, 2),
                  .zeros = rung_in(call, 3),
                  .y = rung_out(call, 0),
                  .rank = data->rank,
                  .bits = (unsigned)p->bits,
                  .zero = data->dtype == RUNG_U8 ? (float)(1 << (p->bits - 1)) : 0};
  RUNG_RUN_REQUIRE(j.y && data->rank >= 1, "data is a scalar");
  RUNG_TRY(rung_kernel_axis(p->gather_axis, data->rank, &j.axis));
  RUNG_TRY(rung_kernel_axis(p->quantize_axis, data->rank, &j.quantized));
  RUNG_RUN_REQUIRE(data->dtype != RUNG_U8 || (j.axis == 0 && j.quantized == data->rank - 1 && j.axis != j.quantized),
                   "uint8 is gathered along axis 0 and quantised along the last one");
  memcpy(j.dims, data->dims, sizeof j.dims);
  j.dims[data->rank - 1] *= codes;
  RUNG_TRY(spread_scales(p, &j));
  RUNG_TRY(check_zeros(&j, codes));
  bool last = j.axis == data->rank - 1;
  j.count = rung_tensor_count(j.indices);
  j.length = last ? 1 : (size_t)j.dims[data->rank - 1];
  j.rows = last ? 1 : (size_t)rung_tensor_span(data, j.axis + 1, data->rank - 1);
  if (rung_tensor_count(j.y) == 0) return NULL;
  rung_kernel_parallel(call, rung_tensor_count(j.y) / j.length, rung_kernel_grain(4 * j.length), gather_rows, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_GatherBlockQuantized = {
    .types = {{'D', RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_U4) | RUNG_SET(RUNG_I4) | RUNG_SET(RUNG_F4E2M1) |
                        (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0))},
              {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)},
              {'T', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16)}},
    .run = run_GatherBlockQuantized};
