#include "provider/cpu/kernel/vector_avx512.h"
#define TABLE rung_rows_f32_avx512
#include "provider/cpu/kernel/rows_f32.inc"
