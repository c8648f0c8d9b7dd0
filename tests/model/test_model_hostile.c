/* Damaged files: every seed of the fuzzers cut at every byte, and with every bit flipped. Nothing may crash, leak or
 * read outside; run under the sanitizers this says a lot, and elsewhere at least that it ends. */
#include "base/file.h"
#include "model/model.h"
#include "support/counting.h"
#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parses a copy of exactly `size` bytes. True when it is a good message. */
typedef bool parse_fn(const rung_allocator *allocator, const uint8_t *bytes, size_t size);

static const rung_model_limits limits = {.tensor_bytes = 1 << 20, .decoded_bytes = 1 << 20};

static bool finish(rung_status *status) {
  rung_code code = rung_status_code(status);
  if (status) assert_true(strlen(rung_status_message(status)) > 10);
  rung_status_free(status);
  assert_int_not_equal(code, RUNG_INTERNAL);
  return code == RUNG_OK;
}

static bool parse_model(const rung_allocator *allocator, const uint8_t *bytes, size_t size) {
  const rung_model_options options = {.limits = limits};
  rung_model *model = NULL;
  rung_status *status = rung_model_parse(allocator, NULL, bytes, size, &options, &model);
  rung_model_release(model);
  return finish(status);
}

/* The first byte is the kind, as for fuzz_value. */
static bool parse_value(const rung_allocator *allocator, const uint8_t *bytes, size_t size) {
  if (size == 0) return false;
  const rung_type type = {.kind = (rung_kind)(bytes[0] % (RUNG_SPARSE + 1))};
  rung_value *value = NULL;
  rung_status *status = rung_model_read_value(allocator, bytes + 1, size - 1, &type, &value);
  rung_value_release(value);
  return finish(status);
}

static bool parse_copy(parse_fn *parse, const uint8_t *bytes, size_t size) {
  counting counts;
  counting_init(&counts, 0);
  uint8_t *copy = malloc(size ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  bool good = parse(&counts.allocator, copy, size);
  free(copy);
  assert_int_equal(atomic_load(&counts.alive), 0);
  return good;
}

static void cut_everywhere(parse_fn *parse, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) parse_copy(parse, bytes, i);
}

static void flip_everything(parse_fn *parse, uint8_t *bytes, size_t size) {
  for (size_t bit = 0; bit < size * 8; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    parse_copy(parse, bytes, size);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}

/* The bytes that hurt most: the largest numbers, and the ends of varints. */
static void plant_everywhere(parse_fn *parse, uint8_t *bytes, size_t size) {
  static const uint8_t seeds[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  for (size_t i = 0; i < size; i++) {
    for (size_t k = 0; k < sizeof seeds; k++) {
      uint8_t saved[8];
      size_t length = size - i < sizeof saved ? size - i : sizeof saved;
      memcpy(saved, bytes + i, length);
      memset(bytes + i, seeds[k], length);
      parse_copy(parse, bytes, size);
      memcpy(bytes + i, saved, length);
    }
  }
}

static void torture(parse_fn *parse, const char *path) {
  rung_file file;
  assert_ok(rung_file_open(&rung_system_allocator, path, false, &file));
  uint8_t *bytes = malloc(file.size);
  assert_non_null(bytes);
  memcpy(bytes, file.data, file.size);
  bool whole = parse_copy(parse, bytes, file.size);
  if (!whole && !strstr(path, "/external")) fail_msg("%s is not good even when whole", path);
  cut_everywhere(parse, bytes, file.size);
  flip_everything(parse, bytes, file.size);
  plant_everywhere(parse, bytes, file.size);
  free(bytes);
  rung_file_close(&file);
}

static void torture_all(parse_fn *parse, const char *corpus) {
  DIR *folder = opendir(corpus);
  if (!folder) fail_msg("there is no folder %s", corpus);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char path[4096];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", corpus, entry->d_name);
    torture(parse, path);
    count++;
  }
  closedir(folder);
  assert_true(count >= 15); /* a corpus that is not there proves nothing */
}

static void damaged_models_are_refused(void **state) {
  (void)state;
  torture_all(parse_model, TEST_FOLDER "/fuzz/corpus/fuzz_model");
}

static void damaged_values_are_refused(void **state) {
  (void)state;
  torture_all(parse_value, TEST_FOLDER "/fuzz/corpus/fuzz_value");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damaged_models_are_refused),
      cmocka_unit_test(damaged_values_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
