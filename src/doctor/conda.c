#include "doctor/conda.h"

#include "doctor/files.h"
#include "doctor/vendor.h"

#include <stdio.h>

enum { MOST_RECORD = 32 << 20 };

/* "NAME-VERSION-BUILD.json": the name may hold dashes, the others do not. */
static bool split_name(const char *file, rung_str *name, rung_str *version, rung_str *build) {
  static const char end[] = ".json";
  size_t size = strlen(file);
  if (size < sizeof end || strcmp(file + size - (sizeof end - 1), end) != 0) return false;
  const char *stop = file + size - (sizeof end - 1), *second = stop, *first;
  while (second > file && *second != '-') second--;
  first = second > file ? second - 1 : file;
  while (first > file && *first != '-') first--;
  if (first == file) return false;
  *name = (rung_str){file, (size_t)(first - file)};
  *version = (rung_str){first + 1, (size_t)(second - first - 1)};
  *build = (rung_str){second + 1, (size_t)(stop - second - 1)};
  return version->size && build->size;
}

/* A string of JSON from behind its first quote; escapes stay as they are: paths hold none that matter. */
static rung_str take_string(rung_str *text) {
  size_t size = 0;
  while (size < text->size && text->data[size] != '"')
    size += text->data[size] == '\\' && size + 1 < text->size ? 2 : 1;
  rung_str out = {text->data, RUNG_MIN(size, text->size)};
  size_t skip = RUNG_MIN(size + 1, text->size);
  *text = (rung_str){text->data + skip, text->size - skip};
  return out;
}

/* What stands behind `"files": [` in conda's record of a package; empty when it has none. */
static rung_str find_files(rung_str json) {
  static const char key[] = "\"files\"";
  for (const char *at = json.data; at && (at = strstr(at, key)); at++) {
    const char *rest = at + sizeof key - 1;
    rest += strspn(rest, " \t\r\n");
    if (*rest != ':') continue;
    rest += 1 + strspn(rest + 1, " \t\r\n");
    if (*rest == '[') return (rung_str){rest + 1, json.size - (size_t)(rest + 1 - json.data)};
  }
  return (rung_str){NULL, 0};
}

rung_str rung__conda_record(doctor *d, rung_str json, const char *below) {
  rung_str files = find_files(json);
  if (!files.data) return files;
  char *out = rung__doctor_alloc(d, files.size + 1, 1);
  size_t at = 0, size = strlen(below);
  if (!out) return (rung_str){NULL, 0};
  while (files.size) {
    char c = files.data[0];
    files = (rung_str){files.data + 1, files.size - 1};
    if (c == ']') break;
    if (c != '"') continue;
    rung_str path = take_string(&files);
    if (path.size <= size || strncmp(path.data, below, size) != 0) continue;
    memcpy(out + at, path.data + size, path.size - size);
    at += path.size - size;
    out[at++] = '\n'; /* fits: each path had two quotes */
  }
  out[at] = 0;
  return (rung_str){out, at};
}

/* Is it one that matters here: its files are read, too? */
static bool is_onnxruntime(const char *name) { return rung__vendor_package(name) != NULL; }

/* The metadata of pip that the package brought along: one of its files, where these are known; NULL: none. */
static dist *brought(doctor *d, python_env *env, const dist *package) {
  for (size_t i = 0; i < env->dists.count; i++) {
    dist *one = &env->dists.at[i];
    bool same = strcmp(one->name, package->name) == 0 && strcmp(one->version, package->version) == 0;
    const char *metadata = rung__doctor_printf(d, "%s/METADATA", rung__doctor_base_name(one->folder));
    if (package->record.data ? rung__dist_owns(d, package, metadata) : same && strcmp(one->installer, "pip") != 0)
      return one;
  }
  return NULL;
}

static bool read_package(doctor *d, const python_env *env, const char *prefix, const char *file, dist *out) {
  rung_str name, version, build;
  if (!split_name(file, &name, &version, &build)) return false;
  *out = (dist){.name = rung__dist_normal_name(d, name),
                .version = rung__doctor_copy(d, version.data, version.size),
                .folder = rung__doctor_printf(d, "%s/conda-meta/%s", prefix, file),
                .site = env->site_count ? env->site[0] : prefix,
                .installer = "conda",
                .python = "",
                .conda = rung__doctor_copy(d, build.data, build.size)};
  if (!is_onnxruntime(out->name)) return true;
  rung_str json = rung__doctor_read(d, out->folder, MOST_RECORD);
  size_t length = strlen(prefix);
  bool inside = strncmp(out->site, prefix, length) == 0 && out->site[length] == '/';
  if (inside) out->record = rung__conda_record(d, json, rung__doctor_printf(d, "%s/", out->site + length + 1));
  out->whole = json.size > 0;
  return true;
}

void rung__conda_read(doctor *d, python_env *env, const char *prefix) {
  const doctor_list *names = rung__doctor_names(d, rung__doctor_printf(d, "%s/conda-meta", prefix));
  for (size_t i = 0; i < names->count && !d->failed; i++) {
    dist one;
    if (!read_package(d, env, prefix, names->at[i], &one)) continue;
    dist *known = brought(d, env, &one);
    if (known)
      known->conda = one.conda;
    else if (!rung_vec_push(d->allocator, &env->dists, one))
      d->failed = true;
  }
}

const char *rung__conda_vendors(doctor *d, const python_env *env) {
  static const char *const names[] = {"cudatoolkit", "cuda-version", "cuda-runtime", "cuda-toolkit",
                                      "cudnn",       "tensorrt",     "openvino",     "libopenvino"};
  doctor_list *list = rung__doctor_list(d);
  for (size_t i = 0; i < RUNG_COUNT(names); i++) {
    const dist *one = rung__python_dist(env, names[i]);
    if (one && one->conda) rung__doctor_add(d, list, rung__doctor_printf(d, "%s %s", one->name, one->version));
  }
  return list->count ? rung__doctor_join(d, list) : "";
}

const char *rung__conda_install(doctor *d, const python_env *env, const char *what) {
  return rung__doctor_printf(d, "conda install -p %s -c conda-forge %s", env->path, what);
}

const char *rung__conda_package_of(doctor *d, const vendor_library *library) {
  static const struct {
    const char *stem, *package;
  } packages[] = {{"libcublas", "libcublas"}, {"libcudart", "cuda-cudart"},    {"libcufft", "libcufft"},
                  {"libcurand", "libcurand"}, {"libcusparse", "libcusparse"},  {"libcusolver", "libcusolver"},
                  {"libnvrtc", "cuda-nvrtc"}, {"libnvJitLink", "libnvjitlink"}};
  if (!library->product) return NULL;
  if (strcmp(library->product, "cuDNN") == 0) return rung__doctor_printf(d, "cudnn=%s", library->release);
  if (strcmp(library->product, "CUDA") == 0 && strcmp(library->release, "11") == 0) return "cudatoolkit=11.8";
  for (size_t i = 0; i < RUNG_COUNT(packages); i++)
    if (strncmp(library->stem, packages[i].stem, strlen(packages[i].stem)) == 0) return packages[i].package;
  return NULL;
}
