/* Read: versions 1 to 3, both orders, both byte orders, numbers, bools, fixed-width texts (U, S). A plain block of
 * bytes of the right width ("V2", "V1": how numpy keeps types that it does not know) becomes the type that the model
 * wants. Written: version 1, row-major, little-endian; strings as U. */
#include "npy.h"

#include "prepare.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

typedef struct header {
  char order, kind; /* '<', '>', '|'; "<f4" has kind 'f' */
  int64_t width;    /* bytes per element; of U: characters */
  bool fortran;
  int32_t rank;
  int64_t dims[RUNG_MAX_RANK];
  const unsigned char *data;
  size_t size;
} header;

/* Header */

/* The text behind 'key': in the dictionary, or NULL. */
static const char *find_key(const char *dictionary, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "'%s'", key);
  const char *at = strstr(dictionary, quoted);
  if (!at) return NULL;
  at += strlen(quoted);
  at += strspn(at, " ");
  if (*at != ':') return NULL;
  return at + 1 + strspn(at + 1, " ");
}

static int parse_descr(const char *at, header *h) {
  if (!at || *at != '\'') return BAD("its elements have several fields: an array of plain numbers is needed");
  const char *end = strchr(at + 1, '\'');
  if (!end || end - at < 3) return BAD("its header has no type");
  h->order = at[1];
  h->kind = at[2];
  if (h->kind == 'O') return BAD("it holds Python objects (pickled), which are not read; save numbers or fixed texts");
  if (!strchr("<>|=", h->order) || !parse_count(at + 3, (size_t)(end - at - 3), &h->width) || h->width > 1 << 20)
    return BAD("its element type \"%s\" is not known", clean_bytes(at + 1, (size_t)(end - at - 1)));
  return 0;
}

static int parse_shape(const char *at, header *h) {
  if (!at || *at != '(') return BAD("its header has no shape");
  for (at++;;) {
    at += strspn(at, " ,");
    if (*at == ')') return 0;
    size_t digits = strspn(at, "0123456789");
    if (h->rank == RUNG_MAX_RANK || !parse_count(at, digits, &h->dims[h->rank++]))
      return BAD("its shape is not understood, or has more than %d dimensions", RUNG_MAX_RANK);
    at += digits;
  }
}

static int parse_dictionary(const char *text, header *h) {
  TRY(parse_descr(find_key(text, "descr"), h));
  TRY(parse_shape(find_key(text, "shape"), h));
  const char *order = find_key(text, "fortran_order");
  h->fortran = order && starts_with(order, "True");
  return 0;
}

static int parse_header(bytes file, header *h) {
  *h = (header){0};
  if (file.size < 12 || memcmp(file.data, "\x93NUMPY", 6) != 0) return BAD("it is no .npy file");
  bool is_long = file.data[6] >= 2;
  size_t start = is_long ? 12 : 10, size = file.data[8] | (size_t)file.data[9] << 8;
  if (is_long) size |= (size_t)file.data[10] << 16 | (size_t)file.data[11] << 24;
  if (size > file.size - start) return BAD("its header is cut off");
  char *text = copy_text((const char *)file.data + start, size);
  int code = parse_dictionary(text, h);
  free(text);
  h->data = file.data + start + size;
  h->size = file.size - start - size;
  return code;
}

/* Elements */

static rung_dtype dtype_of(const header *h, rung_dtype wanted) {
  if (h->kind == 'V' && !rung_dtype_numpy(wanted)[0] && rung_dtype_size(wanted) == (size_t)h->width) return wanted;
  char name[32];
  snprintf(name, sizeof name, "%c%c%d", h->width == 1 ? '|' : '<', h->kind, (int)h->width);
  for (int dtype = 1; rung_dtype_size((rung_dtype)dtype) || dtype == RUNG_STRING; dtype++)
    if (strcmp(rung_dtype_numpy((rung_dtype)dtype), name) == 0) return (rung_dtype)dtype;
  return RUNG_UNDEFINED;
}

/* Where element `index` of the row-major tensor lies in the file. */
static size_t place_of(const header *h, size_t index) {
  if (!h->fortran) return index;
  size_t place = 0, stride = 1, position[RUNG_MAX_RANK];
  for (int32_t i = h->rank; i-- > 0;) {
    position[i] = index % (size_t)h->dims[i];
    index /= (size_t)h->dims[i];
  }
  for (int32_t i = 0; i < h->rank; i++) {
    place += position[i] * stride;
    stride *= (size_t)h->dims[i];
  }
  return place;
}

static void copy_elements(const header *h, const rung_tensor *to) {
  size_t width = (size_t)h->width, count = rung_tensor_count(to);
  if (!h->fortran && h->order != '>') {
    if (to->size) memcpy(to->data, h->data, to->size);
    return;
  }
  size_t part = h->kind == 'c' ? width / 2 : width; /* what is swapped */
  for (size_t i = 0; i < count; i++) {
    const unsigned char *from = h->data + place_of(h, i) * width;
    unsigned char *element = (unsigned char *)to->data + i * width;
    for (size_t b = 0; b < width; b++)
      element[b] = h->order == '>' ? from[b / part * part + (part - 1 - b % part)] : from[b];
  }
}

/* Strings */

static size_t put_utf8(uint32_t code, char *to) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  if (code < 0x80) return to[0] = (char)code, 1;
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
  to[0] = (char)((0xf00u >> length & 0xf0) | code);
  return length;
}

static uint32_t code_at(const header *h, const unsigned char *at) {
  return h->order == '>' ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                         : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* One text of `h->width` characters, filled up with NUL, into `to`; its length without them. */
static size_t decode_text(const header *h, const unsigned char *from, char *to) {
  size_t size = 0, end = 0;
  for (int64_t c = 0; c < h->width; c++) {
    uint32_t code = h->kind == 'U' ? code_at(h, from + 4 * c) : from[c];
    if (h->kind == 'U')
      size += put_utf8(code, to + size);
    else
      to[size++] = (char)code;
    if (code) end = size;
  }
  return end;
}

static int read_texts(const target *t, const header *h, size_t count, rung_value **out_value) {
  size_t per_text = (size_t)h->width * (h->kind == 'U' ? 4 : 1);
  rung_str *texts = get_memory(count, sizeof *texts);
  char *room = get_memory(count, per_text + 1), *at = room;
  for (size_t i = 0; i < count; i++) {
    texts[i] = (rung_str){at, decode_text(h, h->data + place_of(h, i) * per_text, at)};
    at += texts[i].size;
  }
  rung_status *status = rung_value_create_strings(t->env, h->rank, h->dims, texts, out_value);
  free(room);
  free(texts);
  return fail_status(status);
}

/* Elements of the shape; false when they would not fit the file anyway. */
static bool count_elements(const header *h, size_t width, size_t *out_count) {
  size_t count = 1;
  for (int32_t i = 0; i < h->rank; i++)
    if (h->dims[i] == 0) return *out_count = 0, true;
  for (int32_t i = 0; i < h->rank; i++) {
    if ((size_t)h->dims[i] > (h->size + 1) / count) return false;
    count *= (size_t)h->dims[i];
  }
  *out_count = count;
  return width == 0 || count <= h->size / width;
}

int npy_read(target *t, bytes data, rung_value **out_value) {
  header h;
  TRY(parse_header(data, &h));
  bool is_text = h.kind == 'U' || h.kind == 'S';
  rung_dtype dtype = is_text ? RUNG_STRING : dtype_of(&h, wanted_dtype(t));
  if (!dtype) return BAD("elements of type %c%c%d are not read", h.order, h.kind, (int)h.width);
  size_t count;
  if (!count_elements(&h, (size_t)h.width * (h.kind == 'U' ? 4 : 1), &count))
    return BAD("it holds fewer bytes than its shape [%s] needs", dims_text(NULL, h.rank, h.dims));
  if (is_text) return read_texts(t, &h, count, out_value);
  TRY_STATUS(rung_value_create(t->env, dtype, h.rank, h.dims, out_value));
  copy_elements(&h, rung_value_tensor(*out_value));
  return 0;
}

/* Writing */

/* Characters of the UTF-8 text, at most `most` of them into `to` (little-endian, four bytes each; NULL: counted only).
 */
static size_t encode_text(rung_str text, unsigned char *to, size_t most) {
  size_t count = 0;
  for (size_t i = 0; i < text.size; count++) {
    unsigned char first = (unsigned char)text.data[i];
    size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? first : first & (0x7fu >> length);
    for (size_t k = 1; k < length && i + k < text.size; k++)
      code = code << 6 | ((unsigned char)text.data[i + k] & 0x3f);
    i += length;
    for (int b = 0; to && count < most && b < 4; b++) to[4 * count + (size_t)b] = (unsigned char)(code >> 8 * b);
  }
  return count;
}

static size_t longest_text(const rung_tensor *tensor, size_t count) {
  size_t longest = 1;
  for (size_t i = 0; i < count; i++) {
    size_t size = encode_text(((const rung_str *)tensor->data)[i], NULL, 0);
    if (size > longest) longest = size;
  }
  return longest;
}

static char *make_header(const rung_tensor *tensor, const char *descr) {
  char shape[RUNG_MAX_RANK * 22 + 4];
  size_t at = 0;
  shape[0] = 0;
  for (int32_t i = 0; i < tensor->rank; i++)
    at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%" PRId64, i ? ", " : "", tensor->dims[i]);
  if (tensor->rank == 1) strcat(shape, ",");
  char *text = format_text("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
  size_t size = strlen(text), padded = (size + 1 + 10 + 63) / 64 * 64 - 10; /* the data begin at a multiple of 64 */
  char *head = format_text("%s%*s\n", text, (int)(padded - size - 1), "");
  free(text);
  return head;
}

int npy_write(const rung_tensor *tensor, bytes *out) {
  size_t count = rung_tensor_count(tensor), longest = 0, size = tensor->size;
  char descr[32];
  snprintf(descr, sizeof descr, "%s", rung_dtype_numpy(tensor->dtype));
  if (tensor->dtype == RUNG_STRING) {
    longest = longest_text(tensor, count);
    size = count * longest * 4;
    snprintf(descr, sizeof descr, "<U%zu", longest);
  }
  if (!descr[0])
    return fail(EXIT_OF(UNSUPPORTED), "a .npy file cannot hold elements of type %s; use --format pb",
                rung_dtype_name(tensor->dtype));
  char *head = make_header(tensor, descr);
  size_t head_size = strlen(head);
  *out = (bytes){get_memory(10 + head_size + size + 1, 1), 10 + head_size + size};
  memcpy(out->data, "\x93NUMPY\x01\x00", 8);
  out->data[8] = (unsigned char)head_size;
  out->data[9] = (unsigned char)(head_size >> 8);
  memcpy(out->data + 10, head, head_size);
  unsigned char *data = out->data + 10 + head_size;
  if (!longest && size) memcpy(data, tensor->data, size);
  for (size_t i = 0; longest && i < count; i++)
    encode_text(((const rung_str *)tensor->data)[i], data + i * longest * 4, longest);
  free(head);
  return 0;
}
