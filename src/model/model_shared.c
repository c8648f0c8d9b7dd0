/* What sessions make of a model's weights and share: packed layouts, mostly. */
#include "base/map.h"
#include "model/model.h"

#include <pthread.h>

typedef struct rung_model_shared {
  pthread_mutex_t lock; /* held while a block is made: packing is seldom contended, and doing it twice is worse */
  rung_map blocks;      /* by key; keys lie in `keys` */
  rung_arena keys;
} shared_blocks;

rung_status *rung__model_shared_init(rung_model *model) {
  shared_blocks *shared = rung_alloc(model->allocator, 1, sizeof *shared, "shared");
  RUNG_CHECK_ALLOC(shared);
  pthread_mutex_init(&shared->lock, NULL);
  rung_map_init(&shared->blocks, model->allocator);
  rung_arena_init(&shared->keys, model->allocator);
  model->shared = shared;
  return NULL;
}

void rung__model_shared_finish(rung_model *model) {
  shared_blocks *shared = model->shared;
  if (!shared) return;
  for (size_t i = 0; i < shared->blocks.capacity; i++)
    if (shared->blocks.entries[i].key.data) rung_free(model->allocator, shared->blocks.entries[i].value);
  rung_map_finish(&shared->blocks);
  rung_arena_finish(&shared->keys);
  pthread_mutex_destroy(&shared->lock);
  rung_free(model->allocator, shared);
}

static rung_status *make_block(rung_model *model, rung_str key, rung_status *(*make)(void *, void **), void *user,
                               void **out_block) {
  char *kept = rung_arena_copy(&model->shared->keys, key.data, key.size);
  RUNG_CHECK_ALLOC(kept);
  RUNG_TRY(make(user, out_block));
  if (rung_map_put(&model->shared->blocks, (rung_str){kept, key.size}, *out_block)) return NULL;
  rung_free(model->allocator, *out_block);
  return rung_status_out_of_memory();
}

rung_status *rung_model_share(rung_model *model, const void *key, size_t key_size,
                              rung_status *(*make)(void *user, void **out_block), void *user, void **out_block) {
  rung_status *status = NULL;
  pthread_mutex_lock(&model->shared->lock);
  void *block = rung_map_get(&model->shared->blocks, (rung_str){key, key_size});
  if (!block) status = make_block(model, (rung_str){key, key_size}, make, user, &block);
  pthread_mutex_unlock(&model->shared->lock);
  if (!status) *out_block = block;
  return status;
}
