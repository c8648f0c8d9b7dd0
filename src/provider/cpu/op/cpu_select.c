/* Where, Clip. */
#include "op/elementwise.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/pointwise.h"

#include <float.h>
#include <math.h>

/* Where: elements are moved by their width alone. */

typedef struct where_16 {
  uint64_t low, high;
} where_16;

typedef void (*where_loop)(size_t n, const uint8_t *condition, const void *x, const void *y, void *out,
                           const ptrdiff_t *step);

/* A value that does not repeat, beside a scalar, is what attention masks look like. Both are read before one is chosen:
 * then the loop is vectorised. */
#define WHERE_LOOP(name, type)                                                                                   \
  static void name(size_t n, const uint8_t *c, const void *x, const void *y, void *out, const ptrdiff_t *step) { \
    const type *a = x, *b = y;                                                                                   \
    type *z = out;                                                                                               \
    if (step[0] && step[1] && !step[2])                                                                          \
      for (size_t i = 0; i < n; i++) {                                                                           \
        type first = a[i], second = *b;                                                                          \
        z[i] = c[i] ? first : second;                                                                            \
      }                                                                                                          \
    else if (step[0] && !step[1] && step[2])                                                                     \
      for (size_t i = 0; i < n; i++) {                                                                           \
        type first = *a, second = b[i];                                                                          \
        z[i] = c[i] ? first : second;                                                                            \
      }                                                                                                          \
    else                                                                                                         \
      for (size_t i = 0; i < n; i++, c += step[0], a += step[1], b += step[2]) {                                 \
        type first = *a, second = *b;                                                                            \
        z[i] = *c ? first : second;                                                                              \
      }                                                                                                          \
  }
WHERE_LOOP(where_1, uint8_t)
WHERE_LOOP(where_2, uint16_t)
WHERE_LOOP(where_4, uint32_t)
WHERE_LOOP(where_8, uint64_t)
WHERE_LOOP(where_16_loop, where_16)

static where_loop find_where(size_t size) {
  return size == 1 ? where_1 : size == 2 ? where_2 : size == 4 ? where_4 : size == 8 ? where_8 : where_16_loop;
}

typedef struct where_job {
  where_loop loop;
  const uint8_t *condition;
  const char *x, *y;
  char *out;
  size_t size;
} where_job;

static void where_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const where_job *j = context;
  j->loop(n, j->condition + from[0], j->x + from[1] * j->size, j->y + from[2] * j->size, j->out + at * j->size, step);
}

static void where_into(const rung_kernel_call *call, const rung_tensor *out, void *data) {
  const rung_tensor *in[3] = {rung_in(call, 0), rung_in(call, 1), rung_in(call, 2)};
  size_t size = out->dtype == RUNG_STRING ? sizeof(rung_str) : rung_dtype_size(out->dtype);
  rung_broadcast plan;
  rung_broadcast_make(&plan, out, in, 3);
  where_job job = {find_where(size), in[0]->data, in[1]->data, in[2]->data, data, size};
  rung_broadcast_run(call, &plan, 1, where_row, &job);
}

static rung_status *where_strings(rung_kernel_call *call) {
  const rung_type *type = &call->types[0];
  rung_tensor out;
  RUNG_TRY(rung_tensor_describe(RUNG_STRING, type->rank, type->dims, &out));
  rung_str *strings = rung_alloc_data(call->host->allocator, out.size, "strings");
  RUNG_CHECK_ALLOC(strings);
  where_into(call, &out, strings);
  rung_status *status = rung_kernel_give_strings(call, 0, out.rank, out.dims, strings);
  rung_free(call->host->allocator, strings);
  return status;
}

static rung_status *run_Where(rung_kernel_call *call) {
  const rung_tensor *out = rung_out(call, 0);
  if (rung_in(call, 1)->dtype == RUNG_STRING) return where_strings(call);
  if (out) where_into(call, out, out->data);
  return NULL;
}

const rung_kernel rung_cpu_Where = {.types = {{'T', RUNG_SET_BYTES | RUNG_SET_STRING}}, .run = run_Where};

/* Clip: min(max(x, low), high). NaN stays; a bound that is left out does not bind. */

#define CLIP_LOOP(op, NAME, stored, computed, load, store)                                       \
  static void op##_##NAME(size_t n, const void *in, void *out, const void *bounds) {             \
    const stored *x = in, low = ((const stored *)bounds)[0], high = ((const stored *)bounds)[1]; \
    stored *y = out;                                                                             \
    for (size_t i = 0; i < n; i++) y[i] = RUNG_MIN(RUNG_MAX(x[i], low), high);                   \
  }
RUNG_EACH_INTEGER(CLIP_LOOP, CLIP)

static void CLIP_F64(size_t n, const void *in, void *out, const void *bounds) {
  const double *x = in, low = ((const double *)bounds)[0], high = ((const double *)bounds)[1];
  double *y = out;
  for (size_t i = 0; i < n; i++) {
    double raised = x[i] < low ? low : x[i];
    y[i] = raised > high ? high : raised;
  }
}

/* Lowest and highest value of each type. */
typedef union clip_bounds {
  float f32[2];
  double f64[2];
  int8_t i8[2];
  int16_t i16[2];
  int32_t i32[2];
  int64_t i64[2];
  uint8_t u8[2];
  uint16_t u16[2];
  uint32_t u32[2];
  uint64_t u64[2];
} clip_bounds;
static const clip_bounds widest[RUNG_DTYPE_NUMBERS] = {
    [RUNG_F32].f32 = {-INFINITY, INFINITY},  [RUNG_F16].f32 = {-INFINITY, INFINITY},
    [RUNG_BF16].f32 = {-INFINITY, INFINITY}, [RUNG_F64].f64 = {-INFINITY, INFINITY},
    [RUNG_I8].i8 = {INT8_MIN, INT8_MAX},     [RUNG_I16].i16 = {INT16_MIN, INT16_MAX},
    [RUNG_I32].i32 = {INT32_MIN, INT32_MAX}, [RUNG_I64].i64 = {INT64_MIN, INT64_MAX},
    [RUNG_U8].u8 = {0, UINT8_MAX},           [RUNG_U16].u16 = {0, UINT16_MAX},
    [RUNG_U32].u32 = {0, UINT32_MAX},        [RUNG_U64].u64 = {0, UINT64_MAX}};

static rung_status *read_bound(const rung_kernel_call *call, uint32_t input, clip_bounds *bounds) {
  const rung_tensor *bound = rung_in(call, input);
  rung_narrow narrow;
  if (!bound) return NULL;
  RUNG_RUN_REQUIRE(rung_tensor_count(bound) == 1, "input %u is not a scalar", input);
  if (rung_narrow_of(rung_math_of(call, bound->dtype), bound->dtype, &narrow))
    narrow.widen(1, bound->data, &bounds->f32[input - 1]);
  else
    memcpy((char *)bounds + (input - 1) * bound->size, bound->data, bound->size);
  return NULL;
}

static rung_status *run_Clip(rung_kernel_call *call) {
  static const rung_unary_loop loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, CLIP)[RUNG_F64] =
                                                                CLIP_F64};
  const rung_clip_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  clip_bounds bounds = widest[x->dtype];
  if (call->node->version < 11 && x->dtype == RUNG_F64) bounds = (clip_bounds){.f64 = {(double)p->min, (double)p->max}};
  if (call->node->version < 11 && x->dtype != RUNG_F64) bounds = (clip_bounds){.f32 = {p->min, p->max}};
  RUNG_TRY(read_bound(call, 1, &bounds));
  RUNG_TRY(read_bound(call, 2, &bounds));
  rung_unary_loop loop = loops[x->dtype] ? loops[x->dtype] : rung_math_of(call, x->dtype)->unary[RUNG_MATH_clip];
  return rung_unary_run(call, x, loop, &bounds, 1);
}

const rung_kernel rung_cpu_Clip = {.types = {{'T', RUNG_SET_NUMERIC}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_Clip};
