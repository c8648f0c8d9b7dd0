/* ONNX models from a few lines of text, for tests: valid ones, of any shape. Stands alone: plain C, no part of rung.
 *
 *     x:f32[N,3] c:bool[] -> y:f32[N,3] ;        inputs -> outputs; types may be left out
 *     w:f32[3] = 1 2 3 ;                         initializers
 *     sum@t = Add(x, w) ;                        [name@] outputs = Operator(inputs) attributes
 *     y = If(c) then_branch={ -> p ; p = Relu(t) } else_branch={ -> q ; q = Neg(t) }
 *
 * Statements end with ';'. "_" is an input or output that is left out. Attributes: 3, 1.5, [1,2], 'text', {a graph}.
 * domain::Operator imports version 1 of that domain. Element types: f32 f64 f16 i8 u8 i32 i64 bool str. */
#ifndef RUNG_TESTS_ONNX_TEXT_H
#define RUNG_TESTS_ONNX_TEXT_H

#include <stddef.h>

enum { ONNX_TEXT_OPSET = 17 };

/* The bytes of the model, to be freed by free(). Prints the place and exits the program when the text is wrong. */
char *onnx_text(const char *text, int opset, size_t *out_size);

#endif
