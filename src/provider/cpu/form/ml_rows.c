#include "provider/cpu/form/ml_rows.h"

#include "provider/cpu/form/floats.h"

rung_status *rung_ml_rows_plan(const rung_kernel_call *call, size_t features, bool exact, size_t per_row,
                               size_t per_task, rung_ml_rows *plan) {
  enum { BUFFER = 1 << 14, MOST_ROWS = 64 };
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 2", x->rank);
  *plan = (rung_ml_rows){.x = x,
                         .rows = x->rank == 1 ? 1 : (size_t)x->dims[0],
                         .features = (size_t)x->dims[x->rank - 1],
                         .per_row = per_row,
                         .per_task = per_task};
  RUNG_RUN_REQUIRE(plan->rows == 0 || (exact ? plan->features == features : plan->features >= features),
                   "rows have %zu features, the model needs %zu", plan->features, features);
  plan->block = RUNG_CLAMP(BUFFER / (plan->features + per_row + 1), 1, MOST_ROWS);
  plan->tasks = RUNG_CLAMP(plan->rows / plan->block, 1, (size_t)call->host->threads * 4);
  return NULL;
}

static size_t task_doubles(const rung_ml_rows *p) { return p->block * (p->features + p->per_row) + p->per_task; }

size_t rung_ml_rows_scratch(const rung_ml_rows *plan) { return plan->tasks * task_doubles(plan) * sizeof(double); }

typedef struct job {
  const rung_ml_rows *plan;
  rung_ml_rows_fn fn;
  void *context;
  double *scratch;
} job;

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_ml_rows *p = j->plan;
  for (size_t task = begin; task < end; task++) {
    double *features = j->scratch + task * task_doubles(p);
    size_t row = p->rows / p->tasks * task + RUNG_MIN(task, p->rows % p->tasks);
    size_t stop = p->rows / p->tasks * (task + 1) + RUNG_MIN(task + 1, p->rows % p->tasks);
    for (size_t count; row < stop; row += count) {
      count = RUNG_MIN(p->block, stop - row);
      rung_load_f64(p->x->dtype, p->x->data, row * p->features, 1, count * p->features, features);
      j->fn(j->context, row, count, features, features + p->block * p->features);
    }
  }
}

void rung_ml_rows_run(const rung_kernel_call *call, const rung_ml_rows *plan, size_t nanoseconds, rung_ml_rows_fn fn,
                      void *context) {
  size_t cost = (plan->rows / plan->tasks + 1) * nanoseconds;
  rung_kernel_parallel(call, plan->tasks, rung_kernel_grain(cost), run_tasks, &(job){plan, fn, context, call->scratch});
}

rung_status *rung_ml_give_labels(rung_kernel_call *call, rung_ints ints, rung_strs strings, size_t rows,
                                 const int64_t *indices) {
  if (!rung_kernel_wants(call, 0)) return NULL;
  if (!strings.count) {
    int64_t *labels = rung_out(call, 0)->data;
    for (size_t i = 0; i < rows; i++) labels[i] = ints.count ? ints.at[indices[i]] : indices[i];
    return NULL;
  }
  int64_t count = (int64_t)rows;
  rung_str *names = rung_alloc(call->host->allocator, rows + 1, sizeof *names, "labels");
  RUNG_CHECK_ALLOC(names);
  for (size_t i = 0; i < rows; i++) names[i] = strings.at[indices[i]];
  rung_status *status = rung_kernel_give_strings(call, 0, 1, &count, names);
  rung_free(call->host->allocator, names);
  return status;
}
