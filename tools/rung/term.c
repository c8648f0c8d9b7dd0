/* A thread waits a second, then draws the line five times a second until it is told to stop. */
#include "term.h"

#include "interrupt.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_terminal(int descriptor) {
  const char *kind = getenv("TERM");
  return isatty(descriptor) && kind && strcmp(kind, "dumb") != 0;
}

const char *in(ink which) {
  static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m"};
  const char *refused = getenv("NO_COLOR");
  return is_terminal(STDOUT_FILENO) && !(refused && refused[0]) ? codes[which] : "";
}

int line_width(void) {
  struct winsize size;
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col) return 120;
  return size.ws_col;
}

/* All under `lock`. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t stop;
  pthread_t thread;
  bool running, stopping, drawn;
  char what[80];
  double percent;  /* < 0: unknown */
  double expected; /* seconds; 0: unknown */
  double began;
} line = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER};

static void draw(void) {
  double seconds = now() - line.began;
  fprintf(stderr, "\r\033[K%s ", line.what);
  if (line.percent >= 0) fprintf(stderr, "%d%% ", (int)line.percent);
  fprintf(stderr, "%.0f s", seconds);
  if (line.expected >= 1) fprintf(stderr, " of about %.0f s", line.expected);
  fflush(stderr);
  line.drawn = true;
}

static void erase(void) {
  if (line.drawn) fputs("\r\033[K", stderr);
  line.drawn = false;
}

static void wait_for_stop(double seconds) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (time_t)seconds;
  until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
  if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
  pthread_cond_timedwait(&line.stop, &line.lock, &until);
}

static void *draw_until_stopped(void *unused) {
  (void)unused;
  pthread_mutex_lock(&line.lock);
  for (double pause = 1; !line.stopping; pause = 0.2) {
    wait_for_stop(pause);
    if (!line.stopping && now() - line.began >= 1) draw();
  }
  erase();
  pthread_mutex_unlock(&line.lock);
  return NULL;
}

void progress_begin(const char *what) {
  progress_end();
  snprintf(line.what, sizeof line.what, "%s", what);
  line.percent = -1;
  line.expected = 0;
  line.began = now();
  line.stopping = false;
  line.running = is_terminal(STDERR_FILENO) && pthread_create(&line.thread, NULL, draw_until_stopped, NULL) == 0;
}

void progress_end(void) {
  if (!line.running) return;
  pthread_mutex_lock(&line.lock);
  line.stopping = true;
  pthread_cond_signal(&line.stop);
  pthread_mutex_unlock(&line.lock);
  pthread_join(line.thread, NULL);
  line.running = false;
}

void progress_tell(uint64_t done, uint64_t total) {
  pthread_mutex_lock(&line.lock);
  line.percent = total ? 100 * (double)done / (double)total : -1;
  pthread_mutex_unlock(&line.lock);
}

int progress_compiling(void *user, const rung_compiling *state) {
  (void)user;
  char island[48] = "";
  bool waits = strcmp(state->stage, "wait") == 0;
  if (state->island_count > 1)
    snprintf(island, sizeof island, ", island %zu of %zu", state->island + 1, state->island_count);
  pthread_mutex_lock(&line.lock);
  snprintf(line.what, sizeof line.what, "compiling for %s%s: %s", state->provider, island,
           waits ? "another process is compiling this" : state->stage);
  line.percent = state->percent;
  line.expected = (double)state->expected_ns * 1e-9;
  pthread_mutex_unlock(&line.lock);
  return interrupted();
}

void say(const char *text) {
  pthread_mutex_lock(&line.lock);
  erase();
  fprintf(stderr, "%s\n", text);
  pthread_mutex_unlock(&line.lock);
}
