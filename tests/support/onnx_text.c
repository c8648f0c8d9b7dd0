#include "onnx_text.h"

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

static const struct {
  const char *name;
  int number;
  size_t size;
} dtypes[] = {{"f32", 1, 4}, {"u8", 2, 1},   {"i8", 3, 1},   {"i32", 6, 4}, {"i64", 7, 8},
              {"str", 8, 0}, {"bool", 9, 1}, {"f16", 10, 2}, {"f64", 11, 8}};

typedef struct type {
  size_t dtype; /* index in dtypes */
  size_t rank;
  char dims[MOST_RANK][NAME];
} type;

static void read_type(reader *r, type *out) {
  char name[NAME];
  *out = (type){0};
  read_name(r, name);
  while (out->dtype < sizeof dtypes / sizeof dtypes[0] && strcmp(dtypes[out->dtype].name, name) != 0) out->dtype++;
  if (out->dtype == sizeof dtypes / sizeof dtypes[0]) complain(r, "an element type");
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
  put_int(&tensor, 1, dtypes[t->dtype].number);
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

/* Initializers */

static void put_element(bytes *data, size_t dtype, const char *text, char **end) {
  double number = strtod(text, end);
  int64_t whole = strtoll(text, NULL, 10);
  float single = (float)number;
  uint16_t half = number == 0 ? 0 : number == 1 ? 0x3c00 : 0x4000; /* 0, 1 and 2 are enough */
  switch (dtypes[dtype].number) {
    case 1:
      append(data, &single, 4);
      break;
    case 10:
      append(data, &half, 2);
      break;
    case 11:
      append(data, &number, 8);
      break;
    default: /* little-endian: the low bytes come first */
      append(data, &whole, dtypes[dtype].size);
  }
}

static void read_initializer(reader *r, bytes *graph, const char *name) {
  type t;
  bytes tensor = {0}, data = {0};
  read_type(r, &t);
  need(r, "=");
  for (size_t i = 0; i < t.rank; i++) put_int(&tensor, 1, atoll(t.dims[i]));
  put_int(&tensor, 2, dtypes[t.dtype].number);
  put_text(&tensor, 8, name);
  for (skip(r); *r->at && *r->at != ';' && *r->at != '}'; skip(r)) {
    char *end = NULL, word[NAME];
    if (dtypes[t.dtype].size) {
      put_element(&data, t.dtype, r->at, &end);
      if (end == r->at) complain(r, "a number");
      r->at = end;
    } else {
      read_name(r, word);
      put_text(&tensor, 6, word);
    }
  }
  if (dtypes[t.dtype].size) put_part(&tensor, 9, &data);
  put_part(graph, 5, &tensor);
}

/* Nodes */

static bytes read_graph(reader *r);

enum { FLOAT = 1, INT = 2, STRING = 3, GRAPH = 5, INTS = 7 };

static void read_number(reader *r, bytes *attribute) {
  char *end;
  double number = strtod(r->at, &end);
  if (end == r->at) complain(r, "the value of an attribute");
  int whole = !memchr(r->at, '.', (size_t)(end - r->at));
  r->at = end;
  if (whole)
    put_int(attribute, 3, (int64_t)number);
  else
    put_float(attribute, 2, (float)number);
  put_int(attribute, 20, whole ? INT : FLOAT);
}

static bytes read_attribute(reader *r) {
  char name[NAME];
  bytes attribute = {0};
  read_name(r, name);
  put_text(&attribute, 1, name);
  need(r, "=");
  if (take(r, "{")) {
    bytes body = read_graph(r);
    need(r, "}");
    put_part(&attribute, 6, &body);
    put_int(&attribute, 20, GRAPH);
  } else if (take(r, "'")) {
    size_t size = strcspn(r->at, "'");
    put_bytes(&attribute, 4, r->at, size);
    r->at += size;
    need(r, "'");
    put_int(&attribute, 20, STRING);
  } else if (take(r, "[")) {
    while (!take(r, "]")) {
      char *end;
      put_int(&attribute, 8, strtoll(r->at, &end, 10));
      if (end == r->at) complain(r, "an integer");
      r->at = end;
      take(r, ",");
    }
    put_int(&attribute, 20, INTS);
  } else {
    skip(r);
    read_number(r, &attribute);
  }
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
