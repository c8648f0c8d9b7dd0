/* Types that rung.h (for programs) and rung_provider.h (for providers) share. Plain data, no functions. */
#ifndef RUNG_TYPES_H
#define RUNG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call says about its outcome. NULL is success. Anything else is owned by the receiver, holds a code,
 * a message and the place of origin, and is freed with rung_status_free. Out-of-memory is a static object,
 * so reporting it cannot fail. */
typedef struct rung_status rung_status;

/* A code tells the caller what to do next; rung_code_advice() says it in words. */
typedef enum rung_code {
#define RUNG_CODE(name, value, advice) RUNG_##name = value,
#include "rung_status_codes.inc"
#undef RUNG_CODE
} rung_code;

/* Element types, numbered as in ONNX's TensorProto.DataType. */
typedef enum rung_dtype {
  RUNG_UNDEFINED = 0,
#define RUNG_DTYPE(name, number, text, bits, numpy) RUNG_##name = number,
#include "rung_dtypes.inc"
#undef RUNG_DTYPE
} rung_dtype;

/* The largest rank of a tensor. Models that need more are refused. */
#define RUNG_MAX_RANK 16

/* A counted string: not NUL-terminated, any bytes (ONNX says UTF-8). */
typedef struct rung_str {
  const char *data;
  size_t size;
} rung_str;

/* Where tensors live. NULL stands for the host's memory; others belong to providers. */
typedef struct rung_memory rung_memory;

/* A dense row-major tensor, as a view: data is borrowed. Elements narrower than a byte are packed, first element in
 * the low bits; strings are an array of rung_str. */
typedef struct rung_tensor {
  rung_dtype dtype;
  int32_t rank;                /* 0 is a scalar */
  int64_t dims[RUNG_MAX_RANK]; /* the first `rank` count, each >= 0 */
  void *data;                  /* NULL only when the tensor has no element */
  size_t size;                 /* of data, in bytes */
  rung_memory *memory;         /* NULL: the host can read data */
} rung_tensor;

typedef enum rung_kind {
  RUNG_NONE = 0, /* unknown type; or an optional that holds nothing */
  RUNG_TENSOR,
  RUNG_SEQUENCE,
  RUNG_MAP,
  RUNG_OPTIONAL,
  RUNG_SPARSE,
} rung_kind;

/* The type of a value before it exists. A dimension >= 0 is known; any other is a symbol: equal symbols are equal
 * sizes, and each unknown size has a symbol of its own. Symbols are far from all real numbers, so that they can stand
 * among the elements of a shape tensor, too. */
#define RUNG_SYMBOL(number) (INT64_MIN + (int64_t)(number))
#define RUNG_IS_SYMBOL(dim) ((dim) < INT64_MIN / 2)
typedef struct rung_type {
  rung_kind kind;
  rung_dtype dtype;                /* TENSOR, SPARSE: the element; MAP: the key */
  int32_t rank;                    /* TENSOR, SPARSE: -1 when unknown */
  int64_t dims[RUNG_MAX_RANK];     /* TENSOR, SPARSE */
  const struct rung_type *element; /* SEQUENCE, OPTIONAL: what it holds; MAP: its values */
  bool is_claimed; /* TENSOR: the shape rests on what the file says of a value that a node makes: it may be wrong */
} rung_type;

/* A run-time value: a tensor, sequence, map or optional. Reference-counted; immutable once made. */
typedef struct rung_value rung_value;

/* Allocation hooks of an environment. `size` > 0, `align` a power of two; `tag` is a static string that names what
 * the block is for. Called from any thread. */
typedef struct rung_allocator {
  void *(*alloc)(void *user, size_t size, size_t align, const char *tag);
  void (*free)(void *user, void *block);
  void *user;
} rung_allocator;

typedef enum rung_log_level { RUNG_LOG_DEBUG, RUNG_LOG_INFO, RUNG_LOG_WARNING, RUNG_LOG_ERROR } rung_log_level;

/* Receives one finished line without newline. Called from any thread, one at a time. */
typedef void (*rung_log_fn)(void *user, rung_log_level level, const char *line);

/* Hears about long work: `done` of `total` (0 when unknown) in `stage`. Returning non-zero cancels. */
typedef int (*rung_progress_fn)(void *user, const char *stage, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif
