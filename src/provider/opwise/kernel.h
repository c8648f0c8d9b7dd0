/* What an operator-by-operator provider supplies: one kernel per operator.
 *
 * Three phases. `pack` runs once per node when it is compiled and sees constant inputs only: it lays out weights. Its
 * result never depends on shapes of other inputs. `prepare` runs once per shape key, when all types are known: it
 * chooses an algorithm and sizes scratch memory. `run` has pointers only.
 *
 * A kernel touches no byte outside its operands, computes the same bits for any number of threads, and is checked
 * against hostile operands: everything that comes from a tensor (indices, sizes) is checked in `run`, what comes from
 * attributes in the definition or in `prepare`. Long loops go through rung_kernel_parallel, which looks at the cancel
 * flag between pieces. */
#ifndef RUNG_PROVIDER_OPWISE_KERNEL_H
#define RUNG_PROVIDER_OPWISE_KERNEL_H

#include "base/value.h"
#include "op/op.h"
#include "rung_provider.h"

typedef struct rung_kernel_call {
  const rung_node *node; /* of a fused step: its main node */
  const void *params;    /* node->params, or the fused step's own */
  uint32_t input_count, output_count;
  rung_value *const *inputs; /* NULL: left out. In pack: NULL unless constant */
  rung_value **outputs;      /* NULL: not wanted, holds strings, or its shape depends on data (see `wanted`) */
  const rung_type *types;    /* of outputs, as inferred, where `outputs` may be NULL; itself NULL where it may not */
  const void *packed;        /* what pack made */
  void *state;               /* kernel->state_size bytes, zeroed before prepare, read-only in run */
  void *scratch;             /* run: aligned for tensors, uninitialised */
  size_t scratch_size;       /* set by prepare */
  const rung_host *host;
  const rung_run *run; /* NULL when folding */
  uint64_t wanted;     /* bit i: output i is wanted; see rung_kernel_wants for those above 63 */
} rung_kernel_call;

enum {
  RUNG_KERNEL_IN_PLACE = 1, /* output 0 may lie where input 0 lies: element i is read before it is written */
  /* Shapes of outputs depend on what only the kernel sees. Without this flag, it is called only when inference tells
   * the shape of every wanted tensor: hostile operands may leave it open. */
  RUNG_KERNEL_OWN_SHAPE = 2,
};

typedef struct rung_kernel {
  /* The element types it takes, per type variable of the signature; ends with variable 0. A variable that is not
   * listed takes any. */
  struct {
    char variable;
    rung_dtypes types;
  } types[4];
  uint32_t flags;
  /* Bit i: input i, when constant, is read by pack alone (which copes with any alignment). Where a bit is set, pack
   * reads the bytes of no other input: nodes share what it makes by these and their attributes (opwise_share.c). */
  uint32_t packs;
  size_t state_size;
  /* (optional) Finer refusals than types: NULL when it can run the node, else why not, in a few words, and a reason. */
  const char *(*refuse)(const rung_node *node, rung_reason *out_reason);
  /* (optional) What it needs and this machine has not (reason `library`), and what mends it; NULL: nothing. */
  const char *(*lacking)(void);
  /* (optional) Does it compute this node in less than float32, because the node allows that? */
  bool (*is_narrow)(const rung_host *host, const rung_node *node);
  rung_status *(*pack)(rung_kernel_call *call, void **out_packed); /* (optional) freed by rung_free */
  rung_status *(*prepare)(rung_kernel_call *call);                 /* (optional) */
  rung_status *(*run)(rung_kernel_call *call);
} rung_kernel;

/* Input or output as tensor; NULL when left out or no tensor. */
static inline const rung_tensor *rung_in(const rung_kernel_call *call, uint32_t index) {
  return index < call->input_count && call->inputs[index] ? &call->inputs[index]->tensor : NULL;
}
static inline rung_tensor *rung_out(const rung_kernel_call *call, uint32_t index) {
  return index < call->output_count && call->outputs[index] ? &call->outputs[index]->tensor : NULL;
}
static inline bool rung_kernel_wants(const rung_kernel_call *call, uint32_t output) {
  if (output >= call->output_count) return false;
  return output < 64 ? call->wanted >> output & 1 : call->node->outputs[output] != NULL;
}

/* Storage for an output whose shape only the kernel knows; nothing (and *out_tensor NULL) when it is not wanted. */
rung_status *rung_kernel_output(rung_kernel_call *call, uint32_t index, rung_dtype dtype, int32_t rank,
                                const int64_t *dims, rung_tensor **out_tensor) RUNG_MUST_CHECK;
/* Hands over a value made otherwise (strings, sequences, ...); takes the reference, also on failure. */
rung_status *rung_kernel_give(rung_kernel_call *call, uint32_t index, rung_value *value) RUNG_MUST_CHECK;
rung_status *rung_kernel_give_strings(rung_kernel_call *call, uint32_t index, int32_t rank, const int64_t *dims,
                                      const rung_str *strings) RUNG_MUST_CHECK;

/* A reference to input `index` that may outlive the run, as an element of a sequence does: a copy where the storage is
 * the plan's or the caller's. */
rung_status *rung_kernel_keep(const rung_kernel_call *call, uint32_t index, rung_value **out_value) RUNG_MUST_CHECK;

/* fn(context, 0, count), in pieces of at least `grain`, on the session's threads. */
static inline void rung_kernel_parallel(const rung_kernel_call *call, size_t count, size_t grain,
                                        void (*fn)(void *context, size_t begin, size_t end), void *context) {
  call->host->parallel(call->host, call->run, count, grain, fn, context);
}
/* Has the run been cancelled, or is it late? To be asked now and then by what one piece does for milliseconds; what it
 * leaves undone then is seen by nobody. */
static inline bool rung_kernel_is_cancelled(const rung_kernel_call *call) {
  return call->run && call->run->cancellable && call->host->cancelled(call->run);
}
/* The same for element `i` of a loop on one thread, over what costs some nanoseconds each: looks at every 65,536th. */
static inline bool rung_kernel_stops_at(const rung_kernel_call *call, size_t i) {
  return i % 65536 == 0 && rung_kernel_is_cancelled(call);
}
/* What a kernel that leaves nothing useful behind says then; the host says why. */
#define RUNG_RUN_GOES_ON(call) RUNG_REQUIRE(!rung_kernel_is_cancelled(call), CANCELLED, "the run was cancelled")
/* Pieces of this many elements are worth a thread, when one element costs about `nanoseconds`. */
static inline size_t rung_kernel_grain(size_t nanoseconds) { return RUNG_MAX(1, 20000 / RUNG_MAX(nanoseconds, 1)); }

/* Negative axes count from the end. The definition has checked the range when it knew the rank; a run checks again. */
rung_status *rung_kernel_axis(int64_t axis, int32_t rank, int32_t *out_axis) RUNG_MUST_CHECK;
/* The elements of an int32 or int64 tensor as int64; LIMIT above `most`. */
rung_status *rung_kernel_ints(const rung_tensor *tensor, int64_t *ints, size_t most, size_t *out_count) RUNG_MUST_CHECK;

#define RUNG_RUN_REQUIRE(condition, ...) RUNG_REQUIRE(condition, INVALID_ARGUMENT, __VA_ARGS__)

#endif
