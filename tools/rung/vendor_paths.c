#include "vendor_paths.h"

#include "text.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void add_path(text_list *paths, const char *path) { text_list_add(paths, path ? copy_text(path, strlen(path)) : NULL); }

static bool is_listed(const text_list *paths, const char *path) {
  for (size_t i = 0; i < paths->count; i++)
    if (strcmp(paths->at[i], path) == 0) return true;
  return false;
}

/* Folders below site-packages that packages put libraries in. */
static const char *const library_folders[] = {"openvino/libs", "nvidia/*/lib", "tensorrt_libs", "tensorrt_rtx_libs"};

/* `prefix` is where an installation of Python lies: /usr, or a virtual environment. */
static void add_prefix(text_list *paths, const char *prefix) {
  for (size_t i = 0; i < sizeof library_folders / sizeof library_folders[0]; i++) {
    char *pattern = format_text("%s/lib/python3*/[sd]i[ts][et]-packages/%s", prefix, library_folders[i]);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) == 0) {
      for (size_t k = 0; k < found.gl_pathc; k++)
        if (!is_listed(paths, found.gl_pathv[k])) add_path(paths, found.gl_pathv[k]);
      globfree(&found);
    }
    free(pattern);
  }
}

/* The prefix of "/usr/bin/python3" is "/usr". */
static void add_interpreter(text_list *paths, const char *path) {
  char *prefix = copy_text(path, strlen(path));
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(prefix, '/');
    if (slash) *slash = 0;
  }
  add_prefix(paths, prefix);
  if (strcmp(prefix, "/usr") == 0) add_prefix(paths, "/usr/local"); /* where Debian's pip puts packages */
  free(prefix);
}

/* As it stands in PATH, and what it is a link to: a virtual environment links to the Python it was made from. */
static void add_python(text_list *paths, const char *path_variable) {
  for (const char *at = path_variable; *at;) {
    size_t size = strcspn(at, ":");
    char *path = format_text("%.*s/python3", (int)size, at);
    char *real = size && access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
    if (real) {
      add_interpreter(paths, path);
      add_interpreter(paths, real);
    }
    free(path);
    free(real);
    if (real) return;
    at += size + (at[size] == ':');
  }
}

void find_vendor_paths(text_list *paths) {
  const char *environment = getenv("VIRTUAL_ENV"), *path = getenv("PATH"), *home = getenv("HOME");
  if (environment && environment[0]) add_prefix(paths, environment);
  if (path) add_python(paths, path);
  if (!home || !home[0]) return;
  char *local = format_text("%s/.local", home);
  add_prefix(paths, local);
  free(local);
}
