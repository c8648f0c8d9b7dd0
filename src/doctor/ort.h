/* One installation of ONNX Runtime: the folder `onnxruntime` of an environment, who owns it, what lies in it; or a
 * folder with libonnxruntime.so, without Python (`native`: ort_native.c). ort_install.c finds it and checks what pip
 * wrote; ort_core.c checks that it can be imported; ort_provider.c that its providers can be loaded and would work on
 * this machine. */
#ifndef RUNG_DOCTOR_ORT_H
#define RUNG_DOCTOR_ORT_H

#include "doctor/linker.h"
#include "doctor/python.h"
#include "doctor/vendor.h"

enum { ORT_MOST_OWNERS = 8 };

typedef struct installation {
  const python_env *env;
  const char *site;   /* folder of packages that the module lies in */
  const char *folder; /* site/onnxruntime; of a native one the same as `files` */
  const char *files;  /* where its libraries lie: site/onnxruntime/capi */
  const char *shared; /* where its providers lie when a system's package keeps them beside libonnxruntime.so; NULL */
  bool native;        /* no package of Python: modules[0] is libonnxruntime.so, owner NULL */
  const dist *owners[ORT_MOST_OWNERS];
  size_t owner_count;
  const dist *owner;      /* the one whose files they are, as far as that can be told; NULL: none */
  const char *package;    /* "onnxruntime-gpu"; "" when unknown */
  const char *version;    /* "1.22.0"; "" */
  int cuda;               /* release of CUDA it was built with; 0: none, or unknown */
  const char *providers;  /* what the package is for: "cuda tensorrt"; "" */
  doctor_list *modules;   /* capi/onnxruntime_pybind11_state*.so|pyd, without the path */
  doctor_list *libraries; /* capi/libonnxruntime_providers_*.so, without the path */
  doctor_list *foreign;   /* those of them that are not the package's */
  link_context link;
  const doctor_list *vendor_folders; /* of the environment */
} installation;

const char *rung__ort_file(doctor *d, const installation *i, const char *name); /* below `files` */
/* "cuda" of "libonnxruntime_providers_cuda.so" */
const char *rung__ort_provider_of(doctor *d, const char *library);
/* Is it one of the words of i->providers, or of its libraries? */
bool rung__ort_is_for(doctor *d, const installation *i, const char *provider);
/* Did the user ask for this provider? */
bool rung__ort_is_asked(const doctor *d, const char *provider);
/* The command that installs the package again. */
const char *rung__ort_reinstall(doctor *d, const installation *i);
/* The command that puts another one in its place: `package` of pip, "onnxruntime-gpu"; of a native one the archive that
 * is described by `archive`. */
const char *rung__ort_replace(doctor *d, const installation *i, const char *package, const char *archive);
/* Sets modules, libraries, foreign. */
void rung__ort_list_files(doctor *d, installation *i);

/* The folder with libonnxruntime.so that `path` stands for: it, its `lib`, or the one that the file lies in; NULL:
 * none. */
const char *rung__ort_native_folder(doctor *d, const char *path);
void rung__ort_native(doctor *d, const char *folder);

/* Symbol versions that are missing, each family once. */
void rung__ort_report_versions(doctor *d, const installation *i, const link_result *links);

/* Rules; each adds findings on d->subject. False: nothing that comes after makes sense. */
bool rung__ort_check_owners(doctor *d, installation *i);
bool rung__ort_check_files(doctor *d, installation *i);
bool rung__ort_check_shadow(doctor *d, installation *i);
bool rung__ort_check_platform(doctor *d, installation *i);
bool rung__ort_check_core(doctor *d, installation *i);
bool rung__ort_check_needs(doctor *d, installation *i);
bool rung__ort_check_providers(doctor *d, installation *i);
bool rung__ort_check_hardware(doctor *d, installation *i);

/* The compute capabilities, times ten, that a provider library holds code for: kernels and, compiled by the driver,
 * PTX. False: it cannot be told. `at` is a file. */
typedef struct code_list {
  int kernels[32], ptx[32];
  size_t kernel_count, ptx_count;
} code_list;
bool rung__ort_read_code(doctor *d, const char *path, code_list *out);
/* For fuzzers: bytes of a section. */
void rung__ort_read_fatbin(const uint8_t *bytes, uint64_t size, code_list *out);

/* Would it run on a processor of this capability? 2: by kernels, 1: by PTX, 0: not. */
int rung__ort_runs_on(const code_list *code, int capability);

#endif
