/* Operators that put elements elsewhere: transposed, joined, cut, repeated. */
#ifndef RUNG_OP_MOVEMENT_H
#define RUNG_OP_MOVEMENT_H

#include "op/op.h"

typedef struct rung_transpose_params {
  rung_ints perm; /* empty: reversed */
} rung_transpose_params;

typedef struct rung_concat_params {
  int64_t axis;
} rung_concat_params;

typedef struct rung_split_params {
  int64_t axis;
  int64_t num_outputs; /* opset >= 18; 0: as many as the node names */
  rung_ints split;     /* opset < 13; later input 1 */
} rung_split_params;

typedef struct rung_slice_params {
  rung_ints starts, ends, axes; /* opset < 10; later inputs 1 to 3 */
} rung_slice_params;

/* Axis `axis` of a Slice runs over start, start + step, ...: `count` elements, all inside the dimension. */
typedef struct rung_slice_range {
  int64_t start, step, count;
} rung_slice_range;

/* Settles one range as ONNX says: negative bounds count from the end, then they are clamped. step is not 0.
 */
rung_slice_range rung_slice_settle(int64_t dim, int64_t start, int64_t end, int64_t step);

/* Tile, Expand and the ones below have no attributes. */

typedef struct rung_depth_space_params {
  int64_t blocksize;
  int mode;
} rung_depth_space_params;
enum { RUNG_DEPTH_DCR, RUNG_DEPTH_CRD };

typedef struct rung_reverse_sequence_params {
  int64_t batch_axis, time_axis;
} rung_reverse_sequence_params;

#endif
