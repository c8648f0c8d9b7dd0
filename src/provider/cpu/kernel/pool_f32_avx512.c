#include "provider/cpu/kernel/vector_avx512.h"
#define TABLE rung_pool_f32_avx512
#include "provider/cpu/kernel/pool_f32.inc"
