/* Compiling an island so that it can be watched and given up.
 *
 * Where the session has a progress function or a cancel object, the engine works in a thread of its own, and the thread
 * that creates the session waits, tells the user how far it is, and looks whether to stop. Then it asks the engine to
 * (host->progress answers 1), waits for a moment, and otherwise leaves: creating the session fails with CANCELLED, and
 * the session stays with the engine's thread, which frees it when the engine comes back. The environment joins that
 * thread before it goes. Without either function all happens in the calling thread. */
#ifndef RUNG_SESSION_COMPILE_JOB_H
#define RUNG_SESSION_COMPILE_JOB_H

#include "session/place.h"

/* Compiles, or loads, one island; *out_refused becomes true when the engine refused nodes of it. */
rung_status *rung__compile_step(rung_instance *instance, program_step *step, bool *out_refused) RUNG_MUST_CHECK;

/* From inside: what is done now, and how long that is expected to take (0: unknown). `stage` is static. */
void rung__job_stage(const rung_compile *compile, const char *stage, uint64_t expected_ns);
/* Somebody wants it to stop. */
bool rung__job_stopped(const rung_compile *compile);
/* Slot of rung_host. */
int rung__job_progress(const rung_compile *compile, const char *stage, uint64_t done, uint64_t total);

/* A condition whose waits end after `ms` milliseconds, by a clock that nobody sets. */
void rung__condition_init(pthread_cond_t *condition);
void rung__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, unsigned ms);

/* Before a session is freed: false when an engine still works for it, which then frees it later. */
bool rung__job_reclaim(rung_instance *instance);
/* Waits for all engines that were left to themselves. */
void rung__jobs_join(rung_env *env);

#endif
