#include "base/status.h"

#include "rung.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rung_status {
  rung_code code;
  int line;
  char *message;    /* behind the struct, or static */
  const char *file; /* a copy behind the message, as the library that raised it may be unloaded before; or static */
};

static rung_status out_of_memory = {RUNG_OUT_OF_MEMORY, 0, "out of memory", ""};

rung_status *rung_status_out_of_memory(void) { return &out_of_memory; }

static rung_status *make(rung_code code, const char *file, int line, size_t length) {
  size_t name = strlen(file) + 1;
  rung_status *status = malloc(sizeof *status + length + 1 + name);
  if (!status) return &out_of_memory;
  char *text = (char *)(status + 1);
  memcpy(text + length + 1, file, name);
  *status = (rung_status){code, line, text, text + length + 1};
  return status;
}

rung_status *rung_status_make_v(rung_code code, const char *file, int line, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  rung_status *status = make(code, file, line, length < 0 ? 0 : (size_t)length);
  if (status != &out_of_memory) {
    status->message[0] = 0;
    if (length > 0) vsnprintf(status->message, (size_t)length + 1, format, again);
  }
  va_end(again);
  return status;
}

rung_status *rung_status_make(rung_code code, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  rung_status *status = rung_status_make_v(code, file, line, format, args);
  va_end(args);
  return status;
}

rung_status *rung_status_prefix(rung_status *status, const char *format, ...) {
  if (!status || status == &out_of_memory) return status;
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int prefix = vsnprintf(NULL, 0, format, args);
  va_end(args);
  size_t head = prefix < 0 ? 0 : (size_t)prefix, tail = strlen(status->message);
  rung_status *longer = make(status->code, status->file, status->line, head + 2 + tail);
  if (longer != &out_of_memory) {
    vsnprintf(longer->message, head + 1, format, again);
    memcpy(longer->message + head, ": ", 2);
    memcpy(longer->message + head + 2, status->message, tail + 1);
    rung_status_free(status);
    status = longer;
  }
  va_end(again);
  return status;
}

void rung_status_recode(rung_status *status, rung_code code) {
  if (status && status != &out_of_memory) status->code = code;
}

rung_code rung_status_code(const rung_status *status) { return status ? status->code : RUNG_OK; }

const char *rung_status_message(const rung_status *status) { return status ? status->message : "ok"; }

const char *rung_status_origin(const rung_status *status, int *out_line) {
  if (out_line) *out_line = status ? status->line : 0;
  return status ? status->file : "";
}

void rung_status_free(rung_status *status) {
  if (status != &out_of_memory) free(status);
}

static const struct {
  rung_code code;
  const char *name, *advice;
} codes[] = {
#define RUNG_CODE(name, value, advice) {RUNG_##name, #name, advice},
#include "rung_status_codes.inc"
#undef RUNG_CODE
};

const char *rung_code_name(rung_code code) {
  for (size_t i = 0; i < RUNG_COUNT(codes); i++)
    if (codes[i].code == code) return codes[i].name;
  return "UNKNOWN";
}

const char *rung_code_advice(rung_code code) {
  for (size_t i = 0; i < RUNG_COUNT(codes); i++)
    if (codes[i].code == code) return codes[i].advice;
  return "";
}
