/* Provider libraries that abort, hang, crash or end the process when they are loaded: the caller lives, and says so. */
#include "rung_doctor.h"
#include "support/elf.h"
#include "support/made_machine.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char library[] = TEST_LIBRARIES "/libloads_badly.so";

static void copy_file(const temp_folder *folder, const char *name) {
  static unsigned char bytes[4 << 20];
  FILE *file = fopen(library, "rb");
  assert_non_null(file);
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  assert_true(size < sizeof bytes);
  folder_write(folder, name, bytes, size);
}

/* A site-packages of its own, as real files: nothing is loaded below a root. */
static rung_doctor_report *examine(const char *order) {
  static char program[4096];
  static const char *const helper[] = {program, "child", NULL};
  ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
  assert_true(size > 0);
  temp_folder folder;
  folder_make(&folder);
  static const char *const folders[] = {"site", "site/onnxruntime", "site/onnxruntime/capi"};
  for (int i = 0; i < 3; i++) folder_mkdir(&folder, folders[i]);
  folder_write(&folder, "site/onnxruntime/__init__.py", "", 0);
  copy_file(&folder, "site/onnxruntime/capi/onnxruntime_pybind11_state.so");
  copy_file(&folder, "site/onnxruntime/capi/libonnxruntime_providers_shared.so");
  copy_file(&folder, "site/onnxruntime/capi/libonnxruntime_providers_fancy.so");
  folder_write(&folder, "site/onnxruntime/capi/libonnxruntime_providers_fancy.so.does", order, strlen(order));
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  char path[FOLDER_PATH];
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_ONNXRUNTIME;
  request.path = folder_at(&folder, "site", path);
  request.helper = helper;
  request.helper_seconds = strcmp(order, "hang") == 0 ? 1 : 60;
  assert_ok(rung_doctor_examine(&request, &report));
  folder_remove(&folder);
  return report;
}

static void loading_never_takes_the_caller_along(void **state) {
  static const struct {
    const char *order, *code, *title;
  } cases[] = {{"", NULL, NULL},
               {"abort", "ort.provider-crashes", "SIGABRT"},
               {"crash", "ort.provider-crashes", "ends the process"},
               {"exit", "ort.provider-crashes", "exit(0)"},
               {"hang", "ort.provider-hangs", "nothing after 1 s"}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_doctor_report *report = examine(cases[i].order);
    const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
    if (!cases[i].code) {
      assert_true(rung_doctor_worst(report) < RUNG_DOCTOR_WARNING);
    } else {
      if (!f || strcmp(f->code, cases[i].code) != 0 || !strstr(f->title, cases[i].title))
        fail_msg("%s: %s", cases[i].order, f ? f->title : "nothing");
      assert_non_null(strstr(f->evidence[0], "libonnxruntime_providers_fancy.so"));
    }
    rung_doctor_report_free(&report);
  }
}

/* The driver's first call is made, and its number handed on; no other library is called. */
static void a_driver_that_does_not_start_tells_its_number(void **state) {
  static const struct {
    const char *name, *order, *answer;
  } cases[] = {{"libcuda.so.1", "init 802", "! cuInit failed: 802"},
               {"libcuda.so.1", "init 0", "< "},
               {"libother.so.1", "init 802", "< "}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    temp_folder folder;
    char path[FOLDER_PATH], order[FOLDER_PATH], command[2 * FOLDER_PATH + 16], line[FOLDER_PATH];
    folder_make(&folder);
    copy_file(&folder, cases[i].name);
    snprintf(order, sizeof order, "%s.does", cases[i].name);
    folder_write(&folder, order, cases[i].order, strlen(cases[i].order));
    snprintf(command, sizeof command, "/proc/%ld/exe child %s", (long)getpid(),
             folder_at(&folder, cases[i].name, path));
    FILE *child = popen(command, "r");
    assert_non_null(child);
    assert_non_null(fgets(line, sizeof line, child));
    assert_string_equal(strncmp(line, "> ", 2) == 0 ? "began" : line, "began");
    assert_non_null(fgets(line, sizeof line, child));
    if (strncmp(line, cases[i].answer, strlen(cases[i].answer)) != 0) fail_msg("%s: %s", cases[i].order, line);
    pclose(child);
    folder_remove(&folder);
  }
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "child") == 0) return rung_doctor_child(argc - 2, argv + 2);
  const struct CMUnitTest tests[] = {cmocka_unit_test(loading_never_takes_the_caller_along),
                                     cmocka_unit_test(a_driver_that_does_not_start_tells_its_number)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
