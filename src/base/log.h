/* Log lines go to the callback of the environment, or nowhere. A provider's refusal is not an error and is not logged
 * as one. */
#ifndef RUNG_BASE_LOG_H
#define RUNG_BASE_LOG_H

#include "base/macros.h"
#include "rung_types.h"

typedef struct rung_log {
  rung_log_fn write; /* NULL: silent */
  void *user;
  rung_log_level level; /* lines below it are dropped before they are formatted */
} rung_log;

/* `log` may be NULL. Lines longer than 1 KiB are cut. */
void rung_log_line(const rung_log *log, rung_log_level level, const char *format, ...) RUNG_PRINTF(3, 4);

#endif
