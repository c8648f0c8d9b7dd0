/* StringNormalizer, StringConcat, StringSplit. */
#include "op/text.h"

#include "base/str.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/letters.h"

/* StringNormalizer */

typedef struct normalizer {
  const rung_kernel_call *call;
  const rung_string_normalizer_params *p;
  rung_arena arena; /* changed strings */
  rung_str *stopwords;
} normalizer;

enum { LOOK_WORDS = 4096 }; /* between two looks at whether the run was cancelled */

/* A copy in another case. No code point needs more than 4 bytes, and none of 1 byte becomes longer. */
static rung_status *change_case(rung_arena *arena, rung_str from, bool upper, rung_str *out) {
  size_t most, used = 0;
  RUNG_REQUIRE(rung_mul_size(from.size, 2, &most), LIMIT, "a string of %zu bytes is too long", from.size);
  char *to = rung_arena_alloc(arena, most + 4, 1);
  RUNG_CHECK_ALLOC(to);
  for (size_t at = 0; at < from.size;) {
    uint32_t point;
    at += rung_utf8_read(from.data + at, from.size - at, &point);
    used += rung_utf8_write(upper ? rung_upper_case(point) : rung_lower_case(point), to + used);
  }
  *out = (rung_str){to, used};
  return NULL;
}

static rung_status *prepare_stopwords(normalizer *n) {
  n->stopwords = rung_arena_alloc(&n->arena, n->p->stopwords.count, sizeof *n->stopwords);
  RUNG_CHECK_ALLOC(n->stopwords);
  for (size_t i = 0; i < n->p->stopwords.count; i++) {
    n->stopwords[i] = n->p->stopwords.at[i];
    if (!n->p->is_case_sensitive) RUNG_TRY(change_case(&n->arena, n->stopwords[i], false, &n->stopwords[i]));
  }
  return NULL;
}

static rung_status *is_stopword(normalizer *n, rung_str word, bool *out) {
  *out = false;
  if (n->p->stopwords.count && !n->p->is_case_sensitive) RUNG_TRY(change_case(&n->arena, word, false, &word));
  for (size_t i = 0; i < n->p->stopwords.count && !*out; i++) *out = rung_str_equal(word, n->stopwords[i]);
  return NULL;
}

/* `kept` has room for all words, and one. */
static rung_status *normalize(normalizer *n, const rung_str *words, size_t count, rung_str *kept, size_t *out_count) {
  *out_count = 0;
  RUNG_TRY(prepare_stopwords(n));
  for (size_t i = 0; i < count; i++) {
    if (i % LOOK_WORDS == 0) RUNG_RUN_GOES_ON(n->call);
    bool drop;
    RUNG_TRY(is_stopword(n, words[i], &drop));
    if (drop) continue;
    rung_str word = words[i];
    if (n->p->case_change_action != RUNG_CASE_NONE)
      RUNG_TRY(change_case(&n->arena, word, n->p->case_change_action == RUNG_CASE_UPPER, &word));
    kept[(*out_count)++] = word;
  }
  if (*out_count == 0) kept[(*out_count)++] = (rung_str){0}; /* nothing left: one empty string */
  return NULL;
}

static rung_status *run_StringNormalizer(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  size_t count = rung_tensor_count(x), kept_count;
  RUNG_RUN_REQUIRE(x->rank == 1 || (x->rank == 2 && x->dims[0] == 1), "the input must be a vector, or one row");
  normalizer n = {.call = call, .p = call->params};
  rung_arena_init(&n.arena, call->host->allocator);
  rung_str *kept = rung_arena_alloc(&n.arena, count + 1, sizeof *kept);
  rung_status *status = kept ? normalize(&n, x->data, count, kept, &kept_count) : rung_status_out_of_memory();
  if (!status) {
    int64_t dims[2] = {x->rank == 1 ? (int64_t)kept_count : 1, (int64_t)kept_count};
    status = rung_kernel_give_strings(call, 0, x->rank, dims, kept);
  }
  rung_arena_finish(&n.arena);
  return status;
}

const rung_kernel rung_cpu_StringNormalizer = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_StringNormalizer};

/* StringConcat */

typedef struct concat_job {
  const rung_str *a, *b;
  rung_str (*pairs)[2];
} concat_job;

static void find_pairs(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const concat_job *j = context;
  for (size_t i = 0; i < n; i++) {
    j->pairs[at + i][0] = j->a[from[0] + i * (size_t)step[0]];
    j->pairs[at + i][1] = j->b[from[1] + i * (size_t)step[1]];
  }
}

/* Turns pairs into single strings; the first of each pair becomes the result. */
static rung_status *join_pairs(const rung_kernel_call *call, rung_arena *arena, rung_str (*pairs)[2], size_t count,
                               rung_str *joined) {
  size_t bytes = 0;
  for (size_t i = 0; i < count && !rung_kernel_stops_at(call, i); i++)
    if (!rung_add_size(bytes, pairs[i][0].size + pairs[i][1].size, &bytes)) return rung_status_out_of_memory();
  RUNG_RUN_GOES_ON(call);
  char *to = rung_arena_alloc(arena, bytes, 1);
  RUNG_CHECK_ALLOC(to);
  for (size_t i = 0; i < count; i++) {
    if (i % LOOK_WORDS == 0) RUNG_RUN_GOES_ON(call);
    joined[i] = (rung_str){to, pairs[i][0].size + pairs[i][1].size};
    for (int k = 0; k < 2; k++) {
      if (pairs[i][k].size) memcpy(to, pairs[i][k].data, pairs[i][k].size);
      to += pairs[i][k].size;
    }
  }
  return NULL;
}

static rung_status *run_StringConcat(rung_kernel_call *call) {
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1);
  rung_broadcast plan;
  rung_tensor z;
  RUNG_TRY(rung_tensor_describe(RUNG_STRING, call->types[0].rank, call->types[0].dims, &z));
  rung_broadcast_make(&plan, &z, (const rung_tensor *[]){a, b}, 2);
  rung_arena arena;
  rung_arena_init(&arena, call->host->allocator);
  rung_str(*pairs)[2] = rung_arena_alloc(&arena, plan.count, sizeof *pairs);
  rung_str *joined = rung_arena_alloc(&arena, plan.count, sizeof *joined);
  rung_status *status = pairs && joined ? NULL : rung_status_out_of_memory();
  if (!status) {
    rung_broadcast_run(call, &plan, 2, find_pairs, &(concat_job){a->data, b->data, pairs});
    status = join_pairs(call, &arena, pairs, plan.count, joined);
  }
  if (!status) status = rung_kernel_give_strings(call, 0, z.rank, z.dims, joined);
  rung_arena_finish(&arena);
  return status;
}

const rung_kernel rung_cpu_StringConcat = {.run = run_StringConcat};

/* StringSplit */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Where the next delimiter begins, or the end of the text. */
static size_t find_delimiter(rung_str text, rung_str delimiter, size_t at) {
  for (; at + delimiter.size <= text.size; at++)
    if (memcmp(text.data + at, delimiter.data, delimiter.size) == 0) return at;
  return text.size;
}

/* Takes the next part of *rest, which is moved on; false when there is none. `last`: the rest is one part. */
static bool next_part(rung_str delimiter, bool last, rung_str *rest, bool *more, rung_str *part) {
  size_t end = 0, skip;
  if (delimiter.size == 0) {
    while (rest->size && is_space(rest->data[0])) rest->data++, rest->size--;
    if (!rest->size) return false;
    while (end < rest->size && (last || !is_space(rest->data[end]))) end++;
    skip = end;
  } else {
    if (!*more) return false;
    end = last ? rest->size : find_delimiter(*rest, delimiter, 0);
    *more = end < rest->size; /* a delimiter at the end leaves an empty part behind it */
    skip = RUNG_MIN(end + delimiter.size, rest->size);
  }
  *part = (rung_str){rest->data, end};
  *rest = skip ? (rung_str){rest->data + skip, rest->size - skip} : *rest;
  return true;
}

/* The number of parts; writes them to `parts` unless that is NULL. */
static size_t split(const rung_string_split_params *p, rung_str text, rung_str *parts) {
  size_t count = 0;
  bool more = true;
  rung_str part;
  while (next_part(p->delimiter, p->maxsplit >= 0 && count >= (uint64_t)p->maxsplit, &text, &more, &part)) {
    if (parts) parts[count] = part;
    count++;
  }
  return count;
}

static rung_status *run_StringSplit(rung_kernel_call *call) {
  const rung_string_split_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *lengths = rung_out(call, 1);
  const rung_str *texts = x->data;
  size_t count = rung_tensor_count(x), most = 0, cells;
  for (size_t i = 0; i < count; i++) {
    if (i % LOOK_WORDS == 0) RUNG_RUN_GOES_ON(call);
    size_t n = split(p, texts[i], NULL);
    most = RUNG_MAX(most, n);
    if (lengths) ((int64_t *)lengths->data)[i] = (int64_t)n;
  }
  if (!rung_kernel_wants(call, 0)) return NULL;
  RUNG_REQUIRE(x->rank < RUNG_MAX_RANK, LIMIT, "the output would have rank %d", x->rank + 1);
  if (!rung_mul_size(count, most, &cells) || !rung_add_size(cells, 1, &cells)) return rung_status_out_of_memory();
  rung_str *parts = rung_alloc(call->host->allocator, cells, sizeof *parts, "parts");
  RUNG_CHECK_ALLOC(parts);
  for (size_t i = 0; i < count; i++) {
    if (i % LOOK_WORDS == 0 && rung_kernel_is_cancelled(call)) break; /* the host sees it, too */
    split(p, texts[i], parts + i * most);
  }
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, x->dims, sizeof dims);
  dims[x->rank] = (int64_t)most;
  rung_status *status = rung_kernel_give_strings(call, 0, x->rank + 1, dims, parts);
  rung_free(call->host->allocator, parts);
  return status;
}

const rung_kernel rung_cpu_StringSplit = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_StringSplit};
