/* The form of kernels that are another operator's kernel between conversions: quantised operands as floats or in
 * another scale, operands with channels last as such with channels first. The inner kernel sees stand-ins in scratch;
 * its params are the outer ones (or what they begin with). */
#ifndef RUNG_CPU_FORM_STAND_IN_H
#define RUNG_CPU_FORM_STAND_IN_H

#include "provider/opwise/kernel.h"

enum { RUNG_STAND_INPUTS = 9 };

typedef enum rung_stand_kind {
  RUNG_STAND_AS_IS,
  RUNG_STAND_FLOAT, /* float32; the real one is U8 or I8 */
  RUNG_STAND_CODE,  /* (inputs) codes of the output's quantisation */
} rung_stand_kind;

typedef struct rung_stand_place {
  rung_stand_kind kind;
  uint32_t operand;     /* the real input that it stands for */
  uint32_t scale, zero; /* inputs; where the kind needs them, else 0 */
  bool turned;          /* the real one has its channels last */
} rung_stand_place;

typedef struct rung_stand_in {
  const rung_kernel *kernel;
  uint32_t input_count; /* of the inner kernel */
  rung_stand_place inputs[RUNG_STAND_INPUTS];
  rung_stand_place output; /* number 0 */
} rung_stand_in;

rung_status *rung_stand_in_pack(rung_kernel_call *call, const rung_stand_in *how, void **out_packed) RUNG_MUST_CHECK;
rung_status *rung_stand_in_prepare(rung_kernel_call *call, const rung_stand_in *how) RUNG_MUST_CHECK;
rung_status *rung_stand_in_run(rung_kernel_call *call, const rung_stand_in *how) RUNG_MUST_CHECK;

/* A kernel of this form. `size` is that of the inner kernel's state. Behind it: the element types. */
#define RUNG_STAND_IN_KERNEL(symbol, how, size, ...)                                                        \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return rung_stand_in_prepare(call, how); } \
  static rung_status *run_##symbol(rung_kernel_call *call) { return rung_stand_in_run(call, how); }         \
  const rung_kernel rung_cpu_##symbol = {                                                                   \
      .types = {__VA_ARGS__}, .state_size = size, .prepare = prepare_##symbol, .run = run_##symbol};

#endif
