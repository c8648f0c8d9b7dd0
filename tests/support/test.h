/* What every test begins with: cmocka with the headers that it needs, and checks on statuses. */
#ifndef RUNG_TESTS_TEST_H
#define RUNG_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rung_types.h"

/* The call succeeds; else the test fails with the status's message. */
#define assert_ok(expr) assert_ok_at((expr), #expr, __FILE__, __LINE__)
/* The call fails with this code and a message that holds `part`; frees the status. */
#define assert_error(expr, code, part) assert_error_at((expr), RUNG_##code, part, #expr, __FILE__, __LINE__)

void assert_ok_at(rung_status *status, const char *expr, const char *file, int line);
void assert_error_at(rung_status *status, rung_code code, const char *part, const char *expr, const char *file,
                     int line);

#endif
