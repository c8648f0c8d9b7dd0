/* What a profiled run did: one event per step, and per node where the provider tells. */
#ifndef RUNG_SESSION_PROFILE_H
#define RUNG_SESSION_PROFILE_H

#include "base/str.h"
#include "rung_graph.h"

#include <pthread.h>

typedef struct profile_event {
  const char *graph, *provider; /* the session's */
  const rung_node *node;        /* NULL: a whole island */
  const rung_node *first;       /* of that island */
  uint32_t nodes;
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
/* An event that finds no memory is left out: a run does not fail for its profile. */
void rung__profile_add(rung_profile *profile, const profile_event *event);
void rung__profile_json(rung_profile *profile, rung_text *text);

#endif
