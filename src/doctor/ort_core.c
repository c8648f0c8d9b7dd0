/* Can this Python, on this machine, import the module at all? */
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/ort.h"

#include "base/elf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* Tags */

/* "311" of "onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so" or ".cp311-win_amd64.pyd" as "3.11". */
static const char *python_of_module(doctor *d, const char *name) {
  static const char *const marks[] = {".cpython-3", ".cp3"};
  for (size_t i = 0; i < RUNG_COUNT(marks); i++) {
    const char *at = strstr(name, marks[i]);
    if (!at) continue;
    at += strlen(marks[i]);
    size_t digits = strspn(at, "0123456789");
    if (digits) return rung__doctor_printf(d, "3.%.*s", (int)digits, at);
  }
  return "";
}

/* The part behind the last '-' of "cp311-cp311-manylinux_2_28_x86_64". */
static const char *platform_of(const char *tag) {
  const char *dash = strrchr(tag, '-');
  return dash ? dash + 1 : tag;
}

static const char *python_of_tag(doctor *d, const char *tag) {
  if (strncmp(tag, "cp3", 3) != 0 || strstr(tag, "-abi3-")) return "";
  size_t digits = strspn(tag + 3, "0123456789");
  return digits ? rung__doctor_printf(d, "3.%.*s", (int)digits, tag + 3) : "";
}

static bool is_for_system(const char *platform) {
  return strncmp(platform, "win", 3) != 0 && strncmp(platform, "macosx", 6) != 0 && strncmp(platform, "ios", 3) != 0 &&
         strncmp(platform, "android", 7) != 0;
}

/* "x86-64" of "manylinux_2_28_x86_64"; NULL when it names none that is known. */
static const char *machine_of(const char *platform) {
  static const struct {
    const char *end, *machine;
  } ends[] = {{"x86_64", "x86-64"},   {"aarch64", "aarch64"}, {"i686", "x86 (32 bits)"}, {"armv7l", "arm (32 bits)"},
              {"riscv64", "riscv64"}, {"ppc64le", "ppc64"},   {"s390x", "s390x"}};
  size_t size = strlen(platform);
  for (size_t i = 0; i < RUNG_COUNT(ends); i++) {
    size_t length = strlen(ends[i].end);
    if (size >= length && strcmp(platform + size - length, ends[i].end) == 0) return ends[i].machine;
  }
  return NULL;
}

static const char *install_again(doctor *d, const installation *i) {
  return rung__doctor_printf(d, "%s install --force-reinstall %s", i->env->pip,
                             i->package[0] ? i->package : "onnxruntime");
}

/* Rules of the platform; true when the rule found something. */

/* Packages that Linux has under another name. */
static const char *for_this_system(doctor *d, const installation *i) {
  static const char *const foreign[] = {"onnxruntime-directml", "onnxruntime-silicon", "onnxruntime-coreml",
                                        "onnxruntime-qnn", "onnxruntime-windowsml"};
  for (size_t k = 0; k < RUNG_COUNT(foreign); k++)
    if (strcmp(i->package, foreign[k]) == 0)
      return rung__ort_replace(d, i, rung__machine_has_nvidia(d->machine) ? "onnxruntime-gpu" : "onnxruntime",
                               "the archive for this system");
  return install_again(d, i);
}

static bool find_other_system(doctor *d, const installation *i) {
  const char *seen = NULL;
  for (size_t k = 0; i->owner && k < i->owner->tags.count && !seen; k++)
    if (!is_for_system(platform_of(i->owner->tags.at[k]))) seen = i->owner->tags.at[k];
  for (size_t k = 0; k < i->modules->count && !seen; k++)
    if (strstr(i->modules->at[k], ".pyd") || strstr(i->modules->at[k], "-darwin")) seen = i->modules->at[k];
  bool linux = strcmp(d->machine->system, "linux") == 0;
  if (!seen || !linux) return false;
  for (size_t k = 0; k < i->modules->count; k++) /* beside one for here it does no harm */
    if (strstr(i->modules->at[k], "-linux-")) return false;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_OTHER_SYSTEM, "the package is for another operating system");
  rung__doctor_because(f, "the environment was copied from another machine, or pip was told to take another platform");
  rung__doctor_show(f, "%s, and this is Linux", seen);
  rung__doctor_mend(f, "%s", for_this_system(d, i));
  return true;
}

static bool find_other_libc(doctor *d, const installation *i) {
  bool musl = false, glibc = false;
  const char *seen = "";
  for (size_t k = 0; i->owner && k < i->owner->tags.count; k++) {
    const char *platform = platform_of(i->owner->tags.at[k]);
    musl |= strncmp(platform, "musllinux", 9) == 0;
    glibc |= strncmp(platform, "manylinux", 9) == 0;
    seen = i->owner->tags.at[k];
  }
  for (size_t k = 0; k < i->modules->count; k++) {
    if (!strstr(i->modules->at[k], "-linux-")) continue;
    bool is_musl = strstr(i->modules->at[k], "-linux-musl") != NULL;
    if (!musl && !glibc) seen = i->modules->at[k];
    musl |= is_musl;
    glibc |= strstr(i->modules->at[k], "-linux-gnu") != NULL;
  }
  if (!i->env->libc_known || musl == glibc || musl == i->env->musl) return false;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_OTHER_LIBC,
                                       rung__doctor_printf(d, "the package is for %s, this Python for %s",
                                                           musl ? "musl" : "glibc", musl ? "glibc" : "musl"));
  rung__doctor_because(f, "a library holds calls of one C library; the other one cannot serve them");
  rung__doctor_show(f, "%s; this system: %s", seen,
                    i->env->musl          ? "musl"
                    : d->machine->libc[0] ? d->machine->libc
                                          : "glibc");
  if (i->env->musl)
    rung__doctor_mend(f,
                      "use an image with glibc (python:3.12-slim instead of python:3.12-alpine), and install %s there",
                      i->package[0] ? i->package : "onnxruntime");
  else
    rung__doctor_mend(f, "%s", install_again(d, i));
  return true;
}

static bool find_other_machine(doctor *d, const installation *i) {
  const char *here = rung_elf_this_machine(), *wanted = NULL, *seen = NULL;
  for (size_t k = 0; i->owner && k < i->owner->tags.count; k++) {
    const char *one = machine_of(platform_of(i->owner->tags.at[k]));
    if (one && strcmp(one, here) == 0) return false;
    if (one) wanted = one, seen = i->owner->tags.at[k];
  }
  if (!wanted) return false;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_OTHER_MACHINE, rung__doctor_printf(d, "the package is for %s, this machine is %s", wanted, here));
  rung__doctor_show(f, "%s", seen);
  rung__doctor_mend(f, "%s", install_again(d, i));
  return true;
}

static bool find_other_python(doctor *d, const installation *i) {
  const char *wanted = "", *seen = "";
  if (!i->env->version[0]) return false;
  for (size_t k = 0; k < i->modules->count; k++) {
    const char *one = python_of_module(d, i->modules->at[k]);
    if (!one[0] || strcmp(one, i->env->version) == 0) return false;
    wanted = one;
    seen = i->modules->at[k];
  }
  for (size_t k = 0; !i->modules->count && i->owner && k < i->owner->tags.count; k++) {
    const char *one = python_of_tag(d, i->owner->tags.at[k]);
    if (!one[0] || strcmp(one, i->env->version) == 0) return false;
    wanted = one;
    seen = i->owner->tags.at[k];
  }
  if (!wanted[0]) return false;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_OTHER_PYTHON,
      rung__doctor_printf(d, "the package is for Python %s, this environment has Python %s", wanted, i->env->version));
  rung__doctor_because(f, "another interpreter's pip installed it, or the environment's Python was replaced");
  rung__doctor_show(f, "%s in %s/capi", seen, i->folder);
  rung__doctor_mend(f, "%s", install_again(d, i));
  return true;
}

bool rung__ort_check_platform(doctor *d, installation *i) {
  return !find_other_system(d, i) && !find_other_machine(d, i) && !find_other_libc(d, i) && !find_other_python(d, i);
}

/* The compiled module */

static void report_version(doctor *d, const installation *i, const link_version *v) {
  bool libc = strncmp(v->version, "GLIBC_", 6) == 0;
  bool cxx = strncmp(v->version, "GLIBCXX_", 8) == 0 || strncmp(v->version, "CXXABI_", 7) == 0;
  doctor_code code = libc ? DOCTOR_ORT_LIBC_OLD : cxx ? DOCTOR_ORT_LIBSTDCXX_OLD : DOCTOR_ORT_SYMBOL_VERSION;
  if (rung__doctor_found(d, code, d->subject)) return;
  doctor_finding f =
      rung__doctor_find(d, code, rung__doctor_printf(d, "%s is too old: it has no %s", v->file, v->version));
  rung__doctor_show(f, "%s needs %s of %s", v->needed_by, v->version, v->file);
  rung__doctor_show(f, "found: %s%s%s", v->found, v->newest[0] ? ", whose newest is " : "", v->newest);
  if (libc)
    rung__doctor_mend(f, "use a system with a newer glibc (an image of a newer release), or install an older %s",
                      i->package[0] ? i->package : "onnxruntime");
  else if (cxx && i->env->conda)
    rung__doctor_mend(f, "conda install -p %s -c conda-forge 'libstdcxx-ng>=13'", i->env->path);
  else if (cxx)
    rung__doctor_mend(f,
                      "apt install libstdc++6 of a newer release, and take folders with an older one (%s) out of "
                      "LD_LIBRARY_PATH",
                      rung__doctor_folder_of(d, v->found));
  else
    rung__doctor_mend(f, "install the release of %s that %s was built with", v->file,
                      rung__doctor_base_name(v->needed_by));
}

void rung__ort_report_versions(doctor *d, const installation *i, const link_result *links) {
  for (size_t k = 0; k < links->versions.count; k++) report_version(d, i, &links->versions.at[k]);
}

static bool report_core_problem(doctor *d, const installation *i, const link_result *links) {
  const link_library *bad = rung__link_first_problem(links);
  const char *what = i->native ? "ONNX Runtime's library" : "the compiled module of ONNX Runtime";
  if (links->machine) {
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_ORT_OTHER_MACHINE,
        rung__doctor_printf(d, "%s is for %s, this machine is %s", what, links->machine, rung_elf_this_machine()));
    rung__doctor_show(f, "%s", rung__ort_file(d, i, links->libraries.at[0].name));
    rung__doctor_mend(f, "%s",
                      i->native ? rung__ort_replace(d, i, "", "the archive for this machine") : install_again(d, i));
    return true;
  }
  if (!bad) return false;
  if (bad == &links->libraries.at[0]) {
    if (rung__doctor_found(d, DOCTOR_ORT_FILES_CHANGED, d->subject)) return true;
    doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_CORE_DAMAGED, rung__doctor_printf(d, "%s is damaged", what));
    rung__doctor_show(f, "%s: %s", bad->path ? bad->path : bad->name, bad->damage ? bad->damage : "it cannot be read");
    rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
    return true;
  }
  vendor_library vendor = rung__vendor_library(d, bad->name, i->cuda, i->env->pip);
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_CORE_LIBRARY_MISSING,
                        rung__doctor_printf(d, "ONNX Runtime cannot be %s: %s %s", i->native ? "loaded" : "imported",
                                            bad->name, bad->damage ? "is damaged" : "is missing"));
  rung__doctor_show(f, "%s needs it; looked in %s", bad->needed_by, rung__link_places(d, &i->link));
  if (bad->damage) rung__doctor_show(f, "%s: %s", bad->path, bad->damage);
  if (bad->skipped) rung__doctor_show(f, "passed over: %s, which is for %s", bad->skipped, bad->skipped_machine);
  rung__doctor_mend(f, "%s",
                    vendor.fix[0] ? vendor.fix
                                  : rung__doctor_printf(d, "install the package that holds %s (apt-file search %s)",
                                                        bad->name, bad->name));
  return true;
}

bool rung__ort_check_core(doctor *d, installation *i) {
  if (!i->modules->count) {
    if (rung__doctor_found(d, DOCTOR_ORT_FILES_MISSING, d->subject)) return false;
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_ORT_CORE_MISSING, "the compiled module of ONNX Runtime is not there");
    rung__doctor_because(
        f, "an installation was interrupted, or another package of ONNX Runtime was uninstalled and took it along");
    rung__doctor_show(f, "no %s/capi/onnxruntime_pybind11_state*.so", i->folder);
    rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
    return false;
  }
  link_result links;
  rung__link_walk(d, &i->link, rung__ort_file(d, i, i->modules->at[0]), &links);
  bool bad = d->failed || report_core_problem(d, i, &links);
  if (!bad) rung__ort_report_versions(d, i, &links);
  rung__link_free(d, &links);
  return !bad;
}

/* Packages that it requires */

static void check_numpy(doctor *d, const installation *i) {
  const dist *numpy = rung__python_dist(i->env, "numpy");
  if (!numpy || !i->version[0] || rung__vendor_compare_versions(i->version, "1.19") >= 0 ||
      rung__vendor_compare_versions(numpy->version, "2") < 0)
    return;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_NUMPY,
                        rung__doctor_printf(d, "ONNX Runtime %s was built for NumPy 1, and NumPy %s is installed",
                                            i->version, numpy->version));
  rung__doctor_because(f, "\"A module that was compiled using NumPy 1.x cannot be run in NumPy 2\"");
  rung__doctor_show(f, "%s", numpy->folder);
  rung__doctor_mend(f, "%s install \"numpy<2\"", i->env->pip);
}

bool rung__ort_check_needs(doctor *d, installation *i) {
  check_numpy(d, i);
  doctor_list *missing = rung__doctor_list(d), *wrong = rung__doctor_list(d), *names = rung__doctor_list(d);
  for (size_t k = 0; i->owner && k < i->owner->needs.count; k++) {
    const char *rest, *line = i->owner->needs.at[k], *name = rung__dist_requirement(d, line, &rest);
    const dist *found = rung__python_dist(i->env, name);
    bool fits = found && (!found->version[0] || rung__vendor_satisfies(found->version, rest));
    if (fits || (strcmp(name, "numpy") == 0 && rung__doctor_found(d, DOCTOR_ORT_NUMPY, d->subject))) continue;
    if (!found && !i->env->program) continue; /* a folder alone: they may lie elsewhere */
    if (found)
      rung__doctor_add(d, wrong,
                       rung__doctor_printf(d, "%s is needed, %s %s is installed", line, name, found->version));
    else
      rung__doctor_add(d, missing, name);
    rung__doctor_add(d, names, rung__doctor_printf(d, "\"%s\"", line));
  }
  if (!names->count) return true;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_DEPENDENCY,
      missing->count ? rung__doctor_printf(d, "Python packages that ONNX Runtime requires are missing: %s",
                                           rung__doctor_join(d, missing))
                     : wrong->at[0]);
  for (size_t k = 0; k < wrong->count && missing->count; k++) rung__doctor_show(f, "%s", wrong->at[k]);
  rung__doctor_show(f, "%s/METADATA requires them", i->owner->folder);
  const char *all = "";
  for (size_t k = 0; k < names->count; k++) all = rung__doctor_printf(d, "%s %s", all, names->at[k]);
  rung__doctor_mend(f, "%s install%s", i->env->pip, all);
  return true;
}
