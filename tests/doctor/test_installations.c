/* Installations of ONNX Runtime, broken and whole: the finding must name the cause, the evidence and the remedy, and
 * nothing else may be called broken. */
#include "rung.h"
#include "rung_doctor.h"
#include "support/made_machine.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CUDA 12 and its libraries as packages of pip bring them, in LD_LIBRARY_PATH */
#define CUDA_12                                                                                  \
  "lib site/nvidia/cublas/lib/libcublasLt.so.12\nlib site/nvidia/cublas/lib/libcublas.so.12\n"   \
  "lib site/nvidia/cuda_runtime/lib/libcudart.so.12\nlib site/nvidia/cufft/lib/libcufft.so.11\n" \
  "lib site/nvidia/curand/lib/libcurand.so.10\nlib site/nvidia/cudnn/lib/libcudnn.so.9\n"        \
  "lib site/nvidia/cuda_nvrtc/lib/libnvrtc.so.12\n"
#define CUDA_12_PATH                                                                                              \
  "env LD_LIBRARY_PATH=/cuda\n"                                                                                   \
  "lib /cuda/libcublasLt.so.12\nlib /cuda/libcublas.so.12\nlib /cuda/libcudart.so.12\nlib /cuda/libcufft.so.11\n" \
  "lib /cuda/libcurand.so.10\nlib /cuda/libcudnn.so.9\nlib /cuda/libnvrtc.so.12\n"
#define NEEDS_12 "libcublasLt.so.12 libcublas.so.12 libcurand.so.10 libcufft.so.11 libcudart.so.12 libcudnn.so.9\n"
#define GPU_122                          \
  "module 1.22.0 onnxruntime-gpu 12.2\n" \
  "provider cuda " NEEDS_12 "own onnxruntime-gpu 1.22.0\n"
#define NEEDS_13 "libcublasLt.so.13 libcublas.so.13 libcurand.so.10 libcudart.so.13 libcuda.so.1\n"
#define CUDA_13_PATH                                                                                               \
  "env LD_LIBRARY_PATH=/cuda\n"                                                                                    \
  "lib /cuda/libcublasLt.so.13\nlib /cuda/libcublas.so.13\nlib /cuda/libcudart.so.13\nlib /cuda/libcurand.so.10\n" \
  "lib /cuda/libcudnn.so.9\n"
#define GPU_131                          \
  "module 1.31.1 onnxruntime-gpu 13.0\n" \
  "provider cuda " NEEDS_13 "own onnxruntime-gpu 1.31.1\n"
#define RTX_4090 "nvidia 580.65.06 NVIDIA GeForce RTX 4090\n"
#define CPU_131 "module 1.31.1 onnxruntime\nown onnxruntime 1.31.1\n"
#define CORE "site/onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so"
#define CUDA_LIBRARY "site/onnxruntime/capi/libonnxruntime_providers_cuda.so"

/* A conda environment, whose packages of ONNX Runtime and CUDA bring no metadata of pip's */
#define CONDA "rm /venv/pyvenv.cfg\nfile /venv/conda-meta/history ==> 2026-01-01 <==\\n\n"
#define CONDA_HAS(name) "file /venv/conda-meta/" name ".json {\"files\": [\"lib/lib.so\"]}\n"
#define CONDA_ORT(build)                                       \
  "file /venv/conda-meta/onnxruntime-1.20.1-py311_" build      \
  ".json {\"build\": \"x\", \"files\": [\"bin/tool\", "        \
  "\"lib/python3.11/site-packages/onnxruntime/__init__.py\", " \
  "\"lib/python3.11/site-packages/onnxruntime/capi/build_and_package_info.py\"]}\n"
#define CONDA_ORT_CUDA                                                       \
  "file /venv/conda-meta/onnxruntime-1.20.1-py311_0_cuda.json {\"files\": [" \
  "\"lib/python3.11/site-packages/onnxruntime/__init__.py\", "               \
  "\"lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so\"]}\n"
#define CONDA_12 "lib /venv/lib/libcublasLt.so.12\nlib /venv/lib/libcudart.so.12\nlib /venv/lib/libcudnn.so.9\n"
#define CONDA_PROVIDER "lib " CUDA_LIBRARY " needs=libcublasLt.so.12,libcudart.so.12,libcudnn.so.9 runpath=/venv/lib\n"

#define JETSON "file /dev/nvhost-gpu\nlib /usr/lib/libcuda.so.1\n"

/* As Arch and Debian pack it: the module asks for a libonnxruntime of the system's, and providers lie beside that */
#define SYSTEM_ORT                                                                       \
  "module 1.22.0 onnxruntime\nlib " CORE                                                 \
  " needs=libonnxruntime.so.1\nfile site/onnxruntime/capi/build_and_package_info.py x\n" \
  "lib /usr/lib/libonnxruntime.so.1\nlib /usr/lib/libonnxruntime_providers_shared.so\n"  \
  "lib /usr/lib/libonnxruntime_providers_cuda.so needs=libcublasLt.so.12,libcudnn.so.9\n"

/* The release archive for C and C++, unpacked at /ort */
#define NATIVE(version)                                                                         \
  "lib /ort/lib/libonnxruntime.so." version " soname=libonnxruntime.so.1 defines=VERS_" version \
  " needs=libc.so.6,libstdc++.so.6\n"                                                           \
  "link libonnxruntime.so." version                                                             \
  " /ort/lib/libonnxruntime.so.1\nlink libonnxruntime.so.1 "                                    \
  "/ort/lib/libonnxruntime.so\nfile /ort/VERSION_NUMBER " version "\\n\n"
#define NATIVE_CUDA                                                                                 \
  "lib /ort/lib/libonnxruntime_providers_shared.so\nlib /ort/lib/libonnxruntime_providers_cuda.so " \
  "needs=libcublasLt.so.12,libcublas.so.12,libcurand.so.10,libcufft.so.11,libcudart.so.12,libcudnn.so.9\n"

typedef struct scenario {
  const char *name, *script;
  const char *code;  /* of the worst finding; NULL: nothing is broken, and no warning is given */
  const char *says;  /* in its title or evidence */
  const char *mends; /* in its fix */
  rung_doctor_severity severity;
  const char *path; /* NULL: "/venv" */
} scenario;

#define BROKEN RUNG_DOCTOR_BROKEN
#define WARNING RUNG_DOCTOR_WARNING

static const scenario scenarios[] = {
    /* whole ones */
    {"processor only, no device", CPU_131, NULL},
    {"nothing but what pip leaves of others",
     CPU_131 "dist numpy 2.4.6\ndist flatbuffers 25.1\nneed onnxruntime numpy>=1.21.6\nneed onnxruntime flatbuffers\n",
     NULL},
    {"CUDA 12 in LD_LIBRARY_PATH", RTX_4090 CUDA_12_PATH GPU_122, NULL},
    {"CUDA 13 in LD_LIBRARY_PATH", RTX_4090 CUDA_13_PATH GPU_131, NULL},
    {"TensorRT's provider without TensorRT",
     RTX_4090 CUDA_12_PATH
     "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda " NEEDS_12
     "provider tensorrt libcublas.so.12 libnvinfer.so.10 libcudart.so.12\nown onnxruntime-gpu 1.22.0\n",
     NULL},
    {"CUDA in the cache's folders",
     RTX_4090 GPU_122 "lib /usr/lib/libcublasLt.so.12\nlib /usr/lib/libcublas.so.12\nlib /usr/lib/libcudart.so.12\nlib "
                      "/usr/lib/libcufft.so.11\nlib /usr/lib/libcurand.so.10\nlib /usr/lib/libcudnn.so.9\n",
     NULL},
    {"RUNPATH leads to the libraries",
     RTX_4090 "module 1.18.1 onnxruntime-gpu 11.8\nprovider cuda\nlib " CUDA_LIBRARY
              " needs=libcudart.so.11.0 runpath=/usr/local/cuda-11.8/lib\nlib "
              "/usr/local/cuda-11.8/lib/libcudart.so.11.0\nown onnxruntime-gpu 1.18.1\n",
     NULL},
    {"RPATH of the one that loads",
     RTX_4090 "module 1.16.3 onnxruntime-gpu\nprovider cuda\nlib " CUDA_LIBRARY
              " needs=libcudart.so.11.0 rpath=$ORIGIN/../../gpu.libs\nlib site/gpu.libs/libcudart.so.11.0 "
              "needs=libdeep.so.1\nlib site/gpu.libs/libdeep.so.1\nown onnxruntime-gpu 1.16.3\n",
     NULL},
    {"OpenVINO, bundled",
     "module 1.24.1 onnxruntime-openvino\nprovider openvino\nlib "
     "site/onnxruntime/capi/libonnxruntime_providers_openvino.so needs=libopenvino.so.2541 rpath=$ORIGIN\nlib "
     "site/onnxruntime/capi/libopenvino.so.2541\nown onnxruntime-openvino 1.24.1\n",
     NULL},
    {"OpenVINO, bundled, and the same release beside it",
     "module 1.24.1 onnxruntime-openvino\nprovider openvino\nlib "
     "site/onnxruntime/capi/libonnxruntime_providers_openvino.so needs=libopenvino.so.2541 rpath=$ORIGIN\nlib "
     "site/onnxruntime/capi/libopenvino.so.2541\nown onnxruntime-openvino 1.24.1\ndist openvino 2025.4.1\n",
     NULL},
    {"MIGraphX with ROCm",
     "amd\nmodule 1.27.1 onnxruntime-migraphx\nprovider migraphx\nlib "
     "site/onnxruntime/capi/libonnxruntime_providers_migraphx.so needs=libmigraphx_c.so.3,libamdhip64.so.7 "
     "runpath=/opt/rocm/lib\nlib /opt/rocm/lib/libmigraphx_c.so.3\nlib /opt/rocm/lib/libamdhip64.so.7\nown "
     "onnxruntime-migraphx 1.27.1\n",
     NULL},
    {"a plugin beside the package for the processor", RTX_4090 CPU_131 "dist onnxruntime-ep-cuda13 0.2.0\n", NULL},
    {"without metadata", "module 1.31.1 onnxruntime\n", NULL},
    {"old NumPy with an old package", "module 1.18.0 onnxruntime\nown onnxruntime 1.18.0\ndist numpy 1.26.4\n", NULL},
    {"a folder of the same name that is no package", CPU_131 "mkdir /work/onnxruntime\n", NULL},

    /* packages over one another */
    {"two packages, the one for the processor last",
     RTX_4090 "module 1.22.0 onnxruntime-gpu 12.2\nown onnxruntime-gpu 1.22.0\nmodule 1.22.1 onnxruntime\nown "
              "onnxruntime 1.22.1\n",
     "ort.packages-overlap", "onnxruntime 1.22.1", "pip uninstall -y onnxruntime onnxruntime-gpu && "},
    {"the device's package is the one to keep",
     "module 1.22.0 onnxruntime\nown onnxruntime 1.22.0\nown onnxruntime-directml 1.22.0\n", "ort.packages-overlap",
     "onnxruntime-directml 1.22.0", "install onnxruntime-directml==1.22.0"},
    {"three packages",
     "module 1.22.0 onnxruntime\nown onnxruntime 1.22.0\nown onnxruntime-gpu 1.20.0\nown onnxruntime-silicon 1.16.3\n",
     "ort.packages-overlap", "onnxruntime-silicon 1.16.3", "onnxruntime-silicon"},
    {"a package that nobody knows yet",
     "module 1.40.0 onnxruntime\nown onnxruntime 1.40.0\nown onnxruntime-future 1.40.0\n", "ort.packages-overlap",
     "onnxruntime-future", "onnxruntime-future"},
    {"one package twice", "module 1.22.0 onnxruntime\nown onnxruntime 1.20.0\nown onnxruntime 1.22.0\n",
     "ort.stale-metadata", "1.20.0 and onnxruntime 1.22.0", "install onnxruntime==1.22.0"},
    {"two CUDA plugins",
     CPU_131 "dist onnxruntime-ep-cuda12 0.2.0\nfile site/onnxruntime_ep_cuda12-0.2.0.dist-info/RECORD "
             "onnxruntime_ep_cuda/__init__.py,,\\n\ndist onnxruntime-ep-cuda13 0.2.0\nfile "
             "site/onnxruntime_ep_cuda13-0.2.0.dist-info/RECORD onnxruntime_ep_cuda/__init__.py,,\\n\n",
     "ort.plugins-overlap", "onnxruntime-ep-cuda12", "uninstall -y onnxruntime-ep-cuda12 onnxruntime-ep-cuda13"},
    {"the other package was uninstalled",
     "module 1.22.0 onnxruntime\nown onnxruntime 1.22.0\nrm site/onnxruntime/__init__.py\nrm " CORE "\n",
     "ort.files-missing", "onnxruntime_pybind11_state", "--force-reinstall --no-deps onnxruntime==1.22.0"},
    {"only a folder is left", "mkdir site/onnxruntime/capi\nfile site/onnxruntime/capi/_pybind_state.py x\n",
     "ort.remains", "no compiled module", "rm -r"},
    {"pip was interrupted", CPU_131 "mkdir site/~nnxruntime\n", "ort.interrupted", "~nnxruntime", "rm -r", WARNING},
    {"nothing is installed", "mkdir site/pip\ndist pip 23.0\n", "ort.not-installed", "", "pip install onnxruntime"},
    {"a library was overwritten", CPU_131 "grow " CORE "\n", "ort.files-changed", "bytes", "--force-reinstall"},
    {"same size, other contents",
     CPU_131 "file site/onnxruntime/__init__.py \"\"\"ONNX Runtime\"\"\"\\n__version__ = \"1.31.0\"\\n\n",
     "ort.files-changed", "other contents", "--force-reinstall", WARNING},
    {"files of another version", "module 1.30.0 onnxruntime\nown onnxruntime 1.31.1\n", "ort.files-changed", "1.30.0",
     "onnxruntime==1.31.1"},
    {"a library of an older one among them", CPU_131 "lib site/onnxruntime/capi/libonnxruntime.so.1.30.0\n",
     "ort.files-foreign", "libonnxruntime.so.1.30.0", "rm "},
    {"a provider of another one was copied in", RTX_4090 CPU_131 CUDA_12_PATH "provider cuda " NEEDS_12,
     "ort.files-foreign", "libonnxruntime_providers_cuda.so", "rm "},
    {"a provider for another CUDA",
     RTX_4090 CUDA_12_PATH "module 1.31.1 onnxruntime-gpu 13.0\nprovider cuda " NEEDS_12 "own onnxruntime-gpu 1.31.1\n",
     "ort.files-foreign", "built for CUDA 12", "--force-reinstall"},
    {"gutted: no compiled module", "module 1.22.0 onnxruntime\nrm " CORE "\nown onnxruntime 1.22.0\n",
     "ort.core-missing", "onnxruntime_pybind11_state", "--force-reinstall"},

    /* for another Python, C library, machine, system */
    {"another Python",
     "python 3.12\nmodule 1.22.0 onnxruntime\nown onnxruntime 1.22.0 cp311-cp311-manylinux_2_28_x86_64\nmove "
     "site/onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so "
     "site/onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so\n",
     "ort.other-python", "Python 3.11, this environment has Python 3.12", "--force-reinstall onnxruntime"},
    {"musl here, glibc wanted", CPU_131 "lib /venv/bin/python needs=libc.musl-x86_64.so.1\n", "ort.other-libc",
     "manylinux", "glibc"},
    {"glibc here, musl wanted",
     "module 1.31.1 onnxruntime\nown onnxruntime 1.31.1 cp311-cp311-musllinux_1_2_x86_64\nmove " CORE
     " site/onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-musl.so\n",
     "ort.other-libc", "musllinux", "--force-reinstall"},
    {"for s390x", "module 1.31.1 onnxruntime\nown onnxruntime 1.31.1 cp311-cp311-manylinux_2_28_s390x\n",
     "ort.other-machine", "s390x", "--force-reinstall"},
    {"for Windows",
     "module 1.31.1 onnxruntime\nmove " CORE
     " site/onnxruntime/capi/onnxruntime_pybind11_state.pyd\nown onnxruntime 1.31.1 cp311-cp311-win_amd64\n",
     "ort.other-system", "win_amd64", "--force-reinstall"},
    {"the compiled module is for another processor",
     "module 1.31.1 onnxruntime\nlib " CORE " machine=22\nown onnxruntime 1.31.1\n", "ort.other-machine", "s390x",
     "--force-reinstall"},
    {"glibc too old",
     "module 1.31.1 onnxruntime\nlib " CORE " needs=libc.so.6 wants=libc.so.6:GLIBC_2.38\nown onnxruntime 1.31.1\n",
     "ort.libc-old", "GLIBC_2.38", "newer glibc"},
    {"libstdc++ too old",
     "module 1.31.1 onnxruntime\nlib " CORE
     " needs=libstdc++.so.6 wants=libstdc++.so.6:GLIBCXX_3.4.32\nown onnxruntime 1.31.1\n",
     "ort.libstdcxx-old", "whose newest is GLIBCXX_3.4.30", "libstdc++"},
    {"conda's libstdc++ comes first",
     "module 1.31.1 onnxruntime\nlib " CORE
     " needs=libstdc++.so.6 wants=libstdc++.so.6:GLIBCXX_3.4.30\nown onnxruntime 1.31.1\nenv "
     "LD_LIBRARY_PATH=/conda/lib\nlib /conda/lib/libstdc++.so.6 defines=GLIBCXX_3.4.22\n",
     "ort.libstdcxx-old", "/conda/lib/libstdc++.so.6", "/conda/lib"},
    {"the import needs a library",
     "module 1.31.1 onnxruntime\nlib " CORE " needs=libgomp.so.1\nown onnxruntime 1.31.1\n", "ort.core-library-missing",
     "libgomp.so.1", "apt install libgomp1"},
    {"the compiled module is cut off", "module 1.31.1 onnxruntime\ncut " CORE " 700\nown onnxruntime 1.31.1\n",
     "ort.core-damaged", "cut off", "--force-reinstall"},
    {"NumPy 2 under an old package", "module 1.17.1 onnxruntime\nown onnxruntime 1.17.1\ndist numpy 2.0.1\n",
     "ort.numpy", "NumPy 2.0.1", "numpy<2"},
    {"a requirement is missing", CPU_131 "need onnxruntime numpy>=1.21.6\n", "ort.dependency", "numpy",
     "\"numpy>=1.21.6\"", WARNING},
    {"a requirement is too old", CPU_131 "dist protobuf 3.20.1\nneed onnxruntime protobuf>=4.25.8\n", "ort.dependency",
     "protobuf 3.20.1", "\"protobuf>=4.25.8\"", WARNING},

    /* shadows */
    {"a module beside the virtual environment", CPU_131 "file /onnxruntime.py x\n", "ort.shadowed", "/onnxruntime.py",
     "mv /onnxruntime.py"},
    {"a module in the working folder", CPU_131 "file /work/onnxruntime.py x\n", "ort.shadowed", "/work/onnxruntime.py",
     "mv /work/onnxruntime.py"},
    {"a package in PYTHONPATH", CPU_131 "file /mine/onnxruntime/__init__.py x\nenv PYTHONPATH=/other:/mine\n",
     "ort.shadowed", "PYTHONPATH", "mv /mine/onnxruntime "},

    {"a compiled module in the working folder",
     CPU_131 "file /work/onnxruntime.so x\nfile /work/onnxruntime_helpers.so x\n", "ort.shadowed",
     "/work/onnxruntime.so", "mv /work/onnxruntime.so"},
    {"the interpreter is gone", CPU_131 "rm /venv/bin/python\nlink /usr/bin/python3.9 /venv/bin/python\n",
     "ort.interpreter-missing", "leads nowhere", "venv --clear /venv"},
    {"a plugin for a newer one",
     "module 1.22.0 onnxruntime\nown onnxruntime 1.22.0\ndist onnxruntime-ep-webgpu 0.5.0\n", "ort.plugin-host",
     "1.24.4", "onnxruntime>=1.24.4"},
    {"a plugin that lacks a library",
     CPU_131 "dist onnxruntime-ep-webgpu 0.5.0\nfile site/onnxruntime_ep_webgpu-0.5.0.dist-info/RECORD "
             "onnxruntime_ep_webgpu/libonnxruntime_providers_webgpu.so,,\\n\nlib "
             "site/onnxruntime_ep_webgpu/libonnxruntime_providers_webgpu.so needs=libvulkan.so.1\n",
     "ort.library-missing", "libvulkan.so.1", "libvulkan1"},

    /* devices */
    {"the processor's package with an NVIDIA card", RTX_4090 CPU_131, "ort.cpu-only", "RTX 4090, driver 580.65.06",
     "pip install \"onnxruntime-gpu[cuda,cudnn]\""},
    {"the same with an older driver", "nvidia 535.104.05 NVIDIA GeForce RTX 3060\n" CPU_131, "ort.cpu-only",
     "535.104.05", "onnxruntime-gpu[cuda,cudnn]==1.24.4"},
    {"the processor's package with an AMD card", "amd\n" CPU_131, "ort.cpu-only", "/dev/kfd", "migraphx", WARNING},
    {"no card for the GPU package", CUDA_12_PATH GPU_122, "ort.no-gpu", "NVIDIA", "install onnxruntime", WARNING},
    {"the driver is too old for CUDA 13", "nvidia 535.104.05 NVIDIA A100-SXM4-80GB\n" CUDA_13_PATH GPU_131,
     "ort.driver-old", "needs 580", "1.24.4"},
    {"the driver is too old for CUDA 12", "nvidia 470.82.01 Tesla T4\n" CUDA_12_PATH GPU_122, "ort.driver-old",
     "525.60", "1.18.1"},
    {"the user may not open the card", RTX_4090 CUDA_12_PATH GPU_122 "chmod 000 /dev/nvidia0\n", "device.forbidden",
     "/dev/nvidia0", "usermod"},
    {"no nvidia-uvm", RTX_4090 CUDA_12_PATH GPU_122 "rm /dev/nvidia-uvm\n", "device.missing", "/dev/nvidia-uvm",
     "nvidia-modprobe -u"},
    {"the driver was updated without a restart",
     RTX_4090 CUDA_12_PATH GPU_122
     "file /proc/driver/nvidia/version NVRM version: NVIDIA UNIX x86_64 Kernel Module  575.57.08  Sat\\n\n",
     "driver.mismatch", "575.57.08", "reboot"},
    {"nouveau holds the card", CUDA_12_PATH GPU_122 "pci 0x10de nouveau\n", "driver.other", "nouveau", "nvidia-driver"},
    {"a container without the card", CUDA_12_PATH GPU_122 "pci 0x10de nvidia\nfile /.dockerenv\n", "device.container",
     "/dev/nvidia0", "--gpus all"},
    {"a variable hides the card", RTX_4090 CUDA_12_PATH GPU_122 "env CUDA_VISIBLE_DEVICES=-1\n", "device.hidden",
     "CUDA_VISIBLE_DEVICES", "unset CUDA_VISIBLE_DEVICES"},
    {"a stub of the driver comes first",
     RTX_4090 GPU_122 CUDA_12_PATH
     "env LD_LIBRARY_PATH=/usr/local/cuda/lib64/stubs:/cuda\nlib /usr/local/cuda/lib64/stubs/libcuda.so.1\n",
     "driver.stub", "stubs/libcuda.so.1", "LD_LIBRARY_PATH"},
    {"a Linux driver inside WSL",
     CUDA_12_PATH GPU_122 "file /proc/sys/kernel/osrelease 5.15.0-microsoft-standard-WSL2\\n\nfile /dev/dxg\nlib "
                          "/usr/lib/wsl/lib/libcuda.so.1\nlib /usr/lib/libcuda.so.1\n",
     "driver.in-wsl", "/usr/lib/libcuda.so.1", "apt purge"},

    /* providers that do not load */
    {"no CUDA at all", RTX_4090 GPU_122, "ort.library-missing", "libcublasLt.so.12", "nvidia-cublas-cu12"},
    {"no CUDA 13 at all", RTX_4090 GPU_131, "ort.library-missing", "libcublasLt.so.13", "nvidia-cublas==13.*"},
    {"only cuDNN is missing", RTX_4090 CUDA_12_PATH GPU_122 "rm /cuda/libcudnn.so.9\n", "ort.library-missing",
     "libcudnn.so.9", "nvidia-cudnn-cu12==9.*"},
    {"cuDNN 8 instead of 9", RTX_4090 CUDA_12_PATH GPU_122 "move /cuda/libcudnn.so.9 /cuda/libcudnn.so.8\n",
     "ort.library-version", "libcudnn.so.8", "nvidia-cudnn-cu12==9.*"},
    {"CUDA 11 instead of 12",
     RTX_4090 GPU_122
     "env LD_LIBRARY_PATH=/cuda\nlib /cuda/libcublasLt.so.11\nlib /cuda/libcublas.so.11\nlib "
     "/cuda/libcudart.so.11.0\nlib /cuda/libcufft.so.10\nlib /cuda/libcurand.so.10\nlib /cuda/libcudnn.so.9\n",
     "ort.library-version", "libcublasLt.so.11", "nvidia-cublas-cu12"},
    {"CUDA 12 instead of 13", RTX_4090 GPU_131 CUDA_12_PATH, "ort.library-version", "libcublasLt.so.12", "13.*"},
    {"packages of pip that nobody preloads", RTX_4090 CUDA_12 GPU_122, "ort.library-unreachable", "nvidia/cublas/lib",
     "preload_dlls", WARNING},
    {"the same before there was preload_dlls",
     RTX_4090 CUDA_12 "module 1.20.1 onnxruntime-gpu 12.2\nprovider cuda " NEEDS_12 "own onnxruntime-gpu 1.20.1\n",
     "ort.library-unreachable", "nvidia/cublas/lib", "export LD_LIBRARY_PATH="},
    {"no driver at all", CUDA_13_PATH GPU_131, "ort.driver-missing", "libcuda.so.1", "driver"},
    {"cuDNN is missed only at run time", RTX_4090 CUDA_13_PATH GPU_131 "rm /cuda/libcudnn.so.9\n", "ort.cudnn",
     "libcudnn.so.9", "nvidia-cudnn-cu13", WARNING},
    {"a library of CUDA is cut off", RTX_4090 CUDA_12_PATH GPU_122 "cut /cuda/libcufft.so.11 300\n",
     "ort.library-damaged", "libcufft.so.11", "nvidia-cufft-cu12"},
    {"a library of CUDA is for another processor",
     RTX_4090 CUDA_12_PATH GPU_122 "lib /cuda/libcufft.so.11 machine=22\n", "ort.library-missing",
     "libcufft.so.11 is for s390x", "nvidia-cufft-cu12"},
    {"a library of CUDA without its link",
     RTX_4090 CUDA_12_PATH GPU_122 "move /cuda/libcufft.so.11 /cuda/libcufft.so.11.0.2.54\n", "ort.library-missing",
     "without its link", "ln -s libcufft.so.11.0.2.54 /cuda/libcufft.so.11"},
    {"a library of CUDA lacks a version",
     RTX_4090 CUDA_12_PATH GPU_122
     "lib /cuda/libcublas.so.12 needs=libcublasLt.so.12 wants=libcublasLt.so.12:libcublasLt.so.12.4\nlib "
     "/cuda/libcublasLt.so.12 defines=libcublasLt.so.12\n",
     "ort.symbol-version", "libcublasLt.so.12.4", "libcublasLt.so.12"},
    {"what a library of CUDA needs is missing",
     RTX_4090 CUDA_12_PATH GPU_122 "lib /cuda/libcudnn.so.9 needs=libcudnn_graph.so.9\n", "ort.library-missing",
     "libcudnn_graph.so.9", "nvidia-cudnn-cu12"},
    {"the provider library is cut off",
     RTX_4090 CUDA_12_PATH "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda " NEEDS_12 "cut " CUDA_LIBRARY
                           " 900\nown onnxruntime-gpu 1.22.0\n",
     "ort.provider-damaged", "cut off", "--force-reinstall"},
    {"the provider library was cut off later", RTX_4090 CUDA_12_PATH GPU_122 "cut " CUDA_LIBRARY " 900\n",
     "ort.files-changed", "900 bytes", "--force-reinstall"},
    {"the provider library is a text",
     RTX_4090 CUDA_12_PATH "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda\nfile " CUDA_LIBRARY
                           " version https://git-lfs.github.com/spec/v1\nown onnxruntime-gpu 1.22.0\n",
     "ort.provider-damaged", "no ELF file", "--force-reinstall"},
    {"the provider library's header is empty",
     RTX_4090 "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda\nfile " CUDA_LIBRARY
              " \177ELF\\n\nown onnxruntime-gpu 1.22.0\n",
     "ort.provider-damaged", "libonnxruntime_providers_cuda.so", "--force-reinstall"},
    {"the provider library is for another processor",
     RTX_4090 "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda\nlib " CUDA_LIBRARY
              " machine=22\nown onnxruntime-gpu 1.22.0\n",
     "ort.other-machine", "s390x", "--force-reinstall"},
    {"a GPU package without its provider", RTX_4090 "module 1.22.0 onnxruntime-gpu 12.2\nown onnxruntime-gpu 1.22.0\n",
     "ort.provider-missing", "libonnxruntime_providers_cuda.so", "--force-reinstall"},
    {"the shared library of providers is gone",
     RTX_4090 CUDA_12_PATH "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda " NEEDS_12
                           "rm site/onnxruntime/capi/libonnxruntime_providers_shared.so\nown onnxruntime-gpu 1.22.0\n",
     "ort.provider-missing", "providers_shared", "--force-reinstall"},
    {"TensorRT 8 instead of 10",
     RTX_4090 CUDA_12_PATH
     "module 1.22.0 onnxruntime-gpu 12.2\nprovider cuda " NEEDS_12
     "provider tensorrt libnvinfer.so.10\nown onnxruntime-gpu 1.22.0\nlib site/tensorrt_libs/libnvinfer.so.8\n",
     "ort.library-version", "libnvinfer.so.8", "tensorrt-cu12==10.*"},
    {"ROCm 6 instead of 7",
     "amd\nmodule 1.27.1 onnxruntime-migraphx\nprovider migraphx\nlib "
     "site/onnxruntime/capi/libonnxruntime_providers_migraphx.so needs=libmigraphx_c.so.3,libamdhip64.so.7 "
     "runpath=/opt/rocm/lib\nlib /opt/rocm/lib/libmigraphx_c.so.3\nlib /opt/rocm/lib/libamdhip64.so.6\nown "
     "onnxruntime-migraphx 1.27.1\n",
     "ort.library-version", "libamdhip64.so.6", "ROCm 7"},
    {"no ROCm",
     "amd\nmodule 1.27.1 onnxruntime-migraphx\nprovider migraphx libmigraphx_c.so.3 libamdhip64.so.7\nown "
     "onnxruntime-migraphx 1.27.1\n",
     "ort.library-missing", "libamdhip64.so.7", "migraphx"},
    {"the user may not open /dev/kfd",
     "amd\nchmod 000 /dev/kfd\nmodule 1.27.1 onnxruntime-migraphx\nprovider migraphx\nown onnxruntime-migraphx "
     "1.27.1\n",
     "device.forbidden", "/dev/kfd", "render,video"},
    {"OpenVINO of another release",
     "module 1.24.1 onnxruntime-openvino\nprovider openvino libopenvino.so.2541\nown onnxruntime-openvino 1.24.1\nlib "
     "site/openvino/libs/libopenvino.so.2641\n",
     "ort.library-version", "libopenvino.so.2641", "openvino==2025.4.1"},
    {"OpenVINO twice",
     "module 1.24.1 onnxruntime-openvino\nprovider openvino\nlib "
     "site/onnxruntime/capi/libonnxruntime_providers_openvino.so needs=libopenvino.so.2541 rpath=$ORIGIN\nlib "
     "site/onnxruntime/capi/libopenvino.so.2541\nown onnxruntime-openvino 1.24.1\ndist openvino 2026.4.1\n",
     "ort.openvino-twice", "2025.4.1", "openvino==2025.4.1.*", WARNING},

/* of the field */
#include "doctor/installation_samples.inc"

    /* conda */
    {"conda's package for the processor", CONDA "module 1.20.1 onnxruntime\n" CONDA_ORT("0_cpu"), NULL},
    {"conda's package with metadata of pip's",
     CONDA "module 1.20.1 onnxruntime\nown onnxruntime 1.20.1\nfile "
           "/venv/conda-meta/onnxruntime-1.20.1-py311_0_cpu.json {\"files\": "
           "[\"lib/python3.11/site-packages/onnxruntime-1.20.1.dist-info/METADATA\", "
           "\"lib/python3.11/site-packages/onnxruntime/__init__.py\"]}\n",
     NULL},
    {"conda's package for CUDA, with conda's CUDA",
     RTX_4090 CONDA CONDA_12 "module 1.20.1 onnxruntime\nprovider cuda\n" CONDA_PROVIDER CONDA_ORT_CUDA CONDA_HAS(
         "cudnn-9.3.0.75-hc79f89f_0") CONDA_HAS("cuda-version-12.6-h7480c83_3"),
     NULL},
    {"a record of conda's that is cut off",
     CONDA "module 1.20.1 onnxruntime\nown onnxruntime 1.20.1\nfile "
           "/venv/conda-meta/numpy-2.1.0-py311_0.json {\"files\": [\"li\nfile /venv/conda-meta/x.json\nfile "
           "/venv/conda-meta/-1-.json\n",
     NULL},
    {"conda's package for the processor, with an NVIDIA card",
     RTX_4090 CONDA "module 1.20.1 onnxruntime\n" CONDA_ORT("0_cpu"), "ort.cpu-only", "RTX 4090",
     "conda install -p /venv -c conda-forge \"onnxruntime=*=*cuda*\""},
    {"pip's package over conda's", RTX_4090 CONDA CUDA_12_PATH "module 1.20.1 onnxruntime\n" CONDA_ORT("0_cpu") GPU_122,
     "ort.packages-overlap", "onnxruntime 1.20.1",
     "pip uninstall -y onnxruntime-gpu && conda remove -p /venv --force onnxruntime && "},
    {"a file of conda's package is gone",
     CONDA "module 1.20.1 onnxruntime\n" CONDA_ORT("0_cpu") "rm site/onnxruntime/capi/build_and_package_info.py\n",
     "ort.files-missing", "onnxruntime-1.20.1-py311_0_cpu.json lists",
     "conda install -p /venv -c conda-forge --force-reinstall onnxruntime=1.20.1"},
    {"conda's package for CUDA without cuDNN",
     RTX_4090 CONDA CONDA_12
     "rm /venv/lib/libcudnn.so.9\nmodule 1.20.1 onnxruntime\nprovider cuda\n" CONDA_PROVIDER CONDA_ORT_CUDA CONDA_HAS(
         "cuda-version-12.6-h7480c83_3"),
     "ort.library-missing", "cuda-version 12.6", "conda install -p /venv -c conda-forge cudnn=9"},
    {"conda's package for CUDA without its provider", RTX_4090 CONDA "module 1.20.1 onnxruntime\n" CONDA_ORT("0_cuda"),
     "ort.provider-missing", "libonnxruntime_providers_cuda.so", "conda install -p /venv"},
    {"conda's CUDA 11 under pip's package for CUDA 12",
     RTX_4090 CONDA GPU_122
     "lib /venv/lib/libcublasLt.so.11\nlib /venv/lib/libcublas.so.11\nlib /venv/lib/libcudart.so.11.0\nlib "
     "/venv/lib/libcufft.so.10\nlib /venv/lib/libcurand.so.10\nlib /venv/lib/libcudnn.so.8\n" CONDA_HAS(
         "cudatoolkit-11.8.0-h6a678d5_0") CONDA_HAS("cudnn-8.9.7.29-hbc23b4c_3"),
     "ort.library-version", "conda has installed cudatoolkit 11.8.0 and cudnn 8.9.7.29", "nvidia-cublas-cu12"},

    /* other tools and places */
    {"an environment of uv's, which has no pip",
     RTX_4090 CPU_131 "file /venv/pyvenv.cfg home = /usr/bin\\nuv = 0.13.9\\nversion_info = 3.11.7\\n\n",
     "ort.cpu-only", "RTX 4090",
     "VIRTUAL_ENV=/venv uv pip uninstall -y onnxruntime && VIRTUAL_ENV=/venv uv pip install"},
    {"an environment of uv's with pip",
     RTX_4090 CPU_131 "dist pip 25.0\nfile /venv/pyvenv.cfg home = /usr/bin\\nuv = 0.13.9\\nversion_info = 3.11.7\\n\n",
     "ort.cpu-only", "RTX 4090", "/venv/bin/python -m pip uninstall -y onnxruntime && "},
    {"CUDA's compatibility library on a GeForce",
     RTX_4090 GPU_122 CUDA_12_PATH
     "env LD_LIBRARY_PATH=/usr/local/cuda/compat:/cuda\nlib /usr/local/cuda/compat/libcuda.so.590.10 "
     "soname=libcuda.so.1\nlink libcuda.so.590.10 /usr/local/cuda/compat/libcuda.so.1\n",
     "driver.mismatch", "804", "take /usr/local/cuda/compat out of LD_LIBRARY_PATH"},
    {"CUDA's compatibility library is older than the driver",
     "nvidia 580.65.06 NVIDIA H200\n" GPU_122 CUDA_12_PATH
     "env LD_LIBRARY_PATH=/usr/local/cuda/compat:/cuda\nlib /usr/local/cuda/compat/libcuda.so.525.60 "
     "soname=libcuda.so.1\nlink libcuda.so.525.60 /usr/local/cuda/compat/libcuda.so.1\n",
     "driver.mismatch", "803", "take /usr/local/cuda/compat out of LD_LIBRARY_PATH"},
    {"CUDA's compatibility library where it belongs",
     "nvidia 570.65.06 NVIDIA H200\n" GPU_122 CUDA_12_PATH
     "env LD_LIBRARY_PATH=/usr/local/cuda/compat:/cuda\nlib /usr/local/cuda/compat/libcuda.so.580.65.06 "
     "soname=libcuda.so.1\nlink libcuda.so.580.65.06 /usr/local/cuda/compat/libcuda.so.1\n",
     NULL},

    /* without Python */
    {"Node's package without CUDA's provider",
     RTX_4090 "lib /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1 "
              "defines=VERS_1.24.3\nlink x64 /app/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64\n",
     "ort.cpu-only", "1.24.3", "in its place", .path = "/app"},
    {"Triton's backend",
     RTX_4090 CUDA_12_PATH "lib /opt/tritonserver/backends/onnxruntime/libonnxruntime.so "
                           "soname=libonnxruntime.so.1 defines=VERS_1.22.0\nlink libonnxruntime.so "
                           "/opt/tritonserver/backends/onnxruntime/libonnxruntime.so.1\nlib "
                           "/opt/tritonserver/backends/onnxruntime/libonnxruntime_providers_shared.so\nlib "
                           "/opt/tritonserver/backends/onnxruntime/libonnxruntime_providers_cuda.so "
                           "needs=libcudart.so.12,libcudnn.so.9\n",
     NULL, .path = "/opt/tritonserver/backends/onnxruntime"},
    {"the archive for the processor", NATIVE("1.22.0"), NULL, .path = "/ort"},
    {"the archive for CUDA", RTX_4090 CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA, NULL, .path = "/ort"},
    {"its folder of libraries", RTX_4090 CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA, NULL, .path = "/ort/lib"},
    {"its library", RTX_4090 CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA, NULL, .path = "/ort/lib/libonnxruntime.so"},
    {"the archive for CUDA without CUDA", RTX_4090 NATIVE("1.22.0") NATIVE_CUDA, "ort.library-missing",
     "libcublasLt.so.12", "their folders in LD_LIBRARY_PATH", .path = "/ort"},
    {"the archive without the library that providers share",
     RTX_4090 CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA "rm /ort/lib/libonnxruntime_providers_shared.so\n",
     "ort.provider-missing", "libonnxruntime_providers_shared.so", "unpack onnxruntime-linux-", .path = "/ort"},
    {"the archive for the processor, with an NVIDIA card", RTX_4090 NATIVE("1.22.0"), "ort.cpu-only", "RTX 4090",
     "put the archive with -gpu in its name in its place", .path = "/ort"},
    {"the archive's links lead nowhere", NATIVE("1.22.0") "rm /ort/lib/libonnxruntime.so.1.22.0\n", "ort.core-missing",
     "lead nowhere", "unpack onnxruntime-linux-", .path = "/ort"},
    {"the library without its link",
     NATIVE("1.22.0") "rm /ort/lib/libonnxruntime.so.1\nrm /ort/lib/libonnxruntime.so\n", "ort.core-missing",
     "libonnxruntime.so.1, which programs ask for", "ln -s libonnxruntime.so.1.22.0 /ort/lib/libonnxruntime.so.1",
     .path = "/ort/lib"},
    {"two releases in one folder",
     NATIVE("1.22.0") "lib /ort/lib/libonnxruntime.so.1.20.1 soname=libonnxruntime.so.1\n", "ort.files-foreign",
     "1.22.0 and 1.20.1", "one release", .path = "/ort"},
    {"the library of another release than its archive", NATIVE("1.22.0") "file /ort/VERSION_NUMBER 1.19.2\\n\n",
     "ort.files-foreign", "1.19.2", "unpack", .path = "/ort"},
    {"a library that was given another name",
     NATIVE("1.22.0") "file /ort/VERSION_NUMBER 1.22.0\\n\nlib /ort/lib/libonnxruntime.so.1.22.0 "
                      "soname=libonnxruntime.so.1 defines=VERS_1.17.3\n",
     "ort.files-foreign", "is of ONNX Runtime 1.17.3", "unpack", .path = "/ort"},
    {"the library is cut off", NATIVE("1.22.0") "cut /ort/lib/libonnxruntime.so.1.22.0 300\n", "ort.core-damaged",
     "cut off", "unpack", .path = "/ort"},
    {"a link that became a text",
     NATIVE("1.22.0") "rm /ort/lib/libonnxruntime.so\nfile /ort/lib/libonnxruntime.so libonnxruntime.so.1\n",
     "ort.core-damaged", "libonnxruntime.so", "unpack", .path = "/ort"},
    {"the archive for another processor",
     NATIVE("1.22.0") "lib /ort/lib/libonnxruntime.so.1.22.0 soname=libonnxruntime.so.1 machine=22\n",
     "ort.other-machine", "s390x", "for this machine", .path = "/ort"},
    {"the system's C library is too old for the archive",
     NATIVE("1.22.0") "lib /ort/lib/libonnxruntime.so.1.22.0 soname=libonnxruntime.so.1 needs=libc.so.6 "
                      "wants=libc.so.6:GLIBC_2.38\n",
     "ort.libc-old", "GLIBC_2.38", "newer glibc", .path = "/ort"},
    {"the driver is too old for the archive", "nvidia 470.82.01 Tesla T4\n" CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA,
     "ort.driver-old", "525.60", "update the driver", .path = "/ort"},
    {"the archive for CUDA, and no card", CUDA_12_PATH NATIVE("1.22.0") NATIVE_CUDA, "ort.no-gpu", "NVIDIA",
     "without -gpu", WARNING, "/ort"},
};

static rung_doctor_report *examine(made_machine *m, const char *path) {
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_ONNXRUNTIME;
  request.path = path;
  request.root = m->root.path;
  request.folder = "/work";
  request.environment = m->environment;
  assert_ok(rung_doctor_examine(&request, &report));
  return report;
}

static bool says(const rung_doctor_finding *f, const char *words) {
  bool found = strstr(f->title, words) || strstr(f->cause, words);
  for (size_t i = 0; i < f->evidence_count; i++) found |= strstr(f->evidence[i], words) != NULL;
  return found;
}

static void print_all(const rung_doctor_report *report) {
  for (size_t i = 0; i < rung_doctor_finding_count(report); i++) {
    const rung_doctor_finding *f = rung_doctor_finding_at(report, i);
    print_message("  %s %s: %s | %s | fix: %s\n", rung_doctor_severity_name(f->severity), f->code, f->title, f->cause,
                  f->fix);
    for (size_t k = 0; k < f->evidence_count; k++) print_message("      %s\n", f->evidence[k]);
  }
}

static bool is_right(const scenario *s, const rung_doctor_report *report) {
  if (!s->code) return rung_doctor_worst(report) < RUNG_DOCTOR_WARNING;
  const rung_doctor_finding *first = rung_doctor_finding_at(report, 0), *second = rung_doctor_finding_at(report, 1);
  rung_doctor_severity severity = s->severity ? s->severity : RUNG_DOCTOR_BROKEN;
  return first && strcmp(first->code, s->code) == 0 && first->severity == severity && says(first, s->says) &&
         strstr(first->fix, s->mends) && !(second && second->severity == RUNG_DOCTOR_BROKEN);
}

static void the_cause_is_named(void **state) {
  (void)state;
  size_t wrong = 0, broken = 0, whole = 0;
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    const scenario *s = &scenarios[i];
    if (geteuid() == 0 && strstr(s->script, "chmod 000")) continue; /* to whom nothing is forbidden */
    made_machine m;
    machine_make(&m, s->script);
    rung_doctor_report *report = examine(&m, s->path ? s->path : "/venv");
    (*(s->code ? &broken : &whole))++;
    if (!is_right(s, report)) {
      print_message("%s: wanted %s\n", s->name, s->code ? s->code : "nothing");
      print_all(report);
      wrong++;
    }
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
  assert_int_equal(wrong, 0);
  assert_true(broken >= 40 && whole >= 10);
}

/* Every way to name an installation leads to the same finding. */
static void places_have_many_names(void **state) {
  static const char *const paths[] = {"/venv",
                                      "/venv/",
                                      "/venv/lib/python3.11/site-packages",
                                      "/venv/bin/python",
                                      "/venv/lib/python3.11/site-packages/onnxruntime",
                                      "/venv/lib/python3.11/site-packages/onnxruntime/capi",
                                      "/project",
                                      "../venv"};
  (void)state;
  made_machine m;
  machine_make(&m, RTX_4090 GPU_122 "link /venv /project/.venv\nmkdir /work\n");
  char full[FOLDER_PATH];
  unlink(folder_at(&m.root, "project/.venv", full));
  machine_run(&m, "link ../venv /project/.venv\n");
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    rung_doctor_report *report = examine(&m, paths[i]);
    const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
    if (!f || strcmp(f->code, "ort.library-missing") != 0) fail_msg("%s: %s", paths[i], f ? f->code : "nothing");
    rung_doctor_report_free(&report);
  }
  machine_remove(&m);
}

/* Without a path: those that are active, in PATH, and in the user's folders, each once. */
static void environments_are_found(void **state) {
  (void)state;
  made_machine m;
  machine_make(
      &m, CPU_131
      "env PATH=/usr/bin:/venv/bin\nenv VIRTUAL_ENV=/venv\nenv HOME=/home/anna\n"
      "file /home/anna/.local/lib/python3.12/site-packages/onnxruntime/__init__.py x\n"
      "file /home/anna/.local/share/pipx/venvs/rembg/lib/python3.13/site-packages/onnxruntime/__init__.py x\n"
      "lib /usr/bin/python3 needs=libc.so.6\nmkdir /usr/lib/python3.12\nmkdir /usr/lib/python3/dist-packages\n");
  rung_doctor_report *report = examine(&m, NULL);
  size_t seen = 0;
  for (size_t i = 0; i < rung_doctor_fact_count(report); i++)
    seen += strcmp(rung_doctor_fact_at(report, i)->name, "onnxruntime") == 0;
  assert_int_equal(seen, 3);
  const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
  assert_non_null(f);
  assert_string_equal(f->code, "ort.remains");
  rung_doctor_report_free(&report);
  machine_remove(&m);
}

/* A disk or an image: the homes of all its users, and where images keep their environments. */
static void environments_of_an_image_are_found(void **state) {
  static const char *const places[] = {"/home/anna/facefusion/.venv",
                                       "/home/anna/StabilityMatrix/Packages/x/venv",
                                       "/root/miniconda3/envs/ff",
                                       "/home/anna/.local/share/mamba/envs/ff",
                                       "/home/anna/ai/ComfyUI/venv",
                                       "/app/.venv",
                                       "/opt/miniforge3/envs/ff",
                                       "/workspace/ComfyUI/venv",
                                       "/home/anna/.local/share/uv/python/x",
                                       "/usr/src/app/.venv"};
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    made_machine m;
    char script[256];
    snprintf(script, sizeof script, "file %s/lib/python3.11/site-packages/onnxruntime/__init__.py x\n", places[i]);
    machine_make(&m, script);
    rung_doctor_report *report = examine(&m, NULL);
    const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
    if (!f || strcmp(f->subject, places[i]) != 0) fail_msg("%s: %s", places[i], f ? f->subject : "not found");
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
}

/* pip refuses to touch a system's Python, unless it is told to: the fix must work when it is copied. */
static void a_system_python_is_told_to_obey(void **state) {
  (void)state;
  made_machine m;
  machine_make(&m,
               "lib /usr/bin/python3 needs=libc.so.6\nfile /usr/lib/python3.12/EXTERNALLY-MANAGED x\nfile "
               "/usr/local/lib/python3.12/dist-packages/onnxruntime/__init__.py x\n");
  rung_doctor_report *report = examine(&m, "/usr");
  const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
  assert_non_null(f);
  if (!strstr(f->fix, "PIP_BREAK_SYSTEM_PACKAGES=1 /usr/bin/python")) fail_msg("%s", f->fix);
  rung_doctor_report_free(&report);
  machine_remove(&m);
}

static void kernels_are_compared_with_the_card(void **state) {
  static const struct {
    const char *card;
    int kernels[4], ptx[2];
    const char *code;
  } cases[] = {{"NVIDIA GeForce RTX 5090", {75, 80, 90}, {0}, "ort.architecture"},
               {"NVIDIA GeForce RTX 5090", {75, 80, 90}, {90}, "ort.architecture-ptx"},
               {"NVIDIA GeForce RTX 5090", {75, 80, 120}, {0}, NULL},
               {"NVIDIA GeForce RTX 4090", {75, 80, 90}, {0}, NULL},
               {"Tesla V100-SXM2-16GB", {75, 80, 120}, {0}, "ort.architecture"},
               {"NVIDIA GeForce GTX 1080 Ti", {60, 70, 75}, {0}, NULL},
               {"NVIDIA H200", {80, 90}, {0}, NULL},
               {"NVIDIA B200", {75, 90, 120}, {0}, "ort.architecture"},
               {"NVIDIA GeForce GTX 970", {60, 70, 75}, {0}, "ort.architecture"},
               {"a card of tomorrow", {75}, {0}, NULL}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    made_machine m;
    char script[256];
    snprintf(script, sizeof script, "nvidia 580.65.06 %s\nmodule 1.31.1 onnxruntime-gpu 13.0\nprovider cuda\n",
             cases[i].card);
    machine_make(&m, script);
    machine_cuda_library(&m, CUDA_LIBRARY, cases[i].kernels, cases[i].ptx);
    machine_run(&m, "own onnxruntime-gpu 1.31.1\nlib /usr/lib/libcudnn.so.9\n");
    rung_doctor_report *report = examine(&m, "/venv");
    const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
    bool right = cases[i].code ? f && strcmp(f->code, cases[i].code) == 0 : !f;
    if (!right) fail_msg("%s, case %zu: %s", cases[i].card, i, f ? f->title : "nothing");
    if (strstr(cases[i].card, "970") && !strstr(f->fix, "1.16.3\" \"numpy<2\"")) fail_msg("%s", f->fix);
    rung_doctor_report_free(&report);
    machine_remove(&m);
  }
}

/* As pip installed it, on this machine: whole, whatever devices there are. */
static void a_real_installation_is_whole(void **state) {
  (void)state;
  if (!TEST_ONNXRUNTIME[0]) {
    print_message("skipped: RUNG_TEST_ONNXRUNTIME names no environment\n");
    skip();
  }
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_ONNXRUNTIME;
  request.path = TEST_ONNXRUNTIME;
  assert_ok(rung_doctor_examine(&request, &report));
  assert_true(rung_doctor_fact_count(report) > 0);
  for (size_t i = 0; i < rung_doctor_finding_count(report); i++) {
    const rung_doctor_finding *f = rung_doctor_finding_at(report, i);
    bool device = strcmp(f->code, "ort.cpu-only") == 0 || strcmp(f->code, "ort.no-gpu") == 0 ||
                  strncmp(f->code, "driver.", 7) == 0 || strncmp(f->code, "device.", 7) == 0;
    if (f->severity != RUNG_DOCTOR_NOTE && !device) fail_msg("%s: %s", f->code, f->title);
  }
  rung_doctor_report_free(&report);
}

static void what_is_not_there_is_an_error(void **state) {
  (void)state;
  made_machine m;
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  machine_make(&m, "");
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_ONNXRUNTIME;
  request.path = "/nowhere";
  request.root = m.root.path;
  assert_error(rung_doctor_examine(&request, &report), NOT_FOUND, "/nowhere");
  request.what = RUNG_DOCTOR_PROVIDERS;
  request.path = NULL;
  request.provider = "cudda";
  assert_error(rung_doctor_examine(&request, &report), NOT_FOUND, "did you mean \"cuda\"?");
  request.what = RUNG_DOCTOR_PROCESS;
  request.pid = 12;
  assert_error(rung_doctor_examine(&request, &report), NOT_FOUND, "12");
  assert_null(report);
  machine_remove(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_cause_is_named),
      cmocka_unit_test(places_have_many_names),
      cmocka_unit_test(environments_are_found),
      cmocka_unit_test(environments_of_an_image_are_found),
      cmocka_unit_test(a_system_python_is_told_to_obey),
      cmocka_unit_test(kernels_are_compared_with_the_card),
      cmocka_unit_test(a_real_installation_is_whole),
      cmocka_unit_test(what_is_not_there_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
