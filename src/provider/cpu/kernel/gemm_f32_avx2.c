/* 6 rows x 16 columns: 12 sums, two vectors of B and one element of A in 15 of 16 registers. */
#include "provider/cpu/kernel/gemm_f32.h"
#include "provider/cpu/kernel/vector_avx2.h"

#define TILE rung_tile_f32
#define ELEMENT float
#include "provider/cpu/kernel/tile.inc"

KERNEL(1)
KERNEL(2)
KERNEL(3)
KERNEL(4)
KERNEL(5)
KERNEL(6)

const rung_gemm_f32 rung_gemm_f32_avx2 = {
    "avx2 6x16", 6, LANES, 2 * LANES, {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6}};
