/* rung_doctor: why is a provider not usable here, and what mends it?
 *
 * It looks at files: the machine's drivers and devices, the headers of libraries and where the loader would find them,
 * Python environments and the packages in them, texts of logs, what a process has mapped. It loads nothing into the
 * caller; where only loading tells, a child process does it under a time limit. It reads no environment variables and
 * prints nothing: what it should know of them stands in the request.
 *
 * In a library of its own, librung_doctor.a, which needs librung.a. */
#ifndef RUNG_DOCTOR_H
#define RUNG_DOCTOR_H

#include "rung_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rung_doctor_severity {
  RUNG_DOCTOR_NOTE,    /* worth knowing; nothing needs to be done */
  RUNG_DOCTOR_WARNING, /* works, but not under all circumstances, or not as fast as it could */
  RUNG_DOCTOR_BROKEN,  /* does not work */
} rung_doctor_severity;

/* What to look at: a set of these. */
enum {
  RUNG_DOCTOR_PROVIDERS = 1,   /* providers of this machine: `provider`, or all that its hardware could run */
  RUNG_DOCTOR_ONNXRUNTIME = 2, /* installations of ONNX Runtime: `path`, or every Python environment that is found */
  RUNG_DOCTOR_LOG = 4,         /* the texts of `log` */
  RUNG_DOCTOR_PROCESS = 8,     /* process `pid` */
};

typedef struct rung_doctor_request {
  size_t struct_size;
  const rung_allocator *allocator; /* NULL: malloc */
  unsigned what;                   /* a set of RUNG_DOCTOR_... */
  const char *provider; /* rung's or ONNX Runtime's name; NULL: all. It must work: that it cannot is BROKEN */
  const char *path;     /* site-packages, a virtual or conda environment, an interpreter, a package's folder, a folder
                         * with libonnxruntime.so (or that file); NULL */
  const char *log;      /* bytes of a log; any encoding that begins like UTF-8 or UTF-16 */
  size_t log_size;
  int64_t pid;

  /* The caller's surroundings. */
  const char *root;               /* goes before every path that is looked at: a machine in a folder; NULL: none */
  const char *folder;             /* the caller's working folder, absolute; NULL: unknown */
  const char *const *environment; /* "NAME=value" as for execve, NULL-terminated; NULL: none */

  /* Loading in a child: this program is started with these arguments and "FOLDER LIBRARY..." behind them, and must call
   * rung_doctor_child with what stands behind. NULL: nothing is ever loaded. NULL-terminated. */
  const char *const *helper;
  double helper_seconds; /* the child's time limit; 0: 20 */
} rung_doctor_request;

void rung_doctor_request_init(rung_doctor_request *request);

/* Everything is borrowed from the report. Texts are UTF-8 without control characters. */
typedef struct rung_doctor_finding {
  const char *code; /* stable: "ort.packages-overlap"; docs/doctor-codes.md lists them */
  rung_doctor_severity severity;
  const char *subject; /* what it was found on: an environment's path, a provider, "log", "process 12" */
  const char *title;   /* what is wrong, in one sentence */
  const char *cause;   /* why; "" when the title says it */
  const char *fix;     /* the command that mends it, or what to do; "" when nothing can be done */
  size_t evidence_count;
  const char *const *evidence; /* which file, which name, which version was found, which was wanted */
} rung_doctor_finding;

/* Something that was seen, whatever it means: "nvidia driver" "535.104.05". */
typedef struct rung_doctor_fact {
  const char *subject, *name, *value;
} rung_doctor_fact;

typedef struct rung_doctor_report rung_doctor_report;

/* INVALID_ARGUMENT: a provider that nobody knows. NOT_FOUND: no such path or process. Broken things are findings, not
 * statuses. Any thread; two examinations do not disturb each other. */
rung_status *rung_doctor_examine(const rung_doctor_request *request, rung_doctor_report **out_report);
/* NULL is allowed; clears *report. */
void rung_doctor_report_free(rung_doctor_report **report);

/* The worst first; of equal ones in the order in which they were found. */
size_t rung_doctor_finding_count(const rung_doctor_report *report);
const rung_doctor_finding *rung_doctor_finding_at(const rung_doctor_report *report, size_t index);
size_t rung_doctor_fact_count(const rung_doctor_report *report);
const rung_doctor_fact *rung_doctor_fact_at(const rung_doctor_report *report, size_t index);
/* Of the worst finding; -1: there is none. */
int rung_doctor_worst(const rung_doctor_report *report);
const char *rung_doctor_severity_name(rung_doctor_severity severity);

/* The report as docs/schema/doctor.json describes it. `scrub`: names of users, of the machine and of folders below the
 * user's own are replaced, so that it can be shown to others. Freed by rung_text_free. */
rung_status *rung_doctor_report_json(const rung_doctor_report *report, int scrub, char **out_text);

/* The child's side: loads libraries one after another, starts NVIDIA's driver when it is one of them (cuInit), and
 * tells on standard output how each went. `arguments` are those behind the helper's own. Returns the exit code. */
int rung_doctor_child(int count, char **arguments);

#ifdef __cplusplus
}
#endif
#endif
