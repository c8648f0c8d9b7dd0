#include "op/window.h"

/* Attributes below this, sizes below 2^61: then no sum or product here overflows. */
#define MOST_ATTRIBUTE INT32_MAX
#define MOST_SIZE (INT64_C(1) << 61)

static rung_status *check_list(const char *name, rung_ints list, size_t rank, int64_t least) {
  RUNG_MODEL_REQUIRE(list.count == 0 || rank == 0 || list.count == rank, "attribute \"%s\" has %zu entries, not %zu",
                     name, list.count, rank);
  RUNG_REQUIRE(list.count <= 2 * RUNG_MAX_RANK, LIMIT, "attribute \"%s\" has %zu entries", name, list.count);
  for (size_t i = 0; i < list.count; i++)
    RUNG_MODEL_REQUIRE(list.at[i] >= least && list.at[i] <= MOST_ATTRIBUTE, "attribute \"%s\" holds %lld", name,
                       (long long)list.at[i]);
  return NULL;
}

static rung_status *check_lists(const rung_window_params *p, size_t rank) {
  RUNG_TRY(check_list("kernel_shape", p->kernel_shape, rank, 1));
  RUNG_TRY(check_list("strides", p->strides, rank, 1));
  RUNG_TRY(check_list("dilations", p->dilations, rank, 1));
  return check_list("pads", p->pads, 2 * rank, 0);
}

rung_status *rung_window_check(const rung_window_params *p) {
  size_t rank =
      RUNG_MAX(RUNG_MAX(p->kernel_shape.count, p->strides.count), RUNG_MAX(p->dilations.count, p->pads.count / 2));
  return check_lists(p, rank);
}

static int64_t entry(rung_ints list, int32_t at, int64_t fallback) { return list.count ? list.at[at] : fallback; }

rung_status *rung_window_axis_make(const rung_window_params *p, int32_t rank, int32_t axis, int64_t in, int64_t kernel,
                                   rung_window_axis *out) {
  RUNG_TRY(check_lists(p, (size_t)rank));
  RUNG_MODEL_REQUIRE(in < MOST_SIZE && kernel >= 1 && kernel <= MOST_ATTRIBUTE, "a window of %lld over %lld elements",
                     (long long)kernel, (long long)in);
  rung_window_axis a = {
      .in = in, .kernel = kernel, .stride = entry(p->strides, axis, 1), .dilation = entry(p->dilations, axis, 1)};
  int64_t span = (kernel - 1) * a.dilation + 1;
  if (p->auto_pad == RUNG_PAD_SAME_UPPER || p->auto_pad == RUNG_PAD_SAME_LOWER) {
    a.out = RUNG_DIV_UP(in, a.stride);
    int64_t total = RUNG_MAX(0, (a.out - 1) * a.stride + span - in);
    a.begin = p->auto_pad == RUNG_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    a.end = total - a.begin;
    *out = a;
    return NULL;
  }
  if (p->auto_pad == RUNG_PAD_NOTSET) {
    a.begin = entry(p->pads, axis, 0);
    a.end = entry(p->pads, rank + axis, 0);
  }
  int64_t room = in + a.begin + a.end - span;
  int64_t steps = room / a.stride, rest = room % a.stride; /* rounded towards 0 */
  if (p->ceil_mode && rest > 0) steps++;
  /* An input too small by less than a stride gives one window that overhangs, as in the runtimes that models were
   * made with; the formula's floor would give none. */
  if (!p->ceil_mode && rest < 0 && steps < 0) steps--;
  a.out = steps + 1;
  if (p->ceil_mode && (a.out - 1) * a.stride >= in + a.begin)
    a.out--; /* the last window would begin behind the input */
  RUNG_MODEL_REQUIRE(a.out >= 1, "a window of %lld elements does not fit into dimension %d of %lld, padding included",
                     (long long)span, axis, (long long)(in + a.begin + a.end));
  *out = a;
  return NULL;
}

rung_status *rung_window_make(const rung_window_params *params, int32_t rank, const int64_t *dims,
                              const int64_t *kernel, rung_window *out) {
  RUNG_MODEL_REQUIRE(rank >= 3, "an input of rank %d has no spatial dimension", rank);
  out->rank = rank - 2;
  for (int32_t i = 0; i < out->rank; i++)
    RUNG_TRY(rung_window_axis_make(params, out->rank, i, dims[2 + i], kernel[i], &out->axes[i]));
  return NULL;
}

/* Does the output have the size of the input, whatever that is? */
static bool keeps_size(const rung_window_params *p, int32_t rank, int32_t axis, int64_t kernel) {
  if (entry(p->strides, axis, 1) != 1) return false;
  int64_t span = (kernel - 1) * entry(p->dilations, axis, 1) + 1;
  if (p->auto_pad == RUNG_PAD_VALID) return span == 1;
  return p->auto_pad != RUNG_PAD_NOTSET || entry(p->pads, axis, 0) + entry(p->pads, rank + axis, 0) == span - 1;
}

rung_status *rung_window_infer(rung_infer *infer, const rung_window_params *params, int32_t rank, int32_t axis,
                               int64_t in, int64_t kernel, int64_t *out) {
  RUNG_TRY(check_lists(params, (size_t)rank));
  if (kernel < 1 || in < 0) {
    *out = kernel >= 1 && keeps_size(params, rank, axis, kernel) ? in : rung_infer_symbol(infer);
    RUNG_MODEL_REQUIRE(kernel != 0, "the kernel has size 0 in dimension %d", axis);
    return NULL;
  }
  rung_window_axis a;
  RUNG_TRY(rung_window_axis_make(params, rank, axis, in, kernel, &a));
  *out = a.out;
  return NULL;
}
