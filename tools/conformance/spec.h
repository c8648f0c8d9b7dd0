/* A case as text: a small model, what goes in, and what has to come out.
 *
 *     size N = 3                                             a symbolic dimension, and what it is now
 *     a:f32[N,4] = noise                                     an input of the model
 *     const w:f32[4] = 1 2 3 4                               an initializer
 *     y = Add(a, w)                                          nodes, as in onnx_text.h
 *     want y:f32[N,4][i,j] = a[i,j] + w[j] within 1e-6       an output, in the order of the model's
 *
 * One statement a line; a line that begins with four spaces continues the one before. Values are numbers, true, false
 * or 'strings', as many as elements or one for all; or "noise": in [-1, 1), of integers from 0 to 9, bools; or, where
 * indices are named, a formula (formula.h), which may read what stands before it. "fields w:..." and "file w:..." are
 * initializers in typed fields and in a file of their own, SPEC_FILE. Tolerance: |got - want| <= within * (1 + |want|),
 * by default what rounding once leaves; none for integers. */
#ifndef RUNG_KIT_SPEC_H
#define RUNG_KIT_SPEC_H

#include "rung.h"

#include <stdbool.h>

#define SPEC_FILE "weights.bin"
enum { SPEC_TENSORS = 16, SPEC_NAME = 32, SPEC_SIZES = 4, SPEC_WORDS = 200 };

typedef enum spec_role { SPEC_INPUT, SPEC_CONSTANT, SPEC_WANTED } spec_role;

typedef struct spec_tensor {
  spec_role role;
  char name[SPEC_NAME];
  char type[96];       /* "f32[N,4]" */
  const char *storage; /* of a constant: "", "fields", "file" */
  char indices[RUNG_MAX_RANK][SPEC_NAME];
  size_t index_count; /* 0: `values` is no formula */
  char *values;
  double within;
  rung_tensor tensor; /* filled by spec_fill */
} spec_tensor;

typedef struct spec {
  int opset;
  size_t salt; /* another one makes other noise */
  spec_tensor tensors[SPEC_TENSORS];
  size_t count;
  struct {
    char name[SPEC_NAME];
    int64_t value;
  } sizes[SPEC_SIZES];
  size_t size_count;
  char *nodes; /* statements, each with its ';' */
  char trouble[SPEC_WORDS];
} spec;

/* Reads a text and fills its tensors; false with trouble when it is wrong. */
bool spec_read(spec *s, const char *text, int opset);
/* Another size of a symbolic dimension; spec_fill follows. */
void spec_resize(spec *s, const char *size, int64_t value);
/* Computes all tensors anew, for the sizes as they are. False with trouble. */
bool spec_fill(spec *s);
/* The model in ONNX's format; freed by free(). */
char *spec_model(const spec *s, size_t *out_size);
/* Puts the constants that live in a file there. False when it cannot be written. */
bool spec_write_file(const spec *s, const char *path);
/* Tensor `index` of a role, NULL behind the last. */
const spec_tensor *spec_get(const spec *s, spec_role role, size_t index);
void spec_free(spec *s);

#endif
