/* The fake accelerator: a provider for tests, in a library of its own (lib/fake.c). It keeps tensors in a memory that
 * the host cannot read, works in a thread of its own, and fails on command. Its options are the commands. */
#ifndef RUNG_TESTS_FAKE_H
#define RUNG_TESTS_FAKE_H

#include <stdatomic.h>

#define FAKE_LIBRARY TEST_LIBRARIES "/libfake.so"

/* What all fakes of the process have done so far. Exported as fake_counts. */
typedef struct fake_count {
  atomic_long opened, closed, claims, compiles, runs;
  atomic_long copies_in, copies_out, bytes_in, bytes_out;
  atomic_long blocks;       /* of device memory, alive */
  atomic_long executables;  /* alive */
  atomic_long fences;       /* alive */
  atomic_long most_at_once; /* runs of one executable */
  atomic_long saves, loads; /* that worked */
  atomic_long compiling;    /* under way */
} fake_count;

#endif
