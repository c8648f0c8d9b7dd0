/* How a picture or a sound becomes a tensor, and what is to be fed. */
#ifndef RUNG_TOOL_PREPARE_H
#define RUNG_TOOL_PREPARE_H

#include "args.h"
#include "disk.h"

/* The options between one --input and the next. All zero: as the model's input says. */
typedef struct preparation {
  int resize_width, resize_height; /* height 0: width is the shorter side's */
  struct {
    int width, height; /* of a sound: width is the number of samples, height 0 */
    int x, y;          /* of the corner; -1: in the middle */
  } crop;
  double scale; /* 0: 1 */
  double mean[4], std[4];
  int mean_count, std_count; /* 0, 1 (for all channels) or one per channel */
  const char *layout;        /* "nchw", "nhwc", "chw", "hwc", "hw" */
  const char *channels;      /* "rgb", "bgr", "rgba", "bgra", "gray" */
  int64_t rate;              /* of a sound, in Hz; 0: its own */
} preparation;

/* One --input and the options after it. */
typedef struct feed_item {
  const char *text; /* "NAME=FILE" and its kin */
  preparation prepare;
} feed_item;

typedef struct feed_args {
  feed_item *items;
  size_t count;
  preparation common; /* options before the first --input: they hold for all */
  const char *fill;   /* "random", "zeros", "ones": for inputs that are not given; NULL: that is an error */
  int64_t seed;
  int64_t batch; /* of what is filled: the first dimension where it is open; 0: 1 */
} feed_args;

/* For options; settings is a feed_args. */
int set_resize(const option *self, const char *value, void *settings);
int set_crop(const option *self, const char *value, void *settings);
int set_scale(const option *self, const char *value, void *settings);
int set_mean(const option *self, const char *value, void *settings);
int set_std(const option *self, const char *value, void *settings);
int set_layout(const option *self, const char *value, void *settings);
int set_channels(const option *self, const char *value, void *settings);
int set_rate(const option *self, const char *value, void *settings);

/* One input that wants a value. */
typedef struct target {
  rung_env *env;
  const char *name;
  const rung_type *type; /* what the model says; dimensions may be open */
  const preparation *prepare;
  char note[160]; /* out: what was done with a picture or sound, for people */
} target;

/* The dimensions of `type`, open ones as 1; false when its rank is not known. */
bool closed_dims(const rung_type *type, int64_t dims[RUNG_MAX_RANK]);
/* The element type that the target wants; float32 when the model does not say. */
rung_dtype wanted_dtype(const target *t);

/* Readers: a file's bytes become a value. Each says in a message what it did not understand; the caller says where. */
int npy_read(target *t, bytes data, rung_value **out_value);
int picture_read(target *t, bytes data, rung_value **out_value);
int wav_read(target *t, bytes data, rung_value **out_value);
int proto_read(target *t, bytes data, rung_value **out_value);

#endif
