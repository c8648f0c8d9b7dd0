/* numpy's .npz: a ZIP archive of .npy files. */
#ifndef RUNG_TOOL_NPZ_H
#define RUNG_TOOL_NPZ_H

#include "disk.h"

/* The member `name`.npy of the archive, unpacked; NOT_FOUND says which members there are. */
int npz_member(bytes archive, const char *name, bytes *out);
/* Names of the members without .npy; their number, and the first `most` of them in `names` (each to be freed). -1: it
 * is no archive, and fail was told why. */
int npz_names(bytes archive, char **names, int most);

#endif
