#include "provider/cpu/form/ml_transform.h"

#include <math.h>

double rung_ml_logistic(double x) {
  double e = exp(-fabs(x)); /* no overflow on either side */
  return (x < 0 ? e : 1) / (1 + e);
}

/* A rational start for the lower half, good to about 1e-3, then Newton's steps on the distribution function. */
double rung_ml_probit(double p) {
  const double root_2 = 1.4142135623730951, root_2_pi = 2.5066282746310002;
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  double lower = p < 0.5 ? p : 1 - p, t = sqrt(-2 * log(lower));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (int i = 0; i < 3; i++) {
    double error = (0.5 * erfc(-x / root_2) - lower) * root_2_pi * exp(x * x / 2);
    x -= error / (1 + x * error / 2);
  }
  return p < 0.5 ? x : -x;
}

static void softmax(size_t n, double *scores, bool keep_zeros) {
  double largest = -INFINITY, sum = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, scores[i]);
  for (size_t i = 0; i < n; i++) {
    if (keep_zeros && scores[i] == 0) continue;
    scores[i] = exp(scores[i] - largest);
    sum += scores[i];
  }
  for (size_t i = 0; i < n && sum > 0; i++) scores[i] /= sum;
}

void rung_ml_transform_row(rung_ml_transform transform, size_t n, double *scores) {
  switch (transform) {
    case RUNG_ML_NONE:
      break;
    case RUNG_ML_SOFTMAX:
      softmax(n, scores, false);
      break;
    case RUNG_ML_SOFTMAX_ZERO:
      softmax(n, scores, true);
      break;
    case RUNG_ML_LOGISTIC:
      for (size_t i = 0; i < n; i++) scores[i] = rung_ml_logistic(scores[i]);
      break;
    case RUNG_ML_PROBIT:
      for (size_t i = 0; i < n; i++) scores[i] = rung_ml_probit(scores[i]);
      break;
  }
}

void rung_ml_transform_pair(rung_ml_transform transform, bool complement, double score, double scores[2]) {
  scores[0] = complement ? 1 - score : -score;
  scores[1] = score;
  if (transform == RUNG_ML_LOGISTIC) {
    scores[0] = rung_ml_logistic(-score);
    scores[1] = rung_ml_logistic(score);
  } else if (transform == RUNG_ML_PROBIT) {
    scores[1] = rung_ml_probit(score);
    scores[0] = -scores[1];
  }
}
