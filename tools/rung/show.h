/* Values in short: for people, and as JSON. */
#ifndef RUNG_TOOL_SHOW_H
#define RUNG_TOOL_SHOW_H

#include "args.h"

typedef struct show_args {
  int64_t top;             /* of a classifier: so many best classes; 0: not */
  const text_list *labels; /* of its classes; may be NULL */
  bool softmax;            /* scores are logits */
  bool ctc;                /* rows of scores spell a text: class 0 is blank, class i is label i - 1, the last a space */
} show_args;

/* One line, or with `top` the best classes of each row. */
void show_value(const char *name, const rung_value *value, const show_args *how);
/* An object: name, type, shape, range and, up to 1024 elements, the values. `file` may be NULL. */
void show_json(const char *name, const rung_value *value, const show_args *how, const char *file);

#endif
