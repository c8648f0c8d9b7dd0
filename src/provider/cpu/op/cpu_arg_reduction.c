/* ArgMax, ArgMin: where along an axis the extreme element is; of equal ones the first, or the last when
 * asked. The first NaN wins over all numbers. */
#include "op/reduction.h"

#include "provider/cpu/cpu_types.h"
#include "provider/opwise/kernel.h"

enum {
  COLUMNS = 64,    /* neighbours that are compared side by side */
  PIECE = 1 << 15, /* of the axis, between two looks at whether the run was cancelled */
};

/* `columns` results, each over the elements [begin, end) that lie `stride` apart; with begin above 0 it goes on from
 * where `out` says. */
typedef void (*arg_loop)(size_t begin, size_t end, size_t stride, size_t columns, bool last, const void *in,
                         int64_t *out);

#define ABOVE(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))
#define BELOW(a, b) ((a) < (b) || ((a) != (a) && (b) == (b)))

#define ARG_LOOP(op, NAME, stored, computed, load, store)                                                     \
  static void op##_##NAME(size_t begin, size_t end, size_t stride, size_t columns, bool last, const void *in, \
                          int64_t *out) {                                                                     \
    const stored *x = in;                                                                                     \
    computed best[COLUMNS];                                                                                   \
    for (size_t c = 0; c < columns; c++) {                                                                    \
      if (begin == 0) out[c] = 0;                                                                             \
      best[c] = load(x[(size_t)out[c] * stride + c]);                                                         \
    }                                                                                                         \
    for (size_t i = RUNG_MAX(begin, 1); i < end; i++)                                                         \
      for (size_t c = 0; c < columns; c++) {                                                                  \
        computed value = load(x[i * stride + c]);                                                             \
        if (!op(value, best[c]) && !(last && value == best[c])) continue;                                     \
        best[c] = value;                                                                                      \
        out[c] = (int64_t)i;                                                                                  \
      }                                                                                                       \
  }

RUNG_EACH_FLOAT(ARG_LOOP, ABOVE)
RUNG_EACH_INTEGER(ARG_LOOP, ABOVE)
RUNG_EACH_FLOAT(ARG_LOOP, BELOW)
RUNG_EACH_INTEGER(ARG_LOOP, BELOW)

static const arg_loop above[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, ABOVE)
                                                       RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, ABOVE)};
static const arg_loop below[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, BELOW)
                                                       RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, BELOW)};

typedef struct job {
  const rung_kernel_call *call;
  arg_loop loop;
  const char *x;
  int64_t *out;
  size_t size, n, inner, strips; /* strips: of COLUMNS in `inner` */
  bool last;
} job;

static void run_strips(void *context, size_t begin, size_t end) {
  const job *j = context;
  for (size_t i = begin; i < end; i++) {
    size_t outer = i / j->strips, first = i % j->strips * COLUMNS,
           columns = RUNG_MIN(j->inner - first, (size_t)COLUMNS);
    for (size_t at = 0; at < j->n; at += PIECE) {
      if (at && rung_kernel_is_cancelled(j->call)) return;
      j->loop(at, RUNG_MIN(at + PIECE, j->n), j->inner, columns, j->last,
              j->x + (outer * j->n * j->inner + first) * j->size, j->out + outer * j->inner + first);
    }
  }
}

static rung_status *run_arg(rung_kernel_call *call, const arg_loop *loops) {
  const rung_arg_reduce_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *out = rung_out(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, x->rank, &axis));
  size_t outer = (size_t)rung_tensor_span(x, 0, axis), inner = (size_t)rung_tensor_span(x, axis + 1, x->rank);
  job j = {call,
           loops[x->dtype],
           x->data,
           out->data,
           rung_dtype_size(x->dtype),
           (size_t)x->dims[axis],
           inner,
           RUNG_DIV_UP(inner, (size_t)COLUMNS),
           p->select_last_index != 0};
  if (outer * inner == 0) return NULL;
  RUNG_RUN_REQUIRE(j.n > 0, "dimension %d is 0: there is no extreme element", axis);
  rung_kernel_parallel(call, outer * j.strips, rung_kernel_grain(j.n * RUNG_MIN(inner, (size_t)COLUMNS)), run_strips,
                       &j);
  return NULL;
}

#define ARG_KERNEL(symbol, loops)                                                           \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_arg(call, loops); } \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_NUMERIC}}, .run = run_##symbol};
ARG_KERNEL(ArgMax, above)
ARG_KERNEL(ArgMin, below)
