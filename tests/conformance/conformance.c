/* Runs folders in the layout of the ONNX backend tests: model.onnx, test_data_set_<k>/{input,output}_<i>.pb.
 *
 *   conformance [-p CHAIN] [--search FOLDER] [--rtol X] [--atol X] [--cosine X] [--threads N] [--min N]
 *               [--expected FILE] [--must-fail] [-v] FOLDER...
 *
 * Every FOLDER that holds a model.onnx is a case; of any other, its subfolders are. Each case runs in a process of its
 * own with a time limit, so that a crash or a hang is a result like others. FILE lists the cases that may fail, one
 * `name reason` a line; one that passes although it is listed is a failure too. With
 * --must-fail every case must end in an error, of loading, of making the session or of running; wrong numbers are none.
 * --search names a folder with libraries of vendors. Exit status 0 when nothing unexpected happened and at least --min
 * cases passed. */
#define _GNU_SOURCE
#include "compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 60, WORDS = 600, MOST = 4096, PATH = 1024 };

/* ABSENT: a library that the operator needs is not on this machine. */
typedef enum outcome { PASSED, ABSENT, REFUSED, FAILED, CRASHED, HUNG, OUTCOMES } outcome;
static const char *const outcome_names[] = {"pass", "absent", "refused", "wrong", "crash", "hang"};

typedef struct settings {
  const char *chain, *search[2]; /* search: ends with NULL */
  tolerance allowed;
  unsigned threads;
  int verbose, minimum, must_fail;
  char *expected; /* the file's text */
} settings;

typedef struct result { /* shared with the child */
  outcome what;
  char words[WORDS];
} result;

/* Files */

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  char *data = malloc((size_t)length + 1);
  *size = fread(data, 1, (size_t)length, file);
  data[*size] = 0;
  fclose(file);
  return data;
}

static int exists(const char *path) { return access(path, F_OK) == 0; }

/* Cases whose expected numbers come from numpy's random generator: only shapes and types can be the same. */
static int is_random(const char *name) {
  if (strstr(name, "zero_ratio")) return 0;
  return strncmp(name, "test_bernoulli", 14) == 0 || strncmp(name, "test_training_dropout", 21) == 0;
}

/* One case, in the child */

static void say(result *r, outcome what, const char *where, rung_status *status) {
  r->what = what;
  snprintf(r->words, WORDS, "%s: %s", where, rung_status_message(status));
  rung_status_free(status);
}

static rung_status *read_value(rung_env *env, const char *path, const rung_type *type, rung_value **out) {
  size_t size = 0;
  char *data = read_file(path, &size);
  rung_status *status = rung_value_parse(env, data, size, type, out);
  free(data);
  return status;
}

/* The light models have no inputs: element k of n is k / n, an open dimension counts as 1. */
static rung_status *ramp(rung_env *env, const rung_type *type, rung_value **out) {
  int64_t dims[RUNG_MAX_RANK];
  for (int i = 0; i < type->rank; i++) dims[i] = type->dims[i] < 0 ? 1 : type->dims[i];
  rung_status *status = rung_value_create(env, RUNG_F32, type->rank, dims, out);
  if (status) return status;
  const rung_tensor *t = rung_value_tensor(*out);
  size_t n = rung_tensor_count(t);
  for (size_t k = 0; k < n; k++) ((float *)t->data)[k] = (float)((double)k / (double)n);
  return NULL;
}

/* One data set: its values, and where they lie. */
typedef struct data_set {
  rung_env *env;
  rung_session *session;
  const char *folder, *light;
  size_t in, out;
  rung_value **inputs, **outputs;
} data_set;

static rung_status *read_inputs(data_set *d) {
  rung_status *status = NULL;
  for (size_t i = 0; i < d->in && !status; i++) {
    rung_slot slot;
    char path[PATH];
    status = rung_session_input(d->session, i, &slot);
    snprintf(path, sizeof path, "%s/input_%zu.pb", d->folder, i);
    if (!status)
      status = d->light ? ramp(d->env, slot.type, &d->inputs[i]) : read_value(d->env, path, slot.type, &d->inputs[i]);
  }
  return status;
}

static int check_output(data_set *d, size_t i, const settings *s, result *r) {
  rung_slot slot;
  rung_value *want = NULL;
  char path[PATH];
  difference far = {0};
  snprintf(path, sizeof path, "%s/output_%zu.pb", d->folder, i);
  if (d->light) snprintf(path, sizeof path, "%s_output_%zu.pb", d->light, i);
  rung_status *status = rung_session_output(d->session, i, &slot);
  bool is_tensor = rung_value_tensor(d->outputs[i]) && slot.type->kind != RUNG_OPTIONAL;
  if (!status) status = read_value(d->env, path, is_tensor ? NULL : slot.type, &want);
  if (status) return say(r, FAILED, "expected output", status), 0;
  int agree = rung_value_agrees(d->outputs[i], want, &s->allowed, &far);
  rung_value_release(want);
  if (agree) return 1;
  r->what = FAILED;
  snprintf(r->words, WORDS, "output %zu \"%s\": %s", i, slot.name, far.words);
  return 0;
}

static int run_and_check(data_set *d, const settings *s, result *r) {
  rung_status *status = read_inputs(d);
  if (status && s->must_fail) return say(r, CRASHED, "input", status), 0; /* of the case, not of what it tests */
  if (status) return say(r, FAILED, "input", status), 0;
  status = rung_session_run(d->session, NULL, d->inputs, d->in, d->outputs, d->out);
  if (status) return say(r, rung_status_code(status) == RUNG_UNSUPPORTED ? REFUSED : FAILED, "run", status), 0;
  if (s->must_fail) return 1;
  for (size_t i = 0; i < d->out; i++)
    if (!check_output(d, i, s, r)) return 0;
  return 1;
}

static int run_set(rung_env *env, rung_session *session, const char *folder, const char *light, const settings *s,
                   result *r) {
  data_set d = {.env = env, .session = session, .folder = folder, .light = light};
  d.in = rung_session_input_count(session);
  d.out = rung_session_output_count(session);
  d.inputs = calloc(d.in + 1, sizeof *d.inputs);
  d.outputs = calloc(d.out + 1, sizeof *d.outputs);
  int passed = run_and_check(&d, s, r);
  for (size_t i = 0; i < d.in; i++) rung_value_release(d.inputs[i]);
  for (size_t i = 0; i < d.out; i++) rung_value_release(d.outputs[i]);
  free(d.inputs);
  free(d.outputs);
  return passed;
}

static void run_sets(rung_env *env, rung_session *session, const char *folder, const char *light, const settings *s,
                     result *r) {
  char set[PATH];
  int k = 0;
  if (light) {
    if (run_set(env, session, folder, light, s, r)) r->what = PASSED;
    return;
  }
  for (;; k++) {
    snprintf(set, sizeof set, "%s/test_data_set_%d", folder, k);
    if (!exists(set)) break;
    if (!run_set(env, session, set, NULL, s, r)) return;
  }
  r->what = k ? PASSED : FAILED;
  if (!k) snprintf(r->words, WORDS, "no test_data_set_0");
}

static void run_case(const char *folder, const settings *s, result *r) {
  char path[PATH], light[PATH];
  rung_env *env = NULL;
  rung_model *model = NULL;
  rung_session *session = NULL;
  rung_env_options env_options;
  rung_env_options_init(&env_options);
  env_options.threads = s->threads;
  env_options.search_paths = s->search;
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = s->chain;
  options.has_seed = 1;
  snprintf(path, sizeof path, "%s/model.onnx", folder);
  size_t length = strlen(folder);
  int is_light = length > 5 && strcmp(folder + length - 5, ".onnx") == 0;
  if (is_light) {
    snprintf(path, sizeof path, "%s", folder);
    snprintf(light, sizeof light, "%.*s", (int)length - 5, folder);
  }
  rung_status *status = rung_env_create(&env_options, &env);
  if (!status) status = rung_model_load(env, path, NULL, &model);
  if (status) {
    say(r, FAILED, "load", status);
    return;
  }
  status = rung_session_create(env, model, &options, &session);
  if (status) {
    say(r, rung_status_code(status) == RUNG_UNSUPPORTED ? REFUSED : FAILED, "session", status);
    if (r->what == REFUSED && strstr(r->words, ": library: ")) r->what = ABSENT;
  } else {
    run_sets(env, session, folder, is_light ? light : NULL, s, r);
  }
  rung_session_destroy(&session);
  rung_model_destroy(&model);
  rung_env_destroy(&env);
}

/* The parent */

static int is_expected(const settings *s, const char *name) {
  size_t length = strlen(name);
  for (const char *at = s->expected; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
    if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\n')) return 1;
  return 0;
}

static outcome run_in_child(const char *folder, const settings *s, result *r) {
  r->what = CRASHED;
  r->words[0] = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    const char *name = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
    settings own = *s;
    own.allowed.values = !is_random(name);
    alarm(SECONDS);
    run_case(folder, &own, r);
    exit(0); /* where sanitizers look for leaks */
  }
  int state;
  waitpid(child, &state, 0);
  if (WIFSIGNALED(state)) {
    r->what = WTERMSIG(state) == SIGALRM ? HUNG : CRASHED;
    snprintf(r->words, WORDS, "signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
  } else if (WEXITSTATUS(state)) {
    r->what = CRASHED;
    snprintf(r->words, WORDS, "exit status %d", WEXITSTATUS(state));
  }
  return r->what;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_cases(const char *folder, char **cases, int *count) {
  char path[PATH];
  size_t length = strlen(folder);
  snprintf(path, sizeof path, "%s/model.onnx", folder);
  if (exists(path) || (length > 5 && strcmp(folder + length - 5, ".onnx") == 0)) {
    if (*count < MOST) cases[(*count)++] = strdup(folder);
    return;
  }
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, entry->d_name);
    int is_case = exists(path);
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    size_t size = strlen(path);
    is_case |= strncmp(entry->d_name, "light_", 6) == 0 && size > 5 && strcmp(path + size - 5, ".onnx") == 0;
    if (is_case && *count < MOST) cases[(*count)++] = strdup(path);
  }
  if (dir) closedir(dir);
}

static int report(const settings *s, char **cases, int count) {
  result *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int sums[OUTCOMES] = {0}, unexpected = 0, listed = 0;
  for (int i = 0; i < count; i++) {
    const char *name = strrchr(cases[i], '/') ? strrchr(cases[i], '/') + 1 : cases[i];
    outcome what = run_in_child(cases[i], s, r);
    int expected = is_expected(s, name);
    listed += expected;
    if (s->must_fail && what < CRASHED && what != ABSENT) what = what == PASSED ? FAILED : PASSED;
    int bad = what != ABSENT && ((what == PASSED) == expected || what >= CRASHED);
    sums[what]++;
    unexpected += bad;
    if (s->verbose || bad)
      printf("%s%s %s: %s\n", bad && s->expected ? "UNEXPECTED " : "", outcome_names[what], name, r->words);
  }
  for (int k = 1; k < OUTCOMES; k++)
    if (sums[k]) printf("%d %s, ", sums[k], outcome_names[k]);
  int failed = s->expected ? unexpected : count - sums[PASSED] - sums[ABSENT];
  printf("%d cases\n%d passed, %d failed, %d skipped\n", count, sums[PASSED], failed,
         sums[ABSENT] + (s->expected ? listed : 0));
  return failed || sums[PASSED] < s->minimum || count == 0;
}

int main(int argc, char **argv) {
  settings s = {.chain = "cpu", .allowed = {1e-3, 1e-7, 0, 1}, .threads = 1};
  char **cases = calloc(MOST, sizeof *cases);
  int count = 0;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    size_t size;
    if (strcmp(argv[i], "-v") == 0)
      s.verbose = 1;
    else if (strcmp(argv[i], "--must-fail") == 0)
      s.must_fail = 1;
    else if (strcmp(argv[i], "-p") == 0)
      s.chain = value, i++;
    else if (strcmp(argv[i], "--rtol") == 0)
      s.allowed.rtol = atof(value), i++;
    else if (strcmp(argv[i], "--atol") == 0)
      s.allowed.atol = atof(value), i++;
    else if (strcmp(argv[i], "--cosine") == 0)
      s.allowed.cosine = atof(value), i++;
    else if (strcmp(argv[i], "--search") == 0)
      s.search[0] = value, i++;
    else if (strcmp(argv[i], "--threads") == 0)
      s.threads = (unsigned)atoi(value), i++;
    else if (strcmp(argv[i], "--min") == 0)
      s.minimum = atoi(value), i++;
    else if (strcmp(argv[i], "--expected") == 0)
      s.expected = read_file(value, &size), i++;
    else
      add_cases(argv[i], cases, &count);
  }
  qsort(cases, (size_t)count, sizeof *cases, by_name);
  int failed = report(&s, cases, count);
  for (int i = 0; i < count; i++) free(cases[i]);
  free(cases);
  free(s.expected);
  return failed;
}
