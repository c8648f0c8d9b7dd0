/* Are two values the same, within a tolerance? As the ONNX project judges its node cases; but whole numbers and bools
 * have to be equal, or within atol when that is 1 or more, and strings equal. Also used by tests/conformance. */
#ifndef RUNG_TOOL_COMPARE_H
#define RUNG_TOOL_COMPARE_H

#include "rung.h"

typedef struct tolerance {
  double rtol, atol; /* |got - want| <= atol + rtol * |want|; infinities and NaN have to be equal */
  double cosine;     /* the least over a whole tensor; 0: not looked at */
  int values;        /* 0: only shape and type count */
} tolerance;

/* How far apart they are. Zero it first; tensors within a sequence or map add up. */
typedef struct difference {
  double max_abs;      /* largest absolute difference of two numbers */
  double cosine;       /* of the last tensor of floats */
  size_t count, wrong; /* elements, and those out of tolerance */
  char words[400];     /* the first that does not fit; "" when all is well */
} difference;

/* 1 when they agree. */
int values_agree(const rung_value *got, const rung_value *want, const tolerance *allowed, difference *out);

#endif
