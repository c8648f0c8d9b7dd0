#include "wav.h"

#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

enum { WHOLE = 1, FLOATING = 3, EXTENSIBLE = 0xfffe };

typedef struct format {
  unsigned kind, channels, bits;
  uint32_t rate;
} format;

static uint32_t u16(const unsigned char *at) { return at[0] | (uint32_t)at[1] << 8; }
static uint32_t u32(const unsigned char *at) { return u16(at) | u16(at + 2) << 16; }

bool is_wav(bytes file) {
  return file.size >= 12 && memcmp(file.data, "RIFF", 4) == 0 && memcmp(file.data + 8, "WAVE", 4) == 0;
}

void free_sound(sound *s) {
  free(s->samples);
  *s = (sound){0};
}

static int read_format(const unsigned char *at, size_t size, format *f) {
  if (size < 16) return BAD("its format is cut off");
  *f = (format){.kind = u16(at), .channels = u16(at + 2), .rate = u32(at + 4), .bits = u16(at + 14)};
  if (f->kind == EXTENSIBLE && size >= 26) f->kind = u16(at + 24);
  bool known = f->kind == WHOLE      ? f->bits == 8 || f->bits == 16 || f->bits == 24 || f->bits == 32
               : f->kind == FLOATING ? f->bits == 32 || f->bits == 64
                                     : false;
  if (!known) return BAD("samples of %u bits in WAVE format %u are not read", f->bits, f->kind);
  if (!f->channels || f->rate < 100 || f->rate > 1000000)
    return BAD("it has %u channels at %u Hz", f->channels, (unsigned)f->rate);
  return 0;
}

static double sample(const unsigned char *at, const format *f) {
  if (f->kind == FLOATING) {
    float single;
    double wide;
    memcpy(&single, at, sizeof single);
    if (f->bits == 32) return single;
    memcpy(&wide, at, sizeof wide);
    return wide;
  }
  if (f->bits == 8) return (at[0] - 128) / 128.0; /* the only width without sign */
  uint32_t bits = 0;
  for (unsigned b = 0; b < f->bits / 8; b++) bits |= (uint32_t)at[b] << (32 - f->bits + 8 * b);
  return (int32_t)bits / 2147483648.0;
}

static void mix(const format *f, const unsigned char *data, sound *out) {
  size_t width = f->bits / 8;
  for (size_t i = 0; i < out->count; i++) {
    double sum = 0;
    for (unsigned c = 0; c < f->channels; c++) sum += sample(data + (i * f->channels + c) * width, f);
    out->samples[i] = (float)(sum / f->channels);
  }
}

int wav_decode(bytes file, sound *out) {
  format f = {0};
  for (size_t at = 12; at + 8 <= file.size;) {
    const unsigned char *chunk = file.data + at;
    size_t size = u32(chunk + 4), left = file.size - at - 8;
    if (size > left) size = left; /* written by a program that was stopped, or to a pipe */
    if (memcmp(chunk, "fmt ", 4) == 0) TRY(read_format(chunk + 8, size, &f));
    if (memcmp(chunk, "data", 4) == 0) {
      if (!f.kind) return BAD("its samples come before their format");
      *out = (sound){.rate = (int)f.rate, .count = size / (f.bits / 8) / f.channels};
      out->samples = get_memory(out->count, sizeof *out->samples);
      mix(&f, chunk + 8, out);
      return 0;
    }
    at += 8 + size + (size & 1);
  }
  return BAD("it holds no samples");
}
