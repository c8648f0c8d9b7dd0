/* The form of attention: y = softmax(scale q k' + masks) v for every head of every sample, where groups of heads of the
 * queries share a head of keys and values. Computed in float32, or float64 where an operand is, and rounded once. */
#ifndef RUNG_CPU_FORM_ATTENTION_HEADS_H
#define RUNG_CPU_FORM_ATTENTION_HEADS_H

#include "provider/cpu/form/attention_rows.h"
#include "provider/opwise/kernel.h"

/* Element (batch, head, row, 0) of an operand; elements of a row lie side by side. */
typedef struct rung_view {
  const char *data;
  rung_dtype dtype;
  size_t batch, head, row; /* steps in elements */
} rung_view;

static inline size_t rung_view_at(const rung_view *v, size_t batch, size_t head, size_t row) {
  return batch * v->batch + head * v->head + row * v->row;
}

/* (batch, heads, length, size); flat: (batch, length, heads * size). */
static inline rung_view rung_view_of(const void *data, rung_dtype dtype, bool flat, size_t heads, size_t length,
                                     size_t size) {
  rung_view v = {data, dtype, heads * length * size, length * size, size};
  if (flat) v.head = size, v.row = heads * size;
  return v;
}

typedef struct rung_attention {
  const rung_kernel_call *call;
  size_t batch, q_heads, kv_heads, group; /* group: heads of the queries to one of keys */
  size_t q_length, total, head, v_head;   /* rows of queries, of keys; elements of a row of keys, of values */
  bool wide;                              /* computes in double */
  float scale;
  rung_view q, k, v, y;
  rung_attention_rows rows;
} rung_attention;

/* Sizes and views are set, data may be NULL. */
rung_status *rung_attention_scratch(const rung_attention *attention, size_t *out_bytes) RUNG_MUST_CHECK;
/* All is set but rows.math, rows.kernels, rows.q_heads, rows.q_length and rows.total. */
void rung_attention_run(rung_attention *attention, void *scratch);

/* Keys or values of past and present in `to`, (batch, kv_heads, room, size) of the type of `current`: past_lengths[b]
 * rows of `past` (NULL: none), `length` rows of `current`, then zeros. */
void rung_attention_join(const rung_attention *attention, const rung_view *past, const int64_t *past_lengths,
                         const rung_view *current, size_t length, size_t size, size_t room, char *to);

#endif
