/* What the rooms of the doctor share: an examination, and how findings come out of it.
 *
 * doctor.c        the verbs of rung_doctor.h, and which room is entered
 * files.c         files below the request's root
 * vendor.c        names of vendors' libraries, the packages that bring them, driver floors, graphics processors
 * machine.c       drivers, devices, containers, the C library
 * linker.c        where the loader would find what a library needs
 * dist.c          metadata of Python packages
 * conda.c         packages of conda
 * python.c        Python environments
 * ort_*.c         rules on installations of ONNX Runtime
 * provider_*.c    rules on providers
 * explain.c       texts of logs (log_texts.inc)
 * child.c         libraries loaded in a child
 * process.c       a running process
 * report.c        findings as JSON, and without what is private
 *
 * All texts live in the arena of the report. When memory runs out, `failed` is set, texts come out empty, and the
 * examination ends with that error: rules need not check. */
#ifndef RUNG_DOCTOR_DOCTOR_H
#define RUNG_DOCTOR_DOCTOR_H

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"
#include "rung_doctor.h"

/* Codes of findings: THE lists are codes.inc and log_texts.inc. */
typedef enum doctor_code {
#define RUNG_DOCTOR_CODE(name, text, severity, meaning) DOCTOR_##name,
#include "doctor/codes.inc"
#undef RUNG_DOCTOR_CODE
#define RUNG_LOG_TEXT(name, code, severity, rank, patterns, title, cause, fix) DOCTOR_LOG_##name,
#include "doctor/log_texts.inc"
#undef RUNG_LOG_TEXT
  DOCTOR_CODE_COUNT
} doctor_code;

enum { DOCTOR_MOST_EVIDENCE = 8 };

struct rung_doctor_report {
  const rung_allocator *allocator;
  rung_arena arena;
  RUNG_VEC(rung_doctor_finding) findings;
  RUNG_VEC(rung_doctor_fact) facts;
  const char *home, *host; /* for scrubbing; NULL: unknown */
  unsigned what;
};

typedef struct doctor_list {
  const char **at;
  size_t count, capacity;
} doctor_list;

typedef struct doctor {
  const rung_doctor_request *request;
  const rung_allocator *allocator;
  rung_doctor_report *report;
  const char *root;    /* "" for none */
  const char *subject; /* of the findings that are made now */
  bool failed;         /* out of memory */
  struct machine *machine;
  RUNG_VEC(doctor_list *) lists; /* to be freed */
} doctor;

/* Texts and lists in the arena; never NULL. */
const char *rung__doctor_printf(doctor *d, const char *format, ...) RUNG_PRINTF(2, 3);
const char *rung__doctor_copy(doctor *d, const char *data, size_t size);
/* "a, b and c" */
const char *rung__doctor_join(doctor *d, const doctor_list *list);
void rung__doctor_add(doctor *d, doctor_list *list, const char *text);
bool rung__doctor_has(const doctor_list *list, const char *text);
void *rung__doctor_alloc(doctor *d, size_t count, size_t size); /* NULL when out of memory: then d->failed */

/* The value of a variable in the request; NULL: not set. */
const char *rung__doctor_variable(const doctor *d, const char *name);

/* A finding with the severity of its code. Texts may be anything; control characters are written out. `cause` and `fix`
 * may be NULL. Evidence is added to the finding that is returned, which is good until the next one is made. */
typedef struct doctor_finding {
  doctor *d;
  size_t index;
} doctor_finding;
doctor_finding rung__doctor_find(doctor *d, doctor_code code, const char *title);
doctor_finding rung__doctor_find_as(doctor *d, doctor_code code, rung_doctor_severity severity, const char *title);
void rung__doctor_because(doctor_finding f, const char *format, ...) RUNG_PRINTF(2, 3);
void rung__doctor_mend(doctor_finding f, const char *format, ...) RUNG_PRINTF(2, 3);
void rung__doctor_show(doctor_finding f, const char *format, ...) RUNG_PRINTF(2, 3);
void rung__doctor_fact(doctor *d, const char *name, const char *format, ...) RUNG_PRINTF(3, 4);
/* Is there a finding of that code on d->subject (NULL: on any)? */
bool rung__doctor_found(const doctor *d, doctor_code code, const char *subject);

/* Rooms */
void rung__doctor_machine_rules(doctor *d);
rung_status *rung__doctor_providers(doctor *d) RUNG_MUST_CHECK;
rung_status *rung__doctor_onnxruntime(doctor *d) RUNG_MUST_CHECK;
/* What the loader's words mean, by the texts of logs; false: they are none of them. */
bool rung__doctor_meaning(doctor *d, const char *words, const char **out_cause, const char **out_fix);
void rung__doctor_explain(doctor *d, const char *log, size_t size);
rung_status *rung__doctor_process(doctor *d) RUNG_MUST_CHECK;

#endif
