/* What a provider saves it can load: in another session, which must not tell the difference. */
#include "contract.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A folder that is empty; to be freed. NULL: the case is over. */
static char *make_cache(trial *t) {
  if (!RUNG_HAS(t->watch.inner, save) || !RUNG_HAS(t->watch.inner, load)) {
    trial_skip(t, "it keeps nothing: it has no slots save and load");
    return NULL;
  }
  char *folder = format_text("%s/cache-XXXXXX", t->kit->folder);
  if (mkdtemp(folder)) return folder;
  trial_fail(t, "%s: a folder for the cache cannot be made", folder);
  free(folder);
  return NULL;
}

/* A session that uses the cache, in the place of t->session. */
static bool open_cached(trial *t, const char *folder) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = folder;
  rung_session_destroy(&t->session);
  return trial_ok(t, trial_plan(t, NULL, &options, &t->session));
}

/* False, too, when there is nothing to be loaded: it may say that with these options nothing can be kept. */
static bool save(trial *t, const char *folder) {
  if (!open_cached(t, folder)) return false;
  return atomic_load(&t->watch.saves) || trial_skip(t, "it saves nothing with these options");
}

static bool load(trial *t, const char *folder) {
  long compiles = atomic_load(&t->watch.compiles), loads = atomic_load(&t->watch.loads);
  if (!open_cached(t, folder)) return false;
  bool loaded = atomic_load(&t->watch.loads) > loads && atomic_load(&t->watch.compiles) == compiles;
  return loaded || trial_fail(t, "the same session is compiled again, not loaded");
}

static bool same_results(trial *t, const char *folder) {
  char words[500];
  exchange before;
  if (!save(t, folder) || !trial_feed(t, EXCHANGE_NEW, 0) || !trial_run(t)) return false;
  before = t->x;
  memset(t->x.outputs, 0, sizeof t->x.outputs);
  bool same = load(t, folder) && trial_run(t) &&
              (exchange_same(&before, &t->x, words, sizeof words) || trial_fail(t, "what was loaded: %s", words));
  for (size_t i = 0; i < before.output_count; i++) rung_value_release(before.outputs[i]);
  return same;
}

static void loaded(trial *t) {
  char *folder = make_cache(t);
  if (folder) same_results(t, folder);
  free(folder);
}

/* Some is compiled only when a run tells the shape, and kept as a part. */
static bool run_shapes(trial *t) {
  static const int64_t sizes[] = {3, 7, 3};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    spec_resize(&t->spec, "N", sizes[i]);
    if (!spec_fill(&t->spec) || !trial_feed(t, EXCHANGE_NEW, 0) || !trial_run(t)) return false;
  }
  return true;
}

static void shapes(trial *t) {
  char *folder = make_cache(t);
  if (folder && save(t, folder) && run_shapes(t) && load(t, folder)) run_shapes(t);
  free(folder);
}

static void no_memory(trial *t) {
  rung_session_options options;
  rung_session_options_init(&options);
  char *folder = make_cache(t);
  options.cache_folder = folder;
  if (folder && save(t, folder) && trial_feed(t, EXCHANGE_NEW, 0)) trial_without_memory(t, &options);
  free(folder);
}

const contract cache_contracts[] = {
    {"cache/loaded", "what was saved is loaded by the next session, and gives the same bits", loaded, joined_models},
    {"cache/constants", "constants live on in what was saved", loaded, constant_models},
    {"cache/shapes", "what was loaded runs for shape after shape", shapes, open_models},
    {"cache/no-memory", "every request for memory fails in turn, while loading, too", no_memory, small_models},
    {0}};
