#include "ending.h"

#include "json_out.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool is_given(int argc, char **argv, const char *word) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], word) == 0) return true;
  return false;
}

/* Words may come from a provider, a model or a file. */
static void say_with_name(const char *name, const char *before, const char *words) {
  char *safe = clean_lines(words, ""), *line = format_text("%s: %s%s", name, before, safe);
  say(line);
  free(line);
  free(safe);
}

static void say_details(void) {
  char *lines = clean_lines(fail_details(), "");
  say(lines);
  free(lines);
}

static void write_failure(int code) {
  json_drop();
  json_object(NULL);
  json_object("error");
  json_count("exit_code", code);
  json_text("reason", fail_reason());
  json_text("details", fail_details());
  json_end();
  json_end();
}

int end_program(const char *name, int code, int argc, char **argv) {
  bool verbose = is_given(argc, argv, "--verbose") || is_given(argc, argv, "-v");
  if (code && code != EXIT_DIFFERENT && is_given(argc, argv, "--json")) write_failure(code);
  if (code && fail_details()) say_details();
  if (verbose && fail_origin()[0]) say_with_name(name, "raised at ", fail_origin());
  json_print();
  bool written = fflush(stdout) == 0 && !ferror(stdout);
  if (!written && !code) code = fail(EXIT_OF(IO), "standard output cannot be written");
  if (code) say_with_name(name, "", fail_reason());
  return code;
}
