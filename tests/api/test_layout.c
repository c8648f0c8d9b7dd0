/* The layouts of public structs, pinned by their last members: within a minor version, which the soname names, they
 * never change (rung.h). For 64-bit systems. */
#include "rung.h"
#include "rung_provider.h"
#include "support/test.h"

/* A line changes on purpose, with a new minor version once 0.1 is out, and with a note in the changelog. */
#define MEMBER(type, member, offset) _Static_assert(offsetof(type, member) == offset, #type "." #member " has moved");
#define LAYOUT(type, member, offset, size) \
  MEMBER(type, member, offset)             \
  _Static_assert(sizeof(type) == size, #type " has another size");

#if UINTPTR_MAX == UINT64_MAX
LAYOUT(rung_allocator, user, 16, 24)
LAYOUT(rung_compiling, expected_ns, 72, 80)
LAYOUT(rung_counters, journal_dropped, 56, 64)
LAYOUT(rung_dimension, size, 8, 16)
LAYOUT(rung_env_options, search_paths, 56, 64)
LAYOUT(rung_journal_entry, cause, 32, 40)
LAYOUT(rung_model_config, max_tensor_bytes, 40, 48)
LAYOUT(rung_model_facts, dimension_count, 120, 128)
LAYOUT(rung_pin, provider, 8, 16)
MEMBER(rung_plan, passes, 88)
MEMBER(rung_plan, lock_difference, 128)
MEMBER(rung_plan, cache_why, 144)
LAYOUT(rung_plan, chosen, 152, 160)
LAYOUT(rung_plan_candidate, words, 16, 24)
LAYOUT(rung_plan_chosen, candidates, 40, 48)
LAYOUT(rung_plan_crossing, executions, 32, 40)
MEMBER(rung_plan_island, memory, 32)
LAYOUT(rung_plan_island, cache_words, 56, 64)
MEMBER(rung_plan_node, flops, 64)
LAYOUT(rung_plan_node, flops_open, 72, 80)
LAYOUT(rung_plan_pass, off, 16, 24)
MEMBER(rung_plan_provider, node_count, 40)
LAYOUT(rung_plan_provider, offline, 48, 56)
LAYOUT(rung_plan_refusal, words, 16, 24)
LAYOUT(rung_plan_term, holds, 24, 32)
LAYOUT(rung_profile_event, duration_ns, 56, 64)
LAYOUT(rung_provider_info, devices, 80, 88)
LAYOUT(rung_provider_option, value, 16, 24)
LAYOUT(rung_provider_step, fix, 32, 40)
LAYOUT(rung_race_options, progress_user, 72, 80)
LAYOUT(rung_reader, user, 24, 32)
LAYOUT(rung_run_options, profile, 24, 32)
MEMBER(rung_session_options, progress_user, 136)
MEMBER(rung_session_options, breaker_ns, 200)
MEMBER(rung_session_options, cache_max_bytes, 240)
MEMBER(rung_session_options, extra_output_count, 256)
MEMBER(rung_session_options, legalise, 268)
MEMBER(rung_session_options, background_compile, 272)
LAYOUT(rung_session_options, auto_input_count, 296, 304)
LAYOUT(rung_shape, dims, 16, 24)
LAYOUT(rung_slot, dimension_names, 16, 144)
LAYOUT(rung_str, size, 8, 16)
LAYOUT(rung_tensor, memory, 152, 160)
LAYOUT(rung_tolerance, values, 24, 32)
LAYOUT(rung_type, is_claimed, 152, 160)
#endif

/* Numbers that files and other programs know. */
_Static_assert(RUNG_F32 == 1 && RUNG_I64 == 7 && RUNG_STRING == 8 && RUNG_BOOL == 9 && RUNG_BF16 == 16, "as in ONNX");
_Static_assert(RUNG_OK == 0 && RUNG_OUT_OF_MEMORY == 6 && RUNG_CONTRACT == 11 && RUNG_INTERNAL == 15, "status codes");
_Static_assert(RUNG_REASON_OPERATOR == 1 && RUNG_REASON_CONTROL_FLOW == 14 &&
                   RUNG_REASON_LIBRARY == 15, "reasons");

static void every_code_has_a_name_and_advice(void **state) {
  (void)state;
  for (int code = RUNG_OK; code <= RUNG_INTERNAL; code++) {
    assert_string_not_equal(rung_code_name((rung_code)code), "UNKNOWN");
    assert_string_not_equal(rung_code_advice((rung_code)code), "");
  }
  assert_string_equal(rung_code_name((rung_code)999), "UNKNOWN");
}

static void structs_from_another_version_are_refused(void **state) {
  (void)state;
  rung_env *env = NULL;
  rung_env_options options;
  rung_env_options_init(&options);
  options.struct_size = 8;
  assert_error(rung_env_create(&options, &env), INVALID_ARGUMENT, "struct_size");
  assert_null(env);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_has_a_name_and_advice),
                                     cmocka_unit_test(structs_from_another_version_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
