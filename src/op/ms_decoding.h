/* com.microsoft: what speech and text generation have around their networks. */
#ifndef RUNG_OP_MS_DECODING_H
#define RUNG_OP_MS_DECODING_H

#include "op/op.h"

typedef struct rung_unfold_params {
  int64_t dim, size, step;
} rung_unfold_params;

typedef struct rung_ngram_block_params {
  int64_t ngram_size;
} rung_ngram_block_params;

#endif
