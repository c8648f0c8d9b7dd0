#include "op/text.h"

#include "op/op_infer.h"

/* StringNormalizer: how many words remain shows in the run */

static rung_status *infer_StringNormalizer(rung_infer *infer) {
  const rung_string_normalizer_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank == 1 || (x->rank == 2 && (x->dims[0] == 1 || x->dims[0] < 0)),
                     "the input must be a vector, or one row");
  int64_t last = p->stopwords.count || x->dims[x->rank - 1] == 0 ? rung_infer_symbol(infer) : x->dims[x->rank - 1];
  int64_t dims[2] = {x->rank == 1 ? last : 1, last};
  return rung_infer_shape(infer, 0, x->rank, dims);
}

static const rung_attr string_normalizer_attrs[] = {
    RUNG_ATTR_STRS(rung_string_normalizer_params, stopwords),
    RUNG_ATTR_STR(rung_string_normalizer_params, locale, ""),
    RUNG_ATTR_INT(rung_string_normalizer_params, is_case_sensitive, 0),
    RUNG_ATTR_CHOICE(rung_string_normalizer_params, case_change_action, "NONE|LOWER|UPPER"),
    {0}};

const rung_op rung_op_StringNormalizer = {.name = "StringNormalizer",
                                          .domain = "",
                                          .since = 10,
                                          .signature = "X:string -> Y:string",
                                          .params_size = sizeof(rung_string_normalizer_params),
                                          .attributes = string_normalizer_attrs,
                                          .infer = infer_StringNormalizer};

/* StringConcat, StringSplit, RegexFullMatch */

const rung_op rung_op_StringConcat = {.name = "StringConcat",
                                      .domain = "",
                                      .since = 20,
                                      .signature = "X:string Y:string -> Z:string",
                                      .infer = rung_infer_broadcast_all};

static rung_status *infer_StringSplit(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK + 1];
  if (x->rank < 0) return NULL;
  memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
  dims[x->rank] = rung_infer_symbol(infer);
  rung_infer_same(infer, 1, 0);
  return rung_infer_shape(infer, 0, x->rank + 1, dims);
}

static const rung_attr string_split_attrs[] = {
    RUNG_ATTR_STR(rung_string_split_params, delimiter, ""), RUNG_ATTR_INT(rung_string_split_params, maxsplit, -1), {0}};

const rung_op rung_op_StringSplit = {.name = "StringSplit",
                                     .domain = "",
                                     .since = 20,
                                     .signature = "X:string -> Y:string Z:int64",
                                     .params_size = sizeof(rung_string_split_params),
                                     .attributes = string_split_attrs,
                                     .infer = infer_StringSplit};

static const rung_attr regex_attrs[] = {RUNG_ATTR_STR(rung_regex_params, pattern, ""), {0}};

const rung_op rung_op_RegexFullMatch = {.name = "RegexFullMatch",
                                        .domain = "",
                                        .since = 20,
                                        .signature = "X:string -> Y:bool",
                                        .params_size = sizeof(rung_regex_params),
                                        .attributes = regex_attrs,
                                        .infer = rung_infer_elementwise};

/* TfIdfVectorizer */

static rung_status *infer_TfIdfVectorizer(rung_infer *infer) {
  const rung_tfidf_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 1 or 2", x->rank);
  int64_t dims[2] = {x->rank == 1 ? p->columns : x->dims[0], p->columns};
  return rung_infer_shape(infer, 0, x->rank, dims);
}

/* The pool begins with all 1-grams, then come all 2-grams, ...: ngram_counts says where each length begins. */
static rung_status *check_TfIdfVectorizer(const rung_node *node, void *params) {
  enum { MOST_COLUMNS = 1 << 26 };
  (void)node;
  rung_tfidf_params *p = params;
  int64_t size = (int64_t)(p->pool_int64s.count + p->pool_strings.count), last = 0;
  RUNG_MODEL_REQUIRE(!p->pool_int64s.count || !p->pool_strings.count, "pool_int64s and pool_strings are both given");
  RUNG_MODEL_REQUIRE(p->min_gram_length > 0 && p->max_gram_length >= p->min_gram_length && p->max_skip_count >= 0,
                     "n-grams of %lld to %lld with up to %lld skips", (long long)p->min_gram_length,
                     (long long)p->max_gram_length, (long long)p->max_skip_count);
  RUNG_MODEL_REQUIRE((uint64_t)p->max_gram_length <= p->ngram_counts.count,
                     "ngram_counts has %zu elements for n-grams of %lld", p->ngram_counts.count,
                     (long long)p->max_gram_length);
  for (size_t i = 0; i < p->ngram_counts.count; i++) {
    int64_t first = p->ngram_counts.at[i], end = i + 1 < p->ngram_counts.count ? p->ngram_counts.at[i + 1] : size;
    RUNG_MODEL_REQUIRE(first >= last && first <= end && end <= size && (end - first) % (int64_t)(i + 1) == 0,
                       "the pool has no %zu-grams from element %lld to %lld", i + 1, (long long)first, (long long)end);
    p->grams += (size_t)(end - first) / (i + 1);
    last = first;
  }
  RUNG_MODEL_REQUIRE(p->ngram_indexes.count == p->grams, "ngram_indexes has %zu elements for %zu n-grams",
                     p->ngram_indexes.count, p->grams);
  RUNG_MODEL_REQUIRE(p->weights.count == 0 || p->weights.count == p->grams, "weights has %zu elements for %zu n-grams",
                     p->weights.count, p->grams);
  for (size_t i = 0; i < p->ngram_indexes.count; i++) {
    int64_t index = p->ngram_indexes.at[i];
    RUNG_MODEL_REQUIRE(index >= 0 && index < MOST_COLUMNS, "ngram_indexes[%zu] is %lld", i, (long long)index);
    p->columns = RUNG_MAX(p->columns, index + 1);
  }
  return NULL;
}

#define REQUIRED_INTS(member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_INTS, .offset = offsetof(rung_tfidf_params, member), .required = true}
#define REQUIRED_INT(member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_INT, .offset = offsetof(rung_tfidf_params, member), .required = true}

static const rung_attr tfidf_attrs[] = {REQUIRED_INTS(ngram_counts),
                                        REQUIRED_INTS(ngram_indexes),
                                        REQUIRED_INT(max_skip_count),
                                        REQUIRED_INT(min_gram_length),
                                        REQUIRED_INT(max_gram_length),
                                        {.name = "mode",
                                         .kind = RUNG_ATTR_KIND_CHOICE,
                                         .offset = offsetof(rung_tfidf_params, mode),
                                         .text = "TF|IDF|TFIDF",
                                         .required = true},
                                        RUNG_ATTR_INTS(rung_tfidf_params, pool_int64s),
                                        RUNG_ATTR_STRS(rung_tfidf_params, pool_strings),
                                        RUNG_ATTR_FLOATS(rung_tfidf_params, weights),
                                        {0}};

const rung_op rung_op_TfIdfVectorizer = {.name = "TfIdfVectorizer",
                                         .domain = "",
                                         .since = 9,
                                         .signature = "X:T -> Y:float32",
                                         .params_size = sizeof(rung_tfidf_params),
                                         .attributes = tfidf_attrs,
                                         .check = check_TfIdfVectorizer,
                                         .infer = infer_TfIdfVectorizer};
