#include "provider/cpu/kernel/vector_avx2.h"
#define TABLE rung_rows_f32_avx2
#include "provider/cpu/kernel/rows_f32.inc"
