/* Col2Im: blocks laid back where they were taken from; where they overlap they add up, tap after tap. Narrow floats
 * add up in float32; integers wrap; bools are true where one is. */
#include "op/columns.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/taps.h"
#include "provider/cpu/form/widened.h"

typedef void (*add_function)(size_t n, const void *from, size_t from_at, void *to, size_t to_at, size_t step);

#define ADD_LOOP(op, NAME, stored, computed, load, store)                                                   \
  static void add_##NAME(size_t n, const void *from, size_t from_at, void *to, size_t to_at, size_t step) { \
    const stored *x = (const stored *)from + from_at;                                                       \
    stored *y = (stored *)to + to_at;                                                                       \
    for (size_t i = 0; i < n; i++) y[i * step] = store((computed)load(y[i * step]) + (computed)load(x[i])); \
  }
RUNG_EACH_WRAPPING(ADD_LOOP, add)
ADD_LOOP(add, F32, float, float, , )
ADD_LOOP(add, F64, double, double, , )

#define ADD_COMPLEX(NAME, part)                                                                             \
  static void add_##NAME(size_t n, const void *from, size_t from_at, void *to, size_t to_at, size_t step) { \
    const part *x = (const part *)from + 2 * from_at;                                                       \
    part *y = (part *)to + 2 * to_at;                                                                       \
    for (size_t i = 0; i < n; i++) {                                                                        \
      y[2 * i * step] += x[2 * i];                                                                          \
      y[2 * i * step + 1] += x[2 * i + 1];                                                                  \
    }                                                                                                       \
  }
ADD_COMPLEX(C64, float)
ADD_COMPLEX(C128, double)

static void add_bool(size_t n, const void *from, size_t from_at, void *to, size_t to_at, size_t step) {
  const uint8_t *x = (const uint8_t *)from + from_at;
  uint8_t *y = (uint8_t *)to + to_at;
  for (size_t i = 0; i < n; i++) y[i * step] |= x[i] != 0;
}

static const add_function add_functions[RUNG_DTYPE_NUMBERS] = {
    RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, add)[RUNG_F32] = add_F32, [RUNG_F64] = add_F64, [RUNG_C64] = add_C64,
    [RUNG_C128] = add_C128, [RUNG_BOOL] = add_bool};

typedef struct image_job {
  const rung_window *window;
  add_function add;
  const char *from;
  char *to;
  size_t blocks, taps, elements, size; /* of one image; bytes of an element */
} image_job;

typedef struct image_walk {
  const image_job *job;
  const char *from;
  char *to;
} image_walk;

static void add_row(void *context, size_t tap, size_t n, size_t in, size_t step, size_t out) {
  const image_walk *w = context;
  w->job->add(n, w->from, tap * w->job->blocks + out, w->to, in, step);
}

static void make_images(void *context, size_t begin, size_t end) {
  const image_job *j = context;
  for (size_t i = begin; i < end; i++) {
    image_walk walk = {j, j->from + i * j->taps * j->blocks * j->size, j->to + i * j->elements * j->size};
    memset(walk.to, 0, j->elements * j->size);
    rung_taps_rows(j->window, add_row, &walk);
  }
}

static rung_dtype computed_type(rung_dtype dtype) { return dtype == RUNG_F16 || dtype == RUNG_BF16 ? RUNG_F32 : dtype; }

static rung_status *prepare_Col2Im(rung_kernel_call *call) {
  const rung_tensor *operands[] = {rung_in(call, 0), rung_out(call, 0)};
  RUNG_REQUIRE(rung_widened_scratch(computed_type(operands[0]->dtype), operands, 2, &call->scratch_size), LIMIT,
               "the size overflows");
  return NULL;
}

static rung_status *run_Col2Im(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t image[RUNG_MAX_RANK], block[RUNG_MAX_RANK];
  size_t rank, block_rank;
  rung_window window;
  RUNG_TRY(rung_kernel_ints(rung_in(call, 1), image, RUNG_MAX_RANK - 2, &rank));
  RUNG_TRY(rung_kernel_ints(rung_in(call, 2), block, RUNG_MAX_RANK, &block_rank));
  RUNG_RUN_REQUIRE(rank == block_rank, "an image of %zu dimensions, a block of %zu", rank, block_rank);
  RUNG_TRY(rung_col2im_window(call->params, (int32_t)rank, image, block, in->dims[2], &window));
  RUNG_RUN_REQUIRE(out && out->rank == (int32_t)rank + 2, "the image has another rank than was expected");
  int64_t taps = 1;
  for (size_t i = 0; i < rank; i++)
    RUNG_RUN_REQUIRE(out->dims[2 + i] == image[i] && rung_mul_i64(taps, block[i], &taps),
                     "dimension %zu is another than was expected", i);
  RUNG_RUN_REQUIRE(out->dims[1] == in->dims[1] / taps && in->dims[1] % taps == 0,
                   "the channels do not divide into blocks");
  if (out->size == 0) return NULL;
  rung_dtype computed = computed_type(in->dtype);
  char *scratch = call->scratch;
  image_job job = {.window = &window,
                   .add = add_functions[computed],
                   .from = rung_widened_in(computed, in, &scratch),
                   .to = rung_widened_out(computed, out, &scratch),
                   .blocks = (size_t)in->dims[2],
                   .taps = (size_t)taps,
                   .elements = (size_t)rung_tensor_span(out, 2, out->rank),
                   .size = rung_dtype_size(computed)};
  rung_kernel_parallel(call, (size_t)(out->dims[0] * out->dims[1]), rung_kernel_grain(job.taps * job.blocks),
                       make_images, &job);
  rung_widened_end(computed, out, job.to);
  return NULL;
}

const rung_kernel rung_cpu_Col2Im = {.types = {{'T', RUNG_SET_NUMERIC | RUNG_SET_COMPLEX | RUNG_SET_BOOL}},
                                     .prepare = prepare_Col2Im,
                                     .run = run_Col2Im};
