/* The examples do what they say. */
#include "onnx_text.h"
#include "rung.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* y = com.example.Twice(x), x: float32[n] */
static const unsigned char twice_model[] = {
    0x08, 0x08, 0x12, 0x00, 0x3a, 0x4a, 0x0a, 0x21, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x1a, 0x05, 0x74, 0x77,
    0x69, 0x63, 0x65, 0x22, 0x05, 0x54, 0x77, 0x69, 0x63, 0x65, 0x3a, 0x0b, 0x63, 0x6f, 0x6d, 0x2e, 0x65, 0x78,
    0x61, 0x6d, 0x70, 0x6c, 0x65, 0x12, 0x01, 0x67, 0x5a, 0x10, 0x0a, 0x01, 0x78, 0x12, 0x0b, 0x0a, 0x09, 0x08,
    0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x6e, 0x62, 0x10, 0x0a, 0x01, 0x79, 0x12, 0x0b, 0x0a, 0x09, 0x08,
    0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x6e, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x11, 0x42, 0x0f, 0x0a, 0x0b,
    0x63, 0x6f, 0x6d, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x10, 0x01};

#define OK(call) assert_ok(call)

static void custom_operator_runs(void **state) {
  (void)state;
  rung_env *env;
  rung_model *model;
  rung_session *session;
  OK(rung_env_create(NULL, &env));
  OK(rung_model_load_memory(env, twice_model, sizeof twice_model, NULL, &model));
  rung_status *status = rung_session_create(env, model, NULL, &session);
  assert_int_equal(rung_status_code(status), RUNG_UNSUPPORTED); /* cpu does not know it, and says so */
  assert_non_null(strstr(rung_status_message(status), "Twice"));
  rung_status_free(status);
  OK(rung_env_load_provider(env, TEST_TWICE));
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = "twice,cpu";
  OK(rung_session_create(env, model, &options, &session));
  float x[3] = {1, -2, 0.5f};
  rung_tensor view = {.dtype = RUNG_F32, .rank = 1, .dims = {3}, .data = x, .size = sizeof x};
  rung_value *in, *out = NULL;
  OK(rung_value_create_view(env, &view, NULL, NULL, &in));
  OK(rung_session_run(session, NULL, &in, 1, &out, 1));
  const rung_tensor *y = rung_value_tensor(out);
  assert_int_equal(y->dims[0], 3);
  for (size_t i = 0; i < 3; i++) assert_true(rung_tensor_get(y, i) == 2 * x[i]);
  rung_value_release(in);
  rung_value_release(out);
  rung_env_destroy(&env); /* objects keep alive what they need */
  rung_model_destroy(&model);
  rung_session_destroy(&session);
}

/* What Twice cannot take is refused with its reason, and cpu does not know it. */
static void custom_operator_refuses(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } rows[] = {{"-> y ; c:f32[2] = 1 2 ; y = com.example::Twice(c)", "its input is a constant"},
              {"x:i64[2] -> y ; y = com.example::Twice(x)", "only float32"}};
  for (size_t i = 0; i < 2; i++) {
    rung_env *env;
    rung_model *model;
    rung_session *session;
    size_t size;
    char *bytes = onnx_text(rows[i].text, ONNX_TEXT_OPSET, &size);
    rung_session_options options;
    rung_session_options_init(&options);
    options.chain = "twice,cpu";
    OK(rung_env_create(NULL, &env));
    OK(rung_env_load_provider(env, TEST_TWICE));
    OK(rung_model_load_memory(env, bytes, size, NULL, &model));
    assert_error(rung_session_create(env, model, &options, &session), UNSUPPORTED, rows[i].says);
    rung_model_destroy(&model);
    rung_env_destroy(&env);
    free(bytes);
  }
}

static void programs_run(void **state) {
  (void)state;
  char command[1024], path[] = "/tmp/rung_example_XXXXXX";
  /* y = Relu(x), x: float32[2] */
  static const unsigned char relu[] = {
      0x08, 0x08, 0x12, 0x00, 0x3a, 0x39, 0x0a, 0x12, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x1a, 0x04, 0x72, 0x65,
      0x6c, 0x75, 0x22, 0x04, 0x52, 0x65, 0x6c, 0x75, 0x12, 0x01, 0x67, 0x5a, 0x0f, 0x0a, 0x01, 0x78, 0x12, 0x0a,
      0x0a, 0x08, 0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x02, 0x62, 0x0f, 0x0a, 0x01, 0x79, 0x12, 0x0a, 0x0a,
      0x08, 0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x02, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x11};
  int file = mkstemp(path);
  assert_true(file >= 0);
  FILE *stream = fdopen(file, "wb");
  assert_int_equal(fwrite(relu, 1, sizeof relu, stream), sizeof relu);
  fclose(stream);
  snprintf(command, sizeof command, "%s %s", TEST_TERSE, path);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "%s %s", TEST_EXPLAINED, path);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "%s %s.missing 2>/dev/null", TEST_TERSE, path);
  assert_int_not_equal(system(command), 0);
  remove(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(custom_operator_runs), cmocka_unit_test(custom_operator_refuses),
                                     cmocka_unit_test(programs_run)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
