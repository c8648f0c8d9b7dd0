/* Control flow. graph_infer.c finds the types, the session runs the bodies; here stand only the signatures. Values are
 * of any type, and each of its own: V binds nothing. */
#include "op/control.h"

static const rung_attr if_attrs[] = {
    RUNG_ATTR_GRAPH(rung_if_params, then_branch), RUNG_ATTR_GRAPH(rung_if_params, else_branch), {0}};

const rung_op rung_op_If = {.name = "If",
                            .domain = "",
                            .since = 1,
                            .flags = RUNG_OP_CONTROL,
                            .signature = "cond:bool -> outputs:V...",
                            .params_size = sizeof(rung_if_params),
                            .attributes = if_attrs};

static const rung_attr loop_attrs[] = {RUNG_ATTR_GRAPH(rung_loop_params, body), {0}};

const rung_op rung_op_Loop = {.name = "Loop",
                              .domain = "",
                              .since = 1,
                              .flags = RUNG_OP_CONTROL,
                              .signature = "M:int64? cond:bool? v_initial:V... -> v_final_and_scan_outputs:V...",
                              .params_size = sizeof(rung_loop_params),
                              .attributes = loop_attrs};

const rung_op rung_op_SequenceMap = {.name = "SequenceMap",
                                     .domain = "",
                                     .since = 17,
                                     .flags = RUNG_OP_CONTROL,
                                     .signature = "input_sequence:S additional_inputs:V... -> out_sequence:S...",
                                     .params_size = sizeof(rung_loop_params),
                                     .attributes = loop_attrs};

static const rung_attr scan_attrs[] = {
    RUNG_ATTR_GRAPH(rung_scan_params, body),
    {"num_scan_inputs", RUNG_ATTR_KIND_INT, offsetof(rung_scan_params, num_scan_inputs), .required = true},
    RUNG_ATTR_INTS(rung_scan_params, scan_input_axes),
    RUNG_ATTR_INTS(rung_scan_params, scan_input_directions),
    RUNG_ATTR_INTS(rung_scan_params, scan_output_axes),
    RUNG_ATTR_INTS(rung_scan_params, scan_output_directions),
    RUNG_ATTR_INTS_UNTIL(rung_scan_params, directions, 8),
    {0}};

/* In opset 8, input 0 is the optional sequence_lens. */
const rung_op rung_op_Scan = {
    .name = "Scan",
    .domain = "",
    .since = 8,
    .flags = RUNG_OP_CONTROL,
    .signature = "first:U? initial_state_and_scan_inputs:V... -> final_state_and_scan_outputs:V...",
    .params_size = sizeof(rung_scan_params),
    .attributes = scan_attrs};
