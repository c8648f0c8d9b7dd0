/* A run: host memory is wrapped as OpenVINO's tensors on the way in, and on the way out wherever the shape is known
 * before; else the output is copied. Whatever comes back is held against what the graph says for these input shapes. */
#include "provider/openvino/openvino.h"

#include <inttypes.h>

enum { CANCEL_MS = 20 }; /* between two looks at the cancel flag */

typedef struct inference {
  openvino_provider *provider;
  const openvino_library *library;
  const rung_graph *island;
  const rung_run *run;
  const openvino_variant *variant;
  const size_t *ports;
  ov_infer_request *request;
} inference;

/* Requests */

static rung_status *take_request(openvino_engine *engine, openvino_compiled *compiled, ov_infer_request **out_request) {
  const openvino_library *library = &engine->provider->library;
  pthread_mutex_lock(&engine->lock);
  bool rests = compiled->requests.count > 0;
  if (rests) *out_request = compiled->requests.at[--compiled->requests.count];
  pthread_mutex_unlock(&engine->lock);
  if (rests) return NULL;
  return rung__openvino_check(library, library->call.compiled_model_create_infer_request(compiled->model, out_request),
                              "making an infer request");
}

static void give_request(openvino_engine *engine, openvino_compiled *compiled, ov_infer_request *request) {
  pthread_mutex_lock(&engine->lock);
  bool kept = rung_vec_push(engine->provider->host->allocator, &compiled->requests, request);
  pthread_mutex_unlock(&engine->lock);
  if (!kept) engine->provider->library.call.infer_request_free(request);
}

/* Inputs */

static rung_status *wrap(const inference *x, const rung_tensor *tensor, const char *name, ov_tensor **out_tensor) {
  static char nothing[RUNG_TENSOR_ALIGN]; /* the data of tensors without elements */
  int type = rung__openvino_type(x->library, tensor->dtype);
  ov_shape shape = {tensor->rank, (int64_t *)tensor->dims};
  RUNG_REQUIRE(type >= 0, PROVIDER, "\"%s\" is %s, which OpenVINO does not take", name, rung_dtype_name(tensor->dtype));
  return rung__openvino_check(
      x->library,
      x->library->call.tensor_create_from_host_ptr(type, shape, tensor->size ? tensor->data : nothing, out_tensor),
      "wrapping \"%s\"", name);
}

/* OpenVINO computes 64-bit integers in 32 bits, and says nothing when they do not fit. */
static rung_status *check_width(const rung_tensor *tensor, const char *name) {
  if (tensor->dtype != RUNG_I64) return NULL;
  const char *data = tensor->data;
  for (size_t i = 0, count = rung_tensor_count(tensor); i < count; i++) {
    int64_t number;
    memcpy(&number, data + i * sizeof number, sizeof number);
    RUNG_REQUIRE(number >= INT32_MIN && number <= INT32_MAX, PROVIDER,
                 "\"%s\" holds %" PRId64 ", and OpenVINO computes 64-bit integers in 32 bits", name, number);
  }
  return NULL;
}

static rung_status *bind_inputs(const inference *x) {
  for (uint32_t i = 0; i < x->run->input_count; i++) {
    if (x->ports[i] == OPENVINO_NO_PORT) continue;
    const char *name = x->island->inputs[i]->name;
    const rung_tensor *tensor = x->run->host->tensor(x->run->inputs[i]);
    ov_tensor *wrapped;
    RUNG_TRY(check_width(tensor, name));
    RUNG_TRY(wrap(x, tensor, name, &wrapped));
    int code = x->library->call.infer_request_set_input_tensor_by_index(x->request, x->ports[i], wrapped);
    x->library->call.tensor_free(wrapped);
    RUNG_TRY(rung__openvino_check(x->library, code, "input \"%s\"", name));
  }
  return NULL;
}

/* Outputs */

static bool is_known(const rung_type *type) {
  for (int32_t i = 0; i < type->rank; i++)
    if (type->dims[i] < 0) return false;
  return type->rank >= 0;
}

/* Only models with fixed shapes keep to memory that is given to them. */
static bool all_known(const inference *x) {
  bool known = !x->provider->settings.dynamic;
  for (uint32_t i = 0; i < x->run->output_count && known; i++) known = is_known(&x->variant->outputs[i]);
  return known;
}

static rung_status *bind_outputs(const inference *x) {
  for (uint32_t i = 0; i < x->run->output_count; i++) {
    const rung_type *type = &x->variant->outputs[i];
    const char *name = x->island->outputs[i]->name;
    rung_tensor tensor;
    ov_tensor *wrapped;
    RUNG_TRY(x->run->host->output(x->run, i, type->dtype, type->rank, type->dims, &tensor));
    RUNG_TRY(wrap(x, &tensor, name, &wrapped));
    int code = x->library->call.infer_request_set_output_tensor_by_index(x->request, i, wrapped);
    x->library->call.tensor_free(wrapped);
    RUNG_TRY(rung__openvino_check(x->library, code, "output \"%s\"", name));
  }
  return NULL;
}

/* OpenVINO 2026.4 does not tell the shape of a scalar: what has the size of one element and no shape is one. */
static int get_shape(const inference *x, const ov_tensor *tensor, size_t size, rung_dtype dtype, ov_shape *shape) {
  int code = x->library->call.tensor_get_shape(tensor, shape);
  bool scalar = code == OPENVINO_INVALID_PARAMETER && size == rung_dtype_size(dtype);
  if (scalar) *shape = (ov_shape){0};
  return scalar ? 0 : code;
}

static rung_status *check_shape(const rung_type *promised, const ov_shape *shape, const char *name) {
  char is[RUNG_SHAPE_TEXT], should[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(shape->rank <= RUNG_MAX_RANK, LIMIT, "OpenVINO gave output \"%s\" %" PRId64 " dimensions", name,
               shape->rank);
  bool fits = promised->rank < 0 || promised->rank == shape->rank;
  for (int32_t i = 0; fits && i < promised->rank; i++)
    fits = promised->dims[i] < 0 || promised->dims[i] == shape->dims[i];
  RUNG_REQUIRE(fits, PROVIDER, "OpenVINO gave output \"%s\" the shape %s, from the graph follows %s", name,
               rung_shape_text((int32_t)shape->rank, shape->dims, is),
               rung_shape_text(promised->rank, promised->dims, should));
  return NULL;
}

static rung_status *copy_output(const inference *x, uint32_t index, const ov_tensor *from) {
  const openvino_functions *call = &x->library->call;
  const rung_type *promised = &x->variant->outputs[index];
  const char *name = x->island->outputs[index]->name;
  ov_shape shape = {0};
  rung_tensor to;
  void *data = NULL;
  size_t size = 0;
  int type = 0;
  int code = call->tensor_get_element_type(from, &type);
  if (!code) code = call->tensor_get_byte_size(from, &size);
  if (!code && size) code = call->tensor_data(from, &data);
  rung_dtype dtype = rung__openvino_dtype(x->library, type);
  if (!code) code = get_shape(x, from, size, dtype, &shape);
  RUNG_TRY(rung__openvino_check(x->library, code, "output \"%s\"", name));
  rung_status *status = check_shape(promised, &shape, name);
  if (!status && dtype != promised->dtype)
    status = RUNG_ERROR(PROVIDER, "OpenVINO gave output \"%s\" as %s, the graph says %s", name, rung_dtype_name(dtype),
                        rung_dtype_name(promised->dtype));
  if (!status) status = x->run->host->output(x->run, index, dtype, (int32_t)shape.rank, shape.dims, &to);
  if (shape.dims) call->shape_free(&shape);
  RUNG_TRY(status);
  RUNG_REQUIRE(to.size == size, PROVIDER, "OpenVINO gave output \"%s\" %zu bytes, it has %zu", name, size, to.size);
  if (size) memcpy(to.data, data, size);
  return NULL;
}

static rung_status *fetch_outputs(const inference *x) {
  for (uint32_t i = 0; i < x->run->output_count; i++) {
    ov_tensor *tensor;
    int code = x->library->call.infer_request_get_output_tensor_by_index(x->request, i, &tensor);
    RUNG_TRY(rung__openvino_check(x->library, code, "output %u", i));
    rung_status *status = copy_output(x, i, tensor);
    x->library->call.tensor_free(tensor);
    RUNG_TRY(status);
  }
  return NULL;
}

/* Running */

static rung_status *infer(const inference *x) {
  const openvino_functions *call = &x->library->call;
  const char *device = x->provider->settings.device;
  if (!x->run->cancellable) /* in this thread: a quarter less for models that take 50 us */
    return rung__openvino_check(x->library, call->infer_request_infer(x->request), "running on %s", device);
  RUNG_TRY(rung__openvino_check(x->library, call->infer_request_start_async(x->request), "starting on %s", device));
  int code = call->infer_request_wait_for(x->request, CANCEL_MS);
  while (code == OPENVINO_NOT_READY && !x->run->host->cancelled(x->run))
    code = call->infer_request_wait_for(x->request, CANCEL_MS);
  if (code == OPENVINO_NOT_READY) {
    call->infer_request_cancel(x->request);
    code = call->infer_request_wait(x->request); /* the memory is OpenVINO's until then */
    return code ? RUNG_ERROR(CANCELLED, "the run was cancelled") : NULL;
  }
  return rung__openvino_check(x->library, code, "running on %s", device);
}

static rung_status *run_request(const inference *x) {
  bool bound = all_known(x);
  RUNG_TRY(bind_inputs(x));
  if (bound) RUNG_TRY(bind_outputs(x));
  RUNG_TRY(infer(x));
  return bound ? NULL : fetch_outputs(x);
}

static rung_status *run_variant(openvino_executable *executable, const rung_run *run, openvino_variant *variant) {
  openvino_engine *engine = executable->engine;
  openvino_compiled *compiled = rung__openvino_compiled_of(engine, variant);
  inference x = {.provider = engine->provider,
                 .library = &engine->provider->library,
                 .island = executable->island,
                 .run = run,
                 .variant = variant,
                 .ports = engine->ports};
  RUNG_TRY(take_request(engine, compiled, &x.request));
  rung_status *status = run_request(&x);
  give_request(engine, compiled, x.request);
  return status;
}

static rung_status *read_key(const openvino_executable *executable, const rung_run *run, int64_t *key) {
  for (uint32_t i = 0; i < run->input_count; i++) {
    const rung_value_info *info = executable->island->inputs[i];
    const rung_tensor *tensor = run->inputs[i] ? run->host->tensor(run->inputs[i]) : NULL;
    RUNG_REQUIRE(tensor && tensor->rank == info->type.rank && tensor->dtype == info->type.dtype, PROVIDER,
                 "input \"%s\" is not of the type that the graph says", info->name);
    for (int32_t k = 0; k < tensor->rank; k++) *key++ = tensor->dims[k];
  }
  return NULL;
}

rung_status *rung__openvino_run(void *state, const rung_run *run, rung_fence **out_fence) {
  openvino_executable *executable = state;
  openvino_engine *engine = executable->engine;
  const rung_allocator *allocator = engine->provider->host->allocator;
  openvino_variant *variant;
  (void)out_fence;
  int64_t *key = rung_alloc(allocator, rung__openvino_key_size(executable->island) + 1, sizeof *key, "shape key");
  RUNG_CHECK_ALLOC(key);
  rung_status *status = read_key(executable, run, key);
  if (!status) status = rung__openvino_take_variant(engine, executable->island, key, &variant);
  rung_free(allocator, key);
  RUNG_TRY(status);
  status = run_variant(executable, run, variant);
  rung__openvino_give_variant(engine, variant);
  return status;
}
