/* The provider interface: everything that an execution provider needs, and all it gets.
 *
 * A provider is a table of functions, rung_provider_api. The built-in ones are found by their folder; one in a library
 * of its own exports
 *
 *     const rung_provider_api *rung_provider_entry(void);
 *
 * and links nothing of rung's: whatever it needs from the host comes through the table rung_host.
 *
 * Life of a provider: probe (can it run here? no side effects) -> open (once per session that lists it) -> claim
 * (which nodes?) -> compile (an island of claimed nodes becomes an executable; may refuse nodes after all), or load
 * (one that was saved earlier) -> run -> free_executable -> close.
 *
 * Ownership: what you create you own; what you read from an argument is borrowed for the call, except that an island
 * lives until its executable is freed. Threads: probe to compile are called by one thread at a time for one provider
 * object; run by up to `max_runs` threads at once on one executable. A status that a function returns is NULL for
 * success; make others with host->error.
 *
 * Version 0: may still change. From version 1 on the tables only grow at the end. */
#ifndef RUNG_PROVIDER_H
#define RUNG_PROVIDER_H

#include "rung_graph.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RUNG_PROVIDER_ABI 0

/* Does a table built by another version have this slot, and is it filled? */
#define RUNG_HAS(table, slot) \
  ((table)->struct_size >= offsetof(rung_provider_api, slot) + sizeof((table)->slot) && (table)->slot)

typedef enum rung_reason {
#define RUNG_REASON(name, value, text, meaning) RUNG_REASON_##name = value,
#include "rung_reasons.inc"
#undef RUNG_REASON
} rung_reason;

/* The steps from "we have heard of it" to "it runs here". The first that fails is the provider's state. */
typedef enum rung_state {
  RUNG_STATE_KNOWN,  /* there is a descriptor */
  RUNG_STATE_BUILT,  /* this build of rung holds its code */
  RUNG_STATE_FOUND,  /* the vendor's library is on this machine */
  RUNG_STATE_LINKS,  /* it and all it needs can be loaded, in a version that fits */
  RUNG_STATE_DRIVER, /* the driver is there and new enough */
  RUNG_STATE_DEVICE, /* there is a device, and we may use it */
  RUNG_STATE_USABLE,
} rung_state;

typedef struct rung_host rung_host;
typedef struct rung_claims rung_claims; /* opaque: collects answers */
typedef struct rung_report rung_report; /* opaque: collects what probe finds */
typedef struct rung_sink rung_sink;
typedef struct rung_identity rung_identity; /* opaque: collects what saved executables depend on */
typedef struct rung_shelf rung_shelf;       /* opaque: where parts of one executable are kept */

/* One `key=value` of a provider's options, in the order of the chain. */
typedef struct rung_option {
  const char *key, *value;
} rung_option;

typedef enum rung_option_type {
  RUNG_OPTION_STRING,
  RUNG_OPTION_INT,    /* with min and max */
  RUNG_OPTION_BOOL,   /* true, false, yes, no, on, off, 1, 0, in any case */
  RUNG_OPTION_CHOICE, /* one of `choices`, separated by '|' */
  RUNG_OPTION_PATH,
} rung_option_type;

/* What a provider accepts. The host checks keys and values against this list before it calls open. */
typedef struct rung_option_spec {
  const char *key;
  rung_option_type type;
  const char *choices;  /* CHOICE */
  int64_t min, max;     /* INT */
  const char *fallback; /* what holds when the user gives none, to be shown; open is given what he gave. NULL: unset */
  const char *help;     /* one line */
  int selects_device;   /* a chain may list the provider once for each value */
  int caps_threads;     /* INT: host->threads is not above it */
} rung_option_spec;

/* A memory that tensors can live in. Filled by the provider that owns it. `copy_*` are synchronous. */
struct rung_memory {
  size_t struct_size;
  const char *kind;   /* "cuda", ... */
  uint32_t vendor;    /* PCI vendor */
  int32_t device, id; /* equal (kind, vendor, device, id) is the same memory */
  size_t alignment;   /* of what alloc returns, in bytes */
  int host_visible;   /* the host can read and write through the pointer: nothing is copied */
  void *context;
  rung_status *(*alloc)(rung_memory *memory, size_t bytes, void **out_data);
  void (*free)(rung_memory *memory, void *data);
  rung_status *(*copy_in)(rung_memory *memory, void *to, const void *from_host, size_t bytes);
  rung_status *(*copy_out)(rung_memory *memory, void *to_host, const void *from, size_t bytes);
};

/* One island is compiled. */
typedef struct rung_compile {
  size_t struct_size;
  const rung_host *host;
  rung_claims *claims;         /* for host->refuse, before UNSUPPORTED is returned */
  const rung_option *run_info; /* reserved, NULL */
  void *progress;              /* for host->progress */
  rung_shelf *shelf;           /* for host->find_part and keep_part, until free_executable; NULL: nothing is kept */
} rung_compile;

/* Opaque to the host: signals when work that run has queued is done. */
typedef struct rung_fence rung_fence;

/* An executable is saved. */
typedef struct rung_saving {
  size_t struct_size;
  const rung_sink *sink; /* where its bytes go */
  const char *scratch;   /* the path of an empty private file, for engines that write only to files: the provider reads
                          * it into the sink, the host removes it */
} rung_saving;

/* What was kept on a shelf. */
typedef struct rung_part {
  const void *data; /* begins on a page; stays until release_part. NULL: there is none */
  size_t size;
  void *held; /* the host's */
} rung_part;

/* One run of one executable. */
typedef struct rung_run {
  size_t struct_size;
  const rung_host *host;
  uint32_t input_count, output_count; /* as the island's inputs and outputs */
  /* Tensors are in the provider's memory, aligned to their elements, and only to be read; NULL: left out. (Constants
   * are not among them: those of a file may begin at any address.) */
  rung_value *const *inputs;
  rung_fence *const *pending; /* per input: work of this provider that still writes it; NULL: ready */
  int profile;                /* 1: the user asks what takes time, see host->event */
  void *context;              /* for host->output and host->cancelled */
  uint64_t number;            /* another one on every run of the session: random operators draw anew */
  int cancellable;            /* 0: no deadline and nobody to cancel it, host->cancelled stays 0 */
} rung_run;

/* How host->write_onnx puts weights into its bytes. */
typedef enum rung_weights {
  RUNG_WEIGHTS_INLINE,
  RUNG_WEIGHTS_EXTERNAL, /* by path, offset and length where the weight lies in a file, else inline */
} rung_weights;

/* An attribute that is written in the place of the node's own of that name, or added. */
typedef struct rung_amendment {
  const rung_node *node;
  rung_attribute attribute;
} rung_amendment;

/* What host->write_onnx writes. Zeros: the whole graph as it is, weights inline. */
typedef struct rung_writing {
  size_t struct_size;
  rung_weights weights;
  /* Only these nodes of the graph, in its order: what they read from elsewhere are the inputs, what others read of
   * theirs the outputs. NULL: all. */
  rung_node *const *nodes;
  uint32_t node_count, amendment_count;
  const rung_amendment *amendments;
} rung_writing;

struct rung_sink { /* receives bytes in order */
  rung_status *(*write)(void *user, const void *data, size_t size);
  void *user;
};

/* What the host does for a provider. Valid until close returns. Every function may be called from any thread unless
 * it says otherwise. */
struct rung_host {
  size_t struct_size;
  uint32_t abi;
  uint32_t threads;      /* how many threads this session may use, >= 1 */
  uint32_t cpu_features; /* processor features that may be used (the environment can mask some); the host's numbering */
  uint64_t seed;         /* of random operators that have none of their own */
  const rung_allocator *allocator;
  void *context;                   /* the host's */
  const char *const *search_paths; /* folders where vendor libraries may lie, NULL-terminated; from the user */

  rung_status *(*error)(rung_code code, const char *file, int line, const char *format, ...);
  void (*log)(const rung_host *host, rung_log_level level, const char *format, ...);

  /* Runs fn(context, begin, end) over [0, count) in pieces of at least `grain`, on the session's threads; equal to
   * fn(context, 0, count). Pieces are skipped once the run is cancelled. `run` may be NULL outside a run. */
  void (*parallel)(const rung_host *host, const rung_run *run, size_t count, size_t grain,
                   void (*fn)(void *context, size_t begin, size_t end), void *context);

  /* probe: says how a step went. `code` is stable ("cuda.driver-missing"); evidence is what was looked at and found;
   * fix is the command or action that mends it. Both may be NULL when ok. */
  void (*step)(rung_report *report, rung_state state, int ok, const char *code, const char *evidence, const char *fix);
  void (*device)(rung_report *report, const char *id, const char *name);

  /* claim: answers for a node, or for a convex group that is taken together or not at all. What is not answered
   * counts as refused. compile: refuse alone. The reason text names what exactly does not fit. */
  void (*accept)(rung_claims *claims, const rung_node *node);
  void (*accept_group)(rung_claims *claims, const rung_node *const *nodes, size_t count);
  void (*refuse)(rung_claims *claims, const rung_node *node, rung_reason reason, const char *format, ...);

  /* The attribute of that name, or NULL. */
  const rung_attribute *(*attribute)(const rung_node *node, const char *name);

  /* Values. */
  rung_kind (*kind)(const rung_value *value);
  const rung_tensor *(*tensor)(const rung_value *value); /* NULL unless a tensor */
  size_t (*item_count)(const rung_value *value);
  rung_value *(*item)(const rung_value *value, size_t index); /* borrowed */
  rung_status *(*new_tensor)(const rung_host *host, rung_dtype dtype, int32_t rank, const int64_t *dims,
                             rung_value **out_value);
  rung_status *(*wrap)(const rung_host *host, const rung_tensor *tensor, void (*release)(void *user, void *data),
                       void *user, rung_value **out_value);
  rung_value *(*retain)(rung_value *value);
  void (*release)(rung_value *value);

  /* Writes a graph (an island, say) or a part of it as an ONNX model. LIMIT when it would exceed protobuf's 2 GiB. */
  rung_status *(*write_onnx)(const rung_graph *graph, const rung_writing *writing, const rung_sink *sink);

  /* compile: 1 when the user wants to stop; then return CANCELLED soon. */
  int (*progress)(const rung_compile *compile, const char *stage, uint64_t done, uint64_t total);

  /* compile: a block that is the same for all sessions of the model (packed weights, say): found by `key`, else made
   * by `make` with the host's allocator. It lives as long as the model. */
  rung_status *(*share)(const rung_host *host, const void *key, size_t key_size,
                        rung_status *(*make)(void *user, void **out_block), void *user, void **out_block);

  /* run: the storage of output `index`, in the provider's memory; *out_tensor has data and all else set. The shape
   * may be told only now. At most once per output. */
  rung_status *(*output)(const rung_run *run, uint32_t index, rung_dtype dtype, int32_t rank, const int64_t *dims,
                         rung_tensor *out_tensor);
  /* run: hands over a value that the provider made (or an input, unchanged) as output; takes the reference. */
  rung_status *(*give)(const rung_run *run, uint32_t index, rung_value *value);
  int (*cancelled)(const rung_run *run);
  /* run, when run->profile: `node` (of a fused step its main one) was worked on from `began` to `ended`. */
  void (*event)(const rung_run *run, const rung_node *node, uint64_t began, uint64_t ended);
  uint64_t (*now)(void); /* nanoseconds of a clock that never goes back */

  /* identity: one thing that a saved executable depends on, "driver", "535.104". The names are shown to the user. */
  void (*depends)(rung_identity *identity, const char *name, const char *value);

  /* compile, load, run: what is made later than the executable and takes long, too (an engine for an input shape that
   * shows only then), is kept under a name; it is found by another process like the executable itself. Keeping replaces
   * a part of that name that did not load. A failure to keep is the host's to tell. */
  void (*find_part)(rung_shelf *shelf, const char *name, rung_part *out_part);
  void (*keep_part)(rung_shelf *shelf, const char *name, rung_status *(*save)(void *user, const rung_saving *saving),
                    void *user);
  void (*release_part)(const rung_host *host, rung_part *part); /* one without data is allowed */

  /* run: `bytes` more are about to be allocated for tensors; LIMIT when they are more than the user allows at a time.
   * They count until the run returns, or `uncharge`. (What `output` makes is counted already.) */
  rung_status *(*charge)(const rung_run *run, size_t bytes);
  /* run: of what was charged, `bytes` are freed; or, with a value that nobody else has yet, they are the value's, and
   * count until its last reference goes. */
  void (*uncharge)(const rung_run *run, size_t bytes, rung_value *value);
};

/* What a provider would take, told on a machine that lacks what it needs: from a table of its capabilities. */
typedef struct rung_offline {
  size_t struct_size;
  const char *source; /* what the table was read from, with its release: shown in the plan */
  const char *memory; /* the kind of memory that its tensors would live in ("cuda"); NULL: the host's */
  /* As the claim below, without a provider that is open; `options` have been checked. */
  rung_status *(*claim)(const rung_host *host, const rung_option *options, size_t option_count, const rung_graph *graph,
                        rung_claims *claims);
} rung_offline;

/* The table. Slots marked (optional) may be NULL. */
typedef struct rung_provider_api {
  size_t struct_size;
  uint32_t abi;                    /* RUNG_PROVIDER_ABI */
  const char *name;                /* "cuda" */
  const char *ort_name;            /* "CUDAExecutionProvider"; NULL when ONNX Runtime has none */
  const char *summary;             /* one line */
  const char *version;             /* of the provider */
  const rung_option_spec *options; /* ends with a NULL key; NULL: none */
  uint32_t max_runs;               /* concurrent runs of one executable; 0: any number */

  /* Walks the states from BUILT on and calls host->step for each until one fails; then still for those later ones
   * that can be looked at, as evidence. Loads no vendor code. */
  rung_status *(*probe)(const rung_host *host, const rung_option *options, size_t option_count, rung_report *report);

  /* (optional: without it the folder holds only a descriptor, and the state is "known") Options are those that the user
   * gave, checked against the list. When it fails, close is not called: what it made is to be freed by then. */
  rung_status *(*open)(const rung_host *host, const rung_option *options, size_t option_count, void **out_provider);
  void (*close)(void *provider);

  /* (optional) Where its inputs and outputs must lie; NULL result: host memory. */
  rung_memory *(*memory)(void *provider);

  rung_status *(*claim)(void *provider, const rung_graph *graph, rung_claims *claims);

  /* (optional) Types of the outputs of a node that the host has no definition of. */
  rung_status *(*infer)(void *provider, const rung_node *node, rung_type *outputs);

  /* Returns UNSUPPORTED after host->refuse(compile->claims, ...) for nodes that its engine does not take. */
  rung_status *(*compile)(void *provider, const rung_graph *island, const rung_compile *compile, void **out_executable);
  void (*free_executable)(void *executable);

  /* Fills every output by host->output or host->give. A provider that only queues the work sets *out_fence. */
  rung_status *(*run)(void *executable, const rung_run *run, rung_fence **out_fence);

  /* (optional; required when run sets fences) */
  rung_status *(*wait)(void *provider, rung_fence *fence);
  void (*free_fence)(void *provider, rung_fence *fence);

  /* (optional) One line about what an executable has become ("12 nodes, f32, AVX-512"), for the plan. */
  void (*describe)(void *executable, char *buffer, size_t size);
  /* (optional) What the provider computes differently because the user asked for it ("bf16"); NULL: nothing. */
  const char *(*precision)(void *provider);
  /* (optional) Runs one node on host values, for folding and shape arithmetic. */
  rung_status *(*evaluate)(const rung_host *host, const rung_node *node, rung_value *const *inputs,
                           rung_value **outputs);
  /* (optional) Does it know the operator at all? Then 1, and in `types` which element types, in words: for lists. */
  int (*support)(const char *domain, const char *op_type, char *types, size_t size);
  /* (optional) Gives caches back; called when all islands of a session are compiled, too. */
  void (*trim)(void *provider);

  /* (optional, all three or none; without them nothing is kept) Executables outlive the process: what save wrote, load
   * takes, in another process and perhaps after years, as long as the same is asked for. The host compares the island
   * (nodes, types, shapes, weights), the provider's name and version, and what `identity` tells by host->depends: the
   * device, its driver, the versions of the vendor's libraries, and the options that change what is compiled; not those
   * that only say where to look. UNSUPPORTED: nothing can be kept with these options. Must not depend on the process.
   * The host keeps the bytes private and checks that they are the ones written. save is called by the thread that
   * compiled, before the first run; UNSUPPORTED when this executable cannot be kept.
   * load answers like compile. `data` begins on a page; where load succeeds it stays until free_executable has
   * returned, so that weights can be used in place. After any failure but CANCELLED and OUT_OF_MEMORY the entry is
   * dropped, and the island is compiled. */
  rung_status *(*identity)(void *provider, rung_identity *identity);
  rung_status *(*save)(void *executable, const rung_saving *saving);
  rung_status *(*load)(void *provider, const rung_graph *island, const rung_compile *compile, const void *data,
                       size_t size, void **out_executable);
  /* (optional) For sessions that only plan, where the provider cannot be used. */
  const rung_offline *offline;
  /* (optional) Legalising passes after which it takes more, names separated by commas: "pads,doubles". They run when
   * the user allows it. */
  const char *wants;
} rung_provider_api;

#ifdef __cplusplus
}
#endif
#endif
