/* Status objects: how every fallible function reports.
 *
 * A status is one malloc'd block (it may outlive the environment, so it does not use the environment's allocator).
 * When that block cannot be had, the static out-of-memory object takes its place: reporting never fails. */
#ifndef RUNG_BASE_STATUS_H
#define RUNG_BASE_STATUS_H

#include "base/macros.h"
#include "rung_types.h"

#include <stdarg.h>

/* Makes a status; `code` is not RUNG_OK. The message says what, where and the remedy, in one line. */
rung_status *rung_status_make(rung_code code, const char *file, int line, const char *format, ...)
    RUNG_PRINTF(4, 5) RUNG_MUST_CHECK RUNG_NEVER_NULL;
rung_status *rung_status_make_v(rung_code code, const char *file, int line, const char *format,
                                va_list args) RUNG_MUST_CHECK;
rung_status *rung_status_out_of_memory(void) RUNG_NEVER_NULL;

/* Puts "text: " before the message. Takes the status and returns it or its replacement; NULL stays NULL. */
rung_status *rung_status_prefix(rung_status *status, const char *format, ...) RUNG_PRINTF(2, 3) RUNG_MUST_CHECK;

/* The same failure as a matter of `code`; out of memory stays what it is. */
void rung_status_recode(rung_status *status, rung_code code);

#define RUNG_ERROR(code, ...) rung_status_make(RUNG_##code, __FILE__, __LINE__, __VA_ARGS__)

#define RUNG_TRY(expr)                             \
  do {                                             \
    rung_status *rung_try_status_ = (expr);        \
    if (rung_try_status_) return rung_try_status_; \
  } while (0)

/* The same for functions with one way out: sets `status` and jumps. */
#define RUNG_TRY_GOTO(label, expr)     \
  do {                                 \
    if ((status = (expr))) goto label; \
  } while (0)

#define RUNG_REQUIRE(condition, code, ...)                  \
  do {                                                      \
    if (!(condition)) return RUNG_ERROR(code, __VA_ARGS__); \
  } while (0)

#define RUNG_CHECK_ALLOC(pointer)                       \
  do {                                                  \
    if (!(pointer)) return rung_status_out_of_memory(); \
  } while (0)

/* Public in rung.h: */
rung_code rung_status_code(const rung_status *status);
const char *rung_status_message(const rung_status *status);
void rung_status_free(rung_status *status);
const char *rung_code_name(rung_code code);
const char *rung_code_advice(rung_code code);
const char *rung_status_origin(const rung_status *status, int *out_line);

#endif
