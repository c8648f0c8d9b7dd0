/* rung inspect: what is in a model. */
#include "commands.h"
#include "dot.h"
#include "json_out.h"
#include "setup.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct inspect_args {
  const char *graph;
} inspect_args;

static int set_graph(const option *self, const char *value, void *settings) {
  if (strcmp(value, "dot") != 0 && strcmp(value, "json") != 0)
    return fail(EXIT_USAGE, "--%s %s: dot or json is needed", self->name, clean(value));
  return set_text(self, value, settings);
}

static const option inspect_options[] = {
    {"graph", 'g', "dot|json", "print the graph after passes instead; dot is for Graphviz", set_graph,
     offsetof(inspect_args, graph)},
    {0}};

static const char story[] =
    "Shows what is in a model: inputs, outputs, opsets, operators, parameters, how much arithmetic a run takes, and\n"
    "which dimensions are open. Needs no provider.\n"
    "\n"
    "  rung inspect model.onnx\n"
    "  rung inspect model.onnx --shape x=1x3x640x640        # FLOPs for that size\n"
    "  rung inspect model.onnx --graph dot | dot -Tsvg > model.svg";

/* One operator of the model. */
typedef struct op_count {
  const char *domain, *name;
  size_t count;
  double flops;
  bool defined; /* rung knows its meaning */
} op_count;

/* What the session tells beyond the model's own facts. */
typedef struct survey {
  rung_model_facts facts;
  op_count *ops;
  size_t op_count;
  double flops;
  bool open; /* some shapes depend on open dimensions: flops are a lower bound */
} survey;

static int by_count(const void *a, const void *b) {
  const op_count *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return strcmp(x->name, y->name);
}

static bool is_defined(const rung_env *env, const char *domain, const char *name) {
  for (size_t i = 0; i < rung_env_op_count(env); i++) {
    rung_op_info info = {.struct_size = sizeof info};
    rung_status *status = rung_env_op(env, i, &info);
    rung_status_free(status);
    if (!status && strcmp(info.name, name) == 0 && strcmp(info.domain, domain) == 0) return true;
  }
  return false;
}

static void count_ops(const setup *s, survey *v) {
  const rung_plan *plan = rung_session_plan(s->session);
  for (size_t n = 0; n < plan->node_count; n++) {
    const rung_plan_node *node = &plan->nodes[n];
    size_t k = 0;
    while (k < v->op_count && (strcmp(v->ops[k].name, node->op_type) || strcmp(v->ops[k].domain, node->domain))) k++;
    if (k == v->op_count) {
      v->ops = grow_memory(v->ops, v->op_count, sizeof *v->ops);
      v->ops[v->op_count++] =
          (op_count){node->domain, node->op_type, 0, 0, is_defined(s->env, node->domain, node->op_type)};
    }
    v->ops[k].count++;
    v->ops[k].flops += node->flops;
    v->flops += node->flops;
  }
  qsort(v->ops, v->op_count, sizeof *v->ops, by_count);
}

/* Visits inputs, then outputs. */
typedef struct slots {
  rung_slot *at;
  size_t inputs, count;
} slots;

static int collect_slots(const rung_session *session, slots *out) {
  out->inputs = rung_session_input_count(session);
  out->count = out->inputs + rung_session_output_count(session);
  out->at = get_memory(out->count, sizeof *out->at);
  for (size_t i = 0; i < out->count; i++)
    TRY_STATUS(i < out->inputs ? rung_session_input(session, i, &out->at[i])
                               : rung_session_output(session, i - out->inputs, &out->at[i]));
  return 0;
}

/* Is this the first input's dimension of that name? */
static bool is_first(const slots *s, size_t slot, int32_t axis) {
  const char *name = s->at[slot].dimension_names[axis];
  for (size_t i = 0; i <= slot; i++)
    for (int32_t k = 0; k < s->at[i].type->rank && (i < slot || k < axis); k++)
      if (s->at[i].dimension_names[k] && strcmp(s->at[i].dimension_names[k], name) == 0) return false;
  return true;
}

/* For people */

static void print_slots(const setup *s, const slots *all, size_t from, size_t to, const char *title) {
  table t = {.columns = 3};
  for (size_t i = from; i < to; i++) {
    table_add(&t, i == from ? title : "");
    table_add(&t, clean(all->at[i].name));
    table_add(&t, type_text(s->session, all->at[i].type));
  }
  table_print(&t);
}

static void print_open_dimensions(const slots *all) {
  bool any = false, unnamed = false;
  for (size_t i = 0; i < all->inputs; i++)
    for (int32_t k = 0; k < all->at[i].type->rank; k++) {
      if (all->at[i].type->dims[k] >= 0) continue;
      if (!all->at[i].dimension_names[k]) {
        unnamed = true;
      } else if (is_first(all, i, k)) {
        printf("%s%s", any ? ", " : "open     ", clean(all->at[i].dimension_names[k]));
        any = true;
      }
    }
  if (any) puts(" (--dim NAME=SIZE)");
  if (unnamed) puts("open     dimensions without a name (--shape INPUT=1x3x224x224)");
}

static void print_facts(const rung_model *model, const rung_model_facts *f, const char *path) {
  printf("%s%s%s  %s, ONNX IR %lld, %zu nodes", in(BOLD), clean(path), in(PLAIN), bytes_text((double)f->file_bytes),
         (long long)f->ir_version, f->node_count);
  if (f->producer_name[0]) printf(", by %s %s", clean(f->producer_name), clean(f->producer_version));
  fputs("\nopsets   ", stdout);
  for (size_t i = 0; i < f->opset_count; i++) {
    int64_t version;
    const char *domain = rung_model_get_opset(model, i, &version);
    printf("%s%s %lld", i ? ", " : "", domain[0] ? clean(domain) : "ai.onnx", (long long)version);
  }
  printf("\nweights  %s parameters, %s\n", count_text((double)f->weight_count), bytes_text((double)f->weight_bytes));
  if (f->function_count) printf("functions %zu of its own\n", f->function_count);
}

static void print_ops(const survey *v) {
  table t = {.titles = {">nodes", "operator", ">FLOPs", ""}, .columns = 4};
  for (size_t i = 0; i < v->op_count; i++) {
    const op_count *op = &v->ops[i];
    char count[24];
    snprintf(count, sizeof count, "%zu", op->count);
    char *name = format_text("%s%s%s", clean(op->domain), op->domain[0] ? "." : "", clean(op->name));
    table_add(&t, count);
    table_add(&t, name);
    table_add(&t, op->flops > 0 ? count_text(op->flops) : "");
    table_add(&t, op->defined ? "" : "not known to rung");
    free(name);
  }
  table_print(&t);
}

static void print_metadata(const rung_model *model, const rung_model_facts *f) {
  table t = {.columns = 2, .indent = "  "};
  for (size_t i = 0; i < f->property_count; i++) {
    const char *value, *key = rung_model_get_property(model, i, &value);
    table_add(&t, clean(key));
    table_add(&t, clean_bytes(value, strlen(value) < 100 ? strlen(value) : 100));
  }
  if (f->property_count) printf("%smetadata%s\n", in(BOLD), in(PLAIN));
  table_print(&t);
}

static int print_all(const setup *s, const survey *v, const char *path) {
  slots all = {0};
  int code = collect_slots(s->session, &all);
  if (!code) {
    print_facts(s->model, &v->facts, path);
    if (v->flops > 0) printf("compute  %s%s a run\n", v->open ? "at least " : "", flops_text(v->flops));
    print_slots(s, &all, 0, all.inputs, "inputs ");
    print_slots(s, &all, all.inputs, all.count, "outputs");
    print_open_dimensions(&all);
    print_ops(v);
    print_metadata(s->model, &v->facts);
  }
  free(all.at);
  return code;
}

/* As JSON */

static void json_type(const rung_slot *slot, const rung_type *type) {
  static const char *const kinds[] = {"unknown", "tensor", "sequence", "map", "optional", "sparse"};
  json_text("kind", kinds[type->kind]);
  json_text("dtype", type->dtype ? rung_dtype_name(type->dtype) : NULL);
  if (type->element) {
    json_object("element");
    json_type(NULL, type->element);
    json_end();
  }
  if ((type->kind != RUNG_TENSOR && type->kind != RUNG_SPARSE) || type->rank < 0) {
    json_null("shape");
    return;
  }
  json_array("shape");
  for (int32_t i = 0; i < type->rank; i++) {
    if (type->dims[i] >= 0)
      json_count(NULL, type->dims[i]);
    else
      json_text(NULL, slot && slot->dimension_names[i] ? slot->dimension_names[i] : "?");
  }
  json_end();
}

static void json_slots(const char *key, const slots *all, size_t from, size_t to) {
  json_array(key);
  for (size_t i = from; i < to; i++) {
    json_object(NULL);
    json_text("name", all->at[i].name);
    json_type(&all->at[i], all->at[i].type);
    json_end();
  }
  json_end();
}

static void json_ops(const survey *v) {
  json_array("operators");
  for (size_t i = 0; i < v->op_count; i++) {
    json_object(NULL);
    json_text("domain", v->ops[i].domain);
    json_text("name", v->ops[i].name);
    json_count("count", (int64_t)v->ops[i].count);
    json_number("flops", v->ops[i].flops);
    json_bool("known", v->ops[i].defined);
    json_end();
  }
  json_end();
}

static void json_facts(const rung_model *model, const rung_model_facts *f) {
  json_count("ir_version", f->ir_version);
  json_count("model_version", f->model_version);
  json_text("producer", f->producer_name);
  json_text("producer_version", f->producer_version);
  json_text("domain", f->domain);
  json_text("doc", f->doc);
  json_text("graph", f->graph_name);
  json_count("file_bytes", (int64_t)f->file_bytes);
  json_count("nodes", (int64_t)f->node_count);
  json_count("functions", (int64_t)f->function_count);
  json_count("parameters", (int64_t)f->weight_count);
  json_count("parameter_bytes", (int64_t)f->weight_bytes);
  json_array("opsets");
  for (size_t i = 0; i < f->opset_count; i++) {
    int64_t version;
    json_object(NULL);
    json_text("domain", rung_model_get_opset(model, i, &version));
    json_count("version", version);
    json_end();
  }
  json_end();
  json_array("metadata");
  for (size_t i = 0; i < f->property_count; i++) {
    const char *value, *key = rung_model_get_property(model, i, &value);
    json_object(NULL);
    json_text("key", key);
    json_text("value", value);
    json_end();
  }
  json_end();
}

static int print_json(const setup *s, const survey *v, const char *path) {
  slots all = {0};
  int code = collect_slots(s->session, &all);
  if (!code) {
    json_object(NULL);
    json_text("model", path);
    json_facts(s->model, &v->facts);
    json_slots("inputs", &all, 0, all.inputs);
    json_slots("outputs", &all, all.inputs, all.count);
    json_number("flops", v->flops);
    json_bool("flops_are_lower_bound", v->open);
    json_ops(v);
    json_end();
  }
  free(all.at);
  return code;
}

/* Open dimensions leave gaps in the count. */
static int has_open_inputs(const rung_session *session, bool *out_open) {
  for (size_t i = 0; i < rung_session_input_count(session); i++) {
    rung_slot slot;
    TRY_STATUS(rung_session_input(session, i, &slot));
    for (int32_t k = 0; k < slot.type->rank; k++) *out_open |= slot.type->dims[k] < 0;
  }
  return 0;
}

static int inspect(const session_args *session, setup *s, const char *path, bool json) {
  rung_session_options more;
  rung_session_options_init(&more);
  if (!session->passes_off) more.passes_off = "all"; /* the operators that are in the file */
  survey v = {.facts = {.struct_size = sizeof v.facts}};
  TRY_STATUS(rung_model_get_facts(s->model, &v.facts));
  int code = setup_session(session, TO_INSPECT, &more, s);
  if (code) {
    bool is_wish = code == EXIT_USAGE || code == EXIT_OF(INVALID_ARGUMENT) || code == EXIT_OF(NOT_FOUND);
    if (!json && !is_wish) print_facts(s->model, &v.facts, path); /* the model's fault; there is more to say of it */
    return code;
  }
  count_ops(s, &v);
  code = has_open_inputs(s->session, &v.open);
  if (!code) code = json ? print_json(s, &v, path) : print_all(s, &v, path);
  free(v.ops);
  return code;
}

static int print_graph(const session_args *session, setup *s, const char *form) {
  TRY(setup_session(session, TO_INSPECT, NULL, s));
  if (strcmp(form, "dot") == 0) {
    print_dot(s->session);
    return 0;
  }
  char *text;
  TRY_STATUS(rung_session_graph_json(s->session, &text));
  json_raw(NULL, text);
  rung_text_free(text);
  return 0;
}

static int run(const command *self, int argc, char **argv) {
  static inspect_args args;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &session, &output}, &path));
  if (args.graph && strcmp(args.graph, "dot") == 0 && output.json)
    return fail(EXIT_USAGE, "--graph dot is no JSON; --graph json is");
  setup s = {0};
  int code = setup_model(&session, path, &s);
  if (!code) code = args.graph ? print_graph(&session, &s, args.graph) : inspect(&session, &s, path, output.json);
  setup_finish(&s);
  return code;
}

const command inspect_cmd = {
    .name = "inspect",
    .operands = "MODEL",
    .summary = "show what is in a model",
    .story = story,
    .groups = {{"Options", inspect_options}, {"Session", session_options}, {"Format", output_options}},
    .run = run};
