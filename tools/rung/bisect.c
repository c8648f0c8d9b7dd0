/* Values between are looked at by making them outputs of two more sessions, a dozen at once: each round leaves a
 * thirteenth of the graph. At the end the node's own inputs are looked at; one that differs, on another branch, is
 * where the search goes on. Its place in the order falls each time, so it ends. */
#include "bisect.h"
#include "rung_graph.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

enum { PROBES = 12, MOST_ASKED = 64 };

/* Looking */

static rung_status *compare_runs(const bisection *b, setup s[2], size_t model_outputs, size_t count, difference *apart,
                                 bool *agree) {
  size_t all = model_outputs + count;
  rung_value **outputs = get_memory(2 * all, sizeof *outputs);
  rung_status *status = NULL;
  for (int i = 0; i < 2 && !status; i++)
    status = input_sets_run(b->sets, b->set, s[i].session, b->cancel, outputs + i * all, NULL);
  for (size_t k = 0; k < count && !status; k++) {
    const rung_value *got = outputs[model_outputs + k], *want = outputs[all + model_outputs + k];
    apart[k] = (difference){.cosine = 1};
    agree[k] = (!got && !want) || (got && want && rung_value_agrees(got, want, b->allowed, &apart[k]));
  }
  release_outputs(outputs, 2 * all);
  free(outputs);
  return status;
}

/* How far apart the values `which` (indices) are in the two chains. */
static int look(const bisection *b, departure *d, const size_t *which, size_t count, difference *apart, bool *agree) {
  const char *names[MOST_ASKED];
  for (size_t i = 0; i < count; i++) names[i] = d->values[which[i]].name;
  session_args args = *b->session; /* what the user holds the plan to would not fit one with more outputs */
  args.contract = args.locked = NULL;
  args.cache = "off"; /* nobody asks for these islands again */
  setup s[2] = {{.env = b->setup->env, .model = b->setup->model}, {.env = b->setup->env, .model = b->setup->model}};
  int code = 0;
  for (int i = 0; i < 2 && !code; i++) {
    rung_session_options more = *b->more;
    more.chain = b->chains[i];
    more.extra_outputs = names;
    more.extra_output_count = count;
    code = setup_session(&args, TO_RUN, &more, &s[i]);
  }
  if (!code) code = fail_status(compare_runs(b, s, b->sets->output_count, count, apart, agree));
  for (int i = 0; i < 2; i++) setup_drop_session(&s[i]);
  d->sessions++;
  return code;
}

/* The values */

static void add_values(departure *d, const rung_node *node) {
  for (uint32_t i = 0; i < node->output_count; i++) {
    if (!node->outputs[i] || node->outputs[i]->constant || !node->outputs[i]->name[0]) continue;
    d->values = grow_memory(d->values, d->count, sizeof *d->values);
    d->values[d->count++] = (made_value){node->outputs[i]->name, node};
  }
}

static size_t find_value(const departure *d, const char *name) {
  size_t i = 0;
  while (i < d->count && strcmp(d->values[i].name, name) != 0) i++;
  return i;
}

/* Searching */

/* One round: *from agrees (or is before the first), *to differs. */
static int narrow(const bisection *b, departure *d, size_t *from, size_t *to) {
  size_t which[PROBES] = {0}, count = 0, room = *to - *from - 1, step = room > PROBES ? PROBES : room;
  difference apart[PROBES];
  bool agree[PROBES];
  for (; count < step; count++) which[count] = *from + 1 + (room * (2 * count + 1)) / (2 * step);
  TRY(look(b, d, which, count, apart, agree));
  for (size_t i = 0; i < count; i++) {
    if (!agree[i]) {
      *to = which[i];
      break;
    }
    *from = which[i];
  }
  return 0;
}

static void add_input(departure *d, const rung_value_info *info) {
  size_t value = info && !info->constant ? find_value(d, info->name) : d->count;
  if (value == d->count || d->input_count == MOST_ASKED - 1) return;
  for (size_t i = 0; i < d->input_count; i++)
    if (d->input_values[i] == value) return;
  d->input_values[d->input_count++] = value;
}

/* The node's inputs, and at the end its value. *out_next: the earliest input that differs; count: none does. */
static int look_around(const bisection *b, departure *d, size_t *out_next) {
  const rung_node *node = d->values[d->at].node;
  bool agree[MOST_ASKED];
  d->input_count = 0;
  for (uint32_t i = 0; i < node->input_count; i++) add_input(d, node->inputs[i]);
  for (uint32_t i = 0; i < node->capture_count; i++) add_input(d, node->captures[i]);
  d->input_values[d->input_count] = d->at;
  TRY(look(b, d, d->input_values, d->input_count + 1, d->inputs, agree));
  d->apart = d->inputs[d->input_count];
  d->hidden = agree[d->input_count];
  *out_next = d->count;
  for (size_t i = 0; i < d->input_count; i++)
    if (!agree[i] && d->input_values[i] < *out_next) *out_next = d->input_values[i];
  return 0;
}

static int search(const bisection *b, departure *d, size_t to) {
  size_t next = to;
  while (next < d->count) {
    size_t from = (size_t)-1; /* one before the first */
    d->at = next;
    while (d->at - from > 1) TRY(narrow(b, d, &from, &d->at));
    TRY(look_around(b, d, &next));
    if (next >= d->at) break;
  }
  return 0;
}

int bisect(const bisection *b, const char *output, departure *d) {
  const rung_graph *graph = rung_session_graph(b->setup->session);
  for (uint32_t n = 0; n < graph->node_count; n++) add_values(d, graph->nodes[n]);
  d->inputs = get_memory(MOST_ASKED, sizeof *d->inputs);
  d->input_values = get_memory(MOST_ASKED, sizeof *d->input_values);
  d->at = d->count;
  size_t to = find_value(d, output);
  if (to == d->count) return 0; /* handed through, or a constant */
  progress_begin("searching");
  int code = search(b, d, to);
  progress_end();
  return code;
}

void departure_free(departure *d) {
  free(d->values);
  free(d->inputs);
  free(d->input_values);
}
