/* rung check: can this chain run this model, and if not, what would have to change? */
#include "changes.h"
#include "commands.h"
#include "json_out.h"
#include "mend.h"
#include "plan_text.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_args {
  bool compile, offline;
  const char *fix;
} check_args;

static const option check_options[] = {
    {"compile", 0, NULL, "compile, too: weights are read, and engines say what they refuse", set_flag,
     offsetof(check_args, compile)},
    {"offline", 0, NULL, "providers that are not here claim by their tables of capabilities", set_flag,
     offsetof(check_args, offline)},
    {"fix", 0, "FILE",
     "write the model with its dimensions fixed (--dim, --shape) and what the chain wants rewritten, proved equal: the "
     "rest is about that one",
     set_text, offsetof(check_args, fix)},
    {0}};

static const char story[] =
    "Says whether a model is valid, whether a chain of providers can run every operator of it in its version and with\n"
    "its types, and if not, what would have to change. Exit code 0: it can run; 1: it cannot.\n"
    "\n"
    "  rung check model.onnx\n"
    "  rung check model.onnx -p 'openvino?,cpu' --compile\n"
    "  rung check model.onnx -p nnapi,cpu --offline --dim N=1 --fix mended.onnx\n"
    "\n"
    "A service's start-up check, in one line; exit code 21 says that the contract is broken:\n"
    "\n"
    "  rung check model.onnx -p cuda,cpu --compile --contract 'coverage>=95%' --locked model.lock";

/* What someone can do about a refusal, by its reason. */
static const struct {
  const char *reason, *advice;
} advices[] = {
    {"operator", "another provider, a provider of your own (docs), or an export without the operator"},
    {"opset", "convert the model to an opset that the reason names (onnx.version_converter)"},
    {"type", "another provider, or a model with other element types"},
    {"rank", "give the input's shape (--shape), or another provider"},
    {"dynamic-dimension", "fix the dimension (--dim NAME=SIZE or --shape)"},
    {"attribute", "another provider, or an export without that attribute"},
    {"input", "make that input constant (--pass-off without \"fold\"), or another provider"},
    {"compile", "another provider"},
    {"memory", "a smaller batch, or another provider"},
};

static const char *advice_for(const char *reason) {
  for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
    if (strcmp(advices[i].reason, reason) == 0) return advices[i].advice;
  return "another provider";
}

/* What was found. */
typedef struct verdict {
  rung_model_facts facts;
  size_t nodes, unplaced;
  bool compiled; /* not only planned */
  refusal_group *groups;
  size_t group_count;
  const char *unused;                  /* a required provider that takes no node */
  const rung_plan_refusal *unused_why; /* the first that it refused */
  struct {
    const char *provider;
    size_t left; /* nodes that nobody would run with it in the chain */
  } helpers[16];
  size_t helper_count;
  change_list changes;
} verdict;

static size_t count_unplaced(const rung_plan *plan) {
  size_t count = 0;
  for (size_t n = 0; n < plan->node_count; n++) count += plan->nodes[n].provider == NULL;
  return count;
}

/* A required provider that refused something and took nothing breaks the chain's promise: its first refusal. */
static const rung_plan_refusal *find_unused(const rung_plan *plan) {
  for (size_t i = 0; i < plan->provider_count; i++) {
    const rung_plan_provider *p = &plan->providers[i];
    if (p->optional || !p->used || p->node_count) continue;
    for (size_t n = 0; n < plan->node_count; n++)
      for (size_t k = 0; k < plan->nodes[n].refusal_count; k++)
        if (strcmp(plan->nodes[n].refusals[k].provider, p->name) == 0) return &plan->nodes[n].refusals[k];
  }
  return NULL;
}

static bool is_in_chain(const rung_plan *plan, const char *name) {
  for (size_t i = 0; i < plan->provider_count; i++)
    if (strcmp(plan->providers[i].name, name) == 0) return true;
  return false;
}

/* Would more nodes run with this provider behind the chain? */
static size_t left_with(const session_args *args, setup *s, const char *provider) {
  char *chain = format_text("%s,%s", args->chain ? args->chain : "cpu", provider);
  setup with = {.env = s->env, .model = s->model};
  rung_session_options more;
  rung_session_options_init(&more);
  more.chain = chain;
  size_t left =
      setup_session(args, TO_INSPECT, &more, &with) ? (size_t)-1 : count_unplaced(rung_session_plan(with.session));
  setup_drop_session(&with);
  free(chain);
  return left;
}

static int find_helpers(const session_args *args, setup *s, verdict *v) {
  const rung_plan *plan = rung_session_plan(s->session);
  for (size_t i = 0; i < rung_env_provider_count(s->env) && v->helper_count < 16; i++) {
    const rung_provider_info *info;
    TRY_STATUS(rung_env_provider(s->env, i, &info));
    if (!info->usable || is_in_chain(plan, info->name)) continue;
    size_t left = left_with(args, s, info->name);
    if (left >= v->unplaced) continue;
    v->helpers[v->helper_count].provider = info->name;
    v->helpers[v->helper_count++].left = left;
  }
  return 0;
}

static int judge(const session_args *args, bool compile, setup *s, verdict *v) {
  v->facts.struct_size = sizeof v->facts;
  TRY_STATUS(rung_model_get_facts(s->model, &v->facts));
  TRY(setup_session(args, TO_INSPECT, NULL, s));
  setup_warn();
  const rung_plan *plan = rung_session_plan(s->session);
  v->nodes = plan->node_count;
  v->unplaced = count_unplaced(plan);
  v->unused_why = find_unused(plan);
  v->unused = v->unused_why ? v->unused_why->provider : NULL;
  v->groups = group_refusals(plan, !args->offline, &v->group_count);
  if (v->group_count) find_changes(args, s, &v->changes);
  if (v->unplaced) return find_helpers(args, s, v);
  if (v->unused || (args->offline && !args->contract && !args->locked)) return 0;
  setup full = {.env = s->env, .model = s->model};
  v->compiled = compile || (args->locked && !args->offline);                   /* a lock is of what compiled */
  int code = setup_session(args, v->compiled ? TO_RUN : TO_PLAN, NULL, &full); /* holds it to contract and lock */
  if (!code && rung_session_plan(full.session)->lock_difference) setup_warn();
  setup_drop_session(&full);
  return code;
}

/* For people */

static void print_refused(const verdict *v) {
  table t = {.titles = {">nodes", "operator", "provider", "reason"}, .columns = 4, .indent = "  "};
  for (size_t i = 0; i < v->group_count; i++) {
    const refusal_group *g = &v->groups[i];
    char count[24];
    snprintf(count, sizeof count, "%zu", g->count);
    char *name = format_text("%s%s%s", clean(g->domain), g->domain[0] ? "." : "", clean(g->op_type));
    char *reason = format_text("%s: %s", g->reason, clean(g->words));
    table_add(&t, count);
    table_add(&t, name);
    table_add(&t, g->provider);
    table_add(&t, reason);
    free(name);
    free(reason);
  }
  table_print(&t);
}

/* Each reason once. */
static void print_advice(const verdict *v, const char *chain) {
  table t = {.columns = 2, .indent = "  "};
  for (size_t i = 0; i < v->group_count; i++) {
    size_t k = 0;
    while (strcmp(v->groups[k].reason, v->groups[i].reason) != 0) k++;
    if (k < i) continue;
    table_add(&t, v->groups[i].reason);
    table_add(&t, advice_for(v->groups[i].reason));
  }
  puts("what would change that");
  table_print(&t);
  for (size_t i = 0; i < v->helper_count; i++)
    printf("  -p %s,%s would leave %zu\n", clean(chain), v->helpers[i].provider, v->helpers[i].left);
}

static void print_verdict(const verdict *v, const char *chain) {
  bool ok = !v->unplaced && !v->unused;
  printf("model    %svalid%s: ONNX IR %lld, %zu nodes\n", in(GOOD), in(PLAIN), (long long)v->facts.ir_version,
         v->facts.node_count);
  printf("chain    %s%s%s: %s\n", in(ok ? GOOD : BAD), ok ? "runs it" : "cannot run it", in(PLAIN), clean(chain));
  if (v->unplaced) {
    print_refused(v);
    print_advice(v, chain);
  } else if (v->unused) {
    printf("  %s is listed but can run no node (%s: %s; rung plan --why lists all); %s? would allow that\n", v->unused,
           v->unused_why->reason, clean(v->unused_why->words), v->unused);
  } else if (v->group_count) {
    print_refused(v);
  }
  print_changes(&v->changes);
}

/* As JSON */

static void json_verdict(const verdict *v, const char *path, const char *chain, const check_args *args,
                         const mended *m) {
  json_object(NULL);
  json_text("model", path);
  json_text("chain", chain);
  json_bool("runs", !v->unplaced && !v->unused);
  json_bool("offline", args->offline);
  json_bool("compiled", v->compiled);
  json_count("nodes", (int64_t)v->nodes);
  json_count("unplaced", (int64_t)v->unplaced);
  json_text("unused_provider", v->unused);
  json_array("refused");
  for (size_t i = 0; i < v->group_count; i++) {
    const refusal_group *g = &v->groups[i];
    json_object(NULL);
    json_text("domain", g->domain);
    json_text("op_type", g->op_type);
    json_count("nodes", (int64_t)g->count);
    json_text("first", g->node);
    json_text("provider", g->provider);
    json_text("reason", g->reason);
    json_text("words", g->words);
    json_text("advice", advice_for(g->reason));
    json_end();
  }
  json_end();
  json_array("helpers");
  for (size_t i = 0; i < v->helper_count; i++) {
    json_object(NULL);
    json_text("provider", v->helpers[i].provider);
    json_count("unplaced", (int64_t)v->helpers[i].left);
    json_end();
  }
  json_end();
  json_changes(&v->changes);
  json_mended(m);
  json_end();
}

/* Then the model of `s` is the mended one. */
static int fix(const session_args *session, const char *path, setup *s, mended *out) {
  TRY(mend(session, path, s, out));
  setup_drop_session(s);
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static check_args args;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &session, &output}, &path));
  if (args.offline && args.compile) return fail(EXIT_USAGE, "--offline: what is not here cannot compile");
  session.offline = args.offline;
  const char *chain = session.chain ? session.chain : "cpu";
  setup s = {0};
  verdict v = {0};
  mended m = {0};
  session_args closed = session; /* of a mended model, whose dimensions are fixed */
  closed.dims = closed.shapes = (text_list){0};
  int code = setup_model(&session, path, &s);
  if (!code && args.fix) code = fix(&session, args.fix, &s, &m);
  if (!code) code = judge(args.fix ? &closed : &session, args.compile, &s, &v);
  if (!code && output.json) json_verdict(&v, path, chain, &args, args.fix ? &m : NULL);
  if (!code && !output.json && args.fix) print_mended(&m, &session);
  if (!code && !output.json) print_verdict(&v, chain);
  if (!code && v.unplaced)
    code = fail(EXIT_DIFFERENT, "%zu of %zu nodes cannot run with the chain %s", v.unplaced, v.nodes, clean(chain));
  if (!code && v.unused) code = fail(EXIT_DIFFERENT, "provider %s can run no node of the model", v.unused);
  free_changes(&v.changes);
  free(v.groups);
  setup_finish(&s);
  return code;
}

const command check_cmd = {
    .name = "check",
    .operands = "MODEL",
    .summary = "say whether a chain can run a model, and what would have to change",
    .story = story,
    .groups = {{"Options", check_options}, {"Session", session_options}, {"Format", output_options}},
    .run = run};
