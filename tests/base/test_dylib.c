#include "base/dylib.h"
#include "support/counting.h"
#include "support/test.h"

#include <dlfcn.h>

static const char path[] = TEST_LIBRARIES "/libsample_vendor.so";

typedef struct sample {
  int (*add)(int a, int b);
  const char *(*name)(void);
} sample;

static void functions_are_bound(void **state) {
  (void)state;
  static const char *const symbols[] = {"sample_add", "sample_name"};
  rung_dylib *dylib = NULL;
  sample table = {0};
  assert_ok(rung_dylib_open(&rung_system_allocator, path, &dylib));
  assert_ok(rung_dylib_bind(dylib, symbols, 2, &table));
  assert_int_equal(table.add(2, 3), 5);
  assert_string_equal(table.name(), "sample");
  assert_string_equal(rung_dylib_path(dylib), path);
  assert_null(dlsym(RTLD_DEFAULT, "sample_add")); /* local */
  rung_dylib_close(&dylib);
  assert_null(dylib);
  rung_dylib_close(&dylib);
}

static void missing_functions_are_named(void **state) {
  (void)state;
  static const char *const symbols[] = {"sample_add", "sample_subtract"};
  rung_dylib *dylib = NULL;
  sample table = {0};
  assert_ok(rung_dylib_open(&rung_system_allocator, path, &dylib));
  assert_error(rung_dylib_bind(dylib, symbols, 2, &table), UNAVAILABLE,
               "libsample_vendor.so has no function 'sample_subtract'");
  assert_null(table.add);
  assert_null(rung_dylib_find(dylib, "sample_subtract"));
  assert_non_null(rung_dylib_find(dylib, "sample_name"));
  rung_dylib_close(&dylib);
}

static void missing_libraries_are_named(void **state) {
  (void)state;
  rung_dylib *dylib = NULL;
  assert_error(rung_dylib_open(&rung_system_allocator, "libno_such_vendor.so.7", &dylib), UNAVAILABLE,
               "libno_such_vendor.so.7");
  assert_error(rung_dylib_open(&rung_system_allocator, "/no/such/lib.so", &dylib), UNAVAILABLE, "No such file");
  assert_error(rung_dylib_open(&rung_system_allocator, "/proc/self/status", &dylib), UNAVAILABLE, "/proc/self/status");
  assert_null(dylib);
}

static void sonames_are_looked_for(void **state) {
  (void)state;
  rung_dylib *dylib = NULL;
  assert_ok(rung_dylib_open(&rung_system_allocator, "libm.so.6", &dylib));
  assert_int_equal(rung_dylib_path(dylib)[0], '/');
  assert_non_null(rung_dylib_find(dylib, "cos"));
  rung_dylib_close(&dylib);
}

static bool open_once(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_dylib *dylib = NULL;
  rung_status *status = rung_dylib_open(allocator, path, &dylib);
  rung_dylib_close(&dylib);
  return !status;
}

static void out_of_memory(void **state) {
  (void)state;
  assert_int_equal(counting_fail_each(open_once, NULL), 1);
}

static void what_is_kept_outlives_its_dylib(void **state) {
  (void)state;
  rung_dylib *dylib = NULL;
  assert_ok(rung_dylib_open(&rung_system_allocator, path, &dylib));
  rung_dylib_close(&dylib);
  assert_null(dlopen(path, RTLD_NOW | RTLD_NOLOAD));
  assert_ok(rung_dylib_open(&rung_system_allocator, path, &dylib));
  rung_dylib_keep(dylib);
  rung_dylib_close(&dylib);
  void *kept = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  assert_non_null(kept);
  dlclose(kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions_are_bound),
      cmocka_unit_test(missing_functions_are_named),
      cmocka_unit_test(missing_libraries_are_named),
      cmocka_unit_test(sonames_are_looked_for),
      cmocka_unit_test(out_of_memory),
      cmocka_unit_test(what_is_kept_outlives_its_dylib),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
