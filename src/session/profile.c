#include "session/profile.h"

#include "base/json.h"

void rung__profile_init(rung_profile *profile, const rung_allocator *allocator) {
  *profile = (rung_profile){.allocator = allocator};
  pthread_mutex_init(&profile->lock, NULL);
}

void rung__profile_finish(rung_profile *profile) {
  rung_vec_free(profile->allocator, &profile->events);
  pthread_mutex_destroy(&profile->lock);
}

void rung__profile_clear(rung_profile *profile) {
  pthread_mutex_lock(&profile->lock);
  profile->events.count = 0;
  pthread_mutex_unlock(&profile->lock);
}

/* Parts come in before the node is done. */
static void name_parts(rung_profile *profile, const profile_event *event) {
  for (size_t i = profile->events.count; i-- > 0;) {
    profile_event *part = &profile->events.at[i];
    if (!part->thread || part->node || part->began < event->began) return;
    part->node = event->node;
  }
}

void rung__profile_add(rung_profile *profile, const profile_event *event) {
  pthread_mutex_lock(&profile->lock);
  if (event->node && !event->thread) name_parts(profile, event);
  (void)rung_vec_push(profile->allocator, &profile->events, *event);
  pthread_mutex_unlock(&profile->lock);
}

size_t rung__profile_count(rung_profile *profile) {
  pthread_mutex_lock(&profile->lock);
  size_t count = profile->events.count;
  pthread_mutex_unlock(&profile->lock);
  return count;
}

bool rung__profile_event(rung_profile *profile, size_t index, rung_profile_event *out_event) {
  pthread_mutex_lock(&profile->lock);
  bool found = index < profile->events.count;
  if (found) {
    const profile_event *event = &profile->events.at[index];
    *out_event = (rung_profile_event){.struct_size = out_event->struct_size,
                                      .graph = event->graph,
                                      .provider = event->provider,
                                      .node = event->node ? event->node->name : NULL,
                                      .op_type = event->node ? event->node->op_type : NULL,
                                      .nodes = event->nodes,
                                      .thread = event->thread,
                                      .start_ns = event->began,
                                      .duration_ns = event->ended - event->began};
  }
  pthread_mutex_unlock(&profile->lock);
  return found;
}

void rung__profile_json(rung_profile *profile, rung_text *text) {
  rung_json json;
  rung_json_init(&json, text, 1);
  rung_json_begin_array(&json);
  pthread_mutex_lock(&profile->lock);
  for (size_t i = 0; i < profile->events.count; i++) {
    const profile_event *event = &profile->events.at[i];
    rung_json_begin_object(&json);
    rung_json_put_string(&json, "graph", event->graph);
    rung_json_put_string(&json, "provider", event->provider);
    rung_json_put_string(&json, "node", event->node ? event->node->name : NULL);
    rung_json_put_string(&json, "op_type", event->node ? event->node->op_type : NULL);
    rung_json_put_u64(&json, "nodes", event->nodes);
    rung_json_put_u64(&json, "thread", event->thread);
    rung_json_put_u64(&json, "start_ns", event->began);
    rung_json_put_u64(&json, "duration_ns", event->ended - event->began);
    rung_json_end_object(&json);
  }
  pthread_mutex_unlock(&profile->lock);
  rung_json_end_array(&json);
}
