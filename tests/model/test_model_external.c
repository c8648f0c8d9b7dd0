/* External data: where it may lie, what it must measure, and that this holds in every place where a tensor can stand.
 */
#include "model/model.h"
#include "support/counting.h"
#include "support/folder.h"
#include "support/onnx.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- a model whose one tensor, two floats, refers to a file ---- */

typedef enum place { IN_INITIALIZER, IN_SPARSE, IN_CONSTANT, IN_BODY, IN_FUNCTION, IN_DEFAULT, PLACES } place;

typedef struct reference {
  const rung_str *entries; /* key, value, key, value ... */
  size_t count;            /* of pairs */
  place place;
} reference;

static void write_tensor(rung_text *out, uint32_t number, const reference *r) {
  size_t tensor = rung_put_begin(out, number);
  rung_put_int(out, TENSOR_DIM, 2);
  rung_put_int(out, TENSOR_DTYPE, RUNG_F32);
  rung_put_text(out, TENSOR_NAME, "w");
  for (size_t i = 0; i < r->count; i++) {
    size_t entry = rung_put_begin(out, TENSOR_EXTERNAL);
    for (uint32_t k = 0; k < 2; k++) rung_put_bytes(out, k + 1, r->entries[2 * i + k].data, r->entries[2 * i + k].size);
    rung_put_end(out, entry);
  }
  rung_put_int(out, TENSOR_LOCATION, 1);
  rung_put_end(out, tensor);
}

static void write_attribute(rung_text *out, uint32_t number, const reference *r) {
  size_t attribute = rung_put_begin(out, number);
  rung_write_attribute_head(out, "value", RUNG_ATTRIBUTE_TENSOR);
  write_tensor(out, ATTRIBUTE_TENSOR, r);
  rung_put_end(out, attribute);
}

static void write_constant(rung_text *out, uint32_t number, const reference *r) {
  size_t node = rung_put_begin(out, number);
  rung_put_text(out, NODE_OP, "Constant");
  write_attribute(out, NODE_ATTRIBUTE, r);
  rung_put_end(out, node);
}

static void write_sparse(rung_text *out, const reference *r) {
  const rung_tensor indices = {RUNG_I64, 1, {2}, (int64_t[]){0, 1}, 16, NULL};
  size_t sparse = rung_put_begin(out, GRAPH_SPARSE);
  write_tensor(out, 1, r);
  rung_write_tensor(out, 2, NULL, &indices);
  rung_put_int(out, 3, 5);
  rung_put_end(out, sparse);
}

static void write_body(rung_text *out, const reference *r) {
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "If");
  size_t attribute = rung_put_begin(out, NODE_ATTRIBUTE);
  rung_write_attribute_head(out, "then_branch", RUNG_ATTRIBUTE_GRAPH);
  size_t graph = rung_put_begin(out, ATTRIBUTE_GRAPH);
  write_tensor(out, GRAPH_INITIALIZER, r);
  rung_put_end(out, graph);
  rung_put_end(out, attribute);
  rung_put_end(out, node);
}

static void write_graph(rung_text *out, const void *context) {
  const reference *r = context;
  if (r->place == IN_INITIALIZER) write_tensor(out, GRAPH_INITIALIZER, r);
  if (r->place == IN_SPARSE) write_sparse(out, r);
  if (r->place == IN_CONSTANT) write_constant(out, GRAPH_NODE, r);
  if (r->place == IN_BODY) write_body(out, r);
}

static rung_text model_bytes(const reference *r) {
  rung_text out = onnx_model(write_graph, r);
  size_t function = rung_put_begin(&out, MODEL_FUNCTION);
  rung_put_text(&out, 1, "F");
  if (r->place == IN_FUNCTION) write_constant(&out, 7, r);
  if (r->place == IN_DEFAULT) write_attribute(&out, 11, r);
  rung_put_end(&out, function);
  return out;
}

/* ---- a folder of files ---- */

static temp_folder root;
static char model_path[FOLDER_PATH];
static const float data[] = {1, 2, 3, 4};
#define DATA_SHA1 "c26df9440df999ae7d765499acd5ca855709702f"

static int make_root(void **state) {
  (void)state;
  folder_make(&root);
  folder_mkdir(&root, "m");
  folder_mkdir(&root, "m/sub");
  folder_write(&root, "secret", data, sizeof data);
  folder_write(&root, "m/data", data, sizeof data);
  folder_write(&root, "m/sub/data", data, sizeof data);
  folder_write(&root, "m/short", data, 7);
  folder_write(&root, "m/empty", "", 0);
  folder_symlink(&root, "data", "m/link");
  folder_symlink(&root, "../secret", "m/link_out");
  folder_symlink(&root, "..", "m/folder_out");
  folder_hardlink(&root, "secret", "m/hard");
  folder_at(&root, "m/model.onnx", model_path);
  return 0;
}

static int remove_root(void **state) {
  (void)state;
  folder_remove(&root);
  return 0;
}

static rung_status *open_model(const reference *r, const rung_model_options *options, rung_model **out_model) {
  rung_text bytes = model_bytes(r);
  folder_write(&root, "m/model.onnx", bytes.data, bytes.size);
  rung_text_finish(&bytes);
  rung_model *model = NULL;
  rung_status *status = rung_model_open(&rung_system_allocator, NULL, model_path, options, &model);
  if (out_model)
    *out_model = model;
  else
    rung_model_release(model);
  return status;
}

/* ---- cases ---- */

#define STR(text) {text, sizeof(text) - 1}

typedef struct external_case {
  const char *label;
  rung_str entries[8];
  const char *message; /* NULL: good */
} external_case;

static size_t pairs(const external_case *c) {
  size_t count = 0;
  while (count < 4 && c->entries[2 * count].data) count++;
  return count;
}

static const external_case cases[] = {
    {"whole", {STR("location"), STR("data")}, NULL},
    {"part", {STR("location"), STR("data"), STR("offset"), STR("8"), STR("length"), STR("8")}, NULL},
    {"odd offset", {STR("location"), STR("data"), STR("offset"), STR("3")}, NULL},
    {"last bytes", {STR("location"), STR("data"), STR("offset"), STR("08")}, NULL},
    {"below", {STR("location"), STR("sub/data")}, NULL},
    {"link inside", {STR("location"), STR("link")}, NULL},
    {"basepath", {STR("location"), STR("data"), STR("basepath"), STR("/etc")}, NULL},
    {"checksum", {STR("location"), STR("data"), STR("checksum"), STR(DATA_SHA1)}, NULL},

    {"no entries", {{NULL, 0}}, "external data: it has no location"},
    {"no location", {STR("offset"), STR("0")}, "it has no location"},
    {"empty location", {STR("location"), STR("")}, "location is empty"},
    {"missing file", {STR("location"), STR("none")}, "external data in \"none\": it cannot be opened in the folder"},
    {"parent", {STR("location"), STR("../secret")}, "\"..\""},
    {"hidden parent", {STR("location"), STR("sub/../../secret")}, "\"..\""},
    {"absolute", {STR("location"), STR("/etc/passwd")}, "absolute"},
    {"link out", {STR("location"), STR("link_out")}, "outside the folder"},
    {"folder out", {STR("location"), STR("folder_out/secret")}, "outside the folder"},
    {"hard link", {STR("location"), STR("hard")}, "2 hard links"},
    {"NUL", {STR("location"), STR("data\0.txt")}, "NUL byte"},
    {"folder", {STR("location"), STR("sub")}, "no regular file"},
    {"itself", {STR("location"), STR("model.onnx")}, "model file itself"},
    {"itself again", {STR("location"), STR("./model.onnx")}, "model file itself"},

    {"short file", {STR("location"), STR("short")}, "8 bytes from byte 0 on are needed, and the file has 7"},
    {"empty file", {STR("location"), STR("empty")}, "the file has 0"},
    {"past the end", {STR("location"), STR("data"), STR("offset"), STR("9")}, "from byte 9 on"},
    {"far past the end", {STR("location"), STR("data"), STR("offset"), STR("18446744073709551615")}, "the file has 16"},
    {"sum wraps", {STR("location"), STR("data"), STR("offset"), STR("18446744073709551608")}, "the file has 16"},
    {"offset overflows",
     {STR("location"), STR("data"), STR("offset"), STR("18446744073709551616")},
     "no size in bytes"},
    {"negative offset", {STR("location"), STR("data"), STR("offset"), STR("-8")}, "its offset \"-8\" is no size"},
    {"offset of words", {STR("location"), STR("data"), STR("offset"), STR("0x8")}, "no size in bytes"},
    {"offset with space", {STR("location"), STR("data"), STR("offset"), STR(" 8")}, "no size in bytes"},
    {"offset with NUL", {STR("location"), STR("data"), STR("offset"), STR("8\0")}, "no size in bytes"},
    {"empty offset", {STR("location"), STR("data"), STR("offset"), STR("")}, "no size in bytes"},
    {"short length", {STR("location"), STR("data"), STR("length"), STR("7")}, "7 bytes, its shape needs 8"},
    {"long length", {STR("location"), STR("data"), STR("length"), STR("9")}, "9 bytes, its shape needs 8"},
    {"petabytes", {STR("location"), STR("data"), STR("length"), STR("9000000000000000")}, "its shape needs 8"},
    {"zero length", {STR("location"), STR("data"), STR("length"), STR("0")}, "0 bytes, its shape needs 8"},

    {"unknown key", {STR("location"), STR("data"), STR("compression"), STR("zstd")}, "\"compression\" is unknown"},
    {"address", {STR("location"), STR("*/_ORT_MEM_ADDR_/*"), STR("offset"), STR("4096")}, "cannot be opened"},
    {"twice", {STR("location"), STR("data"), STR("location"), STR("data")}, "given twice"},
    {"wrong checksum",
     {STR("location"), STR("data"), STR("checksum"), STR("da39a3ee5e6b4b0d3255bfef95601890afd80709")},
     "SHA-1 of the file is " DATA_SHA1},
    {"empty checksum", {STR("location"), STR("data"), STR("checksum"), STR("")}, "SHA-1"},
};

static void every_case_in_every_place(void **state) {
  (void)state;
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    for (int at = 0; at < PLACES; at++) {
      const reference r = {cases[i].entries, pairs(&cases[i]), (place)at};
      rung_status *status = open_model(&r, NULL, NULL);
      const char *message = rung_status_message(status), *expected = cases[i].message;
      bool right = expected ? status && strstr(message, expected) : !status;
      if (status && !strstr(message, "external data")) right = false;
      if (!right) fail_msg("%s, place %d: %s", cases[i].label, at, message);
      rung_status_free(status);
    }
  }
}

static const rung_str whole[] = {STR("location"), STR("data"), STR("offset"), STR("4")};

static void the_data_is_the_files(void **state) {
  (void)state;
  for (int read = 0; read < 2; read++) {
    const reference r = {whole, 2, IN_INITIALIZER};
    const rung_model_options options = {.read_files = read};
    rung_model *model;
    assert_ok(open_model(&r, &options, &model));
    assert_memory_equal(model->graph->initializers[0].value->tensor.data, data + 1, 8);
    assert_string_equal(model->path, model_path);
    assert_int_equal(model->external_bytes, 8);
    rung_model_release(model);
  }
}

static void a_model_that_was_read_does_not_need_its_files(void **state) {
  (void)state;
  const reference r = {whole, 2, IN_INITIALIZER};
  const rung_model_options options = {.read_files = true};
  rung_model *model;
  char path[FOLDER_PATH];
  assert_ok(open_model(&r, &options, &model));
  assert_int_equal(truncate(folder_at(&root, "m/data", path), 0), 0);
  assert_int_equal(truncate(model_path, 0), 0);
  assert_memory_equal(model->graph->initializers[0].value->tensor.data, data + 1, 8);
  rung_model_release(model);
}

static void bytes_have_no_folder_unless_told(void **state) {
  (void)state;
  const reference r = {whole, 2, IN_INITIALIZER};
  rung_text bytes = model_bytes(&r);
  char folder[FOLDER_PATH];
  assert_error(onnx_parse(&bytes, NULL, NULL), INVALID_MODEL, "option external_folder");
  rung_model_options options = {.external_folder = folder_at(&root, "m", folder)};
  assert_ok(onnx_parse(&bytes, &options, NULL));
  options.external_folder = folder_at(&root, "nowhere", folder);
  assert_error(onnx_parse(&bytes, &options, NULL), NOT_FOUND, "nowhere");
  options.external_folder = "";
  assert_error(onnx_parse(&bytes, &options, NULL), NOT_FOUND, "");
  rung_text_finish(&bytes);
}

static void another_folder_can_be_named(void **state) {
  (void)state;
  const reference r = {whole, 2, IN_INITIALIZER};
  char folder[FOLDER_PATH];
  const rung_model_options options = {.external_folder = folder_at(&root, "m/sub", folder)};
  assert_ok(open_model(&r, &options, NULL));
}

/* Hugging Face's cache: the model and its data are links to blobs of other names. */
static void linked_models_find_linked_data(void **state) {
  (void)state;
  const reference r = {whole, 2, IN_INITIALIZER};
  rung_model *model;
  char path[FOLDER_PATH];
  assert_ok(open_model(&r, NULL, NULL)); /* writes m/model.onnx */
  folder_mkdir(&root, "snapshot");
  folder_symlink(&root, "../m/model.onnx", "snapshot/model.onnx");
  assert_ok(rung_model_open(&rung_system_allocator, NULL, folder_at(&root, "snapshot/model.onnx", path), NULL, &model));
  rung_model_release(model); /* beside the real file */
  folder_symlink(&root, "../m/sub/data", "snapshot/data");
  assert_ok(rung_model_open(&rung_system_allocator, NULL, path, NULL, &model));
  rung_model_release(model); /* by a link to below the real folder */
  assert_int_equal(unlink(folder_at(&root, "snapshot/data", path)), 0);
  folder_symlink(&root, "../secret", "snapshot/data");
  folder_at(&root, "snapshot/model.onnx", path);
  assert_error(rung_model_open(&rung_system_allocator, NULL, path, NULL, &model), INVALID_MODEL, "outside");
}

static void empty_tensors_still_need_a_place(void **state) {
  (void)state;
  rung_text bytes = onnx_bytes();
  onnx_header(&bytes);
  size_t graph = rung_put_begin(&bytes, MODEL_GRAPH);
  rung_write_external_tensor(&bytes, GRAPH_INITIALIZER, "e", &(rung_tensor){.dtype = RUNG_F32, .rank = 1}, "empty", 0);
  rung_write_external_tensor(&bytes, GRAPH_INITIALIZER, "w",
                             &(rung_tensor){.dtype = RUNG_F32, .rank = 1, .dims = {2}, .size = 8}, "data", 8);
  rung_put_end(&bytes, graph);
  char folder[FOLDER_PATH];
  const rung_model_options options = {.external_folder = folder_at(&root, "m", folder)};
  rung_model *model;
  assert_ok(onnx_parse(&bytes, &options, &model));
  assert_int_equal(model->graph->initializers[0].value->tensor.size, 0);
  assert_memory_equal(model->graph->initializers[1].value->tensor.data, data + 2, 8);
  rung_model_release(model);
  rung_text_finish(&bytes);
}

static bool open_with(const rung_allocator *allocator, void *context) {
  const rung_model_options options = {.read_files = true};
  rung_model *model = NULL;
  rung_status *status = rung_model_open(allocator, NULL, context, &options, &model);
  bool done = !status;
  if (status) assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
  rung_status_free(status);
  rung_model_release(model);
  return done;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  const reference r = {whole, 2, IN_SPARSE};
  assert_ok(open_model(&r, NULL, NULL));
  assert_true(counting_fail_each(open_with, model_path) > 5);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_ROOT(every_case_in_every_place),
      WITH_ROOT(the_data_is_the_files),
      WITH_ROOT(a_model_that_was_read_does_not_need_its_files),
      WITH_ROOT(bytes_have_no_folder_unless_told),
      WITH_ROOT(another_folder_can_be_named),
      WITH_ROOT(linked_models_find_linked_data),
      WITH_ROOT(empty_tensors_still_need_a_place),
      WITH_ROOT(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
