/* Sequences and optionals. They are immutable: a change makes a new list of references, tensors are not copied. */
#include "op/sequence.h"

#include "provider/opwise/kernel.h"

enum { MOST_PIECES = 1 << 24 }; /* of a split: each is a tensor with a header of its own */

static rung_status *give_compound(rung_kernel_call *call, rung_kind kind, rung_dtype dtype, rung_value *const *items,
                                  size_t count) {
  rung_value *value;
  RUNG_TRY(rung_value_new_compound(call->host->allocator, kind, dtype, items, count, &value));
  return rung_kernel_give(call, 0, value);
}

static rung_status *take_sequence(const rung_kernel_call *call, const rung_value **out) {
  *out = call->inputs[0];
  RUNG_RUN_REQUIRE((*out)->kind == RUNG_SEQUENCE, "input 0 must be a sequence");
  return NULL;
}

/* A position counts from the end when negative; `last` is the highest allowed. Left out: `otherwise`. */
static rung_status *take_position(const rung_kernel_call *call, uint32_t input, size_t count, size_t last,
                                  size_t otherwise, size_t *out) {
  const rung_tensor *t = rung_in(call, input);
  int64_t position;
  size_t one;
  *out = otherwise;
  if (!t) return NULL;
  RUNG_RUN_REQUIRE(call->inputs[input]->kind == RUNG_TENSOR, "the position is no tensor");
  RUNG_TRY(rung_kernel_ints(t, &position, 1, &one));
  RUNG_RUN_REQUIRE(one == 1, "the position must be one number");
  RUNG_RUN_REQUIRE(position >= -(int64_t)count && position <= (int64_t)last, "position %lld is outside [-%zu, %zu]",
                   (long long)position, count, last);
  *out = (size_t)(position < 0 ? position + (int64_t)count : position);
  return NULL;
}

/* SequenceEmpty, SequenceConstruct */

static rung_status *run_SequenceEmpty(rung_kernel_call *call) {
  const rung_sequence_empty_params *p = call->params;
  return give_compound(call, RUNG_SEQUENCE, (rung_dtype)p->dtype, NULL, 0);
}

const rung_kernel rung_cpu_SequenceEmpty = {.run = run_SequenceEmpty};

static rung_status *run_SequenceConstruct(rung_kernel_call *call) {
  rung_value **items = rung_alloc(call->host->allocator, call->input_count + 1, sizeof *items, "sequence");
  RUNG_CHECK_ALLOC(items);
  rung_status *status = NULL;
  size_t count = 0;
  for (uint32_t i = 0; i < call->input_count && !status; i++) {
    if (!call->inputs[i]) continue;
    status = rung_kernel_keep(call, i, &items[count]);
    count += !status;
  }
  if (!status)
    status = give_compound(call, RUNG_SEQUENCE, count ? items[0]->tensor.dtype : RUNG_UNDEFINED, items, count);
  for (size_t i = 0; i < count; i++) rung_value_release(items[i]);
  rung_free(call->host->allocator, items);
  return status;
}

const rung_kernel rung_cpu_SequenceConstruct = {.run = run_SequenceConstruct};

/* SequenceInsert, SequenceErase, SequenceAt, SequenceLength */

/* The items of a sequence without `gone` of them at `at`, with `added` (or none) there. */
static rung_status *give_changed(rung_kernel_call *call, const rung_value *sequence, size_t at, size_t gone,
                                 rung_value *added) {
  size_t count = sequence->count - gone + (added != NULL);
  rung_value **items = rung_alloc(call->host->allocator, count + 1, sizeof *items, "sequence");
  RUNG_CHECK_ALLOC(items);
  for (size_t i = 0; i < count; i++) {
    if (i < at)
      items[i] = sequence->items[i];
    else if (added)
      items[i] = i == at ? added : sequence->items[i - 1];
    else
      items[i] = sequence->items[i + gone];
  }
  rung_dtype dtype = sequence->tensor.dtype || !added ? sequence->tensor.dtype : added->tensor.dtype;
  rung_status *status = give_compound(call, RUNG_SEQUENCE, dtype, items, count);
  rung_free(call->host->allocator, items);
  return status;
}

static rung_status *run_SequenceInsert(rung_kernel_call *call) {
  const rung_value *sequence;
  size_t at;
  RUNG_TRY(take_sequence(call, &sequence));
  RUNG_TRY(take_position(call, 2, sequence->count, sequence->count, sequence->count, &at));
  rung_dtype dtype = rung_in(call, 1)->dtype;
  RUNG_RUN_REQUIRE(!sequence->tensor.dtype || sequence->tensor.dtype == dtype,
                   "a tensor of %s cannot enter a sequence of %s", rung_dtype_name(dtype),
                   rung_dtype_name(sequence->tensor.dtype));
  rung_value *added;
  RUNG_TRY(rung_kernel_keep(call, 1, &added));
  rung_status *status = give_changed(call, sequence, at, 0, added);
  rung_value_release(added);
  return status;
}

#define POSITION {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}

const rung_kernel rung_cpu_SequenceInsert = {.types = {POSITION}, .run = run_SequenceInsert};

static rung_status *run_SequenceErase(rung_kernel_call *call) {
  const rung_value *sequence;
  size_t at;
  RUNG_TRY(take_sequence(call, &sequence));
  RUNG_RUN_REQUIRE(sequence->count, "nothing can be erased from an empty sequence");
  RUNG_TRY(take_position(call, 1, sequence->count, sequence->count - 1, sequence->count - 1, &at));
  return give_changed(call, sequence, at, 1, NULL);
}

const rung_kernel rung_cpu_SequenceErase = {.types = {POSITION}, .run = run_SequenceErase};

static rung_status *run_SequenceAt(rung_kernel_call *call) {
  const rung_value *sequence;
  size_t at;
  RUNG_TRY(take_sequence(call, &sequence));
  RUNG_RUN_REQUIRE(sequence->count, "an empty sequence has no element");
  RUNG_TRY(take_position(call, 1, sequence->count, sequence->count - 1, 0, &at));
  return rung_kernel_give(call, 0, rung_value_retain(sequence->items[at]));
}

const rung_kernel rung_cpu_SequenceAt = {.flags = RUNG_KERNEL_OWN_SHAPE, .types = {POSITION}, .run = run_SequenceAt};

static rung_status *run_SequenceLength(rung_kernel_call *call) {
  const rung_value *sequence;
  RUNG_TRY(take_sequence(call, &sequence));
  *(int64_t *)rung_out(call, 0)->data = (int64_t)sequence->count;
  return NULL;
}

const rung_kernel rung_cpu_SequenceLength = {.run = run_SequenceLength};

/* ConcatFromSequence: tensors are seen as (outer, own length along the axis * rest) */

/* The shape of the result; the axis of a stack is a new one. */
static rung_status *concat_shape(const rung_concat_sequence_params *p, const rung_value *sequence, int32_t *rank,
                                 int32_t *axis, int64_t dims[RUNG_MAX_RANK]) {
  RUNG_RUN_REQUIRE(sequence->count, "an empty sequence cannot be concatenated");
  const rung_tensor *first = &sequence->items[0]->tensor;
  *rank = first->rank + (p->new_axis != 0);
  RUNG_REQUIRE(*rank <= RUNG_MAX_RANK, LIMIT, "rank %d is above the limit of %d", *rank, RUNG_MAX_RANK);
  RUNG_TRY(rung_kernel_axis(p->axis, *rank, axis));
  for (int32_t i = 0, from = 0; i < *rank; i++) dims[i] = p->new_axis && i == *axis ? 0 : first->dims[from++];
  dims[*axis] = 0;
  for (size_t i = 0; i < sequence->count; i++) {
    const rung_value *item = sequence->items[i];
    RUNG_RUN_REQUIRE(
        item->kind == RUNG_TENSOR && item->tensor.dtype == first->dtype && item->tensor.rank == first->rank,
        "elements 0 and %zu of the sequence differ in type or rank", i);
    for (int32_t k = 0, from = 0; k < *rank; k++) {
      if (k == *axis && p->new_axis) continue;
      int64_t dim = item->tensor.dims[from++];
      RUNG_RUN_REQUIRE(k == *axis || dim == dims[k], "elements 0 and %zu of the sequence differ in dimension %d", i, k);
    }
    if (!rung_add_i64(dims[*axis], p->new_axis ? 1 : item->tensor.dims[*axis], &dims[*axis]))
      return RUNG_ERROR(LIMIT, "the concatenated dimension is too large");
  }
  return NULL;
}

static rung_status *run_ConcatFromSequence(rung_kernel_call *call) {
  const rung_concat_sequence_params *p = call->params;
  const rung_value *sequence;
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank, axis;
  RUNG_TRY(take_sequence(call, &sequence));
  RUNG_TRY(concat_shape(p, sequence, &rank, &axis, dims));
  rung_dtype dtype = sequence->items[0]->tensor.dtype;
  rung_value *result;
  RUNG_REQUIRE(!rung_dtype_is_packed(dtype), UNSUPPORTED, "elements narrower than a byte cannot be concatenated");
  RUNG_TRY(rung_value_new_tensor(call->host->allocator, dtype, rank, dims, &result));
  size_t outer = 1, row = 0;
  for (int32_t i = 0; i < axis; i++) outer *= (size_t)dims[i];
  if (outer) row = result->tensor.size / outer;
  char *to = result->tensor.data;
  for (size_t i = 0; i < sequence->count && row; i++) {
    const rung_tensor *item = &sequence->items[i]->tensor;
    size_t bytes = item->size / outer;
    for (size_t k = 0; k < outer && bytes; k++) memcpy(to + k * row, (const char *)item->data + k * bytes, bytes);
    to += bytes;
  }
  if (dtype != RUNG_STRING) return rung_kernel_give(call, 0, result);
  /* The strings' bytes still belong to the elements. */
  rung_status *status = rung_kernel_give_strings(call, 0, rank, dims, result->tensor.data);
  rung_value_release(result);
  return status;
}

const rung_kernel rung_cpu_ConcatFromSequence = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_ConcatFromSequence};

/* SplitToSequence */

/* Where pieces end: piece i is [i * step, ...), or as the list says. */
typedef struct split {
  const rung_tensor *input;
  int32_t axis;
  size_t length, count, step; /* along the axis; step 0: by list */
  const rung_tensor *list;
  bool drop; /* the axis */
} split;

static rung_status *read_split(const rung_kernel_call *call, split *s) {
  const rung_split_sequence_params *p = call->params;
  *s = (split){.input = rung_in(call, 0), .step = 1, .list = rung_in(call, 1)};
  RUNG_TRY(rung_kernel_axis(p->axis, s->input->rank, &s->axis));
  s->length = (size_t)s->input->dims[s->axis];
  s->drop = !s->list && !p->keepdims;
  if (s->list && s->list->rank == 0) {
    int64_t step;
    size_t one;
    RUNG_TRY(rung_kernel_ints(s->list, &step, 1, &one));
    RUNG_RUN_REQUIRE(step > 0, "split is %lld, it must be positive", (long long)step);
    s->step = RUNG_MIN((uint64_t)step, RUNG_MAX(s->length, 1));
  } else if (s->list) {
    s->step = 0;
  }
  s->count = s->step ? RUNG_DIV_UP(s->length, s->step) : rung_tensor_count(s->list);
  RUNG_REQUIRE(s->count <= MOST_PIECES, LIMIT, "a split into %zu pieces is above the limit of %d", s->count,
               MOST_PIECES);
  return NULL;
}

static int64_t listed(const split *s, size_t piece) {
  return s->list->dtype == RUNG_I64 ? ((const int64_t *)s->list->data)[piece] : ((const int32_t *)s->list->data)[piece];
}

/* Elements [at, at + n) along the axis. */
static rung_status *make_piece(const rung_kernel_call *call, const split *s, size_t at, size_t n, rung_value **out) {
  const rung_tensor *in = s->input;
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = 0;
  for (int32_t i = 0; i < in->rank; i++)
    if (i != s->axis || !s->drop) dims[rank++] = i == s->axis ? (int64_t)n : in->dims[i];
  rung_value *piece;
  RUNG_TRY(rung_value_new_tensor(call->host->allocator, in->dtype, rank, dims, &piece));
  size_t outer = (size_t)rung_tensor_span(in, 0, s->axis), row = outer && s->length ? in->size / outer : 0;
  size_t element = s->length ? row / s->length : 0, bytes = element * n;
  for (size_t i = 0; i < outer && bytes; i++)
    memcpy((char *)piece->tensor.data + i * bytes, (const char *)in->data + i * row + at * element, bytes);
  *out = piece;
  if (in->dtype != RUNG_STRING) return NULL;
  rung_status *status = rung_value_new_strings(call->host->allocator, rank, dims, piece->tensor.data, out);
  rung_value_release(piece);
  return status;
}

enum { LOOK_PIECES = 256 }; /* between two looks at whether the run was cancelled */

static rung_status *make_pieces(const rung_kernel_call *call, const split *s, rung_value **pieces) {
  size_t at = 0;
  for (size_t i = 0; i < s->count; i++) {
    if (i % LOOK_PIECES == 0) RUNG_RUN_GOES_ON(call);
    int64_t n = s->step ? (int64_t)RUNG_MIN(s->step, s->length - at) : listed(s, i);
    RUNG_RUN_REQUIRE(n >= 0 && (uint64_t)n <= s->length - at, "split element %zu is %lld, %zu are left", i,
                     (long long)n, s->length - at);
    RUNG_TRY(make_piece(call, s, at, (size_t)n, &pieces[i]));
    at += (size_t)n;
  }
  RUNG_RUN_REQUIRE(at == s->length, "the split covers %zu of %zu elements", at, s->length);
  return NULL;
}

static rung_status *run_SplitToSequence(rung_kernel_call *call) {
  split s;
  RUNG_TRY(read_split(call, &s));
  rung_value **pieces = rung_alloc(call->host->allocator, s.count + 1, sizeof *pieces, "sequence");
  RUNG_CHECK_ALLOC(pieces);
  rung_status *status = make_pieces(call, &s, pieces);
  if (!status) status = give_compound(call, RUNG_SEQUENCE, s.input->dtype, pieces, s.count);
  for (size_t i = 0; i < s.count; i++) rung_value_release(pieces[i]);
  rung_free(call->host->allocator, pieces);
  return status;
}

const rung_kernel rung_cpu_SplitToSequence = {.types = {{'T', RUNG_SET_BYTES | RUNG_SET_STRING}, POSITION},
                                              .run = run_SplitToSequence};

/* Optional, OptionalHasElement, OptionalGetElement */

static rung_status *run_Optional(rung_kernel_call *call) {
  const rung_optional_params *p = call->params;
  rung_value *item;
  if (!call->input_count || !call->inputs[0])
    return give_compound(call, RUNG_OPTIONAL, p->type ? p->type->dtype : RUNG_UNDEFINED, NULL, 0);
  RUNG_TRY(rung_kernel_keep(call, 0, &item));
  rung_status *status = give_compound(call, RUNG_OPTIONAL, item->tensor.dtype, &item, 1);
  rung_value_release(item);
  return status;
}

const rung_kernel rung_cpu_Optional = {.run = run_Optional};

static rung_status *run_OptionalHasElement(rung_kernel_call *call) {
  const rung_value *value = call->input_count ? call->inputs[0] : NULL;
  bool has = value && value->kind != RUNG_NONE && (value->kind != RUNG_OPTIONAL || value->count > 0);
  *(uint8_t *)rung_out(call, 0)->data = has;
  return NULL;
}

const rung_kernel rung_cpu_OptionalHasElement = {.run = run_OptionalHasElement};

static rung_status *run_OptionalGetElement(rung_kernel_call *call) {
  rung_value *value = call->inputs[0];
  rung_tensor *out = rung_out(call, 0);
  if (value->kind == RUNG_OPTIONAL) {
    RUNG_RUN_REQUIRE(value->count == 1, "the optional holds nothing");
    return rung_kernel_give(call, 0, rung_value_retain(value->items[0]));
  }
  RUNG_RUN_REQUIRE(value->kind != RUNG_NONE, "the optional holds nothing");
  if (out && out->size) memcpy(out->data, value->tensor.data, out->size);
  if (out) return NULL;
  RUNG_TRY(rung_kernel_keep(call, 0, &value));
  return rung_kernel_give(call, 0, value);
}

const rung_kernel rung_cpu_OptionalGetElement = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_OptionalGetElement};
