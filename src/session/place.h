/* Shared by the files that decide who runs what: place.c, groups.c, and host.c, which takes the providers' answers. */
#ifndef RUNG_SESSION_PLACE_H
#define RUNG_SESSION_PLACE_H

#include "session/instance.h"

/* What a provider says about one node of the graph that it is asked about. */
typedef struct claim_answer {
  enum { CLAIM_UNANSWERED, CLAIM_ACCEPTED, CLAIM_REFUSED } what;
  uint32_t group;   /* 0: none */
  uint32_t refusal; /* 1 + index in session->refusals; 0: none of this round */
} claim_answer;

/* What host->accept and host->refuse write into. */
struct rung_claims {
  rung_instance *instance;
  uint32_t link;
  const rung_graph *graph; /* claim: that is asked about; compile: the island */
  claim_answer *answers;   /* claim: per node. NULL while compiling */
  uint32_t groups;         /* numbers given so far, in this graph */
  bool refused;            /* compile: at least one node of the island that was not refused before */
  bool failed;             /* out of memory */
};

/* Writes a refusal down; a second one for the same answer takes the place of the first. */
rung_status *rung__note_refusal(rung_instance *instance, claim_answer *answer, const rung_node *node, uint32_t link,
                                rung_reason reason, const char *words) RUNG_MUST_CHECK;

/* compile: the engine does not take the node; `words` stay the session's. */
void rung__refuse_compiled(rung_claims *claims, const rung_node *asked, rung_reason reason, const char *words);

/* Islands hold nodes of one owner. */
bool rung__same_owner(const node_place *a, const node_place *b);

/* Its engine refused the node when it was compiled, in this round or an earlier one: claims cannot take it back. */
static inline bool rung__was_refused(const rung_node *node, uint32_t link) { return node->refused_by >> link & 1; }

/* pin.c: what the user keeps to another provider counts as refused. */
rung_status *rung__refuse_pinned(rung_instance *instance, const program *p, uint32_t link,
                                 claim_answer *answers) RUNG_MUST_CHECK;

/* groups.c */
/* Gives back groups that cannot be taken whole, or could not run in one go. `groups`: the largest number. */
rung_status *rung__settle_groups(rung_instance *instance, const program *p, claim_answer *answers, uint32_t link,
                                 uint32_t groups) RUNG_MUST_CHECK;
/* A node's rank is the largest of what it reads, one more where the owner changes; a group has one rank. */
rung_status *rung__set_ranks(rung_instance *instance, program *p, uint32_t groups) RUNG_MUST_CHECK;

#endif
