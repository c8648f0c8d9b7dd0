/* What a profiled run did: one event per step, per node where the provider tells, and per thread that helped. */
#ifndef RUNG_SESSION_PROFILE_H
#define RUNG_SESSION_PROFILE_H

#include "base/str.h"
#include "rung.h"
#include "rung_graph.h"

#include <pthread.h>

typedef struct profile_event {
  const char *graph, *provider; /* the session's */
  const rung_node *node;        /* NULL: a whole island */
  const rung_node *first;       /* of that island */
  uint32_t nodes;
  uint32_t thread;       /* 0: the caller's; else a slot of the pool: its part of a loop of `node` */
  uint64_t began, ended; /* nanoseconds since the run began */
} profile_event;

/* The events of the last profiled run; several threads may add. */
typedef struct rung_profile {
  const rung_allocator *allocator;
  pthread_mutex_t lock;
  RUNG_VEC(profile_event) events;
} rung_profile;

void rung__profile_init(rung_profile *profile, const rung_allocator *allocator);
void rung__profile_finish(rung_profile *profile);
void rung__profile_clear(rung_profile *profile);
/* An event that finds no memory is left out: a run does not fail for its profile. A node's event names the parts of
 * other threads that came while it ran. */
void rung__profile_add(rung_profile *profile, const profile_event *event);
size_t rung__profile_count(rung_profile *profile);
/* false: there is no such event. */
bool rung__profile_event(rung_profile *profile, size_t index, rung_profile_event *out_event);
void rung__profile_json(rung_profile *profile, rung_text *text);

#endif
