/* com.microsoft: Tokenizer and MurmurHash3. */
#include "base/str.h"
#include "op/op_infer.h"
#include "op/text.h"

/* Tokenizer: how many tokens there are at most shows in the run */

static rung_status *infer_Tokenizer(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[3];
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 1 or 2", x->rank);
  bool empty = false, open = false;
  for (int32_t i = 0; i < x->rank; i++) {
    dims[i] = x->dims[i];
    empty |= dims[i] == 0, open |= dims[i] < 0;
  }
  if (empty) return rung_infer_shape(infer, 0, x->rank, (const int64_t[]){dims[0], 0}); /* no dimension more */
  if (open) return NULL;
  dims[x->rank] = rung_infer_symbol(infer);
  return rung_infer_shape(infer, 0, x->rank + 1, dims);
}

static rung_status *check_Tokenizer(const rung_node *node, void *params) {
  (void)node;
  rung_tokenizer_params *p = params;
  RUNG_MODEL_REQUIRE(p->mincharnum > 0, "mincharnum is %lld", (long long)p->mincharnum);
  RUNG_MODEL_REQUIRE(p->separators.count || p->tokenexp.size, "neither separators nor tokenexp is given");
  p->letters =
      p->separators.count ? p->separators.count == 1 && p->separators.at[0].size == 0 : rung_str_is(p->tokenexp, ".");
  RUNG_MODEL_REQUIRE(!p->letters || p->mincharnum == 1, "tokens of one character, and mincharnum is %lld",
                     (long long)p->mincharnum);
  return NULL;
}

static const rung_attr tokenizer_attrs[] = {
    {"mark", RUNG_ATTR_KIND_INT, offsetof(rung_tokenizer_params, mark), .required = true},
    {"mincharnum", RUNG_ATTR_KIND_INT, offsetof(rung_tokenizer_params, mincharnum), .required = true},
    {"pad_value", RUNG_ATTR_KIND_STR, offsetof(rung_tokenizer_params, pad_value), .required = true},
    RUNG_ATTR_STRS(rung_tokenizer_params, separators),
    RUNG_ATTR_STR(rung_tokenizer_params, tokenexp, ""),
    {0}};

const rung_op rung_op_ms_Tokenizer = {.name = "Tokenizer",
                                      .domain = "com.microsoft",
                                      .since = 1,
                                      .signature = "X:string -> Y:string",
                                      .params_size = sizeof(rung_tokenizer_params),
                                      .attributes = tokenizer_attrs,
                                      .check = check_Tokenizer,
                                      .infer = infer_Tokenizer};

/* MurmurHash3 */

static rung_status *infer_MurmurHash3(rung_infer *infer) {
  if (rung_infer_wants(infer, 0))
    infer->outputs[0].dtype = ((const rung_murmur_params *)infer->params)->positive == 1 ? RUNG_U32 : RUNG_I32;
  return rung_infer_elementwise(infer);
}

static const rung_attr murmur_attrs[] = {
    RUNG_ATTR_INT(rung_murmur_params, positive, 1), RUNG_ATTR_INT(rung_murmur_params, seed, 0), {0}};

const rung_op rung_op_ms_MurmurHash3 = {.name = "MurmurHash3",
                                        .domain = "com.microsoft",
                                        .since = 1,
                                        .signature = "X:T -> Y:U",
                                        .params_size = sizeof(rung_murmur_params),
                                        .attributes = murmur_attrs,
                                        .infer = infer_MurmurHash3};
