/* The form of matrices B (K, N) whose elements are codes of 2, 4 or 8 bits in blocks along K: element = (code - zero) *
 * scale, each column with a scale and a zero per block. Kept as codes, laid out so that a panel for the kernels of
 * gemm_f32.h is made of neighbours:
 *
 *     for every `width` columns: K rows of width * bits / 8 bytes. Part p of byte i (from the low bits) is column
 *     p * (width * bits / 8) + i; then scales and zeros as floats, [blocks][width] each. */
#ifndef RUNG_CPU_FORM_NBITS_H
#define RUNG_CPU_FORM_NBITS_H

#include "base/dtype.h"
#include "base/status.h"
#include "provider/cpu/kernel/nbits_f32.h"

typedef struct rung_nbits {
  const rung_nbits_f32 *kernel;
  size_t n, k, bits, block, blocks; /* blocks of a column */
  size_t width, panels, row_bytes;  /* of a panel */
  size_t panel_bytes;               /* codes, scales and zeros */
  size_t size;                      /* of all */
} rung_nbits;

/* A matrix as operators give it: codes (n, blocks, block * bits / 8), the first in the low bits; scales (n, blocks) and
 * zeros of any float type, or uint8: packed like the codes, row by row. zeros NULL: 2^(bits - 1). */
typedef struct rung_nbits_source {
  const uint8_t *codes;
  const rung_tensor *scales, *zeros;
  size_t first; /* row of scales and of zeros that belongs to column 0 */
} rung_nbits_source;

/* Code number i of a run that begins at a whole byte. */
static inline unsigned rung_nbits_code(const uint8_t *codes, size_t bits, size_t i) {
  size_t each = 8 / bits;
  return (unsigned)codes[i / each] >> (i % each * bits) & ((1u << bits) - 1);
}
/* Element `at` of scales or zeros, which may lie at any address. */
float rung_nbits_number(const rung_tensor *t, size_t at);

/* Sizes; false when they overflow. */
bool rung_nbits_make(rung_cpu_set features, size_t n, size_t k, size_t bits, size_t block, rung_nbits *out);
/* Bytes of a column's codes, and of its packed zeros. */
size_t rung_nbits_code_bytes(const rung_nbits *plan);
size_t rung_nbits_zero_bytes(const rung_nbits *plan);
/* All of it into `packed`, plan->size bytes aligned for floats; the source may lie at any address. */
void rung_nbits_pack(const rung_nbits *plan, const rung_nbits_source *source, void *packed);

/* B of a rung_gemm_run whose plan has fill_b = rung_nbits_fill, multiply_b = rung_nbits_multiply. */
typedef struct rung_nbits_matrix {
  const rung_nbits *plan;
  const void *packed;
  const int32_t *groups; /* NULL: block k / plan->block; else the block that row k has its scale and zero of */
} rung_nbits_matrix;
void rung_nbits_fill(const void *b, size_t column, size_t width, size_t from, size_t depth, float *to);
void rung_nbits_multiply(const void *b, size_t column, size_t panels, size_t from, size_t depth, const float *a,
                         float *sums);

#endif
