/* The profile of a session's last run as a file: JSON, a page, or events that chrome://tracing and Perfetto read. */
#ifndef RUNG_TOOL_PROFILE_OUT_H
#define RUNG_TOOL_PROFILE_OUT_H

#include "setup.h"

typedef enum profile_format { PROFILE_BY_NAME, PROFILE_JSON, PROFILE_HTML, PROFILE_CHROME } profile_format;

/* For an option "json|html|chrome"; at its offset is a profile_format. */
int set_profile_format(const option *self, const char *value, void *settings);

typedef struct profile_times {
  double first, least; /* seconds of a run */
  int64_t runs;
} profile_times;

/* PROFILE_BY_NAME: a page for .html, Chrome's events for .trace.json, else JSON. */
int profile_write(const setup *s, const char *model, const profile_times *times, profile_format format,
                  const char *path);

#endif
