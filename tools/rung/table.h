/* Columns that line up. Cells are copied; columns whose title begins with '>' are flush right, and the cells
 * of one whose title begins with '~' lose their beginnings where the line would be too long. */
#ifndef RUNG_TOOL_TABLE_H
#define RUNG_TOOL_TABLE_H

#include <stddef.h>

enum { TABLE_COLUMNS = 10 };

typedef struct table {
  const char *titles[TABLE_COLUMNS]; /* all empty: no line of titles */
  int columns;
  const char *indent; /* before each line; NULL: none */
  char **cells;       /* row by row */
  size_t count;
} table;

void table_add(table *t, const char *cell);
/* Prints all rows and frees the cells. */
void table_print(table *t);

#endif
