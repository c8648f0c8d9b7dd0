/* The shortest program: runs a model on zeros and prints the first output's first number. `terse MODEL` */
#include "rung.h"

#include <stdio.h>

#define CHECK(call) \
  if ((status = (call))) goto out

int main(int argc, char **argv) {
  rung_status *status = NULL;
  rung_env *env = NULL;
  rung_model *model = NULL;
  rung_session *session = NULL;
  rung_value *input = NULL, *output = NULL;
  rung_slot slot;
  if (argc != 2) return fprintf(stderr, "usage: terse MODEL (of one input and one output)\n"), 2;
  CHECK(rung_env_create(NULL, &env));
  CHECK(rung_model_load(env, argv[1], NULL, &model));
  CHECK(rung_session_create(env, model, NULL, &session));
  CHECK(rung_session_input(session, 0, &slot));
  int64_t dims[RUNG_MAX_RANK];
  for (int i = 0; i < slot.type->rank; i++) dims[i] = slot.type->dims[i] < 0 ? 1 : slot.type->dims[i];
  CHECK(rung_value_create(env, slot.type->dtype, slot.type->rank, dims, &input));
  CHECK(rung_session_run(session, NULL, &input, 1, &output, 1));
  printf("%g\n", rung_tensor_get(rung_value_tensor(output), 0));
out:
  if (status) fprintf(stderr, "terse: %s\n", rung_status_message(status));
  int failed = status != NULL;
  rung_status_free(status);
  rung_value_release(output);
  rung_value_release(input);
  rung_session_destroy(&session);
  rung_model_destroy(&model);
  rung_env_destroy(&env);
  return failed;
}
