/* Providers that rung knows and does not hold yet: a table each, in a folder of its own, from which one function tells
 * how far a machine is from running them. So `-p cuda` fails with cause and fix, and a user's options are checked under
 * the names that ONNX Runtime gives them. Nothing of the vendor's is loaded. */
#ifndef RUNG_PROVIDER_DESCRIPTOR_H
#define RUNG_PROVIDER_DESCRIPTOR_H

#include "provider/descriptor/capability.h"
#include "rung_provider.h"

typedef struct rung_vendor_library {
  const char *soname;
  const char *driver; /* the oldest driver that runs it, such as "525.60"; NULL: unknown */
} rung_vendor_library;

typedef struct rung_descriptor {
  const char *name;
  const char *systems; /* of rung_look_system: "linux windows" */
  const char *needs;   /* the systems in words: "macOS 10.15 or later" */

  /* FOUND and LINKS: one of these, best first, ended by a NULL soname. NULL: part of the system. */
  const rung_vendor_library *libraries;
  const char *folders; /* NULL, or where packages keep them below the user's folders: "nvidia/cu13/lib:tensorrt_libs" */
  const char *library_fix;

  /* DRIVER: a library of the system, or a file that the driver makes; NULL: none needed. */
  const char *driver_library, *driver_file;
  const char *driver_version; /* NULL, or a file whose first line tells it */
  const char *driver_fix;

  /* DEVICE: files that must be there and ours to open, as for rung_look_device; ended by a NULL. */
  const char *devices[4];
  uint32_t pci_vendor; /* 0: not on that bus */
  const char *device_fix;
} rung_descriptor;

/* Says how every step goes that can be looked at. */
rung_status *rung_descriptor_probe(const rung_descriptor *descriptor, const rung_host *host, rung_report *report);
/* For tests: device files and versions are looked up below `root`, on this system. */
rung_status *rung__descriptor_look(const rung_descriptor *descriptor, const rung_host *host, rung_report *report,
                                   const char *root, const char *system);

/* The provider that a descriptor makes. `option_list` and `descriptor` stand in the same file; for the doctor,
 * rung_descriptor_<name> leads to the latter. */
#define RUNG_DESCRIBED_PROVIDER(symbol, ort, words) RUNG_TABLED_PROVIDER(symbol, ort, words, NULL, NULL)

/* The same with a rung_offline, and the legalising passes that it wants. */
#define RUNG_TABLED_PROVIDER(symbol, ort, words, table, wanted)                                                   \
  static rung_status *probe(const rung_host *host, const rung_option *given, size_t count, rung_report *report) { \
    (void)given, (void)count;                                                                                     \
    return rung_descriptor_probe(&descriptor, host, report);                                                      \
  }                                                                                                               \
  extern const rung_descriptor *const rung_descriptor_##symbol;                                                   \
  const rung_descriptor *const rung_descriptor_##symbol = &descriptor;                                            \
  extern const rung_provider_api rung_provider_##symbol;                                                          \
  const rung_provider_api rung_provider_##symbol = {                                                              \
      .struct_size = sizeof(rung_provider_api),                                                                   \
      .abi = RUNG_PROVIDER_ABI,                                                                                   \
      .name = #symbol,                                                                                            \
      .ort_name = ort,                                                                                            \
      .summary = words,                                                                                           \
      .version = "0",                                                                                             \
      .options = option_list,                                                                                     \
      .probe = probe,                                                                                             \
      .offline = table,                                                                                           \
      .wants = wanted,                                                                                            \
  }

/* A table may be another provider's, too. */
#define RUNG_OFFLINE_OF(symbol) extern const rung_offline rung_offline_##symbol

/* rung_offline_<symbol> claims by the array `rows` whatever the options: where the list was read, the kind of memory
 * (NULL: the host's), and members of rung_capabilities besides: ".most_rank = 5" (0: any). */
#define RUNG_OFFLINE_BY_ROWS(symbol, text, kind, ...)                                                       \
  static rung_status *claim_by_rows(const rung_host *host, const rung_option *options, size_t option_count, \
                                    const rung_graph *graph, rung_claims *claims) {                         \
    static const rung_capabilities table = {.rows = rows, .count = RUNG_COUNT(rows), __VA_ARGS__};          \
    (void)options, (void)option_count;                                                                      \
    return rung_capabilities_claim(&table, host, graph, claims);                                            \
  }                                                                                                         \
  RUNG_OFFLINE_OF(symbol);                                                                                  \
  const rung_offline rung_offline_##symbol = {                                                              \
      .struct_size = sizeof(rung_offline), .source = text, .memory = kind, .claim = claim_by_rows}

/* Lines of an option list. A fallback of NULL says that the vendor's library decides. */
#define RUNG_OPTION_IS_FLAG(key, fallback, help) {key, RUNG_OPTION_BOOL, NULL, 0, 0, fallback, help, 0}
#define RUNG_OPTION_IS_NUMBER(key, most, fallback, help) {key, RUNG_OPTION_INT, NULL, 0, most, fallback, help, 0}
#define RUNG_OPTION_IS_CHOICE(key, choices, fallback, help) {key, RUNG_OPTION_CHOICE, choices, 0, 0, fallback, help, 0}
#define RUNG_OPTION_IS_TEXT(key, help) {key, RUNG_OPTION_STRING, NULL, 0, 0, NULL, help, 0}
#define RUNG_OPTION_IS_PATH(key, help) {key, RUNG_OPTION_PATH, NULL, 0, 0, NULL, help, 0}
#define RUNG_OPTION_IS_DEVICE(help) {"device_id", RUNG_OPTION_INT, NULL, 0, 255, "0", help, 1}

#endif
