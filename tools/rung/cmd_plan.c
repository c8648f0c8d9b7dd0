/* rung plan: who would run what; nothing runs. */
#include "changes.h"
#include "commands.h"
#include "disk.h"
#include "json_out.h"
#include "page.h"
#include "plan_text.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan_args {
  bool why, compile, offline;
  const char *lock, *html;
} plan_args;

static const option plan_options[] = {
    {"why", 'w', NULL, "also every node that a provider refused, and every crossing", set_flag,
     offsetof(plan_args, why)},
    {"compile", 0, NULL, "compile, too: some engines know only then what they refuse", set_flag,
     offsetof(plan_args, compile)},
    {"offline", 0, NULL,
     "providers that are not here claim by their tables of capabilities; says which change would let them take more",
     set_flag, offsetof(plan_args, offline)},
    {"lock", 0, "FILE", "compile, and write the plan down: --locked FILE holds later ones to it", set_text,
     offsetof(plan_args, lock)},
    {"html", 0, "FILE", "write a page for a browser: the graph, who runs what, and why; needs no network", set_text,
     offsetof(plan_args, html)},
    {0}};

static const char story[] =
    "Shows how a chain of providers would share a model: nodes and islands of each, refusals with their reasons,\n"
    "crossings between memories with their bytes, and what the graph passes changed. Runs nothing.\n"
    "\n"
    "  rung plan model.onnx -p 'openvino?,cpu' --why\n"
    "  rung plan model.onnx -p cpu --shape x=1x3x640x640\n"
    "  rung plan model.onnx -p 'cuda,cpu' --contract 'coverage>=95%,crossings<=4'\n"
    "  rung plan model.onnx -p 'cuda,cpu' --lock model.lock\n"
    "  rung plan model.onnx -p 'openvino?,cpu' --html plan.html\n"
    "  rung plan model.onnx -p coreml:ModelFormat=MLProgram,cpu --offline   on a machine without Core ML\n"
    "  rung plan model.onnx -p tensorrt,cpu --offline --contract 'coverage>=95%'";

static void print_islands(const rung_plan *plan) {
  table t = {.titles = {">island", "provider", ">nodes", "what", "~graph", "cache"}, .columns = 6, .indent = "  "};
  for (size_t i = 0; i < plan->island_count; i++) {
    const rung_plan_island *island = &plan->islands[i];
    char number[24], nodes[24];
    snprintf(number, sizeof number, "%zu", i);
    snprintf(nodes, sizeof nodes, "%zu", island->node_count);
    table_add(&t, number);
    table_add(&t, island->provider);
    table_add(&t, nodes);
    table_add(&t, clean(island->description));
    table_add(&t, island->graph[0] ? clean(island->graph) : "main");
    table_add(&t, island->cache ? island->cache : "");
  }
  printf("%sislands%s (%s)\n", in(BOLD), in(PLAIN), plan->stage);
  table_print(&t);
}

static void print_passes(const rung_plan *plan) {
  printf("%spasses%s\n ", in(BOLD), in(PLAIN));
  for (size_t i = 0; i < plan->pass_count; i++) {
    const rung_plan_pass *p = &plan->passes[i];
    if (p->off)
      printf(" %s off", p->name);
    else
      printf(" %s %zu", p->name, p->changed);
    fputs(i + 1 < plan->pass_count ? "," : " (nodes taken away, or replaced)\n", stdout);
  }
}

static void show_changes(const session_args *session, const setup *s) {
  change_list changes = {0};
  find_changes(session, s, &changes);
  print_changes(&changes);
  free_changes(&changes);
}

static int print_all(const setup *s, const plan_args *args, bool json) {
  if (json) {
    char *text;
    TRY_STATUS(rung_session_plan_json(s->session, &text));
    json_raw(NULL, text);
    rung_text_free(text);
    return 0;
  }
  const rung_plan *plan = rung_session_plan(s->session);
  print_plan(s->session, args->why);
  print_islands(plan);
  print_passes(plan);
  return 0;
}

static int write_lock(const setup *s, const char *path) {
  char *text;
  TRY_STATUS(rung_session_plan_lock(s->session, &text));
  int code = write_file(path, text, strlen(text));
  rung_text_free(text);
  return code;
}

static int write_page(const setup *s, const char *model, const char *path) {
  page_begin("plan", model);
  json_object("seconds");
  json_number("load", s->load_seconds);
  json_number("compile", s->session_seconds);
  json_end();
  TRY(page_add_session(s->session));
  return page_write(path);
}

/* A plan that breaks its contract is shown before it is refused. */
static int show_broken(const session_args *session, setup *s, const plan_args *args, const char *path, bool json,
                       int broken) {
  TRY(setup_session(session, TO_INSPECT, NULL, s));
  if (args->html) TRY(write_page(s, path, args->html));
  int code = json ? 0 : print_all(s, args, false);
  return code ? code : broken;
}

/* Engines may refuse nodes only when they compile. What an absent provider would take is told, demands or not. */
static purpose purpose_of(const plan_args *args, const session_args *session) {
  if (args->offline) return session->contract || session->locked ? TO_PLAN : TO_INSPECT;
  return args->compile || args->lock || session->locked ? TO_RUN : TO_PLAN;
}

static int run(const command *self, int argc, char **argv) {
  static plan_args args;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &session, &output}, &path));
  if (args.offline && args.compile) return fail(EXIT_USAGE, "--offline: what is not here cannot compile");
  session.offline = args.offline;
  setup s = {0};
  int code = setup_model(&session, path, &s);
  if (!code) code = setup_session(&session, purpose_of(&args, &session), NULL, &s);
  if (!code) code = print_all(&s, &args, output.json);
  if (!code && args.offline && !output.json) show_changes(&session, &s);
  if (!code && args.lock) code = write_lock(&s, args.lock);
  if (!code && args.html) code = write_page(&s, path, args.html);
  if (code == EXIT_OF(CONTRACT)) code = show_broken(&session, &s, &args, path, output.json, code);
  setup_finish(&s);
  return code;
}

const command plan_cmd = {
    .name = "plan",
    .operands = "MODEL",
    .summary = "show who would run what, and why not the others",
    .story = story,
    .groups = {{"Options", plan_options}, {"Session", session_options}, {"Format", output_options}},
    .run = run};
