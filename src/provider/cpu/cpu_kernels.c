/* The kernel table: one line per operator of ops.inc that the CPU runs. */
#include "provider/cpu/cpu.h"

#define RUNG_OP(symbol)                  \
  extern const rung_op rung_op_##symbol; \
  extern const rung_kernel rung_cpu_##symbol;
#define RUNG_OP_DRIVEN(symbol)
#define RUNG_OP_EXPANDED(symbol)
#define RUNG_OP_ALIAS(symbol, where, text, of, as)
#include "op/ops.inc"
#undef RUNG_OP

static const struct {
  const rung_op *op;
  const rung_kernel *kernel;
} kernels[] = {
#define RUNG_OP(symbol) {&rung_op_##symbol, &rung_cpu_##symbol},
#include "op/ops.inc"
#undef RUNG_OP
#undef RUNG_OP_DRIVEN
#undef RUNG_OP_EXPANDED
#undef RUNG_OP_ALIAS
};

const rung_kernel *rung_cpu_kernel(const rung_op *op) {
  for (size_t i = 0; i < RUNG_COUNT(kernels); i++)
    if (kernels[i].op == op) return kernels[i].kernel;
  return NULL;
}
