#include "provider/cpu/form/fft.h"

#include <math.h>

enum {
  MOST_FACTOR = 13,
  MOST_LENGTH = 1 << 30,
  LOOK_LENGTH = 1 << 14, /* of transforms before which it looks whether the run was cancelled */
};

static rung_complex add(rung_complex a, rung_complex b) { return (rung_complex){a.re + b.re, a.im + b.im}; }
static rung_complex subtract(rung_complex a, rung_complex b) { return (rung_complex){a.re - b.re, a.im - b.im}; }
static rung_complex multiply(rung_complex a, rung_complex b) {
  return (rung_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
static rung_complex conjugate(rung_complex a) { return (rung_complex){a.re, -a.im}; }

/* Factors 4 first, then 2 and the odd ones; false when one above MOST_FACTOR remains. */
static bool factor(size_t n, rung_fft *plan) {
  static const uint8_t primes[] = {4, 2, 3, 5, 7, 11, MOST_FACTOR};
  plan->factor_count = 0;
  for (size_t i = 0; i < RUNG_COUNT(primes); i++)
    for (; n % primes[i] == 0 && n > 1; n /= primes[i]) plan->factors[plan->factor_count++] = primes[i];
  return n == 1;
}

bool rung_fft_plan(size_t n, rung_fft *plan) {
  *plan = (rung_fft){.n = n, .length = n};
  if (n == 0 || n > MOST_LENGTH) return false;
  if (factor(n, plan)) return true;
  plan->length = 1;
  while (plan->length < 2 * n - 1) plan->length *= 2;
  return factor(plan->length, plan);
}

size_t rung_fft_table_size(const rung_fft *plan) {
  return plan->length + (plan->length != plan->n ? plan->n + plan->length : 0);
}

size_t rung_fft_work_size(const rung_fft *plan) { return plan->length != plan->n ? 2 * plan->length : 1; }

/* r results from r numbers, each already turned: the transform of length r itself. */
static void butterfly(const rung_fft *plan, size_t r, const rung_complex *t, rung_complex *out, size_t step) {
  if (r == 2) {
    out[0] = add(t[0], t[1]);
    out[step] = subtract(t[0], t[1]);
    return;
  }
  if (r == 4) {
    rung_complex a = add(t[0], t[2]), b = subtract(t[0], t[2]), c = add(t[1], t[3]), d = subtract(t[1], t[3]);
    out[0] = add(a, c);
    out[step] = (rung_complex){b.re + d.im, b.im - d.re};
    out[2 * step] = subtract(a, c);
    out[3 * step] = (rung_complex){b.re - d.im, b.im + d.re};
    return;
  }
  size_t turn = plan->length / r;
  for (size_t p = 0; p < r; p++) {
    rung_complex sum = t[0];
    for (size_t q = 1; q < r; q++) sum = add(sum, multiply(t[q], plan->roots[p * q % r * turn]));
    out[p * step] = sum;
  }
}

/* n numbers, `stride` apart, where n is the product of the factors from `level` on. */
static void transform(const rung_kernel_call *call, const rung_fft *plan, size_t level, size_t n,
                      const rung_complex *in, size_t stride, rung_complex *out) {
  if (n == 1) {
    *out = *in;
    return;
  }
  size_t r = plan->factors[level], m = n / r, turn = plan->length / n;
  if (n >= LOOK_LENGTH && rung_kernel_is_cancelled(call)) return;
  for (size_t q = 0; q < r; q++) transform(call, plan, level + 1, m, in + q * stride, stride * r, out + q * m);
  for (size_t k = 0; k < m; k++) {
    if (k && rung_kernel_stops_at(call, k)) return;
    rung_complex t[MOST_FACTOR];
    for (size_t q = 0; q < r; q++) t[q] = multiply(out[q * m + k], plan->roots[q * k * turn]);
    butterfly(plan, r, t, out + k, m);
  }
}

/* e^(-2 pi i k / n); the angle is made small first. */
static rung_complex root(size_t k, size_t n) {
  const double two_pi = 6.283185307179586476925286766559;
  double angle = two_pi * (double)k / (double)n;
  return (rung_complex){cos(angle), -sin(angle)};
}

void rung_fft_make_tables(const rung_kernel_call *call, rung_fft *plan, rung_complex *tables, rung_complex *work) {
  size_t n = plan->n, length = plan->length;
  for (size_t k = 0; k < length && !rung_kernel_stops_at(call, k); k++) tables[k] = root(k, length);
  plan->roots = tables;
  if (length == n) return;
  rung_complex *chirp = tables + length, *kernel = chirp + n;
  for (uint64_t k = 0; k < n && !rung_kernel_stops_at(call, (size_t)k); k++)
    chirp[k] = root((size_t)(k * k % (2 * n)), 2 * n);
  memset(work, 0, length * sizeof *work);
  for (size_t k = 0; k < n && !rung_kernel_stops_at(call, k); k++)
    work[k] = work[(length - k) % length] = conjugate(chirp[k]);
  transform(call, plan, 0, length, work, 1, kernel);
  plan->chirp = chirp;
  plan->kernel = kernel;
}

/* The convolution with the chirp: transform, multiply, transform back (by conjugates). */
static void run_chirp(const rung_kernel_call *call, const rung_fft *plan, const rung_complex *in, rung_complex *out,
                      rung_complex *work) {
  size_t n = plan->n, length = plan->length;
  rung_complex *a = work, *b = work + length;
  for (size_t k = 0; k < n && !rung_kernel_stops_at(call, k); k++) a[k] = multiply(in[k], plan->chirp[k]);
  memset(a + n, 0, (length - n) * sizeof *a);
  transform(call, plan, 0, length, a, 1, b);
  for (size_t k = 0; k < length && !rung_kernel_stops_at(call, k); k++)
    b[k] = conjugate(multiply(b[k], plan->kernel[k]));
  transform(call, plan, 0, length, b, 1, a);
  for (size_t k = 0; k < n && !rung_kernel_stops_at(call, k); k++) {
    rung_complex sum = {a[k].re / (double)length, -a[k].im / (double)length};
    out[k] = multiply(sum, plan->chirp[k]);
  }
}

void rung_fft_run(const rung_kernel_call *call, const rung_fft *plan, const rung_complex *in, rung_complex *out,
                  rung_complex *work) {
  if (plan->length == plan->n)
    transform(call, plan, 0, plan->n, in, 1, out);
  else
    run_chirp(call, plan, in, out, work);
}
