/* Machines made of files, for the doctor: a script of one command a line builds them below a folder.
 *
 *   module VERSION PACKAGE [CUDA]   site/onnxruntime with its compiled module, as the package of that name has it
 *   own PACKAGE VERSION [TAG]       dist-info of the package, whose RECORD lists all that lies in site/onnxruntime now
 *   dist PACKAGE VERSION [TAG]      dist-info without files of its own
 *   need PACKAGE REQUIREMENT        a Requires-Dist line more
 *   provider NAME SONAME...         site/onnxruntime/capi/libonnxruntime_providers_NAME.so, and the library they share
 *   lib PATH [needs=A,B] [runpath=P] [rpath=P] [soname=S] [wants=FILE:VERSION,...] [defines=V,...] [machine=N]
 *   file PATH [TEXT]                "\n" in it ends a line
 *   cut PATH BYTES; grow PATH; rm PATH; mkdir PATH; link TARGET PATH; chmod MODE PATH; move FROM TO
 *   nvidia DRIVER GPU NAME          driver, library, device files, a device on the bus
 *   amd                             the same of AMD's
 *   pci VENDOR DRIVER               a graphics device held by that driver ("-": none)
 *   python VERSION                  of the virtual environment; 3.11 when it is not given
 *   env NAME=VALUE
 *
 * Paths may begin with "site/": the site-packages of /venv. */
#ifndef RUNG_TESTS_MADE_MACHINE_H
#define RUNG_TESTS_MADE_MACHINE_H

#include "support/folder.h"

#include <stdint.h>

typedef struct made_machine {
  temp_folder root;
  char site[64]; /* "/venv/lib/python3.11/site-packages" */
  char variables[16][256];
  const char *environment[17];
  int variable_count;
} made_machine;

void machine_make(made_machine *m, const char *script);
void machine_remove(made_machine *m);
void machine_run(made_machine *m, const char *script);

/* A section .nv_fatbin with kernels for `kernels` and PTX for `ptx` (zero-terminated), in a library at `path`. */
void machine_cuda_library(made_machine *m, const char *path, const int *kernels, const int *ptx);

#endif
