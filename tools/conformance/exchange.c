#include "exchange.h"

#include "compare.h"

#include <stdio.h>
#include <string.h>

static rung_status *wrap(rung_env *env, const rung_tensor *like, void *data, rung_value **out_value) {
  rung_tensor view = *like;
  view.data = data;
  return rung_value_create_view(env, &view, NULL, NULL, out_value);
}

static rung_status *make_input(exchange *x, const spec_tensor *t, size_t i, size_t shift) {
  const rung_tensor *tensor = &t->tensor;
  if (tensor->dtype == RUNG_STRING)
    return rung_value_create_strings(x->env, tensor->rank, tensor->dims, tensor->data, &x->inputs[i]);
  char words[64];
  snprintf(words, sizeof words, "input \"%s\"", t->name);
  pages_make(&x->in[i], tensor->size, shift, words);
  memcpy(x->in[i].data, tensor->data, tensor->size);
  pages_read_only(&x->in[i]);
  return wrap(x->env, tensor, x->in[i].data, &x->inputs[i]);
}

static rung_status *make_output(exchange *x, const spec_tensor *t, size_t i, size_t shift) {
  if (t->tensor.dtype == RUNG_STRING) return NULL;
  char words[64];
  snprintf(words, sizeof words, "output \"%s\"", t->name);
  pages_make(&x->out[i], t->tensor.size, shift, words);
  return wrap(x->env, &t->tensor, x->out[i].data, &x->outputs[i]);
}

rung_status *exchange_make(exchange *x, rung_env *env, const spec *s, exchange_kind kind, size_t shift) {
  const spec_tensor *t;
  rung_status *status = NULL;
  *x = (exchange){.env = env};
  for (; (t = spec_get(s, SPEC_INPUT, x->input_count)) && !status; x->input_count++)
    status = make_input(x, t, x->input_count, shift);
  for (; (t = spec_get(s, SPEC_WANTED, x->output_count)) && !status; x->output_count++)
    if (kind == EXCHANGE_BOUND) status = make_output(x, t, x->output_count, shift);
  return status;
}

rung_status *exchange_run(exchange *x, rung_session *session, const rung_run_options *options) {
  return rung_session_run(session, options, x->inputs, x->input_count, x->outputs, x->output_count);
}

/* |got - want| <= within * (1 + |want|): rounding once leaves less. */
static double default_within(rung_dtype dtype) {
  switch (dtype) {
    case RUNG_F32:
      return 1e-5;
    case RUNG_F64:
      return 1e-12;
    case RUNG_F16:
      return 2e-3;
    case RUNG_BF16:
      return 1.6e-2;
    default:
      return 0;
  }
}

static bool output_agrees(const exchange *x, const spec_tensor *t, size_t i, difference *far) {
  double within = t->within < 0 ? default_within(t->tensor.dtype) : t->within;
  tolerance allowed = {.rtol = within, .atol = within, .values = 1};
  rung_value *want;
  if (!x->outputs[i]) return snprintf(far->words, sizeof far->words, "it was not made") < 0;
  rung_status *status = wrap(x->env, &t->tensor, t->tensor.data, &want);
  if (status) {
    snprintf(far->words, sizeof far->words, "%s", rung_status_message(status));
    rung_status_free(status);
    return false;
  }
  bool agree = rung_value_agrees(x->outputs[i], want, &allowed, far);
  rung_value_release(want);
  return agree;
}

bool exchange_agrees(const exchange *x, const spec *s, char *words, size_t size) {
  const spec_tensor *t;
  for (size_t i = 0; (t = spec_get(s, SPEC_WANTED, i)); i++) {
    difference far = {0};
    if (!output_agrees(x, t, i, &far)) return snprintf(words, size, "output \"%s\": %s", t->name, far.words) < 0;
    if (x->out[i].base && !pages_are_whole(&x->out[i]))
      return snprintf(words, size, "the memory around output \"%s\" was written", t->name) < 0;
  }
  return true;
}

bool exchange_same(const exchange *a, const exchange *b, char *words, size_t size) {
  for (size_t i = 0; i < a->output_count; i++) {
    const rung_tensor *one = rung_value_tensor(a->outputs[i]), *two = rung_value_tensor(b->outputs[i]);
    difference far = {0};
    tolerance exact = {.values = 1};
    if (!rung_value_agrees(a->outputs[i], b->outputs[i], &exact, &far))
      return snprintf(words, size, "output %zu: %s", i, far.words) < 0;
    if (one->dtype != RUNG_STRING && one->size && memcmp(one->data, two->data, one->size) != 0)
      return snprintf(words, size, "output %zu: other bits, such as those of NaN or -0", i) < 0;
  }
  return true;
}

void exchange_clear(exchange *x) {
  for (size_t i = 0; i < x->output_count; i++) {
    if (x->out[i].base) {
      memset(x->out[i].data, 0xa5, x->out[i].size);
    } else {
      rung_value_release(x->outputs[i]);
      x->outputs[i] = NULL;
    }
  }
}

void exchange_free(exchange *x) {
  for (size_t i = 0; i < SPEC_TENSORS; i++) {
    rung_value_release(x->inputs[i]);
    rung_value_release(x->outputs[i]);
    pages_free(&x->in[i]);
    pages_free(&x->out[i]);
  }
  *x = (exchange){0};
}
