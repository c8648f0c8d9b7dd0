/* The chain: the ordered list of providers that the user asks for.
 *
 *     cuda?,cpu                                '?' marks one that may be missing
 *     CUDAExecutionProvider,cpu                ONNX Runtime's names work, too
 *     openvino:device_type=GPU,precision=FP16,cpu   options after a colon; an item with '=' belongs to the provider
 *                                              before it; "..." quotes a value, \" and \\ inside */
#ifndef RUNG_SESSION_CHAIN_H
#define RUNG_SESSION_CHAIN_H

#include "provider/registry.h"
#include "rung.h"

enum { RUNG_MOST_LINKS = 31 }; /* a node keeps one bit for each, and one for the host's own */

typedef struct rung_link {
  const rung_provider_api *api;
  bool optional;
  RUNG_VEC(rung_option) options;
  /* Filled when the session is made: */
  const char *why, *fix; /* why it is not used; NULL when it is */
  const rung_host *host; /* what it sees of us: the session's, with the threads that its options leave it */
  void *provider;        /* what open returned */
  bool offline;          /* there is none: it claims by its table, and the session only plans */
  rung_memory *memory;   /* where its tensors live; NULL: host */
  uint32_t offered;      /* how many nodes it was asked about */
  uint32_t placed;       /* how many it runs */
} rung_link;

/* Does it claim nodes? Else it is skipped. */
static inline bool rung_link_claims(const rung_link *link) { return link->provider || link->offline; }

typedef struct rung_chain {
  const rung_allocator *allocator;
  rung_arena arena; /* keys and values */
  RUNG_VEC(rung_link) links;
} rung_chain;

/* Parses, finds the providers, adds `extra` options (to every entry of their provider), checks all options. A provider
 * twice is an error, unless for different devices. */
rung_status *rung_chain_parse(rung_chain *chain, const rung_registry *registry, const char *text,
                              const rung_provider_option *extra, size_t extra_count) RUNG_MUST_CHECK;
void rung_chain_init(rung_chain *chain, const rung_allocator *allocator);
void rung_chain_finish(rung_chain *chain);

#endif
