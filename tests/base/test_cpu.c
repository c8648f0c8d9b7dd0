#include "base/cpu.h"
#include "base/str.h"
#include "support/test.h"

static rung_cpu_set parsed(const char *text) {
  rung_cpu_set mask = 0x80000000;
  assert_ok(rung_cpu_mask_parse(rung_str_of(text), &mask));
  return mask;
}

static void masks(void **state) {
  (void)state;
  const rung_cpu_set avx512 = RUNG_CPU_AVX512 | RUNG_CPU_AVX2;
  const rung_cpu_set amx = RUNG_CPU_AMX | RUNG_CPU_AMX_INT8 | RUNG_CPU_AMX_BF16;
  assert_int_equal(parsed(""), RUNG_CPU_ALL);
  assert_int_equal(parsed("all"), RUNG_CPU_ALL);
  assert_int_equal(parsed("none"), 0);
  assert_int_equal(parsed("avx2"), RUNG_CPU_AVX2);
  assert_int_equal(parsed("avx512"), avx512);
  assert_int_equal(parsed("amx_int8"), RUNG_CPU_AMX_INT8 | RUNG_CPU_AMX | avx512);
  assert_int_equal(parsed("avx2,neon"), RUNG_CPU_AVX2 | RUNG_CPU_NEON);
  assert_int_equal(parsed("-amx"), RUNG_CPU_ALL & ~amx);
  assert_int_equal(parsed("all,-avx512"), parsed("-avx512"));
  assert_false(parsed("-avx512") & (RUNG_CPU_AVX512 | RUNG_CPU_AVX512_VNNI | amx));
  assert_true(parsed("-avx512") & RUNG_CPU_AVX_VNNI);
  assert_int_equal(parsed("-avx2,avx2"), parsed("-avx2") | RUNG_CPU_AVX2);
  assert_int_equal(parsed("-all"), 0);
}

static void unknown_names_are_errors(void **state) {
  (void)state;
  rung_cpu_set mask = 123;
  assert_error(rung_cpu_mask_parse(rung_str_of("avx3"), &mask), INVALID_ARGUMENT, "'avx2'?");
  assert_error(rung_cpu_mask_parse(rung_str_of("avx2,"), &mask), INVALID_ARGUMENT, "''");
  assert_error(rung_cpu_mask_parse(rung_str_of("avx2,,neon"), &mask), INVALID_ARGUMENT, "''");
  assert_error(rung_cpu_mask_parse(rung_str_of("-"), &mask), INVALID_ARGUMENT, "''");
  assert_error(rung_cpu_mask_parse(rung_str_of("a name that is far too long to be one of them at all"), &mask),
               INVALID_ARGUMENT, "a name that is far too long to");
  assert_int_equal(mask, 123);
}

static void every_feature_has_its_name(void **state) {
  (void)state;
#define RUNG_CPU_FEATURE(name, bit, text, needs)                     \
  assert_string_equal(rung_cpu_feature_name(RUNG_CPU_##name), text); \
  assert_int_equal(RUNG_CPU_##name, 1u << bit);                      \
  assert_int_equal(parsed(text) & (RUNG_CPU_##name | (needs)), RUNG_CPU_##name | (needs));
#include "base/cpu_features.inc"
#undef RUNG_CPU_FEATURE
}

/* The compiler's own detection is an independent witness; it looks at the operating system's part too. */
static void detection_agrees_with_the_compiler(void **state) {
  (void)state;
  rung_cpu_set features = rung_cpu_features();
  assert_int_equal(features, rung_cpu_features());
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  assert_int_equal(!!(features & RUNG_CPU_AVX2), avx2);
  assert_int_equal(!!(features & RUNG_CPU_AVX512), avx512);
  assert_int_equal(!!(features & RUNG_CPU_AVX512_VNNI), avx512 && __builtin_cpu_supports("avx512vnni"));
  assert_int_equal(!!(features & RUNG_CPU_AVX512_BF16), avx512 && __builtin_cpu_supports("avx512bf16"));
  assert_false(features & (RUNG_CPU_NEON | RUNG_CPU_SVE));
#elif defined(__aarch64__)
  assert_true(features & RUNG_CPU_NEON);
  assert_false(features & (RUNG_CPU_AVX2 | RUNG_CPU_AMX));
#endif
  if (!(features & RUNG_CPU_AMX)) assert_false(rung_cpu_request_amx());
}

static void caches_are_plausible(void **state) {
  (void)state;
  rung_cpu_caches caches = rung_cpu_cache_sizes();
  assert_in_range(caches.l1d, 4 << 10, 1 << 20);
  assert_in_range(caches.l2, 64 << 10, 256 << 20);
  assert_true(caches.l3 == 0 || caches.l3 >= 128 << 10);
}

static void fp_state_is_kept(void **state) {
  (void)state;
  rung_fp_state before = rung_fp_state_get();
  volatile float zero = 0, unused = 1 / zero; /* raises an exception flag, which is not state */
  (void)unused;
  assert_int_equal(rung_fp_state_get(), before);
  rung_fp_state_set(before);
  assert_int_equal(rung_fp_state_get(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(masks),
      cmocka_unit_test(unknown_names_are_errors),
      cmocka_unit_test(every_feature_has_its_name),
      cmocka_unit_test(detection_agrees_with_the_compiler),
      cmocka_unit_test(caches_are_plausible),
      cmocka_unit_test(fp_state_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
