/* com.microsoft: attention with projections, biases, padding masks and caches. The heads themselves are those of
 * attention.h. */
#ifndef RUNG_OP_MS_ATTENTION_H
#define RUNG_OP_MS_ATTENTION_H

#include "op/op.h"

/* Attention, QAttention, MultiHeadAttention */
typedef struct rung_ms_attention_params {
  int64_t num_heads, unidirectional, do_rotary, rotary_embedding_dim, past_present_share_buffer;
  float scale;             /* 0: 1 / sqrt(head size) */
  float mask_filter_value; /* what padding adds to a product */
  rung_ints qkv_hidden_sizes;
} rung_ms_attention_params;

/* Sizes that operands agree upon; negative: unknown. */
typedef struct rung_ms_attention_sizes {
  int64_t batch, heads, q_length, kv_length, past, total; /* total: past + kv_length */
  int64_t head, v_head;
} rung_ms_attention_sizes;

/* A mask of int32: (batch) where padding begins, (2 * batch) and then where tokens begin, (batch, total) or
 * (batch, q_length, total) with 1 for what counts. And a bias, (batch or 1, heads or 1, q_length, total). */
rung_status *rung_ms_attention_check_masks(const rung_ms_attention_sizes *sizes, const rung_type *mask,
                                           const rung_type *bias) RUNG_MUST_CHECK;

enum {                 /* MultiHeadAttention */
       RUNG_MHA_QUERY, /* (batch, length, heads * head); or with key and value, (batch, length, heads, 3, head) */
       RUNG_MHA_KEY,   /* the same; with value, (batch, length, heads, 2, head); or (batch, heads, length, head) */
       RUNG_MHA_VALUE,
       RUNG_MHA_BIAS,
       RUNG_MHA_MASK,
       RUNG_MHA_ATTENTION_BIAS,
       RUNG_MHA_PAST_K,
       RUNG_MHA_PAST_V,
       RUNG_MHA_PAST_LENGTH,
       RUNG_MHA_INDIRECTION,
       RUNG_MHA_INPUTS,
};
rung_status *rung_mha_check(const rung_ms_attention_params *params, const rung_type *const types[RUNG_MHA_INPUTS],
                            rung_ms_attention_sizes *out_sizes) RUNG_MUST_CHECK;

enum { /* Attention */
       RUNG_ATT_INPUT,
       RUNG_ATT_WEIGHTS, /* (input size, q, k and v side by side) */
       RUNG_ATT_BIAS,
       RUNG_ATT_MASK,
       RUNG_ATT_PAST, /* (2, batch, heads, length, head) */
       RUNG_ATT_ATTENTION_BIAS,
       RUNG_ATT_PAST_LENGTH,
       RUNG_ATT_INPUTS,
};

enum { /* QAttention */
       RUNG_QATT_INPUT,
       RUNG_QATT_WEIGHTS,
       RUNG_QATT_BIAS,
       RUNG_QATT_SCALE,
       RUNG_QATT_WEIGHT_SCALE,
       RUNG_QATT_MASK,
       RUNG_QATT_ZERO,
       RUNG_QATT_WEIGHT_ZERO,
       RUNG_QATT_PAST,
       RUNG_QATT_INPUTS,
};

/* The operands of either by what they are, in the order of Attention. */
typedef struct rung_projected_types {
  const rung_type *at[RUNG_ATT_INPUTS];
} rung_projected_types;

/* Elements of a row of the projection that are q (as many are k), and v; negative: unknown. */
typedef struct rung_projection {
  int64_t in, qk, v;
} rung_projection;

rung_status *rung_projected_check(const rung_ms_attention_params *params, const rung_projected_types *types,
                                  rung_projection *out_projection, rung_ms_attention_sizes *out_sizes) RUNG_MUST_CHECK;

/* RotaryEmbedding; MRotaryEmbedding, whose pairs are turned by three positions of their token */
typedef struct rung_ms_rotary_params {
  int64_t interleaved, num_heads, rotary_embedding_dim, is_packed_batching, mrope_layout;
  float scale;
  rung_ints mrope_section; /* pairs of each; none: one position */
} rung_ms_rotary_params;
enum { RUNG_ROTARY_X, RUNG_ROTARY_POSITIONS, RUNG_ROTARY_COSINES, RUNG_ROTARY_SINES };

/* GroupQueryAttention */
typedef struct rung_gqa_params {
  int64_t num_heads, kv_num_heads, do_rotary, rotary_interleaved, local_window_size, smooth_softmax, qk_output, causal,
      sliding_window_cache, kv_cache_bit_width;
  float scale, softcap, qk_norm_epsilon;
  int k_quant_type, v_quant_type; /* of the caches: a rung_gqa_quant */
} rung_gqa_params;

enum {
  RUNG_GQA_QUERY, /* (batch, length, heads * head), or with key and value behind in every row */
  RUNG_GQA_KEY,
  RUNG_GQA_VALUE,
  RUNG_GQA_PAST_K, /* (batch, kv heads, room, head) */
  RUNG_GQA_PAST_V,
  RUNG_GQA_LENGTHS, /* (batch): tokens of a sample with the new ones, less one */
  RUNG_GQA_TOTAL,   /* the largest number of tokens of a sample */
  RUNG_GQA_COSINES,
  RUNG_GQA_SINES,
  RUNG_GQA_POSITIONS,
  RUNG_GQA_BIAS,
  RUNG_GQA_SINKS, /* (heads) */
  RUNG_GQA_K_SCALE,
  RUNG_GQA_V_SCALE,
  RUNG_GQA_Q_NORM,
  RUNG_GQA_K_NORM,
  RUNG_GQA_INPUTS,
};
/* Quantised caches hold int8, or two numbers of 4 bits in a uint8: (number + 8), the first in the low bits. */
typedef enum rung_gqa_quant { RUNG_GQA_FLOATS, RUNG_GQA_PER_TENSOR, RUNG_GQA_PER_CHANNEL } rung_gqa_quant;
enum { RUNG_GQA_NO_QK, RUNG_GQA_QK_BEFORE, RUNG_GQA_QK_AFTER }; /* qk_output */

typedef struct rung_gqa_sizes {
  int64_t batch, heads, kv_heads, length, head, past; /* past: room of the cache that comes in */
  bool packed;
} rung_gqa_sizes;
/* The element type of caches; `dtype`: that of the query. And elements of a row of them, for heads of `head`. */
rung_dtype rung_gqa_cache_type(const rung_gqa_params *params, rung_dtype dtype);
int64_t rung_gqa_cache_row(const rung_gqa_params *params, int64_t head);
rung_status *rung_gqa_check(const rung_gqa_params *params, const rung_type *const types[RUNG_GQA_INPUTS],
                            rung_gqa_sizes *out_sizes) RUNG_MUST_CHECK;

#endif
