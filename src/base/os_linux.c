/* The primitives of os.h on Linux with glibc or musl. */
#define _GNU_SOURCE

#include "base/os.h"

#include "base/cpu.h"
#include "base/str.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t rung_os_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void rung_os_pause(unsigned ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

/* SIGXFSZ held back in this thread. */
typedef struct size_signal {
  sigset_t one, before;
  bool held, others; /* one waits already, and is not ours */
} size_signal;

static void hold_size_signal(size_signal *s) {
  sigset_t waiting;
  sigemptyset(&s->one);
  sigaddset(&s->one, SIGXFSZ);
  s->held = pthread_sigmask(SIG_BLOCK, &s->one, &s->before) == 0;
  s->others = sigpending(&waiting) == 0 && sigismember(&waiting, SIGXFSZ) == 1;
}

static void release_size_signal(size_signal *s, bool failed) {
  const struct timespec at_once = {0};
  int code = errno;
  if (failed && code == EFBIG && s->held && !s->others) sigtimedwait(&s->one, NULL, &at_once);
  if (s->held) pthread_sigmask(SIG_SETMASK, &s->before, NULL);
  errno = code;
}

ptrdiff_t rung_os_write(int fd, const void *data, size_t size, int64_t offset) {
  size_signal s;
  hold_size_signal(&s);
  ssize_t done = offset < 0 ? write(fd, data, size) : pwrite(fd, data, size, (off_t)offset);
  release_size_signal(&s, done < 0);
  return done;
}

bool rung_os_resize(int fd, int64_t size) {
  size_signal s;
  hold_size_signal(&s);
  bool done = ftruncate(fd, (off_t)size) == 0;
  release_size_signal(&s, !done);
  return done;
}

int rung_os_try_lock(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
  return errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

void rung_os_cpu_name(char *out, size_t size) {
  FILE *file = fopen("/proc/cpuinfo", "re");
  char line[256];
  snprintf(out, size, "%s", "");
  while (file && !out[0] && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(out, size, "%s", colon + 1 + (colon[1] == ' '));
  }
  if (file) fclose(file);
}

uint64_t rung_os_wall_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* 0 when the kernel does not say. The set grows until the kernel's own fits: machines with over 1024 CPUs exist. */
static size_t cpuset_size(void) {
  for (size_t cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (!set) return 0;
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    size_t count = sched_getaffinity(0, bytes, set) == 0 ? (size_t)CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count) return count;
  }
  return 0;
}

/* Whole CPUs that `<group>/cpu.max` allows ("max 100000" or "150000 100000"); UINT64_MAX when it sets no bound. */
static uint64_t group_quota(const char *group) {
  char path[4200];
  int length = snprintf(path, sizeof path, "%s/cpu.max", group);
  FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
  if (!file) return UINT64_MAX;
  unsigned long long quota, period;
  bool bound = fscanf(file, "%llu %llu", &quota, &period) == 2 && period > 0;
  fclose(file);
  if (!bound) return UINT64_MAX;
  return quota < period ? 1 : quota / period;
}

/* The process's own group in the hierarchy that lies at `root`, as a folder. `controller` "": the unified one
 * ("0::/a/b" becomes /sys/fs/cgroup/a/b); else one of version 1 ("9:memory:/a"). */
static bool find_group(const char *controller, const char *root, char *out, size_t size) {
  FILE *file = fopen("/proc/self/cgroup", "re");
  if (!file) return false;
  bool found = false;
  char line[4096];
  while (!found && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = 0;
    if (strcmp(controllers + 1, controller) != 0 || path[0] != '/') continue;
    int length = snprintf(out, size, "%s%s", root, path);
    found = length > 0 && (size_t)length < size;
  }
  fclose(file);
  return found;
}

/* The tightest bound of the group and those around it. */
static uint64_t tightest_bound(const char *controller, const char *root, uint64_t (*bound)(const char *group)) {
  char group[4200];
  if (!find_group(controller, root, group, sizeof group)) return UINT64_MAX;
  uint64_t tightest = UINT64_MAX;
  while (strlen(group) >= strlen(root)) {
    tightest = RUNG_MIN(tightest, bound(group));
    *strrchr(group, '/') = 0;
  }
  return tightest;
}

static const char unified[] = "/sys/fs/cgroup";

size_t rung_os_cpu_count(void) {
  size_t cpus = cpuset_size();
  if (!cpus) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = online > 0 ? (size_t)online : 1;
  }
  return (size_t)RUNG_MIN(cpus, tightest_bound("", unified, group_quota));
}

/* The number in a file of a group; UINT64_MAX when it holds none ("max"). */
static uint64_t group_number(const char *group, const char *name) {
  char path[4300];
  int length = snprintf(path, sizeof path, "%s/%s", group, name);
  FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
  unsigned long long number;
  bool found = file && fscanf(file, "%llu", &number) == 1;
  if (file) fclose(file);
  return found ? number : UINT64_MAX;
}

static uint64_t group_memory(const char *group) { return group_number(group, "memory.max"); }
static uint64_t group_memory_v1(const char *group) { return group_number(group, "memory.limit_in_bytes"); }

static uint64_t resource_limit(int resource) {
  struct rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : UINT64_MAX;
}

uint64_t rung_os_memory(void) {
  long pages = sysconf(_SC_PHYS_PAGES);
  uint64_t bytes = pages > 0 ? (uint64_t)pages * rung_os_page_size() : UINT64_MAX;
  bytes = RUNG_MIN(bytes, tightest_bound("", unified, group_memory));
  bytes = RUNG_MIN(bytes, tightest_bound("memory", "/sys/fs/cgroup/memory", group_memory_v1));
  bytes = RUNG_MIN(bytes, resource_limit(RLIMIT_AS));
  return RUNG_MIN(bytes, resource_limit(RLIMIT_DATA));
}

size_t rung_os_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

size_t rung_os_cache_size(int level) {
  long size = 0;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  if (level >= 1 && level <= 3) size = sysconf(names[level - 1]);
#else
  (void)level;
#endif
  return size > 0 ? (size_t)size : 0;
}

int64_t rung_os_pid(void) { return getpid(); }

void rung_os_set_thread_name(const char *name) {
  char cut[16];
  snprintf(cut, sizeof cut, "%s", name);
  pthread_setname_np(pthread_self(), cut);
}

void rung_os_wait(atomic_uint *word, unsigned expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void rung_os_wake(atomic_uint *word, unsigned count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

uint32_t rung_os_arm_features(void) {
  uint32_t set = 0;
#if defined(__aarch64__)
  unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  if (first & HWCAP_ASIMD) set |= RUNG_CPU_NEON;
  if (first & HWCAP_ASIMDDP) set |= RUNG_CPU_DOTPROD;
  if (first & HWCAP_SVE) set |= RUNG_CPU_SVE;
  if (second & HWCAP2_I8MM) set |= RUNG_CPU_I8MM;
  if (second & HWCAP2_BF16) set |= RUNG_CPU_BF16;
#endif
  return set;
}

bool rung_os_request_amx(void) {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

static int openat2_beneath(int folder, const char *location, int flags, bool links) {
  struct open_how how = {
      .flags = (uint64_t)flags,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (links ? 0 : RESOLVE_NO_SYMLINKS),
  };
  int fd = -1;
  for (int tries = 0; tries < 16; tries++) { /* EAGAIN: something was renamed during the lookup */
    fd = (int)syscall(SYS_openat2, folder, location, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

int rung_os_open_beneath(const char *folder, const char *location, int flags, bool links) {
  int base = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (base < 0) return -1;
  int fd = openat2_beneath(base, location, flags, links);
  /* EPERM is how old sandboxes refuse system calls that they do not know. */
  int error = errno == EPERM ? ENOSYS : errno;
  close(base);
  errno = error;
  return fd;
}

/* LD_LIBRARY_PATH and the built-in folders, as the loader itself tells them. */
static bool each_search_folder(bool (*fn)(void *context, const char *folder), void *context) {
  Dl_serinfo size;
  void *self = dlopen(NULL, RTLD_LAZY);
  Dl_serinfo *info = self && dlinfo(self, RTLD_DI_SERINFOSIZE, &size) == 0 ? calloc(1, size.dls_size) : NULL;
  bool more = true;
  if (info) {
    *info = size;
    if (dlinfo(self, RTLD_DI_SERINFO, info) == 0)
      for (unsigned i = 0; more && i < info->dls_cnt; i++) more = fn(context, info->dls_serpath[i].dls_name);
  }
  free(info);
  if (self) dlclose(self);
  return more;
}

/* Folders that were named already, by hash: naming one twice only costs time, so the list may be short. */
typedef struct named {
  uint64_t hashes[64];
  size_t count;
} named;

static bool is_new(named *n, const char *folder) {
  uint64_t hash = rung_hash_bytes(folder, strlen(folder), 0);
  for (size_t i = 0; i < n->count; i++)
    if (n->hashes[i] == hash) return false;
  if (n->count < RUNG_COUNT(n->hashes)) n->hashes[n->count++] = hash;
  return true;
}

/* The folders of the libraries in the loader's cache, which ldconfig makes from /etc/ld.so.conf. Whatever the layout of
 * the file is, it holds paths that end with a NUL. */
static void each_cached_folder(bool (*fn)(void *context, const char *folder), void *context) {
  FILE *file = fopen("/etc/ld.so.cache", "re");
  char path[4096];
  named names = {.count = 0};
  size_t size = 0;
  bool more = true;
  for (int c; file && more && (c = getc(file)) != EOF;) {
    if (c != 0 && size < sizeof path - 1) {
      path[size++] = (char)c;
      continue;
    }
    path[size] = 0;
    size = 0;
    char *name = c == 0 && path[0] == '/' ? strrchr(path + 1, '/') : NULL;
    if (!name) continue;
    *name = 0;
    if (is_new(&names, path)) more = fn(context, path);
  }
  if (file) fclose(file);
}

void rung_os_library_folders(bool (*fn)(void *context, const char *folder), void *context) {
  if (each_search_folder(fn, context)) each_cached_folder(fn, context);
}

const char *rung_os_library_path(void *handle) {
  struct link_map *map = NULL;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] ? map->l_name : NULL;
}

/* Children */

/* In the child: only calls that are safe after fork. It leads a group of its own, so that all of it can be killed. */
static void become(const char *const *argv, const char *const *environment, int out) {
  static const char *const empty[] = {NULL};
  const struct rlimit no_core = {0, 0};
  setpgid(0, 0);
  setrlimit(RLIMIT_CORE, &no_core);
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0) _exit(127);
  execve(argv[0], (char *const *)argv, (char *const *)(environment ? environment : empty));
  _exit(127);
}

/* Reads until the other end closes or time is up; false: it is up. */
static bool drain(int fd, uint64_t until, char *bytes, size_t capacity, size_t *size) {
  char dropped[512];
  for (;;) {
    uint64_t now = rung_os_now_ns();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = now < until ? poll(&wait, 1, (int)((until - now) / 1000000 + 1)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    bool full = *size == capacity;
    ssize_t got = full ? read(fd, dropped, sizeof dropped) : read(fd, bytes + *size, capacity - *size);
    if (got == 0 || (got < 0 && errno != EINTR)) return true;
    if (got > 0 && !full) *size += (size_t)got;
  }
}

/* It may have closed its output and go on. */
static bool wait_for(pid_t child, uint64_t until, int *status) {
  while (rung_os_now_ns() < until) {
    if (waitpid(child, status, WNOHANG) == child) return true;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  return false;
}

rung_os_end rung_os_run(const char *const *argv, const char *const *environment, double seconds, char *out_bytes,
                        size_t capacity, size_t *out_size) {
  rung_os_end end = {.started = false, .exit_code = -1};
  int ends[2], status = 0;
  *out_size = 0;
  if (pipe2(ends, O_CLOEXEC) != 0) return end;
  uint64_t until = rung_os_now_ns() + (uint64_t)(seconds * 1e9);
  pid_t child = fork();
  if (child == 0) become(argv, environment, ends[1]);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return end;
  }
  bool ended = drain(ends[0], until, out_bytes, capacity, out_size) && wait_for(child, until, &status);
  close(ends[0]);
  kill(-child, SIGKILL);
  kill(child, SIGKILL); /* in case it had no group yet */
  if (!ended) waitpid(child, &status, 0);
  end.timed_out = !ended;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.started = end.exit_code != 127;
  return end;
}

const char *rung_os_signal_name(int signal) {
  static const struct {
    int number;
    const char *name;
  } names[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGABRT, "SIGABRT"}, {SIGILL, "SIGILL"},
               {SIGFPE, "SIGFPE"},   {SIGTRAP, "SIGTRAP"}, {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}};
  for (size_t i = 0; i < RUNG_COUNT(names); i++)
    if (names[i].number == signal) return names[i].name;
  return "a signal";
}
