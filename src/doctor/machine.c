#include "doctor/machine.h"

#include "base/elf.h"
#include "base/ld_cache.h"
#include "base/look.h"
#include "doctor/files.h"
#include "doctor/linker.h"
#include "doctor/vendor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { CACHE_BYTES = 16 << 20 };

/* The bus */

static unsigned read_hex(doctor *d, const char *folder, const char *file) {
  const char *line = rung__doctor_line(d, rung__doctor_printf(d, "%s/%s", folder, file));
  return (unsigned)strtoul(line, NULL, 16);
}

static void look_at_bus(doctor *d, machine *m) {
  static const char bus[] = "/sys/bus/pci/devices";
  enum { DISPLAY = 0x03, PROCESSING = 0x12, CLASS_SHIFT = 16 };
  const doctor_list *names = rung__doctor_names(d, bus);
  for (size_t i = 0; i < names->count && m->pci_count < MACHINE_MOST_PCI; i++) {
    const char *folder = rung__doctor_printf(d, "%s/%s", bus, names->at[i]);
    unsigned kind = read_hex(d, folder, "class") >> CLASS_SHIFT;
    if (kind != DISPLAY && kind != PROCESSING) continue;
    const char *link = rung__doctor_printf(d, "%s/driver", folder);
    const char *driver = rung__doctor_exists(d, link) ? rung__doctor_base_name(rung__doctor_canonical(d, link)) : "";
    m->pci[m->pci_count++] =
        (pci_device){read_hex(d, folder, "vendor"), read_hex(d, folder, "device"), names->at[i], driver};
  }
}

const pci_device *rung__machine_pci(const machine *m, unsigned vendor) {
  for (size_t i = 0; i < m->pci_count; i++)
    if (m->pci[i].vendor == vendor) return &m->pci[i];
  return NULL;
}

/* Device files */

static node_access look_at_node(doctor *d, const char *name, const char **out_name) {
  char found[RUNG_LOOK_LINE];
  rung_look_access access = rung_look_device(d->root, name, found);
  if (out_name) *out_name = access == RUNG_LOOK_NONE ? name : rung__doctor_copy(d, found, strlen(found));
  return access == RUNG_LOOK_NONE ? NODE_NONE : access == RUNG_LOOK_OPEN ? NODE_OPEN : NODE_FORBIDDEN;
}

static void look_at_nodes(doctor *d, machine *m) {
  m->nvidia_control = look_at_node(d, "/dev/nvidiactl", NULL);
  m->nvidia_device = look_at_node(d, "/dev/nvidia#", NULL);
  m->nvidia_uvm = look_at_node(d, "/dev/nvidia-uvm", NULL);
  static const char *const chips[] = {"/dev/nvhost-gpu", "/dev/nvgpu/igpu0/ctrl", "/dev/nvhost-ctrl-gpu"};
  for (size_t i = 0; i < RUNG_COUNT(chips) && m->tegra == NODE_NONE; i++)
    m->tegra = look_at_node(d, chips[i], &m->tegra_node);
  m->kfd = look_at_node(d, "/dev/kfd", NULL);
  m->render = look_at_node(d, "/dev/dri/renderD#", &m->render_node);
  m->accel = look_at_node(d, "/dev/accel/accel#", &m->accel_node);
  m->dxg = look_at_node(d, "/dev/dxg", NULL);
}

/* The C library */

typedef struct newest {
  char version[32];
} newest;

static bool take_newer(void *context, const char *file, const char *version) {
  newest *n = context;
  (void)file;
  if (strncmp(version, "GLIBC_", 6) != 0 || !isdigit((unsigned char)version[6])) return true;
  unsigned major, minor, best_major = 0, best_minor = 0;
  if (sscanf(version + 6, "%u.%u", &major, &minor) != 2) return true;
  sscanf(n->version, "%u.%u", &best_major, &best_minor);
  if (major > best_major || (major == best_major && minor > best_minor))
    snprintf(n->version, sizeof n->version, "%u.%u", major, minor);
  return true;
}

static void look_at_libc(doctor *d, machine *m) {
  newest n = {""};
  m->libc = m->glibc = "";
  const char *path = rung__link_system(d, "libc.so.6");
  rung_elf elf;
  rung_status *status = path ? rung_elf_open(d->allocator, rung__doctor_real(d, path), &elf) : NULL;
  if (path && !status) {
    rung_elf_each_version_defined(&elf, take_newer, &n);
    rung_elf_close(&elf);
  }
  rung_status_free(status);
  m->glibc = rung__doctor_copy(d, n.version, strlen(n.version));
  const doctor_list *musl = rung__doctor_glob(d, "/lib/ld-musl-*.so.1");
  m->musl = !path && musl->count;
  if (m->musl) m->libc = "musl";
  if (path) m->libc = n.version[0] ? rung__doctor_printf(d, "glibc %s", n.version) : "glibc";
}

typedef struct cache_reader {
  doctor *d;
  machine *m;
} cache_reader;

static bool keep_cached(void *context, const char *soname, const char *path) {
  cache_reader *r = context;
  cached_library entry = {soname, path};
  if (rung_vec_push(r->d->allocator, &r->m->cache, entry)) return true;
  return !(r->d->failed = true);
}

static void read_cache(doctor *d, machine *m) {
  static const char path[] = "/etc/ld.so.cache";
  rung_str bytes = rung__doctor_read(d, path, CACHE_BYTES);
  if (bytes.data && rung_ld_cache_each(bytes, keep_cached, &(cache_reader){d, m})) m->cached_from = path;
}

/* Surroundings */

static void look_at_surroundings(doctor *d, machine *m) {
  static const char *const words[] = {"docker", "kubepods", "libpod", "lxc", "containerd"};
  m->system = d->root[0] ? "linux" : rung_look_system();
  rung_str groups = rung__doctor_read(d, "/proc/1/cgroup", 16384);
  for (size_t i = 0; groups.data && i < RUNG_COUNT(words) && !m->container; i++)
    if (strstr(groups.data, words[i])) m->container = words[i];
  const char *named = rung__doctor_variable(d, "container");
  if (rung__doctor_exists(d, "/.dockerenv")) m->container = "docker";
  if (rung__doctor_exists(d, "/run/.containerenv")) m->container = "podman";
  if (!m->container && named && named[0]) m->container = named;
  if (!m->container && rung__doctor_variable(d, "KUBERNETES_SERVICE_HOST")) m->container = "kubernetes";
  const char *release = rung__doctor_line(d, "/proc/sys/kernel/osrelease");
  m->wsl = strstr(release, "icrosoft") != NULL;
  if (release[0]) rung__doctor_fact(d, "kernel", "%s", release);
}

/* NVIDIA */

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug ..." or of the open module. */
static const char *find_version(doctor *d, const char *line) {
  for (const char *at = line; *at; at++) {
    if (!isdigit((unsigned char)*at) || (at > line && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))) continue;
    size_t size = strspn(at, "0123456789.");
    size_t whole = strspn(at, "0123456789");
    if (whole >= 2 && at[whole] == '.' && isdigit((unsigned char)at[whole + 1]) && !isalpha((unsigned char)at[size]))
      return rung__doctor_copy(d, at, size);
  }
  return "";
}

static void look_at_gpus(doctor *d, machine *m) {
  const doctor_list *found = rung__doctor_glob(d, "/proc/driver/nvidia/gpus/*/information");
  for (size_t i = 0; i < found->count && m->gpu_count < MACHINE_MOST_GPUS; i++) {
    rung_str text = rung__doctor_read(d, found->at[i], 8192), line;
    while (rung__doctor_next_line(&text, &line)) {
      if (line.size < 6 || strncmp(line.data, "Model:", 6) != 0) continue;
      rung_str name = rung__doctor_trim((rung_str){line.data + 6, line.size - 6});
      const char *copy = rung__doctor_copy(d, name.data, name.size);
      m->gpus[m->gpu_count++] = (nvidia_gpu){copy, rung__vendor_capability(copy)};
      break;
    }
  }
}

static void look_at_nvidia(doctor *d, machine *m) {
  m->nvidia_kernel = find_version(d, rung__doctor_line(d, "/proc/driver/nvidia/version"));
  if (!m->nvidia_kernel[0]) m->nvidia_kernel = find_version(d, rung__doctor_line(d, "/sys/module/nvidia/version"));
  m->nvidia_user = m->nvidia_library = "";
  const char *library = rung__link_anywhere(d, "libcuda.so.1");
  if (library) {
    m->nvidia_library = library;
    const char *name = rung__doctor_base_name(rung__doctor_canonical(d, library));
    if (strncmp(name, "libcuda.so.", 11) == 0 && strchr(name + 11, '.')) m->nvidia_user = name + 11;
  }
  look_at_gpus(d, m);
}

bool rung__machine_has_nvidia(const machine *m) {
  return rung__machine_pci(m, PCI_NVIDIA) || m->nvidia_device != NODE_NONE || m->nvidia_kernel[0] || m->gpu_count ||
         m->tegra != NODE_NONE;
}

bool rung__machine_has_amd(const machine *m) { return rung__machine_pci(m, PCI_AMD) != NULL; }

bool rung__machine_nvidia_works(const machine *m) {
  bool device = m->nvidia_device == NODE_OPEN || m->tegra == NODE_OPEN || (m->wsl && m->dxg == NODE_OPEN);
  return device && m->nvidia_library[0];
}

/* The whole */

static void tell(doctor *d, const machine *m) {
  rung__doctor_fact(d, "system", "%s%s%s%s", m->system, m->libc[0] ? ", " : "", m->libc, m->wsl ? ", WSL2" : "");
  if (m->container) rung__doctor_fact(d, "container", "%s", m->container);
  for (size_t i = 0; i < m->pci_count; i++)
    rung__doctor_fact(d, "pci device", "%04x:%04x at %s, driver %s", m->pci[i].vendor, m->pci[i].device,
                      m->pci[i].address, m->pci[i].driver[0] ? m->pci[i].driver : "none");
  if (m->nvidia_kernel[0]) rung__doctor_fact(d, "nvidia driver", "%s", m->nvidia_kernel);
  if (m->nvidia_library[0])
    rung__doctor_fact(d, "libcuda.so.1", "%s%s%s", m->nvidia_library, m->nvidia_user[0] ? ", " : "", m->nvidia_user);
  for (size_t i = 0; i < m->gpu_count; i++)
    rung__doctor_fact(d, "gpu", m->gpus[i].capability ? "%s, sm_%d" : "%s", m->gpus[i].name, m->gpus[i].capability);
}

void rung__doctor_look_at_machine(doctor *d) {
  if (d->machine) return;
  machine *m = rung__doctor_alloc(d, 1, sizeof *m);
  static machine none = {.system = "",
                         .libc = "",
                         .glibc = "",
                         .nvidia_kernel = "",
                         .nvidia_user = "",
                         .nvidia_library = "",
                         .render_node = "",
                         .accel_node = ""};
  d->machine = m ? m : &none;
  if (!m) return;
  look_at_surroundings(d, m);
  read_cache(d, m);
  look_at_bus(d, m);
  look_at_nodes(d, m);
  look_at_libc(d, m);
  look_at_nvidia(d, m);
  tell(d, m);
}

void rung__machine_free(doctor *d) {
  if (d->machine) rung_vec_free(d->allocator, &d->machine->cache);
}
