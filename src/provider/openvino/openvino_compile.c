/* Islands become engines, or nodes are refused.
 *
 * OpenVINO says that it cannot take an island, not which node is to blame. So parts of it are tried: the shortest
 * beginning of the island that fails ends with a node that OpenVINO does not take after those before it. That node is
 * refused, and the search goes on among the others until they pass. The session then claims again without the refused
 * ones. An island that comes back unchanged in that next round finds its engine among the idle ones. */
#include "provider/openvino/openvino.h"

/* Trying */

typedef struct trial {
  openvino_provider *provider;
  const rung_graph *island;
  const rung_compile *compile;
  bool fixed;             /* all input shapes are known, */
  openvino_shapes shapes; /* and what follows from them */
  bool compiles;          /* reading alone did not show what is wrong */
} trial;

static rung_status *check_progress(const trial *t, uint64_t done, uint64_t total) {
  RUNG_REQUIRE(!t->provider->host->progress(t->compile, "OpenVINO", done, total), CANCELLED, "compiling was cancelled");
  return NULL;
}

/* `nodes` NULL: all. */
static rung_status *write_nodes(const trial *t, rung_node *const *nodes, uint32_t count, rung_text *text) {
  rung_writing writing = {.struct_size = sizeof writing,
                          .nodes = nodes,
                          .node_count = count,
                          .amendments = t->shapes.amendments,
                          .amendment_count = (uint32_t)t->shapes.amendment_count};
  return rung__openvino_write(t->provider, t->island, &writing, text);
}

static rung_status *try_nodes(const trial *t, rung_node *const *nodes, uint32_t count) {
  const openvino_functions *call = &t->provider->library.call;
  ov_model *model = NULL;
  ov_compiled_model *compiled = NULL;
  rung_text text;
  RUNG_TRY(check_progress(t, count, t->island->node_count));
  rung_text_init(&text, t->provider->host->allocator);
  rung_status *status = write_nodes(t, nodes, count, &text);
  if (!status) status = rung__openvino_read(t->provider, &text, &model);
  if (!status && t->compiles) status = rung__openvino_compile_model(t->provider, model, &compiled);
  if (compiled) call->compiled_model_free(compiled);
  if (model) call->model_free(model);
  rung_text_finish(&text);
  return status;
}

static bool is_refusal(const rung_status *status) { return rung_status_code(status) == RUNG_PROVIDER; }

/* How many of the nodes are the shortest beginning that fails; all of them are known to. *out_why is its failure. */
static rung_status *find_shortest(const trial *t, rung_node *const *nodes, uint32_t count, uint32_t *out_length,
                                  rung_status **out_why) {
  uint32_t passes = 0, fails = count;
  while (fails - passes > 1) {
    uint32_t middle = passes + (fails - passes) / 2;
    rung_status *status = try_nodes(t, nodes, middle);
    if (status && !is_refusal(status)) return status;
    if (status) {
      rung_status_free(*out_why);
      *out_why = status;
    }
    *(status ? &fails : &passes) = middle;
  }
  *out_length = fails;
  return NULL;
}

/* Refuses nodes until the others pass; `why` is the failure of all of them, and taken. */
static rung_status *refuse_culprits(const trial *t, rung_node **nodes, uint32_t count, rung_status *why) {
  enum { MOST = 32 };
  const rung_host *host = t->provider->host;
  rung_status *status = NULL;
  uint32_t refused = 0;
  while (why && !status && refused++ < MOST) {
    uint32_t length = 0;
    status = find_shortest(t, nodes, count, &length, &why);
    if (status) break;
    host->refuse(t->compile->claims, nodes[length - 1], RUNG_REASON_COMPILE, "%s", rung_status_message(why));
    memmove(nodes + length - 1, nodes + length, (--count - (length - 1)) * sizeof *nodes);
    rung_status_free(why);
    why = count ? try_nodes(t, nodes, count) : NULL;
    if (why && !is_refusal(why)) {
      status = why;
      why = NULL;
    }
  }
  for (uint32_t n = 0; why && !status && n < count; n++)
    host->refuse(t->compile->claims, nodes[n], RUNG_REASON_COMPILE, "after %d others were refused: %s", MOST,
                 rung_status_message(why));
  rung_status_free(why);
  return status;
}

/* The whole island, with what is said of it. */
static rung_status *refuse_all(const trial *t, rung_reason reason, rung_status *why) {
  for (uint32_t n = 0; n < t->island->node_count; n++)
    t->provider->host->refuse(t->compile->claims, t->island->nodes[n], reason, "%s", rung_status_message(why));
  rung_status_free(why);
  return RUNG_ERROR(UNSUPPORTED, "OpenVINO refused the island");
}

/* `why` is taken. When all nodes pass, it was no node's fault: the outputs were not what the graph promises. */
static rung_status *settle(trial *t, rung_status *why) {
  const rung_graph *island = t->island;
  rung_status *again = try_nodes(t, island->nodes, island->node_count);
  if (!again) return refuse_all(t, RUNG_REASON_COMPILE, why);
  rung_status_free(why);
  if (!is_refusal(again)) return again;
  rung_node **nodes = rung_alloc(t->provider->host->allocator, island->node_count, sizeof *nodes, "openvino");
  if (!nodes) {
    rung_status_free(again);
    return rung_status_out_of_memory();
  }
  memcpy(nodes, island->nodes, island->node_count * sizeof *nodes);
  rung_status *status = refuse_culprits(t, nodes, island->node_count, again);
  rung_free(t->provider->host->allocator, nodes);
  return status ? status : RUNG_ERROR(UNSUPPORTED, "OpenVINO refused nodes of the island");
}

/* Making */

static openvino_engine *take_idle(openvino_provider *provider, const char *identity) {
  openvino_engine **link = &provider->idle;
  while (*link && strcmp((*link)->identity, identity) != 0) link = &(*link)->next;
  openvino_engine *engine = *link;
  if (engine) *link = engine->next;
  return engine;
}

/* A model with open dimensions is compiled as it stands, to see that it can be; kept only when that is asked for. */
static rung_status *compile_open(const trial *t, openvino_engine *engine) {
  ov_compiled_model *compiled;
  RUNG_TRY(rung__openvino_compile_model(t->provider, engine->model, &compiled));
  if (t->provider->settings.dynamic)
    engine->whole.model = compiled;
  else
    t->provider->library.call.compiled_model_free(compiled);
  return NULL;
}

static rung_status *make_engine(trial *t, const rung_text *text, const char *identity, const int64_t *key,
                                openvino_engine **out_engine) {
  openvino_variant *variant;
  ov_model *model;
  *out_engine = take_idle(t->provider, identity);
  if (*out_engine) (*out_engine)->shelf = t->compile->shelf;
  if (*out_engine) return NULL;
  RUNG_TRY(rung__openvino_read(t->provider, text, &model));
  t->compiles = true;
  RUNG_TRY(rung__openvino_engine_create(t->provider, t->island, model, out_engine));
  memcpy((*out_engine)->identity, identity, RUNG_SHA1_TEXT);
  (*out_engine)->fixed = key != NULL;
  (*out_engine)->shelf = t->compile->shelf;
  rung_status *status = NULL;
  if (key) {
    status = rung__openvino_take_variant(*out_engine, t->island, key, &variant);
    if (!status) rung__openvino_give_variant(*out_engine, variant);
  } else {
    status = compile_open(t, *out_engine);
  }
  if (status) rung__openvino_engine_free(*out_engine);
  return status;
}

/* `key`: room for one. Where all input shapes are known, what follows from them is known before OpenVINO is asked. */
static rung_status *compile_island(trial *t, int64_t *key, rung_arena *arena, rung_text *text,
                                   openvino_engine **out_engine) {
  char identity[RUNG_SHA1_TEXT];
  RUNG_TRY(check_progress(t, 0, t->island->node_count));
  t->fixed = rung__openvino_static_key(t->island, key);
  if (t->fixed) RUNG_TRY(rung__openvino_infer(t->provider->host, t->island, key, arena, &t->shapes));
  rung_status *status = write_nodes(t, NULL, 0, text);
  if (rung_status_code(status) == RUNG_LIMIT) return refuse_all(t, RUNG_REASON_MEMORY, status);
  if (rung_status_code(status) == RUNG_UNSUPPORTED) return refuse_all(t, RUNG_REASON_COMPILE, status);
  RUNG_TRY(status);
  rung_sha1_text(text->data, text->size, identity);
  status = make_engine(t, text, identity, t->fixed ? key : NULL, out_engine);
  return is_refusal(status) ? settle(t, status) : status;
}

rung_status *rung__openvino_make_executable(const openvino_provider *provider, const rung_graph *island,
                                            openvino_engine *engine, void **out_executable) {
  openvino_executable *executable = rung_alloc(provider->host->allocator, 1, sizeof *executable, "openvino");
  if (!executable) {
    rung__openvino_engine_free(engine);
    return rung_status_out_of_memory();
  }
  *executable = (openvino_executable){engine, island};
  *out_executable = executable;
  return NULL;
}

rung_status *rung__openvino_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                    void **out_executable) {
  trial t = {.provider = state, .island = island, .compile = compile};
  const rung_allocator *allocator = t.provider->host->allocator;
  openvino_engine *engine;
  rung_arena arena;
  rung_text text;
  rung_arena_init(&arena, allocator);
  rung_text_init(&text, allocator);
  int64_t *key = rung_arena_alloc(&arena, rung__openvino_key_size(island), sizeof *key);
  rung_status *status = key ? compile_island(&t, key, &arena, &text, &engine) : rung_status_out_of_memory();
  rung_text_finish(&text);
  rung_arena_finish(&arena);
  return status ? status : rung__openvino_make_executable(t.provider, island, engine, out_executable);
}

void rung__openvino_free_executable(void *state) {
  openvino_executable *executable = state;
  openvino_provider *provider = executable->engine->provider;
  if (executable->engine->blob) { /* which the host takes away now */
    rung__openvino_engine_free(executable->engine);
  } else {
    executable->engine->next = provider->idle;
    provider->idle = executable->engine;
  }
  rung_free(provider->host->allocator, executable);
}

void rung__openvino_trim(void *state) {
  openvino_provider *provider = state;
  while (provider->idle) {
    openvino_engine *engine = provider->idle;
    provider->idle = engine->next;
    rung__openvino_engine_free(engine);
  }
}
