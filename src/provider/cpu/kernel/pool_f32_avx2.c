#include "provider/cpu/kernel/vector_avx2.h"
#define TABLE rung_pool_f32_avx2
#include "provider/cpu/kernel/pool_f32.inc"
