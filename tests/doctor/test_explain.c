/* Logs: each text leads to its cause; consequences of a cause are not reported beside it; harmless texts are named so.
 */
#include "rung_doctor.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample {
  const char *log, *code, *title, *fix;
} sample;

#define AT                                                                                                      \
  "2025-03-01 10:00:00.123456789 [E:onnxruntime:Default, provider_bridge_ort.cc:1992 TryGetProviderInfo_CUDA] " \
  "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1637 onnxruntime::Provider& "               \
  "onnxruntime::ProviderLibrary::Get() "

static const sample samples[] = {
    {"No onnxruntime backend found.\nPlease install rembg with CPU or GPU support:\n", "log.no-backend",
     "cannot import", "Visual C++"},
    {"dwpose.py:26: UserWarning: DWPose: Onnxruntime not found or doesn't come with acceleration providers, switch to "
     "OpenCV with CPU device. DWPose might run very slowly",
     "log.no-acceleration", "processor only", "python_embeded"},
    {"run.py: error: argument --execution-providers: invalid choice: 'cuda' (choose from 'cpu')",
     "log.provider-not-in-package", "without cuda", "onnxruntime-gpu"},
    {"failed to load 'densenet_onnx' version 1: Invalid argument: unable to find backend library for backend "
     "'onnxruntime', try specifying runtime on the model configuration.",
     "log.triton-backend", "Triton", "py3"},
    {"Internal: Stub process 'onnx_in_python_backend_0' is not healthy.", "log.triton-stub", "died", "--shm-size"},
    {"WARNING: The NVIDIA Driver was not detected.  GPU functionality will not be available.\nW0322 "
     "pinned_memory_manager.cc:271] Unable to allocate pinned system memory, pinned memory pool will not be "
     "available: CUDA driver version is insufficient for CUDA runtime version",
     "log.container-without-gpu", "container", "--gpus all"},
    {"Unable to load cudart library /usr/lib/libcuda.so.570.169: cuda driver library init failure: 802",
     "log.fabric-manager", "fabric manager", "nvidia-fabricmanager"},
    {"cuInit failed:999", "log.cuda-unknown", "without saying why", "nvidia_uvm"},
    {"cuInit(0) returned 46", "log.device-busy", "in use", "nvidia-smi -c 0"},
    {"could not init CUDA: cuInit returned error 100", "log.no-device", "no device", "--gpus all"},
    {"cuInit failed: 803", "log.driver-combination", "do not go together", "compat"},
    {"cuInit failed: 804", "log.driver-combination", "do not go together", "compat"},
    {"cuInit failed: 101", "log.device-id", "device number", "device_id 0"},
    {"cuInit failed: 34", "log.driver-stub", "stub", "LD_LIBRARY_PATH"},
    {"cuInit failed: 304", "log.driver-refused", "refuses", "memlock"},
    {"cuInit failed: 3", "log.driver-start", "does not start", "nvidia_uvm"},
    {"cuInit failed: 35", "log.driver-old", "too old", "update"},
    {"cuInit failed: 2", "log.out-of-memory", "too little memory", "batch"},
    {"pycuda._driver.LogicError: cuInit failed: initialization error", "log.driver-start", "does not start", "mig"},
    {"cuda_driver.cc:269] failed call to cuInit: UNKNOWN ERROR (303)", "log.driver-missing", "driver", "--gpus all"},
    {"RuntimeError: Library libcublas.so.12 is not found or cannot be loaded", "log.library-missing", "CUDA 12",
     "nvidia-cublas-cu12"},
    {"RuntimeError: Library cublas64_12.dll is not found or cannot be loaded", "log.library-missing",
     "cublas64_12.dll is missing: it belongs to CUDA 12", "nvidia-cublas-cu12"},
    {"Unable to load any of {libcudnn_ops.so.9.1.0, libcudnn_ops.so.9.1, libcudnn_ops.so.9, libcudnn_ops.so}\nInvalid "
     "handle. Cannot load symbol cudnnCreateTensorDescriptor\n",
     "log.library-missing", "cuDNN 9", "nvidia-cudnn-cu12"},
    {"Invalid handle. Cannot load symbol cudnnCreateTensorDescriptor", "log.cudnn-part", "part of cuDNN",
     "LD_LIBRARY_PATH"},
    {"IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion stdVersionRead == "
     "kSERIALIZATION_VERSION failed.Version tag does not match. Note: Current Version: 239, Serialized Engine Version: "
     "236)\nTensorRT EP could not deserialize engine from cache: /cache/a.engine",
     "log.engine-version", "another TensorRT", "cache"},
    {"OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "
     "\"C:\\torch\\lib\\cudnn_cnn_infer64_8.dll\" or one of its dependencies.",
     "log.paging-file", "paging file", "Virtual memory"},
    {"Non-zero status code returned while running Conv node. Name:'c' Status Message: CUDNN_FE failure 11: "
     "CUDNN_BACKEND_API_FAILED ; GPU=0 ; hostname=box ; expr=handle",
     "log.cudnn-frontend", "CUDNN_BACKEND_API_FAILED", "one cuDNN"},
    {"       __cuda, which is missing on the system.", "log.conda-no-driver", "sees no driver", "CONDA_OVERRIDE_CUDA"},
    {"nothing provides __cuda needed by onnxruntime-1.20.1-py312h9f6d9c7_200_cuda", "log.conda-no-driver",
     "sees no driver", "CONDA_OVERRIDE_CUDA"},
    {"FAIL : Failed to load library libonnxruntime_providers_shared.so with error: "
     "libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory",
     "log.providers-shared-missing", "share", "copy"},
    {"Error: Cannot find module '../bin/napi-v3/linux/x64/onnxruntime_binding.node'", "log.node-binding",
     "onnxruntime-node", "npm install"},
    {"Referenced from: <5D4C> /lib/onnxruntime_pybind11_state.so (built for macOS 13.3 which is newer than running OS)",
     "log.macos-old", "macOS 13.3", "update macOS"},
    {"Memory access fault by GPU node-1 (Agent handle: 0x5594) on address 0x7f2d. Reason: Page not present or "
     "supervisor privilege.\nAborted (core dumped)",
     "log.amd-fault", "must not", "HSA_OVERRIDE_GFX_VERSION"},
    {AT "[ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_cuda.so with error: "
        "libcublasLt.so.11: cannot open shared object file: No such file or directory",
     "log.library-missing", "libcublasLt.so.11 is missing: it belongs to CUDA 11", "nvidia-cublas-cu11"},
    {"Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object "
     "file: No such file or directory",
     "log.library-missing", "CUDA 13", "nvidia-cublas==13.*"},
    {"with error: libcufft.so.11: cannot open shared object file: No such file or directory", "log.library-missing",
     "CUDA 12", "nvidia-cufft-cu12"},
    {"CUDA 12.* ... with error: libcudnn.so.9: cannot open shared object file: No such file or directory",
     "log.library-missing", "cuDNN 9", "nvidia-cudnn-cu12==9.*"},
    {"libcudnn.so.8: cannot open shared object file: No such file or directory", "log.library-missing", "cuDNN 8",
     "nvidia-cudnn"},
    {"Failed to load library libonnxruntime_providers_tensorrt.so with error: libnvinfer.so.10: cannot open shared "
     "object file: No such file or directory",
     "log.tensorrt-missing", "TensorRT 10", "tensorrt==10.*"},
    {"libnvinfer_plugin.so.8: cannot open shared object file: No such file or directory", "log.tensorrt-missing",
     "TensorRT 8", "tensorrt==8.*"},
    {"Failed to load library libonnxruntime_providers_cuda.so with error: libcuda.so.1: cannot open shared object "
     "file: No such file or directory",
     "log.driver-missing", "driver", "--gpus all"},
    {"Failed to load library /app/libonnxruntime_providers_cuda.so with error: /app/libonnxruntime_providers_cuda.so: "
     "cannot open shared object file: No such file or directory",
     "log.provider-library-missing", "provider cuda", "onnxruntime-gpu"},
    {"ImportError: libopenvino.so.2430: cannot open shared object file: No such file or directory",
     "log.library-missing", "OpenVINO 2024.3", "openvino==2024.3.*"},
    {"error: libamdhip64.so.6: cannot open shared object file: No such file or directory", "log.library-missing",
     "ROCm 6", "ROCm 6"},
    {"libmystery.so.4: cannot open shared object file: No such file or directory", "log.library-missing",
     "libmystery.so.4", "apt-file search libmystery.so.4"},
    {"LoadLibrary failed with error 126 \"\" when trying to load "
     "\"C:\\Users\\x\\site-packages\\onnxruntime\\capi\\onnxruntime_providers_cuda.dll\"",
     "log.windows-126", "does not say which", "preload_dlls"},
    {"LoadLibrary failed with error 127 \"\" when trying to load \"C:\\a\\onnxruntime_providers_cuda.dll\"",
     "log.windows-127", "wrong version", "Visual C++"},
    {"LoadLibrary failed with error 1114 \"\" when trying to load \"C:\\a\\onnxruntime_providers_cuda.dll\"",
     "log.windows-1114", "1114", "Visual C++"},
    {"Error loading \"D:\\v\\onnxruntime_providers_cuda.dll\" which depends on \"cublasLt64_12.dll\" which is missing. "
     "(Error 126: \"The specified module could not be found.\")",
     "log.library-missing", "cublasLt64_12.dll is missing: it belongs to CUDA 12", "nvidia-cublas-cu12"},
    {"Error loading \"D:\\v\\onnxruntime_providers_tensorrt.dll\" which depends on \"nvinfer_10.dll\" which is "
     "missing. (Error 126: \"...\")",
     "log.tensorrt-missing", "TensorRT 10", "tensorrt"},
    {"[W:onnxruntime:Default, onnxruntime_pybind_state.cc:747 CreateExecutionProviderInstance] Failed to create "
     "CUDAExecutionProvider. Please reference "
     "https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#requirements to ensure all "
     "dependencies are met.",
     "log.provider-not-created", "CUDA", "rung doctor --onnxruntime"},
    {"CUDA_PATH is set but CUDA wasn't able to be loaded. Please install the correct version of CUDA and cuDNN as "
     "mentioned in the GPU requirements page",
     "log.cuda-path", "CUDA_PATH", "rung doctor"},
    {"Failed to create CUDAExecutionProvider. Require cuDNN 9.* and CUDA 12.*, and the latest MSVC runtime. Please "
     "install all dependencies",
     "log.provider-not-created", "CUDA", "rung doctor"},
    {"Please install TensorRT libraries as mentioned in the GPU requirements page, make sure they're in the PATH or "
     "LD_LIBRARY_PATH, and that your GPU is supported.",
     "log.tensorrt-not-installed", "TensorRT", "tensorrt_libs"},
    {"INTEL_OPENVINO_DIR is set but OpenVINO library wasn't able to be loaded. Please install a supported version of "
     "OpenVINO",
     "log.openvino-dir", "INTEL_OPENVINO_DIR", "unset INTEL_OPENVINO_DIR"},
    {"Failed to create OpenVINOExecutionProvider. Please refer "
     "https://onnxruntime.ai/docs/execution-providers/OpenVINO-ExecutionProvider.html#requirements to ensure all "
     "dependencies are met.",
     "log.provider-not-created", "OpenVINO", "rung doctor"},
    {"ImportError: /x/libonnxruntime_providers_openvino.so: undefined symbol: _ZN2ov3Any4Base9to_stringB5cxx11Ev",
     "log.openvino-twice", "two releases of OpenVINO", "setupvars"},
    {"CUDA failure 100: no CUDA-capable device is detected ; GPU=32712 ; hostname=H ; "
     "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider.cc ; line=245 ; "
     "expr=cudaSetDevice(info_.device_id);",
     "log.no-device", "no device", "CUDA_VISIBLE_DEVICES"},
    {"CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=x",
     "log.driver-old", "too old", "update the driver"},
    {"[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Mul node. Name:'Mul_1' Status "
     "Message: CUDA error cudaErrorNoKernelImageForDevice:no kernel image is available for execution on the device",
     "log.architecture", "no code", "onnxruntime-gpu"},
    {"Status Message: cuDNN is unavailable for CUDA Execution Provider: libcudnn.so.9: cannot open shared object file: "
     "No such file or directory",
     "log.cudnn-missing", "cuDNN is missing", "nvidia-cudnn-cu13"},
    {"NOT_IMPLEMENTED : cuDNN is unavailable or disabled for CUDA Execution Provider: Conv", "log.cudnn-missing",
     "cuDNN", "enable_cudnn"},
    {"OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library", "log.append-failed", "Cuda",
     "rung doctor Cuda"},
    {"CUDA execution provider is not enabled in this build.", "log.provider-not-in-package", "CUDA", "onnxruntime-gpu"},
    {"ROCM execution provider is not supported in this build. ", "log.provider-not-in-package", "ROCM", "install"},
    {"Failed to initialize EP API: could not parse ORT version \"1.x\"", "log.plugin-invalid", "plugin", "update"},
    {"ORT runtime version \"1.23.0\" is below the minimum required version \"1.24.4\".", "log.plugin-host-old",
     "1.24.4, and 1.23.0", "onnxruntime>=1.24.4"},
    {"OrtEp has invalid ort_version_supported=12 (expected at least 22).", "log.plugin-invalid", "do not understand",
     "update"},
    {"[W:onnxruntime:, coreml_execution_provider.cc:113 GetCapability] CoreMLExecutionProvider::GetCapability, number "
     "of partitions supported by CoreML: 64 number of nodes in the graph: 1799 number of nodes supported by CoreML: "
     "262",
     "log.coreml-partitions", "262 of 1799 nodes, in 64 pieces", "MLProgram"},
    {"All ops will fallback to CPU EP, because system NNAPI feature level [1000001] is lower than minimal supported "
     "NNAPI feature level [1000002] of this EP",
     "log.nnapi-level", "1000001", "XNNPACK"},
    {"Could not find an implementation for GridSample(22) node with name 'n'", "log.no-kernel", "GridSample(22)",
     "rung check"},
    {"UserWarning: Specified provider 'CUDAExecutionProvider' is not in available provider names.Available providers: "
     "'AzureExecutionProvider, CPUExecutionProvider'",
     "log.provider-not-in-package", "without CUDAExecutionProvider", "onnxruntime-gpu"},
    {"RuntimeError: Unknown Provider Type: FooExecutionProvider", "log.provider-not-in-package", "FooExecutionProvider",
     ""},
    {"AttributeError: module 'onnxruntime' has no attribute 'InferenceSession'", "log.gutted", "gutted",
     "pip uninstall"},
    {"AttributeError: partially initialized module 'onnxruntime' has no attribute 'InferenceSession' (most likely due "
     "to a circular import)",
     "log.shadowed", "onnxruntime.py", "rename"},
    {"WARNING: multiple onnxruntime packages are installed to the same location.", "log.packages-overlap",
     "share one folder", "uninstall"},
    {"Unknown provider option: \"gpu_mem_limt\".", "log.option-unknown", "gpu_mem_limt", "gpu_mem_limt"},
    {"Invalid TensorRT EP option: trt_fp16", "log.option-unknown", "trt_fp16", ""},
    {"[ERROR] [TensorRT] The value for the key 'trt_fp16_enable' should be 'True' or 'False'. Default value is "
     "'False'.",
     "log.option-value", "trt_fp16_enable", ""},
    {"Failed to add provider of type 'QNN' to SessionOptions. Provider configuration is not supported.",
     "log.provider-not-in-package", "QNN", ""},
    {"This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been "
     "explicitly disabled by the user.",
     "log.strict", "forbids", "rung plan"},
    {"Conflicting session configuration: explicitly added the CPU EP to the session, but also disabled fallback to the "
     "CPU EP via session configuration options.",
     "log.strict-conflict", "forbids it", "remove"},
    {"[W:onnxruntime:, transformer_memcpy.cc:74 ApplyImpl] 12 Memcpy nodes are added to the graph main_graph for "
     "CUDAExecutionProvider. It might have negative impact on performance (including unable to run CUDA graph).",
     "log.copies", "12 copies", "rung plan"},
    {"Some nodes were not assigned to the preferred execution providers which may or may not have an negative impact "
     "on performance. e.g. ORT explicitly assigns shape related ops to CPU to improve perf.",
     "log.friend-nodes-on-cpu", "harmless", ""},
    {"ORT optimization- Force fallback to CPU execution for node: Gather_3 because the CPU execution path is deemed "
     "faster",
     "log.friend-forced-cpu", "meant well", ""},
    {"/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /x/onnxruntime_pybind11_state.so)",
     "log.glibc-old", "2.38", "newer release"},
    {"ImportError: /opt/conda/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x/y.so)",
     "log.libstdcxx-old", "3.4.32", "libstdcxx-ng"},
    {"Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /x/onnxruntime.so)",
     "log.other-libc", "C library", "glibc"},
    {"/x/libfoo.so: wrong ELF class: ELFCLASS32", "log.other-machine", "another processor", "install"},
    {"OSError: /x/libcudnn.so.9: file too short", "log.damaged", "libcudnn.so.9 is damaged", "--force-reinstall"},
    {"onnxruntime_pybind11_state.so: cannot enable executable stack as shared object requires: Invalid argument",
     "log.executable-stack", "executable stack", "--upgrade"},
    {"RuntimeError: CUDA out of memory. Tried to allocate 20 MiB", "log.out-of-memory", "memory", "gpu_mem_limit"},
    {"Failed to allocate memory for requested buffer of size 2147483648", "log.out-of-memory", "memory", ""},
    {"Failed to initialize NVML: Driver/library version mismatch", "log.driver-mismatch", "updated", "restart"},
    {"docker: Error response from daemon: could not select device driver \"\" with capabilities: [[gpu]].",
     "log.container-toolkit", "toolkit", "nvidia-container-toolkit"},
    {"A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.0 as it may crash.", "log.numpy",
     "NumPy 1", "numpy<2"},
    {"ERROR: No matching distribution found for onnxruntime-gpu", "log.no-wheel", "no package", "pip"},
    {"The engine plan file is not compatible with this version of TensorRT, expecting library version 10.9.0.34 got "
     "10.4.0.26",
     "log.engine-version", "another TensorRT", "cache"},
    {"The requested API version [24] is not available, only API versions [1, 17] are supported in this build. Current "
     "ORT Version is: 1.17.1",
     "log.api-version", "older libonnxruntime", "1.24"},
    {"hipErrorNoBinaryForGpu: Unable to find code object for all current devices!", "log.amd-architecture",
     "ROCm holds no code", "HSA_OVERRIDE_GFX_VERSION"},
    {"Exception: Device with \"GPU\" name is not registered in the OpenVINO Runtime", "log.openvino-device",
     "device GPU", "intel-opencl-icd"},
    {"Applied providers: ['CPUExecutionProvider'], with options: {'CPUExecutionProvider': {}}", "log.runs-on-cpu",
     "processor only", "rung doctor"},
    {"Unable to find an entry point named 'OrtGetApiBase' in DLL 'onnxruntime'.", "log.old-library", "OrtGetApiBase",
     "beside its .exe"},
    {"libonnxruntime.so.1: cannot open shared object file: No such file or directory",
     "log.onnxruntime-library-missing", "own library", "LD_LIBRARY_PATH"},
    {"Could not load library libcudnn_cnn_infer.so.8. Error: libcuda.so: cannot open shared object file: No such file "
     "or directory",
     "log.driver-missing", "driver", "--gpus all"},
    {"onnxruntime-gpu 1.20.1 requires numpy>=1.21.6, but you have numpy 1.19.5 which is incompatible.",
     "log.dependency", "numpy 1.19.5", "numpy>=1.21.6"},
    {"ImportError: DLL load failed while importing onnxruntime_pybind11_state: The specified module could not be "
     "found.",
     "log.msvc-runtime", "Visual C++", "vc_redist"},

#include "doctor/log_samples.inc"
};

static rung_doctor_report *explain(const char *log, size_t size) {
  rung_doctor_request request;
  rung_doctor_report *report = NULL;
  rung_doctor_request_init(&request);
  request.what = RUNG_DOCTOR_LOG;
  request.log = log;
  request.log_size = size;
  assert_ok(rung_doctor_examine(&request, &report));
  return report;
}

static void say(const rung_doctor_report *report) {
  for (size_t i = 0; i < rung_doctor_finding_count(report); i++) {
    const rung_doctor_finding *f = rung_doctor_finding_at(report, i);
    print_message("  %s: %s | fix: %s | %s\n", f->code, f->title, f->fix, f->evidence[0]);
  }
}

/* The log begins in line 3 of what is explained; the evidence is one of its lines. */
static bool is_of_the_log(const char *evidence, const char *log) {
  size_t lines = 1, line = 0;
  for (const char *at = log; *at; at++) lines += *at == '\n';
  return sscanf(evidence, "line %zu: ", &line) == 1 && line >= 3 && line < 3 + lines;
}

static bool is_right(const sample *s, const rung_doctor_report *report) {
  if (rung_doctor_finding_count(report) != 1) return false;
  const rung_doctor_finding *f = rung_doctor_finding_at(report, 0);
  return strcmp(f->code, s->code) == 0 && strstr(f->title, s->title) && strstr(f->fix, s->fix) &&
         is_of_the_log(f->evidence[0], s->log);
}

static void every_text_is_known(void **state) {
  (void)state;
  size_t wrong = 0;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char *log = malloc(strlen(samples[i].log) + 200);
    assert_non_null(log);
    sprintf(log, "starting up, CPU model: fine\nloaded 3 models\n\x1b[0;93m%s\x1b[m\nbye\n", samples[i].log);
    rung_doctor_report *report = explain(log, strlen(log));
    if (!is_right(&samples[i], report)) {
      print_message("%s\n  wanted %s\n", samples[i].log, samples[i].code);
      say(report);
      wrong++;
    }
    rung_doctor_report_free(&report);
    free(log);
  }
  assert_int_equal(wrong, 0);
}

/* What a user pastes: the cause, and all that ONNX Runtime says after it. */
static void consequences_are_left_out(void **state) {
  static const char log[] =
      "*************** EP Error ***************\n"
      "EP Error /onnxruntime_src/onnxruntime/python/onnxruntime_pybind_state.cc:505 when using "
      "['CUDAExecutionProvider']\n"
      "[E:onnxruntime] Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open "
      "shared object file: No such file or directory\n"
      "[W:onnxruntime] Failed to create CUDAExecutionProvider. Require cuDNN 9.* and CUDA 12.*. Please install\n"
      "Falling back to ['CPUExecutionProvider'] and retrying.\n"
      "****************************************\n"
      "Some nodes were not assigned to the preferred execution providers which may\n"
      "Applied providers: ['CPUExecutionProvider'], with options: {}\n";
  (void)state;
  rung_doctor_report *report = explain(log, sizeof log - 1);
  say(report);
  assert_int_equal(rung_doctor_finding_count(report), 2);
  assert_string_equal(rung_doctor_finding_at(report, 0)->code, "log.library-missing");
  assert_non_null(strstr(rung_doctor_finding_at(report, 0)->fix, "nvidia-cudnn-cu12"));
  assert_string_equal(rung_doctor_finding_at(report, 1)->code, "log.friend-nodes-on-cpu");
  rung_doctor_report_free(&report);
}

/* A cause of one provider does not explain another one's symptom. */
static void providers_are_kept_apart(void **state) {
  static const char log[] =
      "libcublasLt.so.12: cannot open shared object file: No such file or directory\n"
      "Failed to create OpenVINOExecutionProvider. Please refer https://onnxruntime.ai/docs\n";
  (void)state;
  rung_doctor_report *report = explain(log, sizeof log - 1);
  assert_int_equal(rung_doctor_finding_count(report), 2);
  rung_doctor_report_free(&report);
}

static void healthy_logs_stay_silent(void **state) {
  static const char *const logs[] = {
      "",
      "\n\n\n",
      "Applied providers: ['CUDAExecutionProvider', 'CPUExecutionProvider'], with options: {}\n",
      "find model: /root/.insightface/models/buffalo_l/det_10g.onnx detection [1, 3, '?', '?'] 127.5 128.0\n",
      "[FACEFUSION.CORE] Processing to video succeed in 12.01 seconds\n",
      "2025-01-01 [I:onnxruntime:, inference_session.cc:590 TraceSessionOptions] Session Options { mode:0 }\n",
      "available providers: ['TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider']\n",
      "Collecting onnxruntime-gpu==1.22.0\nSuccessfully installed onnxruntime-gpu-1.22.0\n",
      "load libcublasLt.so.12 ... ok\nlibcudnn.so.9 found\n",
      "100 images in 35 s, 126 faces, 999 frames\n",
      "DWPose: Onnxruntime with acceleration providers detected\nPrompt executed in 12.34 seconds\n",
      "Pinned memory pool is created at '0x7f' with size 268435456\nsuccessfully loaded 'densenet_onnx'\n",
      "Processing: 100% 1500/1500 [01:00<00:00, 25.00frame/s, execution_providers=['cuda']]\n",
      "| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4 |\n|  No running processes found |\n",
      "[FACEFUSION.CORE] processing step 1 of 1\nanalysing: 100%|===| 250/250 [00:03<00:00, 70.18frame/s]\n",
      "Starting gunicorn\nINFO Setting execution providers to ['CUDAExecutionProvider', 'CPUExecutionProvider']\n",
      "pytest: 14 passed, 0 failed\ntest_missing_library_raises_OSError PASSED\n0 errors, Error rate 0%\n",
      "12 workers, none killed; exit code 0; 139 files, signal strength 9\n",
      "cuInit(0) returned 0\ncuInit: error count 0, 3 devices, 1000 MB free\nVRAM 3 of 24 GB\n",
  };
  (void)state;
  for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
    rung_doctor_report *report = explain(logs[i], strlen(logs[i]));
    if (rung_doctor_finding_count(report)) fail_msg("%s: %s", logs[i], rung_doctor_finding_at(report, 0)->title);
    rung_doctor_report_free(&report);
  }
}

/* PowerShell writes UTF-16; Windows ends lines with a carriage return. */
static void encodings_are_understood(void **state) {
  static const char text[] = "a\r\nlibcublasLt.so.12: cannot open shared object file: No such file or directory\r\n";
  char little[2 * sizeof text + 2] = "\xff\xfe", big[2 * sizeof text + 2] = "\xfe\xff";
  (void)state;
  for (size_t i = 0; i + 1 < sizeof text; i++) {
    little[2 + 2 * i] = text[i];
    little[3 + 2 * i] = 0;
    big[2 + 2 * i] = 0;
    big[3 + 2 * i] = text[i];
  }
  const char *const logs[] = {text, little, big};
  const size_t sizes[] = {sizeof text - 1, 2 * sizeof text, 2 * sizeof text};
  for (int i = 0; i < 3; i++) {
    rung_doctor_report *report = explain(logs[i], sizes[i]);
    assert_int_equal(rung_doctor_finding_count(report), 1);
    assert_string_equal(rung_doctor_finding_at(report, 0)->evidence[0],
                        "line 2: libcublasLt.so.12: cannot open shared object file: No such file or directory");
    rung_doctor_report_free(&report);
  }
}

/* Repeated lines are one finding; long ones are cut around what matters. */
static void many_lines_are_one_finding(void **state) {
  (void)state;
  enum { SIZE = 400000 };
  char *log = malloc(SIZE);
  assert_non_null(log);
  memset(log, 'x', SIZE);
  static const char line[] = "\n libcublasLt.so.12: cannot open shared object file: No such file or directory";
  for (size_t at = 3000; at + sizeof line < SIZE; at += 4000) memcpy(log + at, line, sizeof line - 1);
  rung_doctor_report *report = explain(log, SIZE);
  assert_int_equal(rung_doctor_finding_count(report), 1);
  assert_true(strlen(rung_doctor_finding_at(report, 0)->evidence[0]) < 300);
  rung_doctor_report_free(&report);
  free(log);
}

/* A server's log: what counts is mostly at its end. */
static void the_end_of_a_long_log_is_read(void **state) {
  (void)state;
  enum { LINES = 400000 };
  static const char line[] = "2025-01-01 10:00:00 GET /health 200 0.1 ms\n",
                    last[] = "libcublasLt.so.12: cannot open shared object file: No such file or directory\n";
  char *log = malloc(LINES * (sizeof line - 1) + sizeof last);
  assert_non_null(log);
  for (size_t i = 0; i < LINES; i++) memcpy(log + i * (sizeof line - 1), line, sizeof line - 1);
  memcpy(log + LINES * (sizeof line - 1), last, sizeof last);
  rung_doctor_report *report = explain(log, strlen(log));
  assert_int_equal(rung_doctor_finding_count(report), 1);
  assert_int_equal(strncmp(rung_doctor_finding_at(report, 0)->evidence[0], "line 400001: ", 13), 0);
  rung_doctor_report_free(&report);
  free(log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_text_is_known),           cmocka_unit_test(consequences_are_left_out),
      cmocka_unit_test(providers_are_kept_apart),      cmocka_unit_test(healthy_logs_stay_silent),
      cmocka_unit_test(encodings_are_understood),      cmocka_unit_test(many_lines_are_one_finding),
      cmocka_unit_test(the_end_of_a_long_log_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
