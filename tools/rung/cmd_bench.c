/* rung bench: how long runs take, of one chain or of several on the same inputs, and which to take. */
#include "bench.h"
#include "commands.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option bench_options[] = {
    {"warmup", 0, "N", "runs before measuring; default: 3", set_count, offsetof(bench_args, warmup)},
    {"runs", 'n', "N", "measure so many runs, instead of a time", set_positive, offsetof(bench_args, runs)},
    {"seconds", 0, "TIME", "measure for so long; default: 2s", set_seconds, offsetof(bench_args, seconds)},
    {"parallel", 0, "N", "N threads run the session at once; default: 1", set_positive, offsetof(bench_args, parallel)},
    {"batch", 0, "A,B,...", "sizes of the first dimension, where it is open", set_text, offsetof(bench_args, batches)},
    {"data", 0, "DIR", "inputs, and outputs to compare with, from DIR/test_data_set_<k> or DIR", set_text,
     offsetof(bench_args, data)},
    {"rtol", 0, "X", "relative tolerance of outputs; default: 1e-3", set_tolerance,
     offsetof(bench_args, allowed) + offsetof(tolerance, rtol)},
    {"atol", 0, "X", "absolute tolerance of outputs; default: 1e-5", set_tolerance,
     offsetof(bench_args, allowed) + offsetof(tolerance, atol)},
    {"cosine", 0, "X", "least cosine of outputs; default: not looked at", set_cosine,
     offsetof(bench_args, allowed) + offsetof(tolerance, cosine)},
    {"html", 0, "FILE", "write a page for a browser: figures, recommendation, the graph", set_text,
     offsetof(bench_args, html)},
    {0}};

static const char story[] =
    "Measures runs: minimum, median, 90th and 99th percentile, throughput; also loading, compiling, the first run and\n"
    "the most memory that the process held. Inputs that are not given are random. Compiled islands are not taken from "
    "the\n"
    "cache, unless --cache names it.\n"
    "\n"
    "  rung bench model.onnx -p cpu --threads 1\n"
    "  rung bench model.onnx --batch 1,4,16 --seconds 5s\n"
    "  rung bench model.onnx --parallel 4 --threads 4\n"
    "\n"
    "With several -p the chains are measured side by side: the same inputs, rounds that take turns, ratios of the\n"
    "rounds' medians against the first chain. Their outputs are compared with those of --data, else with the chain\n"
    "cpu's, else with the first one's; a chain whose outputs differ is not recommended, and one that is not faster\n"
    "beyond the spread is no reason to change from one before it.\n"
    "\n"
    "  rung bench model.onnx -p openvino -p cpu -p openvino,cpu --data testdata --html bench.html";

/* What the shapes are, where the model leaves dimensions open, decides the times. */
static void print_shapes(const bench *b) {
  for (size_t i = 0; i < b->sets.input_count; i++) {
    rung_slot slot;
    rung_status *status = rung_session_input(b->chains[0].setup.session, i, &slot);
    const rung_tensor *t = status || !b->sets.values[0][i] ? NULL : rung_value_tensor(b->sets.values[0][i]);
    rung_status_free(status);
    if (t) printf("%s  %s[%s]\n", clean(slot.name), rung_dtype_name(t->dtype), dims_text(NULL, t->rank, t->dims));
  }
}

/* Batches */

static int check_batch(const setup *s, int64_t batch) {
  for (size_t i = 0; i < rung_session_input_count(s->session); i++) {
    rung_slot slot;
    TRY_STATUS(rung_session_input(s->session, i, &slot));
    if (slot.type->rank > 0 && slot.type->dims[0] < 0) return 0;
  }
  return fail(EXIT_USAGE, "--batch %lld: the first dimension of no input is open", (long long)batch);
}

static int read_batches(bench *b) {
  const char *text = b->args->batches;
  b->batch_count = 1;
  if (!text) return 0;
  if (b->args->data) return fail(EXIT_USAGE, "--batch fills inputs, --data gives them: one of the two");
  b->batch_count = parse_counts(text, strlen(text), ',', b->batches, MOST_BATCHES);
  for (int i = 0; i < b->batch_count; i++)
    if (b->batches[i] < 1) b->batch_count = -1;
  if (b->batch_count >= 1) return 0;
  return fail(EXIT_USAGE, "--batch %s: sizes are needed, such as 1,4,16", clean(text));
}

static feed_args bench_feeding(const bench *b, int batch) {
  feed_args feeding = *b->feeding;
  feeding.batch = b->batches[batch];
  if (!feeding.fill) feeding.fill = "random";
  return feeding;
}

static int bench_batch(bench *b, int batch) {
  feed_args feeding = bench_feeding(b, batch);
  const setup *s = &b->chains[0].setup;
  if (feeding.batch) TRY(check_batch(s, feeding.batch));
  TRY(input_sets_read(&feeding, s, b->args->data, &b->sets));
  if (!b->json) print_shapes(b);
  TRY(bench_run(b, batch));
  if (batch == 0) TRY(bench_compare(b));
  return 0;
}

static int bench_batches(bench *b) {
  int code = 0;
  for (int i = 0; i < b->batch_count && !code; i++) {
    code = bench_batch(b, i);
    for (size_t c = 0; c < b->chain_count && i == 0; c++) {
      if (b->chains[c].outputs) release_outputs(b->chains[c].outputs, b->sets.count * b->sets.output_count);
      free(b->chains[c].outputs);
    }
    input_sets_free(&b->sets);
  }
  return code;
}

/* Chains */

static int open_chains(bench *b, const session_args *given) {
  session_args args = *given, *session = &args;
  if (!args.cache) args.cache = "off"; /* the time to compile is what is asked for */
  b->chain_count = session->chains.count ? session->chains.count : 1;
  b->chains = get_memory(b->chain_count, sizeof *b->chains);
  for (size_t i = 0; i < b->chain_count; i++) {
    bench_chain *c = &b->chains[i];
    rung_session_options more;
    rung_session_options_init(&more);
    more.has_seed = 1;
    more.seed = (uint64_t)b->feeding->seed;
    more.chain = c->name = session->chains.count ? session->chains.at[i] : "cpu";
    c->setup = (setup){.env = b->setup->env, .model = b->setup->model};
    input_sets choice = {0};
    if (is_auto(more.chain)) {
      feed_args feeding = bench_feeding(b, 0);
      TRY(input_sets_for_choice(&feeding, session, b->args->data, &c->setup, &choice, &more));
    }
    double before = held_memory();
    int code = setup_session(session, TO_RUN, &more, &c->setup);
    input_sets_free(&choice);
    TRY(b->chain_count > 1 ? fail_within(code, "-p %s: ", c->name) : code);
    double grown = held_memory() - before;
    c->memory = grown > 0 ? grown : 0;
  }
  return 0;
}

static int bench_all(bench *b, const session_args *session, const char *path) {
  TRY(read_batches(b));
  TRY(open_chains(b, session));
  TRY_STATUS(rung_cancel_create(b->setup->env, &b->cancel));
  interrupt_cancels(b->cancel);
  TRY(bench_batches(b));
  bench_recommend(b);
  if (b->args->html) TRY(bench_page(b, path, b->args->html));
  if (b->json) return bench_json(b, path);
  bench_print(b);
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static bench_args args = {.warmup = 3, .seconds = 2, .allowed = {1e-3, 1e-5, 0, 1}};
  static feed_args feeding;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &feeding, &session, &output}, &path));
  setup s = {0};
  bench b = {.args = &args, .feeding = &feeding, .setup = &s, .json = output.json};
  int code = setup_model(&session, path, &s);
  if (!code) code = bench_all(&b, &session, path);
  interrupt_cancels(NULL);
  rung_cancel_destroy(&b.cancel);
  for (size_t i = 0; b.chains && i < b.chain_count; i++) setup_drop_session(&b.chains[i].setup);
  free(b.chains);
  free(b.reference);
  free(b.words);
  setup_finish(&s);
  return code;
}

const command bench_cmd = {.name = "bench",
                           .operands = "MODEL",
                           .summary = "measure how long runs take, and compare chains",
                           .story = story,
                           .groups = {{"Options", bench_options},
                                      {"Inputs", feed_options},
                                      {"Session", session_options},
                                      {"Format", output_options}},
                           .run = run};
