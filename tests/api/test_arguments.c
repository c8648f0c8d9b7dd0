/* What a caller gets wrong is an error that names it. */
#define _GNU_SOURCE /* memmem */
#include "onnx_text.h"
#include "rung.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct objects {
  char *bytes; /* of the model */
  rung_env *env;
  rung_model *model;
} objects;

static objects begin(void) {
  objects o;
  size_t size;
  o.bytes = onnx_text("x:f32[N] -> y ; y = Relu(x)", ONNX_TEXT_OPSET, &size);
  assert_ok(rung_env_create(NULL, &o.env));
  assert_ok(rung_model_load_memory(o.env, o.bytes, size, NULL, &o.model));
  return o;
}

static void end(objects *o) {
  rung_model_destroy(&o->model);
  rung_env_destroy(&o->env);
  free(o->bytes);
}

static void a_list_or_a_member_that_is_null_is_named(void **state) {
  (void)state;
  static const rung_provider_option options[] = {{"cpu", "num_threads", NULL}};
  static const rung_dimension dimensions[] = {{NULL, 2}};
  static const rung_shape shapes[] = {{"x", 1, NULL}, {NULL, 0, NULL}};
  static const rung_pin pins[] = {{"op:Relu", "cpu"}, {NULL, "cpu"}};
  static const char *const outputs[] = {NULL};
  const struct {
    const char *says;
    rung_session_options options;
  } rows[] = {
      {"provider_options is NULL", {.provider_option_count = 1}},
      {"provider_options[0].value is NULL", {.provider_options = options, .provider_option_count = 1}},
      {"dimensions is NULL", {.dimension_count = 2}},
      {"dimensions[0].name is NULL", {.dimensions = dimensions, .dimension_count = 1}},
      {"shapes is NULL", {.shape_count = 1}},
      {"shapes[0].dims is NULL", {.shapes = shapes, .shape_count = 1}},
      {"shapes[0].input is NULL", {.shapes = shapes + 1, .shape_count = 1}},
      {"pins is NULL", {.pin_count = 1}},
      {"pins[1].nodes is NULL", {.pins = pins, .pin_count = 2}},
      {"extra_outputs is NULL", {.extra_output_count = 1}},
      {"extra_outputs[0] is NULL", {.extra_outputs = outputs, .extra_output_count = 1}},
      {"auto_inputs is NULL", {.auto_input_count = 1}},
      {"struct_size", {.struct_size = 8}},
  };
  objects o = begin();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    rung_session *session = NULL;
    rung_session_options given = rows[i].options;
    if (!given.struct_size) given.struct_size = sizeof given;
    assert_error(rung_session_create(o.env, o.model, &given, &session), INVALID_ARGUMENT, rows[i].says);
    assert_null(session);
  }
  end(&o);
}

static void values_need_what_they_are_made_of(void **state) {
  (void)state;
  objects o = begin();
  rung_value *value = NULL;
  rung_model *model = NULL;
  const int64_t dims[] = {2};
  const rung_str strings[] = {{"a", 1}, {NULL, 5}};
  assert_error(rung_value_create_strings(o.env, 1, dims, NULL, &value), INVALID_ARGUMENT, "strings are NULL");
  assert_error(rung_value_create_strings(o.env, 1, dims, strings, &value), INVALID_ARGUMENT, "string 1 is NULL");
  assert_error(rung_value_create(o.env, RUNG_F32, 1, NULL, &value), INVALID_ARGUMENT, "dims are NULL");
  rung_reader reader = {.struct_size = sizeof reader, .size = 8};
  assert_error(rung_model_load_reader(o.env, &reader, NULL, &model), INVALID_ARGUMENT, "reader->read");
  end(&o);
}

static void a_serialized_value_keeps_its_name(void **state) {
  (void)state;
  objects o = begin();
  rung_value *value, *sequence;
  const int64_t dims[] = {1};
  assert_ok(rung_value_create(o.env, RUNG_F32, 1, dims, &value));
  assert_ok(rung_value_create_compound(o.env, RUNG_SEQUENCE, RUNG_UNDEFINED, &value, 1, &sequence));
  rung_value *const both[] = {value, sequence};
  for (size_t i = 0; i < 2; i++) {
    char *data;
    size_t size;
    assert_ok(rung_value_serialize(both[i], "the_name", &data, &size));
    assert_non_null(memmem(data, size, "the_name", 8));
    rung_text_free(data);
    rung_value_release(both[i]);
  }
  end(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_list_or_a_member_that_is_null_is_named),
                                     cmocka_unit_test(values_need_what_they_are_made_of),
                                     cmocka_unit_test(a_serialized_value_keeps_its_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
