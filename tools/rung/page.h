/* Pages: one HTML file with everything in it, for a browser. The page itself, its style and script are built in
 * (page/); a command adds data, an object of JSON. */
#ifndef RUNG_TOOL_PAGE_H
#define RUNG_TOOL_PAGE_H

#include "setup.h"

/* Begins the page's data, aside of what is written for --json; the caller adds members and calls page_write. */
void page_begin(const char *kind, const char *model);
/* Members "plan" and "graph": what the session says of itself. */
int page_add_session(const rung_session *session);
/* Ends the data and writes the page. */
int page_write(const char *path);

#endif
