#include "setup.h"

#include "disk.h"
#include "term.h"
#include "text.h"
#include "vendor_paths.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV(name) offsetof(env_args, name)
#define SESSION(name) offsetof(session_args, name)

#define ENV_OPTIONS                                                                                                 \
  {"threads", 't', "N", "threads to compute with; default: all that the process may use", set_small, ENV(threads)}, \
      {"load", 0, "FILE", "a provider in a library of its own (may be repeated)", set_more, ENV(libraries)},        \
      {"search", 0, "DIR", "look for vendors' libraries there, too (may be repeated)", set_more, ENV(folders)}, {   \
    "verbose", 'v', NULL, "tell more on standard error", set_flag, ENV(verbose)                                     \
  }

/* Commands that compare chains take all, the others the last. */
static int set_chain(const option *self, const char *value, void *settings) {
  session_args *args = settings;
  (void)self;
  args->chain = value;
  text_list_add(&args->chains, value);
  return 0;
}

static int set_limit(const option *self, const char *value, void *settings) {
  limit_values *limits = &((session_args *)settings)->limits;
  const struct {
    const char *name;
    uint64_t *value, most;
  } rows[] = {{"nodes", &limits->nodes, UINT64_MAX},
              {"depth", &limits->depth, UINT32_MAX},
              {"tensor-bytes", &limits->tensor_bytes, UINT64_MAX},
              {"run-bytes", &limits->run_bytes, UINT64_MAX},
              {"loop-trips", &limits->loop_trips, UINT64_MAX},
              {"cache-bytes", &limits->cache_bytes, UINT64_MAX}};
  enum { ROWS = sizeof rows / sizeof rows[0] };
  const char *names[ROWS], *equals = strchr(value, '=');
  size_t size = equals ? (size_t)(equals - value) : strlen(value);
  for (size_t i = 0; i < ROWS; i++) {
    int64_t number;
    names[i] = rows[i].name;
    if (strlen(rows[i].name) != size || memcmp(rows[i].name, value, size) != 0) continue;
    if (!equals || !parse_count(equals + 1, strlen(equals + 1), &number) || (uint64_t)number > rows[i].most)
      return fail(EXIT_USAGE, "--%s %s: %s=N is needed%s", self->name, clean(value), rows[i].name,
                  rows[i].most == UINT32_MAX ? ", up to 4294967295" : "");
    *rows[i].value = (uint64_t)number;
    return 0;
  }
  return fail(EXIT_USAGE, "--%s %s: NAME=N is needed%s", self->name, clean(value),
              choices_text(clean_bytes(value, size), names, ROWS));
}

const option env_options[] = {ENV_OPTIONS, {0}};

const option session_options[] = {
    {"providers", 'p', "CHAIN",
     "providers in order; '?' marks one that may be missing; default: cpu; auto: what is fastest here, by measurement",
     set_chain, 0},
    {"provider-option", 0, "NAME.KEY=VALUE", "an option of a provider of the chain (may be repeated)", set_more,
     SESSION(provider_options)},
    {"dim", 'd', "NAME=SIZE", "size of a symbolic dimension (may be repeated)", set_more, SESSION(dims)},
    {"shape", 0, "INPUT=1x3x224x224", "shape of an input (may be repeated)", set_more, SESSION(shapes)},
    {"pass-off", 0, "NAMES", "graph passes to leave out, separated by commas; \"all\"", set_text, SESSION(passes_off)},
    {"legalise", 0, NULL, "rewrite what a provider does not take, where the results stay the same, bit for bit",
     set_flag, SESSION(legalise)},
    {"limit", 0, "NAME=N",
     "raise a limit: nodes, depth, tensor-bytes, run-bytes, loop-trips, cache-bytes (may be repeated)", set_limit,
     SESSION(limits)},
    {"contract", 0, "TERMS", "what the plan must keep, such as coverage>=95%,crossings<=4: rung help contracts",
     set_text, SESSION(contract)},
    {"pin", 0, "NODES=PROVIDER", "keep nodes to a provider: op:TYPE, node:PATTERN, between:A..B (may be repeated)",
     set_more, SESSION(pins)},
    {"figures", 0, "FILE", "give back islands that are not worth their crossings, by what rung measure wrote there",
     set_text, SESSION(figures)},
    {"locked", 0, "FILE", "fail when the plan is not the one that rung plan --lock wrote there", set_text,
     SESSION(locked)},
    {"lock-warns", 0, NULL, "only warn then", set_flag, SESSION(lock_warns)},
    {"on-failure", 0, "error|next", "when a provider fails in a run; next: the chain's next ones finish it", set_choice,
     SESSION(on_failure)},
    {"breaker-failures", 0, "N", "failures in a row after which a provider is out of service; default: 3", set_small,
     SESSION(breaker_failures)},
    {"breaker-time", 0, "TIME", "how long, until a run tries it again; default: 60s", set_seconds,
     SESSION(breaker_seconds)},
    {"config", 0, "FILE", "more options from a file, one a line, without dashes: contract = strict", set_config, 0},
    {"external", 0, "DIR", "folder of external data; default: the model's", set_text, SESSION(external_folder)},
    {"cache", 0, "DIR|off",
     "where compiled islands are kept for later; default: $XDG_CACHE_HOME/rung, else ~/.cache/rung", set_text,
     SESSION(cache)},
    {"cache-wait", 0, "TIME", "how long to wait for another process that compiles the same; default: 600s", set_seconds,
     SESSION(cache_wait)},
    {"read-files", 0, NULL, "read the model instead of mapping it: safe when its file changes", set_flag,
     SESSION(read_files)},
    ENV_OPTIONS,
    {0}};

const option output_options[] = {{"json", 0, NULL, "print JSON", set_flag, offsetof(output_args, json)}, {0}};

/* Environment */

/* Warnings of planning are held back, for a plan says the same. They may come from any thread. */
static struct {
  pthread_mutex_t lock;
  bool verbose, holding;
  text_list held;
} warnings = {PTHREAD_MUTEX_INITIALIZER, false, false, {0}};

static void hold_warnings(bool hold) {
  pthread_mutex_lock(&warnings.lock);
  warnings.holding = hold;
  pthread_mutex_unlock(&warnings.lock);
}

static void print_log(void *user, rung_log_level level, const char *text) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  (void)user;
  char *lines = clean_lines(text, "  "), *line = format_text("rung: %s: %s", names[level], lines);
  free(lines);
  pthread_mutex_lock(&warnings.lock);
  bool hold = warnings.holding;
  if (hold) text_list_add(&warnings.held, line);
  pthread_mutex_unlock(&warnings.lock);
  if (hold) return;
  say(line);
  free(line);
}

void setup_warn(void) {
  pthread_mutex_lock(&warnings.lock);
  for (size_t i = 0; i < warnings.held.count; i++) say(warnings.held.at[i]);
  text_list_free(&warnings.held);
  pthread_mutex_unlock(&warnings.lock);
}

int setup_env(const env_args *args, setup *s) {
  rung_env_options options;
  rung_env_options_init(&options);
  text_list paths = {0};
  for (size_t i = 0; i < args->folders.count; i++) add_path(&paths, args->folders.at[i]);
  find_vendor_paths(&paths);
  add_path(&paths, NULL);
  options.threads = (uint32_t)args->threads;
  options.search_paths = paths.at;
  warnings.verbose = args->verbose;
  options.log = print_log;
  options.log_level = args->verbose ? RUNG_LOG_DEBUG : RUNG_LOG_WARNING;
  rung_status *status = rung_env_create(&options, &s->env);
  text_list_free(&paths);
  for (size_t i = 0; i < args->libraries.count && !status; i++)
    status = rung_env_load_provider(s->env, args->libraries.at[i]);
  return fail_status(status);
}

/* Cache */

const char *cache_folder(const char *asked) {
  static char folder[4096];
  const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (asked) return strcmp(asked, "off") == 0 ? NULL : asked;
  int size = 0;
  if (base && base[0] == '/')
    size = snprintf(folder, sizeof folder, "%s/rung", base);
  else if (home && home[0] == '/')
    size = snprintf(folder, sizeof folder, "%s/.cache/rung", home);
  return size > 0 && (size_t)size < sizeof folder ? folder : NULL;
}

/* Model */

int setup_model(const session_args *args, const char *path, setup *s) {
  TRY(setup_env(&args->env, s));
  rung_model_config config;
  rung_model_config_init(&config);
  config.read_files = args->read_files;
  config.external_folder = args->external_folder;
  config.max_nodes = args->limits.nodes;
  config.max_depth = (uint32_t)args->limits.depth;
  config.max_tensor_bytes = args->limits.tensor_bytes;
  progress_begin("loading");
  double began = now();
  rung_status *status = rung_model_load(s->env, path, &config, &s->model);
  s->load_seconds = now() - began;
  progress_end();
  return fail_status(status);
}

/* Session */

/* The lists of one session; texts are borrowed from the command line, but for the parts that had to be cut out. */
typedef struct lists {
  rung_provider_option *options;
  rung_dimension *dims;
  rung_shape *shapes;
  int64_t (*shape_dims)[RUNG_MAX_RANK];
  rung_pin *pins;
  bytes lock, figures;
  char **texts;
  size_t text_count;
} lists;

static const char *cut(lists *l, const char *text, size_t size) {
  l->texts = grow_memory(l->texts, l->text_count, sizeof *l->texts);
  return l->texts[l->text_count++] = copy_text(text, size);
}

static void free_lists(lists *l) {
  for (size_t i = 0; i < l->text_count; i++) free(l->texts[i]);
  free(l->texts);
  free(l->options);
  free(l->dims);
  free(l->shapes);
  free(l->shape_dims);
  free(l->pins);
  free_bytes(&l->lock);
  free_bytes(&l->figures);
}

static bool chain_names(const char *chain, const char *provider, size_t size) {
  if (is_auto(chain)) return true;
  for (const char *at = chain; at && *at; at += strcspn(at, ","), at += *at == ',') {
    at += strspn(at, " ");
    if (strncmp(at, provider, size) == 0 && strchr(" ?:,", at[size])) return true; /* the end of the text, too */
  }
  return false;
}

/* Of several chains only some may name a provider: its options are for these. */
static bool is_for_another(const session_args *args, const char *chain, const char *provider, size_t size) {
  if (chain_names(chain, provider, size)) return false;
  bool another = chain_names(args->against, provider, size) || chain_names(args->chain, provider, size);
  for (size_t i = 0; i < args->chains.count; i++) another |= chain_names(args->chains.at[i], provider, size);
  return another;
}

static int read_provider_options(const session_args *args, const char *chain, lists *l, size_t *out_count) {
  const text_list *list = &args->provider_options;
  l->options = get_memory(list->count, sizeof *l->options);
  *out_count = 0;
  for (size_t i = 0; i < list->count; i++) {
    const char *text = list->at[i], *equals = strchr(text, '='), *dot = strchr(text, '.');
    if (!equals || !dot || dot > equals)
      return fail(EXIT_USAGE, "--provider-option %s: NAME.KEY=VALUE is needed", clean(text));
    if (is_for_another(args, chain, text, (size_t)(dot - text))) continue;
    l->options[(*out_count)++] = (rung_provider_option){cut(l, text, (size_t)(dot - text)),
                                                        cut(l, dot + 1, (size_t)(equals - dot - 1)), equals + 1};
  }
  return 0;
}

static int read_dims(lists *l, const text_list *list) {
  l->dims = get_memory(list->count, sizeof *l->dims);
  for (size_t i = 0; i < list->count; i++) {
    const char *text = list->at[i], *equals = strrchr(text, '=');
    if (!equals || !parse_count(equals + 1, strlen(equals + 1), &l->dims[i].size))
      return fail(EXIT_USAGE, "--dim %s: NAME=SIZE is needed", clean(text));
    l->dims[i].name = cut(l, text, (size_t)(equals - text));
  }
  return 0;
}

/* "x=1x3x224x224"; "x=" is a scalar. */
static int read_shapes(lists *l, const text_list *list) {
  l->shapes = get_memory(list->count, sizeof *l->shapes);
  l->shape_dims = get_memory(list->count, sizeof *l->shape_dims);
  for (size_t i = 0; i < list->count; i++) {
    const char *text = list->at[i], *equals = strrchr(text, '=');
    int rank =
        equals && equals[1] ? parse_counts(equals + 1, strlen(equals + 1), 'x', l->shape_dims[i], RUNG_MAX_RANK) : 0;
    if (!equals || rank < 0) return fail(EXIT_USAGE, "--shape %s: INPUT=1x3x224x224 is needed", clean(text));
    l->shapes[i] = (rung_shape){cut(l, text, (size_t)(equals - text)), rank, l->shape_dims[i]};
  }
  return 0;
}

/* "op:Resize=cpu": a name may hold '=', a provider does not. */
static int read_pins(lists *l, const text_list *list) {
  l->pins = get_memory(list->count, sizeof *l->pins);
  for (size_t i = 0; i < list->count; i++) {
    const char *text = list->at[i], *equals = strrchr(text, '=');
    if (!equals || equals == text || !equals[1])
      return fail(EXIT_USAGE, "--pin %s: NODES=PROVIDER is needed, such as op:Resize=cpu", clean(text));
    l->pins[i] = (rung_pin){cut(l, text, (size_t)(equals - text)), equals + 1};
  }
  return 0;
}

/* What the plan is held to. */
static int read_demands(const session_args *args, lists *l, rung_session_options *options) {
  TRY(read_pins(l, &args->pins));
  if (args->locked) TRY(read_text_file(args->locked, &l->lock));
  if (args->figures) TRY(read_text_file(args->figures, &l->figures));
  options->contract = args->contract;
  options->figures = (const char *)l->figures.data;
  options->pins = l->pins;
  options->pin_count = args->pins.count;
  options->lock = (const char *)l->lock.data;
  options->lock_warns = args->lock_warns;
  options->on_failure = (rung_on_failure)args->on_failure;
  options->breaker_failures = (uint32_t)args->breaker_failures;
  options->breaker_ns = nanoseconds(args->breaker_seconds);
  return 0;
}

static int fill_options(const session_args *args, const rung_session_options *more, lists *l,
                        rung_session_options *options) {
  size_t option_count;
  TRY(read_provider_options(args, more && more->chain ? more->chain : args->chain, l, &option_count));
  TRY(read_dims(l, &args->dims));
  TRY(read_shapes(l, &args->shapes));
  if (more) *options = *more;
  TRY(read_demands(args, l, options));
  if (!options->chain) options->chain = args->chain;
  if (!options->passes_off) options->passes_off = args->passes_off;
  options->provider_options = l->options;
  options->provider_option_count = option_count;
  options->dimensions = l->dims;
  options->dimension_count = args->dims.count;
  if (!options->shapes) {
    options->shapes = l->shapes;
    options->shape_count = args->shapes.count;
  }
  options->max_nodes = args->limits.nodes;
  options->max_bytes = args->limits.run_bytes;
  options->max_loop_trips = args->limits.loop_trips;
  options->cache_max_bytes = args->limits.cache_bytes;
  options->cache_wait_ns = nanoseconds(args->cache_wait);
  options->compiling = progress_compiling;
  return 0;
}

int setup_session(const session_args *args, purpose why, const rung_session_options *more, setup *s) {
  rung_session_options options;
  rung_session_options_init(&options);
  lists l = {0};
  int code = fill_options(args, more, &l, &options);
  if (!code) {
    options.plan_only = why == TO_PLAN;
    options.inspect_only = why == TO_INSPECT;
    options.cache_folder = why == TO_INSPECT || args->offline ? NULL : cache_folder(args->cache);
    options.offline = args->offline;
    options.legalise |= args->legalise;
    progress_begin(why == TO_RUN ? "compiling" : "planning");
    hold_warnings(!warnings.verbose);
    double began = now();
    code = fail_status(rung_session_create(s->env, s->model, &options, &s->session));
    s->session_seconds = now() - began;
    hold_warnings(false);
    progress_end();
  }
  if (code) setup_warn();
  free_lists(&l);
  return code;
}

bool is_auto(const char *chain) { return chain && strcmp(chain, "auto") == 0; }

void setup_drop_session(setup *s) { rung_session_destroy(&s->session); }

void setup_finish(setup *s) {
  rung_session_destroy(&s->session);
  rung_model_destroy(&s->model);
  rung_env_destroy(&s->env);
  text_list_free(&warnings.held);
}
