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

static rung_status *set_property(const openvino_provider *provider, const char *device, const char *supported,
                                 const openvino_property *property) {
  const openvino_library *library = &provider->library;
  if (property->device && !rung__openvino_is_device(device, property->device)) return NULL;
  bool known = holds_word(supported, property->key);
  RUNG_REQUIRE(known || !property->option, INVALID_ARGUMENT, "option %s: %s has no property %s", property->option,
               device, property->key);
  if (!known) return NULL;
  int code = library->call.core_set_property(provider->core, device, property->key, property->value);
  rung_status *status = rung__openvino_check(library, code, "%s=%s", property->key, property->value);
  if (!status || !property->option) return status;
  rung_status *wrong = RUNG_ERROR(INVALID_ARGUMENT, "option %s: %s", property->option, rung_status_message(status));
  rung_status_free(status);
  return wrong;
}

/* Loads the plugin of the device, and fails when there is none. */
static rung_status *set_up_device(const openvino_provider *provider, const char *device) {
  const openvino_library *library = &provider->library;
  char *supported = NULL;
  int code = library->call.core_get_property(provider->core, device, "SUPPORTED_PROPERTIES", &supported);
  rung_status *status = rung__openvino_check(library, code, "device %s", device);
  if (status) {
    rung_status *gone = RUNG_ERROR(UNAVAILABLE, "%s", rung_status_message(status));
    rung_status_free(status);
    return gone;
  }
  for (size_t i = 0; i < provider->settings.property_count && !status; i++)
    status = set_property(provider, device, supported, &provider->settings.properties[i]);
  library->call.free(supported);
  return status;
}

/* AUTO without a list works with whatever OpenVINO finds. */
static rung_status *set_up_all(const openvino_provider *provider) {
  const openvino_library *library = &provider->library;
  ov_devices devices;
  RUNG_TRY(rung__openvino_check(library, library->call.core_get_available_devices(provider->core, &devices),
                                "listing devices"));
  rung_status *status = NULL;
  for (size_t i = 0; i < devices.count && !status; i++) status = set_up_device(provider, devices.names[i]);
  library->call.available_devices_free(&devices);
  return status;
}

static rung_status *set_up_devices(const openvino_provider *provider) {
  const openvino_settings *settings = &provider->settings;
  if (!settings->device_count) return set_up_all(provider);
  for (size_t i = 0; i < settings->device_count; i++) RUNG_TRY(set_up_device(provider, settings->devices[i]));
  return NULL;
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
           executable->fixed     ? "shapes are known"
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
};
