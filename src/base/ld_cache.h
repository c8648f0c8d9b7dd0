/* /etc/ld.so.cache, which ldconfig makes: sonames and where the loader finds them. Reads bytes that anybody may have
 * written, and believes nothing. */
#ifndef RUNG_BASE_LD_CACHE_H
#define RUNG_BASE_LD_CACHE_H

#include "base/macros.h"
#include "rung_types.h"

#include <stdbool.h>

/* One entry that fits this machine: `soname` and `path` lie in the bytes. False ends the walk. */
typedef bool (*rung_ld_cache_fn)(void *context, const char *soname, const char *path);

/* Calls fn with every entry for this machine's libraries, in the order of the file. False: it is no such file, or none
 * of glibc's; damaged entries are left out. */
bool rung_ld_cache_each(rung_str bytes, rung_ld_cache_fn fn, void *context);

#endif
