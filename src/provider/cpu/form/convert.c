/* Three stages, each left out where nothing is to be done: narrow types are widened to a type of C, that is converted
 * to the type of C which the result is rounded from, and that is rounded. Blocks in between stay in the first cache. */
#include "provider/cpu/form/convert.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/pointwise.h"

#include <math.h>

const rung_convert_rules rung_convert_defaults = {true, RUNG_E8M0_UP};

enum { BLOCK = 512 };
#define SET_C (RUNG_SET_INTEGER | RUNG_SET_BOOL | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64))
#define SET_16 (RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

/* Types of C among each other */

static inline int64_t i64_of(int64_t x) { return x; }
static inline uint64_t u64_of(uint64_t x) { return x; }
static inline int64_t i64_of_float(float x) { return rung_f64_to_i64((double)x); }
static inline uint64_t u64_of_float(float x) { return rung_f64_to_u64((double)x); }

#define TO_FLOAT(to, x) ((to)(x))
#define TO_INTEGER(to, x) \
  ((to)(_Generic((x), float: i64_of_float, double: rung_f64_to_i64, uint64_t: u64_of, default: i64_of)(x)))
#define TO_U64(to, x) (_Generic((x), float: u64_of_float, double: rung_f64_to_u64, default: u64_of)((x)))
#define TO_BOOL(to, x) ((to)((x) != 0))
#define FROM_NUMBER(x) (x)
#define FROM_BOOL(x) ((uint8_t)((x) != 0))

/* Of the integers to 32 bits only the signed ones: the bits of the others are the same (see find_loop). */
#define EACH_PAIR(X, FROM, from, read)          \
  X(FROM, from, read, F32, float, TO_FLOAT)     \
  X(FROM, from, read, F64, double, TO_FLOAT)    \
  X(FROM, from, read, I8, int8_t, TO_INTEGER)   \
  X(FROM, from, read, I16, int16_t, TO_INTEGER) \
  X(FROM, from, read, I32, int32_t, TO_INTEGER) \
  X(FROM, from, read, I64, int64_t, TO_INTEGER) \
  X(FROM, from, read, U64, uint64_t, TO_U64) X(FROM, from, read, BOOL, uint8_t, TO_BOOL)

#define CONVERT_LOOP(FROM, from, read, TO, to, convert)                    \
  static void FROM##_to_##TO(size_t n, const void *source, void *target) { \
    const from *x = source;                                                \
    to *y = target;                                                        \
    for (size_t i = 0; i < n; i++) y[i] = convert(to, read(x[i]));         \
  }
#define CONVERT_ENTRY(FROM, from, read, TO, to, convert) [RUNG_##TO] = FROM##_to_##TO,
#define CONVERT_LOOPS(FROM, from, read)     \
  EACH_PAIR(CONVERT_LOOP, FROM, from, read) \
  static const convert_loop from_##FROM[RUNG_DTYPE_NUMBERS] = {EACH_PAIR(CONVERT_ENTRY, FROM, from, read)};

typedef void (*convert_loop)(size_t n, const void *from, void *to);
CONVERT_LOOPS(F32, float, FROM_NUMBER)
CONVERT_LOOPS(F64, double, FROM_NUMBER)
CONVERT_LOOPS(I8, int8_t, FROM_NUMBER)
CONVERT_LOOPS(I16, int16_t, FROM_NUMBER)
CONVERT_LOOPS(I32, int32_t, FROM_NUMBER)
CONVERT_LOOPS(I64, int64_t, FROM_NUMBER)
CONVERT_LOOPS(U8, uint8_t, FROM_NUMBER)
CONVERT_LOOPS(U16, uint16_t, FROM_NUMBER)
CONVERT_LOOPS(U32, uint32_t, FROM_NUMBER)
CONVERT_LOOPS(U64, uint64_t, FROM_NUMBER)
CONVERT_LOOPS(BOOL, uint8_t, FROM_BOOL)

static const convert_loop *const loops[RUNG_DTYPE_NUMBERS] = {
    [RUNG_F32] = from_F32, [RUNG_F64] = from_F64, [RUNG_I8] = from_I8,    [RUNG_I16] = from_I16,
    [RUNG_I32] = from_I32, [RUNG_I64] = from_I64, [RUNG_U8] = from_U8,    [RUNG_U16] = from_U16,
    [RUNG_U32] = from_U32, [RUNG_U64] = from_U64, [RUNG_BOOL] = from_BOOL};

/* From float to int32 and narrower, when no element is out of int32: there, processors have an instruction. */

static bool fits_i32(size_t n, const float *x) {
  unsigned outside = 0;
  for (size_t i = 0; i < n; i++) outside |= !(fabsf(x[i]) < 0x1p31f);
  return !outside;
}

#define TRUNCATE_LOOP(TO, to)                                                \
  static void truncate_to_##TO(size_t n, const void *source, void *target) { \
    const float *x = source;                                                 \
    to *y = target;                                                          \
    for (size_t i = 0; i < n; i++) y[i] = (to)(int32_t)x[i];                 \
  }
TRUNCATE_LOOP(I8, int8_t)
TRUNCATE_LOOP(I16, int16_t)
TRUNCATE_LOOP(I32, int32_t)

static const convert_loop truncations[RUNG_DTYPE_NUMBERS] = {
    [RUNG_I8] = truncate_to_I8, [RUNG_I16] = truncate_to_I16, [RUNG_I32] = truncate_to_I32};

static convert_loop find_loop(size_t n, rung_dtype from_type, const void *from, rung_dtype to_type) {
  static const rung_dtype same_bits[RUNG_DTYPE_NUMBERS] = {
      [RUNG_U8] = RUNG_I8, [RUNG_U16] = RUNG_I16, [RUNG_U32] = RUNG_I32};
  if (same_bits[to_type]) to_type = same_bits[to_type];
  bool truncated = from_type == RUNG_F32 && truncations[to_type] && fits_i32(n, from);
  return truncated ? truncations[to_type] : loops[from_type][to_type];
}

/* Packed elements */

static unsigned packed_code(const uint8_t *data, int bits, size_t i) {
  unsigned each = 8 / (unsigned)bits;
  return data[i / each] >> (i % each * (unsigned)bits) & ((1u << bits) - 1);
}

static void pack_code(uint8_t *data, int bits, size_t i, unsigned code) {
  unsigned each = 8 / (unsigned)bits, shift = i % each * (unsigned)bits;
  if (shift == 0) data[i / each] = 0;
  data[i / each] |= (uint8_t)((code & ((1u << bits) - 1)) << shift);
}

/* Of the processor, whatever a session's mask takes away: conversions have no host to ask, and round alike everywhere.
 */
static const rung_math *narrow_loops(void) { return rung_math_for(rung_cpu_features()); }

/* First stage */

static rung_dtype widened(rung_dtype dtype) {
  if (SET_C & RUNG_SET(dtype)) return dtype;
  if (dtype == RUNG_U4 || dtype == RUNG_U2) return RUNG_U8;
  return dtype == RUNG_I4 || dtype == RUNG_I2 ? RUNG_I8 : RUNG_F32;
}

static void widen(size_t n, rung_dtype dtype, const void *from, void *to) {
  const uint8_t *codes = from;
  rung_narrow narrow;
  int bits = rung_dtype_facts(dtype)->bits;
  if (rung_narrow_of(narrow_loops(), dtype, &narrow))
    narrow.widen(n, from, to);
  else if (dtype == RUNG_F8E8M0)
    for (size_t i = 0; i < n; i++) ((float *)to)[i] = rung_e8m0_to_f32(codes[i]);
  else if (bits == 8)
    for (size_t i = 0; i < n; i++) ((float *)to)[i] = rung_f8_to_f32(dtype, codes[i]);
  else if (dtype == RUNG_F4E2M1)
    for (size_t i = 0; i < n; i++) ((float *)to)[i] = rung_f8_to_f32(dtype, (uint8_t)packed_code(from, bits, i));
  else {
    unsigned sign = dtype == RUNG_I4 || dtype == RUNG_I2 ? 1u << (bits - 1) : 0;
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)((packed_code(from, bits, i) ^ sign) - sign);
  }
}

/* Last stage */

/* The type that is rounded: one that holds all values of `wide` as far as the target can tell them apart. */
static rung_dtype rounded_from(rung_dtype wide, rung_dtype target) {
  rung_dtypes in_f32 = RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I16) |
                       RUNG_SET(RUNG_U16) | RUNG_SET_BOOL;
  if (SET_C & RUNG_SET(target)) return target;
  if (SET_16 & RUNG_SET(target)) return in_f32 & RUNG_SET(wide) ? RUNG_F32 : RUNG_F64;
  return rung_dtype_is_packed(target) && target != RUNG_F4E2M1 ? RUNG_I8 : RUNG_F64;
}

static void round_f64(const rung_convert_rules *rules, size_t n, const double *x, rung_dtype dtype, void *to) {
  if (dtype == RUNG_F16)
    for (size_t i = 0; i < n; i++) ((uint16_t *)to)[i] = rung_f64_to_f16(x[i]);
  else if (dtype == RUNG_BF16)
    for (size_t i = 0; i < n; i++) ((uint16_t *)to)[i] = rung_f64_to_bf16(x[i]);
  else if (dtype == RUNG_F8E8M0)
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = rung_f64_to_e8m0(x[i], rules->round, rules->saturate);
  else if (dtype == RUNG_F4E2M1)
    for (size_t i = 0; i < n; i++) pack_code(to, 4, i, rung_f64_to_f8(dtype, x[i], true));
  else
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = rung_f64_to_f8(dtype, x[i], rules->saturate);
}

static void round_off(const rung_convert_rules *rules, size_t n, rung_dtype wide, const void *from, rung_dtype dtype,
                      void *to) {
  rung_narrow narrow;
  int bits = rung_dtype_facts(dtype)->bits;
  if (wide == RUNG_F64)
    round_f64(rules, n, from, dtype, to);
  else if (rung_narrow_of(narrow_loops(), dtype, &narrow))
    narrow.narrow(n, from, to);
  else
    for (size_t i = 0; i < n; i++) pack_code(to, bits, i, ((const uint8_t *)from)[i]);
}

/* 64-bit integers to double for one more rounding: what double has no room for becomes one sticky bit. */
static void sticky_f64(size_t n, rung_dtype dtype, const void *from, double *to) {
  const uint64_t *x = from;
  for (size_t i = 0; i < n; i++) {
    bool negative = dtype == RUNG_I64 && x[i] >> 63;
    uint64_t magnitude = negative ? 0 - x[i] : x[i];
    if (magnitude >> 53) magnitude = (magnitude & ~UINT64_C(0x7ff)) | (magnitude & 0x7ff ? 0x800 : 0);
    to[i] = negative ? -(double)magnitude : (double)magnitude;
  }
}

static void convert_block(const rung_convert_rules *rules, size_t n, rung_dtype from_type, const void *from,
                          rung_dtype to_type, void *to) {
  double first[BLOCK], second[BLOCK];
  rung_dtype wide = widened(from_type), last = rounded_from(wide, to_type);
  if (wide != from_type) {
    void *target = wide == to_type ? to : first;
    widen(n, from_type, from, target);
    from = target;
  }
  if (wide != last) {
    void *target = last == to_type ? to : second;
    if (last == RUNG_F64 && to_type != RUNG_F64 && (wide == RUNG_I64 || wide == RUNG_U64))
      sticky_f64(n, wide, from, target);
    else
      find_loop(n, wide, from, last)(n, from, target);
    from = target;
  }
  if (last != to_type) round_off(rules, n, last, from, to_type, to);
}

void rung_convert(const rung_convert_rules *rules, size_t n, rung_dtype from_type, const void *from, rung_dtype to_type,
                  void *to) {
  size_t from_bits = (size_t)rung_dtype_facts(from_type)->bits, to_bits = (size_t)rung_dtype_facts(to_type)->bits;
  if (from_type == to_type) {
    if (n && from != to) memmove(to, from, RUNG_DIV_UP(n * from_bits, 8));
    return;
  }
  for (size_t at = 0; at < n; at += BLOCK)
    convert_block(rules, RUNG_MIN(n - at, BLOCK), from_type, (const char *)from + at * from_bits / 8, to_type,
                  (char *)to + at * to_bits / 8);
}
