/* rung run: inputs from the command line or test data, one or many runs, outputs shown, kept, compared. */
#include "commands.h"
#include "compare.h"
#include "data_set.h"
#include "difference_out.h"
#include "input_sets.h"
#include "interrupt.h"
#include "json_out.h"
#include "keep.h"
#include "labels.h"
#include "plan_text.h"
#include "profile_out.h"
#include "show.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run_args {
  const char *data, *labels, *profile, *optimized;
  profile_format format;
  bool check, softmax, ctc, quiet, background;
  int64_t top, repeat;
  double rtol, atol, cosine, deadline;
  keep_args keep;
} run_args;

static const option run_options[] = {
    {"data", 0, "DIR", "inputs from DIR/input_<i>.pb, or from all DIR/test_data_set_<k>", set_text,
     offsetof(run_args, data)},
    {"check", 0, NULL, "compare with output_<i>.pb of --data; exit code 1 when they differ", set_flag,
     offsetof(run_args, check)},
    {"rtol", 0, "X", "relative tolerance of --check; default: 1e-3", set_tolerance, offsetof(run_args, rtol)},
    {"atol", 0, "X", "absolute tolerance of --check; default: 1e-5", set_tolerance, offsetof(run_args, atol)},
    {"cosine", 0, "X", "least cosine of --check; default: not looked at", set_cosine, offsetof(run_args, cosine)},
    {"top", 0, "K", "show the K best classes of each output", set_count, offsetof(run_args, top)},
    {"labels", 0, "FILE", "names of classes: one a line, or JSON", set_text, offsetof(run_args, labels)},
    {"softmax", 0, NULL, "scores are logits: show probabilities", set_flag, offsetof(run_args, softmax)},
    {"ctc", 0, NULL, "read rows of scores as text (class 0 is blank); labels: --labels, else the model's \"character\"",
     set_flag, offsetof(run_args, ctc)},
    {"output", 'o', "DIR", "write each output to a file there", set_text,
     offsetof(run_args, keep) + offsetof(keep_args, folder)},
    {"format", 0, "npy|pb", "of these files; default: npy (pb holds every type)", set_format,
     offsetof(run_args, keep) + offsetof(keep_args, format)},
    {"save-image", 0, "NAME=FILE.png", "write an output as a picture (may be repeated)", set_more,
     offsetof(run_args, keep) + offsetof(keep_args, images)},
    {"image-range", 0, "LOW:HIGH", "values that are black and white; default: 0:1, else the output's own", set_text,
     offsetof(run_args, keep) + offsetof(keep_args, range)},
    {"deadline", 0, "TIME", "give up a run after that time, such as 200ms", set_seconds, offsetof(run_args, deadline)},
    {"repeat", 0, "N", "run N times; times are of all", set_positive, offsetof(run_args, repeat)},
    {"background-compile", 0, NULL,
     "the chain's next providers run until the first one is compiled (a run that ends before gives it up)", set_flag,
     offsetof(run_args, background)},
    {"profile", 0, "FILE",
     "write what each step of the last run took: .html a page, .trace.json for Perfetto, else JSON", set_text,
     offsetof(run_args, profile)},
    {"profile-format", 0, "json|html|chrome", "of that file, whatever its name", set_profile_format,
     offsetof(run_args, format)},
    {"save-optimized", 0, "FILE", "write the graph after passes as an ONNX model", set_text,
     offsetof(run_args, optimized)},
    {"quiet", 'q', NULL, "show outputs only: no plan, no times", set_flag, offsetof(run_args, quiet)},
    {0}};

static const char story[] =
    "Runs a model once and shows its outputs, who ran what, and the times.\n"
    "\n"
    "  rung run model.onnx --input cat.jpg --top 5 --labels classes.txt\n"
    "  rung run model.onnx -p 'openvino?,cpu' --input x=x.npy --input n=3 --output results\n"
    "  rung run vad.onnx --input input=speech.wav --rate 16000 --crop 576+8000 --input sr=16000 --fill zeros\n"
    "  rung run model.onnx --data testdata --check --rtol 1e-3\n"
    "  rung run model.onnx --fill random --profile times.html\n"
    "\n"
    "Options such as --resize belong to the --input before them; before the first --input they hold for all.\n"
    "A picture is resized to the model's size when it has one. Forms of --input: rung help inputs.";

/* What the functions below share. */
typedef struct job {
  const run_args *args;
  const feed_args *feed;
  setup setup;
  size_t input_count, output_count;
  fed *inputs;
  rung_value **outputs;
  rung_slot *slots; /* of the outputs */
  const char **names;
  show_args show;
  text_list labels;
  rung_cancel *cancel;
  double first, least, sum; /* seconds of runs */
  int64_t runs;
  bool json, different;
} job;

/* Preparation */

static int check_image_names(const job *j) {
  const text_list *images = &j->args->keep.images;
  for (size_t i = 0; i < images->count; i++) {
    bool known = false;
    for (size_t k = 0; k < j->output_count; k++)
      known |= starts_with(images->at[i], j->names[k]) && images->at[i][strlen(j->names[k])] == '=';
    const char *near = nearest(clean_bytes(images->at[i], strcspn(images->at[i], "=")), j->names, j->output_count);
    if (!known)
      return fail(EXIT_USAGE, "--save-image %s: NAME=FILE.png is needed with the name of an output%s%s%s",
                  clean(images->at[i]), near ? "; did you mean " : "", near ? clean(near) : "", near ? "?" : "");
  }
  return 0;
}

/* Text recognisers carry their characters with them. */
static void read_own_labels(job *j) {
  const char *key, *value;
  for (size_t i = 0; (key = rung_model_get_property(j->setup.model, i, &value)); i++)
    if (strcmp(key, "character") == 0) labels_of_lines(value, &j->labels);
}

static int open_job(job *j) {
  j->input_count = rung_session_input_count(j->setup.session);
  j->output_count = rung_session_output_count(j->setup.session);
  j->inputs = get_memory(j->input_count, sizeof *j->inputs);
  j->outputs = get_memory(j->output_count, sizeof *j->outputs);
  j->slots = get_memory(j->output_count, sizeof *j->slots);
  j->names = get_memory(j->output_count, sizeof *j->names);
  for (size_t i = 0; i < j->output_count; i++) {
    TRY_STATUS(rung_session_output(j->setup.session, i, &j->slots[i]));
    j->names[i] = j->slots[i].name;
  }
  if (j->args->labels)
    TRY(labels_read(j->args->labels, &j->labels));
  else if (j->args->ctc)
    read_own_labels(j);
  j->show = (show_args){j->args->top, &j->labels, j->args->softmax, j->args->ctc};
  TRY(check_image_names(j));
  if (j->args->optimized) TRY_STATUS(rung_session_save_model(j->setup.session, j->args->optimized));
  TRY_STATUS(rung_cancel_create(j->setup.env, &j->cancel));
  interrupt_cancels(j->cancel);
  return 0;
}

static void drop_outputs(job *j) {
  for (size_t i = 0; i < j->output_count && j->outputs; i++) {
    rung_value_release(j->outputs[i]);
    j->outputs[i] = NULL;
  }
}

static void close_job(job *j) {
  interrupt_cancels(NULL);
  drop_outputs(j);
  if (j->inputs) free_fed(j->inputs, j->input_count);
  text_list_free(&j->labels);
  free(j->inputs);
  free(j->outputs);
  free(j->slots);
  free(j->names);
  rung_cancel_destroy(&j->cancel);
  setup_finish(&j->setup);
}

/* Running */

static int run_once(job *j, rung_value **inputs, bool profile) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = nanoseconds(j->args->deadline);
  options.cancel = j->cancel;
  options.profile = profile;
  drop_outputs(j);
  double began = now();
  TRY_STATUS(rung_session_run(j->setup.session, &options, inputs, j->input_count, j->outputs, j->output_count));
  double took = now() - began;
  if (!j->runs) j->first = j->least = took;
  j->least = took < j->least ? took : j->least;
  j->sum += took;
  j->runs++;
  return 0;
}

static int run_all(job *j) {
  rung_value **inputs = get_memory(j->input_count, sizeof *inputs);
  for (size_t i = 0; i < j->input_count; i++) inputs[i] = j->inputs[i].value;
  int64_t repeat = j->args->repeat;
  int code = 0;
  progress_begin("running");
  for (int64_t i = 0; i < repeat && !code; i++) {
    code = run_once(j, inputs, j->args->profile && i == repeat - 1);
    if (repeat > 1) progress_tell((uint64_t)i + 1, (uint64_t)repeat);
  }
  progress_end();
  free(inputs);
  return code;
}

/* After a run */

static int check_output(job *j, const char *set, size_t i) {
  rung_value *want = NULL;
  TRY(data_set_output(set, j->setup.env, i, &j->slots[i], j->outputs[i], &want));
  if (!want) return fail(EXIT_OF(NOT_FOUND), "--check: %s/output_%zu.pb is not there", clean(set), i);
  tolerance allowed = {j->args->rtol, j->args->atol, j->args->cosine, 1};
  difference d = {.cosine = 1};
  bool ok = rung_value_agrees(j->outputs[i], want, &allowed, &d);
  rung_value_release(want);
  j->different |= !ok;
  if (!ok) fail(EXIT_DIFFERENT, "output \"%s\" of %s differs: %s", clean(j->names[i]), clean(set), d.words);
  if (j->json) {
    json_object(NULL);
    json_text("output", j->names[i]);
    json_bool("ok", ok);
    put_difference(&d);
    json_end();
  } else {
    print_difference(j->names[i], ok, &d);
  }
  return 0;
}

static int check_outputs(job *j, const char *set) {
  if (!j->args->check) return 0;
  if (j->json) json_array("check");
  for (size_t i = 0; i < j->output_count; i++) TRY(check_output(j, set, i));
  if (j->json) json_end();
  return 0;
}

/* With several sets each has a folder of its own. */
static char *output_folder(const job *j, const char *set, bool alone) {
  const char *folder = j->args->keep.folder;
  if (!folder || alone || !set) return folder ? format_text("%s", folder) : NULL;
  const char *slash = strrchr(set, '/');
  return format_text("%s/%s", folder, slash ? slash + 1 : set);
}

static int put_output(job *j, size_t i, const char *folder) {
  char *path = NULL, note[300];
  if (folder) TRY(keep_value(&j->args->keep, folder, i, j->names, j->outputs[i], &path));
  int code = keep_image(&j->args->keep, j->names[i], j->outputs[i], note, sizeof note);
  if (!code && j->json) show_json(j->names[i], j->outputs[i], &j->show, path);
  if (!code && !j->json && !j->args->check) show_value(j->names[i], j->outputs[i], &j->show);
  if (!code && !j->json && path) printf("  written to %s\n", clean(path));
  if (!code && !j->json && note[0]) printf("  picture %s\n", note);
  free(path);
  return code;
}

static int put_outputs(job *j, const char *set, bool alone) {
  char *folder = output_folder(j, set, alone);
  int code = 0;
  if (j->json) json_array("outputs");
  for (size_t i = 0; i < j->output_count && !code; i++) code = put_output(j, i, folder);
  if (j->json && !code) json_end();
  free(folder);
  return code;
}

static void put_inputs(const job *j) {
  for (size_t i = 0; i < j->input_count; i++) {
    rung_slot slot;
    rung_status *status = rung_session_input(j->setup.session, i, &slot);
    rung_status_free(status);
    const rung_tensor *t = rung_value_tensor(j->inputs[i].value);
    if (status || !t) continue;
    if (j->json) {
      json_object(NULL);
      json_text("name", slot.name);
      json_text("dtype", rung_dtype_name(t->dtype));
      json_array("shape");
      for (int32_t k = 0; k < t->rank; k++) json_count(NULL, t->dims[k]);
      json_end();
      json_text("source", j->inputs[i].source);
      json_end();
    } else if (strchr(j->inputs[i].source, '(')) { /* what was done with it is worth a line */
      printf("%s%s <- %s%s\n", in(DIM), clean(slot.name), j->inputs[i].source, in(PLAIN));
    }
  }
}

/* One data set, or (`set` NULL) what the command line feeds. */
static int run_set(job *j, const char *set, bool alone) {
  TRY(feed(j->feed, &j->setup, set, j->inputs));
  TRY(run_all(j));
  if (j->json) {
    json_object(NULL);
    json_text("set", set);
    json_array("inputs");
    put_inputs(j);
    json_end();
  } else if (set) {
    printf("%s%s%s\n", in(BOLD), clean(set), in(PLAIN));
  } else {
    put_inputs(j);
  }
  TRY(put_outputs(j, set, alone));
  TRY(check_outputs(j, set));
  if (j->json) json_end();
  drop_outputs(j);
  free_fed(j->inputs, j->input_count);
  return 0;
}

static int run_sets(job *j) {
  if (!j->args->data) return run_set(j, NULL, true);
  text_list sets;
  TRY(data_sets_find(j->args->data, &sets));
  int code = 0;
  for (size_t i = 0; i < sets.count && !code; i++) code = run_set(j, sets.at[i], sets.count == 1);
  text_list_free(&sets);
  return code;
}

/* The report */

static void print_times(const job *j) {
  printf("%stimes%s\n  load %s, compile %s, ", in(BOLD), in(PLAIN), seconds_text(j->setup.load_seconds),
         seconds_text(j->setup.session_seconds));
  if (j->runs == 1)
    printf("run %s\n", seconds_text(j->first));
  else
    printf("first run %s, least of %lld %s, mean %s\n", seconds_text(j->first), (long long)j->runs,
           seconds_text(j->least), seconds_text(j->sum / (double)j->runs));
}

static int print_report_json(const job *j) {
  char *plan;
  TRY_STATUS(rung_session_plan_json(j->setup.session, &plan));
  json_raw("plan", plan);
  rung_text_free(plan);
  char *journal;
  TRY_STATUS(rung_session_journal_json(j->setup.session, &journal));
  json_raw("providers", journal);
  rung_text_free(journal);
  json_object("seconds");
  json_number("load", j->setup.load_seconds);
  json_number("compile", j->setup.session_seconds);
  json_number("first_run", j->first);
  json_number("least_run", j->least);
  json_number("mean_run", j->sum / (double)j->runs);
  json_count("runs", j->runs);
  json_end();
  json_end();
  return 0;
}

static int write_profile(const job *j, const char *model) {
  if (!j->args->profile) return 0;
  profile_times times = {j->first, j->least, j->runs};
  return profile_write(&j->setup, model, &times, j->args->format, j->args->profile);
}

static int run_job(job *j, const char *path) {
  TRY(open_job(j));
  if (j->json) {
    json_object(NULL);
    json_text("model", path);
    json_array("sets");
  }
  TRY(run_sets(j));
  TRY(write_profile(j, path));
  if (j->json) {
    json_end();
    TRY(print_report_json(j));
  } else if (j->args->quiet) {
    setup_warn();
  } else {
    print_plan(j->setup.session, false);
    print_journal(j->setup.session);
    print_times(j);
  }
  return j->different ? EXIT_DIFFERENT : 0;
}

static int run(const command *self, int argc, char **argv) {
  static run_args args = {.repeat = 1, .rtol = 1e-3, .atol = 1e-5};
  static feed_args feeding;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&feeding, &args, &session, &output}, &path));
  if (args.check && !args.data) return fail(EXIT_USAGE, "--check needs --data");
  job j = {.args = &args, .feed = &feeding, .json = output.json};
  int code = setup_model(&session, path, &j.setup);
  rung_session_options more;
  rung_session_options_init(&more);
  more.has_seed = 1;
  more.seed = (uint64_t)feeding.seed;
  more.background_compile = args.background;
  input_sets choice = {0};
  if (!code && is_auto(session.chain))
    code = input_sets_for_choice(&feeding, &session, args.data, &j.setup, &choice, &more);
  if (!code) code = setup_session(&session, TO_RUN, &more, &j.setup);
  input_sets_free(&choice);
  if (!code) code = run_job(&j, path);
  close_job(&j);
  return code;
}

const command run_cmd = {.name = "run",
                         .operands = "MODEL",
                         .summary = "run a model and show its outputs",
                         .story = story,
                         .groups = {{"Inputs", feed_options},
                                    {"Outputs", run_options},
                                    {"Session", session_options},
                                    {"Format", output_options}},
                         .run = run};
