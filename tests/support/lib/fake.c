/* The fake accelerator, see support/fake.h. A single FIFO queue and one thread per provider object are its stream: a
 * job that reads what an earlier job writes stands behind it.
 *
 * Device memory is real memory under another address: a handle is the address with its upper bits flipped, so that
 * whoever reads through it faults. */
#include "support/fake.h"

#include "rung_provider.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

fake_count fake_counts;

#define FAIL(host, code, ...) (host)->error(RUNG_##code, __FILE__, __LINE__, __VA_ARGS__)

/* Options */

static const rung_option_spec option_specs[] = {
    {"claim", RUNG_OPTION_STRING, .help = "operator types it takes, joined by '+'; '*': all it knows"},
    {"groups", RUNG_OPTION_STRING, .help = "names of nodes joined by '+', groups joined by '/'"},
    {"refuse_at_compile", RUNG_OPTION_STRING, .help = "operator types that its engine refuses"},
    {"refuse", RUNG_OPTION_CHOICE, "all|one|none|stranger", .help = "how many of them at once; whom it names"},
    {"unusable", RUNG_OPTION_CHOICE, "found|links|driver|device", .help = "the step of its probe that fails"},
    {"open", RUNG_OPTION_CHOICE, "ok|unavailable|broken", .help = "how opening goes"},
    {"memory", RUNG_OPTION_CHOICE, "device|visible|host", .help = "where its tensors live"},
    {"device", RUNG_OPTION_INT, .max = 7, .fallback = "0", .help = "which device", .selects_device = 1},
    {"mode", RUNG_OPTION_CHOICE, "async|sync", .help = "whether runs set fences"},
    {"fail_run", RUNG_OPTION_INT, .max = 1000000, .help = "this run fails when it is asked for"},
    {"fail_work", RUNG_OPTION_INT, .max = 1000000, .help = "this run fails while the device works"},
    {"device_lost", RUNG_OPTION_INT, .max = 1000000, .help = "the device is gone from this run on"},
    {"out_of_memory", RUNG_OPTION_INT, .max = 1000000, .help = "this allocation on the device fails"},
    {"fail_copy", RUNG_OPTION_INT, .max = 1000000, .help = "this copy from the device fails"},
    {"delay", RUNG_OPTION_INT, .max = 60000, .help = "milliseconds that the device works on each run"},
    {"hang_compile", RUNG_OPTION_INT, .max = 60000, .help = "milliseconds of compiling, unless it is stopped"},
    {"compile_ms", RUNG_OPTION_INT, .max = 600000, .help = "milliseconds of compiling that nothing stops"},
    {"fail_compile", RUNG_OPTION_CHOICE, "yes|no", .help = "whether its engine fails in compiling"},
    {"instant", RUNG_OPTION_CHOICE, "yes|no", .help = "whether products are zero, at once"},
    {"keep", RUNG_OPTION_CHOICE, "yes|no|never|broken|large", .help = "how saving goes; no: not with these options"},
    {"load", RUNG_OPTION_CHOICE, "ok|unsupported|broken", .help = "how loading goes"},
    {"parts", RUNG_OPTION_CHOICE, "yes|no", .help = "whether each run wants a part of its executable"},
    {"driver", RUNG_OPTION_STRING, .fallback = "1.0", .help = "the version of its driver"},
    {"tuning", RUNG_OPTION_STRING, .fallback = "none", .help = "changes what is compiled"},
    {"hang_run", RUNG_OPTION_INT, .max = 60000, .help = "milliseconds before the work is queued, unless it is stopped"},
    {"wrong", RUNG_OPTION_CHOICE, "nothing|shape|type|missing|twice|values|negative|huge|rank|dtype|executable|known",
     .help = "what it does wrong in runs, compile or probe"},
    {"precision", RUNG_OPTION_STRING, .help = "what it says it computes differently"},
    {0},
};

typedef struct job job;

typedef struct fake {
  const rung_host *host;
  rung_memory memory;
  const char *claim, *groups, *refuse_at_compile, *refuse, *where, *wrong, *precision, *keep, *load, *driver, *tuning;
  int parts;
  int async, fail_compile, instant;
  long fail_run, fail_work, device_lost, out_of_memory, fail_copy, delay, hang_compile, compile_ms, hang_run;
  atomic_long runs, allocations, copies, works;
  atomic_int lost;
  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t changed;
  job *first, **last;
  int stopping;
  pthread_t thread;
} fake;

static const char *text_option(const rung_option *options, size_t count, const char *key, const char *fallback) {
  for (size_t i = count; i-- > 0;)
    if (strcmp(options[i].key, key) == 0) return options[i].value;
  return fallback;
}

static long number_option(const rung_option *options, size_t count, const char *key) {
  return strtol(text_option(options, count, key, "0"), NULL, 10);
}

static int is_listed(const char *list, char separator, const char *word) {
  size_t size = strlen(word);
  for (const char *at = list; at; at = strchr(at, separator) ? strchr(at, separator) + 1 : NULL)
    if (strncmp(at, word, size) == 0 && (at[size] == separator || !at[size] || at[size] == '/')) return 1;
  return 0;
}

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static void *get(const rung_host *host, size_t size) {
  void *block = host->allocator->alloc(host->allocator->user, size ? size : 1, 64, "fake");
  if (block) memset(block, 0, size);
  return block;
}

static void put_back(const rung_host *host, void *block) {
  if (block) host->allocator->free(host->allocator->user, block);
}

/* Memory */

static void *flip(const void *pointer) {
  return (void *)((uintptr_t)pointer ^ ((uintptr_t)0x2aab << (8 * sizeof pointer - 16)));
}

static int is_hidden(const fake *f) { return strcmp(f->where, "device") == 0; }
static void *real(const fake *f, const void *data) { return is_hidden(f) ? flip(data) : (void *)data; }

static rung_status *lost_device(const fake *f) { return FAIL(f->host, DEVICE_LOST, "the fake device is gone"); }

static rung_status *device_alloc(rung_memory *memory, size_t bytes, void **out_data) {
  fake *f = memory->context;
  if (f->lost) return lost_device(f);
  if (++f->allocations == f->out_of_memory)
    return FAIL(f->host, OUT_OF_MEMORY, "the fake device has no %zu bytes left", bytes);
  void *block = get(f->host, bytes);
  if (!block) return FAIL(f->host, OUT_OF_MEMORY, "out of memory");
  fake_counts.blocks++;
  *out_data = real(f, block);
  return NULL;
}

static void device_free(rung_memory *memory, void *data) {
  fake *f = memory->context;
  put_back(f->host, real(f, data));
  fake_counts.blocks--;
}

static rung_status *copy_in(rung_memory *memory, void *to, const void *from, size_t bytes) {
  fake *f = memory->context;
  if (f->lost) return lost_device(f);
  memcpy(real(f, to), from, bytes);
  fake_counts.copies_in++;
  fake_counts.bytes_in += (long)bytes;
  return NULL;
}

static rung_status *copy_out(rung_memory *memory, void *to, const void *from, size_t bytes) {
  fake *f = memory->context;
  if (f->lost) return lost_device(f);
  if (++f->copies == f->fail_copy) return FAIL(f->host, PROVIDER, "the fake device cannot be read");
  memcpy(to, real(f, from), bytes);
  fake_counts.copies_out++;
  fake_counts.bytes_out += (long)bytes;
  return NULL;
}

static rung_memory *fake_memory(void *state) {
  fake *f = state;
  return strcmp(f->where, "host") == 0 ? NULL : &f->memory;
}

/* Operators: float32, broadcasting of equal shapes and of one element; Identity of any tensor. */

typedef enum kind { UNKNOWN, IDENTITY, RELU, NEG, ADD, SUB, MUL, MATMUL } kind;
static const struct {
  const char *name;
  kind what;
} known[] = {{"Identity", IDENTITY}, {"Relu", RELU}, {"Neg", NEG},      {"Add", ADD},
             {"Sub", SUB},           {"Mul", MUL},   {"MatMul", MATMUL}};

static kind kind_of(const rung_node *node) {
  for (size_t i = 0; i < sizeof known / sizeof known[0] && !node->domain[0]; i++)
    if (strcmp(known[i].name, node->op_type) == 0) return known[i].what;
  return UNKNOWN;
}

/* While a run goes on: tensors whose data is real. Data that the step owns is in `block`. */
typedef struct slot {
  rung_tensor tensor;
  void *block;
} slot;

static size_t count_of(const rung_tensor *t) {
  size_t count = 1;
  for (int32_t i = 0; i < t->rank; i++) count *= (size_t)t->dims[i];
  return count;
}

static int shape_step(kind what, const rung_tensor *a, const rung_tensor *b, rung_tensor *out) {
  *out = *a;
  out->data = NULL;
  out->memory = NULL;
  if (what < ADD) return 1;
  if (what == MATMUL) {
    if (a->rank != 2 || b->rank != 2 || a->dims[1] != b->dims[0]) return 0;
    out->dims[1] = b->dims[1];
    out->size = (size_t)out->dims[0] * (size_t)out->dims[1] * sizeof(float);
    return 1;
  }
  if (count_of(a) == 1 && (count_of(b) != 1 || b->rank > a->rank)) {
    *out = *b;
    out->data = NULL;
    return 1;
  }
  return count_of(b) == 1 || (a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0);
}

static float combine(kind what, float x, float y) {
  switch (what) {
    case RELU:
      return x < 0 ? 0 : x; /* NaN stays */
    case NEG:
      return -x;
    case ADD:
      return x + y;
    case SUB:
      return x - y;
    default:
      return x * y;
  }
}

/* Weights in a mapping may start at any byte. */
static float at(const rung_tensor *t, size_t index) {
  float number;
  memcpy(&number, (const char *)t->data + index * sizeof number, sizeof number);
  return number;
}

/* Ends early, with nothing of use, once `stopped` is set. */
static void compute(kind what, const rung_tensor *a, const rung_tensor *b, const rung_tensor *out,
                    const atomic_int *stopped) {
  float *z = out->data;
  size_t count = count_of(out), nx = count_of(a), ny = b ? count_of(b) : 1;
  if (what == IDENTITY) {
    if (out->size) memcpy(z, a->data, out->size);
  } else if (what == MATMUL) {
    for (int64_t i = 0; i < out->dims[0] && !*stopped; i++)
      for (int64_t j = 0; j < out->dims[1]; j++) {
        float sum = 0;
        for (int64_t k = 0; k < a->dims[1]; k++)
          sum += at(a, (size_t)(i * a->dims[1] + k)) * at(b, (size_t)(k * out->dims[1] + j));
        z[i * out->dims[1] + j] = sum;
      }
  } else {
    for (size_t i = 0; i < count; i++) z[i] = combine(what, at(a, nx == 1 ? 0 : i), b ? at(b, ny == 1 ? 0 : i) : 0);
  }
}

/* Executables */

typedef struct executable {
  fake *f;
  const rung_graph *island;
  rung_shelf *shelf;
  atomic_long running;
} executable;

/* One run that is queued: values are retained until it is done. Shared by the host (as fence) and by later jobs. */
struct job {
  job *next;
  atomic_int references;
  fake *f;
  const rung_graph *island;
  rung_value **inputs;
  job **before; /* per input: the job that makes it, or NULL */
  slot *slots;  /* per value of the island's nodes: see index_of */
  size_t slot_count;
  rung_tensor *outputs; /* storage of the host's */
  int done, failed;     /* under the provider's lock */
  atomic_int stopped;   /* the work is to end */
};

static void release_job(job *j) {
  if (!j || --j->references > 0) return;
  const rung_host *host = j->f->host;
  for (uint32_t i = 0; j->before && i < j->island->input_count; i++) release_job(j->before[i]);
  for (uint32_t i = 0; j->inputs && i < j->island->input_count; i++) host->release(j->inputs[i]);
  for (size_t i = 0; j->slots && i < j->slot_count; i++) put_back(host, j->slots[i].block);
  put_back(host, j->outputs);
  put_back(host, j->slots);
  put_back(host, j->before);
  put_back(host, j->inputs);
  put_back(host, j);
  fake_counts.fences--;
}

/* Slots: the island's inputs, then the first output of every node. */
static slot *slot_of(const job *j, const rung_value_info *info, slot *constant) {
  const rung_graph *island = j->island;
  if (info->constant) {
    constant->tensor = *j->f->host->tensor(info->constant);
    return constant;
  }
  for (uint32_t i = 0; i < island->input_count; i++)
    if (island->inputs[i] == info) return &j->slots[i];
  for (uint32_t n = 0; n < island->node_count; n++)
    if (island->nodes[n]->outputs[0] == info) return &j->slots[island->input_count + n];
  return NULL;
}

static rung_status *make_slots(job *j) {
  fake *f = j->f;
  const rung_graph *island = j->island;
  for (uint32_t i = 0; i < island->input_count; i++) {
    j->slots[i].tensor = *f->host->tensor(j->inputs[i]);
    if (j->slots[i].tensor.memory) j->slots[i].tensor.data = real(f, j->slots[i].tensor.data);
  }
  for (uint32_t n = 0; n < island->node_count; n++) {
    const rung_node *node = island->nodes[n];
    slot constants[2], *a = slot_of(j, node->inputs[0], &constants[0]);
    slot *b = node->input_count > 1 ? slot_of(j, node->inputs[1], &constants[1]) : NULL;
    slot *out = &j->slots[island->input_count + n];
    if (!shape_step(kind_of(node), &a->tensor, b ? &b->tensor : NULL, &out->tensor))
      return FAIL(f->host, INVALID_ARGUMENT, "node \"%s\": the fake does not take these shapes", node->name);
    out->block = get(f->host, out->tensor.size);
    if (!out->block) return FAIL(f->host, OUT_OF_MEMORY, "out of memory");
    out->tensor.data = out->block;
  }
  return NULL;
}

static rung_status *ask_for_outputs(job *j, const rung_run *run) {
  fake *f = j->f;
  for (uint32_t i = 0; i < run->output_count; i++) {
    slot none, *s = slot_of(j, j->island->outputs[i], &none);
    rung_tensor like = s->tensor;
    if (strcmp(f->wrong, "missing") == 0) continue;
    if (strcmp(f->wrong, "shape") == 0 && like.rank) like.dims[0]++;
    if (strcmp(f->wrong, "type") == 0) like.dtype = like.dtype == RUNG_F64 ? RUNG_I64 : RUNG_F64;
    if (strcmp(f->wrong, "negative") == 0 && like.rank) like.dims[0] = -1;
    for (int32_t k = 0; strcmp(f->wrong, "huge") == 0 && k < like.rank; k++) like.dims[k] = INT64_MAX;
    if (strcmp(f->wrong, "rank") == 0) like.rank = 400;
    if (strcmp(f->wrong, "dtype") == 0) like.dtype = (rung_dtype)99;
    rung_status *status = f->host->output(run, i, like.dtype, like.rank, like.dims, &j->outputs[i]);
    if (!status && strcmp(f->wrong, "twice") == 0)
      status = f->host->output(run, i, like.dtype, like.rank, like.dims, &j->outputs[i]);
    if (status) return status;
  }
  return NULL;
}

/* On the device's thread. */
static int do_work(job *j) {
  fake *f = j->f;
  const rung_graph *island = j->island;
  if (f->delay) sleep_ms(f->delay);
  for (uint32_t i = 0; i < island->input_count; i++)
    if (j->before[i] && j->before[i]->failed) return 0;
  if (f->lost || ++f->works == f->fail_work) return 0;
  for (uint32_t n = 0; n < island->node_count; n++) {
    const rung_node *node = island->nodes[n];
    slot constants[2], *a = slot_of(j, node->inputs[0], &constants[0]);
    slot *b = node->input_count > 1 ? slot_of(j, node->inputs[1], &constants[1]) : NULL;
    kind what = kind_of(node) == SUB && strcmp(f->wrong, "values") == 0 ? ADD : kind_of(node);
    const rung_tensor *out = &j->slots[island->input_count + n].tensor;
    if (what == MATMUL && f->instant)
      memset(out->data, 0, out->size);
    else
      compute(what, &a->tensor, b ? &b->tensor : NULL, out, &j->stopped);
    if (j->stopped) return 0;
  }
  for (uint32_t i = 0; i < island->output_count; i++) {
    slot none, *s = slot_of(j, island->outputs[i], &none);
    const rung_tensor *to = &j->outputs[i];
    if (to->size && to->data) memcpy(to->memory ? real(f, to->data) : to->data, s->tensor.data, s->tensor.size);
  }
  return 1;
}

static void finish_job(fake *f, job *j, int worked) {
  pthread_mutex_lock(&f->lock);
  j->done = 1;
  j->failed = !worked;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
}

static void *work(void *state) {
  fake *f = state;
  pthread_mutex_lock(&f->lock);
  for (;;) {
    while (!f->first && !f->stopping) pthread_cond_wait(&f->changed, &f->lock);
    if (!f->first) break;
    job *j = f->first;
    f->first = j->next;
    if (!f->first) f->last = &f->first;
    pthread_mutex_unlock(&f->lock);
    finish_job(f, j, do_work(j));
    release_job(j);
    pthread_mutex_lock(&f->lock);
  }
  pthread_mutex_unlock(&f->lock);
  return NULL;
}

/* Running */

static rung_status *make_job(executable *e, const rung_run *run, job **out_job) {
  const rung_host *host = run->host;
  job *j = get(host, sizeof *j);
  if (!j) return FAIL(host, OUT_OF_MEMORY, "out of memory");
  fake_counts.fences++;
  j->references = 1;
  j->f = e->f;
  j->island = e->island;
  j->slot_count = (size_t)run->input_count + e->island->node_count;
  j->inputs = get(host, run->input_count * sizeof *j->inputs);
  j->before = get(host, run->input_count * sizeof *j->before);
  j->slots = get(host, j->slot_count * sizeof *j->slots);
  j->outputs = get(host, run->output_count * sizeof *j->outputs);
  rung_status *status = NULL;
  if (!j->inputs || !j->before || !j->slots || !j->outputs) status = FAIL(host, OUT_OF_MEMORY, "out of memory");
  for (uint32_t i = 0; i < run->input_count && !status; i++) {
    j->inputs[i] = host->retain(run->inputs[i]);
    j->before[i] = (job *)run->pending[i];
    if (j->before[i]) j->before[i]->references++;
  }
  if (!status) status = make_slots(j);
  if (!status) status = ask_for_outputs(j, run);
  if (status)
    release_job(j);
  else
    *out_job = j;
  return status;
}

static rung_status *wait_a_while(fake *f, const rung_run *run) {
  for (long ms = 0; ms < f->hang_run; ms++) {
    if (f->host->cancelled(run)) return FAIL(f->host, CANCELLED, "the fake was stopped");
    sleep_ms(1);
  }
  return NULL;
}

static rung_status *start_run(fake *f, const rung_run *run) {
  long number = ++f->runs;
  fake_counts.runs++;
  if (f->device_lost && number >= f->device_lost) f->lost = 1;
  if (f->lost) return lost_device(f);
  if (number == f->fail_run) return FAIL(f->host, PROVIDER, "the fake fails run %ld", number);
  return wait_a_while(f, run);
}

static rung_status *fake_wait(void *state, rung_fence *fence) {
  fake *f = state;
  job *j = (job *)fence;
  pthread_mutex_lock(&f->lock);
  while (!j->done) pthread_cond_wait(&f->changed, &f->lock);
  int failed = j->failed;
  pthread_mutex_unlock(&f->lock);
  if (!failed) return NULL;
  return f->lost ? lost_device(f) : FAIL(f->host, PROVIDER, "the fake's work failed");
}

/* A run without a fence: waits, and looks whether it is cancelled. */
static rung_status *wait_in_run(fake *f, job *j, const rung_run *run) {
  pthread_mutex_lock(&f->lock);
  while (!j->done) {
    pthread_mutex_unlock(&f->lock);
    if (f->host->cancelled(run)) j->stopped = 1;
    sleep_ms(1);
    pthread_mutex_lock(&f->lock);
  }
  pthread_mutex_unlock(&f->lock);
  if (j->stopped && j->failed) return FAIL(f->host, CANCELLED, "the fake was stopped while it worked");
  return fake_wait(f, (rung_fence *)j);
}

static void fake_free_fence(void *state, rung_fence *fence) {
  (void)state;
  release_job((job *)fence);
}

static rung_status *save_part(void *user, const rung_saving *saving) {
  (void)user;
  fake_counts.saves++;
  return saving->sink->write(saving->sink->user, "a part", 6);
}

/* What a run needs beside the executable. */
static rung_status *get_part(const executable *e) {
  const rung_host *host = e->f->host;
  rung_part part;
  host->find_part(e->shelf, "of runs", &part);
  int right = !part.data || (part.size == 6 && memcmp(part.data, "a part", 6) == 0);
  if (part.data)
    fake_counts.loads++;
  else
    host->keep_part(e->shelf, "of runs", save_part, NULL);
  host->release_part(host, &part);
  return right ? NULL : FAIL(host, PROVIDER, "the part is not the one that was kept");
}

static rung_status *queue_run(executable *e, const rung_run *run, rung_fence **out_fence) {
  fake *f = e->f;
  job *j = NULL;
  rung_status *status = start_run(f, run);
  if (!status && f->parts) status = get_part(e);
  if (!status) status = make_job(e, run, &j);
  if (status) return status;
  j->references++; /* the queue's */
  pthread_mutex_lock(&f->lock);
  *f->last = j;
  f->last = &j->next;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  if (f->async) {
    *out_fence = (rung_fence *)j;
    return NULL;
  }
  status = wait_in_run(f, j, run);
  release_job(j);
  return status;
}

static rung_status *fake_run(void *state, const rung_run *run, rung_fence **out_fence) {
  executable *e = state;
  long now = ++e->running, most = fake_counts.most_at_once;
  while (now > most && !atomic_compare_exchange_weak(&fake_counts.most_at_once, &most, now)) continue;
  rung_status *status = queue_run(e, run, out_fence);
  e->running--;
  return status;
}

/* Life */

static rung_status *fake_probe(const rung_host *host, const rung_option *options, size_t count, rung_report *report) {
  static const char *const names[] = {"found", "links", "driver", "device"};
  const char *unusable = text_option(options, count, "unusable", "");
  if (strcmp(text_option(options, count, "wrong", ""), "known") == 0) {
    host->step(report, RUNG_STATE_KNOWN, 0, "fake.told-so", "the option wrong says so", NULL);
    return NULL;
  }
  host->step(report, RUNG_STATE_BUILT, 1, NULL, NULL, NULL);
  for (int i = 0; i < 4; i++) {
    rung_state step = (rung_state)(RUNG_STATE_FOUND + i);
    if (strcmp(names[i], unusable) == 0) {
      host->step(report, step, 0, "fake.told-so", "the option unusable says so", "take the option away");
      return NULL;
    }
    host->step(report, step, 1, NULL, NULL, NULL);
  }
  host->device(report, "0", "fake accelerator");
  host->step(report, RUNG_STATE_USABLE, 1, NULL, NULL, NULL);
  return NULL;
}

static void read_options(fake *f, const rung_option *options, size_t count) {
  f->claim = text_option(options, count, "claim", "*");
  f->groups = text_option(options, count, "groups", NULL);
  f->refuse_at_compile = text_option(options, count, "refuse_at_compile", NULL);
  f->refuse = text_option(options, count, "refuse", "all");
  f->where = text_option(options, count, "memory", "device");
  f->wrong = text_option(options, count, "wrong", "nothing");
  f->precision = text_option(options, count, "precision", NULL);
  f->async = strcmp(text_option(options, count, "mode", "async"), "async") == 0;
  f->fail_run = number_option(options, count, "fail_run");
  f->fail_work = number_option(options, count, "fail_work");
  f->device_lost = number_option(options, count, "device_lost");
  f->out_of_memory = number_option(options, count, "out_of_memory");
  f->fail_copy = number_option(options, count, "fail_copy");
  f->delay = number_option(options, count, "delay");
  f->hang_compile = number_option(options, count, "hang_compile");
  f->compile_ms = number_option(options, count, "compile_ms");
  f->fail_compile = strcmp(text_option(options, count, "fail_compile", "no"), "yes") == 0;
  f->instant = strcmp(text_option(options, count, "instant", "no"), "yes") == 0;
  f->keep = text_option(options, count, "keep", "yes");
  f->parts = strcmp(text_option(options, count, "parts", "no"), "yes") == 0;
  f->load = text_option(options, count, "load", "ok");
  f->driver = text_option(options, count, "driver", "1.0");
  f->tuning = text_option(options, count, "tuning", "none");
  f->hang_run = number_option(options, count, "hang_run");
  f->memory = (rung_memory){.struct_size = sizeof f->memory,
                            .kind = "fake",
                            .device = (int32_t)number_option(options, count, "device"),
                            .alignment = 64,
                            .host_visible = strcmp(f->where, "visible") == 0,
                            .context = f,
                            .alloc = device_alloc,
                            .free = device_free,
                            .copy_in = copy_in,
                            .copy_out = copy_out};
}

static rung_status *fake_open(const rung_host *host, const rung_option *options, size_t count, void **out_provider) {
  const char *how = text_option(options, count, "open", "ok");
  if (strcmp(how, "unavailable") == 0) return FAIL(host, UNAVAILABLE, "the fake was told to be unavailable");
  if (strcmp(how, "broken") == 0) return FAIL(host, PROVIDER, "the fake was told to break");
  fake *f = get(host, sizeof *f);
  if (!f) return FAIL(host, OUT_OF_MEMORY, "out of memory");
  f->host = host;
  f->last = &f->first;
  read_options(f, options, count);
  pthread_mutex_init(&f->lock, NULL);
  pthread_cond_init(&f->changed, NULL);
  if (pthread_create(&f->thread, NULL, work, f) != 0) {
    put_back(host, f);
    return FAIL(host, OUT_OF_MEMORY, "no thread");
  }
  fake_counts.opened++;
  *out_provider = f;
  return NULL;
}

static void fake_close(void *state) {
  fake *f = state;
  pthread_mutex_lock(&f->lock);
  f->stopping = 1;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  pthread_join(f->thread, NULL);
  pthread_cond_destroy(&f->changed);
  pthread_mutex_destroy(&f->lock);
  put_back(f->host, f);
  fake_counts.closed++;
}

/* Claims */

static int takes_types(const rung_node *node) {
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node->inputs[i]) return 0;
    const rung_type *type = &node->inputs[i]->type;
    if (type->kind != RUNG_TENSOR || type->dtype == RUNG_STRING) return 0;
    if (kind_of(node) != IDENTITY && type->dtype != RUNG_F32) return 0;
  }
  return 1;
}

/* One element, that does not add dimensions to the other operand. */
static int goes_with(const rung_type *one, const rung_type *other) {
  for (int32_t i = 0; i < one->rank; i++)
    if (one->dims[i] != 1) return 0;
  return one->rank <= other->rank;
}

/* What is not known shows when it runs. */
static int takes_shapes(const rung_node *node) {
  kind what = kind_of(node);
  if (what < ADD) return 1;
  const rung_type *a = &node->inputs[0]->type, *b = &node->inputs[1]->type;
  if (a->rank < 0 || b->rank < 0) return 1;
  if (what == MATMUL) return a->rank == 2 && b->rank == 2;
  if (goes_with(a, b) || goes_with(b, a)) return 1;
  int same = a->rank == b->rank;
  for (int32_t i = 0; i < a->rank && same; i++) same = a->dims[i] < 0 || b->dims[i] < 0 || a->dims[i] == b->dims[i];
  return same;
}

static void claim_groups(const fake *f, const rung_graph *graph, rung_claims *claims) {
  enum { MOST = 64 };
  const rung_node *nodes[MOST];
  for (const char *group = f->groups; group; group = strchr(group, '/') ? strchr(group, '/') + 1 : NULL) {
    size_t count = 0;
    char names[1024];
    size_t size = strcspn(group, "/");
    if (size >= sizeof names) return;
    memcpy(names, group, size);
    names[size] = 0;
    for (uint32_t n = 0; n < graph->node_count && count < MOST; n++)
      if (is_listed(names, '+', graph->nodes[n]->name)) nodes[count++] = graph->nodes[n];
    if (count) f->host->accept_group(claims, nodes, count);
  }
}

static rung_status *fake_claim(void *state, const rung_graph *graph, rung_claims *claims) {
  const fake *f = state;
  fake_counts.claims++;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    int wanted = strcmp(f->claim, "*") == 0 || is_listed(f->claim, '+', node->op_type);
    if (!kind_of(node) || !wanted)
      f->host->refuse(claims, node, RUNG_REASON_OPERATOR, "%s", node->op_type);
    else if (!takes_types(node))
      f->host->refuse(claims, node, RUNG_REASON_TYPE, "it takes float32");
    else if (!takes_shapes(node))
      f->host->refuse(claims, node, RUNG_REASON_RANK, "it takes matrices, equal shapes, and single elements");
    else
      f->host->accept(claims, node);
  }
  claim_groups(f, graph, claims);
  return NULL;
}

/* Compiling */

static rung_status *refuse_nodes(const fake *f, const rung_graph *island, const rung_compile *compile) {
  int refused = 0;
  for (uint32_t n = 0; n < island->node_count; n++) {
    rung_node stranger = *island->nodes[n];
    if (!f->refuse_at_compile || !is_listed(f->refuse_at_compile, '+', stranger.op_type)) continue;
    if (refused++ && strcmp(f->refuse, "one") == 0) continue;
    if (strcmp(f->refuse, "none") == 0) continue;
    f->host->refuse(compile->claims, strcmp(f->refuse, "stranger") == 0 ? &stranger : island->nodes[n],
                    RUNG_REASON_COMPILE, "the fake's engine does not take %s", stranger.op_type);
  }
  return refused ? FAIL(f->host, UNSUPPORTED, "the fake's engine refuses %d nodes", refused) : NULL;
}

static rung_status *make_executable(fake *f, const rung_graph *island, const rung_compile *compile,
                                    void **out_executable) {
  executable *e = get(f->host, sizeof *e);
  if (!e) return FAIL(f->host, OUT_OF_MEMORY, "out of memory");
  e->f = f;
  e->island = island;
  e->shelf = compile->shelf;
  fake_counts.executables++;
  *out_executable = e;
  return NULL;
}

static rung_status *fake_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                 void **out_executable) {
  fake *f = state;
  fake_counts.compiles++;
  fake_counts.compiling++;
  if (f->compile_ms) sleep_ms(f->compile_ms);
  fake_counts.compiling--;
  for (long ms = 0; ms < f->hang_compile; ms++) {
    if (f->host->progress(compile, "fake", (uint64_t)ms, (uint64_t)f->hang_compile))
      return FAIL(f->host, CANCELLED, "the fake was stopped while it compiled");
    sleep_ms(1);
  }
  if (f->fail_compile) return FAIL(f->host, PROVIDER, "the fake's engine fails in compiling");
  rung_status *status = refuse_nodes(f, island, compile);
  if (strcmp(f->wrong, "executable") == 0) return status;
  return status ? status : make_executable(f, island, compile, out_executable);
}

/* Keeping: the tuning that an executable was compiled with, and for each node the letters of its operator. */

static rung_status *fake_identity(void *state, rung_identity *identity) {
  const fake *f = state;
  if (strcmp(f->keep, "no") == 0) return FAIL(f->host, UNSUPPORTED, "the fake keeps nothing with keep=no");
  f->host->depends(identity, "device", f->memory.device ? "fake 1" : "fake 0");
  f->host->depends(identity, "driver", f->driver);
  f->host->depends(identity, "tuning", f->tuning);
  return NULL;
}

static rung_status *fake_save(void *state, const rung_saving *saving) {
  enum { LARGE = 1 << 20 };
  static const char zeros[4096];
  const executable *e = state;
  const fake *f = e->f;
  const rung_sink *sink = saving->sink;
  if (strcmp(f->keep, "never") == 0) return FAIL(f->host, UNSUPPORTED, "this one cannot be kept");
  if (strcmp(f->keep, "broken") == 0) return FAIL(f->host, PROVIDER, "the fake cannot save");
  rung_status *status = sink->write(sink->user, f->tuning, strlen(f->tuning) + 1);
  for (uint32_t n = 0; n < e->island->node_count && !status; n++)
    status = sink->write(sink->user, e->island->nodes[n]->op_type, strlen(e->island->nodes[n]->op_type) + 1);
  for (int i = 0; strcmp(f->keep, "large") == 0 && i < LARGE && !status; i += (int)sizeof zeros)
    status = sink->write(sink->user, zeros, sizeof zeros);
  if (!status) fake_counts.saves++;
  return status;
}

/* Takes what save wrote for this island, and nothing else. */
static int is_mine(const fake *f, const rung_graph *island, const char *data, size_t size) {
  const char *end = data + size;
  if (size < strlen(f->tuning) + 1 || memcmp(data, f->tuning, strlen(f->tuning) + 1) != 0) return 0;
  data += strlen(f->tuning) + 1;
  for (uint32_t n = 0; n < island->node_count; n++) {
    size_t length = strlen(island->nodes[n]->op_type) + 1;
    if ((size_t)(end - data) < length || memcmp(data, island->nodes[n]->op_type, length) != 0) return 0;
    data += length;
  }
  return 1;
}

static rung_status *fake_load(void *state, const rung_graph *island, const rung_compile *compile, const void *data,
                              size_t size, void **out_executable) {
  fake *f = state;
  if (strcmp(f->load, "unsupported") == 0) return FAIL(f->host, UNSUPPORTED, "the fake does not load it");
  if (strcmp(f->load, "broken") == 0) return FAIL(f->host, PROVIDER, "the fake fails to load it");
  if (!is_mine(f, island, data, size)) return FAIL(f->host, PROVIDER, "these bytes are of another executable");
  fake_counts.loads++;
  return make_executable(f, island, compile, out_executable);
}

static void fake_free_executable(void *state) {
  executable *e = state;
  fake_counts.executables--;
  put_back(e->f->host, e);
}

static void fake_describe(void *state, char *buffer, size_t size) {
  const executable *e = state;
  const char *words = e->island->node_count == 1 ? "1 node, faked" : "many nodes, faked";
  if (size) strncpy(buffer, words, size - 1)[size - 1] = 0;
}

static const char *fake_precision(void *state) { return ((fake *)state)->precision; }

static const rung_provider_api api = {
    .struct_size = sizeof(rung_provider_api),
    .abi = RUNG_PROVIDER_ABI,
    .name = "fake",
    .ort_name = "FakeExecutionProvider",
    .summary = "an accelerator for tests",
    .version = "1",
    .options = option_specs,
    .max_runs = 2,
    .probe = fake_probe,
    .open = fake_open,
    .close = fake_close,
    .memory = fake_memory,
    .claim = fake_claim,
    .compile = fake_compile,
    .free_executable = fake_free_executable,
    .run = fake_run,
    .wait = fake_wait,
    .free_fence = fake_free_fence,
    .describe = fake_describe,
    .precision = fake_precision,
    .identity = fake_identity,
    .save = fake_save,
    .load = fake_load,
    .wants = "pads,doubles,clips,indices,opset",
};

const rung_provider_api *rung_provider_entry(void);
const rung_provider_api *rung_provider_entry(void) { return &api; }
