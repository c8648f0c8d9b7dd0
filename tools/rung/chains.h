/* Chains as text: "cuda?,openvino:device_type=GPU,precision=FP16,cpu" is three providers, options and all. */
#ifndef RUNG_TOOL_CHAINS_H
#define RUNG_TOOL_CHAINS_H

#include "text.h"

/* The part of each provider: "cuda?", "openvino:device_type=GPU,precision=FP16", "cpu". To be freed by
 * free_chain_parts. */
void chain_parts(const char *chain, text_list *out);

#endif
