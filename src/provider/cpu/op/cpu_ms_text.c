/* com.microsoft's Tokenizer and MurmurHash3. */
#include "op/text.h"

#include "base/str.h"
#include "provider/cpu/form/letters.h"
#include "provider/cpu/form/pattern.h"
#include "provider/opwise/kernel.h"

/* Tokenizer. The first separator cuts the text, the next one what that leaves, and so on: each sees its piece as a
 * whole text. `tokenexp` looks for tokens instead. Matches are the leftmost, and the longest there. */

/* Packed: the patterns, one behind the other. */
static rung_status *pack_pattern(const rung_allocator *allocator, rung_str text, char **block, size_t *size) {
  rung_pattern *pattern = NULL;
  RUNG_TRY(rung_pattern_make(allocator, text, &pattern));
  size_t more = rung_pattern_size(pattern), capacity = *size;
  bool fits = rung_vec_grow(allocator, (void **)block, &capacity, *size + more, 1);
  if (fits) memcpy(*block + *size, pattern, more), *size += more;
  rung_free(allocator, pattern);
  return fits ? NULL : rung_status_out_of_memory();
}

static size_t pattern_count(const rung_tokenizer_params *p) { return p->separators.count ? p->separators.count : 1; }
static const rung_pattern *next_pattern(const rung_pattern *pattern) {
  return (const rung_pattern *)((const char *)pattern + rung_pattern_size(pattern));
}

static rung_status *pack_Tokenizer(rung_kernel_call *call, void **out_packed) {
  const rung_tokenizer_params *p = call->params;
  char *block = NULL;
  size_t size = 0;
  rung_status *status = NULL;
  for (size_t i = 0; i < pattern_count(p) && !status && !p->letters; i++)
    status =
        pack_pattern(call->host->allocator, p->separators.count ? p->separators.at[i] : p->tokenexp, &block, &size);
  if (status)
    rung_free(call->host->allocator, block);
  else
    *out_packed = block;
  return status;
}

static rung_status *prepare_Tokenizer(rung_kernel_call *call) {
  const rung_tokenizer_params *p = call->params;
  const rung_pattern *pattern = call->packed;
  for (size_t i = 0; i < pattern_count(p) && !p->letters; i++, pattern = next_pattern(pattern))
    call->scratch_size = RUNG_MAX(call->scratch_size, rung_pattern_work(pattern));
  return NULL;
}

typedef RUNG_VEC(rung_str) words;

typedef struct tokenizer {
  const rung_tokenizer_params *p;
  const rung_allocator *allocator;
  const rung_pattern *patterns;
  void *work;
  words tokens, pieces; /* of all texts; of one, before the last separator has cut it */
  bool failed;          /* out of memory */
} tokenizer;

static void add_word(tokenizer *t, words *to, rung_str text, size_t begin, size_t end) {
  if (!rung_vec_push(t->allocator, to, (rung_str){text.data + begin, end - begin})) t->failed = true;
}

static size_t letter_size(rung_str text, size_t at) {
  uint32_t point;
  return at < text.size ? rung_utf8_read(text.data + at, text.size - at, &point) : 1;
}

/* Are there as many code points in [begin, end) as a token must have? */
static bool is_token(const tokenizer *t, rung_str text, size_t begin, size_t end) {
  int64_t letters = 0;
  for (size_t at = begin; at < end && letters < t->p->mincharnum; letters++) at += letter_size(text, at);
  return letters >= t->p->mincharnum;
}

static void split_letters(tokenizer *t, rung_str text) {
  for (size_t at = 0, next; at < text.size; at = next) {
    next = at + letter_size(text, at);
    add_word(t, &t->tokens, text, at, next);
  }
}

static void find_tokens(tokenizer *t, rung_str text) {
  size_t at = 0, begin, end;
  while (at <= text.size && !t->failed && rung_pattern_find(t->patterns, text, at, t->work, &begin, &end)) {
    bool taken = is_token(t, text, begin, end);
    if (taken) add_word(t, &t->tokens, text, begin, end);
    at = taken ? end : begin + letter_size(text, begin);
  }
}

/* A separator of nothing takes the letter behind it along, as in ONNX Runtime. */
static void split_piece(tokenizer *t, const rung_pattern *separator, rung_str text, words *to) {
  size_t at = 0, begin, end;
  while (at <= text.size && rung_pattern_find(separator, text, at, t->work, &begin, &end)) {
    if (is_token(t, text, at, begin)) add_word(t, to, text, at, begin);
    at = end > begin ? end : begin + letter_size(text, begin);
  }
  if (at < text.size && is_token(t, text, at, text.size)) add_word(t, to, text, at, text.size);
}

/* Pieces of each round are written behind those that they are cut from, which then go. */
static void split_text(tokenizer *t, rung_str text) {
  const rung_pattern *separator = t->patterns;
  size_t first = 0, count = t->p->separators.count;
  t->pieces.count = 0;
  add_word(t, &t->pieces, text, 0, text.size);
  for (size_t i = 0; i < count && !t->failed; i++, separator = next_pattern(separator)) {
    size_t end = t->pieces.count;
    for (size_t k = first; k < end; k++)
      split_piece(t, separator, t->pieces.at[k], i + 1 < count ? &t->pieces : &t->tokens);
    first = end;
  }
}

static void tokenize(tokenizer *t, rung_str text) {
  if (t->p->letters)
    split_letters(t, text);
  else if (t->p->separators.count)
    split_text(t, text);
  else
    find_tokens(t, text);
}

/* `ends`: of each text's tokens among all. Marks stand around the tokens, padding behind them. */
static rung_status *give_tokens(rung_kernel_call *call, const tokenizer *t, const size_t *ends, size_t texts) {
  static const rung_str marks[2] = {{"\x02", 1}, {"\x03", 1}};
  const rung_tensor *x = rung_in(call, 0);
  size_t most = 0, cells, at = 0, from = 0;
  for (size_t i = 0; i < texts; i++) most = RUNG_MAX(most, ends[i] - (i ? ends[i - 1] : 0));
  size_t marked = most && t->p->mark ? 1 : 0, columns = most + 2 * marked;
  if (!rung_mul_size(texts, columns, &cells)) return rung_status_out_of_memory();
  rung_str *table = rung_alloc(t->allocator, RUNG_MAX(cells, 1), sizeof *table, "tokens");
  RUNG_CHECK_ALLOC(table);
  for (size_t i = 0; i < texts; i++) {
    size_t stop = at + columns;
    if (marked) table[at++] = marks[0];
    while (from < ends[i]) table[at++] = t->tokens.at[from++];
    if (marked) table[at++] = marks[1];
    while (at < stop) table[at++] = t->p->pad_value;
  }
  int64_t dims[3] = {x->dims[0], x->rank == 2 ? x->dims[1] : (int64_t)columns, (int64_t)columns};
  rung_status *status = rung_kernel_give_strings(call, 0, x->rank + 1, dims, table);
  rung_free(t->allocator, table);
  return status;
}

static rung_status *run_Tokenizer(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  const rung_str *texts = x->data;
  size_t count = rung_tensor_count(x);
  RUNG_RUN_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 1 or 2", x->rank);
  if (count == 0) return rung_kernel_give_strings(call, 0, x->rank, (const int64_t[]){x->dims[0], 0}, NULL);
  tokenizer t = {
      .p = call->params, .allocator = call->host->allocator, .patterns = call->packed, .work = call->scratch};
  size_t *ends = rung_alloc(t.allocator, count, sizeof *ends, "tokens");
  t.failed = !ends;
  for (size_t i = 0; i < count && !t.failed && !rung_kernel_is_cancelled(call); i++) {
    tokenize(&t, texts[i]);
    ends[i] = t.tokens.count;
  }
  rung_status *status = t.failed ? rung_status_out_of_memory() : NULL;
  if (!status && !rung_kernel_is_cancelled(call)) status = give_tokens(call, &t, ends, count);
  rung_vec_free(t.allocator, &t.tokens);
  rung_vec_free(t.allocator, &t.pieces);
  rung_free(t.allocator, ends);
  return status;
}

const rung_kernel rung_cpu_ms_Tokenizer = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .pack = pack_Tokenizer, .prepare = prepare_Tokenizer, .run = run_Tokenizer};

/* MurmurHash3, the version for x86 with 32 bits, of the bytes of each element */

static uint32_t turned(uint32_t x, int by) { return x << by | x >> (32 - by); }

static uint32_t mixed(uint32_t word) { return turned(word * 0xcc9e2d51u, 15) * 0x1b873593u; }

static uint32_t murmur(const unsigned char *data, size_t size, uint32_t seed) {
  uint32_t hash = seed, word;
  for (size_t at = 0; at < size; at += 4) {
    size_t n = RUNG_MIN(size - at, 4);
    word = 0;
    for (size_t i = 0; i < n; i++) word |= (uint32_t)data[at + i] << 8 * i;
    hash ^= mixed(word);
    if (n == 4) hash = turned(hash, 13) * 5 + 0xe6546b64u;
  }
  hash ^= (uint32_t)size;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

static void hash_elements(void *context, size_t begin, size_t end) {
  const rung_kernel_call *call = context;
  const rung_tensor *x = rung_in(call, 0);
  uint32_t seed = (uint32_t)((const rung_murmur_params *)call->params)->seed, *to = rung_out(call, 0)->data;
  size_t size = rung_dtype_size(x->dtype);
  for (size_t i = begin; i < end; i++) {
    rung_str bytes = {(const char *)x->data + i * size, size};
    if (x->dtype == RUNG_STRING) bytes = ((const rung_str *)x->data)[i];
    to[i] = murmur((const unsigned char *)bytes.data, bytes.size, seed);
  }
}

static rung_status *run_MurmurHash3(rung_kernel_call *call) {
  rung_kernel_parallel(call, rung_tensor_count(rung_in(call, 0)), rung_kernel_grain(20), hash_elements, call);
  return NULL;
}

const rung_kernel rung_cpu_ms_MurmurHash3 = {
    .types = {{'T', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U64) |
                        RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_STRING)}},
    .run = run_MurmurHash3};
