/* 14 rows x 32 columns: 28 sums, two vectors of B and one element of A in 31 of 32 registers. */
#include "provider/cpu/kernel/gemm_f32.h"
#include "provider/cpu/kernel/vector_avx512.h"

#define TILE rung_tile_f32
#define ELEMENT float
#include "provider/cpu/kernel/tile.inc"

KERNEL(1)
KERNEL(2)
KERNEL(3)
KERNEL(4)
KERNEL(5)
KERNEL(6)
KERNEL(7)
KERNEL(8)
KERNEL(9)
KERNEL(10)
KERNEL(11)
KERNEL(12)
KERNEL(13)
KERNEL(14)

const rung_gemm_f32 rung_gemm_f32_avx512 = {"avx512 14x32",
                                            14,
                                            LANES,
                                            2 * LANES,
                                            {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8,
                                             tile_9, tile_10, tile_11, tile_12, tile_13, tile_14}};
