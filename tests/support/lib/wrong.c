/* A provider that keeps the contract, but for what the environment variable WRONG names: for each check of the
 * conformance kit something that fails it (tests/kit/test_kit.c has the list). Without WRONG it is right.
 *
 * It walks its island node by node, in float32 and host memory. */
#include "rung_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAK(pointer) __lsan_ignore_object(pointer)
#else
#define LEAK(pointer) ((void)(pointer))
#endif

static int does(const char *what) {
  const char *wrong = getenv("WRONG");
  return wrong && strcmp(wrong, what) == 0;
}

#define FAIL(host, code, ...) (host)->error(RUNG_##code, __FILE__, __LINE__, __VA_ARGS__)

static void *get(const rung_host *host, size_t size) {
  return host->allocator->alloc(host->allocator->user, size ? size : 1, 64, "wrong");
}

static void put_back(const rung_host *host, void *block) {
  if (block) host->allocator->free(host->allocator->user, block);
}

static void sleep_a_little(void) { nanosleep(&(struct timespec){0, 300000}, NULL); }

/* Operators */

typedef enum kind { UNKNOWN, IDENTITY, NEG, RELU, ADD, MUL, MATMUL } kind;

static kind kind_of(const rung_node *node) {
  static const char *const names[] = {"", "Identity", "Neg", "Relu", "Add", "Mul", "MatMul"};
  for (size_t i = 1; i < sizeof names / sizeof names[0] && (!node->domain[0] || does("ignores-domain")); i++)
    if (strcmp(names[i], node->op_type) == 0) return (kind)i;
  return UNKNOWN;
}

static int same_shape(const rung_type *a, const rung_type *b) {
  return a->rank == b->rank && (!a->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0);
}

static int takes(const rung_node *node) {
  kind what = kind_of(node);
  if (does("claims-all")) return 1;
  if (!what) return 0;
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->inputs[i]->type.dtype != RUNG_F32 || node->inputs[i]->type.rank < 0) return 0;
  if (what == MATMUL) return node->inputs[0]->type.rank == 2 && node->inputs[1]->type.rank == 2;
  return what < ADD || same_shape(&node->inputs[0]->type, &node->inputs[1]->type);
}

static size_t count_of(const rung_tensor *t) {
  size_t count = 1;
  for (int32_t i = 0; i < t->rank; i++) count *= (size_t)t->dims[i];
  return count;
}

/* "half": what bfloat16 leaves of a number. */
static float rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (does("half")) bits &= 0xffff0000u;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Constants may begin at any address. */
static float number(const rung_tensor *t, size_t index) {
  float x;
  memcpy(&x, (const char *)t->data + index * sizeof x, sizeof x);
  return x;
}

static void multiply(const rung_tensor *a, const rung_tensor *b, const rung_tensor *c) {
  float *z = c->data;
  for (int64_t i = 0; i < c->dims[0]; i++)
    for (int64_t j = 0; j < c->dims[1]; j++) {
      float sum = 0;
      for (int64_t k = 0; k < a->dims[1]; k++)
        sum += number(a, (size_t)(i * a->dims[1] + k)) * number(b, (size_t)(k * c->dims[1] + j));
      z[i * c->dims[1] + j] = rounded(sum);
    }
}

static void compute(kind what, const rung_tensor *a, const rung_tensor *b, const rung_tensor *c) {
  float *z = c->data;
  if (what == MATMUL) {
    multiply(a, b, c);
    return;
  }
  for (size_t i = 0, count = count_of(c); i < count; i++) {
    float x = number(a, i), y = b ? number(b, i) : 0;
    z[i] = what == NEG ? -x : what == RELU ? (x < 0 ? 0 : x) : what == ADD ? x + y : what == MUL ? x * y : x;
  }
}

/* Executables */

typedef struct executable {
  const rung_host *host;
  const rung_graph *island;
  int runs, loaded;
  int64_t first_size;              /* "static-shape" */
  _Alignas(64) char scratch[4096]; /* "shared-scratch" */
} executable;

typedef struct walk {
  executable *e;
  const rung_run *run;
  rung_tensor *made; /* the first output of every node; data is our own */
} walk;

/* What a node reads. */
static const rung_tensor *operand(const walk *w, const rung_value_info *info) {
  const rung_graph *island = w->e->island;
  if (info->constant) return w->run->host->tensor(info->constant);
  for (uint32_t i = 0; i < island->input_count; i++)
    if (island->inputs[i] == info) return w->run->host->tensor(w->run->inputs[i]);
  for (uint32_t n = 0; n < island->node_count; n++)
    if (island->nodes[n]->outputs[0] == info) return &w->made[n];
  return NULL;
}

static rung_status *run_node(walk *w, uint32_t n) {
  const rung_host *host = w->run->host;
  const rung_node *node = w->e->island->nodes[n];
  const rung_tensor *a = operand(w, node->inputs[0]), *b = node->input_count > 1 ? operand(w, node->inputs[1]) : NULL;
  rung_tensor *c = &w->made[n];
  if (does("alignment") && b && (uintptr_t)b->data % 4) return FAIL(host, PROVIDER, "it needs aligned memory");
  *c = *a;
  if (kind_of(node) == MATMUL) c->dims[1] = b->dims[1];
  c->size = count_of(c) * sizeof(float);
  c->data = does("shared-scratch") ? w->e->scratch : get(host, c->size);
  if (!c->data && !does("no-memory-crash")) return FAIL(host, OUT_OF_MEMORY, "out of memory");
  if (does("no-memory-crash")) ((volatile char *)c->data)[0] = 0;
  compute(kind_of(node), a, b, c);
  return NULL;
}

/* Between a node and the next: 1 when the run is to end. */
static int stops(const walk *w) {
  if (does("ignores-cancel")) return 0;
  return w->run->host->cancelled(w->run) && !does("cancelled-success");
}

static void spoil(const walk *w, const rung_tensor *made, char *to) {
  if (does("overrun")) to[made->size] = 1;
  if (does("underrun")) to[-1] = 1;
  if (does("wrong-value") && made->size > sizeof(float)) ((float *)to)[1] += 0.001f;
  if (does("load-differs") && made->size) ((float *)to)[0] += 0.001f * (float)w->e->loaded;
  if (does("mutable") && made->size) ((float *)to)[0] += (float)w->e->runs;
}

static rung_status *hand_out(const walk *w, uint32_t i) {
  const rung_host *host = w->run->host;
  const rung_tensor *made = operand(w, w->e->island->outputs[i]);
  rung_tensor to;
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, made->dims, sizeof dims);
  if (does("forgets-output") && i + 1 == w->run->output_count) return NULL;
  if (does("static-shape") && made->rank) {
    if (w->e->first_size < 0) w->e->first_size = dims[0];
    dims[0] = w->e->first_size;
  }
  rung_status *status = host->output(w->run, i, RUNG_F32, made->rank, dims, &to);
  if (!status && does("twice")) status = host->output(w->run, i, RUNG_F32, made->rank, dims, &to);
  if (status && does("drops-error")) {
    LEAK(status); /* nobody frees it: that is what is wrong */
    return FAIL(host, PROVIDER, "something is wrong");
  }
  if (status) return status;
  if (made->size) memcpy(to.data, made->data, made->size < to.size ? made->size : to.size);
  spoil(w, made, to.data);
  return NULL;
}

/* What goes wrong before anything is computed. */
static rung_status *begin_wrongly(const rung_run *run) {
  const rung_host *host = run->host;
  const rung_tensor *x = run->input_count ? host->tensor(run->inputs[0]) : NULL;
  if (does("crash")) abort();
  if (does("exit")) exit(3);
  if (does("hang"))
    for (;;) sleep_a_little();
  if (does("leak")) (void)get(host, 100);
  if (does("leak-value") && x) (void)host->retain(run->inputs[0]);
  if (does("writes-input") && x && x->size) ((volatile char *)x->data)[0] = 1;
  if (does("reads-past-input") && x && x->size) (void)((volatile char *)x->data)[x->size];
  if (does("empty") && x && !x->size) return FAIL(host, PROVIDER, "it needs elements");
  if (does("event") && run->profile) host->event(run, NULL, host->now(), 0);
  return NULL;
}

static rung_status *wrong_run(void *state, const rung_run *run, rung_fence **out_fence) {
  executable *e = state;
  const rung_host *host = run->host;
  (void)out_fence;
  walk w = {e, run, get(host, e->island->node_count * sizeof *w.made)};
  rung_status *status = w.made ? begin_wrongly(run) : FAIL(host, OUT_OF_MEMORY, "out of memory");
  uint32_t done = 0;
  for (; done < e->island->node_count && !status; done++) {
    w.made[done].data = NULL;
    status = stops(&w) ? FAIL(host, CANCELLED, "it was cancelled") : run_node(&w, done);
  }
  if (does("shared-scratch")) sleep_a_little();
  for (uint32_t i = 0; i < run->output_count && !status; i++) status = hand_out(&w, i);
  if (does("mutable")) e->runs++;
  for (uint32_t n = 0; n < done; n++)
    if (!does("shared-scratch")) put_back(host, w.made[n].data);
  put_back(host, w.made);
  return status;
}

static rung_status *wrong_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                  void **out_executable) {
  const rung_host *host = compile->host;
  (void)state;
  int stop = host->progress(compile, "wrong", 0, 1);
  if (stop && !does("ignores-stop")) return FAIL(host, CANCELLED, "it was stopped");
  if (does("unsupported")) return FAIL(host, UNSUPPORTED, "something in there is too hard");
  if (does("refuses-and-succeeds")) host->refuse(compile->claims, island->nodes[0], RUNG_REASON_COMPILE, "too hard");
  executable *e = get(host, sizeof *e);
  if (!e) return FAIL(host, OUT_OF_MEMORY, "out of memory");
  *e = (executable){.host = host, .island = island, .first_size = -1};
  *out_executable = e;
  return NULL;
}

/* What is saved: that it was. */

static rung_status *wrong_identity(void *state, rung_identity *identity) {
  static int number;
  char text[20];
  snprintf(text, sizeof text, "%d", does("identity") ? ++number : 1);
  (*(const rung_host **)state)->depends(identity, "device", text);
  return NULL;
}

static rung_status *wrong_save(void *state, const rung_saving *saving) {
  (void)state;
  return saving->sink->write(saving->sink->user, "saved", 6);
}

static rung_status *wrong_load(void *state, const rung_graph *island, const rung_compile *compile, const void *data,
                               size_t size, void **out_executable) {
  if (size != 6 || memcmp(data, "saved", 6) != 0 || does("load-fails"))
    return FAIL(compile->host, PROVIDER, "it does not load");
  rung_status *status = wrong_compile(state, island, compile, out_executable);
  if (!status) ((executable *)*out_executable)->loaded = 1;
  return status;
}

static void wrong_free_executable(void *state) {
  if (!does("leak-executable")) put_back(((executable *)state)->host, state);
}

static void wrong_describe(void *state, char *buffer, size_t size) {
  static int number;
  (void)state;
  if (does("describe"))
    memcpy(buffer, "ten bytes", 10);
  else
    snprintf(buffer, size, "node by node, %d", does("describes-anew") ? ++number : 1);
}

/* Claims */

static rung_status *wrong_claim(void *state, const rung_graph *graph, rung_claims *claims) {
  const rung_host *host = *(const rung_host **)state;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    rung_node stranger = *node;
    if (does("stranger")) host->refuse(claims, &stranger, RUNG_REASON_OPERATOR, "%s", node->op_type);
    if (takes(node))
      host->accept(claims, node);
    else if (does("wordless"))
      host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s", "");
    else if (does("reason"))
      host->refuse(claims, node, (rung_reason)99, "%s", node->op_type);
    else
      host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s", node->op_type);
  }
  return NULL;
}

/* Life */

static void report_failure(const rung_host *host, rung_report *report) {
  const char *code = does("probe-code") ? "no-device" : "wrong.no-device";
  host->step(report, RUNG_STATE_DEVICE, 0, code, does("probe-evidence") ? NULL : "there is none",
             does("probe-fix") ? NULL : "plug one in");
}

static rung_status *wrong_probe(const rung_host *host, const rung_option *options, size_t count, rung_report *report) {
  static int probes;
  char evidence[40];
  (void)options, (void)count;
  if (does("probe-file") && !fopen("/dev/null", "r")) return FAIL(host, IO, "no /dev/null");
  if (does("probe-variable")) setenv("WRONG_HAS_BEEN_HERE", "1", 1);
  snprintf(evidence, sizeof evidence, "looked at %d times", does("probe-twice") ? ++probes : 1);
  host->step(report, RUNG_STATE_BUILT, 1, NULL, NULL, NULL);
  if (does("probe-order")) host->step(report, RUNG_STATE_LINKS, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_FOUND, 1, NULL, evidence, NULL);
  if (!does("probe-order")) host->step(report, RUNG_STATE_LINKS, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_DRIVER, 1, NULL, NULL, NULL);
  if (does("unusable") || does("probe-code") || does("probe-evidence") || does("probe-fix")) {
    report_failure(host, report);
    return NULL;
  }
  host->step(report, RUNG_STATE_DEVICE, 1, NULL, NULL, NULL);
  host->step(report, RUNG_STATE_USABLE, 1, NULL, NULL, NULL);
  return NULL;
}

static rung_status *wrong_open(const rung_host *host, const rung_option *options, size_t count, void **out_provider) {
  (void)options, (void)count;
  const rung_host **state = get(host, sizeof *state);
  if (!state) return FAIL(host, OUT_OF_MEMORY, "out of memory");
  *state = host;
  *out_provider = state;
  return NULL;
}

static void wrong_close(void *state) { put_back(*(const rung_host **)state, state); }

/* "device-memory": the host can read it, so only copies go wrong. */

static rung_status *device_alloc(rung_memory *memory, size_t bytes, void **out_data) {
  *out_data = get(memory->context, bytes);
  return *out_data ? NULL : FAIL((const rung_host *)memory->context, OUT_OF_MEMORY, "out of memory");
}

static void device_free(rung_memory *memory, void *data) { put_back(memory->context, data); }

static rung_status *device_copy(rung_memory *memory, void *to, const void *from, size_t bytes) {
  (void)memory;
  memcpy(to, from, bytes - 1);
  return NULL;
}

static rung_memory *wrong_memory(void *state) {
  static rung_memory memory = {.struct_size = sizeof memory,
                               .kind = "wrong",
                               .alignment = 64,
                               .host_visible = 1,
                               .alloc = device_alloc,
                               .free = device_free,
                               .copy_in = device_copy,
                               .copy_out = device_copy};
  memory.context = (void *)*(const rung_host **)state;
  return does("device-memory") ? &memory : NULL;
}

static const char *wrong_precision(void *state) {
  (void)state;
  return does("precision") ? "bf16" : NULL;
}

static int wrong_support(const char *domain, const char *op_type, char *types, size_t size) {
  if (does("knows-everything")) return 1;
  if (domain[0] || strcmp(op_type, "Neg") != 0) return 0;
  if (does("support"))
    memcpy(types, "float32", 8);
  else
    snprintf(types, size, "float32");
  return 1;
}

static rung_option_spec option_specs[] = {{"fast", RUNG_OPTION_BOOL, .fallback = "false", .help = "no slower"}, {0}};

static rung_provider_api api = {
    .struct_size = sizeof(rung_provider_api),
    .abi = RUNG_PROVIDER_ABI,
    .name = "wrong",
    .summary = "right, but for what is asked of it",
    .version = "1",
    .options = option_specs,
    .probe = wrong_probe,
    .open = wrong_open,
    .close = wrong_close,
    .memory = wrong_memory,
    .claim = wrong_claim,
    .compile = wrong_compile,
    .free_executable = wrong_free_executable,
    .run = wrong_run,
    .describe = wrong_describe,
    .precision = wrong_precision,
    .support = wrong_support,
    .identity = wrong_identity,
    .save = wrong_save,
    .load = wrong_load,
};

const rung_provider_api *rung_provider_entry(void);
const rung_provider_api *rung_provider_entry(void) {
  if (does("no-run")) api.run = NULL;
  if (does("no-summary")) api.summary = "";
  if (does("size")) api.struct_size = 2 * sizeof api;
  if (does("no-load")) api.load = NULL;
  if (does("no-help")) option_specs[0].help = NULL;
  if (does("fallback")) option_specs[0].fallback = "perhaps";
  if (does("key")) option_specs[0].key = "Very Fast";
  return &api;
}
