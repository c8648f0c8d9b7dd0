/* Every single allocation of load, plan, run and release fails in turn: once, and with all that follow. Nothing
 * crashes, nothing leaks, and what comes back is OUT_OF_MEMORY, or success where the block was not needed after all.
 *
 * Twice over: with an allocator of the environment that fails, and with malloc itself failing (the linker replaces it,
 * see CMakeLists.txt), which also hits what is no environment's: statuses and texts for the caller. */
#include "onnx_text.h"
#include "rung.h"
#include "support/counting.h"
#include "support/fake.h"
#include "support/folder.h"
#include "support/test.h"

#include <stdlib.h>
#include <sys/stat.h>

/* malloc */

static atomic_long requests, fail_at; /* 0: none */
static atomic_bool fail_once;

static bool fails(void) {
  if (!fail_at) return false;
  long request = ++requests;
  return fail_once ? request == fail_at : request >= fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *block, size_t size) { return fails() ? NULL : __real_realloc(block, size); }
void *__wrap_aligned_alloc(size_t align, size_t size) { return fails() ? NULL : __real_aligned_alloc(align, size); }

/* What is tried */

typedef struct scenario {
  const char *name, *chain, *model;
  rung_code outcome;                       /* when nothing fails */
  enum { NO_CACHE, EMPTY, FILLED } cached; /* an engine cache that is emptied each time, or left as it is */
  int legalise, offline /* it only plans */, background;
} scenario;

static const scenario scenarios[] = {
    {"operators", "cpu",
     "x:f32[N,3] -> y, z, i ; w:f32[3,4] = 1 2 3 4 5 6 7 8 9 10 11 12 ; b:f32[4] = 1 1 1 1 ; one:i64[1] = 0 ;"
     "c = Add(b, b) ; p = MatMul(x, w) ; q = Add(p, c) ; r = Relu(q) ; s = Shape(r) ; n = Gather(s, one) ;"
     "m = Concat(n, n) axis=0 ; y = Softmax(r) ; t = Transpose(r) ; z = ReduceSum(t) keepdims=0 ; i = NonZero(x)",
     RUNG_OK},
    {"bodies", "cpu",
     "x:f32[2,2] c:bool[] -> y, last, all ; trips:i64[] = 2 ; go:bool[] = 1 ; zero:f32[2] = 0 0 ; two:f32[2] = 2 2 ;"
     "y = If(c) then_branch={ -> t ; k = Add(x, two) ; t = Relu(k) } else_branch={ -> e ; e = Neg(x) } ;"
     "l = Loop(trips, go, zero)"
     " body={ i:i64[] g:bool[] s:f32[2] -> h:bool[], n:f32[2] ; h = Identity(g) ; n = Add(s, two) } ;"
     "last, all = Scan(l, x) num_scan_inputs=1"
     " body={ sum:f32[2] row:f32[2] -> next:f32[2], out:f32[2] ; next = Add(sum, row) ; out = Neg(next) }",
     RUNG_OK},
    {"devices", "fake:claim=Add+Mul,groups=a+b,fake:device=1,claim=Neg+Sub,refuse_at_compile=Neg,refuse=one,cpu",
     "x:f32[2,2] -> y, z ; a@p = Add(x, x) ; r@q = Relu(p) ; b@s = Mul(p, p) ; n@u = Neg(q) ; m@v = Neg(u) ;"
     "y = Add(v, s) ; z = Sub(s, x)",
     RUNG_OK},
    {"steps down", "cuda?,fake?:unusable=driver,null?,cpu", "x:f32[2,2] -> y ; y = Add(x, x)", RUNG_OK},
    {"kept", "fake:refuse_at_compile=Mul,parts=yes,cpu",
     "x:f32[2,2] -> y ; w:f32[2,2] = 1 2 3 4 ; a = Add(x, w) ; b = Mul(a, a) ; y = Neg(b)", RUNG_OK, EMPTY},
    {"found", "fake:refuse_at_compile=Mul,parts=yes,cpu",
     "x:f32[2,2] -> y ; w:f32[2,2] = 1 2 3 4 ; a = Add(x, w) ; b = Mul(a, a) ; y = Neg(b)", RUNG_OK, FILLED},
    {"rewrites", "fake?:claim=nothing,cpu",
     "x:f32[2,3] -> y, z ; p:i64[4] = 0 2 0 1 ; c:f64[] = 0.5 ; i:i64[2] = 1 0 ; a = Pad(x, p) mode='reflect' ;"
     "b = Cast(a) to=11 ; d = Mul(b, c) ; e = Cast(d) to=1 ; y = Gather(e, i) ; l:i64[] = 1 ; s = Size(x) ;"
     "z = Clip(s, l, l)",
     RUNG_OK, NO_CACHE, 1},
    {"in the background", "fake:claim=Add,cpu", "x:f32[2,2] -> y ; a = Add(x, x) ; y = Relu(a)", RUNG_OK, NO_CACHE,
     .background = 1},
    {"expands", "fake?:claim=Neg,cpu",
     "q:f32[B,2,2,2] k:f32[B,1,2,2] v:f32[B,1,2,2] -> y ; y = ai.onnx.preview::FlexAttention(q, k, v)"
     " score_mod={ s -> u ; u = Neg(s) }",
     RUNG_OK},
    {"offline", "xnnpack,cpu",
     "x:f32[1,2,4,4] -> y ; s:f32[] = 0.5 ; z:u8[] = 3 ; i = QuantizeLinear(x, s, z) ; j = DequantizeLinear(i, s, z) ;"
     "c = MaxPool(j) kernel_shape=[2,2] ; o = QuantizeLinear(c, s, z) ; y = DequantizeLinear(o, s, z)",
     RUNG_OK, NO_CACHE, 0, 1},
    {"unclaimed", "fake?:claim=Add", "x:f32[2,2] -> y ; a = Add(x, x) ; y = Relu(a)", RUNG_UNSUPPORTED},
};

static temp_folder cache;

static int set_up(void **state) {
  (void)state;
  folder_make(&cache);
  chmod(cache.path, 0700);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  folder_remove(&cache);
  return 0;
}

typedef struct objects {
  const scenario *what;
  char *bytes;
  size_t size;
  rung_env *env;
  rung_model *model;
  rung_session *session;
  rung_value *inputs[4], *outputs[4];
  char *texts[4];
} objects;

#define TRY(expr)                  \
  do {                             \
    rung_status *status_ = (expr); \
    if (status_) return status_;   \
  } while (0)

static rung_status *make_env(objects *o, const rung_allocator *allocator) {
  rung_env_options options;
  const char *folders[] = {"/nowhere", NULL};
  rung_env_options_init(&options);
  options.allocator = allocator;
  options.threads = 2;
  options.search_paths = folders;
  TRY(rung_env_create(&options, &o->env));
  return rung_env_load_provider(o->env, FAKE_LIBRARY);
}

static rung_status *make_session(objects *o) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = o->what->chain;
  options.cache_folder = o->what->cached ? cache.path : NULL;
  options.legalise = o->what->legalise;
  options.offline = options.plan_only = o->what->offline;
  options.background_compile = o->what->background;
  TRY(rung_model_load_memory(o->env, o->bytes, o->size, NULL, &o->model));
  TRY(rung_session_create(o->env, o->model, &options, &o->session));
  TRY(rung_session_await(o->session, NULL, NULL, NULL));
  TRY(rung_session_plan_json(o->session, &o->texts[0]));
  if (o->what->cached) {
    TRY(rung_session_cache_json(o->session, &o->texts[1]));
    rung_text_free(o->texts[1]);
    o->texts[1] = NULL;
    TRY(rung_cache_json(o->env, cache.path, 1, &o->texts[1]));
    rung_text_free(o->texts[1]);
    o->texts[1] = NULL;
    if (o->what->cached == EMPTY) TRY(rung_cache_clear(o->env, cache.path, NULL, NULL));
  }
  return rung_session_graph_json(o->session, &o->texts[1]);
}

static rung_status *make_inputs(objects *o) {
  for (size_t i = 0; i < rung_session_input_count(o->session); i++) {
    rung_slot slot;
    int64_t dims[RUNG_MAX_RANK];
    TRY(rung_session_input(o->session, i, &slot));
    for (int32_t d = 0; d < slot.type->rank; d++) dims[d] = slot.type->dims[d] < 0 ? 2 : slot.type->dims[d];
    TRY(rung_value_create(o->env, slot.type->dtype, slot.type->rank, dims, &o->inputs[i]));
  }
  return NULL;
}

static rung_status *run(objects *o) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.profile = 1;
  for (int k = 0; k < 2; k++) { /* the second finds what the first has made */
    for (size_t i = 0; i < 4; i++) {
      rung_value_release(o->outputs[i]);
      o->outputs[i] = NULL;
    }
    TRY(rung_session_run(o->session, &options, o->inputs, rung_session_input_count(o->session), o->outputs,
                         rung_session_output_count(o->session)));
  }
  return rung_session_profile_json(o->session, &o->texts[2]);
}

static rung_status *use_session(objects *o) {
  TRY(make_session(o));
  if (o->what->offline) return NULL;
  TRY(make_inputs(o));
  return run(o);
}

static void drop_session(objects *o) {
  for (size_t i = 0; i < 4; i++) {
    rung_value_release(o->inputs[i]);
    rung_value_release(o->outputs[i]);
    rung_text_free(o->texts[i]);
    o->inputs[i] = o->outputs[i] = NULL;
    o->texts[i] = NULL;
  }
  rung_session_destroy(&o->session);
  rung_model_destroy(&o->model);
}

/* All that is done with an environment alone. */
static rung_status *use_env(objects *o) {
  const rung_provider_info *info;
  for (size_t i = 0; i < rung_env_provider_count(o->env); i += 5) TRY(rung_env_provider(o->env, i, &info));
  return rung_env_ops_json(o->env, &o->texts[3]);
}

/* How failures are made */

typedef struct failing {
  counting *counts; /* of the environment's allocator; NULL: malloc fails */
  bool once;
} failing;

static void arm(const failing *how, long n) {
  if (how->counts) {
    how->counts->fail_at = n ? atomic_load(&how->counts->made) + n : 0;
    how->counts->once = how->once;
    return;
  }
  requests = 0;
  fail_once = how->once;
  fail_at = n;
}

/* Was the n-th allocation reached? */
static bool was_hit(const failing *how) {
  return how->counts ? atomic_load(&how->counts->made) >= how->counts->fail_at : requests >= fail_at;
}

/* Without memory the answer is OUT_OF_MEMORY, or what it would have been. */
static void check(rung_status *status, rung_code outcome, const char *name, long n) {
  rung_code code = rung_status_code(status);
  if (code != outcome && code != RUNG_OUT_OF_MEMORY)
    fail_msg("%s, allocation %ld: %s: %s", name, n, rung_code_name(code), rung_status_message(status));
  rung_status_free(status);
}

enum { PATIENCE = 20000, FEWEST = 30 };

static void fail_sessions(const scenario *what, failing how) {
  objects o = {.what = what};
  o.bytes = onnx_text(what->model, ONNX_TEXT_OPSET, &o.size);
  assert_ok(make_env(&o, how.counts ? &how.counts->allocator : NULL));
  long n = 0, before = how.counts ? atomic_load(&how.counts->alive) : 0;
  for (bool hit = true; hit && n < PATIENCE;) {
    arm(&how, ++n);
    rung_status *status = use_session(&o);
    hit = was_hit(&how);
    arm(&how, 0);
    if (!hit) assert_int_equal(rung_status_code(status), what->outcome);
    check(status, what->outcome, what->name, n);
    drop_session(&o);
    if (how.counts) assert_int_equal(atomic_load(&how.counts->alive), before);
  }
  assert_true(n > FEWEST && n < PATIENCE);
  rung_env_destroy(&o.env);
  free(o.bytes);
  if (how.counts) assert_int_equal(atomic_load(&how.counts->alive), 0);
}

static void fail_environments(failing how) {
  long n = 0;
  for (bool hit = true; hit && n < PATIENCE;) {
    objects o = {0};
    arm(&how, ++n);
    rung_status *status = make_env(&o, how.counts ? &how.counts->allocator : NULL);
    if (!status) status = use_env(&o);
    hit = was_hit(&how);
    arm(&how, 0);
    if (!hit) assert_null(status);
    check(status, RUNG_OK, "environment", n);
    rung_text_free(o.texts[3]);
    rung_env_destroy(&o.env);
    if (how.counts) assert_int_equal(atomic_load(&how.counts->alive), 0);
  }
  assert_true(n > 5 && n < PATIENCE);
}

static void fail_everything(counting *counts) {
  for (int once = 0; once < 2; once++) {
    if (counts) counting_init(counts, 0);
    fail_environments((failing){counts, once});
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
      if (counts) counting_init(counts, 0);
      fail_sessions(&scenarios[i], (failing){counts, once});
    }
  }
}

static void every_block_of_the_environment_fails(void **state) {
  (void)state;
  counting counts;
  fail_everything(&counts);
}

static void every_malloc_fails(void **state) {
  (void)state;
  fail_everything(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_block_of_the_environment_fails),
      cmocka_unit_test(every_malloc_fails),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
