#include "prepare.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* What an option means: the last --input, or all when there is none yet. */
static preparation *current(void *settings) {
  feed_args *args = settings;
  return args->count ? &args->items[args->count - 1].prepare : &args->common;
}

static int wrong(const option *self, const char *value, const char *needed) {
  return fail(EXIT_USAGE, "--%s %s: %s", self->name, clean(value), needed);
}

/* Sizes of pictures and sounds stay below this. */
enum { LARGEST = 1 << 28 };

static bool parse_sizes(const char *text, size_t size, int64_t out[2], int *out_count) {
  *out_count = parse_counts(text, size, 'x', out, 2);
  for (int i = 0; i < *out_count; i++)
    if (out[i] < 1 || out[i] > LARGEST) return false;
  return *out_count > 0;
}

int set_resize(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  int64_t sizes[2] = {0};
  int count;
  if (!parse_sizes(value, strlen(value), sizes, &count))
    return wrong(self, value, "WIDTHxHEIGHT is needed, or one number for the shorter side");
  p->resize_width = (int)sizes[0];
  p->resize_height = (int)sizes[1];
  return 0;
}

/* "224x224", "224x224+10+20", "16000", "16000+8000" */
int set_crop(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  static const char needed[] = "WIDTHxHEIGHT[+X+Y] is needed, or SAMPLES[+FIRST] for a sound";
  int64_t sizes[2] = {0}, corner[2] = {-1, -1};
  int count, corners = 0;
  size_t size = strcspn(value, "+");
  if (!parse_sizes(value, size, sizes, &count)) return wrong(self, value, needed);
  if (value[size]) {
    corners = parse_counts(value + size + 1, strlen(value + size + 1), '+', corner, 2);
    if (corners != count || corner[0] > LARGEST || corner[1] > LARGEST) return wrong(self, value, needed);
  }
  p->crop.width = (int)sizes[0];
  p->crop.height = (int)sizes[1];
  p->crop.x = (int)corner[0];
  p->crop.y = (int)corner[1];
  return 0;
}

/* "0.5" or "1/255" */
int set_scale(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  const char *slash = strchr(value, '/');
  double above, below = 1;
  if (!parse_number(value, slash ? (size_t)(slash - value) : strlen(value), &above) ||
      (slash && !parse_number(slash + 1, strlen(slash + 1), &below)) || below == 0 || above == 0)
    return wrong(self, value, "a number other than 0 is needed, such as 1/255");
  p->scale = above / below;
  return 0;
}

static int parse_channels(const option *self, const char *value, double *out, int *out_count) {
  *out_count = 0;
  for (const char *at = value;; at++) {
    size_t size = strcspn(at, ",");
    if (*out_count == 4 || !parse_number(at, size, &out[(*out_count)++]))
      return wrong(self, value, "one number is needed, or one per channel, separated by commas");
    at += size;
    if (!*at) return 0;
  }
}

int set_mean(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  return parse_channels(self, value, p->mean, &p->mean_count);
}

int set_std(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  TRY(parse_channels(self, value, p->std, &p->std_count));
  for (int i = 0; i < p->std_count; i++)
    if (p->std[i] == 0) return wrong(self, value, "0 cannot be divided by");
  return 0;
}

static int choose(const option *self, const char *value, const char *const *choices, size_t count, const char **out) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(value, choices[i]) == 0) {
      *out = choices[i];
      return 0;
    }
  return fail(EXIT_USAGE, "--%s %s: there is no such choice%s", self->name, clean(value),
              choices_text(value, choices, count));
}

int set_layout(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  static const char *const choices[] = {"nchw", "nhwc", "chw", "hwc", "hw"};
  return choose(self, value, choices, 5, &p->layout);
}

int set_channels(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  static const char *const choices[] = {"rgb", "bgr", "rgba", "bgra", "gray"};
  return choose(self, value, choices, 5, &p->channels);
}

int set_rate(const option *self, const char *value, void *settings) {
  preparation *p = current(settings);
  if (parse_count(value, strlen(value), &p->rate) && p->rate >= 100 && p->rate <= 1000000) return 0;
  return wrong(self, value, "samples per second are needed, such as 16000");
}

bool closed_dims(const rung_type *type, int64_t dims[RUNG_MAX_RANK]) {
  if (type->kind != RUNG_TENSOR || type->rank < 0) return false;
  for (int32_t i = 0; i < type->rank; i++) dims[i] = type->dims[i] < 0 ? 1 : type->dims[i];
  return true;
}

rung_dtype wanted_dtype(const target *t) {
  return t->type->kind == RUNG_TENSOR && t->type->dtype ? t->type->dtype : RUNG_F32;
}
