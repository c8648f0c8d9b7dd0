/* What is said of an OpenVINO that is not there, or not whole: each state from files that look like it. */
#include "base/dylib.h"
#include "base/str.h"
#include "rung.h"
#include "support/elf.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const elf_parts whole = {.soname = "libopenvino_c.so.2641", .needed = {"libc.so.6"}};

/* The provider as it looks with this search path; borrowed from the environment. */
static const rung_provider_info *look(rung_env **env, const char *folder) {
  const char *paths[] = {folder, NULL};
  const rung_provider_info *info = NULL;
  rung_env_options options;
  rung_env_options_init(&options);
  options.search_paths = paths;
  assert_ok(rung_env_create(&options, env));
  for (size_t i = 0; i < rung_env_provider_count(*env); i++) {
    assert_ok(rung_env_provider(*env, i, &info));
    if (strcmp(info->name, "openvino") == 0) return info;
  }
  fail_msg("openvino is not among the providers");
  return NULL;
}

static void expect(const char *folder, const char *state, const char *code, const char *evidence) {
  rung_env *env = NULL;
  const rung_provider_info *info = look(&env, folder);
  assert_int_equal(info->usable, code == NULL);
  assert_string_equal(info->state, state);
  for (size_t i = 0; i < info->step_count && code; i++) {
    const rung_provider_step *step = &info->steps[i];
    if (step->ok != 0) continue;
    assert_string_equal(step->code, code);
    assert_non_null(strstr(step->evidence, evidence));
    assert_non_null(step->fix);
    break;
  }
  rung_env_destroy(&env);
}

/* A folder in which nothing is missing. */
static void fill(temp_folder *folder) {
  folder_make(folder);
  elf_write(folder, "libopenvino_c.so.2641", &whole);
  folder_write(folder, "libopenvino_onnx_frontend.so.2641", "", 0);
  folder_write(folder, "libopenvino_intel_cpu_plugin.so", "", 0);
}

static void whole_ones_are_usable(void **state) {
  (void)state;
  temp_folder folder;
  fill(&folder);
  expect(folder.path, "usable", NULL, NULL);
  folder_remove(&folder);
}

static void packages_are_found_in_their_layouts(void **state) {
  (void)state;
  temp_folder folder;
  char path[FOLDER_PATH];
  fill(&folder);
  folder_mkdir(&folder, "site");
  folder_mkdir(&folder, "site/openvino");
  folder_symlink(&folder, folder.path, "site/openvino/libs");
  expect(folder_at(&folder, "site", path), "usable", NULL, NULL);
  expect(folder_at(&folder, "site/openvino", path), "usable", NULL, NULL);
  folder_remove(&folder);
}

static void missing_libraries_are_a_state(void **state) {
  (void)state;
  char path[RUNG_PATH_MAX];
  if (rung_dylib_look(NULL, "libopenvino_c.so", path)) {
    print_message("skipped: this machine has %s\n", path);
    skip();
  }
  expect("/no/such/folder", "built", "openvino.library-missing", "/no/such/folder");
}

static void broken_ones_are_a_state(void **state) {
  (void)state;
  temp_folder folder;
  fill(&folder);
  folder_write(&folder, "libopenvino_c.so.9999", "no library", 10); /* the highest version is looked at */
  expect(folder.path, "found", "openvino.library-broken", "it is no ELF file");
  elf_write(&folder, "libopenvino_c.so.9999", &(elf_parts){.soname = "libopenvino_c.so.2402"});
  expect(folder.path, "found", "openvino.too-old", "libopenvino_c.so.2402 is of release 2024.0");
  elf_write(&folder, "libopenvino_c.so.9999",
            &(elf_parts){.soname = "libopenvino_c.so.2641", .needed = {"libopenvino.so.2641"}});
  expect(folder.path, "found", "openvino.dependency-missing", "libopenvino.so.2641");
  folder_remove(&folder);
}

static void missing_parts_are_states(void **state) {
  (void)state;
  temp_folder folder;
  folder_make(&folder);
  elf_write(&folder, "libopenvino_c.so", &whole);
  expect(folder.path, "found", "openvino.onnx-frontend-missing", "libopenvino_onnx_frontend.so");
  folder_write(&folder, "libopenvino_onnx_frontend.so", "", 0);
  expect(folder.path, "driver", "openvino.plugin-missing", "libopenvino_intel_cpu_plugin.so");
  folder_remove(&folder);
}

/* The same through a session: an error with cause and fix, or a reported step down. */
static void chains_keep_or_say_why(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[2] -> y ; y = Abs(x)", 0);
  assert_error(session_open(&t, "openvino:library=/no/such/folder,cpu", NULL), UNAVAILABLE, "pip install openvino");
  assert_error(session_open(&t, "openvino:library=/no/such/folder,cpu", NULL), UNAVAILABLE,
               "openvino.library-missing: no libopenvino_c.so in /no/such/folder");
  assert_ok(session_open(&t, "openvino?:library=/no/such/folder,cpu", NULL));
  const rung_plan *plan = rung_session_plan(t.session);
  assert_int_equal(plan->providers[0].used, 0);
  assert_non_null(strstr(plan->providers[0].why, "openvino.library-missing"));
  assert_true(session_said(&t, "provider openvino is skipped"));
  session_end(&t);
}

/* A file that passes every look and cannot be loaded: an error, or for an optional provider a step down. */
static void what_only_loading_shows_is_an_error(void **state) {
  (void)state;
  temp_folder folder;
  test_session t;
  char chain[FOLDER_PATH + 64];
  fill(&folder);
  session_begin(&t);
  session_load(&t, "x:f32[2] -> y ; y = Abs(x)", 0);
  snprintf(chain, sizeof chain, "openvino:library=%s,cpu", folder.path);
  assert_error(session_open(&t, chain, NULL), UNAVAILABLE, "libopenvino_c.so.2641");
  snprintf(chain, sizeof chain, "openvino?:library=%s,cpu", folder.path);
  assert_ok(session_open(&t, chain, NULL));
  session_end(&t);
  folder_remove(&folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_ones_are_usable),
      cmocka_unit_test(packages_are_found_in_their_layouts),
      cmocka_unit_test(missing_libraries_are_a_state),
      cmocka_unit_test(broken_ones_are_a_state),
      cmocka_unit_test(missing_parts_are_states),
      cmocka_unit_test(chains_keep_or_say_why),
      cmocka_unit_test(what_only_loading_shows_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
