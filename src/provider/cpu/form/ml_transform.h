/* What ai.onnx.ml does to the scores of a row at the end. */
#ifndef RUNG_CPU_FORM_ML_TRANSFORM_H
#define RUNG_CPU_FORM_ML_TRANSFORM_H

#include "op/ml_tree.h"

/* In place. */
void rung_ml_transform_row(rung_ml_transform transform, size_t n, double *scores);
/* The scores of two classes from the one of the second: complements of 1 when `complement`, else opposites, unless the
 * transform says more. As ONNX Runtime does it, the softmaxes count as NONE here. */
void rung_ml_transform_pair(rung_ml_transform transform, bool complement, double score, double scores[2]);
double rung_ml_logistic(double x);
/* The x that a standard normal variable stays below with probability p; NaN outside [0, 1]. */
double rung_ml_probit(double p);

#endif
