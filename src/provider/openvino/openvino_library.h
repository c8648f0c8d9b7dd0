/* libopenvino_c, bound at run time: own declarations of what is used of it, one list of its functions, and what differs
 * between releases. Nothing of Intel's is needed to build. */
#ifndef RUNG_PROVIDER_OPENVINO_LIBRARY_H
#define RUNG_PROVIDER_OPENVINO_LIBRARY_H

#include "base/dylib.h"
#include "rung_provider.h"

typedef struct ov_core ov_core;
typedef struct ov_model ov_model;
typedef struct ov_compiled_model ov_compiled_model;
typedef struct ov_infer_request ov_infer_request;
typedef struct ov_tensor ov_tensor;
typedef struct ov_output_port ov_output_port;

typedef struct ov_version {
  const char *build, *description;
} ov_version;

typedef struct ov_devices {
  char **names;
  size_t count;
} ov_devices;

typedef struct ov_shape {
  int64_t rank;
  int64_t *dims;
} ov_shape;

typedef struct ov_dimension {
  int64_t min, max; /* equal: known */
} ov_dimension;

typedef struct ov_partial_shape {
  ov_dimension rank;
  ov_dimension *dims;
} ov_partial_shape;

/* Status codes; 0 is success. */
enum { OPENVINO_NOT_READY = -9, OPENVINO_CANCELLED = -13, OPENVINO_INVALID_PARAMETER = -14 };

typedef struct openvino_functions {
#define OPENVINO_SYMBOL(result, name, ...) result (*name)(__VA_ARGS__);
#include "provider/openvino/openvino_symbols.inc"
} openvino_functions;

/* To save compiled models, and load them: NULL where the release does not have it. */
typedef struct openvino_optional {
#define OPENVINO_OPTIONAL(result, name, ...) result (*name)(__VA_ARGS__);
#include "provider/openvino/openvino_symbols.inc"
} openvino_optional;

typedef struct openvino_library {
  rung_dylib *dylib;
  openvino_functions call;
  openvino_optional may;
  char version[32]; /* "2026.4.1" */
  char build[64];   /* as OpenVINO tells it: "2026.4.1-22982-abcdef" */
  int type_shift;   /* added to the element types of 2025.1 and later */
} openvino_library;

/* UNAVAILABLE: cannot be loaded, lacks a function, is too old, or numbers its types in a way that is not known. */
rung_status *rung__openvino_load(const rung_allocator *allocator, const char *path,
                                 openvino_library *out_library) RUNG_MUST_CHECK;
void rung__openvino_unload(openvino_library *library);

/* NULL when `code` is 0; else PROVIDER (or CANCELLED) with what was done, and OpenVINO's own words in one line. */
rung_status *rung__openvino_check(const openvino_library *library, int code, const char *format, ...)
    RUNG_PRINTF(3, 4) RUNG_MUST_CHECK;

/* The number that this release gives an element type; -1 for types that are not exchanged with OpenVINO. */
int rung__openvino_type(const openvino_library *library, rung_dtype dtype);
/* The reverse; RUNG_UNDEFINED when unknown. */
rung_dtype rung__openvino_dtype(const openvino_library *library, int type);

/* 2026.4.1 of "2026.4.1-22982-abcdef"; false for other texts. Also reads the digits of a soname ("2641"). */
bool rung__openvino_parse_version(const char *text, int out_parts[3]);
/* How much higher element types are numbered than in 2025.1 and later. */
int rung__openvino_type_shift(const int parts[3]);

#endif
