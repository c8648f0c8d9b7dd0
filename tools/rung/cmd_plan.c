/* rung plan: who would run what; nothing runs. */
#include "commands.h"
#include "json_out.h"
#include "plan_text.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct plan_args {
  bool why, compile;
} plan_args;

static const option plan_options[] = {{"why", 'w', NULL, "also every node that a provider refused, and every crossing",
                                       set_flag, offsetof(plan_args, why)},
                                      {"compile", 0, NULL, "compile, too: some engines know only then what they refuse",
                                       set_flag, offsetof(plan_args, compile)},
                                      {0}};

static const char story[] =
    "Shows how a chain of providers would share a model: nodes and islands of each, refusals with their reasons,\n"
    "crossings between memories with their bytes, and what the graph passes changed. Runs nothing.\n"
    "\n"
    "  rung plan model.onnx -p 'openvino?,cpu' --why\n"
    "  rung plan model.onnx -p cpu --shape x=1x3x640x640";

static void print_islands(const rung_plan *plan) {
  table t = {.titles = {">island", "provider", ">nodes", "what", "graph"}, .columns = 5, .indent = "  "};
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
    fputs(i + 1 < plan->pass_count ? "," : " (nodes taken away)\n", stdout);
  }
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

static int run(const command *self, int argc, char **argv) {
  static plan_args args;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &session, &output}, &path));
  setup s = {0};
  int code = setup_model(&session, path, &s);
  if (!code) code = setup_session(&session, args.compile ? TO_RUN : TO_PLAN, NULL, &s);
  if (!code) code = print_all(&s, &args, output.json);
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
