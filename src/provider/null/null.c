/* The provider that hands its inputs on: all of the interface in its smallest form, to be copied (README.md).
 *
 * It takes Identity and nothing else. Whatever is needed from rung comes through the table rung_host, so that this file
 * includes rung_provider.h only, and is built into rung as well as into a library of its own:
 *
 *     cc -shared -fPIC -DRUNG_PROVIDER_LIBRARY '-DNULL_NAME="mine"' -I.../include/rung null.c -o libmine.so
 */
#include "rung_provider.h"

#ifndef NULL_NAME
#define NULL_NAME "null"
#endif

/* One object for each session that lists the provider. */
typedef struct null_provider {
  const rung_host *host; /* valid until null_close returns */
  int verbose;
} null_provider;

/* What an island becomes: for each output, where its value comes from. Immutable, as many threads may run it. */
typedef struct null_executable {
  const rung_host *host;
  struct null_source {
    rung_value *constant; /* or NULL: then */
    uint32_t input;       /* of the island */
  } sources[];            /* as many as the island has outputs */
} null_executable;

/* Memory is the host's: it counts, limits, and makes allocations fail in tests. */
static void *null_alloc(const rung_host *host, size_t size) {
  return host->allocator->alloc(host->allocator->user, size, sizeof(void *), NULL_NAME);
}

static void null_free(const rung_host *host, void *block) { host->allocator->free(host->allocator->user, block); }

static rung_status *null_out_of_memory(const rung_host *host) {
  return host->error(RUNG_OUT_OF_MEMORY, __FILE__, __LINE__, "out of memory");
}

static int null_same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* 1. Can it run here? The steps in their order; the first that fails says why, with a stable code, what was seen, and
 * what mends it. No vendor's code may be loaded, nothing may change. */
static rung_status *null_probe(const rung_host *host, const rung_option *options, size_t option_count,
                               rung_report *report) {
  (void)options, (void)option_count;
  host->step(report, RUNG_STATE_BUILT, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_FOUND, 1, NULL, "it has no library", NULL);
  host->step(report, RUNG_STATE_LINKS, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_DRIVER, 1, NULL, "none needed", NULL);
  host->step(report, RUNG_STATE_DEVICE, 1, NULL, NULL, NULL);
  host->device(report, "0", "hands on what it gets");
  host->step(report, RUNG_STATE_USABLE, 1, NULL, NULL, NULL);
  return NULL;
}

/* 2. A session lists it. The host has checked keys and values against this table. */
static const rung_option_spec null_options[] = {
    {"verbose", RUNG_OPTION_BOOL, .fallback = "false", .help = "log every island that is compiled"},
    {0},
};

static rung_status *null_open(const rung_host *host, const rung_option *options, size_t option_count,
                              void **out_provider) {
  null_provider *provider = null_alloc(host, sizeof *provider);
  if (!provider) return null_out_of_memory(host);
  provider->host = host;
  provider->verbose = 0;
  for (size_t i = 0; i < option_count; i++) /* the last one counts; "true", "1", "on" and "yes" are true */
    provider->verbose = options[i].value[0] == 't' || options[i].value[0] == '1' || options[i].value[0] == 'y' ||
                        null_same(options[i].value, "on");
  *out_provider = provider;
  return NULL;
}

static void null_close(void *state) {
  null_provider *provider = state;
  null_free(provider->host, provider);
}

/* 3. Which nodes? Every node gets an answer; a refusal says what exactly does not fit. */
static rung_status *null_claim(void *state, const rung_graph *graph, rung_claims *claims) {
  const rung_host *host = ((null_provider *)state)->host;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    if (!node->domain[0] && null_same(node->op_type, "Identity"))
      host->accept(claims, node);
    else
      host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s%s%s", node->domain, node->domain[0] ? "." : "",
                   node->op_type);
  }
  return NULL;
}

/* 4. An island of claimed nodes becomes an executable. The island lives until the executable is freed. */
static const rung_value_info *null_origin(const rung_graph *island, const rung_value_info *value) {
  for (uint32_t n = island->node_count; n-- > 0;) /* against the topological order: one walk follows a whole row */
    if (island->nodes[n]->outputs[0] == value) value = island->nodes[n]->inputs[0];
  return value;
}

static rung_status *null_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                 void **out_executable) {
  const rung_host *host = compile->host;
  null_executable *executable =
      null_alloc(host, sizeof *executable + island->output_count * sizeof executable->sources[0]);
  if (!executable) return null_out_of_memory(host);
  executable->host = host;
  for (uint32_t i = 0; i < island->output_count; i++) {
    const rung_value_info *origin = null_origin(island, island->outputs[i]);
    executable->sources[i].constant = origin->constant;
    executable->sources[i].input = 0;
    for (uint32_t k = 0; k < island->input_count; k++)
      if (island->inputs[k] == origin) executable->sources[i].input = k;
  }
  if (((null_provider *)state)->verbose)
    host->log(host, RUNG_LOG_WARNING, NULL_NAME ": an island of %u nodes", (unsigned)island->node_count);
  *out_executable = executable;
  return NULL;
}

static void null_free_executable(void *state) {
  null_executable *executable = state;
  null_free(executable->host, executable);
}

/* 5. A run: every output is given. One that is computed is asked for with host->output instead, and filled. */
static rung_status *null_run(void *state, const rung_run *run, rung_fence **out_fence) {
  const null_executable *executable = state;
  (void)out_fence; /* stays NULL: all is done when this returns */
  for (uint32_t i = 0; i < run->output_count; i++) {
    const struct null_source *source = &executable->sources[i];
    rung_value *value = source->constant ? source->constant : run->inputs[source->input];
    rung_status *status = run->host->give(run, i, run->host->retain(value));
    if (status) return status;
  }
  return NULL;
}

const rung_provider_api rung_provider_null = {
    .struct_size = sizeof(rung_provider_api),
    .abi = RUNG_PROVIDER_ABI,
    .name = NULL_NAME,
    .summary = "hands its inputs on: the skeleton of a provider",
    .version = "0.1",
    .options = null_options,
    .probe = null_probe,
    .open = null_open,
    .close = null_close,
    .claim = null_claim,
    .compile = null_compile,
    .free_executable = null_free_executable,
    .run = null_run,
};

#ifdef RUNG_PROVIDER_LIBRARY
const rung_provider_api *rung_provider_entry(void);
const rung_provider_api *rung_provider_entry(void) { return &rung_provider_null; }
#endif
