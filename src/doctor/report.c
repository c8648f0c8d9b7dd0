/* Findings and facts as JSON; and without what is private, for bug reports. */
#include "base/json.h"
#include "base/status.h"
#include "doctor/doctor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* What is replaced in every text. Longer ones first. */
enum { MOST_PLACES = 32 };

typedef struct scrubber {
  const char *home, *host;
  const char *places[MOST_PLACES]; /* environments outside the system's folders */
  size_t place_count;
  char user[64], place[16];
  bool on;
} scrubber;

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.'; }

/* Is `word` at `at`, as a whole name? */
static bool is_at(const char *text, size_t at, const char *word) {
  size_t size = word ? strlen(word) : 0;
  if (size < 2 || strncmp(text + at, word, size) != 0) return false;
  bool begins = at == 0 || (!is_name(text[at - 1]) && (text[at] != '/' || text[at - 1] != '/'));
  return begins && !is_name(text[at + size]);
}

/* "/home/anna/x" becomes "~/x"; other people's homes, "C:\Users\anna" and "/Users/anna" lose the name. */
static size_t skip_home(const char *text, size_t at, const char **out_word) {
  static const char *const starts[] = {"/home/", "/Users/", "\\Users\\", "/mnt/c/Users/"};
  for (size_t i = 0; i < RUNG_COUNT(starts); i++) {
    size_t size = strlen(starts[i]);
    if (strncmp(text + at, starts[i], size) != 0 || !is_name(text[at + size])) continue;
    while (is_name(text[at + size]) || text[at + size] == ' ') {
      if (text[at + size] == ' ' && !strchr(text + at + size, '\\')) break;
      size++;
    }
    *out_word = "~";
    return size;
  }
  return 0;
}

/* An environment's path becomes its number; /usr and /opt tell nothing about anybody. */
static size_t skip_place(scrubber *s, const char *text, size_t at, const char **out_word) {
  for (size_t i = 0; i < s->place_count; i++) {
    if (!is_at(text, at, s->places[i])) continue;
    snprintf(s->place, sizeof s->place, "ENV%zu", i + 1);
    *out_word = s->place;
    return strlen(s->places[i]);
  }
  return 0;
}

static void find_places(scrubber *s, const rung_doctor_report *report) {
  static const char *const common[] = {"/usr", "/opt/conda", "/opt/venv", "/venv"};
  for (size_t i = 0; i < report->facts.count && s->place_count < MOST_PLACES; i++) {
    const char *path = report->facts.at[i].subject;
    bool known = path[0] != '/' || (s->home && is_at(path, 0, s->home));
    for (size_t k = 0; k < RUNG_COUNT(common); k++) known |= strncmp(path, common[k], strlen(common[k])) == 0;
    for (size_t k = 0; k < s->place_count; k++) known |= strcmp(s->places[k], path) == 0;
    if (!known) s->places[s->place_count++] = path;
  }
}

static void append_scrubbed(scrubber *s, rung_text *out, const char *text) {
  for (size_t at = 0; text[at];) {
    const char *word = NULL;
    size_t skip = 0;
    if (is_at(text, at, s->home)) skip = strlen(s->home), word = "~";
    if (!skip) skip = skip_place(s, text, at, &word);
    if (!skip) skip = skip_home(text, at, &word);
    if (!skip && is_at(text, at, s->host)) skip = strlen(s->host), word = "HOST";
    if (!skip && is_at(text, at, s->user)) skip = strlen(s->user), word = "USER";
    if (skip)
      rung_text_append(out, word, strlen(word));
    else
      rung_text_append(out, text + at, 1);
    at += skip ? skip : 1;
  }
}

typedef struct writer {
  rung_json json;
  scrubber *scrub;
  const rung_allocator *allocator;
  bool failed;
} writer;

static void put_text(writer *w, const char *key, const char *text) {
  if (key) rung_json_key(&w->json, key);
  if (!w->scrub->on) {
    rung_json_str(&w->json, rung_str_of(text));
    return;
  }
  rung_text clean;
  rung_text_init(&clean, w->allocator);
  append_scrubbed(w->scrub, &clean, text);
  rung_json_str(&w->json, (rung_str){clean.data ? clean.data : "", clean.size});
  w->failed |= clean.failed;
  rung_text_finish(&clean);
}

static void put_finding(writer *w, const rung_doctor_finding *f) {
  rung_json_begin_object(&w->json);
  put_text(w, "code", f->code);
  put_text(w, "severity", rung_doctor_severity_name(f->severity));
  put_text(w, "subject", f->subject);
  put_text(w, "title", f->title);
  put_text(w, "cause", f->cause);
  rung_json_key(&w->json, "evidence");
  rung_json_begin_array(&w->json);
  for (size_t i = 0; i < f->evidence_count; i++) put_text(w, NULL, f->evidence[i]);
  rung_json_end_array(&w->json);
  put_text(w, "fix", f->fix);
  rung_json_end_object(&w->json);
}

static void put_report(writer *w, const rung_doctor_report *report) {
  size_t counts[3] = {0};
  for (size_t i = 0; i < report->findings.count; i++) counts[report->findings.at[i].severity]++;
  rung_json_begin_object(&w->json);
  rung_json_key(&w->json, "healthy");
  rung_json_bool(&w->json, counts[RUNG_DOCTOR_BROKEN] == 0);
  for (int s = RUNG_DOCTOR_BROKEN; s >= RUNG_DOCTOR_NOTE; s--) {
    static const char *const names[] = {"notes", "warnings", "broken"};
    rung_json_key(&w->json, names[s]);
    rung_json_u64(&w->json, counts[s]);
  }
  rung_json_key(&w->json, "findings");
  rung_json_begin_array(&w->json);
  for (size_t i = 0; i < report->findings.count; i++) put_finding(w, &report->findings.at[i]);
  rung_json_end_array(&w->json);
  rung_json_key(&w->json, "facts");
  rung_json_begin_array(&w->json);
  for (size_t i = 0; i < report->facts.count; i++) {
    rung_json_begin_object(&w->json);
    put_text(w, "subject", report->facts.at[i].subject);
    put_text(w, "name", report->facts.at[i].name);
    put_text(w, "value", report->facts.at[i].value);
    rung_json_end_object(&w->json);
  }
  rung_json_end_array(&w->json);
  rung_json_end_object(&w->json);
}

rung_status *rung_doctor_report_json(const rung_doctor_report *report, int scrub, char **out_text) {
  RUNG_REQUIRE(report && out_text, INVALID_ARGUMENT, "%s: an argument is NULL", __func__);
  scrubber s = {.home = report->home, .host = report->host, .on = scrub != 0};
  const char *slash = report->home ? strrchr(report->home, '/') : NULL;
  if (slash && strlen(slash + 1) < sizeof s.user && strcmp(slash + 1, "root") != 0) strcpy(s.user, slash + 1);
  if (scrub) find_places(&s, report);
  rung_text text;
  rung_text_init(&text, &rung_system_allocator); /* from malloc, as rung_text_free wants it */
  writer w = {.scrub = &s, .allocator = report->allocator};
  rung_json_init(&w.json, &text, 2);
  put_report(&w, report);
  rung_text_append(&text, "\n", 1);
  if (text.failed || w.failed) {
    rung_text_finish(&text);
    return rung_status_out_of_memory();
  }
  *out_text = text.data;
  return NULL;
}
