/* Where vendors' libraries may lie on this machine: in the Python packages that people install them with. The library
 * does not read the environment; the tool does, and passes folders on. */
#ifndef RUNG_TOOL_VENDOR_PATHS_H
#define RUNG_TOOL_VENDOR_PATHS_H

#include "args.h"

/* A copy of `path`; NULL ends the list. Freed by text_list_free. */
void add_path(text_list *paths, const char *path);
/* Adds the folders with libraries in the site-packages of VIRTUAL_ENV, of the first python3 in PATH (which is not run),
 * and of the user. */
void find_vendor_paths(text_list *paths);

#endif
