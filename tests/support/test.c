#include "support/test.h"

#include "base/status.h"

#include <string.h>

void assert_ok_at(rung_status *status, const char *expr, const char *file, int line) {
  if (!status) return;
  print_error("%s: %s: %s\n", expr, rung_code_name(rung_status_code(status)), rung_status_message(status));
  rung_status_free(status);
  _fail(file, line);
}

void assert_error_at(rung_status *status, rung_code code, const char *part, const char *expr, const char *file,
                     int line) {
  rung_code got = rung_status_code(status);
  const char *message = rung_status_message(status);
  int right = got == code && strstr(message, part) != NULL;
  if (!right)
    print_error("%s: expected %s with '%s', got %s: %s\n", expr, rung_code_name(code), part, rung_code_name(got),
                message);
  rung_status_free(status);
  if (!right) _fail(file, line);
}
