/* Drivers and device files: NVIDIA's and AMD's, on bare machines, in containers and under WSL. */
#include "doctor/child.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/provider.h"
#include "doctor/vendor.h"

#include <stdio.h>

/* True when a rule found what explains all that would come after. */
typedef bool (*device_rule)(doctor *d, const machine *m);

static void run_rules(doctor *d, const device_rule *rules, size_t count) {
  const char *subject = d->subject;
  d->subject = "machine";
  for (size_t i = 0; i < count && !rules[i](d, d->machine); i++) continue;
  d->subject = subject;
}

static bool find_hidden(doctor *d, const char *name, const char *const *values) {
  const char *value = rung__doctor_variable(d, name);
  for (; value && *values; values++) {
    if (strcmp(value, *values) != 0) continue;
    doctor_finding f = rung__doctor_find(d, DOCTOR_DEVICE_HIDDEN, rung__doctor_printf(d, "%s hides all devices", name));
    rung__doctor_show(f, "%s=\"%s\"", name, value);
    rung__doctor_mend(f, "unset %s", name);
    return true;
  }
  return false;
}

/* NVIDIA */

static bool nvidia_hidden(doctor *d, const machine *m) {
  static const char *const none[] = {"", "-1", "NoDevFiles", NULL}, *const container[] = {"void", "none", NULL};
  if (find_hidden(d, "CUDA_VISIBLE_DEVICES", none)) return true;
  return m->container && m->nvidia_device == NODE_NONE && find_hidden(d, "NVIDIA_VISIBLE_DEVICES", container);
}

static bool nvidia_stub(doctor *d, const machine *m) {
  if (!strstr(m->nvidia_library, "/stubs/")) return false;
  doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_STUB, "a stub is found instead of the driver's library");
  rung__doctor_because(f, "CUDA's toolkit brings it for linking; it answers every call with an error");
  rung__doctor_show(f, "%s", m->nvidia_library);
  rung__doctor_mend(f, "take %s out of LD_LIBRARY_PATH", rung__doctor_folder_of(d, m->nvidia_library));
  return true;
}

static bool nvidia_under_wsl(doctor *d, const machine *m) {
  static const char own[] = "/usr/lib/wsl/lib/libcuda.so.1";
  if (!m->wsl) return false;
  bool windows = rung__doctor_exists(d, own);
  if (windows && m->nvidia_library[0] && strncmp(m->nvidia_library, "/usr/lib/wsl/", 13) != 0) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_IN_WSL, "a Linux driver of NVIDIA's is installed inside WSL");
    rung__doctor_because(f, "WSL uses the driver of Windows; the other library is found first and finds no device");
    rung__doctor_show(f, "%s comes before %s", m->nvidia_library, own);
    rung__doctor_mend(f, "apt purge 'libnvidia-compute-*' 'nvidia-driver-*' && wsl.exe --shutdown");
  } else if (!windows && !m->nvidia_library[0]) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_MISSING, "Windows gives WSL no driver of NVIDIA's");
    rung__doctor_show(f, "no %s", own);
    rung__doctor_mend(f, "install NVIDIA's newest driver in Windows, then wsl.exe --update && wsl.exe --shutdown");
  }
  return true;
}

/* JetPack's driver: device files of its own, and no nvidia-uvm. */
static bool nvidia_on_chip(doctor *d, const machine *m) {
  if (m->tegra == NODE_NONE) return false;
  if (m->tegra == NODE_FORBIDDEN) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_DEVICE_FORBIDDEN,
                                         rung__doctor_printf(d, "this user may not open %s", m->tegra_node));
    rung__doctor_mend(f, "usermod -aG video,render $USER, and log in again");
  } else if (!m->nvidia_library[0]) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_MISSING, "JetPack's libcuda.so.1 is not found");
    rung__doctor_show(f, "%s is there, libcuda.so.1 in no folder of the loader", m->tegra_node);
    rung__doctor_mend(f, m->container ? "docker run --runtime nvidia ..., with an image for this L4T"
                                      : "apt install nvidia-l4t-cuda, and ldconfig (its folder is .../tegra)");
  }
  return true;
}

static bool nvidia_in_container(doctor *d, const machine *m) {
  if (!m->container) return false;
  bool device = m->nvidia_device != NODE_NONE, library = m->nvidia_library[0] != 0;
  if (device && library) return false;
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_DEVICE_CONTAINER,
      device ? "the container has the GPU, and not the driver's libraries" : "the container was not given the GPU");
  const pci_device *pci = rung__machine_pci(m, PCI_NVIDIA);
  if (pci) rung__doctor_show(f, "the host has an NVIDIA device at %s", pci->address);
  rung__doctor_show(f, "%s in this container (%s)", device ? "no libcuda.so.1" : "no /dev/nvidia0", m->container);
  rung__doctor_mend(f, "docker run --gpus all ... (the host needs nvidia-container-toolkit)%s",
                    device ? ", with NVIDIA_DRIVER_CAPABILITIES=compute,utility" : "");
  return true;
}

static bool nvidia_other_driver(doctor *d, const machine *m) {
  for (size_t i = 0; i < m->pci_count; i++) {
    const pci_device *pci = &m->pci[i];
    if (pci->vendor != PCI_NVIDIA || !pci->driver[0] || strncmp(pci->driver, "nvidia", 6) == 0) continue;
    doctor_finding f = rung__doctor_find(
        d, DOCTOR_DRIVER_OTHER,
        rung__doctor_printf(d, "the driver %s holds the NVIDIA device; CUDA needs NVIDIA's own", pci->driver));
    rung__doctor_show(f, "device at %s, driver %s", pci->address, pci->driver);
    rung__doctor_mend(
        f,
        strcmp(pci->driver, "nouveau") == 0
            ? "install NVIDIA's driver (Debian: apt install nvidia-driver; Ubuntu: ubuntu-drivers install) and restart"
            : "give the device back to the driver nvidia: it is set aside for a virtual machine");
    return true;
  }
  return false;
}

static bool nvidia_not_loaded(doctor *d, const machine *m) {
  if (m->nvidia_kernel[0] || m->nvidia_device != NODE_NONE) return false;
  if (m->nvidia_library[0]) {
    doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_NOT_LOADED, "NVIDIA's driver is installed and not loaded");
    rung__doctor_because(f, "the kernel was updated and its module not built again, or Secure Boot refuses the module");
    rung__doctor_show(f, "%s is there, /proc/driver/nvidia/version is not", m->nvidia_library);
    rung__doctor_mend(f, "modprobe nvidia; if it is not found: dkms autoinstall, and restart");
  } else {
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_DRIVER_MISSING, "an NVIDIA device is there, and no driver of NVIDIA's");
    const pci_device *pci = rung__machine_pci(m, PCI_NVIDIA);
    if (pci) rung__doctor_show(f, "device %04x:%04x at %s", pci->vendor, pci->device, pci->address);
    rung__doctor_show(f, "no libcuda.so.1, no /proc/driver/nvidia/version");
    rung__doctor_mend(
        f, "install NVIDIA's driver (Debian: apt install nvidia-driver; Ubuntu: ubuntu-drivers install) and restart");
  }
  return true;
}

static bool nvidia_nodes(doctor *d, const machine *m) {
  const struct {
    const char *name;
    node_access access;
    const char *fix;
  } nodes[] = {{"/dev/nvidiactl", m->nvidia_control, "nvidia-modprobe"},
               {"/dev/nvidia0", m->nvidia_device, "nvidia-modprobe -c 0"},
               {"/dev/nvidia-uvm", m->nvidia_uvm, "nvidia-modprobe -u -c 0 (modprobe nvidia-uvm)"}};
  for (size_t i = 0; i < RUNG_COUNT(nodes); i++) {
    if (nodes[i].access == NODE_OPEN) continue;
    bool missing = nodes[i].access == NODE_NONE;
    doctor_finding f = rung__doctor_find(
        d, missing ? DOCTOR_DEVICE_MISSING : DOCTOR_DEVICE_FORBIDDEN,
        rung__doctor_printf(d, missing ? "the driver is loaded, and there is no %s" : "this user may not open %s",
                            nodes[i].name));
    if (m->nvidia_kernel[0])
      rung__doctor_show(f, "driver %s; %s %s", m->nvidia_kernel, nodes[i].name,
                        missing ? "is missing" : "may not be read and written");
    if (missing && m->container)
      rung__doctor_mend(f, "docker run --gpus all ... (or --device %s)", nodes[i].name);
    else if (missing)
      rung__doctor_mend(f, "%s", nodes[i].fix);
    else
      rung__doctor_mend(f, "ls -l %s shows the group; usermod -aG GROUP $USER, and log in again", nodes[i].name);
    return true;
  }
  return false;
}

/* CUDA's toolkit brings a newer library of the driver for data centres' cards; no other card takes it (error 804), and
 * one that is older than the driver does not go with it (803). */
static bool nvidia_compat(doctor *d, const machine *m) {
  bool desktop = m->gpu_count && strstr(m->gpus[0].name, "GeForce");
  bool older =
      m->nvidia_user[0] && m->nvidia_kernel[0] && rung__vendor_compare_versions(m->nvidia_user, m->nvidia_kernel) < 0;
  if (!desktop && !older) return false;
  doctor_finding f = rung__doctor_find(d, DOCTOR_DRIVER_MISMATCH,
                                       desktop ? "CUDA's compatibility library is found instead of the driver's, and "
                                                 "GeForce cards do not take it"
                                               : "CUDA's compatibility library is found instead of the driver's, and "
                                                 "it is older");
  rung__doctor_because(f, "it lets new CUDA run on old drivers of data centres' cards (elsewhere: error %d)",
                       desktop ? 804 : 803);
  rung__doctor_show(f, "%s%s%s; kernel %s", m->nvidia_library, m->nvidia_user[0] ? " is " : "", m->nvidia_user,
                    m->nvidia_kernel);
  rung__doctor_mend(f, "take %s out of LD_LIBRARY_PATH", rung__doctor_folder_of(d, m->nvidia_library));
  return true;
}

static bool nvidia_library(doctor *d, const machine *m) {
  if (!m->nvidia_library[0]) {
    doctor_finding f =
        rung__doctor_find(d, DOCTOR_DRIVER_MISSING, "the kernel has NVIDIA's driver, and its library is missing");
    rung__doctor_show(f, "driver %s; no libcuda.so.1", m->nvidia_kernel);
    rung__doctor_mend(f, "apt install libcuda1 (Ubuntu: libnvidia-compute-%.*s)", (int)strcspn(m->nvidia_kernel, "."),
                      m->nvidia_kernel);
    return true;
  }
  bool compat = strstr(m->nvidia_library, "/compat/") != NULL;
  if (compat) return nvidia_compat(d, m);
  if (!m->nvidia_kernel[0] || !m->nvidia_user[0] || strcmp(m->nvidia_kernel, m->nvidia_user) == 0) return false;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_DRIVER_MISMATCH, "the two halves of NVIDIA's driver are of different versions");
  rung__doctor_because(f, "the driver was updated and the machine not restarted (\"Driver/library version mismatch\")");
  rung__doctor_show(f, "kernel %s; %s is %s", m->nvidia_kernel, m->nvidia_library, m->nvidia_user);
  rung__doctor_mend(f, m->container ? "restart the container: the host's driver was updated" : "reboot");
  return true;
}

/* All files are there: does the driver start? Only its first call tells, in a child. */
static bool nvidia_starts(doctor *d, const machine *m) {
  child_result result;
  const char *cause = NULL, *fix = "restart the machine; dmesg | grep -i nvrm tells more";
  if (!d->request->helper || d->root[0] || !m->nvidia_library[0]) return false;
  if (!rung__doctor_load(d, (const char *const[]){m->nvidia_library, NULL}, &result) || result.kind == CHILD_LOADED)
    return false;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_DRIVER_START,
                        result.kind == CHILD_CRASHED ? "NVIDIA's driver ends the process that starts it"
                        : result.kind == CHILD_HUNG  ? "NVIDIA's driver does not come back from its first call"
                                                     : "NVIDIA's driver is installed and does not start");
  rung__doctor_show(f, "%s, in a child process: %s", m->nvidia_library, result.words);
  if (result.kind == CHILD_REFUSED && rung__doctor_meaning(d, result.words, &cause, &fix))
    rung__doctor_because(f, "%s", cause);
  rung__doctor_mend(f, "%s", fix);
  return true;
}

void rung__provider_nvidia_rules(doctor *d) {
  static const device_rule rules[] = {nvidia_hidden,       nvidia_stub,         nvidia_on_chip,    nvidia_under_wsl,
                                      nvidia_in_container, nvidia_other_driver, nvidia_not_loaded, nvidia_nodes,
                                      nvidia_library,      nvidia_starts};
  if (d->machine->nvidia_told) return;
  d->machine->nvidia_told = true;
  run_rules(d, rules, RUNG_COUNT(rules));
}

/* AMD */

static bool amd_hidden(doctor *d, const machine *m) {
  static const char *const names[] = {"HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}, *const none[] = {"", "-1", NULL};
  (void)m;
  for (size_t i = 0; i < RUNG_COUNT(names); i++)
    if (find_hidden(d, names[i], none)) return true;
  return false;
}

static bool amd_nodes(doctor *d, const machine *m) {
  const struct {
    const char *name;
    node_access access;
  } nodes[] = {{"/dev/kfd", m->kfd}, {m->render_node, m->render}};
  for (size_t i = 0; i < RUNG_COUNT(nodes); i++) {
    if (nodes[i].access == NODE_OPEN) continue;
    bool missing = nodes[i].access == NODE_NONE, container = missing && m->container;
    doctor_finding f = rung__doctor_find(
        d,
        container ? DOCTOR_DEVICE_CONTAINER
        : missing ? DOCTOR_DRIVER_NOT_LOADED
                  : DOCTOR_DEVICE_FORBIDDEN,
        container ? "the container was not given the GPU"
        : missing ? "an AMD device is there, and the driver amdgpu with its compute part is not loaded"
                  : rung__doctor_printf(d, "this user may not open %s", nodes[i].name));
    rung__doctor_show(f, missing ? "no %s" : "%s may not be read and written", nodes[i].name);
    if (container)
      rung__doctor_mend(f, "docker run --device /dev/kfd --device /dev/dri --group-add video --group-add render ...");
    else if (missing)
      rung__doctor_mend(f, "modprobe amdgpu");
    else
      rung__doctor_mend(f, "usermod -aG render,video $USER, and log in again");
    return true;
  }
  return false;
}

void rung__provider_amd_rules(doctor *d) {
  static const device_rule rules[] = {amd_hidden, amd_nodes};
  if (d->machine->amd_told) return;
  d->machine->amd_told = true;
  run_rules(d, rules, RUNG_COUNT(rules));
}
