/* The verbs of rung_doctor.h, except those of report.c and child.c; and the helpers by which findings are made. */
#include "doctor/doctor.h"

#include "base/status.h"
#include "doctor/files.h"
#include "doctor/machine.h"

#include <stdio.h>
#include <stdlib.h>

/* Codes */

static const struct {
  const char *text;
  rung_doctor_severity severity;
} codes[] = {
#define RUNG_DOCTOR_CODE(name, text, severity, meaning) {text, RUNG_DOCTOR_##severity},
#include "doctor/codes.inc"
#undef RUNG_DOCTOR_CODE
#define RUNG_LOG_TEXT(name, code, severity, rank, patterns, title, cause, fix) {code, RUNG_DOCTOR_##severity},
#include "doctor/log_texts.inc"
#undef RUNG_LOG_TEXT
};

const char *rung_doctor_severity_name(rung_doctor_severity severity) {
  static const char *const names[] = {"note", "warning", "broken"};
  return names[RUNG_CLAMP(severity, 0, 2)];
}

/* Texts */

static const char *printed(doctor *d, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  char *text = size >= 0 ? rung_arena_alloc(&d->report->arena, (size_t)size + 1, 1) : NULL;
  if (text) vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  if (text) return text;
  d->failed = true;
  return "";
}

const char *rung__doctor_printf(doctor *d, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = printed(d, format, args);
  va_end(args);
  return text;
}

const char *rung__doctor_copy(doctor *d, const char *data, size_t size) {
  const char *text = rung_arena_copy(&d->report->arena, data, size);
  if (text) return text;
  d->failed = true;
  return "";
}

void *rung__doctor_alloc(doctor *d, size_t count, size_t size) {
  void *block = rung_arena_alloc(&d->report->arena, count, size);
  if (!block) d->failed = true;
  return block;
}

void rung__doctor_add(doctor *d, doctor_list *list, const char *text) {
  if (d->failed || !rung_vec_reserve(d->allocator, list, list->count + 1)) {
    d->failed = true;
    return;
  }
  list->at[list->count++] = text;
}

bool rung__doctor_has(const doctor_list *list, const char *text) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->at[i], text) == 0) return true;
  return false;
}

const char *rung__doctor_join(doctor *d, const doctor_list *list) {
  const char *text = "";
  for (size_t i = 0; i < list->count; i++)
    text = rung__doctor_printf(d, "%s%s%s", text, !i ? "" : i + 1 < list->count ? ", " : " and ", list->at[i]);
  return text;
}

const char *rung__doctor_variable(const doctor *d, const char *name) {
  size_t size = strlen(name);
  for (const char *const *at = d->request->environment; at && *at; at++)
    if (strncmp(*at, name, size) == 0 && (*at)[size] == '=') return *at + size + 1;
  return NULL;
}

/* In one line, and fit for a terminal. */
static const char *cleaned(doctor *d, const char *text) {
  size_t size = strlen(text);
  bool dirty = false;
  for (size_t i = 0; i < size; i++) dirty |= (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
  if (!dirty) return text;
  char *out = rung__doctor_alloc(d, size * 4 + 1, 1);
  if (!out) return "";
  size_t at = 0;
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte >= 0x20 && byte != 0x7f)
      out[at++] = (char)byte;
    else
      at += (size_t)snprintf(out + at, 5, "\\x%02x", byte);
  }
  return out;
}

/* Findings */

doctor_finding rung__doctor_find_as(doctor *d, doctor_code code, rung_doctor_severity severity, const char *title) {
  doctor_finding f = {d, d->report->findings.count};
  const char **evidence = rung__doctor_alloc(d, DOCTOR_MOST_EVIDENCE, sizeof *evidence);
  rung_doctor_finding finding = {codes[code].text, severity, d->subject, cleaned(d, title), "", "", 0, evidence};
  if (!rung_vec_push(d->allocator, &d->report->findings, finding)) d->failed = true;
  return f;
}

doctor_finding rung__doctor_find(doctor *d, doctor_code code, const char *title) {
  return rung__doctor_find_as(d, code, codes[code].severity, title);
}

static rung_doctor_finding *at(doctor_finding f) { return f.d->failed ? NULL : &f.d->report->findings.at[f.index]; }

void rung__doctor_because(doctor_finding f, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = cleaned(f.d, printed(f.d, format, args));
  va_end(args);
  if (at(f)) at(f)->cause = text;
}

void rung__doctor_mend(doctor_finding f, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = cleaned(f.d, printed(f.d, format, args));
  va_end(args);
  if (at(f)) at(f)->fix = text;
}

void rung__doctor_show(doctor_finding f, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = cleaned(f.d, printed(f.d, format, args));
  va_end(args);
  rung_doctor_finding *finding = at(f);
  if (finding && finding->evidence_count < DOCTOR_MOST_EVIDENCE)
    ((const char **)finding->evidence)[finding->evidence_count++] = text;
}

void rung__doctor_fact(doctor *d, const char *name, const char *format, ...) {
  va_list args;
  va_start(args, format);
  rung_doctor_fact fact = {d->subject, name, cleaned(d, printed(d, format, args))};
  va_end(args);
  if (!rung_vec_push(d->allocator, &d->report->facts, fact)) d->failed = true;
}

bool rung__doctor_found(const doctor *d, doctor_code code, const char *subject) {
  for (size_t i = 0; i < d->report->findings.count; i++) {
    const rung_doctor_finding *f = &d->report->findings.at[i];
    if (strcmp(f->code, codes[code].text) == 0 && (!subject || strcmp(f->subject, subject) == 0)) return true;
  }
  return false;
}

/* The worst first; those of equal severity stay in their order. */
static void sort_findings(rung_doctor_report *report) {
  for (size_t i = 1; i < report->findings.count; i++) {
    rung_doctor_finding one = report->findings.at[i];
    size_t k = i;
    for (; k && report->findings.at[k - 1].severity < one.severity; k--)
      report->findings.at[k] = report->findings.at[k - 1];
    report->findings.at[k] = one;
  }
}

/* The whole */

void rung_doctor_request_init(rung_doctor_request *request) {
  *request = (rung_doctor_request){.struct_size = sizeof *request};
}

/* Below the root lies no system: an empty folder, a disk that is not mounted, an image that was not unpacked. */
static void look_at_root(doctor *d) {
  static const char *const folders[] = {"/bin", "/etc", "/lib", "/usr", "/opt", "/home", "/proc", "/dev", "/Windows"};
  if (!d->root[0]) return;
  for (size_t i = 0; i < RUNG_COUNT(folders); i++)
    if (rung__doctor_exists(d, folders[i])) return;
  for (size_t i = 0; i < d->report->facts.count; i++) /* a folder with an installation alone will do */
    if (strcmp(d->report->facts.at[i].name, "onnxruntime") == 0 &&
        strncmp(d->report->facts.at[i].value, "none", 4) != 0)
      return;
  const doctor_list *names = rung__doctor_names(d, "/");
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ROOT_EMPTY, rung__doctor_printf(d, "no system lies below %s", d->root));
  rung__doctor_because(f, "an empty folder, a disk that is not mounted, or an image that was saved and not unpacked");
  rung__doctor_show(f, names->count ? "it holds %s%s, and neither usr nor etc nor lib" : "it is empty",
                    names->count ? names->at[0] : "", names->count > 1 ? " and others" : "");
  rung__doctor_mend(f, "name the folder that holds usr and etc (of an image: docker export CONTAINER | tar -x -C %s)",
                    d->root);
}

static rung_status *look(doctor *d) {
  unsigned what = d->request->what;
  if (what & (RUNG_DOCTOR_PROVIDERS | RUNG_DOCTOR_ONNXRUNTIME | RUNG_DOCTOR_PROCESS)) rung__doctor_look_at_machine(d);
  if (what & RUNG_DOCTOR_LOG) rung__doctor_explain(d, d->request->log, d->request->log_size);
  if (what & RUNG_DOCTOR_ONNXRUNTIME) RUNG_TRY(rung__doctor_onnxruntime(d));
  if (what & RUNG_DOCTOR_PROCESS) RUNG_TRY(rung__doctor_process(d));
  if (what & RUNG_DOCTOR_PROVIDERS) RUNG_TRY(rung__doctor_providers(d));
  if (what & (RUNG_DOCTOR_PROVIDERS | RUNG_DOCTOR_ONNXRUNTIME)) look_at_root(d);
  return d->failed ? rung_status_out_of_memory() : NULL;
}

static void finish(doctor *d) {
  for (size_t i = 0; i < d->lists.count; i++) rung_vec_free(d->allocator, d->lists.at[i]);
  rung_vec_free(d->allocator, &d->lists);
  rung__machine_free(d);
}

rung_status *rung_doctor_examine(const rung_doctor_request *request, rung_doctor_report **out_report) {
  RUNG_REQUIRE(request && out_report, INVALID_ARGUMENT, "%s: an argument is NULL", __func__);
  RUNG_REQUIRE(request->struct_size >= sizeof *request, INVALID_ARGUMENT,
               "%s: struct_size is %zu, not set by rung_doctor_request_init?", __func__, request->struct_size);
  const rung_allocator *allocator = request->allocator ? request->allocator : &rung_system_allocator;
  rung_doctor_report *report = rung_alloc(allocator, 1, sizeof *report, "doctor");
  RUNG_CHECK_ALLOC(report);
  report->allocator = allocator;
  report->what = request->what;
  rung_arena_init(&report->arena, allocator);
  doctor d = {.request = request,
              .allocator = allocator,
              .report = report,
              .root = request->root ? request->root : "",
              .subject = "machine"};
  rung_status *status = look(&d);
  const char *home = rung__doctor_variable(&d, "HOME");
  report->home = home && home[0] == '/' && home[1] ? rung__doctor_copy(&d, home, strlen(home)) : NULL;
  report->host = rung__doctor_line(&d, "/proc/sys/kernel/hostname");
  if (d.failed) { /* whatever else it looked like */
    rung_status_free(status);
    status = rung_status_out_of_memory();
  }
  finish(&d);
  if (status) {
    rung_doctor_report_free(&report);
    return status;
  }
  sort_findings(report);
  *out_report = report;
  return NULL;
}

void rung_doctor_report_free(rung_doctor_report **report_slot) {
  rung_doctor_report *report = *report_slot;
  *report_slot = NULL;
  if (!report) return;
  rung_vec_free(report->allocator, &report->findings);
  rung_vec_free(report->allocator, &report->facts);
  rung_arena_finish(&report->arena);
  rung_free(report->allocator, report);
}

size_t rung_doctor_finding_count(const rung_doctor_report *report) { return report->findings.count; }

const rung_doctor_finding *rung_doctor_finding_at(const rung_doctor_report *report, size_t index) {
  return index < report->findings.count ? &report->findings.at[index] : NULL;
}

size_t rung_doctor_fact_count(const rung_doctor_report *report) { return report->facts.count; }

const rung_doctor_fact *rung_doctor_fact_at(const rung_doctor_report *report, size_t index) {
  return index < report->facts.count ? &report->facts.at[index] : NULL;
}

int rung_doctor_worst(const rung_doctor_report *report) {
  return report->findings.count ? (int)report->findings.at[0].severity : -1;
}
