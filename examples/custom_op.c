/* An operator of your own: a provider that claims one operator, com.example.Twice, and runs it on the host's memory.
 *
 * Built as a shared library it is loaded by path, and listed in the chain like any other:
 *
 *     cc -shared -fPIC custom_op.c -o libtwice.so
 *     rung run MODEL --load ./libtwice.so -p twice,cpu
 *
 * It links nothing of rung's: what it needs comes through the table `rung_host`. */
#include "rung_provider.h"

#include <string.h>

static rung_status *probe(const rung_host *host, const rung_option *options, size_t count, rung_report *report) {
  (void)options, (void)count;
  for (int state = RUNG_STATE_BUILT; state <= RUNG_STATE_USABLE; state++)
    host->step(report, (rung_state)state, 1, NULL, NULL, NULL);
  return NULL;
}

/* No state: the host itself serves as the provider object. */
static rung_status *open_provider(const rung_host *host, const rung_option *options, size_t count,
                                  void **out_provider) {
  (void)options, (void)count;
  *out_provider = (void *)host;
  return NULL;
}

static void close_provider(void *provider) { (void)provider; }

static int is_twice(const rung_node *node) {
  return strcmp(node->domain, "com.example") == 0 && strcmp(node->op_type, "Twice") == 0 && node->input_count == 1 &&
         node->inputs[0];
}

static rung_status *claim(void *provider, const rung_graph *graph, rung_claims *claims) {
  const rung_host *host = provider;
  for (uint32_t i = 0; i < graph->node_count; i++) {
    const rung_node *node = graph->nodes[i];
    const rung_value_info *x = is_twice(node) ? node->inputs[0] : NULL;
    if (!x)
      host->refuse(claims, node, RUNG_REASON_OPERATOR, "only com.example.Twice");
    else if (x->constant) /* constants are no inputs of an island: run would have to read them from the graph */
      host->refuse(claims, node, RUNG_REASON_INPUT, "its input is a constant");
    else if (x->type.dtype && x->type.dtype != RUNG_F32) /* 0: not known before the run */
      host->refuse(claims, node, RUNG_REASON_TYPE, "only float32");
    else
      host->accept(claims, node);
  }
  return NULL;
}

/* An island of Twice nodes: kept as it is, and walked in every run. */
static rung_status *compile(void *provider, const rung_graph *island, const rung_compile *compile,
                            void **out_executable) {
  (void)provider, (void)compile;
  *out_executable = (void *)island;
  return NULL;
}

static void free_executable(void *executable) { (void)executable; }

/* How many times a value was doubled on its way from the island's input `out_input`. */
static int depth_of(const rung_graph *island, const rung_value_info *value, uint32_t *out_input) {
  int depth = 0;
  for (;;) {
    for (uint32_t i = 0; i < island->input_count; i++)
      if (island->inputs[i] == value) return *out_input = i, depth;
    value = value->producer->inputs[0];
    depth++;
  }
}

static rung_status *run(void *executable, const rung_run *run, rung_fence **out_fence) {
  const rung_graph *island = executable;
  (void)out_fence;
  for (uint32_t k = 0; k < run->output_count; k++) {
    uint32_t from = 0;
    float factor = (float)(1 << depth_of(island, island->outputs[k], &from));
    const rung_tensor *x = run->host->tensor(run->inputs[from]);
    rung_tensor y;
    if (x->dtype != RUNG_F32) return run->host->error(RUNG_UNSUPPORTED, __FILE__, __LINE__, "Twice takes float32");
    rung_status *status = run->host->output(run, k, x->dtype, x->rank, x->dims, &y);
    if (status) return status;
    for (size_t i = 0; i < x->size / sizeof(float); i++) ((float *)y.data)[i] = factor * ((const float *)x->data)[i];
  }
  return NULL;
}

/* The host has no definition of Twice: the provider says what comes out. */
static rung_status *infer(void *provider, const rung_node *node, rung_type *outputs) {
  const rung_host *host = provider;
  if (!is_twice(node)) return host->error(RUNG_UNSUPPORTED, __FILE__, __LINE__, "only com.example.Twice");
  outputs[0] = node->inputs[0]->type;
  return NULL;
}

const rung_provider_api *rung_provider_entry(void);

const rung_provider_api *rung_provider_entry(void) {
  static const rung_provider_api api = {
      .struct_size = sizeof(rung_provider_api),
      .abi = RUNG_PROVIDER_ABI,
      .name = "twice",
      .summary = "com.example.Twice",
      .version = "1",
      .probe = probe,
      .open = open_provider,
      .close = close_provider,
      .claim = claim,
      .infer = infer,
      .compile = compile,
      .free_executable = free_executable,
      .run = run,
  };
  return &api;
}
