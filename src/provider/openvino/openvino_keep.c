/* Executables outlive the process: what OpenVINO exports of a compiled model, behind a head of ours.
 *
 *     0  "rungov1"  8  what it is (u32)  12  number of inputs (u32)  16  the port of each (u64)  then zeros up to 64n
 *
 * An island whose input shapes are known is one compiled model; so is one that is compiled for all shapes. Of one that
 * is compiled per input shape only the ports are kept: that it can be compiled was the dear thing to know, and what it
 * is compiled for shows when it runs. Imported models may use the bytes in place, without a copy. */
#include "provider/openvino/openvino.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>

typedef enum kept_as { KEPT_FIXED = 1, KEPT_WHOLE = 2, KEPT_OPEN = 3 } kept_as;

static const char magic[8] = "rungov1";

typedef struct kept_head {
  char magic[8];
  uint32_t what, count;
} kept_head;

enum { BLOB_ALIGN = 64 };

static size_t head_size(uint32_t count) {
  return RUNG_ROUND_UP(sizeof(kept_head) + (size_t)count * sizeof(uint64_t), BLOB_ALIGN);
}

/* Identity */

static rung_status *check_device(const openvino_provider *provider) {
  const openvino_library *library = &provider->library;
  const openvino_settings *settings = &provider->settings;
  char *able = NULL;
  RUNG_REQUIRE(library->may.compiled_model_export_model && library->may.core_import_model, UNSUPPORTED,
               "OpenVINO %s cannot save compiled models", library->version);
  RUNG_REQUIRE(!settings->group, UNSUPPORTED, "what is compiled for %s is not kept: it spans devices",
               settings->device);
  int code = library->call.core_get_property(provider->core, settings->device, "OPTIMIZATION_CAPABILITIES", &able);
  RUNG_TRY(rung__openvino_check(library, code, "asking what %s is capable of", settings->device));
  bool exports = strstr(able, "EXPORT_IMPORT") != NULL;
  library->call.free(able);
  RUNG_REQUIRE(exports, UNSUPPORTED, "OpenVINO's %s cannot save compiled models", settings->device);
  return NULL;
}

/* False when the device has no such property. */
static bool add_property(const openvino_provider *provider, rung_identity *identity, const char *key) {
  const openvino_library *library = &provider->library;
  char name[128], *value = NULL;
  if (library->call.core_get_property(provider->core, provider->settings.device, key, &value) != 0) {
    const char *why = library->call.get_last_err_msg();
    if (why) library->call.free(why);
    return false;
  }
  snprintf(name, sizeof name, "device.%.100s", key);
  provider->host->depends(identity, name, value);
  library->call.free(value);
  return true;
}

/* What the plugin itself says that its caches depend on: a driver's version, say. */
static void add_caching_properties(const openvino_provider *provider, rung_identity *identity) {
  static const char separators[] = " ,";
  const openvino_library *library = &provider->library;
  char *list = NULL, key[128];
  if (library->call.core_get_property(provider->core, provider->settings.device, "CACHING_PROPERTIES", &list) != 0) {
    const char *why = library->call.get_last_err_msg();
    if (why) library->call.free(why);
    return;
  }
  for (const char *at = list; *at;) {
    size_t size = strcspn(at, separators);
    snprintf(key, sizeof key, "%.*s", (int)RUNG_MIN(size, sizeof key - 1), at);
    if (size && strcmp(key, "FULL_DEVICE_NAME") != 0) add_property(provider, identity, key);
    at += size + strspn(at + size, separators);
  }
  library->call.free(list);
}

static bool holds_later(const openvino_settings *settings, size_t index) {
  const openvino_property *property = &settings->properties[index];
  for (size_t i = index + 1; i < settings->property_count; i++) {
    const openvino_property *other = &settings->properties[i];
    bool same_device = property->device && other->device ? strcmp(property->device, other->device) == 0
                                                         : property->device == other->device;
    if (same_device && strcmp(property->key, other->key) == 0) return true;
  }
  return false;
}

/* All but where OpenVINO keeps a cache of its own. */
static void add_settings(const openvino_provider *provider, rung_identity *identity) {
  const openvino_settings *settings = &provider->settings;
  for (size_t i = 0; i < settings->property_count; i++) {
    const openvino_property *property = &settings->properties[i];
    char name[160];
    if (strcmp(property->key, "CACHE_DIR") == 0 || holds_later(settings, i)) continue;
    snprintf(name, sizeof name, "%.40s%s%.100s", property->device ? property->device : "", property->device ? "." : "",
             property->key);
    provider->host->depends(identity, name, property->value);
  }
}

rung_status *rung__openvino_identity(void *state, rung_identity *identity) {
  const openvino_provider *provider = state;
  const rung_host *host = provider->host;
  char features[16];
  RUNG_TRY(check_device(provider));
  host->depends(identity, "library", provider->library.build);
  host->depends(identity, "device", provider->settings.device);
  add_property(provider, identity, "FULL_DEVICE_NAME");
  add_caching_properties(provider, identity);
  snprintf(features, sizeof features, "%08" PRIx32, host->cpu_features); /* names such as "AMD EPYC" say too little */
  host->depends(identity, "processor", features);
  host->depends(identity, "shapes for", provider->settings.dynamic ? "all inputs" : "each input");
  add_settings(provider, identity);
  return NULL;
}

/* Saving */

static rung_status *write_head(const openvino_engine *engine, uint32_t count, kept_as what, const rung_sink *sink) {
  static const char zeros[BLOB_ALIGN];
  kept_head head = {.what = what, .count = count};
  memcpy(head.magic, magic, sizeof magic);
  RUNG_TRY(sink->write(sink->user, &head, sizeof head));
  for (uint32_t i = 0; i < count; i++) {
    uint64_t port = engine->ports[i] == OPENVINO_NO_PORT ? UINT64_MAX : engine->ports[i];
    RUNG_TRY(sink->write(sink->user, &port, sizeof port));
  }
  size_t used = sizeof head + (size_t)count * sizeof(uint64_t);
  return head_size(count) > used ? sink->write(sink->user, zeros, head_size(count) - used) : NULL;
}

static rung_status *write_blob(const openvino_provider *provider, const ov_compiled_model *compiled,
                               const rung_saving *saving) {
  const openvino_library *library = &provider->library;
  rung_file file;
  int code = library->may.compiled_model_export_model(compiled, saving->scratch);
  RUNG_TRY(rung__openvino_check(library, code, "saving a compiled model"));
  RUNG_TRY(rung_file_open(provider->host->allocator, saving->scratch, false, &file));
  rung_status *status = saving->sink->write(saving->sink->user, file.data, file.size);
  rung_file_close(&file);
  return status;
}

rung_status *rung__openvino_save(void *state, const rung_saving *saving) {
  const openvino_executable *executable = state;
  const openvino_engine *engine = executable->engine;
  kept_as what = engine->fixed ? KEPT_FIXED : engine->whole.model ? KEPT_WHOLE : KEPT_OPEN;
  RUNG_REQUIRE(what != KEPT_FIXED || engine->variants.count == 1, UNSUPPORTED, "it has no compiled model");
  RUNG_TRY(write_head(engine, executable->island->input_count, what, saving->sink));
  if (what == KEPT_OPEN) return NULL;
  return write_blob(engine->provider, what == KEPT_WHOLE ? engine->whole.model : engine->variants.at[0]->compiled.model,
                    saving);
}

/* Loading */

rung_status *rung__openvino_import(const openvino_provider *provider, const void *blob, size_t size,
                                   ov_compiled_model **out_compiled) {
  const openvino_library *library = &provider->library;
  int code = library->may.core_import_model(provider->core, blob, size, provider->settings.device, out_compiled);
  return rung__openvino_check(library, code, "OpenVINO cannot load what it saved for %s", provider->settings.device);
}

/* The compiled model that `what` speaks of. */
static rung_status *fill_engine(openvino_engine *engine, const rung_graph *island, kept_as what) {
  if (what == KEPT_OPEN) {
    engine->blob = NULL;
    return NULL;
  }
  if (what == KEPT_WHOLE)
    return rung__openvino_import(engine->provider, engine->blob, engine->blob_size, &engine->whole.model);
  const rung_allocator *allocator = engine->provider->host->allocator;
  int64_t *key = rung_alloc(allocator, rung__openvino_key_size(island) + 1, sizeof *key, "shape key");
  openvino_variant *variant;
  RUNG_CHECK_ALLOC(key);
  engine->fixed = rung__openvino_static_key(island, key);
  rung_status *status = engine->fixed ? rung__openvino_take_variant(engine, island, key, &variant)
                                      : RUNG_ERROR(PROVIDER, "it was saved for shapes that are open");
  if (!status) rung__openvino_give_variant(engine, variant);
  rung_free(allocator, key);
  return status;
}

static rung_status *restore_engine(openvino_provider *provider, const rung_graph *island, const char *data, size_t size,
                                   openvino_engine **out_engine) {
  const rung_allocator *allocator = provider->host->allocator;
  uint32_t count = island->input_count;
  kept_head head;
  RUNG_REQUIRE(size >= head_size(count), PROVIDER, "what was saved is cut off");
  memcpy(&head, data, sizeof head);
  RUNG_REQUIRE(memcmp(head.magic, magic, sizeof magic) == 0 && head.count == count && head.what >= KEPT_FIXED &&
                   head.what <= KEPT_OPEN,
               PROVIDER, "what was saved is of another form");
  size_t *ports = rung_alloc(allocator, (size_t)count + 1, sizeof *ports, "openvino");
  RUNG_CHECK_ALLOC(ports);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t port;
    memcpy(&port, data + sizeof head + i * sizeof port, sizeof port);
    ports[i] = port < count ? (size_t)port : OPENVINO_NO_PORT;
  }
  rung_status *status = rung__openvino_engine_restore(provider, ports, count, out_engine);
  rung_free(allocator, ports);
  RUNG_TRY(status);
  (*out_engine)->blob = data + head_size(count);
  (*out_engine)->blob_size = size - head_size(count);
  status = fill_engine(*out_engine, island, (kept_as)head.what);
  if (status) rung__openvino_engine_free(*out_engine);
  return status;
}

rung_status *rung__openvino_load_executable(void *state, const rung_graph *island, const rung_compile *compile,
                                            const void *data, size_t size, void **out_executable) {
  openvino_provider *provider = state;
  openvino_engine *engine;
  RUNG_TRY(restore_engine(provider, island, data, size, &engine));
  engine->shelf = compile->shelf;
  return rung__openvino_make_executable(provider, island, engine, out_executable);
}

/* Parts */

/* "1,3,224,224", the dimensions of all inputs. False when they are too many for a name. */
static bool name_variant(const openvino_variant *variant, size_t key_size, char *out_name, size_t size) {
  size_t used = (size_t)snprintf(out_name, size, "shapes");
  for (size_t i = 0; i < key_size && used < size; i++)
    used += (size_t)snprintf(out_name + used, size - used, "%c%" PRId64, i ? ',' : ' ', variant->key[i]);
  return used < size;
}

enum { NAME = 1024 };

void rung__openvino_find_variant(const openvino_engine *engine, size_t key_size, openvino_variant *variant) {
  const openvino_provider *provider = engine->provider;
  const rung_host *host = provider->host;
  char name[NAME];
  if (!engine->shelf || !name_variant(variant, key_size, name, sizeof name)) return;
  host->find_part(engine->shelf, name, &variant->part);
  if (!variant->part.data) return;
  rung_status *status =
      rung__openvino_import(provider, variant->part.data, variant->part.size, &variant->compiled.model);
  if (!status) return;
  host->log(host, RUNG_LOG_WARNING, "%s; it is compiled", rung_status_message(status));
  rung_status_free(status);
  variant->compiled.model = NULL;
  host->release_part(host, &variant->part);
}

typedef struct kept_variant {
  const openvino_provider *provider;
  const ov_compiled_model *model;
} kept_variant;

static rung_status *save_variant(void *user, const rung_saving *saving) {
  const kept_variant *kept = user;
  return write_blob(kept->provider, kept->model, saving);
}

void rung__openvino_keep_variant(const openvino_engine *engine, size_t key_size, openvino_variant *variant) {
  char name[NAME];
  kept_variant kept = {engine->provider, variant->compiled.model};
  if (!engine->shelf || !name_variant(variant, key_size, name, sizeof name)) return;
  engine->provider->host->keep_part(engine->shelf, name, save_variant, &kept);
}
