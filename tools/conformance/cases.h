/* THE list of cases: contracts (contract.h), and operators, whose table is the text files in cases/:
 *
 *     Add/rows opset 14         a name, and the version of ONNX's operators when it is not 17
 *       a:f32[2,3] = noise      a text of spec.h, indented */
#ifndef RUNG_KIT_CASES_H
#define RUNG_KIT_CASES_H

#include "contract.h"
#include "text.h"

typedef struct kit_case {
  char name[64];
  const contract *contract; /* or NULL: an operator, then */
  const char *text;         /* its model, from the first line after the name; `size` bytes */
  size_t size;
  int opset;
} kit_case;

typedef struct case_list {
  kit_case *at;
  size_t count;
} case_list;

/* Contracts first. Those of the kit's own; then texts can be added. */
void cases_collect(case_list *list);
/* Cases of another text, which must stay. False when it is no such text. */
bool cases_add(case_list *list, const char *text);
/* Keeps those whose name fits one of the patterns (as in a shell). */
void cases_choose(case_list *list, const text_list *patterns);
void cases_free(case_list *list);

/* Runs one. */
void case_run(const kit_case *self, const kit *k, verdict *out_verdict);

#endif
