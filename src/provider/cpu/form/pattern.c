#include "provider/cpu/form/pattern.h"

#include "provider/cpu/form/letters.h"
#include "provider/cpu/form/pattern_internal.h"

struct rung_pattern {
  size_t step_count;
  const pattern_step *steps;
  const pattern_range *ranges;
};

rung_status *rung_pattern_make(const rung_allocator *allocator, rung_str text, rung_pattern **out_pattern) {
  pattern_program program = {0};
  rung_status *status = rung__pattern_parse(allocator, text, &program);
  size_t steps = program.steps.count * sizeof *program.steps.at,
         ranges = program.ranges.count * sizeof *program.ranges.at;
  rung_pattern *pattern = status ? NULL : rung_alloc(allocator, sizeof *pattern + steps + ranges, 1, "pattern");
  if (!status && !pattern) status = rung_status_out_of_memory();
  if (pattern) {
    char *block = (char *)(pattern + 1);
    memcpy(block, program.steps.at, steps);
    if (ranges) memcpy(block + steps, program.ranges.at, ranges);
    *pattern = (rung_pattern){program.steps.count, (const pattern_step *)block, (const pattern_range *)(block + steps)};
    *out_pattern = pattern;
  }
  rung_vec_free(allocator, &program.steps);
  rung_vec_free(allocator, &program.ranges);
  return rung_status_prefix(status, "pattern \"%.*s\"", (int)RUNG_MIN(text.size, 64), text.data);
}

/* The states that the machine is in: a set of steps. `place` of a step says where in `steps` it stands, if it does. */
typedef struct states {
  uint32_t *steps, *place;
  size_t count;
} states;

/* Two sets, and the steps whose ways out are still to be followed: each step is put there once per set. */
size_t rung_pattern_work(const rung_pattern *pattern) { return 5 * pattern->step_count * sizeof(uint32_t); }

static bool holds(const states *s, uint32_t step) {
  return s->place[step] < s->count && s->steps[s->place[step]] == step;
}

static bool add(states *s, uint32_t step) {
  if (holds(s, step)) return false;
  s->place[step] = (uint32_t)s->count;
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
static void enter(const rung_pattern *pattern, uint32_t first, const border *b, states *s, uint32_t *stack) {
  size_t depth = 0;
  if (add(s, first)) stack[depth++] = first;
  while (depth) {
    uint32_t i = stack[--depth];
    const pattern_step *step = &pattern->steps[i];
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
      if (add(s, targets[k])) stack[depth++] = targets[k];
  }
}

static bool in_ranges(const rung_pattern *pattern, const pattern_step *step, uint32_t point) {
  for (uint32_t i = step->a; i < step->b; i++)
    if (point >= pattern->ranges[i].first && point <= pattern->ranges[i].last) return true;
  return false;
}

static bool reads(const rung_pattern *pattern, const pattern_step *step, uint32_t point) {
  bool found = in_ranges(pattern, step, point);
  if (!found && step->any_case)
    found = in_ranges(pattern, step, rung_lower_case(point)) || in_ranges(pattern, step, rung_upper_case(point));
  return found != step->negated;
}

bool rung_pattern_matches(const rung_pattern *pattern, rung_str text, void *work) {
  size_t n = pattern->step_count, at = 0;
  uint32_t *space = work, *stack = space + 4 * n;
  states now = {space, space + n, 0}, next = {space + 2 * n, space + 3 * n, 0};
  memset(work, 0, rung_pattern_work(pattern));
  border b = {.begins = true, .ends = text.size == 0};
  size_t length = text.size ? rung_utf8_read(text.data, text.size, &b.after) : 0;
  enter(pattern, 0, &b, &now, stack);
  while (at < text.size && now.count) {
    uint32_t point = b.after;
    at += length;
    b = (border){.ends = at == text.size, .before = point};
    if (!b.ends) length = rung_utf8_read(text.data + at, text.size - at, &b.after);
    next.count = 0;
    for (size_t i = 0; i < now.count; i++) {
      const pattern_step *step = &pattern->steps[now.steps[i]];
      if (step->kind == PATTERN_SET && reads(pattern, step, point)) enter(pattern, now.steps[i] + 1, &b, &next, stack);
    }
    states swapped = now;
    now = next;
    next = swapped;
  }
  return at == text.size && holds(&now, (uint32_t)n - 1);
}
