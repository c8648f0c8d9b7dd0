#include "provider/cpu/form/epilogue.h"

#include <math.h>

bool rung_epilogue_clamp(const rung_activation *activation, rung_tile_f32 *tile) {
  switch (activation->kind) {
    case RUNG_ACTIVATION_NONE:
      return true;
    case RUNG_ACTIVATION_RELU:
      tile->low = 0;
      tile->high = INFINITY;
      break;
    case RUNG_ACTIVATION_CLIP:
      tile->low = activation->alpha;
      tile->high = activation->beta;
      break;
    default:
      return false;
  }
  tile->flags |= RUNG_TILE_CLAMP;
  return true;
}

void rung_epilogue_activate(const rung_math *math, const rung_activation *activation, size_t n, float *x) {
  static const rung_unary_math functions[] = {
      [RUNG_ACTIVATION_CLIP] = RUNG_MATH_clip,
      [RUNG_ACTIVATION_RELU] = RUNG_MATH_relu,
      [RUNG_ACTIVATION_LEAKY_RELU] = RUNG_MATH_leaky_relu,
      [RUNG_ACTIVATION_HARD_SIGMOID] = RUNG_MATH_hard_sigmoid,
      [RUNG_ACTIVATION_HARD_SWISH] = RUNG_MATH_hard_swish,
      [RUNG_ACTIVATION_SIGMOID] = RUNG_MATH_sigmoid,
      [RUNG_ACTIVATION_SILU] = RUNG_MATH_swish,
      [RUNG_ACTIVATION_TANH] = RUNG_MATH_tanh,
      [RUNG_ACTIVATION_GELU] = RUNG_MATH_gelu,
  };
  if (activation->kind == RUNG_ACTIVATION_NONE) return;
  math->unary[functions[activation->kind]](n, x, x, (const float[2]){activation->alpha, activation->beta});
}

void rung_epilogue_load(const rung_math *math, rung_dtype dtype, const void *data, size_t at, size_t n, float *to) {
  if (dtype == RUNG_F32)
    memcpy(to, (const float *)data + at, n * sizeof *to);
  else if (dtype == RUNG_F16)
    math->f16_to_f32(n, (const uint16_t *)data + at, to);
  else
    math->bf16_to_f32(n, (const uint16_t *)data + at, to);
}

void rung_epilogue_store(const rung_math *math, rung_dtype dtype, void *data, size_t at, size_t n, const float *from) {
  if (dtype == RUNG_F32)
    memcpy((float *)data + at, from, n * sizeof *from);
  else if (dtype == RUNG_F16)
    math->f32_to_f16(n, from, (uint16_t *)data + at);
  else
    math->f32_to_bf16(n, from, (uint16_t *)data + at);
}
