/* The contract: what a user demands of a plan, as a list of terms that must all hold.
 *
 *     strict             every node runs on the first provider of the chain
 *     only=cuda          every node runs on this provider (only=cuda+tensorrt: on one of these)
 *     no-demotion        nothing steps down: no listed provider is skipped, '?' or not, and no run goes on with another
 *     coverage>=95%      share of the nodes that the first provider runs; coverage(cuda+tensorrt)>=95%: that these run
 *     flops>=95%         the same, as share of the floating-point operations that are known
 *     islands<=3         islands of providers, bodies included
 *     crossings<=4       tensors copied between memories, per run
 *     bytes<=10MB        what they hold together, per run
 *
 * Separated by commas. What the host does itself (control flow, arithmetic on shapes, constants) counts nowhere. */
#ifndef RUNG_SESSION_CONTRACT_H
#define RUNG_SESSION_CONTRACT_H

#include "session/chain.h"

typedef enum rung_measure {
  RUNG_MEASURE_STRICT,
  RUNG_MEASURE_ONLY,
  RUNG_MEASURE_NO_DEMOTION,
  RUNG_MEASURE_COVERAGE,
  RUNG_MEASURE_FLOPS,
  RUNG_MEASURE_ISLANDS,
  RUNG_MEASURE_CROSSINGS,
  RUNG_MEASURE_BYTES,
} rung_measure;

typedef struct contract_term {
  rung_measure measure;
  const char *text; /* as the user wrote it */
  uint32_t links;   /* bit i: link i of the chain counts */
  double limit;     /* percent, a number, or bytes */
} contract_term;

typedef struct rung_contract {
  RUNG_VEC(contract_term) terms;
  bool bounds_runs;                    /* crossings and bytes have a limit: runs count them */
  uint64_t most_crossings, most_bytes; /* UINT64_MAX: no limit */
} rung_contract;

/* `chain` is parsed; texts are copied into its arena. INVALID_ARGUMENT names the term and the nearest right one. */
rung_status *rung_contract_parse(rung_contract *contract, rung_chain *chain, const char *text) RUNG_MUST_CHECK;
void rung_contract_finish(rung_contract *contract, const rung_allocator *allocator);
bool rung_contract_forbids_demotion(const rung_contract *contract);
/* Drops the terms that ask for a share of the nodes or operations (coverage, flops). False when there are none. */
bool rung_contract_relax(rung_contract *contract);

/* Measures a plan; one entry per term, in `arena`. */
rung_status *rung_contract_measure(const rung_contract *contract, const rung_chain *chain, rung_arena *arena,
                                   rung_plan *plan) RUNG_MUST_CHECK;
/* CONTRACT, saying for every broken term by how much and by which nodes. */
rung_status *rung_contract_check(const rung_contract *contract, const rung_chain *chain, const rung_plan *plan,
                                 const rung_allocator *allocator) RUNG_MUST_CHECK;

#endif
