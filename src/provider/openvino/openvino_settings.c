#include "provider/openvino/openvino_settings.h"

#include "base/file.h"
#include "base/str.h"
#include "provider/openvino/openvino_json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PRECISIONS "FP32|FP16|BF16|ACCURACY"

/* Under the names that users of ONNX Runtime know. Theirs that are missing here are other ways to say what sessions of
 * rung say themselves, see docs/providers/openvino.md. */
const rung_option_spec rung__openvino_options[] = {
    {"device_type", RUNG_OPTION_STRING, .fallback = "CPU",
     .help = "CPU, GPU, GPU.1, NPU, AUTO, AUTO:GPU,CPU, HETERO:..., MULTI:...", .selects_device = 1},
    {"device_id", RUNG_OPTION_INT, .min = 0, .max = 255,
     .help = "which of several devices of that type: GPU and 1 are GPU.1", .selects_device = 1},
    {"precision", RUNG_OPTION_CHOICE, PRECISIONS, .fallback = "FP32",
     .help = "what is computed in; ACCURACY: the model's own types"},
    {"num_of_threads", RUNG_OPTION_INT, .min = 1, .max = 4096,
     .help = "on the processor; as many as the session may use"},
    {"num_streams", RUNG_OPTION_INT, .min = 1, .max = 256, .fallback = "1",
     .help = "runs that a device works on at once"},
    {"cache_dir", RUNG_OPTION_PATH, .help = "folder where OpenVINO keeps compiled models; none"},
    {"load_config", RUNG_OPTION_STRING,
     .help = "JSON text or file: properties of OpenVINO, or objects of them by device"},
    {"model_priority", RUNG_OPTION_CHOICE, "HIGH|MEDIUM|LOW|DEFAULT", .fallback = "DEFAULT",
     .help = "among the models on one device"},
    {"enable_qdq_optimizer", RUNG_OPTION_BOOL, .fallback = "false",
     .help = "NPU: rework QuantizeLinear and DequantizeLinear"},
    {"enable_opencl_throttling", RUNG_OPTION_BOOL, .fallback = "false",
     .help = "GPU: spare the processor while waiting"},
    {"disable_dynamic_shapes", RUNG_OPTION_BOOL, .fallback = "true",
     .help = "compile per input shape; false: one model for all shapes"},
    {"most_shapes", RUNG_OPTION_INT, .min = 1, .max = 65536, .fallback = "16",
     .help = "input shapes that an island stays compiled for"},
    {"library", RUNG_OPTION_PATH, .help = "libopenvino_c.so, or a folder that holds it (or the package openvino)"},
    {0},
};

/* Options that are properties of OpenVINO's. `values` maps the option's value to the property's; one that is not
 * there asks for nothing. NULL: as it stands. */
static const struct {
  const char *option, *key, *values;
} rules[] = {
    {"precision", "INFERENCE_PRECISION_HINT", "FP32=f32|FP16=f16|BF16=bf16"},
    {"precision", "EXECUTION_MODE_HINT", "ACCURACY=ACCURACY"},
    {"num_of_threads", "INFERENCE_NUM_THREADS", NULL},
    {"num_streams", "NUM_STREAMS", NULL},
    {"cache_dir", "CACHE_DIR", NULL},
    {"model_priority", "MODEL_PRIORITY", "HIGH=HIGH|MEDIUM=MEDIUM|LOW=LOW"},
    {"enable_qdq_optimizer", "NPU_QDQ_OPTIMIZATION", "true=YES"},
    {"enable_opencl_throttling", "GPU_QUEUE_THROTTLE", "true=LOW"},
};

/* What OpenVINO would do by itself, and rung's users have not asked for: activations in int8 before compressed weights;
 * threads bound to cores, the same ones for every session. */
static const openvino_property wishes[] = {
    {.key = "DYNAMIC_QUANTIZATION_GROUP_SIZE", .value = "0"},
    {.key = "ENABLE_CPU_PINNING", .value = "NO"},
};

typedef struct collector {
  openvino_settings *settings;
  const rung_allocator *allocator;
  RUNG_VEC(openvino_property) properties;
} collector;

/* Values */

static const char *given_value(const rung_option *given, size_t count, const char *key) {
  const char *value = NULL;
  for (size_t i = 0; i < count; i++)
    if (strcmp(given[i].key, key) == 0) value = given[i].value;
  return value;
}

static const char *value_of(const rung_option *given, size_t count, const char *key) {
  const char *value = given_value(given, count, key);
  for (const rung_option_spec *s = rung__openvino_options; s->key && !value; s++)
    if (strcmp(s->key, key) == 0) value = s->fallback;
  return value;
}

static bool is_on(const char *value) {
  static const char *const words[] = {"true", "1", "on", "yes"};
  for (size_t i = 0; i < RUNG_COUNT(words); i++)
    if (strcasecmp(value, words[i]) == 0) return true;
  return false;
}

/* The right side of "VALUE=..." in `values`; NULL when it is not there. */
static const char *translate(openvino_settings *settings, const char *values, const char *value) {
  size_t length = strlen(value);
  for (const char *at = values; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
    const char *right = at + strcspn(at, "=") + 1;
    bool same = (size_t)(right - 1 - at) == length && strncasecmp(at, value, length) == 0;
    bool on = strncmp(at, "true=", 5) == 0 && is_on(value);
    if (same || on) return rung_arena_copy(&settings->arena, right, strcspn(right, "|"));
  }
  return NULL;
}

/* Devices */

bool rung__openvino_is_device(const char *device, const char *family) {
  size_t length = strlen(family);
  return strncmp(device, family, length) == 0 && (!device[length] || device[length] == '.');
}

static rung_status *add_device(openvino_settings *settings, const char *name, size_t size) {
  static const char *const families[] = {"CPU", "GPU", "NPU"};
  char *device = rung_arena_copy(&settings->arena, name, size);
  RUNG_CHECK_ALLOC(device);
  size_t letters = strspn(device, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  bool known = false;
  for (size_t i = 0; i < RUNG_COUNT(families); i++) known |= rung__openvino_is_device(device, families[i]);
  const char *number = device + letters + 1;
  RUNG_REQUIRE(known && (!device[letters] || (*number && !number[strspn(number, "0123456789")])), INVALID_ARGUMENT,
               "device_type: \"%s\" is no device; those are CPU, GPU, NPU, one of several as GPU.1, or "
               "AUTO:, HETERO: and MULTI: before a list of them",
               device);
  RUNG_REQUIRE(settings->device_count < OPENVINO_MOST_DEVICES, INVALID_ARGUMENT, "device_type lists too many devices");
  settings->devices[settings->device_count++] = device;
  return NULL;
}

static rung_status *read_device(openvino_settings *settings, const char *type, const char *id) {
  char *device = rung_arena_printf(&settings->arena, "%s%s%s", type, id ? "." : "", id ? id : "");
  RUNG_CHECK_ALLOC(device);
  for (char *c = device; *c; c++) *c = (char)toupper((unsigned char)*c);
  settings->device = device;
  const char *colon = strchr(device, ':');
  static const char *const groups[] = {"AUTO", "HETERO", "MULTI"};
  for (size_t i = 0; i < RUNG_COUNT(groups); i++)
    if (rung_str_is((rung_str){device, strcspn(device, ":")}, groups[i])) settings->group = groups[i];
  RUNG_REQUIRE(!id || (!settings->group && (rung__openvino_is_device(device, "GPU") || strcmp(id, "0") == 0)),
               INVALID_ARGUMENT, "device_id: only GPU has several devices, device_type is \"%s\"", type);
  if (rung__openvino_is_device(device, "CPU") || rung__openvino_is_device(device, "NPU"))
    device[strcspn(device, ".")] = 0; /* the first of one */
  if (!settings->group) return add_device(settings, device, strlen(device));
  RUNG_REQUIRE(colon || strcmp(device, "AUTO") == 0, INVALID_ARGUMENT, "device_type: %s needs a list: %s:GPU,CPU",
               device, device);
  for (const char *at = colon; at && *at;) {
    size_t size = strcspn(++at, ",");
    RUNG_TRY(add_device(settings, at, size));
    at += size;
  }
  return NULL;
}

/* Properties */

static rung_status *add_property(collector *c, openvino_property property) {
  return rung_vec_push(c->allocator, &c->properties, property) ? NULL : rung_status_out_of_memory();
}

static rung_status *add_rules(collector *c, const rung_option *given, size_t count) {
  for (size_t i = 0; i < RUNG_COUNT(rules); i++) {
    const char *value = value_of(given, count, rules[i].option);
    bool asked = given_value(given, count, rules[i].option) != NULL;
    if (value && rules[i].values)
      value = translate(c->settings, rules[i].values, value);
    else if (value)
      value = rung_arena_copy(&c->settings->arena, value, strlen(value));
    if (value)
      RUNG_TRY(add_property(c, (openvino_property){NULL, rules[i].key, value, asked ? rules[i].option : NULL}));
  }
  return NULL;
}

static rung_status *add_loaded(void *context, const char *device, const char *key, const char *value) {
  collector *c = context;
  bool used = !device || c->settings->device_count == 0;
  used |= device && c->settings->group && strcmp(device, c->settings->group) == 0;
  for (size_t i = 0; device && i < c->settings->device_count; i++)
    used |= rung__openvino_is_device(c->settings->devices[i], device) || strcmp(c->settings->devices[i], device) == 0;
  RUNG_REQUIRE(used, INVALID_ARGUMENT, "load_config: \"%s\" is no device of device_type %s", device,
               c->settings->device);
  return add_property(c, (openvino_property){device, key, value, "load_config"});
}

static rung_status *add_config(collector *c, const char *value) {
  if (!value || value[strspn(value, " \t\r\n")] == '{')
    return value ? rung__openvino_read_json(value, &c->settings->arena, add_loaded, c) : NULL;
  rung_file file;
  RUNG_TRY(rung_status_prefix(rung_file_open(c->allocator, value, true, &file), "load_config %s", value));
  char *text = rung_arena_copy(&c->settings->arena, (const char *)file.data, file.size);
  rung_file_close(&file);
  RUNG_CHECK_ALLOC(text);
  return rung__openvino_read_json(text, &c->settings->arena, add_loaded, c);
}

/* What the last word on precision says, in the words of rung. */
static const char *name_precision(const openvino_property *properties, size_t count) {
  static const struct {
    const char *openvino, *rung;
  } names[] = {{"f32", NULL}, {"FP32", NULL}, {"f16", "float16"}, {"FP16", "float16"}, {"bf16", "bfloat16"}};
  const char *value = "f32";
  for (size_t i = 0; i < count; i++)
    if (strcmp(properties[i].key, "INFERENCE_PRECISION_HINT") == 0) value = properties[i].value;
  for (size_t i = 0; i < RUNG_COUNT(names); i++)
    if (strcasecmp(names[i].openvino, value) == 0) return names[i].rung;
  return value;
}

static rung_status *collect_properties(collector *c, const rung_option *given, size_t count, uint32_t threads) {
  for (size_t i = 0; i < RUNG_COUNT(wishes); i++) RUNG_TRY(add_property(c, wishes[i]));
  const char *width = rung_arena_printf(&c->settings->arena, "%u", threads);
  RUNG_CHECK_ALLOC(width);
  RUNG_TRY(add_property(c, (openvino_property){NULL, "INFERENCE_NUM_THREADS", width, NULL}));
  RUNG_TRY(add_rules(c, given, count));
  return add_config(c, given_value(given, count, "load_config"));
}

static rung_status *read_settings(collector *c, const rung_option *given, size_t count, uint32_t threads) {
  openvino_settings *s = c->settings;
  const char *library = given_value(given, count, "library");
  if (library) s->library = rung_arena_copy(&s->arena, library, strlen(library));
  if (library) RUNG_CHECK_ALLOC(s->library);
  s->dynamic = !is_on(value_of(given, count, "disable_dynamic_shapes"));
  s->most_shapes = (uint32_t)strtoul(value_of(given, count, "most_shapes"), NULL, 10);
  RUNG_TRY(read_device(s, value_of(given, count, "device_type"), given_value(given, count, "device_id")));
  RUNG_TRY(collect_properties(c, given, count, threads));
  s->property_count = c->properties.count;
  s->properties = rung_arena_alloc(&s->arena, s->property_count, sizeof *s->properties);
  RUNG_CHECK_ALLOC(s->properties);
  memcpy(s->properties, c->properties.at, s->property_count * sizeof *s->properties);
  s->precision = name_precision(s->properties, s->property_count);
  return NULL;
}

rung_status *rung__openvino_settings_init(openvino_settings *settings, const rung_host *host, const rung_option *given,
                                          size_t count) {
  *settings = (openvino_settings){0};
  rung_arena_init(&settings->arena, host->allocator);
  collector c = {.settings = settings, .allocator = host->allocator};
  rung_status *status = read_settings(&c, given, count, host->threads);
  rung_vec_free(host->allocator, &c.properties);
  if (status) rung__openvino_settings_finish(settings);
  return status;
}

void rung__openvino_settings_finish(openvino_settings *settings) { rung_arena_finish(&settings->arena); }
