#include "mend.h"

#include "compare.h"
#include "disk.h"
#include "feed.h"
#include "json_out.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS = 3 };

/* Proof */

/* Whatever the user asks of a plan has no say in what the model computes. */
static session_args plain_args(const session_args *args) {
  session_args plain = *args;
  plain.chain = "cpu";
  plain.contract = plain.locked = plain.figures = NULL;
  plain.provider_options = plain.pins = (text_list){0};
  plain.offline = plain.legalise = false;
  return plain;
}

/* Both draw the same random numbers. */
static int make_runner(const session_args *args, setup *s) {
  rung_session_options more;
  rung_session_options_init(&more);
  more.has_seed = more.seed = 1;
  return setup_session(args, TO_RUN, &more, s);
}

static bool same_bits(const rung_value *a, const rung_value *b, difference *d) {
  static const tolerance none = {.values = 1};
  const rung_tensor *x = rung_value_tensor(a), *y = rung_value_tensor(b);
  if (!rung_value_agrees(a, b, &none, d)) return false;
  if (!x || !y || x->dtype == RUNG_STRING) return true;
  if (x->size == y->size && (!x->size || memcmp(x->data, y->data, x->size) == 0)) return true;
  snprintf(d->words, sizeof d->words, "bits differ");
  return false;
}

static int run_both(const setup *was, const setup *is, const fed *inputs, size_t count) {
  size_t outputs = rung_session_output_count(was->session);
  rung_value **in = get_memory(count + 1, sizeof *in), **a = get_memory(outputs + 1, sizeof *a),
             **b = get_memory(outputs + 1, sizeof *b);
  for (size_t i = 0; i < count; i++) in[i] = inputs[i].value;
  int code = fail_status(rung_session_run(was->session, NULL, in, count, a, outputs));
  if (!code) code = fail_status(rung_session_run(is->session, NULL, in, count, b, outputs));
  for (size_t i = 0; i < outputs && !code; i++) {
    difference d = {0};
    rung_slot slot;
    code = fail_status(rung_session_output(was->session, i, &slot));
    if (!code && !same_bits(b[i], a[i], &d))
      code = fail(EXIT_DIFFERENT, "the mended model is not equal, and was not written: output %s: %s", clean(slot.name),
                  clean(d.words));
  }
  for (size_t i = 0; i < outputs; i++) rung_value_release(a[i]), rung_value_release(b[i]);
  free(b);
  free(a);
  free(in);
  return code;
}

static int compare_sessions(const setup *was, const setup *is) {
  size_t count = rung_session_input_count(was->session);
  if (count != rung_session_input_count(is->session) ||
      rung_session_output_count(was->session) != rung_session_output_count(is->session))
    return fail(EXIT_DIFFERENT, "the mended model has other inputs or outputs, and was not written");
  int code = 0;
  for (int64_t trial = 0; trial < TRIALS && !code; trial++) {
    feed_args args = {.fill = "random", .seed = trial + 1};
    fed *inputs = get_memory(count + 1, sizeof *inputs);
    code = feed(&args, was, NULL, inputs);
    if (!code) code = run_both(was, is, inputs, count);
    if (!code) free_fed(inputs, count);
    free(inputs);
  }
  return code;
}

static int prove(const session_args *args, const setup *s, rung_model *model) {
  session_args plain = plain_args(args);
  setup was = {.env = s->env, .model = s->model}, is = {.env = s->env, .model = model};
  int code = make_runner(&plain, &was);
  plain.dims = plain.shapes = (text_list){0}; /* the mended model has them */
  if (!code) code = make_runner(&plain, &is);
  if (!code) code = compare_sessions(&was, &is);
  setup_drop_session(&is);
  setup_drop_session(&was);
  return code;
}

/* Mending */

static void count_nodes(const rung_session *session, bool after, mended *out) {
  const rung_plan *plan = rung_session_plan(session);
  *(after ? &out->nodes_after : &out->nodes_before) = plan->node_count;
  out->provider_count = plan->provider_count < MEND_MOST ? plan->provider_count : MEND_MOST;
  for (size_t i = 0; i < out->provider_count; i++) {
    out->providers[i].name = plan->providers[i].name;
    *(after ? &out->providers[i].after : &out->providers[i].before) = plan->providers[i].node_count;
  }
}

static void note_passes(const rung_session *session, mended *out) {
  const rung_plan *plan = rung_session_plan(session);
  for (size_t i = 0; i < plan->pass_count && out->pass_count < MEND_MOST; i++)
    if (plan->passes[i].changed)
      out->passes[out->pass_count++] = (mend_pass){plan->passes[i].name, plan->passes[i].changed};
}

/* The model as the passes leave it goes to `path`. */
static int write_mended(const session_args *args, const char *path, setup *s, mended *out) {
  session_args with = *args;
  with.legalise = true;
  TRY(setup_session(&with, TO_INSPECT, NULL, s));
  note_passes(s->session, out);
  int code = fail_status(rung_session_save_model(s->session, path));
  setup_drop_session(s);
  return code;
}

/* From here on the mended model is the one of `s`. Its own dimensions are fixed. */
static int take_over(const session_args *args, rung_model **model, setup *s, mended *out) {
  session_args fixed = *args;
  fixed.dims = fixed.shapes = (text_list){0};
  rung_model_destroy(&s->model);
  s->model = *model;
  *model = NULL;
  TRY(setup_session(&fixed, TO_INSPECT, NULL, s));
  count_nodes(s->session, true, out);
  return 0;
}

static int make_mended(const session_args *args, const char *path, setup *s, rung_model **out_model, mended *out) {
  draft d;
  TRY(draft_begin(path, &d));
  int code = write_mended(args, d.name, s, out);
  if (!code) code = fail_status(rung_model_load(s->env, d.name, NULL, out_model));
  if (!code) code = prove(args, s, *out_model);
  if (!code) code = draft_keep(&d);
  draft_drop(&d);
  return code;
}

int mend(const session_args *args, const char *path, setup *s, mended *out) {
  session_args as_is = *args;
  as_is.dims = as_is.shapes = (text_list){0};
  rung_model *model = NULL;
  *out = (mended){.path = path, .trials = TRIALS};
  TRY(setup_session(&as_is, TO_INSPECT, NULL, s));
  count_nodes(s->session, false, out);
  setup_drop_session(s);
  int code = make_mended(args, path, s, &model, out);
  if (!code) code = take_over(args, &model, s, out);
  rung_model_destroy(&model);
  return code;
}

void print_mended(const mended *m, const session_args *args) {
  printf("%smended%s   %s: equal bit for bit on %zu random inputs\n", in(GOOD), in(PLAIN), clean(m->path), m->trials);
  for (size_t i = 0; i < args->dims.count; i++) printf("  fixed %s\n", clean(args->dims.at[i]));
  for (size_t i = 0; i < args->shapes.count; i++) printf("  fixed %s\n", clean(args->shapes.at[i]));
  for (size_t i = 0; i < m->pass_count; i++)
    printf("  %s: %zu %s\n", m->passes[i].name, m->passes[i].changed, plural(m->passes[i].changed, "node", "nodes"));
  for (size_t i = 0; i < m->provider_count; i++) {
    const mend_provider *p = &m->providers[i];
    printf("  %s takes %zu of %zu nodes, and %zu of %zu before\n", p->name, p->after, m->nodes_after, p->before,
           m->nodes_before);
  }
}

void json_mended(const mended *m) {
  if (!m) {
    json_null("mended");
    return;
  }
  json_object("mended");
  json_text("file", m->path);
  json_count("proved_on", (int64_t)m->trials);
  json_count("nodes_before", (int64_t)m->nodes_before);
  json_count("nodes_after", (int64_t)m->nodes_after);
  json_array("passes");
  for (size_t i = 0; i < m->pass_count; i++) {
    json_object(NULL);
    json_text("name", m->passes[i].name);
    json_count("changed", (int64_t)m->passes[i].changed);
    json_end();
  }
  json_end();
  json_array("providers");
  for (size_t i = 0; i < m->provider_count; i++) {
    json_object(NULL);
    json_text("provider", m->providers[i].name);
    json_count("before", (int64_t)m->providers[i].before);
    json_count("after", (int64_t)m->providers[i].after);
    json_end();
  }
  json_end();
  json_end();
}
