/* rung doctor: why a provider, or an ONNX Runtime that is installed, is not usable here, and what mends it. */
#include "commands.h"
#include "disk.h"
#include "json_out.h"
#include "rung_doctor.h"
#include "setup.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

typedef struct doctor_args {
  bool onnxruntime, facts, no_load, strict;
  const char *path, *explain, *report, *root;
  int64_t pid;
  double seconds;
} doctor_args;

static int set_onnxruntime(const option *self, const char *value, void *settings) {
  doctor_args *args = settings;
  (void)self;
  args->onnxruntime = true;
  if (value[0]) args->path = value;
  return 0;
}

static const option doctor_options[] = {
    {"onnxruntime", 'o', "[PATH]",
     "examine installations of ONNX Runtime: a virtual or conda environment, a site-packages folder, an interpreter, a "
     "folder with libonnxruntime.so; without PATH every Python environment that is found",
     set_onnxruntime, 0},
    {"explain", 'e', "FILE", "explain a log: cause and remedy of the texts in it; '-' is standard input", set_text,
     offsetof(doctor_args, explain)},
    {"pid", 0, "N", "look at a running process: what it has loaded, which device it holds", set_count,
     offsetof(doctor_args, pid)},
    {"report", 0, "FILE", "write findings and facts to a file for a bug report, without names of users and machines",
     set_text, offsetof(doctor_args, report)},
    {"facts", 0, NULL, "print what was seen, too: drivers, devices, packages", set_flag, offsetof(doctor_args, facts)},
    {"strict", 0, NULL, "warnings count, too, in the exit code", set_flag, offsetof(doctor_args, strict)},
    {"no-load", 0, NULL, "load no library, not even in a child process", set_flag, offsetof(doctor_args, no_load)},
    {"time-limit", 0, "TIME", "of a child process that loads a library (20s)", set_seconds,
     offsetof(doctor_args, seconds)},
    {"root", 0, "FOLDER", "look at the machine whose files lie below FOLDER: a mounted disk, an unpacked image",
     set_text, offsetof(doctor_args, root)},
    {0}};

static const char story[] =
    "Finds out why a provider, or an ONNX Runtime that is installed, cannot use this machine's devices. Each finding "
    "has\n"
    "a code, the evidence and the command that mends it. Vendors' libraries are read, not loaded; where only loading\n"
    "tells, a child process does it. Exit code 0: nothing is broken; 1: something is.\n"
    "\n"
    "  rung doctor                          this machine and every Python environment on it\n"
    "  rung doctor cuda                     one provider: it must work\n"
    "  rung doctor --onnxruntime venv       one installation of ONNX Runtime\n"
    "  rung doctor --explain log.txt        what a log means\n"
    "  rung doctor --pid 4711               a running program\n"
    "  rung doctor --report report.json     all of it, for a bug report";

/* For people */

static ink ink_of(rung_doctor_severity severity) {
  return severity == RUNG_DOCTOR_BROKEN ? BAD : severity == RUNG_DOCTOR_WARNING ? BOLD : DIM;
}

static void print_finding(const rung_doctor_finding *f) {
  printf("%s%s%s  %s  %s(%s)%s\n", in(ink_of(f->severity)), rung_doctor_severity_name(f->severity), in(PLAIN),
         clean(f->title), in(DIM), f->code, in(PLAIN));
  if (f->cause[0]) printf("  why   %s\n", clean(f->cause));
  for (size_t i = 0; i < f->evidence_count; i++) printf("  %s  %s\n", i ? "    " : "seen", clean(f->evidence[i]));
  if (f->fix[0]) printf("  %sfix%s   %s\n", in(GOOD), in(PLAIN), clean(f->fix));
}

/* One heading for neighbours on the same subject. */
static void print_findings(const rung_doctor_report *report) {
  const char *subject = "";
  for (size_t i = 0; i < rung_doctor_finding_count(report); i++) {
    const rung_doctor_finding *f = rung_doctor_finding_at(report, i);
    if (strcmp(f->subject, subject) != 0) printf("%s%s%s%s\n", i ? "\n" : "", in(BOLD), clean(f->subject), in(PLAIN));
    subject = f->subject;
    print_finding(f);
  }
}

/* All; or what a process was asked for: what it has loaded and holds. */
static void print_facts(const rung_doctor_report *report, bool all) {
  for (size_t i = 0; i < rung_doctor_fact_count(report); i++) {
    const rung_doctor_fact *f = rung_doctor_fact_at(report, i);
    if (!all && !starts_with(f->subject, "process ")) continue;
    printf("%s%s: %s: %s%s\n", in(DIM), clean(f->subject), f->name, clean(f->value), in(PLAIN));
  }
}

static size_t count_of(const rung_doctor_report *report, rung_doctor_severity severity) {
  size_t count = 0;
  for (size_t i = 0; i < rung_doctor_finding_count(report); i++)
    count += rung_doctor_finding_at(report, i)->severity == severity;
  return count;
}

static void print_report(const rung_doctor_report *report, const doctor_args *args) {
  size_t broken = count_of(report, RUNG_DOCTOR_BROKEN), warnings = count_of(report, RUNG_DOCTOR_WARNING);
  if (args->facts || args->pid) print_facts(report, args->facts);
  print_findings(report);
  bool none = false;
  for (size_t i = 0; i < rung_doctor_fact_count(report); i++) {
    const rung_doctor_fact *f = rung_doctor_fact_at(report, i);
    none |= strcmp(f->name, "onnxruntime") == 0 && starts_with(f->value, "none");
  }
  if (args->explain && !rung_doctor_finding_count(report))
    puts("no known trouble in this log");
  else if (!broken && !warnings)
    printf("%shealthy%s: nothing is broken%s\n", in(GOOD), in(PLAIN), none ? "; no ONNX Runtime was found" : "");
}

/* The work */

static int read_log(const doctor_args *args, bytes *log) {
  return args->explain ? read_text_file(args->explain, log) : 0;
}

static int make_request(const doctor_args *args, const char *provider, const bytes *log, rung_doctor_request *request) {
  static char folder[4096], program[4096];
  static const char *helper[] = {program, "doctor-child", NULL};
  rung_doctor_request_init(request);
  bool others = args->explain || args->pid;
  if (args->root && !is_folder(args->root))
    return fail(EXIT_OF(NOT_FOUND), "--root %s: there is no such folder", clean(args->root));
  if (args->onnxruntime || (!others && !provider)) request->what |= RUNG_DOCTOR_ONNXRUNTIME;
  if (provider || (!others && !args->path)) request->what |= RUNG_DOCTOR_PROVIDERS;
  if (args->explain) request->what |= RUNG_DOCTOR_LOG;
  if (args->pid) request->what |= RUNG_DOCTOR_PROCESS;
  request->provider = provider;
  request->path = args->path;
  request->log = (const char *)log->data;
  request->log_size = log->size;
  request->pid = args->pid;
  request->root = args->root;
  request->environment = (const char *const *)environ;
  request->folder = args->root ? NULL : getcwd(folder, sizeof folder);
  ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
  if (size > 0 && !args->no_load) request->helper = helper;
  request->helper_seconds = args->seconds;
  return 0;
}

static int write_report(const rung_doctor_report *report, const char *path) {
  char *text;
  TRY_STATUS(rung_doctor_report_json(report, 1, &text));
  int code = write_file(path, text, strlen(text));
  rung_text_free(text);
  return code;
}

static int show(const rung_doctor_report *report, const doctor_args *args, bool json) {
  if (!json) {
    print_report(report, args);
    return 0;
  }
  char *text;
  TRY_STATUS(rung_doctor_report_json(report, 0, &text));
  json_raw(NULL, text);
  rung_text_free(text);
  return 0;
}

static int judge(const rung_doctor_report *report, bool strict) {
  size_t broken = count_of(report, RUNG_DOCTOR_BROKEN), warnings = count_of(report, RUNG_DOCTOR_WARNING);
  if (broken) return fail(EXIT_DIFFERENT, "%zu %s broken", broken, plural(broken, "thing is", "things are"));
  if (strict && warnings) return fail(EXIT_DIFFERENT, "%zu %s", warnings, plural(warnings, "warning", "warnings"));
  return 0;
}

/* "doctor --onnxruntime cuda" means the provider, unless there is such a file. */
static void sort_operands(doctor_args *args, const char **provider, const char *const *operands, int count) {
  for (int i = 0; i < count; i++) {
    if (args->onnxruntime && !args->path &&
        (strchr(operands[i], '/') || is_folder(operands[i]) || strstr(operands[i], ".so")))
      args->path = operands[i];
    else
      *provider = operands[i];
  }
}

static int run(const command *self, int argc, char **argv) {
  static doctor_args args;
  static output_args output;
  const char *operands[2], *provider = NULL;
  int count;
  TRY(args_parse(self, argc, argv, (void *[]){&args, &output}, operands, 2, &count));
  sort_operands(&args, &provider, operands, count);
  bytes log = {0};
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  int code = read_log(&args, &log);
  if (!code) code = make_request(&args, provider, &log, &request);
  progress_begin("looking");
  if (!code) code = fail_status(rung_doctor_examine(&request, &report));
  progress_end();
  if (!code && args.report) code = write_report(report, args.report);
  if (!code) code = show(report, &args, output.json);
  if (!code) code = judge(report, args.strict);
  rung_doctor_report_free(&report);
  free_bytes(&log);
  return code;
}

int doctor_child(int argc, char **argv) { return rung_doctor_child(argc, argv); }

const command doctor_cmd = {.name = "doctor",
                            .operands = "[PROVIDER]",
                            .summary = "find out why a provider or an installed ONNX Runtime does not work here",
                            .story = story,
                            .groups = {{"Options", doctor_options}, {"Format", output_options}},
                            .run = run};
