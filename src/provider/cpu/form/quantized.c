#include "provider/cpu/form/quantized.h"

#include "base/element.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/kernel/isa.h"
#include "provider/cpu/kernel/quantize_i8.h"
#include "provider/cpu/kernel/rows_f32.h"

#include <math.h>

rung_status *rung_quantization_read(const rung_kernel_call *call, uint32_t scale, uint32_t zero,
                                    rung_quantization *out) {
  const rung_tensor *s = rung_in(call, scale), *z = rung_in(call, zero);
  RUNG_RUN_REQUIRE(s && rung_tensor_count(s) == 1, "the scale, input %u, must be one number", scale);
  RUNG_RUN_REQUIRE(!z || rung_tensor_count(z) == 1, "the zero point, input %u, must be one number", zero);
  out->scale = (float)rung_element_get(s->dtype, s->data, 0);
  out->zero = z ? (int32_t)rung_element_get(z->dtype, z->data, 0) : 0;
  return NULL;
}

/* Bytes and floats */

typedef struct bytes_job {
  const rung_quantize_table *loops;
  uint8_t *bytes;
  float *floats;
  rung_quantization q;
  bool is_signed;
} bytes_job;

static bytes_job make_job(const rung_kernel_call *call, const rung_quantization *q, rung_dtype dtype, const void *bytes,
                          const float *floats) {
  return (bytes_job){rung_quantize_for(rung_isa(call->host)), (uint8_t *)bytes, (float *)floats, *q, dtype == RUNG_I8};
}

static void dequantize_bytes(void *context, size_t begin, size_t end) {
  const bytes_job *j = context;
  j->loops->dequantize(end - begin, j->bytes + begin, j->is_signed, j->q.scale, j->q.zero, j->floats + begin);
}

static void quantize_bytes(void *context, size_t begin, size_t end) {
  const bytes_job *j = context;
  j->loops->quantize(end - begin, j->floats + begin, j->q.scale, j->q.zero, j->is_signed ? -128 : 0, j->bytes + begin);
}

enum { GRAIN = 65536 };

void rung_dequantize(const rung_kernel_call *call, const rung_quantization *q, rung_dtype dtype, size_t n,
                     const void *from, float *to) {
  bytes_job job = make_job(call, q, dtype, from, to);
  rung_kernel_parallel(call, n, GRAIN, dequantize_bytes, &job);
}

void rung_quantize(const rung_kernel_call *call, const rung_quantization *q, rung_dtype dtype, size_t n,
                   const float *from, void *to) {
  bytes_job job = make_job(call, q, dtype, to, from);
  rung_kernel_parallel(call, n, GRAIN, quantize_bytes, &job);
}

/* Codes */

void rung_code_table(const rung_kernel_call *call, rung_dtype from_type, const rung_quantization *from,
                     rung_dtype to_type, const rung_quantization *to,
                     void (*fn)(size_t n, const void *x, void *y, const void *p), const void *p,
                     uint8_t table[RUNG_QUANTIZED_CODES]) {
  float floats[RUNG_QUANTIZED_CODES];
  for (int i = 0; i < RUNG_QUANTIZED_CODES; i++) table[i] = (uint8_t)i;
  bytes_job in = make_job(call, from, from_type, table, floats), out = make_job(call, to, to_type, table, floats);
  dequantize_bytes(&in, 0, RUNG_QUANTIZED_CODES);
  if (fn) fn(RUNG_QUANTIZED_CODES, floats, floats, p);
  quantize_bytes(&out, 0, RUNG_QUANTIZED_CODES);
}

typedef struct map_job {
  const uint8_t *table, *from;
  uint8_t *to;
} map_job;

static void map_codes(void *context, size_t begin, size_t end) {
  const map_job *j = context;
  for (size_t i = begin; i < end; i++) j->to[i] = j->table[j->from[i]];
}

void rung_code_map(const rung_kernel_call *call, const uint8_t table[RUNG_QUANTIZED_CODES], size_t n,
                   const uint8_t *from, uint8_t *to) {
  map_job job = {table, from, to};
  rung_kernel_parallel(call, n, GRAIN, map_codes, &job);
}

/* Ranges */

typedef struct range_job {
  const rung_rows_f32 *rows;
  const float *x;
  size_t count;
  float *least, *most; /* per piece */
} range_job;

enum { PIECE = 16384 };

static void find_ranges(void *context, size_t begin, size_t end) {
  const range_job *j = context;
  for (size_t p = begin; p < end; p++) {
    const float *x = j->x + p * PIECE;
    size_t n = RUNG_MIN(PIECE, j->count - p * PIECE);
    j->least[p] = j->rows->least(n, x);
    j->most[p] = j->rows->max(n, x);
  }
}

rung_quantization rung_quantization_of_range(float low, float high) {
  rung_quantization q = {high == low ? 1 : (high - low) / 255, 0};
  float point = rintf(RUNG_CLAMP(0 - low / q.scale, 0, 255));
  q.zero = point >= 0 ? (int32_t)point : 0; /* of NaN, too */
  return q;
}

size_t rung_dynamic_scratch(size_t n) { return 2 * RUNG_DIV_UP(n, PIECE) * sizeof(float); }

rung_quantization rung_dynamic_quantization(const rung_kernel_call *call, size_t n, const float *x, void *scratch) {
  size_t pieces = RUNG_DIV_UP(n, PIECE);
  range_job range = {rung_rows_f32_for(rung_isa(call->host)), x, n, scratch, (float *)scratch + pieces};
  rung_kernel_parallel(call, pieces, 1, find_ranges, &range);
  float low = range.rows->least(pieces, range.least), high = range.rows->max(pieces, range.most);
  return rung_quantization_of_range(low < 0 ? low : 0, high <= 0 ? 0 : high); /* NaN wins in `high` */
}
