/* RIFF WAVE: whole numbers of 8, 16, 24, 32 bits and floats of 32, 64. */
#ifndef RUNG_TOOL_WAV_H
#define RUNG_TOOL_WAV_H

#include "disk.h"

typedef struct sound {
  int rate; /* samples per second */
  size_t count;
  float *samples; /* one channel, -1 to 1 */
} sound;

bool is_wav(bytes file);
/* The channels' mean. Freed by free_sound. */
int wav_decode(bytes file, sound *out);
void free_sound(sound *s);

#endif
