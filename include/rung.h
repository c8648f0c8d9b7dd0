/* rung: runs ONNX models through an ordered chain of execution providers, and says who ran what and why.
 *
 *   environment   one per process, usually: memory, threads, provider libraries, log
 *   model         a file or bytes, immutable, shared by sessions
 *   session       a model and a chain, planned and compiled
 *   value         a tensor, sequence, map or optional
 *
 * Rules for all functions:
 *   - What can fail returns a rung_status *: NULL is success, anything else is yours; free it with rung_status_free.
 *     After a failure, results are untouched.
 *   - What you create you own, and destroy with the function of that name, which takes a pointer to your pointer,
 *     accepts NULL in it, and clears it. What you read from an object is borrowed until the object goes. What you
 *     pass in is borrowed for the call, unless the function says otherwise.
 *   - Objects keep alive what they need: an environment may be destroyed before its models, a model before its
 *     sessions. Values are counted.
 *   - Functions may be called from any thread. One session may run in many threads at once. Destroying an object
 *     while another thread uses it is the caller's bug.
 *   - Structs that begin with struct_size come from their rung_..._init function; unknown fields stay zero.
 *   - The library never exits, aborts, prints, reads the environment, or writes outside of paths it is given.
 *
 * Binary interface: until version 1.0 every minor version has one of its own, and the library's soname says which
 * (librung.so.0.1). Within it no struct, number or function changes; functions may be added. A struct whose
 * struct_size is not that of this header is refused. */
#ifndef RUNG_H
#define RUNG_H

#include "rung_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define RUNG_API __attribute__((visibility("default")))
#else
#define RUNG_API
#endif

#define RUNG_VERSION_MAJOR 0
#define RUNG_VERSION_MINOR 1
#define RUNG_VERSION_PATCH 0

typedef struct rung_env rung_env;
typedef struct rung_model rung_model;
typedef struct rung_session rung_session;
typedef struct rung_cancel rung_cancel;
struct rung_graph;        /* rung_graph.h */
struct rung_provider_api; /* rung_provider.h */

/* "0.1.0" of the library that is linked. */
RUNG_API const char *rung_version(void);

/* Status */

/* RUNG_OK for NULL. */
RUNG_API rung_code rung_status_code(const rung_status *status);
/* One line: what, where, and the remedy. Borrowed. */
RUNG_API const char *rung_status_message(const rung_status *status);
/* The source file and line that raised it, for bug reports. */
RUNG_API const char *rung_status_origin(const rung_status *status, int *out_line);
/* NULL is allowed. */
RUNG_API void rung_status_free(rung_status *status);
/* "INVALID_MODEL" */
RUNG_API const char *rung_code_name(rung_code code);
/* What the caller should do next, in words. */
RUNG_API const char *rung_code_advice(rung_code code);
/* Frees text that a function returned through a char **. NULL is allowed. */
RUNG_API void rung_text_free(char *text);

/* Element types */

/* "float32"; "undefined" for others. */
RUNG_API const char *rung_dtype_name(rung_dtype dtype);
/* Bytes of one element; 1 for those narrower than a byte, 0 for no type. */
RUNG_API size_t rung_dtype_size(rung_dtype dtype);
/* By name ("float32", "f32"); RUNG_UNDEFINED when unknown. */
RUNG_API rung_dtype rung_dtype_by_name(const char *name);
/* The descriptor that numpy's .npy files use ("<f4"), "" where there is none. */
RUNG_API const char *rung_dtype_numpy(rung_dtype dtype);
/* Element `index` of a host tensor as double (numbers of all types, bool; complex: the real part); NaN for strings. */
RUNG_API double rung_tensor_get(const rung_tensor *tensor, size_t index);
/* Sets element `index` of a host tensor of numbers or bool (complex: the real part): floats are rounded to nearest,
 * integers too and kept within their range (NaN is 0). What rung_tensor_get answers NaN for is left alone. */
RUNG_API void rung_tensor_set(const rung_tensor *tensor, size_t index, double value);
/* Product of the dimensions. */
RUNG_API size_t rung_tensor_count(const rung_tensor *tensor);

/* Environment */

typedef struct rung_env_options {
  size_t struct_size;
  rung_log_fn log; /* NULL: silent */
  void *log_user;
  rung_log_level log_level;        /* lines below it are dropped; default RUNG_LOG_WARNING */
  const rung_allocator *allocator; /* must outlive every object made with it, values too; NULL: malloc */
  uint32_t threads;                /* of the pool, the caller's included; 0: as many as the process may use */
  const char *cpu_features;        /* takes processor features away, for tests: "avx2", "-avx512"; NULL: none */
  const char *const *search_paths; /* folders that may hold vendor libraries, NULL-terminated; NULL: the loader's */
} rung_env_options;

RUNG_API void rung_env_options_init(rung_env_options *options);
/* `options` may be NULL. */
RUNG_API rung_status *rung_env_create(const rung_env_options *options, rung_env **out_env);
/* Waits for engines that were left behind, see rung_env_settle. */
RUNG_API void rung_env_destroy(rung_env **env);
/* Waits until all engines have come back that could not be stopped when the creation of a session was cancelled. After
 * it nothing of such a session is in use. */
RUNG_API void rung_env_settle(rung_env *env);
/* Loads a provider from a shared library (rung_provider.h) by its explicit path. It stays until the environment goes.
 */
RUNG_API rung_status *rung_env_load_provider(rung_env *env, const char *path);
/* Adds a provider that is linked into the program. Its table stays as it is until the environment goes. */
RUNG_API rung_status *rung_env_add_provider(rung_env *env, const struct rung_provider_api *api);

/* Providers */

typedef struct rung_provider_step {
  const char *name;     /* "found" */
  int ok;               /* 1 yes, 0 no, -1 not looked at */
  const char *code;     /* "cuda.driver-missing"; NULL when ok */
  const char *evidence; /* what was looked at and found; may be NULL */
  const char *fix;      /* what mends it; may be NULL */
} rung_provider_step;

typedef struct rung_provider_info {
  size_t struct_size;
  const char *name, *ort_name, *summary, *version; /* ort_name may be NULL */
  int usable;
  const char *state; /* the last step that holds: "known" ... "usable" */
  size_t step_count, device_count;
  const rung_provider_step *steps;
  const char *const *devices;
} rung_provider_info;

RUNG_API size_t rung_env_provider_count(const rung_env *env);
/* Looks at provider `index` on this machine now; no vendor code is loaded. `out_info` is borrowed until the next call
 * for the same provider. One thread at a time. */
RUNG_API rung_status *rung_env_provider(rung_env *env, size_t index, const rung_provider_info **out_info);
/* The table of provider `index` (rung_provider.h), to look at; NULL: there is none. Lives as long as the environment.
 */
RUNG_API const struct rung_provider_api *rung_env_provider_api(const rung_env *env, size_t index);
/* All of them with their states, steps and options as JSON. */
RUNG_API rung_status *rung_env_providers_json(rung_env *env, char **out_text);
/* Every operator with its versions and which element types each built-in provider takes, as JSON. */
RUNG_API rung_status *rung_env_ops_json(rung_env *env, char **out_text);

typedef struct rung_op_info {
  size_t struct_size;
  const char *domain, *name; /* domain: "" is ai.onnx */
  int64_t since, newest;     /* the versions of the domain that are understood */
  int driven;                /* control flow: the session runs it through its bodies unless a provider claims it */
  int expanded;              /* it is run as the operators that make it up unless a provider claims it */
} rung_op_info;

RUNG_API size_t rung_env_op_count(const rung_env *env);
/* Operator `index`, sorted by domain and name; `out_info->struct_size` must be set. */
RUNG_API rung_status *rung_env_op(const rung_env *env, size_t index, rung_op_info *out_info);
/* Does provider `provider` (of rung_env_provider) know operator `index`? Then 1, and `types` says in words which
 * element types it takes; it is cut at `size`. */
RUNG_API int rung_env_op_support(const rung_env *env, size_t index, size_t provider, char *types, size_t size);

/* Models */

typedef struct rung_model_config {
  size_t struct_size;
  int read_files;              /* read instead of mapping: safe against files that change while in use */
  const char *external_folder; /* of external data; NULL: the model's own */
  uint64_t max_nodes;          /* 0: the default, see docs/limits.md; so for the others */
  uint32_t max_depth;
  uint64_t max_tensor_bytes;
} rung_model_config;

RUNG_API void rung_model_config_init(rung_model_config *config);
/* `config` may be NULL. Weights stay in the mapping of the file. */
RUNG_API rung_status *rung_model_load(rung_env *env, const char *path, const rung_model_config *config,
                                      rung_model **out_model);
/* `data` must stay as it is until the model and all its sessions are gone; when the creation of one was cancelled,
 * until rung_env_settle, too. */
RUNG_API rung_status *rung_model_load_memory(rung_env *env, const void *data, size_t size,
                                             const rung_model_config *config, rung_model **out_model);
/* Where a model's bytes come from when they lie in no file: an archive, an encrypted store. */
typedef struct rung_reader {
  size_t struct_size;
  uint64_t size; /* of the model, in bytes */
  /* Puts `count` bytes from `offset` on into `buffer`; 0 when it worked. */
  int (*read)(void *user, uint64_t offset, void *buffer, size_t count);
  void *user;
} rung_reader;

/* Reads all bytes, once, into memory that the model owns. */
RUNG_API rung_status *rung_model_load_reader(rung_env *env, const rung_reader *reader, const rung_model_config *config,
                                             rung_model **out_model);
RUNG_API void rung_model_destroy(rung_model **model);

typedef struct rung_model_facts {
  size_t struct_size;
  int64_t ir_version, model_version;
  const char *producer_name, *producer_version, *domain, *doc, *graph_name;
  size_t node_count;                               /* bodies and functions included */
  uint64_t file_bytes, weight_bytes, weight_count; /* weight_count: elements of all initializers and Constants */
  size_t opset_count, property_count, function_count, dimension_count;
} rung_model_facts;

/* Borrowed texts; `out_facts->struct_size` must be set. */
RUNG_API rung_status *rung_model_get_facts(const rung_model *model, rung_model_facts *out_facts);
RUNG_API const char *rung_model_get_opset(const rung_model *model, size_t index, int64_t *out_version);
RUNG_API const char *rung_model_get_property(const rung_model *model, size_t index, const char **out_value);

/* Sessions */

typedef struct rung_dimension {
  const char *name;
  int64_t size;
} rung_dimension;

typedef struct rung_shape {
  const char *input;
  int32_t rank;
  const int64_t *dims;
} rung_shape;

typedef struct rung_provider_option {
  const char *provider, *key, *value;
} rung_provider_option;

/* Nodes that are to run on one provider of the chain: "op:Resize", "node:decoder*" (a pattern as the shell's), or
 * "between:a..b", the nodes on a way from tensor a to tensor b. Another provider's claim is refused ("pinned"). */
typedef struct rung_pin {
  const char *nodes, *provider;
} rung_pin;

/* What a run does when a provider fails in it: device lost, out of memory, an engine's error. */
typedef enum rung_on_failure {
  RUNG_ON_FAILURE_ERROR, /* the run fails */
  /* The run starts again from its inputs without that provider: on the next ones of the user's chain, with the options
   * given there. A provider whose device is lost, or that failed `breaker_failures` times in a row, is out of service
   * for `breaker_ns`; then one run tries it again. All of it is in the journal. The contract binds there, too. */
  RUNG_ON_FAILURE_NEXT,
} rung_on_failure;
/* How far the compiling of a session is. */
typedef struct rung_compiling {
  size_t struct_size;
  const char *provider;
  /* "start"; "key" (what the island depends on is digested), "load", "save" (with a cache), "wait" (another session, of
   * any process, compiles the island, which is loaded then); "compile", or what the engine calls it */
  const char *stage;
  size_t island, island_count; /* the island, from 0; islands that are compiled anew after refusals count anew */
  uint64_t done, total;        /* as the engine tells; total 0: it does not */
  double percent; /* of the stage: by done and total, or by the expected time, then 99 at most; -1: unknown */
  uint64_t elapsed_ns, expected_ns; /* of the stage; expected 0: unknown. Learned from earlier compiles, with a cache */
} rung_compiling;

/* Called every 20 ms or so while islands are compiled. Non-zero cancels. */
typedef int (*rung_compiling_fn)(void *user, const rung_compiling *state);

typedef struct rung_session_options {
  size_t struct_size;
  /* "cuda?,cpu:key=value": providers in order, '?' marks one that may be missing; NULL: "cpu". "auto": the fastest of
   * cpu and every other usable provider (alone where it takes the whole model, else with cpu behind it) that computes
   * what cpu computes, by measurement on auto_inputs; remembered in cache_folder. docs/contract.md */
  const char *chain;
  const rung_provider_option *provider_options; /* added to those in the chain */
  size_t provider_option_count;
  uint32_t threads;                 /* cap of this session; 0: the environment's */
  const rung_dimension *dimensions; /* sizes of symbolic dimensions */
  size_t dimension_count;
  const rung_shape *shapes; /* of inputs */
  size_t shape_count;
  const char *passes_off; /* names separated by commas; "all" */
  int has_seed;
  uint64_t seed;           /* of random operators without their own; default: another on every session */
  uint64_t max_nodes;      /* after inlining functions; 0: default */
  uint64_t max_loop_trips; /* of one Loop or Scan; 0: default */
  uint64_t max_bytes;      /* of the tensors of a run at a time; 0: three quarters of what the process may use */
  int plan_only;           /* claims only: the session can say its plan, and not run */
  int inspect_only;        /* as plan_only, and nothing is demanded of the chain: a node that no provider claims has a
                            * NULL provider in the plan, a listed provider may go unused */
  /* Of compiling, in the thread that creates the session; its stages are those of rung_compiling. */
  rung_progress_fn progress;
  void *progress_user;
  /* What the plan must keep, terms separated by commas: "strict", "only=cuda", "no-demotion", "coverage>=95%",
   * "flops>=95%", "islands<=3", "crossings<=4", "bytes<=10MB" (docs/contract.md); NULL: nothing beyond the chain. */
  const char *contract;
  const rung_pin *pins; /* of several for a node the last counts */
  size_t pin_count;
  const char
      *lock; /* what rung_session_plan_lock wrote: CONTRACT with the difference when the plan is another; or NULL */
  int lock_warns; /* 1: then only a warning is logged */
  /* What rung_session_figures wrote, of one or more sessions of this model, one after the other: then islands that lose
   * more in crossings than they win are given back ("crossing-too-dear"). NULL: nothing is. */
  const char *figures;
  rung_on_failure on_failure;
  uint32_t breaker_failures;   /* 0: 3 */
  uint64_t breaker_ns;         /* 0: 60 seconds */
  rung_compiling_fn compiling; /* the same, with more to tell; NULL: nobody hears */
  void *compiling_user;
  /* Looked at while islands are compiled, as are the answers of the two functions: rung_session_create then returns
   * CANCELLED within a tenth of a second. An engine that cannot be stopped goes on in a thread of its own, and until it
   * comes back holds the environment, the model with the bytes that it was loaded from, and the session's memory; none
   * of the user's functions but log and allocator are called for it. rung_env_settle waits for it, and so does
   * rung_env_destroy. */
  rung_cancel *cancel;
  /* Where compiled islands are kept for later sessions, of any process: a folder that only this user may write, made
   * where it is missing. It holds native code. NULL: nothing is kept. With plan_only, nothing is written, and the plan
   * says what a session would find. A cache that cannot be used or written is a warning in the log and a line in the
   * plan; the session works as without. The folder is left alone when no provider of the chain saves what it compiles.
   * docs/structures/cache.md */
  const char *cache_folder;
  uint64_t cache_max_bytes; /* of all entries; those not used for longest go first. 0: 4 GiB */
  /* Values of the main graph, by name, that become outputs behind the model's own: to look at what nodes make. Passes
   * and engines leave these values standing, and so may fuse less. */
  const char *const *extra_outputs;
  size_t extra_output_count;
  /* Providers that cannot be used here claim by their tables of capabilities (docs/offline.md), without their libraries
   * and devices. Then the session can only plan (plan_only or inspect_only must be set), and no cache is looked at. */
  int offline;
  /* Rewrites run that let a provider of the chain take more, where it wants them: each keeps the results bit for bit,
   * which is proved on random data before it is made (docs/offline.md). */
  int legalise;
  /* 1: the first provider that has nodes compiles in the background, and creation returns with a session that the next
   * providers of the chain serve until then: a step down that the plan and the journal report. When it is compiled, all
   * runs that begin from there on go to it (journal: "handed-over"). When it is not ("compile-failed"), runs fail with
   * the reason, or with on_failure = next go on as they did. The contract and the lock are held against the whole plan;
   * of the interim one all terms but coverage and flops are asked, too, so that strict is refused, and so is
   * no-demotion. Where nobody stands behind the provider the session waits for it, as without. Destroying the session
   * gives the compiling up. docs/contract.md */
  int background_compile;
  /* How long a session waits while another one, of any process, compiles an island that both keep in cache_folder; then
   * it compiles it, too. 0: ten minutes. */
  uint64_t cache_wait_ns;
  /* For chain "auto": what it is measured on, one value for each input. NULL: tensors are drawn (rung_tensor_randomize,
   * by name and seed, 0 unless has_seed) for the inputs' types and shapes, open dimensions 1. */
  rung_value *const *auto_inputs;
  size_t auto_input_count;
} rung_session_options;

RUNG_API void rung_session_options_init(rung_session_options *options);
/* Plans and compiles. CONTRACT, UNAVAILABLE or UNSUPPORTED say why the chain cannot be kept. `options` may be NULL. */
RUNG_API rung_status *rung_session_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                          rung_session **out_session);
RUNG_API void rung_session_destroy(rung_session **session);

/* One input or output of the model. */
typedef struct rung_slot {
  const char *name;
  const rung_type *type;
  const char *dimension_names[RUNG_MAX_RANK]; /* of symbolic dimensions; NULL: no name */
} rung_slot;

RUNG_API size_t rung_session_input_count(const rung_session *session);
RUNG_API size_t rung_session_output_count(const rung_session *session);
RUNG_API rung_status *rung_session_input(const rung_session *session, size_t index, rung_slot *out_slot);
RUNG_API rung_status *rung_session_output(const rung_session *session, size_t index, rung_slot *out_slot);

/* The plan: who runs what, and why not the others. */

typedef struct rung_plan_refusal {
  const char *provider;
  const char *reason; /* stable: "type", "operator", ... (docs/reasons.md) */
  const char *words;  /* what exactly */
} rung_plan_refusal;

typedef struct rung_plan_node {
  const char *name, *op_type, *domain, *graph; /* graph: "" is the main one, else the path of the body */
  const char *provider;                        /* "host" for what the session does itself; NULL: nobody */
  int32_t island;                              /* -1: none */
  size_t refusal_count;
  const rung_plan_refusal *refusals; /* of providers before it in the chain */
  double flops;                      /* of one execution, as far as shapes are known; 0 for what moves data */
  int flops_open;                    /* shapes are not known: flops says too little */
} rung_plan_node;

typedef struct rung_plan_island {
  const char *provider, *graph;
  const char *description; /* of the executable; "" before it is compiled */
  size_t node_count;
  const char *memory; /* where it works: "host", "fake:0" */
  /* With a cache: "hit" (loaded from it; in a plan that is not compiled: it is there), "kept" (compiled, and kept),
   * "not-kept" (compiled only), "miss" (it would have to be compiled). NULL: the provider keeps nothing, or no cache.
   */
  const char *cache;
  const char *cache_entry; /* the name of its entry; NULL */
  const char *cache_words; /* why it is not kept; NULL */
} rung_plan_island;

typedef struct rung_plan_crossing {
  const char *value, *from, *to; /* memories: "host", "fake:0" */
  int64_t bytes;                 /* per run; -1: depends on symbolic dimensions */
  int64_t executions;            /* expected; -1: unknown (in a loop) */
} rung_plan_crossing;

/* A provider of the chain. */
typedef struct rung_plan_provider {
  const char *name;
  int optional, used;    /* used: in the session's chain; else skipped, and `why` says why */
  const char *why;       /* NULL, or what was wrong */
  const char *fix;       /* NULL, or the remedy */
  const char *precision; /* NULL, or what it computes differently on request */
  size_t node_count;
  const char *offline; /* what its table of capabilities was read from, where it claims by that; NULL: it is here */
} rung_plan_provider;

/* A term of the contract. */
typedef struct rung_plan_term {
  const char *text;
  double limit, value; /* percent, a number, or bytes */
  int holds; /* 1 yes, 0 no; -1: it depends on the run's shapes. Every run is held to crossings and bytes; for flops the
              * session must be given the shapes */
} rung_plan_term;

typedef struct rung_plan_pass {
  const char *name;
  size_t changed; /* nodes taken away */
  int off;
} rung_plan_pass;

/* A chain that chain "auto" considered. */
typedef struct rung_plan_candidate {
  const char *chain;
  double ns;         /* median of a run; 0: not measured */
  const char *words; /* why it is out; NULL: it is not */
} rung_plan_candidate;

/* What chain "auto" came to. */
typedef struct rung_plan_chosen {
  const char *chain, *words; /* why, with the figures */
  int remembered;            /* an earlier session has measured */
  const char *unkept;        /* why the next session has to measure again; NULL: it finds it in the cache */
  size_t candidate_count;
  const rung_plan_candidate *candidates;
} rung_plan_chosen;

typedef struct rung_plan {
  size_t struct_size;
  const char *stage; /* "claimed", "compiled"; "offline": a provider claims by its table, and is not here */
  size_t provider_count, node_count, island_count, crossing_count, pass_count;
  const rung_plan_provider *providers;
  const rung_plan_node *nodes;
  const rung_plan_island *islands;
  const rung_plan_crossing *crossings;
  const rung_plan_pass *passes;
  size_t term_count;
  const rung_plan_term *terms;
  const char *choice;             /* what the cost rule decided and why, in one sentence; NULL: no figures were given */
  double expected_ns;             /* of a run, by these figures; 0: unknown */
  const char *lock_difference;    /* how it differs from the lock, where that only warns; NULL: it does not */
  const char *cache_folder;       /* NULL: no cache was asked for, or nobody keeps anything */
  const char *cache_why;          /* why it is not used, or not written any more; NULL: all is well */
  const rung_plan_chosen *chosen; /* NULL: the chain was given */
} rung_plan;

/* Borrowed from the session. */
RUNG_API const rung_plan *rung_session_plan(const rung_session *session);
RUNG_API rung_status *rung_session_plan_json(const rung_session *session, char **out_text);
/* The plan as lines of text, for rung_session_options.lock: provider versions, placement, crossings. */
RUNG_API rung_status *rung_session_plan_lock(const rung_session *session, char **out_text);
/* What the session's last profiled run tells about the cost of islands and nodes, and what crossings between its
 * memories cost, measured now: lines of text for rung_session_options.figures. */
RUNG_API rung_status *rung_session_figures(const rung_session *session, char **out_text);
/* The graph after passes as JSON: values with types, nodes, operator counts, FLOPs. */
RUNG_API rung_status *rung_session_graph_json(const rung_session *session, char **out_text);
/* The graph after passes as structs (rung_graph.h), to look at only. Borrowed from the session. */
RUNG_API const struct rung_graph *rung_session_graph(const rung_session *session);
/* The name that the model gives a symbolic dimension of a type; NULL: none. */
RUNG_API const char *rung_session_dimension_name(const rung_session *session, int64_t dimension);
/* Writes the graph after passes as an ONNX model. */
RUNG_API rung_status *rung_session_save_model(const rung_session *session, const char *path);

/* Engine cache: what sessions keep in rung_session_options.cache_folder. */

/* For each island of the session (one that only plans, usually) whether its entry is there, and else which entry is
 * nearest and in which fields it differs, as JSON (docs/schema/cache-why.json). */
RUNG_API rung_status *rung_session_cache_json(const rung_session *session, char **out_text);
/* The entries of a folder, last used first, as JSON (docs/schema/cache.json); with `verify` all bytes are read, and
 * each entry says whether it is whole. */
RUNG_API rung_status *rung_cache_json(rung_env *env, const char *folder, int verify, char **out_text);
/* Removes an entry by its name, or the beginning of one that is unique; NULL: all, and what is remembered beside them.
 * `out_count` (may be NULL): how many were removed. */
RUNG_API rung_status *rung_cache_clear(rung_env *env, const char *folder, const char *entry, uint64_t *out_count);

/* Running */

typedef struct rung_run_options {
  size_t struct_size;
  uint64_t deadline_ns; /* from now; 0: none. DEADLINE when it is over */
  rung_cancel *cancel;  /* NULL: cannot be cancelled */
  int profile;          /* 1: rung_session_profile_json speaks of this run */
} rung_run_options;

RUNG_API void rung_run_options_init(rung_run_options *options);
/* `inputs` in the order of rung_session_input, each there (NULL only for an optional's nothing). `outputs` in the
 * order of rung_session_output: an entry that is NULL becomes a new value, the caller's; one that holds a tensor with
 * room (rung_value_wrap) of the right type and shape is filled. Outputs are set on success only. */
RUNG_API rung_status *rung_session_run(rung_session *session, const rung_run_options *options,
                                       rung_value *const *inputs, size_t input_count, rung_value **outputs,
                                       size_t output_count);
/* Waits until what compiles in the background serves (at once where nothing does), and returns what it failed with.
 * DEADLINE and CANCELLED, by `options` (may be NULL), end the waiting only. `compiling` (may be NULL) is called every
 * 20 ms or so in this thread, and non-zero ends the waiting, too. */
RUNG_API rung_status *rung_session_await(rung_session *session, const rung_run_options *options,
                                         rung_compiling_fn compiling, void *user);

/* What happened to a session's providers since it was made. */
typedef struct rung_journal_entry {
  uint64_t time_ns; /* since 1970 */
  /* "failed", "stepped-down", "out-of-service", "tried-again", "restored", "refused"; "compiling", "handed-over",
   * "compiled", "compile-failed" (in the background); "chosen" (chain "auto") */
  const char *event;
  const char *provider; /* whom it happened to; of "chosen" the chain */
  const char *node;     /* the first node of the island that failed; NULL: unknown, or none */
  const char *cause;    /* in words */
} rung_journal_entry;

typedef struct rung_counters {
  size_t struct_size;
  uint64_t runs, failed_runs;  /* finished, of them without outputs */
  uint64_t stepped_runs;       /* that another provider had to finish */
  uint64_t failures;           /* of providers, in runs */
  uint64_t crossings, crossed; /* tensors copied between memories, and their bytes */
  uint64_t journal_dropped;    /* entries beyond the first 10,000 */
} rung_counters;

RUNG_API size_t rung_session_journal_count(const rung_session *session);
/* Entry `index`, oldest first; its texts are the session's. */
RUNG_API rung_status *rung_session_journal_entry(const rung_session *session, size_t index,
                                                 rung_journal_entry *out_entry);
/* `out_counters->struct_size` must be set. */
RUNG_API rung_status *rung_session_counters(const rung_session *session, rung_counters *out_counters);
/* Counters, the state of every provider and the journal as JSON. */
RUNG_API rung_status *rung_session_journal_json(const rung_session *session, char **out_text);
/* A step of the last profiled run, a node of it where its provider tells, or what another thread did for that. */
typedef struct rung_profile_event {
  size_t struct_size;
  const char *graph, *provider;
  const char *node, *op_type; /* NULL: a whole island */
  uint32_t nodes;
  uint32_t thread;                /* 0: the one that ran the session; else one of the pool */
  uint64_t start_ns, duration_ns; /* since the run began */
} rung_profile_event;

RUNG_API size_t rung_session_profile_count(const rung_session *session);
/* Event `index`, in the order in which they ended; `out_event->struct_size` must be set. The next profiled run takes
 * them away. */
RUNG_API rung_status *rung_session_profile_event(const rung_session *session, size_t index,
                                                 rung_profile_event *out_event);
/* All of them as JSON. */
RUNG_API rung_status *rung_session_profile_json(const rung_session *session, char **out_text);

RUNG_API rung_status *rung_cancel_create(rung_env *env, rung_cancel **out_cancel);
/* All runs that hold it end soon with CANCELLED, and so does the creation of a session. Callable from a signal handler.
 */
RUNG_API void rung_cancel_request(rung_cancel *cancel);
RUNG_API void rung_cancel_reset(rung_cancel *cancel);
RUNG_API void rung_cancel_destroy(rung_cancel **cancel);

/* Measuring: sessions of one model side by side, on the same inputs. A machine changes while it is measured (clock
 * rates, neighbours), so sessions are not measured one after the other: rounds of some runs each take turns, every
 * round begins with another session, and what is compared are the medians of one round. */

enum { RUNG_RACE_ROUNDS = 20 };

/* One session, and what it took, in seconds. */
typedef struct rung_lane {
  rung_session *session;
  int out; /* not to be recommended: set by who knows that its outputs are wrong */
  size_t runs;
  double min, median, p90, p99, per_second;
  double ratio, ratio_low, ratio_high; /* median over rounds of its time by the first lane's, and quartiles of that */
  size_t rounds;
  double medians[RUNG_RACE_ROUNDS]; /* of each round */
} rung_lane;

typedef struct rung_race_options {
  size_t struct_size;
  rung_value *const *const *inputs; /* sets of inputs, which runs take in turn: [set][input] */
  size_t set_count, input_count;
  uint64_t runs;             /* of each session; 0: for so long: */
  double seconds;            /* each session; 0: 2 */
  uint32_t parallel;         /* threads that run a session at once; 0: one */
  rung_cancel *cancel;       /* NULL: cannot be cancelled */
  rung_progress_fn progress; /* "measure", rounds that are done; non-zero cancels; NULL: nobody hears */
  void *progress_user;
} rung_race_options;

RUNG_API void rung_race_options_init(rung_race_options *options);
/* Measures; sessions should have run before, what they load or make when they do so first is not looked for. */
RUNG_API rung_status *rung_race(const rung_race_options *options, rung_lane *lanes, size_t count);
/* Is one faster by enough to be worth a change (3 %), and in nine of ten rounds? `out_ratio`, `out_certain` (may be
 * NULL): the median over rounds of its time by the other's; whether it was faster in nine of ten. */
RUNG_API int rung_lane_is_faster(const rung_lane *lane, const rung_lane *than, double *out_ratio, int *out_certain);
/* The lane to take: one that is not out, and faster than those that are not out before it. `count` when all are out. */
RUNG_API size_t rung_race_best(const rung_lane *lanes, size_t count);

/* Values */

typedef struct rung_tolerance {
  double rtol, atol; /* |got - want| <= atol + rtol * |want|; infinities and NaN have to be equal */
  double cosine;     /* the least over a whole tensor; 0: not looked at */
  int values;        /* 0: only shape and type count */
} rung_tolerance;

/* How far apart two values are. Zero it first; tensors within a sequence or map add up. */
typedef struct rung_difference {
  double max_abs;      /* largest absolute difference of two numbers */
  double cosine;       /* of the last tensor of floats */
  size_t count, wrong; /* elements, and those out of tolerance */
  char words[400];     /* the first that does not fit; "" when all is well */
} rung_difference;

/* 1 when they agree, within a tolerance, as the ONNX project judges its node cases; but whole numbers and bools have to
 * be equal, or within atol when that is 1 or more, and strings equal. */
RUNG_API int rung_value_agrees(const rung_value *got, const rung_value *want, const rung_tolerance *allowed,
                               rung_difference *out_difference);
/* Fills a tensor at random: floats from 0 to 1, whole numbers 0 or 1, those of 8 bits any; strings stay. The same for
 * the same name (may be NULL) and seed. */
RUNG_API void rung_tensor_randomize(const rung_tensor *tensor, const char *name, uint64_t seed);

/* A tensor in memory of its own: zeroed. */
RUNG_API rung_status *rung_value_create(rung_env *env, rung_dtype dtype, int32_t rank, const int64_t *dims,
                                        rung_value **out_value);
/* A tensor over the caller's memory, which stays until `release` (may be NULL) is called. It may begin at any address;
 * where that is not a multiple of the size of an element, every run copies it. */
RUNG_API rung_status *rung_value_create_view(rung_env *env, const rung_tensor *tensor,
                                             void (*release)(void *user, void *data), void *user,
                                             rung_value **out_value);
/* A tensor of strings; the bytes are copied. */
RUNG_API rung_status *rung_value_create_strings(rung_env *env, int32_t rank, const int64_t *dims,
                                                const rung_str *strings, rung_value **out_value);
/* SEQUENCE: any items; OPTIONAL: one or none; MAP: keys and values. Takes its own references. `dtype`: of the elements
 * of a sequence of tensors, for when it is empty. */
RUNG_API rung_status *rung_value_create_compound(rung_env *env, rung_kind kind, rung_dtype dtype,
                                                 rung_value *const *items, size_t count, rung_value **out_value);
RUNG_API rung_kind rung_value_kind(const rung_value *value);
/* NULL unless it is a tensor. */
RUNG_API const rung_tensor *rung_value_tensor(const rung_value *value);
/* Items of a sequence; 0 or 1 of an optional; 2 of a map: keys, and values. */
RUNG_API size_t rung_value_item_count(const rung_value *value);
RUNG_API rung_value *rung_value_item(const rung_value *value, size_t index);
RUNG_API rung_value *rung_value_retain(rung_value *value);
RUNG_API void rung_value_release(rung_value *value);
/* A serialized TensorProto, SequenceProto or OptionalProto, as `type` says (NULL: a tensor). The bytes are copied. */
RUNG_API rung_status *rung_value_parse(rung_env *env, const void *data, size_t size, const rung_type *type,
                                       rung_value **out_value);
/* The reverse. *out_data is freed by rung_text_free. */
RUNG_API rung_status *rung_value_serialize(const rung_value *value, const char *name, char **out_data,
                                           size_t *out_size);

/* Pictures */

/* Format `index` of encoded pictures ("PNG"); NULL behind the last. *out_lacking (may be NULL) is NULL where it can be
 * read here, else what is missing and what mends it. Looks for libraries, and loads none. Texts live forever. */
RUNG_API const char *rung_picture_format(size_t index, const char **out_lacking);
/* The format of which `data` is by its first bytes; NULL: none of them. */
RUNG_API const char *rung_picture_guess(const void *data, size_t size);
/* Decodes a picture to uint8 (height, width, 4): red, green, blue, alpha; see docs/pictures.md for what is done with
 * other kinds. Loads the library of the format, which stays in the process. UNAVAILABLE where that is missing. */
RUNG_API rung_status *rung_picture_decode(rung_env *env, const void *data, size_t size, rung_value **out_picture);

#ifdef __cplusplus
}
#endif
#endif
