/* com.microsoft: layer normalisations fused with what stands before them. */
#ifndef RUNG_OP_MS_NORMALIZE_H
#define RUNG_OP_MS_NORMALIZE_H

#include "op/op.h"

typedef struct rung_skip_norm_params {
  float epsilon;
} rung_skip_norm_params;

typedef struct rung_embed_norm_params {
  float epsilon;
  int64_t mask_index_type;
} rung_embed_norm_params;

enum {
  RUNG_EMBED_WORDS,
  RUNG_EMBED_SEGMENTS, /* optional */
  RUNG_EMBED_WORD_TABLE,
  RUNG_EMBED_POSITION_TABLE,
  RUNG_EMBED_SEGMENT_TABLE, /* optional */
  RUNG_EMBED_GAMMA,
  RUNG_EMBED_BETA,
  RUNG_EMBED_MASK,      /* optional */
  RUNG_EMBED_POSITIONS, /* optional; not of QEmbedLayerNormalization */
};
/* QEmbedLayerNormalization: scale and zero point of the word table, the position table, the segment table (optional),
 * gamma and beta, in this order. */
enum { RUNG_QEMBED_SCALES = 8, RUNG_QEMBED_ZEROS = 13, RUNG_QEMBED_TABLES = 5 };

#endif
