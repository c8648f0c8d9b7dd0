/* The kernels on rows for processors with AVX2. */
#include "provider/cpu/kernel/rows_f32_loops.h"
#include "provider/cpu/kernel/vector_avx2.h"

#include "provider/cpu/kernel/add_product.inc"

extern const rung_rows_f32 rung_rows_f32_avx2;
RUNG_ROWS_F32(rung_rows_f32_avx2);
