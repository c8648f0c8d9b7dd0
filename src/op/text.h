/* Operators on strings. */
#ifndef RUNG_OP_TEXT_H
#define RUNG_OP_TEXT_H

#include "op/op.h"

typedef enum rung_case_change { RUNG_CASE_NONE, RUNG_CASE_LOWER, RUNG_CASE_UPPER } rung_case_change;

typedef struct rung_string_normalizer_params {
  rung_strs stopwords;
  rung_str locale; /* not looked at: case is Unicode's own */
  int64_t is_case_sensitive;
  int case_change_action;
} rung_string_normalizer_params;

typedef struct rung_string_split_params {
  rung_str delimiter; /* empty: runs of white space */
  int64_t maxsplit;   /* negative: no limit */
} rung_string_split_params;

typedef struct rung_regex_params {
  rung_str pattern;
} rung_regex_params;

/* com.microsoft's Tokenizer and MurmurHash3. */
typedef struct rung_tokenizer_params {
  rung_strs separators; /* patterns; without any, `tokenexp` says what a token is */
  rung_str tokenexp, pad_value;
  int64_t mark, mincharnum;
  bool letters; /* settled: every code point is a token */
} rung_tokenizer_params;

typedef struct rung_murmur_params {
  int64_t positive, seed;
} rung_murmur_params;

typedef enum rung_tfidf_mode { RUNG_TF, RUNG_IDF, RUNG_TFIDF } rung_tfidf_mode;

typedef struct rung_tfidf_params {
  rung_ints ngram_counts, ngram_indexes, pool_int64s;
  rung_strs pool_strings;
  rung_floats weights;
  int64_t max_skip_count, min_gram_length, max_gram_length;
  int mode;
  /* settled: */
  int64_t columns; /* of the output */
  size_t grams;    /* in the pool */
} rung_tfidf_params;

#endif
