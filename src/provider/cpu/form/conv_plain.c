#include "provider/cpu/form/conv_plain.h"

#include "base/pool.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/taps.h"

void rung_conv_plain_make(rung_conv_plain *plan, const rung_conv_shape *shape, bool transposed, rung_dtype x_type,
                          rung_dtype w_type) {
  *plan = (rung_conv_plain){.shape = *shape,
                            .transposed = transposed,
                            .walk = shape->window,
                            .x_type = x_type,
                            .w_type = w_type,
                            .in_count = 1,
                            .out_count = 1,
                            .taps = 1,
                            .sum_size = x_type == RUNG_F64 ? sizeof(double) : sizeof(float)};
  for (int32_t i = 0; i < shape->window.rank; i++) {
    rung_window_axis *axis = &plan->walk.axes[i];
    plan->in_count *= (size_t)axis->in;
    plan->out_count *= (size_t)axis->out;
    plan->taps *= (size_t)axis->kernel;
    if (!transposed) continue;
    axis->in = shape->window.axes[i].out;
    axis->out = shape->window.axes[i].in;
  }
}

bool rung_conv_plain_scratch(const rung_conv_plain *plan, size_t threads, size_t *out_bytes) {
  return rung_mul_size(RUNG_ROUND_UP(plan->out_count, 16) * plan->sum_size, RUNG_MAX(threads, 1), out_bytes);
}

/* One row under one tap: sums[i * sum_step] += w * x[i * x_step]. */
typedef void (*row_fn)(size_t n, const void *x, size_t x_step, const void *w, int32_t x_zero, int32_t w_zero,
                       void *sums, size_t sum_step);

#define FLOAT_ROW(sum, NAME, stored, computed, load, store)                                                     \
  static void row_##NAME(size_t n, const void *x, size_t x_step, const void *w, int32_t x_zero, int32_t w_zero, \
                         void *sums, size_t sum_step) {                                                         \
    const stored *from = x;                                                                                     \
    computed weight = (computed)load(*(const stored *)w), *to = sums;                                           \
    (void)x_zero, (void)w_zero;                                                                                 \
    if (x_step == 1 && sum_step == 1)                                                                           \
      for (size_t i = 0; i < n; i++) to[i] += weight * (computed)load(from[i]);                                 \
    else                                                                                                        \
      for (size_t i = 0; i < n; i++) to[i * sum_step] += weight * (computed)load(from[i * x_step]);             \
  }
RUNG_EACH_FLOAT(FLOAT_ROW, sum)

#define INTEGER_ROW(x_name, x_type, w_name, w_type)                                                          \
  static void row_##x_name##_##w_name(size_t n, const void *x, size_t x_step, const void *w, int32_t x_zero, \
                                      int32_t w_zero, void *sums, size_t sum_step) {                         \
    const x_type *from = x;                                                                                  \
    int32_t weight = *(const w_type *)w - w_zero;                                                            \
    uint32_t *to = sums;                                                                                     \
    for (size_t i = 0; i < n; i++) to[i * sum_step] += (uint32_t)(weight * (from[i * x_step] - x_zero));     \
  }
INTEGER_ROW(U8, uint8_t, U8, uint8_t)
INTEGER_ROW(U8, uint8_t, I8, int8_t)
INTEGER_ROW(I8, int8_t, U8, uint8_t)
INTEGER_ROW(I8, int8_t, I8, int8_t)

static row_fn row_for(rung_dtype x, rung_dtype w) {
  switch (x) {
    case RUNG_F32:
      return row_F32;
    case RUNG_F64:
      return row_F64;
    case RUNG_F16:
      return row_F16;
    case RUNG_BF16:
      return row_BF16;
    case RUNG_U8:
      return w == RUNG_U8 ? row_U8_U8 : row_U8_I8;
    default:
      return w == RUNG_U8 ? row_I8_U8 : row_I8_I8;
  }
}

typedef struct job {
  const rung_conv_plain *plan;
  const rung_conv_plain_run *run;
  row_fn row;
  char *space;
} job;

/* One input channel under one weight after the other. */
typedef struct channel {
  const job *j;
  const char *x, *w;
  int32_t w_zero;
  char *sums;
} channel;

static void add_row(void *context, size_t tap, size_t n, size_t in, size_t step, size_t out) {
  const channel *c = context;
  const rung_conv_plain *plan = c->j->plan;
  bool back = plan->transposed;
  c->j->row(n, c->x + (back ? out : in) * rung_dtype_size(plan->x_type), back ? 1 : step,
            c->w + tap * rung_dtype_size(plan->w_type), c->j->run->x_zero, c->w_zero,
            c->sums + (back ? in : out) * plan->sum_size, back ? step : 1);
}

static void run_channels(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_conv_plain *plan = j->plan;
  const rung_conv_shape *shape = &plan->shape;
  size_t out_channels = (size_t)shape->out_channels, in_group = (size_t)(shape->in_channels / shape->group);
  size_t out_group = out_channels / (size_t)shape->group;
  size_t x_size = rung_dtype_size(plan->x_type), w_size = rung_dtype_size(plan->w_type);
  char *sums = j->space + rung_pool_slot() * RUNG_ROUND_UP(plan->out_count, 16) * plan->sum_size;
  for (size_t i = begin; i < end; i++) {
    size_t n = i / out_channels, m = i % out_channels, group = m / out_group;
    size_t zero_at = m * j->run->w_zero_step;
    int32_t w_zero = !j->run->w_zeros          ? 0
                     : plan->w_type == RUNG_U8 ? ((const uint8_t *)j->run->w_zeros)[zero_at]
                                               : ((const int8_t *)j->run->w_zeros)[zero_at];
    memset(sums, 0, plan->out_count * plan->sum_size);
    for (size_t c = 0; c < in_group; c++) {
      const char *x =
          (const char *)j->run->x + (n * (size_t)shape->in_channels + group * in_group + c) * plan->in_count * x_size;
      size_t pair = plan->transposed ? (group * in_group + c) * out_group + m % out_group : m * in_group + c;
      const char *w = (const char *)j->run->w + pair * plan->taps * w_size;
      rung_taps_rows(&plan->walk, add_row, &(channel){j, x, w, w_zero, sums});
    }
    j->run->finish(j->run->context, n, m, sums);
  }
}

void rung_conv_plain_run_all(const rung_kernel_call *call, const rung_conv_plain *plan, const rung_conv_plain_run *run,
                             void *scratch) {
  job j = {plan, run, row_for(plan->x_type, plan->w_type), scratch};
  if (plan->out_count)
    rung_kernel_parallel(call, (size_t)(plan->shape.batch * plan->shape.out_channels), 1, run_channels, &j);
}
