#include "input_sets.h"

#include "data_set.h"

#include <stdlib.h>

static int read_set(const feed_args *args, const setup *s, const char *folder, input_sets *out) {
  fed *inputs = get_memory(out->input_count, sizeof *inputs);
  int code = feed(args, s, folder, inputs);
  if (!code) {
    rung_value **values = get_memory(out->input_count, sizeof *values);
    for (size_t i = 0; i < out->input_count; i++) values[i] = inputs[i].value;
    out->values = grow_memory(out->values, out->count, sizeof *out->values);
    out->values[out->count++] = values;
  }
  free(inputs);
  return code;
}

int input_sets_read(const feed_args *args, const setup *s, const char *data, input_sets *out) {
  out->input_count = rung_session_input_count(s->session);
  out->output_count = rung_session_output_count(s->session);
  if (!data) return read_set(args, s, NULL, out);
  TRY(data_sets_find(data, &out->folders));
  for (size_t i = 0; i < out->folders.count; i++) TRY(read_set(args, s, out->folders.at[i], out));
  return 0;
}

int input_sets_for_choice(const feed_args *args, const session_args *session, const char *data, const setup *s,
                          input_sets *out, rung_session_options *more) {
  setup look = {.env = s->env, .model = s->model};
  session_args plain = *session; /* what is asked of the chain is not asked yet */
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = "cpu";
  plain.contract = plain.locked = plain.figures = NULL;
  plain.pins = plain.provider_options = (text_list){0};
  int code = setup_session(&plain, TO_INSPECT, &options, &look);
  if (!code) code = input_sets_read(args, &look, data, out);
  setup_drop_session(&look);
  if (code) return code;
  more->auto_inputs = out->values[0];
  more->auto_input_count = out->input_count;
  return 0;
}

void input_sets_free(input_sets *sets) {
  for (size_t k = 0; k < sets->count; k++) {
    for (size_t i = 0; i < sets->input_count; i++) rung_value_release(sets->values[k][i]);
    free(sets->values[k]);
  }
  free(sets->values);
  text_list_free(&sets->folders);
  *sets = (input_sets){0};
}

void release_outputs(rung_value **outputs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    rung_value_release(outputs[i]);
    outputs[i] = NULL;
  }
}

rung_status *input_sets_run(const input_sets *sets, size_t set, rung_session *session, rung_cancel *cancel,
                            rung_value **outputs, double *out_seconds) {
  size_t count = rung_session_output_count(session); /* may have more than the model: extra outputs */
  rung_value **made = outputs ? outputs : get_memory(count, sizeof *made);
  rung_run_options options;
  rung_run_options_init(&options);
  options.cancel = cancel;
  double began = now();
  rung_status *status = rung_session_run(session, &options, sets->values[set], sets->input_count, made, count);
  if (out_seconds) *out_seconds = now() - began;
  if (!outputs) {
    release_outputs(made, count);
    free(made);
  }
  return status;
}
