/* Text from files and programs, made fit for messages: names in a model may hold anything. */
#ifndef RUNG_BASE_PRINTABLE_H
#define RUNG_BASE_PRINTABLE_H

#include "rung_types.h"

enum { RUNG_PRINTABLE = 100 }; /* bytes, with the NUL */

/* `text` in one line of valid UTF-8, cut with "..." when it is long; bytes that would disturb a terminal or a reader
 * of UTF-8 stand as \xNN. Returns buffer. */
const char *rung_printable(rung_str text, char buffer[RUNG_PRINTABLE]);

#endif
