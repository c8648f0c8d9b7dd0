/* A graph in the language of Graphviz. */
#ifndef RUNG_TOOL_DOT_H
#define RUNG_TOOL_DOT_H

#include "rung.h"

/* Prints the session's graph, bodies as boxes within it. */
void print_dot(const rung_session *session);

#endif
