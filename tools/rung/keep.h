/* Outputs as files. */
#ifndef RUNG_TOOL_KEEP_H
#define RUNG_TOOL_KEEP_H

#include "args.h"

typedef struct keep_args {
  const char *folder; /* NULL: outputs are not kept */
  const char *format; /* "npy" or "pb"; NULL: npy */
  text_list images;   /* "NAME=FILE.png" */
  const char *range;  /* "LOW:HIGH" of a picture; NULL: from the data */
} keep_args;

int set_format(const option *self, const char *value, void *settings); /* const char * */

/* Writes output `index` into `folder`; *out_path is to be freed. Characters that no file name can hold become '_', and
 * when two outputs would thus share a name, `index` is added. `names` are those of all outputs. */
int keep_value(const keep_args *args, const char *folder, size_t index, const char *const *names,
               const rung_value *value, char **out_path);
/* Writes a picture of the output where --save-image names it. `note` says how it was scaled; "": there is none. */
int keep_image(const keep_args *args, const char *name, const rung_value *value, char *note, size_t size);

#endif
