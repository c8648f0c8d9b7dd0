#include "onnx_text.h"

#include "rung.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that grow, and the wire format of protobuf. */

typedef struct bytes {
  char *data;
  size_t size, capacity;
} bytes;

static void append(bytes *b, const void *data, size_t size) {
  if (b->size + size > b->capacity) {
    b->capacity = 2 * (b->size + size) + 64;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) abort();
  }
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

static void put_varint(bytes *b, uint64_t value) {
  do {
    uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    append(b, &byte, 1);
  } while (value >>= 7);
}

static void put_int(bytes *b, unsigned field, int64_t value) {
  put_varint(b, field << 3);
  put_varint(b, (uint64_t)value);
}

static void put_bytes(bytes *b, unsigned field, const void *data, size_t size) {
  put_varint(b, field << 3 | 2);
  put_varint(b, size);
  append(b, data, size);
}

static void put_text(bytes *b, unsigned field, const char *text) { put_bytes(b, field, text, strlen(text)); }

/* Takes and frees `part`. */
static void put_part(bytes *b, unsigned field, bytes *part) {
  put_bytes(b, field, part->data, part->size);
  free(part->data);
  *part = (bytes){0};
}

static void put_float(bytes *b, unsigned field, float value) {
  put_varint(b, field << 3 | 5);
  append(b, &value, sizeof value);
}

/* Reading the text. */

enum { NAME = 64, MOST_DOMAINS = 8, MOST_RANK = 16 };

typedef struct reader {
  const char *text, *at;
  char domains[MOST_DOMAINS][NAME];
  size_t domain_count;
} reader;

static void complain(const reader *r, const char *what) {
  fprintf(stderr, "onnx_text: %s is expected before \"%.40s\" in\n%s\n", what, r->at, r->text);
  exit(1);
}

static void skip(reader *r) {
  while (isspace((unsigned char)*r->at)) r->at++;
}

static int take(reader *r, const char *token) {
  skip(r);
  size_t size = strlen(token);
  if (strncmp(r->at, token, size) != 0) return 0;
  r->at += size;
  return 1;
}

static void need(reader *r, const char *token) {
  if (!take(r, token)) complain(r, token);
}

static int is_name(char c) { return isalnum((unsigned char)c) || strchr("_./", c); }

static int at_name(reader *r) {
  skip(r);
  return *r->at && is_name(*r->at);
}

static void read_name(reader *r, char out[NAME]) {
  size_t size = 0;
  if (!at_name(r)) complain(r, "a name");
  while (*r->at && is_name(*r->at) && size < NAME - 1) out[size++] = *r->at++;
  out[size] = 0;
}

/* Types */

typedef struct type {
  rung_dtype dtype;
  size_t rank;
  char dims[MOST_RANK][NAME];
} type;

static void read_type(reader *r, type *out) {
  char name[NAME];
  *out = (type){0};
  read_name(r, name);
  out->dtype = strcmp(name, "str") == 0 ? RUNG_STRING : rung_dtype_by_name(name);
  if (!out->dtype) complain(r, "an element type");
  need(r, "[");
  while (!take(r, "]")) {
    if (out->rank == MOST_RANK) complain(r, "]");
    read_name(r, out->dims[out->rank++]);
    take(r, ",");
  }
}

static bytes value_info(const char *name, const type *t) {
  bytes shape = {0}, tensor = {0}, outer = {0}, info = {0};
  put_text(&info, 1, name);
  if (!t) return info;
  for (size_t i = 0; i < t->rank; i++) {
    bytes dim = {0};
    if (isdigit((unsigned char)t->dims[i][0]))
      put_int(&dim, 1, atoll(t->dims[i]));
    else
      put_text(&dim, 2, t->dims[i]);
    put_part(&shape, 1, &dim);
  }
  put_int(&tensor, 1, t->dtype);
  put_part(&tensor, 2, &shape);
  put_part(&outer, 1, &tensor);
  put_part(&info, 2, &outer);
  return info;
}

/* Values up to "->", or up to ";". */
static void read_values(reader *r, bytes *graph, unsigned field, const char *end) {
  while (!take(r, end)) {
    char name[NAME];
    type t;
    read_name(r, name);
    int typed = take(r, ":");
    if (typed) read_type(r, &t);
    take(r, ",");
    bytes info = value_info(name, typed ? &t : NULL);
    put_part(graph, field, &info);
  }
}

/* Tensors */

/* One element, in the bytes that raw_data holds. */
static void put_element(reader *r, const rung_tensor *tensor, size_t index) {
  char *end;
  if (tensor->dtype == RUNG_I64)
    ((int64_t *)tensor->data)[index] = strtoll(r->at, &end, 10);
  else if (tensor->dtype == RUNG_U64)
    ((uint64_t *)tensor->data)[index] = strtoull(r->at, &end, 10);
  else
    rung_tensor_set(tensor, index, strtod(r->at, &end));
  if (end == r->at) complain(r, "a number");
  r->at = end;
}

/* The elements in the field of their type: floats and doubles as they are, others as numbers. */
static void put_fields(bytes *out, const rung_tensor *tensor) {
  static const struct {
    rung_dtype dtype;
    unsigned field;
  } fields[] = {{RUNG_F32, 4}, {RUNG_I64, 7}, {RUNG_F64, 10}, {RUNG_U32, 11}, {RUNG_U64, 11}};
  enum { INT32_DATA = 5 };
  unsigned field = INT32_DATA;
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if (fields[i].dtype == tensor->dtype) field = fields[i].field;
  bytes data = {0};
  for (size_t i = 0; i < rung_tensor_count(tensor); i++) {
    if (tensor->dtype == RUNG_F16 || tensor->dtype == RUNG_BF16) /* their bits */
      put_varint(&data, ((uint16_t *)tensor->data)[i]);
    else if (tensor->dtype != RUNG_F32 && tensor->dtype != RUNG_F64)
      put_varint(&data, (uint64_t)(int64_t)rung_tensor_get(tensor, i));
  }
  if (!data.size) append(&data, tensor->data, tensor->size);
  put_part(out, field, &data);
}

static void put_strings(reader *r, bytes *out, const char *end) {
  char word[NAME];
  for (skip(r); *r->at && !strchr(end, *r->at); skip(r)) {
    read_name(r, word);
    put_text(out, 6, word);
  }
}

static void put_entry(bytes *out, const char *key, const char *value) {
  bytes entry = {0};
  put_text(&entry, 1, key);
  put_text(&entry, 2, value);
  put_part(out, 13, &entry);
}

static void put_place(reader *r, bytes *out, size_t size) {
  char word[NAME];
  read_name(r, word);
  put_entry(out, "location", word);
  skip(r);
  read_name(r, word);
  put_entry(out, "offset", word);
  snprintf(word, sizeof word, "%zu", size);
  put_entry(out, "length", word);
  put_int(out, 14, 1);
}

/* What stands between the type and one of the characters `end`. `begin` comes before the numbers. */
static bytes read_tensor(reader *r, const type *t, const char *name, const char *begin, const char *end) {
  bytes out = {0};
  rung_tensor tensor = {.dtype = t->dtype, .rank = (int32_t)t->rank};
  for (size_t i = 0; i < t->rank; i++) {
    tensor.dims[i] = atoll(t->dims[i]);
    put_int(&out, 1, tensor.dims[i]);
  }
  put_int(&out, 2, t->dtype);
  put_text(&out, 8, name);
  size_t count = rung_tensor_count(&tensor);
  tensor.size = rung_dtype_size(t->dtype) * count;
  int fields = take(r, "fields");
  if (take(r, "file")) {
    put_place(r, &out, tensor.size);
    return out;
  }
  need(r, begin);
  if (t->dtype == RUNG_STRING) {
    put_strings(r, &out, end);
    return out;
  }
  tensor.data = calloc(tensor.size + 1, 1);
  if (!tensor.data) abort();
  for (size_t i = 0; i < count; i++) put_element(r, &tensor, i);
  if (fields)
    put_fields(&out, &tensor);
  else
    put_bytes(&out, 9, tensor.data, tensor.size);
  free(tensor.data);
  return out;
}

static void read_initializer(reader *r, bytes *graph, const char *name) {
  type t;
  read_type(r, &t);
  bytes tensor = read_tensor(r, &t, name, "=", ";}");
  put_part(graph, 5, &tensor);
}

/* Nodes */

static bytes read_graph(reader *r);

enum { FLOAT = 1, INT = 2, STRING = 3, TENSOR = 4, GRAPH = 5, FLOATS = 6, INTS = 7, STRINGS = 8 };

/* A number, or one of a list; returns its type. */
static int read_number(reader *r, bytes *attribute, unsigned integers, unsigned floats) {
  char *end;
  skip(r);
  double number = strtod(r->at, &end);
  if (end == r->at) complain(r, "the value of an attribute");
  int whole = strcspn(r->at, ".en") >= (size_t)(end - r->at); /* no 1.0, 1e5, nan or inf */
  if (whole)
    put_int(attribute, integers, strtoll(r->at, NULL, 10));
  else
    put_float(attribute, floats, (float)number);
  r->at = end;
  return whole ? INT : FLOAT;
}

static void read_quoted(reader *r, bytes *attribute, unsigned field) {
  size_t size = strcspn(r->at, "'");
  put_bytes(attribute, field, r->at, size);
  r->at += size;
  need(r, "'");
}

static int read_list(reader *r, bytes *attribute) {
  int what = INTS;
  while (!take(r, "]")) {
    if (take(r, "'")) {
      read_quoted(r, attribute, 9);
      what = STRINGS;
    } else if (read_number(r, attribute, 8, 7) == FLOAT) {
      what = FLOATS;
    }
    take(r, ",");
  }
  return what;
}

/* "f16", or "f32[2](1 2)". */
static int read_typed(reader *r, bytes *attribute) {
  const char *begin = r->at;
  char name[NAME];
  type t;
  read_name(r, name);
  if (*r->at != '[') {
    if (!rung_dtype_by_name(name)) complain(r, "the value of an attribute");
    put_int(attribute, 3, rung_dtype_by_name(name));
    return INT;
  }
  r->at = begin;
  read_type(r, &t);
  bytes tensor = read_tensor(r, &t, "", "(", ")");
  need(r, ")");
  put_part(attribute, 5, &tensor);
  return TENSOR;
}

static int read_value(reader *r, bytes *attribute) {
  if (take(r, "{")) {
    bytes body = read_graph(r);
    need(r, "}");
    put_part(attribute, 6, &body);
    return GRAPH;
  }
  if (take(r, "'")) {
    read_quoted(r, attribute, 4);
    return STRING;
  }
  if (take(r, "[")) return read_list(r, attribute);
  skip(r);
  if (isalpha((unsigned char)*r->at)) return read_typed(r, attribute);
  return read_number(r, attribute, 3, 2);
}

static bytes read_attribute(reader *r) {
  char name[NAME];
  bytes attribute = {0};
  read_name(r, name);
  put_text(&attribute, 1, name);
  need(r, "=");
  put_int(&attribute, 20, read_value(r, &attribute));
  return attribute;
}

static void add_domain(reader *r, const char *domain) {
  for (size_t i = 0; i < r->domain_count; i++)
    if (strcmp(r->domains[i], domain) == 0) return;
  if (r->domain_count == MOST_DOMAINS) complain(r, "fewer domains");
  strcpy(r->domains[r->domain_count++], domain);
}

static const char *left_out(const char *name) { return strcmp(name, "_") == 0 ? "" : name; }

/* `name` is the first output, or the node's name when '@' follows. */
static void read_node(reader *r, bytes *graph, char name[NAME]) {
  bytes node = {0}, outputs = {0};
  char word[NAME];
  if (take(r, "@")) {
    put_text(&node, 3, name);
    read_name(r, name);
  }
  put_text(&outputs, 2, left_out(name));
  while (take(r, ",")) {
    read_name(r, word);
    put_text(&outputs, 2, left_out(word));
  }
  need(r, "=");
  read_name(r, word);
  if (take(r, "::")) {
    add_domain(r, word);
    put_text(&node, 7, word);
    read_name(r, word);
  }
  put_text(&node, 4, word);
  need(r, "(");
  while (!take(r, ")")) {
    read_name(r, word);
    put_text(&node, 1, left_out(word));
    take(r, ",");
  }
  append(&node, outputs.data, outputs.size);
  free(outputs.data);
  while (at_name(r)) {
    bytes attribute = read_attribute(r);
    put_part(&node, 5, &attribute);
  }
  put_part(graph, 1, &node);
}

static bytes read_graph(reader *r) {
  bytes graph = {0};
  read_values(r, &graph, 11, "->");
  read_values(r, &graph, 12, ";");
  put_text(&graph, 2, "graph");
  while (at_name(r)) {
    char name[NAME];
    read_name(r, name);
    if (take(r, ":"))
      read_initializer(r, &graph, name);
    else
      read_node(r, &graph, name);
    if (!take(r, ";")) break;
  }
  return graph;
}

static void put_opset(bytes *model, const char *domain, int version) {
  bytes opset = {0};
  put_text(&opset, 1, domain);
  put_int(&opset, 2, version);
  put_part(model, 8, &opset);
}

char *onnx_text(const char *text, int opset, size_t *out_size) {
  reader r = {.text = text, .at = text};
  bytes model = {0}, graph = read_graph(&r);
  skip(&r);
  if (*r.at) complain(&r, "the end");
  put_int(&model, 1, 8);
  put_part(&model, 7, &graph);
  put_opset(&model, "", opset);
  for (size_t i = 0; i < r.domain_count; i++) put_opset(&model, r.domains[i], 1);
  *out_size = model.size;
  return model.data;
}
