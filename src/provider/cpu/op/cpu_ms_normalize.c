/* SkipLayerNormalization, SkipSimplifiedLayerNormalization, SimplifiedLayerNormalization, GatedRMSNorm,
 * BranchwiseRMSNorm, EmbedLayerNormalization, QEmbedLayerNormalization. */
#include "op/ms_gated.h"
#include "op/ms_normalize.h"
#include "op/normalize.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/norm_rows.h"
#include "provider/cpu/kernel/isa.h"
#include "provider/cpu/form/quantized.h"

#include <math.h>

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

enum { BLOCK = 256 };

/* The norm comes first: a context of these rows is one of rung_norm_rows, too. */
typedef struct sum_job {
  rung_norm norm;
  const rung_tensor *skip, *bias; /* bias NULL: none */
  size_t skip_rows;               /* of which row r % skip_rows is added */
  rung_tensor *sum;               /* NULL: not wanted */
} sum_job;

/* y = x + skip + bias, stored, then normalised in place. */
#define SUM_ROW(suffix, type)                                                                         \
  static void sum_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {         \
    const sum_job *j = context;                                                                       \
    type more[BLOCK];                                                                                 \
    for (size_t at = 0; at < n; at += BLOCK) {                                                        \
      size_t count = RUNG_MIN(n - at, (size_t)BLOCK);                                                 \
      rung_load_##suffix(j->skip->dtype, j->skip->data, row % j->skip_rows * n + at, 1, count, more); \
      for (size_t i = 0; i < count; i++) y[at + i] = x[at + i] + more[i];                             \
      if (!j->bias) continue;                                                                         \
      rung_load_##suffix(j->bias->dtype, j->bias->data, at, 1, count, more);                          \
      for (size_t i = 0; i < count; i++) y[at + i] += more[i];                                        \
    }                                                                                                 \
    if (j->sum) rung_store_##suffix(j->sum->dtype, j->sum->data, row *n, 1, n, y);                    \
    rung_norm_row_##suffix(context, row, n, y, y);                                                    \
  }
SUM_ROW(f32, float)
SUM_ROW(f64, double)

/* Scratch: scale, shift, and per row mean and inverse deviation; then what the rows need. */
typedef struct norm_layout {
  size_t rows, n, vector, statistics; /* bytes of the last two */
  rung_rowwise rowwise;
} norm_layout;

static void lay_out(const rung_kernel_call *call, rung_dtype from, rung_dtype to, size_t rows, size_t n,
                    norm_layout *l) {
  *l = (norm_layout){rows, n, rung_norm_bytes(n, from), rung_norm_bytes(rows, from), .rowwise = {0}};
  rung_rowwise_make(call, &l->rowwise, from, to, rows, n, 1);
}

static size_t layout_scratch(const norm_layout *l) {
  return 2 * l->vector + 2 * l->statistics + rung_rowwise_scratch(&l->rowwise);
}

/* Scale and shift, unless NULL, in scratch; gives back where the rest of it begins. */
static char *set_norm(const rung_kernel_call *call, const norm_layout *l, const rung_tensor *scale,
                      const rung_tensor *shift, bool centred, float epsilon, char *scratch, rung_norm *norm) {
  rung_dtype dtype = l->rowwise.from;
  *norm = (rung_norm){.call = call,
                      .kernels = rung_rows_for(rung_isa(call->host)),
                      .scale = {scratch, 1, l->n, 1},
                      .centred = centred,
                      .epsilon = epsilon};
  if (scale)
    rung_norm_load(scale, dtype, scratch);
  else
    norm->scale.at = NULL;
  if (shift) {
    norm->bias = (rung_row_operand){scratch + l->vector, 1, l->n, 1};
    rung_norm_load(shift, dtype, scratch + l->vector);
  }
  norm->means = scratch + 2 * l->vector;
  norm->inverses = (char *)norm->means + l->statistics;
  return (char *)norm->inverses + l->statistics;
}

static rung_status *require_vector(const rung_tensor *t, const char *name, size_t n) {
  RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == n, "%s has %zu elements, rows have %zu", name, rung_tensor_count(t),
                   n);
  return NULL;
}

/* SkipLayerNormalization, SkipSimplifiedLayerNormalization */

static rung_status *make_skip_norm(const rung_kernel_call *call, bool simplified, norm_layout *l, sum_job *j) {
  const rung_tensor *x = rung_in(call, 0), *skip = rung_in(call, 1);
  RUNG_RUN_REQUIRE(x->rank >= 1 && rung_out(call, 0), "there must be rows, and the first output");
  size_t n = (size_t)x->dims[x->rank - 1], rows = (size_t)rung_tensor_span(x, 0, x->rank - 1),
         skip_count = rung_tensor_count(skip);
  RUNG_TRY(require_vector(rung_in(call, 2), "gamma", n));
  RUNG_TRY(require_vector(rung_in(call, 3), simplified ? "bias" : "beta", n));
  RUNG_TRY(require_vector(simplified ? NULL : rung_in(call, 4), "bias", n));
  *j = (sum_job){.skip = skip, .bias = rung_in(call, simplified ? 3 : 4), .sum = rung_out(call, 3)};
  j->skip_rows = n ? skip_count / n : 0;
  RUNG_RUN_REQUIRE(skip->rank >= 1 && skip->dims[skip->rank - 1] == (int64_t)n &&
                       (!rows || (j->skip_rows && rows % j->skip_rows == 0)),
                   "skip has %zu elements for %zu rows of %zu", skip_count, rows, n);
  lay_out(call, x->dtype, x->dtype, rows, n, l);
  return NULL;
}

static rung_status *prepare_skip_norm(rung_kernel_call *call, bool simplified) {
  norm_layout l;
  sum_job j;
  RUNG_TRY(make_skip_norm(call, simplified, &l, &j));
  call->scratch_size = layout_scratch(&l);
  return NULL;
}

static rung_status *run_skip_norm(rung_kernel_call *call, bool simplified) {
  const rung_skip_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  norm_layout l;
  sum_job j;
  RUNG_TRY(make_skip_norm(call, simplified, &l, &j));
  char *rest = set_norm(call, &l, rung_in(call, 2), simplified ? NULL : rung_in(call, 3), !simplified, p->epsilon,
                        call->scratch, &j.norm);
  rung_rowwise_run(call, &l.rowwise, 2, &(const rung_row_functions){sum_row_f32, sum_row_f64}, &j, x->data,
                   rung_out(call, 0)->data, rest);
  if (rung_out(call, 1)) rung_norm_store(rung_out(call, 1), x->dtype, j.norm.means);
  if (rung_out(call, 2)) rung_norm_store(rung_out(call, 2), x->dtype, j.norm.inverses);
  return NULL;
}

#define SKIP_KERNEL(symbol, simplified)                                                                        \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_skip_norm(call, simplified); } \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_skip_norm(call, simplified); }         \
  const rung_kernel rung_cpu_ms_##symbol = {                                                                   \
      .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_##symbol, .run = run_##symbol};
SKIP_KERNEL(SkipLayerNormalization, false)
SKIP_KERNEL(SkipSimplifiedLayerNormalization, true)

/* SimplifiedLayerNormalization */

static rung_status *make_simplified(const rung_kernel_call *call, norm_layout *l) {
  const rung_layer_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, x->rank, &axis));
  RUNG_RUN_REQUIRE(rung_out(call, 0), "the first output is required");
  lay_out(call, x->dtype, rung_out(call, 0)->dtype, (size_t)rung_tensor_span(x, 0, axis),
          (size_t)rung_tensor_span(x, axis, x->rank), l);
  return require_vector(rung_in(call, 1), "scale", l->n);
}

static rung_status *prepare_simplified(rung_kernel_call *call) {
  norm_layout l;
  RUNG_TRY(make_simplified(call, &l));
  call->scratch_size = layout_scratch(&l);
  return NULL;
}

static rung_status *run_simplified(rung_kernel_call *call) {
  const rung_layer_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  norm_layout l;
  rung_norm norm;
  RUNG_TRY(make_simplified(call, &l));
  char *rest = set_norm(call, &l, rung_in(call, 1), NULL, false, p->epsilon, call->scratch, &norm);
  rung_rowwise_run(call, &l.rowwise, 2, &rung_norm_rows, &norm, x->data, rung_out(call, 0)->data, rest);
  if (rung_out(call, 1)) rung_norm_store(rung_out(call, 1), x->dtype, norm.inverses);
  return NULL;
}

const rung_kernel rung_cpu_SimplifiedLayerNormalization = {
    .types = {{'T', RUNG_SET_FLOAT}, {'V', RUNG_SET_FLOAT}}, .prepare = prepare_simplified, .run = run_simplified};

/* GatedRMSNorm, BranchwiseRMSNorm: rows are parts of the last dimension */

typedef struct gated_job {
  rung_norm norm;
  const rung_tensor *gate;
  rung_unary_loop activation;
} gated_job;

static void gated_row(void *context, size_t row, size_t n, const float *x, float *y) {
  static const float plain[2] = {1, 0}; /* swish(z) = z sigmoid(1 z) */
  const gated_job *j = context;
  float gate[BLOCK];
  rung_norm_row_f32(context, row, n, x, y);
  for (size_t at = 0; at < n; at += BLOCK) {
    size_t count = RUNG_MIN(n - at, (size_t)BLOCK);
    rung_load_f32(j->gate->dtype, j->gate->data, row * n + at, 1, count, gate);
    j->activation(count, gate, gate, plain);
    for (size_t i = 0; i < count; i++) y[at + i] *= gate[i];
  }
}

static rung_status *make_gated(const rung_kernel_call *call, norm_layout *l) {
  const rung_tensor *x = rung_in(call, 0), *scale = rung_in(call, 1);
  size_t n = rung_tensor_count(scale), last = x->rank ? (size_t)x->dims[x->rank - 1] : 0;
  RUNG_RUN_REQUIRE(scale->rank == 1 && n && x->rank && last % n == 0, "rows of %zu cannot be divided into parts of %zu",
                   last, n);
  RUNG_RUN_REQUIRE(rung_tensor_same_shape(x, rung_in(call, 2)), "the gate is not shaped like X");
  lay_out(call, x->dtype, x->dtype, rung_tensor_count(x) / n, n, l);
  return NULL;
}

static rung_status *prepare_gated(rung_kernel_call *call) {
  norm_layout l;
  RUNG_TRY(make_gated(call, &l));
  call->scratch_size = layout_scratch(&l);
  return NULL;
}

static rung_status *run_gated(rung_kernel_call *call) {
  const rung_gated_norm_params *p = call->params;
  const rung_math *math = rung_math_for(rung_isa(call->host));
  norm_layout l;
  RUNG_TRY(make_gated(call, &l));
  gated_job j = {.gate = rung_in(call, 2),
                 .activation = math->unary[p->activation == RUNG_GATE_SIGMOID ? RUNG_MATH_sigmoid : RUNG_MATH_swish]};
  char *rest = set_norm(call, &l, rung_in(call, 1), NULL, false, p->epsilon, call->scratch, &j.norm);
  rung_rowwise_run(call, &l.rowwise, 3, &(const rung_row_functions){gated_row, NULL}, &j, rung_in(call, 0)->data,
                   rung_out(call, 0)->data, rest);
  return NULL;
}

const rung_kernel rung_cpu_ms_GatedRMSNorm = {
    .types = {{'T', NARROW_FLOATS}}, .prepare = prepare_gated, .run = run_gated};

/* A scale for all branches, or one for each: *out_period of them. */
static rung_status *make_branches(const rung_kernel_call *call, norm_layout *l, size_t *out_period) {
  const rung_gated_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *scale = rung_in(call, 1);
  RUNG_RUN_REQUIRE(x->rank >= (p->num_branches ? 1 : 2), "the input has rank %d, and no branches", x->rank);
  int64_t last = x->dims[x->rank - 1], branches = p->num_branches ? p->num_branches : x->dims[x->rank - 2];
  RUNG_RUN_REQUIRE(!p->num_branches || last % branches == 0, "%lld elements cannot be divided into %lld branches",
                   (long long)last, (long long)branches);
  size_t n = (size_t)(p->num_branches ? last / branches : last), given = scale ? rung_tensor_count(scale) : n;
  bool fits = !scale || (scale->rank == 1 && (given == n || given == n * (size_t)branches)) ||
              (scale->rank == 2 && scale->dims[0] == branches && scale->dims[1] == (int64_t)n);
  RUNG_RUN_REQUIRE(fits, "a scale of %zu elements for %lld branches of %zu", given, (long long)branches, n);
  *out_period = given == n ? 1 : (size_t)branches;
  lay_out(call, x->dtype, x->dtype, n ? rung_tensor_count(x) / n : 0, n, l);
  l->vector = rung_norm_bytes(given, x->dtype);
  return NULL;
}

static rung_status *prepare_branches(rung_kernel_call *call) {
  norm_layout l;
  size_t period;
  RUNG_TRY(make_branches(call, &l, &period));
  call->scratch_size = layout_scratch(&l);
  return NULL;
}

static rung_status *run_branches(rung_kernel_call *call) {
  const rung_gated_norm_params *p = call->params;
  norm_layout l;
  rung_norm norm;
  size_t period;
  RUNG_TRY(make_branches(call, &l, &period));
  char *rest = set_norm(call, &l, rung_in(call, 1), NULL, false, p->epsilon, call->scratch, &norm);
  norm.scale.period = period;
  rung_rowwise_run(call, &l.rowwise, 2, &rung_norm_rows, &norm, rung_in(call, 0)->data, rung_out(call, 0)->data, rest);
  return NULL;
}

const rung_kernel rung_cpu_ms_BranchwiseRMSNorm = {
    .types = {{'T', NARROW_FLOATS}, {'M', NARROW_FLOATS}}, .prepare = prepare_branches, .run = run_branches};

/* EmbedLayerNormalization, QEmbedLayerNormalization */

/* A table, whose elements stand for (element - zero) * scale. */
typedef struct embed_table {
  const rung_tensor *tensor; /* NULL: there is none */
  rung_quantization quantization;
} embed_table;

typedef struct embed_job {
  rung_norm norm;
  const int32_t *words, *segments, *positions; /* the last two may be NULL */
  size_t position_count;                       /* of all samples, or of one: it serves all */
  embed_table tables[RUNG_QEMBED_TABLES];      /* words, positions, segments; gamma and beta */
  bool quantized;
  size_t length;
  rung_tensor *sum;
} embed_job;
enum { TABLE_WORDS, TABLE_POSITIONS, TABLE_SEGMENTS, TABLE_GAMMA, TABLE_BETA };

static int64_t position_of(const embed_job *j, size_t token) {
  return j->positions ? j->positions[token % j->position_count] : (int64_t)(token % j->length);
}

/* The input that rung_rowwise hands over is not looked at: rows are made of the tables. */
#define EMBED_ROW(suffix, type)                                                                     \
  static void load_entry_##suffix(const embed_job *j, int which, size_t at, size_t n, type *to) {   \
    const embed_table *table = &j->tables[which];                                                   \
    rung_load_##suffix(table->tensor->dtype, table->tensor->data, at, 1, n, to);                    \
    for (size_t i = 0; i < n && j->quantized; i++)                                                  \
      to[i] = (to[i] - (type)table->quantization.zero) * (type)table->quantization.scale;           \
  }                                                                                                 \
  static void add_entry_##suffix(const embed_job *j, int which, int64_t entry, size_t n, type *y) { \
    type more[BLOCK];                                                                               \
    for (size_t at = 0; at < n; at += BLOCK) {                                                      \
      size_t count = RUNG_MIN(n - at, (size_t)BLOCK);                                               \
      load_entry_##suffix(j, which, (size_t)entry *n + at, count, more);                            \
      for (size_t i = 0; i < count; i++) y[at + i] += more[i];                                      \
    }                                                                                               \
  }                                                                                                 \
  static void embed_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {     \
    const embed_job *j = context;                                                                   \
    (void)x;                                                                                        \
    memset(y, 0, n * sizeof *y);                                                                    \
    add_entry_##suffix(j, TABLE_WORDS, j->words[row], n, y);                                        \
    add_entry_##suffix(j, TABLE_POSITIONS, position_of(j, row), n, y);                              \
    if (j->segments) add_entry_##suffix(j, TABLE_SEGMENTS, j->segments[row], n, y);                 \
    if (j->sum) rung_store_##suffix(j->sum->dtype, j->sum->data, row *n, 1, n, y);                  \
    rung_norm_row_##suffix(context, row, n, y, y);                                                  \
  }
EMBED_ROW(f32, float)
EMBED_ROW(f64, double)

static rung_status *require_table(const rung_tensor *t, const char *name, size_t n) {
  RUNG_RUN_REQUIRE(t && t->rank == 2 && t->dims[1] == (int64_t)n, "the table of %s has no rows of %zu", name, n);
  return NULL;
}

static rung_status *make_embed(const rung_kernel_call *call, bool quantized, norm_layout *l, embed_job *j) {
  static const uint32_t places[RUNG_QEMBED_TABLES] = {RUNG_EMBED_WORD_TABLE, RUNG_EMBED_POSITION_TABLE,
                                                      RUNG_EMBED_SEGMENT_TABLE, RUNG_EMBED_GAMMA, RUNG_EMBED_BETA};
  const rung_tensor *words = rung_in(call, RUNG_EMBED_WORDS), *segments = rung_in(call, RUNG_EMBED_SEGMENTS);
  const rung_tensor *positions = quantized ? NULL : rung_in(call, RUNG_EMBED_POSITIONS), *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y && words->rank == 2, "words must be (batch, length), and the first output is required");
  *j = (embed_job){.words = words->data,
                   .length = (size_t)words->dims[1],
                   .segments = segments ? segments->data : NULL,
                   .positions = positions ? positions->data : NULL,
                   .position_count = positions ? rung_tensor_count(positions) : 0,
                   .quantized = quantized,
                   .sum = rung_out(call, 2)};
  for (uint32_t i = 0; i < RUNG_QEMBED_TABLES; i++) j->tables[i].tensor = rung_in(call, places[i]);
  RUNG_RUN_REQUIRE(j->tables[0].tensor->rank == 2, "the table of words has no rows");
  size_t n = (size_t)j->tables[0].tensor->dims[1], tokens = rung_tensor_count(words);
  RUNG_TRY(require_table(j->tables[TABLE_POSITIONS].tensor, "positions", n));
  if (segments) RUNG_TRY(require_table(j->tables[TABLE_SEGMENTS].tensor, "segments", n));
  RUNG_TRY(require_vector(j->tables[TABLE_GAMMA].tensor, "gamma", n));
  RUNG_TRY(require_vector(j->tables[TABLE_BETA].tensor, "beta", n));
  RUNG_TRY(require_vector(segments, "segment_ids", tokens));
  RUNG_TRY(require_vector(positions, "position_ids", j->position_count == j->length ? j->length : tokens));
  RUNG_TRY(require_vector(rung_in(call, RUNG_EMBED_MASK), "mask", tokens));
  lay_out(call, y->dtype, y->dtype, tokens, n, l);
  return NULL;
}

static rung_status *prepare_embed_norm(rung_kernel_call *call, bool quantized) {
  norm_layout l;
  embed_job j;
  RUNG_TRY(make_embed(call, quantized, &l, &j));
  call->scratch_size = layout_scratch(&l);
  return NULL;
}

static rung_status *check_entry(const rung_tensor *table, int64_t entry, const char *name) {
  RUNG_RUN_REQUIRE(entry >= 0 && entry < table->dims[0], "%s %lld is outside [0, %lld)", name, (long long)entry,
                   (long long)table->dims[0]);
  return NULL;
}

static rung_status *check_entries(const embed_job *j, size_t tokens) {
  for (size_t i = 0; i < tokens; i++) {
    RUNG_TRY(check_entry(j->tables[TABLE_WORDS].tensor, j->words[i], "word"));
    RUNG_TRY(check_entry(j->tables[TABLE_POSITIONS].tensor, position_of(j, i), "position"));
    if (j->segments) RUNG_TRY(check_entry(j->tables[TABLE_SEGMENTS].tensor, j->segments[i], "segment"));
  }
  return NULL;
}

/* How many tokens of each sample the mask lets through; 0 without a mask. */
static void count_mask(const rung_tensor *mask, size_t length, rung_tensor *out) {
  int32_t *counts = out->data;
  size_t samples = rung_tensor_count(out);
  for (size_t i = 0; i < samples; i++) {
    counts[i] = 0;
    for (size_t k = 0; k < length && mask; k++) counts[i] += ((const int32_t *)mask->data)[i * length + k] == 1;
  }
}

static rung_status *run_embed_norm(rung_kernel_call *call, bool quantized) {
  const rung_embed_norm_params *p = call->params;
  norm_layout l;
  embed_job j;
  RUNG_TRY(make_embed(call, quantized, &l, &j));
  RUNG_TRY(check_entries(&j, l.rows));
  for (uint32_t i = 0; i < RUNG_QEMBED_TABLES && quantized; i++)
    if (j.tables[i].tensor && (i != TABLE_SEGMENTS || j.segments))
      RUNG_TRY(rung_quantization_read(call, RUNG_QEMBED_SCALES + i, RUNG_QEMBED_ZEROS + i, &j.tables[i].quantization));
  char *rest = set_norm(call, &l, j.tables[TABLE_GAMMA].tensor, j.tables[TABLE_BETA].tensor, true, p->epsilon,
                        call->scratch, &j.norm);
  for (int i = TABLE_GAMMA; i <= TABLE_BETA && quantized; i++) /* floats only */
    load_entry_f32(&j, i, 0, l.n, (float *)(i == TABLE_GAMMA ? j.norm.scale.at : j.norm.bias.at));
  void *y = rung_out(call, 0)->data;
  if (rung_out(call, 0)->size) memset(y, 0, rung_out(call, 0)->size);
  rung_rowwise_run(call, &l.rowwise, 3, &(const rung_row_functions){embed_row_f32, embed_row_f64}, &j, y, y, rest);
  if (rung_out(call, 1)) count_mask(rung_in(call, RUNG_EMBED_MASK), j.length, rung_out(call, 1));
  return NULL;
}

#define EMBED_KERNEL(symbol, quantized, ...)                                                                   \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_embed_norm(call, quantized); } \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_embed_norm(call, quantized); }         \
  const rung_kernel rung_cpu_ms_##symbol = {                                                                   \
      .types = {{'I', RUNG_SET(RUNG_I32)}, __VA_ARGS__}, .prepare = prepare_##symbol, .run = run_##symbol};
EMBED_KERNEL(EmbedLayerNormalization, false, {'T', RUNG_SET_FLOAT})
EMBED_KERNEL(QEmbedLayerNormalization, true, {'T', RUNG_SET(RUNG_F32)}, {'Q', RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8)})
