/* rung, the command line: finds the command, lets it run, and says how that ended. */
#include "commands.h"
#include "help.h"
#include "json_out.h"
#include "manual.h"
#include "picture.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const command *const all_commands[] = {&run_cmd,     &inspect_cmd, &plan_cmd,      &check_cmd, &bench_cmd, &measure_cmd,
                                       &compile_cmd, &cache_cmd,   &providers_cmd, &ops_cmd,   &help_cmd,  NULL};

void print_version(bool json) {
  const char *arrays = RUNG_HAVE_ZLIB ? "npy, npz" : "npy, npz (stored only)";
  char header[32];
  snprintf(header, sizeof header, "%d.%d.%d", RUNG_VERSION_MAJOR, RUNG_VERSION_MINOR, RUNG_VERSION_PATCH);
  if (!json) {
    printf("rung %s\nlibrary %s\nfiles: pb, %s, wav%s%s\n", header, rung_version(), arrays,
           picture_formats()[0] ? ", " : "", picture_formats());
    return;
  }
  json_object(NULL);
  json_text("version", header);
  json_text("library", rung_version());
  json_object("files");
  json_bool("png", RUNG_HAVE_PNG);
  json_bool("jpeg", RUNG_HAVE_JPEG);
  json_bool("npz_deflated", RUNG_HAVE_ZLIB);
  json_end();
  json_end();
}

static const command *find_command(const char *name) {
  for (size_t i = 0; all_commands[i]; i++)
    if (strcmp(all_commands[i]->name, name) == 0) return all_commands[i];
  return NULL;
}

static int unknown_command(const char *name) {
  const char *names[16];
  size_t count = 0;
  while (all_commands[count]) names[count] = all_commands[count]->name, count++;
  const char *near = nearest(name, names, count);
  return fail(EXIT_USAGE, "\"%s\" is no command%s%s%s", clean(name),
              near ? "; did you mean " : "; rung help lists them", near ? near : "", near ? "?" : "");
}

/* Is it among the arguments before "--"? */
static bool has(int argc, char **argv, const char *word) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], word) == 0) return true;
  return false;
}

static int dispatch(int argc, char **argv) {
  const char *first = argc > 1 ? argv[1] : "--help";
  const command *self = find_command(first);
  bool wants_help = has(argc, argv, "--help") || has(argc, argv, "-h");
  if (self && wants_help) return help_command(self), 0;
  if (self) return self->run(self, argc - 2, argv + 2);
  if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) return print_version(has(argc, argv, "--json")), 0;
  if (wants_help || argc < 2) return help_overview(), 0;
  return unknown_command(first);
}

/* Printed where --verbose asks for it. */
static void say_origin(void) {
  char *line = format_text("rung: raised at %s", fail_origin());
  if (fail_origin()[0]) say(line);
  free(line);
}

/* With --json a failure is an object, too. */
static void report_failure(int code, bool json) {
  if (json && code != EXIT_DIFFERENT) {
    json_drop();
    json_object(NULL);
    json_object("error");
    json_count("exit_code", code);
    json_text("reason", fail_reason());
    json_text("details", fail_details());
    json_end();
    json_end();
  }
  if (fail_details()) say(fail_details());
}

int main(int argc, char **argv) {
  int code = dispatch(argc, argv);
  progress_end();
  if (code) report_failure(code, has(argc, argv, "--json"));
  if (has(argc, argv, "--verbose") || has(argc, argv, "-v")) say_origin();
  json_print();
  bool written = fflush(stdout) == 0 && !ferror(stdout);
  if (!written && !code) code = fail(EXIT_OF(IO), "standard output cannot be written");
  if (code) {
    char *line = format_text("rung: %s", fail_reason());
    say(line);
    free(line);
  }
  return code;
}
