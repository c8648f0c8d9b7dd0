#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILL = 0xa5, MOST = 64 };

/* Those that exist: a signal handler has nowhere else to look. Changed by one thread at a time. */
static const pages *all[MOST];

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void pages_make(pages *p, size_t size, size_t shift, const char *words) {
  size_t page = page_size(), room = (size + shift + page) / page * page;
  char *base = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED || mprotect(base + page, room, PROT_READ | PROT_WRITE) != 0) {
    perror("memory for a tensor");
    exit(1);
  }
  memset(base + page, FILL, room);
  *p = (pages){.data = base + page + room - shift - size, .size = size, .base = base, .room = room};
  snprintf(p->words, sizeof p->words, "%s", words);
  for (size_t i = 0; i < MOST; i++)
    if (!all[i]) {
      all[i] = p;
      break;
    }
}

void pages_read_only(pages *p) { p->read_only = mprotect(p->base + page_size(), p->room, PROT_READ) == 0; }

bool pages_are_whole(const pages *p) {
  const char *from = p->base + page_size(), *to = from + p->room, *data = p->data;
  for (const char *at = from; at < to; at++) {
    if (at == data) at += p->size;
    if (at < to && (unsigned char)*at != FILL) return false;
  }
  return true;
}

void pages_free(pages *p) {
  if (!p->base) return;
  for (size_t i = 0; i < MOST; i++)
    if (all[i] == p) all[i] = NULL;
  munmap(p->base, p->room + 2 * page_size());
  *p = (pages){0};
}

/* Only what a signal handler may call. */
static void put(char *words, size_t size, const char *more) {
  size_t at = strlen(words);
  while (*more && at + 1 < size) words[at++] = *more++;
  words[at] = 0;
}

bool pages_explain(const void *address, char *words, size_t size) {
  const char *at = address;
  for (size_t i = 0; i < MOST; i++) {
    const pages *p = all[i];
    if (!p || at < p->base || at >= p->base + p->room + 2 * page_size()) continue;
    const char *data = p->data;
    words[0] = 0;
    put(words, size,
        at >= data + p->size ? "touched memory past the end of "
        : at < data          ? "touched memory before "
                             : "wrote to ");
    put(words, size, p->words);
    return true;
  }
  return false;
}
