/* A picture becomes a tensor: resized, cropped, its channels chosen and normalised, in the layout of the model.
 *
 * Resizing weighs by a triangle over the source, widened by the factor when it shrinks, so that every source pixel
 * counts (what Pillow calls BILINEAR). Where RGB is wanted, transparent places are white. A value is
 * (v * scale - mean) / std, with v from 0 to 255. */
#include "prepare.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

/* Each becomes floats here, and some of these are copied. */
enum { MOST_PIXELS = 1 << 25 };

/* (height, width, channels), 0 to 255 */
typedef struct plane {
  int width, height, channels;
  float *at;
} plane;

/* Channels */

static int channel_count(const char *channels) { return strcmp(channels, "gray") == 0 ? 1 : (int)strlen(channels); }

static void convert_pixel(const unsigned char *rgba, const char *channels, float *out) {
  bool keeps_alpha = strchr("rb", channels[0]) && channels[3] == 'a';
  float alpha = (float)rgba[3] / 255, rgb[3];
  for (int c = 0; c < 3; c++) rgb[c] = keeps_alpha ? (float)rgba[c] : (float)rgba[c] * alpha + 255 * (1 - alpha);
  if (channels[0] == 'g') {
    out[0] = 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
    return;
  }
  bool is_bgr = channels[0] == 'b';
  for (int c = 0; c < 3; c++) out[c] = rgb[is_bgr ? 2 - c : c];
  if (keeps_alpha) out[3] = (float)rgba[3];
}

/* `rgba` is (height, width, 4). */
static int convert(const rung_tensor *rgba, const char *channels, plane *out) {
  size_t height = (size_t)rgba->dims[0], width = (size_t)rgba->dims[1], count = width * height;
  const unsigned char *pixels = rgba->data;
  if (count > MOST_PIXELS) return fail(EXIT_OF(LIMIT), "a picture of %zu x %zu pixels is too large", width, height);
  *out = (plane){(int)width, (int)height, channel_count(channels), NULL};
  out->at = get_memory(count, (size_t)out->channels * sizeof *out->at);
  for (size_t i = 0; i < count; i++) convert_pixel(pixels + 4 * i, channels, out->at + i * (size_t)out->channels);
  return 0;
}

/* Resizing: along one axis; `step` is the distance of neighbours on it, in elements. */

static void resample_line(const float *from, int from_size, float *to, int to_size, size_t step, size_t to_step) {
  double factor = (double)from_size / to_size, reach = factor > 1 ? factor : 1;
  for (int i = 0; i < to_size; i++) {
    double centre = (i + 0.5) * factor, sum = 0, total = 0;
    int first = (int)fmax(0, floor(centre - reach)), last = (int)fmin(from_size, ceil(centre + reach));
    for (int k = first; k < last; k++) {
      double weight = 1 - fabs(k + 0.5 - centre) / reach;
      if (weight <= 0) continue;
      sum += weight * (double)from[(size_t)k * step];
      total += weight;
    }
    to[(size_t)i * to_step] = (float)(sum / total);
  }
}

static void resize(plane *p, int width, int height) {
  if (width == p->width && height == p->height) return;
  size_t c = (size_t)p->channels, row = (size_t)p->width * c, new_row = (size_t)width * c;
  float *wide = get_memory((size_t)p->height * new_row, sizeof *wide);
  for (size_t y = 0; y < (size_t)p->height; y++)
    for (size_t k = 0; k < c; k++) resample_line(p->at + y * row + k, p->width, wide + y * new_row + k, width, c, c);
  float *high = get_memory((size_t)height * new_row, sizeof *high);
  for (size_t x = 0; x < new_row; x++) resample_line(wide + x, p->height, high + x, height, new_row, new_row);
  free(wide);
  free(p->at);
  *p = (plane){width, height, p->channels, high};
}

static int crop(plane *p, int width, int height, int x, int y) {
  if (x < 0) x = (p->width - width) / 2, y = (p->height - height) / 2;
  if (x < 0 || y < 0 || width > p->width - x || height > p->height - y)
    return BAD("the crop %dx%d+%d+%d lies outside of the picture of %d x %d", width, height, x, y, p->width, p->height);
  size_t c = (size_t)p->channels, row = (size_t)width * c;
  float *part = get_memory((size_t)height * row, sizeof *part);
  for (int i = 0; i < height; i++)
    memcpy(part + (size_t)i * row, p->at + ((size_t)(y + i) * (size_t)p->width + (size_t)x) * c, row * sizeof *part);
  free(p->at);
  *p = (plane){width, height, p->channels, part};
  return 0;
}

/* What the model's input says */

typedef struct layout {
  bool channels_last;
  int32_t rank;
  int channels_axis, height_axis; /* width is next to height; channels -1: there is none */
} layout;

static layout layout_of(const char *name) {
  layout l = {.rank = (int32_t)strlen(name), .channels_axis = -1};
  for (int i = 0; i < l.rank; i++) {
    if (name[i] == 'c') l.channels_axis = i;
    if (name[i] == 'h') l.height_axis = i;
  }
  l.channels_last = l.channels_axis > l.height_axis;
  return l;
}

static bool is_channels(int64_t dim) { return dim == 1 || dim == 3 || dim == 4; }

static const char *guess_layout(const rung_type *type) {
  if (type->rank == 2) return "hw";
  int32_t rank = type->rank < 0 ? 4 : type->rank;
  bool last = rank >= 3 && type->rank > 0 && !is_channels(type->dims[rank - 3]) && is_channels(type->dims[rank - 1]);
  return rank == 3 ? (last ? "hwc" : "chw") : last ? "nhwc" : "nchw";
}

/* Dimension `axis` of the model's input when it is known and the ranks agree; else 0. */
static int known_dim(const rung_type *type, const layout *l, int axis) {
  if (axis < 0 || type->kind != RUNG_TENSOR || type->rank != l->rank || type->dims[axis] < 1) return 0;
  return type->dims[axis] > 1 << 20 ? 0 : (int)type->dims[axis];
}

static const char *guess_channels(const rung_type *type, const layout *l) {
  int count = l->channels_axis < 0 ? 1 : known_dim(type, l, l->channels_axis);
  return count == 1 ? "gray" : count == 4 ? "rgba" : "rgb";
}

static int fit(plane *p, const preparation *how, const rung_type *type, const layout *l) {
  int width = how->resize_width, height = how->resize_height;
  if (width && !height) {
    double factor = (double)width / (p->width < p->height ? p->width : p->height);
    width = (int)fmax(1, round(p->width * factor));
    height = (int)fmax(1, round(p->height * factor));
  } else if (!width && !how->crop.width) {
    height = known_dim(type, l, l->height_axis);
    width = known_dim(type, l, l->height_axis + 1);
    if (!height) height = p->height;
    if (!width) width = p->width;
  }
  if (width && (double)width * height > 1 << 26)
    return fail(EXIT_OF(LIMIT), "%d x %d pixels are too many", width, height);
  if (width) resize(p, width, height);
  if (!how->crop.width) return 0;
  return crop(p, how->crop.width, how->crop.height ? how->crop.height : how->crop.width, how->crop.x,
              how->crop.height ? how->crop.y : how->crop.x);
}

/* Into the tensor */

static double per_channel(const double *values, int count, int channel, double otherwise) {
  return count == 0 ? otherwise : values[count == 1 ? 0 : channel];
}

static void store(const plane *p, const preparation *how, const layout *l, const rung_tensor *to) {
  size_t area = (size_t)p->width * (size_t)p->height, channels = (size_t)p->channels;
  double scale = how->scale != 0 ? how->scale : 1;
  for (size_t c = 0; c < channels; c++) {
    double mean = per_channel(how->mean, how->mean_count, (int)c, 0),
           std = per_channel(how->std, how->std_count, (int)c, 1);
    for (size_t i = 0; i < area; i++) {
      double value = ((double)p->at[i * channels + c] * scale - mean) / std;
      rung_tensor_set(to, l->channels_last ? i * channels + c : c * area + i, value);
    }
  }
}

static int to_tensor(target *t, plane *p, const layout *l, rung_value **out_value) {
  const preparation *how = t->prepare;
  if ((how->mean_count > 1 && how->mean_count != p->channels) || (how->std_count > 1 && how->std_count != p->channels))
    return fail(EXIT_USAGE, "--mean and --std take one number, or one for each of the %d channels", p->channels);
  TRY(fit(p, how, t->type, l));
  int64_t dims[4] = {1, 1, 1, 1};
  if (l->channels_axis >= 0) dims[l->channels_axis] = p->channels;
  dims[l->height_axis] = p->height;
  dims[l->height_axis + 1] = p->width;
  TRY_STATUS(rung_value_create(t->env, wanted_dtype(t), l->rank, dims, out_value));
  store(p, how, l, rung_value_tensor(*out_value));
  return 0;
}

int picture_read(target *t, bytes data, rung_value **out_value) {
  const preparation *how = t->prepare;
  const char *name = how->layout ? how->layout : guess_layout(t->type);
  layout l = layout_of(name);
  const char *channels = how->channels ? how->channels : guess_channels(t->type, &l);
  if (l.channels_axis < 0 && channel_count(channels) > 1)
    return fail(EXIT_USAGE, "the layout hw holds one channel, --channels %s has more", channels);
  rung_value *rgba;
  plane values = {0};
  TRY_STATUS(rung_picture_decode(t->env, data.data, data.size, &rgba));
  int code = convert(rung_value_tensor(rgba), channels, &values);
  rung_value_release(rgba);
  TRY(code);
  int width = values.width, height = values.height;
  code = to_tensor(t, &values, &l, out_value);
  if (!code)
    snprintf(t->note, sizeof t->note, "picture %d x %d to %d x %d, %s, %s", width, height, values.width, values.height,
             channels, name);
  free(values.at);
  return code;
}
