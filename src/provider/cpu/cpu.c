/* The CPU provider: one kernel per operator, run by opwise.
 *
 * claim asks the kernel table; compile turns nodes into steps (and fuses some, see cpu_fuse.c); opwise does the rest.
 */
#include "provider/cpu/cpu.h"

#include "provider/cpu/cpu_fuse.h"

#include <stdio.h>

/* State and options */

typedef struct cpu_provider {
  const rung_host *host;
} cpu_provider;

static const rung_option_spec options[] = {
    {"num_threads", RUNG_OPTION_INT, .min = 1, .max = 4096, .help = "threads at most", .caps_threads = 1},
    {0},
};

static rung_status *cpu_probe(const rung_host *host, const rung_option *given, size_t count, rung_report *report) {
  (void)given, (void)count;
  host->step(report, RUNG_STATE_BUILT, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_FOUND, 1, NULL, "part of rung", NULL);
  host->step(report, RUNG_STATE_LINKS, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_DRIVER, 1, NULL, "none needed", NULL);
  host->device(report, "0", "CPU");
  host->step(report, RUNG_STATE_DEVICE, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_USABLE, 1, NULL, NULL, NULL);
  return NULL;
}

static rung_status *cpu_open(const rung_host *host, const rung_option *given, size_t count, void **out_provider) {
  (void)given, (void)count;
  cpu_provider *provider = rung_alloc(host->allocator, 1, sizeof *provider, "cpu");
  RUNG_CHECK_ALLOC(provider);
  provider->host = host;
  *out_provider = provider;
  return NULL;
}

static void cpu_close(void *state) {
  cpu_provider *provider = state;
  rung_free(provider->host->allocator, provider);
}

/* Claims */

static void claim_node(const rung_host *host, const rung_node *node, rung_claims *claims) {
  if (!node->op) {
    const rung_op *known = rung_op_find(node->domain, node->op_type);
    if (known)
      host->refuse(claims, node, RUNG_REASON_OPSET, "opset %lld of %s; it is known in %d to %lld",
                   (long long)node->opset, node->domain[0] ? node->domain : "ai.onnx", known->since,
                   (long long)rung_op_newest(node->domain));
    else
      host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s%s%s", node->domain, node->domain[0] ? "." : "",
                   node->op_type);
    return;
  }
  const rung_kernel *kernel = rung_cpu_kernel(node->op);
  rung_reason reason = RUNG_REASON_OPERATOR;
  char words[256];
  if (!kernel && (node->op->flags & RUNG_OP_EXPANDS))
    host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s.%s runs as what it is made of, by the pass expand",
                 node->domain, node->op_type);
  else if (!kernel)
    host->refuse(claims, node, RUNG_REASON_CONTROL_FLOW, "the session drives %s", node->op_type);
  else if (rung_opwise_accepts(kernel, node, &reason, words, sizeof words))
    host->accept(claims, node);
  else
    host->refuse(claims, node, reason, "%s", words);
}

static rung_status *cpu_claim(void *state, const rung_graph *graph, rung_claims *claims) {
  const cpu_provider *provider = state;
  for (uint32_t n = 0; n < graph->node_count; n++) claim_node(provider->host, graph->nodes[n], claims);
  return NULL;
}

/* Executables */

typedef struct cpu_executable {
  const rung_host *host;
  rung_arena arena; /* steps */
  rung_opwise *opwise;
  size_t step_count, narrow_count; /* narrow: computed in less than float32 */
} cpu_executable;

static void cpu_free_executable(void *state) {
  cpu_executable *executable = state;
  rung_opwise_free(executable->opwise);
  rung_arena_finish(&executable->arena);
  rung_free(executable->host->allocator, executable);
}

static rung_status *cpu_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                void **out_executable) {
  (void)state;
  const rung_host *host = compile->host;
  cpu_executable *executable = rung_alloc(host->allocator, 1, sizeof *executable, "cpu");
  RUNG_CHECK_ALLOC(executable);
  executable->host = host;
  rung_arena_init(&executable->arena, host->allocator);
  rung_step *steps;
  rung_status *status = rung_cpu_make_steps(island, &executable->arena, &steps, &executable->step_count);
  if (!status) status = rung_opwise_create(host, island, steps, executable->step_count, &executable->opwise);
  if (status) {
    cpu_free_executable(executable);
    return status;
  }
  for (size_t i = 0; i < executable->step_count; i++)
    executable->narrow_count += steps[i].kernel->is_narrow && steps[i].kernel->is_narrow(host, steps[i].node);
  *out_executable = executable;
  return NULL;
}

static rung_status *cpu_run(void *state, const rung_run *run, rung_fence **out_fence) {
  (void)out_fence;
  return rung_opwise_run(((cpu_executable *)state)->opwise, run);
}

static void cpu_describe(void *state, char *buffer, size_t size) {
  const cpu_executable *executable = state;
  int used = snprintf(buffer, size, "%zu steps, float32 exact", executable->step_count);
  if (executable->narrow_count && used > 0 && (size_t)used < size)
    snprintf(buffer + used, size - (size_t)used, " but %zu products of int8 (accuracy_level 4)",
             executable->narrow_count);
}

static rung_status *cpu_evaluate(const rung_host *host, const rung_node *node, rung_value *const *inputs,
                                 rung_value **outputs) {
  const rung_kernel *kernel = node->op ? rung_cpu_kernel(node->op) : NULL;
  rung_reason reason;
  char words[256];
  RUNG_REQUIRE(kernel && rung_opwise_accepts(kernel, node, &reason, words, sizeof words), UNSUPPORTED,
               "no kernel for %s", node->op_type);
  return rung_opwise_evaluate(host, kernel, node, inputs, outputs);
}

static int cpu_support(const char *domain, const char *op_type, char *types, size_t size) {
  const rung_op *op = rung_op_find(domain, op_type);
  const rung_kernel *kernel = op ? rung_cpu_kernel(rung_op_meaning(op)) : NULL;
  if (!kernel) return 0;
  size_t at = 0;
  const char *lacking = kernel->lacking ? kernel->lacking() : NULL;
  snprintf(types, size, "%s", lacking ? lacking : "");
  if (lacking) return 1;
  for (size_t k = 0; k < RUNG_COUNT(kernel->types) && kernel->types[k].variable; k++) {
    at += (size_t)snprintf(types + RUNG_MIN(at, size - 1), size - RUNG_MIN(at, size - 1), "%s%c:", k ? "; " : "",
                           kernel->types[k].variable);
    for (rung_dtype dtype = RUNG_F32; rung_dtype_facts(dtype); dtype++)
      if (kernel->types[k].types & RUNG_SET(dtype))
        at += (size_t)snprintf(types + RUNG_MIN(at, size - 1), size - RUNG_MIN(at, size - 1), " %s",
                               rung_dtype_name(dtype));
  }
  return 1;
}

const rung_provider_api rung_provider_cpu = {
    .struct_size = sizeof(rung_provider_api),
    .abi = RUNG_PROVIDER_ABI,
    .name = "cpu",
    .ort_name = "CPUExecutionProvider",
    .summary = "rung's own kernels for the processor",
    .version = "0.1",
    .options = options,
    .probe = cpu_probe,
    .open = cpu_open,
    .close = cpu_close,
    .claim = cpu_claim,
    .compile = cpu_compile,
    .free_executable = cpu_free_executable,
    .run = cpu_run,
    .describe = cpu_describe,
    .evaluate = cpu_evaluate,
    .support = cpu_support,
};
