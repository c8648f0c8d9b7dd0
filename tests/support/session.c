#include "support/session.h"

#include "support/fake.h"
#include "support/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_line(void *user, rung_log_level level, const char *line) {
  (void)level;
  test_session *t = user;
  size_t size = strlen(t->log);
  snprintf(t->log + size, sizeof t->log - size, "%s\n", line);
}

struct fake_count *session_fake(void) {
  static fake_count *counts;
  if (!counts) {
    void *library = dlopen(FAKE_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    counts = dlsym(library, "fake_counts");
    assert_non_null(counts);
  }
  return counts;
}

static void count_alive(long out[4]) {
  const fake_count *fake = session_fake();
  out[0] = fake->blocks;
  out[1] = fake->fences;
  out[2] = fake->executables;
  out[3] = fake->opened - fake->closed;
}

void session_begin(test_session *t) { session_begin_masked(t, NULL); }

void session_begin_masked(test_session *t, const char *cpu_features) {
  *t = (test_session){0};
  count_alive(t->before);
  counting_init(&t->counts, 0);
  rung_env_options options;
  rung_env_options_init(&options);
  options.allocator = &t->counts.allocator;
  options.threads = 2;
  options.cpu_features = cpu_features;
  options.log = keep_line;
  options.log_user = t;
  assert_ok(rung_env_create(&options, &t->env));
  assert_ok(rung_env_load_provider(t->env, FAKE_LIBRARY));
}

void session_load(test_session *t, const char *text, int opset) {
  size_t size;
  rung_model_destroy(&t->model);
  free(t->bytes);
  t->bytes = onnx_text(text, opset ? opset : ONNX_TEXT_OPSET, &size);
  assert_ok(rung_model_load_memory(t->env, t->bytes, size, NULL, &t->model));
}

rung_status *session_open(test_session *t, const char *chain, const rung_session_options *given) {
  rung_session_options options;
  rung_session_options_init(&options);
  if (given) options = *given;
  options.chain = chain;
  if (!options.passes_off) options.passes_off = "all";
  rung_session_destroy(&t->session);
  return rung_session_create(t->env, t->model, &options, &t->session);
}

void session_make(test_session *t, const char *text, const char *chain) {
  session_begin(t);
  session_load(t, text, 0);
  assert_ok(session_open(t, chain, NULL));
}

static void count_up(const rung_tensor *tensor, size_t first) {
  for (size_t k = 0; k < rung_tensor_count(tensor); k++) switch (tensor->dtype) {
      case RUNG_F32:
        ((float *)tensor->data)[k] = (float)(k + first);
        break;
      case RUNG_I64:
        ((int64_t *)tensor->data)[k] = (int64_t)(k + first);
        break;
      case RUNG_U8:
        ((uint8_t *)tensor->data)[k] = (uint8_t)(k + first);
        break;
      case RUNG_BOOL:
        ((uint8_t *)tensor->data)[k] = 1;
        break;
      default:
        fail_msg("inputs of %s are not made", rung_dtype_name(tensor->dtype));
    }
}

void session_fill(test_session *t) {
  for (size_t i = 0; i < rung_session_input_count(t->session); i++) {
    rung_slot slot;
    int64_t dims[RUNG_MAX_RANK];
    assert_true(i < SESSION_MOST);
    assert_ok(rung_session_input(t->session, i, &slot));
    for (int32_t d = 0; d < slot.type->rank; d++) dims[d] = slot.type->dims[d] < 0 ? 2 : slot.type->dims[d];
    rung_value_release(t->inputs[i]);
    assert_ok(rung_value_create(t->env, slot.type->dtype, slot.type->rank, dims, &t->inputs[i]));
    count_up(rung_value_tensor(t->inputs[i]), i + 1);
  }
}

rung_status *session_run(test_session *t) {
  session_drop_outputs(t);
  if (!t->inputs[0]) session_fill(t);
  return rung_session_run(t->session, NULL, t->inputs, rung_session_input_count(t->session), t->outputs,
                          rung_session_output_count(t->session));
}

void session_drop_outputs(test_session *t) {
  for (size_t i = 0; i < SESSION_MOST; i++) {
    rung_value_release(t->outputs[i]);
    t->outputs[i] = NULL;
  }
}

void session_close(test_session *t) { rung_session_destroy(&t->session); }

void session_end(test_session *t) {
  session_drop_outputs(t);
  for (size_t i = 0; i < SESSION_MOST; i++) {
    rung_value_release(t->inputs[i]);
    t->inputs[i] = NULL;
  }
  rung_session_destroy(&t->session);
  rung_model_destroy(&t->model);
  rung_env_destroy(&t->env);
  free(t->bytes);
  assert_int_equal(atomic_load(&t->counts.alive), 0);
  long after[4];
  count_alive(after);
  assert_memory_equal(t->before, after, sizeof after);
}

double session_out(const test_session *t, size_t i, size_t k) {
  const rung_tensor *tensor = rung_value_tensor(t->outputs[i]);
  assert_non_null(tensor);
  return rung_tensor_get(tensor, k);
}

const rung_plan_node *session_node(const test_session *t, const char *name) {
  const rung_plan *plan = rung_session_plan(t->session);
  for (size_t i = 0; i < plan->node_count; i++)
    if (strcmp(plan->nodes[i].name, name) == 0) return &plan->nodes[i];
  return NULL;
}

const rung_plan_refusal *session_refusal(const test_session *t, const char *node, const char *provider) {
  const rung_plan_node *n = session_node(t, node);
  assert_non_null(n);
  for (size_t i = 0; i < n->refusal_count; i++)
    if (strcmp(n->refusals[i].provider, provider) == 0) return &n->refusals[i];
  return NULL;
}

const char *session_islands(const test_session *t, char *out, size_t size) {
  const rung_plan *plan = rung_session_plan(t->session);
  size_t at = 0;
  out[0] = 0;
  for (size_t i = 0; i < plan->island_count; i++) {
    bool first = true;
    for (size_t n = 0; n < plan->node_count; n++) {
      const rung_plan_node *node = &plan->nodes[n];
      if (node->island != (int32_t)i) continue;
      const char *host = first && strcmp(node->provider, "host") == 0 ? "~" : "";
      at += (size_t)snprintf(out + at, size - at, "%s%s%s", first ? (i ? " " : "") : "+", host, node->name);
      first = false;
    }
  }
  return out;
}

bool session_said(const test_session *t, const char *words) { return strstr(t->log, words) != NULL; }
