#include "base/dylib.h"

#include "base/os.h"

#include <dlfcn.h>

struct rung_dylib {
  const rung_allocator *allocator;
  void *handle;
  char name[];
};

_Static_assert(sizeof(void *) == sizeof(rung_dylib_fn), "POSIX: dlsym returns functions as data pointers");

rung_status *rung_dylib_open(const rung_allocator *allocator, const char *name, rung_dylib **out_dylib) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *error = dlerror();
    return RUNG_ERROR(UNAVAILABLE, "%s cannot be loaded: %s", name, error ? error : "no reason given");
  }
  size_t length = strlen(name);
  rung_dylib *dylib = rung_alloc(allocator, 1, sizeof *dylib + length + 1, "dylib");
  if (!dylib) {
    dlclose(handle);
    return rung_status_out_of_memory();
  }
  dylib->allocator = allocator;
  dylib->handle = handle;
  memcpy(dylib->name, name, length);
  *out_dylib = dylib;
  return NULL;
}

void rung_dylib_close(rung_dylib **dylib_slot) {
  rung_dylib *dylib = *dylib_slot;
  *dylib_slot = NULL;
  if (!dylib) return;
  dlclose(dylib->handle);
  rung_free(dylib->allocator, dylib);
}

const char *rung_dylib_path(const rung_dylib *dylib) {
  const char *path = rung_os_library_path(dylib->handle);
  return path ? path : dylib->name;
}

rung_dylib_fn rung_dylib_find(const rung_dylib *dylib, const char *symbol) {
  void *address = dlsym(dylib->handle, symbol);
  rung_dylib_fn function;
  memcpy(&function, &address, sizeof function);
  return function;
}

rung_status *rung_dylib_bind(const rung_dylib *dylib, const char *const *symbols, size_t count, void *table) {
  for (size_t i = 0; i < count; i++)
    RUNG_REQUIRE(rung_dylib_find(dylib, symbols[i]), UNAVAILABLE,
                 "%s has no function '%s'; another version of the library is needed", rung_dylib_path(dylib),
                 symbols[i]);
  for (size_t i = 0; i < count; i++) {
    rung_dylib_fn function = rung_dylib_find(dylib, symbols[i]);
    memcpy((char *)table + i * sizeof function, &function, sizeof function);
  }
  return NULL;
}
