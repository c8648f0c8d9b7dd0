#include "args.h"

#include "disk.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *call_text(const command *self) {
  static char text[80];
  snprintf(text, sizeof text, "%s%s", self->is_program ? "" : "rung ", self->name);
  return text;
}

/* Values */

static void *place(const option *self, void *settings) { return (char *)settings + self->offset; }

int set_flag(const option *self, const char *value, void *settings) {
  (void)value;
  *(bool *)place(self, settings) = true;
  return 0;
}

int set_text(const option *self, const char *value, void *settings) {
  *(const char **)place(self, settings) = value;
  return 0;
}

static int set_whole(const option *self, const char *value, int64_t least, int64_t most, const char *needed,
                     void *settings) {
  int64_t number;
  if (!parse_count(value, strlen(value), &number) || number < least || number > most)
    return fail(EXIT_USAGE, "--%s %s: %s is needed", self->name, clean(value), needed);
  *(int64_t *)place(self, settings) = number;
  return 0;
}

int set_count(const option *self, const char *value, void *settings) {
  return set_whole(self, value, 0, INT64_MAX, "a whole number", settings);
}

int set_positive(const option *self, const char *value, void *settings) {
  return set_whole(self, value, 1, INT64_MAX, "a whole number from 1 on", settings);
}

int set_small(const option *self, const char *value, void *settings) {
  return set_whole(self, value, 0, UINT32_MAX, "a whole number up to 4294967295", settings);
}

static int set_real(const option *self, const char *value, double least, double most, const char *needed,
                    void *settings) {
  double number;
  if (!parse_number(value, strlen(value), &number) || !(number >= least && number <= most))
    return fail(EXIT_USAGE, "--%s %s: %s is needed", self->name, clean(value), needed);
  *(double *)place(self, settings) = number;
  return 0;
}

int set_tolerance(const option *self, const char *value, void *settings) {
  return set_real(self, value, 0, DBL_MAX, "a number from 0 on", settings);
}

int set_cosine(const option *self, const char *value, void *settings) {
  return set_real(self, value, -1, 1, "a number from -1 to 1", settings);
}

int set_choice(const option *self, const char *value, void *settings) {
  int number = 0;
  for (const char *at = self->value; *at; number++) {
    size_t size = strcspn(at, "|");
    if (strlen(value) == size && memcmp(at, value, size) == 0) {
      *(int *)place(self, settings) = number;
      return 0;
    }
    at += size + (at[size] == '|');
  }
  return fail(EXIT_USAGE, "--%s %s: one of %s is needed", self->name, clean(value), self->value);
}

int set_seconds(const option *self, const char *value, void *settings) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    double number;
    size_t size = strlen(value) - (ends_with(value, units[i].unit) ? strlen(units[i].unit) : 0);
    if (!ends_with(value, units[i].unit) || !parse_number(value, size, &number)) continue;
    if (!(number >= 0 && number * units[i].seconds < 1e9)) break;
    *(double *)place(self, settings) = number * units[i].seconds;
    return 0;
  }
  return fail(EXIT_USAGE, "--%s %s: a time is needed, such as 2s or 200ms", self->name, clean(value));
}

int set_more(const option *self, const char *value, void *settings) {
  text_list_add(place(self, settings), value);
  return 0;
}

/* Finding options */

static const option *find(const command *self, const char *name, size_t size, char letter, size_t *out_group) {
  for (size_t g = 0; g < MOST_GROUPS; g++)
    for (const option *o = self->groups[g].options; o && o->name; o++) {
      bool is_it = letter ? o->letter == letter : strlen(o->name) == size && memcmp(o->name, name, size) == 0;
      if (!is_it) continue;
      *out_group = g;
      return o;
    }
  return NULL;
}

static int unknown(const command *self, const char *name) {
  const char *names[64];
  size_t count = 0;
  for (size_t g = 0; g < MOST_GROUPS; g++)
    for (const option *o = self->groups[g].options; o && o->name && count < 64; o++) names[count++] = o->name;
  const char *near = nearest(name, names, count);
  if (near) return fail(EXIT_USAGE, "%s has no option --%s; did you mean --%s?", self->name, clean(name), near);
  return fail(EXIT_USAGE, "%s has no option --%s; %s --help lists them", self->name, clean(name), call_text(self));
}

/* Files of options */

int set_config(const option *self, const char *value, void *settings) {
  (void)settings;
  return fail(EXIT_USAGE, "--%s %s: a file of options cannot name another", self->name, clean(value));
}

static char *trim(char *text) {
  while (isspace((unsigned char)*text)) text++;
  size_t size = strlen(text);
  while (size && isspace((unsigned char)text[size - 1])) text[--size] = 0;
  return text;
}

/* What stands in quotes, as a shell would take it. */
static char *unquote(char *text) {
  size_t size = strlen(text);
  if (size < 2 || (text[0] != '"' && text[0] != '\'') || text[size - 1] != text[0]) return text;
  text[size - 1] = 0;
  return text + 1;
}

static int take_line(const command *self, char *line, void *const *settings) {
  char *equals = strchr(line, '='), *value = NULL;
  if (equals) {
    *equals = 0;
    value = unquote(trim(equals + 1));
  }
  const char *name = trim(line);
  size_t group;
  const option *o = find(self, name, strlen(name), 0, &group);
  if (!o) return unknown(self, name);
  if (!o->value && value) return fail(EXIT_USAGE, "%s takes no value", o->name);
  if (o->value && !value) return fail(EXIT_USAGE, "%s needs a value: %s", o->name, o->value);
  return o->set(o, value, settings[group]);
}

/* Values are borrowed by the settings: the file's text stays until the process ends. */
static int take_file(const command *self, const char *path, void *const *settings) {
  static text_list kept;
  bytes file;
  TRY(read_text_file(path, &file));
  char *line = (char *)file.data;
  text_list_add(&kept, line);
  if (starts_with(line, "\xef\xbb\xbf")) line += 3; /* a byte order mark, from an editor */
  for (int number = 1; line; number++) {
    char *end = strchr(line, '\n');
    if (end) *end = 0;
    char *text = trim(line);
    if (text[0] && text[0] != '#')
      TRY(fail_within(take_line(self, text, settings), "%s, line %d: ", clean(path), number));
    line = end ? end + 1 : NULL;
  }
  return 0;
}

/* One argument that begins with '-'; *at moves past a value that stands alone. */
static int take_option(const command *self, int argc, char **argv, int *at, void *const *settings) {
  const char *text = argv[*at], *value = NULL, *name = text + 2;
  bool is_long = text[1] == '-';
  size_t group, size = is_long ? strcspn(name, "=") : 0;
  const option *o = find(self, name, size, is_long ? 0 : text[1], &group);
  if (!o && is_long) return unknown(self, clean_bytes(name, size));
  if (!o) return fail(EXIT_USAGE, "%s has no option -%c", self->name, text[1]);
  if (is_long && name[size] == '=') value = name + size + 1;
  if (!is_long && text[2]) value = text + 2;
  if (!o->value && value) return fail(EXIT_USAGE, "--%s takes no value", o->name);
  bool optional = o->value && o->value[0] == '[';
  if (optional && !value) value = *at + 1 < argc && argv[*at + 1][0] != '-' ? argv[++*at] : "";
  if (o->value && !value) {
    if (*at + 1 >= argc) return fail(EXIT_USAGE, "--%s needs a value: %s", o->name, o->value);
    value = argv[++*at];
  }
  if (o->set == set_config) return take_file(self, value, settings);
  return o->set(o, value, settings[group]);
}

int args_parse(const command *self, int argc, char **argv, void *const *settings, const char **operands, int most,
               int *out_count) {
  bool only_operands = false;
  *out_count = 0;
  for (int i = 0; i < argc; i++) {
    if (!only_operands && strcmp(argv[i], "--") == 0) {
      only_operands = true;
    } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
      TRY(take_option(self, argc, argv, &i, settings));
    } else if (*out_count < most) {
      operands[(*out_count)++] = argv[i];
    } else {
      return fail(EXIT_USAGE, "%s: \"%s\" is one argument too many (usage: %s%s%s)", self->name, clean(argv[i]),
                  call_text(self), self->operands[0] ? " " : "", self->operands);
    }
  }
  return 0;
}

int args_parse_one(const command *self, int argc, char **argv, void *const *settings, const char **out_operand) {
  int count;
  TRY(args_parse(self, argc, argv, settings, out_operand, 1, &count));
  if (count == 1) return 0;
  return fail(EXIT_USAGE, "%s: %s is missing (usage: %s %s [options])", self->name, self->operands, call_text(self),
              self->operands);
}
