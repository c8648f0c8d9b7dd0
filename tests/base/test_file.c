#include "base/file.h"
#include "base/os.h"
#include "support/counting.h"
#include "support/folder.h"
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static temp_folder root;
static char path[FOLDER_PATH];

static int make_root(void **state) {
  (void)state;
  folder_make(&root);
  return 0;
}

static int remove_root(void **state) {
  (void)state;
  folder_remove(&root);
  return 0;
}

static void files_are_mapped_or_read(void **state) {
  (void)state;
  folder_write(&root, "a", "hello", 5);
  for (int read = 0; read < 2; read++) {
    counting counts;
    counting_init(&counts, 0);
    rung_file file;
    assert_ok(rung_file_open(&counts.allocator, folder_at(&root, "a", path), read, &file));
    assert_int_equal(file.size, 5);
    assert_memory_equal(file.data, "hello", 5);
    assert_int_equal(atomic_load(&counts.alive), read);
    rung_file_close(&file);
    rung_file_close(&file);
    assert_int_equal(atomic_load(&counts.alive), 0);
  }
}

static void an_empty_file_has_data_all_the_same(void **state) {
  (void)state;
  folder_write(&root, "empty", "", 0);
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, folder_at(&root, "empty", path), false, &file));
  assert_non_null(file.data);
  assert_int_equal(file.size, 0);
  rung_file_close(&file);
}

static void a_copy_outlives_what_happens_to_the_file(void **state) {
  (void)state;
  folder_write(&root, "shrinks", "0123456789", 10);
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, folder_at(&root, "shrinks", path), true, &file));
  assert_int_equal(truncate(path, 0), 0);
  assert_memory_equal(file.data, "0123456789", 10);
  rung_file_close(&file);
}

static void only_regular_files_are_opened(void **state) {
  (void)state;
  rung_file file;
  assert_int_equal(mkfifo(folder_at(&root, "fifo", path), 0666), 0);
  assert_error(rung_file_open(&rung_system_allocator, path, false, &file), IO, "no regular file"); /* no waiting */
  assert_error(rung_file_open(&rung_system_allocator, root.path, false, &file), IO, "folder");
  assert_error(rung_file_open(&rung_system_allocator, "/dev/zero", true, &file), IO, "no regular file");
  assert_error(rung_file_open(&rung_system_allocator, folder_at(&root, "none", path), true, &file), NOT_FOUND,
               "cannot be opened");
}

/* ---- beneath a folder ---- */

static rung_status *beneath(const rung_file_scope *scope, const char *location, size_t size) {
  rung_file file;
  rung_status *status = rung_file_open_beneath(&rung_system_allocator, scope, (rung_str){location, size}, false, &file);
  if (!status) rung_file_close(&file);
  return status;
}

/* in/ is the folder; out/ stands beside it. */
static void make_scope(char in[FOLDER_PATH]) {
  folder_mkdir(&root, "in");
  folder_mkdir(&root, "in/sub");
  folder_mkdir(&root, "out");
  folder_write(&root, "in/a", "a", 1);
  folder_write(&root, "in/sub/b", "b", 1);
  folder_write(&root, "out/secret", "s", 1);
  folder_symlink(&root, "sub/b", "in/link_inside");
  folder_symlink(&root, "sub", "in/folder_inside");
  folder_symlink(&root, "../out/secret", "in/link_out");
  folder_symlink(&root, "../out", "in/folder_out");
  folder_symlink(&root, "/etc/passwd", "in/link_absolute");
  folder_symlink(&root, "loop", "in/loop");
  folder_hardlink(&root, "out/secret", "in/hard");
  char fifo[FOLDER_PATH];
  assert_int_equal(mkfifo(folder_at(&root, "in/fifo", fifo), 0666), 0);
  folder_at(&root, "in", in);
}

static void lookups_stay_beneath(void **state) {
  (void)state;
  char in[FOLDER_PATH];
  make_scope(in);
  static const struct {
    const char *location;
    const char *message; /* NULL: good */
  } cases[] = {
      {"a", NULL},
      {"./a", NULL},
      {"sub/b", NULL},
      {"sub//b", NULL},
      {"sub/./b", NULL},
      {"link_inside", NULL},
      {"folder_inside/b", NULL},
      {"", "location is empty"},
      {"/etc/passwd", "absolute"},
      {"..", "\"..\""},
      {"../out/secret", "\"..\""},
      {"sub/../a", "\"..\""},
      {"sub/../../out/secret", "\"..\""},
      {"a/..", "\"..\""},
      {"link_out", "outside the folder"},
      {"folder_out/secret", "outside the folder"},
      {"link_absolute", "outside the folder"},
      {"loop", "link"},
      {"hard", "2 hard links"},
      {"fifo", "no regular file"},
      {"sub", "no regular file"},
      {".", "no regular file"},
      {"none", "cannot be opened in the folder"},
      {"a/b", "Not a directory"},
      {"a/", "Not a directory"},
      {"...", "cannot be opened"},
      {"C:\\a", "cannot be opened"},
  };
  const rung_file_scope scope = {in, NULL, NULL};
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    rung_status *status = beneath(&scope, cases[i].location, strlen(cases[i].location));
    const char *message = rung_status_message(status);
    bool right = cases[i].message ? status && strstr(message, cases[i].message) : !status;
    if (!right) fail_msg("\"%s\": %s", cases[i].location, message);
    rung_status_free(status);
  }
  assert_error(beneath(&scope, "a\0b", 3), INVALID_MODEL, "NUL byte");
  char longest[RUNG_PATH_MAX + 1];
  memset(longest, 'x', sizeof longest);
  assert_error(beneath(&scope, longest, RUNG_PATH_MAX), INVALID_MODEL, "4096 bytes");
  assert_error(beneath(&scope, longest, RUNG_PATH_MAX - 1), IO, "too long");
}

static void a_file_does_not_name_itself(void **state) {
  (void)state;
  char in[FOLDER_PATH];
  make_scope(in);
  rung_file self;
  assert_ok(rung_file_open(&rung_system_allocator, folder_at(&root, "in/sub/b", path), false, &self));
  const rung_file_scope scope = {in, NULL, &self};
  assert_ok(beneath(&scope, "a", 1));
  assert_error(beneath(&scope, "sub/b", 5), INVALID_MODEL, "model file itself");
  assert_error(beneath(&scope, "link_inside", 11), INVALID_MODEL, "model file itself");
  rung_file_close(&self);
}

/* The cache of Hugging Face: a snapshot is a folder of links to blobs. */
static void links_may_lead_to_a_second_folder(void **state) {
  (void)state;
  char snapshot[FOLDER_PATH], blobs[FOLDER_PATH];
  folder_mkdir(&root, "blobs");
  folder_mkdir(&root, "blobs/deep");
  folder_mkdir(&root, "blobs2");
  folder_mkdir(&root, "snapshot");
  folder_write(&root, "blobs/123", "x", 1);
  folder_write(&root, "blobs/deep/456", "x", 1);
  folder_write(&root, "blobs2/789", "x", 1);
  folder_write(&root, "secret", "x", 1);
  folder_symlink(&root, "../blobs/123", "snapshot/data");
  folder_symlink(&root, "../blobs/deep", "snapshot/deep");
  folder_symlink(&root, "../blobs2/789", "snapshot/other");
  folder_symlink(&root, "../secret", "snapshot/secret");
  folder_symlink(&root, "../secret", "blobs/secret");
  folder_symlink(&root, "../blobs", "snapshot/blobs");
  const rung_file_scope scope = {folder_at(&root, "snapshot", snapshot), folder_at(&root, "blobs", blobs), NULL};
  assert_ok(beneath(&scope, "data", 4));
  assert_ok(beneath(&scope, "deep/456", 8));
  assert_ok(beneath(&scope, "123", 3)); /* not in the snapshot, but beside the real file */
  assert_error(beneath(&scope, "other", 5), INVALID_MODEL, "outside"); /* blobs2 is not blobs */
  assert_error(beneath(&scope, "secret", 6), INVALID_MODEL, "outside");
  assert_error(beneath(&scope, "blobs/secret", 12), INVALID_MODEL, "outside");
  assert_error(beneath(&scope, "none", 4), NOT_FOUND, "cannot be opened");
  const rung_file_scope strict = {snapshot, NULL, NULL};
  assert_error(beneath(&strict, "data", 4), INVALID_MODEL, "outside");
}

/* What kernels without openat2 get: no links at all. */
static void the_walk_follows_no_link(void **state) {
  (void)state;
  char in[FOLDER_PATH];
  make_scope(in);
  static const struct {
    const char *location;
    bool found;
  } cases[] = {
      {"a", true},
      {"sub/b", true},
      {"sub//b", true},
      {"./sub/./b", true},
      {"link_inside", false},
      {"folder_inside/b", false},
      {"link_out", false},
      {"folder_out/secret", false},
      {"loop", false},
      {"none", false},
      {"a/b", false},
      {"none/b", false},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    int fd = rung__file_walk(in, cases[i].location, O_RDONLY | O_CLOEXEC);
    if ((fd >= 0) != cases[i].found) fail_msg("\"%s\"", cases[i].location);
    if (fd >= 0) close(fd);
  }
  assert_int_equal(rung__file_walk("/nowhere", "a", O_RDONLY), -1);
}

static void folders_are_parts_of_paths(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"a", "."}, {"a/b", "a"}, {"/a", "/"}, {"/a/b", "/a"}, {"./a", "."}};
  char out[RUNG_PATH_MAX];
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    assert_ok(rung_file_folder(cases[i][0], out));
    assert_string_equal(out, cases[i][1]);
  }
}

/* ---- writing ---- */

static int entries(void) {
  DIR *folder = opendir(root.path);
  assert_non_null(folder);
  int count = 0;
  while (readdir(folder)) count++;
  closedir(folder);
  return count - 2;
}

static void files_are_written_whole(void **state) {
  (void)state;
  const rung_str pieces[] = {{"head", 4}, {"", 0}, {"tail", 4}};
  assert_ok(rung_file_write_atomic(folder_at(&root, "out", path), pieces, 3, 0600));
  assert_ok(rung_file_write_atomic(path, pieces, 3, 0600)); /* replaces */
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, path, false, &file));
  assert_int_equal(file.size, 8);
  assert_memory_equal(file.data, "headtail", 8);
  rung_file_close(&file);
  assert_int_equal(entries(), 1);
}

static void links_are_replaced_not_followed(void **state) {
  (void)state;
  folder_write(&root, "target", "old", 3);
  folder_symlink(&root, "target", "link");
  assert_ok(rung_file_write_atomic(folder_at(&root, "link", path), &(rung_str){"new", 3}, 1, 0666));
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, folder_at(&root, "target", path), false, &file));
  assert_memory_equal(file.data, "old", 3);
  rung_file_close(&file);
}

static void expect_contents(const char *name, const char *contents) {
  rung_file file;
  char at[RUNG_PATH_MAX];
  assert_ok(rung_file_open(&rung_system_allocator, folder_at(&root, name, at), false, &file));
  assert_int_equal(file.size, strlen(contents));
  assert_memory_equal(file.data, contents, file.size);
  rung_file_close(&file);
}

static void what_the_user_names_is_followed(void **state) {
  (void)state;
  struct stat info;
  folder_write(&root, "target", "old", 3);
  folder_symlink(&root, "target", "link");
  folder_symlink(&root, "later", "dangling");
  assert_ok(rung_file_write(folder_at(&root, "link", path), &(rung_str){"new", 3}, 1, 0666));
  assert_int_equal(lstat(path, &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  expect_contents("target", "new");
  assert_ok(rung_file_write(folder_at(&root, "dangling", path), &(rung_str){"made", 4}, 1, 0666));
  expect_contents("later", "made");
  assert_ok(rung_file_write(folder_at(&root, "plain", path), &(rung_str){"x", 1}, 1, 0666));
  expect_contents("plain", "x");
  assert_int_equal(entries(), 5);
  assert_error(rung_file_write(root.path, &(rung_str){"x", 1}, 1, 0666), IO, "write");
}

static void a_fifo_stays_one(void **state) {
  (void)state;
  struct stat info;
  char got[4] = "";
  assert_int_equal(mkfifo(folder_at(&root, "fifo", path), 0600), 0);
  int fd = open(path, O_RDWR); /* a reader that does not wait */
  assert_true(fd >= 0);
  assert_ok(rung_file_write(path, &(rung_str){"new", 3}, 1, 0666));
  assert_int_equal(read(fd, got, 3), 3);
  close(fd);
  assert_string_equal(got, "new");
  assert_int_equal(stat(path, &info), 0);
  assert_true(S_ISFIFO(info.st_mode));
}

static void a_failure_leaves_nothing(void **state) {
  (void)state;
  folder_mkdir(&root, "is_folder");
  folder_write(&root, "is_folder/x", "", 0);
  assert_error(rung_file_write_atomic(folder_at(&root, "is_folder", path), &(rung_str){"x", 1}, 1, 0666), IO,
               "replace");
  assert_int_equal(entries(), 1);
  assert_error(rung_file_write_atomic(folder_at(&root, "no/such/folder", path), NULL, 0, 0666), NOT_FOUND, "create");
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

/* Its signal would end the process. */
static void a_limit_on_sizes_is_an_error(void **state) {
  (void)state;
  static char block[4096];
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1000;
  folder_at(&root, "large", path);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  rung_status *status = rung_file_write_atomic(path, &(rung_str){block, sizeof block}, 1, 0600);
  int fd = open(folder_at(&root, "grown", path), O_RDWR | O_CREAT, 0600);
  bool grown = rung_os_resize(fd, 2000);
  int code = errno;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_false(grown);
  assert_int_equal(code, EFBIG);
  close(fd);
  unlink(path);
  assert_error(status, IO, "large");
  assert_int_equal(entries(), 0);
  sigset_t waiting, held;
  assert_int_equal(sigpending(&waiting), 0);
  assert_int_equal(sigismember(&waiting, SIGXFSZ), 0);
  assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &held), 0);
  assert_int_equal(sigismember(&held, SIGXFSZ), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_ROOT(files_are_mapped_or_read),
      WITH_ROOT(an_empty_file_has_data_all_the_same),
      WITH_ROOT(a_copy_outlives_what_happens_to_the_file),
      WITH_ROOT(only_regular_files_are_opened),
      WITH_ROOT(lookups_stay_beneath),
      WITH_ROOT(a_file_does_not_name_itself),
      WITH_ROOT(links_may_lead_to_a_second_folder),
      WITH_ROOT(the_walk_follows_no_link),
      cmocka_unit_test(folders_are_parts_of_paths),
      WITH_ROOT(files_are_written_whole),
      WITH_ROOT(links_are_replaced_not_followed),
      WITH_ROOT(what_the_user_names_is_followed),
      WITH_ROOT(a_fifo_stays_one),
      WITH_ROOT(a_failure_leaves_nothing),
      WITH_ROOT(a_limit_on_sizes_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
