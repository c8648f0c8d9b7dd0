/* Could this provider work here? From its descriptor: the system, the hardware, the driver, the vendor's library, and
 * what that needs. */
#include "base/look.h"
#include "base/status.h"
#include "base/str.h"
#include "doctor/child.h"
#include "doctor/files.h"
#include "doctor/linker.h"
#include "doctor/machine.h"
#include "doctor/ort.h"
#include "doctor/provider.h"
#include "doctor/python.h"
#include "doctor/vendor.h"
#include "provider/descriptor/descriptor.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* The list */

#define RUNG_KNOWN_PROVIDER(symbol)                             \
  extern const rung_descriptor *const rung_descriptor_##symbol; \
  extern const rung_provider_api rung_provider_##symbol;
#include "doctor/known_providers.inc"
#undef RUNG_KNOWN_PROVIDER
extern const rung_provider_api rung_provider_openvino;

typedef struct known_provider {
  const rung_provider_api *api;
  const rung_descriptor *const *descriptor; /* NULL: OpenVINO, which has rules of its own */
} known_provider;

static const known_provider known[] = {
#define RUNG_KNOWN_PROVIDER(symbol) {&rung_provider_##symbol, &rung_descriptor_##symbol},
#include "doctor/known_providers.inc"
#undef RUNG_KNOWN_PROVIDER
    {&rung_provider_openvino, NULL}};

/* "cuda", "CUDAExecutionProvider", "openvino:GPU", "cudnn". */
static const known_provider *find(const char *name) {
  size_t size = strcspn(name, ":");
  if (strncasecmp(name, "cudnn", size) == 0 && size == 5) name = "cuda", size = 4;
  if (strncasecmp(name, "dml", size) == 0 && size == 3) name = "directml", size = 8;
  for (size_t i = 0; i < RUNG_COUNT(known); i++) {
    const char *own = known[i].api->name, *ort = known[i].api->ort_name;
    if (strlen(own) == size && strncasecmp(own, name, size) == 0) return &known[i];
    if (ort && strlen(ort) == size && strncasecmp(ort, name, size) == 0) return &known[i];
    const char *end = ort ? strstr(ort, "ExecutionProvider") : NULL;
    if (end && (size_t)(end - ort) == size && strncasecmp(ort, name, size) == 0) return &known[i];
  }
  return NULL;
}

const char *rung__provider_name(const char *name) {
  const known_provider *k = find(name);
  return k ? k->api->name : NULL;
}

/* One examination */

typedef struct provider_rules {
  doctor *d;
  const char *name, *title;
  const rung_descriptor *descriptor;
  link_context link;
  python_list pythons;
  doctor_list *folders; /* where packages keep vendors' libraries */
  int cuda;
} provider_rules;

static bool holds_word(const char *words, const char *word) {
  size_t size = strlen(word);
  for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
    if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size])) return true;
  return false;
}

static const char *what_to_use(const doctor *d) {
  const machine *m = d->machine;
  if (rung__machine_has_nvidia(m)) return "cuda (NVIDIA's graphics are here)";
  if (rung__machine_has_amd(m)) return "migraphx (AMD's graphics are here)";
  if (rung__machine_pci(m, PCI_INTEL)) return "openvino (Intel's graphics are here)";
  return "openvino or cpu";
}

static bool is_wrong_system(provider_rules *r) {
  doctor *d = r->d;
  if (!r->descriptor || holds_word(r->descriptor->systems, d->machine->system)) return false;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_PROVIDER_SYSTEM,
                        rung__doctor_printf(d, "%s cannot work here: this is %s", r->name, d->machine->system));
  rung__doctor_because(f, "it needs %s", r->descriptor->needs);
  rung__doctor_mend(f, "on this machine, use %s", what_to_use(d));
  return true;
}

static bool report_no_hardware(provider_rules *r, const char *what, const char *given) {
  doctor *d = r->d;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_PROVIDER_HARDWARE, rung__doctor_printf(d, "%s cannot work here: the machine has no %s", r->name, what));
  rung__doctor_show(f, "none on the PCI bus, none in /dev");
  if (d->machine->container)
    rung__doctor_mend(f, "if the host has one, give it to the container (%s); else use %s", given, what_to_use(d));
  else
    rung__doctor_mend(f, "use %s", what_to_use(d));
  return true;
}

static bool lacks_hardware(provider_rules *r) {
  doctor *d = r->d;
  const machine *m = d->machine;
  const rung_descriptor *of = r->descriptor;
  if (of && of->pci_vendor == PCI_NVIDIA) {
    if (!rung__machine_has_nvidia(m) && m->dxg == NODE_NONE)
      return report_no_hardware(r, "graphics processor by NVIDIA", "docker run --gpus all");
    rung__provider_nvidia_rules(d);
    return false;
  }
  if (of && of->pci_vendor == PCI_AMD) {
    if (!rung__machine_has_amd(m) && m->kfd == NODE_NONE)
      return report_no_hardware(r, "graphics processor by AMD", "docker run --device /dev/kfd --device /dev/dri");
    rung__provider_amd_rules(d);
    return false;
  }
  for (size_t i = 0; of && i < RUNG_COUNT(of->devices) && of->devices[i]; i++) {
    char name[RUNG_LOOK_LINE];
    rung_look_access access = rung_look_device(d->root, of->devices[i], name);
    if (access == RUNG_LOOK_OPEN) continue;
    if (access == RUNG_LOOK_NONE)
      return report_no_hardware(r, "device that it could use", rung__doctor_printf(d, "--device %s", of->devices[i]));
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_DEVICE_FORBIDDEN, rung__doctor_printf(d, "this user may not open %s", name));
    rung__doctor_show(f, "%s may not be read and written", name);
    rung__doctor_mend(f, "ls -l %s shows the group (mostly render); usermod -aG GROUP $USER, and log in again", name);
    return true;
  }
  return false;
}

/* The vendor's library */

static const char *locate(provider_rules *r, const char *soname) {
  const char *path = rung__link_anywhere(r->d, soname);
  if (path) return path;
  return rung__link_elsewhere(r->d, &r->link, soname, r->folders).same;
}

static void report_library_missing(provider_rules *r, const char *wanted, const char *first) {
  doctor *d = r->d;
  link_elsewhere at = rung__link_elsewhere(d, &r->link, first, r->folders);
  doctor_finding f = rung__doctor_find(
      d, at.other ? DOCTOR_PROVIDER_LIBRARY_VERSION : DOCTOR_PROVIDER_LIBRARY_MISSING,
      rung__doctor_printf(d,
                          at.other ? "%s: the library is there in another version than those that work"
                                   : "%s: the vendor's library is not installed",
                          r->name));
  rung__doctor_show(f, "none of %s in %s%s", wanted, rung__link_places(d, &r->link),
                    r->folders && r->folders->count ? ", nor in Python packages" : "");
  if (at.other) rung__doctor_show(f, "found: %s", at.other);
  if (r->descriptor && r->descriptor->library_fix) rung__doctor_mend(f, "%s", r->descriptor->library_fix);
}

static void load_in_child(provider_rules *r, const char *path) {
  doctor *d = r->d;
  child_result result;
  if (!d->request->helper || d->root[0]) return;
  if (!rung__doctor_load(d, (const char *const[]){path, NULL}, &result) || result.kind == CHILD_LOADED) return;
  static const char *const how[] = {"", "is refused by the loader", "ends the process that loads it",
                                    "does not come to an end when loaded"};
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_PROVIDER_LIBRARY_CRASHES,
                        rung__doctor_printf(d, "%s: %s %s", r->name, rung__doctor_base_name(path), how[result.kind]));
  rung__doctor_show(f, "%s, loaded in a child process: %s", path, result.words);
  if (r->descriptor && r->descriptor->library_fix)
    rung__doctor_mend(f, "install it again: %s", r->descriptor->library_fix);
}

/* True when it holds together. */
static bool check_links(provider_rules *r, const char *path) {
  doctor *d = r->d;
  link_result links;
  rung__link_walk(d, &r->link, path, &links);
  const link_library *bad = rung__link_first_problem(&links);
  /* What lies in the Python packages beside it is brought together by the program. */
  bool beside = bad && !bad->path && rung__link_elsewhere(d, &r->link, bad->name, r->folders).same;
  bool ok = !bad || beside;
  if (bad && !beside) {
    bool own = bad == &links.libraries.at[0];
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_PROVIDER_LIBRARY_BROKEN,
        own ? rung__doctor_printf(d, "%s: %s is damaged", r->name, rung__doctor_base_name(path))
            : rung__doctor_printf(d, "%s: %s is %s", r->name, bad->name, bad->damage ? "damaged" : "missing"));
    if (bad->damage) rung__doctor_show(f, "%s: %s", bad->path, bad->damage);
    if (!own) rung__doctor_show(f, "%s needs it; looked in %s", bad->needed_by, rung__link_places(d, &r->link));
    vendor_library vendor = rung__vendor_library(d, bad->name, r->cuda, "python -m pip");
    if (!own && vendor.fix[0])
      rung__doctor_mend(f, "%s", vendor.fix);
    else if (r->descriptor && r->descriptor->library_fix)
      rung__doctor_mend(f, "%s", r->descriptor->library_fix);
  }
  if (ok && !beside && links.loadable) load_in_child(r, path);
  rung__link_free(d, &links);
  return ok;
}

static void check_driver_age(provider_rules *r, const rung_vendor_library *v) {
  doctor *d = r->d;
  const char *driver = d->machine->nvidia_kernel[0] ? d->machine->nvidia_kernel : d->machine->nvidia_user;
  if (!v->driver || !driver[0] || r->descriptor->pci_vendor != PCI_NVIDIA ||
      rung__vendor_compare_versions(driver, v->driver) >= 0)
    return;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_DRIVER_OLD, rung__doctor_printf(d, "%s: the driver %s is too old for %s", r->name, driver, v->soname));
  rung__doctor_show(f, "%s needs %s or newer", v->soname, v->driver);
  rung__doctor_mend(f, "update the driver to %s or newer", v->driver);
}

static void check_library(provider_rules *r) {
  const char *wanted = "";
  for (const rung_vendor_library *v = r->descriptor->libraries; v && v->soname; v++) {
    const char *path = locate(r, v->soname);
    wanted = rung__doctor_printf(r->d, "%s%s%s", wanted, wanted[0] ? ", " : "", v->soname);
    if (!path) continue;
    rung__doctor_fact(r->d, "library", "%s", path);
    if (check_links(r, path)) check_driver_age(r, v);
    return;
  }
  if (r->descriptor->libraries) report_library_missing(r, wanted, r->descriptor->libraries[0].soname);
}

/* OpenVINO: its processor plugin needs nothing; graphics and neural processors need Intel's drivers. */

static void check_openvino_device(provider_rules *r, const char *device) {
  doctor *d = r->d;
  const machine *m = d->machine;
  bool npu = strcasecmp(device, "NPU") == 0;
  node_access access = npu ? m->accel : m->render;
  const char *node = npu ? "/dev/accel/accel0" : "/dev/dri/renderD128",
             *driver = npu ? "libze_loader.so.1" : "libOpenCL.so.1";
  if (access == NODE_NONE) {
    report_no_hardware(r, npu ? "neural processor by Intel" : "graphics processor by Intel",
                       rung__doctor_printf(d, "--device %s", node));
  } else if (access == NODE_FORBIDDEN) {
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_DEVICE_FORBIDDEN,
                          rung__doctor_printf(d, "this user may not open %s", npu ? m->accel_node : m->render_node));
    rung__doctor_show(f, "%s may not be read and written", npu ? m->accel_node : m->render_node);
    rung__doctor_mend(f, "usermod -aG render $USER, and log in again");
  } else if (!rung__link_anywhere(d, driver)) {
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_DRIVER_MISSING, rung__doctor_printf(d, "openvino: the driver for device %s is missing", device));
    rung__doctor_show(f, "no %s in %s", driver, rung__link_places(d, &r->link));
    rung__doctor_mend(f, "%s", rung__vendor_library(d, driver, 0, "pip").fix);
  }
}

static void check_openvino(provider_rules *r) {
  doctor *d = r->d;
  const char *path = NULL;
  for (size_t i = 0; i < r->folders->count && !path; i++) {
    const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/libopenvino_c.so*", r->folders->at[i]));
    if (found->count) path = found->at[0];
  }
  if (!path) path = rung__link_anywhere(d, "libopenvino_c.so");
  if (path) {
    rung__doctor_fact(d, "library", "%s", path);
    check_links(r, path);
  } else {
    doctor_finding f = rung__doctor_find(d, DOCTOR_PROVIDER_LIBRARY_MISSING, "openvino: its library is not installed");
    rung__doctor_show(f, "no libopenvino_c.so in %s, nor in Python packages", rung__link_places(d, &r->link));
    rung__doctor_mend(f, "python -m pip install openvino");
  }
  const char *device = strchr(d->request->provider, ':');
  if (device && (strcasecmp(device + 1, "GPU") == 0 || strcasecmp(device + 1, "NPU") == 0))
    check_openvino_device(r, device + 1);
}

/* The whole */

static void note_age(provider_rules *r) {
  static const struct {
    const char *name, *words, *fix;
  } olds[] = {{"rocm", "ONNX Runtime has dropped the ROCm provider after 1.22", "use migraphx"},
              {"nnapi", "Google has deprecated NNAPI since Android 15", "use qnn, or the processor"}};
  for (size_t i = 0; i < RUNG_COUNT(olds); i++) {
    if (strcmp(olds[i].name, r->name) != 0) continue;
    doctor_finding f = rung__doctor_find(r->d, DOCTOR_PROVIDER_OBSOLETE, olds[i].words);
    rung__doctor_mend(f, "%s", olds[i].fix);
  }
}

static bool has_broken(const doctor *d, size_t from) {
  for (size_t i = from; i < d->report->findings.count; i++)
    if (d->report->findings.at[i].severity == RUNG_DOCTOR_BROKEN) return true;
  return false;
}

static void examine(provider_rules *r) {
  doctor *d = r->d;
  size_t before = d->report->findings.count;
  note_age(r);
  if (is_wrong_system(r) || lacks_hardware(r)) return;
  if (r->descriptor && strcasecmp(d->request->provider, "cudnn") == 0) {
    static const rung_vendor_library cudnn[] = {{"libcudnn.so.9", NULL}, {0}};
    static const rung_descriptor one = {
        .name = "cudnn",
        .libraries = cudnn,
        .library_fix = "python -m pip install nvidia-cudnn-cu13 (nvidia-cudnn-cu12 for CUDA 12)"};
    r->descriptor = &one;
  }
  if (r->descriptor)
    check_library(r);
  else
    check_openvino(r);
  if (!has_broken(d, before))
    rung__doctor_find(d, DOCTOR_PROVIDER_USABLE, rung__doctor_printf(d, "%s: all that it needs is here", r->name));
}

static rung_status *examine_one(doctor *d, const known_provider *k) {
  provider_rules r = {.d = d, .name = k->api->name, .descriptor = k->descriptor ? *k->descriptor : NULL};
  r.link = (link_context){.library_path = rung__doctor_variable(d, "LD_LIBRARY_PATH"), .musl = d->machine->musl};
  r.folders = rung__doctor_list(d);
  rung_status *status = NULL;
  bool native = d->request->path && rung__ort_native_folder(d, d->request->path);
  if (native)
    status = NULL; /* a folder of libraries brings no packages */
  else if (d->request->path)
    status = rung__python_at(d, d->request->path, &r.pythons);
  else
    rung__python_find(d, &r.pythons);
  for (size_t i = 0; i < r.pythons.envs.count; i++) {
    const doctor_list *more = rung__python_library_folders(d, r.pythons.envs.at[i]);
    for (size_t n = 0; n < more->count; n++) rung__doctor_add(d, r.folders, more->at[n]);
  }
  d->subject = r.name;
  if (!status) examine(&r);
  rung__python_free(d, &r.pythons);
  return status;
}

/* Without a provider that is asked for, only what the hardware that is there lacks. */
static void examine_hardware(doctor *d) {
  const machine *m = d->machine;
  if (rung__machine_pci(m, PCI_NVIDIA) || m->nvidia_kernel[0] || m->nvidia_device != NODE_NONE || m->tegra != NODE_NONE)
    rung__provider_nvidia_rules(d);
  if (rung__machine_has_amd(m) && m->kfd != NODE_NONE) rung__provider_amd_rules(d);
}

static rung_status *unknown_provider(const char *name) {
  const char *names[RUNG_COUNT(known) + 1] = {"cpu"};
  for (size_t i = 0; i < RUNG_COUNT(known); i++) names[i + 1] = known[i].api->name;
  const char *near = rung_nearest(name, names, RUNG_COUNT(names));
  return RUNG_ERROR(NOT_FOUND, "no provider is called \"%s\"%s%s%s (rung providers lists them)", name,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

rung_status *rung__doctor_providers(doctor *d) {
  const char *name = d->request->provider;
  if (!name) {
    examine_hardware(d);
    return NULL;
  }
  const known_provider *k = find(name);
  if (k) return examine_one(d, k);
  if (strcasecmp(name, "cpu") != 0 && strcasecmp(name, "CPUExecutionProvider") != 0) return unknown_provider(name);
  d->subject = "cpu";
  rung__doctor_find(d, DOCTOR_PROVIDER_USABLE, "cpu: it is part of rung and always works");
  return NULL;
}
