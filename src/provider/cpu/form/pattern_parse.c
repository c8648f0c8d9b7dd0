/* Recursive descent that writes the program as it reads. Every construct leaves its program as a run of steps that is
 * entered at its first and left behind its last one; so a repetition is the run again, moved. */
#include "provider/cpu/form/letters.h"
#include "provider/cpu/form/pattern_internal.h"

enum { MOST_STEPS = 100000, MOST_DEPTH = 200, MOST_REPEATS = 1000, NO_LIMIT = -1, LAST_POINT = 0x10ffff };

typedef struct flags {
  bool any_case, lines, dot_all;
} flags;

typedef struct parser {
  const rung_allocator *allocator;
  pattern_program *program;
  rung_str rest, whole;
  flags flags;
  int depth;
} parser;

#define FAIL(...) return RUNG_ERROR(INVALID_MODEL, __VA_ARGS__)

static bool at_end(const parser *p) { return p->rest.size == 0; }
static char peek(const parser *p) { return at_end(p) ? 0 : p->rest.data[0]; }
static void skip(parser *p, size_t n) { p->rest = (rung_str){p->rest.data + n, p->rest.size - n}; }
static bool starts(const parser *p, const char *text) {
  size_t n = strlen(text);
  return p->rest.size >= n && memcmp(p->rest.data, text, n) == 0;
}
static bool take(parser *p, const char *text) {
  if (!starts(p, text)) return false;
  skip(p, strlen(text));
  return true;
}
static uint32_t next_point(parser *p) {
  uint32_t point;
  skip(p, rung_utf8_read(p->rest.data, p->rest.size, &point));
  return point;
}

/* Program */

static uint32_t here(const parser *p) { return (uint32_t)p->program->steps.count; }

static rung_status *emit(parser *p, pattern_step step) {
  RUNG_REQUIRE(p->program->steps.count < MOST_STEPS, LIMIT, "the pattern has more than %d steps", MOST_STEPS);
  return rung_vec_push(p->allocator, &p->program->steps, step) ? NULL : rung_status_out_of_memory();
}

static rung_status *add_range(parser *p, uint32_t first, uint32_t last) {
  RUNG_REQUIRE(p->program->ranges.count < 10 * MOST_STEPS, LIMIT, "the pattern has too many ranges");
  return rung_vec_push(p->allocator, &p->program->ranges, ((pattern_range){first, last})) ? NULL
                                                                                          : rung_status_out_of_memory();
}

static rung_status *emit_set(parser *p, size_t first_range, bool negated) {
  return emit(p, (pattern_step){.kind = PATTERN_SET,
                                .negated = negated,
                                .any_case = p->flags.any_case,
                                .a = (uint32_t)first_range,
                                .b = (uint32_t)p->program->ranges.count});
}

static rung_status *emit_point(parser *p, uint32_t point) {
  size_t first = p->program->ranges.count;
  RUNG_TRY(add_range(p, point, point));
  return emit_set(p, first, false);
}

/* Makes room for one step at `at`; steps from there on move up, and so do their targets within them. */
static rung_status *insert(parser *p, uint32_t at, pattern_step step) {
  RUNG_TRY(emit(p, step));
  pattern_step *steps = p->program->steps.at;
  memmove(steps + at + 1, steps + at, (here(p) - 1 - at) * sizeof *steps);
  steps[at] = step;
  for (uint32_t i = at + 1; i < here(p); i++) {
    if (steps[i].kind == PATTERN_GOTO || steps[i].kind == PATTERN_FORK) steps[i].a += steps[i].a >= at;
    if (steps[i].kind == PATTERN_FORK) steps[i].b += steps[i].b >= at;
  }
  return NULL;
}

/* Writes steps [from, to) again at the end. */
static rung_status *repeat(parser *p, uint32_t from, uint32_t to) {
  uint32_t moved = here(p) - from;
  for (uint32_t i = from; i < to; i++) {
    pattern_step step = p->program->steps.at[i];
    if (step.kind == PATTERN_GOTO || step.kind == PATTERN_FORK) step.a += moved;
    if (step.kind == PATTERN_FORK) step.b += moved;
    RUNG_TRY(emit(p, step));
  }
  return NULL;
}

/* Classes */

static const struct {
  const char *name;
  pattern_range ranges[4]; /* ends with 0, 0 */
} named[] = {
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", {{0, 0x7f}}},
    {"blank", {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", {{0, 0x1f}, {0x7f, 0x7f}}},
    {"digit", {{'0', '9'}}},
    {"graph", {{'!', '~'}}},
    {"lower", {{'a', 'z'}}},
    {"print", {{' ', '~'}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", {{'\t', '\r'}, {' ', ' '}}},
    {"upper", {{'A', 'Z'}}},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
    {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
};

/* Adds a named class, or what it leaves out. */
static rung_status *add_named(parser *p, const char *name, size_t size, bool negated) {
  for (size_t i = 0; i < RUNG_COUNT(named); i++) {
    if (strlen(named[i].name) != size || memcmp(named[i].name, name, size) != 0) continue;
    uint32_t next = 0;
    for (size_t k = 0; k < 4 && (k == 0 || named[i].ranges[k].last); k++) {
      pattern_range r = named[i].ranges[k];
      if (!negated)
        RUNG_TRY(add_range(p, r.first, r.last));
      else if (r.first > next)
        RUNG_TRY(add_range(p, next, r.first - 1));
      next = r.last + 1;
    }
    return negated ? add_range(p, next, UINT32_MAX) : NULL;
  }
  FAIL("the class [:%.*s:] does not exist", (int)RUNG_MIN(size, 20), name);
}

/* \d \s \w and their opposites; false when the rest begins with none of them. */
static bool take_perl_class(parser *p, const char **name, bool *negated) {
  static const char *const names[][2] = {{"d", "digit"}, {"s", "s"}, {"w", "word"}};
  for (size_t i = 0; i < RUNG_COUNT(names) && p->rest.size >= 2; i++) {
    if (p->rest.data[0] != '\\' || (p->rest.data[1] | 0x20) != names[i][0][0]) continue;
    *name = names[i][1];
    *negated = p->rest.data[1] < 'a';
    skip(p, 2);
    return true;
  }
  return false;
}

static int digit_of(char c, int base) {
  int value = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 16;
  return value < base ? value : -1;
}

static rung_status *take_hex(parser *p, uint32_t *point) {
  bool braces = take(p, "{");
  size_t digits = 0;
  for (*point = 0; !at_end(p) && digit_of(peek(p), 16) >= 0 && digits < (braces ? 8 : 2); digits++) {
    *point = *point * 16 + (uint32_t)digit_of(peek(p), 16);
    skip(p, 1);
  }
  if ((braces && !take(p, "}")) || digits == 0 || (!braces && digits != 2) || *point > LAST_POINT)
    FAIL("\\x is not followed by a code point");
  return NULL;
}

/* One code point after a backslash that has been taken. */
static rung_status *take_escape(parser *p, uint32_t *point) {
  static const char letters[] = "aftnrv", meanings[] = "\a\f\t\n\r\v";
  if (at_end(p)) FAIL("the pattern ends with a backslash");
  char c = peek(p);
  if (c == 'p' || c == 'P' || c == 'C') return RUNG_ERROR(UNSUPPORTED, "\\%c in a pattern", c);
  if (take(p, "x")) return take_hex(p, point);
  const char *letter = strchr(letters, c);
  if (letter) {
    skip(p, 1);
    *point = (uint32_t)meanings[letter - letters];
    return NULL;
  }
  if (c >= '0' && c <= '7') {
    *point = 0;
    for (int i = 0; i < 3 && !at_end(p) && digit_of(peek(p), 8) >= 0; i++, skip(p, 1))
      *point = *point * 8 + (uint32_t)digit_of(peek(p), 8);
    return NULL;
  }
  if (rung__is_word((unsigned char)c)) FAIL("\\%c means nothing", c);
  *point = next_point(p);
  return NULL;
}

static rung_status *take_class_point(parser *p, uint32_t *point) {
  if (at_end(p)) FAIL("a class is not closed");
  if (take(p, "\\")) return take_escape(p, point);
  *point = next_point(p);
  return NULL;
}

static rung_status *parse_class_item(parser *p) {
  const char *name;
  bool negated;
  uint32_t first, last;
  if (take_perl_class(p, &name, &negated)) return add_named(p, name, strlen(name), negated);
  if (take(p, "[:")) {
    negated = take(p, "^");
    for (size_t i = 0; i + 1 < p->rest.size; i++) {
      if (p->rest.data[i] != ':' || p->rest.data[i + 1] != ']') continue;
      name = p->rest.data;
      skip(p, i + 2);
      return add_named(p, name, i, negated);
    }
    FAIL("a class is not closed");
  }
  RUNG_TRY(take_class_point(p, &first));
  last = first;
  if (peek(p) == '-' && p->rest.size > 1 && p->rest.data[1] != ']') {
    skip(p, 1);
    RUNG_TRY(take_class_point(p, &last));
  }
  if (last < first) FAIL("a range in a class runs backwards");
  return add_range(p, first, last);
}

/* After the opening bracket; a closing one may stand first. */
static rung_status *parse_class(parser *p) {
  size_t first = p->program->ranges.count;
  bool negated = take(p, "^");
  do RUNG_TRY(parse_class_item(p));
  while (!at_end(p) && peek(p) != ']');
  if (!take(p, "]")) FAIL("a class is not closed");
  return emit_set(p, first, negated);
}

/* Groups, alternatives, repetitions */

static rung_status *parse_alternatives(parser *p);

/* (?flags) and (?flags:...): true when the rest is a group, false when the flags hold from here on. */
static rung_status *parse_flags(parser *p, bool *is_group) {
  bool on = true;
  for (;;) {
    if (at_end(p)) FAIL("a group is not closed");
    char c = peek(p);
    skip(p, 1);
    switch (c) {
      case '-':
        on = false;
        break;
      case 'i':
        p->flags.any_case = on;
        break;
      case 'm':
        p->flags.lines = on;
        break;
      case 's':
        p->flags.dot_all = on;
        break;
      case 'U':
        break; /* which repetition is greedy makes no difference to a whole match */
      case ':':
        *is_group = true;
        return NULL;
      case ')':
        *is_group = false;
        return NULL;
      default:
        FAIL("(?%c is no group", c);
    }
  }
}

static rung_status *skip_name(parser *p) {
  while (!at_end(p) && rung__is_word((unsigned char)peek(p))) skip(p, 1);
  if (!take(p, ">")) FAIL("the name of a group is not closed");
  return NULL;
}

/* After the opening parenthesis. */
static rung_status *parse_group(parser *p) {
  flags before = p->flags;
  bool is_group = true;
  if (++p->depth > MOST_DEPTH) return RUNG_ERROR(LIMIT, "the pattern is nested more than %d deep", MOST_DEPTH);
  if (take(p, "?P<") || (!starts(p, "?<=") && !starts(p, "?<!") && take(p, "?<")))
    RUNG_TRY(skip_name(p));
  else if (take(p, "?"))
    RUNG_TRY(parse_flags(p, &is_group));
  if (is_group) {
    RUNG_TRY(parse_alternatives(p));
    if (!take(p, ")")) FAIL("a group is not closed");
    p->flags = before;
  }
  p->depth--;
  return NULL;
}

static rung_status *parse_quoted(parser *p) {
  while (!at_end(p) && !take(p, "\\E")) RUNG_TRY(emit_point(p, next_point(p)));
  return NULL;
}

static rung_status *parse_escape(parser *p) {
  uint32_t point;
  if (take(p, "\\A")) return emit(p, (pattern_step){.kind = PATTERN_BEGIN});
  if (take(p, "\\z")) return emit(p, (pattern_step){.kind = PATTERN_END});
  if (take(p, "\\b")) return emit(p, (pattern_step){.kind = PATTERN_WORD});
  if (take(p, "\\B")) return emit(p, (pattern_step){.kind = PATTERN_WORD, .negated = true});
  if (take(p, "\\Q")) return parse_quoted(p);
  skip(p, 1);
  RUNG_TRY(take_escape(p, &point));
  return emit_point(p, point);
}

static rung_status *parse_dot(parser *p) {
  size_t first = p->program->ranges.count;
  if (!p->flags.dot_all) RUNG_TRY(add_range(p, '\n', '\n'));
  return emit_set(p, first, true);
}

static rung_status *parse_atom(parser *p) {
  const char *name;
  bool negated;
  if (take(p, "(")) return parse_group(p);
  if (take(p, "[")) return parse_class(p);
  if (take(p, ".")) return parse_dot(p);
  if (take(p, "^")) return emit(p, (pattern_step){.kind = PATTERN_BEGIN, .lines = p->flags.lines});
  if (take(p, "$")) return emit(p, (pattern_step){.kind = PATTERN_END, .lines = p->flags.lines});
  if (take_perl_class(p, &name, &negated)) {
    size_t first = p->program->ranges.count;
    RUNG_TRY(add_named(p, name, strlen(name), negated));
    return emit_set(p, first, false);
  }
  if (peek(p) == '\\') return parse_escape(p);
  if (strchr("*+?", peek(p))) FAIL("\"%c\" has nothing to repeat", peek(p));
  return emit_point(p, next_point(p));
}

static bool take_number(parser *p, int *out) {
  size_t digits = 0;
  for (*out = 0; !at_end(p) && digit_of(peek(p), 10) >= 0 && digits < 9; digits++, skip(p, 1))
    *out = *out * 10 + digit_of(peek(p), 10);
  return digits > 0;
}

/* A repetition operator; false (and nothing taken) when there is none. */
static bool take_repeat(parser *p, int *least, int *most) {
  rung_str before = p->rest;
  *least = 0, *most = NO_LIMIT;
  if (take(p, "*")) return true;
  if (take(p, "+")) return *least = 1, true;
  if (take(p, "?")) return *most = 1, true;
  if (take(p, "{") && take_number(p, least)) {
    *most = *least;
    if (take(p, ",") && !take_number(p, most)) *most = NO_LIMIT;
    if (take(p, "}")) return true;
  }
  p->rest = before; /* braces that are no repetition stand for themselves */
  return false;
}

/* x{least,most} where x is the run of steps from `start` on: x as often as it must be, then forks past each one more,
 * or a loop. */
static rung_status *write_repeat(parser *p, uint32_t start, int least, int most) {
  uint32_t end = here(p);
  for (int i = 1; i < least; i++) RUNG_TRY(repeat(p, start, end));
  if (most == NO_LIMIT && least > 0) {
    uint32_t again = here(p) - (end - start);
    return emit(p, (pattern_step){.kind = PATTERN_FORK, .a = again, .b = here(p) + 1});
  }
  if (least == 0) {
    RUNG_TRY(insert(p, start, (pattern_step){.kind = PATTERN_FORK, .a = start + 1}));
    end++;
    if (most == NO_LIMIT) RUNG_TRY(emit(p, (pattern_step){.kind = PATTERN_GOTO, .a = start}));
    if (most == 0) { /* never: the way in leads past it */
      p->program->steps.at[start] = (pattern_step){.kind = PATTERN_GOTO, .a = here(p)};
      return NULL;
    }
    p->program->steps.at[start].b = here(p);
    for (int i = 1; i < most; i++) {
      uint32_t fork = here(p);
      RUNG_TRY(emit(p, (pattern_step){.kind = PATTERN_FORK, .a = fork + 1}));
      RUNG_TRY(repeat(p, start + 1, end));
      p->program->steps.at[fork].b = here(p);
    }
    return NULL;
  }
  for (int i = least; i < most; i++) {
    uint32_t fork = here(p);
    RUNG_TRY(emit(p, (pattern_step){.kind = PATTERN_FORK, .a = fork + 1}));
    RUNG_TRY(repeat(p, start, end));
    p->program->steps.at[fork].b = here(p);
  }
  return NULL;
}

static rung_status *parse_sequence(parser *p) {
  while (!at_end(p) && peek(p) != '|' && peek(p) != ')') {
    uint32_t start = here(p);
    int least, most;
    RUNG_TRY(parse_atom(p));
    if (!take_repeat(p, &least, &most)) continue;
    if (least > MOST_REPEATS || most > MOST_REPEATS || (most != NO_LIMIT && most < least))
      FAIL("a repetition of %d to %d times", least, most);
    RUNG_TRY(write_repeat(p, start, least, most));
    (void)take(p, "?"); /* reluctant: no difference to a whole match */
    if (take_repeat(p, &least, &most)) FAIL("a repetition is repeated");
  }
  return NULL;
}

/* Each alternative but the last begins with a fork to the next one and ends with a way past all of them. */
static rung_status *parse_alternatives(parser *p) {
  uint32_t start = here(p), chain = UINT32_MAX; /* of the steps that lead past: each names the one before */
  RUNG_TRY(parse_sequence(p));
  while (take(p, "|")) {
    RUNG_TRY(insert(p, start, (pattern_step){.kind = PATTERN_FORK, .a = start + 1}));
    uint32_t past = here(p);
    RUNG_TRY(emit(p, (pattern_step){.kind = PATTERN_GOTO, .a = past, .b = chain}));
    chain = past;
    p->program->steps.at[start].b = here(p);
    start = here(p);
    RUNG_TRY(parse_sequence(p));
  }
  for (uint32_t i = chain, before; i != UINT32_MAX; i = before) {
    before = p->program->steps.at[i].b;
    p->program->steps.at[i].a = here(p);
  }
  return NULL;
}

rung_status *rung__pattern_parse(const rung_allocator *allocator, rung_str pattern, pattern_program *program) {
  parser p = {.allocator = allocator, .program = program, .rest = pattern, .whole = pattern};
  RUNG_TRY(parse_alternatives(&p));
  if (!at_end(&p)) FAIL("a closing parenthesis too many");
  return emit(&p, (pattern_step){.kind = PATTERN_MATCH});
}
