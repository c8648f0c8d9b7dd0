/* A sound becomes a tensor: resampled, cut, in the shape of the model.
 *
 * Resampling is by a sinc, cut by a Hann window over 16 zero crossings to each side; its frequency is that of the
 * slower rate, so that nothing folds down. */
#include "prepare.h"
#include "text.h"
#include "wav.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

static double kernel(double x, double reach) {
  static const double pi = 3.14159265358979323846;
  if (fabs(x) >= reach) return 0;
  double window = 0.5 + 0.5 * cos(pi * x / reach);
  return x == 0 ? 1 : sin(pi * x) / (pi * x) * window;
}

static int resample(sound *s, int rate) {
  enum { CROSSINGS = 16, MOST = 1 << 28 };
  double step = (double)s->rate / rate, narrow = step > 1 ? 1 / step : 1, span = CROSSINGS / narrow;
  double length = round((double)s->count / step);
  if (length > MOST) return fail(EXIT_OF(LIMIT), "%.0f samples are too many", length);
  size_t count = (size_t)length;
  float *out = get_memory(count, sizeof *out);
  for (size_t i = 0; i < count; i++) {
    double centre = (double)i * step, sum = 0;
    size_t first = (size_t)fmax(0, ceil(centre - span));
    size_t last = (size_t)fmin((double)s->count, floor(centre + span) + 1);
    for (size_t k = first; k < last; k++)
      sum += (double)s->samples[k] * kernel(((double)k - centre) * narrow, CROSSINGS);
    out[i] = (float)(sum * narrow);
  }
  free(s->samples);
  *s = (sound){rate, count, out};
  return 0;
}

static int cut(const sound *s, const preparation *how, size_t *out_first, size_t *out_count) {
  *out_first = how->crop.x > 0 ? (size_t)how->crop.x : 0;
  *out_count = how->crop.width ? (size_t)how->crop.width : s->count;
  if (how->crop.height) return fail(EXIT_USAGE, "the crop of a sound is SAMPLES[+FIRST]");
  if (*out_first <= s->count && *out_count <= s->count - *out_first) return 0;
  return BAD("samples %zu to %zu lie outside of the sound of %zu", *out_first, *out_first + *out_count, s->count);
}

static int to_tensor(target *t, const sound *s, size_t first, size_t count, rung_value **out_value) {
  const rung_type *type = t->type;
  int32_t rank = type->kind == RUNG_TENSOR && type->rank > 0 ? type->rank : 2;
  int64_t dims[RUNG_MAX_RANK];
  for (int32_t i = 0; i < rank; i++) dims[i] = 1;
  int64_t length = type->rank > 0 && type->dims[rank - 1] > 0 ? type->dims[rank - 1] : (int64_t)count;
  dims[rank - 1] = length;
  TRY_STATUS(rung_value_create(t->env, wanted_dtype(t), rank, dims, out_value));
  double full = wanted_dtype(t) == RUNG_I16 ? 32768 : 1, scale = t->prepare->scale != 0 ? t->prepare->scale : full;
  for (size_t i = 0; i < count && i < (size_t)length; i++)
    rung_tensor_set(rung_value_tensor(*out_value), i, (double)s->samples[first + i] * scale);
  snprintf(t->note, sizeof t->note, "sound of %.2f s at %d Hz, %lld samples%s", (double)s->count / s->rate, s->rate,
           (long long)length,
           (size_t)length > count   ? ", filled up with silence"
           : (size_t)length < count ? ", cut"
                                    : "");
  return 0;
}

int wav_read(target *t, bytes data, rung_value **out_value) {
  sound s;
  TRY(wav_decode(data, &s));
  size_t first, count;
  int code = 0;
  if (t->prepare->rate && t->prepare->rate != s.rate) code = resample(&s, (int)t->prepare->rate);
  if (!code) code = cut(&s, t->prepare, &first, &count);
  if (!code) code = to_tensor(t, &s, first, count, out_value);
  free_sound(&s);
  return code;
}
