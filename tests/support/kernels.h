/* For tests of kernels: memory that ends where nothing may be touched, random numbers, a host with a thread pool. */
#ifndef RUNG_TESTS_KERNELS_H
#define RUNG_TESTS_KERNELS_H

#include "rung_provider.h"

#include <stdbool.h>

/* `bytes` of memory whose end, or the multiple of `align` behind it, is followed by a page that cannot be touched.
 * Freed by guarded_free_all. */
void *guarded(size_t bytes, size_t align);
void guarded_free_all(void);

/* Masks of features: none, each set of instructions that kernels are written for, all. */
enum { TEST_MASKS = 4 };
extern const uint32_t test_masks[TEST_MASKS];

/* Numbers in [-1, 1], always the same sequence for a seed. */
void random_floats(uint32_t seed, size_t n, float *x);
uint32_t random_below(uint32_t *state, uint32_t end);
/* Any bytes; one in eight is 0, 127, 128 or 255. */
void random_bytes(uint32_t *state, size_t n, uint8_t *to);

/* |a - b| <= bound for all; else the test fails and names the place. */
void assert_near(const char *what, size_t n, const float *a, const float *b, float bound);

/* A host that runs loops on `threads` threads, with the processor's features in `mask`. */
typedef struct test_host {
  rung_host host;
  struct rung_pool *pool;
} test_host;
void test_host_start(test_host *host, uint32_t threads, uint32_t mask);
void test_host_stop(test_host *host);

#endif
