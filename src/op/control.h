/* Parameters of control flow. */
#ifndef RUNG_OP_CONTROL_H
#define RUNG_OP_CONTROL_H

#include "op/op.h"

typedef struct rung_if_params {
  rung_graph *then_branch, *else_branch;
} rung_if_params;

/* SequenceMap, too */
typedef struct rung_loop_params {
  rung_graph *body;
} rung_loop_params;

typedef struct rung_scan_params {
  rung_graph *body;
  int64_t num_scan_inputs;
  rung_ints scan_input_axes, scan_input_directions, scan_output_axes, scan_output_directions;
  rung_ints directions; /* opset 8 */
} rung_scan_params;

extern const rung_op rung_op_If, rung_op_Loop, rung_op_Scan, rung_op_SequenceMap;

#endif
