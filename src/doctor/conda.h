/* What conda and its like installed: PREFIX/conda-meta/NAME-VERSION-BUILD.json, one file a package. Its name tells what
 * it is; of packages of ONNX Runtime the list of files in it stands for pip's RECORD. Python packages of conda mostly
 * bring pip's metadata along, others (CUDA, cuDNN, TensorRT) never do. */
#ifndef RUNG_DOCTOR_CONDA_H
#define RUNG_DOCTOR_CONDA_H

#include "doctor/python.h"
#include "doctor/vendor.h"

/* Adds them to env->dists; one that is there with metadata of its own is marked as conda's. */
void rung__conda_read(doctor *d, python_env *env, const char *prefix);
/* The list of files in such a file, `json` with a NUL behind it: those below the folder `below`, as lines of a RECORD
 * without sums. data is NULL: there is no list. */
rung_str rung__conda_record(doctor *d, rung_str json, const char *below);
/* "cudatoolkit 11.8.0, cudnn 8.9.7.29": vendors' packages among them; "" when there are none. */
const char *rung__conda_vendors(doctor *d, const python_env *env);
/* "conda install -p PREFIX -c conda-forge WHAT" */
const char *rung__conda_install(doctor *d, const python_env *env, const char *what);
/* Which package of conda-forge brings a library: "cudnn=9"; NULL: unknown. */
const char *rung__conda_package_of(doctor *d, const vendor_library *library);

#endif
