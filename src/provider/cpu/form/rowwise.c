#include "provider/cpu/form/rowwise.h"

#include "provider/cpu/form/floats.h"

enum {
  STRIP = 16, /* neighbours that share cache lines */
  TASKS_PER_THREAD = 4,
  TASK_WORK = 1 << 15, /* elements below which a task is not worth its buffer */
};

void rung_rowwise_make(const rung_kernel_call *call, rung_rowwise *plan, rung_dtype from, rung_dtype to, size_t outer,
                       size_t n, size_t inner) {
  *plan = (rung_rowwise){from, to, outer, n, inner, .strip = RUNG_MIN(inner, (size_t)STRIP)};
  if (outer == 0 || n == 0 || inner == 0) return;
  size_t strips = outer * RUNG_DIV_UP(inner, plan->strip), work = outer * n * inner;
  plan->tasks = RUNG_MIN(strips, (size_t)call->host->threads * TASKS_PER_THREAD);
  plan->tasks = RUNG_CLAMP(work / TASK_WORK, 1, plan->tasks);
  bool direct = inner == 1 && from == to && (from == RUNG_F32 || from == RUNG_F64);
  size_t size = from == RUNG_F64 ? sizeof(double) : sizeof(float);
  if (!direct) plan->buffer = RUNG_ROUND_UP(plan->strip * n * size, RUNG_TENSOR_ALIGN);
}

size_t rung_rowwise_scratch(const rung_rowwise *plan) { return plan->tasks * plan->buffer; }

typedef struct job {
  const rung_kernel_call *call;
  const rung_rowwise *plan;
  const rung_row_functions *functions;
  void *context;
  const char *x;
  char *y, *scratch;
} job;

static void run_row(const job *j, size_t row, const void *x, void *y) {
  if (j->plan->from == RUNG_F64)
    j->functions->f64(j->context, row, j->plan->n, x, y);
  else
    j->functions->f32(j->context, row, j->plan->n, x, y);
}

/* Element `first` of a row and those behind it, `n` of them. */
static void load(const rung_rowwise *p, const void *x, size_t at, size_t first, size_t n, char *to) {
  at += first * p->inner;
  if (p->from == RUNG_F64)
    rung_load_f64(p->from, x, at, p->inner, n, (double *)to + first);
  else
    rung_load_f32(p->from, x, at, p->inner, n, (float *)to + first);
}

static void store(const rung_rowwise *p, void *y, size_t at, size_t first, size_t n, const char *from) {
  at += first * p->inner;
  if (p->from == RUNG_F64)
    rung_store_f64(p->to, y, at, p->inner, n, (const double *)from + first);
  else
    rung_store_f32(p->to, y, at, p->inner, n, (const float *)from + first);
}

/* Rows at `at` and behind it into the buffer, or out of it, in pieces between which it looks for a cancelled run. */
static void move_rows(const job *j, bool in, size_t at, size_t count, char *buffer) {
  enum { PIECE = 1 << 16 };
  const rung_rowwise *plan = j->plan;
  size_t row = plan->n * (plan->from == RUNG_F64 ? sizeof(double) : sizeof(float));
  for (size_t i = 0; i < count; i++)
    for (size_t first = 0; first < plan->n; first += PIECE) {
      size_t n = RUNG_MIN(plan->n - first, (size_t)PIECE);
      if (first && rung_kernel_is_cancelled(j->call)) return;
      if (in)
        load(plan, j->x, at + i, first, n, buffer + i * row);
      else
        store(plan, j->y, at + i, first, n, buffer + i * row);
    }
}

/* Loads and stores of a strip come together: its rows share cache lines. */
static void run_strip(const job *j, size_t outer, size_t first, char *buffer) {
  const rung_rowwise *plan = j->plan;
  size_t size = j->plan->from == RUNG_F64 ? sizeof(double) : sizeof(float),
         count = RUNG_MIN(plan->strip, plan->inner - first);
  size_t at = outer * plan->n * plan->inner + first;
  if (!plan->buffer) {
    run_row(j, outer, j->x + at * size, j->y + at * size);
    return;
  }
  move_rows(j, true, at, count, buffer);
  for (size_t i = 0; i < count; i++)
    run_row(j, outer * plan->inner + first + i, buffer + i * plan->n * size, buffer + i * plan->n * size);
  move_rows(j, false, at, count, buffer);
}

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_rowwise *plan = j->plan;
  size_t per_outer = RUNG_DIV_UP(plan->inner, plan->strip), strips = plan->outer * per_outer;
  for (size_t task = begin; task < end; task++) {
    size_t stop = strips / plan->tasks * (task + 1) + RUNG_MIN(task + 1, strips % plan->tasks);
    for (size_t i = strips / plan->tasks * task + RUNG_MIN(task, strips % plan->tasks); i < stop; i++)
      run_strip(j, i / per_outer, i % per_outer * plan->strip, j->scratch + task * plan->buffer);
  }
}

void rung_rowwise_run(const rung_kernel_call *call, const rung_rowwise *plan, size_t nanoseconds,
                      const rung_row_functions *functions, void *context, const void *x, void *y, void *scratch) {
  job j = {call, plan, functions, context, x, y, scratch};
  if (!plan->tasks) return;
  size_t task_work = plan->outer * plan->n * plan->inner / plan->tasks;
  rung_kernel_parallel(call, plan->tasks, rung_kernel_grain(RUNG_MAX(task_work, 1) * nanoseconds), run_tasks, &j);
}
