/* Cases that are known to fail, and why: lines "NAME reason" of a text; '#' begins a comment. */
#ifndef RUNG_KIT_KNOWN_H
#define RUNG_KIT_KNOWN_H

#include "cases.h"

/* A case that fails and is listed counts as skipped, with its reason; one that is listed and passes has failed, so that
 * the list stays true. */
void known_apply(const char *text, const case_list *list, verdict *verdicts);

#endif
