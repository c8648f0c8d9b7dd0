#include "table.h"

#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_add(table *t, const char *cell) {
  t->cells = grow_memory(t->cells, t->count, sizeof *t->cells);
  t->cells[t->count++] = copy_text(cell, strlen(cell));
}

/* Characters of UTF-8; wide ones are rare in names. */
static int width(const char *text) {
  int count = 0;
  for (; *text; text++) count += (*text & 0xc0) != 0x80;
  return count;
}

static bool is_right(const table *t, int column) { return t->titles[column] && t->titles[column][0] == '>'; }

static bool may_be_cut(const table *t, int column) { return t->titles[column] && t->titles[column][0] == '~'; }

static const char *title(const table *t, int column) {
  return t->titles[column] ? t->titles[column] + (is_right(t, column) || may_be_cut(t, column)) : "";
}

/* "...its/end": at most `most` characters. */
static void cut_cell(char *cell, int most) {
  int left = width(cell);
  if (left <= most) return;
  const char *from = cell;
  for (; left > most - 3; left--) do
      from++;
    while ((*from & 0xc0) == 0x80);
  size_t size = strlen(from);
  memmove(cell + 3, from, size + 1);
  memcpy(cell, "...", 3);
}

/* Room for the column beside the others, which stay as they are. */
static void cut_column(table *t, int column, int *widths) {
  enum { LEAST = 20 };
  int room = line_width() - (t->indent ? width(t->indent) : 0) + 2;
  for (int c = 0; c < t->columns; c++) room -= 2 + (c == column ? 0 : widths[c]);
  if (room < LEAST) room = LEAST;
  if (widths[column] <= room) return;
  for (size_t i = (size_t)column; i < t->count; i += (size_t)t->columns) cut_cell(t->cells[i], room);
  widths[column] = room;
}

static void print_row(const table *t, const char *const *cells, const int *widths) {
  fputs(t->indent ? t->indent : "", stdout);
  int last = t->columns - 1;
  while (last > 0 && !cells[last][0]) last--; /* nothing is padded at the end of a line */
  for (int c = 0; c <= last; c++) {
    int blank = widths[c] - width(cells[c]);
    if (is_right(t, c))
      printf("%*s%s", blank, "", cells[c]);
    else
      printf("%s%*s", cells[c], c == last ? 0 : blank, "");
    if (c < last) fputs("  ", stdout);
  }
  putchar('\n');
}

void table_print(table *t) {
  int widths[TABLE_COLUMNS] = {0};
  const char *titles[TABLE_COLUMNS];
  bool titled = false;
  for (int c = 0; c < t->columns; c++) {
    titles[c] = title(t, c);
    titled |= titles[c][0] != 0;
    widths[c] = width(titles[c]);
  }
  for (size_t i = 0; i < t->count; i++) {
    int *w = &widths[i % (size_t)t->columns];
    if (width(t->cells[i]) > *w) *w = width(t->cells[i]);
  }
  for (int c = 0; c < t->columns; c++)
    if (may_be_cut(t, c)) cut_column(t, c, widths);
  if (titled) {
    fputs(in(DIM), stdout);
    print_row(t, titles, widths);
    fputs(in(PLAIN), stdout);
  }
  for (size_t i = 0; i + (size_t)t->columns <= t->count; i += (size_t)t->columns)
    print_row(t, (const char *const *)&t->cells[i], widths);
  for (size_t i = 0; i < t->count; i++) free(t->cells[i]);
  free(t->cells);
  t->cells = NULL;
  t->count = 0;
}
