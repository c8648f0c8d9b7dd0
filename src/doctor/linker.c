#include "doctor/linker.h"

#include "base/elf.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/vendor.h"

#include <stdio.h>

enum { MOST_LIBRARIES = 512, MOST_VERSIONS = 64 };

/* Folders of the system */

#if defined(__x86_64__)
#define TRIPLE "x86_64-linux-gnu"
static const char *const levels[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
#elif defined(__aarch64__)
#define TRIPLE "aarch64-linux-gnu"
static const char *const levels[] = {""};
#else
#define TRIPLE "riscv64-linux-gnu"
static const char *const levels[] = {""};
#endif

static const char *const glibc_folders[] = {"/lib/" TRIPLE, "/usr/lib/" TRIPLE, "/lib64", "/usr/lib64",
                                            "/lib",         "/usr/lib",         NULL};
static const char *const musl_folders[] = {"/lib", "/usr/local/lib", "/usr/lib", NULL};

/* One search */

typedef struct search {
  doctor *d;
  const link_context *context;
  const char *soname;
  link_library *out;
} search;

/* What an ELF file is for; NULL: it is none, or cannot be read. */
static const char *machine_of_file(doctor *d, const char *path) {
  rung_file file;
  rung_status *status = rung_file_open(d->allocator, rung__doctor_real(d, path), false, &file);
  const char *name = status ? NULL : rung_elf_machine(&file);
  if (!status) rung_file_close(&file);
  rung_status_free(status);
  return name;
}

/* Takes the file if it can be one of this machine's; damaged ones are taken, too: so does the loader. */
static bool try_file(search *s, const char *path, const char *how) {
  doctor *d = s->d;
  if (!rung__doctor_is_file(d, path)) return false;
  const char *name = machine_of_file(d, path);
  if (name && strcmp(name, rung_elf_this_machine()) != 0) {
    if (!s->out->skipped) s->out->skipped = path, s->out->skipped_machine = name;
    return false;
  }
  s->out->path = path;
  s->out->how = how;
  return true;
}

static bool try_folder(search *s, const char *folder, const char *how) {
  doctor *d = s->d;
  for (size_t i = 0; i < RUNG_COUNT(levels) && levels[i][0] && !s->context->musl; i++) {
    const char *path = rung__doctor_printf(d, "%s/glibc-hwcaps/%s/%s", folder, levels[i], s->soname);
    if (try_file(s, path, how)) return true;
  }
  return try_file(s, rung__doctor_printf(d, "%s/%s", folder, s->soname), how);
}

/* $ORIGIN and $LIB, with or without braces. */
static const char *expand(doctor *d, const char *entry, size_t size, const char *origin) {
  static const struct {
    const char *name, *value; /* NULL: the origin */
  } names[] = {{"$ORIGIN", NULL}, {"${ORIGIN}", NULL}, {"$LIB", "lib/" TRIPLE}, {"${LIB}", "lib/" TRIPLE}};
  const char *text = rung__doctor_copy(d, entry, size);
  for (size_t i = 0; i < RUNG_COUNT(names); i++) {
    const char *at = strstr(text, names[i].name);
    if (at)
      text = rung__doctor_printf(d, "%.*s%s%s", (int)(at - text), text, names[i].value ? names[i].value : origin,
                                 at + strlen(names[i].name));
  }
  return text;
}

/* A list of folders, as in a run path; an empty entry is the working folder. */
static bool try_list(search *s, const char *list, const char *separators, const char *origin, const char *how) {
  for (const char *at = list; at;) {
    size_t size = strcspn(at, separators);
    const char *folder = size ? expand(s->d, at, size, origin) : s->d->request->folder;
    if (folder && *list && try_folder(s, folder, how)) return true;
    at = at[size] ? at + size + 1 : NULL;
  }
  return false;
}

static bool try_cache(search *s) {
  const machine *m = s->d->machine;
  for (size_t i = 0; i < m->cache.count; i++)
    if (strcmp(m->cache.at[i].soname, s->soname) == 0 && try_file(s, m->cache.at[i].path, m->cached_from)) return true;
  return false;
}

static bool try_system(search *s) {
  if (!s->context->musl && try_cache(s)) return true;
  for (const char *const *folder = s->context->musl ? musl_folders : glibc_folders; *folder; folder++)
    if (try_folder(s, *folder, "the system's folders")) return true;
  return false;
}

/* The walk */

typedef struct node {
  rung_elf elf;
  bool open;
  const char *path, *origin;
  size_t parent; /* the one that loaded it; itself for the first */
} node;

typedef struct walk {
  doctor *d;
  const link_context *context;
  link_result *out;
  RUNG_VEC(node) nodes;
  const char *program_rpath, *program_origin;
} walk;

/* DT_RPATH counts where there is no DT_RUNPATH, and then those of the loaders count, too. */
static bool try_rpaths(walk *w, search *s, size_t index) {
  if (w->nodes.at[index].elf.runpath) return false;
  for (size_t i = index;; i = w->nodes.at[i].parent) {
    const node *n = &w->nodes.at[i];
    if (n->elf.rpath && !n->elf.runpath && try_list(s, n->elf.rpath, ":", n->origin, "RPATH")) return true;
    if (n->parent == i) break;
  }
  return w->program_rpath && try_list(s, w->program_rpath, ":", w->program_origin, "RPATH of the program");
}

static bool search_for(walk *w, size_t index, search *s) {
  const node *n = &w->nodes.at[index];
  if (strchr(s->soname, '/')) return try_file(s, s->soname, "its path");
  if (try_rpaths(w, s, index)) return true;
  if (s->context->library_path && try_list(s, s->context->library_path, ":;", n->origin, "LD_LIBRARY_PATH"))
    return true;
  if (n->elf.runpath && try_list(s, n->elf.runpath, ":", n->origin, "RUNPATH")) return true;
  return try_system(s);
}

static bool is_known(const walk *w, const char *soname) {
  if (w->context->loaded && rung__doctor_has(w->context->loaded, soname)) return true;
  for (size_t i = 0; i < w->out->libraries.count; i++)
    if (strcmp(w->out->libraries.at[i].name, soname) == 0) return true;
  for (size_t i = 0; i < w->nodes.count; i++)
    if (w->nodes.at[i].elf.soname && strcmp(w->nodes.at[i].elf.soname, soname) == 0) return true;
  return false;
}

/* Reads the file of a library that was found; its needs come later. */
static void open_node(walk *w, link_library *library, size_t parent) {
  doctor *d = w->d;
  const char *path = rung__doctor_canonical(d, library->path);
  node n = {.path = library->path, .origin = rung__doctor_folder_of(d, path), .parent = parent};
  rung_status *status = rung_elf_open(d->allocator, rung__doctor_real(d, library->path), &n.elf);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) d->failed = true;
  if (status) {
    library->damage = rung__doctor_copy(d, rung_status_message(status), strlen(rung_status_message(status)));
    rung_status_free(status);
    return;
  }
  n.open = true;
  if (!rung_vec_push(d->allocator, &w->nodes, n)) {
    rung_elf_close(&n.elf);
    d->failed = true;
  }
}

static void push_library(walk *w, link_library library, size_t parent) {
  if (library.path) open_node(w, &library, parent);
  if (!rung_vec_push(w->d->allocator, &w->out->libraries, library)) w->d->failed = true;
}

static void look_for_needs(walk *w, size_t index) {
  for (size_t i = 0; i < w->nodes.at[index].elf.needed_count && w->out->libraries.count < MOST_LIBRARIES; i++) {
    const char *soname = w->nodes.at[index].elf.needed[i];
    if (is_known(w, soname)) continue;
    link_library library = {
        .name = rung__doctor_copy(w->d, soname, strlen(soname)), .needed_by = w->nodes.at[index].path, .how = ""};
    search s = {w->d, w->context, library.name, &library};
    search_for(w, index, &s);
    push_library(w, library, index);
    if (w->d->failed) return;
  }
}

/* Symbol versions */

typedef struct version_check {
  walk *w;
  const node *n;
  const char *wanted; /* while defined ones are walked */
  bool any, found;
  const char *newest;
} version_check;

static const node *node_of(const walk *w, const char *soname) {
  for (size_t i = 0; i < w->nodes.count; i++) {
    const node *n = &w->nodes.at[i];
    if (n->elf.soname ? strcmp(n->elf.soname, soname) == 0 : strcmp(rung__doctor_base_name(n->path), soname) == 0)
      return n;
  }
  return NULL;
}

/* "GLIBCXX_3.4.32" is of the family "GLIBCXX_". */
static size_t family_size(const char *version) { return strcspn(version, "0123456789"); }

static bool compare_version(void *context, const char *file, const char *version) {
  version_check *c = context;
  (void)file;
  c->any = true;
  c->found |= strcmp(version, c->wanted) == 0;
  size_t size = family_size(c->wanted);
  if (strncmp(version, c->wanted, size) == 0 && family_size(version) == size &&
      (!c->newest || rung__vendor_compare_versions(version + size, c->newest + size) > 0))
    c->newest = version;
  return !c->found;
}

/* A library without any versions satisfies all: the loader only warns. */
static bool check_version(void *context, const char *file, const char *version) {
  version_check *c = context;
  doctor *d = c->w->d;
  const node *provider = node_of(c->w, file);
  if (!provider || c->w->out->versions.count >= MOST_VERSIONS) return true;
  version_check inner = {.w = c->w, .wanted = version};
  rung_elf_each_version_defined(&provider->elf, compare_version, &inner);
  if (inner.found || !inner.any) return true;
  link_version missing = {rung__doctor_copy(d, version, strlen(version)), rung__doctor_copy(d, file, strlen(file)),
                          c->n->path, provider->path,
                          inner.newest ? rung__doctor_copy(d, inner.newest, strlen(inner.newest)) : ""};
  if (!rung_vec_push(d->allocator, &c->w->out->versions, missing)) d->failed = true;
  return true;
}

static void read_program(walk *w) {
  doctor *d = w->d;
  rung_elf elf;
  if (!w->context->program) return;
  const char *path = rung__doctor_canonical(d, w->context->program);
  rung_status *status = rung_elf_open_any(d->allocator, rung__doctor_real(d, path), &elf);
  if (!status) {
    if (elf.rpath && !elf.runpath) w->program_rpath = rung__doctor_copy(d, elf.rpath, strlen(elf.rpath));
    w->program_origin = rung__doctor_folder_of(d, path);
    rung_elf_close(&elf);
  }
  rung_status_free(status);
}

void rung__link_walk(doctor *d, const link_context *context, const char *path, link_result *out) {
  walk w = {.d = d, .context = context, .out = out};
  memset(out, 0, sizeof *out);
  read_program(&w);
  link_library first = {.name = rung__doctor_base_name(path), .how = ""};
  search s = {d, context, path, &first};
  if (!try_file(&s, path, "its path") && first.skipped) out->machine = first.skipped_machine;
  push_library(&w, first, 0);
  out->loadable = w.nodes.count && w.nodes.at[0].elf.loadable;
  for (size_t i = 0; i < w.nodes.count && !d->failed; i++) look_for_needs(&w, i);
  for (size_t i = 0; i < w.nodes.count && !d->failed; i++)
    rung_elf_each_version_needed(&w.nodes.at[i].elf, check_version, &(version_check){.w = &w, .n = &w.nodes.at[i]});
  for (size_t i = 0; i < w.nodes.count; i++) rung_elf_close(&w.nodes.at[i].elf);
  rung_vec_free(d->allocator, &w.nodes);
}

void rung__link_free(doctor *d, link_result *result) {
  rung_vec_free(d->allocator, &result->libraries);
  rung_vec_free(d->allocator, &result->versions);
}

const link_library *rung__link_first_problem(const link_result *result) {
  for (size_t i = 0; i < result->libraries.count; i++)
    if (!result->libraries.at[i].path || result->libraries.at[i].damage) return &result->libraries.at[i];
  return NULL;
}

/* Single libraries */

const char *rung__link_places(doctor *d, const link_context *context) {
  const char *path = context->library_path && context->library_path[0]
                         ? rung__doctor_printf(d, "LD_LIBRARY_PATH (%s), ", context->library_path)
                         : "run paths, ";
  const char *cache = d->machine->cached_from && !context->musl ? d->machine->cached_from : "";
  return rung__doctor_printf(d, "%s%s%sthe system's folders", path, cache, cache[0] ? " and " : "");
}

const char *rung__link_system(doctor *d, const char *soname) {
  link_library found = {.how = ""};
  link_context context = {.musl = d->machine->musl};
  return try_system(&(search){d, &context, soname, &found}) ? found.path : NULL;
}

const char *rung__link_anywhere(doctor *d, const char *soname) {
  static const char *const wsl[] = {"/usr/lib/wsl/lib", NULL};
  link_library found = {.how = ""};
  link_context context = {.musl = d->machine->musl, .library_path = rung__doctor_variable(d, "LD_LIBRARY_PATH")};
  search s = {d, &context, soname, &found};
  if (context.library_path && try_list(&s, context.library_path, ":;", "", "LD_LIBRARY_PATH")) return found.path;
  if (try_system(&s)) return found.path;
  for (const char *const *folder = wsl; d->machine->wsl && *folder; folder++)
    if (try_folder(&s, *folder, "WSL")) return found.path;
  return NULL;
}

/* Elsewhere */

static const char *const vendor_folders[] = {"/usr/local/cuda*/lib64",
                                             "/usr/local/cuda*/targets/*/lib",
                                             "/usr/local/lib",
                                             "/opt/rocm*/lib",
                                             "/opt/intel/openvino*/runtime/lib/intel64",
                                             "/opt/conda/lib",
                                             "/usr/lib/wsl/lib",
                                             "/usr/local/nvidia/lib64",
                                             "/usr/local/tensorrt*/lib",
                                             "/opt/tensorrt*/lib"};

/* "libcudart.so.12.4.127" is another version of libcudart.so.11.0, and the same as libcudart.so.12. */
static void look_in_folder(doctor *d, const char *folder, const char *soname, const char *stem, link_elsewhere *out) {
  const char *exact = rung__doctor_printf(d, "%s/%s", folder, soname);
  const char *is_for = !out->same && rung__doctor_is_file(d, exact) ? machine_of_file(d, exact) : NULL;
  if (is_for && strcmp(is_for, rung_elf_this_machine()) == 0) out->same = exact;
  if (out->same || out->other) return;
  const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s.so.*", folder, stem));
  for (size_t i = found->count; i-- && !out->other;) {
    const char *name = rung__doctor_base_name(found->at[i]);
    size_t size = strlen(soname);
    if (strcmp(name, soname) == 0) continue;
    if (strncmp(name, soname, size) == 0 && name[size] == '.')
      out->unlinked = found->at[i];
    else
      out->other = found->at[i];
  }
}

static void look_in_list(doctor *d, const char *list, const char *soname, const char *stem, link_elsewhere *out) {
  for (const char *at = list; at && *at;) {
    size_t size = strcspn(at, ":;");
    if (size) look_in_folder(d, rung__doctor_copy(d, at, size), soname, stem, out);
    at += size + (at[size] != 0);
  }
}

link_elsewhere rung__link_elsewhere(doctor *d, const link_context *context, const char *soname,
                                    const doctor_list *folders) {
  link_elsewhere out = {NULL, NULL, NULL};
  const char *so = strstr(soname, ".so");
  const char *stem = so ? rung__doctor_copy(d, soname, (size_t)(so - soname)) : soname;
  for (size_t i = 0; folders && i < folders->count; i++) look_in_folder(d, folders->at[i], soname, stem, &out);
  look_in_list(d, context->library_path, soname, stem, &out);
  const char *start = rung__doctor_printf(d, "%s.so.", stem);
  const machine *m = d->machine;
  for (size_t i = 0; i < m->cache.count && !out.other; i++)
    if (strncmp(m->cache.at[i].soname, start, strlen(start)) == 0 && strcmp(m->cache.at[i].soname, soname) != 0)
      out.other = m->cache.at[i].path;
  for (const char *const *folder = glibc_folders; *folder; folder++) look_in_folder(d, *folder, soname, stem, &out);
  for (size_t i = 0; i < RUNG_COUNT(vendor_folders); i++) {
    const doctor_list *found = rung__doctor_glob(d, vendor_folders[i]);
    for (size_t k = 0; k < found->count; k++) look_in_folder(d, found->at[k], soname, stem, &out);
  }
  return out;
}
