#include "provider/cpu/form/rotary.h"

#include "provider/cpu/form/floats.h"

enum { STREAMS = 3, BLOCK = 64 };

rung_status *rung_rotary_check(const rung_rotary *r) {
  int64_t count = r->cosines->dims[0], more = r->counts_on ? (int64_t)r->length - 1 : 0;
  size_t given = r->counts_on ? 1 : r->batch * r->length * (r->sections ? STREAMS : 1);
  int64_t least = r->counts_on || r->sections ? 0 : -count;
  for (size_t i = 0; i < given && r->positions && r->length; i++)
    RUNG_RUN_REQUIRE(r->positions[i] >= least && r->positions[i] < count - more,
                     "position %lld is outside of caches for %lld", (long long)r->positions[i], (long long)count);
  return NULL;
}

/* Row of the caches for a token. */
static size_t angles_at(const rung_rotary *r, size_t stream, size_t batch, size_t row) {
  if (!r->positions) return ((r->cosines->dims[0] == 1 ? 0 : batch) * r->length + row) * r->half;
  int64_t position =
      r->counts_on ? r->positions[0] + (int64_t)row : r->positions[((stream * r->batch) + batch) * r->length + row];
  return (size_t)(position < 0 ? position + r->cosines->dims[0] : position) * r->half;
}

static size_t stream_of(const rung_rotary *r, size_t pair) {
  const int64_t *sections = r->sections;
  size_t stream = pair % STREAMS;
  if (r->woven) return stream && pair < STREAMS * (size_t)sections[stream] ? stream : 0;
  return pair < (size_t)sections[0] ? 0 : pair < (size_t)(sections[0] + sections[1]) ? 1 : 2;
}

/* Of pairs [at, at + n) of a token. */
static void load_angles(const rung_rotary *r, const rung_tensor *cache, size_t batch, size_t row, size_t at, size_t n,
                        double *to) {
  double block[BLOCK];
  if (!r->sections) {
    rung_load_f64(cache->dtype, cache->data, angles_at(r, 0, batch, row) + at, 1, n, to);
    return;
  }
  for (size_t stream = 0; stream < STREAMS; stream++) {
    rung_load_f64(cache->dtype, cache->data, angles_at(r, stream, batch, row) + at, 1, n, block);
    for (size_t k = 0; k < n; k++) to[k] = stream_of(r, at + k) == stream ? block[k] : to[k];
  }
}

static void rotate_rows(void *context, size_t begin, size_t end) {
  const rung_rotary *r = context;
  rung_dtype dtype = r->x.dtype;
  double x[BLOCK], y[BLOCK], cosines[BLOCK] = {0}, sines[BLOCK] = {0};
  for (size_t i = begin; i < end; i++) {
    size_t row = i % r->length, head = i / r->length % r->heads, batch = i / r->length / r->heads;
    size_t from = rung_view_at(&r->x, batch, head, row), to = rung_view_at(&r->y, batch, head, row);
    size_t step = r->interleaved ? 2 : 1, other = r->interleaved ? 1 : r->half;
    for (size_t at = 0; at < r->half; at += BLOCK) {
      size_t n = RUNG_MIN(r->half - at, (size_t)BLOCK), first = at * step;
      rung_load_f64(dtype, r->x.data, from + first, step, n, x);
      rung_load_f64(dtype, r->x.data, from + first + other, step, n, y);
      load_angles(r, r->cosines, batch, row, at, n, cosines);
      load_angles(r, r->sines, batch, row, at, n, sines);
      for (size_t k = 0; k < n && r->scale; k++) cosines[k] *= (double)*r->scale, sines[k] *= (double)*r->scale;
      for (size_t k = 0; k < n; k++) {
        double real = cosines[k] * x[k] - sines[k] * y[k];
        y[k] = sines[k] * x[k] + cosines[k] * y[k];
        x[k] = real;
      }
      rung_store_f64(dtype, (void *)r->y.data, to + first, step, n, x);
      rung_store_f64(dtype, (void *)r->y.data, to + first + other, step, n, y);
    }
    size_t size = rung_dtype_size(dtype), done = 2 * r->half;
    if (done < r->head)
      memmove((char *)r->y.data + (to + done) * size, r->x.data + (from + done) * size, (r->head - done) * size);
  }
}

void rung_rotary_run(const rung_kernel_call *call, const rung_rotary *r) {
  rung_kernel_parallel(call, r->batch * r->heads * r->length, rung_kernel_grain(2 * r->head), rotate_rows, (void *)r);
}
