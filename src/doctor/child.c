/* The child writes "> LIBRARY" before and "< " or "! words" after each: when it dies, the last line tells where.
 *
 * One call is made, cuInit of NVIDIA's driver: it is what CUDA starts with, it changes nothing, and only its result
 * tells that the driver and the kernel's part of it do not go together. Its number is explained by log_texts.inc. */
#include "doctor/child.h"

#include "base/os.h"
#include "doctor/files.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 64, MOST_OUTPUT = 16384 };

bool rung__doctor_load(doctor *d, const char *const *libraries, child_result *out) {
  const char *argv[MOST_ARGUMENTS];
  size_t count = 0, size = 0;
  for (const char *const *at = d->request->helper; at && *at && count < MOST_ARGUMENTS - 1; at++) argv[count++] = *at;
  if (!count) return false;
  size_t wanted = 0, loaded = 0;
  for (; *libraries && count < MOST_ARGUMENTS - 1; libraries++, wanted++) argv[count++] = *libraries;
  argv[count] = NULL;
  double seconds = d->request->helper_seconds > 0 ? d->request->helper_seconds : 20;
  char *bytes = rung__doctor_alloc(d, MOST_OUTPUT, 1);
  if (!bytes) return false;
  rung_os_end end = rung_os_run(argv, d->request->environment, seconds, bytes, MOST_OUTPUT - 1, &size);
  *out = (child_result){CHILD_LOADED, "", ""};
  rung_str text = {bytes, size}, line;
  bool began = false;
  while (rung__doctor_next_line(&text, &line)) {
    if (line.size < 2) continue;
    const char *words = rung__doctor_copy(d, line.data + 2, line.size - 2);
    began = true;
    if (line.data[0] == '>') out->library = words;
    loaded += line.data[0] == '<';
    if (line.data[0] == '!') out->kind = CHILD_REFUSED, out->words = words;
  }
  if (!end.started || !began) return false;
  if (end.timed_out) {
    out->kind = CHILD_HUNG;
    out->words = rung__doctor_printf(d, "nothing after %g s", seconds);
  } else if (end.signal || (out->kind == CHILD_LOADED && loaded < wanted)) {
    out->kind = CHILD_CRASHED;
    out->words =
        end.signal ? rung_os_signal_name(end.signal) : rung__doctor_printf(d, "it called exit(%d)", end.exit_code);
  }
  return true;
}

static void say(char mark, const char *words) {
  char line[4096];
  int size = snprintf(line, sizeof line, "%c %s", mark, words);
  if (size < 0) return;
  size_t length = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
  for (size_t i = 0; i < length; i++)
    if (line[i] == '\n') line[i] = ' ';
  line[length] = '\n';
  for (size_t done = 0; done < length + 1;) {
    ssize_t put = write(STDOUT_FILENO, line + done, length + 1 - done);
    if (put <= 0) return;
    done += (size_t)put;
  }
}

/* The result of cuInit in NVIDIA's driver; 0 for any other library. */
static int start_driver(const char *path, void *handle) {
  static const char name[] = "libcuda.so";
  const char *slash = strrchr(path, '/');
  if (strncmp(slash ? slash + 1 : path, name, sizeof name - 1) != 0) return 0;
  int (*start)(unsigned) = NULL;
  void *symbol = dlsym(handle, "cuInit");
  memcpy(&start, &symbol, sizeof start); /* ISO C converts no object pointer to a function's */
  return start ? start(0) : 0;
}

/* _exit: destructors of a library that aborts are not what was asked about. */
int rung_doctor_child(int count, char **arguments) {
  for (int i = 0; i < count; i++) {
    say('>', arguments[i]);
    void *handle = dlopen(arguments[i], RTLD_NOW | (i + 1 < count ? RTLD_GLOBAL : RTLD_LOCAL));
    const char *error = handle ? NULL : dlerror();
    int result = handle ? start_driver(arguments[i], handle) : 0;
    char words[64];
    if (result) snprintf(words, sizeof words, "cuInit failed: %d", result);
    bool good = handle && !result;
    say(good ? '<' : '!', good ? arguments[i] : result ? words : error ? error : "no reason given");
    if (!good) _exit(1);
  }
  _exit(0);
}
