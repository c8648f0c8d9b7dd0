/* rung ops: which operators there are, and who takes which types. */
#include "commands.h"
#include "json_out.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct ops_args {
  const char *provider;
} ops_args;

static const option ops_options[] = {
    {"provider", 'p', "NAME", "of this provider only", set_text, offsetof(ops_args, provider)}, {0}};

static const char story[] =
    "Lists operators with the versions that are understood, and the element types that providers take.\n"
    "All of it comes from the tables that rung runs by.\n"
    "\n"
    "  rung ops --provider cpu\n"
    "  rung ops Conv";

/* The provider's index; (size_t)-1 when none was named. */
static int find_provider(rung_env *env, const char *name, size_t *out_index) {
  const char *names[128];
  size_t count = 0;
  *out_index = (size_t)-1;
  if (!name) return 0;
  for (size_t i = 0; i < rung_env_provider_count(env) && count + 2 <= 128; i++) {
    const rung_provider_info *info;
    TRY_STATUS(rung_env_provider(env, i, &info));
    names[count++] = info->name;
    if (strcasecmp(name, info->name) == 0 || (info->ort_name && strcasecmp(name, info->ort_name) == 0))
      return *out_index = i, 0;
  }
  const char *near = nearest(name, names, count);
  return fail(EXIT_OF(NOT_FOUND), "no provider is called \"%s\"%s%s%s", clean(name), near ? "; did you mean " : "",
              near ? near : "", near ? "?" : "");
}

typedef struct wish {
  rung_env *env;
  size_t provider;     /* (size_t)-1: all */
  const char *op_type; /* NULL: all */
} wish;

static bool is_wanted(const wish *w, size_t op, const rung_op_info *info) {
  char types[512];
  if (w->op_type && strcasecmp(w->op_type, info->name) != 0) return false;
  return w->provider == (size_t)-1 || rung_env_op_support(w->env, op, w->provider, types, sizeof types);
}

/* Adds a row for each provider that takes the operator; one at least. */
static int add_rows(table *t, const wish *w, size_t op, const rung_op_info *info) {
  bool any = false;
  for (size_t p = 0; p < rung_env_provider_count(w->env); p++) {
    char types[512], versions[64];
    const rung_provider_info *provider;
    bool last = p + 1 == rung_env_provider_count(w->env);
    bool takes =
        (w->provider == (size_t)-1 || w->provider == p) && rung_env_op_support(w->env, op, p, types, sizeof types);
    if (!takes && !(last && !any)) continue;
    TRY_STATUS(rung_env_provider(w->env, p, &provider));
    snprintf(versions, sizeof versions, "%lld-%lld", (long long)info->since, (long long)info->newest);
    table_add(t, info->name);
    table_add(t, info->domain[0] ? info->domain : "ai.onnx");
    table_add(t, versions);
    table_add(t, takes ? provider->name : info->driven || info->expanded ? "session" : "nobody");
    table_add(t, takes            ? types
                 : info->driven   ? "drives its bodies"
                 : info->expanded ? "writes it as what it is made of"
                                  : "");
    any = true;
  }
  return 0;
}

static int print_ops(const wish *w) {
  table t = {.titles = {"operator", "domain", "versions", "provider", "types"}, .columns = 5};
  size_t count = 0;
  for (size_t i = 0; i < rung_env_op_count(w->env); i++) {
    rung_op_info info = {.struct_size = sizeof info};
    TRY_STATUS(rung_env_op(w->env, i, &info));
    if (!is_wanted(w, i, &info)) continue;
    TRY(add_rows(&t, w, i, &info));
    count++;
  }
  if (!count && w->op_type) return fail(EXIT_OF(NOT_FOUND), "operator %s is not known here", clean(w->op_type));
  table_print(&t);
  printf("%zu %s\n", count, plural(count, "operator", "operators"));
  return 0;
}

static void json_op(const wish *w, size_t op, const rung_op_info *info) {
  json_object(NULL);
  json_text("name", info->name);
  json_text("domain", info->domain);
  json_count("since", info->since);
  json_count("newest", info->newest);
  json_bool("driven_by_session", info->driven);
  json_bool("expanded", info->expanded);
  json_array("providers");
  for (size_t p = 0; p < rung_env_provider_count(w->env); p++) {
    char types[512];
    const rung_provider_info *provider;
    if (!rung_env_op_support(w->env, op, p, types, sizeof types)) continue;
    rung_status *status = rung_env_provider(w->env, p, &provider);
    rung_status_free(status);
    if (status) continue;
    json_object(NULL);
    json_text("provider", provider->name);
    json_text("types", types);
    json_end();
  }
  json_end();
  json_end();
}

static int print_json(const wish *w) {
  json_array(NULL);
  for (size_t i = 0; i < rung_env_op_count(w->env); i++) {
    rung_op_info info = {.struct_size = sizeof info};
    TRY_STATUS(rung_env_op(w->env, i, &info));
    if (is_wanted(w, i, &info)) json_op(w, i, &info);
  }
  json_end();
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static ops_args args;
  static env_args env;
  static output_args output;
  wish w = {0};
  int count;
  TRY(args_parse(self, argc, argv, (void *[]){&args, &env, &output}, &w.op_type, 1, &count));
  setup s = {0};
  int code = setup_env(&env, &s);
  w.env = s.env;
  if (!code) code = find_provider(s.env, args.provider, &w.provider);
  if (!code) code = output.json ? print_json(&w) : print_ops(&w);
  setup_finish(&s);
  return code;
}

const command ops_cmd = {.name = "ops",
                         .operands = "[OPERATOR]",
                         .summary = "list operators and who takes them",
                         .story = story,
                         .groups = {{"Options", ops_options}, {"Environment", env_options}, {"Format", output_options}},
                         .run = run};
