/* Texts of logs: each pattern of log_texts.inc is looked for in the whole text; what matches becomes a finding with the
 * line as evidence. A matcher of its own keeps the time linear on any input: parts are bounded, nothing backtracks far.
 */

#include "doctor/doctor.h"
#include "doctor/files.h"
#include "doctor/vendor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
  MOST_LOG = 8 << 20,
  MOST_CAPTURE = 300,
  MOST_CAPTURES = 6,
  MOST_MATCHES = 256,
  MOST_SHOWN = 240,
  MOST_LINES = 3
};

typedef enum log_rank { CAUSE, SYMPTOM, FRIEND } log_rank;

typedef struct log_entry {
  doctor_code code;
  log_rank rank;
  const char *patterns, *title, *cause, *fix;
} log_entry;

static const log_entry entries[] = {
#define RUNG_LOG_TEXT(name, code, severity, rank, patterns, title, cause, fix) \
  {DOCTOR_LOG_##name, rank, patterns, title, cause, fix},
#include "doctor/log_texts.inc"
#undef RUNG_LOG_TEXT
};

/* Matching */

typedef struct capture {
  rung_str name, text;
} capture;

typedef struct matcher {
  rung_str log;
  capture captures[MOST_CAPTURES];
  size_t count;
} matcher;

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`' || c == '(' || c == ')' || c == '[' || c == ']';
}

/* May a capture of this kind go on with the byte at `at`? */
static bool is_of_kind(rung_str log, size_t at, char kind) {
  char c = log.data[at];
  if (c == '\n') return false;
  bool drive = c == ':' && at + 1 < log.size && (log.data[at + 1] == '\\' || log.data[at + 1] == '/');
  switch (kind) {
    case 'n':
      return isdigit((unsigned char)c) || c == '.';
    case 'w':
      return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '+';
    case 'f':
      return drive || (!is_space(c) && !is_quote(c) && c != ':' && c != ',' && c != ';' && c != '{' && c != '}');
    default:
      return true;
  }
}

/* Where a line begins or ends. */
static bool is_edge(rung_str log, size_t at) {
  return at == 0 || at >= log.size || log.data[at] == '\n' || log.data[at - 1] == '\n';
}

static bool match_here(matcher *m, const char *pattern, const char *end, size_t at, size_t *out_end, int depth);

/* <name:kind>: as short as the rest allows. */
static bool match_capture(matcher *m, const char *pattern, const char *end, size_t at, size_t *out_end, int depth) {
  const char *close = memchr(pattern, '>', (size_t)(end - pattern));
  const char *colon = memchr(pattern, ':', (size_t)(close - pattern));
  char kind = colon ? colon[1] : 'a';
  const char *name_end = colon ? colon : close;
  size_t slot = m->count;
  if (slot == MOST_CAPTURES) return false;
  for (size_t size = 1; size <= MOST_CAPTURE && at + size <= m->log.size && is_of_kind(m->log, at + size - 1, kind);
       size++) {
    bool more = at + size < m->log.size && is_of_kind(m->log, at + size, kind);
    bool last = close + 1 == end; /* nothing comes after: as long as it goes */
    if (last && more && size < MOST_CAPTURE) continue;
    m->count = slot + 1;
    m->captures[slot] = (capture){{pattern + 1, (size_t)(name_end - pattern - 1)}, {m->log.data + at, size}};
    if (match_here(m, close + 1, end, at + size, out_end, depth)) return true;
    m->count = slot;
  }
  return false;
}

static bool match_star(matcher *m, const char *pattern, const char *end, size_t at, size_t *out_end, int depth) {
  for (size_t skip = 0; skip <= MOST_CAPTURE && at + skip <= m->log.size; skip++) {
    size_t count = m->count;
    if (match_here(m, pattern + 1, end, at + skip, out_end, depth)) return true;
    m->count = count;
    if (at + skip < m->log.size && m->log.data[at + skip] == '\n') return false;
  }
  return false;
}

static bool match_here(matcher *m, const char *pattern, const char *end, size_t at, size_t *out_end, int depth) {
  enum { DEEPEST = 8 };
  if (depth > DEEPEST) return false;
  for (; pattern < end; pattern++) {
    if (*pattern == '<') return match_capture(m, pattern, end, at, out_end, depth + 1);
    if (*pattern == '*') return match_star(m, pattern, end, at, out_end, depth + 1);
    if (*pattern == '^') {
      if (!is_edge(m->log, at)) return false;
      continue;
    }
    if (at >= m->log.size) return false;
    char c = m->log.data[at];
    if (*pattern == ' ') {
      if (!is_space(c)) return false;
      for (int n = 0; n < 64 && at < m->log.size && is_space(m->log.data[at]); n++) at++;
      continue;
    }
    if (tolower((unsigned char)*pattern) != tolower((unsigned char)c)) return false;
    at++;
  }
  *out_end = at;
  return !(is_digit(end[-1]) && at < m->log.size && is_digit(m->log.data[at])); /* "error 2" is not in "error 25" */
}

/* The longest run of plain letters in a pattern: it is looked for first, and most patterns are done with that. */
static rung_str anchor_of(const char *pattern, const char *end) {
  rung_str best = {pattern, 0};
  for (const char *at = pattern; at < end;) {
    const char *begin = at;
    while (at < end && *at != '<' && *at != '*' && *at != ' ' && *at != '^') at++;
    if ((size_t)(at - begin) > best.size) best = (rung_str){begin, (size_t)(at - begin)};
    if (at < end && *at == '<') {
      while (at < end && *at != '>') at++;
    }
    at += at < end;
  }
  return best;
}

static size_t find_text(rung_str log, size_t from, rung_str word) {
  if (!word.size) return log.size;
  char low = (char)tolower((unsigned char)word.data[0]), high = (char)toupper((unsigned char)word.data[0]);
  for (size_t i = from; i + word.size <= log.size; i++)
    if ((log.data[i] == low || log.data[i] == high) && strncasecmp(log.data + i, word.data, word.size) == 0) return i;
  return log.size;
}

/* A match may begin anywhere in the line before the anchor, and, as a space is a line's end, too, in those before it.
 */
static size_t first_start(const matcher *m, size_t anchor) {
  size_t start = anchor;
  for (int lines = 0; start && anchor - start < 2 * MOST_CAPTURE; start--) {
    lines += m->log.data[start - 1] == '\n';
    if (lines > MOST_LINES) break;
  }
  return start;
}

/* Findings */

typedef struct log_match {
  const log_entry *entry;
  size_t begin, end;
  const char *provider; /* rung's name; "" when unknown */
  const char *title, *cause, *fix;
} log_match;

typedef struct explainer {
  doctor *d;
  rung_str log;
  size_t gap, gap_lines; /* of a log that is too long: the lines that are left out, and where */
  int cuda;
  log_match matches[MOST_MATCHES];
  size_t count;
} explainer;

static const char *value_of(explainer *e, const matcher *m, const char *name, size_t size) {
  doctor *d = e->d;
  const capture *lib = NULL;
  for (size_t i = 0; i < m->count; i++) {
    const capture *c = &m->captures[i];
    if (c->name.size == 3 && strncmp(c->name.data, "lib", 3) == 0) lib = c;
    if (c->name.size == size && strncmp(c->name.data, name, size) == 0)
      return rung__doctor_copy(d, c->text.data, c->text.size);
  }
  if (!lib) return "";
  const char *file = rung__doctor_copy(d, lib->text.data, lib->text.size), *slash = strrchr(file, '/'),
             *back = strrchr(file, '\\');
  if (slash) file = slash + 1;
  if (back && back >= file) file = back + 1;
  vendor_library v = rung__vendor_library(d, file, e->cuda, "pip");
  if (strncmp(name, "soname", size) == 0) return file;
  if (strncmp(name, "product", size) == 0)
    return v.product ? rung__doctor_printf(d, ": it belongs to %s%s%s", v.product, v.release[0] ? " " : "", v.release)
                     : "";
  if (strncmp(name, "release", size) == 0) return v.release;
  if (strncmp(name, "libfix", size) != 0) return "";
  if (!v.fix[0])
    return rung__doctor_printf(
        d, "install the package that holds %s (apt-file search %s), or put its folder into LD_LIBRARY_PATH", file,
        file);
  size_t length = strlen(file);
  const char *variable = length > 4 && strcasecmp(file + length - 4, ".dll") == 0 ? "PATH" : "LD_LIBRARY_PATH";
  if (strncmp(v.fix, "pip ", 4) != 0) return v.fix;
  return rung__doctor_printf(
      d, "%s, and let the loader find it (%s; from ONNX Runtime 1.21 on: onnxruntime.preload_dlls())", v.fix, variable);
}

static const char *fill(explainer *e, const matcher *m, const char *text) {
  const char *out = "";
  while (*text) {
    size_t plain = strcspn(text, "<");
    const char *close = text[plain] ? strchr(text + plain, '>') : NULL;
    if (!close || memchr(text + plain, ' ', (size_t)(close - text - plain)) || close == text + plain + 1 ||
        !isalpha((unsigned char)text[plain + 1])) {
      size_t size = plain + (text[plain] != 0);
      out = rung__doctor_printf(e->d, "%s%.*s", out, (int)size, text);
      text += size;
      continue;
    }
    out = rung__doctor_printf(e->d, "%s%.*s%s", out, (int)plain, text,
                              value_of(e, m, text + plain + 1, (size_t)(close - text - plain - 1)));
    text = close + 1;
  }
  return out;
}

/* Whose trouble it is, by the words around the match. */
static const char *provider_of(explainer *e, size_t begin, size_t end) {
  static const struct {
    const char *word, *name;
  } words[] = {{"openvino", "openvino"}, {"migraphx", "migraphx"}, {"rocm", "rocm"},    {"hip", "rocm"},
               {"coreml", "coreml"},     {"nnapi", "nnapi"},       {"dml", "directml"}, {"qnn", "qnn"},
               {"webgpu", "webgpu"},     {"tensorrt", "cuda"},     {"nvinfer", "cuda"}, {"cud", "cuda"},
               {"cublas", "cuda"},       {"cufft", "cuda"},        {"curand", "cuda"},  {"nv", "cuda"}};
  rung_str text = {e->log.data + begin, end - begin};
  for (size_t i = 0; i < RUNG_COUNT(words); i++)
    if (find_text(text, 0, rung_str_of(words[i].word)) < text.size) return words[i].name;
  return "";
}

static bool overlaps(const explainer *e, size_t begin, size_t end) {
  for (size_t i = 0; i < e->count; i++)
    if (begin < e->matches[i].end && end > e->matches[i].begin) return true;
  return false;
}

static bool is_repeated(const explainer *e, const log_entry *entry, const char *title) {
  for (size_t i = 0; i < e->count; i++)
    if (e->matches[i].entry == entry && strcmp(e->matches[i].title, title) == 0) return true;
  return false;
}

static void keep_match(explainer *e, const log_entry *entry, const matcher *m, size_t begin, size_t end) {
  if (overlaps(e, begin, end) || e->count == MOST_MATCHES) return;
  const char *title = fill(e, m, entry->title);
  if (is_repeated(e, entry, title)) return;
  e->matches[e->count++] = (log_match){
      entry, begin, end, provider_of(e, begin, end), title, fill(e, m, entry->cause), fill(e, m, entry->fix)};
}

/* The nearest start in the line from which the pattern matches past the anchor. */
static bool match_around(matcher *m, const char *pattern, const char *end, size_t anchor, size_t *begin, size_t *stop) {
  bool front = *pattern == '<' || *pattern == '*';
  for (size_t at = first_start(m, anchor); at <= anchor; at++) {
    bool boundary =
        at == 0 || !(isalnum((unsigned char)m->log.data[at - 1]) && isalnum((unsigned char)m->log.data[at]));
    if (front && !boundary && at != anchor) continue;
    m->count = 0;
    if (match_here(m, pattern, end, at, stop, 0) && *stop > anchor) {
      *begin = at;
      return true;
    }
  }
  return false;
}

static void look_for(explainer *e, const log_entry *entry, const char *pattern, const char *end) {
  rung_str anchor = anchor_of(pattern, end);
  size_t tries = 0;
  for (size_t at = find_text(e->log, 0, anchor); at < e->log.size && tries < 2000;
       at = find_text(e->log, at, anchor), tries++) {
    matcher m = {.log = e->log};
    size_t begin, stop;
    if (match_around(&m, pattern, end, at, &begin, &stop)) {
      keep_match(e, entry, &m, begin, stop);
      at = RUNG_MAX(stop, at + 1);
    } else {
      at++;
    }
  }
}

/* Which causes a symptom stands for. */
static bool is_explained(const explainer *e, const log_match *symptom) {
  for (size_t i = 0; i < e->count; i++) {
    const log_match *m = &e->matches[i];
    if (m->entry->rank != CAUSE) continue;
    if (!symptom->provider[0] || !m->provider[0] || strcmp(m->provider, symptom->provider) == 0) return true;
  }
  return false;
}

/* Causes that another cause in the log brings about. */
static bool is_led(const explainer *e, const log_match *follower) {
  static const struct {
    doctor_code first, then[4];
  } leads[] = {{DOCTOR_LOG_CONTAINER_BARE,
                {DOCTOR_LOG_DRIVER_OLD, DOCTOR_LOG_NO_DEVICE, DOCTOR_LOG_DRIVER_LIBRARY, DOCTOR_LOG_SMI_FAILED}}};
  for (size_t k = 0; k < RUNG_COUNT(leads); k++)
    for (size_t i = 0; i < e->count; i++)
      for (size_t n = 0; e->matches[i].entry->code == leads[k].first && n < RUNG_COUNT(leads[k].then); n++)
        if (leads[k].then[n] == follower->entry->code) return true;
  return false;
}

static size_t line_number(const explainer *e, size_t at) {
  size_t number = 1 + (at >= e->gap ? e->gap_lines : 0);
  for (size_t i = 0; i < at; i++) number += e->log.data[i] == '\n';
  return number;
}

static const char *line_around(explainer *e, size_t at) {
  size_t begin = at, end = at;
  while (begin && e->log.data[begin - 1] != '\n') begin--;
  while (end < e->log.size && e->log.data[end] != '\n') end++;
  rung_str line = rung__doctor_trim((rung_str){e->log.data + begin, end - begin});
  if (line.size > MOST_SHOWN) { /* the part around what matched */
    size_t before = RUNG_MIN(at - begin, MOST_SHOWN / 4);
    line = (rung_str){e->log.data + at - before, RUNG_MIN(end - at + before, MOST_SHOWN)};
  }
  return rung__doctor_copy(e->d, line.data, line.size);
}

static void report(explainer *e, const log_match *m) {
  doctor_finding f = rung__doctor_find(e->d, m->entry->code, m->title);
  if (m->cause[0]) rung__doctor_because(f, "%s", m->cause);
  if (m->fix[0]) rung__doctor_mend(f, "%s", m->fix);
  rung__doctor_show(f, "line %zu: %s", line_number(e, m->begin), line_around(e, m->begin));
}

/* One symptom is enough: the first that nothing explains, and its like of other providers. */
static bool is_second_symptom(const explainer *e, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (e->matches[i].entry->rank == SYMPTOM && !is_explained(e, &e->matches[i]) &&
        (!e->matches[i].provider[0] || !e->matches[index].provider[0] ||
         strcmp(e->matches[i].provider, e->matches[index].provider) == 0))
      return true;
  return false;
}

/* An error that no entry knows: "KeyError: 'x'", "System.Exception: x", or one of ONNX Runtime's own. */
static bool is_error_line(rung_str line) {
  static const char *const words[] = {"Error: ",      "Exception: ",      "[ONNXRuntimeError]", "[E:onnxruntime",
                                      "panicked at ", "terminate called", "Unhandled exception"};
  for (size_t i = 0; i < RUNG_COUNT(words); i++)
    for (size_t at = 0, size = strlen(words[i]); at + size <= line.size; at++)
      if (memcmp(line.data + at, words[i], size) == 0) return true;
  static const char *const ends[] = {"Error", "Exception"};
  line = rung__doctor_trim(line);
  for (size_t i = 0; i < RUNG_COUNT(ends); i++) {
    size_t size = strlen(ends[i]);
    if (line.size > size && memcmp(line.data + line.size - size, ends[i], size) == 0 &&
        !memchr(line.data, ' ', line.size))
      return true;
  }
  return false;
}

static void report_unknown(explainer *e) {
  size_t last = e->log.size;
  for (size_t begin = 0; begin < e->log.size;) {
    const char *stop = memchr(e->log.data + begin, '\n', e->log.size - begin);
    size_t end = stop ? (size_t)(stop - e->log.data) : e->log.size;
    if (is_error_line((rung_str){e->log.data + begin, end - begin})) last = begin;
    begin = end + 1;
  }
  if (last == e->log.size) return;
  doctor_finding f = rung__doctor_find(e->d, DOCTOR_LOG_UNKNOWN, "the log holds an error whose text is not known here");
  rung__doctor_show(f, "line %zu: %s", line_number(e, last), line_around(e, last));
  rung__doctor_mend(f,
                    "rung doctor --onnxruntime examines the installation itself; give --explain the whole log, from "
                    "the program's start, if this was a part of it");
}

/* Reading */

/* Text of one byte a character, or UTF-16 in either order. */
typedef struct encoded {
  const unsigned char *in;
  size_t size, step; /* bytes; of a character */
  bool big;
} encoded;

/* The character at byte `i`; 0 behind the last whole one. */
static unsigned character(const encoded *e, size_t i) {
  if (i > e->size || e->size - i < e->step) return 0;
  if (e->step == 1) return e->in[i];
  return e->big ? e->in[i + 1] | e->in[i] << 8u : e->in[i] | e->in[i + 1] << 8u;
}

static bool is_letter(unsigned code) { return code < 128 && isalpha((int)code); }

/* One byte a character; colours and carriage returns go. */
static rung_str normalise(doctor *d, rung_str log) {
  char *out = rung__doctor_alloc(d, log.size + 1, 1);
  if (!out) return (rung_str){"", 0};
  encoded e = {(const unsigned char *)log.data, log.size, 1, false};
  bool wide = log.size >= 2 && ((e.in[0] == 0xff && e.in[1] == 0xfe) || (e.in[0] == 0xfe && e.in[1] == 0xff));
  if (wide) e = (encoded){e.in, e.size, 2, e.in[0] == 0xfe};
  size_t size = 0;
  for (size_t i = wide ? 2 : 0; i + e.step <= e.size; i += e.step) {
    unsigned code = character(&e, i);
    if (code == 0x1b && character(&e, i + e.step) == '[') {
      for (i += 2 * e.step; i + e.step <= e.size && !is_letter(character(&e, i)); i += e.step) continue;
      continue;
    }
    if (code == 0x2018 || code == 0x2019) code = '\'';
    if (code == '\r' || code == 0) continue;
    out[size++] = code < 256 ? (char)code : '?';
  }
  return (rung_str){out, size};
}

/* Of a log that is too long the beginning and the end: causes stand in either. */
static void read_log(explainer *e, rung_str log) {
  enum { HALF = MOST_LOG / 2 };
  doctor *d = e->d;
  if (log.size <= MOST_LOG) {
    e->log = normalise(d, log);
    return;
  }
  size_t head_size = HALF, tail_start = log.size - HALF;
  while (head_size && log.data[head_size - 1] != '\n') head_size--;
  while (tail_start < log.size && log.data[tail_start - 1] != '\n') tail_start++;
  if (!head_size) head_size = HALF;
  rung_str head = normalise(d, (rung_str){log.data, head_size});
  rung_str tail = normalise(d, (rung_str){log.data + tail_start, log.size - tail_start});
  char *both = rung__doctor_alloc(d, head.size + tail.size + 1, 1);
  if (!both) return;
  memcpy(both, head.data, head.size);
  memcpy(both + head.size, tail.data, tail.size);
  e->log = (rung_str){both, head.size + tail.size};
  e->gap = head.size;
  for (size_t i = head_size; i < tail_start; i++) e->gap_lines += log.data[i] == '\n';
  rung__doctor_fact(d, "log", "%zu lines in the middle were left out: it is larger than %d MB", e->gap_lines,
                    MOST_LOG >> 20);
}

/* "CUDA 12", "libcublasLt.so.12", "cublasLt64_12": what the rest is installed for. */
static int find_cuda(rung_str log) {
  static const char *const words[] = {"libcublasLt.so.", "cublasLt64_", "libcudart.so.", "CUDA ", "-cu"};
  for (size_t i = 0; i < RUNG_COUNT(words); i++) {
    for (size_t at = find_text(log, 0, rung_str_of(words[i])); at < log.size;
         at = find_text(log, at + 1, rung_str_of(words[i]))) {
      size_t after = at + strlen(words[i]);
      if (after + 2 <= log.size && log.data[after] == '1' && log.data[after + 1] >= '1' && log.data[after + 1] <= '9' &&
          (after + 2 == log.size || !isdigit((unsigned char)log.data[after + 2])))
        return 10 + log.data[after + 1] - '0';
    }
  }
  return 0;
}

static void match_all(explainer *e) {
  e->cuda = find_cuda(e->log);
  for (size_t i = 0; i < RUNG_COUNT(entries); i++)
    for (const char *at = entries[i].patterns; *at;) {
      size_t length = strcspn(at, "\n");
      look_for(e, &entries[i], at, at + length);
      at += length + (at[length] == '\n');
    }
}

bool rung__doctor_meaning(doctor *d, const char *words, const char **out_cause, const char **out_fix) {
  explainer *e = rung__doctor_alloc(d, 1, sizeof *e);
  if (!e) return false;
  e->d = d;
  e->log = (rung_str){words, strlen(words)};
  match_all(e);
  if (!e->count || e->matches[0].entry->rank != CAUSE) return false;
  *out_cause = e->matches[0].title;
  *out_fix = e->matches[0].fix;
  return true;
}

void rung__doctor_explain(doctor *d, const char *log, size_t size) {
  explainer *e = rung__doctor_alloc(d, 1, sizeof *e);
  if (!e) return;
  const char *subject = d->subject;
  d->subject = "log";
  e->d = d;
  read_log(e, (rung_str){log ? log : "", log ? size : 0});
  match_all(e);
  bool known = false;
  for (size_t i = 0; i < e->count; i++) {
    const log_match *m = &e->matches[i];
    known |= m->entry->rank != FRIEND;
    if (m->entry->rank == SYMPTOM && (is_explained(e, m) || is_second_symptom(e, i))) continue;
    if (is_led(e, m)) continue;
    report(e, m);
  }
  if (!known) report_unknown(e);
  rung__doctor_fact(d, "log", "%zu lines, %zu known texts", line_number(e, e->log.size), e->count);
  d->subject = subject;
}
