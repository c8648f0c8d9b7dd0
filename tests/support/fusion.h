/* For tests of fusions in the cpu provider: models from text with constants and inputs filled at random, and the number
 * of steps that an island became. */
#ifndef RUNG_TESTS_FUSION_H
#define RUNG_TESTS_FUSION_H

#include "support/session.h"

/* Parts of a model's text (onnx_text.h). Constants are "name:type[dims]" with blanks between them: single numbers where
 * "=number" follows; else at random, by the last letter of the name: s, scales in (0, 0.005]; z, zero points of any
 * value, 3 for int32; others any byte, int32 within 2000, floats in [-1, 1]. */
typedef struct fusion_model {
  const char *inputs, *outputs, *constants, *nodes;
  int opset;          /* 0: that of onnx_text.h */
  const char *passes; /* those that are off, "" for none; NULL: all */
} fusion_model;

/* Begins a session on "cpu" and runs it once. Inputs are at random as constants are; a scalar input is 0.02. */
void fusion_run(test_session *t, const fusion_model *model, const char *cpu_features);
/* Steps of all islands. */
size_t fusion_steps(const test_session *t);
const rung_tensor *fusion_output(const test_session *t, size_t i);

#endif
