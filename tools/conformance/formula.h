/* What an operator computes, as a formula over the elements of tensors; evaluated in double precision.
 *
 *     max(x[i,j], 0)                                    Relu
 *     sum(k<7: a[i,k] * b[k,j])                         MatMul
 *     sum(c<3, r<3, s<3: x[n,c,i+r-1,j+s-1] * w[m,c,r,s])      Conv with a border of one
 *     x[i, idx[j]]                                      Gather along the second axis
 *
 * Numbers, and the names of indices, sizes and tensors; x[...] is an element, x alone a scalar, and what is read
 * outside of a tensor is 0, or e with x[i,j | e]. sum, prod, min, max (k<7: e) go over indices. Operators as in C:
 * ?: || && == != < <= > >= + - * / % ! with % as Python's. Functions: see formula.c; noise(n) is a number in [-1, 1)
 * that looks random, the same for the same n. */
#ifndef RUNG_KIT_FORMULA_H
#define RUNG_KIT_FORMULA_H

#include "rung.h"

enum { FORMULA_NAME = 32, FORMULA_NAMES = 32 };

/* A tensor or a number by its name. */
typedef struct formula_name {
  char name[FORMULA_NAME];
  const rung_tensor *tensor; /* NULL: a number */
  double number;
} formula_name;

typedef struct formula {
  formula_name names[FORMULA_NAMES]; /* the innermost index last */
  size_t count;
  char trouble[120]; /* "" while all is well */
} formula;

/* Adds a name; the newest of a name counts. */
void formula_add(formula *f, const char *name, size_t size, const rung_tensor *tensor, double number);
/* The value of `text`; 0 with trouble. */
double formula_value(formula *f, const char *text);

/* noise(x): a number in [-1, 1), the same for the same whole x, on every machine. */
double formula_noise(double x);

#endif
