#include "support/fusion.h"

#include "base/half.h"
#include "support/kernels.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1 << 17, FILL_SEED = 11 };

static void random_number(uint32_t *random, char kind, const char *type, char *to, size_t size) {
  if (strcmp(type, "f32") == 0 && kind == 's')
    snprintf(to, size, " %g", (double)(random_below(random, 100) + 1) / 20000);
  else if (strcmp(type, "f32") == 0)
    snprintf(to, size, " %g", (double)random_below(random, 2001) / 1000 - 1);
  else if (strcmp(type, "i32") == 0)
    snprintf(to, size, " %d", kind == 'z' ? 3 : (int)random_below(random, 4001) - 2000);
  else if (strcmp(type, "f16") == 0)
    snprintf(to, size, " %d", (int)random_below(random, 3)); /* what onnx_text knows */
  else
    snprintf(to, size, " %d", (int)random_below(random, 256) - (type[0] == 'i' ? 128 : 0));
}

/* " ; name:type[dims] = numbers" */
static void add_constant(char *text, const char *token, uint32_t *random) {
  char *end = text + strlen(text), name[32], type[8], dims[64] = "", number[32];
  const char *given = strchr(token, '=');
  int fields = sscanf(token, "%31[^:]:%7[^[][%63[^]]", name, type, dims);
  assert_true(fields == 2 || fields == 3);
  size_t count = 1;
  for (const char *at = dims; *at; at += strspn(at, ",")) {
    count *= (size_t)strtoull(at, NULL, 10);
    at += strcspn(at, ",");
  }
  end += sprintf(end, " ; %s:%s[%s] =", name, type, dims);
  for (size_t i = 0; i < count; i++) {
    random_number(random, name[strlen(name) - 1], type, number, sizeof number);
    assert_true((size_t)(end - text) + sizeof number < TEXT);
    end += sprintf(end, " %s", given ? given + 1 : number);
  }
}

static char *make_text(const fusion_model *m) {
  char *text = malloc(TEXT), constants[512];
  assert_non_null(text);
  assert_true(snprintf(text, TEXT, "%s -> %s ; %s", m->inputs, m->outputs, m->nodes) < TEXT / 2);
  assert_true(snprintf(constants, sizeof constants, "%s", m->constants) < (int)sizeof constants);
  uint32_t random = FILL_SEED;
  for (char *token = strtok(constants, " "); token; token = strtok(NULL, " ")) add_constant(text, token, &random);
  return text;
}

static void fill(const rung_tensor *t, uint32_t *random) {
  size_t count = rung_tensor_count(t);
  if (t->dtype == RUNG_U8 || t->dtype == RUNG_I8) {
    random_bytes(random, count, t->data);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    float number = t->rank ? (float)random_below(random, 2001) / 1000 - 1 : 0.02f;
    if (t->dtype == RUNG_F16)
      ((uint16_t *)t->data)[i] = rung_f32_to_f16(number);
    else if (t->dtype == RUNG_F32)
      ((float *)t->data)[i] = number;
    else
      fail_msg("inputs of %s are not made", rung_dtype_name(t->dtype));
  }
}

void fusion_run(test_session *t, const fusion_model *m, const char *cpu_features) {
  char *text = make_text(m);
  rung_session_options options;
  rung_session_options_init(&options);
  options.passes_off = m->passes;
  session_begin_masked(t, cpu_features);
  session_load(t, text, m->opset);
  free(text);
  assert_ok(session_open(t, "cpu", &options));
  for (size_t i = 0; i < rung_session_input_count(t->session); i++) {
    rung_slot slot;
    uint32_t random = FILL_SEED + 1 + (uint32_t)i;
    assert_ok(rung_session_input(t->session, i, &slot));
    assert_ok(rung_value_create(t->env, slot.type->dtype, slot.type->rank, slot.type->dims, &t->inputs[i]));
    fill(rung_value_tensor(t->inputs[i]), &random);
  }
  assert_ok(session_run(t));
}

size_t fusion_steps(const test_session *t) {
  const rung_plan *plan = rung_session_plan(t->session);
  size_t all = 0, steps;
  for (size_t i = 0; i < plan->island_count; i++) {
    assert_int_equal(sscanf(plan->islands[i].description, "%zu steps", &steps), 1);
    all += steps;
  }
  return all;
}

const rung_tensor *fusion_output(const test_session *t, size_t i) {
  const rung_tensor *tensor = rung_value_tensor(t->outputs[i]);
  assert_non_null(tensor);
  return tensor;
}
