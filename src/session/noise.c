#include "session/noise.h"

#include "base/dtype.h"
#include "base/element.h"

/* splitmix64 */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static double draw(rung_dtype dtype, uint64_t *state) {
  uint64_t bits = next_random(state) >> 11;
  switch (dtype) {
    case RUNG_U8:
      return (double)(bits & 255);
    case RUNG_I8:
      return (double)(bits & 255) - 128;
    case RUNG_U16:
    case RUNG_I16:
    case RUNG_I32:
    case RUNG_U32:
    case RUNG_I64:
    case RUNG_U64:
    case RUNG_BOOL:
      return (double)(bits & 1);
    default:
      return (double)bits * 0x1p-53;
  }
}

void rung__tensor_randomize(const rung_tensor *tensor, const char *name, uint64_t seed) {
  for (; name && *name; name++) seed = (seed ^ (unsigned char)*name) * 0x100000001b3u;
  size_t count = tensor->dtype == RUNG_STRING ? 0 : rung_tensor_count(tensor);
  for (size_t i = 0; i < count; i++) rung_element_set(tensor->dtype, tensor->data, i, draw(tensor->dtype, &seed));
}
