#define _XOPEN_SOURCE 700 /* open_memstream */
#include "spec.h"

#include "formula.h"
#include "onnx_text.h"
#include "text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool complain(spec *s, const char *format, ...) {
  if (s->trouble[0]) return false;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(s->trouble, sizeof s->trouble, format, arguments);
  va_end(arguments);
  return false;
}

/* Reading */

static void skip(const char **at) { *at += strspn(*at, " \n"); }

static bool take_word(const char **at, const char *word) {
  size_t size = strlen(word);
  if (strncmp(*at, word, size) != 0 || (*at)[size] != ' ') return false;
  *at += size;
  skip(at);
  return true;
}

/* What stands before a character of `stops`. */
static bool take_until(const char **at, const char *stops, char *out, size_t size) {
  size_t length = strcspn(*at, stops);
  if (!(*at)[length] || length >= size) return false;
  memcpy(out, *at, length);
  out[length] = 0;
  *at += length;
  return true;
}

/* "[i,j]" */
static bool read_indices(const char **at, spec_tensor *t) {
  while (**at != ']') {
    (*at)++;
    if (t->index_count == RUNG_MAX_RANK || !take_until(at, ",]", t->indices[t->index_count++], SPEC_NAME)) return false;
  }
  (*at)++;
  return true;
}

/* "y:f32[N,4][i,j] = values within 1e-6" */
static bool read_tensor(spec *s, const char *text, spec_role role, const char *storage) {
  const char *at = text;
  if (s->count == SPEC_TENSORS) return complain(s, "more than %d tensors", SPEC_TENSORS);
  spec_tensor *t = &s->tensors[s->count];
  *t = (spec_tensor){.role = role, .storage = storage, .within = -1};
  bool ok = take_until(&at, ":", t->name, sizeof t->name);
  at += ok;
  if (!ok || !take_until(&at, "]", t->type, sizeof t->type - 1))
    return complain(s, "NAME:TYPE[DIMENSIONS] = VALUES is expected, not \"%.60s\"", text);
  strcat(t->type, "]");
  at++;
  if (*at == '[' && !read_indices(&at, t)) return complain(s, "indices are expected at \"%.60s\"", at);
  skip(&at);
  if (*at != '=') return complain(s, "= is expected at \"%.60s\"", at);
  at++;
  skip(&at);
  const char *within = strstr(at, " within ");
  if (within) t->within = strtod(within + strlen(" within "), NULL);
  t->values = copy_text(at, within ? (size_t)(within - at) : strlen(at));
  s->count++;
  return true;
}

static bool read_size(spec *s, const char *at) {
  if (s->size_count == SPEC_SIZES) return complain(s, "more than %d sizes", SPEC_SIZES);
  if (!take_until(&at, " =", s->sizes[s->size_count].name, SPEC_NAME) || sscanf(at, " = %lld", &(long long){0}) != 1)
    return complain(s, "size NAME = NUMBER is expected");
  s->sizes[s->size_count++].value = atoll(strchr(at, '=') + 1);
  return true;
}

static bool is_tensor(const char *text) {
  size_t size = 0;
  while (isalnum((unsigned char)text[size]) || text[size] == '_') size++;
  return size && text[size] == ':' && text[size + 1] != ':';
}

static bool read_statement(spec *s, const char *text, FILE *nodes) {
  const char *at = text;
  if (take_word(&at, "size")) return read_size(s, at);
  if (take_word(&at, "want")) return read_tensor(s, at, SPEC_WANTED, "");
  if (take_word(&at, "const")) return read_tensor(s, at, SPEC_CONSTANT, "");
  if (take_word(&at, "fields")) return read_tensor(s, at, SPEC_CONSTANT, "fields");
  if (take_word(&at, "file")) return read_tensor(s, at, SPEC_CONSTANT, "file");
  if (is_tensor(at)) return read_tensor(s, at, SPEC_INPUT, "");
  fprintf(nodes, "%s ;\n", at);
  return true;
}

/* Size of the statement that `text` begins with: its line, and those that continue it. */
static size_t statement_size(const char *text) {
  size_t size = strcspn(text, "\n");
  while (strncmp(text + size, "\n    ", 5) == 0) size += 1 + strcspn(text + size + 1, "\n");
  return size;
}

bool spec_read(spec *s, const char *text, int opset) {
  *s = (spec){.opset = opset};
  size_t size;
  FILE *nodes = open_memstream(&s->nodes, &size);
  if (!nodes) return complain(s, "no memory");
  for (skip(&text); *text && !s->trouble[0]; skip(&text)) {
    size_t length = statement_size(text);
    char *statement = copy_text(text, length);
    if (statement[0] != '#') read_statement(s, statement, nodes);
    free(statement);
    text += length;
  }
  fclose(nodes);
  return !s->trouble[0] && spec_fill(s);
}

/* Tensors */

static int64_t size_of(const spec *s, const char *word) {
  for (size_t i = 0; i < s->size_count; i++)
    if (strcmp(s->sizes[i].name, word) == 0) return s->sizes[i].value;
  return isdigit((unsigned char)word[0]) ? atoll(word) : -1;
}

static bool shape(spec *s, spec_tensor *t) {
  char word[SPEC_NAME];
  const char *at = t->type;
  t->tensor = (rung_tensor){0};
  if (!take_until(&at, "[", word, sizeof word)) return complain(s, "\"%s\" is no type", t->type);
  t->tensor.dtype = strcmp(word, "str") == 0 ? RUNG_STRING : rung_dtype_by_name(word);
  if (!t->tensor.dtype) return complain(s, "\"%s\" is no element type", word);
  for (at++; *at && *at != ']'; at += *at == ',') {
    if (t->tensor.rank == RUNG_MAX_RANK || !take_until(&at, ",]", word, sizeof word) || size_of(s, word) < 0)
      return complain(s, "\"%s\": a dimension is a number or has a size", t->type);
    t->tensor.dims[t->tensor.rank++] = size_of(s, word);
  }
  size_t count = rung_tensor_count(&t->tensor);
  t->tensor.size = count * rung_dtype_size(t->tensor.dtype); /* enough for types narrower than a byte */
  t->tensor.data = get_memory(t->tensor.size + 1, 1);
  return true;
}

static double noise(rung_dtype dtype, size_t number) {
  double value = formula_noise((double)number);
  switch (dtype) {
    case RUNG_F32:
    case RUNG_F64:
    case RUNG_F16:
    case RUNG_BF16:
      return value;
    case RUNG_BOOL:
      return value < 0;
    default:
      return (int)((value + 1) * 5);
  }
}

/* One number, word or string of a list. */
static bool read_element(spec *s, const spec_tensor *t, const char **at, size_t index) {
  char *end = (char *)*at;
  const rung_tensor *tensor = &t->tensor;
  if (tensor->dtype == RUNG_STRING) {
    size_t size = **at == '\'' ? strcspn(*at + 1, "'") : 0;
    if (**at != '\'' || (*at)[size + 1] != '\'')
      return complain(s, "%s: a string is expected at \"%.40s\"", t->name, *at);
    ((rung_str *)tensor->data)[index] = (rung_str){*at + 1, size}; /* lives in t->values */
    end += size + 2;
  } else if (strncmp(*at, "true", 4) == 0 || strncmp(*at, "false", 5) == 0) {
    rung_tensor_set(tensor, index, **at == 't');
    end += **at == 't' ? 4 : 5;
  } else if (tensor->dtype == RUNG_I64) {
    ((int64_t *)tensor->data)[index] = strtoll(*at, &end, 10);
  } else if (tensor->dtype == RUNG_U64) {
    ((uint64_t *)tensor->data)[index] = strtoull(*at, &end, 10);
  } else {
    rung_tensor_set(tensor, index, strtod(*at, &end));
  }
  if (end == *at) return complain(s, "%s: a number is expected at \"%.40s\"", t->name, *at);
  *at = end;
  skip(at);
  return true;
}

/* As many as there are elements, or one for all. */
static bool fill_list(spec *s, const spec_tensor *t) {
  size_t count = rung_tensor_count(&t->tensor);
  const char *at = t->values;
  bool one = false;
  for (size_t i = 0; i < count; i++) {
    one |= i == 1 && !*at;
    if (one) at = t->values;
    if (!read_element(s, t, &at, i)) return false;
  }
  return !*at || complain(s, "%s: more values than the shape has elements", t->name);
}

static bool fill_formula(spec *s, const spec_tensor *t, formula *f) {
  size_t count = rung_tensor_count(&t->tensor), names = f->count;
  if (t->index_count != (size_t)t->tensor.rank) return complain(s, "%s: an index for every dimension", t->name);
  for (size_t i = 0; i < count; i++) {
    size_t rest = i;
    f->count = names + t->index_count;
    for (size_t d = t->index_count; d-- > 0; rest /= (size_t)t->tensor.dims[d]) {
      formula_name *index = &f->names[names + d];
      *index = (formula_name){.number = (double)(rest % (size_t)t->tensor.dims[d])};
      snprintf(index->name, sizeof index->name, "%s", t->indices[d]);
    }
    rung_tensor_set(&t->tensor, i, formula_value(f, t->values));
    if (f->trouble[0]) return complain(s, "%s: %s", t->name, f->trouble);
  }
  f->count = names;
  return true;
}

static bool fill(spec *s, size_t which, formula *f) {
  spec_tensor *t = &s->tensors[which];
  if (!shape(s, t)) return false;
  if (t->index_count) return fill_formula(s, t, f);
  if (strcmp(t->values, "noise") != 0) return fill_list(s, t);
  for (size_t i = 0; i < rung_tensor_count(&t->tensor); i++)
    rung_tensor_set(&t->tensor, i, noise(t->tensor.dtype, (which + s->salt * SPEC_TENSORS) << 20 | i));
  return true;
}

bool spec_fill(spec *s) {
  formula f = {0};
  for (size_t i = 0; i < s->size_count; i++)
    formula_add(&f, s->sizes[i].name, strlen(s->sizes[i].name), NULL, (double)s->sizes[i].value);
  for (size_t i = 0; i < s->count; i++) {
    spec_tensor *t = &s->tensors[i];
    free(t->tensor.data);
    t->tensor.data = NULL;
    if (!fill(s, i, &f)) return false;
    formula_add(&f, t->name, strlen(t->name), &t->tensor, 0);
  }
  return !f.trouble[0] || complain(s, "%s", f.trouble);
}

void spec_resize(spec *s, const char *size, int64_t value) {
  for (size_t i = 0; i < s->size_count; i++)
    if (strcmp(s->sizes[i].name, size) == 0) s->sizes[i].value = value;
}

const spec_tensor *spec_get(const spec *s, spec_role role, size_t index) {
  for (size_t i = 0; i < s->count; i++)
    if (s->tensors[i].role == role && index-- == 0) return &s->tensors[i];
  return NULL;
}

void spec_free(spec *s) {
  for (size_t i = 0; i < s->count; i++) {
    free(s->tensors[i].values);
    free(s->tensors[i].tensor.data);
  }
  free(s->nodes);
  *s = (spec){0};
}

/* The model */

static void put_element(const rung_tensor *tensor, size_t index, FILE *out) {
  if (tensor->dtype == RUNG_I64)
    fprintf(out, " %lld", (long long)((const int64_t *)tensor->data)[index]);
  else if (tensor->dtype == RUNG_U64)
    fprintf(out, " %llu", (unsigned long long)((const uint64_t *)tensor->data)[index]);
  else if (tensor->dtype == RUNG_STRING)
    fprintf(out, " %.*s", (int)((const rung_str *)tensor->data)[index].size,
            ((const rung_str *)tensor->data)[index].data);
  else
    fprintf(out, " %.17g", rung_tensor_get(tensor, index));
}

/* Behind one another in the file, each at a multiple of 64. */
static size_t place_in_file(const spec *s, const spec_tensor *which) {
  size_t at = 0;
  for (const spec_tensor *t = s->tensors; t < which; t++)
    if (t->role == SPEC_CONSTANT && strcmp(t->storage, "file") == 0) at += (t->tensor.size + 63) / 64 * 64;
  return at;
}

static void put_constant(const spec *s, const spec_tensor *t, FILE *out) {
  fprintf(out, "%s:%s %s", t->name, t->type, t->storage);
  if (strcmp(t->storage, "file") == 0) {
    fprintf(out, " " SPEC_FILE " %zu ;\n", place_in_file(s, t));
    return;
  }
  fputs(" =", out);
  for (size_t i = 0; i < rung_tensor_count(&t->tensor); i++) put_element(&t->tensor, i, out);
  fputs(" ;\n", out);
}

char *spec_model(const spec *s, size_t *out_size) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  const spec_tensor *t;
  for (size_t i = 0; (t = spec_get(s, SPEC_INPUT, i)); i++) fprintf(out, "%s:%s ", t->name, t->type);
  fputs("->", out);
  for (size_t i = 0; (t = spec_get(s, SPEC_WANTED, i)); i++) fprintf(out, " %s", t->name);
  fputs(" ;\n", out);
  for (size_t i = 0; (t = spec_get(s, SPEC_CONSTANT, i)); i++) put_constant(s, t, out);
  fputs(s->nodes, out);
  fclose(out);
  char *model = onnx_text(text, s->opset, out_size);
  free(text);
  return model;
}

bool spec_write_file(const spec *s, const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file) return false;
  const spec_tensor *t;
  for (size_t i = 0; (t = spec_get(s, SPEC_CONSTANT, i)); i++)
    if (strcmp(t->storage, "file") == 0 && fseek(file, (long)place_in_file(s, t), SEEK_SET) == 0)
      fwrite(t->tensor.data, 1, t->tensor.size, file);
  return fclose(file) == 0;
}
