/* 8-bit integers that stand for floats, x = (q - zero) * scale, with one scale for a whole tensor: to floats, from
 * floats, from one scale to another, and the scale that fits a tensor. */
#ifndef RUNG_CPU_FORM_QUANTIZED_H
#define RUNG_CPU_FORM_QUANTIZED_H

#include "provider/opwise/kernel.h"

typedef struct rung_quantization {
  float scale;
  int32_t zero;
} rung_quantization;

enum { RUNG_QUANTIZED_CODES = 256 };

/* From two inputs; the second, when left out, counts as 0. INVALID_ARGUMENT unless each is one number. */
rung_status *rung_quantization_read(const rung_kernel_call *call, uint32_t scale, uint32_t zero,
                                    rung_quantization *out) RUNG_MUST_CHECK;

/* n elements of type U8 or I8, on all threads. */
void rung_dequantize(const rung_kernel_call *call, const rung_quantization *q, rung_dtype dtype, size_t n,
                     const void *from, float *to);
void rung_quantize(const rung_kernel_call *call, const rung_quantization *q, rung_dtype dtype, size_t n,
                   const float *from, void *to);

/* What the 256 codes of a type become: as floats by `from`, by way of `fn` (NULL: none), as codes by `to`. Entry i is
 * for the code with the bits i. */
void rung_code_table(const rung_kernel_call *call, rung_dtype from_type, const rung_quantization *from,
                     rung_dtype to_type, const rung_quantization *to,
                     void (*fn)(size_t n, const void *x, void *y, const void *p), const void *p,
                     uint8_t table[RUNG_QUANTIZED_CODES]);
/* to[i] = table[from[i]], on all threads. */
void rung_code_map(const rung_kernel_call *call, const uint8_t table[RUNG_QUANTIZED_CODES], size_t n,
                   const uint8_t *from, uint8_t *to);

/* DynamicQuantizeLinear's choice for uint8: the range of x, with 0 in it, on 256 codes. */
size_t rung_dynamic_scratch(size_t n);
/* For a range that 0 lies in. */
rung_quantization rung_quantization_of_range(float low, float high);
rung_quantization rung_dynamic_quantization(const rung_kernel_call *call, size_t n, const float *x, void *scratch);

#endif
