/* DFT, STFT, windows, MelWeightMatrix. Everything is computed in double and rounded once. */
#include "op/spectrum.h"

#include "base/element.h"
#include "base/pool.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/fft.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

static rung_status *read_scalar(const rung_tensor *tensor, const char *what, int64_t *out) {
  size_t count;
  RUNG_TRY(rung_kernel_ints(tensor, out, 1, &count));
  RUNG_RUN_REQUIRE(count == 1, "%s must be one number", what);
  return NULL;
}

/* Windows: a - b cos(x) + c cos(2x), x = 2 pi i / N, where N is the size, or one less for a symmetric window */

typedef struct window_job {
  double a, b, c, period;
  rung_tensor *out;
} window_job;

static void make_window(void *context, size_t begin, size_t end) {
  enum { BLOCK = 256 };
  const window_job *j = context;
  const double two_pi = 6.283185307179586476925286766559;
  double block[BLOCK];
  for (size_t at = begin; at < end; at += BLOCK) {
    size_t n = RUNG_MIN(end - at, (size_t)BLOCK);
    for (size_t i = 0; i < n; i++) {
      double x = two_pi * (double)(at + i) / j->period;
      block[i] = j->period > 0 ? j->a - j->b * cos(x) + j->c * cos(2 * x) : 1;
    }
    rung_convert(&rung_convert_defaults, n, RUNG_F64, block, j->out->dtype,
                 (char *)j->out->data + at * rung_dtype_size(j->out->dtype));
  }
}

static rung_status *run_window(rung_kernel_call *call, double a, double b, double c) {
  const rung_window_params *p = call->params;
  int64_t size;
  window_job j = {a, b, c, 0, NULL};
  RUNG_TRY(read_scalar(rung_in(call, 0), "size", &size));
  RUNG_RUN_REQUIRE(size >= 0, "size is %lld", (long long)size);
  RUNG_TRY(rung_kernel_output(call, 0, (rung_dtype)p->output_datatype, 1, &size, &j.out));
  j.period = (double)(p->periodic ? size : size - 1);
  if (j.out) rung_kernel_parallel(call, (size_t)size, rung_kernel_grain(20), make_window, &j);
  return NULL;
}

#define WINDOW_KERNEL(symbol, a, b, c)                                                              \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_window(call, a, b, c); }    \
  const rung_kernel rung_cpu_##symbol = {.types = {{'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}}, \
                                         .run = run_##symbol};
WINDOW_KERNEL(HannWindow, 0.5, 0.5, 0)
WINDOW_KERNEL(HammingWindow, 25.0 / 46, 21.0 / 46, 0)
WINDOW_KERNEL(BlackmanWindow, 0.42, 0.5, 0.08)

/* MelWeightMatrix: triangles between neighbouring edges, which lie evenly on the mel scale */

static double mel_of(double hertz) { return 2595 * log10(1 + hertz / 700); }
static double hertz_of(double mel) { return 700 * (pow(10, mel / 2595) - 1); }

/* Column `bin` of the matrix (rows, bins): up from `low` to `centre`, down to `high`. */
static void draw_triangle(double *matrix, int64_t rows, size_t bins, size_t bin, int64_t low, int64_t centre,
                          int64_t high) {
  if (low == centre && centre >= 0 && centre < rows) matrix[(size_t)centre * bins + bin] = 1;
  for (int64_t i = RUNG_MAX(low, 0); i <= RUNG_MIN(centre, rows - 1) && low < centre; i++)
    matrix[(size_t)i * bins + bin] = (double)(i - low) / (double)(centre - low);
  for (int64_t i = RUNG_MAX(centre, 0); i < RUNG_MIN(high, rows); i++)
    matrix[(size_t)i * bins + bin] = (double)(high - i) / (double)(high - centre);
}

static rung_status *run_MelWeightMatrix(rung_kernel_call *call) {
  const rung_window_params *p = call->params;
  rung_dtype dtype = (rung_dtype)p->output_datatype;
  int64_t bins, length, rate;
  rung_tensor *out;
  RUNG_TRY(read_scalar(rung_in(call, 0), "num_mel_bins", &bins));
  RUNG_TRY(read_scalar(rung_in(call, 1), "dft_length", &length));
  RUNG_TRY(read_scalar(rung_in(call, 2), "sample_rate", &rate));
  RUNG_RUN_REQUIRE(bins >= 0 && length >= 0 && rate > 0, "%lld bins of a transform of %lld at %lld samples a second",
                   (long long)bins, (long long)length, (long long)rate);
  RUNG_RUN_REQUIRE(rung_tensor_count(rung_in(call, 3)) == 1 && rung_tensor_count(rung_in(call, 4)) == 1,
                   "the edges must be one number each");
  int64_t rows = length / 2 + 1;
  RUNG_TRY(rung_kernel_output(call, 0, dtype, 2, (const int64_t[]){rows, bins}, &out));
  size_t count = out ? rung_tensor_count(out) : 0;
  if (!count) return NULL;
  double *matrix = rung_alloc(call->host->allocator, count, sizeof *matrix, "mel");
  RUNG_CHECK_ALLOC(matrix);
  double low = mel_of(rung_element_get(rung_in(call, 3)->dtype, rung_in(call, 3)->data, 0));
  double step =
      (mel_of(rung_element_get(rung_in(call, 4)->dtype, rung_in(call, 4)->data, 0)) - low) / (double)(bins + 2);
  int64_t edges[3] = {0, 0, 0};
  for (int64_t i = 0; i < bins + 2; i++) {
    edges[0] = edges[1], edges[1] = edges[2];
    edges[2] = rung_f64_to_i64(floor((double)(length + 1) * hertz_of(low + step * (double)i) / (double)rate));
    edges[2] = RUNG_CLAMP(edges[2], -(INT64_C(1) << 40), INT64_C(1) << 40);
    if (i >= 2) draw_triangle(matrix, rows, (size_t)bins, (size_t)(i - 2), edges[0], edges[1], edges[2]);
  }
  rung_convert(&rung_convert_defaults, count, RUNG_F64, matrix, dtype, out->data);
  rung_free(call->host->allocator, matrix);
  return NULL;
}

const rung_kernel rung_cpu_MelWeightMatrix = {
    .types = {{'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}, {'F', RUNG_SET_FLOAT}}, .run = run_MelWeightMatrix};

/* Transforms of rows. Scratch: the tables, then per thread input, output and work. */

typedef struct spectrum_job {
  const rung_kernel_call *call;
  rung_fft fft;
  const rung_tensor *x, *window;
  rung_tensor *y;
  size_t parts, out_parts;  /* numbers per element */
  size_t given, made;       /* elements of a row */
  size_t in_step, out_step; /* numbers from one element of a row to the next */
  bool inverse, to_real;
  size_t outer, inner;               /* DFT: rows are (outer, inner) */
  size_t frames, frame_step, signal; /* STFT: rows are (batch, frames) */
  rung_complex *scratch;
} spectrum_job;

static size_t own_size(const spectrum_job *j) { return 2 * j->fft.n + rung_fft_work_size(&j->fft); }

static rung_status *spectrum_scratch(rung_kernel_call *call, const spectrum_job *j) {
  size_t own;
  if (!rung_mul_size(own_size(j), call->host->threads, &own) ||
      !rung_add_size(own, rung_fft_table_size(&j->fft), &own) ||
      !rung_mul_size(own, sizeof(rung_complex), &call->scratch_size))
    return rung_status_out_of_memory();
  return NULL;
}

enum { BLOCK = 256 }; /* numbers that are converted at a time */

static void load_row(const spectrum_job *j, size_t at, rung_complex *row) {
  size_t n = RUNG_MIN(j->given, j->fft.n);
  double *numbers = &row[0].re, block[BLOCK];
  memset(row, 0, j->fft.n * sizeof *row);
  for (size_t part = 0; part < j->parts; part++)
    for (size_t i = 0; i < n && !rung_kernel_stops_at(j->call, i); i += BLOCK) {
      size_t m = RUNG_MIN(n - i, BLOCK);
      rung_load_f64(j->x->dtype, j->x->data, at + i * j->in_step + part, j->in_step, m, block);
      for (size_t k = 0; k < m; k++) numbers[2 * (i + k) + part] = block[k];
    }
}

/* The inverse is the transform of the conjugates, conjugated and divided by n. */
static void transform_row(const spectrum_job *j, rung_complex *in, rung_complex *out, rung_complex *work) {
  size_t n = j->fft.n;
  if (j->to_real) { /* the other half is the conjugate of the first */
    for (size_t k = n / 2 + 1; k < n; k++) in[k] = (rung_complex){in[n - k].re, -in[n - k].im};
    in[0].im = 0;
    if (n % 2 == 0) in[n / 2].im = 0;
  }
  for (size_t k = 0; k < n && j->inverse; k++) in[k].im = -in[k].im;
  rung_fft_run(j->call, &j->fft, in, out, work);
  for (size_t k = 0; k < n && j->inverse; k++) out[k] = (rung_complex){out[k].re / (double)n, -out[k].im / (double)n};
}

static void store_row(const spectrum_job *j, size_t at, const rung_complex *row) {
  const double *numbers = &row[0].re;
  double block[BLOCK];
  for (size_t part = 0; part < j->out_parts; part++)
    for (size_t i = 0; i < j->made && !rung_kernel_stops_at(j->call, i); i += BLOCK) {
      size_t m = RUNG_MIN(j->made - i, BLOCK);
      for (size_t k = 0; k < m; k++) block[k] = numbers[2 * (i + k) + part];
      rung_store_f64(j->y->dtype, j->y->data, at + i * j->out_step + part, j->out_step, m, block);
    }
}

static void run_dft_rows(void *context, size_t begin, size_t end) {
  const spectrum_job *j = context;
  rung_complex *in = j->scratch + rung_fft_table_size(&j->fft) + rung_pool_slot() * own_size(j), *out = in + j->fft.n;
  for (size_t i = begin; i < end; i++) {
    size_t outer = i / j->inner, inner = i % j->inner;
    load_row(j, outer * j->given * j->in_step + inner * j->parts, in);
    transform_row(j, in, out, out + j->fft.n);
    store_row(j, outer * j->made * j->out_step + inner * j->out_parts, out);
  }
}

static rung_status *make_dft(const rung_kernel_call *call, spectrum_job *j) {
  const rung_dft_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *axis_input = rung_in(call, 2);
  int64_t axis = call->node->version < 20 ? p->axis : -2, length = -1;
  int32_t at;
  rung_dft_sizes sizes;
  if (axis_input) RUNG_TRY(read_scalar(axis_input, "axis", &axis));
  RUNG_TRY(rung_kernel_axis(axis, x->rank, &at));
  RUNG_RUN_REQUIRE(at < x->rank - 1, "axis %d is the last one", at);
  if (rung_in(call, 1)) {
    RUNG_TRY(read_scalar(rung_in(call, 1), "dft_length", &length));
    RUNG_RUN_REQUIRE(length > 0, "dft_length is %lld", (long long)length);
  }
  RUNG_TRY(rung_dft_sizes_make(p, x->dims[at], x->dims[x->rank - 1], length, &sizes));
  *j = (spectrum_job){.x = x,
                      .y = rung_out(call, 0),
                      .parts = (size_t)x->dims[x->rank - 1],
                      .out_parts = (size_t)sizes.parts,
                      .given = (size_t)x->dims[at],
                      .made = (size_t)sizes.made,
                      .inverse = p->inverse,
                      .to_real = p->inverse && p->onesided};
  j->outer = (size_t)rung_tensor_span(x, 0, at);
  j->inner = (size_t)rung_tensor_span(x, at + 1, x->rank - 1);
  j->in_step = j->inner * j->parts;
  j->out_step = j->inner * j->out_parts;
  RUNG_RUN_REQUIRE(rung_fft_plan((size_t)sizes.length, &j->fft), "a transform of %lld is too long",
                   (long long)sizes.length);
  RUNG_RUN_REQUIRE(j->y, "dft_length and axis must be scalars");
  return NULL;
}

static rung_status *prepare_DFT(rung_kernel_call *call) {
  spectrum_job j;
  RUNG_TRY(make_dft(call, &j));
  return spectrum_scratch(call, &j);
}

static size_t transform_cost(const rung_fft *fft) { return fft->length * (fft->length == fft->n ? 20 : 60); }

static void make_tables(const rung_kernel_call *call, spectrum_job *j) {
  j->call = call;
  j->scratch = call->scratch;
  rung_fft_make_tables(call, &j->fft, j->scratch, j->scratch + rung_fft_table_size(&j->fft));
}

static rung_status *run_DFT(rung_kernel_call *call) {
  spectrum_job j;
  RUNG_TRY(make_dft(call, &j));
  if (j.outer * j.inner == 0) return NULL;
  make_tables(call, &j);
  rung_kernel_parallel(call, j.outer * j.inner, rung_kernel_grain(transform_cost(&j.fft)), run_dft_rows, &j);
  return NULL;
}

#define LENGTHS {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}

const rung_kernel rung_cpu_DFT = {.types = {{'T', RUNG_SET_FLOAT}, LENGTHS}, .prepare = prepare_DFT, .run = run_DFT};

/* Rfft and Irfft: one dimension of the signal after the other, that of the real numbers first, or last. In between,
 * rounded numbers lie in Y, or in scratch: behind what a pass needs. */

static spectrum_job make_pass(const rung_tensor *from, rung_tensor *to, int32_t axis, size_t parts, size_t out_parts) {
  spectrum_job j = {.x = from,
                    .y = to,
                    .parts = parts,
                    .out_parts = out_parts,
                    .given = (size_t)from->dims[axis],
                    .made = (size_t)to->dims[axis],
                    .to_real = parts == 2 && out_parts == 1};
  j.outer = (size_t)rung_tensor_span(from, 0, axis);
  j.inner = (size_t)rung_tensor_span(from, axis + 1, from->rank - (parts == 2));
  j.in_step = j.inner * parts;
  j.out_step = j.inner * out_parts;
  return j;
}

/* A copy of X that passes may write to. */
static rung_tensor spare_of(const rung_kernel_call *call, size_t at) {
  rung_tensor spare = *rung_in(call, 0);
  spare.data = (char *)call->scratch + at;
  return spare;
}

/* Pass number i; in scratch at `spare` lies the numbers of an Irfft. */
static rung_status *rfft_pass(const rung_kernel_call *call, bool inverse, int64_t i, rung_tensor *spare,
                              spectrum_job *j) {
  const rung_rfft_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y, "the output is required");
  int32_t last = x->rank - inverse - 1, axis = last - (int32_t)(inverse ? p->signal_ndim - 1 - i : i);
  bool real = axis == last;
  if (inverse)
    *j = make_pass(i ? spare : x, real ? y : spare, axis, 2, real ? 1 : 2);
  else
    *j = make_pass(i ? y : x, y, axis, real ? 1 : 2, 2);
  j->inverse = inverse;
  size_t n = inverse ? j->made : j->given;
  RUNG_RUN_REQUIRE(rung_fft_plan(n, &j->fft), "a transform of %zu is too long", n);
  return NULL;
}

static rung_status *prepare_rfft(rung_kernel_call *call, bool inverse, size_t *out_spare_at) {
  const rung_rfft_params *p = call->params;
  rung_tensor spare = spare_of(call, 0);
  size_t most = 0;
  for (int64_t i = 0; i < p->signal_ndim; i++) {
    spectrum_job j;
    RUNG_TRY(rfft_pass(call, inverse, i, &spare, &j));
    RUNG_TRY(spectrum_scratch(call, &j));
    most = RUNG_MAX(most, call->scratch_size);
  }
  *out_spare_at = RUNG_ROUND_UP(most, RUNG_TENSOR_ALIGN);
  bool needed = inverse && p->signal_ndim > 1;
  return rung_add_size(*out_spare_at, needed ? spare.size : 0, &call->scratch_size) ? NULL
                                                                                    : rung_status_out_of_memory();
}

static rung_status *run_rfft(rung_kernel_call *call, bool inverse) {
  const rung_rfft_params *p = call->params;
  rung_tensor spare = spare_of(call, *(const size_t *)call->state);
  for (int64_t i = 0; i < p->signal_ndim; i++) {
    spectrum_job j;
    RUNG_TRY(rfft_pass(call, inverse, i, &spare, &j));
    if (j.outer * j.inner == 0) return NULL;
    make_tables(call, &j);
    rung_kernel_parallel(call, j.outer * j.inner, rung_kernel_grain(transform_cost(&j.fft)), run_dft_rows, &j);
  }
  return NULL;
}

#define RFFT_KERNEL(symbol, inverse)                                                                                \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_rfft(call, inverse, call->state); } \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_rfft(call, inverse); }                      \
  const rung_kernel rung_cpu_ms_##symbol = {.types = {{'T', RUNG_SET_FLOAT}},                                       \
                                            .state_size = sizeof(size_t),                                           \
                                            .prepare = prepare_##symbol,                                            \
                                            .run = run_##symbol};
RFFT_KERNEL(Rfft, false)
RFFT_KERNEL(Irfft, true)

/* STFT */

static void weigh(const spectrum_job *j, rung_complex *row) {
  double block[BLOCK];
  for (size_t i = 0; i < j->given && !rung_kernel_stops_at(j->call, i); i += BLOCK) {
    size_t m = RUNG_MIN(j->given - i, BLOCK);
    rung_load_f64(j->window->dtype, j->window->data, i, 1, m, block);
    for (size_t k = 0; k < m; k++) row[i + k] = (rung_complex){row[i + k].re * block[k], row[i + k].im * block[k]};
  }
}

static void run_frames(void *context, size_t begin, size_t end) {
  const spectrum_job *j = context;
  rung_complex *in = j->scratch + rung_fft_table_size(&j->fft) + rung_pool_slot() * own_size(j), *out = in + j->fft.n;
  for (size_t i = begin; i < end; i++) {
    size_t sample = i / j->frames, frame = i % j->frames;
    load_row(j, (sample * j->signal + frame * j->frame_step) * j->parts, in);
    if (j->window) weigh(j, in);
    transform_row(j, in, out, out + j->fft.n);
    store_row(j, i * j->made * 2, out);
  }
}

static rung_status *make_stft(const rung_kernel_call *call, spectrum_job *j) {
  const rung_stft_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *window = rung_in(call, 2);
  int64_t step, length = window ? (int64_t)rung_tensor_count(window) : x->dims[1];
  RUNG_RUN_REQUIRE(x->rank == 2 || (x->rank == 3 && (x->dims[2] == 1 || x->dims[2] == 2)),
                   "the signal must be (batch, length, 1), or 2 for complex numbers");
  RUNG_TRY(read_scalar(rung_in(call, 1), "frame_step", &step));
  if (rung_in(call, 3)) RUNG_TRY(read_scalar(rung_in(call, 3), "frame_length", &length));
  RUNG_RUN_REQUIRE(step > 0 && length > 0 && length <= x->dims[1], "frames of %lld, %lld apart, in a signal of %lld",
                   (long long)length, (long long)step, (long long)x->dims[1]);
  size_t parts = x->rank == 3 ? (size_t)x->dims[2] : 1;
  RUNG_RUN_REQUIRE(!p->onesided || parts == 1, "a one-sided transform needs a real signal");
  *j = (spectrum_job){.x = x,
                      .window = window,
                      .y = rung_out(call, 0),
                      .parts = parts,
                      .out_parts = 2,
                      .in_step = parts,
                      .out_step = 2,
                      .frame_step = (size_t)step,
                      .signal = (size_t)x->dims[1]};
  j->given = window ? RUNG_MIN(rung_tensor_count(window), (size_t)length) : (size_t)length;
  j->made = (size_t)(p->onesided ? length / 2 + 1 : length);
  j->frames = 1 + (size_t)((x->dims[1] - length) / step);
  j->outer = (size_t)x->dims[0];
  RUNG_RUN_REQUIRE(rung_fft_plan((size_t)length, &j->fft), "a transform of %lld is too long", (long long)length);
  RUNG_RUN_REQUIRE(j->y, "frame_step and frame_length must be scalars");
  return NULL;
}

static rung_status *prepare_STFT(rung_kernel_call *call) {
  spectrum_job j;
  RUNG_TRY(make_stft(call, &j));
  return spectrum_scratch(call, &j);
}

static rung_status *run_STFT(rung_kernel_call *call) {
  spectrum_job j;
  RUNG_TRY(make_stft(call, &j));
  make_tables(call, &j);
  rung_kernel_parallel(call, j.outer * j.frames, rung_kernel_grain(transform_cost(&j.fft)), run_frames, &j);
  return NULL;
}

const rung_kernel rung_cpu_STFT = {.types = {{'T', RUNG_SET_FLOAT}, LENGTHS}, .prepare = prepare_STFT, .run = run_STFT};
