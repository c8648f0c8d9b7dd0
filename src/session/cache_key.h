/* What an island's executable depends on, as fields of a cache entry:
 *
 *     rung, provider, provider.version    who makes it
 *     what the provider's identity tells  device, driver, library, options: each a field
 *     graph      a digest of nodes, attributes, names and ranks
 *     shapes     of its inputs, in words; and a digest of all types, where more is known inside
 *     weights    a digest of all constants
 *
 * Graph and shapes stand apart so that the difference between two entries can be told. */
#ifndef RUNG_SESSION_CACHE_KEY_H
#define RUNG_SESSION_CACHE_KEY_H

#include "session/entry.h"
#include "session/instance.h"
#include "session/store.h"

/* What host->depends writes into. */
struct rung_identity {
  entry_fields *fields;
};

/* Adds the key fields. The digest of weights that lie in files is remembered in the store, by file (device, inode,
 * size, time) and place; a file that was changed in the last two seconds may change again within one tick of its clock,
 * and is not remembered. `out_graph`: the value of the field. UNSUPPORTED: the provider keeps nothing. */
rung_status *rung__key_add(const rung_instance *instance, const program_step *step, const rung_store *store,
                           entry_fields *fields, char out_graph[RUNG_DIGEST_TEXT]) RUNG_MUST_CHECK;

/* The same of a graph alone, whoever compiles it: rung's version, graph, shapes, weights. */
rung_status *rung__key_add_graph(const rung_instance *instance, rung_graph *graph, const rung_store *store,
                                 entry_fields *fields, char out_graph[RUNG_DIGEST_TEXT]) RUNG_MUST_CHECK;

/* Slot of rung_host. */
void rung__depends(rung_identity *identity, const char *name, const char *value);

#endif
