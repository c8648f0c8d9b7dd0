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

void rung__profile_add(rung_profile *profile, const profile_event *event) {
  pthread_mutex_lock(&profile->lock);
  (void)rung_vec_push(profile->allocator, &profile->events, *event);
  pthread_mutex_unlock(&profile->lock);
}

static void put_text(rung_json *json, const char *key, const char *value) {
  rung_json_key(json, key);
  rung_json_string(json, value);
}

static void put_count(rung_json *json, const char *key, uint64_t value) {
  rung_json_key(json, key);
  rung_json_u64(json, value);
}

void rung__profile_json(rung_profile *profile, rung_text *text) {
  rung_json json;
  rung_json_init(&json, text, 1);
  rung_json_begin_array(&json);
  pthread_mutex_lock(&profile->lock);
  for (size_t i = 0; i < profile->events.count; i++) {
    const profile_event *event = &profile->events.at[i];
    rung_json_begin_object(&json);
    put_text(&json, "graph", event->graph);
    put_text(&json, "provider", event->provider);
    put_text(&json, "node", event->node ? event->node->name : NULL);
    put_text(&json, "op_type", event->node ? event->node->op_type : NULL);
    put_count(&json, "nodes", event->nodes);
    put_count(&json, "start_ns", event->began);
    put_count(&json, "duration_ns", event->ended - event->began);
    rung_json_end_object(&json);
  }
  pthread_mutex_unlock(&profile->lock);
  rung_json_end_array(&json);
}
