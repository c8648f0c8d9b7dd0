/* Libraries loaded where they can do no harm: in a child process, for a limited time. */
#ifndef RUNG_DOCTOR_CHILD_H
#define RUNG_DOCTOR_CHILD_H

#include "doctor/doctor.h"

typedef enum child_kind { CHILD_LOADED, CHILD_REFUSED, CHILD_CRASHED, CHILD_HUNG } child_kind;

typedef struct child_result {
  child_kind kind;
  const char *words;   /* the loader's, or "SIGSEGV", "after 20 s" */
  const char *library; /* the one that it happened with; "" */
} child_result;

/* Loads the libraries (paths or sonames, NULL-terminated), each visible to the next, and calls nothing but cuInit of
 * NVIDIA's driver, whose failure counts as a refusal. False: no child could be started, and nothing is known. */
bool rung__doctor_load(doctor *d, const char *const *libraries, child_result *out);

#endif
