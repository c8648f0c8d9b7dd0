/* The engine cache when the system fails it, and when its process dies: each call that changes files fails in turn, and
 * the process is killed before and after each; full disks, folders that cannot be written, eight processes at once.
 * The linker puts the calls below in the place of the system's, see CMakeLists.txt. */
#define _GNU_SOURCE /* mount, syscall */
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sched.h>

/* Faults */

enum { KILLED = 99 };

static struct {
  bool armed;
  long calls;              /* since it was armed */
  long fail_from, fail_to; /* these fail with `error`; fail_from 0: none */
  long kill_before, kill_after;
  bool short_writes;
  int error;
} fault;

/* True when the call must fail. */
static bool fails(void) {
  if (!fault.armed) return false;
  long call = ++fault.calls;
  if (call == fault.kill_before) _exit(KILLED);
  if (!fault.fail_from || call < fault.fail_from || call > fault.fail_to) return false;
  errno = fault.error;
  return true;
}

static void done(void) {
  if (fault.armed && fault.calls == fault.kill_after) _exit(KILLED);
}

#define WRAP(result, name, parameters, arguments) \
  result __real_##name parameters;                \
  result __wrap_##name parameters;                \
  result __wrap_##name parameters {               \
    if (fails()) return -1;                       \
    result answer = __real_##name arguments;      \
    done();                                       \
    return answer;                                \
  }

WRAP(int, fsync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, flock, (int fd, int how), (fd, how))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, openat, (int folder, const char *path, int flags, mode_t mode), (folder, path, flags, mode))
WRAP(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(ssize_t, write, (int fd, const void *data, size_t size),
     (fd, data, fault.armed &&fault.short_writes ? (size + 1) / 2 : size))
WRAP(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at),
     (fd, data, fault.armed &&fault.short_writes ? (size + 1) / 2 : size, at))

static void arm(void) {
  fault.armed = true;
  fault.calls = 0;
}

static void disarm(void) { memset(&fault, 0, sizeof fault); }

/* Sessions */

static const char model[] = "x:f32[2,2] -> y ; w:f32[2,2] = 1 2 3 4 ; a@u = Add(x, w) ; y = Mul(u, u)";

static int tear_down(void **state) {
  disarm();
  return own_folder_tear_down(state);
}

static const rung_plan_island *open_in(test_session *t, const char *path, const char *chain, uint64_t most) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = path;
  options.cache_max_bytes = most;
  assert_ok(session_open(t, chain, &options));
  return &rung_session_plan(t->session)->islands[0];
}

static void expect_results(test_session *t) {
  assert_ok(session_run(t));
  for (size_t k = 0; k < 4; k++) assert_float_equal(session_out(t, 0, k), 4. * (double)((k + 1) * (k + 1)), 0);
}

static size_t count_files(const char *path, const char *start) {
  DIR *d = opendir(path);
  size_t count = 0;
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) count += strncmp(e->d_name, start, strlen(start)) == 0;
  closedir(d);
  return count;
}

/* Every entry is whole, nothing is left over once one more was kept, and sessions work. */
static void expect_sound(const char *chain) {
  test_session t;
  char *text;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(rung_cache_json(t.env, own_folder.path, 1, &text));
  if (strstr(text, "\"damage\": \"")) fail_msg("%s", text);
  rung_text_free(text);
  const rung_plan_island *island = open_in(&t, own_folder.path, chain, 0);
  assert_true(strcmp(island->cache, "kept") == 0 || strcmp(island->cache, "hit") == 0);
  expect_results(&t);
  assert_string_equal(open_in(&t, own_folder.path, "fake:tuning=another,cpu", 0)->cache, "kept");
  assert_string_equal(open_in(&t, own_folder.path, chain, 0)->cache, "hit");
  assert_string_equal(t.log, "");
  assert_int_equal(count_files(own_folder.path, "tmp-"), 0);
  assert_int_equal(count_files(own_folder.path, "notes"), 1);
  session_end(&t);
}

/* Failing */

/* Calls that are made while a session is created and what it needs is not yet loaded. */
static long fail_each(int error, bool all_after, const char *chain, uint64_t most) {
  long reached = 0;
  for (long call = 1; !reached; call++) {
    test_session t;
    session_begin(&t);
    session_load(&t, model, 0);
    fault.fail_from = call;
    fault.fail_to = all_after ? 1000000 : call;
    fault.error = error;
    arm();
    const rung_plan_island *island = open_in(&t, own_folder.path, chain, most);
    if (fault.calls < call) reached = call - 1;
    disarm();
    assert_non_null(rung_session_plan(t.session));
    if (rung_session_plan(t.session)->cache_why) assert_true(session_said(&t, rung_session_plan(t.session)->cache_why));
    if (island->cache && strcmp(island->cache, "not-kept") == 0) assert_non_null(island->cache_words);
    expect_results(&t);
    session_end(&t);
    expect_sound(chain);
    folder_remove(&own_folder);
    folder_make(&own_folder);
  }
  return reached;
}

static void each_call_may_fail(void **state) {
  (void)state;
  static const int errors[] = {ENOSPC, EIO, EROFS, EACCES};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    for (int all_after = 0; all_after < 2; all_after++)
      assert_true(fail_each(errors[i], all_after, "fake,cpu", 0) > 10);
}

static void writes_may_be_short(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  fault.short_writes = true;
  arm();
  assert_string_equal(open_in(&t, own_folder.path, "fake:keep=large,cpu", 0)->cache, "kept");
  disarm();
  session_end(&t);
  expect_sound("fake:keep=large,cpu");
}

/* Dying: in a child, at one call after another. */

/* Does fn in a child; its exit status. */
static int in_child(void (*fn)(const char *chain), const char *chain) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    fn(chain);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

/* Evicts an entry on the way: room is for two. */
static void die_in_session(const char *chain) {
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  arm();
  open_in(&t, own_folder.path, chain, 10000);
}

static void keep_two(void) {
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  open_in(&t, own_folder.path, "fake:tuning=old,cpu", 0);
  open_in(&t, own_folder.path, "fake:tuning=older,cpu", 0);
  session_end(&t);
}

static void a_process_may_die_at_each_call(void **state) {
  (void)state;
  for (int after = 0; after < 2; after++)
    for (long call = 1;; call++) {
      keep_two();
      *(after ? &fault.kill_after : &fault.kill_before) = call;
      fault.short_writes = after != 0; /* so that it also dies between parts of one write */
      int status = in_child(die_in_session, "fake,cpu");
      disarm();
      assert_true(status == 0 || status == KILLED);
      expect_sound("fake,cpu");
      folder_remove(&own_folder);
      folder_make(&own_folder);
      if (status == KILLED) continue;
      assert_true(call > 10);
      break;
    }
}

/* Real limits of the system */

static void exceed_file_size(const char *chain) {
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  const struct rlimit small = {65536, 65536};
  if (setrlimit(RLIMIT_FSIZE, &small) != 0) _exit(2);
  const rung_plan_island *island = open_in(&t, own_folder.path, chain, 0);
  if (strcmp(island->cache, "not-kept") != 0 || !session_said(&t, "File too large")) _exit(3);
  expect_results(&t);
}

static void a_limit_on_files_is_said(void **state) {
  (void)state;
  assert_int_equal(in_child(exceed_file_size, "fake:keep=large,cpu"), 0);
  assert_int_equal(count_files(own_folder.path, "tmp-"), 0);
  expect_sound("fake,cpu");
}

static void fill_disk(const char *chain) {
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("none", own_folder.path, "tmpfs", 0, "size=256k,mode=0700") != 0)
    _exit(77);
  const rung_plan_island *island = open_in(&t, own_folder.path, chain, 0);
  bool said = strcmp(island->cache, "not-kept") == 0 && session_said(&t, "No space left on device");
  size_t left = count_files(own_folder.path, "tmp-");
  expect_results(&t);
  bool small_fits = strcmp(open_in(&t, own_folder.path, "fake,cpu", 0)->cache, "kept") == 0;
  _exit(said && !left && small_fits ? 0 : 3);
}

static void a_full_disk_is_said(void **state) {
  (void)state;
  int status = in_child(fill_disk, "fake:keep=large,cpu");
  if (status == 77) skip(); /* a file system of our own may not be mounted here */
  assert_int_equal(status, 0);
}

/* Root may write everywhere, until it gives that up. */
static void write_read_only(const char *chain) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  if (geteuid() == 0 && syscall(SYS_capset, &head, none) != 0) _exit(77);
  if (strcmp(open_in(&t, own_folder.path, "fake:tuning=old,cpu", 0)->cache, "hit") != 0) _exit(4);
  const rung_plan_island *island = open_in(&t, own_folder.path, chain, 0);
  if (strcmp(island->cache, "not-kept") != 0 || !session_said(&t, "Permission denied")) _exit(3);
  if (!rung_session_plan(t.session)->cache_why) _exit(5);
  expect_results(&t);
}

static void a_folder_that_cannot_be_written_is_read(void **state) {
  (void)state;
  keep_two();
  char lock[FOLDER_PATH];
  unlink(folder_at(&own_folder, "lock", lock));
  chmod(own_folder.path, 0500);
  int status = in_child(write_read_only, "fake,cpu");
  chmod(own_folder.path, 0700);
  if (status == 77) skip();
  assert_int_equal(status, 0);
}

/* Eight processes: each wants now this, now that, and there is room for three. */

enum { PROCESSES = 8, ROUNDS = 25, WANTED = 6, MOST_BYTES = 14000 };

static int work_in(const char *path, unsigned seed) {
  test_session t;
  own_folder.path[0] = 0;
  session_begin(&t);
  session_load(&t, model, 0);
  for (int i = 0; i < ROUNDS; i++) {
    char chain[64];
    seed = seed * 1103515245 + 12345;
    snprintf(chain, sizeof chain, "fake:tuning=t%u,cpu", seed / 65536 % WANTED);
    const rung_plan_island *island = open_in(&t, path, chain, MOST_BYTES);
    if (strcmp(island->cache, "hit") != 0 && strcmp(island->cache, "kept") != 0) {
      fprintf(stderr, "%s: %s\n", chain, island->cache_words);
      return 3;
    }
    expect_results(&t);
  }
  if (t.log[0]) fprintf(stderr, "%s", t.log);
  int code = t.log[0] ? 4 : 0; /* nobody has seen half an entry */
  session_end(&t);
  return code;
}

static char self[4096];

static void eight_processes_share_a_folder(void **state) {
  (void)state;
  pid_t children[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    char seed[16];
    snprintf(seed, sizeof seed, "%d", i + 1);
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0) {
      execl(self, self, own_folder.path, seed, (char *)NULL);
      _exit(127);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int status;
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    assert_int_equal(status, 0);
  }
  assert_true(count_files(own_folder.path, "") <= 2 + 2 + 3); /* ".", "..", lock, notes, entries */
  expect_sound("fake,cpu");
}

int main(int argc, char **argv) {
  if (argc == 3) return work_in(argv[1], (unsigned)atoi(argv[2]));
  if (!realpath(argv[0], self)) return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, own_folder_set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(each_call_may_fail),
      TEST(writes_may_be_short),
      TEST(a_process_may_die_at_each_call),
      TEST(a_limit_on_files_is_said),
      TEST(a_full_disk_is_said),
      TEST(a_folder_that_cannot_be_written_is_read),
      TEST(eight_processes_share_a_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
