#include "provider/cpu/kernel/depthwise_f32.h"
#include "provider/cpu/kernel/vector_avx2.h"

#include "provider/cpu/kernel/depthwise_f32.inc"

const rung_depthwise_table rung_depthwise_f32_avx2 = {channel, LANES};
