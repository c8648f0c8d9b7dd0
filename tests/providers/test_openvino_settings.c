/* Options of the OpenVINO provider, the JSON of one of them, and releases by their version: all without OpenVINO. */
#include "base/str.h"
#include "provider/openvino/openvino_json.h"
#include "provider/openvino/openvino_library.h"
#include "provider/openvino/openvino_settings.h"
#include "support/counting.h"
#include "support/fake_openvino.h"
#include "support/folder.h"
#include "support/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static rung_status *settings_of(openvino_settings *settings, const char *key, const char *value) {
  rung_host host = {.allocator = &rung_system_allocator, .threads = 3};
  rung_option option = {key, value};
  return rung__openvino_settings_init(settings, &host, &option, key ? 1 : 0);
}

/* The last value of a property; NULL: it is not set. */
static const char *property(const openvino_settings *settings, const char *key) {
  const char *value = NULL;
  for (size_t i = 0; i < settings->property_count; i++)
    if (strcmp(settings->properties[i].key, key) == 0) value = settings->properties[i].value;
  return value;
}

static void defaults_compute_what_the_model_says(void **state) {
  (void)state;
  openvino_settings s;
  assert_ok(settings_of(&s, NULL, NULL));
  assert_string_equal(s.device, "CPU");
  assert_string_equal(property(&s, "INFERENCE_PRECISION_HINT"), "f32");
  assert_string_equal(property(&s, "INFERENCE_NUM_THREADS"), "3");
  assert_string_equal(property(&s, "NUM_STREAMS"), "1");
  assert_string_equal(property(&s, "DYNAMIC_QUANTIZATION_GROUP_SIZE"), "0");
  assert_null(property(&s, "MODEL_PRIORITY"));
  assert_null(property(&s, "EXECUTION_MODE_HINT"));
  assert_null(s.precision);
  assert_false(s.dynamic);
  rung__openvino_settings_finish(&s);
}

static void options_become_properties(void **state) {
  (void)state;
  static const struct {
    const char *key, *value, *property, *becomes, *precision;
  } cases[] = {
      {"precision", "FP16", "INFERENCE_PRECISION_HINT", "f16", "float16"},
      {"precision", "bf16", "INFERENCE_PRECISION_HINT", "bf16", "bfloat16"},
      {"precision", "ACCURACY", "INFERENCE_PRECISION_HINT", NULL, NULL},
      {"precision", "ACCURACY", "EXECUTION_MODE_HINT", "ACCURACY", NULL},
      {"num_of_threads", "7", "INFERENCE_NUM_THREADS", "7", NULL},
      {"num_streams", "4", "NUM_STREAMS", "4", NULL},
      {"cache_dir", "/tmp/x", "CACHE_DIR", "/tmp/x", NULL},
      {"model_priority", "HIGH", "MODEL_PRIORITY", "HIGH", NULL},
      {"model_priority", "DEFAULT", "MODEL_PRIORITY", NULL, NULL},
      {"enable_qdq_optimizer", "on", "NPU_QDQ_OPTIMIZATION", "YES", NULL},
      {"enable_qdq_optimizer", "0", "NPU_QDQ_OPTIMIZATION", NULL, NULL},
      {"enable_opencl_throttling", "true", "GPU_QUEUE_THROTTLE", "LOW", NULL},
      {"load_config", "{\"INFERENCE_PRECISION_HINT\":\"bf16\"}", "INFERENCE_PRECISION_HINT", "bf16", "bfloat16"},
      {"load_config", " {\"NUM_STREAMS\": 2}", "NUM_STREAMS", "2", NULL},
      {"load_config", "{\"CPU\":{\"ENABLE_CPU_PINNING\":true}}", "ENABLE_CPU_PINNING", "YES", NULL},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    openvino_settings s;
    assert_ok(settings_of(&s, cases[i].key, cases[i].value));
    const char *value = property(&s, cases[i].property);
    if (cases[i].becomes)
      assert_string_equal(value, cases[i].becomes);
    else
      assert_null(value);
    if (cases[i].precision)
      assert_string_equal(s.precision, cases[i].precision);
    else
      assert_null(s.precision);
    rung__openvino_settings_finish(&s);
  }
}

static void devices_are_read(void **state) {
  (void)state;
  static const struct {
    const char *type, *device, *group;
    size_t count;
  } cases[] = {
      {"CPU", "CPU", NULL, 1},
      {"cpu", "CPU", NULL, 1},
      {"GPU.1", "GPU.1", NULL, 1},
      {"NPU", "NPU", NULL, 1},
      {"AUTO", "AUTO", "AUTO", 0},
      {"auto:gpu,cpu", "AUTO:GPU,CPU", "AUTO", 2},
      {"HETERO:GPU.0,CPU", "HETERO:GPU.0,CPU", "HETERO", 2},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    openvino_settings s;
    assert_ok(settings_of(&s, "device_type", cases[i].type));
    assert_string_equal(s.device, cases[i].device);
    assert_int_equal(s.device_count, cases[i].count);
    if (cases[i].group)
      assert_string_equal(s.group, cases[i].group);
    else
      assert_null(s.group);
    rung__openvino_settings_finish(&s);
  }
}

static void wrong_values_name_their_option(void **state) {
  (void)state;
  static const struct {
    const char *key, *value, *words;
  } cases[] = {
      {"device_type", "FPGA", "device_type: \"FPGA\" is no device"},
      {"device_type", "GPU.x", "is no device"},
      {"device_type", "GPU.", "is no device"},
      {"device_type", "CPU,GPU", "is no device"},
      {"device_type", "HETERO", "HETERO needs a list"},
      {"device_type", "AUTO:", "is no device"},
      {"device_type", "AUTO:CPU,TPU", "\"TPU\" is no device"},
      {"device_id", "1", "device_id: only GPU"},
      {"load_config", "/no/such/file.json", "load_config /no/such/file.json"},
      {"load_config", "{\"GPU\":{\"NUM_STREAMS\":1}}", "\"GPU\" is no device of device_type CPU"},
      {"load_config", "{", "load_config: byte 1"},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    openvino_settings s;
    rung_status *status = settings_of(&s, cases[i].key, cases[i].value);
    if (!status || !strstr(rung_status_message(status), cases[i].words))
      fail_msg("%s=%s: %s", cases[i].key, cases[i].value, rung_status_message(status));
    rung_status_free(status);
  }
}

static void load_config_may_be_a_file(void **state) {
  (void)state;
  static const char text[] = "{\"CPU\": {\"NUM_STREAMS\": \"5\"}}\n";
  temp_folder folder;
  char path[FOLDER_PATH];
  openvino_settings s;
  folder_make(&folder);
  folder_write(&folder, "config.json", text, sizeof text - 1);
  assert_ok(settings_of(&s, "load_config", folder_at(&folder, "config.json", path)));
  assert_string_equal(property(&s, "NUM_STREAMS"), "5");
  rung__openvino_settings_finish(&s);
  folder_remove(&folder);
}

/* JSON */

static rung_status *write_down(void *context, const char *device, const char *key, const char *value) {
  rung_text_printf(context, "[%s.%s=%s]", device ? device : "", key, value);
  return NULL;
}

static void json_is_read(void **state) {
  (void)state;
  static const struct {
    const char *text, *is; /* is: NULL: refused */
  } cases[] = {
      {"{}", ""},
      {" { } ", ""},
      {"{\"A\":\"b\"}", "[.A=b]"},
      {"{\"A\":1,\"B\":-2.5e3,\"C\":true,\"D\":false}", "[.A=1][.B=-2.5e3][.C=YES][.D=NO]"},
      {"{\"CPU\":{\"A\":\"b\",\"C\":\"d\"},\"E\":\"f\"}", "[CPU.A=b][CPU.C=d][.E=f]"},
      {"{\"A\":\"q\\\"\\\\\\/\\n\\u00e4\\u20ac\"}", "[.A=q\"\\/\n\xc3\xa4\xe2\x82\xac]"},
      {"", NULL},
      {"[]", NULL},
      {"{\"A\"}", NULL},
      {"{\"A\":}", NULL},
      {"{\"A\":null}", NULL},
      {"{\"A\":[1]}", NULL},
      {"{\"A\":\"b}", NULL},
      {"{\"A\":\"b\\\"}", NULL},
      {"{\"A\":\"\\x\"}", NULL},
      {"{\"A\":\"\\ud83d\"}", NULL},
      {"{\"A\":\"\\u0000\"}", NULL},
      {"{\"A\":\"b\"", NULL},
      {"{\"A\":\"b\",}", NULL},
      {"{\"A\":\"b\"} x", NULL},
      {"{\"A\":{\"B\":{\"C\":\"d\"}}}", NULL},
      {"{A:1}", NULL},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    rung_arena arena;
    rung_text text;
    rung_arena_init(&arena, &rung_system_allocator);
    rung_text_init(&text, &rung_system_allocator);
    rung_status *status = rung__openvino_read_json(cases[i].text, &arena, write_down, &text);
    if (cases[i].is && status) fail_msg("%s: %s", cases[i].text, rung_status_message(status));
    if (cases[i].is) assert_string_equal(text.data ? text.data : "", cases[i].is);
    if (!cases[i].is) assert_error(status, INVALID_ARGUMENT, "load_config: byte ");
    rung_text_finish(&text);
    rung_arena_finish(&arena);
  }
}

static bool read_once(const rung_allocator *allocator, void *context) {
  rung_host host = {.allocator = allocator, .threads = 1};
  openvino_settings s;
  rung_status *status = rung__openvino_settings_init(&s, &host, context, 2);
  if (!status) rung__openvino_settings_finish(&s);
  bool done = !status;
  rung_status_free(status);
  return done;
}

static void out_of_memory(void **state) {
  (void)state;
  rung_option options[] = {{"device_type", "AUTO:GPU,CPU"}, {"load_config", "{\"CPU\":{\"A\":\"b\"}}"}};
  assert_true(counting_fail_each(read_once, options) > 0);
}

/* Releases */

static void versions_are_understood(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int parts[3];
  } good[] = {{"2026.4.1-22982-abc", {2026, 4, 1}},
              {"2024.3.0", {2024, 3, 0}},
              {"2025.1", {2025, 1, 0}},
              {"2641", {2026, 4, 1}},
              {"2430", {2024, 3, 0}}};
  static const char *const bad[] = {"", "custom_main_abc", "26.4.1", "26411", "2026.x"};
  int parts[3];
  for (size_t i = 0; i < RUNG_COUNT(good); i++) {
    assert_true(rung__openvino_parse_version(good[i].text, parts));
    assert_memory_equal(parts, good[i].parts, sizeof parts);
  }
  for (size_t i = 0; i < RUNG_COUNT(bad); i++) assert_false(rung__openvino_parse_version(bad[i], parts));
}

static void types_shift_with_the_release(void **state) {
  (void)state;
  static const struct {
    const char *version;
    int shift; /* of the double's numbers */
    int f32;   /* 0: it is refused */
    const char *words;
  } cases[] = {
      {"2024.3.0-1-x", 1, 5, NULL},
      {"2024.6.0-1-x", 1, 5, NULL},
      {"2025.0.0-1-x", 1, 5, NULL},
      {"2025.1.0-1-x", 0, 4, NULL},
      {"2026.4.1-1-x", 0, 4, NULL},
      {"2026.4.1-1-x", 1, 0, "numbers element types in a way that is not known"},
      {"2025.0.0-1-x", 0, 0, "numbers element types in a way that is not known"},
      {"2024.2.0-1-x", 1, 0, "OpenVINO 2024.2.0 is too old"},
      {"2023.3.0-1-x", 1, 0, "too old"},
      {"custom", 0, 0, "calls its version \"custom\""},
  };
  void *handle = dlopen(FAKE_OPENVINO, RTLD_NOW | RTLD_LOCAL);
  assert_non_null(handle);
  fake_openvino *fake = dlsym(handle, "fake_openvino_state");
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    openvino_library library;
    fake->version = cases[i].version;
    fake->type_shift = cases[i].shift;
    rung_status *status = rung__openvino_load(&rung_system_allocator, FAKE_OPENVINO, &library);
    if (cases[i].f32) {
      assert_ok(status);
      assert_int_equal(rung__openvino_type(&library, RUNG_F32), cases[i].f32);
      assert_int_equal(rung__openvino_dtype(&library, cases[i].f32), RUNG_F32);
      assert_int_equal(rung__openvino_type(&library, RUNG_STRING), -1);
      assert_int_equal(rung__openvino_dtype(&library, 99), RUNG_UNDEFINED);
      rung__openvino_unload(&library);
    } else {
      assert_error(status, UNAVAILABLE, cases[i].words);
    }
    assert_int_equal(fake->alive, 0);
  }
  dlclose(handle);
}

static void other_libraries_are_refused(void **state) {
  (void)state;
  openvino_library library;
  assert_error(rung__openvino_load(&rung_system_allocator, TEST_LIBRARIES "/libsample_vendor.so", &library),
               UNAVAILABLE, "has no function 'ov_get_openvino_version'");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_compute_what_the_model_says),
      cmocka_unit_test(options_become_properties),
      cmocka_unit_test(devices_are_read),
      cmocka_unit_test(wrong_values_name_their_option),
      cmocka_unit_test(load_config_may_be_a_file),
      cmocka_unit_test(json_is_read),
      cmocka_unit_test(out_of_memory),
      cmocka_unit_test(versions_are_understood),
      cmocka_unit_test(types_shift_with_the_release),
      cmocka_unit_test(other_libraries_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
