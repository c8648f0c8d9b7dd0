#define _GNU_SOURCE

#include "base/os.h"
#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void time_goes_on(void **state) {
  (void)state;
  uint64_t begin = rung_os_now_ns();
  nanosleep(&(struct timespec){0, 2000000}, NULL);
  uint64_t passed = rung_os_now_ns() - begin;
  assert_true(passed >= 2000000 && passed < UINT64_C(60000000000));
}

static void sizes_are_plausible(void **state) {
  (void)state;
  size_t page = rung_os_page_size(), cpus = rung_os_cpu_count();
  assert_true(page >= 4096 && (page & (page - 1)) == 0);
  assert_true(cpus >= 1 && (long)cpus <= sysconf(_SC_NPROCESSORS_CONF));
  assert_int_equal(rung_os_cache_size(0), 0);
  assert_int_equal(rung_os_cache_size(9), 0);
  assert_int_equal(rung_os_pid(), getpid());
}

/* A cpuset of one among many must be one thread, not a failure or an oversubscribed core. In a child: it
 * stays. */
static void cpuset_is_respected(void **state) {
  (void)state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    cpu_set_t all, one;
    CPU_ZERO(&all);
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) != 0) _exit(0); /* over 1024 CPUs: not this test's business */
    int first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_SET(first, &one);
    _exit(sched_setaffinity(0, sizeof one, &one) == 0 && rung_os_cpu_count() != 1);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* In a child: the limit stays. */
static void limits_of_memory_are_respected(void **state) {
  (void)state;
  uint64_t bytes = rung_os_memory();
  assert_true(bytes >= 1 << 24);
  assert_true(bytes <= (uint64_t)sysconf(_SC_PHYS_PAGES) * rung_os_page_size());
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit limit = {.rlim_cur = 12345678, .rlim_max = RLIM_INFINITY}, kept = {0};
    bool limited = setrlimit(RLIMIT_DATA, &limit) == 0 && getrlimit(RLIMIT_DATA, &kept) == 0 &&
                   kept.rlim_cur == limit.rlim_cur; /* an emulator of processors keeps none */
    void *room = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(limited && room != MAP_FAILED /* a sanitizer has more than that already */ && rung_os_memory() != 12345678);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static atomic_uint word;
static void *wake_later(void *unused) {
  nanosleep(&(struct timespec){0, 1000000}, NULL);
  atomic_store(&word, 1);
  rung_os_wake(&word, 1);
  return unused;
}

static void waits_until_woken(void **state) {
  (void)state;
  pthread_t thread;
  atomic_store(&word, 0);
  rung_os_wait(&word, 5); /* another value: returns at once */
  assert_int_equal(pthread_create(&thread, NULL, wake_later, NULL), 0);
  while (atomic_load(&word) == 0) rung_os_wait(&word, 0);
  pthread_join(thread, NULL);
}

static void thread_names_are_cut(void **state) {
  (void)state;
  char name[64];
  rung_os_set_thread_name("rung-a-very-long-name");
  assert_int_equal(pthread_getname_np(pthread_self(), name, sizeof name), 0);
  assert_string_equal(name, "rung-a-very-lon");
}

static rung_os_end run_shell(const char *command, double seconds, char *out, size_t capacity, size_t *size) {
  const char *argv[] = {"/bin/sh", "-c", command, NULL}, *environment[] = {"WORD=hello", NULL};
  rung_os_end end = rung_os_run(argv, environment, seconds, out, capacity, size);
  assert_true(*size <= capacity);
  return end;
}

static void children_are_watched(void **state) {
  (void)state;
  char out[64];
  size_t size;
  rung_os_end end = run_shell("echo $WORD; exit 3", 60, out, sizeof out, &size);
  assert_true(end.started && !end.timed_out && end.exit_code == 3 && end.signal == 0);
  assert_true(size == 6 && memcmp(out, "hello\n", 6) == 0);
  end = run_shell("kill -SEGV $$", 60, out, sizeof out, &size);
  assert_true(end.started && end.exit_code == -1);
  assert_string_equal(rung_os_signal_name(end.signal), "SIGSEGV");
  end = run_shell("echo now; sleep 1000", 0.2, out, sizeof out, &size);
  assert_true(end.timed_out && size == 4);
  end = run_shell("exec 1>&-; sleep 1000", 0.2, out, sizeof out, &size); /* it is silent, and goes on */
  assert_true(end.timed_out && size == 0);
  end = run_shell("i=0; while [ $i -lt 3000 ]; do echo 0123456789; i=$((i+1)); done", 60, out, sizeof out, &size);
  assert_true(size == sizeof out && end.exit_code == 0 && !end.timed_out);
  end = rung_os_run((const char *const[]){"/no/such/program", NULL}, NULL, 5, out, sizeof out, &size);
  assert_false(end.started);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_of_memory_are_respected),
      cmocka_unit_test(time_goes_on),
      cmocka_unit_test(sizes_are_plausible),
      cmocka_unit_test(cpuset_is_respected),
      cmocka_unit_test(waits_until_woken),
      cmocka_unit_test(thread_names_are_cut),
      cmocka_unit_test(children_are_watched),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
