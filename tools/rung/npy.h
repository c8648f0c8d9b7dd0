/* numpy's .npy: a header in the syntax of a Python dictionary, then the elements. */
#ifndef RUNG_TOOL_NPY_H
#define RUNG_TOOL_NPY_H

#include "disk.h"
#include "rung.h"

/* The file of a tensor; *out is freed by free_bytes. A type that .npy lacks is refused with a hint. */
int npy_write(const rung_tensor *tensor, bytes *out);

#endif
