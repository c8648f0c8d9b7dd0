/* Element types: facts, sets, and sizes of tensors. */
#ifndef RUNG_BASE_DTYPE_H
#define RUNG_BASE_DTYPE_H

#include "base/alloc.h"

typedef struct rung_dtype_info {
  const char *name;
  int bits;          /* 0 for strings (one rung_str each) */
  const char *numpy; /* "" where .npy has no such type */
} rung_dtype_info;

/* NULL for numbers that are no element type. */
const rung_dtype_info *rung_dtype_facts(rung_dtype dtype);
const char *rung_dtype_name(rung_dtype dtype);
/* By name, also "f32", "i64", ... RUNG_UNDEFINED when unknown. */
rung_dtype rung_dtype_parse(rung_str name);
/* Bytes of one element; 1 for those narrower than a byte. */
size_t rung_dtype_size(rung_dtype dtype);
static inline bool rung_dtype_is_packed(rung_dtype dtype) {
  return dtype == RUNG_U4 || dtype == RUNG_I4 || dtype == RUNG_F4E2M1 || dtype == RUNG_U2 || dtype == RUNG_I2;
}

/* Sets of element types. */
typedef uint32_t rung_dtypes;
#define RUNG_SET(dtype) ((rung_dtypes)1 << (dtype))
#define RUNG_SET_FLOAT (RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16) | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64))
#define RUNG_SET_SIGNED (RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64))
#define RUNG_SET_UNSIGNED (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_U16) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64))
#define RUNG_SET_INTEGER (RUNG_SET_SIGNED | RUNG_SET_UNSIGNED)
#define RUNG_SET_NUMERIC (RUNG_SET_FLOAT | RUNG_SET_INTEGER)
#define RUNG_SET_BOOL RUNG_SET(RUNG_BOOL)
#define RUNG_SET_FLOAT8                                                                                      \
  (RUNG_SET(RUNG_F8E4M3FN) | RUNG_SET(RUNG_F8E4M3FNUZ) | RUNG_SET(RUNG_F8E5M2) | RUNG_SET(RUNG_F8E5M2FNUZ) | \
   RUNG_SET(RUNG_F8E8M0))
#define RUNG_SET_PACKED \
  (RUNG_SET(RUNG_U4) | RUNG_SET(RUNG_I4) | RUNG_SET(RUNG_F4E2M1) | RUNG_SET(RUNG_U2) | RUNG_SET(RUNG_I2))
#define RUNG_SET_COMPLEX (RUNG_SET(RUNG_C64) | RUNG_SET(RUNG_C128))
#define RUNG_SET_STRING RUNG_SET(RUNG_STRING)
/* Everything of whole bytes that can be copied by memcpy. */
#define RUNG_SET_BYTES (RUNG_SET_NUMERIC | RUNG_SET_BOOL | RUNG_SET_FLOAT8 | RUNG_SET_COMPLEX)
#define RUNG_SET_ALL (RUNG_SET_BYTES | RUNG_SET_PACKED | RUNG_SET_STRING)

/* Product of dims; false when one is negative or the product overflows. */
bool rung_shape_count(int32_t rank, const int64_t *dims, size_t *out_count) RUNG_MUST_CHECK;
/* Bytes of `count` elements; false on overflow. */
bool rung_dtype_bytes(rung_dtype dtype, size_t count, size_t *out_bytes) RUNG_MUST_CHECK;

/* Of an existing tensor, whose sizes were checked when it was made. */
size_t rung_tensor_count(const rung_tensor *tensor);
/* Product of dims[from..to). */
static inline int64_t rung_tensor_span(const rung_tensor *tensor, int32_t from, int32_t to) {
  int64_t product = 1;
  for (int32_t i = from; i < to; i++) product *= tensor->dims[i];
  return product;
}
static inline bool rung_tensor_same_shape(const rung_tensor *a, const rung_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}
/* May data be read as an array of its element type? Weights in a mapped file may lie at any byte. */
bool rung_tensor_is_aligned(const rung_tensor *tensor);

#endif
