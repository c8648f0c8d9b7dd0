/* The program that pattern_parse.c makes of a pattern, and pattern.c runs. */
#ifndef RUNG_CPU_FORM_PATTERN_INTERNAL_H
#define RUNG_CPU_FORM_PATTERN_INTERNAL_H

#include "provider/cpu/form/pattern.h"

typedef struct pattern_range {
  uint32_t first, last; /* code points */
} pattern_range;

typedef struct pattern_step {
  enum {
    PATTERN_SET,   /* a code point in ranges [a, b); outside of them when negated */
    PATTERN_FORK,  /* to a and to b */
    PATTERN_GOTO,  /* to a */
    PATTERN_BEGIN, /* of the text, or of a line */
    PATTERN_END,   /* of the text, or of a line */
    PATTERN_WORD,  /* at the border of a word; or not at one, when negated */
    PATTERN_MATCH,
  } kind;
  bool negated, lines, any_case;
  uint32_t a, b;
} pattern_step;

typedef struct pattern_program {
  RUNG_VEC(pattern_step) steps;
  RUNG_VEC(pattern_range) ranges;
} pattern_program;

/* The vectors are the caller's to free, also after an error. */
rung_status *rung__pattern_parse(const rung_allocator *allocator, rung_str pattern,
                                 pattern_program *program) RUNG_MUST_CHECK;

static inline bool rung__is_word(uint32_t point) {
  return point < 0x80 && ((point >= '0' && point <= '9') || (point | 0x20) - 'a' < 26u || point == '_');
}

#endif
