/* Names of classes. */
#ifndef RUNG_TOOL_LABELS_H
#define RUNG_TOOL_LABELS_H

#include "args.h"

/* A text of one class a line; or JSON, of which each element of the outermost array or object is a class, and its label
 * all strings in it. Freed by text_list_free. */
int labels_read(const char *path, text_list *out);
/* The same, of a text. */
void labels_parse(const char *text, text_list *out);
/* One a line. */
void labels_of_lines(const char *text, text_list *out);

#endif
