#include "provider/descriptor/descriptor.h"

#include "base/dylib.h"
#include "base/elf.h"
#include "base/look.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 1024 };

typedef struct looker {
  const rung_descriptor *d;
  const rung_host *host;
  rung_report *report;
  const char *root;
  char library[RUNG_PATH_MAX];      /* that was found; "": none */
  const rung_vendor_library *which; /* of the table */
} looker;

static void pass(const looker *l, rung_state state, const char *evidence) {
  l->host->step(l->report, state, 1, NULL, evidence, NULL);
}

/* `code` follows the provider's name: "cuda.driver-missing". */
static void fail(const looker *l, rung_state state, const char *code, const char *evidence, const char *fix) {
  char full[64];
  snprintf(full, sizeof full, "%s.%s", l->d->name, code);
  l->host->step(l->report, state, 0, full, evidence, fix);
}

/* Text that is cut when it gets too long. */
static void add(char words[WORDS], const char *format, const char *text) {
  size_t size = strlen(words);
  snprintf(words + size, WORDS - size, format, text);
}

/* Is `word` one of those that spaces separate? */
static bool holds_word(const char *words, const char *word) {
  size_t size = strlen(word);
  for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
    if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size])) return true;
  return false;
}

/* Libraries */

/* In a folder of the user's, or where packages keep such libraries below it. */
static bool look_below(const looker *l, const char *folder, const char *name, char out[RUNG_PATH_MAX]) {
  char path[RUNG_PATH_MAX];
  if (rung_dylib_look(folder, name, out)) return true;
  for (const char *at = l->d->folders; at && *at;) {
    size_t size = strcspn(at, ":");
    int length = snprintf(path, sizeof path, "%s/%.*s", folder, (int)size, at);
    if (length < RUNG_PATH_MAX && rung_dylib_look(path, name, out)) return true;
    at += size + (at[size] == ':');
  }
  return false;
}

static bool look_for(const looker *l, const char *name, char out[RUNG_PATH_MAX]) {
  for (const char *const *folder = l->host->search_paths; folder && *folder; folder++)
    if (look_below(l, *folder, name, out)) return true;
  return rung_dylib_look(NULL, name, out);
}

/* "libcudart.so.13" -> "libcudart.so" */
static bool look_for_other_version(const looker *l, char out[RUNG_PATH_MAX]) {
  char name[128];
  const char *soname = l->d->libraries[0].soname, *end = strstr(soname, ".so");
  snprintf(name, sizeof name, "%.*s", end ? (int)(end - soname) + 3 : (int)strlen(soname), soname);
  return look_for(l, name, out);
}

static void look_found(looker *l) {
  char words[WORDS] = "none of", other[RUNG_PATH_MAX];
  for (const rung_vendor_library *v = l->d->libraries; v && v->soname; v++) {
    if (look_for(l, v->soname, l->library)) {
      l->which = v;
      pass(l, RUNG_STATE_FOUND, l->library);
      return;
    }
    add(words, v == l->d->libraries ? " %s" : ", %s", v->soname);
  }
  l->library[0] = 0;
  if (!l->d->libraries) {
    pass(l, RUNG_STATE_FOUND, "part of the system");
    return;
  }
  add(words, " is in the loader's folders%s",
      l->host->search_paths && l->host->search_paths[0] ? " or those given" : "");
  if (look_for_other_version(l, other)) add(words, "; there is %.500s, of another version", other);
  fail(l, RUNG_STATE_FOUND, "library-missing", words, l->d->library_fix);
}

/* Is the library whole, and all there that it needs? An answer that is no failure of ours. */
static rung_status *judge(const looker *l, const char **out_code) {
  rung_elf elf;
  *out_code = "library-broken";
  RUNG_TRY(rung_elf_open(l->host->allocator, l->library, &elf));
  rung_elf_close(&elf);
  *out_code = "dependency-missing";
  return rung_status_prefix(rung_elf_check_needed_in(l->host->allocator, l->library, l->host->search_paths), "missing");
}

static rung_status *look_links(const looker *l) {
  const char *code;
  if (!l->library[0]) return NULL;
  rung_status *status = judge(l, &code);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  if (status) {
    char words[WORDS] = "";
    add(words, "%s: ", l->library);
    add(words, "%s", rung_status_message(status));
    fail(l, RUNG_STATE_LINKS, code, words, l->d->library_fix);
    rung_status_free(status);
  } else {
    pass(l, RUNG_STATE_LINKS, NULL);
  }
  return NULL;
}

/* Driver */

/* The first thing in a line that looks like a version: digits, a dot, digits. */
static const char *find_version(const char *line) {
  for (const char *at = line; *at; at++) {
    if (!isdigit((unsigned char)*at) || (at > line && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))) continue;
    size_t digits = strspn(at, "0123456789");
    if (at[digits] == '.' && isdigit((unsigned char)at[digits + 1])) return at;
  }
  return NULL;
}

/* 535.104.05 is older than 535.200. */
static bool is_older(const char *version, const char *than) {
  for (;;) {
    char *after, *after_than;
    unsigned long a = strtoul(version, &after, 10), b = strtoul(than, &after_than, 10);
    if (a != b) return a < b;
    if (*after_than != '.') return false;
    if (*after != '.') return true;
    version = after + 1;
    than = after_than + 1;
  }
}

static void look_driver(const looker *l) {
  const rung_descriptor *d = l->d;
  char path[RUNG_PATH_MAX] = "", line[RUNG_LOOK_LINE] = "", name[RUNG_LOOK_LINE], words[WORDS] = "";
  if (!d->driver_library && !d->driver_file) return;
  bool there = d->driver_library ? look_for(l, d->driver_library, path)
                                 : rung_look_device(l->root, d->driver_file, name) != RUNG_LOOK_NONE;
  const char *what = d->driver_library ? d->driver_library : d->driver_file;
  if (!there) {
    add(words, "there is no %s", what);
    if (d->driver_version && rung_look_line(l->root, d->driver_version, line))
      add(words, ", although the kernel has a driver: %s", line);
    fail(l, RUNG_STATE_DRIVER, "driver-missing", words, d->driver_fix);
    return;
  }
  add(words, "%s", path[0] ? path : what);
  bool known = d->driver_version && rung_look_line(l->root, d->driver_version, line);
  if (known) add(words, "; %s", line);
  const char *version = known ? find_version(line) : NULL, *floor = l->which ? l->which->driver : NULL;
  if (!version || !floor || !is_older(version, floor)) {
    pass(l, RUNG_STATE_DRIVER, words);
    return;
  }
  add(words, "; %s", l->which->soname);
  add(words, " needs %s or newer", floor);
  fail(l, RUNG_STATE_DRIVER, "driver-old", words, d->driver_fix);
}

/* Device */

static void look_device(const looker *l) {
  const rung_descriptor *d = l->d;
  char pci[RUNG_LOOK_LINE] = "", name[RUNG_LOOK_LINE], words[WORDS] = "";
  bool on_bus = d->pci_vendor && rung_look_pci(l->root, d->pci_vendor, pci);
  if (on_bus) add(words, "%s on the bus", pci);
  if (on_bus) l->host->device(l->report, "pci", pci);
  for (size_t i = 0; i < RUNG_COUNT(d->devices) && d->devices[i]; i++) {
    rung_look_access access = rung_look_device(l->root, d->devices[i], name);
    if (words[0]) add(words, "%s", "; ");
    if (access == RUNG_LOOK_OPEN) {
      add(words, "%s", name);
      continue;
    }
    add(words, access == RUNG_LOOK_NONE ? "there is no %s" : "%s may not be opened by this user", name);
    if (access == RUNG_LOOK_FORBIDDEN)
      fail(l, RUNG_STATE_DEVICE, "device-forbidden", words,
           "add the user to the group that owns the file (ls -l shows it), and log in again");
    else
      fail(l, RUNG_STATE_DEVICE, "device-missing", words, d->device_fix);
    return;
  }
  if (d->devices[0]) pass(l, RUNG_STATE_DEVICE, words);
}

/* The whole */

rung_status *rung__descriptor_look(const rung_descriptor *descriptor, const rung_host *host, rung_report *report,
                                   const char *root, const char *system) {
  looker l = {.d = descriptor, .host = host, .report = report, .root = root};
  fail(&l, RUNG_STATE_BUILT, "not-built", "rung knows it by name, but this build holds no code for it",
       "choose another provider (rung providers lists them)");
  if (!holds_word(descriptor->systems, system)) {
    char words[WORDS] = "";
    add(words, "this is %s, ", system);
    add(words, "it needs %s", descriptor->needs);
    fail(&l, RUNG_STATE_FOUND, "wrong-system", words, NULL);
    return NULL;
  }
  look_found(&l);
  RUNG_TRY(look_links(&l));
  look_driver(&l);
  look_device(&l);
  return NULL;
}

rung_status *rung_descriptor_probe(const rung_descriptor *descriptor, const rung_host *host, rung_report *report) {
  return rung__descriptor_look(descriptor, host, report, "", rung_look_system());
}
