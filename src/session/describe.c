/* The plan, the graph and the providers as JSON: the schemas are in docs/schema/. */
#include "base/json.h"
#include "session/describe.h"

static void begin_list(rung_json *json, const char *key) {
  rung_json_key(json, key);
  rung_json_begin_array(json);
}

static rung_status *finish(const rung_text *text) { return text->failed ? rung_status_out_of_memory() : NULL; }

/* Plan */

static void put_providers(rung_json *json, const rung_plan *plan) {
  begin_list(json, "providers");
  for (size_t i = 0; i < plan->provider_count; i++) {
    const rung_plan_provider *p = &plan->providers[i];
    rung_json_begin_object(json);
    rung_json_put_string(json, "name", p->name);
    rung_json_put_bool(json, "optional", p->optional);
    rung_json_put_bool(json, "used", p->used);
    rung_json_put_i64(json, "nodes", (int64_t)p->node_count);
    rung_json_put_string(json, "why", p->why);
    rung_json_put_string(json, "fix", p->fix);
    rung_json_put_string(json, "precision", p->precision);
    rung_json_put_string(json, "offline", p->offline);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_nodes(rung_json *json, const rung_plan *plan) {
  begin_list(json, "nodes");
  for (size_t i = 0; i < plan->node_count; i++) {
    const rung_plan_node *n = &plan->nodes[i];
    rung_json_begin_object(json);
    rung_json_put_string(json, "name", n->name);
    rung_json_put_string(json, "op_type", n->op_type);
    rung_json_put_string(json, "domain", n->domain);
    rung_json_put_string(json, "graph", n->graph);
    rung_json_put_string(json, "provider", n->provider);
    rung_json_put_i64(json, "island", n->island);
    rung_json_put_f64(json, "flops", n->flops);
    begin_list(json, "refusals");
    for (size_t k = 0; k < n->refusal_count; k++) {
      rung_json_begin_object(json);
      rung_json_put_string(json, "provider", n->refusals[k].provider);
      rung_json_put_string(json, "reason", n->refusals[k].reason);
      rung_json_put_string(json, "words", n->refusals[k].words);
      rung_json_end_object(json);
    }
    rung_json_end_array(json);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_islands(rung_json *json, const rung_plan *plan) {
  begin_list(json, "islands");
  for (size_t i = 0; i < plan->island_count; i++) {
    const rung_plan_island *island = &plan->islands[i];
    rung_json_begin_object(json);
    rung_json_put_string(json, "provider", island->provider);
    rung_json_put_string(json, "graph", island->graph);
    rung_json_put_i64(json, "nodes", (int64_t)island->node_count);
    rung_json_put_string(json, "description", island->description);
    rung_json_put_string(json, "memory", island->memory);
    rung_json_put_string(json, "cache", island->cache);
    rung_json_put_string(json, "cache_entry", island->cache_entry);
    rung_json_put_string(json, "cache_words", island->cache_words);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_crossings(rung_json *json, const rung_plan *plan) {
  begin_list(json, "crossings");
  for (size_t i = 0; i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    rung_json_begin_object(json);
    rung_json_put_string(json, "value", c->value);
    rung_json_put_string(json, "from", c->from);
    rung_json_put_string(json, "to", c->to);
    rung_json_put_i64(json, "bytes", c->bytes);
    rung_json_put_i64(json, "executions", c->executions);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_terms(rung_json *json, const rung_plan *plan) {
  begin_list(json, "contract");
  for (size_t i = 0; i < plan->term_count; i++) {
    const rung_plan_term *term = &plan->terms[i];
    rung_json_begin_object(json);
    rung_json_put_string(json, "term", term->text);
    rung_json_put_f64(json, "limit", term->limit);
    rung_json_put_f64(json, "value", term->value);
    rung_json_put_string(json, "verdict", term->holds < 0 ? "open" : term->holds ? "holds" : "broken");
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_chosen(rung_json *json, const rung_plan_chosen *chosen) {
  rung_json_key(json, "chosen");
  if (!chosen) {
    rung_json_null(json);
    return;
  }
  rung_json_begin_object(json);
  rung_json_put_string(json, "chain", chosen->chain);
  rung_json_put_string(json, "words", chosen->words);
  rung_json_put_bool(json, "remembered", chosen->remembered);
  rung_json_put_string(json, "unkept", chosen->unkept);
  begin_list(json, "candidates");
  for (size_t i = 0; i < chosen->candidate_count; i++) {
    rung_json_begin_object(json);
    rung_json_put_string(json, "chain", chosen->candidates[i].chain);
    rung_json_put_f64(json, "ns", chosen->candidates[i].ns);
    rung_json_put_string(json, "words", chosen->candidates[i].words);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
  rung_json_end_object(json);
}

rung_status *rung__plan_json(const rung_instance *instance, rung_text *text) {
  const rung_plan *plan = &instance->plan;
  rung_json json;
  rung_json_init(&json, text, 2);
  rung_json_begin_object(&json);
  rung_json_put_string(&json, "stage", plan->stage);
  rung_json_put_string(&json, "cache_folder", plan->cache_folder);
  rung_json_put_string(&json, "cache_why", plan->cache_why);
  put_providers(&json, plan);
  put_islands(&json, plan);
  put_crossings(&json, plan);
  put_terms(&json, plan);
  put_chosen(&json, plan->chosen);
  rung_json_put_string(&json, "choice", plan->choice);
  rung_json_put_f64(&json, "expected_ns", plan->expected_ns);
  rung_json_put_string(&json, "lock_difference", plan->lock_difference);
  begin_list(&json, "passes");
  for (size_t i = 0; i < plan->pass_count; i++) {
    rung_json_begin_object(&json);
    rung_json_put_string(&json, "name", plan->passes[i].name);
    rung_json_put_i64(&json, "changed", (int64_t)plan->passes[i].changed);
    rung_json_put_bool(&json, "off", plan->passes[i].off);
    rung_json_end_object(&json);
  }
  rung_json_end_array(&json);
  put_nodes(&json, plan);
  rung_json_end_object(&json);
  return finish(text);
}

/* Graph */

static void put_type(rung_json *json, const rung_instance *instance, const rung_type *type) {
  static const char *const kinds[] = {"unknown", "tensor", "sequence", "map", "optional", "sparse"};
  rung_json_begin_object(json);
  rung_json_put_string(json, "kind", kinds[type->kind]);
  rung_json_put_string(json, "dtype", type->dtype ? rung_dtype_name(type->dtype) : NULL);
  rung_json_key(json, "shape");
  if (type->kind != RUNG_TENSOR || type->rank < 0) {
    rung_json_null(json);
  } else {
    rung_json_begin_array(json);
    for (int32_t i = 0; i < type->rank; i++) {
      const char *name = rung__dimension_name(instance, type->dims[i]);
      if (type->dims[i] >= 0)
        rung_json_i64(json, type->dims[i]);
      else
        rung_json_string(json, name ? name : "?");
    }
    rung_json_end_array(json);
  }
  if (type->element) {
    rung_json_key(json, "element");
    put_type(json, instance, type->element);
  }
  rung_json_end_object(json);
}

static void put_values(rung_json *json, const rung_instance *instance, const char *key, rung_value_info *const *infos,
                       uint32_t count) {
  begin_list(json, key);
  for (uint32_t i = 0; i < count; i++) {
    if (!infos[i]) continue;
    rung_json_begin_object(json);
    rung_json_put_string(json, "name", infos[i]->name);
    rung_json_key(json, "type");
    put_type(json, instance, &infos[i]->type);
    rung_json_put_bool(json, "constant", infos[i]->constant != NULL);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

static void put_names(rung_json *json, const char *key, rung_value_info *const *infos, uint32_t count) {
  begin_list(json, key);
  for (uint32_t i = 0; i < count; i++) rung_json_string(json, infos[i] ? infos[i]->name : "");
  rung_json_end_array(json);
}

typedef struct graph_walk {
  rung_json *json;
  const rung_instance *instance;
} graph_walk;

static rung_status *put_graph(rung_graph *graph, void *context) {
  graph_walk *walk = context;
  rung_json *json = walk->json;
  rung_json_begin_object(json);
  rung_json_put_string(json, "name", graph->name);
  put_values(json, walk->instance, "inputs", graph->inputs, graph->input_count);
  put_values(json, walk->instance, "outputs", graph->outputs, graph->output_count);
  put_values(json, walk->instance, "values", graph->values, graph->value_count);
  begin_list(json, "nodes");
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    rung_json_begin_object(json);
    rung_json_put_string(json, "name", node->name);
    rung_json_put_string(json, "op_type", node->op_type);
    rung_json_put_string(json, "domain", node->domain);
    rung_json_put_i64(json, "opset", node->opset);
    rung_json_put_bool(json, "defined", node->op != NULL);
    put_names(json, "inputs", node->inputs, node->input_count);
    put_names(json, "outputs", node->outputs, node->output_count);
    rung_json_put_f64(json, "flops", rung__node_flops(node));
    begin_list(json, "bodies");
    RUNG_TRY(rung_node_each_body(node, put_graph, context));
    rung_json_end_array(json);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
  rung_json_end_object(json);
  return NULL;
}

rung_status *rung__graph_json(const rung_instance *instance, rung_text *text) {
  rung_json json;
  rung_json_init(&json, text, 1);
  RUNG_TRY(put_graph(instance->ir->graph, &(graph_walk){&json, instance}));
  return finish(text);
}

/* Providers and operators */

rung_status *rung__providers_json(rung_env *env, rung_text *text) {
  rung_json json;
  rung_json_init(&json, text, 2);
  rung_json_begin_array(&json);
  for (size_t i = 0; i < env->registry.count; i++) {
    const rung_provider_info *info;
    RUNG_TRY(rung__env_probe(env, i, &info));
    rung_json_begin_object(&json);
    rung_json_put_string(&json, "name", info->name);
    rung_json_put_string(&json, "ort_name", info->ort_name);
    rung_json_put_string(&json, "summary", info->summary);
    rung_json_put_string(&json, "version", info->version);
    rung_json_put_string(&json, "state", info->state);
    rung_json_put_bool(&json, "usable", info->usable);
    begin_list(&json, "steps");
    for (size_t k = 0; k < info->step_count; k++) {
      const rung_provider_step *s = &info->steps[k];
      rung_json_begin_object(&json);
      rung_json_put_string(&json, "name", s->name);
      rung_json_key(&json, "ok");
      if (s->ok < 0)
        rung_json_null(&json);
      else
        rung_json_bool(&json, s->ok);
      rung_json_put_string(&json, "code", s->code);
      rung_json_put_string(&json, "evidence", s->evidence);
      rung_json_put_string(&json, "fix", s->fix);
      rung_json_end_object(&json);
    }
    rung_json_end_array(&json);
    begin_list(&json, "devices");
    for (size_t k = 0; k < info->device_count; k++) rung_json_string(&json, info->devices[k]);
    rung_json_end_array(&json);
    begin_list(&json, "options");
    for (const rung_option_spec *o = env->registry.providers[i]->options; o && o->key; o++) {
      rung_json_begin_object(&json);
      rung_json_put_string(&json, "key", o->key);
      rung_json_put_string(&json, "default", o->fallback);
      rung_json_put_string(&json, "choices", o->choices);
      rung_json_put_string(&json, "help", o->help);
      rung_json_end_object(&json);
    }
    rung_json_end_array(&json);
    rung_json_end_object(&json);
  }
  rung_json_end_array(&json);
  return finish(text);
}

static void put_places(rung_json *json, const rung_op *op, const char *key,
                       bool (*place_of)(const rung_op *, uint32_t, rung_place *)) {
  rung_place place;
  begin_list(json, key);
  for (uint32_t i = 0; place_of(op, i, &place); i++) {
    char variable[2] = {place.variable, 0};
    rung_json_begin_object(json);
    rung_json_key(json, "name");
    rung_json_str(json, place.name);
    rung_json_put_string(json, "type", place.variable ? variable : rung_dtype_name(place.dtype));
    rung_json_put_bool(json, "optional", place.optional);
    rung_json_put_bool(json, "variadic", place.variadic);
    rung_json_end_object(json);
    if (place.variadic) break;
  }
  rung_json_end_array(json);
}

int rung__op_support(const rung_provider_api *api, const rung_op *op, char *types, size_t size) {
  if (size) types[0] = 0;
  return RUNG_HAS(api, support) && api->support(op->domain, op->name, types, size);
}

static void put_support(rung_json *json, const rung_env *env, const rung_op *op) {
  begin_list(json, "providers");
  for (size_t i = 0; i < env->registry.count; i++) {
    const rung_provider_api *api = env->registry.providers[i];
    char types[512];
    if (!rung__op_support(api, op, types, sizeof types)) continue;
    rung_json_begin_object(json);
    rung_json_put_string(json, "provider", api->name);
    rung_json_put_string(json, "types", types);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
}

rung_status *rung__ops_json(rung_env *env, rung_text *text) {
  size_t count;
  const rung_op *const *ops = rung_op_all(&count);
  rung_json json;
  rung_json_init(&json, text, 2);
  rung_json_begin_array(&json);
  for (size_t i = 0; i < count; i++) {
    const rung_op *op = rung_op_meaning(ops[i]);
    rung_json_begin_object(&json);
    rung_json_put_string(&json, "domain", ops[i]->domain);
    rung_json_put_string(&json, "name", ops[i]->name);
    rung_json_put_i64(&json, "since", ops[i]->since);
    rung_json_put_i64(&json, "newest", rung_op_newest(ops[i]->domain));
    rung_json_put_string(&json, "signature", op->signature);
    rung_json_put_bool(&json, "driven_by_session", op->flags & RUNG_OP_CONTROL);
    rung_json_put_bool(&json, "expanded", op->flags & RUNG_OP_EXPANDS);
    put_places(&json, op, "inputs", rung_op_input);
    put_places(&json, op, "outputs", rung_op_output);
    put_support(&json, env, ops[i]);
    rung_json_end_object(&json);
  }
  rung_json_end_array(&json);
  return finish(text);
}
