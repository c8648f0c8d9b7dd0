#include "trial.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Verdicts */

/* The witness's name is none that the user knows. */
static void unveil(char *words) {
  static const char coat[] = "watched-";
  for (char *at = words; (at = strstr(at, coat));) memmove(at, at + strlen(coat), strlen(at + strlen(coat)) + 1);
}

static bool decide(trial *t, outcome what, const char *format, va_list arguments) {
  if (t->verdict->what == FAILED) return false;
  t->verdict->what = what;
  vsnprintf(t->verdict->words, sizeof t->verdict->words, format, arguments);
  unveil(t->verdict->words);
  return false;
}

bool trial_fail(trial *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  decide(t, FAILED, format, arguments);
  va_end(arguments);
  return false;
}

bool trial_skip(trial *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  decide(t, SKIPPED, format, arguments);
  va_end(arguments);
  return false;
}

bool trial_prefix(trial *t, const char *format, ...) {
  char words[VERDICT_WORDS];
  size_t size = sizeof t->verdict->words;
  snprintf(words, sizeof words, "%s", t->verdict->words);
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(t->verdict->words, size, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length < size) snprintf(t->verdict->words + length, size - (size_t)length, "%s", words);
  return false;
}

bool trial_ok(trial *t, rung_status *status) {
  if (!status) return true;
  t->code = rung_status_code(status);
  trial_fail(t, "%s: %s", rung_code_name(rung_status_code(status)), rung_status_message(status));
  rung_status_free(status);
  return false;
}

bool trial_error(trial *t, rung_status *status, rung_code code, const char *what) {
  rung_code is = rung_status_code(status);
  if (!status)
    trial_fail(t, "%s: it succeeds, %s was to come", what, rung_code_name(code));
  else if (is != code)
    trial_fail(t, "%s: %s was to come, not %s: %s", what, rung_code_name(code), rung_code_name(is),
               rung_status_message(status));
  else if (!rung_status_message(status)[0])
    trial_fail(t, "%s: its status has no words", what);
  rung_status_free(status);
  return status && is == code;
}

/* Beginning */

static const rung_provider_api *find_provider(const rung_env *env, const char *name) {
  for (size_t i = 0; i < rung_env_provider_count(env); i++)
    if (strcmp(rung_env_provider_api(env, i)->name, name) == 0) return rung_env_provider_api(env, i);
  return NULL;
}

bool trial_begin(trial *t, const kit *k, verdict *out_verdict) {
  *t = (trial){.kit = k, .verdict = out_verdict};
  *out_verdict = (verdict){PASSED, false, ""};
  witness_init(&t->watch);
  rung_env_options options;
  rung_env_options_init(&options);
  options.allocator = &t->watch.memory.allocator;
  options.threads = k->threads;
  options.search_paths = k->search_paths;
  rung_status *status = rung_env_create(&options, &t->env);
  if (!status && k->library) status = rung_env_load_provider(t->env, k->library);
  if (!trial_ok(t, status)) return false;
  const rung_provider_api *inner = find_provider(t->env, k->name);
  if (!inner) return trial_fail(t, "no provider is called \"%s\"", k->name);
  witness_watch(&t->watch, inner);
  return trial_ok(t, rung_env_add_provider(t->env, &t->watch.api));
}

/* Sessions */

const char *trial_chain(trial *t, const char *more) {
  const char *given = t->kit->options;
  snprintf(t->chain, sizeof t->chain, "%s%s%s%s%s", t->watch.name, given[0] || more ? ":" : "", given,
           given[0] && more ? "," : "", more ? more : "");
  return t->chain;
}

bool trial_load(trial *t, const char *text, int opset) {
  rung_session_destroy(&t->session);
  rung_model_destroy(&t->model);
  free(t->bytes);
  t->bytes = NULL;
  spec_free(&t->spec);
  t->text = text;
  if (!spec_read(&t->spec, text, opset)) return trial_fail(t, "the case's text: %s", t->spec.trouble);
  size_t size;
  char *model = spec_model(&t->spec, &size);
  t->bytes = get_memory(size + t->shift, 1);
  memcpy(t->bytes + t->shift, model, size);
  free(model);
  char *path = format_text("%s/" SPEC_FILE, t->kit->folder);
  bool written = spec_write_file(&t->spec, path);
  free(path);
  if (!written) return trial_fail(t, "%s cannot be written", SPEC_FILE);
  rung_model_config config;
  rung_model_config_init(&config);
  config.external_folder = t->kit->folder;
  return trial_ok(t, rung_model_load_memory(t->env, t->bytes + t->shift, size, &config, &t->model));
}

rung_status *trial_plan(trial *t, const char *more, rung_session_options *options, rung_session **out_session) {
  options->chain = trial_chain(t, more);
  options->passes_off = "all"; /* the graph is what the text says */
  witness_forget(&t->watch);
  return rung_session_create(t->env, t->model, options, out_session);
}

/* A provider may refuse. What it has accepted it has to run. */
static bool refused(trial *t, rung_status *status) {
  rung_code code = rung_status_code(status);
  if (code != RUNG_UNSUPPORTED && code != RUNG_CONTRACT) return trial_ok(t, status);
  rung_status_free(status);
  return trial_skip(t, "refused: %s", t->watch.refusal[0] ? t->watch.refusal : "it did not answer");
}

bool trial_open(trial *t, const char *text, int opset) {
  rung_session_options options;
  rung_session_options_init(&options);
  long compiles = atomic_load(&t->watch.compiles);
  if (!trial_load(t, text, opset)) return false;
  rung_status *status = trial_plan(t, NULL, &options, &t->session);
  if (status) return refused(t, status);
  return atomic_load(&t->watch.compiles) > compiles || trial_skip(t, "rung itself runs all nodes");
}

/* Runs */

bool trial_feed(trial *t, exchange_kind kind, size_t shift) {
  exchange_free(&t->x);
  return trial_ok(t, exchange_make(&t->x, t->env, &t->spec, kind, shift));
}

bool trial_run(trial *t) {
  char words[500];
  if (!trial_ok(t, exchange_run(&t->x, t->session, NULL))) return false;
  return exchange_agrees(&t->x, &t->spec, words, sizeof words) || trial_fail(t, "%s", words);
}

/* Request `n` fails. */
static bool run_without(trial *t, rung_session_options *options, long n, bool *out_reached) {
  guard *memory = &t->watch.memory;
  char words[500];
  rung_session *session = NULL;
  atomic_store(&memory->made, 0);
  atomic_store(&memory->fail_at, n);
  rung_status *status = trial_plan(t, NULL, options, &session);
  if (!status) status = exchange_run(&t->x, session, NULL);
  atomic_store(&memory->fail_at, 0);
  *out_reached = atomic_load(&memory->made) >= n;
  rung_session_destroy(&session);
  bool ok = status ? trial_error(t, status, RUNG_OUT_OF_MEMORY, "when a request for memory fails")
                   : exchange_agrees(&t->x, &t->spec, words, sizeof words) || trial_fail(t, "%s", words);
  exchange_clear(&t->x);
  return ok || trial_prefix(t, "request %ld: ", n);
}

bool trial_without_memory(trial *t, rung_session_options *options) {
  enum { PATIENCE = 3000 };
  bool reached = true;
  for (long n = 1; n < PATIENCE && reached; n++)
    if (!run_without(t, options, n, &reached)) return false;
  return !reached || trial_fail(t, "it is still asking for memory after %d requests", PATIENCE);
}

/* End */

/* A broken rule explains what came of it. */
static void explain(trial *t, const char *rule) {
  if (t->verdict->what == FAILED)
    trial_prefix(t, "%s; then: ", rule);
  else
    trial_fail(t, "%s", rule);
}

void trial_end(trial *t) {
  char words[WITNESS_WORDS];
  t->verdict->ran = atomic_load(&t->watch.runs) > 0;
  exchange_free(&t->x);
  rung_session_destroy(&t->session);
  rung_model_destroy(&t->model);
  rung_env_destroy(&t->env);
  spec_free(&t->spec);
  free(t->bytes);
  witness_left(&t->watch, words, sizeof words);
  if (words[0]) trial_fail(t, "%s", words);
  guard_left(&t->watch.memory, words, sizeof words);
  if (words[0]) trial_fail(t, "memory: %s", words);
  if (guard_damage(&t->watch.memory)) explain(t, guard_damage(&t->watch.memory));
  if (witness_complaint(&t->watch)) explain(t, witness_complaint(&t->watch));
  witness_finish(&t->watch);
}
