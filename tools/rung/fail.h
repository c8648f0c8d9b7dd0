/* Exit codes of the tool, and the reason that main prints as the last line on standard error.
 *
 * Functions that can fail return an exit code, 0 when all went well, after they have said why through fail. */
#ifndef RUNG_TOOL_FAIL_H
#define RUNG_TOOL_FAIL_H

#include "rung.h"

enum {
  EXIT_OK = 0,
  EXIT_DIFFERENT = 1, /* the answer is no: outputs differ, the model cannot run */
  EXIT_USAGE = 2,     /* the command line is wrong */
  EXIT_STATUS = 10,   /* and the code of a status: EXIT_OF */
};
#define EXIT_OF(code) (EXIT_STATUS + RUNG_##code)

#if defined(__GNUC__) || defined(__clang__)
#define PRINTF(words, first) __attribute__((format(printf, words, first)))
#else
#define PRINTF(words, first)
#endif

/* Keeps the reason; returns exit_code. */
int fail(int exit_code, const char *format, ...) PRINTF(2, 3);
/* 0 for NULL. Else keeps the status's message, frees the status and returns its exit code. */
int fail_status(rung_status *status);
/* Puts words before the reason that is kept; returns exit_code. With 0 it does nothing. */
int fail_within(int exit_code, const char *format, ...) PRINTF(2, 3);

/* The reason of the last failure: its first line, and what follows (NULL: nothing). */
const char *fail_reason(void);
const char *fail_details(void);
/* "src/model/wire.c:17" where the library raised it; "" when the tool did. */
const char *fail_origin(void);

#define TRY(expression)              \
  do {                               \
    int try_code_ = (expression);    \
    if (try_code_) return try_code_; \
  } while (0)
#define TRY_STATUS(expression) TRY(fail_status(expression))

#endif
