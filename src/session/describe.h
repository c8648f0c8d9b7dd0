/* What environment and session say of themselves. */
#ifndef RUNG_SESSION_DESCRIBE_H
#define RUNG_SESSION_DESCRIBE_H

#include "session/instance.h"

rung_status *rung__plan_json(const rung_instance *instance, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__graph_json(const rung_instance *instance, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__providers_json(rung_env *env, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__ops_json(rung_env *env, rung_text *text) RUNG_MUST_CHECK;

/* What a provider says of an operator, by its own claim table; 0: it does not know it. */
int rung__op_support(const rung_provider_api *api, const rung_op *op, char *types, size_t size);

/* probe.c: looks at a provider; kept in the environment until it is looked at again. */
rung_status *rung__env_probe(rung_env *env, size_t index, const rung_provider_info **out_info) RUNG_MUST_CHECK;

/* The name that the model gives a symbolic dimension, or NULL. */
const char *rung__dimension_name(const rung_instance *instance, int64_t dim);
/* Floating-point operations of one run of a node, as far as shapes tell; 0 for what moves data. */
double rung__node_flops(const rung_node *node);
/* Shapes are not known: it says too little. */
bool rung__node_flops_open(const rung_node *node);

#endif
