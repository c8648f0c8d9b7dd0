/* What vendors call their things: libraries, packages, drivers, graphics processors. The tables are
 * vendor_libraries.inc, graphics.inc and packages.inc. */
#ifndef RUNG_DOCTOR_VENDOR_H
#define RUNG_DOCTOR_VENDOR_H

#include "doctor/doctor.h"

/* What a soname or the name of a DLL stands for. Texts may be "". */
typedef struct vendor_library {
  const char *soname;  /* "libcublasLt.so.12", also when a DLL was asked for */
  const char *stem;    /* "libcublasLt" */
  const char *version; /* "12"; "" when the name has none */
  const char *product; /* "CUDA"; NULL: nobody knows the library */
  const char *release; /* of the product: "12"; "" when the name does not tell */
  const char *fix;     /* how to get it: a command */
} vendor_library;

/* `cuda` is the release of CUDA that it must go with, 0: unknown. `python` is how pip is called ("python -m pip"). */
vendor_library rung__vendor_library(doctor *d, const char *name, int cuda, const char *pip);

/* The oldest driver that runs a release of CUDA: "525.60"; NULL: unknown. */
const char *rung__vendor_cuda_driver(int cuda);
/* The newest release of CUDA that a driver runs; 0: unknown. */
int rung__vendor_driver_cuda(const char *driver);

/* 535.104.05 against 535.200, 2.10 against 2.9; text behind the numbers counts last. -1, 0, 1 */
int rung__vendor_compare_versions(const char *a, const char *b);
/* Does `version` satisfy "numpy>=1.21.6,<2" from behind the name? What is no comparison counts as satisfied. */
bool rung__vendor_satisfies(const char *version, const char *specification);

/* The compute capability of an NVIDIA processor by its name, times ten ("NVIDIA GeForce RTX 5090": 120); 0: unknown. */
int rung__vendor_capability(const char *name);

/* A distribution of ONNX Runtime that owns the module `onnxruntime`. */
typedef struct vendor_package {
  const char *name;      /* normalised: "onnxruntime-gpu" */
  const char *providers; /* what it is for, beside the processor: "cuda tensorrt"; "" */
} vendor_package;
const vendor_package *rung__vendor_package(const char *name); /* NULL: none of them */

/* The oldest ONNX Runtime that a plugin package works with; NULL: it is no plugin. */
const char *rung__vendor_plugin_host(const char *name, const char *version);

/* For ONNX Runtime `version` as it stands on PyPI: the release of CUDA that package "onnxruntime-gpu" was built with;
 * 0: unknown. */
int rung__vendor_onnxruntime_cuda(const char *version);

#endif
