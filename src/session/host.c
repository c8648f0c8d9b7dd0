/* The host's side of rung_provider.h: the table that every provider gets. */
#include "base/os.h"
#include "base/str.h"
#include "graph/graph_write.h"
#include "session/cache.h"
#include "session/cache_key.h"
#include "session/compile_job.h"
#include "session/execute.h"
#include "session/place.h"

#include <stdarg.h>
#include <stdio.h>

static rung_status *host_error(rung_code code, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  bool known = code != RUNG_OK && strcmp(rung_code_name(code), "UNKNOWN") != 0;
  rung_status *status = rung_status_make_v(known ? code : RUNG_PROVIDER, file, line, format, args);
  va_end(args);
  return status;
}

static void host_log(const rung_host *host, rung_log_level level, const char *format, ...) {
  const rung_instance *instance = host->context;
  char line[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  rung_log_line(&instance->env->log, level, "%s", line);
}

/* From the first piece of a thread to its last. */
typedef struct part {
  uint64_t began, ended; /* ended 0: it took none */
} part;

/* Pieces of a run that was cancelled, or is late, are skipped. */
typedef struct piece {
  const rung_run *run;
  void (*fn)(void *context, size_t begin, size_t end);
  void *context;
  part *parts; /* by slot of the pool, each written by its thread alone; NULL: no profile is made */
} piece;

static void run_piece(void *context, size_t begin, size_t end) {
  const piece *p = context;
  part *mine = p->parts ? &p->parts[rung_pool_slot()] : NULL;
  if (mine && !mine->ended) mine->began = rung_os_now_ns();
  if (!rung__run_cancelled(p->run)) p->fn(p->context, begin, end);
  if (mine) mine->ended = rung_os_now_ns();
}

static void host_parallel(const rung_host *host, const rung_run *run, size_t count, size_t grain,
                          void (*fn)(void *context, size_t begin, size_t end), void *context) {
  const rung_instance *instance = host->context;
  const rung_allocator *allocator = instance->env->allocator;
  size_t threads = rung_pool_threads(instance->env->pool);
  part *parts = run && run->profile ? rung_alloc(allocator, threads, sizeof *parts, "profile") : NULL;
  piece p = {run, fn, context, parts};
  rung_pool_task task = {.run = run ? run_piece : fn,
                         .context = run ? (void *)&p : context,
                         .count = count,
                         .grain = grain,
                         .max_threads = host->threads};
  rung_pool_run(instance->env->pool, &task);
  for (size_t i = 1; parts && i < threads; i++)
    if (parts[i].ended) rung__run_part(run, (uint32_t)i, parts[i].began, parts[i].ended);
  rung_free(allocator, parts);
}

/* Claims */

static claim_answer *answer_for(rung_claims *claims, const rung_node *node) {
  if (!claims->answers || !node || node->graph != claims->graph || node->index >= claims->graph->node_count) return NULL;
  return &claims->answers[node->index];
}

static void host_accept(rung_claims *claims, const rung_node *node) {
  claim_answer *answer = answer_for(claims, node);
  if (!answer) return;
  answer->what = CLAIM_ACCEPTED;
  answer->group = 0;
}

static void host_accept_group(rung_claims *claims, const rung_node *const *nodes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!answer_for(claims, nodes[i])) return; /* not to be had whole */
  uint32_t group = ++claims->groups;
  for (size_t i = 0; i < count; i++) {
    claim_answer *answer = answer_for(claims, nodes[i]);
    answer->what = CLAIM_ACCEPTED;
    answer->group = group;
  }
}

/* compile: a node in the body of a claimed one stands for that. NULL: none of the island. */
static rung_node *node_of_island(const rung_graph *island, const rung_node *node) {
  while (node && node->graph != island->nodes[0]->graph) node = node->graph->parent;
  for (uint32_t n = 0; node && n < island->node_count; n++)
    if (island->nodes[n] == node) return island->nodes[n];
  return NULL;
}

void rung__refuse_compiled(rung_claims *claims, const rung_node *asked, rung_reason reason, const char *words) {
  rung_instance *instance = claims->instance;
  rung_node *node = node_of_island(claims->graph, asked);
  if (!node || rung__was_refused(node, claims->link)) return;
  refusal why = {node, claims->link, reason, words, true};
  if (!rung_vec_push(instance->env->allocator, &instance->refusals, why)) {
    claims->failed = true;
    return;
  }
  node->refused_by |= 1u << claims->link;
  claims->refused = true;
}

static void host_refuse(rung_claims *claims, const rung_node *node, rung_reason reason, const char *format, ...) {
  rung_instance *instance = claims->instance;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const char *words = rung_arena_copy(&instance->arena, text, strlen(text));
  claim_answer *answer = answer_for(claims, node);
  if (!words) {
    claims->failed = true;
  } else if (!claims->answers) {
    rung__refuse_compiled(claims, node, reason, words);
  } else if (answer) {
    rung_status *status = rung__note_refusal(instance, answer, node, claims->link, reason, words);
    answer->what = CLAIM_REFUSED;
    if (status) claims->failed = true;
    rung_status_free(status);
  }
}

/* Values */

static rung_kind host_kind(const rung_value *value) { return value->kind; }
static const rung_tensor *host_tensor(const rung_value *value) {
  return value->kind == RUNG_TENSOR ? &value->tensor : NULL;
}
static size_t host_item_count(const rung_value *value) { return value->count; }
static rung_value *host_item(const rung_value *value, size_t index) {
  return index < value->count ? value->items[index] : NULL;
}
static rung_status *host_new_tensor(const rung_host *host, rung_dtype dtype, int32_t rank, const int64_t *dims,
                                    rung_value **out_value) {
  return rung_value_new_tensor(host->allocator, dtype, rank, dims, out_value);
}
static rung_status *host_wrap(const rung_host *host, const rung_tensor *tensor, void (*release)(void *, void *),
                              void *user, rung_value **out_value) {
  return rung_value_wrap(host->allocator, tensor, release, user, out_value);
}

static rung_status *host_share(const rung_host *host, const void *key, size_t key_size,
                               rung_status *(*make)(void *user, void **out_block), void *user, void **out_block) {
  const rung_instance *instance = host->context;
  return rung_model_share(instance->model, key, key_size, make, user, out_block);
}

/* Graphs */

static const rung_attribute *host_attribute(const rung_node *node, const char *name) {
  return rung_node_attribute(node, name);
}

static rung_status *host_write_onnx(const rung_graph *graph, const rung_writing *writing, const rung_sink *sink) {
  return rung_graph_write(graph, writing, sink);
}

void rung__host_init(rung_instance *instance, const rung_session_options *options) {
  uint32_t width = (uint32_t)rung_pool_threads(instance->env->pool);
  instance->host = (rung_host){
      .struct_size = sizeof(rung_host),
      .abi = RUNG_PROVIDER_ABI,
      .cpu_features = instance->env->cpu_mask,
      .threads = options->threads ? RUNG_MIN(options->threads, width) : width,
      .seed = options->seed,
      .allocator = instance->env->allocator,
      .context = instance,
      .search_paths = instance->env->search_paths,
      .error = host_error,
      .log = host_log,
      .parallel = host_parallel,
      .step = rung_report_step,
      .device = rung_report_device,
      .accept = host_accept,
      .accept_group = host_accept_group,
      .refuse = host_refuse,
      .attribute = host_attribute,
      .kind = host_kind,
      .tensor = host_tensor,
      .item_count = host_item_count,
      .item = host_item,
      .new_tensor = host_new_tensor,
      .wrap = host_wrap,
      .retain = rung_value_retain,
      .release = rung_value_release,
      .write_onnx = host_write_onnx,
      .progress = rung__job_progress,
      .share = host_share,
      .output = rung__run_output,
      .give = rung__run_give,
      .cancelled = rung__run_cancelled,
      .event = rung__run_event,
      .now = rung_os_now_ns,
      .depends = rung__depends,
      .find_part = rung__find_part,
      .keep_part = rung__keep_part,
      .release_part = rung__release_part,
      .charge = rung__run_charge,
  };
}
