/* Long kernels look at whether the run was cancelled: the work between two looks is counted, not timed. Between the
 * session and the provider stands one that counts the looks, and the pieces of loops, before which the host looks. */
#include "rung_provider.h"
#include "support/session.h"
#include "support/test.h"

#include <stdatomic.h>
#include <string.h>

/* In nanoseconds of a slow processor that does one thing after the other. */
static const double most_work = 2e7;

static const rung_provider_api *cpu;
static rung_host host; /* the session's, with two slots of ours */
static void (*parallel)(const rung_host *host, const rung_run *run, size_t count, size_t grain,
                        void (*fn)(void *context, size_t begin, size_t end), void *context);
static int (*cancelled)(const rung_run *run);
static atomic_size_t looks, works; /* works: pieces that were not skipped */
static atomic_bool stops;          /* at the first look */

static int look(const rung_run *run) {
  atomic_fetch_add(&looks, 1);
  return cancelled(run) || atomic_load(&stops);
}

typedef struct loop {
  const rung_run *run;
  void (*fn)(void *context, size_t begin, size_t end);
  void *context;
} loop;

static void run_piece(void *context, size_t begin, size_t end) {
  const loop *l = context;
  if (l->run && look(l->run)) return;
  atomic_fetch_add(&works, 1);
  l->fn(l->context, begin, end);
}

static void in_pieces(const rung_host *given, const rung_run *run, size_t count, size_t grain,
                      void (*fn)(void *context, size_t begin, size_t end), void *context) {
  parallel(given, run, count, grain, run_piece, &(loop){run, fn, context});
}

static rung_status *compile_watched(void *provider, const rung_graph *island, const rung_compile *compile,
                                    void **out_executable) {
  rung_compile watched = *compile;
  host = *compile->host;
  parallel = host.parallel, cancelled = host.cancelled;
  host.parallel = in_pieces, host.cancelled = look;
  watched.host = &host;
  return cpu->compile(provider, island, &watched, out_executable);
}

static rung_status *run_watched(void *executable, const rung_run *run, rung_fence **out_fence) {
  rung_run watched = *run;
  watched.host = &host;
  watched.cancellable = 1;
  return cpu->run(executable, &watched, out_fence);
}

static void open_watched(test_session *t, const char *text, int opset) {
  static rung_provider_api api; /* lives as long as the environment */
  session_begin(t);
  for (size_t i = 0; i < rung_env_provider_count(t->env); i++)
    if (strcmp(rung_env_provider_api(t->env, i)->name, "cpu") == 0) cpu = rung_env_provider_api(t->env, i);
  api = *cpu;
  api.name = "watched", api.ort_name = NULL;
  api.compile = compile_watched, api.run = run_watched;
  assert_ok(rung_env_add_provider(t->env, &api));
  session_load(t, text, opset);
  assert_ok(session_open(t, "watched", NULL));
  session_fill(t);
}

static const struct {
  const char *text;
  int opset;
  double work;
} rows[] = {
    {"x:f32[900,900] -> y ; y = Det(x)", 0, 900.0 * 900 * 900 / 3},
    {"x:f32[500,500] -> y ; y = com.microsoft::Inverse(x)", 0, 2.0 * 500 * 500 * 500},
    {"x:f32[2000000] -> y ; k:i64[1] = 500000 ; y, _ = TopK(x, k)", 0, 2e6 * 100},
    {"x:f32[30000000] -> y ; a:i64[] = 0 ; y = CumSum(x, a)", 0, 3e7 * 3},
    {"x:f32[1,1,256,256] -> y ; y = LpPool(x) kernel_shape=[31,31] p=3", 0, 226.0 * 226 * 961 * 20},
    {"x:f32[1,1,512,512] -> y ; y = MaxPool(x) kernel_shape=[63,63]", 0, 450.0 * 450 * 63},
    {"x:f32[1,64,96,96] w:f32[64,64,3,3] -> y ; y = Conv(x, w)", 0, 94.0 * 94 * 64 * 64 * 9 / 8},
    {"x:f32[1,32,64,64] w:f32[32,32,3,3] -> y ; a = Cast(x) to=f64 ; b = Cast(w) to=f64 ; y = Conv(a, b)", 0,
     62.0 * 62 * 32 * 32 * 9},
    {"x:f32[300,300] -> y ; a = Cast(x) to=i32 ; y = MatMul(a, a)", 0, 300.0 * 300 * 300},
    {"x:u8[3,8000000] w:u8[8000000,8] -> y ; y = MatMulInteger(x, w)", 0, 8e6 * 32},
    {"x:f32[60,60] w:f32[60,60] v:f32[60,60] -> y ; y = Einsum(x, w, v) equation='ij,jk,ki->ijk'", 0, 60.0 * 60 * 60},
    {"x:f32[8,8209,1] -> y ; y = DFT(x) axis=1", 17, 8.0 * 8209 * 400},
    {"b:f32[1,3000,4] s:f32[1,1,3000] -> y ; m:i64[] = 3000 ; i:f32[] = 1 ; y = NonMaxSuppression(b, s, m, i)", 0,
     3000.0 * 3000 / 2 * 5},
    {"x:f32[10000000] -> y ; y = Exp(x)", 0, 1e7 * 3},
    {"x:f32[1,20000000] -> y ; y = Softmax(x) axis=1", 0, 2e7 * 5},
    {"x:f32[10000000,2] -> y ; y = Softmax(x) axis=0", 0, 2e7 * 10},
    {"x:f32[2000000,16] -> y ; y = Softmax(x) axis=0", 0, 3.2e7 * 5},
    {"x:f32[1,20000000] -> y ; y = LogSoftmax(x) axis=1", 0, 2e7 * 5},
    {"x:f32[1,20000000] -> y ; y = Hardmax(x) axis=1", 0, 2e7 * 3},
    {"x:f32[1,30000000] -> y ; y = ArgMax(x) axis=1", 0, 3e7 * 2},
    {"x:f32[20000000] -> y ; y = NonZero(x)", 0, 2e7 * 5},
    {"x:f32[20000000] c:bool[20000000] -> y ; y = Compress(x, c) axis=0", 0, 2e7 * 5},
    {"x:f32[2000000] -> y ; y, i, j, k = Unique(x) sorted=0", 0, 2e6 * 90},
    {"x:f32[500000,4] -> y ; y, i, j, k = Unique(x) axis=0", 0, 5e5 * 400},
    {"x:f32[9000010] i:i64[9000000] -> y ; y = Gather(x, i)", 0, 9e6 * 10},
    {"x:f32[9000010] i:i64[9000000] -> y ; y = GatherElements(x, i)", 0, 9e6 * 10},
    {"x:f32[9000010] i:i64[9000000,1] -> y ; y = GatherND(x, i)", 0, 9e6 * 10},
    {"x:f32[9000010] i:i64[9000000] u:f32[9000000] -> y ; y = ScatterElements(x, i, u)", 0, 9e6 * 10},
    {"x:f32[9000010] i:i64[9000000,1] u:f32[9000000] -> y ; y = ScatterND(x, i, u)", 0, 9e6 * 10},
    {"x:f32[30000000] -> y ; y = Identity(x)", 0, 3e7 * 2},
    {"x:f32[5000,5000] -> y ; y = EyeLike(x)", 0, 2.5e7 * 2},
    {"x:f32[1,200003,1] -> y ; y = DFT(x) axis=1", 17, 2e5 * 800},
    {"x:i64[1] -> y ; s:i64[] = 5000000 ; y = HannWindow(s)", 17, 5e6 * 20},
    {"x:f32[2,1,64] w:f32[1,8192,64] r:f32[1,8192,2048] -> y ; y, h, c = LSTM(x, w, r) hidden_size=2048", 0, 1.7e7 * 8},
    {"x:f32[200000] -> y ; y = Cast(x) to=str", 0, 2e5 * 1000},
    {"x:f32[100,100000] -> y ; s:i64[] = 1 ; y = SplitToSequence(x, s) axis=1", 0, 1e5 * 600},
    {"x:f32[1,1,600,600] -> y, i ; y, i = MaxPool(x) kernel_shape=[3,3]", 0, 3.6e5 * 170},
    {"x:f32[1,1,2000,2000] -> y ; y = AveragePool(x) kernel_shape=[63,63]", 0, 4e6 * 20},
    {"x:f32[1,1,30000000] -> y ; s:f32[1] = 1 ; y = InstanceNormalization(x, s, s)", 0, 3e7 * 3},
    {"x:f32[1,30000000] -> y ; y = LpNormalization(x) axis=1", 0, 3e7 * 3},
    {"x:f32[1,20000000] -> y ; y = ai.onnx.ml::Normalizer(x) norm='L2'", 0, 2e7 * 4},
    {"x:f32[100000,3] -> y ; y = ai.onnx.ml::ZipMap(x) classlabels_int64s=[1,2,3]", 0, 1e5 * 500},
    {"x:i64[4000000] -> y ; y = TfIdfVectorizer(x) max_gram_length=1 max_skip_count=0 min_gram_length=1 mode='TF' "
     "ngram_counts=[0] ngram_indexes=[0,1] pool_int64s=[2,3]",
     0, 4e6 * 20},
    {"x:f32[1,4,400,400] -> y ; s:f32[4] = 1 1 3 3 ; y = Resize(x, _, s) mode='cubic'", 0, 4.0 * 1200 * 1200 * 20},
};

static void long_kernels_look(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    test_session t;
    open_watched(&t, rows[i].text, rows[i].opset);
    atomic_store(&looks, 0), atomic_store(&stops, false);
    assert_ok(session_run(&t));
    size_t seen = atomic_load(&looks);
    if (rows[i].work / (double)(seen + 1) > most_work) fail_msg("%s: %zu looks", rows[i].text, seen);
    session_drop_outputs(&t);
    atomic_store(&works, 0), atomic_store(&stops, true);
    assert_error(session_run(&t), CANCELLED, "was cancelled");
    assert_int_equal(atomic_load(&works), 0);
    session_end(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(long_kernels_look)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
