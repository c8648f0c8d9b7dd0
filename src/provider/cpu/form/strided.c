#include "provider/cpu/form/strided.h"

#include "provider/cpu/kernel/transpose.h"

/* Pieces of this many bytes are worth a thread. */
enum { GRAIN_BYTES = 128 << 10 };
/* A tile of a transpose, in elements: a square, or as much longer as the other edge is shorter. */
enum { TILE_EDGE = 32, TILE = TILE_EDGE * TILE_EDGE };
/* Elements longer than this gain nothing from tiles: a cache line is used up by each. */
enum { MOST_TILED_BYTES = 32 };

void rung_strided_dense(int32_t rank, const int64_t *dims, int64_t *strides) {
  int64_t stride = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= dims[i];
  }
}

/* The outer of two dimensions continues the inner one on both sides. */
static bool can_merge(const rung_strided *plan, int32_t outer, int64_t dim, int64_t from, int64_t to) {
  return plan->from[outer] == from * dim && plan->to[outer] == to * dim;
}

static void push_dim(rung_strided *plan, int64_t dim, int64_t from, int64_t to) {
  int32_t last = plan->rank - 1;
  if (last >= 0 && can_merge(plan, last, dim, from, to)) {
    plan->dims[last] *= dim;
  } else {
    last = plan->rank++;
    plan->dims[last] = dim;
  }
  plan->from[last] = from;
  plan->to[last] = to;
}

void rung_strided_make(rung_strided *plan, size_t size, int32_t rank, const int64_t *dims, const int64_t *from,
                       const int64_t *to) {
  *plan = (rung_strided){.size = size, .count = 1};
  for (int32_t i = 0; i < rank; i++) plan->count *= (size_t)dims[i];
  if (plan->count == 0) return;
  for (int32_t i = 0; i < rank; i++)
    if (dims[i] != 1) push_dim(plan, dims[i], from[i] * (int64_t)size, to[i] * (int64_t)size);
  int32_t inner = plan->rank - 1;
  if (inner < 0 || plan->from[inner] != (int64_t)size || plan->to[inner] != (int64_t)size) return;
  plan->size *= (size_t)plan->dims[inner];
  plan->count /= (size_t)plan->dims[inner];
  plan->rank = inner;
}

/* Rows of elements */

typedef void (*row_function)(size_t n, size_t size, const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step);

static void copy_row(size_t n, size_t size, const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step) {
  for (size_t i = 0; i < n; i++, from += from_step, to += to_step) memcpy(to, from, size);
}

/* The size is a constant to the compiler, which makes the copy a load and a store. */
#define ROW_FUNCTION(bytes)                                                                            \
  static void copy_row_##bytes(size_t n, size_t size, const char *from, ptrdiff_t from_step, char *to, \
                               ptrdiff_t to_step) {                                                    \
    (void)size;                                                                                        \
    if (from_step == 0 && to_step == bytes) {                                                          \
      char element[bytes];                                                                             \
      memcpy(element, from, bytes);                                                                    \
      for (size_t i = 0; i < n; i++) memcpy(to + bytes * i, element, bytes);                           \
    } else if (to_step == bytes) {                                                                     \
      for (size_t i = 0; i < n; i++, from += from_step) memcpy(to + bytes * i, from, bytes);           \
    } else {                                                                                           \
      for (size_t i = 0; i < n; i++, from += from_step, to += to_step) memcpy(to, from, bytes);        \
    }                                                                                                  \
  }
ROW_FUNCTION(1)
ROW_FUNCTION(2)
ROW_FUNCTION(4)
ROW_FUNCTION(8)
ROW_FUNCTION(12)
ROW_FUNCTION(16)

static row_function row_of(size_t size) {
  static const row_function rows[] = {
      [1] = copy_row_1, [2] = copy_row_2, [4] = copy_row_4, [8] = copy_row_8, [12] = copy_row_12, [16] = copy_row_16};
  return size < RUNG_COUNT(rows) && rows[size] ? rows[size] : copy_row;
}

void rung_strided_fill(void *to, size_t count, const void *element, size_t size) {
  if (size == 1)
    memset(to, *(const unsigned char *)element, count);
  else
    row_of(size)(count, size, element, 0, to, (ptrdiff_t)size);
}

/* The walk */

/* A tile has two edges: 0 along which the source is contiguous, 1 along which the destination is. */
typedef struct walk {
  const rung_strided *plan;
  const char *from;
  char *to;
  row_function row;
  rung_transpose_fn transpose; /* NULL: row by row */
  int32_t edge[2];             /* their dimensions */
  size_t length[2], tiles[2];  /* elements of a tile, and tiles, along them */
  int32_t outer_count;         /* the other dimensions */
  int32_t outer[RUNG_STRIDED_RANK];
} walk;

static void copy_bytes(void *context, size_t begin, size_t end) {
  const walk *w = context;
  memcpy(w->to + begin, w->from + begin, end - begin);
}

/* Elements [begin, end), row by row. */
static void copy_elements(void *context, size_t begin, size_t end) {
  const walk *w = context;
  const rung_strided *plan = w->plan;
  int32_t inner = plan->rank - 1;
  int64_t at[RUNG_STRIDED_RANK];
  const char *from = w->from;
  char *to = w->to;
  size_t rest = begin;
  for (int32_t i = inner; i >= 0; i--) {
    at[i] = (int64_t)(rest % (size_t)plan->dims[i]);
    rest /= (size_t)plan->dims[i];
    from += at[i] * plan->from[i];
    to += at[i] * plan->to[i];
  }
  while (begin < end) {
    size_t n = RUNG_MIN((size_t)(plan->dims[inner] - at[inner]), end - begin);
    w->row(n, plan->size, from, (ptrdiff_t)plan->from[inner], to, (ptrdiff_t)plan->to[inner]);
    begin += n;
    from -= at[inner] * plan->from[inner];
    to -= at[inner] * plan->to[inner];
    at[inner] = 0;
    for (int32_t i = inner - 1; i >= 0; i--) {
      from += plan->from[i];
      to += plan->to[i];
      if (++at[i] < plan->dims[i]) break;
      from -= at[i] * plan->from[i];
      to -= at[i] * plan->to[i];
      at[i] = 0;
    }
  }
}

static void copy_tile(const walk *w, const size_t at[2], const char *from, char *to) {
  const rung_strided *plan = w->plan;
  size_t n[2];
  int64_t from_step[2], to_step[2];
  for (int k = 0; k < 2; k++) {
    n[k] = RUNG_MIN((size_t)plan->dims[w->edge[k]] - at[k], w->length[k]);
    from_step[k] = plan->from[w->edge[k]];
    to_step[k] = plan->to[w->edge[k]];
    from += (int64_t)at[k] * from_step[k];
    to += (int64_t)at[k] * to_step[k];
  }
  if (w->transpose) {
    w->transpose(n[1], n[0], from, (ptrdiff_t)from_step[1], to, (ptrdiff_t)to_step[0]);
    return;
  }
  int row = n[1] >= n[0], column = !row; /* few long rows instead of many short ones */
  for (size_t i = 0; i < n[column]; i++, from += from_step[column], to += to_step[column])
    w->row(n[row], plan->size, from, (ptrdiff_t)from_step[row], to, (ptrdiff_t)to_step[row]);
}

static void copy_tiles(void *context, size_t begin, size_t end) {
  const walk *w = context;
  const rung_strided *plan = w->plan;
  for (size_t tile = begin; tile < end; tile++) {
    size_t at[2] = {tile / w->tiles[1] % w->tiles[0] * w->length[0], tile % w->tiles[1] * w->length[1]};
    size_t rest = tile / w->tiles[1] / w->tiles[0];
    const char *from = w->from;
    char *to = w->to;
    for (int32_t k = w->outer_count - 1; k >= 0; k--) {
      int32_t i = w->outer[k];
      int64_t index = (int64_t)(rest % (size_t)plan->dims[i]);
      rest /= (size_t)plan->dims[i];
      from += index * plan->from[i];
      to += index * plan->to[i];
    }
    copy_tile(w, at, from, to);
  }
}

static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

/* Is there a dimension along which the source is closer together than along the last? */
static bool find_tiles(walk *w, rung_cpu_set features) {
  const rung_strided *plan = w->plan;
  int64_t size = (int64_t)plan->size;
  int32_t inner = plan->rank - 1, across = inner;
  for (int32_t i = 0; i < inner; i++)
    if (plan->from[i] && magnitude(plan->from[i]) < magnitude(plan->from[across])) across = i;
  if (across == inner || plan->from[inner] == 0 || plan->size > MOST_TILED_BYTES) return false;
  if (plan->from[across] == size && plan->to[inner] == size && size < RUNG_TRANSPOSE_WIDTHS)
    w->transpose = rung_transpose_for(features)->of[size];
  w->edge[0] = across;
  w->edge[1] = inner;
  for (int k = 0; k < 2; k++) {
    size_t other = RUNG_MIN((size_t)plan->dims[w->edge[!k]], TILE_EDGE);
    w->length[k] = TILE / other;
    w->tiles[k] = RUNG_DIV_UP((size_t)plan->dims[w->edge[k]], w->length[k]);
  }
  for (int32_t i = 0; i < inner; i++)
    if (i != across) w->outer[w->outer_count++] = i;
  return true;
}

void rung_strided_run(const rung_kernel_call *call, const rung_strided *plan, const void *from, void *to) {
  if (plan->count == 0 || plan->size == 0) return;
  walk w = {.plan = plan, .from = from, .to = to, .row = row_of(plan->size)};
  if (plan->rank == 0) {
    rung_kernel_parallel(call, plan->size, GRAIN_BYTES, copy_bytes, &w);
  } else if (find_tiles(&w, rung_isa(call->host))) {
    size_t tiles = w.tiles[0] * w.tiles[1];
    for (int32_t k = 0; k < w.outer_count; k++) tiles *= (size_t)plan->dims[w.outer[k]];
    rung_kernel_parallel(call, tiles, RUNG_MAX(1, GRAIN_BYTES / (TILE * 8)), copy_tiles, &w);
  } else {
    rung_kernel_parallel(call, plan->count, RUNG_MAX(1, GRAIN_BYTES / RUNG_MAX(plan->size, 16)), copy_elements, &w);
  }
}

void rung_strided_bytes(const rung_kernel_call *call, const void *from, void *to, size_t bytes) {
  rung_strided_run(call, &(rung_strided){.size = bytes, .count = 1}, from, to);
}

static void zero_bytes(void *context, size_t begin, size_t end) { memset((char *)context + begin, 0, end - begin); }

void rung_strided_zero(const rung_kernel_call *call, void *to, size_t bytes) {
  if (bytes) rung_kernel_parallel(call, bytes, GRAIN_BYTES, zero_bytes, to);
}
