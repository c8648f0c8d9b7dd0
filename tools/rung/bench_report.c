/* What was measured, as tables, as JSON (docs/schema/bench.json), as a page. */
#include "bench.h"
#include "difference_out.h"
#include "json_out.h"
#include "page.h"
#include "plan_text.h"
#include "table.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double peak_memory(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 : 0;
}

static void add_row(const bench *b, table *t, const bench_chain *c, const bench_result *r) {
  char number[32];
  if (b->chain_count > 1) table_add(t, clean(c->name));
  snprintf(number, sizeof number, "%lld", (long long)(r->batch ? r->batch : 1));
  table_add(t, r->batch ? number : "-");
  snprintf(number, sizeof number, "%zu", r->lane.runs);
  table_add(t, number);
  const double times[] = {r->first, r->lane.min, r->lane.median, r->lane.p90, r->lane.p99};
  for (int k = 0; k < 5; k++) table_add(t, seconds_text(times[k]));
  table_add(t, count_text(r->lane.per_second));
  if (b->chain_count > 1)
    snprintf(number, sizeof number, "%.2f", r->lane.ratio);
  else
    snprintf(number, sizeof number, "%s", count_text(r->lane.per_second * (double)(r->batch ? r->batch : 1)));
  table_add(t, number);
}

static void print_times(const bench *b) {
  table one = {.titles = {">batch", ">runs", ">first", ">min", ">median", ">p90", ">p99", ">runs/s", ">items/s"},
               .columns = 9};
  table several = {
      .titles = {"chain", ">batch", ">runs", ">first", ">min", ">median", ">p90", ">p99", ">runs/s", ">ratio"},
      .columns = 10};
  table *t = b->chain_count > 1 ? &several : &one;
  for (int batch = 0; batch < b->batch_count; batch++)
    for (size_t i = 0; i < b->chain_count; i++) add_row(b, t, &b->chains[i], &b->chains[i].results[batch]);
  table_print(t);
}

static void print_chains(const bench *b) {
  table t = {.titles = {"chain", ">compile", ">memory", "outputs"}, .columns = 4};
  for (size_t i = 0; i < b->chain_count; i++) {
    const bench_chain *c = &b->chains[i];
    table_add(&t, clean(c->name));
    table_add(&t, seconds_text(c->setup.session_seconds));
    table_add(&t, bytes_text(c->memory));
    char *words = c->is_reference ? format_text("are the reference")
                  : c->agrees     ? format_text("agree, largest difference %.2g", c->apart.max_abs)
                                  : format_text("%sdiffer%s: %s", in(BAD), in(PLAIN), clean(c->apart.words));
    table_add(&t, words);
    free(words);
  }
  putchar('\n');
  table_print(&t);
  printf("outputs are compared with %s\n\n", clean(b->reference));
  if (b->best)
    printf("%srecommended: %s%s%s: %s\n\n", in(BOLD), in(GOOD), clean(b->best->name), in(PLAIN), clean(b->words));
  else
    printf("%srecommended: none%s: %s\n\n", in(BOLD), in(PLAIN), clean(b->words));
}

void bench_print(const bench *b) {
  print_times(b);
  if (b->args->parallel > 1) printf("%lld runs at once\n", (long long)b->args->parallel);
  if (b->chain_count > 1) print_chains(b);
  printf("load %s, ", seconds_text(b->setup->load_seconds));
  if (b->chain_count == 1) printf("compile %s, ", seconds_text(b->chains[0].setup.session_seconds));
  printf("most memory %s\n", bytes_text(peak_memory()));
  for (size_t i = 0; i < b->chain_count; i++) {
    if (b->chain_count > 1) printf("\n%s%s%s\n", in(BOLD), clean(b->chains[i].name), in(PLAIN));
    print_plan(b->chains[i].setup.session, false);
  }
}

/* JSON */

static void put_result(const bench_result *r) {
  json_object(NULL);
  if (r->batch)
    json_count("batch", r->batch);
  else
    json_null("batch");
  json_count("runs", (int64_t)r->lane.runs);
  json_number("first_seconds", r->first);
  json_number("min_seconds", r->lane.min);
  json_number("median_seconds", r->lane.median);
  json_number("p90_seconds", r->lane.p90);
  json_number("p99_seconds", r->lane.p99);
  json_number("runs_per_second", r->lane.per_second);
  json_number("ratio", r->lane.ratio);
  json_number("ratio_low", r->lane.ratio_low);
  json_number("ratio_high", r->lane.ratio_high);
  json_end();
}

static void put_accuracy(const bench_chain *c) {
  if (c->is_reference) {
    json_null("accuracy");
    return;
  }
  json_object("accuracy");
  json_bool("agrees", c->agrees);
  put_difference(&c->apart);
  json_end();
}

static int put_chain(const bench *b, const bench_chain *c) {
  char *plan;
  json_object(NULL);
  json_text("chain", c->name);
  json_number("compile_seconds", c->setup.session_seconds);
  json_number("memory_bytes", c->memory);
  put_accuracy(c);
  json_array("results");
  for (int i = 0; i < b->batch_count; i++) put_result(&c->results[i]);
  json_end();
  TRY_STATUS(rung_session_plan_json(c->setup.session, &plan));
  json_raw("plan", plan);
  rung_text_free(plan);
  json_end();
  return 0;
}

static int put_bench(const bench *b, const char *key, const char *model) {
  json_object(key);
  json_text("model", model);
  json_count("parallel", b->args->parallel > 0 ? b->args->parallel : 1);
  json_number("load_seconds", b->setup->load_seconds);
  json_number("peak_memory_bytes", peak_memory());
  json_text("reference", b->reference);
  json_array("chains");
  for (size_t i = 0; i < b->chain_count; i++) TRY(put_chain(b, &b->chains[i]));
  json_end();
  json_object("recommendation");
  json_text("chain", b->best ? b->best->name : NULL);
  json_text("words", b->words);
  json_end();
  json_end();
  return 0;
}

int bench_json(const bench *b, const char *model) { return put_bench(b, NULL, model); }

/* The graph and plan that the page shows are the recommended chain's. */
int bench_page(const bench *b, const char *model, const char *path) {
  const bench_chain *shown = b->best ? b->best : &b->chains[0];
  page_begin("bench", model);
  TRY(put_bench(b, "bench", model));
  TRY(page_add_session(shown->setup.session));
  return page_write(path);
}
