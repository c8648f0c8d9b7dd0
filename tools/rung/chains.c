#include "chains.h"

#include <string.h>

/* The item that begins at `at`, up to its comma; those in quotes belong to it. */
static size_t item_size(const char *at, bool *out_is_option) {
  bool quoted = false;
  size_t size = 0;
  *out_is_option = false;
  for (; at[size] && (quoted || at[size] != ','); size++) {
    if (quoted && at[size] == '\\' && at[size + 1])
      size++;
    else if (at[size] == '"')
      quoted = !quoted;
    else if (!quoted && at[size] == ':')
      break;
    else if (!quoted && at[size] == '=')
      *out_is_option = true;
  }
  while (at[size] && (quoted || at[size] != ',')) {
    if (quoted && at[size] == '\\' && at[size + 1])
      size++;
    else if (at[size] == '"')
      quoted = !quoted;
    size++;
  }
  return size;
}

void chain_parts(const char *chain, text_list *out) {
  const char *begin = chain;
  for (const char *at = chain; *at;) {
    bool next_is_option = false;
    at += item_size(at, &next_is_option);
    const char *next = *at ? at + 1 : at;
    if (*next) item_size(next, &next_is_option);
    if (!*next || !next_is_option) {
      text_list_add(out, copy_text(begin, (size_t)(at - begin)));
      begin = next;
    }
    at = next;
  }
}
