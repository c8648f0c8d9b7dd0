/* The form of rotary position embeddings: pairs of elements of a head are turned by the angle of their token. Elements
 * behind the pairs stay. */
#ifndef RUNG_CPU_FORM_ROTARY_H
#define RUNG_CPU_FORM_ROTARY_H

#include "provider/cpu/form/attention_heads.h"

typedef struct rung_rotary {
  rung_view x, y;                          /* may be the same */
  size_t batch, heads, length, head, half; /* half: pairs */
  bool interleaved;                        /* pairs are neighbours; else halves */
  const rung_tensor *cosines, *sines;      /* (positions, half); without positions (batch or 1, length, half) */
  const int64_t *positions;                /* (batch, length); negative ones count from the end */
  bool counts_on;                          /* there is one position, that of the first token of every sample */
  /* NULL; or numbers of pairs that each of three streams of positions, (3, batch, length), turns. They follow each
   * other; `woven`: pairs go round, and are the first stream's where another one has had its number. */
  const int64_t *sections;
  bool woven;
  const float *scale; /* of what is turned; NULL: 1 */
} rung_rotary;

/* INVALID_ARGUMENT for a position outside of the caches. */
rung_status *rung_rotary_check(const rung_rotary *rotary) RUNG_MUST_CHECK;
void rung_rotary_run(const rung_kernel_call *call, const rung_rotary *rotary);

#endif
