/* Figures: what things cost on this machine, measured, as lines of text that a user keeps and hands back.
 *
 *     rung figures 1
 *     crossing host fake:0 12000 0.0851        nanoseconds, and nanoseconds per byte
 *     launch openvino 2500                     what an island costs beside its nodes
 *     island openvino 53c1d2ab00f98e11 812345  an island of exactly these nodes
 *     node cpu 9e107d9d372bb682 10211          one node (of a fused step: its main one, the others cost nothing)
 *
 * Numbers in hexadecimal name nodes: a hash of graph, name and operator. Of several lines for one thing the least
 * counts: what disturbs a measurement only makes it longer. */
#ifndef RUNG_SESSION_FIGURES_H
#define RUNG_SESSION_FIGURES_H

#include "session/instance.h"

typedef struct figure {
  enum { FIGURE_CROSSING, FIGURE_LAUNCH, FIGURE_ISLAND, FIGURE_NODE } kind;
  uint64_t what; /* a hash of the words that name it */
  double ns, per_byte;
} figure;

typedef struct rung_figures {
  const rung_allocator *allocator;
  RUNG_VEC(figure) list;             /* sorted by kind and name */
  RUNG_VEC(uint64_t) node_providers; /* hashes of providers that have figures of single nodes */
} rung_figures;

/* INVALID_ARGUMENT names the line. */
rung_status *rung__figures_read(const rung_allocator *allocator, const char *text, rung_figures *out) RUNG_MUST_CHECK;
void rung__figures_finish(rung_figures *figures);

/* What a plan costs per run, in nanoseconds; false when a figure is missing: then *out_missing says of what. Bodies
 * count as if they ran once; crossings whose bytes are open count their latency. */
bool rung__figures_predict(const rung_figures *figures, const rung_plan *plan, double *out_ns, char out_missing[128]);
/* The same for one island, without its crossings. */
bool rung__figures_island(const rung_figures *figures, const rung_plan *plan, size_t island, double *out_ns);

/* What the last profiled run of an instance tells, and the crossings of its memories, measured now. */
rung_status *rung__figures_write(rung_instance *instance, rung_text *text) RUNG_MUST_CHECK;

#endif
