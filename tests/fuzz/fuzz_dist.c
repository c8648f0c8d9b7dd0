/* Any bytes as the RECORD of a Python package, as conda's list of files, and as a library's CUDA code. */
#include "doctor/conda.h"
#include "doctor/ort.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rung_doctor_request request = {.struct_size = sizeof request};
  rung_doctor_report report = {.allocator = &rung_system_allocator};
  doctor d = {.request = &request, .allocator = &rung_system_allocator, .report = &report, .root = "", .subject = ""};
  rung_arena_init(&report.arena, &rung_system_allocator);
  dist one = {.record = {(const char *)data, size}};
  rung_str record = one.record;
  dist_file file;
  while (rung__dist_next_file(&d, &record, &file)) sink = strlen(file.path) + strlen(file.sha256);
  sink = rung__dist_owns(&d, &one, "onnxruntime/__init__.py");
  code_list code = {{0}, {0}, 0, 0};
  rung__ort_read_fatbin(data, size, &code);
  sink = (size_t)rung__ort_runs_on(&code, 90);
  char *text = malloc(size + 1); /* a requirement, a version, a soname */
  if (!text) abort();
  memcpy(text, data, size);
  text[size] = 0;
  const char *rest;
  sink = strlen(rung__dist_requirement(&d, text, &rest));
  sink = rung__vendor_satisfies("1.2.3", text);
  sink = strlen(rung__vendor_library(&d, text, 12, "pip").fix);
  sink = (size_t)rung__vendor_capability(text);
  sink = rung__conda_record(&d, (rung_str){text, size}, "lib/").size;
  free(text);
  rung_arena_finish(&report.arena);
  return 0;
}
