/* Cast, CastLike, BitCast. Numbers by form/convert.h; strings here.
 *
 * A number is written with the fewest digits that read back as the same float32 (float64), in the style of %g, with
 * NaN, INF and -INF. A string is read as a decimal number with spaces around it, or those words in any case; anything
 * else is an error. An integer type takes a number with a fraction, too, and drops it. */
#include "op/elementwise.h"

#include "base/element.h"
#include "base/str.h"
#include "provider/cpu/form/convert.h"
#include "provider/opwise/kernel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers */

enum { BLOCK = 4096 }; /* whole bytes of packed elements */

typedef struct cast_job {
  const rung_tensor *in;
  rung_tensor *out;
  size_t count;
  rung_convert_rules rules;
} cast_job;

static void cast_blocks(void *context, size_t begin, size_t end) {
  const cast_job *j = context;
  size_t from = begin * BLOCK, n = RUNG_MIN(end * BLOCK, j->count) - from;
  size_t in_bits = (size_t)rung_dtype_facts(j->in->dtype)->bits,
         out_bits = (size_t)rung_dtype_facts(j->out->dtype)->bits;
  rung_convert(&j->rules, n, j->in->dtype, (const char *)j->in->data + from * in_bits / 8, j->out->dtype,
               (char *)j->out->data + from * out_bits / 8);
}

static rung_status *cast_numbers(rung_kernel_call *call) {
  const rung_cast_params *p = call->params;
  cast_job job = {rung_in(call, 0),
                  rung_out(call, 0),
                  rung_tensor_count(rung_in(call, 0)),
                  {p->saturate != 0, (rung_e8m0_round)p->round_mode}};
  if (job.out) rung_kernel_parallel(call, RUNG_DIV_UP(job.count, BLOCK), 4, cast_blocks, &job);
  return NULL;
}

/* Strings to numbers */

typedef struct number {
  bool is_integer; /* then `integer`, as the bits of int64_t or uint64_t; else `real` */
  uint64_t integer;
  double real;
  float narrow; /* the same, rounded once to float32 */
} number;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_word(const char *at, const char *end, const char *word) {
  for (; at < end && *word; at++, word++)
    if ((*at | 32) != *word) return false;
  return at == end && !*word;
}

/* [+-] digits [. digits] [e [+-] digits] becomes [-] digits e exponent, which reads alike in every locale. */
static bool normalise(const char *at, const char *end, char *to, size_t size, bool *out_integer) {
  size_t n = 0, digits = 0;
  long exponent = 0, given = 0;
  if (at < end && (*at == '-' || *at == '+')) {
    if (*at++ == '-') to[n++] = '-';
  }
  for (bool fraction = false; at < end && (is_digit(*at) || (*at == '.' && !fraction)); at++) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    if (n + 24 > size) return false;
    to[n++] = *at;
    digits++;
    exponent -= fraction;
  }
  *out_integer = at == end && exponent == 0;
  if (at < end && (*at | 32) == 'e') {
    bool negative = ++at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return false;
    for (; at < end && is_digit(*at); at++) given = RUNG_MIN(given * 10 + (*at - '0'), 100000);
    exponent += negative ? -given : given;
  }
  to[n] = 0;
  if (!*out_integer) snprintf(to + n, size - n, "e%ld", exponent);
  return digits > 0 && at == end;
}

static bool parse_word(const char *at, const char *end, number *out) {
  double sign = 1;
  if (at < end && (*at == '-' || *at == '+')) sign = *at++ == '-' ? -1 : 1;
  bool infinite = is_word(at, end, "inf") || is_word(at, end, "infinity");
  if (!infinite && !is_word(at, end, "nan")) return false;
  out->real = infinite ? sign * INFINITY : NAN;
  out->narrow = (float)out->real;
  return true;
}

static bool parse_number(rung_str text, number *out) {
  char digits[512];
  const char *at = text.data, *end = text.data + text.size;
  while (at < end && is_space(*at)) at++;
  while (at < end && is_space(end[-1])) end--;
  *out = (number){0};
  if (parse_word(at, end, out)) return true;
  if (!normalise(at, end, digits, sizeof digits, &out->is_integer)) return false;
  if (out->is_integer)
    out->integer = digits[0] == '-' ? (uint64_t)strtoll(digits, NULL, 10) : strtoull(digits, NULL, 10);
  out->real = strtod(digits, NULL);
  out->narrow = strtof(digits, NULL);
  return true;
}

static rung_status *parse_strings(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0);
  const rung_cast_params *p = call->params;
  rung_tensor *out = rung_out(call, 0);
  rung_convert_rules rules = {p->saturate != 0, (rung_e8m0_round)p->round_mode};
  const rung_str *strings = in->data;
  size_t count = out ? rung_tensor_count(in) : 0, each = 1;
  if (out && rung_dtype_is_packed(out->dtype)) each = 8 / (size_t)rung_dtype_facts(out->dtype)->bits;
  bool whole = out && ((RUNG_SET_INTEGER | RUNG_SET_PACKED) & RUNG_SET(out->dtype)) && out->dtype != RUNG_F4E2M1;
  for (size_t i = 0; i < count && !rung_kernel_stops_at(call, i); i += each) {
    number parsed[4];
    double real[4];
    uint64_t integer[4];
    bool integers = whole;
    size_t n = RUNG_MIN(each, count - i);
    for (size_t k = 0; k < n; k++) {
      RUNG_RUN_REQUIRE(parse_number(strings[i + k], &parsed[k]), "element %zu, \"%.*s\", is no number", i + k,
                       (int)RUNG_MIN(strings[i + k].size, 64), strings[i + k].data);
      integers &= parsed[k].is_integer;
      real[k] = parsed[k].real;
      integer[k] = parsed[k].integer;
    }
    void *to = (char *)out->data + i / each * rung_dtype_size(out->dtype);
    if (out->dtype == RUNG_F32)
      memcpy(to, &parsed[0].narrow, sizeof(float));
    else
      rung_convert(&rules, n, integers ? RUNG_U64 : RUNG_F64, integers ? (void *)integer : real, out->dtype, to);
  }
  return NULL;
}

/* Numbers to strings */

/* printf writes the decimal point of the program's locale, which may be several bytes: all of it becomes one '.'. */
static size_t plain_point(char *text) {
  size_t before = strspn(text, "-0123456789"), point = strcspn(text + before, "e0123456789");
  if (point > 1) memmove(text + before + 1, text + before + point, strlen(text + before + point) + 1);
  if (point) text[before] = '.';
  return strlen(text);
}

enum { MOST_DIGITS = 40 };

static size_t print_float(double x, bool narrow, char *text) {
  if (isnan(x)) return (size_t)snprintf(text, MOST_DIGITS, "NaN");
  if (isinf(x)) return (size_t)snprintf(text, MOST_DIGITS, x < 0 ? "-INF" : "INF");
  int digits = 0;
  do snprintf(text, MOST_DIGITS, "%.*e", digits++, x);
  while (digits < 17 && (narrow ? strtof(text, NULL) != (float)x : strtod(text, NULL) != x));
  /* More digits where they make an exponent needless. */
  int before_point = atoi(strchr(text, 'e') + 1) + 1, most = narrow ? 8 : 17;
  snprintf(text, MOST_DIGITS, "%.*g", RUNG_MAX(digits, RUNG_MIN(before_point, most)), x);
  return plain_point(text);
}

static size_t print_element(const rung_tensor *in, size_t at, char *text) {
  if (in->dtype == RUNG_U64) return (size_t)snprintf(text, MOST_DIGITS, "%" PRIu64, ((const uint64_t *)in->data)[at]);
  if (in->dtype == RUNG_I64) return (size_t)snprintf(text, MOST_DIGITS, "%" PRId64, ((const int64_t *)in->data)[at]);
  return print_float(rung_element_get(in->dtype, in->data, at),
                     in->dtype != RUNG_F64 && in->dtype != RUNG_I32 && in->dtype != RUNG_U32, text);
}

enum { LOOK_NUMBERS = 4096 }; /* between two looks at whether the run was cancelled */

static rung_status *print_numbers(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0);
  size_t count = rung_tensor_count(in);
  rung_arena arena;
  rung_arena_init(&arena, call->host->allocator);
  rung_str *strings = rung_arena_alloc(&arena, count, sizeof *strings);
  rung_status *status = strings ? NULL : rung_status_out_of_memory();
  for (size_t i = 0; i < count && !status; i++) {
    char text[MOST_DIGITS];
    strings[i].size = print_element(in, i, text);
    strings[i].data = rung_arena_copy(&arena, text, strings[i].size);
    if (!strings[i].data) status = rung_status_out_of_memory();
    if (i % LOOK_NUMBERS == 0 && rung_kernel_is_cancelled(call))
      status = RUNG_ERROR(CANCELLED, "the run was cancelled");
  }
  if (!status) status = rung_kernel_give_strings(call, 0, in->rank, in->dims, strings);
  rung_arena_finish(&arena);
  return status;
}

/* Kernels */

static rung_status *run_cast(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  if (in->dtype == RUNG_STRING && out) return parse_strings(call);
  if (in->dtype == RUNG_STRING) return rung_kernel_give(call, 0, rung_value_retain(call->inputs[0]));
  return out ? cast_numbers(call) : print_numbers(call);
}

#define CASTABLE (RUNG_SET_ALL & ~RUNG_SET_COMPLEX)
const rung_kernel rung_cpu_Cast = {.types = {{'T', CASTABLE}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_cast};
const rung_kernel rung_cpu_CastLike = {
    .types = {{'T', CASTABLE}, {'U', CASTABLE}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_cast};

static rung_status *run_BitCast(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  if (out && out->size) memmove(out->data, in->data, out->size);
  return NULL;
}

const rung_kernel rung_cpu_BitCast = {
    .types = {{'T', RUNG_SET_ALL & ~RUNG_SET_STRING}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BitCast};
