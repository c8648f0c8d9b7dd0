/* What an operator is: its signature, its attributes as a struct, and how types and shapes follow.
 *
 * A definition is one constant `rung_op_<symbol>` in the file of its family, listed once in ops.inc. It covers every
 * version of the operator from `since` on: where an older form says by attribute what a newer one says by input, the
 * definition reads both (RUNG_ATTR_..._UNTIL), and `check` settles the rest. Providers read `node->params`, a struct
 * that the family's header (op/<family>.h) declares.
 *
 * The signature is a line in a small language:
 *
 *     "X:T W:T B:T? -> Y:T"              a capital letter is a type variable: one element type for all its places
 *     "inputs:T... -> max:T"             variadic
 *     "data:T shape:int64 -> out:T"      a fixed element type
 *     "seq:S position:I? -> element:T"   the type of S is found by `infer` (sequences, maps, optionals)
 *
 * Everything generic follows from it: number of inputs, element types of outputs, documentation, checks. */
#ifndef RUNG_OP_OP_H
#define RUNG_OP_OP_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/status.h"
#include "rung_graph.h"

typedef struct rung_ints {
  const int64_t *at;
  size_t count;
} rung_ints;

typedef struct rung_floats {
  const float *at;
  size_t count;
} rung_floats;

typedef struct rung_strs {
  const rung_str *at;
  size_t count;
} rung_strs;

/* One attribute and the member of the params struct that takes it. */
typedef struct rung_attr {
  const char *name;
  enum {
    RUNG_ATTR_KIND_INT,    /* int64_t */
    RUNG_ATTR_KIND_FLOAT,  /* float */
    RUNG_ATTR_KIND_STR,    /* rung_str */
    RUNG_ATTR_KIND_CHOICE, /* int: index in `choices` */
    RUNG_ATTR_KIND_INTS,   /* rung_ints */
    RUNG_ATTR_KIND_FLOATS, /* rung_floats */
    RUNG_ATTR_KIND_STRS,   /* rung_strs */
    RUNG_ATTR_KIND_TENSOR, /* const rung_value * */
    RUNG_ATTR_KIND_GRAPH,  /* rung_graph * */
    RUNG_ATTR_KIND_TYPE,   /* const rung_type * */
    RUNG_ATTR_KIND_IGNORED,
  } kind;
  size_t offset;
  int64_t int_default;
  float float_default;
  const char *text; /* STR: default; CHOICE: "a|b|c", the first is the default unless int_default says otherwise */
  int32_t until;    /* last version of the domain that has it; 0: still there */
  bool required;
} rung_attr;

#define RUNG_ATTR_INT(type, member, value) {#member, RUNG_ATTR_KIND_INT, offsetof(type, member), .int_default = value}
#define RUNG_ATTR_FLOAT(type, member, value) \
  {#member, RUNG_ATTR_KIND_FLOAT, offsetof(type, member), .float_default = value}
#define RUNG_ATTR_STR(type, member, value) {#member, RUNG_ATTR_KIND_STR, offsetof(type, member), .text = value}
#define RUNG_ATTR_CHOICE(type, member, choices) \
  {#member, RUNG_ATTR_KIND_CHOICE, offsetof(type, member), .text = choices}
#define RUNG_ATTR_INTS(type, member) {.name = #member, .kind = RUNG_ATTR_KIND_INTS, .offset = offsetof(type, member)}
#define RUNG_ATTR_FLOATS(type, member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_FLOATS, .offset = offsetof(type, member)}
#define RUNG_ATTR_STRS(type, member) {.name = #member, .kind = RUNG_ATTR_KIND_STRS, .offset = offsetof(type, member)}
#define RUNG_ATTR_TENSOR(type, member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_TENSOR, .offset = offsetof(type, member)}
#define RUNG_ATTR_GRAPH(type, member) {#member, RUNG_ATTR_KIND_GRAPH, offsetof(type, member), .required = true}
#define RUNG_ATTR_OPTIONAL_GRAPH(type, member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_GRAPH, .offset = offsetof(type, member)}
#define RUNG_ATTR_TYPE(type, member) {.name = #member, .kind = RUNG_ATTR_KIND_TYPE, .offset = offsetof(type, member)}
#define RUNG_ATTR_INTS_UNTIL(type, member, last) {#member, RUNG_ATTR_KIND_INTS, offsetof(type, member), .until = last}
#define RUNG_ATTR_IGNORED(attribute) {.name = attribute, .kind = RUNG_ATTR_KIND_IGNORED}

/* What is known of one input when types are inferred. */
typedef struct rung_operand {
  const rung_type *type;   /* NULL: left out */
  const rung_value *value; /* the contents, when known */
  const int64_t *known;    /* else what is known of the elements of a small integer tensor, see rung_value_info */
  uint32_t known_count;
} rung_operand;

/* What inference says of the elements of an output. */
typedef struct rung_known {
  int64_t *at; /* NULL: nothing */
  uint32_t count;
} rung_known;

/* One question to a definition: what do the outputs look like? `outputs` come with kind and element type set from the
 * signature where it tells them, and with rank -1. Unknown dimensions are symbols, see rung_type. */
typedef struct rung_infer {
  const rung_node *node;
  const void *params;
  uint32_t input_count, output_count;
  const rung_operand *inputs;
  rung_type *outputs;
  rung_known *known;
  rung_arena *arena;
  int64_t *next_symbol; /* counts up */
} rung_infer;

enum {
  RUNG_OP_RANDOM = 1,    /* another result on every run: never folded, never merged */
  RUNG_OP_CONTROL = 2,   /* has bodies; driven by the session unless a provider claims it */
  RUNG_OP_VIEW = 4,      /* output 0 is input 0 with other dimensions: the same bytes */
  RUNG_OP_ENLARGES = 8,  /* makes large outputs of small inputs: folded only while small */
  RUNG_OP_STAYS = 32,    /* never folded: providers look for it (weights behind DequantizeLinear) */
  RUNG_OP_ANY_KIND = 16, /* takes sequences, maps or optionals: its kernel checks what it gets; others take tensors */
  RUNG_OP_EXPANDS = 64,  /* made of other operators: graph/expand.c writes it as these where no provider claims it */
};

typedef struct rung_op rung_op;
struct rung_op {
  const char *domain, *name;
  int32_t since; /* the first version that this definition reads */
  uint32_t flags;
  const char *signature;
  size_t params_size;
  const rung_attr *attributes; /* ends with a NULL name; NULL: none */
  /* (optional) Settles `params` after the attributes are in: ranges, older forms. */
  rung_status *(*check)(const rung_node *node, void *params);
  rung_status *(*infer)(rung_infer *infer);
  /* An alias: the operator is that one, in the version `version` of its domain; all else but domain, name and since is
   * left out. Nodes are bound to `same_as`. */
  const rung_op *same_as;
  int64_t version;
};

/* What an alias stands for; any other definition itself. */
static inline const rung_op *rung_op_meaning(const rung_op *op) { return op->same_as ? op->same_as : op; }

/* By domain and name, or NULL; aliases as they are. */
const rung_op *rung_op_find(const char *domain, const char *name);
/* All of them, in the order of ops.inc; *out_count is set. */
const rung_op *const *rung_op_all(size_t *out_count);
/* The newest version of `domain` that the definitions cover, 0 for an unknown domain. */
int64_t rung_op_newest(const char *domain);

/* Finds the definition of `node`, checks its inputs against the signature, reads its attributes into new params and
 * sets node->op, node->params and node->version. A node without a definition is left as it is. Errors name node and
 * attribute. */
rung_status *rung_op_bind(rung_node *node, rung_arena *arena) RUNG_MUST_CHECK;

/* Reads the attributes of `node` as `op` declares them into `params`, op->params_size bytes. */
rung_status *rung_op_read(const rung_op *op, const rung_node *node, void *params) RUNG_MUST_CHECK;

/* One place of a signature. */
typedef struct rung_place {
  rung_str name;
  char variable;    /* 'T', or 0 when the element type is fixed */
  rung_dtype dtype; /* fixed */
  bool optional, variadic;
} rung_place;
/* The place that input (or output) `index` fills; false when there is none. */
bool rung_op_input(const rung_op *op, uint32_t index, rung_place *out_place);
bool rung_op_output(const rung_op *op, uint32_t index, rung_place *out_place);

/* Infers all outputs of a node: element types by signature, the rest by op->infer. */
rung_status *rung_op_infer(const rung_op *op, rung_infer *infer) RUNG_MUST_CHECK;

#endif
