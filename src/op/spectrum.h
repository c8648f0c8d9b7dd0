/* Fourier transforms and the windows and scales that go with them. */
#ifndef RUNG_OP_SPECTRUM_H
#define RUNG_OP_SPECTRUM_H

#include "op/op.h"

typedef struct rung_window_params { /* HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix */
  int64_t periodic, output_datatype;
} rung_window_params;

typedef struct rung_dft_params {
  int64_t axis; /* opset < 20; later input 2 */
  int64_t inverse, onesided;
} rung_dft_params;

/* com.microsoft's Rfft, Irfft: over the last `signal_ndim` dimensions of real numbers; complex ones have their parts in
 * one more dimension behind. The last dimension of the signal is n real numbers, or n / 2 + 1 complex ones; Irfft makes
 * 2 m - 1 real numbers of m complex ones. */
typedef struct rung_rfft_params {
  int64_t onesided, normalized, signal_ndim;
} rung_rfft_params;

typedef struct rung_stft_params {
  int64_t onesided;
} rung_stft_params;

/* The sizes of one transform: `given` elements along the axis (1 or 2 numbers each) become `made` (1 or 2 numbers). */
typedef struct rung_dft_sizes {
  int64_t length, made;
  int64_t parts; /* of an element of the output: 1 real, 2 complex */
} rung_dft_sizes;

/* `length` negative: not given. */
rung_status *rung_dft_sizes_make(const rung_dft_params *params, int64_t given, int64_t parts, int64_t length,
                                 rung_dft_sizes *out_sizes) RUNG_MUST_CHECK;

#endif
