#include "doctor/vendor.h"

#include "base/vendor_floors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Versions */

int rung__vendor_compare_versions(const char *a, const char *b) {
  for (;;) {
    char *after_a, *after_b;
    unsigned long x = strtoul(a, &after_a, 10), y = strtoul(b, &after_b, 10);
    if (x != y) return x < y ? -1 : 1;
    a = after_a;
    b = after_b;
    bool more_a = *a == '.' && isdigit((unsigned char)a[1]), more_b = *b == '.' && isdigit((unsigned char)b[1]);
    if (more_a && more_b) {
      a++;
      b++;
    } else if (more_a || more_b) { /* 2 is 2.0 */
      const char *rest = more_a ? a : b;
      while (*rest == '.' || *rest == '0') rest++;
      return isdigit((unsigned char)*rest) ? (more_a ? 1 : -1) : 0;
    } else {
      return 0;
    }
  }
}

/* "==1.*": all parts that are written must be the same. */
static bool has_prefix_version(const char *version, const char *wanted, size_t size) {
  return strncmp(version, wanted, size) == 0 && !isdigit((unsigned char)version[size]);
}

static bool satisfies_one(const char *version, const char *part, size_t size) {
  static const char *const operators[] = {"===", "==", "!=", ">=", "<=", "~=", ">", "<"};
  char wanted[64];
  for (size_t i = 0; i < RUNG_COUNT(operators); i++) {
    size_t length = strlen(operators[i]);
    if (size <= length || strncmp(part, operators[i], length) != 0) continue;
    while (length < size && part[length] == ' ') length++;
    snprintf(wanted, sizeof wanted, "%.*s", (int)RUNG_MIN(size - length, sizeof wanted - 1), part + length);
    const char *star = strstr(wanted, ".*");
    int order = rung__vendor_compare_versions(version, wanted);
    switch (operators[i][0]) {
      case '=':
        return star ? has_prefix_version(version, wanted, (size_t)(star - wanted)) : order == 0;
      case '!':
        return star ? !has_prefix_version(version, wanted, (size_t)(star - wanted)) : order != 0;
      case '>':
        return operators[i][1] ? order >= 0 : order > 0;
      case '<':
        return operators[i][1] ? order <= 0 : order < 0;
      default:
        return order >= 0; /* ~=: the upper bound is left out */
    }
  }
  return true;
}

bool rung__vendor_satisfies(const char *version, const char *specification) {
  for (const char *at = specification; *at;) {
    at += strspn(at, " ,()");
    size_t size = strcspn(at, ",();");
    size_t end = size;
    while (end && at[end - 1] == ' ') end--;
    if (end && !satisfies_one(version, at, end)) return false;
    at += size;
    if (*at == ';') break;
  }
  return true;
}

/* Libraries */

static const struct {
  const char *stem, *product;
  int shift;
  const char *pip, *system;
} libraries[] = {
#define RUNG_VENDOR_LIBRARY(stem, product, shift, pip, system) {stem, product, shift, pip, system},
#include "doctor/vendor_libraries.inc"
#undef RUNG_VENDOR_LIBRARY
};

/* "cublasLt64_12.dll" is libcublasLt.so.12, "cudart64_110.dll" libcudart.so.11.0, "nvrtc64_112_0.dll"
 * libnvrtc.so.11.2, "nvcuda.dll" libcuda.so.1. */
static const char *soname_of_dll(doctor *d, const char *name) {
  size_t size = strlen(name);
  if (size < 5 || strcasecmp(name + size - 4, ".dll") != 0) return name;
  if (strcasecmp(name, "nvcuda.dll") == 0) return "libcuda.so.1";
  if (size > 8 && isdigit((unsigned char)name[size - 7]) && strncmp(name + size - 6, "_0", 2) == 0) size -= 2;
  const char *stem = rung__doctor_copy(d, name, size - 4), *number = strrchr(stem, '_');
  if (number && strspn(number + 1, "0123456789") != strlen(number + 1)) number = NULL;
  size_t length = number ? (size_t)(number - stem) : strlen(stem);
  if (length > 2 && strncmp(stem + length - 2, "64", 2) == 0) length -= 2;
  const char *base = rung__doctor_copy(d, stem, length);
  if (!number) return rung__doctor_printf(d, "lib%s.so", base);
  bool of_cuda = strncasecmp(base, "cu", 2) == 0 || strncasecmp(base, "nv", 2) == 0;
  if (of_cuda && strlen(number + 1) == 3)
    return rung__doctor_printf(d, "lib%s.so.%.2s.%s", base, number + 1, number + 3);
  return rung__doctor_printf(d, "lib%s.so.%s", base, number + 1);
}

/* The longest stem that the name begins with; the libraries of one product share it ("libcudnn_ops"). */
static int find_library(const char *stem) {
  int best = -1;
  for (int i = 0; i < (int)RUNG_COUNT(libraries); i++) {
    size_t length = strlen(libraries[i].stem);
    char next = strlen(stem) >= length ? stem[length] : 'x';
    bool begins = strncasecmp(stem, libraries[i].stem, length) == 0;
    bool family = strcmp(libraries[i].stem, "libQnn") == 0 || strncmp(libraries[i].stem, "libMSVCP", 8) == 0 ||
                  strncmp(libraries[i].stem, "libVCRUNTIME", 12) == 0;
    if (!begins || (next && next != '_' && next != '-' && !family)) continue;
    if (best < 0 || length > strlen(libraries[best].stem)) best = i;
  }
  return best;
}

static const char *release_of(doctor *d, int which, const char *version) {
  if (which < 0 || libraries[which].shift < 0 || !isdigit((unsigned char)version[0])) return "";
  int number = atoi(version);
  if (strcmp(libraries[which].product, "OpenVINO") == 0) { /* 2541 is 2025.4.1 */
    if (number < 2000) return "";
    return number % 10 ? rung__doctor_printf(d, "20%02d.%d.%d", number / 100, number / 10 % 10, number % 10)
                       : rung__doctor_printf(d, "20%02d.%d", number / 100, number / 10 % 10);
  }
  return rung__doctor_printf(d, "%d", number + libraries[which].shift);
}

static const char *fix_of(doctor *d, int which, const char *release, const char *version, int cuda, const char *pip) {
  if (which < 0) return "";
  const char *package = libraries[which].pip, *system = libraries[which].system, *product = libraries[which].product;
  if (strcmp(system, "driver-nvidia") == 0)
    return "install NVIDIA's driver (Debian: apt install nvidia-driver; Ubuntu: ubuntu-drivers install); in a "
           "container, start it with --gpus all";
  if (strcmp(system, "rocm") == 0)
    return rung__doctor_printf(d, "install ROCm%s%s from AMD's repository (apt install rocm)", release[0] ? " " : "",
                               release);
  if (strcmp(system, "migraphx") == 0) return "install MIGraphX from AMD's repository (apt install migraphx)";
  if (!package[0]) return system;
  size_t length = strlen(package);
  char mark = package[length - 1];
  bool marked = mark == '@' || mark == '%';
  if (strcmp(product, "CUDA") == 0 && release[0]) cuda = atoi(release);
  if (mark == '%' && !cuda && strncmp(package, "nvidia-", 7) == 0) /* these exist with a suffix only */
    cuda = strcmp(product, "cuDNN") == 0 && strcmp(release, "8") == 0 ? 11 : 12;
  const char *suffix = marked && cuda && (mark == '%' || cuda < 13) ? rung__doctor_printf(d, "-cu%d", cuda) : "";
  const char *of = "";
  bool bound = strcmp(product, "CUDA") != 0 && release[0] && version[0];
  if (bound && strcmp(product, "OpenVINO") == 0)
    of = rung__doctor_printf(d, "==%s.*", release);
  else if (bound)
    of = rung__doctor_printf(d, "==%s.*", release);
  else if (mark == '@' && cuda >= 13 && libraries[which].shift == 0)
    of = rung__doctor_printf(d, "==%d.*", cuda);
  const char *quote = of[0] ? "\"" : "";
  return rung__doctor_printf(d, "%s install %s%.*s%s%s%s", pip, quote, (int)(length - marked), package, suffix, of,
                             quote);
}

vendor_library rung__vendor_library(doctor *d, const char *name, int cuda, const char *pip) {
  const char *soname = soname_of_dll(d, name), *so = strstr(soname, ".so");
  vendor_library out = {.soname = soname, .version = "", .release = "", .fix = ""};
  out.stem = so ? rung__doctor_copy(d, soname, (size_t)(so - soname)) : soname;
  if (so && so[3] == '.') out.version = so + 4;
  int which = find_library(out.stem);
  if (which < 0) return out;
  out.product = libraries[which].product;
  out.release = release_of(d, which, out.version);
  out.fix = fix_of(d, which, out.release, out.version, cuda, pip);
  return out;
}

/* Drivers */

static const struct {
  int cuda;
  const char *driver;
} floors[] = {{13, RUNG_CUDA_13_DRIVER}, {12, RUNG_CUDA_12_DRIVER}, {11, RUNG_CUDA_11_DRIVER}};

const char *rung__vendor_cuda_driver(int cuda) {
  for (size_t i = 0; i < RUNG_COUNT(floors); i++)
    if (floors[i].cuda == cuda) return floors[i].driver;
  return NULL;
}

int rung__vendor_driver_cuda(const char *driver) {
  for (size_t i = 0; i < RUNG_COUNT(floors); i++)
    if (rung__vendor_compare_versions(driver, floors[i].driver) >= 0) return floors[i].cuda;
  return 0;
}

/* Graphics processors */

static const struct {
  const char *words;
  int capability;
} graphics[] = {
#define RUNG_GRAPHICS(words, capability) {words, capability},
#include "doctor/graphics.inc"
#undef RUNG_GRAPHICS
};

static bool is_word(char c) { return isalnum((unsigned char)c); }

/* Does `name` go on with the words? Letters behind a number, as in "4090 Ti" or "2080Ti", are allowed. */
static bool goes_on(const char *name, const char *words) {
  size_t i = 0;
  for (; words[i]; i++) {
    bool same = words[i] == '#' ? isdigit((unsigned char)name[i])
                                : tolower((unsigned char)name[i]) == tolower((unsigned char)words[i]);
    if (!same) return false;
  }
  return words[i - 1] == '#' ? !isdigit((unsigned char)name[i]) : !is_word(name[i]);
}

int rung__vendor_capability(const char *name) {
  for (size_t i = 0; i < RUNG_COUNT(graphics); i++)
    for (const char *at = name; *at; at++)
      if ((at == name || !is_word(at[-1])) && goes_on(at, graphics[i].words)) return graphics[i].capability;
  return 0;
}

/* Packages */

static const vendor_package packages[] = {
#define RUNG_ORT_PACKAGE(name, providers) {name, providers},
#include "doctor/packages.inc"
};

static const struct {
  const char *begin, *host;
} plugins[] = {
#define RUNG_ORT_PLUGIN(name, host) {name, host},
#include "doctor/packages.inc"
};

const vendor_package *rung__vendor_package(const char *name) {
  for (size_t i = 0; i < RUNG_COUNT(packages); i++)
    if (strcmp(packages[i].name, name) == 0) return &packages[i];
  return NULL;
}

const char *rung__vendor_plugin_host(const char *name, const char *version) {
  for (size_t i = 0; i < RUNG_COUNT(plugins); i++)
    if (strncmp(name, plugins[i].begin, strlen(plugins[i].begin)) == 0)
      return strcmp(name, "onnxruntime-qnn") != 0 || rung__vendor_compare_versions(version, "2") >= 0 ? plugins[i].host
                                                                                                      : NULL;
  return NULL;
}

int rung__vendor_onnxruntime_cuda(const char *version) {
  if (rung__vendor_compare_versions(version, "1.28") >= 0) return 13;
  if (rung__vendor_compare_versions(version, "1.25") >= 0) return 0; /* which of these moved is not known */
  if (rung__vendor_compare_versions(version, "1.19") >= 0) return 12;
  return rung__vendor_compare_versions(version, "1.10") >= 0 ? 11 : 0;
}
