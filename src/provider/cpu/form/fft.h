/* The discrete Fourier transform of any length in O(n log n), in double.
 *
 * A length of small prime factors goes by decimation in time, factor by factor. Any other is a chirp: with
 * jk = (j^2 + k^2 - (k - j)^2) / 2 the transform becomes a convolution, which two transforms of a power of two do
 * (Bluestein). */
#ifndef RUNG_CPU_FORM_FFT_H
#define RUNG_CPU_FORM_FFT_H

#include "provider/opwise/kernel.h"

typedef struct rung_complex {
  double re, im;
} rung_complex;

enum { RUNG_FFT_FACTORS = 64 };

typedef struct rung_fft {
  size_t n;
  size_t length; /* of the transforms that are really made: n, or a power of two */
  size_t factor_count;
  uint8_t factors[RUNG_FFT_FACTORS]; /* of length */
  const rung_complex *roots;         /* e^(-2 pi i k / length), k < length */
  const rung_complex *chirp;         /* NULL, or e^(-pi i k^2 / n), k < n */
  const rung_complex *kernel;        /* the transform of the chirp's conjugate, wrapped around */
} rung_fft;

/* Sets all but the tables; false when n is 0 or beyond 2^30. */
bool rung_fft_plan(size_t n, rung_fft *out_plan) RUNG_MUST_CHECK;
/* Complex numbers that the tables need, and what one transform needs beside its output. */
size_t rung_fft_table_size(const rung_fft *plan);
size_t rung_fft_work_size(const rung_fft *plan);
/* Fills `tables`, which the plan keeps. `work` as for a run. */
void rung_fft_make_tables(const rung_kernel_call *call, rung_fft *plan, rung_complex *tables, rung_complex *work);
/* n numbers from `in` to `out`, which do not overlap. Of a run that is cancelled the rest is left undone. */
void rung_fft_run(const rung_kernel_call *call, const rung_fft *plan, const rung_complex *in, rung_complex *out,
                  rung_complex *work);

#endif
