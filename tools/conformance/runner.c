#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("memory for verdicts");
    exit(1);
  }
  return memory;
}

/* A child with its own output; in it, 0 is returned. */
static pid_t start(void) {
  fflush(NULL);
  pid_t child = fork();
  if (child >= 0) return child;
  perror("fork");
  exit(1);
}

/* How a child ended; "" when it ended well. */
static void await(pid_t child, unsigned seconds, char *words, size_t size) {
  int how = 0;
  waitpid(child, &how, 0);
  words[0] = 0;
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM)
    snprintf(words, size, "it has not ended after %u seconds", seconds);
  else if (WIFSIGNALED(how))
    snprintf(words, size, "the process was ended by signal %d (%s)", WTERMSIG(how), strsignal(WTERMSIG(how)));
  else if (WEXITSTATUS(how))
    snprintf(words, size, "the process ended with exit status %d", WEXITSTATUS(how));
}

/* Looking */

/* A session that only looks opens the provider with the user's options; where it cannot be used, the status says which
 * step fails, the evidence and the fix. */
static void look(const kit *k, introduction *in) {
  verdict v;
  trial *t = get_memory(1, sizeof *t);
  rung_session_options options;
  rung_session_options_init(&options);
  options.inspect_only = 1;
  in->usable = trial_begin(t, k, &v) && trial_load(t, small_models[0], 17) &&
               trial_ok(t, trial_plan(t, NULL, &options, &t->session));
  in->exit_code = t->code ? EXIT_STATUS + (int)t->code : EXIT_OF(NOT_FOUND);
  const rung_provider_api *api = t->watch.inner;
  snprintf(in->summary, sizeof in->summary, "%s", api && api->summary ? api->summary : "");
  snprintf(in->version, sizeof in->version, "%s", api && api->version ? api->version : "");
  trial_end(t);
  snprintf(in->words, sizeof in->words, "%.790s", v.words);
  free(t);
}

void runner_look(const kit *k, introduction *out_shared) {
  enum { SECONDS = 60 };
  pid_t child = start();
  if (!child) {
    alarm(SECONDS);
    look(k, out_shared);
    _exit(0);
  }
  char words[200];
  await(child, SECONDS, words, sizeof words);
  if (!words[0]) return;
  out_shared->usable = false;
  out_shared->exit_code = EXIT_OF(PROVIDER);
  snprintf(out_shared->words, sizeof out_shared->words, "when it is loaded and opened, %s", words);
}

/* Running */

/* Whose verdict a crash belongs to: a signal handler has nowhere else to look. */
static verdict *current;

static void explain_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  pages_explain(info->si_addr, current->words, sizeof current->words);
  signal(number, SIG_DFL);
  raise(number);
}

static void run_some(const kit *k, const case_list *list, size_t first, unsigned seconds, verdict *verdicts) {
  for (size_t i = first; i < list->count; i++) {
    verdict v = {0};
    current = &verdicts[i];
    current->words[0] = 0;
    alarm(seconds);
    case_run(&list->at[i], k, &v);
    alarm(0);
    verdicts[i] = v;
  }
}

static void watch_crashes(void) {
  struct sigaction action = {.sa_sigaction = explain_crash, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

/* The case that was under way when its process ended. */
static size_t note_end(const char *words, const case_list *list, size_t first, verdict *verdicts) {
  size_t i = first;
  while (i < list->count && verdicts[i].what != UNDONE) i++;
  if (i == list->count) i--; /* it ended badly after the last one */
  verdict *v = &verdicts[i];
  char explanation[200];
  snprintf(explanation, sizeof explanation, "%.190s", v->what == UNDONE ? v->words : "");
  snprintf(v->words, sizeof v->words, "%s%s%s", explanation, explanation[0] ? "; " : "", words);
  v->what = FAILED;
  return i + 1;
}

void runner_run(const kit *k, const case_list *list, unsigned seconds, bool here, verdict *out_shared) {
  char words[200];
  for (size_t i = 0; i < list->count; i++) out_shared[i].what = UNDONE;
  if (here) {
    run_some(k, list, 0, 0, out_shared);
    return;
  }
  for (size_t next = 0; next < list->count;) {
    pid_t child = start();
    if (!child) {
      watch_crashes();
      run_some(k, list, next, seconds, out_shared);
      exit(0);
    }
    await(child, seconds, words, sizeof words);
    next = words[0] ? note_end(words, list, next, out_shared) : list->count;
  }
}
