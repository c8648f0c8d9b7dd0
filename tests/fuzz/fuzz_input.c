/* A byte that names the reader, then a file that the command-line tool may be given as input. */
#include "labels.h"
#include "npz.h"
#include "prepare.h"
#include "text.h"
#include "wav.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_npy(rung_env *env, bytes file) {
  static const rung_dtype wanted[] = {RUNG_F32, RUNG_BF16, RUNG_F8E5M2}; /* blocks become what the model wants */
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    rung_type type = {.kind = RUNG_TENSOR, .dtype = wanted[i], .rank = -1};
    target t = {.env = env, .name = "x", .type = &type};
    rung_value *value = NULL;
    if (npy_read(&t, file, &value) == 0 && !rung_value_tensor(value)) abort();
    rung_value_release(value);
  }
}

static void read_npz(rung_env *env, bytes file) {
  enum { MOST = 4 };
  char *names[MOST] = {NULL};
  npz_names(file, names, MOST);
  for (int i = 0; i < MOST; i++) {
    bytes member;
    if (names[i] && npz_member(file, names[i], &member) == 0) {
      read_npy(env, member);
      free_bytes(&member);
    }
    free(names[i]);
  }
}

static void read_picture(rung_env *env, bytes file) {
  const rung_type type = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = -1};
  const preparation as_it_is = {0};
  target t = {.env = env, .name = "x", .type = &type, .prepare = &as_it_is};
  rung_value *value = NULL;
  if (picture_read(&t, file, &value) == 0 && !rung_value_tensor(value)) abort();
  rung_value_release(value);
}

static void read_wav(rung_env *env, bytes file) {
  (void)env;
  sound s;
  if (is_wav(file) && wav_decode(file, &s) == 0) free_sound(&s);
}

static void read_labels(rung_env *env, bytes file) {
  (void)env;
  text_list labels;
  labels_parse((const char *)file.data, &labels);
  for (size_t i = 0; i < labels.count; i++)
    if (!labels.at[i]) abort();
  text_list_free(&labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(rung_env *env, bytes file) = {read_npy, read_npz, read_picture, read_wav, read_labels};
  static rung_env *env;
  rung_env_options options;
  rung_env_options_init(&options);
  options.threads = 1;
  if (!size || (!env && rung_env_create(&options, &env))) return 0;
  bytes file = {(unsigned char *)copy_text((const char *)data + 1, size - 1), size - 1};
  readers[data[0] % (sizeof readers / sizeof readers[0])](env, file);
  free_bytes(&file);
  return 0;
}
