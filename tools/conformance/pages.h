/* Memory of the caller's: inputs that only read, outputs that end where nothing may be touched.
 *
 *     [ no access ][ canary ... data ][ no access ]
 *
 * The data ends at a page that cannot be touched, or `shift` bytes before it, so that it can begin at any address. A
 * touch of what may not be touched ends the process; pages_explain says whose memory it was. */
#ifndef RUNG_KIT_PAGES_H
#define RUNG_KIT_PAGES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pages {
  void *data;
  size_t size;
  char *base; /* of the mapping, which has `room` bytes between two pages without access */
  size_t room;
  char words[64]; /* input "x" */
  bool read_only;
} pages;

/* Filled with 0xa5. The process ends when there is no memory. */
void pages_make(pages *p, size_t size, size_t shift, const char *words);
void pages_read_only(pages *p);
/* Is what lies in front of the data, and `shift` behind it, as it was? */
bool pages_are_whole(const pages *p);
void pages_free(pages *p);

/* For a signal handler: what was done at `address`, into words; false when it lies in no pages. */
bool pages_explain(const void *address, char *words, size_t size);

#endif
