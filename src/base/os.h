/* What rung asks of the operating system, one primitive each; os_<name>.c implements them. POSIX calls that every
 * system has (pthread, dlopen, open) are used where they are needed and do not pass through here.
 * All are thread-safe. None reads the environment. */
#ifndef RUNG_BASE_OS_H
#define RUNG_BASE_OS_H

#include "base/macros.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since some fixed point; never goes back, goes on while the process sleeps in the kernel. */
uint64_t rung_os_now_ns(void);
/* Nanoseconds since 1970. */
uint64_t rung_os_wall_ns(void);
/* Sleeps for so many milliseconds, or less when a signal comes. */
void rung_os_pause(unsigned ms);

/* pwrite(2), or write(2) where `offset` is RUNG_OS_APPEND. A limit on the size of files (ulimit -f) is the error EFBIG:
 * by default its signal, SIGXFSZ, would end the process, and a library may not change what the program does with it. */
#define RUNG_OS_APPEND (-1)
ptrdiff_t rung_os_write(int fd, const void *data, size_t size, int64_t offset);
/* ftruncate(2) in the same way; false: errno. */
bool rung_os_resize(int fd, int64_t size);

/* How many threads can run at once: the process's cpuset, further cut by the CPU quota of its control groups (rounded
 * down: a thread too many is throttled together with the others). At least 1. */
size_t rung_os_cpu_count(void);

/* Bytes of memory that the process may use at most: what the machine has, cut by the limits of its control groups (of
 * both versions) and of its addresses (RLIMIT_AS, RLIMIT_DATA). UINT64_MAX: nothing is known. */
uint64_t rung_os_memory(void);

/* A power of two. */
size_t rung_os_page_size(void);

/* The processor's name as the system tells it, cut to `size` with its NUL; "" when it does not. */
void rung_os_cpu_name(char *out, size_t size);

/* Size in bytes of the data cache of `level` (1 to 3) as the system tells it; 0 when it does not. */
size_t rung_os_cache_size(int level);

/* The process; a forked child has another. */
int64_t rung_os_pid(void);

/* Names the calling thread in debuggers and `top -H`; cut to what the system takes (15 bytes on Linux). */
void rung_os_set_thread_name(const char *name);

/* Sleeps while *word == expected, until rung_os_wake. May return early: the caller looks at *word again. */
void rung_os_wait(atomic_uint *word, unsigned expected);
/* Wakes up to `count` threads that sleep on word. */
void rung_os_wake(atomic_uint *word, unsigned count);

/* Takes the lock of an open file, which goes with its descriptor, and so with the process: 1, or 0 when somebody has
 * it, in this process or another; -1 and errno when the file cannot be locked. */
int rung_os_try_lock(int fd);

/* Features of an ARM processor, where user programs cannot ask the processor itself: a set of RUNG_CPU_<NAME> of
 * cpu.h. 0 on other architectures. */
uint32_t rung_os_arm_features(void);

/* Asks for the AMX tile registers, for the whole process and for good. False when refused or not x86-64. */
bool rung_os_request_amx(void);

/* Opens what `location` names beneath `folder`: no way leads out of it, by "..", an absolute path or a link. `flags`
 * are those of open; `links` false refuses symbolic links altogether. -1 and errno: EXDEV when it would leave the
 * folder, ELOOP for a link that is refused, ENOSYS when the system has no such lookup (or a sandbox forbids it). */
int rung_os_open_beneath(const char *folder, const char *location, int flags, bool links);

/* Calls fn with each folder where the system's loader looks for libraries, in its order, until fn returns false. */
void rung_os_library_folders(bool (*fn)(void *context, const char *folder), void *context);

/* How a child process ended. */
typedef struct rung_os_end {
  bool started;   /* false: the program could not be run; nothing else counts */
  bool timed_out; /* it was killed */
  int exit_code;  /* -1: a signal ended it */
  int signal;     /* 0: none */
} rung_os_end;

/* Runs the program argv[0] with these arguments and this environment (NULL: empty), standard input empty, for at most
 * `seconds`; then it is killed, with all that it started. What it writes to standard output goes to out_bytes, up to
 * `capacity` (the rest is dropped) and its size to *out_size; standard error is dropped. */
rung_os_end rung_os_run(const char *const *argv, const char *const *environment, double seconds, char *out_bytes,
                        size_t capacity, size_t *out_size);

/* "SIGSEGV"; "a signal" for others. */
const char *rung_os_signal_name(int signal);

/* Path of the file behind a handle from dlopen; NULL when unknown. Borrowed until dlclose. */
const char *rung_os_library_path(void *handle);

#endif
