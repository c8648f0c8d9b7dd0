/* Any bytes as a log; findings come out as JSON. */
#include "rung.h"
#include "rung_doctor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  char *text = NULL;
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_LOG;
  request.log = (const char *)data;
  request.log_size = size;
  if (rung_doctor_examine(&request, &report)) abort();
  if (rung_doctor_report_json(report, 1, &text)) abort();
  rung_text_free(text);
  rung_doctor_report_free(&report);
  return 0;
}
