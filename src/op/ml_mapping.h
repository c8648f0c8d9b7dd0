/* ai.onnx.ml: from values to other values by a table. */
#ifndef RUNG_OP_ML_MAPPING_H
#define RUNG_OP_ML_MAPPING_H

#include "op/op.h"

/* One list of keys, and one of values with its default. Each is a list attribute or, in version 4, a tensor. Version 1
 * has classes_strings: a string becomes its number, a number its string. */
typedef struct rung_label_encoder_params {
  rung_strs classes_strings, keys_strings, values_strings;
  rung_ints keys_int64s, values_int64s;
  rung_floats keys_floats, values_floats;
  const rung_value *keys_tensor, *values_tensor, *default_tensor;
  rung_str default_string;
  int64_t default_int64;
  float default_float;
  /* settled: element types (UNDEFINED in version 1: what the input has), and how many */
  rung_dtype key_type, value_type;
  size_t count;
} rung_label_encoder_params;

typedef struct rung_category_mapper_params { /* strings to numbers, or numbers to strings */
  rung_ints cats_int64s;
  rung_strs cats_strings;
  int64_t default_int64;
  rung_str default_string;
} rung_category_mapper_params;

typedef struct rung_one_hot_encoder_params {
  rung_ints cats_int64s;
  rung_strs cats_strings;
  int64_t zeros; /* a value that is no category is all zeros; else an error */
} rung_one_hot_encoder_params;

typedef struct rung_dict_vectorizer_params {
  rung_ints int64_vocabulary;
  rung_strs string_vocabulary;
} rung_dict_vectorizer_params;

typedef enum rung_cast_map_to { RUNG_CAST_MAP_FLOAT, RUNG_CAST_MAP_STRING, RUNG_CAST_MAP_INT64 } rung_cast_map_to;
typedef enum rung_cast_map_form { RUNG_CAST_MAP_DENSE, RUNG_CAST_MAP_SPARSE } rung_cast_map_form;

typedef struct rung_cast_map_params {
  int cast_to, map_form;
  int64_t max_map;
} rung_cast_map_params;

#endif
