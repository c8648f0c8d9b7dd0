/* A lock: a plan written down as lines of text, so that another machine, or tomorrow's, can be held to it.
 *
 *     rung plan lock 1
 *     provider openvino 0.1.0
 *     island on openvino: 12 nodes; OpenVINO 2026.4.1 on CPU, float32
 *     node Conv_0 (Conv) on openvino
 *     crossing x from host to fake:0, 1024 bytes
 *
 * Lines are sorted within their kind. Two plans agree when they have the same lines: versions, placement, crossings. */
#ifndef RUNG_SESSION_LOCK_H
#define RUNG_SESSION_LOCK_H

#include "session/instance.h"

rung_status *rung__lock_write(const rung_instance *instance, rung_text *text) RUNG_MUST_CHECK;
/* CONTRACT with the lines that only one of them has; INVALID_ARGUMENT when `lock` is none. */
rung_status *rung__lock_compare(const rung_instance *instance, const char *lock) RUNG_MUST_CHECK;

#endif
