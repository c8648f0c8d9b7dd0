#include "provider/cpu/form/pointwise.h"

#include "op/elementwise.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/kernel/isa.h"

const rung_math *rung_math_of(const rung_kernel_call *call, rung_dtype dtype) {
  return dtype == RUNG_F64 ? &rung_math_f64 : rung_math_for(rung_isa(call->host));
}

bool rung_narrow_of(const rung_math *math, rung_dtype dtype, rung_narrow *out) {
  if (dtype == RUNG_F16) *out = (rung_narrow){math->f16_to_f32, math->f32_to_f16};
  if (dtype == RUNG_BF16) *out = (rung_narrow){math->bf16_to_f32, math->f32_to_bf16};
  return dtype == RUNG_F16 || dtype == RUNG_BF16;
}

/* One operand */

typedef struct unary_job {
  rung_unary_loop loop;
  const void *p;
  const char *x;
  char *y;
  size_t size, out_size; /* of an element */
  rung_narrow narrow;
} unary_job;

static void unary_piece(void *context, size_t begin, size_t end) {
  const unary_job *j = context;
  j->loop(end - begin, j->x + begin * j->size, j->y + begin * j->out_size, j->p);
}

static void narrow_unary_piece(void *context, size_t begin, size_t end) {
  const unary_job *j = context;
  float block[RUNG_NARROW_BLOCK];
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, RUNG_NARROW_BLOCK);
    j->narrow.widen(n, (const uint16_t *)j->x + begin, block);
    j->loop(n, block, block, j->p);
    j->narrow.narrow(n, block, (uint16_t *)j->y + begin);
  }
}

rung_status *rung_unary_run(rung_kernel_call *call, const rung_tensor *x, rung_unary_loop loop, const void *p,
                            size_t nanoseconds) {
  const rung_tensor *y = rung_out(call, 0);
  if (!y) return NULL;
  unary_job job = {loop, p, x->data, y->data, rung_dtype_size(x->dtype), rung_dtype_size(y->dtype), {0}};
  bool narrow = x->dtype == y->dtype && rung_narrow_of(rung_math_of(call, x->dtype), x->dtype, &job.narrow);
  rung_kernel_parallel(call, rung_tensor_count(x), rung_kernel_grain(nanoseconds),
                       narrow ? narrow_unary_piece : unary_piece, &job);
  return NULL;
}

/* Two operands */

rung_status *rung_binary_second(const rung_kernel_call *call, rung_tensor *out_b) {
  int32_t behind;
  *out_b = *rung_in(call, 1);
  RUNG_TRY(rung_binary_align(call->params, rung_in(call, 0)->rank, out_b->rank, &behind));
  for (int32_t i = 0; i < behind; i++) out_b->dims[out_b->rank++] = 1;
  return NULL;
}

typedef struct binary_job {
  rung_binary_loop loop;
  const void *p;
  const char *a, *b;
  char *out;
  size_t a_size, b_size, out_size;
  rung_narrow narrow;
} binary_job;

static void binary_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const binary_job *j = context;
  j->loop(n, j->a + from[0] * j->a_size, step[0], j->b + from[1] * j->b_size, step[1], j->out + at * j->out_size, j->p);
}

static void narrow_binary_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const binary_job *j = context;
  float x[RUNG_NARROW_BLOCK], y[RUNG_NARROW_BLOCK], z[RUNG_NARROW_BLOCK];
  const uint16_t *a = (const uint16_t *)j->a + from[0], *b = (const uint16_t *)j->b + from[1];
  for (size_t i = 0, m; i < n; i += m) {
    m = RUNG_MIN(n - i, RUNG_NARROW_BLOCK);
    j->narrow.widen(step[0] ? m : 1, a + i * (size_t)step[0], x);
    j->narrow.widen(step[1] ? m : 1, b + i * (size_t)step[1], y);
    j->loop(m, x, step[0], y, step[1], j->narrow.narrow ? (char *)z : j->out + (at + i) * j->out_size, j->p);
    if (j->narrow.narrow) j->narrow.narrow(m, z, (uint16_t *)j->out + at + i);
  }
}

rung_status *rung_binary_run(rung_kernel_call *call, const rung_tensor *a, const rung_tensor *b, rung_binary_loop loop,
                             const void *p, size_t nanoseconds) {
  const rung_tensor *out = rung_out(call, 0);
  if (!out) return NULL;
  rung_broadcast plan;
  rung_broadcast_make(&plan, out, (const rung_tensor *[]){a, b}, 2);
  binary_job job = {loop,
                    p,
                    a->data,
                    b->data,
                    out->data,
                    rung_dtype_size(a->dtype),
                    rung_dtype_size(b->dtype),
                    rung_dtype_size(out->dtype),
                    {0}};
  bool narrow = a->dtype == b->dtype && rung_narrow_of(rung_math_of(call, a->dtype), a->dtype, &job.narrow);
  if (out->dtype != a->dtype) job.narrow.narrow = NULL;
  rung_broadcast_run(call, &plan, nanoseconds, narrow ? narrow_binary_row : binary_row, &job);
  return NULL;
}
