/* TfIdfVectorizer: counts of the n-grams of a pool.
 *
 * Packed: tokens of the pool become numbers (equal tokens the same one), n-grams strings of such numbers; both are
 * looked up in tables. An n-gram with s skips takes every (s + 1)-th token; what reaches over the end of a row is not
 * tried. */
#include "op/text.h"

#include "provider/cpu/form/lookup.h"
#include "provider/cpu/form/strided.h"
#include "provider/opwise/kernel.h"

typedef struct tfidf {
  rung_lookup tokens, grams; /* grams: as strings of the bytes of their tokens' numbers */
} tfidf;

/* Arrays of one block, in this order. */
typedef struct layout {
  size_t token_table, gram_table, numbers, strings, bytes;
} layout;

static bool lay_out(const rung_tfidf_params *p, layout *l) {
  size_t pool = p->pool_int64s.count + p->pool_strings.count, token_bytes, gram_bytes, number_bytes, string_bytes;
  if (!rung_lookup_bytes(pool, p->pool_strings.count > 0, &token_bytes) ||
      !rung_lookup_bytes(p->grams, true, &gram_bytes) || !rung_mul_size(pool, sizeof(uint32_t), &number_bytes) ||
      !rung_mul_size(p->grams, sizeof(rung_str), &string_bytes))
    return false;
  l->token_table = sizeof(tfidf);
  l->gram_table = RUNG_ROUND_UP(l->token_table + token_bytes, 8);
  l->strings = RUNG_ROUND_UP(l->gram_table + gram_bytes, 8);
  l->numbers = l->strings + string_bytes;
  l->bytes = l->numbers + number_bytes;
  return true;
}

static void fill_grams(const rung_tfidf_params *p, const uint32_t *numbers, rung_str *grams) {
  size_t pool = p->pool_int64s.count + p->pool_strings.count, gram = 0;
  for (size_t i = 0; i < p->ngram_counts.count; i++) {
    size_t n = i + 1, end = n < p->ngram_counts.count ? (size_t)p->ngram_counts.at[n] : pool;
    for (size_t at = (size_t)p->ngram_counts.at[i]; at < end; at += n)
      grams[gram++] = (rung_str){(const char *)(numbers + at), n * sizeof *numbers};
  }
}

static rung_status *pack_TfIdfVectorizer(rung_kernel_call *call, void **out_packed) {
  const rung_tfidf_params *p = call->params;
  layout l;
  RUNG_REQUIRE(lay_out(p, &l), LIMIT, "the pool is too large");
  char *block = rung_alloc(call->host->allocator, l.bytes, 1, "tfidf");
  RUNG_CHECK_ALLOC(block);
  tfidf *t = (tfidf *)block;
  uint32_t *numbers = (uint32_t *)(block + l.numbers);
  rung_str *grams = (rung_str *)(block + l.strings);
  size_t pool = p->pool_int64s.count + p->pool_strings.count;
  rung_lookup_make(&t->tokens, pool, (const uint64_t *)p->pool_int64s.at,
                   p->pool_strings.count ? p->pool_strings.at : NULL, block + l.token_table);
  for (size_t i = 0; i < pool; i++)
    numbers[i] = p->pool_strings.count ? rung_lookup_string(&t->tokens, p->pool_strings.at[i])
                                       : rung_lookup_bits(&t->tokens, (uint64_t)p->pool_int64s.at[i]);
  fill_grams(p, numbers, grams);
  rung_lookup_make(&t->grams, p->grams, NULL, grams, block + l.gram_table);
  *out_packed = block;
  return NULL;
}

typedef struct row_job {
  rung_kernel_call *call;
  const rung_tfidf_params *p;
  const tfidf *t;
  size_t columns; /* tokens of a row */
  uint32_t *numbers, *gram;
  float *out;
} row_job;

static uint32_t number_of(const row_job *j, const rung_tensor *x, size_t at) {
  if (x->dtype == RUNG_STRING) return rung_lookup_string(&j->t->tokens, ((const rung_str *)x->data)[at]);
  int64_t token = x->dtype == RUNG_I64 ? ((const int64_t *)x->data)[at] : ((const int32_t *)x->data)[at];
  return rung_lookup_bits(&j->t->tokens, (uint64_t)token);
}

static void count_gram(const rung_tfidf_params *p, size_t gram, float *count) {
  float weight = p->mode != RUNG_TF && p->weights.count ? p->weights.at[gram] : 1;
  *count = p->mode == RUNG_IDF ? weight : *count + weight;
}

/* All lengths of n-grams that begin at `start`, `step` tokens apart. */
static void count_from(const row_job *j, size_t start, size_t step, size_t least, size_t most) {
  for (size_t n = 1; n <= most; n++) {
    size_t at = start + (n - 1) * step;
    if (at >= j->columns || j->numbers[at] == RUNG_LOOKUP_NONE) return;
    j->gram[n - 1] = j->numbers[at];
    if (n < least) continue;
    uint32_t found = rung_lookup_string(&j->t->grams, (rung_str){(const char *)j->gram, n * sizeof *j->gram});
    if (found != RUNG_LOOKUP_NONE) count_gram(j->p, found, &j->out[j->p->ngram_indexes.at[found]]);
  }
}

/* Of 1-grams skips make no difference: they are counted once. */
static void count_row(const row_job *j) {
  const rung_tfidf_params *p = j->p;
  size_t least = (size_t)p->min_gram_length, most = (size_t)p->max_gram_length;
  size_t steps = (size_t)RUNG_MIN((uint64_t)p->max_skip_count + 1, j->columns);
  for (size_t step = 1; step <= steps && !rung_kernel_is_cancelled(j->call); step++)
    for (size_t start = 0; start < j->columns && (most > 1 || step == 1) && !rung_kernel_stops_at(j->call, start);
         start++)
      count_from(j, start, step, step == 1 ? least : RUNG_MAX(least, 2), most);
}

static rung_status *prepare_TfIdfVectorizer(rung_kernel_call *call) {
  const rung_tfidf_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  size_t columns = x->rank ? (size_t)x->dims[x->rank - 1] : 0;
  return rung_mul_size(columns + (size_t)p->max_gram_length, sizeof(uint32_t), &call->scratch_size)
             ? NULL
             : rung_status_out_of_memory();
}

static rung_status *run_TfIdfVectorizer(rung_kernel_call *call) {
  const rung_tfidf_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *y = rung_out(call, 0);
  bool strings = x->dtype == RUNG_STRING;
  RUNG_RUN_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 1 or 2", x->rank);
  RUNG_RUN_REQUIRE(!(strings ? p->pool_int64s.count : p->pool_strings.count), "the input is %s, the pool is not",
                   rung_dtype_name(x->dtype));
  row_job j = {call, p, call->packed, (size_t)x->dims[x->rank - 1], call->scratch, NULL, y->data};
  j.gram = j.numbers + j.columns;
  size_t rows = x->rank == 1 ? 1 : (size_t)x->dims[0];
  rung_strided_zero(call, y->data, y->size);
  for (size_t row = 0; row < rows && p->grams; row++, j.out += p->columns) {
    for (size_t i = 0; i < j.columns && !rung_kernel_stops_at(call, i); i++)
      j.numbers[i] = number_of(&j, x, row * j.columns + i);
    count_row(&j);
  }
  return NULL;
}

const rung_kernel rung_cpu_TfIdfVectorizer = {
    .types = {{'T', RUNG_SET_STRING | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}},
    .pack = pack_TfIdfVectorizer,
    .prepare = prepare_TfIdfVectorizer,
    .run = run_TfIdfVectorizer};
