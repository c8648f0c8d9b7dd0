/* One loop, many element types: lists that expand a macro per type.
 *
 * X(op, NAME, stored, computed, load, store): NAME as in RUNG_<NAME>; the element is `stored` in memory and `computed`
 * in arithmetic; load and store convert, rounding once, as ONNX says for the narrow floats. Integers compute in
 * uint64_t where wrapping is wanted (RUNG_EACH_WRAPPING), so that overflow is defined: it wraps. */
#ifndef RUNG_CPU_TYPES_H
#define RUNG_CPU_TYPES_H

#include "base/half.h"

#define RUNG_EACH_FLOAT(X, op)                                  \
  X(op, F32, float, float, , )                                  \
  X(op, F64, double, double, , )                                \
  X(op, F16, uint16_t, float, rung_f16_to_f32, rung_f32_to_f16) \
  X(op, BF16, uint16_t, float, rung_bf16_to_f32, rung_f32_to_bf16)

#define RUNG_EACH_SIGNED(X, op)    \
  X(op, I8, int8_t, int8_t, , )    \
  X(op, I16, int16_t, int16_t, , ) \
  X(op, I32, int32_t, int32_t, , ) \
  X(op, I64, int64_t, int64_t, , )

#define RUNG_EACH_UNSIGNED(X, op)    \
  X(op, U8, uint8_t, uint8_t, , )    \
  X(op, U16, uint16_t, uint16_t, , ) \
  X(op, U32, uint32_t, uint32_t, , ) \
  X(op, U64, uint64_t, uint64_t, , )

#define RUNG_EACH_INTEGER(X, op) RUNG_EACH_SIGNED(X, op) RUNG_EACH_UNSIGNED(X, op)

#define RUNG_EACH_WRAPPING(X, op)                      \
  X(op, I8, int8_t, uint64_t, (uint64_t), (int8_t))    \
  X(op, I16, int16_t, uint64_t, (uint64_t), (int16_t)) \
  X(op, I32, int32_t, uint64_t, (uint64_t), (int32_t)) \
  X(op, I64, int64_t, uint64_t, (uint64_t), (int64_t)) \
  X(op, U8, uint8_t, uint64_t, , (uint8_t))            \
  X(op, U16, uint16_t, uint64_t, , (uint16_t))         \
  X(op, U32, uint32_t, uint64_t, , (uint32_t))         \
  X(op, U64, uint64_t, uint64_t, , (uint64_t))

/* [RUNG_F32] = op_F32, ... in a table of loops */
#define RUNG_TABLE_ENTRY(op, NAME, stored, computed, load, store) [RUNG_##NAME] = op##_##NAME,

enum { RUNG_DTYPE_NUMBERS = 27 }; /* size of a table indexed by element type */

#endif
