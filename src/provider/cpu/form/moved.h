/* The form of kernels that move elements without looking at what they are.
 *
 * The kernel sees only elements of whole bytes: strings as rung_str, and those narrower than a byte with a
 * byte each (of type uint8). For such types the operands are stand-ins, made before and turned back after;
 * for all others the call goes straight through. */
#ifndef RUNG_CPU_FORM_MOVED_H
#define RUNG_CPU_FORM_MOVED_H

#include "provider/opwise/kernel.h"

typedef rung_status *(*rung_moved_fn)(rung_kernel_call *call);

/* fn(call), where rung_in, rung_out and rung_kernel_output give whole-byte operands: rung_out is there for
 * every wanted output whose shape inference tells, strings too. Scratch and state are the call's own. */
rung_status *rung_moved(rung_kernel_call *call, rung_moved_fn fn) RUNG_MUST_CHECK;

#define RUNG_MOVED_KERNEL(symbol, run_fn)                                                       \
  static rung_status *run_##symbol(rung_kernel_call *call) { return rung_moved(call, run_fn); } \
  const rung_kernel rung_cpu_##symbol = {.run = run_##symbol};

/* Elements narrower than a byte, the first in the low bits, from and to a byte each. */
void rung_unpack(rung_dtype dtype, const void *packed, size_t count, uint8_t *bytes);
void rung_pack(rung_dtype dtype, const uint8_t *bytes, size_t count, void *packed);

#endif
