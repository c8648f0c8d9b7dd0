/* Sessions that are measured side by side: the functions of rung.h, with their arguments checked. */
#ifndef RUNG_SESSION_RACE_H
#define RUNG_SESSION_RACE_H

#include "base/status.h"
#include "rung.h"

rung_status *rung__race(const rung_race_options *options, rung_lane *lanes, size_t count) RUNG_MUST_CHECK;
int rung__lane_is_faster(const rung_lane *lane, const rung_lane *than, double *out_ratio, int *out_certain);
size_t rung__race_best(const rung_lane *lanes, size_t count);

#endif
