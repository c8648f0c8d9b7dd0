/* What the machine is: read once for an examination. */
#ifndef RUNG_DOCTOR_MACHINE_H
#define RUNG_DOCTOR_MACHINE_H

#include "doctor/doctor.h"

typedef enum node_access { NODE_NONE, NODE_FORBIDDEN, NODE_OPEN } node_access;

/* A device on the PCI bus that shows or computes. */
typedef struct pci_device {
  unsigned vendor, device;
  const char *address, *driver; /* the kernel's driver that holds it: "nvidia"; "" for none */
} pci_device;

enum { MACHINE_MOST_PCI = 16, MACHINE_MOST_GPUS = 16 };

typedef struct nvidia_gpu {
  const char *name;
  int capability; /* times ten; 0: unknown */
} nvidia_gpu;

typedef struct cached_library {
  const char *soname, *path;
} cached_library;

typedef struct machine {
  const char *system;      /* of rung_look_system */
  const char *container;   /* "docker", "podman", ...; NULL: none is seen */
  bool wsl;                /* Windows Subsystem for Linux, with a device of its own for graphics */
  bool musl;               /* the C library; false: glibc, or unknown */
  const char *libc;        /* "glibc 2.36", "musl"; "" when unknown */
  const char *glibc;       /* "2.36"; "" */
  const char *cached_from; /* "/etc/ld.so.cache"; NULL: there is none */
  RUNG_VEC(cached_library) cache;

  pci_device pci[MACHINE_MOST_PCI];
  size_t pci_count;

  const char *nvidia_kernel;  /* version of the kernel's module: "535.104.05"; "" when it is not loaded */
  const char *nvidia_user;    /* version of libcuda.so.1 by its file; "" */
  const char *nvidia_library; /* path of libcuda.so.1; "" */
  node_access nvidia_control, nvidia_device, nvidia_uvm;
  node_access tegra; /* graphics on the chip (Jetson): no device on the bus, other files and libraries */
  const char *tegra_node;
  nvidia_gpu gpus[MACHINE_MOST_GPUS];
  size_t gpu_count;

  bool nvidia_told, amd_told; /* their rules have run */
  node_access kfd, render, accel, dxg;
  const char *render_node, *accel_node;
} machine;

enum { PCI_NVIDIA = 0x10de, PCI_AMD = 0x1002, PCI_INTEL = 0x8086 };

void rung__doctor_look_at_machine(doctor *d);
/* Is there such hardware on the bus, or such a driver? */
bool rung__machine_has_nvidia(const machine *m);
bool rung__machine_has_amd(const machine *m);
const pci_device *rung__machine_pci(const machine *m, unsigned vendor);
void rung__machine_free(doctor *d);

/* Could CUDA compute here: the driver is loaded and a device is there (or under WSL the host's is). */
bool rung__machine_nvidia_works(const machine *m);

#endif
