/* A picture of a tensor: (H,W), (C,H,W), (H,W,C), either with ones in front, C being 1, 3 or 4 (of which the last is
 * dropped). uint8 stays as it is. Numbers are scaled from --image-range to 0..255; without it from 0..1 when all lie in
 * it, else from the smallest and largest. */
#include "keep.h"

#include "npy.h"
#include "picture.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int set_format(const option *self, const char *value, void *settings) {
  static const char *const formats[] = {"npy", "pb"};
  for (int i = 0; i < 2; i++)
    if (strcmp(value, formats[i]) == 0) return set_text(self, formats[i], settings);
  return fail(EXIT_USAGE, "--%s %s: npy or pb is needed", self->name, clean(value));
}

/* Names */

static char *file_name(const char *name) {
  char *safe = copy_text(name, strlen(name));
  for (char *at = safe; *at; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f || strchr("/\\:*?\"<>|", *at)) *at = '_';
  if (safe[0] == '.' || safe[0] == '-') safe[0] = '_'; /* neither hidden nor like an option */
  if (strlen(safe) > 200) safe[200] = 0;
  return safe;
}

/* Does an earlier output have the same file name, but for the case? */
static bool is_taken(const char *const *names, size_t index, const char *safe) {
  bool taken = safe[0] == 0;
  for (size_t i = 0; i < index && !taken; i++) {
    char *other = file_name(names[i]);
    taken = strcmp(other, safe) == 0;
    free(other);
  }
  return taken;
}

static char *npy_path(const char *folder, const char *const *names, size_t index) {
  char *safe = file_name(names[index]);
  char *path = is_taken(names, index, safe) ? format_text("%s/%s_%zu.npy", folder, safe, index)
                                            : format_text("%s/%s.npy", folder, safe);
  free(safe);
  return path;
}

/* Files */

static int write_npy(const char *path, const rung_value *value) {
  const rung_tensor *tensor = rung_value_tensor(value);
  if (!tensor) return fail(EXIT_OF(UNSUPPORTED), "a .npy file holds one tensor and no other value; use --format pb");
  bytes file;
  TRY(npy_write(tensor, &file));
  int code = write_file(path, file.data, file.size);
  free_bytes(&file);
  return code;
}

static int write_pb(const char *path, const char *name, const rung_value *value) {
  char *data;
  size_t size;
  TRY_STATUS(rung_value_serialize(value, name, &data, &size));
  int code = write_file(path, data, size);
  rung_text_free(data);
  return code;
}

int keep_value(const keep_args *args, const char *folder, size_t index, const char *const *names,
               const rung_value *value, char **out_path) {
  TRY(make_folder(folder));
  bool is_pb = args->format && strcmp(args->format, "pb") == 0;
  char *path = is_pb ? format_text("%s/output_%zu.pb", folder, index) : npy_path(folder, names, index);
  int code = is_pb ? write_pb(path, names[index], value) : write_npy(path, value);
  if (code)
    free(path);
  else
    *out_path = path;
  return fail_within(code, "output \"%s\": ", clean(names[index]));
}

/* Pictures */

typedef struct layout {
  size_t height, width, channels;
  size_t row, column, channel; /* steps, in elements */
} layout;

static bool find_layout(const rung_tensor *t, layout *l) {
  const int64_t *dims = t->dims;
  int32_t rank = t->rank;
  while (rank > 2 && dims[0] == 1) dims++, rank--;
  if (rank < 2 || rank > 3) return false;
  *l = (layout){.channels = 1};
  if (rank == 2) {
    l->height = (size_t)dims[0], l->width = (size_t)dims[1];
    l->row = l->width, l->column = 1;
  } else if (dims[0] == 3 || dims[0] == 4) {
    l->channels = 3, l->height = (size_t)dims[1], l->width = (size_t)dims[2];
    l->row = l->width, l->column = 1, l->channel = l->height * l->width;
  } else if (dims[2] == 1 || dims[2] == 3 || dims[2] == 4) {
    size_t step = (size_t)dims[2];
    l->channels = step > 1 ? 3 : 1, l->height = (size_t)dims[0], l->width = (size_t)dims[1];
    l->row = l->width * step, l->column = step, l->channel = 1;
  } else {
    return false;
  }
  return l->height > 0 && l->width > 0 && l->height < 1 << 16 && l->width < 1 << 16;
}

static int find_range(const keep_args *args, const rung_tensor *t, double *low, double *high) {
  if (args->range) {
    const char *colon = strchr(args->range, ':');
    if (colon && parse_number(args->range, (size_t)(colon - args->range), low) &&
        parse_number(colon + 1, strlen(colon + 1), high) && *low < *high)
      return 0;
    return fail(EXIT_USAGE, "--image-range %s: LOW:HIGH is needed, such as 0:1", clean(args->range));
  }
  *low = 0, *high = t->dtype == RUNG_U8 ? 255 : 1;
  if (t->dtype == RUNG_U8) return 0;
  double least = INFINITY, most = -INFINITY;
  for (size_t i = 0; i < rung_tensor_count(t); i++) {
    double value = rung_tensor_get(t, i);
    least = value < least ? value : least;
    most = value > most ? value : most;
  }
  if (least < 0 || most > 1) *low = least, *high = most;
  return 0;
}

static int write_image(const keep_args *args, const char *path, const rung_tensor *t, char *note, size_t size) {
  layout l;
  double low, high;
  if (!t || t->dtype == RUNG_STRING || !find_layout(t, &l))
    return fail(EXIT_OF(INVALID_ARGUMENT), "%s is no picture: 1, 3 or 4 channels and two dimensions are needed",
                t ? dims_text(NULL, t->rank, t->dims) : "it");
  TRY(find_range(args, t, &low, &high));
  unsigned char *pixels = get_memory(l.height * l.width, l.channels), *to = pixels;
  double scale = high > low ? 255 / (high - low) : 0;
  for (size_t y = 0; y < l.height; y++)
    for (size_t x = 0; x < l.width; x++)
      for (size_t c = 0; c < l.channels; c++) {
        double value = (rung_tensor_get(t, y * l.row + x * l.column + c * l.channel) - low) * scale;
        *to++ = (unsigned char)(value > 0 ? fmin(value, 255) + 0.5 : 0); /* NaN is black */
      }
  int code = picture_write_png(path, (int)l.width, (int)l.height, (int)l.channels, pixels);
  free(pixels);
  snprintf(note, size, "%s: %zu x %zu, %.4g to %.4g as black to white", clean(path), l.width, l.height, low, high);
  return code;
}

int keep_image(const keep_args *args, const char *name, const rung_value *value, char *note, size_t size) {
  note[0] = 0;
  for (size_t i = 0; i < args->images.count; i++) {
    const char *text = args->images.at[i];
    if (!starts_with(text, name) || text[strlen(name)] != '=') continue;
    int code = write_image(args, text + strlen(name) + 1, rung_value_tensor(value), note, size);
    TRY(fail_within(code, "output \"%s\": ", clean(name)));
  }
  return 0;
}
