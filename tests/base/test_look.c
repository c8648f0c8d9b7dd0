#include "base/look.h"
#include "support/folder.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static temp_folder root;

static int set_up(void **state) {
  (void)state;
  folder_make(&root);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  folder_remove(&root);
  return 0;
}

static void first_lines_are_read(void **state) {
  (void)state;
  char line[RUNG_LOOK_LINE];
  folder_write(&root, "version", "NVRM 535.104\nmore\n", 18);
  folder_write(&root, "bytes", "a\033[31mb", 7);
  folder_write(&root, "empty", "", 0);
  assert_true(rung_look_line(root.path, "/version", line));
  assert_string_equal(line, "NVRM 535.104");
  assert_true(rung_look_line(root.path, "/bytes", line));
  assert_null(strchr(line, '\033'));
  assert_false(rung_look_line(root.path, "/empty", line));
  assert_false(rung_look_line(root.path, "/none", line));
}

static void devices_are_found_with_their_rights(void **state) {
  (void)state;
  char name[RUNG_LOOK_LINE], path[FOLDER_PATH];
  folder_mkdir(&root, "dev");
  folder_write(&root, "dev/gpuctl", "", 0);
  assert_int_equal(rung_look_device(root.path, "/dev/gpu#", name), RUNG_LOOK_NONE);
  folder_write(&root, "dev/gpu1", "", 0);
  folder_write(&root, "dev/gpu0", "", 0);
  assert_int_equal(rung_look_device(root.path, "/dev/gpu#", name), RUNG_LOOK_OPEN);
  assert_string_equal(name, "/dev/gpu0");
  assert_int_equal(rung_look_device(root.path, "/dev/gpuctl", name), RUNG_LOOK_OPEN);
  assert_string_equal(name, "/dev/gpuctl");
  assert_int_equal(rung_look_device(root.path, "/dev/none", name), RUNG_LOOK_NONE);
  assert_int_equal(rung_look_device(root.path, "/none/gpu#", name), RUNG_LOOK_NONE);
  assert_int_equal(chmod(folder_at(&root, "dev/gpu0", path), 0), 0);
  if (geteuid() != 0) assert_int_equal(rung_look_device(root.path, "/dev/gpu#", name), RUNG_LOOK_FORBIDDEN);
}

static void make_device(const char *slot, const char *vendor, const char *device, const char *kind) {
  char name[64];
  snprintf(name, sizeof name, "sys/bus/pci/devices/%s", slot);
  folder_mkdir(&root, name);
  const struct {
    const char *file, *text;
  } files[] = {{"vendor", vendor}, {"device", device}, {"class", kind}};
  for (size_t i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "sys/bus/pci/devices/%s/%s", slot, files[i].file);
    folder_write(&root, name, files[i].text, strlen(files[i].text));
  }
}

static void the_bus_is_looked_through(void **state) {
  (void)state;
  char text[RUNG_LOOK_LINE];
  assert_false(rung_look_pci(root.path, 0x10de, text));
  folder_mkdir(&root, "sys");
  folder_mkdir(&root, "sys/bus");
  folder_mkdir(&root, "sys/bus/pci");
  folder_mkdir(&root, "sys/bus/pci/devices");
  make_device("0000:01:00.1", "0x10de\n", "0x22ba\n", "0x040300\n"); /* its sound */
  assert_false(rung_look_pci(root.path, 0x10de, text));
  make_device("0000:4e:00.0", "0x10de\n", "0x2330\n", "0x030200\n");
  make_device("0000:02:00.0", "0x1002\n", "0x73bf\n", "0x030000\n");
  assert_true(rung_look_pci(root.path, 0x10de, text));
  assert_string_equal(text, "10de:2330 at 0000:4e:00.0");
  assert_true(rung_look_pci(root.path, 0x1002, text));
  assert_false(rung_look_pci(root.path, 0x8086, text));
}

static void the_system_has_a_name(void **state) {
  (void)state;
  assert_string_not_equal(rung_look_system(), "other");
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_ROOT(first_lines_are_read),
      WITH_ROOT(devices_are_found_with_their_rights),
      WITH_ROOT(the_bus_is_looked_through),
      cmocka_unit_test(the_system_has_a_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
