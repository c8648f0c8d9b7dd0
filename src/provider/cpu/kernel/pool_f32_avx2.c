/* The kernels of pools for processors with AVX2. */
#include "provider/cpu/kernel/pool_f32_loops.h"

extern const rung_pool_f32_table rung_pool_f32_avx2;
RUNG_POOL_F32(rung_pool_f32_avx2);
