#include "profile_out.h"

#include "disk.h"
#include "json_out.h"
#include "page.h"

#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {[PROFILE_JSON] = "json", [PROFILE_HTML] = "html", [PROFILE_CHROME] = "chrome"};

int set_profile_format(const option *self, const char *value, void *settings) {
  for (int i = PROFILE_JSON; i <= PROFILE_CHROME; i++)
    if (strcmp(value, formats[i]) == 0) {
      *(profile_format *)((char *)settings + self->offset) = (profile_format)i;
      return 0;
    }
  return fail(EXIT_USAGE, "--%s %s: json, html or chrome is needed", self->name, clean(value));
}

/* Chrome's trace events. A thread of theirs is a thread of the run, or a provider of the plan with its islands. */

enum { ISLANDS = 100000 }; /* the number of the first provider's thread; the pool has fewer */

static int islands_thread(const rung_plan *plan, const char *provider) {
  size_t i = 0;
  while (i < plan->provider_count && strcmp(plan->providers[i].name, provider) != 0) i++;
  return ISLANDS + (int)i; /* the host's behind the last */
}

static void put_thread_name(int64_t thread, const char *name) {
  json_object(NULL);
  json_text("name", "thread_name");
  json_text("ph", "M");
  json_count("pid", 1);
  json_count("tid", thread);
  json_object("args");
  json_text("name", name);
  json_end();
  json_end();
}

static void put_thread_names(const rung_session *session) {
  const rung_plan *plan = rung_session_plan(session);
  uint32_t most = 0;
  for (size_t i = 0; i < rung_session_profile_count(session); i++) {
    rung_profile_event event = {.struct_size = sizeof event};
    rung_status *status = rung_session_profile_event(session, i, &event);
    if (!status && event.thread > most) most = event.thread;
    rung_status_free(status);
  }
  for (uint32_t i = 0; i <= most; i++) {
    char *name = format_text(i ? "thread %u" : "thread %u (caller)", i);
    put_thread_name(i, name);
    free(name);
  }
  for (size_t i = 0; i <= plan->provider_count; i++) {
    char *name = format_text("%s: islands", i < plan->provider_count ? plan->providers[i].name : "host");
    put_thread_name(ISLANDS + (int64_t)i, name);
    free(name);
  }
}

static void put_event(const rung_plan *plan, const rung_profile_event *event) {
  bool is_island = !event->node && !event->thread;
  char *island = is_island ? format_text("%u %s", event->nodes, plural(event->nodes, "node", "nodes")) : NULL;
  json_object(NULL);
  json_text("name", island ? island : event->op_type ? event->op_type : "part");
  json_text("cat", event->provider);
  json_text("ph", "X");
  json_number("ts", (double)event->start_ns / 1e3); /* microseconds */
  json_number("dur", (double)event->duration_ns / 1e3);
  json_count("pid", 1);
  json_count("tid", is_island ? islands_thread(plan, event->provider) : (int)event->thread);
  json_object("args");
  json_text("node", event->node);
  json_text("graph", event->graph);
  json_text("provider", event->provider);
  json_end();
  json_end();
  free(island);
}

static int write_chrome(const setup *s, const char *path) {
  int code = 0;
  json_aside();
  json_object(NULL);
  json_text("displayTimeUnit", "ns");
  json_array("traceEvents");
  put_thread_names(s->session);
  for (size_t i = 0; !code && i < rung_session_profile_count(s->session); i++) {
    rung_profile_event event = {.struct_size = sizeof event};
    code = fail_status(rung_session_profile_event(s->session, i, &event));
    if (!code) put_event(rung_session_plan(s->session), &event);
  }
  json_end();
  json_end();
  char *text = json_aside_end();
  if (!code) code = write_file(path, text, strlen(text));
  free(text);
  return code;
}

/* The other two */

static int write_json(const setup *s, const char *path) {
  char *text;
  TRY_STATUS(rung_session_profile_json(s->session, &text));
  int code = write_file(path, text, strlen(text));
  rung_text_free(text);
  return code;
}

static int write_page(const setup *s, const char *model, const profile_times *times, const char *path) {
  char *text;
  page_begin("run", model);
  json_object("seconds");
  json_number("load", s->load_seconds);
  json_number("compile", s->session_seconds);
  json_number("first_run", times->first);
  json_number("least_run", times->least);
  json_count("runs", times->runs);
  json_end();
  TRY(page_add_session(s->session));
  TRY_STATUS(rung_session_profile_json(s->session, &text));
  json_raw("profile", text);
  rung_text_free(text);
  return page_write(path);
}

int profile_write(const setup *s, const char *model, const profile_times *times, profile_format format,
                  const char *path) {
  if (format == PROFILE_BY_NAME)
    format = ends_with(path, ".html") ? PROFILE_HTML : ends_with(path, ".trace.json") ? PROFILE_CHROME : PROFILE_JSON;
  if (format == PROFILE_HTML) return write_page(s, model, times, path);
  return format == PROFILE_CHROME ? write_chrome(s, path) : write_json(s, path);
}
