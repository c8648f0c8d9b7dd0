/* The engine cache as a session's user sees it: what is found again and what is not, damage, folders that are refused,
 * eviction, what a plan says. Faults of the system are in test_cache_faults.c. */
#include "session/entry.h"
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char model[] = "x:f32[2,2] -> y ; w:f32[1] = 4 ; a@u = Add(x, w) ; y = Mul(u, u)";

/* Sessions */

static rung_session_options with_cache(void) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = own_folder.path;
  return options;
}

static void begin(test_session *t, const char *text) {
  session_begin(t);
  session_load(t, text, 0);
}

/* A session of `chain` over what is loaded; its first island's state in the cache must be `state`. */
static void expect(test_session *t, const char *chain, const char *state) {
  rung_session_options options = with_cache();
  assert_ok(session_open(t, chain, &options));
  const rung_plan_island *island = &rung_session_plan(t->session)->islands[0];
  if (!island->cache || strcmp(island->cache, state) != 0)
    fail_msg("%s: %s, not %s (%s)\n%s", chain, island->cache, state, island->cache_words, t->log);
}

static void expect_results(test_session *t) {
  static const double squares[] = {5 * 5, 6 * 6, 7 * 7, 8 * 8};
  assert_ok(session_run(t));
  for (size_t k = 0; k < 4; k++) assert_float_equal(session_out(t, 0, k), squares[k], 0);
}

static const char *entry_of(const test_session *t) { return rung_session_plan(t->session)->islands[0].cache_entry; }

static const char *entry_path(const char *key, char out[FOLDER_PATH]) {
  char name[128];
  snprintf(name, sizeof name, "%s.rung", key);
  return folder_at(&own_folder, name, out);
}

static size_t count_files(const char *ending) {
  DIR *d = opendir(own_folder.path);
  size_t count = 0;
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));)
    count += strlen(e->d_name) >= strlen(ending) && strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending) == 0;
  closedir(d);
  return count;
}

static char *read_file(const char *path, size_t *out_size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *data = malloc(1 << 22);
  assert_non_null(data);
  *out_size = fread(data, 1, 1 << 22, file);
  fclose(file);
  return data;
}

static void write_file(const char *path, const char *data, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* Hits and misses */

static void what_was_compiled_is_loaded(void **state) {
  (void)state;
  test_session t;
  begin(&t, model);
  fake_count *fake = session_fake();
  long compiles = fake->compiles, loads = fake->loads;
  expect(&t, "fake,cpu", "kept");
  expect_results(&t);
  assert_int_equal(fake->compiles, compiles + 1);
  for (int again = 0; again < 2; again++) {
    expect(&t, "fake,cpu", "hit");
    expect_results(&t);
  }
  assert_int_equal(fake->compiles, compiles + 1);
  assert_int_equal(fake->loads, loads + 2);
  assert_string_equal(t.log, "");
  session_end(&t);
}

static void without_a_folder_nothing_is_kept(void **state) {
  (void)state;
  test_session t;
  session_make(&t, model, "fake,cpu");
  assert_null(rung_session_plan(t.session)->cache_folder);
  assert_null(rung_session_plan(t.session)->islands[0].cache);
  session_end(&t);
}

static void providers_that_save_nothing_have_no_part_in_it(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = with_cache();
  begin(&t, model);
  assert_ok(session_open(&t, "cpu", &options));
  assert_null(rung_session_plan(t.session)->islands[0].cache);
  assert_int_equal(count_files(".rung"), 0);
  session_end(&t);
}

/* `why` of a plan over what is loaded: holds the field that differs. */
static void expect_why(test_session *t, const char *chain, const char *field) {
  char *text, quoted[64];
  rung_session_options options = with_cache();
  options.plan_only = 1;
  assert_ok(session_open(t, chain, &options));
  assert_ok(rung_session_cache_json(t->session, &text));
  snprintf(quoted, sizeof quoted, "\"field\": \"%s\"", field);
  const char *first = strstr(text, "\"field\"");
  if (!first || strncmp(first, quoted, strlen(quoted)) != 0 || strstr(first + 1, "\"field\""))
    fail_msg("%s alone should differ:\n%s", field, text);
  rung_text_free(text);
}

static void each_field_makes_a_miss_and_is_named(void **state) {
  (void)state;
  static const struct {
    const char *model, *chain, *field;
  } cases[] = {
      {model, "fake:driver=2.0,cpu", "driver"},
      {model, "fake:device=1,cpu", "device"},
      {model, "fake:tuning=fast,cpu", "tuning"},
      {"x:f32[2,2] -> y ; w:f32[1] = 5 ; a@u = Add(x, w) ; y = Mul(u, u)", "fake,cpu", "weights"},
      {"x:f32[2,2] -> y ; w:f32[1] = 4 ; a@u = Sub(x, w) ; y = Mul(u, u)", "fake,cpu", "graph"},
      {"x:f32[N,2] -> y ; w:f32[1] = 4 ; a@u = Add(x, w) ; y = Mul(u, u)", "fake,cpu", "shapes"},
  };
  test_session t;
  begin(&t, model);
  expect(&t, "fake,cpu", "kept");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    session_load(&t, cases[i].model, 0);
    expect_why(&t, cases[i].chain, cases[i].field);
    expect(&t, cases[i].chain, "kept");
    expect(&t, cases[i].chain, "hit");
    uint64_t removed; /* so that the next one is compared with the first alone */
    assert_ok(rung_cache_clear(t.env, own_folder.path, entry_of(&t), &removed));
    assert_int_equal(removed, 1);
  }
  session_load(&t, model, 0);
  expect(&t, "fake:delay=1,cpu", "hit"); /* an option that changes nothing of what is compiled */
  session_end(&t);
}

/* A plan says what a session would find, and changes nothing. */
static void plans_look_and_do_not_touch(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = with_cache();
  options.plan_only = 1;
  begin(&t, model);
  long compiles = session_fake()->compiles;
  assert_ok(session_open(&t, "fake,cpu", &options));
  assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "miss");
  assert_string_equal(rung_session_plan(t.session)->stage, "claimed");
  assert_int_equal(count_files(""), 2); /* "." and ".." */
  expect(&t, "fake,cpu", "kept");
  assert_ok(session_open(&t, "fake,cpu", &options));
  assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "hit");
  assert_int_equal(session_fake()->compiles, compiles + 1);
  session_end(&t);
}

static void what_an_engine_refused_is_remembered(void **state) {
  (void)state;
  static const char chain[] = "fake:refuse_at_compile=Mul,cpu";
  test_session t;
  char islands[64];
  begin(&t, "x:f32[2,2] -> y ; a@u = Add(x, x) ; m@y = Mul(u, u)");
  fake_count *fake = session_fake();
  long compiles = fake->compiles;
  expect(&t, chain, "kept");
  assert_int_equal(fake->compiles, compiles + 2); /* both, then the first alone */
  for (int plan_only = 0; plan_only < 2; plan_only++) {
    rung_session_options options = with_cache();
    options.plan_only = plan_only;
    assert_ok(session_open(&t, chain, &options));
    assert_string_equal(session_islands(&t, islands, sizeof islands), "a m");
    assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "hit");
    const rung_plan_node *node = session_node(&t, "m");
    assert_string_equal(node->provider, "cpu");
    assert_string_equal(node->refusals[0].reason, "compile");
    assert_string_equal(node->refusals[0].words, "the fake's engine does not take Mul");
  }
  assert_int_equal(fake->compiles, compiles + 2);
  session_end(&t);
}

static void bodies_are_kept_too(void **state) {
  (void)state;
  test_session t;
  begin(&t, "x:f32[2] c:bool[] -> y ; y = If(c) then_branch={ -> p ; p = Neg(x) } else_branch={ -> q ; q = Relu(x) }");
  rung_session_options options = with_cache();
  for (int again = 0; again < 2; again++) {
    assert_ok(session_open(&t, "fake,cpu", &options));
    const rung_plan *plan = rung_session_plan(t.session);
    assert_int_equal(plan->island_count, 2);
    for (size_t i = 0; i < 2; i++) assert_string_equal(plan->islands[i].cache, again ? "hit" : "kept");
    assert_string_not_equal(plan->islands[0].cache_entry, plan->islands[1].cache_entry);
  }
  session_end(&t);
}

/* Parts that show when it runs are found by the next session, and belong to their executable. */
static void parts_are_kept(void **state) {
  (void)state;
  static const struct {
    const char *chain;
    long saves, loads; /* of a session with two runs; the executable counts, too */
  } steps[] = {{"fake:parts=yes,cpu", 2, 1},
               {"fake:parts=yes,cpu", 0, 3},
               {"fake:parts=yes,driver=2,cpu", 2, 1},
               {"fake:parts=yes,cpu", 0, 3}};
  test_session t;
  begin(&t, model);
  fake_count *fake = session_fake();
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    long saves = fake->saves, loads = fake->loads;
    rung_session_options options = with_cache();
    assert_ok(session_open(&t, steps[i].chain, &options));
    expect_results(&t);
    expect_results(&t);
    assert_int_equal(fake->saves - saves, steps[i].saves);
    assert_int_equal(fake->loads - loads, steps[i].loads);
  }
  assert_int_equal(count_files(".rung"), 4);
  assert_string_equal(t.log, "");
  chmod(own_folder.path, 0700);
  rung_session_options options = with_cache();
  assert_ok(session_open(&t, "fake:parts=yes,driver=3,cpu", &options));
  char lock[FOLDER_PATH];
  unlink(folder_at(&own_folder, "lock", lock));
  folder_mkdir(&own_folder, "lock"); /* nothing can be locked: the run goes on, and says it once */
  for (int i = 0; i < 3; i++) expect_results(&t);
  assert_true(session_said(&t, "cannot open its lock"));
  assert_null(strstr(strstr(t.log, "its lock") + 1, "its lock"));
  session_end(&t);
}

/* What providers do */

static void saving_may_fail(void **state) {
  (void)state;
  static const struct {
    const char *chain, *words;
  } cases[] = {{"fake:keep=no,cpu", "keeps nothing with keep=no"},
               {"fake:keep=never,cpu", "this one cannot be kept"},
               {"fake:keep=broken,cpu", "the fake cannot save"}};
  test_session t;
  begin(&t, model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect(&t, cases[i].chain, "not-kept");
    assert_non_null(strstr(rung_session_plan(t.session)->islands[0].cache_words, cases[i].words));
    expect_results(&t);
  }
  assert_int_equal(count_files(".rung"), 0);
  session_end(&t);
}

static void what_does_not_load_is_compiled_and_kept_anew(void **state) {
  (void)state;
  static const char *const chains[] = {"fake:load=unsupported,cpu", "fake:load=broken,cpu"};
  test_session t;
  begin(&t, model);
  expect(&t, "fake,cpu", "kept");
  for (size_t i = 0; i < 2; i++) {
    t.log[0] = 0;
    expect(&t, chains[i], "kept");
    assert_true(session_said(&t, "it is dropped"));
    expect_results(&t);
  }
  expect(&t, "fake,cpu", "hit");
  session_end(&t);
}

/* Damage */

static void every_byte_is_under_a_digest(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  size_t size;
  begin(&t, model);
  expect(&t, "fake,cpu", "kept");
  char *data = read_file(entry_path(entry_of(&t), path), &size);
  cache_entry *e = calloc(1, sizeof *e);
  assert_non_null(e);
  assert_ok(rung__entry_parse((uint8_t *)data, size, true, e));
  assert_string_equal(e->key, entry_of(&t));
  for (size_t at = 0; at < size; at++) {
    data[at] ^= 1 << at % 8;
    assert_error(rung__entry_parse((uint8_t *)data, size, true, e), IO, "");
    data[at] ^= 1 << at % 8;
  }
  for (size_t cut = 0; cut < size; cut++) {
    char *part = malloc(cut + 1); /* of its own, so that a read too far shows */
    assert_non_null(part);
    memcpy(part, data, cut);
    assert_error(rung__entry_parse((uint8_t *)part, cut, true, e), IO, "");
    free(part);
  }
  free(e);
  free(data);
  session_end(&t);
}

/* In the head, the fields, the zeros, the payload; then cut at several places, and longer than it should be. */
static void damaged_entries_are_replaced(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  size_t size;
  begin(&t, model);
  expect(&t, "fake,cpu", "kept");
  char *data = read_file(entry_path(entry_of(&t), path), &size);
  const size_t flips[] = {0, 8, 12, 16, 24, 40, 70, 100, 300, 3000, 4095, 4096, size - 1};
  const size_t sizes[] = {0, 1, 95, 96, 200, 4095, 4096, size - 1, size + 1};
  for (size_t i = 0; i < sizeof flips / sizeof *flips + sizeof sizes / sizeof *sizes; i++) {
    size_t flip_count = sizeof flips / sizeof *flips, length = size;
    char *wrong = calloc(1, size + 1);
    assert_non_null(wrong);
    memcpy(wrong, data, size);
    if (i < flip_count)
      wrong[flips[i]] ^= 4;
    else
      length = sizes[i - flip_count];
    write_file(path, wrong, length);
    free(wrong);
    t.log[0] = 0;
    expect(&t, "fake,cpu", "kept");
    assert_true(session_said(&t, "it is dropped"));
    expect_results(&t);
    expect(&t, "fake,cpu", "hit");
  }
  free(data);
  session_end(&t);
}

static void an_entry_under_another_name_is_not_taken(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH], other[FOLDER_PATH];
  size_t size;
  begin(&t, model);
  expect(&t, "fake:tuning=a,cpu", "kept");
  char *data = read_file(entry_path(entry_of(&t), path), &size);
  expect(&t, "fake:tuning=b,cpu", "kept");
  write_file(entry_path(entry_of(&t), other), data, size);
  expect(&t, "fake:tuning=b,cpu", "kept");
  assert_true(session_said(&t, "another entry than its name says"));
  unlink(other);
  assert_int_equal(symlink(path, other), 0); /* links are not followed */
  expect(&t, "fake:tuning=b,cpu", "kept");
  struct stat info;
  assert_int_equal(lstat(other, &info), 0);
  assert_true(S_ISREG(info.st_mode));
  free(data);
  session_end(&t);
}

/* Folders */

static void files_are_private(void **state) {
  (void)state;
  test_session t;
  struct stat info;
  char deep[FOLDER_PATH], name[FOLDER_PATH + 80];
  begin(&t, model);
  rung_session_options options = with_cache();
  options.cache_folder = folder_at(&own_folder, "a/b", deep);
  mode_t old = umask(0);
  assert_ok(session_open(&t, "fake,cpu", &options));
  umask(old);
  assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "kept");
  assert_int_equal(stat(deep, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0700);
  const char *const names[] = {"lock", "notes"};
  for (size_t i = 0; i < 3; i++) {
    if (i < 2)
      snprintf(name, sizeof name, "%s/%s", deep, names[i]);
    else
      snprintf(name, sizeof name, "%s/%s.rung", deep, entry_of(&t));
    assert_int_equal(stat(name, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
  }
  session_end(&t);
}

static void expect_unused(test_session *t, const char *path, const char *why) {
  rung_session_options options = with_cache();
  options.cache_folder = path;
  t->log[0] = 0;
  assert_ok(session_open(t, "fake,cpu", &options));
  const rung_plan *plan = rung_session_plan(t->session);
  assert_string_equal(plan->cache_folder, path);
  assert_non_null(plan->cache_why);
  if (!strstr(plan->cache_why, why)) fail_msg("\"%s\" lacks \"%s\"", plan->cache_why, why);
  assert_true(session_said(t, why));
  expect_results(t);
}

static void folders_of_others_are_refused(void **state) {
  (void)state;
  test_session t;
  begin(&t, model);
  static const mode_t modes[] = {0777, 0720, 0702};
  for (size_t i = 0; i < 3; i++) {
    chmod(own_folder.path, modes[i]);
    expect_unused(&t, own_folder.path, "others may write to the folder");
    assert_int_equal(count_files(".rung"), 0);
  }
  if (geteuid() == 0 && chown(own_folder.path, 1, (gid_t)-1) == 0) {
    chmod(own_folder.path, 0700);
    expect_unused(&t, own_folder.path, "belongs to another user");
    assert_int_equal(chown(own_folder.path, 0, (gid_t)-1), 0);
  }
  chmod(own_folder.path, 0755); /* to look is allowed: files are private */
  expect(&t, "fake,cpu", "kept");
  session_end(&t);
}

static void what_is_no_folder_is_said(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  begin(&t, model);
  folder_write(&own_folder, "file", "x", 1);
  expect_unused(&t, folder_at(&own_folder, "file", path), "cannot open the folder: Not a directory");
  expect_unused(&t, folder_at(&own_folder, "file/below", path), "cannot open the folder");
  session_end(&t);
}

/* An entry that others could have written is not taken. */
static void entries_of_others_are_not_taken(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  begin(&t, model);
  expect(&t, "fake,cpu", "kept");
  chmod(entry_path(entry_of(&t), path), 0666);
  expect(&t, "fake,cpu", "kept");
  assert_true(session_said(&t, "others may write to it"));
  session_end(&t);
}

/* Eviction */

static void the_least_recently_used_goes_first(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  struct stat info;
  rung_session_options options = with_cache();
  begin(&t, model);
  expect(&t, "fake:tuning=t1,cpu", "kept");
  assert_int_equal(stat(entry_path(entry_of(&t), path), &info), 0);
  options.cache_max_bytes = 3 * (uint64_t)info.st_size + 100;
  char chain[64];
  static const struct {
    int tuning;
    const char *state;
  } steps[] = {{2, "kept"}, {3, "kept"}, {1, "hit"},  {4, "kept"}, {3, "hit"},
               {1, "hit"},  {4, "hit"},  {2, "kept"}, {3, "kept"}, {1, "kept"}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    nanosleep(&(struct timespec){0, 5000000}, NULL); /* so that times of use differ */
    snprintf(chain, sizeof chain, "fake:tuning=t%d,cpu", steps[i].tuning);
    assert_ok(session_open(&t, chain, &options));
    if (strcmp(rung_session_plan(t.session)->islands[0].cache, steps[i].state) != 0)
      fail_msg("step %zu: %s", i, rung_session_plan(t.session)->islands[0].cache);
    assert_true(count_files(".rung") <= 3);
  }
  session_end(&t);
}

static void an_entry_larger_than_the_cache_is_not_kept(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = with_cache();
  options.cache_max_bytes = 100000;
  begin(&t, model);
  assert_ok(session_open(&t, "fake:tuning=small,cpu", &options));
  assert_ok(session_open(&t, "fake:keep=large,cpu", &options));
  assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "not-kept");
  assert_non_null(strstr(rung_session_plan(t.session)->islands[0].cache_words, "larger than the cache may be"));
  assert_null(rung_session_plan(t.session)->cache_why);
  assert_int_equal(count_files(".rung"), 1); /* nothing had to go for it */
  expect_results(&t);
  session_end(&t);
}

/* Weights */

/* The digest of a file's weights is remembered by its inode, size and time: a change that keeps all three goes unseen,
 * which proves it; one that does not is seen. */
static void digests_of_weights_are_remembered(void **state) {
  (void)state;
  test_session t;
  char path[FOLDER_PATH];
  size_t size;
  const struct timespec past[] = {{1000000000, 0}, {1000000000, 0}};
  session_begin(&t);
  char *data = onnx_text(model, ONNX_TEXT_OPSET, &size);
  folder_write(&own_folder, "m.onnx", data, size);
  folder_at(&own_folder, "m.onnx", path);
  assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
  const float four = 4, five = 5;
  char *weight = NULL;
  for (size_t i = 0; i + sizeof four <= size; i++)
    if (memcmp(data + i, &four, sizeof four) == 0) weight = data + i;
  assert_non_null(weight);
  memcpy(weight, &five, sizeof five);
  static const char *const states[] = {"kept", "hit", "hit", "kept"};
  for (int step = 0; step < 4; step++) {
    if (step == 2) { /* in place */
      int fd = open(path, O_WRONLY);
      assert_int_equal(pwrite(fd, data, size, 0), size);
      close(fd);
      assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    }
    if (step == 3) assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
    rung_model_destroy(&t.model);
    assert_ok(rung_model_load(t.env, path, NULL, &t.model));
    expect(&t, "fake,cpu", states[step]);
  }
  free(data);
  session_end(&t);
}

/* Listing */

static void lists_tell_and_clear_removes(void **state) {
  (void)state;
  test_session t;
  char *text, path[FOLDER_PATH];
  uint64_t count;
  begin(&t, model);
  expect(&t, "fake:tuning=a,cpu", "kept");
  char first[65];
  snprintf(first, sizeof first, "%s", entry_of(&t));
  expect(&t, "fake:tuning=b,cpu", "kept");
  assert_ok(rung_cache_json(t.env, own_folder.path, 1, &text));
  assert_non_null(strstr(text, first));
  assert_non_null(strstr(text, entry_of(&t)));
  assert_non_null(strstr(text, "\"name\": \"tuning\""));
  assert_null(strstr(text, "damaged"));
  rung_text_free(text);
  size_t size;
  char *data = read_file(entry_path(first, path), &size);
  data[size - 1] ^= 1;
  write_file(path, data, size);
  free(data);
  assert_ok(rung_cache_json(t.env, own_folder.path, 0, &text)); /* reads heads only */
  assert_null(strstr(text, "damaged"));
  rung_text_free(text);
  assert_ok(rung_cache_json(t.env, own_folder.path, 1, &text));
  assert_non_null(strstr(text, "its payload is damaged"));
  rung_text_free(text);
  assert_error(rung_cache_clear(t.env, own_folder.path, "xyz", NULL), NOT_FOUND, "has no entry xyz");
  first[20] = 0;
  assert_ok(rung_cache_clear(t.env, own_folder.path, first, &count));
  assert_int_equal(count, 1);
  assert_int_equal(count_files(".rung"), 1);
  assert_ok(rung_cache_clear(t.env, own_folder.path, NULL, &count));
  assert_int_equal(count, 1);
  assert_int_equal(count_files(""), 3); /* ".", ".." and the lock */
  assert_error(rung_cache_json(t.env, folder_at(&own_folder, "none", path), 0, &text), NOT_FOUND,
               "cannot open the folder");
  session_end(&t);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, own_folder_set_up, own_folder_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(what_was_compiled_is_loaded),
      TEST(without_a_folder_nothing_is_kept),
      TEST(providers_that_save_nothing_have_no_part_in_it),
      TEST(each_field_makes_a_miss_and_is_named),
      TEST(plans_look_and_do_not_touch),
      TEST(what_an_engine_refused_is_remembered),
      TEST(bodies_are_kept_too),
      TEST(parts_are_kept),
      TEST(saving_may_fail),
      TEST(what_does_not_load_is_compiled_and_kept_anew),
      TEST(every_byte_is_under_a_digest),
      TEST(damaged_entries_are_replaced),
      TEST(an_entry_under_another_name_is_not_taken),
      TEST(files_are_private),
      TEST(folders_of_others_are_refused),
      TEST(what_is_no_folder_is_said),
      TEST(entries_of_others_are_not_taken),
      TEST(the_least_recently_used_goes_first),
      TEST(an_entry_larger_than_the_cache_is_not_kept),
      TEST(digests_of_weights_are_remembered),
      TEST(lists_tell_and_clear_removes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
