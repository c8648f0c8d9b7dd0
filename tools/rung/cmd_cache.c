/* rung cache: what is kept, why something is not found, and how to be rid of it. */
#include "cache_text.h"
#include "commands.h"
#include "json_out.h"
#include "setup.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char story[] =
    "Looks after compiled islands, which run, bench and compile keep for later (where a provider saves what it "
    "compiles).\n"
    "\n"
    "  list           the entries, last used first\n"
    "  verify         reads all of them; the exit code is 1 when one is damaged\n"
    "  why MODEL      for each island of a plan: is it kept, and if not, in which fields does the nearest entry "
    "differ?\n"
    "  clear [ENTRY]  removes one, by the beginning of its name, or all\n"
    "\n"
    "  rung cache list\n"
    "  rung cache why model.onnx -p openvino:precision=FP16,cpu\n"
    "  rung cache clear --cache /var/cache/app";

typedef struct request {
  const char *folder, *operand; /* operand may be NULL */
  const session_args *session;
  bool json;
  bool fresh; /* nothing was ever kept in the default folder: it is not there */
} request;

static char *empty_folder_json(const char *folder) {
  json_aside();
  json_object(NULL);
  json_text("folder", folder);
  json_count("bytes", 0);
  json_array("entries");
  json_end();
  json_end();
  return json_aside_end();
}

static int list_nothing(const request *r) {
  char *text = empty_folder_json(r->folder);
  if (r->json)
    json_raw(NULL, text);
  else
    print_cache_entries(text, false);
  free(text);
  return 0;
}

static int list_entries(const request *r, bool verify) {
  setup s = {0};
  char *text = NULL;
  if (r->fresh) return list_nothing(r);
  int code = setup_env(&r->session->env, &s);
  if (!code) code = fail_status(rung_cache_json(s.env, r->folder, verify, &text));
  if (!code && r->json) json_raw(NULL, text);
  if (!code && !r->json) print_cache_entries(text, verify);
  size_t damaged = code ? 0 : count_damaged(text);
  rung_text_free(text);
  setup_finish(&s);
  if (!verify || !damaged) return code;
  return fail(EXIT_DIFFERENT, "%zu %s damaged; rung cache clear ENTRY removes it", damaged,
              plural(damaged, "entry is", "entries are"));
}

static int list(const request *r) { return list_entries(r, false); }
static int verify(const request *r) { return list_entries(r, true); }

static int clear(const request *r) {
  setup s = {0};
  uint64_t count = 0;
  int code = setup_env(&r->session->env, &s);
  if (!code && r->fresh && r->operand) code = fail(EXIT_OF(NOT_FOUND), "the cache has no entry %s", clean(r->operand));
  if (!code && !r->fresh) code = fail_status(rung_cache_clear(s.env, r->folder, r->operand, &count));
  if (!code && r->json) {
    json_object(NULL);
    json_text("folder", r->folder);
    json_count("removed", (int64_t)count);
    json_end();
  } else if (!code) {
    printf("%llu %s removed\n", (unsigned long long)count, plural((size_t)count, "entry", "entries"));
  }
  setup_finish(&s);
  return code;
}

static int why(const request *r) {
  setup s = {0};
  char *text = NULL;
  if (!r->operand) return fail(EXIT_USAGE, "cache why: MODEL is missing (usage: rung cache why MODEL [-p CHAIN])");
  int code = setup_model(r->session, r->operand, &s);
  if (!code) code = setup_session(r->session, TO_PLAN, NULL, &s);
  if (!code) code = fail_status(rung_session_cache_json(s.session, &text));
  if (!code && r->json) json_raw(NULL, text);
  if (!code && !r->json) print_cache_why(text);
  rung_text_free(text);
  setup_finish(&s);
  return code;
}

static const struct {
  const char *name;
  int operands; /* at most */
  int (*fn)(const request *r);
} actions[] = {{"list", 0, list}, {"why", 1, why}, {"clear", 1, clear}, {"verify", 0, verify}};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

static int act(const char *name, int operands, const request *r) {
  const char *names[ACTIONS];
  for (size_t i = 0; i < ACTIONS; i++) {
    names[i] = actions[i].name;
    if (strcmp(name, names[i]) != 0) continue;
    if (operands > actions[i].operands)
      return fail(EXIT_USAGE, "cache %s: \"%s\" is one argument too many", name, clean(r->operand));
    return actions[i].fn(r);
  }
  const char *near = nearest(name, names, ACTIONS);
  return fail(EXIT_USAGE, "cache has no \"%s\"%s%s%s", clean(name),
              near ? "; did you mean " : "; list, why, clear and verify are there", near ? near : "", near ? "?" : "");
}

static int run(const command *self, int argc, char **argv) {
  static session_args session;
  static output_args output;
  const char *operands[2] = {NULL, NULL};
  int count;
  TRY(args_parse(self, argc, argv, (void *[]){&session, &output}, operands, 2, &count));
  if (!count) return fail(EXIT_USAGE, "cache: what to do is missing: list, why MODEL, clear [ENTRY] or verify");
  request r = {cache_folder(session.cache), operands[1], &session, output.json, false};
  if (!r.folder)
    return fail(EXIT_USAGE, "there is no cache: --cache DIR, or XDG_CACHE_HOME or HOME in the environment");
  r.fresh = !session.cache && access(r.folder, F_OK) != 0 && errno == ENOENT;
  return act(operands[0], count - 1, &r);
}

const command cache_cmd = {.name = "cache",
                           .operands = "list|why MODEL|clear [ENTRY]|verify",
                           .summary = "look after compiled islands that are kept",
                           .story = story,
                           .groups = {{"Session", session_options}, {"Format", output_options}},
                           .run = run};
