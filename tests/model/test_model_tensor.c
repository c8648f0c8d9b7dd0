/* TensorProto and SparseTensorProto: every place where elements can stand, and every way to get it wrong. */
#include "model/model.h"
#include "support/onnx.h"
#include "support/test.h"

#include <string.h>

typedef struct tensor_case {
  const char *label;
  int64_t dtype;
  int rank;
  int64_t dims[4];
  uint32_t field; /* where the elements stand; 0: nowhere */
  rung_str bytes; /* of the field */
  rung_code code;
  const char *expected; /* OK: the bytes of the value; else a part of the message */
  size_t size;
} tensor_case;

#define BYTES(text) {text, sizeof(text) - 1}
#define GIVES(text) RUNG_OK, text, sizeof(text) - 1
#define FAILS(code, text) RUNG_##code, text, 0

static void write_case(rung_text *out, const void *context) {
  const tensor_case *c = context;
  for (int i = 0; i < c->rank; i++) rung_put_int(out, TENSOR_DIM, c->dims[i]);
  rung_put_int(out, TENSOR_DTYPE, c->dtype);
  if (c->field) rung_put_bytes(out, c->field, c->bytes.data, c->bytes.size);
}

static void check_case(const tensor_case *c) {
  rung_text bytes = onnx_tensor_model(write_case, c);
  rung_model *model;
  rung_status *status = onnx_parse(&bytes, NULL, &model);
  if (c->code != RUNG_OK) {
    assert_error_at(status, c->code, c->expected, c->label, __FILE__, __LINE__);
  } else {
    assert_ok(status);
    const rung_tensor *tensor = &model->graph->initializers[0].value->tensor;
    assert_int_equal(tensor->dtype, c->dtype);
    assert_int_equal(tensor->rank, c->rank);
    assert_memory_equal(tensor->dims, c->dims, (size_t)c->rank * sizeof c->dims[0]);
    assert_int_equal(tensor->size, c->size);
    if (c->size) assert_memory_equal(tensor->data, c->expected, c->size);
  }
  rung_model_release(model);
  rung_text_finish(&bytes);
}

static const int64_t big = INT64_C(1) << 32;

static void elements_stand_in_many_places(void **state) {
  (void)state;
  const tensor_case cases[] = {
      {"raw f32", RUNG_F32, 1, {2}, TENSOR_RAW, BYTES("abcdefgh"), GIVES("abcdefgh")},
      {"raw scalar", RUNG_I64, 0, {0}, TENSOR_RAW, BYTES("abcdefgh"), GIVES("abcdefgh")},
      {"raw f16", RUNG_F16, 1, {2}, TENSOR_RAW, BYTES("abcd"), GIVES("abcd")},
      {"raw c128", RUNG_C128, 1, {1}, TENSOR_RAW, BYTES("abcdefghABCDEFGH"), GIVES("abcdefghABCDEFGH")},
      {"raw u4", RUNG_U4, 1, {3}, TENSOR_RAW, BYTES("ab"), GIVES("ab")},
      {"raw i2", RUNG_I2, 2, {3, 3}, TENSOR_RAW, BYTES("abc"), GIVES("abc")},
      {"raw bool", RUNG_BOOL, 1, {3}, TENSOR_RAW, BYTES("\x00\x01\x00"), GIVES("\x00\x01\x00")},
      {"raw bool that is no bool", RUNG_BOOL, 1, {3}, TENSOR_RAW, BYTES("\x00\x02\xff"), GIVES("\x00\x01\x01")},
      {"empty", RUNG_F32, 2, {0, 5}, 0, BYTES(""), GIVES("")},
      {"empty raw", RUNG_F32, 1, {0}, TENSOR_RAW, BYTES(""), GIVES("")},
      {"empty and huge", RUNG_F32, 3, {0, INT64_MAX, 1}, 0, BYTES(""), GIVES("")},
      {"float_data", RUNG_F32, 1, {2}, TENSOR_FLOATS, BYTES("abcdefgh"), GIVES("abcdefgh")},
      {"float_data c64", RUNG_C64, 1, {1}, TENSOR_FLOATS, BYTES("abcdefgh"), GIVES("abcdefgh")},
      {"double_data", RUNG_F64, 1, {1}, TENSOR_DOUBLES, BYTES("abcdefgh"), GIVES("abcdefgh")},
      {"int32_data", RUNG_I32, 1, {2}, TENSOR_INT32S, BYTES("\x01\xac\x02"), GIVES("\x01\0\0\0\x2c\x01\0\0")},
      {"int32_data i8",
       RUNG_I8,
       1,
       {2},
       TENSOR_INT32S,
       BYTES("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
       GIVES("\x01\xff")},
      {"int32_data f16", RUNG_F16, 1, {1}, TENSOR_INT32S, BYTES("\x80\x78"), GIVES("\x00\x3c")},
      {"int32_data bool", RUNG_BOOL, 1, {2}, TENSOR_INT32S, BYTES("\x00\x05"), GIVES("\x00\x01")},
      {"int32_data u4", RUNG_U4, 1, {3}, TENSOR_INT32S, BYTES("\xa1\x01\x05"), GIVES("\xa1\x05")},
      {"int64_data", RUNG_I64, 1, {1}, TENSOR_INT64S, BYTES("\x05"), GIVES("\x05\0\0\0\0\0\0\0")},
      {"uint64_data", RUNG_U64, 1, {1}, TENSOR_UINT64S, BYTES("\x05"), GIVES("\x05\0\0\0\0\0\0\0")},
      {"uint64_data u32", RUNG_U32, 1, {1}, TENSOR_UINT64S, BYTES("\x05"), GIVES("\x05\0\0\0")},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) check_case(&cases[i]);
}

static void sizes_must_agree(void **state) {
  (void)state;
  const tensor_case cases[] = {
      {"short raw", RUNG_F32, 1, {2}, TENSOR_RAW, BYTES("abcdefg"), FAILS(INVALID_MODEL, "7 bytes, its shape needs 8")},
      {"long raw", RUNG_F32, 1, {1}, TENSOR_RAW, BYTES("abcde"), FAILS(INVALID_MODEL, "5 bytes, its shape needs 4")},
      {"raw for nothing", RUNG_F32, 1, {0}, TENSOR_RAW, BYTES("a"), FAILS(INVALID_MODEL, "1 bytes, its shape needs 0")},
      {"no data", RUNG_F32, 2, {2, 3}, 0, BYTES(""), FAILS(INVALID_MODEL, "no data, its shape is 2x3")},
      {"no data, scalar", RUNG_F32, 0, {0}, 0, BYTES(""), FAILS(INVALID_MODEL, "no data, its shape is scalar")},
      {"too few",
       RUNG_I32,
       1,
       {3},
       TENSOR_INT32S,
       BYTES("\x01\x02"),
       FAILS(INVALID_MODEL, "2 numbers, its shape needs 3")},
      {"half a complex",
       RUNG_C64,
       1,
       {1},
       TENSOR_FLOATS,
       BYTES("abcd"),
       FAILS(INVALID_MODEL, "1 numbers, its shape needs 2")},
      {"a byte per u4",
       RUNG_U4,
       1,
       {3},
       TENSOR_INT32S,
       BYTES("\x01\x02\x03"),
       FAILS(INVALID_MODEL, "3 numbers, its shape needs 2")},
      {"negative",
       RUNG_F32,
       2,
       {4, -1},
       TENSOR_RAW,
       BYTES("abcd"),
       FAILS(INVALID_MODEL, "its size along axis 1 is -1")},
      {"product of dims",
       RUNG_U8,
       2,
       {big, big},
       TENSOR_RAW,
       BYTES("a"),
       FAILS(INVALID_MODEL, "4294967296x4294967296")},
      {"product of bytes",
       RUNG_F64,
       2,
       {big, INT64_C(1) << 30},
       TENSOR_RAW,
       BYTES("a"),
       FAILS(INVALID_MODEL, "no tensor")},
      {"wraps to 4", RUNG_F32, 2, {INT64_C(1) << 62, 4}, TENSOR_RAW, BYTES("abcd"), FAILS(INVALID_MODEL, "no tensor")},
      {"limit", RUNG_U8, 2, {1 << 20, (1 << 20) + 1}, 0, BYTES(""), FAILS(LIMIT, "limit tensor_bytes")},
      {"packed odd",
       RUNG_F32,
       1,
       {1},
       TENSOR_FLOATS,
       BYTES("abcde"),
       FAILS(INVALID_MODEL, "float_data: 5 packed bytes before byte")},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) check_case(&cases[i]);
}

static void fields_must_fit_the_type(void **state) {
  (void)state;
  const tensor_case cases[] = {
      {"type 0", 0, 0, {0}, TENSOR_RAW, BYTES("a"), FAILS(INVALID_MODEL, "element type 0 does not exist")},
      {"type 27", 27, 0, {0}, TENSOR_RAW, BYTES("a"), FAILS(INVALID_MODEL, "element type 27")},
      {"type -1", -1, 0, {0}, TENSOR_RAW, BYTES("a"), FAILS(INVALID_MODEL, "element type -1")},
      {"type 2^32 + 1", big + 1, 0, {0}, TENSOR_RAW, BYTES("a"), FAILS(INVALID_MODEL, "element type")},
      {"floats as ints",
       RUNG_I32,
       1,
       {1},
       TENSOR_FLOATS,
       BYTES("abcd"),
       FAILS(INVALID_MODEL, "int32, which float_data cannot")},
      {"ints as floats",
       RUNG_F32,
       1,
       {1},
       TENSOR_INT32S,
       BYTES("\x01"),
       FAILS(INVALID_MODEL, "float32, which int32_data cannot")},
      {"i64 in int32_data", RUNG_I64, 1, {1}, TENSOR_INT32S, BYTES("\x01"), FAILS(INVALID_MODEL, "cannot hold")},
      {"bytes as strings",
       RUNG_U8,
       1,
       {1},
       TENSOR_STRING,
       BYTES("a"),
       FAILS(INVALID_MODEL, "uint8, which string_data cannot")},
      {"strings as bytes",
       RUNG_STRING,
       1,
       {1},
       TENSOR_RAW,
       BYTES("abcdefghabcdefgh"),
       FAILS(INVALID_MODEL, "strings cannot stand in raw_data")},
      {"two strings",
       RUNG_STRING,
       1,
       {2},
       TENSOR_STRING,
       BYTES("a"),
       FAILS(INVALID_MODEL, "1 strings, its shape needs 2")},
      {"segment", RUNG_F32, 1, {1}, 3, BYTES(""), FAILS(UNSUPPORTED, "segments")},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) check_case(&cases[i]);
}

static void write_two_places(rung_text *out, const void *context) {
  (void)context;
  rung_put_int(out, TENSOR_DIM, 1);
  rung_put_int(out, TENSOR_DTYPE, RUNG_F32);
  rung_put_bytes(out, TENSOR_RAW, "abcd", 4);
  rung_put_float(out, TENSOR_FLOATS, 1);
}

static void write_many_dims(rung_text *out, const void *context) {
  for (int i = 0; i < *(const int *)context; i++) rung_put_int(out, TENSOR_DIM, 1);
  rung_put_int(out, TENSOR_DTYPE, RUNG_U8);
  rung_put_bytes(out, TENSOR_RAW, "a", 1);
}

static void write_bad_location(rung_text *out, const void *context) {
  (void)context;
  rung_put_int(out, TENSOR_DTYPE, RUNG_U8);
  rung_put_bytes(out, TENSOR_RAW, "a", 1);
  rung_put_int(out, TENSOR_LOCATION, 2);
}

static void odd_tensors_are_refused(void **state) {
  (void)state;
  assert_error(onnx_try(onnx_tensor_model(write_two_places, NULL)), INVALID_MODEL,
               "graph \"main\": initializer 0 \"w\": its elements stand in several places");
  assert_ok(onnx_try(onnx_tensor_model(write_many_dims, &(int){16})));
  assert_error(onnx_try(onnx_tensor_model(write_many_dims, &(int){17})), LIMIT, "rank 17 is above the limit of 16");
  assert_error(onnx_try(onnx_tensor_model(write_bad_location, NULL)), INVALID_MODEL, "data_location 2");
}

/* Three floats in a row: two packed parts and a single one. */
static void write_in_parts(rung_text *out, const void *context) {
  (void)context;
  const float values[] = {1, 2, 3, 4};
  rung_put_int(out, TENSOR_DTYPE, RUNG_F32);
  rung_put_bytes(out, TENSOR_FLOATS, values, 4);
  rung_put_int(out, TENSOR_DIM, 4);
  rung_put_float(out, TENSOR_FLOATS, values[1]);
  rung_put_bytes(out, TENSOR_FLOATS, values + 2, 8);
}

static void parts_are_joined(void **state) {
  (void)state;
  rung_text bytes = onnx_tensor_model(write_in_parts, NULL);
  rung_model *model;
  assert_ok(onnx_parse(&bytes, NULL, &model));
  const rung_tensor *tensor = &model->graph->initializers[0].value->tensor;
  assert_memory_equal(tensor->data, ((float[]){1, 2, 3, 4}), 16);
  assert_true(rung_tensor_is_aligned(tensor));
  rung_model_release(model);
  rung_text_finish(&bytes);
}

static void write_strings(rung_text *out, const void *context) {
  (void)context;
  rung_put_int(out, TENSOR_DIM, 2);
  rung_put_int(out, TENSOR_DIM, 2);
  rung_put_int(out, TENSOR_DTYPE, RUNG_STRING);
  const rung_str strings[] = {BYTES("one"), BYTES(""), BYTES("a\0b"), BYTES("\xff")};
  for (size_t i = 0; i < 4; i++) rung_put_bytes(out, TENSOR_STRING, strings[i].data, strings[i].size);
}

static void strings_may_hold_anything(void **state) {
  (void)state;
  rung_text bytes = onnx_tensor_model(write_strings, NULL);
  rung_model *model;
  assert_ok(onnx_parse(&bytes, NULL, &model));
  const rung_str *strings = model->graph->initializers[0].value->tensor.data;
  assert_int_equal(strings[1].size, 0);
  assert_int_equal(strings[2].size, 3);
  assert_memory_equal(strings[2].data, "a\0b", 3);
  rung_model_release(model);
  rung_text_finish(&bytes);
}

/* ---- sparse tensors ---- */

typedef struct sparse_case {
  int64_t count;
  int rank; /* of the indices: 1 or 2 */
  int64_t indices[6];
  int64_t dims[2];     /* dense shape */
  const char *message; /* NULL: good */
} sparse_case;

static void write_sparse(rung_text *out, const void *context) {
  const sparse_case *c = context;
  const float data[6] = {1, 2, 3, 4, 5, 6};
  rung_tensor values = {RUNG_F32, 1, {c->count}, (void *)data, (size_t)c->count * 4, NULL};
  rung_tensor indices = {RUNG_I64, c->rank, {c->count, 2}, (void *)c->indices, 0, NULL};
  indices.size = (size_t)(c->count * (c->rank == 2 ? 2 : 1)) * 8;
  size_t sparse = rung_put_begin(out, GRAPH_SPARSE);
  rung_write_tensor(out, 1, "s", &values);
  rung_write_tensor(out, 2, NULL, &indices);
  for (int i = 0; i < 2; i++) rung_put_int(out, 3, c->dims[i]);
  rung_put_end(out, sparse);
}

static void sparse_indices_are_checked(void **state) {
  (void)state;
  const sparse_case cases[] = {
      {3, 1, {0, 4, 5}, {2, 3}, NULL},
      {3, 2, {0, 0, 1, 1, 1, 2}, {2, 3}, NULL},
      {0, 1, {0}, {2, 3}, NULL},
      {3, 1, {0, 4, 6}, {2, 3}, "index 2 lies outside"},
      {3, 1, {-1, 4, 5}, {2, 3}, "index 0 lies outside"},
      {3, 1, {INT64_MIN, 4, 5}, {2, 3}, "index 0 lies outside"},
      {3, 1, {0, 4, 4}, {2, 3}, "index 2 is not above"},
      {3, 1, {0, 4, 3}, {2, 3}, "index 2 is not above"},
      {2, 2, {0, 3, 1, 0}, {2, 3}, "index 0 lies outside"},
      {2, 2, {0, 0, 2, 0}, {2, 3}, "index 1 lies outside"},
      {1, 1, {0}, {0, 3}, "outside"},
      {1, 1, {0}, {INT64_C(1) << 30, INT64_C(1) << 30}, "limit tensor_bytes"},
      {1, 1, {0}, {INT64_C(1) << 40, INT64_C(1) << 40}, "no tensor of float32"},
      {1, 1, {0}, {-1, 3}, "its size along axis 0 is -1"},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    rung_status *status = onnx_try(onnx_model(write_sparse, &cases[i]));
    const char *message = rung_status_message(status);
    bool right = cases[i].message ? status && strstr(message, cases[i].message) : !status;
    if (!right) fail_msg("case %zu: %s", i, message);
    rung_status_free(status);
  }
}

static void sparse_tensors_are_initializers(void **state) {
  (void)state;
  const sparse_case c = {3, 1, {0, 4, 5}, {2, 3}, NULL};
  rung_text bytes = onnx_model(write_sparse, &c);
  rung_model *model;
  assert_ok(onnx_parse(&bytes, NULL, &model));
  assert_int_equal(model->graph->initializer_count, 1);
  assert_string_equal(model->graph->initializers[0].name, "s");
  const rung_value *value = model->graph->initializers[0].value;
  assert_int_equal(value->kind, RUNG_SPARSE);
  assert_int_equal(value->tensor.rank, 2);
  assert_int_equal(value->tensor.dims[1], 3);
  assert_null(value->tensor.data);
  assert_int_equal(value->items[0]->tensor.dims[0], 3);
  rung_model_release(model);
  rung_text_finish(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_stand_in_many_places),
      cmocka_unit_test(sizes_must_agree),
      cmocka_unit_test(fields_must_fit_the_type),
      cmocka_unit_test(odd_tensors_are_refused),
      cmocka_unit_test(parts_are_joined),
      cmocka_unit_test(strings_may_hold_anything),
      cmocka_unit_test(sparse_indices_are_checked),
      cmocka_unit_test(sparse_tensors_are_initializers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
