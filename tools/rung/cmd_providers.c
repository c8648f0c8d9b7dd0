/* rung providers: the state of every provider on this machine. */
#include "commands.h"
#include "json_out.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>

typedef struct providers_args {
  bool why;
} providers_args;

static const option providers_options[] = {
    {"why", 'w', NULL, "every step: what was looked at, what was found, what mends it", set_flag,
     offsetof(providers_args, why)},
    {0}};

static const char story[] =
    "Lists every provider that rung knows with its state on this machine: known, built, found, links, driver, device,\n"
    "usable. The first step that fails is where it stops. No vendor's code is loaded.\n"
    "\n"
    "  rung providers\n"
    "  rung providers --why";

static void print_steps(const rung_provider_info *info) {
  static const char *const marks[] = {"-", "no", "yes"};
  static const ink inks[] = {DIM, BAD, GOOD};
  printf("\n%s%s%s  %s%s%s\n", in(BOLD), info->name, in(PLAIN), info->summary,
         info->ort_name ? ", in ONNX Runtime " : "", info->ort_name ? info->ort_name : "");
  for (size_t i = 0; i < info->step_count; i++) {
    const rung_provider_step *s = &info->steps[i];
    printf("  %-7s %s%-3s%s", s->name, in(inks[s->ok + 1]), marks[s->ok + 1], in(PLAIN));
    if (s->code && s->ok != 1) printf("  %s", s->code);
    if (s->evidence) printf("  %s", clean(s->evidence));
    putchar('\n');
    if (s->fix && s->ok != 1) printf("              to mend it: %s\n", clean(s->fix));
  }
  for (size_t i = 0; i < info->device_count; i++) printf("  device %s\n", clean(info->devices[i]));
}

/* The first step that does not hold. */
static const rung_provider_step *failed_step(const rung_provider_info *info) {
  for (size_t i = 0; i < info->step_count; i++)
    if (info->steps[i].ok != 1) return &info->steps[i];
  return NULL;
}

static int print_table(rung_env *env) {
  table t = {.titles = {"provider", "state", "what", "what is missing"}, .columns = 4};
  for (size_t i = 0; i < rung_env_provider_count(env); i++) {
    const rung_provider_info *info;
    TRY_STATUS(rung_env_provider(env, i, &info));
    const rung_provider_step *step = failed_step(info);
    table_add(&t, info->name);
    table_add(&t, info->state);
    table_add(&t, info->summary);
    table_add(&t, info->usable || !step ? "" : step->code ? step->code : step->name);
  }
  table_print(&t);
  return 0;
}

static int print_all(rung_env *env, bool why, bool json) {
  if (json) {
    char *text;
    TRY_STATUS(rung_env_providers_json(env, &text));
    json_raw(NULL, text);
    rung_text_free(text);
    return 0;
  }
  TRY(print_table(env));
  for (size_t i = 0; why && i < rung_env_provider_count(env); i++) {
    const rung_provider_info *info;
    TRY_STATUS(rung_env_provider(env, i, &info));
    print_steps(info);
  }
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static providers_args args;
  static env_args env;
  static output_args output;
  int count;
  TRY(args_parse(self, argc, argv, (void *[]){&args, &env, &output}, NULL, 0, &count));
  setup s = {0};
  int code = setup_env(&env, &s);
  if (!code) code = print_all(s.env, args.why, output.json);
  setup_finish(&s);
  return code;
}

const command providers_cmd = {
    .name = "providers",
    .operands = "",
    .summary = "list providers and their state on this machine",
    .story = story,
    .groups = {{"Options", providers_options}, {"Environment", env_options}, {"Format", output_options}},
    .run = run};
