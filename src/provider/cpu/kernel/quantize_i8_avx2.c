#define TABLE rung_quantize_avx2
#include "provider/cpu/kernel/quantize_i8.inc"
