/* ONNX Runtime as programs in C and C++ ship it: a folder with libonnxruntime.so and its provider libraries, mostly the
 * `lib` of a release's archive. What holds for Python's installations holds here, but for packages: there are none. */
#include "base/elf.h"
#include "base/status.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/ort.h"

#include <stdio.h>

static const char core[] = "libonnxruntime.so";

static bool holds_core(doctor *d, const char *folder) {
  return rung__doctor_glob(d, rung__doctor_printf(d, "%s/libonnxruntime.so*", folder))->count &&
         !rung__doctor_glob(d, rung__doctor_printf(d, "%s/onnxruntime_pybind11_state*", folder))->count;
}

/* Where archives, packages of Node and of .NET keep it. A prefix of Python's has a `lib`, too, and is none. */
static const char *inner_folder(doctor *d, const char *place) {
  bool arm = strcmp(rung_elf_this_machine(), "aarch64") == 0;
  const char *const patterns[] = {"lib", arm ? "bin/napi-v*/linux/arm64" : "bin/napi-v*/linux/x64",
                                  arm ? "node_modules/onnxruntime-node/bin/napi-v*/linux/arm64"
                                      : "node_modules/onnxruntime-node/bin/napi-v*/linux/x64",
                                  arm ? "runtimes/linux-arm64/native" : "runtimes/linux-x64/native"};
  if (rung__doctor_glob(d, rung__doctor_printf(d, "%s/lib/python3*", place))->count) return NULL;
  for (size_t i = 0; i < RUNG_COUNT(patterns); i++) {
    const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s", place, patterns[i]));
    for (size_t k = 0; k < found->count; k++)
      if (holds_core(d, found->at[k])) return found->at[k];
  }
  return NULL;
}

const char *rung__ort_native_folder(doctor *d, const char *path) {
  const char *place =
      path[0] == '/' ? path : rung__doctor_printf(d, "%s/%s", d->request->folder ? d->request->folder : "", path);
  size_t size = strlen(place);
  while (size > 1 && place[size - 1] == '/') size--;
  place = rung__doctor_copy(d, place, size);
  if (!rung__doctor_is_folder(d, place))
    return strncmp(rung__doctor_base_name(place), core, sizeof core - 1) == 0 ? rung__doctor_folder_of(d, place) : NULL;
  return holds_core(d, place) ? place : inner_folder(d, place);
}

/* The library itself */

typedef struct native {
  installation *i;
  const char *path;      /* the file, links followed; NULL: none is whole */
  const char *soname;    /* what it calls itself; NULL: it cannot be read */
  const char *release;   /* of which it defines symbols (VERS_1.22.0); "" */
  doctor_list *versions; /* "1.22.0" of the files that carry one */
} native;

/* "1.22.0" of "libonnxruntime.so.1.22.0"; "" of shorter ones. */
static const char *version_of(const char *name) {
  const char *version = strlen(name) > sizeof core ? name + sizeof core : "";
  const char *dot = strchr(version, '.');
  return dot && strchr(dot + 1, '.') ? version : "";
}

typedef struct release_search {
  doctor *d;
  const char *found;
} release_search;

static bool take_release(void *context, const char *file, const char *version) {
  release_search *search = context;
  (void)file;
  if (strncmp(version, "VERS_", 5) == 0) search->found = rung__doctor_copy(search->d, version + 5, strlen(version + 5));
  return true;
}

static void read_core(doctor *d, native *n) {
  release_search search = {d, ""};
  rung_elf elf;
  rung_status *status = rung_elf_open_any(d->allocator, rung__doctor_real(d, n->path), &elf);
  if (!status) {
    if (elf.soname) n->soname = rung__doctor_copy(d, elf.soname, strlen(elf.soname));
    rung_elf_each_version_defined(&elf, take_release, &search);
    rung_elf_close(&elf);
  }
  rung_status_free(status);
  n->release = search.found;
}

static void find_core(doctor *d, native *n) {
  const doctor_list *names = rung__doctor_glob(d, rung__ort_file(d, n->i, "libonnxruntime.so*"));
  n->versions = rung__doctor_list(d);
  for (size_t k = 0; k < names->count; k++) {
    if (!rung__doctor_is_file(d, names->at[k])) continue;
    const char *path = rung__doctor_canonical(d, names->at[k]), *version = version_of(rung__doctor_base_name(path));
    if (!n->path || strcmp(rung__doctor_base_name(names->at[k]), core) == 0) n->path = path; /* what is linked with */
    if (version[0] && !rung__doctor_has(n->versions, version)) rung__doctor_add(d, n->versions, version);
  }
  if (!n->path) return;
  rung__doctor_add(d, n->i->modules, rung__doctor_base_name(n->path));
  read_core(d, n);
}

/* "onnxruntime-linux-x64-gpu" of a folder that is called like its archive. */
static void name_package(doctor *d, native *n) {
  installation *i = n->i;
  bool inner = strcmp(rung__doctor_base_name(i->files), "lib") == 0;
  const char *top = inner ? rung__doctor_folder_of(d, i->files) : i->files, *name = rung__doctor_base_name(top);
  const char *told = rung__doctor_line(d, rung__doctor_printf(d, "%s/VERSION_NUMBER", top));
  i->version = n->release;
  if (!i->version[0] && n->path) i->version = version_of(rung__doctor_base_name(n->path));
  if (!i->version[0]) i->version = told;
  bool device = rung__ort_is_for(d, i, "cuda") || strstr(name, "-gpu");
  const char *processor = strcmp(rung_elf_this_machine(), "aarch64") == 0 ? "aarch64" : "x64";
  i->package = rung__doctor_printf(d, "onnxruntime-linux-%s%s", processor, device ? "-gpu" : "");
  if (device && strncmp(name, "onnxruntime-", 12) == 0) i->providers = "cuda tensorrt";
  if (!told[0] || !i->version[0] || strcmp(told, i->version) == 0) return;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_FILES_FOREIGN,
      rung__doctor_printf(d, "the library is of ONNX Runtime %s, the archive around it of %s", i->version, told));
  rung__doctor_show(f, "%s; %s/VERSION_NUMBER", n->path, top);
  rung__doctor_mend(f, "%s", rung__ort_reinstall(d, i));
}

static bool check_presence(doctor *d, native *n) {
  if (n->path) return true;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_CORE_MISSING, "the links to ONNX Runtime's library lead nowhere");
  rung__doctor_because(f, "the file that they lead to was left behind when the folder was copied");
  const doctor_list *names = rung__doctor_glob(d, rung__ort_file(d, n->i, "libonnxruntime.so*"));
  for (size_t k = 0; k < names->count && k < 3; k++) rung__doctor_show(f, "%s", names->at[k]);
  rung__doctor_mend(f, "%s (cp -a and tar keep links and files together)", rung__ort_reinstall(d, n->i));
  return false;
}

static void check_versions(doctor *d, native *n) {
  if (n->versions->count < 2) return;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_FILES_FOREIGN,
                        rung__doctor_printf(d, "libraries of several ONNX Runtimes lie in one folder: %s",
                                            rung__doctor_join(d, n->versions)));
  rung__doctor_because(f, "programs take the one that the link names, and provider libraries work with their own only");
  rung__doctor_show(f, "%s leads to %s", rung__ort_file(d, n->i, core), n->path);
  rung__doctor_mend(f, "remove the folder, and unpack one release into it");
}

/* .NET and Node open the file by its own name: NuGet ships it without the link. */
static bool is_opened_by_name(doctor *d, const char *folder) {
  return strstr(folder, "/runtimes/") || strstr(folder, "/node_modules/") ||
         rung__doctor_glob(d, rung__doctor_printf(d, "%s/*.deps.json", folder))->count ||
         rung__doctor_is_file(d, rung__doctor_printf(d, "%s/Microsoft.ML.OnnxRuntime.dll", folder));
}

/* Programs ask for the soname: a file or link of that name must be there. */
static void check_soname(doctor *d, native *n) {
  const char *soname = n->soname;
  if (!soname || rung__doctor_is_file(d, rung__ort_file(d, n->i, soname)) || is_opened_by_name(d, n->i->folder)) return;
  doctor_finding f = rung__doctor_find(d, DOCTOR_ORT_CORE_MISSING,
                                       rung__doctor_printf(d, "%s, which programs ask for, is not there", soname));
  rung__doctor_because(f, "the file was copied without the link to it");
  rung__doctor_show(f, "%s calls itself %s", n->path, soname);
  rung__doctor_mend(f, "ln -s %s %s", rung__doctor_base_name(n->path), rung__ort_file(d, n->i, soname));
}

void rung__ort_native(doctor *d, const char *folder) {
  python_env env = {.path = folder, .version = "", .pip = "python -m pip", .musl = d->machine->musl};
  env.libc_known = d->machine->libc[0] != 0;
  installation i = {.env = &env, .native = true, .site = folder, .folder = folder, .files = folder};
  i.package = i.version = i.providers = "";
  i.link = (link_context){.library_path = rung__doctor_variable(d, "LD_LIBRARY_PATH"), .musl = env.musl};
  i.vendor_folders = rung__doctor_list(d);
  rung__ort_list_files(d, &i);
  native n = {.i = &i, .release = ""};
  d->subject = folder;
  find_core(d, &n);
  name_package(d, &n);
  rung__doctor_fact(d, "onnxruntime", "%s%s%s in %s", i.package, i.version[0] ? " " : "", i.version, folder);
  if (!check_presence(d, &n)) return;
  check_versions(d, &n);
  if (!rung__ort_check_core(d, &i)) return;
  check_soname(d, &n);
  rung__ort_check_providers(d, &i);
  rung__ort_check_hardware(d, &i);
}
