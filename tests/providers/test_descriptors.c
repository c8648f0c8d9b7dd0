/* Providers that rung knows by name only: what can be seen of them on a machine, and what a user is told. */
#include "base/arena.h"
#include "provider/descriptor/descriptor.h"
#include "provider/registry.h"
#include "support/elf.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every descriptor of this build */

static void each_descriptor(void (*check)(const rung_provider_api *api)) {
  rung_registry registry;
  size_t descriptors = 0;
  rung_registry_init(&registry, &rung_system_allocator);
  for (size_t i = 0; i < registry.count; i++)
    if (!registry.providers[i]->open) check(registry.providers[i]), descriptors++;
  rung_registry_finish(&registry);
  assert_true(descriptors >= 10);
}

static void has_a_good_table(const rung_provider_api *api) {
  assert_int_equal(api->abi, RUNG_PROVIDER_ABI);
  assert_true(api->name[0] && api->summary[0]);
  assert_non_null(strstr(api->ort_name, "ExecutionProvider"));
  for (const rung_option_spec *s = api->options; s->key; s++) {
    assert_true(s->help && s->help[0]);
    for (const rung_option_spec *other = api->options; other < s; other++) assert_string_not_equal(other->key, s->key);
    if (s->type == RUNG_OPTION_INT) assert_true(s->min <= s->max);
    rung_option fallback = {s->key, s->fallback};
    if (s->fallback) assert_ok(rung_registry_check_options(api, &fallback, 1));
    rung_option wrong = {s->key, "?"};
    if (s->type == RUNG_OPTION_INT || s->type == RUNG_OPTION_BOOL || s->type == RUNG_OPTION_CHOICE)
      assert_error(rung_registry_check_options(api, &wrong, 1), INVALID_ARGUMENT, s->key);
  }
}

static void tables_are_good(void **state) {
  (void)state;
  each_descriptor(has_a_good_table);
}

/* A machine of our own */

static temp_folder root;
static rung_arena arena;
static rung_report report;
static char folder[FOLDER_PATH];
static const char *folders[2];

static int set_up(void **state) {
  (void)state;
  folder_make(&root);
  folder_mkdir(&root, "lib");
  folder_mkdir(&root, "dev");
  folder_mkdir(&root, "proc");
  folders[0] = folder_at(&root, "lib", folder);
  rung_arena_init(&arena, &rung_system_allocator);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  rung_arena_finish(&arena);
  folder_remove(&root);
  return 0;
}

static const rung_vendor_library libraries[] = {{"libvendor.so.9", "20.5"}, {"libvendor.so.8", "10.25"}, {0}};
static const rung_descriptor accelerator = {.name = "accel",
                                            .systems = "linux android",
                                            .needs = "Linux with an accelerator",
                                            .libraries = libraries,
                                            .folders = "no/such:packages/lib",
                                            .library_fix = "install the library",
                                            .driver_library = "libdriver.so.1",
                                            .driver_version = "/proc/version",
                                            .driver_fix = "install the driver",
                                            .devices = {"/dev/accelctl", "/dev/accel#"},
                                            .device_fix = "plug it in"};

static void look_on(const rung_descriptor *descriptor, const char *system) {
  const rung_host host = {.allocator = &rung_system_allocator,
                          .search_paths = folders,
                          .step = rung_report_step,
                          .device = rung_report_device};
  report = (rung_report){.arena = &arena};
  for (int i = 0; i < RUNG_STATE_COUNT; i++) report.steps[i].ok = -1;
  assert_ok(rung__descriptor_look(descriptor, &host, &report, root.path, system));
}

static void look(void) { look_on(&accelerator, "linux"); }

static void expect_step(rung_state state, const char *code, const char *evidence) {
  if (report.steps[state].ok != 0 || !report.steps[state].code || strcmp(report.steps[state].code, code) != 0 ||
      !strstr(report.steps[state].evidence, evidence))
    fail_msg("step %s: %d %s: %s", rung_state_name(state), report.steps[state].ok, report.steps[state].code,
             report.steps[state].evidence);
}

static void a_bare_machine_lacks_everything(void **state) {
  (void)state;
  look();
  expect_step(RUNG_STATE_BUILT, "accel.not-built", "holds no code for it");
  expect_step(RUNG_STATE_FOUND, "accel.library-missing",
              "none of libvendor.so.9, libvendor.so.8 is in the loader's folders or those given");
  assert_string_equal(report.steps[RUNG_STATE_FOUND].fix, "install the library");
  assert_int_equal(report.steps[RUNG_STATE_LINKS].ok, -1); /* there is nothing to look at */
  expect_step(RUNG_STATE_DRIVER, "accel.driver-missing", "there is no libdriver.so.1");
  expect_step(RUNG_STATE_DEVICE, "accel.device-missing", "there is no /dev/accelctl");
  assert_string_equal(report.steps[RUNG_STATE_DEVICE].fix, "plug it in");
  assert_int_equal(report.steps[RUNG_STATE_USABLE].ok, -1);
}

static void other_systems_are_told_apart(void **state) {
  (void)state;
  look_on(&accelerator, "windows");
  expect_step(RUNG_STATE_FOUND, "accel.wrong-system", "this is windows, it needs Linux with an accelerator");
  assert_int_equal(report.steps[RUNG_STATE_DRIVER].ok, -1);
  look_on(&accelerator, "linu");
  expect_step(RUNG_STATE_FOUND, "accel.wrong-system", "");
  look_on(&accelerator, "android");
  expect_step(RUNG_STATE_FOUND, "accel.library-missing", "");
  look_on(&(rung_descriptor){.name = "part", .systems = "linux"}, "linux");
  assert_string_equal(report.steps[RUNG_STATE_FOUND].evidence, "part of the system");
}

static void libraries_are_judged_by_their_headers(void **state) {
  (void)state;
  elf_write(&root, "lib/libvendor.so.7", &(elf_parts){0});
  look();
  expect_step(RUNG_STATE_FOUND, "accel.library-missing", "libvendor.so.7, of another version");
  elf_write(&root, "lib/libvendor.so.8", &(elf_parts){.needed = {"libdeep.so.3"}});
  look();
  assert_int_equal(report.steps[RUNG_STATE_FOUND].ok, 1);
  assert_non_null(strstr(report.steps[RUNG_STATE_FOUND].evidence, "lib/libvendor.so.8"));
  expect_step(RUNG_STATE_LINKS, "accel.dependency-missing", "missing: libdeep.so.3, which libvendor.so.8 needs");
  elf_write(&root, "lib/libdeep.so.3", &(elf_parts){0});
  look();
  assert_int_equal(report.steps[RUNG_STATE_LINKS].ok, 1);
  folder_write(&root, "lib/libvendor.so.9", "\177ELF\2\1\1", 7); /* the better one, cut off */
  look();
  expect_step(RUNG_STATE_LINKS, "accel.library-broken", "libvendor.so.9: ");
  assert_int_equal(report.steps[RUNG_STATE_DRIVER].ok, 0); /* what comes after is looked at all the same */
}

static void packages_are_looked_into(void **state) {
  (void)state;
  folder_mkdir(&root, "lib/packages");
  folder_mkdir(&root, "lib/packages/lib");
  elf_write(&root, "lib/packages/lib/libvendor.so.9", &(elf_parts){0});
  look();
  assert_non_null(strstr(report.steps[RUNG_STATE_FOUND].evidence, "lib/packages/lib/libvendor.so.9"));
}

static void drivers_have_an_age(void **state) {
  (void)state;
  static const struct {
    const char *line;
    int ok;
  } cases[] = {
      {"NVRM version: UNIX x86_64 Kernel Module  20.5  Sat Nov\n", 1},
      {"20.5.1\n", 1},
      {"21.0", 1},
      {"20.10", 1},
      {"20.4.99\n", 0},
      {"9.99 of 30.1", 0},
      {"no version at all", 1},
      {"version 20", 1},
      {"", 1},
  };
  elf_write(&root, "lib/libvendor.so.9", &(elf_parts){0});
  folder_write(&root, "proc/version", cases[0].line, strlen(cases[0].line));
  look();
  expect_step(RUNG_STATE_DRIVER, "accel.driver-missing", "although the kernel has a driver: NVRM");
  elf_write(&root, "lib/libdriver.so.1", &(elf_parts){0});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    folder_write(&root, "proc/version", cases[i].line, strlen(cases[i].line));
    look();
    if (report.steps[RUNG_STATE_DRIVER].ok != cases[i].ok) fail_msg("%s", cases[i].line);
    if (!cases[i].ok) expect_step(RUNG_STATE_DRIVER, "accel.driver-old", "libvendor.so.9 needs 20.5 or newer");
  }
}

static void devices_must_be_ours_to_open(void **state) {
  (void)state;
  char path[FOLDER_PATH];
  folder_write(&root, "dev/accelctl", "", 0);
  look();
  expect_step(RUNG_STATE_DEVICE, "accel.device-missing", "/dev/accelctl; there is no /dev/accel#");
  folder_write(&root, "dev/accel0", "", 0);
  look();
  assert_int_equal(report.steps[RUNG_STATE_DEVICE].ok, 1);
  assert_string_equal(report.steps[RUNG_STATE_DEVICE].evidence, "/dev/accelctl; /dev/accel0");
  assert_int_equal(chmod(folder_at(&root, "dev/accel0", path), 0), 0);
  look();
  if (geteuid() != 0) expect_step(RUNG_STATE_DEVICE, "accel.device-forbidden", "/dev/accel0 may not be opened");
}

/* Any bytes where a library should be */
static void broken_files_are_a_result(void **state) {
  (void)state;
  uint8_t bytes[ELF_SIZE];
  size_t size = elf_make(&(elf_parts){.soname = "libvendor.so.9", .needed = {"liba.so"}}, bytes);
  for (size_t i = 0; i < size; i += 3) {
    folder_write(&root, "lib/libvendor.so.9", bytes, i);
    look();
    expect_step(RUNG_STATE_LINKS, "accel.library-broken", "libvendor.so.9");
  }
}

/* What a user is told */

static void a_session_says_what_is_missing(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[2] -> y ; y = Relu(x)", 0);
  rung_status *status = session_open(&t, "cuda,cpu", NULL);
  const char *message = rung_status_message(status);
  assert_int_equal(rung_status_code(status), RUNG_UNAVAILABLE);
  assert_non_null(strstr(message, "provider cuda cannot be used"));
  assert_non_null(strstr(message, "cuda.not-built"));
  assert_non_null(strstr(message, "choose another provider"));
  assert_non_null(strstr(message, "cuda?"));
  rung_status_free(status);
  assert_ok(session_open(&t, "TensorrtExecutionProvider?:trt_fp16_enable=True,cuda?:device_id=1,use_tf32=0,cpu", NULL));
  assert_int_equal(rung_session_plan(t.session)->provider_count, 3);
  assert_non_null(strstr(rung_session_plan(t.session)->providers[1].why, "cuda.not-built"));
  assert_error(session_open(&t, "cuda?:cudnn_conv_algo_serch=DEFAULT,cpu", NULL), INVALID_ARGUMENT,
               "did you mean \"cudnn_conv_algo_search\"?");
  assert_error(session_open(&t, "CoreMLExecutionProvider?:ModelFormat=MLprogramm,cpu", NULL), INVALID_ARGUMENT,
               "must be one of NeuralNetwork|MLProgram");
  session_end(&t);
}

/* The real machine, whatever it is: an answer for each, and nothing changes. */
static void this_machine_is_described(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  size_t not_built = 0;
  for (size_t i = 0; i < rung_env_provider_count(t.env); i++) {
    const rung_provider_info *info;
    char prefix[64];
    assert_ok(rung_env_provider(t.env, i, &info));
    snprintf(prefix, sizeof prefix, "%s.", info->name);
    for (size_t s = 0; s < info->step_count; s++) {
      if (info->steps[s].ok != 0) continue;
      assert_memory_equal(info->steps[s].code, prefix, strlen(prefix));
      assert_non_null(info->steps[s].evidence);
    }
    not_built += info->steps[RUNG_STATE_BUILT].ok == 0;
  }
  assert_true(not_built >= 10);
  session_end(&t);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_are_good),
      WITH_ROOT(a_bare_machine_lacks_everything),
      WITH_ROOT(other_systems_are_told_apart),
      WITH_ROOT(libraries_are_judged_by_their_headers),
      WITH_ROOT(packages_are_looked_into),
      WITH_ROOT(drivers_have_an_age),
      WITH_ROOT(devices_must_be_ours_to_open),
      WITH_ROOT(broken_files_are_a_result),
      cmocka_unit_test(a_session_says_what_is_missing),
      cmocka_unit_test(this_machine_is_described),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
