/* The form of caches of keys or values that are kept as small numbers: those of a past are taken over, new ones are
 * quantised behind them, and all are made floats for attention. number = round(x / scale), in 8 bits, or in 4 as
 * number + 8, the first of two in the low bits. */
#ifndef RUNG_CPU_FORM_CACHE_CODES_H
#define RUNG_CPU_FORM_CACHE_CODES_H

#include "provider/cpu/form/attention_heads.h"
#include "provider/cpu/form/cpu_math.h"

typedef struct rung_cache_codes {
  size_t batch, heads, room, head; /* of the joined cache (batch, heads, room, head) */
  size_t bits;                     /* 4: `head` is even */
  const float *scales;             /* one, or (heads, head) */
  bool per_channel;
  const char *past; /* (batch, heads, past_room, head); NULL: none */
  size_t past_room;
  const int64_t *past_lengths; /* rows of the past that count, by sample */
  rung_view current;           /* (batch, heads, length, head) */
  size_t length;
  char *codes;           /* the joined cache, 0 behind the rows that count */
  float *floats;         /* the same */
  const rung_math *math; /* set by the function */
} rung_cache_codes;

void rung_cache_codes_join(const rung_kernel_call *call, const rung_cache_codes *cache);

#endif
