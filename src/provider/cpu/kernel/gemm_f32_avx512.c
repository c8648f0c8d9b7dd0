/* 14 rows x 32 columns: 28 sums, two vectors of B and one element of A in 31 of 32 registers. */
#include "provider/cpu/kernel/gemm_f32.h"
#include "provider/cpu/kernel/vector_avx512.h"

#include "provider/cpu/kernel/gemm_f32.inc"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)

const rung_gemm_f32 rung_gemm_f32_avx512 = {"avx512 14x32",
                                            14,
                                            LANES,
                                            2 * LANES,
                                            {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8,
                                             tile_9, tile_10, tile_11, tile_12, tile_13, tile_14}};
