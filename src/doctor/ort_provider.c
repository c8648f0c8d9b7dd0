/* Can the provider libraries of an installation be loaded, and by what do they fail? */
#include "base/elf.h"
#include "doctor/child.h"
#include "doctor/conda.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/ort.h"

#include <stdio.h>
#include <stdlib.h>

/* One library that is missing or damaged, and where one like it lies. */
typedef struct lack {
  const link_library *library;
  vendor_library vendor;
  link_elsewhere elsewhere;
} lack;

enum { MOST_LACKS = 32 };

typedef struct provider_check {
  doctor *d;
  const installation *i;
  const char *provider, *path;
  link_result links;
  lack lacks[MOST_LACKS];
  size_t lack_count;
} provider_check;

static const char *title_of(const char *provider) {
  static const struct {
    const char *name, *title;
  } titles[] = {{"cuda", "CUDA"},         {"tensorrt", "TensorRT"}, {"nv_tensorrt_rtx", "TensorRT RTX"},
                {"openvino", "OpenVINO"}, {"rocm", "ROCm"},         {"migraphx", "MIGraphX"},
                {"dnnl", "oneDNN"},       {"qnn", "QNN"},           {"cann", "CANN"},
                {"vitisai", "Vitis AI"}};
  for (size_t k = 0; k < RUNG_COUNT(titles); k++)
    if (strcmp(titles[k].name, provider) == 0) return titles[k].title;
  return provider;
}

/* The release of CUDA that the library asks for; 0: none. */
static int cuda_of(doctor *d, const link_result *links) {
  for (size_t k = 1; k < links->libraries.count; k++) {
    vendor_library v = rung__vendor_library(d, links->libraries.at[k].name, 0, "");
    if (v.product && strcmp(v.product, "CUDA") == 0 && v.release[0]) return atoi(v.release);
  }
  return 0;
}

/* Was this name reported for another provider already? TensorRT needs what CUDA needs. */
static bool is_reported(const doctor *d, const char *soname) {
  for (size_t k = 0; k < d->report->findings.count; k++) {
    const rung_doctor_finding *f = &d->report->findings.at[k];
    if (strcmp(f->subject, d->subject) != 0 || strncmp(f->code, "ort.library", 11) != 0) continue;
    for (size_t n = 0; n < f->evidence_count; n++)
      if (strncmp(f->evidence[n], soname, strlen(soname)) == 0) return true;
  }
  return false;
}

static void collect(provider_check *c) {
  for (size_t k = 1; k < c->links.libraries.count && c->lack_count < MOST_LACKS; k++) {
    const link_library *one = &c->links.libraries.at[k];
    if ((one->path && !one->damage) || is_reported(c->d, one->name)) continue;
    lack *l = &c->lacks[c->lack_count++];
    l->library = one;
    l->vendor = rung__vendor_library(c->d, one->name, c->i->cuda, c->i->env->pip);
    l->elsewhere = rung__link_elsewhere(c->d, &c->i->link, one->name, c->i->vendor_folders);
  }
}

/* How bad each is, from the least. */
typedef enum lack_kind { UNREACHABLE, DRIVER, OTHER_VERSION, MISSING, DAMAGED } lack_kind;

static bool is_driver(const lack *l) { return l->vendor.product && strcmp(l->vendor.product, "NVIDIA's driver") == 0; }

static lack_kind kind_of(const lack *l) {
  if (l->library->damage) return DAMAGED;
  if (is_driver(l)) return DRIVER;
  if (l->elsewhere.same) return UNREACHABLE;
  return l->elsewhere.other && !l->elsewhere.unlinked ? OTHER_VERSION : MISSING;
}

static const lack *worst_of(const provider_check *c) {
  const lack *worst = NULL;
  for (size_t k = 0; k < c->lack_count; k++)
    if (!worst || kind_of(&c->lacks[k]) > kind_of(worst)) worst = &c->lacks[k];
  return worst;
}

/* TensorRT's library lies in every GPU package, and few want it: without any TensorRT it is only worth a note. */
static bool is_optional(const provider_check *c, const lack *worst) {
  if (rung__ort_is_asked(c->d, "tensorrt")) return false;
  bool vendor = worst->vendor.product && strcmp(worst->vendor.product, "TensorRT") == 0;
  return strcmp(c->provider, "tensorrt") == 0 && (c->i->libraries->count > 1 || rung__ort_is_for(c->d, c->i, "cuda")) &&
         vendor && kind_of(worst) == MISSING;
}

/* Can a program load the packages' libraries by one call? Since 1.21. */
static bool preloads(const installation *i) {
  return !i->native && i->version[0] && rung__vendor_compare_versions(i->version, "1.21") >= 0;
}

static const char cudnn_9[] = "libcudnn.so.9";

/* Since 1.28 the CUDA provider does not link cuDNN and opens it when an operator needs it. */
static bool misses_cudnn(provider_check *c) {
  if (strcmp(c->provider, "cuda") != 0 || c->i->cuda < 12) return false;
  for (size_t k = 0; k < c->links.libraries.count; k++)
    if (strncmp(c->links.libraries.at[k].name, "libcudnn", 8) == 0) return false;
  return !rung__link_anywhere(c->d, cudnn_9) &&
         !rung__link_elsewhere(c->d, &c->i->link, cudnn_9, c->i->vendor_folders).same;
}

/* preload_dlls() and PyTorch look into the folders of Python packages, and nowhere else. */
static bool lies_in_packages(const provider_check *c) {
  for (size_t k = 0; k < c->lack_count; k++) {
    const char *same = c->lacks[k].elsewhere.same;
    bool inside = !same;
    for (size_t n = 0; n < c->i->env->site_count && !inside; n++)
      inside = strncmp(same, c->i->env->site[n], strlen(c->i->env->site[n])) == 0;
    if (!inside) return false;
  }
  return true;
}

static rung_doctor_severity severity_of(const provider_check *c, const lack *worst) {
  if (is_optional(c, worst)) return RUNG_DOCTOR_NOTE;
  if (kind_of(worst) != UNREACHABLE) return RUNG_DOCTOR_BROKEN;
  bool torch = rung__python_dist(c->i->env, "torch") != NULL;
  return lies_in_packages(c) && (preloads(c->i) || torch) ? RUNG_DOCTOR_WARNING : RUNG_DOCTOR_BROKEN;
}

static const char *say_one(doctor *d, const lack *l) {
  const char *where =
      kind_of(l) == DAMAGED   ? rung__doctor_printf(d, "%s: %s", l->library->path, l->library->damage)
      : l->elsewhere.same     ? rung__doctor_printf(d, "lies in %s", rung__doctor_folder_of(d, l->elsewhere.same))
      : l->elsewhere.unlinked ? rung__doctor_printf(d, "not found; %s is there without its link", l->elsewhere.unlinked)
      : l->elsewhere.other    ? rung__doctor_printf(d, "not found; another version: %s", l->elsewhere.other)
      : l->library->skipped
          ? rung__doctor_printf(d, "not found; %s is for %s", l->library->skipped, l->library->skipped_machine)
          : "not found";
  return rung__doctor_printf(d, "%s: %s", l->library->name, where);
}

/* The same for an ONNX Runtime of conda's: what pip brings would lie where its loader does not look. */
static const char *conda_fix(provider_check *c) {
  const char *all = "", *cuda = "";
  for (size_t k = 0; k < c->lack_count; k++) {
    const vendor_library *v = &c->lacks[k].vendor;
    const char *package = rung__conda_package_of(c->d, v);
    if (!package || strstr(all, package)) continue;
    if (strcmp(v->product, "CUDA") == 0 && v->release[0] && strcmp(v->release, "11") != 0)
      cuda = rung__doctor_printf(c->d, " cuda-version=%s", v->release);
    all = rung__doctor_printf(c->d, "%s%s%s", all, all[0] ? " " : "", package);
  }
  return all[0] ? rung__conda_install(c->d, c->i->env, rung__doctor_printf(c->d, "%s%s", all, cuda)) : NULL;
}

/* All that one command brings: packages of pip together, else the worst one's own way. */
static const char *fix_for(provider_check *c, const lack *worst) {
  doctor *d = c->d;
  const char *own = c->i->owner && c->i->owner->conda ? conda_fix(c) : NULL;
  if (own && !worst->elsewhere.unlinked) return own;
  const char *all = "", *start = rung__doctor_printf(d, "%s install ", c->i->env->pip);
  bool pip = strncmp(worst->vendor.fix, start, strlen(start)) == 0;
  if (worst->elsewhere.unlinked)
    return rung__doctor_printf(d, "ln -s %s %s/%s", rung__doctor_base_name(worst->elsewhere.unlinked),
                               rung__doctor_folder_of(d, worst->elsewhere.unlinked), worst->library->name);
  if (!worst->vendor.fix[0])
    return rung__doctor_printf(d, "install the package that holds %s, or name its folder in LD_LIBRARY_PATH",
                               worst->library->name);
  for (size_t k = 0; pip && k < c->lack_count; k++) {
    const lack *l = &c->lacks[k];
    const char *word = strncmp(l->vendor.fix, start, strlen(start)) == 0 ? l->vendor.fix + strlen(start) : NULL;
    if (!word || kind_of(l) == UNREACHABLE || strstr(all, word)) continue;
    all = rung__doctor_printf(d, "%s%s%s", all, all[0] ? " " : "", word);
  }
  if (!pip || !all[0]) return worst->vendor.fix;
  if (strcmp(c->provider, "cuda") == 0 && misses_cudnn(c) && !strstr(all, "cudnn"))
    all = rung__doctor_printf(d, "%s %s", all,
                              rung__vendor_library(d, cudnn_9, c->i->cuda, "x").fix + strlen("x install "));
  return rung__doctor_printf(d, "%s%s, then let the loader find them: %s", start, all,
                             preloads(c->i) ? "onnxruntime.preload_dlls() before the first session, or LD_LIBRARY_PATH"
                                            : "their folders in LD_LIBRARY_PATH");
}

/* "/a/lib:/b/lib" of the libraries that lie where nobody looks. */
static const char *folders_of(provider_check *c) {
  doctor_list *list = rung__doctor_list(c->d);
  const char *text = "";
  for (size_t k = 0; k < c->lack_count; k++) {
    if (!c->lacks[k].elsewhere.same || kind_of(&c->lacks[k]) != UNREACHABLE) continue;
    const char *folder = rung__doctor_folder_of(c->d, c->lacks[k].elsewhere.same);
    if (rung__doctor_has(list, folder)) continue;
    rung__doctor_add(c->d, list, folder);
    text = rung__doctor_printf(c->d, "%s%s%s", text, text[0] ? ":" : "", folder);
  }
  return text;
}

static void mend_unreachable(provider_check *c, doctor_finding f) {
  const char *folders = folders_of(c);
  bool packages = lies_in_packages(c), cuda = packages && strcmp(c->provider, "cuda") == 0;
  rung__doctor_because(
      f, "%s not among the folders that the loader searches%s", packages ? "Python packages are" : "the folder is",
      preloads(c->i) && cuda ? "; onnxruntime.preload_dlls() loads them, if the program calls it" : "");
  if (preloads(c->i) && cuda)
    rung__doctor_mend(f,
                      "export LD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} before the start, or call "
                      "onnxruntime.preload_dlls() before the first session",
                      folders);
  else
    rung__doctor_mend(f, "export LD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} before the start%s", folders,
                      packages ? ""
                               : rung__doctor_printf(c->d,
                                                     "; for all programs: echo %s > /etc/ld.so.conf.d/rung.conf "
                                                     "&& ldconfig",
                                                     folders));
}

static void mend_version(provider_check *c, doctor_finding f, const lack *worst) {
  doctor *d = c->d;
  vendor_library other = rung__vendor_library(d, rung__doctor_base_name(worst->elsewhere.other), 0, c->i->env->pip);
  if (worst->vendor.product && worst->vendor.release[0])
    rung__doctor_because(f, "%s %s is wanted%s%s", worst->vendor.product, worst->vendor.release,
                         other.release[0] ? rung__doctor_printf(d, ", and %s is installed", other.release) : "", "");
  rung__doctor_mend(f, "%s", fix_for(c, worst));
}

static void report_lacks(provider_check *c) {
  static const doctor_code codes[] = {DOCTOR_ORT_LIBRARY_UNREACHABLE, DOCTOR_ORT_DRIVER_MISSING,
                                      DOCTOR_ORT_LIBRARY_VERSION, DOCTOR_ORT_LIBRARY_MISSING,
                                      DOCTOR_ORT_LIBRARY_DAMAGED};
  static const char *const words[] = {"is not where the loader looks", "is missing: there is no driver of NVIDIA's",
                                      "is missing, and another version is there", "is missing", "is damaged"};
  doctor *d = c->d;
  const lack *worst = worst_of(c);
  lack_kind kind = kind_of(worst);
  if (kind == DRIVER && rung__doctor_found(d, DOCTOR_ORT_DRIVER_MISSING, d->subject)) return;
  bool optional = is_optional(c, worst);
  const char *title =
      optional ? rung__doctor_printf(d, "TensorRT is not installed; its provider is there and cannot be used (%s)",
                                     worst->library->name)
               : rung__doctor_printf(d, "the %s provider cannot be loaded: %s %s", title_of(c->provider),
                                     worst->library->name, words[kind]);
  if (kind == UNREACHABLE && severity_of(c, worst) == RUNG_DOCTOR_WARNING)
    title = rung__doctor_printf(d, "the %s provider finds its libraries only with help: %s %s", title_of(c->provider),
                                worst->library->name, words[kind]);
  doctor_finding f = rung__doctor_find_as(d, codes[kind], severity_of(c, worst), title);
  for (size_t k = 0; k < c->lack_count && k + 3 < DOCTOR_MOST_EVIDENCE; k++)
    rung__doctor_show(f, "%s", say_one(d, &c->lacks[k]));
  const char *conda = rung__conda_vendors(d, c->i->env);
  if (conda[0]) rung__doctor_show(f, "conda has installed %s", conda);
  rung__doctor_show(f, "%s needs %s; looked in %s", c->path, c->lack_count > 1 ? "them" : "it",
                    rung__link_places(d, &c->i->link));
  bool nvidia = worst->vendor.product && strcmp(worst->vendor.product, "CUDA") == 0;
  if (nvidia && !optional && !rung__machine_has_nvidia(d->machine) && !d->machine->wsl)
    rung__doctor_because(f,
                         "besides, no NVIDIA device is seen on this machine: without one, the package onnxruntime is "
                         "enough");
  if (kind == UNREACHABLE)
    mend_unreachable(c, f);
  else if (kind == OTHER_VERSION)
    mend_version(c, f, worst);
  else
    rung__doctor_mend(f, "%s", fix_for(c, worst));
}

/* The library itself */

static bool report_own_problem(provider_check *c) {
  doctor *d = c->d;
  const link_library *own = &c->links.libraries.at[0];
  if (c->links.machine) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_OTHER_MACHINE,
                                         rung__doctor_printf(d, "%s is for %s, this machine is %s", own->name,
                                                             c->links.machine, rung_elf_this_machine()));
    rung__doctor_show(f, "%s", c->path);
    rung__doctor_mend(f, "%s", rung__ort_reinstall(d, c->i));
    return true;
  }
  if (!own->damage) return false;
  if (rung__doctor_found(d, DOCTOR_ORT_FILES_CHANGED, d->subject)) return true;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_PROVIDER_DAMAGED,
                        rung__doctor_printf(d, "the library of the %s provider is damaged", title_of(c->provider)));
  rung__doctor_because(
      f, "a download or a copy was interrupted, or the disk was full; loading such a file ends the process");
  rung__doctor_show(f, "%s: %s", c->path, own->damage);
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, c->i));
  return true;
}

/* A child loads what should load. */
static void try_in_child(provider_check *c) {
  doctor *d = c->d;
  const char *paths[] = {rung__ort_file(d, c->i, "libonnxruntime_providers_shared.so"), c->path, NULL};
  if (!d->request->helper || d->root[0] || !c->links.loadable) return;
  child_result result;
  if (!rung__doctor_load(d, paths, &result) || result.kind == CHILD_LOADED) return;
  const char *title = title_of(c->provider);
  doctor_code code = result.kind == CHILD_CRASHED ? DOCTOR_ORT_PROVIDER_CRASHES
                     : result.kind == CHILD_HUNG  ? DOCTOR_ORT_PROVIDER_HANGS
                                                  : DOCTOR_ORT_PROVIDER_REFUSED;
  const char *what = result.kind == CHILD_CRASHED ? "ends the process"
                     : result.kind == CHILD_HUNG  ? "does not end"
                                                  : "is refused";
  doctor_finding f =
      rung__doctor_find(d, code, rung__doctor_printf(d, "loading the %s provider %s: %s", title, what, result.words));
  rung__doctor_show(f, "%s, loaded in a child process", result.library[0] ? result.library : c->path);
  const char *cause, *fix = rung__ort_reinstall(d, c->i);
  if (result.kind == CHILD_REFUSED && rung__doctor_meaning(d, result.words, &cause, &fix))
    rung__doctor_because(f, "%s", cause);
  rung__doctor_mend(f, "%s", fix);
}

/* Where more is missing, its command brings cuDNN, too. */
static void check_cudnn(provider_check *c) {
  doctor *d = c->d;
  if (rung__link_first_problem(&c->links) || !misses_cudnn(c)) return;
  link_elsewhere at = rung__link_elsewhere(d, &c->i->link, cudnn_9, c->i->vendor_folders);
  vendor_library vendor = rung__vendor_library(d, cudnn_9, c->i->cuda, c->i->env->pip);
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_CUDNN, "cuDNN is not installed: convolutions will not run on the GPU");
  rung__doctor_because(
      f, "since 1.28 the CUDA provider loads without cuDNN and fails at the first operator that needs it");
  rung__doctor_show(f, "no %s%s%s", cudnn_9, at.other ? "; another version: " : "", at.other ? at.other : "");
  rung__doctor_mend(f, "%s", vendor.fix);
}

static void check_release(provider_check *c, int needed) {
  doctor *d = c->d;
  int built = c->i->cuda ? c->i->cuda : 0;
  if (!needed || !built || needed == built) return;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_FILES_FOREIGN,
      rung__doctor_printf(d, "the library of the %s provider is of another ONNX Runtime", title_of(c->provider)));
  rung__doctor_because(f, "it was built for CUDA %d, and the rest of the package for CUDA %d", needed, built);
  rung__doctor_show(f, "%s; %s/capi/build_and_package_info.py", c->path, c->i->folder);
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, c->i));
}

/* A library of a plugin: whole, and all there that it needs. */
static void check_library_at(doctor *d, installation *i, const char *provider, const char *path) {
  provider_check c = {.d = d, .i = i, .provider = provider, .path = path};
  if (!rung__doctor_is_file(d, path)) return;
  rung__link_walk(d, &i->link, path, &c.links);
  if (!d->failed && !report_own_problem(&c)) {
    collect(&c);
    if (c.lack_count) report_lacks(&c);
    rung__ort_report_versions(d, i, &c.links);
  }
  rung__link_free(d, &c.links);
}

static void check_one(doctor *d, installation *i, const char *library) {
  provider_check c = {
      .d = d, .i = i, .provider = rung__ort_provider_of(d, library), .path = rung__ort_file(d, i, library)};
  rung__link_walk(d, &i->link, c.path, &c.links);
  int needed = cuda_of(d, &c.links);
  if (strcmp(c.provider, "cuda") == 0) check_release(&c, needed);
  if (!i->cuda) i->cuda = needed;
  if (!d->failed && !report_own_problem(&c)) {
    collect(&c);
    if (c.lack_count) report_lacks(&c);
    rung__ort_report_versions(d, i, &c.links);
    if (!rung__link_first_problem(&c.links) && !c.links.versions.count) try_in_child(&c);
    check_cudnn(&c);
  }
  rung__link_free(d, &c.links);
}

static void check_presence(doctor *d, const installation *i) {
  static const char *const own[] = {"cuda", "openvino", "rocm", "migraphx"};
  bool named = false;
  for (size_t k = 0; k < RUNG_COUNT(own) && !named; k++) {
    const char *library = rung__doctor_printf(d, "libonnxruntime_providers_%s.so", own[k]);
    bool wanted = rung__ort_is_for(d, i, own[k]);
    /* Before 1.9 providers were part of the module; a ROCm package holds either of two. */
    if (!wanted || rung__doctor_has(i->libraries, library) || rung__vendor_compare_versions(i->version, "1.9") < 0)
      continue;
    if (strstr(i->package, "rocm") && i->libraries->count) continue;
    if (rung__doctor_found(d, DOCTOR_ORT_FILES_MISSING, d->subject) ||
        rung__doctor_found(d, DOCTOR_ORT_PACKAGES_OVERLAP, d->subject))
      return;
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_ORT_PROVIDER_MISSING,
        rung__doctor_printf(d, "%s is there without the library of its %s provider", i->package, title_of(own[k])));
    rung__doctor_because(f, "the package was cut, or another one overwrote it");
    rung__doctor_show(f, "no %s", rung__ort_file(d, i, library));
    rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
    named = true;
  }
  const char *shared = rung__ort_file(d, i, "libonnxruntime_providers_shared.so");
  if (!i->libraries->count || rung__doctor_is_file(d, shared) ||
      rung__doctor_found(d, DOCTOR_ORT_FILES_MISSING, d->subject))
    return;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_PROVIDER_MISSING,
                                       "no provider can be loaded: the library that they share is gone");
  rung__doctor_show(f, "no %s", shared);
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
}

/* Plugins */

static void check_host(doctor *d, const installation *i, const dist *plugin, const char *wanted) {
  bool old = i->version[0] && rung__vendor_compare_versions(i->version, wanted) < 0;
  if (!old) return;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_PLUGIN_HOST,
                        rung__doctor_printf(d, "%s %s needs ONNX Runtime %s or newer, and %s is installed",
                                            plugin->name, plugin->version, wanted, i->version));
  rung__doctor_show(f, "%s", plugin->folder);
  rung__doctor_mend(f, "%s install --upgrade \"%s>=%s\"", i->env->pip, i->package[0] ? i->package : "onnxruntime",
                    wanted);
}

/* The libraries that a plugin's RECORD lists: what they need must be there. */
static void check_plugin(doctor *d, installation *i, const dist *plugin) {
  rung_str record = plugin->record;
  dist_file file;
  while (rung__dist_next_file(d, &record, &file)) {
    const char *name = rung__doctor_base_name(file.path);
    if (!strstr(name, ".so") || strncmp(name, "lib", 3) != 0 || strstr(file.path, ".libs/")) continue;
    const char *path = rung__doctor_printf(d, "%s/%s", plugin->site, file.path);
    check_library_at(d, i, plugin->name, path);
  }
}

static void check_plugins(doctor *d, installation *i) {
  for (size_t k = 0; k < i->env->dists.count && !d->failed; k++) {
    const dist *one = &i->env->dists.at[k];
    const char *host = rung__vendor_plugin_host(one->name, one->version);
    if (!host) continue;
    check_host(d, i, one, host);
    if (one->record.data) check_plugin(d, i, one);
  }
}

bool rung__ort_check_providers(doctor *d, installation *i) {
  check_presence(d, i);
  check_plugins(d, i);
  for (size_t k = 0; k < i->libraries->count && !d->failed; k++)
    if (!rung__doctor_has(i->foreign, i->libraries->at[k])) check_one(d, i, i->libraries->at[k]);
  return true;
}
