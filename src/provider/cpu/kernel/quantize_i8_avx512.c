#define TABLE rung_quantize_avx512
#include "provider/cpu/kernel/quantize_i8.inc"
