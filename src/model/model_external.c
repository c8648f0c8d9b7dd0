/* The files behind a model: its own, and those that hold external data. Each is opened once and stays until the model
 * dies. Names of files come from the model and are not trusted: see rung_file_open_beneath. */
#include "model/model_reader.h"

#include "base/file.h"
#include "base/printable.h"
#include "base/sha1.h"

#include <inttypes.h>

/* A checksum covers its whole file. Hashing runs at under 1 GB/s, so beyond this size it is left out, with a warning.
 */
static const size_t largest_verified = (size_t)4 << 30;

typedef struct external_file {
  rung_file file;
  char sha1[RUNG_SHA1_TEXT]; /* "" until it is asked for */
} external_file;

struct rung_model_files {
  rung_file self;     /* the model's own file; closed when it came from memory */
  const char *folder; /* NULL: external data is refused */
  const char *linked; /* the folder that the model file really lies in, when its path is a link; else NULL */
  bool read;
  rung_map by_location; /* external_file, in the model's arena */
};

/* ---- life ---- */

static rung_status *make_files(rung_model *model, const rung_model_options *options) {
  struct rung_model_files *files = rung_arena_alloc(&model->arena, 1, sizeof *files);
  RUNG_CHECK_ALLOC(files);
  rung_map_init(&files->by_location, model->allocator);
  model->files = files;
  if (!options) return NULL;
  files->read = options->read_files;
  if (!options->external_folder) return NULL;
  files->folder = rung_arena_copy(&model->arena, options->external_folder, strlen(options->external_folder));
  RUNG_CHECK_ALLOC(files->folder);
  return NULL;
}

/* Hugging Face's cache is made of links: the model's folder holds links to a folder of blobs. */
static rung_status *find_folders(rung_model *model, struct rung_model_files *files) {
  char folder[RUNG_PATH_MAX], named[RUNG_PATH_MAX], path[RUNG_PATH_MAX], real[RUNG_PATH_MAX];
  RUNG_TRY(rung_file_folder(model->path, folder));
  files->folder = rung_arena_copy(&model->arena, folder, strlen(folder));
  RUNG_CHECK_ALLOC(files->folder);
  RUNG_TRY(rung_file_real_path(folder, named));
  RUNG_TRY(rung_file_real_path(model->path, path));
  RUNG_TRY(rung_file_folder(path, real));
  if (strcmp(real, named) == 0) return NULL;
  files->linked = rung_arena_copy(&model->arena, real, strlen(real));
  RUNG_CHECK_ALLOC(files->linked);
  return NULL;
}

rung_status *rung__files_open(rung_model *model, const rung_model_options *options, rung_str *out_bytes) {
  RUNG_TRY(make_files(model, options));
  struct rung_model_files *files = model->files;
  RUNG_TRY(rung_file_open(model->allocator, model->path, files->read, &files->self));
  *out_bytes = (rung_str){(const char *)files->self.data, files->self.size};
  return files->folder ? NULL : find_folders(model, files);
}

rung_status *rung__files_attach(rung_model *model, const rung_model_options *options) {
  return make_files(model, options);
}

void rung__files_close(rung_model *model) {
  struct rung_model_files *files = model->files;
  if (!files) return;
  rung_map *map = &files->by_location;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].value) rung_file_close(&((external_file *)map->entries[i].value)->file);
  rung_map_finish(map);
  rung_file_close(&files->self);
}

/* ---- places ---- */

static bool find_in(const rung_file *file, const void *data, size_t size, rung_model_place *out_place) {
  uintptr_t begin = (uintptr_t)file->data, at = (uintptr_t)data;
  if (!file->size || at < begin || at - begin > file->size || size > file->size - (at - begin)) return false;
  *out_place = (rung_model_place){file->device, file->inode, file->size, file->modified, at - begin};
  return true;
}

bool rung_model_find(const rung_model *model, const void *data, size_t size, rung_model_place *out_place) {
  const struct rung_model_files *files = model->files;
  if (!files) return false;
  if (find_in(&files->self, data, size, out_place)) return true;
  for (size_t i = 0; i < files->by_location.capacity; i++) {
    const external_file *file = files->by_location.entries[i].value;
    if (file && find_in(&file->file, data, size, out_place)) return true;
  }
  return false;
}

/* ---- entries ---- */

typedef struct placement {
  rung_str location, offset, length, checksum;
} placement;

/* Keys that mean nothing here: written by onnx and ONNX Runtime. */
static bool is_ignored(rung_str key) {
  static const char prefix[] = "prepacked";
  return rung_str_is(key, "basepath") ||
         (key.size >= sizeof prefix - 1 && !memcmp(key.data, prefix, sizeof prefix - 1));
}

static rung_status *sort_entries(const rung_model_entry *entries, size_t count, placement *out) {
  static const struct {
    const char *key;
    size_t member;
  } keys[] = {
      {"location", offsetof(placement, location)},
      {"offset", offsetof(placement, offset)},
      {"length", offsetof(placement, length)},
      {"checksum", offsetof(placement, checksum)},
  };
  *out = (placement){0};
  for (size_t i = 0; i < count; i++) {
    size_t k = 0;
    while (k < RUNG_COUNT(keys) && !rung_str_is(entries[i].key, keys[k].key)) k++;
    char shown[RUNG_PRINTABLE];
    if (k == RUNG_COUNT(keys) && is_ignored(entries[i].key)) continue;
    RUNG_REQUIRE(k < RUNG_COUNT(keys), INVALID_MODEL, "the key \"%s\" is unknown",
                 rung_printable(entries[i].key, shown));
    rung_str *member = (rung_str *)(void *)((char *)out + keys[k].member);
    RUNG_REQUIRE(!member->data, INVALID_MODEL, "the key \"%s\" is given twice", keys[k].key);
    *member = entries[i].value.data ? entries[i].value : (rung_str){"", 0};
  }
  RUNG_REQUIRE(out->location.data, INVALID_MODEL, "it has no location");
  return NULL;
}

/* Decimal digits only. Absent: `missing`. */
static rung_status *parse_size(rung_str text, const char *key, size_t missing, size_t *out) {
  size_t value = 0;
  bool good = !text.data || text.size > 0;
  for (size_t i = 0; i < text.size && good; i++) {
    unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
    good = digit < 10 && rung_mul_size(value, 10, &value) && rung_add_size(value, digit, &value);
  }
  char shown[RUNG_PRINTABLE];
  RUNG_REQUIRE(good, INVALID_MODEL, "its %s \"%s\" is no size in bytes", key, rung_printable(text, shown));
  *out = text.data ? value : missing;
  return NULL;
}

/* ---- data ---- */

static rung_status *open_file(rung_reader *reader, rung_str location, external_file **out_file) {
  struct rung_model_files *files = reader->model->files;
  if ((*out_file = rung_map_get(&files->by_location, location))) return NULL;
  RUNG_REQUIRE(files->folder, INVALID_MODEL, "a model from memory has no folder to look in (option external_folder)");
  rung_file_scope scope = {files->folder, files->linked, files->self.data ? &files->self : NULL};
  rung_file file;
  RUNG_TRY(rung_file_open_beneath(reader->allocator, &scope, location, files->read, &file));
  external_file *opened = rung_arena_alloc(reader->arena, 1, sizeof *opened);
  if (!opened || !rung_map_put(&files->by_location, location, opened)) {
    rung_file_close(&file);
    return rung_status_out_of_memory();
  }
  opened->file = file;
  *out_file = opened;
  return NULL;
}

static rung_status *verify(const rung_reader *reader, rung_str checksum, external_file *file) {
  char shown[RUNG_PRINTABLE];
  if (file->file.size > largest_verified) {
    rung_log_line(reader->log, RUNG_LOG_WARNING, "a checksum was not verified: its file has %zu bytes",
                  file->file.size);
    return NULL;
  }
  if (!file->sha1[0]) rung_sha1_text(file->file.data, file->file.size, file->sha1);
  RUNG_REQUIRE(rung_str_is(checksum, file->sha1), INVALID_MODEL,
               "the SHA-1 of the file is %s, the model says %s: one of them was changed or damaged", file->sha1,
               rung_printable(checksum, shown));
  return NULL;
}

static rung_status *find_data(rung_reader *reader, const placement *where, size_t size, const uint8_t **out_data) {
  size_t offset, length;
  RUNG_TRY(parse_size(where->offset, "offset", 0, &offset));
  RUNG_TRY(parse_size(where->length, "length", size, &length));
  RUNG_REQUIRE(length == size, INVALID_MODEL, "its length is %zu bytes, its shape needs %zu", length, size);
  external_file *file;
  RUNG_TRY(open_file(reader, where->location, &file));
  RUNG_REQUIRE(offset <= file->file.size && size <= file->file.size - offset, INVALID_MODEL,
               "%zu bytes from byte %zu on are needed, and the file has %zu", size, offset, file->file.size);
  if (where->checksum.data) RUNG_TRY(verify(reader, where->checksum, file));
  reader->model->external_bytes += size;
  *out_data = file->file.data + offset;
  return NULL;
}

rung_status *rung__external_data(rung_reader *reader, const rung_model_entry *entries, size_t count, size_t size,
                                 const uint8_t **out_data) {
  RUNG_REQUIRE(reader->model, INVALID_MODEL, "a single value cannot have its data in another file");
  placement where;
  RUNG_TRY(rung_status_prefix(sort_entries(entries, count, &where), "external data"));
  char shown[RUNG_PRINTABLE];
  return rung_status_prefix(find_data(reader, &where, size, out_data), "external data in \"%s\"",
                            rung_printable(where.location, shown));
}
