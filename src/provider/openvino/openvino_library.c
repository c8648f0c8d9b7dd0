#include "provider/openvino/openvino_library.h"

#include "base/dtype.h"
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Versions */

bool rung__openvino_parse_version(const char *text, int out_parts[3]) {
  char *end;
  long first = strtol(text, &end, 10);
  if (end - text == 4 && !*end) { /* a soname: 2641 */
    out_parts[0] = 2000 + (int)(first / 100);
    out_parts[1] = (int)(first / 10 % 10);
    out_parts[2] = (int)(first % 10);
    return true;
  }
  if (end - text != 4 || *end != '.' || !isdigit((unsigned char)end[1])) return false;
  out_parts[0] = (int)first;
  out_parts[1] = (int)strtol(end + 1, &end, 10);
  out_parts[2] = *end == '.' ? (int)strtol(end + 1, NULL, 10) : 0;
  return true;
}

/* In 2025.1 the enumeration of element types lost its first member, and each of the others came down by one. */
int rung__openvino_type_shift(const int parts[3]) { return parts[0] < 2025 || (parts[0] == 2025 && parts[1] < 1); }

static bool is_too_old(const int parts[3]) { return parts[0] < 2024 || (parts[0] == 2024 && parts[1] < 3); }

/* Element types, as 2025.1 and later number them. */
static const int types[] = {
    [RUNG_BOOL] = 1, [RUNG_F16] = 3,  [RUNG_F32] = 4, [RUNG_I8] = 7,   [RUNG_I16] = 8,
    [RUNG_I32] = 9,  [RUNG_I64] = 10, [RUNG_U8] = 16, [RUNG_U16] = 17, [RUNG_U32] = 18,
};

int rung__openvino_type(const openvino_library *library, rung_dtype dtype) {
  return (size_t)dtype < RUNG_COUNT(types) && types[dtype] ? types[dtype] + library->type_shift : -1;
}

rung_dtype rung__openvino_dtype(const openvino_library *library, int type) {
  for (size_t i = 0; i < RUNG_COUNT(types); i++)
    if (types[i] && types[i] + library->type_shift == type) return (rung_dtype)i;
  return RUNG_UNDEFINED;
}

/* Errors */

/* OpenVINO's messages are several lines with the places in its source that they came through. What they say stands in
 * the others: those are put into one line, and only the last of a long text. */
static void condense(const char *text, char *out, size_t size) {
  enum { MOST = 1500 };
  static const char *const noise[] = {"Exception from", "Check '", "FrontEnd API failed", "Summary:", "Model wasn't"};
  size_t length = strlen(text), at = 0;
  if (length > MOST) text += length - MOST;
  while (*text) {
    size_t line = strcspn(text, "\n");
    bool skip = strspn(text, " \t-") >= line;
    for (size_t i = 0; i < RUNG_COUNT(noise); i++) skip |= strncmp(text, noise[i], strlen(noise[i])) == 0;
    if (!skip && at < size) at += (size_t)snprintf(out + at, size - at, "%s%.*s", at ? "; " : "", (int)line, text);
    text += line + (text[line] == '\n');
  }
}

rung_status *rung__openvino_check(const openvino_library *library, int code, const char *format, ...) {
  if (code == 0) return NULL;
  char doing[256], words[600] = "";
  va_list args;
  va_start(args, format);
  vsnprintf(doing, sizeof doing, format, args);
  va_end(args);
  const char *text = library->call.get_last_err_msg();
  if (text) condense(text, words, sizeof words);
  if (text && !words[0]) snprintf(words, sizeof words, "%.500s", text);
  if (text) library->call.free(text);
  if (!words[0]) snprintf(words, sizeof words, "%s", library->call.get_error_info(code));
  return rung_status_make(code == OPENVINO_CANCELLED ? RUNG_CANCELLED : RUNG_PROVIDER, __FILE__, __LINE__, "%s: %s",
                          doing, words);
}

/* Loading */

static const char *const symbols[] = {
#define OPENVINO_SYMBOL(result, name, ...) "ov_" #name,
#include "provider/openvino/openvino_symbols.inc"
};

static const char *const optional_symbols[] = {
#define OPENVINO_OPTIONAL(result, name, ...) "ov_" #name,
#include "provider/openvino/openvino_symbols.inc"
};

_Static_assert(sizeof(openvino_optional) == sizeof optional_symbols / sizeof *optional_symbols * sizeof(rung_dylib_fn),
               "the struct holds what the loader binds");

_Static_assert(sizeof(openvino_functions) == sizeof symbols / sizeof *symbols * sizeof(rung_dylib_fn),
               "the struct holds what the loader binds");

static rung_status *read_version(openvino_library *library) {
  ov_version version = {0};
  int parts[3];
  RUNG_TRY(rung__openvino_check(library, library->call.get_openvino_version(&version), "asking for the version"));
  bool known = version.build && rung__openvino_parse_version(version.build, parts);
  char *build = library->build;
  snprintf(build, sizeof library->build, "%s", version.build ? version.build : "");
  library->call.version_free(&version);
  RUNG_REQUIRE(known, UNAVAILABLE, "OpenVINO calls its version \"%s\", which is not understood", build);
  snprintf(library->version, sizeof library->version, "%d.%d.%d", parts[0], parts[1], parts[2]);
  RUNG_REQUIRE(!is_too_old(parts), UNAVAILABLE, "OpenVINO %s is too old, 2024.3 or later is needed", library->version);
  library->type_shift = rung__openvino_type_shift(parts);
  return NULL;
}

/* A release that numbers its types anew would compute nonsense: the sizes give it away. */
static rung_status *check_types(const openvino_library *library) {
  static const rung_dtype probes[] = {RUNG_F16, RUNG_F32, RUNG_I8, RUNG_I64};
  for (size_t i = 0; i < RUNG_COUNT(probes); i++) {
    int64_t dims[] = {1};
    size_t size = 0;
    ov_tensor *tensor;
    int type = rung__openvino_type(library, probes[i]);
    RUNG_TRY(rung__openvino_check(library, library->call.tensor_create(type, (ov_shape){1, dims}, &tensor),
                                  "making a tensor of type %d", type));
    int code = library->call.tensor_get_byte_size(tensor, &size);
    library->call.tensor_free(tensor);
    RUNG_TRY(rung__openvino_check(library, code, "measuring a tensor"));
    RUNG_REQUIRE(size == rung_dtype_size(probes[i]), UNAVAILABLE,
                 "OpenVINO %s numbers element types in a way that is not known", library->version);
  }
  return NULL;
}

rung_status *rung__openvino_load(const rung_allocator *allocator, const char *path, openvino_library *out_library) {
  *out_library = (openvino_library){0};
  RUNG_TRY(rung_dylib_open(allocator, path, &out_library->dylib));
  rung_status *status = rung_dylib_bind(out_library->dylib, symbols, RUNG_COUNT(symbols), &out_library->call);
  for (size_t i = 0; !status && i < RUNG_COUNT(optional_symbols); i++)
    rung_status_free(
        rung_dylib_bind(out_library->dylib, &optional_symbols[i], 1, (rung_dylib_fn *)&out_library->may + i));
  if (!status) status = read_version(out_library);
  if (!status) status = check_types(out_library);
  if (status) rung__openvino_unload(out_library);
  return status;
}

void rung__openvino_unload(openvino_library *library) { rung_dylib_close(&library->dylib); }
