#include "provider/cpu/form/padding_mask.h"

#include "base/value.h"

rung_status *rung_padding_mask_describe(const rung_tensor *mask, const rung_ms_attention_sizes *s, rung_tensor *out) {
  RUNG_REQUIRE(mask->rank < 4 && !(mask->rank == 1 && mask->dims[0] == 3 * s->batch + 2), UNSUPPORTED,
               "a mask of rank %d with %lld elements in dimension 0", mask->rank, (long long)mask->dims[0]);
  return rung_tensor_describe(RUNG_F32, 4, (const int64_t[]){s->batch, 1, mask->rank == 3 ? s->q_length : 1, s->total},
                              out);
}

void rung_padding_mask_fill(const rung_tensor *mask, float filter, rung_tensor *out) {
  const int32_t *from = mask->data;
  float *to = out->data;
  int64_t batch = out->dims[0], total = out->dims[3];
  if (mask->rank > 1) {
    for (size_t i = 0, n = rung_tensor_count(out); i < n; i++) to[i] = from[i] > 0 ? 0 : filter;
    return;
  }
  bool has_starts = mask->dims[0] == 2 * batch;
  for (int64_t b = 0; b < batch; b++, to += total) {
    int64_t end = from[b], start = has_starts ? from[batch + b] : 0;
    for (int64_t t = 0; t < total; t++) to[t] = t < start || t >= end ? filter : 0;
  }
}
