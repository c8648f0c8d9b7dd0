/* One provider asked for, processes, and reports. */
#include "rung.h"
#include "rung_doctor.h"
#include "support/counting.h"
#include "support/made_machine.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static rung_doctor_report *examine(made_machine *m, unsigned what, const char *provider, int64_t pid) {
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.what = what;
  request.provider = provider;
  request.pid = pid;
  request.root = m->root.path;
  request.environment = m->environment;
  assert_ok(rung_doctor_examine(&request, &report));
  return report;
}

#define RTX "nvidia 580.65.06 NVIDIA GeForce RTX 4090\n"

typedef struct provider_case {
  const char *provider, *script, *code, *says, *mends;
} provider_case;

static const provider_case cases[] = {
    {"cpu", "", "provider.usable", "always", ""},
    {"coreml", "", "provider.wrong-system", "macOS", "use"},
    {"CoreMLExecutionProvider", "amd\n", "provider.wrong-system", "macOS", "migraphx"},
    {"nnapi", "", "provider.wrong-system", "Android", "use"},
    {"directml", RTX, "provider.wrong-system", "Windows", "cuda"},
    {"dml", "", "provider.wrong-system", "Windows", "use"},
    {"cuda", "", "provider.no-hardware", "NVIDIA", "use"},
    {"CUDAExecutionProvider", "file /.dockerenv\n", "provider.no-hardware", "NVIDIA", "--gpus all"},
    {"cuda", "file /dev/nvhost-gpu\n", "driver.missing", "JetPack", "nvidia-l4t-cuda"},
    {"tensorrt", "", "provider.no-hardware", "NVIDIA", ""},
    {"tensorrt_rtx", "", "provider.no-hardware", "NVIDIA", ""},
    {"migraphx", "", "provider.no-hardware", "AMD", ""},
    {"rocm", "", "provider.no-hardware", "AMD", ""},
    {"qnn", "", "provider.no-hardware", "device", ""},
    {"webgpu", "", "provider.no-hardware", "device", ""},
    {"webgpu", "file /dev/dri/renderD128\n", "provider.library-missing", "libvulkan.so.1", "libvulkan1"},
    {"webgpu", "file /dev/dri/renderD128\nlib /usr/lib/libvulkan.so.1\n", "provider.usable", "", ""},
    {"cuda", RTX, "provider.library-missing", "libcudart.so.13", "pip install"},
    {"cuda", RTX "lib /usr/lib/libcudart.so.12\n", "provider.usable", "", ""},
    {"cuda", RTX "lib /usr/lib/libcudart.so.10.2\n", "provider.library-version", "libcudart.so.10.2", "pip install"},
    {"cuda", RTX "lib /usr/lib/libcudart.so.12 needs=libdeep.so.3\n", "provider.library-broken", "libdeep.so.3", ""},
    {"cuda", RTX "lib /usr/lib/libcudart.so.12\ncut /usr/lib/libcudart.so.12 200\n", "provider.library-broken",
     "libcudart.so.12", ""},
    {"cuda", "nvidia 470.82.01 Tesla T4\nlib /usr/lib/libcudart.so.12\n", "driver.old", "525.60", "update"},
    {"cuda", RTX "env CUDA_VISIBLE_DEVICES=\nlib /usr/lib/libcudart.so.12\n", "device.hidden", "CUDA_VISIBLE_DEVICES",
     "unset"},
    {"cuda", "pci 0x10de -\nlib /usr/lib/libcudart.so.12\n", "driver.missing", "10de:2330", "driver"},
    {"cuda", "pci 0x10de -\nlib /usr/lib/libcuda.so.1\nlib /usr/lib/libcudart.so.12\n", "driver.not-loaded",
     "libcuda.so.1", "modprobe nvidia"},
    {"cuda", "pci 0x10de vfio-pci\nlib /usr/lib/libcudart.so.12\n", "driver.other", "vfio-pci", "virtual machine"},
    {"cudnn", RTX, "provider.library-missing", "libcudnn.so.9", "nvidia-cudnn"},
    {"tensorrt", RTX "lib site/tensorrt_libs/libnvinfer.so.10\nenv VIRTUAL_ENV=/venv\n", "provider.usable", "", ""},
    {"migraphx", "amd\n", "provider.library-missing", "libmigraphx_c.so.3", "ROCm"},
    {"migraphx", "pci 0x1002 amdgpu\nfile /.dockerenv\n", "device.container", "/dev/kfd", "--device /dev/kfd"},
    {"openvino", "", "provider.library-missing", "libopenvino_c.so", "pip install openvino"},
    {"openvino", "lib site/openvino/libs/libopenvino_c.so.2641\nenv VIRTUAL_ENV=/venv\n", "provider.usable", "", ""},
    {"openvino:GPU", "lib /usr/lib/libopenvino_c.so\n", "provider.no-hardware", "Intel", "use"},
    {"openvino:GPU", "lib /usr/lib/libopenvino_c.so\nfile /dev/dri/renderD128\n", "driver.missing", "libOpenCL.so.1",
     "intel-opencl-icd"},
    {"openvino:NPU", "lib /usr/lib/libopenvino_c.so\nfile /dev/accel/accel0\n", "driver.missing", "libze_loader.so.1",
     "Intel"},
};

static bool says(const rung_doctor_finding *f, const char *words) {
  bool found = strstr(f->title, words) || strstr(f->cause, words);
  for (size_t i = 0; i < f->evidence_count; i++) found |= strstr(f->evidence[i], words) != NULL;
  return found;
}

static void providers_are_judged(void **state) {
  (void)state;
  size_t wrong = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const provider_case *c = &cases[i];
    made_machine m;
    machine_make(&m, c->script);
    rung_doctor_report *report = examine(&m, RUNG_DOCTOR_PROVIDERS, c->provider, 0);
    bool found = false;
    for (size_t k = 0; k < rung_doctor_finding_count(report); k++) {
      const rung_doctor_finding *f = rung_doctor_finding_at(report, k);
      found |= strcmp(f->code, c->code) == 0 && says(f, c->says) && strstr(f->fix, c->mends);
    }
    bool usable = strcmp(c->code, "provider.usable") == 0;
    if (!found || usable == (rung_doctor_worst(report) == RUNG_DOCTOR_BROKEN)) {
      print_message("%s, %s: wanted %s\n", c->provider, c->script, c->code);
      for (size_t k = 0; k < rung_doctor_finding_count(report); k++)
        print_message("  %s: %s | %s\n", rung_doctor_finding_at(report, k)->code,
                      rung_doctor_finding_at(report, k)->title, rung_doctor_finding_at(report, k)->fix);
      wrong++;
    }
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
  assert_int_equal(wrong, 0);
}

/* Without a provider, only what is there is judged: a bare machine is healthy. */
static void a_bare_machine_is_healthy(void **state) {
  (void)state;
  made_machine m;
  machine_make(&m, "");
  rung_doctor_report *report = examine(&m, RUNG_DOCTOR_PROVIDERS, NULL, 0);
  assert_int_equal(rung_doctor_worst(report), -1);
  rung_doctor_report_free(&report);
  machine_run(&m, RTX "rm /dev/nvidia-uvm\n");
  report = examine(&m, RUNG_DOCTOR_PROVIDERS, NULL, 0);
  assert_string_equal(rung_doctor_finding_at(report, 0)->code, "device.missing");
  rung_doctor_report_free(&report);
  machine_remove(&m);
}

/* Nothing was examined: that is not health. */
static void a_root_without_a_system_is_named(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    temp_folder folder;
    folder_make(&folder);
    if (i) folder_write(&folder, "manifest.json", "{}", 2);
    rung_doctor_request request;
    rung_doctor_report *report = NULL;
    rung_doctor_request_init(&request);
    request.what = RUNG_DOCTOR_PROVIDERS | RUNG_DOCTOR_ONNXRUNTIME;
    request.root = folder.path;
    assert_ok(rung_doctor_examine(&request, &report));
    const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
    assert_non_null(f);
    assert_string_equal(f->code, "root.no-system");
    assert_non_null(strstr(f->evidence[0], i ? "manifest.json" : "empty"));
    rung_doctor_report_free(&report);
    folder_remove(&folder);
  }
}

/* Processes */

#define MAP "7f0000000000-7f0000001000 r-xp 00000000 08:01 42                         "
#define ORT "/v/lib/python3.11/site-packages/onnxruntime/capi/"

static void processes_are_looked_at(void **state) {
  static const struct {
    const char *maps, *device, *machine, *code;
  } looks[] = {
      {MAP "/usr/bin/bash\\n", NULL, "", "process.no-onnxruntime"},
      {MAP ORT "onnxruntime_pybind11_state.so\\n" MAP "/dev/zero (deleted)\\n", NULL, RTX, "process.on-cpu"},
      {MAP ORT "onnxruntime_pybind11_state.so\\n" MAP ORT "libonnxruntime_providers_cuda.so\\n", "/dev/nvidia0", RTX,
       "process.uses-device"},
      {MAP ORT "onnxruntime_pybind11_state.so\\n" MAP ORT "libonnxruntime_providers_cuda.so\\n", NULL, RTX,
       "process.no-device"},
      {MAP ORT "onnxruntime_pybind11_state.so (deleted)\\n", NULL, "", "process.replaced"},
      {MAP ORT "onnxruntime_pybind11_state.so\\n" MAP "/a/libcudart.so.11.0\\n" MAP "/b/libcudart.so.12\\n", NULL, "",
       "process.two-copies"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
    made_machine m;
    char script[1024];
    snprintf(script, sizeof script, "%sfile /proc/77/maps %s\nmkdir /proc/77/fd\n", looks[i].machine, looks[i].maps);
    machine_make(&m, script);
    if (looks[i].device) {
      snprintf(script, sizeof script, "link %s /proc/77/fd/5\n", looks[i].device);
      machine_run(&m, script);
    }
    rung_doctor_report *report = examine(&m, RUNG_DOCTOR_PROCESS, NULL, 77);
    bool found = false;
    for (size_t k = 0; k < rung_doctor_finding_count(report); k++)
      found |= strcmp(rung_doctor_finding_at(report, k)->code, looks[i].code) == 0;
    if (!found) fail_msg("case %zu: no %s", i, looks[i].code);
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
}

/* One command from "it is slow" to the cause: the installation that the process runs from, with its own variables. */
static void a_slow_process_leads_to_its_cause(void **state) {
  static const struct {
    const char *package, *codes[2], *fix;
  } slow[] = {
      {"module 1.31.1 onnxruntime\nown onnxruntime 1.31.1\n", {"ort.cpu-only", "process.on-cpu"}, "onnxruntime-gpu"},
      {"module 1.31.1 onnxruntime-gpu 13.0\nprovider cuda libcublasLt.so.13\nown onnxruntime-gpu 1.31.1\nlib "
       "/usr/lib/libcudnn.so.9\n",
       {"ort.library-missing", "process.on-cpu"},
       "nvidia-cublas"},
      {"module 1.31.1 onnxruntime-gpu 13.0\nprovider cuda\nown onnxruntime-gpu 1.31.1\nlib "
       "/usr/lib/libcudnn.so.9\nfile "
       "/proc/77/environ CUDA_VISIBLE_DEVICES=-1\n",
       {"device.hidden", "process.on-cpu"},
       "CUDA_VISIBLE_DEVICES"},
      {"module 1.31.1 onnxruntime-gpu 13.0\nprovider cuda\nown onnxruntime-gpu 1.31.1\nlib /usr/lib/libcudnn.so.9\n",
       {"process.on-cpu", NULL},
       "--execution-providers"}};
  (void)state;
  for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
    made_machine m;
    machine_make(&m, RTX "file /proc/77/maps " MAP
                         "/venv/lib/python3.11/site-packages/onnxruntime/capi/onnxruntime_pybind11_state.so\\n\nmkdir "
                         "/proc/77/fd\n");
    machine_run(&m, slow[i].package);
    rung_doctor_report *report = examine(&m, RUNG_DOCTOR_PROCESS, NULL, 77);
    for (size_t k = 0; k < 2 && slow[i].codes[k]; k++) {
      const rung_doctor_finding *f = rung_doctor_finding_at(report, k);
      if (!f || strcmp(f->code, slow[i].codes[k]) != 0) fail_msg("case %zu: %s", i, f ? f->code : "nothing");
    }
    if (!strstr(rung_doctor_finding_at(report, 0)->fix, slow[i].fix))
      fail_msg("case %zu: %s", i, rung_doctor_finding_at(report, 0)->fix);
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
}

static void this_process_can_be_looked_at(void **state) {
  (void)state;
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_PROCESS;
  request.pid = getpid();
  assert_ok(rung_doctor_examine(&request, &report));
  assert_string_equal(rung_doctor_finding_at(report, 0)->code, "process.no-onnxruntime");
  rung_doctor_report_free(&report);
}

/* Reports */

static void reports_hide_names(void **state) {
  (void)state;
  made_machine m;
  char *text;
  machine_make(
      &m,
      "env HOME=/home/anna\nenv VIRTUAL_ENV=/home/anna/secret/venv\nfile /proc/sys/kernel/hostname annas-box\\n\n"
      "file /home/anna/secret/venv/pyvenv.cfg version = 3.11.2\\n\n"
      "file /home/anna/secret/venv/lib/python3.11/site-packages/onnxruntime/__init__.py x\n"
      "file /home/bert/.local/x y\n");
  rung_doctor_report *report = examine(&m, RUNG_DOCTOR_ONNXRUNTIME, NULL, 0);
  assert_ok(rung_doctor_report_json(report, 0, &text));
  assert_non_null(strstr(text, "/home/anna/secret/venv"));
  rung_text_free(text);
  assert_ok(rung_doctor_report_json(report, 1, &text));
  assert_non_null(strstr(text, "~/secret/venv"));
  assert_null(strstr(text, "anna"));
  rung_text_free(text);
  rung_doctor_report_free(&report);
  machine_remove(&m);
}

/* Every allocation fails in turn: the examination says so, and nothing stays behind. */

static const char some_log[] = "libcublasLt.so.12: cannot open shared object file: No such file or directory\n";

typedef struct attempt_at {
  made_machine m;
  const char *path;
  size_t findings; /* at least */
} attempt_at;

static bool attempt(const rung_allocator *allocator, void *context) {
  const attempt_at *at = context;
  const made_machine *m = &at->m;
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.allocator = allocator;
  request.what = RUNG_DOCTOR_ONNXRUNTIME | RUNG_DOCTOR_LOG | RUNG_DOCTOR_PROVIDERS;
  request.path = at->path;
  request.provider = "cuda";
  request.log = some_log;
  request.log_size = sizeof some_log - 1;
  request.root = m->root.path;
  request.environment = m->environment;
  rung_status *status = rung_doctor_examine(&request, &report);
  if (status) {
    assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
    rung_status_free(status);
    return false;
  }
  assert_true(rung_doctor_finding_count(report) >= at->findings);
  rung_doctor_report_free(&report);
  return true;
}

static void memory_may_run_out(void **state) {
  static const struct {
    const char *path, *script;
    size_t findings;
  } places[] = {
      {"/venv",
       "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda libcudart.so.12 libcudnn.so.9\n"
       "own onnxruntime-gpu 1.22.0\nlib /usr/lib/libcudart.so.12\ndist numpy 2.0.0\n",
       3},
      {"/venv",
       "rm /venv/pyvenv.cfg\nmodule 1.20.1 onnxruntime\nprovider cuda libcudnn.so.9\n"
       "file /venv/conda-meta/cudnn-8.9.7.29-h0_3.json {}\nfile /venv/conda-meta/onnxruntime-1.20.1-py311_0_cuda.json "
       "{\"files\": [\"lib/python3.11/site-packages/onnxruntime/__init__.py\"]}\n",
       2},
      {"/ort",
       "lib /ort/lib/libonnxruntime.so.1.22.0 soname=libonnxruntime.so.1 defines=VERS_1.22.0\nfile /ort/VERSION_NUMBER "
       "1.19.2\nlib /ort/lib/libonnxruntime_providers_cuda.so needs=libcudnn.so.9\n",
       3}};
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    char script[2048];
    snprintf(script, sizeof script, "%s%s", RTX, places[i].script);
    attempt_at at = {.path = places[i].path, .findings = places[i].findings};
    machine_make(&at.m, script);
    assert_true(counting_fail_each(attempt, &at) > 20);
    machine_remove(&at.m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(providers_are_judged),
      cmocka_unit_test(a_bare_machine_is_healthy),
      cmocka_unit_test(a_root_without_a_system_is_named),
      cmocka_unit_test(processes_are_looked_at),
      cmocka_unit_test(a_slow_process_leads_to_its_cause),
      cmocka_unit_test(this_process_can_be_looked_at),
      cmocka_unit_test(reports_hide_names),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
