#include "provider/cpu/form/pattern.h"

#include "provider/cpu/form/letters.h"
#include "provider/cpu/form/pattern_internal.h"

struct rung_pattern {
  size_t step_count, range_count; /* the steps follow, then the ranges */
};

static const pattern_step *steps_of(const rung_pattern *pattern) { return (const pattern_step *)(pattern + 1); }

size_t rung_pattern_size(const rung_pattern *pattern) {
  return RUNG_ROUND_UP(
      sizeof *pattern + pattern->step_count * sizeof(pattern_step) + pattern->range_count * sizeof(pattern_range),
      sizeof(size_t));
}

rung_status *rung_pattern_make(const rung_allocator *allocator, rung_str text, rung_pattern **out_pattern) {
  pattern_program program = {0};
  rung_status *status = rung__pattern_parse(allocator, text, &program);
  rung_pattern made = {program.steps.count, program.ranges.count};
  size_t steps = made.step_count * sizeof *program.steps.at, ranges = made.range_count * sizeof *program.ranges.at;
  rung_pattern *pattern = status ? NULL : rung_alloc(allocator, rung_pattern_size(&made), 1, "pattern");
  if (!status && !pattern) status = rung_status_out_of_memory();
  if (pattern) {
    char *block = (char *)(pattern + 1);
    memcpy(block, program.steps.at, steps);
    if (ranges) memcpy(block + steps, program.ranges.at, ranges);
    *pattern = made;
    *out_pattern = pattern;
  }
  rung_vec_free(allocator, &program.steps);
  rung_vec_free(allocator, &program.ranges);
  return rung_status_prefix(status, "pattern \"%.*s\"", (int)RUNG_MIN(text.size, 64), text.data);
}

/* The states that the machine is in: a set of steps. `place` of a step says where in `steps` it stands, if it does;
 * `begins`, where in the text the match began that led to it. The earliest beginnings stand first. */
typedef struct states {
  size_t *begins;
  uint32_t *steps, *place;
  size_t count;
} states;

/* Two sets, and the steps whose ways out are still to be followed: each step is put there once per set. */
size_t rung_pattern_work(const rung_pattern *pattern) {
  return pattern->step_count * (2 * sizeof(size_t) + 5 * sizeof(uint32_t));
}

static bool holds(const states *s, uint32_t step) {
  return s->place[step] < s->count && s->steps[s->place[step]] == step;
}

static bool add(states *s, uint32_t step, size_t began) {
  if (holds(s, step)) return false;
  s->place[step] = (uint32_t)s->count;
  s->begins[s->count] = began;
  s->steps[s->count++] = step;
  return true;
}

/* What stands before and after a place in the text. */
typedef struct border {
  bool begins, ends;
  uint32_t before, after;
} border;

static bool passes(const pattern_step *step, const border *b) {
  switch (step->kind) {
    case PATTERN_BEGIN:
      return b->begins || (step->lines && b->before == '\n');
    case PATTERN_END:
      return b->ends || (step->lines && b->after == '\n');
    default:
      return ((!b->begins && rung__is_word(b->before)) != (!b->ends && rung__is_word(b->after))) != step->negated;
  }
}

/* Adds a step and all that is reached from it without reading on. */
static void enter(const rung_pattern *pattern, uint32_t first, size_t began, const border *b, states *s,
                  uint32_t *stack) {
  size_t depth = 0;
  if (add(s, first, began)) stack[depth++] = first;
  while (depth) {
    uint32_t i = stack[--depth];
    const pattern_step *step = &steps_of(pattern)[i];
    uint32_t targets[2];
    int count = 0;
    switch (step->kind) {
      case PATTERN_FORK:
        targets[count++] = step->b; /* fall through */
      case PATTERN_GOTO:
        targets[count++] = step->a;
        break;
      case PATTERN_BEGIN:
      case PATTERN_END:
      case PATTERN_WORD:
        if (passes(step, b)) targets[count++] = i + 1;
        break;
      default:
        break;
    }
    for (int k = 0; k < count; k++)
      if (add(s, targets[k], began)) stack[depth++] = targets[k];
  }
}

static bool in_ranges(const rung_pattern *pattern, const pattern_step *step, uint32_t point) {
  const pattern_range *ranges = (const pattern_range *)(steps_of(pattern) + pattern->step_count);
  for (uint32_t i = step->a; i < step->b; i++)
    if (point >= ranges[i].first && point <= ranges[i].last) return true;
  return false;
}

static bool reads(const rung_pattern *pattern, const pattern_step *step, uint32_t point) {
  bool found = in_ranges(pattern, step, point);
  if (!found && step->any_case)
    found = in_ranges(pattern, step, rung_lower_case(point)) || in_ranges(pattern, step, rung_upper_case(point));
  return found != step->negated;
}

/* The machine on its way through a text. */
typedef struct walk {
  const rung_pattern *pattern;
  rung_str text;
  size_t at, length; /* the place in the text, and the bytes of the code point there */
  border border;
  states now, next;
  uint32_t *stack;
} walk;

static void read_on(walk *w) {
  w->border.ends = w->at == w->text.size;
  if (!w->border.ends) w->length = rung_utf8_read(w->text.data + w->at, w->text.size - w->at, &w->border.after);
}

/* Of what stands before, the last byte tells whether it is a letter of a word, or a new line. */
static void begin_walk(walk *w, const rung_pattern *pattern, rung_str text, size_t from, void *work) {
  size_t n = pattern->step_count, *begins = work;
  uint32_t *space = (uint32_t *)(begins + 2 * n);
  memset(work, 0, rung_pattern_work(pattern));
  *w = (walk){.pattern = pattern,
              .text = text,
              .at = from,
              .border = {.begins = from == 0, .before = from ? (unsigned char)text.data[from - 1] : 0},
              .now = {begins, space, space + n, 0},
              .next = {begins + n, space + 2 * n, space + 3 * n, 0},
              .stack = space + 4 * n};
  read_on(w);
}

/* Reads a code point, of which there must be one. */
static void step_over(walk *w) {
  const pattern_step *steps = steps_of(w->pattern);
  uint32_t point = w->border.after;
  w->at += w->length;
  w->border = (border){.before = point};
  read_on(w);
  w->next.count = 0;
  for (size_t i = 0; i < w->now.count; i++) {
    const pattern_step *step = &steps[w->now.steps[i]];
    if (step->kind == PATTERN_SET && reads(w->pattern, step, point))
      enter(w->pattern, w->now.steps[i] + 1, w->now.begins[i], &w->border, &w->next, w->stack);
  }
  states swapped = w->now;
  w->now = w->next;
  w->next = swapped;
}

bool rung_pattern_matches(const rung_pattern *pattern, rung_str text, void *work) {
  walk w;
  begin_walk(&w, pattern, text, 0, work);
  enter(pattern, 0, 0, &w.border, &w.now, w.stack);
  while (w.at < text.size && w.now.count) step_over(&w);
  return w.at == text.size && holds(&w.now, (uint32_t)pattern->step_count - 1);
}

/* Once something matches, only what began there, or earlier, still counts. */
static bool note_match(walk *w, size_t *begin, size_t *end) {
  uint32_t last = (uint32_t)w->pattern->step_count - 1;
  if (!holds(&w->now, last)) return false;
  *begin = w->now.begins[w->now.place[last]];
  *end = w->at;
  while (w->now.count && w->now.begins[w->now.count - 1] > *begin) w->now.count--;
  return true;
}

bool rung_pattern_find(const rung_pattern *pattern, rung_str text, size_t from, void *work, size_t *begin,
                       size_t *end) {
  walk w;
  begin_walk(&w, pattern, text, from, work);
  for (bool found = false;; step_over(&w)) {
    if (!found) enter(pattern, 0, w.at, &w.border, &w.now, w.stack);
    found |= note_match(&w, begin, end);
    if (w.at == text.size || (found && !w.now.count)) return found;
  }
}
