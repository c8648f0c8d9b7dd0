/* See support/fake_openvino.h. The declarations are this file's own: a double that shared those of the provider would
 * agree with its mistakes. */
#define _GNU_SOURCE
#include "support/fake_openvino.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAD = -1, NOT_FOUND = -5, NOT_READY = -9, CANCELLED = -13, F16 = 3, F32 = 4, I64 = 10, MOST = 8 };

typedef struct version {
  const char *build, *description;
} version;
typedef struct shape {
  int64_t rank;
  int64_t *dims;
} shape;
typedef struct dimension {
  int64_t min, max;
} dimension;
typedef struct partial_shape {
  dimension rank;
  dimension *dims;
} partial_shape;
typedef struct devices {
  char **names;
  size_t count;
} devices;
typedef struct model {
  char *text;
  size_t size, inputs;
} model;
typedef struct tensor {
  int type;
  int64_t rank, dims[MOST];
  void *data;
  int own;
} tensor;
typedef struct request {
  tensor outputs[MOST];
  atomic_int cancelled;
} request;

fake_openvino fake_openvino_state;
#define STATE fake_openvino_state

/* Memory: everything that is handed out counts until it is freed. */
static void *make(size_t size) {
  STATE.alive++;
  return calloc(1, size);
}

static void drop(const void *block) {
  if (!block) return;
  STATE.alive--;
  free((void *)block);
}

static char *say(const char *text) {
  char *copy = make(strlen(text) + 1);
  return strcpy(copy, text);
}

#define API(result, name, ...) \
  result name(__VA_ARGS__);    \
  result name(__VA_ARGS__)

API(int, ov_get_openvino_version, version *out) {
  out->build = say(STATE.version ? STATE.version : "2026.4.1-1-fake");
  out->description = say("a double");
  return 0;
}
API(void, ov_version_free, version *v) {
  drop(v->build);
  drop(v->description);
}
API(const char *, ov_get_last_err_msg, void) {
  return say(STATE.message ? STATE.message
                           : "Exception from src/fake.cpp:12:\nCheck 'false' failed\nit is a double\n\n");
}
API(const char *, ov_get_error_info, int status) { return status ? "general error" : "success"; }
API(void, ov_free, const char *text) { drop(text); }

/* Core */

API(int, ov_core_create, void **core) {
  *core = make(1);
  return 0;
}
API(void, ov_core_free, void *core) { drop(core); }
API(int, ov_core_get_property, const void *core, const char *device, const char *key, char **value) {
  static const char *const answers[][2] = {
      {"SUPPORTED_PROPERTIES", "INFERENCE_PRECISION_HINT INFERENCE_NUM_THREADS NUM_STREAMS"},
      {"OPTIMIZATION_CAPABILITIES", "FP32 EXPORT_IMPORT"},
      {"CACHING_PROPERTIES", "FULL_DEVICE_NAME DRIVER_VERSION UNKNOWN"},
      {"FULL_DEVICE_NAME", "a double"},
      {"DRIVER_VERSION", "7"},
  };
  (void)core;
  for (size_t i = 0; i < sizeof answers / sizeof *answers && strcmp(device, "CPU") == 0; i++)
    if (strcmp(key, answers[i][0]) == 0) {
      *value = say(answers[i][1]);
      return 0;
    }
  return BAD;
}
API(int, ov_core_set_property, const void *core, const char *device, ...) {
  (void)core;
  return strcmp(device, "CPU") == 0 ? 0 : BAD;
}
API(int, ov_core_get_available_devices, const void *core, devices *out) {
  (void)core;
  out->names = make(sizeof *out->names);
  out->names[0] = say("CPU");
  out->count = 1;
  return 0;
}
API(void, ov_available_devices_free, devices *d) {
  drop(d->names[0]);
  drop(d->names);
}

/* Models */

static int holds(const model *m, const char *text) { return text && memmem(m->text, m->size, text, strlen(text)); }

API(int, ov_core_read_model_from_memory_buffer, const void *core, const char *text, size_t size, const void *weights,
    model **out) {
  (void)core, (void)weights;
  STATE.reads++;
  model *m = make(sizeof *m);
  m->text = make(size);
  memcpy(m->text, text, m->size = size);
  if (!holds(m, STATE.unreadable)) {
    *out = m;
    return 0;
  }
  drop(m->text);
  drop(m);
  return BAD;
}
API(void, ov_model_free, model *m) {
  drop(m->text);
  drop(m);
}
API(int, ov_model_const_input_by_name, const model *m, const char *name, void **port) {
  if (!holds(m, name)) return NOT_FOUND;
  ((model *)m)->inputs++;
  *port = make(1);
  return 0;
}
API(int, ov_model_inputs_size, const model *m, size_t *count) {
  *count = m->inputs;
  return 0;
}
API(int, ov_model_reshape_by_port_indexes, const model *m, const size_t *ports, const partial_shape *shapes,
    size_t count) {
  (void)m, (void)ports;
  for (size_t i = 0; i < count; i++)
    if (shapes[i].rank.min != shapes[i].rank.max || shapes[i].dims[0].min != shapes[i].dims[0].max) return BAD;
  return 0;
}
API(int, ov_core_compile_model, const void *core, const model *m, const char *device, size_t count, void **compiled,
    ...) {
  (void)core, (void)device, (void)count;
  STATE.compiles++;
  if (holds(m, STATE.uncompilable)) return BAD;
  *compiled = make(1);
  return 0;
}
API(int, ov_compiled_model_export_model, const void *compiled, const char *path) {
  (void)compiled;
  FILE *file = fopen(path, "wb");
  if (!file) return BAD;
  STATE.exports++;
  fputs("exported", file);
  return fclose(file) == 0 ? 0 : BAD;
}
API(int, ov_core_import_model, const void *core, const char *content, size_t size, const char *device,
    void **compiled) {
  (void)core, (void)device;
  if (STATE.cannot_load || size != 8 || memcmp(content, "exported", 8) != 0) return BAD;
  STATE.imports++;
  *compiled = make(1);
  return 0;
}
API(void, ov_compiled_model_free, void *compiled) { drop(compiled); }
API(int, ov_compiled_model_output_by_index, const void *compiled, size_t index, void **port) {
  (void)compiled, (void)index;
  *port = make(1);
  return 0;
}
API(void, ov_output_const_port_free, void *port) { drop(port); }
API(int, ov_port_get_element_type, const void *port, int *type) {
  (void)port;
  *type = F32 + STATE.type_shift;
  return 0;
}
API(int, ov_port_get_partial_shape, const void *port, partial_shape *out) {
  (void)port;
  *out = (partial_shape){{0, -1}, make(1)};
  return 0;
}
API(void, ov_partial_shape_free, partial_shape *s) { drop(s->dims); }

/* Tensors */

static size_t bytes_of(const tensor *t) {
  size_t bytes = t->type == F16 + STATE.type_shift ? 2 : t->type == F32 + STATE.type_shift ? 4 : 1;
  if (t->type == I64 + STATE.type_shift) bytes = 8;
  for (int64_t i = 0; i < t->rank; i++) bytes *= (size_t)t->dims[i];
  return bytes;
}

static int make_tensor(int type, shape s, void *data, tensor **out) {
  tensor *t = make(sizeof *t);
  t->type = type;
  t->rank = s.rank;
  if (s.rank) memcpy(t->dims, s.dims, (size_t)s.rank * sizeof *s.dims);
  t->own = data == NULL;
  t->data = data ? data : calloc(1, bytes_of(t) + 1);
  *out = t;
  return 0;
}

API(int, ov_tensor_create_from_host_ptr, int type, shape s, void *data, tensor **out) {
  return data ? make_tensor(type, s, data, out) : BAD;
}
API(int, ov_tensor_create, int type, shape s, tensor **out) { return make_tensor(type, s, NULL, out); }
API(void, ov_tensor_free, tensor *t) {
  if (t->own) free(t->data);
  drop(t);
}
API(int, ov_tensor_get_shape, const tensor *t, shape *out) {
  out->rank = t->rank;
  out->dims = make(sizeof t->dims);
  memcpy(out->dims, t->dims, sizeof t->dims);
  return 0;
}
API(int, ov_shape_free, shape *s) {
  drop(s->dims);
  return 0;
}
API(int, ov_tensor_get_element_type, const tensor *t, int *type) {
  *type = t->type;
  return 0;
}
API(int, ov_tensor_get_byte_size, const tensor *t, size_t *size) {
  *size = bytes_of(t);
  return 0;
}
API(int, ov_tensor_data, const tensor *t, void **data) {
  *data = t->data;
  return 0;
}

/* Requests */

API(int, ov_compiled_model_create_infer_request, const void *compiled, request **out) {
  (void)compiled;
  *out = make(sizeof **out);
  return 0;
}
API(void, ov_infer_request_free, request *r) { drop(r); }
API(int, ov_infer_request_set_input_tensor_by_index, request *r, size_t index, const tensor *t) {
  (void)r;
  return index < MOST && t->data ? 0 : BAD;
}
API(int, ov_infer_request_set_output_tensor_by_index, request *r, size_t index, const tensor *t) {
  r->outputs[index] = *t;
  return 0;
}
API(int, ov_infer_request_get_output_tensor_by_index, const request *r, size_t index, tensor **out) {
  (void)r, (void)index;
  return make_tensor(F32 + STATE.type_shift, (shape){STATE.rank, STATE.dims}, NULL, out);
}

static int fill(request *r) {
  STATE.runs++;
  for (size_t i = 0; i < MOST; i++)
    for (size_t k = 0; r->outputs[i].data && k < bytes_of(&r->outputs[i]) / sizeof(float); k++)
      ((float *)r->outputs[i].data)[k] = 7;
  return 0;
}

API(int, ov_infer_request_infer, request *r) { return fill(r); }
API(int, ov_infer_request_start_async, request *r) {
  atomic_store(&r->cancelled, 0);
  return STATE.hangs ? 0 : fill(r);
}
API(int, ov_infer_request_wait_for, request *r, int64_t milliseconds) {
  (void)milliseconds;
  if (atomic_load(&r->cancelled)) return CANCELLED;
  return STATE.hangs ? NOT_READY : 0;
}
API(int, ov_infer_request_cancel, request *r) {
  STATE.cancels++;
  atomic_store(&r->cancelled, 1);
  return 0;
}
API(int, ov_infer_request_wait, request *r) { return atomic_load(&r->cancelled) ? CANCELLED : 0; }
