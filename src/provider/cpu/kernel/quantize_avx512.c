#define TABLE rung_quantize_avx512
#include "provider/cpu/kernel/quantize.inc"
