/* NonMaxSuppression: in each class, boxes by falling score; one is taken unless it overlaps too much with one taken
 * before. Equal scores go by index; a score of NaN is never taken.
 *
 * Each class has a list of as many numbers as there are boxes. Its front is a heap of the candidates; what is taken
 * from the heap and kept goes to the end, where the shrinking heap has left room. The sides of what a class has kept
 * lie side by side, for loops of vectors. */
#include "op/sampling.h"

#include "base/pool.h"
#include "provider/opwise/kernel.h"

typedef struct nms_job {
  const rung_kernel_call *call;
  const float *boxes, *scores;
  size_t classes, count; /* per batch entry: classes, boxes */
  bool centered, thresholded;
  float overlap, threshold;
  int64_t most;    /* boxes of a class */
  uint32_t *lists; /* per class: candidates, then from the end what was taken, in reverse */
  uint32_t *taken; /* per class: how many */
  float *kept;     /* per thread: SIDES rows of `count` numbers */
} nms_job;

enum { LEFT, TOP, RIGHT, BOTTOM, AREA, SIDES };

typedef struct box {
  float left, top, right, bottom;
} box;

static box make_box(const nms_job *j, const float *at) {
  if (j->centered) return (box){at[0] - at[2] / 2, at[1] - at[3] / 2, at[0] + at[2] / 2, at[1] + at[3] / 2};
  return (box){RUNG_MIN(at[1], at[3]), RUNG_MIN(at[0], at[2]), RUNG_MAX(at[1], at[3]), RUNG_MAX(at[0], at[2])};
}

static float area_of(box b) { return (b.right - b.left) * (b.bottom - b.top); }

/* Does it overlap too much with one of those that were kept? */
static bool overlaps(const nms_job *j, box b, const float *kept, size_t taken) {
  enum { BLOCK = 64 };
  const float *left = kept + LEFT * j->count, *top = kept + TOP * j->count, *right = kept + RIGHT * j->count,
              *bottom = kept + BOTTOM * j->count, *area = kept + AREA * j->count, own = area_of(b), most = j->overlap;
  for (size_t first = 0; first < taken; first += BLOCK) {
    size_t end = RUNG_MIN(first + BLOCK, taken);
    int any = 0;
    for (size_t i = first; i < end; i++) {
      float width = RUNG_MIN(b.right, right[i]) - RUNG_MAX(b.left, left[i]);
      float height = RUNG_MIN(b.bottom, bottom[i]) - RUNG_MAX(b.top, top[i]);
      float both = width * height, either = own + area[i] - both;
      any |=
          (width > 0) & (height > 0) & (both > 0) & (own > 0) & (area[i] > 0) & (either > 0) & (both / either > most);
    }
    if (any) return true;
  }
  return false;
}

static void keep(const nms_job *j, box b, float *kept, size_t at) {
  const float sides[SIDES] = {b.left, b.top, b.right, b.bottom, area_of(b)};
  for (size_t s = 0; s < SIDES; s++) kept[s * j->count + at] = sides[s];
}

static bool is_better(const float *scores, uint32_t a, uint32_t b) {
  return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
}

static void sink(const float *scores, uint32_t *heap, size_t count, size_t at) {
  uint32_t moved = heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_better(scores, heap[child + 1], heap[child])) child++;
    if (!is_better(scores, heap[child], moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static size_t make_heap(const nms_job *j, const float *scores, uint32_t *heap) {
  size_t count = 0;
  for (size_t i = 0; i < j->count; i++)
    if (j->thresholded ? scores[i] > j->threshold : scores[i] == scores[i]) heap[count++] = (uint32_t)i;
  for (size_t i = count / 2; i-- > 0;) sink(scores, heap, count, i);
  return count;
}

static uint32_t take_boxes(const nms_job *j, const float *boxes, const float *scores, uint32_t *list) {
  float *kept = j->kept + rung_pool_slot() * SIDES * j->count;
  size_t left = make_heap(j, scores, list);
  uint32_t taken = 0, *last = list + j->count - 1; /* the first one taken */
  for (size_t seen = 1; left && (int64_t)taken < j->most; seen++) {
    uint32_t best = list[0];
    list[0] = list[--left];
    if (left) sink(scores, list, left, 0);
    box candidate = make_box(j, boxes + 4 * (size_t)best);
    if (!overlaps(j, candidate, kept, taken)) {
      keep(j, candidate, kept, taken);
      *(last - taken++) = best;
    }
    if (seen % 256 == 0 && rung_kernel_is_cancelled(j->call)) break;
  }
  return taken;
}

static void take_classes(void *context, size_t begin, size_t end) {
  const nms_job *j = context;
  for (size_t i = begin; i < end; i++)
    j->taken[i] =
        take_boxes(j, j->boxes + i / j->classes * j->count * 4, j->scores + i * j->count, j->lists + i * j->count);
}

/* Scratch: the lists, their counts, and for every thread the sides of what a class has kept. */
static rung_status *prepare_NonMaxSuppression(rung_kernel_call *call) {
  const rung_tensor *scores = rung_in(call, 1);
  size_t classes = (size_t)rung_tensor_span(scores, 0, 2), numbers, sides;
  RUNG_REQUIRE((uint64_t)scores->dims[2] <= UINT32_MAX && rung_add_size(rung_tensor_count(scores), classes, &numbers) &&
                   rung_mul_size((size_t)scores->dims[2], SIDES * RUNG_MAX(call->host->threads, 1), &sides) &&
                   rung_add_size(numbers, sides, &numbers) &&
                   rung_mul_size(numbers, sizeof(uint32_t), &call->scratch_size),
               LIMIT, "%lld boxes", (long long)scores->dims[2]);
  return NULL;
}

static rung_status *read_limits(const rung_kernel_call *call, nms_job *job) {
  const rung_tensor *limits[3] = {rung_in(call, 2), rung_in(call, 3), rung_in(call, 4)};
  for (int i = 0; i < 3; i++)
    RUNG_RUN_REQUIRE(!limits[i] || rung_tensor_count(limits[i]) == 1, "input %d must be one number", i + 2);
  if (limits[0]) job->most = *(const int64_t *)limits[0]->data;
  if (limits[1]) job->overlap = *(const float *)limits[1]->data;
  if (limits[2]) job->threshold = *(const float *)limits[2]->data;
  job->thresholded = limits[2] != NULL;
  return NULL;
}

static rung_status *put_boxes(rung_kernel_call *call, const nms_job *job, size_t lists) {
  int64_t total = 0;
  for (size_t i = 0; i < lists; i++) total += job->taken[i];
  rung_tensor *out;
  RUNG_TRY(rung_kernel_output(call, 0, RUNG_I64, 2, (int64_t[]){total, 3}, &out));
  int64_t *to = out->data;
  for (size_t i = 0; i < lists; i++)
    for (size_t k = 0; k < job->taken[i]; k++, to += 3) {
      to[0] = (int64_t)(i / job->classes);
      to[1] = (int64_t)(i % job->classes);
      to[2] = job->lists[(i + 1) * job->count - 1 - k];
    }
  return NULL;
}

static rung_status *run_NonMaxSuppression(rung_kernel_call *call) {
  const rung_tensor *boxes = rung_in(call, 0), *scores = rung_in(call, 1);
  size_t lists = (size_t)rung_tensor_span(scores, 0, 2);
  nms_job job = {.call = call,
                 .boxes = boxes->data,
                 .scores = scores->data,
                 .classes = (size_t)scores->dims[1],
                 .count = (size_t)scores->dims[2],
                 .centered = ((const rung_nms_params *)call->params)->center_point_box != 0,
                 .lists = call->scratch};
  RUNG_RUN_REQUIRE(boxes->dims[0] == scores->dims[0] && boxes->dims[1] == scores->dims[2] && boxes->dims[2] == 4,
                   "boxes and scores do not fit");
  RUNG_TRY(read_limits(call, &job));
  job.taken = job.lists + lists * job.count;
  job.kept = (float *)(job.taken + lists);
  if (lists) memset(job.taken, 0, lists * sizeof *job.taken); /* a cancelled run skips some */
  if (lists && job.count && job.most > 0)
    rung_kernel_parallel(call, lists, rung_kernel_grain(10 * RUNG_MIN(job.count, 2000)), take_classes, &job);
  return put_boxes(call, &job, lists);
}

const rung_kernel rung_cpu_NonMaxSuppression = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .prepare = prepare_NonMaxSuppression, .run = run_NonMaxSuppression};
