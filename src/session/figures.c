#include "session/figures.h"

#include "base/os.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char header[] = "rung figures 1\n";

/* Names */

static uint64_t hash_word(const char *word, uint64_t seed) { return rung_hash_bytes(word, strlen(word) + 1, seed); }

static uint64_t node_hash(const char *graph, const char *name, const char *op_type) {
  return hash_word(op_type, hash_word(name, hash_word(graph, 1)));
}

static uint64_t plan_node_hash(const rung_plan_node *node) { return node_hash(node->graph, node->name, node->op_type); }

/* Islands hold a set of nodes: the order does not count. */
static uint64_t island_hash(const rung_plan *plan, size_t island) {
  uint64_t sum = 0;
  for (size_t n = 0; n < plan->node_count; n++)
    if (plan->nodes[n].island == (int32_t)island) sum += plan_node_hash(&plan->nodes[n]);
  return sum;
}

/* "openvino", "openvino 53c1...", "host fake:0" */
static uint64_t thing(const char *first, const char *second) { return hash_word(second, hash_word(first, 2)); }

static uint64_t numbered(const char *provider, uint64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%016" PRIx64, number);
  return thing(provider, text);
}

/* Reading */

static int compare_figures(const void *a, const void *b) {
  const figure *x = a, *y = b;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  if (x->what != y->what) return x->what < y->what ? -1 : 1;
  return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static bool read_line(const char *line, figure *out, uint64_t *out_provider) {
  char first[64], second[64];
  double ns, per_byte = 0;
  int end = 0;
  *out_provider = 0;
  if (sscanf(line, "crossing %63s %63s %lf %lf%n", first, second, &ns, &per_byte, &end) == 4 && end)
    *out = (figure){FIGURE_CROSSING, thing(first, second), ns, per_byte};
  else if (sscanf(line, "launch %63s %lf%n", first, &ns, &end) == 2 && end)
    *out = (figure){FIGURE_LAUNCH, thing(first, ""), ns, 0};
  else if (sscanf(line, "island %63s %63s %lf%n", first, second, &ns, &end) == 3 && end)
    *out = (figure){FIGURE_ISLAND, thing(first, second), ns, 0};
  else if (sscanf(line, "node %63s %63s %lf%n", first, second, &ns, &end) == 3 && end)
    *out = (figure){FIGURE_NODE, thing(first, second), ns, 0};
  else
    return false;
  if (out->kind == FIGURE_NODE) *out_provider = hash_word(first, 3);
  return !line[end] && ns >= 0 && per_byte >= 0 && isfinite(ns) && isfinite(per_byte);
}

static bool knows_nodes_of(const rung_figures *figures, uint64_t provider) {
  for (size_t i = 0; i < figures->node_providers.count; i++)
    if (figures->node_providers.at[i] == provider) return true;
  return false;
}

static rung_status *add_line(rung_figures *figures, const char *text, size_t size, size_t number) {
  char line[256];
  figure f;
  uint64_t provider;
  while (size && (text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
  if (!size) return NULL;
  RUNG_REQUIRE(size < sizeof line, INVALID_ARGUMENT, "figures, line %zu: it is too long", number);
  memcpy(line, text, size);
  line[size] = 0;
  if (size == sizeof header - 2 && memcmp(line, header, size) == 0) return NULL; /* of each of several texts */
  RUNG_REQUIRE(number > 1 && read_line(line, &f, &provider), INVALID_ARGUMENT, "figures, line %zu: \"%s\" is none",
               number, line);
  bool known = !provider || knows_nodes_of(figures, provider);
  return rung_vec_push(figures->allocator, &figures->list, f) &&
                 (known || rung_vec_push(figures->allocator, &figures->node_providers, provider))
             ? NULL
             : rung_status_out_of_memory();
}

rung_status *rung__figures_read(const rung_allocator *allocator, const char *text, rung_figures *out) {
  *out = (rung_figures){.allocator = allocator};
  size_t number = 0;
  for (const char *at = text; *at;) {
    size_t size = strcspn(at, "\n");
    RUNG_TRY(add_line(out, at, size, ++number));
    at += size + (at[size] != 0);
  }
  if (out->list.count) qsort(out->list.at, out->list.count, sizeof *out->list.at, compare_figures);
  return NULL;
}

void rung__figures_finish(rung_figures *figures) {
  if (!figures->allocator) return;
  rung_vec_free(figures->allocator, &figures->list);
  rung_vec_free(figures->allocator, &figures->node_providers);
}

/* The least, which stands first. */
static const figure *find(const rung_figures *figures, int kind, uint64_t what) {
  size_t low = 0, high = figures->list.count;
  figure key = {kind, what, -1, 0};
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_figures(&figures->list.at[middle], &key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  const figure *f = low < figures->list.count ? &figures->list.at[low] : NULL;
  return f && f->kind == key.kind && f->what == what ? f : NULL;
}

/* Predicting */

bool rung__figures_island(const rung_figures *figures, const rung_plan *plan, size_t island, double *out_ns) {
  const char *provider = plan->islands[island].provider;
  const figure *whole = find(figures, FIGURE_ISLAND, numbered(provider, island_hash(plan, island)));
  *out_ns = whole ? whole->ns : 0;
  if (whole) return true;
  if (!knows_nodes_of(figures, hash_word(provider, 3))) return false;
  const figure *launch = find(figures, FIGURE_LAUNCH, thing(provider, ""));
  if (launch) *out_ns = launch->ns;
  for (size_t n = 0; n < plan->node_count; n++) {
    if (plan->nodes[n].island != (int32_t)island) continue;
    const figure *node = find(figures, FIGURE_NODE, numbered(provider, plan_node_hash(&plan->nodes[n])));
    if (node) *out_ns += node->ns;
  }
  return true;
}

bool rung__figures_predict(const rung_figures *figures, const rung_plan *plan, double *out_ns, char out_missing[128]) {
  double sum = 0;
  for (size_t i = 0; i < plan->island_count; i++) {
    double ns;
    if (strcmp(plan->islands[i].provider, "host") == 0) continue;
    if (!rung__figures_island(figures, plan, i, &ns)) {
      snprintf(out_missing, 128, "island %zu on %.64s", i, plan->islands[i].provider);
      return false;
    }
    sum += ns;
  }
  for (size_t i = 0; i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    const figure *f = find(figures, FIGURE_CROSSING, thing(c->from, c->to));
    if (!f) {
      snprintf(out_missing, 128, "a crossing from %.48s to %.48s", c->from, c->to);
      return false;
    }
    sum += f->ns + f->per_byte * (double)RUNG_MAX(c->bytes, 0);
  }
  *out_ns = sum;
  return true;
}

/* Writing */

/* Time of the fastest of some copies of `bytes`. */
static rung_status *time_copies(rung_memory *memory, bool in, void *device, void *host, size_t bytes, double *out_ns) {
  enum { COPIES = 7 };
  *out_ns = INFINITY;
  for (int i = 0; i < COPIES; i++) {
    uint64_t began = rung_os_now_ns();
    RUNG_TRY(in ? memory->copy_in(memory, device, host, bytes) : memory->copy_out(memory, host, device, bytes));
    *out_ns = fmin(*out_ns, (double)(rung_os_now_ns() - began));
  }
  return NULL;
}

enum { FEW_BYTES = 256, MANY_BYTES = 8 << 20 };

static rung_status *measure_with(rung_memory *memory, const char *name, void *device, void *host, rung_text *text) {
  for (int in = 0; in < 2; in++) {
    double few, many;
    RUNG_TRY(time_copies(memory, in, device, host, FEW_BYTES, &few));
    RUNG_TRY(time_copies(memory, in, device, host, MANY_BYTES, &many));
    double per_byte = many > few ? (many - few) / (MANY_BYTES - FEW_BYTES) : 0;
    rung_text_printf(text, "crossing %s %s %.0f %.6f\n", in ? "host" : name, in ? name : "host", few, per_byte);
  }
  return NULL;
}

static rung_status *measure_memory(const rung_instance *instance, rung_memory *memory, rung_text *text) {
  const rung_allocator *allocator = instance->env->allocator;
  char name[64];
  void *device = NULL, *host = rung_alloc_data(allocator, MANY_BYTES, "measure");
  RUNG_CHECK_ALLOC(host);
  memset(host, 0, MANY_BYTES);
  snprintf(name, sizeof name, "%s:%d", memory->kind, memory->device);
  rung_status *status = memory->alloc(memory, MANY_BYTES, &device);
  if (!status) status = measure_with(memory, name, device, host, text);
  if (device) memory->free(memory, device);
  rung_free(allocator, host);
  return status;
}

static double length_of(const profile_event *event) { return (double)(event->ended - event->began); }

/* An island's event stands behind those of its nodes. */
static void write_events(const rung_instance *instance, rung_text *text) {
  const rung_profile *profile = &instance->profile;
  const rung_plan *plan = &instance->plan;
  double inside = 0;
  bool told = false;
  for (size_t i = 0; i < profile->events.count; i++) {
    const profile_event *event = &profile->events.at[i];
    if (event->thread) continue; /* it runs beside the node's */
    if (event->node && strcmp(event->provider, "host") != 0) {
      rung_text_printf(text, "node %s %016" PRIx64 " %.0f\n", event->provider,
                       node_hash(event->graph, event->node->name, event->node->op_type), length_of(event));
      inside += length_of(event);
      told = true;
      continue;
    }
    if (!event->first || event->first->mark >= plan->node_count) continue;
    int32_t island = plan->nodes[event->first->mark].island;
    if (island < 0 || strcmp(plan->islands[island].provider, event->provider) != 0) continue;
    rung_text_printf(text, "island %s %016" PRIx64 " %.0f\n", event->provider, island_hash(plan, (size_t)island),
                     length_of(event));
    if (told) rung_text_printf(text, "launch %s %.0f\n", event->provider, fmax(length_of(event) - inside, 0));
    inside = 0;
    told = false;
  }
}

rung_status *rung__figures_write(rung_instance *instance, rung_text *text) {
  rung_status *status = NULL;
  rung_text_append(text, header, sizeof header - 1);
  for (uint32_t i = 0; i < instance->listed && !status; i++) {
    rung_memory *memory = instance->chain.links.at[i].memory;
    if (instance->chain.links.at[i].provider && memory && !memory->host_visible)
      status = measure_memory(instance, memory, text);
  }
  pthread_mutex_lock(&instance->profile.lock);
  if (!status) write_events(instance, text);
  pthread_mutex_unlock(&instance->profile.lock);
  return status ? status : text->failed ? rung_status_out_of_memory() : NULL;
}
