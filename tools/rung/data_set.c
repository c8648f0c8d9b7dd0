#include "data_set.h"

#include "disk.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static bool holds(const char *folder, const char *name) {
  char *path = format_text("%s/%s", folder, name);
  bool there = is_file(path);
  free(path);
  return there;
}

int data_sets_find(const char *folder, text_list *out) {
  *out = (text_list){0};
  if (!is_folder(folder)) return fail(EXIT_OF(NOT_FOUND), "--data %s: there is no such folder", clean(folder));
  for (int k = 0;; k++) {
    char *path = format_text("%s/test_data_set_%d", folder, k);
    if (!is_folder(path)) {
      free(path);
      break;
    }
    text_list_add(out, path);
  }
  if (!out->count && (holds(folder, "input_0.pb") || holds(folder, "output_0.pb")))
    text_list_add(out, copy_text(folder, strlen(folder)));
  if (out->count) return 0;
  return fail(EXIT_OF(NOT_FOUND), "--data %s: neither test_data_set_0 nor input_0.pb is there", clean(folder));
}

/* The model may not say what type an output has, and a tensor is not wrapped in an optional when it came out as one:
 * the type that the value has decides. */
int data_set_output(const char *set, rung_env *env, size_t index, const rung_slot *slot, const rung_value *got,
                    rung_value **out_value) {
  char *path = format_text("%s/output_%zu.pb", set, index);
  bytes data;
  int code = 0;
  if (is_file(path)) {
    bool plain = rung_value_tensor(got) && slot->type->kind != RUNG_OPTIONAL;
    code = read_file(path, &data);
    if (!code) {
      code = fail_status(rung_value_parse(env, data.data, data.size, plain ? NULL : slot->type, out_value));
      code = fail_within(code, "%s: ", clean(path));
      free_bytes(&data);
    }
  }
  free(path);
  return code;
}
