/* Random contents for tensors, the same for the same seed everywhere. */
#ifndef RUNG_SESSION_NOISE_H
#define RUNG_SESSION_NOISE_H

#include "rung.h"

/* As rung_tensor_randomize, of a tensor in the host's memory. */
void rung__tensor_randomize(const rung_tensor *tensor, const char *name, uint64_t seed);

#endif
