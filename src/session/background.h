/* Compiling in the background: the next providers of the chain serve while the whole chain compiles.
 *
 * The wanted instance is planned where the session is created, so that a contract that its claims break, or a provider
 * that is not there, is an error at once. Then an interim one is made without the first provider that has nodes, and a
 * thread of the session's compiles the wanted one. Until it is done that provider counts as out (session.absent); then
 * the bit is cleared, under the session's lock, and whatever run begins from there on finds the whole instance. All of
 * it is in the journal.
 *
 *     none -> compiling -> done      the wanted instance serves
 *                       -> failed    the interim one goes on where on_failure is next and the contract was asked of it
 *                                    whole; else runs fail with what compiling failed with
 *
 * A provider that lost its device has to be opened and compiled again before a run can try it: that, too, is done here,
 * while the instance without it serves. */
#ifndef RUNG_SESSION_BACKGROUND_H
#define RUNG_SESSION_BACKGROUND_H

#include "session/session.h"

/* Is there somebody to serve while the first provider with nodes compiles? Then its link; else RUNG_NO_LINK. */
uint32_t rung__background_link(const rung_instance *wanted);
/* Makes the interim instance, without `link`, and starts to compile the other. Takes `wanted` on success. */
rung_status *rung__background_begin(rung_session *session, rung_instance *wanted, uint32_t link) RUNG_MUST_CHECK;
/* Under the session's lock: may an instance without `outage` be made here now, to have `link` again? Then nothing else
 * is until that is done, and the caller begins it. */
bool rung__background_claim(rung_session *session, uint32_t link, uint32_t outage);
void rung__background_return(rung_session *session);
/* Gives the compiling up, within a tenth of a second: before a session is freed. */
void rung__background_end(rung_session *session);

/* Why runs must fail; NULL: they need not. */
rung_status *rung__background_check(rung_session *session) RUNG_MUST_CHECK;
/* Waits until it is done; what it failed with. See rung_session_await. */
rung_status *rung__background_await(rung_session *session, const rung_run_options *options, rung_compiling_fn compiling,
                                    void *user) RUNG_MUST_CHECK;
void rung__background_json(rung_session *session, rung_json *json);

/* What the plan says of the provider. */
extern const char rung__background_why[];

#endif
