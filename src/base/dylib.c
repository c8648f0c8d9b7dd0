#include "base/dylib.h"

#include "base/os.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Looking */

/* Is "3.10" behind "3.9"? By numbers, not by characters. */
static bool is_later(const char *a, const char *b) {
  for (;;) {
    char *after_a, *after_b;
    unsigned long x = strtoul(a, &after_a, 10), y = strtoul(b, &after_b, 10);
    if (x != y) return x > y;
    if (*after_a != '.' || *after_b != '.') return *after_a == '.' || strcmp(after_a, after_b) > 0;
    a = after_a + 1;
    b = after_b + 1;
  }
}

static bool look_in(const char *folder, const char *name, char out_path[RUNG_PATH_MAX]) {
  size_t length = strlen(name);
  char best[256] = "";
  bool found = false;
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    const char *version = entry->d_name + length;
    if (strncmp(entry->d_name, name, length) != 0 || (*version && *version != '.')) continue;
    version += *version == '.';
    if (strlen(version) >= sizeof best || (found && !is_later(version, best))) continue;
    int size = snprintf(out_path, RUNG_PATH_MAX, "%s/%s", folder, entry->d_name);
    found |= size < RUNG_PATH_MAX;
    strcpy(best, version);
  }
  if (dir) closedir(dir);
  return found;
}

typedef struct look {
  const char *name;
  char *path;
  bool found;
} look;

static bool look_in_folder(void *context, const char *folder) {
  look *l = context;
  l->found = look_in(folder, l->name, l->path);
  return !l->found;
}

bool rung_dylib_look(const char *folder, const char *name, char out_path[RUNG_PATH_MAX]) {
  if (folder) return look_in(folder, name, out_path);
  look l = {name, out_path, false};
  rung_os_library_folders(look_in_folder, &l);
  return l.found;
}

void rung_dylib_close(rung_dylib **dylib_slot) {
  rung_dylib *dylib = *dylib_slot;
  *dylib_slot = NULL;
  if (!dylib) return;
  dlclose(dylib->handle);
  rung_free(dylib->allocator, dylib);
}

void rung_dylib_keep(const rung_dylib *dylib) {
  void *handle = dlopen(dylib->name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
  if (handle) dlclose(handle); /* one count less; NODELETE stays */
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
