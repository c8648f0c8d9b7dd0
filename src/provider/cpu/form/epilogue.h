/* What products and convolutions do to their sums before they are stored, as data:
 *
 *     y = activation(s + bias + residual_scale * residual)
 *
 * in this order, so that a fused step gives the bits of the steps it replaces. */
#ifndef RUNG_CPU_FORM_EPILOGUE_H
#define RUNG_CPU_FORM_EPILOGUE_H

#include "base/dtype.h"
#include "op/activation.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/kernel/gemm_f32.h"

typedef struct rung_epilogue {
  const float *bias;    /* NULL: none */
  bool bias_per_row;    /* else per column */
  const void *residual; /* NULL: none; element type and layout of the output */
  float residual_scale;
  rung_activation activation;
} rung_epilogue;

/* Sets flags, low and high of a tile where the kernel can run the activation itself; false when it remains to be run on
 * the stored sums. */
bool rung_epilogue_clamp(const rung_activation *activation, rung_tile_f32 *tile);
/* n elements in place. */
void rung_epilogue_activate(const rung_math *math, const rung_activation *activation, size_t n, float *x);

/* Rows of float32, float16 and bfloat16 as floats, and back. `at`: the first element's number. */
void rung_epilogue_load(const rung_math *math, rung_dtype dtype, const void *data, size_t at, size_t n, float *to);
void rung_epilogue_store(const rung_math *math, rung_dtype dtype, void *data, size_t at, size_t n, const float *from);

#endif
