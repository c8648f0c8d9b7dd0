/* Libraries loaded at run time: vendors' libraries are never linked, so that rung runs where they are missing. */
#ifndef RUNG_BASE_DYLIB_H
#define RUNG_BASE_DYLIB_H

#include "base/alloc.h"
#include "base/file.h"
#include "base/status.h"

typedef struct rung_dylib rung_dylib;

/* Looks for the file of a library without loading anything: `name` as it stands, or with a version behind it
 * ("libx.so" also finds "libx.so.3.1"; of several the highest). In `folder`; NULL: where the system's loader looks.
 * False when there is none. */
bool rung_dylib_look(const char *folder, const char *name, char out_path[RUNG_PATH_MAX]);

/* A function of unknown type; cast it to its own before the call. */
typedef void (*rung_dylib_fn)(void);

/* `name` is a path when it holds a '/', else a soname that the system looks for. All symbols are bound at once and
 * none become visible to other libraries. UNAVAILABLE with the loader's own words when it cannot be loaded.
 * Loading runs the library's constructors: code of the vendor. */
rung_status *rung_dylib_open(const rung_allocator *allocator, const char *name, rung_dylib **out_dylib) RUNG_MUST_CHECK;

/* Unloads the library: none of its functions may run or be called again. NULL is allowed; clears *dylib. */
void rung_dylib_close(rung_dylib **dylib);

/* The library stays loaded for as long as the process, also when it is closed: for one that is opened again and again. */
void rung_dylib_keep(const rung_dylib *dylib);

/* The file that was loaded; the name it was asked for by when that is unknown. Borrowed from the dylib. */
const char *rung_dylib_path(const rung_dylib *dylib);

/* NULL when the library has no such function. */
rung_dylib_fn rung_dylib_find(const rung_dylib *dylib, const char *symbol);

/* Fills table[i] with the function symbols[i]. UNAVAILABLE, naming the library and the first symbol that is missing;
 * then the table is as it was. `table` may be a struct of `count` function pointers in the same order. */
rung_status *rung_dylib_bind(const rung_dylib *dylib, const char *const *symbols, size_t count,
                             void *table) RUNG_MUST_CHECK;

#endif
