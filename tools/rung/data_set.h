/* Folders of test data: test_data_set_<k>, each with input_<i>.pb and output_<i>.pb. */
#ifndef RUNG_TOOL_DATA_SET_H
#define RUNG_TOOL_DATA_SET_H

#include "args.h"

/* The folders in `folder`, in the order of k; or `folder` itself when it holds input_0.pb or output_0.pb. Freed by
 * text_list_free. */
int data_sets_find(const char *folder, text_list *out);
/* output_<index>.pb of `set`; *out_value stays NULL when there is none. */
int data_set_output(const char *set, rung_env *env, size_t index, const rung_slot *slot, const rung_value *got,
                    rung_value **out_value);

#endif
