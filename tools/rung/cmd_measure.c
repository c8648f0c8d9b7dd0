/* rung measure: what islands, nodes and crossings cost here, for the cost rule (rung plan --figures). */
#include "chains.h"
#include "commands.h"
#include "disk.h"
#include "feed.h"
#include "json_out.h"
#include "plan_text.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct measure_args {
  int64_t rounds;
  const char *out;
} measure_args;

static const option measure_options[] = {
    {"rounds", 'n', "N", "runs of each plan; the least time counts; default: 10", set_positive,
     offsetof(measure_args, rounds)},
    {"out", 'o', "FILE", "where the figures go; default: MODEL.figures, beside the model", set_text,
     offsetof(measure_args, out)},
    {0}};

static const char story[] =
    "Measures what a chain's islands and nodes cost on this machine, each provider of the chain alone, too, and what\n"
    "tensors cost that cross between memories. With these figures (--figures FILE of every command that makes a "
    "session)\n"
    "islands that lose more in crossings than they win are given back to the next provider. Then says what that\n"
    "decides. The figures go to MODEL.figures beside the model, or to the file of -o.\n"
    "\n"
    "  rung measure model.onnx -p 'cuda?,cpu' -o model.figures\n"
    "  rung run model.onnx -p 'cuda?,cpu' --figures model.figures";

typedef struct job {
  const measure_args *args;
  const feed_args *feeding;
  const session_args *session;
  setup *setup;
  char **lines; /* of figures, so far */
  size_t line_count;
} job;

/* Lines of figures */

static void keep_figures(job *j, const char *text) {
  for (const char *at = text; *at;) {
    size_t size = strcspn(at, "\n");
    j->lines = grow_memory(j->lines, j->line_count, sizeof *j->lines);
    j->lines[j->line_count++] = copy_text(at, size);
    at += size + (at[size] != 0);
  }
}

/* Bytes of what a line is about: "node cpu 9e10...", "crossing host fake:0", "launch cpu". */
static size_t subject_size(const char *line) {
  const char *at = line;
  int words = strncmp(line, "launch ", 7) == 0 ? 2 : 3;
  for (int i = 0; i < words && *at; i++) at += strcspn(at, " ") + (i + 1 < words);
  return (size_t)(at - line);
}

/* By subject, the least number first. */
static int compare_lines(const void *a, const void *b) {
  const char *x = *(char *const *)a, *y = *(char *const *)b;
  size_t x_size = subject_size(x), y_size = subject_size(y), size = x_size < y_size ? x_size : y_size;
  int order = memcmp(x, y, size);
  if (order || x_size != y_size) return order ? order : x_size < y_size ? -1 : 1;
  double p = strtod(x + x_size, NULL), q = strtod(y + y_size, NULL);
  return p < q ? -1 : p > q;
}

/* The header, and of all lines about one thing the one with the least time. */
static int write_figures(job *j, const char *path) {
  char *text = format_text("%s\n", j->lines[0]), *header = j->lines[0];
  qsort(j->lines, j->line_count, sizeof *j->lines, compare_lines);
  const char *last = header;
  for (size_t i = 0; i < j->line_count; i++) {
    const char *line = j->lines[i];
    size_t size = subject_size(line);
    bool again = subject_size(last) == size && memcmp(last, line, size) == 0;
    last = line;
    if (again) continue;
    char *longer = format_text("%s%s\n", text, line);
    free(text);
    text = longer;
  }
  int code = write_file(path, text, strlen(text));
  free(text);
  return code;
}

/* Measuring */

static int run_rounds(job *j, rung_value *const *inputs, size_t input_count, rung_value **outputs,
                      size_t output_count) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.profile = 1;
  for (int64_t i = 0; i < j->args->rounds + 1; i++) { /* one to warm up: its times are longer, and do no harm */
    rung_status *status = rung_session_run(j->setup->session, &options, inputs, input_count, outputs, output_count);
    for (size_t k = 0; k < output_count; k++) {
      rung_value_release(outputs[k]);
      outputs[k] = NULL;
    }
    TRY_STATUS(status);
    char *text;
    TRY_STATUS(rung_session_figures(j->setup->session, &text));
    keep_figures(j, text);
    rung_text_free(text);
  }
  return 0;
}

static int run_session(job *j) {
  rung_session *session = j->setup->session;
  size_t input_count = rung_session_input_count(session), output_count = rung_session_output_count(session);
  fed *inputs = get_memory(input_count, sizeof *inputs);
  rung_value **values = get_memory(input_count, sizeof *values);
  rung_value **outputs = get_memory(output_count, sizeof *outputs);
  int code = feed(j->feeding, j->setup, NULL, inputs);
  for (size_t i = 0; i < input_count && !code; i++) values[i] = inputs[i].value;
  if (!code) {
    code = run_rounds(j, values, input_count, outputs, output_count);
    free_fed(inputs, input_count);
  }
  free(outputs);
  free(values);
  free(inputs);
  return code;
}

/* A chain that cannot run the model alone tells nothing. */
static int measure_chain(job *j, const char *chain, bool must) {
  rung_session_options more;
  rung_session_options_init(&more);
  more.chain = chain;
  session_args alone = *j->session;
  alone.contract = alone.figures = alone.locked = NULL; /* what is measured is what is there */
  alone.pins = (text_list){0};
  setup_drop_session(j->setup);
  int code = setup_session(&alone, TO_RUN, &more, j->setup);
  if (!code) code = run_session(j);
  return must ? code : 0;
}

static int measure_all(job *j, const char *chain) {
  text_list parts = {0};
  chain_parts(chain, &parts);
  int code = measure_chain(j, chain, true);
  for (size_t i = 0; i < parts.count && !code && parts.count > 1; i++) code = measure_chain(j, parts.at[i], false);
  text_list_free(&parts);
  return code;
}

/* The plan with the figures. */
static int show_choice(job *j, bool json) {
  session_args with = *j->session;
  with.figures = j->args->out;
  setup_drop_session(j->setup);
  TRY(setup_session(&with, TO_PLAN, NULL, j->setup));
  if (!json) {
    printf("figures written to %s\n", clean(j->args->out));
    print_plan(j->setup->session, false);
    return 0;
  }
  char *plan;
  TRY_STATUS(rung_session_plan_json(j->setup->session, &plan));
  json_object(NULL);
  json_text("figures", j->args->out);
  json_raw("plan", plan);
  json_end();
  rung_text_free(plan);
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static measure_args args = {.rounds = 10};
  static feed_args feeding;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&feeding, &args, &session, &output}, &path));
  char *beside = format_text("%s.figures", path);
  if (!args.out) args.out = beside;
  if (!feeding.fill) feeding.fill = "random";
  setup s = {0};
  job j = {.args = &args, .feeding = &feeding, .session = &session, .setup = &s};
  int code = setup_model(&session, path, &s);
  if (!code) code = measure_all(&j, session.chain ? session.chain : "cpu");
  if (!code) code = write_figures(&j, args.out);
  if (!code) code = show_choice(&j, output.json);
  for (size_t i = 0; i < j.line_count; i++) free(j.lines[i]);
  free(j.lines);
  free(beside);
  setup_finish(&s);
  return code;
}

const command measure_cmd = {.name = "measure",
                             .operands = "MODEL",
                             .summary = "measure what islands and crossings cost here",
                             .story = story,
                             .groups = {{"Inputs", feed_options},
                                        {"Options", measure_options},
                                        {"Session", session_options},
                                        {"Format", output_options}},
                             .run = run};
