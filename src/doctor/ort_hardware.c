/* Does the package fit the machine's devices: none used, none there, a driver too old, kernels for others? */
#include "doctor/conda.h"
#include "doctor/files.h"
#include "doctor/machine.h"
#include "doctor/ort.h"
#include "doctor/provider.h"

#include <stdio.h>
#include <stdlib.h>

/* Packages that bring providers to a plain onnxruntime. */
static bool has_plugin(const installation *i) {
  for (size_t k = 0; k < i->env->dists.count; k++)
    if (strncmp(i->env->dists.at[k].name, "onnxruntime-ep-", 15) == 0) return true;
  return false;
}

/* What runs on this machine's driver and processor: "onnxruntime-gpu", or an older one for CUDA 12. */
static const char *gpu_package(doctor *d, const machine *m) {
  int cuda = m->nvidia_kernel[0] ? rung__vendor_driver_cuda(m->nvidia_kernel) : 13;
  bool old_card = false;
  for (size_t k = 0; k < m->gpu_count; k++) old_card |= m->gpus[k].capability && m->gpus[k].capability < 75;
  if (cuda && cuda < 12) return "\"onnxruntime-gpu==1.18.1\"";
  if (cuda == 12 || old_card) return "\"onnxruntime-gpu[cuda,cudnn]==1.24.4\"";
  (void)d;
  return "\"onnxruntime-gpu[cuda,cudnn]\"";
}

/* The same as an archive of libraries. */
static const char *gpu_archive(doctor *d, const machine *m) {
  int cuda = m->nvidia_kernel[0] ? rung__vendor_driver_cuda(m->nvidia_kernel) : 0;
  const char *limit = cuda && cuda < 13 ? rung__doctor_printf(d, " for CUDA %d", cuda) : "";
  return rung__doctor_printf(d, "the archive with -gpu in its name%s", limit);
}

static const char *describe_nvidia(doctor *d, const machine *m) {
  const pci_device *pci = rung__machine_pci(m, PCI_NVIDIA);
  const char *name = m->gpu_count ? m->gpus[0].name
                     : pci        ? rung__doctor_printf(d, "an NVIDIA device at %s", pci->address)
                                  : "an NVIDIA device";
  return m->nvidia_kernel[0] ? rung__doctor_printf(d, "%s, driver %s", name, m->nvidia_kernel) : name;
}

static void check_cpu_only(doctor *d, const installation *i) {
  const machine *m = d->machine;
  if (i->providers[0] || i->libraries->count || i->owner_count > 1 || has_plugin(i)) return;
  bool nvidia = rung__machine_nvidia_works(m) || (m->nvidia_kernel[0] && rung__machine_has_nvidia(m)) ||
                (m->nvidia_device != NODE_NONE && m->nvidia_control != NODE_NONE) || m->tegra != NODE_NONE;
  bool amd = !nvidia && rung__machine_has_amd(m) && m->kfd != NODE_NONE;
  if (!nvidia && !amd) return;
  doctor_finding f = rung__doctor_find_as(
      d, DOCTOR_ORT_CPU_ONLY, nvidia ? RUNG_DOCTOR_BROKEN : RUNG_DOCTOR_WARNING,
      rung__doctor_printf(d, "%s %s can only use the processor, and this machine has %s graphics",
                          i->package[0] ? i->package : "this ONNX Runtime", i->version, nvidia ? "NVIDIA" : "AMD"));
  rung__doctor_because(f, "programs fall back to the processor without an error: this is why it is slow");
  if (nvidia) {
    rung__doctor_show(f, "%s", describe_nvidia(d, m));
    rung__doctor_show(f, "no libonnxruntime_providers_cuda.so in %s", i->files);
    if (m->tegra != NODE_NONE)
      rung__doctor_mend(
          f,
          "%s uninstall -y %s, then install NVIDIA's wheel of onnxruntime-gpu for your JetPack and Python "
          "(that of PyPI is not for Jetson)",
          i->env->pip, i->owner ? i->owner->name : "onnxruntime");
    else if (i->owner && i->owner->conda)
      rung__doctor_mend(f, "%s", rung__conda_install(d, i->env, "\"onnxruntime=*=*cuda*\""));
    else
      rung__doctor_mend(f, "%s", rung__ort_replace(d, i, gpu_package(d, m), gpu_archive(d, m)));
  } else {
    rung__doctor_show(f, "/dev/kfd, an AMD device at %s", rung__machine_pci(m, PCI_AMD)->address);
    rung__doctor_mend(f, "%s uninstall -y %s && %s install onnxruntime-migraphx (from AMD's repository, for your ROCm)",
                      i->env->pip, i->owner ? i->owner->name : "onnxruntime", i->env->pip);
  }
}

/* CUDA */

static void check_driver_age(doctor *d, const installation *i) {
  const machine *m = d->machine;
  const char *floor = i->cuda ? rung__vendor_cuda_driver(i->cuda) : NULL;
  const char *driver = m->nvidia_kernel[0] ? m->nvidia_kernel : m->nvidia_user;
  if (!floor || !driver[0] || rung__vendor_compare_versions(driver, floor) >= 0) return;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_DRIVER_OLD,
                        rung__doctor_printf(d, "NVIDIA's driver %s is too old for CUDA %d, which %s %s needs", driver,
                                            i->cuda, i->package, i->version));
  rung__doctor_because(f, "\"CUDA driver version is insufficient for CUDA runtime version\" (CUDA failure 35)");
  rung__doctor_show(f, "driver %s (%s); CUDA %d needs %s or newer", driver,
                    m->nvidia_kernel[0] ? "/proc/driver/nvidia/version" : m->nvidia_library, i->cuda, floor);
  int cuda = rung__vendor_driver_cuda(driver);
  if (cuda >= 11)
    rung__doctor_mend(f, "update the driver to %s or newer, or: %s", floor,
                      i->native ? rung__ort_replace(d, i, "", gpu_archive(d, m))
                                : rung__doctor_printf(d, "%s install %s", i->env->pip, gpu_package(d, m)));
  else
    rung__doctor_mend(f, "update the driver to %s or newer (Ubuntu: ubuntu-drivers install)", floor);
}

static const char *list_code(doctor *d, const code_list *code) {
  const char *text = "";
  for (size_t k = 0; k < code->kernel_count; k++)
    text = rung__doctor_printf(d, "%s%ssm_%d", text, k ? " " : "", code->kernels[k]);
  for (size_t k = 0; k < code->ptx_count; k++) text = rung__doctor_printf(d, "%s, PTX %d", text, code->ptx[k]);
  return text;
}

/* 1.23.0's PTX is for sm_90a alone, which the driver cannot compile for another processor. */
static bool has_bound_ptx(const installation *i) { return strcmp(i->version, "1.23.0") == 0; }

static void check_architecture(doctor *d, const installation *i) {
  static const char library[] = "libonnxruntime_providers_cuda.so";
  const machine *m = d->machine;
  const char *path = rung__ort_file(d, i, library);
  code_list code;
  bool known = false;
  for (size_t k = 0; k < m->gpu_count; k++) known |= m->gpus[k].capability > 0;
  if (!known || !rung__doctor_has(i->libraries, library) || !rung__ort_read_code(d, path, &code)) return;
  if (has_bound_ptx(i)) code.ptx_count = 0;
  for (size_t k = 0; k < m->gpu_count; k++) {
    const nvidia_gpu *gpu = &m->gpus[k];
    int runs = gpu->capability ? rung__ort_runs_on(&code, gpu->capability) : 2;
    if (runs == 2) continue;
    doctor_finding f = rung__doctor_find(
        d, runs ? DOCTOR_ORT_ARCHITECTURE_PTX : DOCTOR_ORT_ARCHITECTURE,
        runs ? rung__doctor_printf(d, "%s %s has no kernels for %s: the driver compiles them at the first start",
                                   i->package, i->version, gpu->name)
             : rung__doctor_printf(d, "%s %s holds no code for %s", i->package, i->version, gpu->name));
    rung__doctor_because(
        f, runs ? "it waits for minutes once; the driver keeps what it compiled"
                : "the provider loads, and the first operator fails with \"no kernel image is available\"");
    rung__doctor_show(f, "%s is sm_%d; %s holds %s", gpu->name, gpu->capability, library, list_code(d, &code));
    if (!runs && i->native)
      rung__doctor_mend(f, "%s",
                        rung__ort_replace(d, i, "", gpu->capability < 75 ? "an older release" : "a newer release"));
    else if (!runs && gpu->capability < 60) /* of CUDA 11, and before the extras that bring the libraries */
      rung__doctor_mend(
          f,
          "%s install \"onnxruntime-gpu==1.16.3\" \"numpy<2\" nvidia-cublas-cu11 nvidia-cuda-runtime-cu11 "
          "nvidia-cufft-cu11 nvidia-curand-cu11 \"nvidia-cudnn-cu11==8.*\" (Python 3.8 to 3.11), and the "
          "folders of these libraries in LD_LIBRARY_PATH",
          i->env->pip);
    else if (!runs && gpu->capability < 75)
      rung__doctor_mend(f, "%s install \"onnxruntime-gpu[cuda,cudnn]==1.24.4\"", i->env->pip);
    else if (!runs)
      rung__doctor_mend(f, "%s install --upgrade onnxruntime-gpu", i->env->pip);
    return;
  }
}

/* What is broken comes first; that no device is there is a later question. */
static bool is_broken(const doctor *d) {
  for (size_t k = 0; k < d->report->findings.count; k++) {
    const rung_doctor_finding *f = &d->report->findings.at[k];
    if (f->severity == RUNG_DOCTOR_BROKEN && strcmp(f->subject, d->subject) == 0) return true;
  }
  return false;
}

static void check_no_gpu(doctor *d, const installation *i, const char *whose) {
  if (is_broken(d)) return;
  const char *plain = rung__ort_replace(d, i, "onnxruntime", "the archive without -gpu in its name");
  doctor_finding f = rung__doctor_find(
      d, DOCTOR_ORT_NO_GPU,
      rung__doctor_printf(d, "%s %s is for %s graphics, and none is seen here", i->package, i->version, whose));
  rung__doctor_because(f, "sessions run on the processor");
  rung__doctor_show(f, "no %s device on the PCI bus or in /dev", whose);
  if (d->machine->container)
    rung__doctor_mend(f, "give the container the device (%s), or %s",
                      strcmp(whose, "AMD") == 0 ? "--device /dev/kfd --device /dev/dri" : "--gpus all", plain);
  else
    rung__doctor_mend(f, "%s", plain);
}

static void check_cuda(doctor *d, const installation *i) {
  const machine *m = d->machine;
  if (!rung__machine_has_nvidia(m) && !(m->wsl && m->dxg != NODE_NONE)) {
    check_no_gpu(d, i, "NVIDIA");
    return;
  }
  check_driver_age(d, i);
  check_architecture(d, i);
  rung__provider_nvidia_rules(d);
}

static void check_amd(doctor *d, const installation *i) {
  const machine *m = d->machine;
  if (!rung__machine_has_amd(m) && m->kfd == NODE_NONE)
    check_no_gpu(d, i, "AMD");
  else
    rung__provider_amd_rules(d);
}

/* OpenVINO: the package brings its own copy; the other one is the package openvino. */
static void check_openvino(doctor *d, const installation *i) {
  const dist *other = rung__python_dist(i->env, "openvino");
  const doctor_list *own = rung__doctor_glob(d, rung__ort_file(d, i, "libopenvino.so.*"));
  if (!other || !own->count) return;
  vendor_library v = rung__vendor_library(d, rung__doctor_base_name(own->at[0]), 0, i->env->pip);
  size_t size = strlen(v.release);
  if (!size || strncmp(other->version, v.release, size) == 0) return;
  doctor_finding f =
      rung__doctor_find(d, DOCTOR_ORT_OPENVINO_TWICE,
                        rung__doctor_printf(d, "two releases of OpenVINO are installed: %s in %s, and openvino %s",
                                            v.release, i->package, other->version));
  rung__doctor_because(f, "a program that loads both fails with an undefined symbol, or crashes");
  rung__doctor_show(f, "%s; %s", own->at[0], other->folder);
  rung__doctor_mend(f, "%s install \"openvino==%s.*\"", i->env->pip, v.release);
}

bool rung__ort_check_hardware(doctor *d, installation *i) {
  const char *subject = d->subject;
  if (!i->cuda && rung__ort_is_for(d, i, "cuda")) i->cuda = rung__vendor_onnxruntime_cuda(i->version);
  check_cpu_only(d, i);
  if (rung__ort_is_for(d, i, "cuda"))
    check_cuda(d, i);
  else if (rung__ort_is_for(d, i, "rocm") || rung__ort_is_for(d, i, "migraphx"))
    check_amd(d, i);
  d->subject = subject;
  if (rung__ort_is_for(d, i, "openvino")) check_openvino(d, i);
  return true;
}
