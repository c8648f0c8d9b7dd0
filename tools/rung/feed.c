#include "feed.h"

#include "made.h"
#include "npz.h"
#include "text.h"
#include "wav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

static int set_input(const option *self, const char *value, void *settings) {
  (void)self;
  feed_args *args = settings;
  args->items = grow_memory(args->items, args->count, sizeof *args->items);
  args->items[args->count++] = (feed_item){value, args->common};
  return 0;
}

static int set_fill(const option *self, const char *value, void *settings) {
  (void)self;
  if (!is_fill(value) || strchr(value, '['))
    return fail(EXIT_USAGE, "--fill %s: random, zeros or ones is needed", clean(value));
  ((feed_args *)settings)->fill = value;
  return 0;
}

const option feed_options[] = {
    {"input", 'i', "NAME=FILE", "value of an input; other forms: rung help inputs (may be repeated)", set_input, 0},
    {"fill", 0, "random|zeros|ones", "for inputs that are not given", set_fill, 0},
    {"seed", 0, "N", "of random values; default: 0", set_count, offsetof(feed_args, seed)},
    {"resize", 0, "WIDTHxHEIGHT", "resize the picture; one number: its shorter side", set_resize, 0},
    {"crop", 0, "WIDTHxHEIGHT[+X+Y]", "crop the picture, from the middle; SAMPLES[+FIRST]: the sound", set_crop, 0},
    {"scale", 0, "X", "multiply values, which are 0 to 255 in a picture; such as 1/255", set_scale, 0},
    {"mean", 0, "A[,B,C]", "subtract, after scaling", set_mean, 0},
    {"std", 0, "A[,B,C]", "divide by, after subtracting", set_std, 0},
    {"layout", 0, "nchw|nhwc|chw|hwc|hw", "default: as the model's dimensions look", set_layout, 0},
    {"channels", 0, "rgb|bgr|rgba|bgra|gray", "default: by the number of the model's channels", set_channels, 0},
    {"rate", 0, "HZ", "resample the sound", set_rate, 0},
    {0}};

/* Files */

int proto_read(target *t, bytes data, rung_value **out_value) {
  const rung_type *type = t->type->kind == RUNG_NONE ? NULL : t->type;
  return fail_status(rung_value_parse(t->env, data.data, data.size, type, out_value));
}

static bool is_npy(bytes file) { return file.size >= 6 && memcmp(file.data, "\x93NUMPY", 6) == 0; }
static bool is_picture(bytes file) { return rung_picture_guess(file.data, file.size); }
static bool is_npz(bytes file) { return file.size >= 4 && memcmp(file.data, "PK\3\4", 4) == 0; }

/* What a file is shows in its first bytes; a serialized value has none of its own and comes last. */
static const struct {
  bool (*is)(bytes file);
  int (*read)(target *t, bytes data, rung_value **out_value);
} formats[] = {{is_npy, npy_read}, {is_picture, picture_read}, {is_wav, wav_read}};

static int read_bytes(target *t, bytes data, rung_value **out_value) {
  if (!data.size) return BAD("the file is empty");
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    if (formats[i].is(data)) return formats[i].read(t, data, out_value);
  return proto_read(t, data, out_value);
}

/* The member of the input's name, or `wanted`, or the only one. */
static int read_archive(target *t, bytes archive, const char *wanted, rung_value **out_value) {
  char *first = NULL;
  int count = npz_names(archive, &first, 1);
  if (count < 0) return EXIT_OF(INVALID_ARGUMENT);
  bytes member;
  int code = npz_member(archive, wanted ? wanted : count == 1 ? first : t->name, &member);
  free(first);
  TRY(code);
  code = npy_read(t, member, out_value);
  free_bytes(&member);
  return code;
}

/* "FILE", or "FILE.npz:MEMBER". */
static int read_path(target *t, const char *path, rung_value **out_value) {
  const char *colon = strstr(path, ".npz:");
  char *name = copy_text(path, colon ? (size_t)(colon + 4 - path) : strlen(path));
  bytes data;
  int code = read_file(name, &data);
  if (!code) {
    code = is_npz(data) ? read_archive(t, data, colon ? colon + 5 : NULL, out_value) : read_bytes(t, data, out_value);
    code = fail_within(code, "%s: ", clean(name));
    free_bytes(&data);
  }
  free(name);
  return code;
}

/* Raw: "f32[1,3,224,224]@FILE" */

static const char *raw_file(const char *text) {
  const char *at = strstr(text, "]@");
  return at && strcspn(text, "[") < (size_t)(at - text) && text[0] != '[' ? at + 2 : NULL;
}

static int read_raw(target *t, const char *text, rung_value **out_value) {
  const char *file = raw_file(text), *bracket = strchr(text, '['), *end = file - 2;
  char *name = copy_text(text, (size_t)(bracket - text));
  rung_dtype dtype = rung_dtype_by_name(name);
  free(name);
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank =
      bracket + 1 == end ? 0 : parse_counts(bracket + 1, (size_t)(end - bracket - 1), ',', dims, RUNG_MAX_RANK);
  if (!dtype || dtype == RUNG_STRING || rank < 0)
    return fail(EXIT_USAGE, "%s: TYPE[DIMENSIONS]@FILE is needed, such as f32[1,3,224,224]@x.bin", clean(text));
  bytes data;
  TRY(read_file(file, &data));
  int code = fail_status(rung_value_create(t->env, dtype, rank, dims, out_value));
  const rung_tensor *tensor = code ? NULL : rung_value_tensor(*out_value);
  if (tensor && tensor->size != data.size)
    code = BAD("%s has %zu bytes, %s[%s] takes %zu", clean(file), data.size, rung_dtype_name(dtype),
               dims_text(NULL, rank, dims), tensor->size);
  else if (tensor && data.size)
    memcpy(tensor->data, data.data, data.size);
  free_bytes(&data);
  return code;
}

/* One input */

static int read_value(target *t, const char *text, const feed_args *args, rung_value **out_value) {
  if (raw_file(text)) return read_raw(t, text, out_value);
  if (is_fill(text)) return fill_read(t, text, args, out_value);
  if (is_literal(text) && !is_file(text)) return literal_read(t, text, out_value);
  return read_path(t, text, out_value);
}

static target target_of(const setup *s, const rung_slot *slot, const preparation *prepare) {
  return (target){.env = s->env, .name = slot->name, .type = slot->type, .prepare = prepare};
}

static int feed_one(const feed_args *args, const setup *s, const rung_slot *slot, const preparation *prepare,
                    const char *text, fed *out) {
  target t = target_of(s, slot, prepare);
  rung_value *value = NULL;
  int code = read_value(&t, text, args, &value);
  if (code) {
    rung_value_release(value);
    return fail_within(code, "input \"%s\": ", clean(slot->name));
  }
  rung_value_release(out->value);
  out->value = value;
  snprintf(out->source, sizeof out->source, "%s%s%s%s", clean(text), t.note[0] ? " (" : "", t.note,
           t.note[0] ? ")" : "");
  return 0;
}

/* All inputs */

typedef struct session_inputs {
  const setup *s;
  size_t count;
  rung_slot *slots;
} session_inputs;

/* The input whose name and '=' begin the text; the longest, for names may hold '='. -1: none. */
static int find_input(const session_inputs *in, const char *text) {
  int best = -1;
  for (size_t i = 0; i < in->count; i++) {
    const char *name = in->slots[i].name;
    if (!starts_with(text, name) || text[strlen(name)] != '=') continue;
    if (best < 0 || strlen(name) > strlen(in->slots[best].name)) best = (int)i;
  }
  return best;
}

static int unknown_input(const session_inputs *in, const char *text) {
  const char *names[32];
  char list[400] = "";
  size_t count = 0;
  for (; count < in->count && count < 32; count++) {
    names[count] = in->slots[count].name;
    if (strlen(list) < 300) strncat(strcat(list, count ? ", " : ""), clean(names[count]), 80);
  }
  const char *near = nearest(clean_bytes(text, strcspn(text, "=")), names, count);
  return fail(EXIT_USAGE, "--input %s: which input? %s%s%s%s %s", clean(text), near ? "Did you mean " : "",
              near ? clean(near) : "", near ? "? " : "", plural(count, "The input is", "The inputs are"), list);
}

/* "all.npz": every member feeds the input of its name. */
static int feed_archive(const session_inputs *in, const char *path, fed *inputs) {
  bytes archive;
  TRY(read_file(path, &archive));
  enum { MOST = 256 };
  char *names[MOST] = {NULL};
  int count = npz_names(archive, names, MOST), code = count < 0 ? EXIT_OF(INVALID_ARGUMENT) : 0;
  for (int k = 0; k < count && k < MOST; k++) {
    size_t i = 0;
    while (i < in->count && strcmp(in->slots[i].name, names[k]) != 0) i++;
    if (!code && i == in->count) {
      char *text = format_text("%s=", names[k]);
      code = unknown_input(in, text);
      free(text);
    }
    if (!code) {
      static const preparation none;
      target t = target_of(in->s, &in->slots[i], &none);
      rung_value *value = NULL;
      code = read_archive(&t, archive, names[k], &value);
      if (code) continue;
      rung_value_release(inputs[i].value);
      inputs[i].value = value;
      snprintf(inputs[i].source, sizeof inputs[i].source, "%s:%s", clean(path), clean(names[k]));
    }
  }
  for (int k = 0; k < MOST; k++) free(names[k]);
  free_bytes(&archive);
  return fail_within(code, "%s: ", clean(path));
}

static int feed_items(const feed_args *args, const session_inputs *in, fed *inputs) {
  for (size_t k = 0; k < args->count; k++) {
    const feed_item *item = &args->items[k];
    int i = find_input(in, item->text);
    const char *text = i < 0 ? item->text : item->text + strlen(in->slots[i].name) + 1;
    if (i < 0 && in->count == 1 && !(strchr(text, '=') && !is_file(text))) i = 0;
    if (i >= 0)
      TRY(feed_one(args, in->s, &in->slots[i], &item->prepare, text, &inputs[i]));
    else if (ends_with(text, ".npz") && is_file(text))
      TRY(feed_archive(in, text, inputs));
    else
      return unknown_input(in, item->text);
  }
  return 0;
}

static int feed_folder(const feed_args *args, const session_inputs *in, const char *folder, fed *inputs) {
  for (size_t i = 0; i < in->count; i++) {
    char *path = format_text("%s/input_%zu.pb", folder, i);
    int code = is_file(path) ? feed_one(args, in->s, &in->slots[i], &args->common, path, &inputs[i]) : 0;
    free(path);
    TRY(code);
  }
  return 0;
}

static int feed_rest(const feed_args *args, const session_inputs *in, fed *inputs) {
  for (size_t i = 0; i < in->count; i++) {
    const rung_slot *slot = &in->slots[i];
    if (inputs[i].value || slot->type->kind == RUNG_OPTIONAL) continue;
    if (!args->fill)
      return fail(EXIT_USAGE, "input \"%s\" %s has no value; give --input %s=FILE, or --fill random", clean(slot->name),
                  type_text(in->s->session, slot->type), clean(slot->name));
    TRY(feed_one(args, in->s, slot, &args->common, args->fill, &inputs[i]));
  }
  return 0;
}

int feed(const feed_args *args, const setup *s, const char *folder, fed *inputs) {
  session_inputs in = {s, rung_session_input_count(s->session), NULL};
  in.slots = get_memory(in.count, sizeof *in.slots);
  int code = 0;
  for (size_t i = 0; i < in.count && !code; i++) code = fail_status(rung_session_input(s->session, i, &in.slots[i]));
  if (!code && folder) code = feed_folder(args, &in, folder, inputs);
  if (!code) code = feed_items(args, &in, inputs);
  if (!code) code = feed_rest(args, &in, inputs);
  if (code) free_fed(inputs, in.count);
  free(in.slots);
  return code;
}

void free_fed(fed *inputs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    rung_value_release(inputs[i].value);
    inputs[i].value = NULL;
  }
}
