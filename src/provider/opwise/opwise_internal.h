/* Shared by opwise_call.c (one step on values), opwise_plan.c (plans, from one walk) and executor.c (runs them). */
#ifndef RUNG_PROVIDER_OPWISE_INTERNAL_H
#define RUNG_PROVIDER_OPWISE_INTERNAL_H

#include "base/arena.h"
#include "base/str.h"
#include "provider/opwise/executor.h"

#include <pthread.h>

#define RUNG_NO_SLOT UINT32_MAX

/* One step, its operands as slot numbers. */
typedef struct opwise_step {
  rung_step step;
  uint32_t *inputs, *outputs; /* RUNG_NO_SLOT: left out */
  void *packed;
  bool shares_packed; /* it is the model's */
} opwise_step;

/* Where a slot's value lies during a run. */
typedef enum slot_place {
  SLOT_CONSTANT, /* weights, or folded for this shape key */
  SLOT_INPUT,    /* the caller's */
  SLOT_OUTPUT,   /* the host's storage for an output, asked for when the run starts */
  SLOT_ARENA,
  SLOT_DYNAMIC, /* made during the run */
} slot_place;

typedef struct plan_slot {
  slot_place place;
  rung_tensor tensor; /* ARENA, OUTPUT: its type; INPUT: its shape */
  size_t offset;      /* ARENA: from the start of the arena */
  uint32_t index;     /* INPUT, OUTPUT: which */
  uint32_t alias;     /* the slot whose storage it shares; itself when none */
  rung_value *constant;
  uint32_t last_use; /* step */
} plan_slot;

typedef struct plan_step {
  bool folded; /* nothing to run */
  bool is_static;
  bool view; /* output 0 is input 0 */
  void *state;
  size_t scratch_offset, scratch_size;
} plan_step;

typedef struct workspace {
  struct workspace *next;
  char *arena;
  rung_value *values;    /* per slot: the header for ARENA and OUTPUT slots */
  rung_value **slots;    /* per slot: what it holds now */
  rung_value **operands; /* room for one call */
} workspace;

/* What a plan was made for: one input's kind, element type and shape. */
typedef struct plan_key {
  rung_kind kind; /* NONE: left out */
  rung_tensor tensor;
} plan_key;

/* Everything that one set of input shapes decides. */
typedef struct opwise_plan {
  struct opwise_plan *next;
  uint64_t hash;
  plan_key *key;    /* per island input */
  rung_arena arena; /* of what follows */
  plan_slot *slots;
  plan_step *steps;
  size_t arena_size;
  workspace *idle; /* under the executable's lock */
  uint64_t used_at;
  uint32_t users;
} opwise_plan;

struct rung_opwise {
  const rung_host *host;
  const rung_graph *island;
  rung_arena arena;
  uint32_t step_count, slot_count, most_operands;
  opwise_step *steps;
  rung_value_info **infos;    /* per slot */
  rung_value **constants;     /* per slot: aligned constant, or NULL */
  uint32_t *inputs, *outputs; /* slots of the island's */
  pthread_mutex_t lock;       /* plans and their idle workspaces */
  opwise_plan *plans;
  uint32_t plan_count;
  uint64_t clock;
};

/* Counts bytes against the limit of the run; `run` NULL: folding, which has its own. */
rung_status *rung__opwise_charge(const rung_host *host, const rung_run *run, size_t bytes) RUNG_MUST_CHECK;
void rung__opwise_uncharge(const rung_host *host, const rung_run *run, size_t bytes, rung_value *value);
/* A tensor in memory of its own that is charged to the run. */
rung_status *rung__opwise_new_tensor(const rung_host *host, const rung_run *run, rung_dtype dtype, int32_t rank,
                                     const int64_t *dims, rung_value **out_value) RUNG_MUST_CHECK;
rung_status *rung__opwise_make_plan(rung_opwise *e, const rung_run *run, opwise_plan **out_plan) RUNG_MUST_CHECK;
void rung__opwise_free_plan(rung_opwise *e, opwise_plan *plan);
void rung__opwise_free_workspace(const rung_allocator *allocator, workspace *w);

/* What a kernel is called with, as far as the step tells; `run` may be NULL. */
static inline rung_kernel_call rung__opwise_kernel_call(const rung_step *step, rung_value *const *inputs,
                                                        rung_value **outputs, const rung_host *host,
                                                        const rung_run *run) {
  return (rung_kernel_call){.node = step->node,
                            .params = step->params,
                            .input_count = step->input_count,
                            .output_count = step->output_count,
                            .inputs = inputs,
                            .outputs = outputs,
                            .host = host,
                            .run = run};
}

/* Infers and runs a step on values that are all there; `run` may be NULL. `outputs` come as NULLs, and become new
 * references on success. */
rung_status *rung__opwise_call(const rung_host *host, const rung_run *run, const rung_step *step, const void *packed,
                               rung_value *const *inputs, rung_value **outputs) RUNG_MUST_CHECK;

/* Infers the outputs of a step from operands. types and known have room for step->output_count. */
rung_status *rung__opwise_infer(rung_arena *arena, const rung_step *step, const rung_operand *operands,
                                rung_type *types, rung_known *known) RUNG_MUST_CHECK;

/* opwise_share.c: names what a step packs of its constants (`inputs`, as the kernel gets them). Steps of one name, in
 * any session of the model, share it. False: it is the step's own. */
bool rung__opwise_share_key(const rung_host *host, const rung_step *step, rung_value *const *inputs, rung_text *key);

#endif
