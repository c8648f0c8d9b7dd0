/* Values for the inputs of a session, from the command line and from folders of test data. */
#ifndef RUNG_TOOL_FEED_H
#define RUNG_TOOL_FEED_H

#include "prepare.h"
#include "setup.h"

extern const option feed_options[];

/* One input of the session. */
typedef struct fed {
  rung_value *value; /* NULL: an optional that is left out */
  char source[200];  /* "cat.jpg (picture 300 x 300 to ...)" */
} fed;

/* Fills `inputs`, one per input of the session: from `folder` (input_<i>.pb; NULL: none), over that what --input says,
 * then --fill. On failure nothing is left. */
int feed(const feed_args *args, const setup *s, const char *folder, fed *inputs);
void free_fed(fed *inputs, size_t count);

#endif
