#include "session/contract.h"

#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What a term looks like: does it name providers, and how does it compare? */
static const struct {
  const char *name, *example;
  bool takes_links;
  enum { NO_LIMIT, AT_LEAST, AT_MOST } comparison;
} forms[] = {
    [RUNG_MEASURE_STRICT] = {"strict", "strict", false, NO_LIMIT},
    [RUNG_MEASURE_ONLY] = {"only", "only=cuda", false, NO_LIMIT},
    [RUNG_MEASURE_NO_DEMOTION] = {"no-demotion", "no-demotion", false, NO_LIMIT},
    [RUNG_MEASURE_COVERAGE] = {"coverage", "coverage>=95%", true, AT_LEAST},
    [RUNG_MEASURE_FLOPS] = {"flops", "flops>=95%", true, AT_LEAST},
    [RUNG_MEASURE_ISLANDS] = {"islands", "islands<=3", false, AT_MOST},
    [RUNG_MEASURE_CROSSINGS] = {"crossings", "crossings<=4", false, AT_MOST},
    [RUNG_MEASURE_BYTES] = {"bytes", "bytes<=10MB", false, AT_MOST},
};

/* Parsing */

static rung_status *bad_term(const char *text, const char *why, size_t form) {
  return RUNG_ERROR(INVALID_ARGUMENT, "contract: \"%s\" %s; it is written like \"%s\"", text, why, forms[form].example);
}

static rung_status *find_form(const char *text, rung_str name, size_t *out) {
  const char *names[RUNG_COUNT(forms)];
  char word[64];
  for (size_t i = 0; i < RUNG_COUNT(forms); i++) {
    names[i] = forms[i].name;
    if (rung_str_is(name, forms[i].name)) {
      *out = i;
      return NULL;
    }
  }
  snprintf(word, sizeof word, "%.*s", (int)RUNG_MIN(name.size, sizeof word - 1), name.data);
  const char *nearest = rung_nearest(word, names, RUNG_COUNT(names));
  return RUNG_ERROR(INVALID_ARGUMENT,
                    "contract: \"%s\" is none of strict, only, no-demotion, coverage, flops, islands, crossings, "
                    "bytes%s%s%s",
                    text, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* "cuda+tensorrt" up to a character of `stops`. */
static rung_status *read_links(const rung_chain *chain, const char *text, const char **at, const char *stops,
                               uint32_t *out_links) {
  for (;;) {
    size_t size = strcspn(*at, stops);
    size_t plus = strcspn(*at, "+");
    rung_str name = {*at, RUNG_MIN(size, plus)};
    uint32_t found = 0;
    for (size_t i = 0; i < chain->links.count; i++) {
      const rung_provider_api *api = chain->links.at[i].api;
      if (rung_str_is(name, api->name) || (api->ort_name && rung_str_is(name, api->ort_name))) found |= 1u << i;
    }
    RUNG_REQUIRE(found, INVALID_ARGUMENT, "contract: \"%s\" names \"%.*s\", which is not in the chain", text,
                 (int)name.size, name.data);
    *out_links |= found;
    *at += name.size;
    if (plus >= size) return NULL;
    (*at)++;
  }
}

static bool read_unit(const char *unit, rung_measure measure, double *factor) {
  static const struct {
    const char *name;
    double factor;
  } units[] = {{"", 1},     {"B", 1},      {"kB", 1e3},        {"KB", 1e3},          {"MB", 1e6},
               {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  *factor = 1;
  if (measure == RUNG_MEASURE_COVERAGE || measure == RUNG_MEASURE_FLOPS) return !*unit || strcmp(unit, "%") == 0;
  if (measure != RUNG_MEASURE_BYTES) return !*unit;
  for (size_t i = 0; i < RUNG_COUNT(units); i++)
    if (strcmp(units[i].name, unit) == 0) {
      *factor = units[i].factor;
      return true;
    }
  return false;
}

/* ">=95%" */
static rung_status *read_limit(const char *at, size_t form, contract_term *term) {
  const char *sign = forms[form].comparison == AT_LEAST ? ">=" : "<=";
  if (strncmp(at, sign, 2) != 0) return bad_term(term->text, "does not compare", form);
  char *end;
  double number = strtod(at + 2, &end), factor;
  if (end == at + 2 || !isfinite(number) || number < 0) return bad_term(term->text, "has no number", form);
  if (!read_unit(end, term->measure, &factor)) return bad_term(term->text, "has a unit that is not known", form);
  bool is_share = forms[form].comparison == AT_LEAST, is_number = !is_share && form != RUNG_MEASURE_BYTES;
  RUNG_REQUIRE(!is_share || *end || number == 0 || number > 1, INVALID_ARGUMENT,
               "contract: \"%s\" asks for %g percent; for that write \"%g%%\", or did you mean \"%g%%\"?", term->text,
               number, number, 100 * number);
  if (is_number && number != floor(number)) return bad_term(term->text, "has a number that is not whole", form);
  term->limit = number * factor;
  if (forms[form].comparison == AT_LEAST && term->limit > 100)
    return bad_term(term->text, "asks for more than all", form);
  return NULL;
}

static rung_status *read_term(const rung_chain *chain, const char *text, contract_term *term) {
  size_t form = 0;
  rung_str name = {text, strcspn(text, "=<>(")};
  const char *at = text + name.size;
  RUNG_TRY(find_form(text, name, &form));
  *term = (contract_term){.measure = (rung_measure)form, .text = text, .links = 1};
  if (form == RUNG_MEASURE_ONLY) {
    if (*at != '=') return bad_term(text, "names no provider", form);
    at++;
    term->links = 0;
    return read_links(chain, text, &at, "", &term->links);
  }
  if (*at == '(' && forms[form].takes_links) {
    at++;
    term->links = 0;
    RUNG_TRY(read_links(chain, text, &at, ")", &term->links));
    if (*at++ != ')') return bad_term(text, "has no closing parenthesis", form);
  }
  if (forms[form].comparison != NO_LIMIT) return read_limit(at, form, term);
  return *at ? bad_term(text, "goes on where it should end", form) : NULL;
}

static uint64_t whole(double limit) { return limit >= 1e18 ? UINT64_MAX : (uint64_t)limit; }

rung_status *rung_contract_parse(rung_contract *contract, rung_chain *chain, const char *text) {
  contract->most_crossings = contract->most_bytes = UINT64_MAX;
  for (const char *at = text; at && *at;) {
    while (isspace((unsigned char)*at)) at++;
    size_t size = strcspn(at, ","), used = size;
    while (used && isspace((unsigned char)at[used - 1])) used--;
    char *copy = rung_arena_copy(&chain->arena, at, used);
    RUNG_CHECK_ALLOC(copy);
    contract_term term;
    RUNG_TRY(read_term(chain, copy, &term));
    if (!rung_vec_push(chain->allocator, &contract->terms, term)) return rung_status_out_of_memory();
    if (term.measure == RUNG_MEASURE_CROSSINGS)
      contract->most_crossings = RUNG_MIN(contract->most_crossings, whole(term.limit));
    if (term.measure == RUNG_MEASURE_BYTES) contract->most_bytes = RUNG_MIN(contract->most_bytes, whole(term.limit));
    at += size + (at[size] == ',');
  }
  contract->bounds_runs = contract->most_crossings != UINT64_MAX || contract->most_bytes != UINT64_MAX;
  return NULL;
}

void rung_contract_finish(rung_contract *contract, const rung_allocator *allocator) {
  rung_vec_free(allocator, &contract->terms);
}

bool rung_contract_forbids_demotion(const rung_contract *contract) {
  for (size_t i = 0; i < contract->terms.count; i++)
    if (contract->terms.at[i].measure == RUNG_MEASURE_NO_DEMOTION) return true;
  return false;
}

bool rung_contract_relax(rung_contract *contract) {
  size_t kept = 0, count = contract->terms.count;
  for (size_t i = 0; i < count; i++) {
    contract_term term = contract->terms.at[i];
    bool share = term.measure == RUNG_MEASURE_COVERAGE || term.measure == RUNG_MEASURE_FLOPS;
    if (!share) contract->terms.at[kept++] = term;
  }
  contract->terms.count = kept;
  return kept < count;
}

/* Measuring */

static bool is_host(const char *provider) { return provider && strcmp(provider, "host") == 0; }

static bool counts(const contract_term *term, const rung_chain *chain, const char *provider) {
  for (size_t i = 0; provider && i < chain->links.count; i++)
    if ((term->links >> i & 1) && strcmp(chain->links.at[i].api->name, provider) == 0) return true;
  return false;
}

/* Percent of the nodes, or of their FLOPs, that the term's providers run; all of nothing is 100. *out_open when FLOPs
 * that are not known yet can make it less than the limit, or more. */
static double share(const contract_term *term, const rung_chain *chain, const rung_plan *plan, int *out_open) {
  double all = 0, covered = 0;
  bool may_grow = false, may_shrink = false, by_flops = term->measure == RUNG_MEASURE_FLOPS;
  for (size_t n = 0; n < plan->node_count; n++) {
    const rung_plan_node *node = &plan->nodes[n];
    double weight = by_flops ? node->flops : 1;
    if (is_host(node->provider)) continue;
    bool is_covered = counts(term, chain, node->provider);
    may_grow |= by_flops && node->flops_open && is_covered;
    may_shrink |= by_flops && node->flops_open && !is_covered;
    all += weight;
    if (is_covered) covered += weight;
  }
  double value = all > 0 ? 100 * covered / all : 100;
  *out_open = value >= term->limit ? may_shrink : may_grow;
  return value;
}

/* What is known of crossings per run; *out_open when sizes or executions are not known yet. */
static double crossed(const rung_plan *plan, bool bytes, int *out_open) {
  double sum = 0;
  *out_open = 0;
  for (size_t i = 0; i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    if (c->executions < 0 || (bytes && c->bytes < 0)) *out_open = 1;
    if (c->executions < 0) continue;
    sum += (double)c->executions * (bytes ? (double)RUNG_MAX(c->bytes, 0) : 1);
  }
  return sum;
}

static size_t count_skipped(const rung_plan *plan) {
  size_t skipped = 0;
  for (size_t i = 0; i < plan->provider_count; i++) skipped += !plan->providers[i].used;
  return skipped;
}

static size_t count_islands(const rung_plan *plan) {
  size_t count = 0;
  for (size_t i = 0; i < plan->island_count; i++) count += !is_host(plan->islands[i].provider);
  return count;
}

static void measure(const contract_term *term, const rung_chain *chain, const rung_plan *plan, rung_plan_term *out) {
  int open = 0;
  *out = (rung_plan_term){.text = term->text, .limit = term->limit};
  switch (term->measure) {
    case RUNG_MEASURE_STRICT:
    case RUNG_MEASURE_ONLY:
      out->limit = 100;
      out->value = share(term, chain, plan, &open);
      break;
    case RUNG_MEASURE_COVERAGE:
    case RUNG_MEASURE_FLOPS:
      out->value = share(term, chain, plan, &open);
      break;
    case RUNG_MEASURE_NO_DEMOTION:
      out->value = (double)count_skipped(plan);
      break;
    case RUNG_MEASURE_ISLANDS:
      out->value = (double)count_islands(plan);
      break;
    case RUNG_MEASURE_CROSSINGS:
    case RUNG_MEASURE_BYTES:
      out->value = crossed(plan, term->measure == RUNG_MEASURE_BYTES, &open);
      break;
  }
  bool at_least = term->measure == RUNG_MEASURE_STRICT || term->measure == RUNG_MEASURE_ONLY ||
                  forms[term->measure].comparison == AT_LEAST;
  bool holds = at_least ? out->value >= out->limit : out->value <= out->limit;
  bool may_mend = open && term->measure == RUNG_MEASURE_FLOPS; /* a share can grow, too; sums cannot fall again */
  out->holds = open && (holds || may_mend) ? -1 : holds;
}

rung_status *rung_contract_measure(const rung_contract *contract, const rung_chain *chain, rung_arena *arena,
                                   rung_plan *plan) {
  rung_plan_term *terms = rung_arena_alloc(arena, contract->terms.count, sizeof *terms);
  RUNG_CHECK_ALLOC(terms);
  for (size_t i = 0; i < contract->terms.count; i++) measure(&contract->terms.at[i], chain, plan, &terms[i]);
  plan->terms = terms;
  plan->term_count = contract->terms.count;
  return NULL;
}

/* Saying what is broken */

enum { MOST_NAMED = 5 };

/* "Resize_12 (Resize) on cpu, for openvino: operator: it does not know Resize" */
static void name_node(rung_text *text, const rung_plan_node *node) {
  rung_text_printf(text, "\n    %s%s%s (%s) on %s", node->graph, node->graph[0] ? "/" : "", node->name, node->op_type,
                   node->provider ? node->provider : "nobody");
  for (size_t i = 0; i < node->refusal_count; i++)
    rung_text_printf(text, "; %s: %s: %s", node->refusals[i].provider, node->refusals[i].reason,
                     node->refusals[i].words);
}

static void name_nodes(rung_text *text, const contract_term *term, const rung_chain *chain, const rung_plan *plan) {
  size_t count = 0;
  for (size_t n = 0; n < plan->node_count; n++) {
    const rung_plan_node *node = &plan->nodes[n];
    bool outside = !is_host(node->provider) && !counts(term, chain, node->provider);
    if (term->measure == RUNG_MEASURE_FLOPS) outside = outside && node->flops > 0;
    if (outside && count++ < MOST_NAMED) name_node(text, node);
  }
  if (count > MOST_NAMED) rung_text_printf(text, "\n    and %zu more", count - MOST_NAMED);
}

static void name_crossings(rung_text *text, const rung_plan *plan) {
  for (size_t i = 0; i < plan->crossing_count && i < MOST_NAMED; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    rung_text_printf(text, "\n    %s from %s to %s", c->value, c->from, c->to);
    if (c->bytes >= 0) rung_text_printf(text, ", %lld bytes", (long long)c->bytes);
  }
  if (plan->crossing_count > MOST_NAMED)
    rung_text_printf(text, "\n    and %zu more", plan->crossing_count - MOST_NAMED);
}

static void name_islands(rung_text *text, const rung_plan *plan) {
  size_t count = 0;
  for (size_t i = 0; i < plan->island_count; i++) {
    const rung_plan_island *island = &plan->islands[i];
    if (is_host(island->provider) || count++ >= MOST_NAMED) continue;
    rung_text_printf(text, "\n    island %zu: %zu node%s on %s", i, island->node_count,
                     island->node_count == 1 ? "" : "s", island->provider);
  }
  if (count > MOST_NAMED) rung_text_printf(text, "\n    and %zu more", count - MOST_NAMED);
}

static void name_skipped(rung_text *text, const rung_plan *plan) {
  for (size_t i = 0; i < plan->provider_count; i++)
    if (!plan->providers[i].used)
      rung_text_printf(text, "\n    %s is skipped: %s", plan->providers[i].name,
                       plan->providers[i].why ? plan->providers[i].why : "it cannot be used here");
}

static void say_broken(rung_text *text, const contract_term *term, const rung_plan_term *is, const rung_chain *chain,
                       const rung_plan *plan) {
  rung_text_printf(text, "\n  \"%s\": ", term->text);
  switch (term->measure) {
    case RUNG_MEASURE_STRICT:
    case RUNG_MEASURE_ONLY:
    case RUNG_MEASURE_COVERAGE:
      rung_text_printf(text, "it is %.4g %% of the nodes, %.4g too little:", is->value, is->limit - is->value);
      name_nodes(text, term, chain, plan);
      break;
    case RUNG_MEASURE_FLOPS:
      rung_text_printf(text, "it is %.4g %% of the operations, %.4g too little:", is->value, is->limit - is->value);
      name_nodes(text, term, chain, plan);
      break;
    case RUNG_MEASURE_NO_DEMOTION:
      rung_text_printf(text, "the chain has stepped down:");
      name_skipped(text, plan);
      break;
    case RUNG_MEASURE_ISLANDS:
      rung_text_printf(text, "there are %.0f, %.0f too many:", is->value, is->value - is->limit);
      name_islands(text, plan);
      break;
    case RUNG_MEASURE_CROSSINGS:
    case RUNG_MEASURE_BYTES:
      rung_text_printf(text, "it is %.0f a run, %.0f too many:", is->value, is->value - is->limit);
      name_crossings(text, plan);
      break;
  }
}

rung_status *rung_contract_check(const rung_contract *contract, const rung_chain *chain, const rung_plan *plan,
                                 const rung_allocator *allocator) {
  rung_text text;
  size_t broken = 0;
  rung_text_init(&text, allocator);
  for (size_t i = 0; i < plan->term_count; i++) {
    if (plan->terms[i].holds) continue;
    broken++;
    say_broken(&text, &contract->terms.at[i], &plan->terms[i], chain, plan);
  }
  rung_status *status = NULL;
  if (broken)
    status = RUNG_ERROR(CONTRACT, "the plan (%s) breaks the contract:%s", plan->stage, text.data ? text.data : "");
  if (text.failed) {
    rung_status_free(status);
    status = rung_status_out_of_memory();
  }
  rung_text_finish(&text);
  return status;
}
