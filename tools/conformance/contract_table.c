/* The table itself, and probe: what can be seen before anything is opened. */
#include "contract.h"

#include <ctype.h>
#include <string.h>

/* Slots */

static void slots(trial *t) {
  const rung_provider_api *api = t->watch.inner;
  CHECK(t, api->struct_size >= offsetof(rung_provider_api, wait), "struct_size is %zu: less than version 0 has",
        api->struct_size);
  CHECK(t, api->struct_size <= sizeof *api || api->abi > RUNG_PROVIDER_ABI,
        "struct_size is %zu, the table has %zu bytes", api->struct_size, sizeof *api);
  CHECK(t, api->abi == RUNG_PROVIDER_ABI, "abi is %u, not RUNG_PROVIDER_ABI", api->abi);
  CHECK(t, api->probe, "the slot probe is empty");
  CHECK(t, api->open && api->close, "the slots open and close belong together, and are needed to run anything");
  CHECK(t, api->claim && api->compile && api->free_executable && api->run,
        "one of the slots claim, compile, free_executable and run is empty");
  CHECK(t, !RUNG_HAS(api, wait) == !RUNG_HAS(api, free_fence), "the slots wait and free_fence belong together");
  CHECK(t, !RUNG_HAS(api, save) == !RUNG_HAS(api, identity) && !RUNG_HAS(api, save) == !RUNG_HAS(api, load),
        "the slots identity, save and load belong together");
}

/* One line of text that can be printed. */
static bool is_line(const char *text) {
  if (!text || !text[0]) return false;
  for (; *text; text++)
    if ((unsigned char)*text < ' ') return false;
  return true;
}

/* A word that stands in a chain: "cuda", "tensorrt_rtx". */
static bool is_name(const char *text) {
  if (!text || !islower((unsigned char)text[0])) return false;
  for (; *text; text++)
    if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && !strchr("_-.", *text)) return false;
  return true;
}

static void words(trial *t) {
  const rung_provider_api *api = t->watch.inner;
  CHECK(t, is_name(api->name), "the name \"%s\" is no word of lower-case letters, digits and _-.", api->name);
  CHECK(t, is_line(api->summary), "the summary is no line of text");
  CHECK(t, is_line(api->version), "the version is no line of text");
  CHECK(t, !api->ort_name || is_line(api->ort_name), "ort_name is no line of text");
  CHECK(t, !RUNG_HAS(api, wants) || is_line(api->wants), "wants is no line of text");
  CHECK(t, !RUNG_HAS(api, offline) || (is_line(api->offline->source) && api->offline->claim),
        "offline has no source, or no claim");
}

/* Options */

static void options(trial *t) {
  for (const rung_option_spec *o = t->watch.inner->options; o && o->key; o++) {
    CHECK(t, is_name(o->key), "the option \"%s\": its key is no word of lower-case letters, digits and _-.", o->key);
    CHECK(t, is_line(o->help), "the option \"%s\" has no line of help", o->key);
    CHECK(t, o->type <= RUNG_OPTION_PATH, "the option \"%s\" has a type %d, which there is not", o->key, (int)o->type);
    CHECK(t, o->type != RUNG_OPTION_INT || o->min <= o->max, "the option \"%s\": min is above max", o->key);
    CHECK(t, o->type != RUNG_OPTION_CHOICE || is_line(o->choices), "the option \"%s\" has no choices", o->key);
    for (const rung_option_spec *other = t->watch.inner->options; other < o; other++)
      CHECK(t, strcmp(other->key, o->key) != 0, "the option \"%s\" is there twice", o->key);
  }
}

/* support */

/* It says yes or no, and its words end within the room they get. */
static void support(trial *t) {
  enum { FILL = 0x5a, ROOM = 64 };
  const rung_provider_api *api = t->watch.inner;
  if (!RUNG_HAS(api, support)) {
    (void)trial_skip(t, "it has no slot support");
    return;
  }
  char types[ROOM + 1];
  CHECK(t, !api->support("no.such.domain", "Nothing", types, ROOM), "it says that it knows no.such.domain.Nothing");
  for (size_t i = 0; i < rung_env_op_count(t->env); i++) {
    rung_op_info op = {.struct_size = sizeof op};
    MUST(trial_ok(t, rung_env_op(t->env, i, &op)));
    for (size_t size = 1; size <= ROOM; size *= 4) {
      memset(types, FILL, sizeof types);
      if (!api->support(op.domain, op.name, types, size)) continue;
      CHECK(t, memchr(types, 0, size), "%s: its types do not end within %zu bytes", op.name, size);
      CHECK(t, types[size] == FILL, "%s: its types are written past the end of %zu bytes", op.name, size);
    }
  }
}

/* probe, as a session that looks at the chain calls it. The witness knows the rules of a report. */

static bool probe(trial *t) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.inspect_only = 1;
  rung_session_destroy(&t->session);
  return trial_load(t, small_models[0], 17) && trial_ok(t, trial_plan(t, NULL, &options, &t->session));
}

static void probe_steps(trial *t) {
  MUST(probe(t));
  CHECK(t, t->watch.report[0], "a session was made, and probe told nothing");
}

static void probe_is_quiet(trial *t) {
  t->watch.watch_process = true;
  MUST(probe(t));
}

static void probe_twice(trial *t) {
  char first[WITNESS_REPORT];
  MUST(probe(t));
  memcpy(first, t->watch.report, sizeof first);
  MUST(probe(t));
  CHECK(t, strcmp(first, t->watch.report) == 0, "first\n%sthen\n%s", first, t->watch.report);
}

const contract table_contracts[] = {
    {"table/slots", "the table has its size, its version, and the slots that are required", slots},
    {"table/words", "name, summary and version can be printed and written in a chain", words},
    {"table/options", "every option has a key, a type that fits its values, and a line of help", options},
    {"table/support", "support answers for every operator, within the room it gets", support},
    {"probe/steps", "the steps come in order; one that fails has a code, the evidence and the fix", probe_steps},
    {"probe/quiet", "probe loads no library, and leaves no file, thread or variable behind", probe_is_quiet},
    {"probe/twice", "probe says the same when asked again", probe_twice},
    {0}};
