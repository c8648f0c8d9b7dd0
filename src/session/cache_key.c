#include "session/cache_key.h"

#include "model/model.h"

#include <inttypes.h>
#include <time.h>

#define TEXT(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)
#define VERSION VERSION_TEXT(RUNG_VERSION_MAJOR, RUNG_VERSION_MINOR, RUNG_VERSION_PATCH)

void rung__depends(rung_identity *identity, const char *name, const char *value) {
  rung__fields_add(identity->fields, true, name, value ? value : "");
}

/* Digests of this and that. Numbers are taken as they lie in memory: entries do not travel between processors. */

static void add_number(rung_digest *d, int64_t number) { rung_digest_add(d, &number, sizeof number); }

static void add_bytes(rung_digest *d, const void *data, size_t size) {
  add_number(d, (int64_t)size);
  rung_digest_add(d, data, size);
}

static void add_text(rung_digest *d, const char *text) { add_bytes(d, text ? text : "", text ? strlen(text) : 0); }

static void add_tensor_head(rung_digest *d, const rung_tensor *tensor) {
  add_number(d, tensor->dtype);
  add_number(d, tensor->rank);
  rung_digest_add(d, tensor->dims, (size_t)tensor->rank * sizeof tensor->dims[0]);
}

static void add_tensor(rung_digest *d, const rung_tensor *tensor) {
  add_tensor_head(d, tensor);
  if (tensor->dtype != RUNG_STRING) {
    add_bytes(d, tensor->data, tensor->data ? tensor->size : 0);
    return;
  }
  const rung_str *strings = tensor->data;
  for (size_t i = 0, count = strings ? tensor->size / sizeof *strings : 0; i < count; i++)
    add_bytes(d, strings[i].data, strings[i].size);
}

static void add_value(rung_digest *d, const rung_value *value) {
  add_number(d, value ? (int64_t)value->kind : -1);
  if (!value) return;
  add_tensor(d, &value->tensor);
  add_number(d, (int64_t)value->count);
  for (size_t i = 0; i < value->count; i++) add_value(d, value->items[i]);
}

/* `shapes`: dimensions count, else only ranks. */
static void add_type(rung_digest *d, const rung_type *type, bool shapes) {
  for (; type; type = type->element) {
    add_number(d, type->kind);
    add_number(d, type->dtype);
    bool ranked = (type->kind == RUNG_TENSOR || type->kind == RUNG_SPARSE) && type->rank >= 0;
    add_number(d, ranked ? type->rank : -1);
    for (int32_t i = 0; shapes && ranked && i < type->rank; i++) add_number(d, type->dims[i]);
  }
  add_number(d, -2);
}

/* Graph: `d` takes structure, `types` all types with their dimensions. */

typedef struct walk {
  rung_digest graph, types;
} walk;

static void walk_graph(walk *w, const rung_graph *graph);

static void walk_info(walk *w, const rung_value_info *info) {
  add_text(&w->graph, info ? info->name : NULL);
  add_number(&w->graph, info && info->constant);
  if (!info) return;
  add_type(&w->graph, &info->type, info->constant != NULL);
  add_type(&w->types, &info->type, true);
  add_number(&w->types, info->known_count);
  if (info->known) rung_digest_add(&w->types, info->known, info->known_count * sizeof *info->known);
}

static void walk_infos(walk *w, rung_value_info *const *infos, uint32_t count) {
  add_number(&w->graph, count);
  for (uint32_t i = 0; i < count; i++) walk_info(w, infos[i]);
}

static void walk_attribute(walk *w, const rung_attribute *a) {
  rung_digest *d = &w->graph;
  add_text(d, a->name);
  add_number(d, a->type);
  add_number(d, (int64_t)a->count);
  rung_digest_add(d, &a->f, sizeof a->f);
  add_number(d, a->i);
  add_bytes(d, a->s.data, a->s.data ? a->s.size : 0);
  if (a->tensor) add_value(d, a->tensor);
  if (a->graph) walk_graph(w, a->graph);
  if (a->type_proto && a->type == RUNG_ATTRIBUTE_TYPE_PROTO) add_type(d, a->type_proto, true);
  for (size_t i = 0; i < a->count; i++) {
    if (a->floats) rung_digest_add(d, &a->floats[i], sizeof a->floats[i]);
    if (a->ints) add_number(d, a->ints[i]);
    if (a->strings) add_bytes(d, a->strings[i].data, a->strings[i].size);
    if (a->tensors) add_value(d, a->tensors[i]);
    if (a->graphs) walk_graph(w, a->graphs[i]);
    if (a->type_proto && a->type == RUNG_ATTRIBUTE_TYPE_PROTOS) add_type(d, &a->type_proto[i], true);
  }
}

static void walk_graph(walk *w, const rung_graph *graph) {
  walk_infos(w, graph->inputs, graph->input_count);
  walk_infos(w, graph->outputs, graph->output_count);
  add_number(&w->graph, graph->node_count);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    add_text(&w->graph, node->domain);
    add_text(&w->graph, node->op_type);
    add_text(&w->graph, node->name);
    add_number(&w->graph, node->opset);
    walk_infos(w, node->inputs, node->input_count);
    walk_infos(w, node->outputs, node->output_count);
    for (uint32_t a = 0; a < node->attribute_count; a++) walk_attribute(w, &node->attributes[a]);
  }
}

/* "x f32[1,3,?2]; " for each input, then the digest of all types. */
static void add_shapes(const rung_graph *island, rung_digest *types, entry_fields *fields) {
  enum { MOST = 1024 };
  char digest[RUNG_DIGEST_TEXT];
  rung_text text;
  rung_text_init(&text, fields->text.allocator);
  for (uint32_t i = 0; i < island->input_count && text.size < MOST; i++) {
    const rung_type *type = &island->inputs[i]->type;
    rung_text_printf(&text, "%.128s %s[", island->inputs[i]->name, rung_dtype_name(type->dtype));
    for (int32_t k = 0; type->kind == RUNG_TENSOR && k < type->rank; k++)
      if (RUNG_IS_SYMBOL(type->dims[k]))
        rung_text_printf(&text, "%s?%" PRId64, k ? "," : "", type->dims[k] - INT64_MIN);
      else
        rung_text_printf(&text, "%s%" PRId64, k ? "," : "", type->dims[k]);
    rung_text_printf(&text, "]; ");
  }
  rung_text_printf(&text, "all types %.16s", rung_digest_end_text(types, digest));
  fields->failed |= text.failed;
  if (text.data) rung__fields_add(fields, true, "shapes", text.data);
  rung_text_finish(&text);
}

/* Weights */

typedef struct weights {
  const rung_model *model;
  rung_digest places; /* of where they lie; of what lies in no file, the contents */
  rung_digest contents;
  bool with_contents; /* the second walk */
  size_t in_files;
  int64_t newest; /* modification of those files */
} weights;

static void add_place(weights *w, const rung_value *value) {
  rung_model_place place;
  const rung_tensor *tensor = &value->tensor;
  bool found = value->kind == RUNG_TENSOR && tensor->dtype != RUNG_STRING && tensor->size &&
               rung_model_find(w->model, tensor->data, tensor->size, &place);
  add_number(&w->places, found);
  if (!found) {
    add_value(&w->places, value);
    return;
  }
  const uint64_t numbers[] = {place.device, place.inode, place.size, (uint64_t)place.modified, place.offset};
  add_tensor_head(&w->places, tensor);
  rung_digest_add(&w->places, numbers, sizeof numbers);
  w->in_files++;
  w->newest = RUNG_MAX(w->newest, place.modified);
}

static void add_weight(weights *w, const rung_value_info *info) {
  if (!info || !info->constant) return;
  if (w->with_contents)
    add_value(&w->contents, info->constant);
  else
    add_place(w, info->constant);
}

static rung_status *add_weights(rung_graph *graph, void *context) {
  weights *w = context;
  for (uint32_t i = 0; i < graph->output_count; i++) add_weight(w, graph->outputs[i]);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    for (uint32_t i = 0; i < node->input_count; i++) add_weight(w, node->inputs[i]);
    for (uint32_t i = 0; i < node->capture_count; i++) add_weight(w, node->captures[i]);
    RUNG_TRY(rung_node_each_body(node, add_weights, context));
  }
  return NULL;
}

static bool is_settled(int64_t modified) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - modified > INT64_C(2000000000);
}

static rung_status *digest_weights(const rung_instance *instance, rung_graph *island, const rung_store *store,
                                   char out[RUNG_STORE_NOTE]) {
  weights w = {.model = instance->model};
  char places[RUNG_DIGEST_TEXT];
  rung_digest_init(&w.places);
  rung_digest_init(&w.contents);
  add_text(&w.places, "weights");
  RUNG_TRY(add_weights(island, &w));
  rung_digest_end_text(&w.places, places);
  if (w.in_files && rung__store_noted(store, places, out)) return NULL;
  w.with_contents = true;
  RUNG_TRY(add_weights(island, &w));
  rung_digest_end_text(&w.contents, out);
  if (!w.in_files || !store->changes || !is_settled(w.newest)) return NULL;
  rung_status_free(rung__store_note(store, places, out)); /* then it is taken again next time */
  return NULL;
}

/* The whole */

static rung_status *add_graph(const rung_instance *instance, rung_graph *graph, const rung_store *store,
                              entry_fields *fields, char out_graph[RUNG_DIGEST_TEXT]) {
  char digest[RUNG_STORE_NOTE];
  walk w;
  rung_digest_init(&w.graph);
  rung_digest_init(&w.types);
  walk_graph(&w, graph);
  rung_digest_end_text(&w.graph, out_graph);
  rung__fields_add(fields, true, "graph", out_graph);
  add_shapes(graph, &w.types, fields);
  RUNG_TRY(digest_weights(instance, graph, store, digest));
  rung__fields_add(fields, true, "weights", digest);
  return rung__fields_check(fields);
}

rung_status *rung__key_add_graph(const rung_instance *instance, rung_graph *graph, const rung_store *store,
                                 entry_fields *fields, char out_graph[RUNG_DIGEST_TEXT]) {
  rung__fields_add(fields, true, "rung", VERSION);
  return add_graph(instance, graph, store, fields, out_graph);
}

rung_status *rung__key_add(const rung_instance *instance, const program_step *step, const rung_store *store,
                           entry_fields *fields, char out_graph[RUNG_DIGEST_TEXT]) {
  const rung_link *link = &instance->chain.links.at[step->link];
  const rung_provider_api *api = link->api;
  rung_identity identity = {fields};
  rung__fields_add(fields, true, "rung", VERSION);
  rung__fields_add(fields, true, "provider", api->name);
  rung__fields_add(fields, true, "provider.version", api->version ? api->version : "");
  RUNG_TRY(api->identity(link->provider, &identity));
  return add_graph(instance, step->island, store, fields, out_graph);
}
