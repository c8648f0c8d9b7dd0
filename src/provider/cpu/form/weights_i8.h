/* The form of products of a few rows, whose scale is known when they come, with weights of 8-bit integers: gates of
 * DynamicQuantizeLSTM. Weights (k, n) have a scale and a zero point for each column and are packed once; products are
 * added to floats. Sums are int32 and wrap, as in all products of bytes. */
#ifndef RUNG_CPU_FORM_WEIGHTS_I8_H
#define RUNG_CPU_FORM_WEIGHTS_I8_H

#include "provider/cpu/form/quantized.h"
#include "provider/cpu/kernel/gemm_i8.h"
#include "provider/cpu/kernel/quantize_i8.h"

typedef struct rung_weights_i8 {
  rung_cpu_set features;
  const rung_gemm_i8 *kernel;
  const rung_quantize_table *loops;
  size_t k, n, units;
  size_t tiles;                          /* of columns: what a thread takes at least */
  size_t scales, zeros, columns, panels; /* where they begin in what is packed, which begins with offsets; in int32 */
  size_t size, space;                    /* packed; scratch of a thread; in int32 */
} rung_weights_i8;

/* False when a size overflows. */
bool rung_weights_i8_plan(rung_cpu_set features, size_t k, size_t n, rung_weights_i8 *out) RUNG_MUST_CHECK;

/* Column j is scaled by element first + j * step of `scale`, and so on. */
typedef struct rung_weights_i8_source {
  const uint8_t *bytes; /* (k, n) */
  bool is_signed;
  const rung_tensor *scale, *zero;
  size_t scale_first, scale_step, zero_first, zero_step;
} rung_weights_i8_source;
void rung_weights_i8_pack(const rung_weights_i8 *plan, const rung_weights_i8_source *source, int32_t *packed);

/* Rows of unsigned bytes, and what is added to. */
typedef struct rung_rows_u8 {
  size_t count;
  const uint8_t *bytes; /* (count, k) */
  rung_quantization q;
  float *to; /* (count, n) */
} rung_rows_u8;
/* Tiles [begin, end) of the columns. An element's bits depend neither on the tiles nor on the rows beside it. */
void rung_weights_i8_add(const rung_weights_i8 *plan, const int32_t *packed, const rung_rows_u8 *rows, size_t begin,
                         size_t end, int32_t *space);

#endif
