/* What goes into one run and comes out of it. Inputs are views of memory that can only be read; outputs are new values,
 * or bound to memory that ends where nothing may be touched (pages.h). */
#ifndef RUNG_KIT_EXCHANGE_H
#define RUNG_KIT_EXCHANGE_H

#include "pages.h"
#include "spec.h"

typedef struct exchange {
  rung_env *env;
  size_t input_count, output_count;
  pages in[SPEC_TENSORS], out[SPEC_TENSORS]; /* out: of those that are bound */
  rung_value *inputs[SPEC_TENSORS], *outputs[SPEC_TENSORS];
} exchange;

typedef enum exchange_kind { EXCHANGE_NEW, EXCHANGE_BOUND } exchange_kind;

/* The inputs of `s`. `shift` bytes lie between the data and the page that ends it: with 0 it ends exactly there, with 1
 * it begins at an odd address. Strings are copied. One thread at a time. */
rung_status *exchange_make(exchange *x, rung_env *env, const spec *s, exchange_kind kind, size_t shift);
rung_status *exchange_run(exchange *x, rung_session *session, const rung_run_options *options);
/* Are the outputs what `s` wants, and is the memory around them as it was? Else words. */
bool exchange_agrees(const exchange *x, const spec *s, char *words, size_t size);
/* Are outputs the same, bit by bit? */
bool exchange_same(const exchange *a, const exchange *b, char *words, size_t size);
/* New outputs go; bound ones are filled with 0xa5. */
void exchange_clear(exchange *x);
void exchange_free(exchange *x);

#endif
