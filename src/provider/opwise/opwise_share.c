/* Packed weights that steps share. Weights that lie in the model's mapping are the same for all its sessions and nodes,
 * and so is what is made of them: by this kernel, with these attributes. */
#include "op/op.h"
#include "provider/opwise/opwise_internal.h"

static void add_bytes(rung_text *key, const void *data, size_t size) {
  if (size) rung_text_append(key, data, size);
}

static void add_list(rung_text *key, const void *at, size_t count, size_t size) {
  add_bytes(key, &count, sizeof count);
  add_bytes(key, at, count * size);
}

/* A fusion changes none of them that packing looks at. False: one is neither number nor list of numbers. */
static bool add_attributes(rung_text *key, const rung_node *node) {
  const rung_op *op = node->op ? rung_op_meaning(node->op) : NULL;
  for (const rung_attr *a = op ? op->attributes : NULL; a && a->name; a++) {
    const void *member = (const char *)node->params + a->offset;
    const rung_ints *ints = member;
    const rung_floats *floats = member;
    switch (a->kind) {
      case RUNG_ATTR_KIND_INT:
        add_bytes(key, member, sizeof(int64_t));
        break;
      case RUNG_ATTR_KIND_FLOAT:
        add_bytes(key, member, sizeof(float));
        break;
      case RUNG_ATTR_KIND_CHOICE:
        add_bytes(key, member, sizeof(int));
        break;
      case RUNG_ATTR_KIND_INTS:
        add_list(key, ints->at, ints->count, sizeof *ints->at);
        break;
      case RUNG_ATTR_KIND_FLOATS:
        add_list(key, floats->at, floats->count, sizeof *floats->at);
        break;
      case RUNG_ATTR_KIND_IGNORED:
        break;
      default:
        return false;
    }
  }
  return op != NULL;
}

/* Of an input that is packed, which bytes and how they lie; of others, what they are. False: the bytes belong to one
 * session alone (folded). */
static bool add_input(rung_text *key, const rung_step *step, uint32_t i, const rung_value *constant) {
  const rung_type *type = step->inputs[i] ? &step->inputs[i]->type : NULL;
  rung_dtype dtype = type ? type->dtype : RUNG_UNDEFINED;
  bool is_constant = constant != NULL;
  add_bytes(key, &dtype, sizeof dtype);
  add_bytes(key, &is_constant, sizeof is_constant);
  if (i >= 32 || !(step->kernel->packs >> i & 1) || !constant) return true;
  const rung_tensor *tensor = &constant->tensor;
  add_bytes(key, &tensor->data, sizeof tensor->data);
  add_list(key, tensor->dims, (size_t)tensor->rank, sizeof *tensor->dims);
  return !constant->block;
}

bool rung__opwise_share_key(const rung_host *host, const rung_step *step, rung_value *const *inputs, rung_text *key) {
  const rung_node *node = step->node;
  add_bytes(key, &step->kernel, sizeof step->kernel);
  add_bytes(key, &host->cpu_features, sizeof host->cpu_features);
  add_bytes(key, &node->op, sizeof node->op);
  add_bytes(key, &node->version, sizeof node->version);
  for (uint32_t i = 0; i < step->input_count; i++)
    if (!add_input(key, step, i, inputs[i])) return false;
  if (!add_attributes(key, node)) add_bytes(key, node->name, strlen(node->name));
  return step->kernel->packs && !key->failed;
}
