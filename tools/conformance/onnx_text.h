/* ONNX models from a few lines of text: valid ones, of any shape.
 *
 *     x:f32[N,3] c:bool[] -> y:f32[N,3] ;        inputs -> outputs; types may be left out
 *     w:f32[3] = 1 2 3 ;                         initializers; strings are names
 *     sum@t = Add(x, w) ;                        [name@] outputs = Operator(inputs) attributes
 *     y = If(c) then_branch={ -> p ; p = Relu(t) } else_branch={ -> q ; q = Neg(t) }
 *
 * Statements end with ';'. "_" is an input or output that is left out. Attributes: 3, 1.5, [1,2], [0.5], 'text', ['a'],
 * a type (the number of "f16"), a tensor (f32[2](1 2)), {a graph}. domain::Operator imports version 1 of that domain.
 * Element types are those of rung_dtype_by_name ("f32", "bool", "str"). An initializer lies in raw bytes; or, with the
 * type followed by "fields", in the typed field of its element type; or, with "file NAME OFFSET", in a file: then the
 * model holds its place and length, and no numbers follow. */
#ifndef RUNG_ONNX_TEXT_H
#define RUNG_ONNX_TEXT_H

#include <stddef.h>

enum { ONNX_TEXT_OPSET = 17 };

/* The bytes of the model, to be freed by free(). Prints the place and exits the program when the text is wrong. */
char *onnx_text(const char *text, int opset, size_t *out_size);

#endif
