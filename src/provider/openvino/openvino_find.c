#include "provider/openvino/openvino_find.h"

#include "base/dylib.h"
#include "base/elf.h"
#include "base/look.h"
#include "provider/openvino/openvino_library.h"

#include <stdio.h>

static const char library_name[] = "libopenvino_c.so";

/* Finding */

static bool find_in(const char *folder, char out_path[RUNG_PATH_MAX], rung_text *looked) {
  static const char *const layouts[] = {"", "/openvino/libs", "/libs", "/runtime/lib/intel64", "/runtime/lib/aarch64"};
  char path[RUNG_PATH_MAX];
  for (size_t i = 0; i < RUNG_COUNT(layouts); i++)
    if (snprintf(path, sizeof path, "%s%s", folder, layouts[i]) < RUNG_PATH_MAX &&
        rung_dylib_look(path, library_name, out_path))
      return true;
  rung_text_printf(looked, "%s%s", looked->size ? ", " : "", folder);
  return false;
}

static bool is_file(const char *path) {
  rung_file file;
  rung_status *status = rung_file_open(&rung_system_allocator, path, false, &file);
  if (!status) rung_file_close(&file);
  rung_status_free(status);
  return !status;
}

bool rung__openvino_find(const rung_host *host, const openvino_settings *settings, char out_path[RUNG_PATH_MAX],
                         rung_text *looked) {
  const char *given = settings->library;
  if (given && is_file(given)) return snprintf(out_path, RUNG_PATH_MAX, "%s", given) < RUNG_PATH_MAX;
  if (given) return find_in(given, out_path, looked);
  for (const char *const *folder = host->search_paths; folder && *folder; folder++)
    if (find_in(*folder, out_path, looked)) return true;
  if (rung_dylib_look(NULL, library_name, out_path)) return true;
  rung_text_printf(looked, "%sthe loader's folders", looked->size ? " and " : "");
  return false;
}

/* States: each step looks at files, says how it went, and tells whether the next one makes sense. */

typedef struct prober {
  const rung_host *host;
  rung_report *report;
  const openvino_settings *settings;
  rung_text looked;
  char library[RUNG_PATH_MAX], folder[RUNG_PATH_MAX];
} prober;

static bool fail(const prober *p, rung_state state, const char *code, const char *evidence, const char *fix) {
  p->host->step(p->report, state, 0, code, evidence, fix);
  return false;
}

static bool pass(const prober *p, rung_state state, const char *evidence) {
  p->host->step(p->report, state, 1, NULL, evidence, NULL);
  return true;
}

static rung_status *probe_found(prober *p, bool *out_ok) {
  bool found = rung__openvino_find(p->host, p->settings, p->library, &p->looked);
  char evidence[RUNG_PATH_MAX + 64];
  snprintf(evidence, sizeof evidence, "no %s in %s", library_name, p->looked.data ? p->looked.data : "?");
  *out_ok = found ? pass(p, RUNG_STATE_FOUND, p->library)
                  : fail(p, RUNG_STATE_FOUND, "openvino.library-missing", evidence,
                         "pip install openvino (2024.3 or later), and name the folder of its libraries "
                         "(openvino:library=.../site-packages)");
  return found ? rung_file_folder(p->library, p->folder) : NULL;
}

/* A release by its soname: libopenvino_c.so.2641 is 2026.4.1. Others are asked when they are loaded. */
static bool probe_release(const prober *p, const char *soname) {
  int parts[3];
  const char *digits = soname ? strstr(soname, ".so.") : NULL;
  if (!digits || !rung__openvino_parse_version(digits + 4, parts)) return true;
  char evidence[256];
  snprintf(evidence, sizeof evidence, "%s is of release %d.%d", soname, parts[0], parts[1]);
  return parts[0] * 10 + parts[1] >= 20243 ||
         fail(p, RUNG_STATE_LINKS, "openvino.too-old", evidence, "pip install --upgrade openvino");
}

static bool has_beside(const prober *p, const char *name) {
  char path[RUNG_PATH_MAX];
  return rung_dylib_look(p->folder, name, path);
}

static rung_status *judge_links(const prober *p, bool *out_ok) {
  static const char again[] = "pip install --force-reinstall openvino";
  rung_elf elf;
  char words[RUNG_PATH_MAX + 256] = "";
  rung_status *status = rung_elf_open(p->host->allocator, p->library, &elf);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  if (status) snprintf(words, sizeof words, "%s: %s", p->library, rung_status_message(status));
  rung_status_free(status);
  if (words[0]) *out_ok = fail(p, RUNG_STATE_LINKS, "openvino.library-broken", words, again);
  if (words[0]) return NULL;
  *out_ok = probe_release(p, elf.soname);
  rung_elf_close(&elf);
  if (!*out_ok) return NULL;
  status = rung_elf_check_needed(p->host->allocator, p->library);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  if (status) snprintf(words, sizeof words, "missing: %s", rung_status_message(status));
  rung_status_free(status);
  if (words[0]) *out_ok = fail(p, RUNG_STATE_LINKS, "openvino.dependency-missing", words, again);
  return NULL;
}

static rung_status *probe_links(const prober *p, bool *out_ok) {
  RUNG_TRY(judge_links(p, out_ok));
  if (*out_ok && !has_beside(p, "libopenvino_onnx_frontend.so"))
    *out_ok = fail(p, RUNG_STATE_LINKS, "openvino.onnx-frontend-missing",
                   "no libopenvino_onnx_frontend.so beside libopenvino_c.so",
                   "install OpenVINO's ONNX frontend (the Python package has it)");
  if (*out_ok) pass(p, RUNG_STATE_LINKS, NULL);
  return NULL;
}

/* Devices */

typedef struct device_needs {
  const char *name, *title;
  const char *plugin;                            /* beside libopenvino_c */
  const char *driver, *driver_code, *driver_fix; /* a library of the system; NULL: none */
  const char *node, *node_code, *node_fix;       /* a device file, see base/look.h; NULL: none */
} device_needs;

static const device_needs devices[] = {
    {.name = "CPU", .title = "the processor", .plugin = "libopenvino_intel_cpu_plugin.so"},
    {.name = "GPU",
     .title = "graphics by Intel",
     .plugin = "libopenvino_intel_gpu_plugin.so",
     .driver = "libOpenCL.so.1",
     .driver_code = "openvino.opencl-missing",
     .driver_fix = "apt install intel-opencl-icd",
     .node = "/dev/dri/renderD#",
     .node_code = "openvino.gpu-missing",
     .node_fix = "this machine has no graphics processor that programs can use: choose device_type=CPU"},
    {.name = "NPU",
     .title = "neural processor by Intel",
     .plugin = "libopenvino_intel_npu_plugin.so",
     .driver = "libze_loader.so.1",
     .driver_code = "openvino.level-zero-missing",
     .driver_fix = "install Intel's driver of the neural processor and level-zero",
     .node = "/dev/accel/accel#",
     .node_code = "openvino.npu-missing",
     .node_fix = "this machine has no neural processor that programs can use: choose device_type=CPU"},
};

static const device_needs *needs_of(const char *device) {
  for (size_t i = 0; i < RUNG_COUNT(devices); i++)
    if (rung__openvino_is_device(device, devices[i].name)) return &devices[i];
  return NULL;
}

static bool has_driver(const device_needs *d) {
  char path[RUNG_PATH_MAX];
  return !d->driver || rung_dylib_look(NULL, d->driver, path);
}

static rung_look_access look_at_node(const device_needs *d, char name[RUNG_LOOK_LINE]) {
  name[0] = 0;
  return d->node ? rung_look_device("", d->node, name) : RUNG_LOOK_OPEN;
}

static bool probe_driver(const prober *p, const device_needs *d) {
  char evidence[256];
  snprintf(evidence, sizeof evidence, "no %s in the loader's folders, which %s needs", d->driver ? d->driver : "",
           d->name);
  return has_driver(d) ? pass(p, RUNG_STATE_DRIVER, d->driver ? d->driver : "none needed")
                       : fail(p, RUNG_STATE_DRIVER, d->driver_code, evidence, d->driver_fix);
}

static bool probe_device(const prober *p, const device_needs *d) {
  char evidence[RUNG_LOOK_LINE + 64], node[RUNG_LOOK_LINE];
  rung_look_access access = look_at_node(d, node);
  snprintf(evidence, sizeof evidence, "no %s", d->node ? d->node : "");
  if (access == RUNG_LOOK_NONE) return fail(p, RUNG_STATE_DEVICE, d->node_code, evidence, d->node_fix);
  snprintf(evidence, sizeof evidence, "%s may not be read and written", node);
  if (access == RUNG_LOOK_FORBIDDEN)
    return fail(p, RUNG_STATE_DEVICE, "openvino.no-permission", evidence, "join the group that owns it, mostly render");
  snprintf(evidence, sizeof evidence, "no %s beside libopenvino_c.so", d->plugin);
  return has_beside(p, d->plugin) ? pass(p, RUNG_STATE_DEVICE, node[0] ? node : NULL)
                                  : fail(p, RUNG_STATE_DEVICE, "openvino.plugin-missing", evidence,
                                         "install OpenVINO's plugin for the device (the Python package has it)");
}

/* The devices that the user named; AUTO without a list is content with the processor. `whole`: the library holds, and
 * its plugins can be looked for. */
static bool probe_devices(const prober *p, bool whole) {
  static const char *const processor[] = {"CPU"};
  const openvino_settings *s = p->settings;
  const char *const *names = s->device_count ? s->devices : processor;
  size_t count = RUNG_MAX(s->device_count, 1);
  bool ok = true;
  for (size_t i = 0; i < count && ok; i++) ok = probe_driver(p, needs_of(names[i]));
  for (size_t i = 0; i < count && ok && whole; i++) ok = probe_device(p, needs_of(names[i]));
  return ok && whole;
}

static bool seems_usable(const prober *p, const device_needs *d) {
  char node[RUNG_LOOK_LINE];
  return has_beside(p, d->plugin) && has_driver(d) && look_at_node(d, node) == RUNG_LOOK_OPEN;
}

static rung_status *walk(prober *p) {
  bool ok = false;
  pass(p, RUNG_STATE_BUILT, NULL);
  RUNG_TRY(probe_found(p, &ok));
  if (ok) RUNG_TRY(probe_links(p, &ok));
  for (size_t i = 0; ok && i < RUNG_COUNT(devices); i++)
    if (seems_usable(p, &devices[i])) p->host->device(p->report, devices[i].name, devices[i].title);
  if (probe_devices(p, ok)) pass(p, RUNG_STATE_USABLE, NULL);
  return NULL;
}

rung_status *rung__openvino_probe(const rung_host *host, const rung_option *given, size_t count, rung_report *report) {
  openvino_settings settings;
  RUNG_TRY(rung__openvino_settings_init(&settings, host, given, count));
  prober p = {.host = host, .report = report, .settings = &settings};
  rung_text_init(&p.looked, host->allocator);
  rung_status *status = walk(&p);
  rung_text_finish(&p.looked);
  rung__openvino_settings_finish(&settings);
  return status;
}
