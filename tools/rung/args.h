/* Options as tables: the same rows parse the command line, print help, make the man page and complete words. */
#ifndef RUNG_TOOL_ARGS_H
#define RUNG_TOOL_ARGS_H

#include "text.h"

/* One option. `set` stores its value in the settings that belong to its group, at `offset` where one of the common
 * functions below does it. */
typedef struct option {
  const char *name;  /* "threads" */
  char letter;       /* 0: none */
  const char *value; /* what help calls its value; NULL: it takes none; "[PATH]": it may be left out */
  const char *help;
  int (*set)(const struct option *self, const char *value, void *settings);
  size_t offset;
} option;

int set_flag(const option *self, const char *value, void *settings);      /* bool */
int set_text(const option *self, const char *value, void *settings);      /* const char *, borrowed */
int set_count(const option *self, const char *value, void *settings);     /* int64_t, >= 0 */
int set_positive(const option *self, const char *value, void *settings);  /* int64_t, >= 1 */
int set_small(const option *self, const char *value, void *settings);     /* int64_t that fits in uint32_t */
int set_tolerance(const option *self, const char *value, void *settings); /* double, finite, >= 0 */
int set_cosine(const option *self, const char *value, void *settings);    /* double, -1 to 1 */
int set_choice(const option *self, const char *value, void *settings);  /* int: which of the words in `value`, "a|b" */
int set_seconds(const option *self, const char *value, void *settings); /* double; "1.5", "200ms", "2s", "3m" */
int set_more(const option *self, const char *value, void *settings);    /* text_list: one more */
/* Options from a file, as if they stood in its place: lines "name = value", "name" for flags, "# ...";
 * a value may stand in quotes */
int set_config(const option *self, const char *value, void *settings);

typedef struct option_group {
  const char *title;     /* "Options", "Session" ... */
  const option *options; /* ends with a NULL name */
} option_group;

enum { MOST_GROUPS = 4 };

typedef struct command {
  const char *name;     /* "run"; of a program without commands its own */
  const char *operands; /* "MODEL"; "" for none */
  const char *summary;  /* one line */
  const char *story;    /* what it does and how to use it, with an example */
  option_group groups[MOST_GROUPS];
  int (*run)(const struct command *self, int argc, char **argv);
  bool is_program; /* not a command of rung, but a program */
} command;

/* "rung run", or the program's name. Good until the next call. */
const char *call_text(const command *self);

/* Reads options into `settings`, one struct per group in the order of self->groups, and operands into `operands`.
 * `most` limits them; their number goes to *out_count. */
int args_parse(const command *self, int argc, char **argv, void *const *settings, const char **operands, int most,
               int *out_count);
/* The same, for exactly one operand. */
int args_parse_one(const command *self, int argc, char **argv, void *const *settings, const char **out_operand);

#endif
