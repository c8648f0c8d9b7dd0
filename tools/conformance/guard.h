/* The memory of a trial: an allocator for rung_env_options.allocator that counts, guards both ends of every block, and
 * fails on command. Whatever rung and the provider get from it has to be given back, and nobody may write past its end.
 *
 *     [ before ][ header ][ 64 guard bytes ][ the block ][ 64 guard bytes ]
 *
 * A new block is filled with GUARD_FILL, so that what nobody writes shows; so is one that was freed. Thread-safe. */
#ifndef RUNG_KIT_GUARD_H
#define RUNG_KIT_GUARD_H

#include "rung_types.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { GUARD_FILL = 0xa5, GUARD_WORDS = 256 };

typedef struct guard {
  rung_allocator allocator; /* first: host->allocator->user leads here */
  pthread_mutex_t lock;     /* of what follows, up to the atomics */
  struct guard_block *first;
  size_t alive;
  char words[GUARD_WORDS]; /* the first block that was found damaged; "" for none */
  atomic_bool counting;    /* requests count, and fail, only while it is set */
  atomic_long made;        /* such requests so far */
  atomic_long fail_at;     /* the one, counted from 1, that fails; 0: none */
} guard;

void guard_init(guard *g);
/* Looks at every block that is alive. NULL: all are whole, and so were those that were freed; else what is damaged. */
const char *guard_damage(guard *g);
/* What was not given back, in words; "" when all was. */
void guard_left(guard *g, char *words, size_t size);
/* Frees what was not given back. */
void guard_finish(guard *g);

#endif
