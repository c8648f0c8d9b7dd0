#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The reason. A process has one, and it must be there when memory is not. */
static char reason[8192], *details, origin[256];

static void keep(const char *format, va_list arguments) {
  origin[0] = 0;
  vsnprintf(reason, sizeof reason, format, arguments);
  details = strchr(reason, '\n');
  if (!details) return;
  *details++ = 0;
  size_t first = strlen(reason);
  if (first && reason[first - 1] == ':') reason[first - 1] = 0;
}

int fail(int exit_code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep(format, arguments);
  va_end(arguments);
  return exit_code;
}

int fail_status(rung_status *status) {
  if (!status) return EXIT_OK;
  int exit_code = EXIT_STATUS + (int)rung_status_code(status);
  fail(exit_code, "%s", rung_status_message(status));
  int line;
  const char *file = rung_status_origin(status, &line);
  if (file) snprintf(origin, sizeof origin, "%s:%d", file, line);
  rung_status_free(status);
  return exit_code;
}

int fail_within(int exit_code, const char *format, ...) {
  if (!exit_code) return EXIT_OK;
  char before[1024];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(before, sizeof before, format, arguments);
  va_end(arguments);
  if (size < 0 || (size_t)size >= sizeof before) return exit_code;
  size_t length = (size_t)size, kept = strlen(reason) + 1;
  if (details || length + kept > sizeof reason) return exit_code; /* the reason is worth more than the place */
  memmove(reason + length, reason, kept);
  memcpy(reason, before, length);
  return exit_code;
}

const char *fail_reason(void) { return reason; }
const char *fail_details(void) { return details; }
const char *fail_origin(void) { return origin; }
