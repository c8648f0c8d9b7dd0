#include "base/element.h"

#include "base/dtype.h"
#include "base/half.h"

#include <math.h>
#include <string.h>

static int64_t whole(double value, double low, double high) {
  return isnan(value) ? 0 : (int64_t)nearbyint(fmin(fmax(value, low), high));
}

static int8_t to_i8(double x) { return (int8_t)whole(x, INT8_MIN, INT8_MAX); }
static int16_t to_i16(double x) { return (int16_t)whole(x, INT16_MIN, INT16_MAX); }
static int32_t to_i32(double x) { return (int32_t)whole(x, INT32_MIN, INT32_MAX); }
static int64_t to_i64(double x) { return whole(x, (double)INT64_MIN, 0x1.fffffffffffffp62); }
static uint8_t to_u8(double x) { return (uint8_t)whole(x, 0, UINT8_MAX); }
static uint16_t to_u16(double x) { return (uint16_t)whole(x, 0, UINT16_MAX); }
static uint32_t to_u32(double x) { return (uint32_t)whole(x, 0, UINT32_MAX); }
static uint64_t to_u64(double x) { return isnan(x) ? 0 : (uint64_t)nearbyint(fmin(fmax(x, 0), 0x1.fffffffffffffp63)); }
static uint8_t to_bool(double x) { return x != 0; }
static uint8_t to_e8m0(double x) { return rung_f64_to_e8m0(x, RUNG_E8M0_NEAREST, true); }

/* X(element type, stored as, from stored, to stored); of complex numbers the real part comes first */
#define EACH_NUMBER(X)                                  \
  X(F32, float, , (float))                              \
  X(F64, double, , )                                    \
  X(C64, float, , (float))                              \
  X(C128, double, , )                                   \
  X(F16, uint16_t, rung_f16_to_f32, rung_f64_to_f16)    \
  X(BF16, uint16_t, rung_bf16_to_f32, rung_f64_to_bf16) \
  X(I8, int8_t, , to_i8)                                \
  X(I16, int16_t, , to_i16)                             \
  X(I32, int32_t, , to_i32)                             \
  X(I64, int64_t, , to_i64)                             \
  X(U8, uint8_t, , to_u8)                               \
  X(U16, uint16_t, , to_u16)                            \
  X(U32, uint32_t, , to_u32)                            \
  X(U64, uint64_t, , to_u64)                            \
  X(BOOL, uint8_t, , to_bool)                           \
  X(F8E8M0, uint8_t, rung_e8m0_to_f32, to_e8m0)

static bool is_f8(rung_dtype dtype) {
  return dtype == RUNG_F8E4M3FN || dtype == RUNG_F8E4M3FNUZ || dtype == RUNG_F8E5M2 || dtype == RUNG_F8E5M2FNUZ;
}

/* Several to a byte */

typedef struct packed {
  uint8_t *byte;
  int bits, shift;
  bool is_float, is_signed;
} packed;

static packed packed_at(rung_dtype dtype, const void *data, size_t index) {
  int bits = rung_dtype_facts(dtype)->bits;
  size_t per_byte = 8 / (size_t)bits;
  return (packed){.byte = (uint8_t *)data + index / per_byte,
                  .bits = bits,
                  .shift = (int)(index % per_byte) * bits,
                  .is_float = dtype == RUNG_F4E2M1,
                  .is_signed = dtype == RUNG_I4 || dtype == RUNG_I2};
}

static double get_packed(packed p) {
  unsigned code = *p.byte >> p.shift & ((1u << p.bits) - 1);
  if (p.is_float) return rung_f8_to_f32(RUNG_F4E2M1, (uint8_t)code);
  return p.is_signed && code >> (p.bits - 1) ? (double)code - (1 << p.bits) : (double)code;
}

static void set_packed(packed p, double value) {
  double high = (1 << (p.bits - p.is_signed)) - 1, low = p.is_signed ? -high - 1 : 0;
  unsigned mask = (1u << p.bits) - 1;
  unsigned code = p.is_float ? rung_f64_to_f8(RUNG_F4E2M1, value, true) : (unsigned)whole(value, low, high);
  *p.byte = (uint8_t)((*p.byte & ~(mask << p.shift)) | (code & mask) << p.shift);
}

/* Any */

double rung_element_get(rung_dtype dtype, const void *data, size_t index) {
  if (rung_dtype_is_packed(dtype)) return get_packed(packed_at(dtype, data, index));
  const char *at = (const char *)data + index * rung_dtype_size(dtype);
#define GET(NAME, stored, load, store) \
  if (dtype == RUNG_##NAME) {          \
    stored x;                          \
    memcpy(&x, at, sizeof x);          \
    return (double)load(x);            \
  }
  EACH_NUMBER(GET)
  return is_f8(dtype) ? rung_f8_to_f32(dtype, *(const uint8_t *)at) : NAN;
}

void rung_element_set(rung_dtype dtype, void *data, size_t index, double value) {
  if (rung_dtype_is_packed(dtype)) {
    set_packed(packed_at(dtype, data, index), value);
    return;
  }
  char *at = (char *)data + index * rung_dtype_size(dtype);
#define SET(NAME, stored, load, store) \
  if (dtype == RUNG_##NAME) {          \
    stored x = store(value);           \
    memcpy(at, &x, sizeof x);          \
    return;                            \
  }
  EACH_NUMBER(SET)
  if (is_f8(dtype)) *(uint8_t *)at = rung_f64_to_f8(dtype, value, true);
}
