#include "guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 64, EDGE_BYTE = 0xe7 };

typedef struct guard_block {
  struct guard_block *next, **link; /* link: what points here */
  void *base;                       /* of the whole allocation */
  size_t size;
  char tag[32]; /* a copy: the library that it lies in may go before the block */
} guard_block;

/* Ends where the guard bytes before the block begin. */
static guard_block *header_of(void *block) { return (guard_block *)((char *)block - EDGE) - 1; }
static char *block_of(guard_block *header) { return (char *)(header + 1) + EDGE; }

static bool is_whole(const char *edge) {
  for (int i = 0; i < EDGE; i++)
    if ((unsigned char)edge[i] != EDGE_BYTE) return false;
  return true;
}

static void look(guard *g, guard_block *header) {
  char *block = block_of(header);
  bool before = is_whole(block - EDGE), after = is_whole(block + header->size);
  if ((before && after) || g->words[0]) return;
  snprintf(g->words, sizeof g->words, "a block of %zu bytes (\"%s\") was written %s its %s", header->size, header->tag,
           before ? "past" : "before", before ? "end" : "beginning");
}

static bool fails(guard *g) {
  if (!atomic_load(&g->counting)) return false;
  return atomic_fetch_add(&g->made, 1) + 1 == atomic_load(&g->fail_at);
}

static void *guard_alloc(void *user, size_t size, size_t align, const char *tag) {
  guard *g = user;
  size_t step = align > EDGE ? align : EDGE, lead = sizeof(guard_block) + EDGE;
  lead += (step - lead % step) % step;
  if (fails(g) || size > SIZE_MAX / 2) return NULL;
  char *base = aligned_alloc(step, lead + (size + EDGE + step - 1) / step * step);
  if (!base) return NULL;
  guard_block *header = header_of(base + lead);
  *header = (guard_block){.link = &g->first, .base = base, .size = size};
  snprintf(header->tag, sizeof header->tag, "%s", tag);
  memset(base + lead - EDGE, EDGE_BYTE, EDGE);
  memset(base + lead, GUARD_FILL, size);
  memset(base + lead + size, EDGE_BYTE, EDGE);
  pthread_mutex_lock(&g->lock);
  header->next = g->first;
  if (g->first) g->first->link = &header->next;
  g->first = header;
  g->alive++;
  pthread_mutex_unlock(&g->lock);
  return base + lead;
}

static void guard_free(void *user, void *block) {
  guard *g = user;
  if (!block) return;
  guard_block *header = header_of(block);
  pthread_mutex_lock(&g->lock);
  look(g, header);
  *header->link = header->next;
  if (header->next) header->next->link = header->link;
  g->alive--;
  pthread_mutex_unlock(&g->lock);
  memset(block, GUARD_FILL, header->size);
  free(header->base);
}

void guard_init(guard *g) {
  *g = (guard){.allocator = {guard_alloc, guard_free, g}};
  pthread_mutex_init(&g->lock, NULL);
}

const char *guard_damage(guard *g) {
  pthread_mutex_lock(&g->lock);
  for (guard_block *header = g->first; header; header = header->next) look(g, header);
  pthread_mutex_unlock(&g->lock);
  return g->words[0] ? g->words : NULL;
}

void guard_left(guard *g, char *words, size_t size) {
  words[0] = 0;
  if (!g->first) return;
  snprintf(words, size, "%zu block%s not given back, the last of %zu bytes (\"%s\")", g->alive,
           g->alive > 1 ? "s were" : " was", g->first->size, g->first->tag);
}

void guard_finish(guard *g) {
  while (g->first) guard_free(g, block_of(g->first));
  pthread_mutex_destroy(&g->lock);
}
