/* A running process: which ONNX Runtime it has mapped, which providers and vendors' libraries, which devices it holds.
 */
#include "base/status.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/vendor.h"

#include <stdio.h>
#include <unistd.h>

enum { MOST_MAPS = 16 << 20 };

typedef struct process {
  doctor *d;
  const char *folder; /* /proc/N */
  doctor_list *files; /* mapped, each once */
  doctor_list *devices;
  const char *core;
  doctor_list *providers;
  bool replaced;
} process;

/* "7f..-7f.. r-xp 00000000 08:01 123   /path/of the file (deleted)" */
static void read_maps(process *p) {
  static const char gone[] = " (deleted)";
  doctor *d = p->d;
  rung_str text = rung__doctor_read(d, rung__doctor_printf(d, "%s/maps", p->folder), MOST_MAPS), line;
  while (text.data && rung__doctor_next_line(&text, &line)) {
    const char *slash = memchr(line.data, '/', line.size);
    if (!slash) continue;
    size_t size = line.size - (size_t)(slash - line.data);
    bool deleted = size > sizeof gone - 1 && memcmp(slash + size - (sizeof gone - 1), gone, sizeof gone - 1) == 0;
    if (deleted) size -= sizeof gone - 1;
    if (p->files->count && strlen(p->files->at[p->files->count - 1]) == size &&
        memcmp(p->files->at[p->files->count - 1], slash, size) == 0)
      continue;
    const char *path = rung__doctor_copy(d, slash, size);
    if (rung__doctor_has(p->files, path)) continue;
    rung__doctor_add(d, p->files, path);
    p->replaced |= deleted && strstr(path, ".so") && strstr(path, "onnxruntime");
  }
}

static bool is_device(const char *path) {
  static const char *const starts[] = {"/dev/nvidia", "/dev/kfd",     "/dev/dri/",   "/dev/accel/",
                                       "/dev/dxg",    "/dev/fastrpc", "/dev/davinci"};
  for (size_t i = 0; i < RUNG_COUNT(starts); i++)
    if (strncmp(path, starts[i], strlen(starts[i])) == 0) return true;
  return false;
}

static void read_descriptors(process *p) {
  doctor *d = p->d;
  const char *folder = rung__doctor_printf(d, "%s/fd", p->folder);
  const doctor_list *names = rung__doctor_names(d, folder);
  for (size_t i = 0; i < names->count; i++) {
    char target[4096];
    const char *link = rung__doctor_real(d, rung__doctor_printf(d, "%s/%s", folder, names->at[i]));
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size <= 0) continue;
    target[size] = 0;
    if (is_device(target) && !rung__doctor_has(p->devices, target))
      rung__doctor_add(d, p->devices, rung__doctor_copy(d, target, (size_t)size));
  }
}

static void sort_files(process *p) {
  static const char start[] = "libonnxruntime_providers_";
  doctor *d = p->d;
  for (size_t i = 0; i < p->files->count; i++) {
    const char *path = p->files->at[i], *name = rung__doctor_base_name(path);
    bool core = strncmp(name, "onnxruntime_pybind11_state", 26) == 0 || strncmp(name, "libonnxruntime.so", 17) == 0;
    if (core && !p->core) p->core = path;
    if (strncmp(name, start, sizeof start - 1) != 0 || strstr(name, "_shared")) continue;
    size_t size = strcspn(name + sizeof start - 1, ".");
    rung__doctor_add(d, p->providers, rung__doctor_copy(d, name + sizeof start - 1, size));
  }
}

/* Two files of one stem, from two places: "libcudart.so.12" twice, or .11 and .12. */
static void check_copies(process *p) {
  doctor *d = p->d;
  for (size_t i = 0; i < p->files->count; i++) {
    const char *name = rung__doctor_base_name(p->files->at[i]);
    vendor_library v = rung__vendor_library(d, name, 0, "pip");
    bool core = strncmp(name, "onnxruntime_pybind11_state", 26) == 0;
    if ((!v.product && !core) || !strstr(name, ".so")) continue;
    for (size_t k = 0; k < i; k++) {
      const char *other = rung__doctor_base_name(p->files->at[k]);
      vendor_library w = rung__vendor_library(d, other, 0, "pip");
      bool same =
          core ? strncmp(other, "onnxruntime_pybind11_state", 26) == 0 : w.product && strcmp(v.stem, w.stem) == 0;
      if (!same) continue;
      doctor_finding f =
          rung__doctor_find(d, DOCTOR_PROCESS_TWO_COPIES,
                            rung__doctor_printf(d, "two copies of %s are loaded", core ? "ONNX Runtime" : v.stem));
      rung__doctor_because(f, "symbols of one are used with data of the other: crashes and undefined symbols");
      rung__doctor_show(f, "%s", p->files->at[k]);
      rung__doctor_show(f, "%s", p->files->at[i]);
      rung__doctor_mend(f, "keep one of them in LD_LIBRARY_PATH or among the packages, and restart the process");
    }
  }
}

/* The variables that the process was started with; those of the caller where they may not be read. */
static const char *const *environment_of(process *p) {
  enum { MOST = 4096 };
  doctor *d = p->d;
  rung_str text = rung__doctor_read(d, rung__doctor_printf(d, "%s/environ", p->folder), 1 << 20);
  const char **list = text.size ? rung__doctor_alloc(d, MOST, sizeof *list) : NULL;
  size_t count = 0;
  for (size_t at = 0; list && at < text.size && count + 1 < MOST;) {
    const char *stop = memchr(text.data + at, 0, text.size - at);
    size_t size = stop ? (size_t)(stop - text.data) - at : text.size - at;
    list[count++] = rung__doctor_copy(d, text.data + at, size);
    at += size + 1;
  }
  return list ? list : d->request->environment;
}

/* Examines the installation that the process runs from, as the process sees it. True: it is broken. */
static bool is_installation_broken(process *p, const char *site) {
  doctor *d = p->d;
  const rung_doctor_request *asked = d->request;
  rung_doctor_request request = *asked;
  const char *subject = d->subject;
  size_t before = d->report->findings.count;
  bool broken = false;
  request.path = site;
  request.environment = environment_of(p);
  request.folder = rung__doctor_canonical(d, rung__doctor_printf(d, "%s/cwd", p->folder));
  d->request = &request;
  rung_status_free(rung__doctor_onnxruntime(d)); /* the folder is there; no memory is kept in the doctor */
  d->request = asked;
  d->subject = subject;
  for (size_t i = before; i < d->report->findings.count; i++)
    broken |= d->report->findings.at[i].severity == RUNG_DOCTOR_BROKEN;
  return broken;
}

/* Why it has loaded no provider: its installation tells, or it was not asked to. */
static void report_on_cpu(process *p, bool gpu) {
  doctor *d = p->d;
  const char *slash = strstr(p->core, "/onnxruntime/");
  const char *site = slash ? rung__doctor_copy(d, p->core, (size_t)(slash - p->core)) : "";
  bool there = site[0] && rung__doctor_is_folder(d, site), broken = there && is_installation_broken(p, site);
  doctor_finding f = rung__doctor_find_as(d, DOCTOR_PROCESS_ON_CPU, gpu ? RUNG_DOCTOR_BROKEN : RUNG_DOCTOR_NOTE,
                                          "it computes on the processor only: no provider library is loaded");
  rung__doctor_because(f, "%s",
                       broken  ? "its installation is broken, as the other findings tell"
                       : there ? "its installation has no fault that would explain it: the program did not ask for more"
                               : "its package has none, it asked for none, or loading one failed");
  rung__doctor_show(f, "%s", p->core);
  if (broken)
    rung__doctor_mend(f, "mend the installation, then start the program again");
  else if (there && gpu)
    rung__doctor_mend(
        f, "choose the provider in the program (FaceFusion: --execution-providers cuda, or the one of your device)");
  else if (site[0] && !there) /* a container */
    rung__doctor_mend(f, "rung doctor --root %s/root --onnxruntime %s", p->folder, site);
}

static void check_use(process *p) {
  doctor *d = p->d;
  if (!p->core) {
    rung__doctor_find(d, DOCTOR_PROCESS_NO_ORT, "the process has not loaded ONNX Runtime");
    return;
  }
  if (p->providers->count && p->devices->count) {
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_PROCESS_USES,
                          rung__doctor_printf(d, "it has loaded %s and holds %s", rung__doctor_join(d, p->providers),
                                              rung__doctor_join(d, p->devices)));
    rung__doctor_show(f, "%s", p->core);
    return;
  }
  bool gpu = rung__machine_has_nvidia(d->machine) || rung__machine_has_amd(d->machine);
  if (p->providers->count && !rung__doctor_has(p->providers, "openvino") && !rung__doctor_has(p->providers, "dnnl")) {
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_PROCESS_NO_DEVICE,
                          rung__doctor_printf(d, "it has loaded the provider library of %s, and holds no device",
                                              rung__doctor_join(d, p->providers)));
    rung__doctor_because(f, "no session of that provider was made, or making it failed");
    rung__doctor_show(f, "no device file among the open files of %s/fd", p->folder);
    rung__doctor_mend(f, "look for \"EP Error\" in its log: rung doctor --explain LOG");
  } else if (!p->providers->count) {
    report_on_cpu(p, gpu);
  }
}

static void look(process *p) {
  doctor *d = p->d;
  read_maps(p);
  read_descriptors(p);
  sort_files(p);
  rung__doctor_fact(d, "program", "%s", rung__doctor_canonical(d, rung__doctor_printf(d, "%s/exe", p->folder)));
  if (p->core) rung__doctor_fact(d, "onnxruntime", "%s", p->core);
  for (size_t i = 0; i < p->files->count; i++) {
    vendor_library v = rung__vendor_library(d, rung__doctor_base_name(p->files->at[i]), 0, "pip");
    bool system = v.product && strncmp(v.fix, "apt install", 11) == 0 && strcmp(v.product, "OpenCL") != 0 &&
                  strcmp(v.product, "Level Zero") != 0 && strcmp(v.product, "Vulkan") != 0;
    if (v.product && !system) rung__doctor_fact(d, v.product, "%s", p->files->at[i]);
  }
  for (size_t i = 0; i < p->providers->count; i++) rung__doctor_fact(d, "provider", "%s", p->providers->at[i]);
  for (size_t i = 0; i < p->devices->count; i++) rung__doctor_fact(d, "device", "%s", p->devices->at[i]);
  check_use(p);
  check_copies(p);
  if (!p->replaced) return;
  doctor_finding f = rung__doctor_find(d, DOCTOR_PROCESS_REPLACED,
                                       "ONNX Runtime was replaced on disk since the process has loaded it");
  rung__doctor_show(f, "%s is marked (deleted) in %s/maps", p->core ? p->core : "a library", p->folder);
  rung__doctor_mend(f, "restart the process");
}

rung_status *rung__doctor_process(doctor *d) {
  process p = {
      .d = d, .files = rung__doctor_list(d), .devices = rung__doctor_list(d), .providers = rung__doctor_list(d)};
  p.folder = rung__doctor_printf(d, "/proc/%lld", (long long)d->request->pid);
  RUNG_REQUIRE(rung__doctor_is_folder(d, p.folder), NOT_FOUND, "there is no process %lld", (long long)d->request->pid);
  const char *maps = rung__doctor_real(d, rung__doctor_printf(d, "%s/maps", p.folder));
  RUNG_REQUIRE(access(maps, R_OK) == 0, IO, "%s may not be read: run this as the user of the process", maps);
  const char *subject = d->subject;
  d->subject = rung__doctor_printf(d, "process %lld", (long long)d->request->pid);
  look(&p);
  d->subject = subject;
  return NULL;
}
