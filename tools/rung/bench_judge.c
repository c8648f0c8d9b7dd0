/* Do the outputs agree, and which chain is to be taken? */
#include "bench.h"
#include "data_set.h"

#include <stdlib.h>
#include <string.h>

/* Comparing */

/* The largest difference counts; the first words stay. */
static void merge(difference *all, const difference *one) {
  if (!(one->max_abs <= all->max_abs)) all->max_abs = one->max_abs;
  if (one->cosine < all->cosine) all->cosine = one->cosine;
  all->count += one->count;
  all->wrong += one->wrong;
  if (!all->words[0]) memcpy(all->words, one->words, sizeof all->words);
}

static int expected_output(const bench *b, size_t set, size_t i, const rung_value *got, rung_value **out_want) {
  rung_slot slot;
  *out_want = NULL;
  if (!b->sets.folders.count) return 0;
  TRY_STATUS(rung_session_output(b->chains[0].setup.session, i, &slot));
  return data_set_output(b->sets.folders.at[set], b->setup->env, i, &slot, got, out_want);
}

static int compare_chain(const bench *b, bench_chain *c, const bench_chain *reference) {
  c->agrees = true;
  c->apart = (difference){.cosine = 1};
  for (size_t k = 0; k < b->sets.count; k++)
    for (size_t i = 0; i < b->sets.output_count; i++) {
      size_t at = k * b->sets.output_count + i;
      rung_value *want = reference ? rung_value_retain(reference->outputs[at]) : NULL;
      if (!reference) TRY(expected_output(b, k, i, c->outputs[at], &want));
      if (!want && !c->outputs[at]) continue;
      difference d = {.cosine = 1};
      bool ok = want && c->outputs[at] && rung_value_agrees(c->outputs[at], want, &b->args->allowed, &d);
      rung_value_release(want);
      merge(&c->apart, &d);
      c->agrees &= ok;
    }
  return 0;
}

/* All outputs of all sets lie in the folder. */
static int has_expected(const bench *b, bool *out) {
  *out = b->sets.folders.count > 0;
  for (size_t k = 0; k < b->sets.count && *out; k++)
    for (size_t i = 0; i < b->sets.output_count && *out; i++) {
      rung_value *want;
      TRY(expected_output(b, k, i, b->chains[0].outputs[k * b->sets.output_count + i], &want));
      *out = want != NULL;
      rung_value_release(want);
    }
  return 0;
}

int bench_compare(bench *b) {
  bool expected;
  TRY(has_expected(b, &expected));
  bench_chain *reference = expected ? NULL : &b->chains[0];
  for (size_t i = 0; i < b->chain_count && !expected; i++)
    if (strcmp(b->chains[i].name, "cpu") == 0) reference = &b->chains[i];
  b->reference = expected ? format_text("the expected outputs of %s", b->args->data)
                          : format_text("the outputs of %s", reference->name);
  for (size_t i = 0; i < b->chain_count; i++) {
    b->chains[i].is_reference = &b->chains[i] == reference;
    TRY(compare_chain(b, &b->chains[i], reference));
  }
  return 0;
}

/* Recommending */

/* With several batches: the geometric mean would weigh them alike; the largest is what throughput is bought for. */
static const rung_lane *decisive(const bench *b, const bench_chain *c) { return &c->results[b->batch_count - 1].lane; }

/* Chains in the order they were given: a later one has to be faster. */
static const bench_chain *find_best(const bench *b) {
  rung_lane *lanes = get_memory(b->chain_count, sizeof *lanes);
  for (size_t i = 0; i < b->chain_count; i++) {
    lanes[i] = *decisive(b, &b->chains[i]);
    lanes[i].out = !b->chains[i].agrees;
  }
  size_t best = rung_race_best(lanes, b->chain_count);
  free(lanes);
  return best < b->chain_count ? &b->chains[best] : NULL;
}

/* How long until what the best took longer to compile is won back. */
static char *compile_words(const bench *b, const bench_chain *best, const bench_chain *other) {
  double more = best->setup.session_seconds - other->setup.session_seconds;
  double won = decisive(b, other)->median - decisive(b, best)->median;
  if (more < 0.01 || won <= 0) return format_text("%s", "");
  return format_text(" (compiling takes %s longer, which %.0f runs win back)", seconds_text(more), more / won + 0.5);
}

static char *other_words(const bench *b, const bench_chain *best, const bench_chain *c) {
  if (!c->agrees)
    return format_text("%s is out: its outputs differ from %s: %s", c->name, b->reference,
                       c->apart.words[0] ? c->apart.words : "an output is missing");
  double times, won;
  int certain;
  rung_lane_is_faster(decisive(b, c), decisive(b, best), &times, NULL);
  bool faster = rung_lane_is_faster(decisive(b, best), decisive(b, c), &won, &certain);
  if (!faster)
    return format_text("%s takes %.2f of its time, %s", c->name, times,
                       certain ? "which is the same" : "but not in nine of ten rounds");
  char *compile = compile_words(b, best, c);
  char *text = format_text("%.2f times as fast as %s%s", times, c->name, compile);
  free(compile);
  return text;
}

void bench_recommend(bench *b) {
  b->best = find_best(b);
  if (!b->best) {
    b->words = format_text("no chain's outputs agree with %s: %s", b->reference, b->chains[0].apart.words);
    return;
  }
  char *words = format_text("median %s a run", seconds_text(decisive(b, b->best)->median));
  if (!b->best->is_reference) {
    char *more =
        format_text("%s; outputs agree with %s, largest difference %.2g", words, b->reference, b->best->apart.max_abs);
    free(words);
    words = more;
  }
  for (size_t i = 0; i < b->chain_count; i++) {
    if (&b->chains[i] == b->best) continue;
    char *other = other_words(b, b->best, &b->chains[i]), *more = format_text("%s; %s", words, other);
    free(other);
    free(words);
    words = more;
  }
  b->words = words;
}
