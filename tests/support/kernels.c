#define _GNU_SOURCE
#include "support/kernels.h"

#include "base/cpu.h"
#include "base/pool.h"
#include "support/test.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_BLOCKS = 64 };

const uint32_t test_masks[TEST_MASKS] = {0, RUNG_CPU_AVX2, RUNG_CPU_AVX2 | RUNG_CPU_AVX512, RUNG_CPU_ALL};

static struct {
  void *at;
  size_t size;
} blocks[MOST_BLOCKS];
static size_t block_count;

void *guarded(size_t bytes, size_t align) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + align - 1) / align * align;
  size_t size = (room + page - 1) / page * page;
  char *at = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(at != MAP_FAILED && block_count < MOST_BLOCKS);
  assert_int_equal(mprotect(at + size, page, PROT_NONE), 0);
  blocks[block_count].at = at;
  blocks[block_count++].size = size + page;
  return at + size - room;
}

void guarded_free_all(void) {
  while (block_count > 0) {
    block_count--;
    munmap(blocks[block_count].at, blocks[block_count].size);
  }
}

uint32_t random_below(uint32_t *state, uint32_t end) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % end;
}

void random_floats(uint32_t seed, size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = (float)random_below(&seed, 2001) / 1000 - 1;
}

void random_bytes(uint32_t *state, size_t n, uint8_t *to) {
  static const uint8_t limits[] = {0, 127, 128, 255};
  for (size_t i = 0; i < n; i++)
    to[i] = random_below(state, 8) ? (uint8_t)random_below(state, 256) : limits[random_below(state, 4)];
}

void assert_near(const char *what, size_t n, const float *a, const float *b, float bound) {
  for (size_t i = 0; i < n; i++)
    if (!(fabsf(a[i] - b[i]) <= bound)) fail_msg("%s, number %zu: %a, not %a", what, i, (double)b[i], (double)a[i]);
}

static void run_parallel(const rung_host *host, const rung_run *run, size_t count, size_t grain,
                         void (*fn)(void *context, size_t begin, size_t end), void *context) {
  (void)run;
  rung_pool_task task = {.run = fn, .context = context, .count = count, .grain = grain, .max_threads = host->threads};
  rung_pool_run(host->context, &task);
}

void test_host_start(test_host *h, uint32_t threads, uint32_t mask) {
  memset(h, 0, sizeof *h);
  assert_ok(rung_pool_create(&rung_system_allocator, threads, &h->pool));
  h->host = (rung_host){.struct_size = sizeof(rung_host),
                        .threads = threads,
                        .allocator = &rung_system_allocator,
                        .context = h->pool,
                        .parallel = run_parallel,
                        .cpu_features = rung_cpu_features() & mask};
}

void test_host_stop(test_host *h) { rung_pool_destroy(&h->pool); }
