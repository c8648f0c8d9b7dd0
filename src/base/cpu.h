/* The processor: which instructions it has, how large its caches are, its floating-point state. */
#ifndef RUNG_BASE_CPU_H
#define RUNG_BASE_CPU_H

#include "base/status.h"

#include <stdbool.h>

/* A set of features, RUNG_CPU_<NAME>. Sets from this module are closed: a feature is there only with those that it
 * builds on, so a kernel needs to ask for the last one only. */
typedef uint32_t rung_cpu_set;

enum rung_cpu_feature {
#define RUNG_CPU_FEATURE(name, bit, text, needs) RUNG_CPU_##name = 1 << bit,
#include "base/cpu_features.inc"
#undef RUNG_CPU_FEATURE
  RUNG_CPU_ALL = 0
#define RUNG_CPU_FEATURE(name, bit, text, needs) | RUNG_CPU_##name
#include "base/cpu_features.inc"
#undef RUNG_CPU_FEATURE
};

/* What processor and operating system both support; found once per process. AMX is listed when it can be had, and
 * must be asked for (rung_cpu_request_amx) before the first tile instruction. */
rung_cpu_set rung_cpu_features(void);

/* Asks the system for the tile registers, for the whole process; false when there is no AMX or it is refused. */
bool rung_cpu_request_amx(void);

/* Reads a mask that takes features away: names separated by commas. "avx2" allows AVX2 and what it builds on,
 * "-amx" takes AMX away with all that builds on it, "all" and "none" are sets too; a text that is empty or begins
 * with "-" starts from all. Names of other architectures are allowed and change nothing. An unknown name is
 * INVALID_ARGUMENT. Use: rung_cpu_features() & mask. */
rung_status *rung_cpu_mask_parse(rung_str text, rung_cpu_set *out_mask) RUNG_MUST_CHECK;

/* The text of one feature. */
const char *rung_cpu_feature_name(enum rung_cpu_feature feature);

/* Data or unified caches as one core sees them, in bytes; plausible sizes where the processor does not tell. */
typedef struct rung_cpu_caches {
  size_t l1d;
  size_t l2;
  size_t l3; /* shared by several cores; 0: there is none */
} rung_cpu_caches;

rung_cpu_caches rung_cpu_cache_sizes(void);

/* How the calling thread rounds, and whether it flushes subnormals; without the exceptions that are pending. */
typedef uint64_t rung_fp_state;
rung_fp_state rung_fp_state_get(void);
void rung_fp_state_set(rung_fp_state state);

/* One turn of a spin loop. */
static inline void rung_cpu_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#endif
}

#endif
