/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/transpose.inc"

#define TRANSPOSE(type)                                                                                      \
  static void transpose_##type(size_t rows, size_t columns, const char *from, ptrdiff_t from_step, char *to, \
                               ptrdiff_t to_step) {                                                          \
    if (!is_narrow_##type(rows, columns, from, from_step, to, to_step))                                      \
      plain_##type(rows, columns, from, from_step, to, to_step);                                             \
  }
TRANSPOSE(uint8_t)
TRANSPOSE(uint16_t)
TRANSPOSE(uint32_t)
TRANSPOSE(uint64_t)

const rung_transpose rung_transpose_c = {
    {[1] = transpose_uint8_t, [2] = transpose_uint16_t, [4] = transpose_uint32_t, [8] = transpose_uint64_t}};

const rung_transpose *rung_transpose_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX2) return &rung_transpose_avx2;
#endif
  (void)features;
  return &rung_transpose_c;
}
