/* Arrays of one element type to another, with the meaning of ONNX's Cast. All types but strings and complex numbers.
 *
 *   float to float    one rounding, to nearest, ties to even; see base/half.h for what is out of range
 *   float to integer  towards zero; beyond int64 (uint64 for that type) the nearest end, NaN gives 0; then as:
 *   integer to integer  higher bits are dropped
 *   integer to float  one rounding
 *   to bool           is it other than 0? NaN is */
#ifndef RUNG_CPU_FORM_CONVERT_H
#define RUNG_CPU_FORM_CONVERT_H

#include "base/dtype.h"
#include "base/half.h"

typedef struct rung_convert_rules {
  bool saturate;         /* float8 */
  rung_e8m0_round round; /* float8e8m0 */
} rung_convert_rules;
extern const rung_convert_rules rung_convert_defaults;

/* n elements. Packed types begin at a whole byte; the last byte of the result is filled up with 0. `to` may be `from`
 * when elements of both have the same size. */
void rung_convert(const rung_convert_rules *rules, size_t n, rung_dtype from_type, const void *from, rung_dtype to_type,
                  void *to);
static inline bool rung_convert_takes(rung_dtype dtype) {
  return dtype && !((RUNG_SET_STRING | RUNG_SET_COMPLEX) & RUNG_SET(dtype));
}

static inline int64_t rung_f64_to_i64(double x) {
  if (x >= -0x1p63 && x < 0x1p63) return (int64_t)x;
  return x > 0 ? INT64_MAX : x < 0 ? INT64_MIN : 0;
}
static inline uint64_t rung_f64_to_u64(double x) {
  if (x >= 0x1p63) return x < 0x1p64 ? (uint64_t)x : UINT64_MAX;
  return (uint64_t)rung_f64_to_i64(x);
}

#endif
