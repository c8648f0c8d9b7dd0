#include "contract.h"

#include <stddef.h>

const char *const small_models[] = {
    "x:f32[3,5] = noise\n"
    "t = Neg(x)\n"
    "y = Relu(t)\n"
    "want y:f32[3,5][i,j] = max(-x[i,j], 0)",

    "x:f32[3,5] = noise\n"
    "t = Add(x, x)\n"
    "y = Mul(t, x)\n"
    "want y:f32[3,5][i,j] = 2 * x[i,j] * x[i,j]",

    "x:f32[3,5] = noise\n"
    "const w:f32[5,5] = noise\n"
    "t = MatMul(x, w)\n"
    "y = MatMul(t, w)\n"
    "want y:f32[3,5][i,j] = sum(k<5, l<5: x[i,k] * w[k,l] * w[l,j])",

    "x:f32[3,5] = noise\n"
    "t = Identity(x)\n"
    "y = Identity(t)\n"
    "want y:f32[3,5][i,j] = x[i,j]",
    NULL};

const char *const open_models[] = {
    "size N = 3\n"
    "x:f32[N,5] = noise\n"
    "t = Neg(x)\n"
    "y = Relu(t)\n"
    "want y:f32[N,5][i,j] = max(-x[i,j], 0)",

    "size N = 3\n"
    "x:f32[N,5] = noise\n"
    "t = Add(x, x)\n"
    "y = Mul(t, x)\n"
    "want y:f32[N,5][i,j] = 2 * x[i,j] * x[i,j]",

    "size N = 3\n"
    "x:f32[N,5] = noise\n"
    "const w:f32[5,5] = noise\n"
    "t = MatMul(x, w)\n"
    "y = MatMul(t, w)\n"
    "want y:f32[N,5][i,j] = sum(k<5, l<5: x[i,k] * w[k,l] * w[l,j])",

    "size N = 3\n"
    "x:f32[N,5] = noise\n"
    "t = Identity(x)\n"
    "y = Identity(t)\n"
    "want y:f32[N,5][i,j] = x[i,j]",
    NULL};

const char *const joined_models[] = {
    "x:f32[3,5] = noise\n"
    "t = Neg(x)\n"
    "y = Relu(t)\n"
    "z = Add(t, y)\n"
    "want y:f32[3,5][i,j] = max(-x[i,j], 0)\n"
    "want z:f32[3,5][i,j] = max(-x[i,j], 0) - x[i,j]\n"
    "want t:f32[3,5][i,j] = -x[i,j]",

    "x:f32[3,5] = noise\n"
    "t = Identity(x)\n"
    "y = Identity(t)\n"
    "z = Identity(t)\n"
    "want y:f32[3,5][i,j] = x[i,j]\n"
    "want z:f32[3,5][i,j] = x[i,j]\n"
    "want t:f32[3,5][i,j] = x[i,j]",
    NULL};

/* Constants, wherever the model keeps them. */

#define CONSTANTS(storage)                                          \
  {"x:f32[2,3] = noise\n" storage " w:f32[3] = 10 -20 30\n" storage \
   " v:f32[2,1] = 0.5 0.25\n"                                       \
   "t = Add(x, w)\n"                                                \
   "y = Mul(t, v)\n"                                                \
   "want y:f32[2,3][i,j] = (x[i,j] + w[j]) * v[i,0]",               \
                                                                    \
   "x:f32[3] = noise\n" storage                                     \
   " w:f32[3] = 10 -20 30\n"                                        \
   "y = Add(x, w)\n"                                                \
   "want y:f32[3][i] = x[i] + w[i]",                                \
                                                                    \
   "x:f32[2,3] = noise\n" storage                                   \
   " w:f32[3] = 10 -20 30\n"                                        \
   "y = Identity(w)\n"                                              \
   "z = Identity(x)\n"                                              \
   "want y:f32[3][i] = w[i]\n"                                      \
   "want z:f32[2,3][i,j] = x[i,j]",                                 \
   NULL}

const char *const constant_models[] = CONSTANTS("const");
const char *const field_models[] = CONSTANTS("fields");
const char *const file_models[] = CONSTANTS("file");
