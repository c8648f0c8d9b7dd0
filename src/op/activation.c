#include "op/activation.h"

#include "base/str.h"

#include <math.h>

rung_status *rung_activation_make(rung_str name, rung_floats given, rung_activation *out) {
  static const struct {
    const char *name;
    rung_activation activation;
  } known[] = {
#define KNOWN(NAME, text, alpha, beta) {text, {RUNG_ACTIVATION_##NAME, alpha, beta}},
      RUNG_EACH_ACTIVATION(KNOWN)
#undef KNOWN
  };
  for (size_t i = 0; i < RUNG_COUNT(known); i++) {
    if (!rung_str_is(name, known[i].name)) continue;
    *out = known[i].activation;
    if (given.count > 0) out->alpha = given.at[0];
    if (given.count > 1) out->beta = given.at[1];
    return NULL;
  }
  return RUNG_ERROR(UNSUPPORTED, "activation \"%.*s\" is not known", (int)RUNG_MIN(name.size, 64), name.data);
}
