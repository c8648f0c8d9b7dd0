/* Parts of the tool that are easier to reach from C: comparing, words, numbers, arrays of every type. */
#include "chains.h"
#include "compare.h"
#include "npy.h"
#include "plan_text.h"
#include "prepare.h"
#include "support/test.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_env(void **state) {
  rung_env *env = NULL;
  rung_env_options options;
  rung_env_options_init(&options);
  options.threads = 1;
  assert_ok(rung_env_create(&options, &env));
  *state = env;
  return 0;
}

static int drop_env(void **state) {
  rung_env *env = *state;
  rung_env_destroy(&env);
  return 0;
}

static rung_value *numbers(rung_env *env, rung_dtype dtype, int64_t count, const double *at) {
  rung_value *value;
  assert_ok(rung_value_create(env, dtype, 1, &count, &value));
  for (int64_t i = 0; i < count; i++) rung_tensor_set(rung_value_tensor(value), (size_t)i, at[i]);
  return value;
}

/* Compares two, element by element of a list, and forgets them. */
static int agree(rung_value *got, rung_value *want, tolerance allowed, difference *out) {
  *out = (difference){0};
  int answer = rung_value_agrees(got, want, &allowed, out);
  rung_value_release(got);
  rung_value_release(want);
  return answer;
}

static void floats_within_tolerance(void **state) {
  static const double a[] = {1, 100, -3}, b[] = {1.001, 100.09, -3};
  tolerance tight = {1e-3, 0, 0, 1}, loose = {1e-3, 1e-3, 0, 1};
  difference d;
  assert_true(agree(numbers(*state, RUNG_F64, 3, a), numbers(*state, RUNG_F64, 3, b), loose, &d));
  assert_true(fabs(d.max_abs - 0.09) < 1e-9);
  assert_false(agree(numbers(*state, RUNG_F64, 2, a), numbers(*state, RUNG_F64, 2, b + 1), tight, &d));
  assert_non_null(strstr(d.words, "element 0 is 1, not 100.09"));
  assert_int_equal(d.wrong, 2);
}

static void lines_cannot_disturb_the_terminal(void **state) {
  (void)state;
  char *lines = clean_lines("a\x1b[2J\n\tb\xc2\x9b\xff\ncaf\xc3\xa9", "> ");
  assert_string_equal(lines, "a\\x1b[2J\n> \tb\\xc2\\x9b\\xff\n> caf\xc3\xa9");
  free(lines);
}

static void not_a_number_equals_itself_only(void **state) {
  static const double a[] = {NAN, INFINITY}, b[] = {NAN, INFINITY}, c[] = {1, INFINITY}, e[] = {NAN, -INFINITY};
  tolerance any = {1e-3, 1e9, 0, 1};
  difference d;
  assert_true(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 2, b), any, &d));
  assert_false(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 2, c), any, &d));
  assert_false(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 2, e), any, &d));
}

static void whole_numbers_are_equal_or_not(void **state) {
  static const double a[] = {10000}, b[] = {10001};
  tolerance loose = {1e-2, 1e-2, 0, 1}, by_one = {0, 1, 0, 1};
  difference d;
  assert_false(agree(numbers(*state, RUNG_I32, 1, a), numbers(*state, RUNG_I32, 1, b), loose, &d));
  assert_true(agree(numbers(*state, RUNG_I32, 1, a), numbers(*state, RUNG_I32, 1, b), by_one, &d));
  rung_value *x = numbers(*state, RUNG_I64, 1, a), *y = numbers(*state, RUNG_I64, 1, a);
  ((int64_t *)rung_value_tensor(x)->data)[0] = (INT64_C(1) << 53) + 1; /* a double takes it for 2^53 */
  ((int64_t *)rung_value_tensor(y)->data)[0] = INT64_C(1) << 53;
  assert_false(agree(x, y, loose, &d));
}

static void cosine_counts_when_asked_for(void **state) {
  static const double a[] = {1, 0}, b[] = {1, 0.5};
  tolerance blind = {0, 1, 0, 1}, careful = {0, 1, 0.99, 1};
  difference d;
  assert_true(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 2, b), blind, &d));
  assert_false(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 2, b), careful, &d));
  assert_non_null(strstr(d.words, "cosine"));
}

static void shapes_types_and_kinds_differ(void **state) {
  static const double a[] = {1, 2};
  tolerance any = {1, 1, 0, 1};
  difference d;
  assert_false(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F32, 1, a), any, &d));
  assert_string_equal(d.words, "shape [2], not [1]");
  assert_false(agree(numbers(*state, RUNG_F32, 2, a), numbers(*state, RUNG_F64, 2, a), any, &d));
  assert_string_equal(d.words, "type float32, not float64");
  rung_value *item = numbers(*state, RUNG_F32, 2, a), *list;
  assert_ok(rung_value_create_compound(*state, RUNG_SEQUENCE, RUNG_F32, &item, 1, &list));
  assert_false(agree(item, list, any, &d));
  assert_string_equal(d.words, "a tensor, not a sequence");
}

/* Every type that .npy holds comes back as it went; the others are refused. */
static void arrays_go_round(void **state) {
  static const double at[] = {0, 1, 2, 3, 100, 7};
  for (int dtype = RUNG_F32; dtype <= RUNG_I2; dtype++) {
    if (dtype == RUNG_STRING) continue;
    rung_value *value = numbers(*state, (rung_dtype)dtype, 6, at), *back = NULL;
    bytes file;
    int code = npy_write(rung_value_tensor(value), &file);
    assert_int_equal(code == 0, rung_dtype_numpy((rung_dtype)dtype)[0] != 0);
    if (code == 0) {
      rung_type type = {.kind = RUNG_TENSOR, .dtype = (rung_dtype)dtype, .rank = -1};
      target t = {.env = *state, .name = "x", .type = &type};
      assert_int_equal(npy_read(&t, file, &back), 0);
      const rung_tensor *a = rung_value_tensor(value), *b = rung_value_tensor(back);
      assert_int_equal(a->dtype, b->dtype);
      assert_int_equal(a->size, b->size);
      assert_memory_equal(a->data, b->data, a->size);
      free_bytes(&file);
    }
    rung_value_release(value);
    rung_value_release(back);
  }
}

/* Cut anywhere, a file is refused and nothing is read behind its end (which a sanitizer would see). */
static void arrays_that_are_cut_off(void **state) {
  static const double at[] = {1, 2, 3};
  rung_value *value = numbers(*state, RUNG_F32, 3, at), *back = NULL;
  bytes file;
  assert_int_equal(npy_write(rung_value_tensor(value), &file), 0);
  rung_type type = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = -1};
  target t = {.env = *state, .name = "x", .type = &type};
  for (size_t size = 0; size < file.size; size++) {
    bytes part = {(unsigned char *)copy_text((const char *)file.data, size), size};
    assert_int_not_equal(npy_read(&t, part, &back), 0);
    assert_null(back);
    free_bytes(&part);
  }
  free_bytes(&file);
  rung_value_release(value);
}

static void elements_are_set_and_rounded(void **state) {
  static const struct {
    rung_dtype dtype;
    double given, kept;
  } rows[] = {{RUNG_F32, 0.1, (double)0.1f},
              {RUNG_F16, 65504, 65504},
              {RUNG_F16, 1e9, INFINITY},
              {RUNG_BF16, 1.001, 1},
              {RUNG_I8, 200, 127},
              {RUNG_I8, -200.7, -128},
              {RUNG_U8, 2.5, 2},
              {RUNG_U8, 3.5, 4},
              {RUNG_U8, -1, 0},
              {RUNG_I32, NAN, 0},
              {RUNG_I64, 1e30, 0x1p63 - 1024},
              {RUNG_U64, 1e30, 0x1p64 - 2048},
              {RUNG_BOOL, 0.3, 1},
              {RUNG_I4, 9, 7},
              {RUNG_I4, -9, -8},
              {RUNG_U4, 9, 9},
              {RUNG_U4, 99, 15},
              {RUNG_U2, 5, 3},
              {RUNG_I2, 5, 1},
              {RUNG_F4E2M1, 2.4, 2},
              {RUNG_F4E2M1, 100, 6},
              {RUNG_F8E4M3FN, 1000, 448},
              {RUNG_F8E8M0, 5, 4},
              {RUNG_C64, 2.5, 2.5}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double at[] = {1, rows[i].given, 1};
    rung_value *value = numbers(*state, rows[i].dtype, 3, at);
    const rung_tensor *t = rung_value_tensor(value);
    assert_true(rung_tensor_get(t, 1) == rows[i].kept);
    assert_true(rung_tensor_get(t, 0) == 1 && rung_tensor_get(t, 2) == 1); /* neighbours in the same byte stay */
    rung_value_release(value);
  }
}

static void words(void **state) {
  (void)state;
  static const char *const names[] = {"threads", "top", "output"};
  assert_string_equal(nearest("theads", names, 3), "threads");
  assert_string_equal(nearest("ouput", names, 3), "output");
  assert_null(nearest("quantise", names, 3));
  assert_string_equal(clean("a\x1b[1m\xc2\x9b\xff\xc3\xa9"), "a\\x1b[1m\\xc2\\x9b\\xff\xc3\xa9");
  char many[2000];
  memset(many, '\n', sizeof many);
  assert_true(strlen(clean_bytes(many, sizeof many)) < 600);
}

static void amounts(void **state) {
  (void)state;
  assert_string_equal(bytes_text(0), "0 bytes");
  assert_string_equal(bytes_text(4943153), "4.94 MB");
  assert_string_equal(bytes_text(999600), "1.00 MB");
  assert_string_equal(seconds_text(0.00831), "8.31 ms");
  assert_string_equal(seconds_text(90), "90 s");
  assert_string_equal(count_text(411), "411");
  assert_string_equal(flops_text(1.94e8), "194 MFLOP");
}

static void parsing(void **state) {
  (void)state;
  int64_t counts[3], count;
  double number;
  assert_int_equal(parse_counts("1x3x224", 7, 'x', counts, 3), 3);
  assert_int_equal(counts[2], 224);
  assert_int_equal(parse_counts("1x3x224", 7, 'x', counts, 2), -1);
  assert_int_equal(parse_counts("1xx2", 4, 'x', counts, 3), -1);
  assert_int_equal(parse_counts("", 0, 'x', counts, 3), -1);
  assert_false(parse_count("-1", 2, &count));
  assert_false(parse_count("9999999999999999999", 19, &count));
  assert_true(parse_number("1e-3,", 4, &number) && number == 1e-3);
  assert_false(parse_number("1e-3,", 5, &number));
}

static void expect_parts(const char *chain, const char *expected) {
  char joined[256] = "";
  text_list parts = {0};
  chain_parts(chain, &parts);
  for (size_t i = 0; i < parts.count; i++) {
    size_t used = strlen(joined);
    snprintf(joined + used, sizeof joined - used, "%s[%s]", used ? " " : "", parts.at[i]);
  }
  text_list_free(&parts);
  assert_string_equal(joined, expected);
}

static void refusals_are_grouped_in_order(void **state) {
  (void)state;
  enum { NODES = 3000, KINDS = 1000 };
  static rung_plan_node nodes[NODES];
  static rung_plan_refusal refusals[NODES];
  static char words[KINDS][16];
  for (int i = 0; i < KINDS; i++) snprintf(words[i], sizeof words[i], "rank %d", i);
  for (int i = 0; i < NODES; i++) {
    refusals[i] = (rung_plan_refusal){"a", "rank", words[i % KINDS]};
    nodes[i] = (rung_plan_node){.name = "n",
                                .op_type = "Relu",
                                .domain = "",
                                .provider = i % 2 ? "b" : NULL,
                                .refusal_count = 1,
                                .refusals = &refusals[i]};
  }
  const rung_plan plan = {.node_count = NODES, .nodes = nodes};
  size_t count;
  refusal_group *groups = group_refusals(&plan, false, &count);
  assert_int_equal(count, KINDS);
  for (int i = 0; i < KINDS; i++) {
    assert_string_equal(groups[i].words, words[i]);
    assert_int_equal(groups[i].count, NODES / KINDS);
  }
  free(groups);
  groups = group_refusals(&plan, true, &count);
  assert_int_equal(count, KINDS / 2);
  assert_string_equal(groups[1].words, "rank 2");
  free(groups);
}

static void parts_of_chains(void **state) {
  (void)state;
  expect_parts("cpu", "[cpu]");
  expect_parts("cuda?,cpu", "[cuda?] [cpu]");
  expect_parts("cuda?,openvino:device_type=GPU,precision=FP16,cpu",
               "[cuda?] [openvino:device_type=GPU,precision=FP16] [cpu]");
  expect_parts("a:k=\"x,y\",z=\"q\\\",=\",b", "[a:k=\"x,y\",z=\"q\\\",=\"] [b]");
  expect_parts("", "");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lines_cannot_disturb_the_terminal),
                                     cmocka_unit_test(refusals_are_grouped_in_order),
                                     cmocka_unit_test(floats_within_tolerance),
                                     cmocka_unit_test(not_a_number_equals_itself_only),
                                     cmocka_unit_test(whole_numbers_are_equal_or_not),
                                     cmocka_unit_test(cosine_counts_when_asked_for),
                                     cmocka_unit_test(shapes_types_and_kinds_differ),
                                     cmocka_unit_test(arrays_go_round),
                                     cmocka_unit_test(arrays_that_are_cut_off),
                                     cmocka_unit_test(elements_are_set_and_rounded),
                                     cmocka_unit_test(words),
                                     cmocka_unit_test(amounts),
                                     cmocka_unit_test(parsing),
                                     cmocka_unit_test(parts_of_chains)};
  return cmocka_run_group_tests(tests, make_env, drop_env);
}
