/* rung verify: do two chains give the same outputs, and if not, which node departs first? */
#include "bisect.h"
#include "commands.h"
#include "difference_out.h"
#include "interrupt.h"
#include "json_out.h"
#include "rung_graph.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct verify_args {
  const char *against, *data;
  tolerance allowed;
  bool no_search;
} verify_args;

static const option verify_options[] = {
    {"against", 0, "CHAIN", "the chain whose outputs are right; default: cpu", set_text,
     offsetof(verify_args, against)},
    {"data", 0, "DIR", "inputs from DIR/input_<i>.pb, or from all DIR/test_data_set_<k>; default: random", set_text,
     offsetof(verify_args, data)},
    {"rtol", 0, "X", "relative tolerance; default: 1e-3", set_tolerance,
     offsetof(verify_args, allowed) + offsetof(tolerance, rtol)},
    {"atol", 0, "X", "absolute tolerance; default: 1e-5", set_tolerance,
     offsetof(verify_args, allowed) + offsetof(tolerance, atol)},
    {"cosine", 0, "X", "least cosine; default: not looked at", set_cosine,
     offsetof(verify_args, allowed) + offsetof(tolerance, cosine)},
    {"no-search", 0, NULL, "do not look for the node that departs", set_flag, offsetof(verify_args, no_search)},
    {0}};

static const char story[] =
    "Runs the same inputs through two chains and compares every output. When one differs, finds the first node whose\n"
    "inputs agree and whose output does not, by making values between into outputs, a dozen at a time. Exit code 0:\n"
    "they agree; 1: they differ.\n"
    "\n"
    "  rung verify model.onnx -p 'openvino,cpu' --against cpu\n"
    "  rung verify model.onnx -p openvino:precision=FP16 --data testdata --rtol 1e-2";

typedef struct verify {
  const verify_args *args;
  const feed_args *feeding;
  const session_args *session;
  rung_session_options more; /* of every session: the seed */
  setup chains[2];
  const char *names[2];
  input_sets sets;
  rung_cancel *cancel;
  bool json, different;
  size_t bad_set;
  char *bad_output; /* the first output that differs */
} verify;

/* Outputs */

static void show_output(const verify *v, const char *name, bool ok, const difference *d) {
  if (v->json) {
    json_object(NULL);
    json_text("output", name);
    json_bool("ok", ok);
    put_difference(d);
    json_end();
    return;
  }
  print_difference(name, ok, d);
}

static int compare_set(verify *v, size_t set, rung_value **outputs) {
  size_t count = v->sets.output_count;
  for (int i = 0; i < 2; i++)
    TRY_STATUS(input_sets_run(&v->sets, set, v->chains[i].session, v->cancel, outputs + (size_t)i * count, NULL));
  for (size_t i = 0; i < count; i++) {
    rung_slot slot;
    TRY_STATUS(rung_session_output(v->chains[0].session, i, &slot));
    difference d = {.cosine = 1};
    rung_value *got = outputs[i], *want = outputs[count + i];
    bool ok = (!got && !want) || (got && want && rung_value_agrees(got, want, &v->args->allowed, &d));
    show_output(v, slot.name, ok, &d);
    if (ok || v->different) continue;
    v->different = true;
    v->bad_set = set;
    v->bad_output = copy_text(slot.name, strlen(slot.name));
  }
  return 0;
}

static int compare_sets(verify *v) {
  size_t count = v->sets.output_count;
  rung_value **outputs = get_memory(2 * count, sizeof *outputs);
  int code = 0;
  if (v->json) json_array("sets");
  for (size_t k = 0; k < v->sets.count && !code; k++) {
    const char *folder = v->sets.folders.count ? v->sets.folders.at[k] : NULL;
    if (v->json) {
      json_object(NULL);
      json_text("set", folder);
      json_array("outputs");
    } else {
      printf("%s%s%s\n", in(BOLD), folder ? clean(folder) : "outputs", in(PLAIN));
    }
    code = compare_set(v, k, outputs);
    release_outputs(outputs, 2 * count);
    if (v->json && !code) json_end(), json_end();
  }
  if (v->json && !code) json_end();
  free(outputs);
  return code;
}

/* The first node that departs */

static const char *runner_of(const rung_session *session, const rung_node *node) {
  const rung_plan *plan = rung_session_plan(session);
  for (size_t i = 0; i < plan->node_count; i++)
    if (!plan->nodes[i].graph[0] && strcmp(plan->nodes[i].name, node->name) == 0)
      return plan->nodes[i].provider ? plan->nodes[i].provider : "nobody";
  return "nobody";
}

static void departure_words(const verify *v, const departure *d, char *words, size_t size) {
  if (d->at == d->count) {
    snprintf(words, size, "no node makes \"%s\": it is an input or a constant", clean(v->bad_output));
    return;
  }
  const rung_node *node = d->values[d->at].node;
  const char *a = runner_of(v->chains[0].session, node), *b = runner_of(v->chains[1].session, node);
  if (d->hidden)
    snprintf(words, size,
             "the difference goes away when \"%s\" of %s \"%s\" is looked at: %s or %s computes it together with "
             "what comes after, and differs there",
             clean(d->values[d->at].name), node->op_type, clean(node->name), a, b);
  else
    snprintf(words, size, "%s \"%s\", run by %s and by %s: its inputs agree, its output \"%s\" does not: %s",
             node->op_type, clean(node->name), a, b, clean(d->values[d->at].name), clean(d->apart.words));
}

static void put_departure(const verify *v, const departure *d, const char *words) {
  if (d->at == d->count) {
    json_null("first_departure");
    return;
  }
  const rung_node *node = d->values[d->at].node;
  json_object("first_departure");
  json_text("node", node->name);
  json_text("op_type", node->op_type);
  json_text("value", d->values[d->at].name);
  json_array("providers");
  for (int i = 0; i < 2; i++) json_text(NULL, runner_of(v->chains[i].session, node));
  json_end();
  json_bool("hidden", d->hidden);
  json_object("difference");
  put_difference(&d->apart);
  json_end();
  json_array("inputs");
  for (size_t i = 0; i < d->input_count; i++) {
    json_object(NULL);
    json_text("value", d->values[d->input_values[i]].name);
    put_difference(&d->inputs[i]);
    json_end();
  }
  json_end();
  json_count("rounds", d->sessions);
  json_text("words", words);
  json_end();
}

static void print_departure(const departure *d, const char *words) {
  printf("%sfirst node that departs%s\n  %s\n", in(BOLD), in(PLAIN), words);
  if (d->at == d->count) return;
  for (size_t i = 0; i < d->input_count; i++)
    printf("  input %s: largest difference %.3g\n", clean(d->values[d->input_values[i]].name), d->inputs[i].max_abs);
  printf("  output %s: largest difference %.3g, %zu of %zu wrong\n", clean(d->values[d->at].name), d->apart.max_abs,
         d->apart.wrong, d->apart.count);
  printf("  found among %zu values in %d %s\n", d->count, d->sessions, plural((size_t)d->sessions, "round", "rounds"));
}

static int find_departure(verify *v) {
  if (!v->different || v->args->no_search) {
    if (v->json) json_null("first_departure");
    return 0;
  }
  bisection b = {.session = v->session,
                 .more = &v->more,
                 .chains = {v->names[0], v->names[1]},
                 .setup = &v->chains[0],
                 .sets = &v->sets,
                 .set = v->bad_set,
                 .allowed = &v->args->allowed,
                 .cancel = v->cancel};
  departure d = {0};
  char words[1200];
  int code = bisect(&b, v->bad_output, &d);
  if (!code) departure_words(v, &d, words, sizeof words);
  if (!code && v->json) put_departure(v, &d, words);
  if (!code && !v->json) print_departure(&d, words);
  departure_free(&d);
  return code;
}

/* The whole */

static int open_chains(verify *v) {
  session_args free_args = *v->session; /* a contract is about the chain that is verified */
  free_args.contract = free_args.locked = NULL;
  free_args.against = v->names[1];
  session_args first = *v->session;
  first.against = v->names[1];
  for (int i = 0; i < 2; i++) {
    rung_session_options more = v->more;
    more.chain = v->names[i];
    int code = setup_session(i ? &free_args : &first, TO_RUN, &more, &v->chains[i]);
    TRY(fail_within(code, "%s %s: ", i ? "--against" : "-p", clean(v->names[i])));
  }
  return 0;
}

static int verify_all(verify *v, const char *path) {
  feed_args feeding = *v->feeding;
  if (!feeding.fill) feeding.fill = "random";
  TRY(open_chains(v));
  TRY(input_sets_read(&feeding, &v->chains[0], v->args->data, &v->sets));
  TRY_STATUS(rung_cancel_create(v->chains[0].env, &v->cancel));
  interrupt_cancels(v->cancel);
  if (v->json) {
    json_object(NULL);
    json_text("model", path);
    json_text("chain", v->names[0]);
    json_text("against", v->names[1]);
  }
  TRY(compare_sets(v));
  TRY(find_departure(v));
  if (v->json) {
    json_bool("agree", !v->different);
    json_end();
  }
  if (!v->different) return 0;
  return fail(EXIT_DIFFERENT, "output \"%s\" of %s differs from that of %s", clean(v->bad_output), clean(v->names[0]),
              clean(v->names[1]));
}

static int run(const command *self, int argc, char **argv) {
  static verify_args args = {.against = "cpu", .allowed = {1e-3, 1e-5, 0, 1}};
  static feed_args feeding;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &feeding, &session, &output}, &path));
  verify v = {.args = &args, .feeding = &feeding, .session = &session, .json = output.json};
  v.names[0] = session.chain ? session.chain : "cpu";
  v.names[1] = args.against;
  rung_session_options_init(&v.more);
  v.more.has_seed = 1;
  v.more.seed = (uint64_t)feeding.seed;
  int code = setup_model(&session, path, &v.chains[0]);
  v.chains[1] = (setup){.env = v.chains[0].env, .model = v.chains[0].model};
  if (!code) code = verify_all(&v, path);
  interrupt_cancels(NULL);
  rung_cancel_destroy(&v.cancel);
  input_sets_free(&v.sets);
  free(v.bad_output);
  setup_drop_session(&v.chains[1]);
  setup_finish(&v.chains[0]);
  return code;
}

const command verify_cmd = {.name = "verify",
                            .operands = "MODEL",
                            .summary = "compare two chains' outputs, and find the node that departs",
                            .story = story,
                            .groups = {{"Options", verify_options},
                                       {"Inputs", feed_options},
                                       {"Session", session_options},
                                       {"Format", output_options}},
                            .run = run};
