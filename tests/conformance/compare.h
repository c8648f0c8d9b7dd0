/* Are two values the same, within a tolerance? As the ONNX project judges its node cases. */
#ifndef RUNG_TESTS_COMPARE_H
#define RUNG_TESTS_COMPARE_H

#include "rung.h"

typedef struct tolerance {
  double rtol, atol, cosine; /* cosine: the least over a whole tensor; 0: not looked at */
  int values;                /* 0: only shape and type count */
} tolerance;

/* 1 when they agree; else 0 and why in `words`. */
int values_agree(const rung_value *got, const rung_value *want, const tolerance *allowed, char *words, size_t size);

#endif
