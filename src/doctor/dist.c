#include "doctor/dist.h"

#include "doctor/files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_METADATA = 1 << 20, MOST_RECORD = 32 << 20 };

const char *rung__dist_normal_name(doctor *d, rung_str name) {
  char *out = rung__doctor_alloc(d, name.size + 1, 1);
  if (!out) return "";
  size_t at = 0;
  for (size_t i = 0; i < name.size; i++) {
    bool mark = name.data[i] == '-' || name.data[i] == '_' || name.data[i] == '.';
    if (mark && at && out[at - 1] == '-') continue;
    out[at++] = mark ? '-' : (char)tolower((unsigned char)name.data[i]);
  }
  return out;
}

/* The value of "Key: value", when the line is that. */
static bool take_header(rung_str line, const char *key, rung_str *out) {
  size_t size = strlen(key);
  if (line.size <= size || line.data[size] != ':' || strncmp(line.data, key, size) != 0) return false;
  *out = rung__doctor_trim((rung_str){line.data + size + 1, line.size - size - 1});
  return true;
}

static void read_metadata(doctor *d, dist *out, rung_str text) {
  rung_str line, value;
  while (rung__doctor_next_line(&text, &line) && line.size) { /* an empty line ends the headers */
    if (take_header(line, "Name", &value)) out->name = rung__dist_normal_name(d, value);
    if (take_header(line, "Version", &value)) out->version = rung__doctor_copy(d, value.data, value.size);
    if (take_header(line, "Requires-Python", &value)) out->python = rung__doctor_copy(d, value.data, value.size);
    if (take_header(line, "Requires-Dist", &value)) {
      const char *need = rung__doctor_copy(d, value.data, value.size);
      if (!strchr(need, ';')) rung__doctor_add(d, &out->needs, need);
    }
  }
}

static void read_wheel(doctor *d, dist *out, rung_str text) {
  rung_str line, value;
  while (rung__doctor_next_line(&text, &line))
    if (take_header(line, "Tag", &value)) rung__doctor_add(d, &out->tags, rung__doctor_copy(d, value.data, value.size));
}

static rung_str read_part(doctor *d, const dist *out, const char *name, size_t most) {
  return rung__doctor_read(d, rung__doctor_printf(d, "%s/%s", out->folder, name), most);
}

/* "onnxruntime_gpu-1.22.0.dist-info": what the folder's name tells, in case nothing else does. */
static void read_name(doctor *d, dist *out, const char *name, size_t size) {
  const char *dash = memchr(name, '-', size);
  size_t length = dash ? (size_t)(dash - name) : size;
  out->name = rung__dist_normal_name(d, (rung_str){name, length});
  out->version = "";
  if (!dash) return;
  size_t rest = size - length - 1;
  const char *python = NULL; /* eggs: "-py3.11" */
  for (size_t i = 0; i + 2 < rest && !python; i++)
    if (strncmp(dash + 1 + i, "-py", 3) == 0) python = dash + 1 + i;
  out->version = rung__doctor_copy(d, dash + 1, python ? (size_t)(python - dash - 1) : rest);
}

bool rung__dist_read(doctor *d, const char *site, const char *name, dist *out) {
  static const char *const ends[] = {".dist-info", ".egg-info"};
  size_t size = strlen(name);
  int kind = -1;
  for (int i = 0; i < 2; i++)
    if (size > strlen(ends[i]) && strcmp(name + size - strlen(ends[i]), ends[i]) == 0) kind = i;
  if (kind < 0 || name[0] == '~' || name[0] == '.') return false;
  *out = (dist){.folder = rung__doctor_printf(d, "%s/%s", site, name), .site = site, .installer = "", .python = ""};
  read_name(d, out, name, size - strlen(ends[kind]));
  rung_str text = read_part(d, out, kind ? "PKG-INFO" : "METADATA", MOST_METADATA);
  if (kind && !text.data) text = rung__doctor_read(d, out->folder, MOST_METADATA); /* an egg-info may be a file */
  out->whole = text.size > 0;
  if (text.data) read_metadata(d, out, text);
  text = read_part(d, out, "WHEEL", 65536);
  if (text.data) read_wheel(d, out, text);
  out->installer = rung__doctor_line(d, rung__doctor_printf(d, "%s/INSTALLER", out->folder));
  text = read_part(d, out, "direct_url.json", 65536);
  out->editable = text.data && strstr(text.data, "\"editable\"") && strstr(text.data, "true");
  out->record = read_part(d, out, "RECORD", MOST_RECORD);
  return true;
}

void rung__dist_free(doctor *d, dist *one) {
  rung_vec_free(d->allocator, &one->needs);
  rung_vec_free(d->allocator, &one->tags);
}

/* RECORD: CSV, in which a path that holds a comma or a quote is quoted. */

static rung_str take_field(doctor *d, rung_str *line) {
  if (!line->size) return (rung_str){"", 0};
  if (line->data[0] != '"') {
    const char *comma = memchr(line->data, ',', line->size);
    rung_str field = {line->data, comma ? (size_t)(comma - line->data) : line->size};
    size_t skip = field.size + (comma != NULL);
    *line = (rung_str){line->data + skip, line->size - skip};
    return field;
  }
  char *out = rung__doctor_alloc(d, line->size, 1);
  size_t at = 0, i = 1;
  for (; out && i < line->size; i++) {
    if (line->data[i] == '"' && i + 1 < line->size && line->data[i + 1] == '"')
      i++;
    else if (line->data[i] == '"')
      break;
    out[at++] = line->data[i];
  }
  i = RUNG_MIN(i + 1, line->size);
  if (i < line->size && line->data[i] == ',') i++;
  *line = (rung_str){line->data + i, line->size - i};
  return (rung_str){out ? out : "", at};
}

bool rung__dist_next_file(doctor *d, rung_str *record, dist_file *out) {
  rung_str line;
  while (rung__doctor_next_line(record, &line)) {
    rung_str path = take_field(d, &line), sum = take_field(d, &line), size = take_field(d, &line);
    if (!path.size) continue;
    *out = (dist_file){rung__doctor_copy(d, path.data, path.size), "", -1};
    if (sum.size > 7 && strncmp(sum.data, "sha256=", 7) == 0)
      out->sha256 = rung__doctor_copy(d, sum.data + 7, sum.size - 7);
    size = rung__doctor_trim(size);
    if (size.size && size.size < 19 && isdigit((unsigned char)size.data[0]))
      out->size = strtoll(rung__doctor_copy(d, size.data, size.size), NULL, 10);
    return true;
  }
  return false;
}

bool rung__dist_owns(doctor *d, const dist *one, const char *path) {
  (void)d;
  size_t size = strlen(path);
  rung_str text = one->record, line;
  while (rung__doctor_next_line(&text, &line)) {
    if (line.size && line.data[0] == '"') line.data++, line.size--;
    if (line.size >= size && memcmp(line.data, path, size) == 0 &&
        (line.size == size || line.data[size] == ',' || line.data[size] == '"'))
      return true;
  }
  return false;
}

const char *rung__dist_requirement(doctor *d, const char *line, const char **out_rest) {
  size_t size = strcspn(line, " (<>=!~;[");
  const char *rest = line + size;
  if (*rest == '[') rest += strcspn(rest, "]") + (strchr(rest, ']') != NULL);
  *out_rest = rest;
  return rung__dist_normal_name(d, (rung_str){line, size});
}
