#include "provider/openvino/openvino.h"

#include <stdio.h>

/* From an island to a model */

static rung_status *append(void *user, const void *data, size_t size) {
  rung_text *text = user;
  rung_text_append(text, data, size);
  return text->failed ? rung_status_out_of_memory() : NULL;
}

rung_status *rung__openvino_write(const openvino_provider *provider, const rung_graph *island,
                                  const rung_writing *writing, rung_text *text) {
  rung_writing whole = {.struct_size = sizeof whole};
  rung_sink sink = {append, text};
  return provider->host->write_onnx(island, writing ? writing : &whole, &sink);
}

rung_status *rung__openvino_read(const openvino_provider *provider, const rung_text *text, ov_model **out_model) {
  const openvino_library *library = &provider->library;
  return rung__openvino_check(
      library,
      library->call.core_read_model_from_memory_buffer(provider->core, text->data, text->size, NULL, out_model),
      "OpenVINO cannot read it");
}

rung_status *rung__openvino_compile_model(const openvino_provider *provider, const ov_model *model,
                                          ov_compiled_model **out_compiled) {
  const openvino_library *library = &provider->library;
  const char *device = provider->settings.device;
  return rung__openvino_check(library, library->call.core_compile_model(provider->core, model, device, 0, out_compiled),
                              "OpenVINO cannot compile it for %s", device);
}

/* Engines */

/* Inputs keep their order. */
static rung_status *find_ports(openvino_engine *engine, const rung_graph *island) {
  const openvino_library *library = &engine->provider->library;
  size_t found = 0, count = 0;
  for (uint32_t i = 0; i < island->input_count; i++) {
    ov_output_port *port;
    bool there = library->call.model_const_input_by_name(engine->model, island->inputs[i]->name, &port) == 0;
    engine->ports[i] = there ? found++ : OPENVINO_NO_PORT;
    if (there) library->call.output_const_port_free(port);
  }
  RUNG_TRY(rung__openvino_check(library, library->call.model_inputs_size(engine->model, &count), "counting inputs"));
  RUNG_REQUIRE(count == found, PROVIDER, "OpenVINO makes %zu inputs of %zu", count, found);
  return NULL;
}

/* With room for `count` ports. */
static openvino_engine *make_engine(openvino_provider *provider, uint32_t count) {
  const rung_allocator *allocator = provider->host->allocator;
  openvino_engine *engine = rung_alloc(allocator, 1, sizeof *engine, "openvino");
  if (!engine) return NULL;
  engine->provider = provider;
  pthread_mutex_init(&engine->compiling, NULL);
  pthread_mutex_init(&engine->lock, NULL);
  engine->ports = rung_alloc(allocator, (size_t)count + 1, sizeof *engine->ports, "openvino");
  if (engine->ports) return engine;
  rung__openvino_engine_free(engine);
  return NULL;
}

rung_status *rung__openvino_engine_create(openvino_provider *provider, const rung_graph *island, ov_model *model,
                                          openvino_engine **out_engine) {
  openvino_engine *engine = make_engine(provider, island->input_count);
  if (!engine) {
    provider->library.call.model_free(model);
    return rung_status_out_of_memory();
  }
  engine->model = model;
  rung_status *status = find_ports(engine, island);
  if (status)
    rung__openvino_engine_free(engine);
  else
    *out_engine = engine;
  return status;
}

rung_status *rung__openvino_engine_restore(openvino_provider *provider, const size_t *ports, uint32_t count,
                                           openvino_engine **out_engine) {
  openvino_engine *engine = make_engine(provider, count);
  RUNG_CHECK_ALLOC(engine);
  if (count) memcpy(engine->ports, ports, count * sizeof *ports);
  *out_engine = engine;
  return NULL;
}

static void free_compiled(const openvino_engine *engine, openvino_compiled *compiled) {
  const openvino_functions *call = &engine->provider->library.call;
  for (size_t i = 0; i < compiled->requests.count; i++) call->infer_request_free(compiled->requests.at[i]);
  rung_vec_free(engine->provider->host->allocator, &compiled->requests);
  if (compiled->model) call->compiled_model_free(compiled->model);
}

static void free_variant(const openvino_engine *engine, openvino_variant *variant) {
  if (!variant) return;
  const rung_host *host = engine->provider->host;
  free_compiled(engine, &variant->compiled);
  host->release_part(host, &variant->part);
  rung_arena_finish(&variant->arena);
  rung_free(host->allocator, variant);
}

void rung__openvino_engine_free(openvino_engine *engine) {
  const rung_allocator *allocator = engine->provider->host->allocator;
  for (size_t i = 0; i < engine->variants.count; i++) free_variant(engine, engine->variants.at[i]);
  rung_vec_free(allocator, &engine->variants);
  free_compiled(engine, &engine->whole);
  if (engine->model) engine->provider->library.call.model_free(engine->model);
  pthread_mutex_destroy(&engine->lock);
  pthread_mutex_destroy(&engine->compiling);
  rung_free(allocator, engine->ports);
  rung_free(allocator, engine);
}

/* Keys */

size_t rung__openvino_key_size(const rung_graph *island) {
  size_t size = 0;
  for (uint32_t i = 0; i < island->input_count; i++) size += (size_t)island->inputs[i]->type.rank;
  return size;
}

bool rung__openvino_static_key(const rung_graph *island, int64_t *out_key) {
  bool known = true;
  for (uint32_t i = 0; i < island->input_count; i++)
    for (int32_t k = 0; k < island->inputs[i]->type.rank; k++) {
      *out_key = island->inputs[i]->type.dims[k];
      known &= *out_key++ >= 0;
    }
  return known;
}

static bool has_open_dimension(const rung_type *type) {
  for (int32_t i = 0; i < type->rank; i++)
    if (type->dims[i] < 0) return true;
  return false;
}

/* Gives the inputs that have open dimensions those of the key. */
static rung_status *reshape(const openvino_engine *engine, ov_model *model, const rung_graph *island,
                            const int64_t *key, rung_arena *arena) {
  size_t *ports = rung_arena_alloc(arena, island->input_count, sizeof *ports), count = 0;
  ov_partial_shape *shapes = rung_arena_alloc(arena, island->input_count, sizeof *shapes);
  ov_dimension *dims = rung_arena_alloc(arena, rung__openvino_key_size(island), sizeof *dims);
  if (!ports || !shapes || !dims) return rung_status_out_of_memory();
  for (uint32_t i = 0; i < island->input_count; i++) {
    const rung_type *type = &island->inputs[i]->type;
    for (int32_t k = 0; k < type->rank; k++) dims[k] = (ov_dimension){key[k], key[k]};
    if (has_open_dimension(type) && engine->ports[i] != OPENVINO_NO_PORT) {
      ports[count] = engine->ports[i];
      shapes[count++] = (ov_partial_shape){{type->rank, type->rank}, dims};
    }
    dims += type->rank;
    key += type->rank;
  }
  const openvino_library *library = &engine->provider->library;
  if (!count) return NULL;
  return rung__openvino_check(library, library->call.model_reshape_by_port_indexes(model, ports, shapes, count),
                              "OpenVINO refuses the shapes of the inputs");
}

/* Variants */

/* Does a compiled model keep what the graph promises? Shapes that it leaves open are looked at when they are there. */
static rung_status *check_output(const openvino_engine *engine, const openvino_variant *variant, uint32_t index,
                                 const char *name) {
  const openvino_library *library = &engine->provider->library;
  const rung_type *promised = &variant->outputs[index];
  ov_output_port *port;
  ov_partial_shape shape = {0};
  int type = 0;
  RUNG_TRY(rung__openvino_check(library,
                                library->call.compiled_model_output_by_index(variant->compiled.model, index, &port),
                                "output %u", index));
  int code = library->call.port_get_element_type(port, &type);
  if (!code) code = library->call.port_get_partial_shape(port, &shape);
  library->call.output_const_port_free(port);
  RUNG_TRY(rung__openvino_check(library, code, "output %u", index));
  bool fits = type == rung__openvino_type(library, promised->dtype);
  bool ranked = shape.rank.min == shape.rank.max && promised->rank >= 0;
  fits &= !ranked || shape.rank.min == promised->rank;
  for (int32_t i = 0; fits && ranked && i < promised->rank; i++)
    fits = promised->dims[i] < 0 || (shape.dims[i].min <= promised->dims[i] &&
                                     (shape.dims[i].max < 0 || shape.dims[i].max >= promised->dims[i]));
  library->call.partial_shape_free(&shape);
  char should[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(fits, PROVIDER, "OpenVINO would give output \"%s\" another type or shape than %s %s", name,
               rung_dtype_name(promised->dtype), rung_shape_text(promised->rank, promised->dims, should));
  return NULL;
}

/* A model of its own for shapes that need attributes changed. */
static rung_status *read_amended(const openvino_engine *engine, const rung_graph *island, const openvino_shapes *shapes,
                                 ov_model **out_model) {
  rung_writing writing = {.struct_size = sizeof writing,
                          .amendments = shapes->amendments,
                          .amendment_count = (uint32_t)shapes->amendment_count};
  rung_text text;
  rung_text_init(&text, engine->provider->host->allocator);
  rung_status *status = rung__openvino_write(engine->provider, island, &writing, &text);
  if (!status) status = rung__openvino_read(engine->provider, &text, out_model);
  rung_text_finish(&text);
  return status;
}

static rung_status *compile_variant(openvino_engine *engine, const rung_graph *island, const openvino_shapes *shapes,
                                    openvino_variant *variant) {
  static const openvino_shapes as_it_is;
  if (!engine->model) RUNG_TRY(read_amended(engine, island, engine->fixed ? shapes : &as_it_is, &engine->model));
  ov_model *model = engine->model;
  if (shapes->amendment_count && !engine->fixed) RUNG_TRY(read_amended(engine, island, shapes, &model));
  rung_status *status = reshape(engine, model, island, variant->key, &variant->arena);
  if (!status) status = rung__openvino_compile_model(engine->provider, model, &variant->compiled.model);
  if (model != engine->model) engine->provider->library.call.model_free(model);
  return status;
}

static rung_status *check_outputs(const openvino_engine *engine, const rung_graph *island,
                                  const openvino_variant *variant) {
  for (uint32_t i = 0; i < island->output_count; i++)
    RUNG_TRY(check_output(engine, variant, i, island->outputs[i]->name));
  return NULL;
}

/* A compiled model of its own: of the executable that was loaded, from the shelf, or from the graph. */
static rung_status *fill_variant(openvino_engine *engine, const rung_graph *island, const openvino_shapes *shapes,
                                 openvino_variant *variant) {
  size_t key_size = rung__openvino_key_size(island);
  if (engine->blob) {
    RUNG_TRY(rung__openvino_import(engine->provider, engine->blob, engine->blob_size, &variant->compiled.model));
    return check_outputs(engine, island, variant);
  }
  if (!engine->fixed) rung__openvino_find_variant(engine, key_size, variant);
  if (variant->compiled.model) return check_outputs(engine, island, variant);
  RUNG_TRY(compile_variant(engine, island, shapes, variant));
  RUNG_TRY(check_outputs(engine, island, variant));
  if (!engine->fixed) rung__openvino_keep_variant(engine, key_size, variant);
  return NULL;
}

static rung_status *make_variant(openvino_engine *engine, const rung_graph *island, const int64_t *key,
                                 openvino_variant **out_variant) {
  const rung_host *host = engine->provider->host;
  size_t size = rung__openvino_key_size(island) * sizeof *key;
  openvino_shapes shapes;
  openvino_variant *variant = rung_alloc(host->allocator, 1, sizeof *variant, "openvino");
  RUNG_CHECK_ALLOC(variant);
  rung_arena_init(&variant->arena, host->allocator);
  variant->key = (const int64_t *)(const void *)rung_arena_copy(&variant->arena, (const char *)key, size);
  rung_status *status = variant->key ? NULL : rung_status_out_of_memory();
  if (!status) status = rung__openvino_infer(host, island, key, &variant->arena, &shapes);
  if (!status) variant->outputs = shapes.outputs;
  if (!status && !engine->whole.model) status = fill_variant(engine, island, &shapes, variant);
  if (status)
    free_variant(engine, variant);
  else
    *out_variant = variant;
  return status;
}

static openvino_variant *find_variant(openvino_engine *engine, const int64_t *key, size_t size) {
  pthread_mutex_lock(&engine->lock);
  openvino_variant *found = NULL;
  for (size_t i = 0; i < engine->variants.count && !found; i++)
    if (memcmp(engine->variants.at[i]->key, key, size * sizeof *key) == 0) found = engine->variants.at[i];
  if (found) found->users++;
  if (found) found->last_use = ++engine->clock;
  pthread_mutex_unlock(&engine->lock);
  return found;
}

/* Takes the one that was not used for longest out of a full list; NULL when there is room, or all are in use. */
static openvino_variant *make_room(openvino_engine *engine) {
  size_t oldest = SIZE_MAX;
  if (engine->variants.count < engine->provider->settings.most_shapes) return NULL;
  for (size_t i = 0; i < engine->variants.count; i++)
    if (!engine->variants.at[i]->users &&
        (oldest == SIZE_MAX || engine->variants.at[i]->last_use < engine->variants.at[oldest]->last_use))
      oldest = i;
  if (oldest == SIZE_MAX) return NULL;
  openvino_variant *gone = engine->variants.at[oldest];
  engine->variants.at[oldest] = engine->variants.at[--engine->variants.count];
  return gone;
}

static rung_status *add_variant(openvino_engine *engine, openvino_variant *variant) {
  pthread_mutex_lock(&engine->lock);
  openvino_variant *gone = make_room(engine);
  variant->users = 1;
  variant->last_use = ++engine->clock;
  bool added = rung_vec_push(engine->provider->host->allocator, &engine->variants, variant);
  pthread_mutex_unlock(&engine->lock);
  free_variant(engine, gone);
  if (added) return NULL;
  free_variant(engine, variant);
  return rung_status_out_of_memory();
}

rung_status *rung__openvino_take_variant(openvino_engine *engine, const rung_graph *island, const int64_t *key,
                                         openvino_variant **out_variant) {
  size_t size = rung__openvino_key_size(island);
  rung_status *status = NULL;
  if ((*out_variant = find_variant(engine, key, size))) return NULL;
  pthread_mutex_lock(&engine->compiling);
  *out_variant = find_variant(engine, key, size); /* another thread may have made it meanwhile */
  if (!*out_variant) {
    status = make_variant(engine, island, key, out_variant);
    if (!status) status = add_variant(engine, *out_variant);
  }
  pthread_mutex_unlock(&engine->compiling);
  return status;
}

void rung__openvino_give_variant(openvino_engine *engine, openvino_variant *variant) {
  pthread_mutex_lock(&engine->lock);
  variant->users--;
  pthread_mutex_unlock(&engine->lock);
}
