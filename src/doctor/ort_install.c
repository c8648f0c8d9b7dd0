/* Finding installations, and what pip recorded of them. */
#include "doctor/conda.h"
#include "doctor/files.h"
#include "doctor/ort.h"
#include "base/sha256.h"
#include "base/status.h"
#include "doctor/machine.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* Small answers */

const char *rung__ort_file(doctor *d, const installation *i, const char *name) {
  bool provider = i->shared && strncmp(name, "libonnxruntime_providers_", 25) == 0;
  return rung__doctor_printf(d, "%s/%s", provider ? i->shared : i->files, name);
}

const char *rung__ort_provider_of(doctor *d, const char *library) {
  static const char start[] = "libonnxruntime_providers_";
  size_t skip = strncmp(library, start, sizeof start - 1) == 0 ? sizeof start - 1 : 0;
  return rung__doctor_copy(d, library + skip, strcspn(library + skip, "."));
}

static bool holds_word(const char *words, const char *word) {
  size_t size = strlen(word);
  for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
    if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size])) return true;
  return false;
}

bool rung__ort_is_for(doctor *d, const installation *i, const char *provider) {
  if (holds_word(i->providers, provider)) return true;
  for (size_t k = 0; k < i->libraries->count; k++)
    if (strcmp(rung__ort_provider_of(d, i->libraries->at[k]), provider) == 0) return true;
  return false;
}

bool rung__ort_is_asked(const doctor *d, const char *provider) {
  return d->request->provider && strcmp(d->request->provider, provider) == 0;
}

const char *rung__ort_reinstall(doctor *d, const installation *i) {
  if (i->native)
    return rung__doctor_printf(d, "unpack %s%s%s again into %s", i->package, i->version[0] ? "-" : "", i->version,
                               i->folder);
  const char *name = i->owner ? i->owner->name : i->package[0] ? i->package : "onnxruntime";
  const char *version = i->owner ? i->owner->version : i->version;
  if (i->owner && i->owner->conda)
    return rung__conda_install(d, i->env, rung__doctor_printf(d, "--force-reinstall %s=%s", name, version));
  return rung__doctor_printf(d, "%s install --force-reinstall --no-deps %s%s%s", i->env->pip, name,
                             version[0] ? "==" : "", version);
}

const char *rung__ort_replace(doctor *d, const installation *i, const char *package, const char *archive) {
  const char *old = i->owner ? i->owner->name : i->package[0] ? i->package : "onnxruntime";
  if (i->native) return rung__doctor_printf(d, "put %s in its place", archive);
  return rung__doctor_printf(d, "%s uninstall -y %s && %s install %s", i->env->pip, old, i->env->pip, package);
}

/* Finding */

/* The value of "name = 'value'" in a Python file; "" when it is not there. */
static const char *python_value(doctor *d, const char *path, const char *name) {
  rung_str text = rung__doctor_read(d, path, 262144), line;
  size_t size = strlen(name);
  while (text.data && rung__doctor_next_line(&text, &line)) {
    if (line.size < size + 4 || strncmp(line.data, name, size) != 0) continue;
    rung_str rest = rung__doctor_trim((rung_str){line.data + size, line.size - size});
    if (!rest.size || rest.data[0] != '=') continue;
    rest = rung__doctor_trim((rung_str){rest.data + 1, rest.size - 1});
    if (rest.size < 2 || (rest.data[0] != '"' && rest.data[0] != '\'')) continue;
    const char *end = memchr(rest.data + 1, rest.data[0], rest.size - 1);
    if (end) return rung__doctor_copy(d, rest.data + 1, (size_t)(end - rest.data - 1));
  }
  return "";
}

/* One that owns the module: its RECORD says so, or, without one that speaks of modules, its name. */
static bool owns_module(doctor *d, const dist *one) {
  if (one->record.data) {
    if (rung__dist_owns(d, one, "onnxruntime/__init__.py")) return true;
    rung_str record = one->record;
    dist_file file;
    bool modules = false;
    while (rung__dist_next_file(d, &record, &file)) {
      if (strncmp(file.path, "onnxruntime/capi/", 17) == 0) return true;
      modules |= !strstr(file.path, ".dist-info/") && strncmp(file.path, "../", 3) != 0;
    }
    if (modules) return false;
  }
  if (!rung__vendor_package(one->name)) return false;
  return strcmp(one->name, "onnxruntime-qnn") != 0 || rung__vendor_compare_versions(one->version, "2") < 0;
}

static void find_owners(doctor *d, installation *i) {
  for (size_t k = 0; k < i->env->dists.count && i->owner_count < ORT_MOST_OWNERS; k++) {
    const dist *one = &i->env->dists.at[k];
    if (strcmp(one->site, i->site) == 0 && owns_module(d, one)) i->owners[i->owner_count++] = one;
  }
}

/* Of several owners, the one that the files themselves name; of versions the same. */
static void choose_owner(doctor *d, installation *i) {
  const char *info = rung__ort_file(d, i, "build_and_package_info.py");
  const char *name = python_value(d, info, "package_name");
  if (name[0]) name = rung__dist_normal_name(d, rung_str_of(name));
  i->version = python_value(d, rung__doctor_printf(d, "%s/__init__.py", i->folder), "__version__");
  const char *packed = python_value(d, info, "__version__");
  if (packed[0]) i->version = packed;
  for (size_t k = 0; k < i->owner_count; k++) {
    const dist *one = i->owners[k];
    bool same_version = strcmp(one->version, i->version) == 0;
    if (!i->owner || (strcmp(one->name, name) == 0 && (strcmp(i->owner->name, name) != 0 || same_version)))
      i->owner = one;
  }
  i->package = i->owner && (!name[0] || i->owner_count == 1) ? i->owner->name : name;
  if (!i->version[0] && i->owner) i->version = i->owner->version;
  const vendor_package *known = rung__vendor_package(i->package);
  i->providers = known ? known->providers : "";
  if (i->owner && i->owner->conda && strstr(i->owner->conda, "cuda")) i->providers = "cuda"; /* conda's own build */
  const char *cuda = python_value(d, info, "cuda_version");
  i->cuda = atoi(cuda);
}

static const doctor_list *list_capi(doctor *d, const installation *i, const char *pattern) {
  return rung__doctor_glob(d, rung__ort_file(d, i, pattern));
}

static void keep_names(doctor *d, doctor_list *out, const doctor_list *paths) {
  for (size_t k = 0; k < paths->count; k++)
    if (!strstr(paths->at[k], "_shared.so")) rung__doctor_add(d, out, rung__doctor_base_name(paths->at[k]));
}

/* Packages of Arch, Debian and others: the module is linked with a libonnxruntime.so of the system's, and providers are
 * looked for beside that. */
static void find_shared(doctor *d, installation *i) {
  if (i->native || i->libraries->count || !i->modules->count) return;
  link_result links;
  rung__link_walk(d, &i->link, rung__ort_file(d, i, i->modules->at[0]), &links);
  for (size_t k = 1; k < links.libraries.count && !i->shared; k++) {
    const link_library *one = &links.libraries.at[k];
    if (one->path && strncmp(one->name, "libonnxruntime.so", 17) == 0) i->shared = rung__doctor_folder_of(d, one->path);
  }
  if (i->shared && strcmp(i->shared, i->files) == 0) i->shared = NULL;
  rung__link_free(d, &links);
  if (i->shared) keep_names(d, i->libraries, list_capi(d, i, "libonnxruntime_providers_*.so"));
}

void rung__ort_list_files(doctor *d, installation *i) {
  i->modules = rung__doctor_list(d);
  i->libraries = rung__doctor_list(d);
  i->foreign = rung__doctor_list(d);
  keep_names(d, i->modules, list_capi(d, i, "onnxruntime_pybind11_state*"));
  keep_names(d, i->libraries, list_capi(d, i, "libonnxruntime_providers_*.so"));
  find_shared(d, i);
}

/* Owners */

static const char *describe_owners(doctor *d, const installation *i) {
  doctor_list *names = rung__doctor_list(d);
  for (size_t k = 0; k < i->owner_count; k++)
    rung__doctor_add(d, names, rung__doctor_printf(d, "%s %s", i->owners[k]->name, i->owners[k]->version));
  return rung__doctor_join(d, names);
}

/* The one to keep: what is for a device, before what is for the processor only; the newest of equal ones. */
static const dist *best_owner(const installation *i) {
  const dist *best = NULL;
  bool best_device = false;
  for (size_t k = 0; k < i->owner_count; k++) {
    const vendor_package *known = rung__vendor_package(i->owners[k]->name);
    bool device = known && known->providers[0];
    bool newer = best && rung__vendor_compare_versions(i->owners[k]->version, best->version) > 0;
    if (!best || (device && !best_device) || (device == best_device && newer))
      best = i->owners[k], best_device = device;
  }
  return best;
}

/* What takes all of them away: each by the tool that brought it. */
static const char *removal(doctor *d, const installation *i) {
  const char *pip = "", *conda = "";
  for (size_t k = 0; k < i->owner_count; k++) {
    bool again = false;
    for (size_t n = 0; n < k; n++) again |= strcmp(i->owners[n]->name, i->owners[k]->name) == 0;
    const char **names = i->owners[k]->conda ? &conda : &pip;
    if (!again || i->owners[k]->conda) *names = rung__doctor_printf(d, "%s %s", *names, i->owners[k]->name);
  }
  if (conda[0]) conda = rung__doctor_printf(d, "conda remove -p %s --force%s", i->env->path, conda);
  if (pip[0]) pip = rung__doctor_printf(d, "%s uninstall -y%s", i->env->pip, pip);
  return rung__doctor_printf(d, "%s%s%s", pip, pip[0] && conda[0] ? " && " : "", conda);
}

static void report_overlap(doctor *d, const installation *i, doctor_code code, const char *title) {
  const dist *keep = best_owner(i);
  doctor_finding f = rung__doctor_find(d, code, title);
  rung__doctor_because(f,
                       "both own the folder %s, and the one that was installed last has overwritten the other's files; "
                       "%s does not notice",
                       i->folder, i->env->conda ? "neither pip nor conda" : "pip");
  for (size_t k = 0; k < i->owner_count; k++) rung__doctor_show(f, "%s", i->owners[k]->folder);
  if (i->package[0]) rung__doctor_show(f, "the files that are there now are those of %s %s", i->package, i->version);
  const char *again = keep->conda
                          ? rung__conda_install(d, i->env, rung__doctor_printf(d, "%s=%s", keep->name, keep->version))
                          : rung__doctor_printf(d, "%s install %s==%s", i->env->pip, keep->name, keep->version);
  rung__doctor_mend(f, "%s && %s", removal(d, i), again);
}

static void check_interrupted(doctor *d, const installation *i) {
  const doctor_list *left = rung__doctor_glob(d, rung__doctor_printf(d, "%s/~*nnxruntime*", i->site));
  if (!left->count) return;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_INTERRUPTED, "pip was interrupted while it replaced ONNX Runtime");
  rung__doctor_show(f, "%s", left->at[0]);
  rung__doctor_mend(f, "rm -r %s/~*nnxruntime*", i->site);
}

/* The folder without a package. */
static bool check_unowned(doctor *d, const installation *i) {
  bool whole = i->modules->count && rung__doctor_is_file(d, rung__doctor_printf(d, "%s/__init__.py", i->folder));
  if (whole) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_NO_METADATA,
                                         "no package owns this ONNX Runtime: it was copied or built by hand");
    rung__doctor_show(f, "%s", i->folder);
    return true;
  }
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_REMAINS, "a folder onnxruntime is left without its package");
  rung__doctor_because(f,
                       "the import finds the folder, and then \"module 'onnxruntime' has no attribute "
                       "'InferenceSession'\"");
  rung__doctor_show(f, "%s: %s, and no metadata of a package beside it", i->folder,
                    i->modules->count ? "no __init__.py" : "no compiled module");
  rung__doctor_mend(f, "rm -r %s && %s install %s", i->folder, i->env->pip,
                    rung__machine_has_nvidia(d->machine) ? "onnxruntime-gpu" : "onnxruntime");
  return false;
}

bool rung__ort_check_owners(doctor *d, installation *i) {
  bool same = true;
  check_interrupted(d, i);
  if (!i->owner_count) return check_unowned(d, i);
  for (size_t k = 1; k < i->owner_count; k++) same &= strcmp(i->owners[k]->name, i->owners[0]->name) == 0;
  if (i->owner_count == 1) return true;
  const char *list = describe_owners(d, i);
  if (same)
    report_overlap(d, i, DOCTOR_ORT_STALE_METADATA,
                   rung__doctor_printf(d, "one package is recorded in several versions: %s", list));
  else
    report_overlap(d, i, DOCTOR_ORT_PACKAGES_OVERLAP,
                   rung__doctor_printf(d, "several packages share the module onnxruntime: %s", list));
  return true;
}

/* Files */

enum { MOST_HASHED = 32 << 20 };

typedef struct file_check {
  doctor_list *missing, *changed;
  const char *cut; /* one that is shorter than it was; NULL */
} file_check;

static bool is_library(const char *path) { return strstr(path, ".so") || strstr(path, ".pyd") || strstr(path, ".dll"); }

/* Size first; the sum of those that are not huge: hashing all of CUDA's kernels would take seconds. */
static bool is_changed(doctor *d, const char *path, const dist_file *file, int64_t size) {
  if (file->size >= 0 && size != file->size) return true;
  if (strlen(file->sha256) != RUNG_SHA256_BASE64 - 1 || size > MOST_HASHED) return false;
  rung_file bytes;
  char sum[RUNG_SHA256_BASE64];
  rung_status *status = rung_file_open(d->allocator, rung__doctor_real(d, path), false, &bytes);
  if (status) {
    rung_status_free(status);
    return false;
  }
  rung_sha256_base64(bytes.data, bytes.size, sum);
  rung_file_close(&bytes);
  return strcmp(sum, file->sha256) != 0;
}

static void check_file(doctor *d, const installation *i, const dist_file *file, file_check *out) {
  const char *path = file->path[0] == '/' ? file->path : rung__doctor_printf(d, "%s/%s", i->site, file->path);
  const char *words;
  int64_t size = rung__doctor_size(d, path);
  bool matters = is_library(file->path) || strcmp(file->path, "onnxruntime/__init__.py") == 0 ||
                 strncmp(file->path, "onnxruntime/capi/", 17) == 0;
  if (size < 0) {
    rung__doctor_add(d, out->missing, file->path);
  } else if (matters && is_changed(d, path, file, size)) {
    words = file->size >= 0 && size != file->size
                ? rung__doctor_printf(d, "%s has %lld bytes, %lld were installed", path, (long long)size,
                                      (long long)file->size)
                : rung__doctor_printf(d, "%s has other contents than those installed", path);
    rung__doctor_add(d, out->changed, words);
    if (size < file->size && is_library(file->path)) out->cut = rung__doctor_base_name(file->path);
  }
}

/* Of metadata that is a folder, the list of files. */
static const char *record_of(const dist *one) {
  size_t size = strlen(one->folder);
  return size > 5 && strcmp(one->folder + size - 5, ".json") == 0 ? "" : "/RECORD";
}

static void report_missing(doctor *d, const installation *i, const doctor_list *missing) {
  const char *first = missing->at[0];
  for (size_t k = 0; k < missing->count; k++)
    if (is_library(missing->at[k])) first = missing->at[k];
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_FILES_MISSING,
      rung__doctor_printf(d, "%zu %s of %s %s %s gone", missing->count, missing->count == 1 ? "file" : "files",
                          i->owner->name, i->owner->version, missing->count == 1 ? "is" : "are"));
  rung__doctor_because(f,
                       "mostly, another package of ONNX Runtime was uninstalled and took the files along that both "
                       "had written");
  rung__doctor_show(f, "no %s/%s, which %s%s lists", i->site, first, i->owner->folder, record_of(i->owner));
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
}

static void report_changed(doctor *d, const installation *i, const doctor_list *changed, const char *cut) {
  bool library = false;
  for (size_t k = 0; k < changed->count; k++) library |= is_library(changed->at[k]);
  doctor_finding f = rung__doctor_find_as(
      d, DOCTOR_ORT_FILES_CHANGED, library || changed->count > 1 ? RUNG_DOCTOR_BROKEN : RUNG_DOCTOR_WARNING,
      cut ? rung__doctor_printf(d, "%s of %s %s is cut off", cut, i->owner->name, i->owner->version)
          : rung__doctor_printf(d, "files of %s %s are not those that were installed", i->owner->name,
                                i->owner->version));
  rung__doctor_because(
      f, cut ? "a download or a copy was interrupted, or the disk was full; loading such a file can end the "
               "process"
             : "they were edited, damaged, or overwritten by another ONNX Runtime");
  for (size_t k = 0; k < changed->count && k < 3; k++) rung__doctor_show(f, "%s", changed->at[k]);
  if (changed->count > 3) rung__doctor_show(f, "and %zu more", changed->count - 3);
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
}

/* Libraries that carry the version of an ONNX Runtime in their name, or that the RECORD does not know. */
static void check_foreign(doctor *d, const installation *i) {
  static const char start[] = "libonnxruntime.so.";
  const doctor_list *cores = list_capi(d, i, "libonnxruntime.so.*");
  for (size_t k = 0; k < cores->count; k++) {
    const char *version = rung__doctor_base_name(cores->at[k]) + sizeof start - 1;
    if (!strchr(version, '.') || !i->version[0] || strcmp(version, i->version) == 0) continue;
    if (strncmp(i->version, version, strlen(version)) == 0) continue; /* 1.23.0.dev20250801 */
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_ORT_FILES_FOREIGN,
        rung__doctor_printf(d, "a library of ONNX Runtime %s lies among the files of %s", version, i->version));
    rung__doctor_show(f, "%s", cores->at[k]);
    rung__doctor_mend(f, "rm %s && %s", cores->at[k], rung__ort_reinstall(d, i));
    return;
  }
  if (!i->owner || !i->owner->record.data || !rung__dist_owns(d, i->owner, "onnxruntime/__init__.py")) return;
  for (size_t k = 0; k < i->libraries->count; k++) {
    if (i->shared) break; /* the system's package has other records */
    const char *path = rung__doctor_printf(d, "onnxruntime/capi/%s", i->libraries->at[k]);
    if (rung__dist_owns(d, i->owner, path)) continue;
    rung__doctor_add(d, i->foreign, i->libraries->at[k]);
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_ORT_FILES_FOREIGN,
        rung__doctor_printf(d, "%s is not of %s %s", i->libraries->at[k], i->owner->name, i->owner->version));
    rung__doctor_because(f, "a provider library works with the ONNX Runtime that it was built with, and no other");
    rung__doctor_show(f, "%s/%s is there, and %s%s does not list it", i->site, path, i->owner->folder,
                      record_of(i->owner));
    rung__doctor_mend(f, "rm %s/%s && %s", i->site, path, rung__ort_reinstall(d, i));
  }
}

/* 1.22.2 is in the package 1.22.2.post3, and in 1.22.2+rocm7. */
static bool is_same_release(const char *files, const char *package) {
  size_t size = strlen(files);
  return strncmp(files, package, size) == 0 && (!package[size] || strncmp(package + size, ".post", 5) == 0 ||
                                                package[size] == '+' || strncmp(package + size, ".dev", 4) == 0);
}

bool rung__ort_check_files(doctor *d, installation *i) {
  if (i->owner_count != 1 || !i->owner->record.data || i->owner->editable) {
    if (i->owner_count <= 1) check_foreign(d, i);
    return true;
  }
  file_check check = {rung__doctor_list(d), rung__doctor_list(d), NULL};
  rung_str record = i->owner->record;
  dist_file file;
  while (rung__dist_next_file(d, &record, &file))
    if (strncmp(file.path, "onnxruntime/", 12) == 0 && !strstr(file.path, ".pyc")) check_file(d, i, &file, &check);
  if (check.missing->count) report_missing(d, i, check.missing);
  if (check.changed->count) report_changed(d, i, check.changed, check.cut);
  if (!check.changed->count && !is_same_release(i->version, i->owner->version) && i->version[0]) {
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_ORT_FILES_CHANGED,
        rung__doctor_printf(d, "the files are of ONNX Runtime %s, the package says %s", i->version, i->owner->version));
    rung__doctor_show(f, "%s/__init__.py, %s", i->folder, i->owner->folder);
    rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
  }
  check_foreign(d, i);
  return true;
}

/* Shadows */

/* What `import onnxruntime` would take from a folder: a package, else a module. */
static const char *importable(doctor *d, const char *folder) {
  if (strcmp(folder, "/") == 0) folder = "";
  static const char *const names[] = {"onnxruntime/__init__.py", "onnxruntime/__init__.pyc", "onnxruntime*.so",
                                      "onnxruntime.py", "onnxruntime.pyc"};
  for (size_t i = 0; i < RUNG_COUNT(names); i++) {
    const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s", folder, names[i]));
    for (size_t k = 0; k < found->count; k++) {
      const char *name = rung__doctor_base_name(found->at[k]);
      bool other = names[i][11] == '*' && name[11] != '.'; /* onnxruntime_something.so */
      if (!other && rung__doctor_is_file(d, found->at[k])) return found->at[k];
    }
  }
  return NULL;
}

static void report_shadow(doctor *d, const installation *i, const char *path, const char *when) {
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_SHADOWED, rung__doctor_printf(d, "import onnxruntime takes %s instead of the package", path));
  rung__doctor_because(f, "%s", when);
  rung__doctor_show(f, "%s comes before %s", path, i->folder);
  bool package = strncmp(rung__doctor_base_name(path), "__init__.py", 11) == 0;
  const char *what = package ? rung__doctor_folder_of(d, path) : path;
  rung__doctor_mend(f, "mv %s %s.aside", what, what);
}

static bool is_site(doctor *d, const installation *i, const char *folder) {
  const char *real = rung__doctor_canonical(d, folder);
  for (size_t k = 0; k < i->env->site_count; k++)
    if (strcmp(i->env->site[k], real) == 0) return true;
  return false;
}

static void check_folder(doctor *d, const installation *i, const char *folder, const char *when) {
  const char *path = folder && folder[0] == '/' && !is_site(d, i, folder) ? importable(d, folder) : NULL;
  if (path && !rung__doctor_found(d, DOCTOR_ORT_SHADOWED, d->subject)) report_shadow(d, i, path, when);
}

bool rung__ort_check_shadow(doctor *d, installation *i) {
  const char *paths = rung__doctor_variable(d, "PYTHONPATH");
  const char *module = rung__doctor_printf(d, "%s/onnxruntime.py", i->site);
  for (const char *at = paths; at && *at;) {
    size_t size = strcspn(at, ":");
    check_folder(d, i, rung__doctor_copy(d, at, size), "PYTHONPATH names the folder, which is searched first");
    at += size + (at[size] == ':');
  }
  check_folder(d, i, d->request->folder, "programs that start in this folder look there first");
  check_folder(d, i, i->env->project, "scripts beside the virtual environment look in their own folder first");
  if (rung__doctor_is_file(d, module)) {
    bool package = rung__doctor_is_file(d, rung__doctor_printf(d, "%s/__init__.py", i->folder));
    if (!package) report_shadow(d, i, module, "the folder onnxruntime has no __init__.py, so the file is taken");
    doctor_finding f = {d, 0};
    if (package) {
      f = rung__doctor_find_as(d, DOCTOR_ORT_SHADOWED, RUNG_DOCTOR_WARNING,
                               "a file onnxruntime.py lies beside the package");
      rung__doctor_because(f, "it has the package's name; once the package is gone, it is imported in its place");
      rung__doctor_show(f, "%s", module);
      rung__doctor_mend(f, "rm %s", module);
    }
  }
  return true;
}

/* The whole */

/* A virtual environment holds a link to the Python that it was made from. */
static void check_interpreter(doctor *d, const python_env *env) {
  if (!env->project || env->program) return;
  const char *prefix = rung__doctor_folder_of(d, rung__doctor_folder_of(d, rung__doctor_folder_of(d, env->site[0])));
  if (!rung__doctor_names(d, rung__doctor_printf(d, "%s/bin", prefix))->count) return;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_INTERPRETER_MISSING, "the virtual environment's Python is gone");
  rung__doctor_because(f, "the Python that it was made from was removed or upgraded, or the folder was moved");
  rung__doctor_show(f, "%s/bin/python leads nowhere", prefix);
  rung__doctor_mend(f, "python3 -m venv --clear %s, and install the packages again", prefix);
}

static void examine(doctor *d, const python_env *env, const char *site) {
  static bool (*const rules[])(doctor *d, installation *i) = {
      rung__ort_check_owners, rung__ort_check_shadow, rung__ort_check_platform,  rung__ort_check_files,
      rung__ort_check_core,   rung__ort_check_needs,  rung__ort_check_providers, rung__ort_check_hardware};
  installation i = {.env = env, .site = site, .package = "", .version = "", .providers = ""};
  i.folder = rung__doctor_printf(d, "%s/onnxruntime", site);
  i.files = rung__doctor_printf(d, "%s/capi", i.folder);
  i.link = (link_context){
      .library_path = rung__doctor_variable(d, "LD_LIBRARY_PATH"), .program = env->program, .musl = env->musl};
  i.vendor_folders = rung__python_library_folders(d, env);
  find_owners(d, &i);
  rung__ort_list_files(d, &i);
  choose_owner(d, &i);
  d->subject = env->path;
  const char *vendors = rung__conda_vendors(d, env);
  if (vendors[0]) rung__doctor_fact(d, "conda packages", "%s", vendors);
  rung__doctor_fact(d, "onnxruntime", "%s%s%s in %s%s%s", i.package[0] ? i.package : "unknown package",
                    i.version[0] ? " " : "", i.version, site, env->version[0] ? ", Python " : "", env->version);
  check_interpreter(d, env);
  for (size_t k = 0; k < RUNG_COUNT(rules) && !d->failed; k++)
    if (!rules[k](d, &i)) break;
}

/* Two plugins that own one module. */
static void check_plugins(doctor *d, const python_env *env) {
  static const char *const modules[] = {"onnxruntime_ep_cuda/__init__.py", "onnxruntime_ep_nv_tensorrt_rtx/__init__.py",
                                        "onnxruntime_ep_openvino/__init__.py", "onnxruntime_ep_webgpu/__init__.py"};
  for (size_t m = 0; m < RUNG_COUNT(modules); m++) {
    const dist *first = NULL;
    for (size_t k = 0; k < env->dists.count; k++) {
      const dist *one = &env->dists.at[k];
      if (!one->record.data || !rung__dist_owns(d, one, modules[m])) continue;
      if (!first) {
        first = one;
        continue;
      }
      doctor_finding f = rung__doctor_find(
          d, DOCTOR_ORT_PLUGINS_OVERLAP,
          rung__doctor_printf(d, "%s and %s share one module and overwrite one another", first->name, one->name));
      rung__doctor_show(f, "both own %s/%s", one->site, modules[m]);
      rung__doctor_mend(f, "%s uninstall -y %s %s && %s install %s==%s", env->pip, first->name, one->name, env->pip,
                        one->name, one->version);
    }
  }
}

/* Something called onnxruntime is in the folder of packages: the module, or metadata of a package that owns it. */
static bool has_onnxruntime(doctor *d, const python_env *env, const char *site) {
  if (rung__doctor_is_folder(d, rung__doctor_printf(d, "%s/onnxruntime", site))) return true;
  for (size_t k = 0; k < env->dists.count; k++)
    if (strcmp(env->dists.at[k].site, site) == 0 && owns_module(d, &env->dists.at[k])) return true;
  return false;
}

static void report_hidden(doctor *d, const python_env *env, const char *first, const char *second) {
  d->subject = env->path;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_SHADOWED, rung__doctor_printf(d, "the ONNX Runtime in %s hides the one in %s", first, second));
  rung__doctor_because(f, "Python looks into the first folder first; upgrades of the second one change nothing");
  rung__doctor_show(f, "%s/onnxruntime comes before %s/onnxruntime", first, second);
  rung__doctor_mend(f, "rm -r %s/onnxruntime %s/onnxruntime*.dist-info, or uninstall the other one", first, first);
}

static size_t examine_env(doctor *d, const python_env *env, doctor_list *seen) {
  const char *first = NULL;
  size_t count = 0;
  for (size_t k = 0; k < env->site_count; k++) {
    if (!has_onnxruntime(d, env, env->site[k])) continue;
    if (first && !rung__doctor_has(seen, env->site[k])) report_hidden(d, env, first, env->site[k]);
    if (!first && !rung__doctor_has(seen, env->site[k])) {
      examine(d, env, env->site[k]);
      check_plugins(d, env);
    }
    if (!first) rung__doctor_add(d, seen, env->site[k]);
    first = first ? first : env->site[k];
    count++;
  }
  return count;
}

static void report_none(doctor *d, const python_env *env) {
  d->subject = env ? env->path : "machine";
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_NOT_INSTALLED, "no ONNX Runtime is installed here");
  for (size_t k = 0; env && k < env->site_count; k++) rung__doctor_show(f, "looked in %s", env->site[k]);
  rung__doctor_mend(f, "%s install %s", env ? env->pip : "python -m pip",
                    rung__machine_has_nvidia(d->machine) ? "onnxruntime-gpu" : "onnxruntime");
}

rung_status *rung__doctor_onnxruntime(doctor *d) {
  python_list list = {0};
  doctor_list *seen = rung__doctor_list(d);
  rung_status *status = NULL;
  size_t found = 0;
  const char *native = d->request->path ? rung__ort_native_folder(d, d->request->path) : NULL;
  if (native) {
    rung__ort_native(d, native);
    return NULL;
  }
  if (d->request->path)
    status = rung__python_at(d, d->request->path, &list);
  else
    rung__python_find(d, &list);
  for (size_t k = 0; !status && k < list.envs.count && !d->failed; k++) found += examine_env(d, list.envs.at[k], seen);
  if (!status && !found && d->request->path) report_none(d, list.envs.count ? list.envs.at[0] : NULL);
  d->subject = "machine";
  if (!status && !found && !d->request->path)
    rung__doctor_fact(d, "onnxruntime", "none, in %zu Python environments", list.envs.count);
  rung__python_free(d, &list);
  return status;
}
