/* Einsum. Two operands of floats up to 32 bits are a stack of matrix products (form/gemm.h), copied first where their
 * dimensions do not merge into rows and columns; everything else is the plain nest of loops. */
#include "op/product.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/form/strided.h"

enum { LABELS = RUNG_EINSUM_LABELS, INPUTS = RUNG_EINSUM_INPUTS };

/* The equation with sizes and strides: all that both ways need. */
typedef struct nest {
  rung_einsum sum;
  int64_t dims[LABELS];
  int64_t steps[INPUTS][LABELS]; /* elements of an input per step of a label; 0 where it has none or repeats */
  int64_t out_steps[LABELS];
} nest;

static rung_status *make_nest(const rung_kernel_call *call, nest *n) {
  const rung_einsum_params *p = call->params;
  int32_t ranks[INPUTS];
  RUNG_REQUIRE(call->input_count <= INPUTS, LIMIT, "%u inputs, at most %d are supported", call->input_count, INPUTS);
  for (uint32_t i = 0; i < call->input_count; i++) ranks[i] = rung_in(call, i)->rank;
  RUNG_TRY(rung_einsum_parse(p->equation, call->input_count, ranks, &n->sum));
  for (int32_t l = 0; l < n->sum.label_count; l++) n->dims[l] = 1;
  for (int pass = 0; pass < 2; pass++) /* sizes, then strides */
    for (int32_t i = 0; i < n->sum.input_count; i++) {
      const rung_tensor *t = rung_in(call, (uint32_t)i);
      int64_t step = 1;
      for (int32_t d = t->rank - 1; d >= 0; d--) {
        int32_t l = n->sum.labels[i][d];
        if (pass == 0 && t->dims[d] != 1) {
          RUNG_RUN_REQUIRE(n->dims[l] == 1 || n->dims[l] == t->dims[d], "dimensions of one letter are %lld and %lld",
                           (long long)n->dims[l], (long long)t->dims[d]);
          n->dims[l] = t->dims[d];
        } else if (pass == 1 && t->dims[d] == n->dims[l]) {
          n->steps[i][l] += step; /* a letter that comes twice walks the diagonal */
        }
        step *= t->dims[d];
      }
    }
  int64_t step = 1;
  for (int32_t l = n->sum.out_rank - 1; l >= 0; l--) {
    n->out_steps[l] = step;
    step *= n->dims[l];
  }
  return NULL;
}

/* The plain nest */

typedef struct nest_job {
  const nest *n;
  const rung_kernel_call *call;
  const void *inputs[INPUTS];
  void *out;
  int64_t terms; /* products in a sum */
} nest_job;

/* Moves `at` to the next index of labels [first, end) and the offsets with it; false after the last. */
static bool advance(const nest *n, int32_t first, int32_t end, int64_t *at, int64_t *offsets) {
  for (int32_t l = end - 1; l >= first; l--) {
    at[l]++;
    for (int32_t i = 0; i < n->sum.input_count; i++) offsets[i] += n->steps[i][l];
    if (at[l] < n->dims[l]) return true;
    for (int32_t i = 0; i < n->sum.input_count; i++) offsets[i] -= n->steps[i][l] * n->dims[l];
    at[l] = 0;
  }
  return false;
}

static void start(const nest *n, size_t element, int64_t *at, int64_t *offsets) {
  for (int32_t i = 0; i < n->sum.input_count; i++) offsets[i] = 0;
  for (int32_t l = n->sum.label_count - 1; l >= 0; l--) {
    at[l] = 0;
    if (l >= n->sum.out_rank) continue;
    at[l] = (int64_t)(element % (size_t)n->dims[l]);
    element /= (size_t)n->dims[l];
    for (int32_t i = 0; i < n->sum.input_count; i++) offsets[i] += at[l] * n->steps[i][l];
  }
}

static bool is_cancelled(const nest_job *j, int64_t term) {
  return (term & 0xffff) == 0xffff && j->call->run && j->call->host->cancelled(j->call->run);
}

#define NEST(op, NAME, stored, computed, load, store)                                  \
  static void nest_##NAME(void *context, size_t begin, size_t end) {                   \
    const nest_job *j = context;                                                       \
    const nest *n = j->n;                                                              \
    int64_t at[LABELS], offsets[INPUTS];                                               \
    for (size_t e = begin; e < end; e++) {                                             \
      computed sum = 0;                                                                \
      start(n, e, at, offsets);                                                        \
      for (int64_t t = 0; t < j->terms && !is_cancelled(j, t); t++) {                  \
        computed product = (computed)load(((const stored *)j->inputs[0])[offsets[0]]); \
        for (int32_t i = 1; i < n->sum.input_count; i++)                               \
          product *= (computed)load(((const stored *)j->inputs[i])[offsets[i]]);       \
        sum += product;                                                                \
        advance(n, n->sum.out_rank, n->sum.label_count, at, offsets);                  \
      }                                                                                \
      ((stored *)j->out)[e] = (stored)store(sum);                                      \
    }                                                                                  \
  }
RUNG_EACH_FLOAT(NEST, einsum)
RUNG_EACH_WRAPPING(NEST, einsum)

static rung_status *run_nest(rung_kernel_call *call, const nest *n) {
  static void (*const loops[RUNG_DTYPE_NUMBERS])(
      void *, size_t, size_t) = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, nest) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, nest)};
  nest_job job = {.n = n, .call = call, .out = rung_out(call, 0)->data, .terms = 1};
  for (int32_t i = 0; i < n->sum.input_count; i++) job.inputs[i] = rung_in(call, (uint32_t)i)->data;
  for (int32_t l = n->sum.out_rank; l < n->sum.label_count; l++) job.terms *= n->dims[l];
  size_t grain = rung_kernel_grain((size_t)RUNG_MIN(job.terms, 1 << 20) * 4);
  rung_kernel_parallel(call, rung_tensor_count(rung_out(call, 0)), grain, loops[rung_in(call, 0)->dtype], &job);
  return NULL;
}

/* Matrix products */

typedef struct group { /* labels that are one index of the product, outermost first */
  int32_t count;
  int32_t labels[LABELS];
  int64_t size;
} group;

typedef struct product {
  group batch, m, n, k;
  rung_gemm gemm;
  rung_strided a_copy, b_copy, c_copy;
  bool copies_a, copies_b, copies_c;
  size_t a_at, b_at, c_at; /* bytes into scratch */
} product;

typedef struct einsum_state {
  nest nest;
  bool as_product;
  product product;
} einsum_state;

static void add_label(group *g, const nest *n, int32_t label) {
  g->labels[g->count++] = label;
  g->size *= n->dims[label];
}

/* Every label in its group; false when one is summed over in a single operand, or repeats there. */
static bool make_groups(const nest *n, product *p) {
  p->batch.size = p->m.size = p->n.size = p->k.size = 1;
  for (int32_t l = 0; l < n->sum.label_count; l++) {
    bool in_a = n->steps[0][l] != 0, in_b = n->steps[1][l] != 0, out = l < n->sum.out_rank;
    if (n->dims[l] == 1) continue;
    if (!in_a && !in_b) return false;
    if (!out && !(in_a && in_b)) return false;
    add_label(!out ? &p->k : in_a && in_b ? &p->batch : in_a ? &p->m : &p->n, n, l);
  }
  for (int32_t i = 0; i < 2; i++) {
    uint64_t seen[2] = {0};
    for (int32_t d = 0; d < n->sum.ranks[i]; d++) {
      int32_t l = n->sum.labels[i][d];
      if (seen[l / 64] >> (l % 64) & 1) return false;
      seen[l / 64] |= (uint64_t)1 << (l % 64);
    }
  }
  return true;
}

/* The one step that walks through a group; false when there is none. */
static bool merged_step(const nest *n, const group *g, const int64_t *steps, size_t *out) {
  *out = g->count ? (size_t)steps[g->labels[g->count - 1]] : 1;
  for (int32_t i = g->count - 2; i >= 0; i--)
    if (steps[g->labels[i]] != steps[g->labels[i + 1]] * n->dims[g->labels[i + 1]]) return false;
  return true;
}

/* A walk over three groups, dense on one side and with `steps` on the other. */
static void make_copy(const nest *n, const group *const groups[3], const int64_t *steps, bool to_dense,
                      rung_strided *copy) {
  int64_t dims[LABELS], there[LABELS], dense[LABELS];
  int32_t rank = 0;
  for (int g = 0; g < 3; g++)
    for (int32_t i = 0; i < groups[g]->count; i++) {
      dims[rank] = n->dims[groups[g]->labels[i]];
      there[rank++] = steps[groups[g]->labels[i]];
    }
  rung_strided_dense(rank, dims, dense);
  rung_strided_make(copy, 4, rank, dims, to_dense ? there : dense, to_dense ? dense : there);
}

static void fill_stack(const nest *n, const product *p, rung_stack *stack) {
  const group *batch = &p->batch;
  int64_t a = p->m.size * p->k.size, b = p->k.size * p->n.size, c = p->m.size * p->n.size;
  stack->rank = batch->count;
  for (int32_t i = batch->count - 1; i >= 0; i--) {
    int32_t l = batch->labels[i];
    stack->dims[i] = n->dims[l];
    stack->a[i] = p->copies_a ? a : n->steps[0][l];
    stack->b[i] = p->copies_b ? b : n->steps[1][l];
    stack->c[i] = p->copies_c ? c : n->out_steps[l];
    a *= n->dims[l], b *= n->dims[l], c *= n->dims[l];
  }
}

static bool add_space(size_t *total, bool wanted, const rung_tensor *t, size_t *out_at) {
  if (*total >= SIZE_MAX / 2) return false;
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return rung_add_size(*out_at, wanted ? t->size : 0, total);
}

static bool plan_product(rung_kernel_call *call, const nest *n, product *p) {
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1), *c = rung_out(call, 0);
  if (n->sum.input_count != 2 || a->dtype != RUNG_F32 || !make_groups(n, p) || p->batch.count > RUNG_MAX_RANK)
    return false;
  size_t a_row = 0, a_k = 0, b_k = 0, b_col = 0, c_row = 0, c_col = 0, total;
  p->copies_a = !merged_step(n, &p->m, n->steps[0], &a_row) || !merged_step(n, &p->k, n->steps[0], &a_k);
  p->copies_b = !merged_step(n, &p->n, n->steps[1], &b_col) || !merged_step(n, &p->k, n->steps[1], &b_k);
  p->copies_c =
      !merged_step(n, &p->m, n->out_steps, &c_row) || !merged_step(n, &p->n, n->out_steps, &c_col) || c_col != 1;
  size_t m = (size_t)p->m.size, k = (size_t)p->k.size, cols = (size_t)p->n.size;
  if (p->copies_a)
    a_row = k, a_k = 1, make_copy(n, (const group *[]){&p->batch, &p->m, &p->k}, n->steps[0], true, &p->a_copy);
  if (p->copies_b)
    b_k = cols, b_col = 1, make_copy(n, (const group *[]){&p->batch, &p->k, &p->n}, n->steps[1], true, &p->b_copy);
  if (p->copies_c)
    c_row = cols, make_copy(n, (const group *[]){&p->batch, &p->m, &p->n}, n->out_steps, false, &p->c_copy);
  p->gemm = (rung_gemm){.m = m,
                        .n = cols,
                        .k = k,
                        .alpha = 1,
                        .a = {RUNG_F32, a_row, a_k},
                        .b = {RUNG_F32, b_k, b_col},
                        .c = {RUNG_F32, c_row, 1}};
  fill_stack(n, p, &p->gemm.stack);
  rung_gemm_plan(call, &p->gemm);
  if (!rung_gemm_scratch(&p->gemm, &total) || !add_space(&total, p->copies_a, a, &p->a_at) ||
      !add_space(&total, p->copies_b, b, &p->b_at) || !add_space(&total, p->copies_c, c, &p->c_at))
    return false;
  call->scratch_size = total;
  return true;
}

static rung_status *prepare_einsum(rung_kernel_call *call) {
  einsum_state *state = call->state;
  RUNG_TRY(make_nest(call, &state->nest));
  state->as_product = plan_product(call, &state->nest, &state->product);
  return NULL;
}

static rung_status *run_einsum(rung_kernel_call *call) {
  const einsum_state *state = call->state;
  const product *p = &state->product;
  if (!state->as_product) return run_nest(call, &state->nest);
  char *scratch = call->scratch;
  rung_gemm_run run = {.a = rung_in(call, 0)->data, .b = rung_in(call, 1)->data, .c = rung_out(call, 0)->data};
  if (p->copies_a) rung_strided_run(call, &p->a_copy, run.a, scratch + p->a_at), run.a = scratch + p->a_at;
  if (p->copies_b) rung_strided_run(call, &p->b_copy, run.b, scratch + p->b_at), run.b = scratch + p->b_at;
  if (p->copies_c) run.c = scratch + p->c_at;
  rung_gemm_run_all(call, &p->gemm, &run, scratch);
  if (p->copies_c) rung_strided_run(call, &p->c_copy, run.c, rung_out(call, 0)->data);
  return NULL;
}

const rung_kernel rung_cpu_Einsum = {.types = {{'T', RUNG_SET_NUMERIC}},
                                     .state_size = sizeof(einsum_state),
                                     .prepare = prepare_einsum,
                                     .run = run_einsum};
