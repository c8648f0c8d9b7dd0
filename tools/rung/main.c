/* rung, the command line: finds the command, lets it run, and says how that ended. */
#include "commands.h"
#include "ending.h"
#include "help.h"
#include "json_out.h"
#include "manual.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const command *const all_commands[] = {
#define RUNG_COMMAND(name) &name##_cmd,
#include "commands.inc"
#undef RUNG_COMMAND
    NULL};

/* Can pictures of this format be read here? */
static bool reads(const char *format) {
  const char *name, *lacking;
  for (size_t i = 0; (name = rung_picture_format(i, &lacking)); i++)
    if (strcmp(name, format) == 0) return !lacking;
  return false;
}

static void print_picture_formats(void) {
  const char *name, *lacking;
  size_t count = 0;
  printf("pictures:");
  for (size_t i = 0; (name = rung_picture_format(i, &lacking)); i++)
    if (!lacking) printf("%s %s", count++ ? "," : "", name);
  printf("\n");
  for (size_t i = 0; rung_picture_format(i, &lacking); i++)
    if (lacking) printf("  %s\n", lacking);
}

static void json_picture_formats(void) {
  const char *name, *lacking;
  json_array("pictures");
  for (size_t i = 0; (name = rung_picture_format(i, &lacking)); i++) {
    json_object(NULL);
    json_text("format", name);
    json_text("lacking", lacking);
    json_end();
  }
  json_end();
}

void print_version(bool json) {
  const char *arrays = RUNG_HAVE_ZLIB ? "npy, npz" : "npy, npz (stored only)";
  char header[32];
  snprintf(header, sizeof header, "%d.%d.%d", RUNG_VERSION_MAJOR, RUNG_VERSION_MINOR, RUNG_VERSION_PATCH);
  if (!json) {
    printf("rung %s\nlibrary %s\nfiles: pb, %s, wav\n", header, rung_version(), arrays);
    print_picture_formats();
    return;
  }
  json_object(NULL);
  json_text("version", header);
  json_text("library", rung_version());
  json_object("files");
  json_bool("png", reads("PNG"));
  json_bool("jpeg", reads("JPEG"));
  json_picture_formats();
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
  static const char *const names[] = {
#define RUNG_COMMAND(name) #name,
#include "commands.inc"
#undef RUNG_COMMAND
  };
  const char *near = nearest(name, names, sizeof names / sizeof names[0]);
  return fail(EXIT_USAGE, "\"%s\" is no command%s%s%s", clean(name),
              near ? "; did you mean " : "; rung help lists them", near ? near : "", near ? "?" : "");
}

static int dispatch(int argc, char **argv) {
  const char *first = argc > 1 ? argv[1] : "--help";
  const command *self = find_command(first);
  bool wants_help = is_given(argc, argv, "--help") || is_given(argc, argv, "-h");
  if (strcmp(first, "doctor-child") == 0) return doctor_child(argc - 2, argv + 2); /* hidden */
  if (self && wants_help) return help_command(self), 0;
  if (self) return self->run(self, argc - 2, argv + 2);
  if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
    return print_version(is_given(argc, argv, "--json")), 0;
  if (wants_help || argc < 2) return help_overview(), 0;
  return unknown_command(first);
}

int main(int argc, char **argv) {
  int code = dispatch(argc, argv);
  progress_end();
  return end_program("rung", code, argc, argv);
}
