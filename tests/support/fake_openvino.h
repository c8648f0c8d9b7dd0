/* A double of libopenvino_c (lib/fake_openvino.c): it tells any version, numbers its types to match or not, refuses
 * what a test names, hangs, and returns wrong shapes. It computes nothing: outputs are sevens. */
#ifndef RUNG_TESTS_FAKE_OPENVINO_H
#define RUNG_TESTS_FAKE_OPENVINO_H

#include <stdatomic.h>
#include <stdint.h>

#define FAKE_OPENVINO TEST_LIBRARIES "/libfake_openvino.so"

/* Exported as fake_openvino_state; zeros are a well-behaved 2026.4. */
typedef struct fake_openvino {
  const char *version;      /* NULL: "2026.4.1-1-fake" */
  int type_shift;           /* of its element types, above those of 2025.1 */
  const char *unreadable;   /* models that hold this text cannot be read */
  const char *uncompilable; /* or not be compiled */
  int cannot_load;          /* 1: what it exported is refused */
  const char *message;      /* what it says then; NULL: three lines with a place in its source */
  int hangs;                /* 1: a run ends only when it is cancelled */
  int32_t rank;             /* of what comes back where no memory was given */
  int64_t dims[4];
  atomic_long reads, compiles, runs, cancels, exports, imports; /* so far */
  atomic_long alive; /* objects and texts that were handed out and not freed */
} fake_openvino;

#endif
