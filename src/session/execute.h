/* Running a session: frames, islands, crossings. */
#ifndef RUNG_SESSION_EXECUTE_H
#define RUNG_SESSION_EXECUTE_H

#include "session/instance.h"

/* One attempt at a rung_session_run. */
typedef struct execution {
  rung_instance *instance;
  const rung_run_options *options;
  const atomic_int *cancel_flag; /* the user's, or NULL */
  atomic_int late;               /* the deadline has passed */
  uint64_t deadline;             /* monotonic time; 0: none */
  rung_value **bound;            /* per output of the main graph: the user's memory, or NULL */
  rung_meter *meter;             /* of its tensors, against instance->max_bytes */
  uint64_t crossings, crossed;   /* tensors copied between memories, and their bytes; the run's own thread counts */
  bool profile;
  uint64_t started;
  uint32_t failed_link; /* whose fault a failure is; RUNG_NO_LINK: nobody's among the chain */
  const char *failed_node;
} execution;

/* A value in another memory than the one it was made in. */
typedef struct copy {
  const rung_value *original;
  rung_memory *memory; /* NULL: host */
  rung_value *value;
} copy;

/* The values of one graph while it runs. */
typedef struct frame {
  execution *run;
  const program *program;
  const struct frame *parent; /* of the graph around */
  rung_value **values;        /* by info->index; references */
  rung_fence **fences;        /* by info->index: still being written; owned by `links` of the maker */
  uint32_t *makers;           /* by info->index: the link whose fence that is */
  RUNG_VEC(copy) copies;      /* what crossed into another memory: of its own values, and constants */
} frame;

/* The value of `info` as seen from `f`, in the host's memory or any; borrowed. NULL: left out or not made. */
rung_value *rung__frame_get(const frame *f, const rung_value_info *info);
/* Stores a reference. */
void rung__frame_set(frame *f, const rung_value_info *info, rung_value *value);
/* The same value where the host can read it; waits and copies when needed. */
rung_status *rung__frame_get_host(frame *f, const rung_value_info *info, rung_value **out_value) RUNG_MUST_CHECK;

/* Uninitialised storage for a tensor that counts against the run's limit, in a memory; NULL is the host's. */
rung_status *rung__run_allocate(execution *run, rung_memory *memory, const rung_tensor *like,
                                rung_value **out_value) RUNG_MUST_CHECK;

rung_status *rung__frame_init(frame *f, execution *run, const program *p, const frame *parent) RUNG_MUST_CHECK;
void rung__frame_finish(frame *f);
/* Runs all steps; inputs must be set. */
rung_status *rung__frame_run(frame *f) RUNG_MUST_CHECK;
/* Where a value comes from, and whose fault it is when it is not what the graph says. */
typedef struct value_origin {
  rung_code code;
  const char *what, *who; /* "input \"x\" is int64, the model takes float32" */
} value_origin;
extern const value_origin rung__value_of_user, rung__value_of_provider, rung__value_of_body;

/* Is it of the type that inference found? What only the file claims of a shape is no measure: exporters have been seen
 * to write down scalars for vectors. NULL stands for nothing. */
rung_status *rung__check_value(const value_origin *origin, const rung_value_info *info,
                               const rung_value *value) RUNG_MUST_CHECK;
/* DEADLINE or CANCELLED when the run should end. */
rung_status *rung__execution_check(execution *run) RUNG_MUST_CHECK;

/* control.c: If, Loop, Scan, SequenceMap. */
rung_status *rung__run_control(frame *f, const program_step *step) RUNG_MUST_CHECK;

/* How an attempt went, beside its status. */
typedef struct rung_attempt {
  uint64_t deadline;           /* in: monotonic time; 0: none */
  uint32_t failed_link;        /* out: whose fault the failure is; RUNG_NO_LINK: nobody's among the chain */
  const char *failed_node;     /* out: the first node of its island; may be NULL. The instance's */
  uint64_t crossings, crossed; /* out: tensors copied between memories, and their bytes */
} rung_attempt;

rung_status *rung__instance_run(rung_instance *instance, const rung_run_options *options, rung_value *const *inputs,
                                size_t input_count, rung_value **outputs, size_t output_count,
                                rung_attempt *attempt) RUNG_MUST_CHECK;

/* Can who works in `memory` use a tensor that lies in `there` as it is? NULL is the host's. */
bool rung__memory_reads(const rung_memory *memory, const rung_memory *there);

/* Slots of rung_host. */
rung_status *rung__run_output(const rung_run *run, uint32_t index, rung_dtype dtype, int32_t rank, const int64_t *dims,
                              rung_tensor *out_tensor);
rung_status *rung__run_give(const rung_run *run, uint32_t index, rung_value *value);
int rung__run_cancelled(const rung_run *run);
rung_status *rung__run_charge(const rung_run *run, size_t bytes) RUNG_MUST_CHECK;
void rung__run_uncharge(const rung_run *run, size_t bytes, rung_value *value);
void rung__run_event(const rung_run *run, const rung_node *node, uint64_t began, uint64_t ended);
/* What another thread of the pool did for the node that runs: a slot from 1 on. */
void rung__run_part(const rung_run *run, uint32_t thread, uint64_t began, uint64_t ended);

struct rung_cancel {
  rung_env *env;
  atomic_int flag;
};

#endif
