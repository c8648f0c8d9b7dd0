#define TABLE rung_quantize_avx2
#include "provider/cpu/kernel/quantize.inc"
