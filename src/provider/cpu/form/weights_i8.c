#include "provider/cpu/form/weights_i8.h"

#include "base/element.h"
#include "provider/cpu/form/product_i8.h"

enum { TILE_COLS = 256, ALIGN = 16 }; /* ALIGN: in int32, for vectors */

/* Scratch: a panel of rows, their sums, the sums of a tile. */
bool rung_weights_i8_plan(rung_cpu_set features, size_t k, size_t n, rung_weights_i8 *out) {
  const rung_gemm_i8 *kernel = rung_gemm_i8_for(features);
  size_t size;
  *out =
      (rung_weights_i8){.features = features, .kernel = kernel, .loops = rung_quantize_for(features), .k = k, .n = n};
  if (!rung_product_i8_packed_size(features, k, n, &size)) return false;
  out->units = rung_i8_units(kernel, k);
  if (out->units > INT32_MAX / kernel->cols) return false; /* of an offset */
  size_t columns = RUNG_ROUND_UP(n, ALIGN);
  out->tiles = RUNG_DIV_UP(n, TILE_COLS);
  out->scales = RUNG_ROUND_UP(out->units, ALIGN);
  out->zeros = out->scales + columns;
  out->columns = out->zeros + columns;
  out->panels = out->columns + RUNG_ROUND_UP(n, kernel->cols);
  out->size = RUNG_ROUND_UP(out->columns + size, ALIGN);
  out->space = RUNG_ROUND_UP(kernel->rows * out->units, ALIGN) + RUNG_TILE_MOST_ROWS + kernel->rows * TILE_COLS;
  return true;
}

/* With a' and b' the bytes moved as kernels want them, sum (a' - a_zero) (b' - b_zero) is the sum of a' b', and a_zero
 * times what `columns` holds, k b_zero - sum b', and - b_zero sum a'. */
void rung_weights_i8_pack(const rung_weights_i8 *plan, const rung_weights_i8_source *source, int32_t *packed) {
  const rung_tensor *scale = source->scale, *zero = source->zero;
  float *scales = (float *)(packed + plan->scales);
  int32_t *zeros = packed + plan->zeros, *columns = packed + plan->columns;
  for (size_t u = 0; u < plan->units; u++) packed[u] = (int32_t)(u * plan->kernel->cols);
  rung_product_i8_pack(plan->features, plan->k, plan->n, source->is_signed, source->bytes, columns);
  for (size_t j = 0; j < plan->n; j++) {
    scales[j] = (float)rung_element_get(scale->dtype, scale->data, source->scale_first + j * source->scale_step);
    zeros[j] = (int32_t)rung_element_get(zero->dtype, zero->data, source->zero_first + j * source->zero_step) +
               (source->is_signed ? 128 : 0);
    columns[j] = (int32_t)((uint32_t)plan->k * (uint32_t)zeros[j] - (uint32_t)columns[j]);
  }
}

typedef struct panel {
  const rung_weights_i8 *plan;
  const int32_t *packed;
  const rung_rows_u8 *rows;
  size_t first, count; /* rows */
  int32_t *a, *row_sums, *sums;
} panel;

static void pack_rows(const panel *p) {
  for (size_t r = 0; r < p->count; r++)
    p->row_sums[r] =
        p->plan->kernel->pack_row(p->plan->k, p->rows->bytes + (p->first + r) * p->plan->k, 0x80, p->count, p->a + r);
}

static void add_tile(const panel *p, size_t col) {
  const rung_weights_i8 *plan = p->plan;
  size_t cols = RUNG_MIN(TILE_COLS, plan->n - col);
  plan->kernel->tile[p->count](&(rung_tile_i32){.k = plan->units,
                                                .cols = cols,
                                                .a = p->a,
                                                .b = p->packed + plan->panels + col * plan->units,
                                                .offsets = p->packed,
                                                .b_step = plan->units * plan->kernel->cols,
                                                .c = p->sums,
                                                .c_step = TILE_COLS});
  for (size_t r = 0; r < p->count; r++)
    plan->loops->add_sums(cols, p->sums + r * TILE_COLS, p->rows->q.zero - 128, p->packed + plan->columns + col,
                          p->row_sums[r], p->packed + plan->zeros + col, p->rows->q.scale,
                          (const float *)(p->packed + plan->scales) + col,
                          p->rows->to + (p->first + r) * plan->n + col);
}

void rung_weights_i8_add(const rung_weights_i8 *plan, const int32_t *packed, const rung_rows_u8 *rows, size_t begin,
                         size_t end, int32_t *space) {
  size_t panels = RUNG_DIV_UP(rows->count, plan->kernel->rows);
  panel p = {plan, packed, rows, .a = space};
  p.row_sums = space + RUNG_ROUND_UP(plan->kernel->rows * plan->units, ALIGN);
  p.sums = p.row_sums + RUNG_TILE_MOST_ROWS;
  for (size_t i = 0; i < panels; i++, p.first += p.count) {
    p.count = rung_panel_end(rows->count, panels, i) - p.first;
    pack_rows(&p);
    for (size_t tile = begin; tile < end; tile++) add_tile(&p, tile * TILE_COLS);
  }
}
