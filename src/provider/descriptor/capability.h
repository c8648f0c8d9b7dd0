/* Tables of what providers take, for plans that are made without them (docs/offline.md). A provider's folder holds its
 * table, <name>_ops.inc; one function here reads all of them and says why a node is refused.
 *
 * A row holds for the versions [first, last] of an operator; an operator may have several rows. `types` are the element
 * types of the signature's first type variable (op.h: "T"), `others` those of its other variables; what the signature
 * fixes (indices, conditions, shapes) is not asked about. `limits` are words separated by spaces:
 *
 *     rank:4 rank:3-5        dimensions of input 0
 *     const:1,2              these inputs must be constant, where they are given
 *     const32:1              input 1 must be constant, unless it is int32
 *     zero:2                 input 2 must be constant and all zeros, where it is given
 *     given:2  left:3        input 2 must be given; input 3 must be left out
 *     outputs:1              only the first output may be read
 *     static:0               every dimension of input 0 must be known
 *     inner:0                every dimension of input 0 but the first (the batch) must be known
 *     after:Conv|MaxPool     input 0 must come from one of these operators, and that node must be taken, too
 *     mode=constant|edge     an attribute (text or number) is one of these, or is not set
 *     mode==linear           an attribute is set, and is one of these
 *     last:axis              a number is that of the last dimension of input 0, or is not set
 *     ones:dilations         every number of a list is 1
 *     unset:output_shape     the attribute must not be set
 *     mode=CRD?static:0      a limit that holds where a text attribute is set so
 *
 * A row of RUNG_QDQ_CAPABILITY is about an operator between DequantizeLinear and QuantizeLinear, which are taken with
 * it, as one: all that the first type variable names is quantized to one of `types`, the same for all, with one scale
 * that is constant; input 1 may have a scale per row where it is int8, and input 2 is int32. Limits of inputs are about
 * what is behind DequantizeLinear. Two more words:
 *
 *     scale:same             the output is quantized as the input is
 *     scale:256              the output's scale is 1/256, its zero point 0 */
#ifndef RUNG_PROVIDER_DESCRIPTOR_CAPABILITY_H
#define RUNG_PROVIDER_DESCRIPTOR_CAPABILITY_H

#include "base/dtype.h"
#include "rung_provider.h"

typedef struct rung_capability {
  const char *domain, *op_type;
  int32_t first, last;
  rung_dtypes types, others;
  const char *limits;
} rung_capability;

typedef struct rung_capabilities {
  const rung_capability *rows;
  size_t count;
  int32_t oldest, newest; /* opsets of ai.onnx that are read at all; 0: as the rows say */
  int32_t most_rank;      /* of any tensor; 0: any */
  bool is_static;         /* every dimension of every tensor must be known */
} rung_capabilities;

/* Claims what the table takes. */
rung_status *rung_capabilities_claim(const rung_capabilities *table, const rung_host *host, const rung_graph *graph,
                                     rung_claims *claims) RUNG_MUST_CHECK;
/* The value of an option as it was given, or `fallback`. */
const char *rung_option_given(const rung_option *options, size_t count, const char *key, const char *fallback);

/* A row of an <name>_ops.inc, where RUNG_CAPABILITY is defined as this. */
#define RUNG_CAPABILITY_ROW(op_type, first, last, types, others, limits) \
  {"", #op_type, first, last, types, others, limits},

/* The same for an operator of com.microsoft. */
#define RUNG_MS_CAPABILITY(op_type, types, others, limits) \
  {"com.microsoft", #op_type, 1, RUNG_NO_LAST_OPSET, types, others, limits},

/* An operator that is taken together with the DequantizeLinear before it and the QuantizeLinear behind it. */
#define RUNG_QDQ_CAPABILITY(op_type, first, last, types, limits) {RUNG_QDQ, #op_type, first, last, types, 0, limits},
#define RUNG_QDQ "qdq"

enum { RUNG_NO_LAST_OPSET = 9999 }; /* newer versions of the operator are taken, too */

/* Sets of element types that rows share. */
enum {
  RUNG_CAP_F32 = RUNG_SET(RUNG_F32),
  RUNG_CAP_F16 = RUNG_SET(RUNG_F16),
  RUNG_CAP_BF16 = RUNG_SET(RUNG_BF16),
  RUNG_CAP_F64 = RUNG_SET(RUNG_F64),
  RUNG_CAP_BOOL = RUNG_SET(RUNG_BOOL),
  RUNG_CAP_I32 = RUNG_SET(RUNG_I32),
  RUNG_CAP_I64 = RUNG_SET(RUNG_I64),
  RUNG_CAP_INDEX = RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64),
  RUNG_CAP_BYTES = RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8),
};

#endif
