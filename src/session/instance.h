/* An instance: a model and a chain, placed and compiled; what a session runs. See instance.c for the story, session.h
 * for how a session chooses among instances. Immutable once it is made, but for counters and the profile. */
#ifndef RUNG_SESSION_INSTANCE_H
#define RUNG_SESSION_INSTANCE_H

#include "base/str.h"
#include "graph/passes.h"
#include "session/chain.h"
#include "session/contract.h"
#include "session/env.h"
#include "session/profile.h"
#include "session/store.h"

#define RUNG_NO_LINK UINT32_MAX /* the instance itself ("host") runs it */

typedef struct rung_instance rung_instance;

/* Placement of one node. */
typedef struct node_place {
  uint32_t link;  /* in the chain; RUNG_NO_LINK: the session drives it */
  uint32_t rank;  /* nodes of one link and rank are one island */
  uint32_t group; /* 0: none; nodes of one group are placed together, and run in one go */
  int32_t island; /* in program->steps; -1 before */
  bool by_host;   /* shape arithmetic that no provider took */
} node_place;

/* Why a provider refused a node. */
typedef struct refusal {
  const rung_node *node;
  uint32_t link;
  rung_reason reason;
  const char *words;
  bool by_compile; /* then it stands when claims are asked for again */
} refusal;

/* What the engine cache has to do with an island. */
typedef struct step_cache {
  const char *state; /* as in rung_plan_island.cache */
  const char *words; /* why it is not kept; NULL */
  const char *key;   /* the name of its entry; NULL when it has none */
  rung_str fields;   /* that make the key, as in entry.h */
  size_t field_count;
  stored_entry loaded; /* what the executable was loaded from, and may still use */
  rung_shelf *shelf;   /* its parts, see cache_parts.c */
  store_turn turn;     /* to make its entry; held only while it compiles */
} step_cache;

/* The engine cache of an instance, see cache.h. */
typedef struct engine_cache {
  const char *folder; /* as it was asked for; NULL: the cache is off */
  const char *why;    /* why it is not used, or not written any more; NULL: all is well */
  bool usable, peeks; /* peeks: nothing is compiled, only looked for */
  uint64_t most_wait; /* nanoseconds for others that compile the same island */
  atomic_bool writes; /* false once one has failed, also in a run */
  rung_store store;   /* when usable */
} engine_cache;

/* Who hears about compiling, besides instance->progress, and how far it is. */
typedef struct compile_watch {
  rung_cancel *cancel; /* the user's; while the session is created */
  rung_compiling_fn compiling;
  void *compiling_user;
  size_t island, island_count;
} compile_watch;

typedef struct compile_job compile_job;

/* One island or one driven node, in the order of execution. */
typedef struct program_step {
  uint32_t link; /* RUNG_NO_LINK: a control-flow node */
  bool by_host;  /* as in node_place */
  uint32_t node_count;
  rung_node **nodes; /* in the order of the graph */
  rung_graph *island;
  bool *shape_only; /* per input of the island: only its shape is read */
  void *executable;
  uint32_t running; /* runs of it at this moment, when its provider limits them; under session->gate_lock */
  rung_node *node;  /* control flow */
  struct program **bodies;
  size_t body_count;
  uint32_t *dead; /* values of the graph that nobody reads after this step */
  size_t dead_count;
  char description[128];
  step_cache cache;
} program_step;

/* What a graph has become. */
typedef struct program {
  rung_graph *graph;
  const char *path;   /* "" for the main graph, else "node/attribute/..." */
  node_place *places; /* per node of the graph */
  program_step *steps;
  size_t step_count;
  uint32_t group_count;
} program;

struct rung_instance {
  rung_env *env;
  rung_model *model;
  rung_host host;   /* what providers get */
  rung_arena arena; /* places, programs, texts */
  rung_chain chain;
  rung_contract contract;
  rung_ir *ir;
  rung_passes passes;
  RUNG_VEC(refusal) refusals;
  program *main;
  uint32_t host_link; /* runs shape arithmetic that nobody took: a link behind the chain, or RUNG_NO_LINK */
  uint32_t listed;    /* links that the user listed; those behind are the host's */
  rung_plan plan;
  const char *choice; /* what the cost rule said; NULL: it was not asked */
  double expected_ns; /* of a run, by the figures; 0: unknown */
  bool plan_only;     /* nothing is compiled */
  bool inspect_only;  /* the same, and nothing is demanded of the chain */
  bool expanding;     /* placing met a node that is to be expanded: it starts again when that is done */
  bool offline;       /* what cannot be used claims by its table */
  bool compiled;
  bool relaxed;     /* the contract lacks terms of its, as it is an interim one */
  const char *lock; /* that the plan is held to, the session's text; NULL: none */
  bool lock_warns;
  uint64_t max_loop_trips, max_bytes;
  _Atomic uint64_t runs; /* of islands */
  rung_progress_fn progress;
  void *progress_user;
  pthread_mutex_t gate_lock; /* of program_step.running */
  pthread_cond_t gate;
  rung_profile profile;
  engine_cache cache;
  compile_watch watch;
  compile_job *job; /* an engine that did not stop when it was asked to, and still works for this instance */
};

/* Links of the chain that are out of service, and why: they count as skipped. */
typedef struct rung_outage {
  uint32_t links; /* bit i: link i */
  const char *whys[RUNG_MOST_LINKS];
  bool
      interim; /* only until one of them is compiled: the contract's shares are not asked of it (rung_contract_relax) */
} rung_outage;

/* The first half: an instance up to its claims. `outage` may be NULL. */
rung_status *rung__instance_plan(rung_env *env, rung_model *model, const rung_session_options *options,
                                 const rung_outage *outage, rung_instance **out_instance) RUNG_MUST_CHECK;
/* The second half, unless it only plans. After a failure the instance can only be freed. */
rung_status *rung__instance_compile(rung_instance *instance) RUNG_MUST_CHECK;
/* Both. */
rung_status *rung__instance_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                   const rung_outage *outage, rung_instance **out_instance) RUNG_MUST_CHECK;
/* Frees what it runs with and closes its providers; plan and graph can still be read. No run may be under way. */
void rung__instance_retire(rung_instance *instance);
void rung__instance_free(rung_instance *instance);

/* CANCELLED when the user has cancelled the creation of the session; `user` is the instance. */
rung_status *rung__instance_go_on(void *user) RUNG_MUST_CHECK;

/* host.c */
void rung__host_init(rung_instance *instance, const rung_session_options *options);
/* pin.c: which nodes the user keeps to which provider. */
rung_status *rung__pin_nodes(rung_instance *instance, const rung_pin *pins, size_t count) RUNG_MUST_CHECK;
/* place.c: who runs each node. */
rung_status *rung__place(rung_instance *instance) RUNG_MUST_CHECK;
/* The passes over the graph, once it is built and whenever placing has marked nodes that are to be expanded. */
rung_status *rung__optimize(rung_instance *instance) RUNG_MUST_CHECK;
/* program.c: islands are cut out of the graphs, and become executables. */
rung_status *rung__cut_islands(rung_instance *instance) RUNG_MUST_CHECK;
rung_status *rung__compile(rung_instance *instance) RUNG_MUST_CHECK;
void rung__free_programs(rung_instance *instance);
/* cost.c: islands that are not worth their crossings are given back; `figures` as rung_session_figures writes them. */
rung_status *rung__weigh_costs(rung_instance *instance, const char *figures) RUNG_MUST_CHECK;
/* plan.c: the decision as structs, measured by the contract. */
rung_status *rung__plan_make(rung_instance *instance) RUNG_MUST_CHECK;

#endif
