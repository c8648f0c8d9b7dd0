/* Intel's OpenVINO, which compiles whole islands. See openvino.h for the way through the files. */
#include "provider/openvino/openvino.h"

#include "provider/openvino/openvino_find.h"

#include <stdio.h>

/* Properties */

/* Names separated by spaces or commas. */
static bool holds_word(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = list; *at;) {
    size_t size = strcspn(at, " ,\t\n");
    if (size == length && strncmp(at, word, size) == 0) return true;
    at += size + (at[size] != 0);
  }
  return false;
}

/* The devices that properties are set on, AUTO and its like among them, each with the properties that it knows. */
typedef struct openvino_target {
  const char *device;
  char *supported;
} openvino_target;

typedef struct targets {
  const openvino_provider *provider;
  openvino_target at[OPENVINO_MOST_DEVICES + 1];
  size_t count;
} targets;

/* Loads the plugin of the device, and fails when there is none. */
static rung_status *add_target(targets *t, const char *device) {
  const openvino_library *library = &t->provider->library;
  char *supported = NULL;
  if (t->count == RUNG_COUNT(t->at)) return NULL;
  int code = library->call.core_get_property(t->provider->core, device, "SUPPORTED_PROPERTIES", &supported);
  rung_status *status = rung__openvino_check(library, code, "device %s", device);
  if (!status) {
    t->at[t->count++] = (openvino_target){device, supported};
    return NULL;
  }
  rung_status *gone = RUNG_ERROR(UNAVAILABLE, "%s", rung_status_message(status));
  rung_status_free(status);
  return gone;
}

/* OpenVINO keeps this one itself, for the devices that can use it. */
static bool is_known(const openvino_target *target, const char *key) {
  return strcmp(key, "CACHE_DIR") == 0 || holds_word(target->supported, key);
}

static rung_status *set_on_target(const targets *t, const openvino_target *target, const openvino_property *property) {
  const openvino_library *library = &t->provider->library;
  int code = library->call.core_set_property(t->provider->core, target->device, property->key, property->value);
  rung_status *status = rung__openvino_check(library, code, "%s=%s", property->key, property->value);
  if (!status || !property->option) return status;
  rung_status *wrong = RUNG_ERROR(INVALID_ARGUMENT, "option %s: %s", property->option, rung_status_message(status));
  rung_status_free(status);
  return wrong;
}

/* On every device that knows the property; one that the user asks for must be known to one. */
static rung_status *set_property(const targets *t, const openvino_property *property) {
  bool known = false;
  for (size_t i = 0; i < t->count; i++) {
    const openvino_target *target = &t->at[i];
    if (property->device && !rung__openvino_is_device(target->device, property->device)) continue;
    if (!is_known(target, property->key)) continue;
    RUNG_TRY(set_on_target(t, target, property));
    known = true;
  }
  RUNG_REQUIRE(known || !property->option, INVALID_ARGUMENT, "option %s: %s has no property %s", property->option,
               property->device ? property->device : t->provider->settings.device, property->key);
  return NULL;
}

static rung_status *set_properties(targets *t, const char *const *devices, size_t count) {
  const openvino_settings *settings = &t->provider->settings;
  rung_status *status = settings->group ? add_target(t, settings->group) : NULL;
  for (size_t i = 0; i < count && !status; i++) status = add_target(t, devices[i]);
  for (size_t i = 0; i < settings->property_count && !status; i++) status = set_property(t, &settings->properties[i]);
  for (size_t i = 0; i < t->count; i++) t->provider->library.call.free(t->at[i].supported);
  return status;
}

/* AUTO without a list works with whatever OpenVINO finds. */
static rung_status *set_up_devices(const openvino_provider *provider) {
  const openvino_library *library = &provider->library;
  const openvino_settings *settings = &provider->settings;
  targets t = {.provider = provider};
  if (settings->device_count) return set_properties(&t, settings->devices, settings->device_count);
  ov_devices found;
  RUNG_TRY(rung__openvino_check(library, library->call.core_get_available_devices(provider->core, &found),
                                "listing devices"));
  rung_status *status = set_properties(&t, (const char *const *)found.names, found.count);
  library->call.available_devices_free(&found);
  return status;
}

/* Opening */

static rung_status *start(openvino_provider *provider) {
  const rung_host *host = provider->host;
  char path[RUNG_PATH_MAX];
  rung_text looked;
  rung_text_init(&looked, host->allocator);
  bool found = rung__openvino_find(host, &provider->settings, path, &looked);
  rung_text_finish(&looked);
  RUNG_REQUIRE(found, UNAVAILABLE, "OpenVINO is gone since it was looked for");
  RUNG_TRY(rung__openvino_load(host->allocator, path, &provider->library));
  RUNG_TRY(rung__openvino_check(&provider->library, provider->library.call.core_create(&provider->core),
                                "starting OpenVINO %s", provider->library.version));
  host->log(host, RUNG_LOG_INFO, "OpenVINO %s from %s", provider->library.version, path);
  return set_up_devices(provider);
}

static void openvino_close(void *state) {
  openvino_provider *provider = state;
  rung__openvino_trim(provider);
  if (provider->core) provider->library.call.core_free(provider->core);
  rung__openvino_unload(&provider->library);
  rung__openvino_settings_finish(&provider->settings);
  rung_free(provider->host->allocator, provider);
}

static rung_status *openvino_open(const rung_host *host, const rung_option *given, size_t count, void **out_provider) {
  openvino_settings settings;
  RUNG_TRY(rung__openvino_settings_init(&settings, host, given, count));
  openvino_provider *provider = rung_alloc(host->allocator, 1, sizeof *provider, "openvino");
  if (!provider) {
    rung__openvino_settings_finish(&settings);
    return rung_status_out_of_memory();
  }
  provider->host = host;
  provider->settings = settings;
  rung_status *status = start(provider);
  if (status)
    openvino_close(provider);
  else
    *out_provider = provider;
  return status;
}

/* Describing */

static void openvino_describe(void *state, char *buffer, size_t size) {
  const openvino_executable *executable = state;
  const openvino_engine *engine = executable->engine;
  const openvino_settings *settings = &engine->provider->settings;
  snprintf(buffer, size, "OpenVINO %s on %s, %s, %s", engine->provider->library.version, settings->device,
           settings->precision ? settings->precision : "float32",
           engine->fixed         ? "shapes are known"
           : engine->whole.model ? "one model for all shapes"
                                 : "compiled per input shape");
}

static const char *openvino_precision(void *state) { return ((const openvino_provider *)state)->settings.precision; }

const rung_provider_api rung_provider_openvino = {
    .struct_size = sizeof(rung_provider_api),
    .abi = RUNG_PROVIDER_ABI,
    .name = "openvino",
    .ort_name = "OpenVINOExecutionProvider",
    .summary = "Intel's OpenVINO: processors, graphics and neural processors by Intel",
    .version = "0.1",
    .options = rung__openvino_options,
    .probe = rung__openvino_probe,
    .open = openvino_open,
    .close = openvino_close,
    .claim = rung__openvino_claim,
    .compile = rung__openvino_compile,
    .free_executable = rung__openvino_free_executable,
    .run = rung__openvino_run,
    .describe = openvino_describe,
    .precision = openvino_precision,
    .support = rung__openvino_support,
    .trim = rung__openvino_trim,
    .identity = rung__openvino_identity,
    .save = rung__openvino_save,
    .load = rung__openvino_load_executable,
    .offline = &rung__openvino_offline,
    .wants = "doubles",
};
