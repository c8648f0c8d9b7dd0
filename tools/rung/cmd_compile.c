/* rung compile: fills the engine cache ahead of time. */
#include "cache_text.h"
#include "commands.h"
#include "json_out.h"
#include "setup.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char story[] =
    "Compiles a model for a chain of providers, and keeps what was compiled: sessions of the same model with the same\n"
    "chain, shapes and options then load it. What is kept already is left as it is. Says for each island whether it "
    "is\n"
    "kept; the exit code is 1 when one that could be is not, or when no provider of the chain saves what it compiles.\n"
    "\n"
    "  rung compile model.onnx -p openvino\n"
    "  rung compile model.onnx -p openvino --dim batch=8 --cache /var/cache/app";

static bool is_kept(const char *state) { return strcmp(state, "hit") == 0 || strcmp(state, "kept") == 0; }

/* Why the answer is no; 0 when it is yes. */
static int judge(const rung_plan *plan) {
  size_t kept = 0;
  if (plan->cache_why) return fail(EXIT_DIFFERENT, "%s", clean(plan->cache_why));
  for (size_t i = 0; i < plan->island_count; i++) {
    const rung_plan_island *island = &plan->islands[i];
    if (!island->cache) continue;
    if (!is_kept(island->cache))
      return fail(EXIT_DIFFERENT, "island %zu is not kept: %s", i,
                  island->cache_words ? clean(island->cache_words) : "");
    kept++;
  }
  return kept ? 0 : fail(EXIT_DIFFERENT, "no provider of the chain saves what it compiles");
}

static int report(const setup *s, const char *path, bool json) {
  const rung_plan *plan = rung_session_plan(s->session);
  char *text;
  TRY_STATUS(rung_session_cache_json(s->session, &text));
  if (json) {
    json_object(NULL);
    json_text("model", path);
    json_number("seconds", s->session_seconds);
    json_raw("cache", text);
    json_end();
  } else {
    print_cached_islands(text);
    printf("%s in %s\n", plan->cache_folder ? clean(plan->cache_folder) : "no cache", seconds_text(s->session_seconds));
  }
  rung_text_free(text);
  return judge(plan);
}

static int run(const command *self, int argc, char **argv) {
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&session, &output}, &path));
  if (!cache_folder(session.cache))
    return fail(EXIT_USAGE, "compile needs a cache: --cache DIR, or XDG_CACHE_HOME or HOME in the environment");
  setup s = {0};
  int code = setup_model(&session, path, &s);
  if (!code) code = setup_session(&session, TO_RUN, NULL, &s);
  if (!code) {
    setup_warn();
    code = report(&s, path, output.json);
  }
  setup_finish(&s);
  return code;
}

const command compile_cmd = {.name = "compile",
                             .operands = "MODEL",
                             .summary = "compile a model ahead of time, into the cache",
                             .story = story,
                             .groups = {{"Session", session_options}, {"Format", output_options}},
                             .run = run};
