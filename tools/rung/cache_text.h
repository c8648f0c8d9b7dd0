/* What the library says of the engine cache, for people. */
#ifndef RUNG_TOOL_CACHE_TEXT_H
#define RUNG_TOOL_CACHE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Of rung_session_cache_json: a table of islands. */
void print_cached_islands(const char *text);
/* The same, with the differences from the nearest entries. */
void print_cache_why(const char *text);
/* Of rung_cache_json: a table of entries, and how much they are. */
void print_cache_entries(const char *text, bool verify);
/* How many entries are damaged. */
size_t count_damaged(const char *text);

#endif
