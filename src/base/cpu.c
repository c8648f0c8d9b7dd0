#include "base/cpu.h"

#include "base/os.h"
#include "base/str.h"

#include <assert.h>
#include <pthread.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const struct {
  enum rung_cpu_feature feature;
  const char *name;
  rung_cpu_set needs;
} features[] = {
#define RUNG_CPU_FEATURE(name, bit, text, needs) {RUNG_CPU_##name, text, needs},
#include "base/cpu_features.inc"
#undef RUNG_CPU_FEATURE
};

/* Drops the features whose foundation is missing; one pass does, as the list is in order. */
static rung_cpu_set closed(rung_cpu_set set) {
  for (size_t i = 0; i < RUNG_COUNT(features); i++)
    if ((set & features[i].needs) != features[i].needs) set &= ~(rung_cpu_set)features[i].feature;
  return set;
}

/* A feature together with everything it builds on. */
static rung_cpu_set with_needs(size_t index) {
  rung_cpu_set set = features[index].feature | features[index].needs;
  for (size_t i = index; i-- > 0;)
    if (set & features[i].feature) set |= features[i].needs;
  return set;
}

#if defined(__x86_64__)

typedef struct cpuid_leaf {
  unsigned a, b, c, d;
} cpuid_leaf;

/* Zeros for leaves that do not exist. */
static cpuid_leaf cpuid(unsigned leaf, unsigned sub) {
  cpuid_leaf out = {0};
  __get_cpuid_count(leaf, sub, &out.a, &out.b, &out.c, &out.d);
  return out;
}

/* XCR0: the register states that the operating system saves. */
static uint64_t saved_states(void) {
  enum { OSXSAVE = 1 << 27 };
  if (!(cpuid(1, 0).c & OSXSAVE)) return 0;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static bool has(unsigned reg, unsigned bits) { return (reg & bits) == bits; }

/* Bit numbers: Intel SDM volume 2, CPUID leaves 1 and 7. */
static rung_cpu_set detect(void) {
  enum { YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };
  cpuid_leaf one = cpuid(1, 0), seven = cpuid(7, 0), seven_one = seven.a ? cpuid(7, 1) : (cpuid_leaf){0};
  uint64_t states = saved_states();
  bool ymm = (states & YMM) == YMM, zmm = (states & ZMM) == ZMM, tiles = (states & TILES) == TILES;
  rung_cpu_set set = 0;
  if (ymm && has(one.c, 1u << 12 | 1u << 28 | 1u << 29) && has(seven.b, 1u << 5)) set |= RUNG_CPU_AVX2;
  if (ymm && has(seven_one.a, 1u << 4)) set |= RUNG_CPU_AVX_VNNI;
  if (zmm && has(seven.b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)) set |= RUNG_CPU_AVX512;
  if (has(seven.c, 1u << 11)) set |= RUNG_CPU_AVX512_VNNI;
  if (has(seven_one.a, 1u << 5)) set |= RUNG_CPU_AVX512_BF16;
  if (has(seven.d, 1u << 23)) set |= RUNG_CPU_AVX512_FP16;
  if (tiles && has(seven.d, 1u << 24)) set |= RUNG_CPU_AMX;
  if (has(seven.d, 1u << 25)) set |= RUNG_CPU_AMX_INT8;
  if (has(seven.d, 1u << 22)) set |= RUNG_CPU_AMX_BF16;
  return set;
}

/* Both makers describe caches in the same form, Intel in leaf 4, AMD in 0x8000001d. This is asked before the system,
 * because containers and emulated kernels often hide what they know. */
static size_t cpuid_cache_size(unsigned leaf, unsigned level) {
  enum { NONE = 0, INSTRUCTIONS = 2 };
  for (unsigned sub = 0; sub < 8; sub++) {
    cpuid_leaf cache = cpuid(leaf, sub);
    unsigned type = cache.a & 31;
    if (type == NONE) break;
    if (type == INSTRUCTIONS || (cache.a >> 5 & 7) != level) continue;
    size_t ways = (cache.b >> 22) + 1, partitions = (cache.b >> 12 & 0x3ff) + 1, line = (cache.b & 0xfff) + 1;
    return ways * partitions * line * ((size_t)cache.c + 1);
  }
  return 0;
}

static size_t detect_cache(int level) {
  size_t size = cpuid_cache_size(4, (unsigned)level);
  if (!size) size = cpuid_cache_size(0x8000001d, (unsigned)level);
  return size ? size : rung_os_cache_size(level);
}

/* MXCSR without its six sticky exception flags. */
rung_fp_state rung_fp_state_get(void) { return _mm_getcsr() & ~0x3fu; }
void rung_fp_state_set(rung_fp_state state) { _mm_setcsr((unsigned)state); }

#elif defined(__aarch64__)

static rung_cpu_set detect(void) { return rung_os_arm_features(); }
static size_t detect_cache(int level) { return rung_os_cache_size(level); }

rung_fp_state rung_fp_state_get(void) {
  uint64_t state;
  __asm__ volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
void rung_fp_state_set(rung_fp_state state) { __asm__ volatile("msr fpcr, %0" ::"r"(state)); }

#else

static rung_cpu_set detect(void) { return 0; }
static size_t detect_cache(int level) { return rung_os_cache_size(level); }
rung_fp_state rung_fp_state_get(void) { return 0; }
void rung_fp_state_set(rung_fp_state state) { (void)state; }

#endif

/* Read-only once `once` has run. */
static rung_cpu_set found;
static rung_cpu_caches caches;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void look(void) {
  found = closed(detect());
  caches = (rung_cpu_caches){detect_cache(1), detect_cache(2), detect_cache(3)};
  if (!caches.l1d) caches.l1d = 32 << 10;
  if (!caches.l2) caches.l2 = 512 << 10;
}

rung_cpu_set rung_cpu_features(void) {
  pthread_once(&once, look);
  return found;
}

rung_cpu_caches rung_cpu_cache_sizes(void) {
  pthread_once(&once, look);
  return caches;
}

bool rung_cpu_request_amx(void) { return (rung_cpu_features() & RUNG_CPU_AMX) && rung_os_request_amx(); }

const char *rung_cpu_feature_name(enum rung_cpu_feature feature) {
  for (size_t i = 0; i < RUNG_COUNT(features); i++)
    if (features[i].feature == feature) return features[i].name;
  return "unknown";
}

static rung_status *unknown_name(rung_str word) {
  const char *names[RUNG_COUNT(features) + 2] = {"all", "none"};
  for (size_t i = 0; i < RUNG_COUNT(features); i++) names[i + 2] = features[i].name;
  char text[32];
  size_t size = RUNG_MIN(word.size, sizeof text - 1);
  memcpy(text, word.data, size);
  text[size] = 0;
  const char *near = rung_nearest(text, names, RUNG_COUNT(names));
  return RUNG_ERROR(INVALID_ARGUMENT, "no processor feature is called '%s'%s%s%s", text, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

/* One word of a mask: changes *mask. */
static rung_status *apply_word(rung_str word, rung_cpu_set *mask) {
  bool away = word.size > 0 && word.data[0] == '-';
  if (away) word = (rung_str){word.data + 1, word.size - 1};
  rung_cpu_set named = 0, whole = 0;
  for (size_t i = 0; i < RUNG_COUNT(features) && !named; i++)
    if (rung_str_is(word, features[i].name)) named = features[i].feature, whole = with_needs(i);
  if (rung_str_is(word, "all")) named = whole = RUNG_CPU_ALL;
  if (!named && !rung_str_is(word, "none")) return unknown_name(word);
  *mask = away ? closed(*mask & ~named) : *mask | whole;
  return NULL;
}

rung_status *rung_cpu_mask_parse(rung_str text, rung_cpu_set *out_mask) {
  rung_cpu_set mask = text.size == 0 || text.data[0] == '-' ? RUNG_CPU_ALL : 0;
  for (size_t begin = 0, end; text.size > 0 && begin <= text.size; begin = end + 1) {
    end = begin;
    while (end < text.size && text.data[end] != ',') end++;
    RUNG_TRY(apply_word((rung_str){text.data + begin, end - begin}, &mask));
  }
  assert(mask == closed(mask));
  *out_mask = mask;
  return NULL;
}
