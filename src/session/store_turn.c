/* Turns: who makes an entry holds the lock of its file turn-<key>, which ends with the process at the latest. The name
 * goes before the lock does, so that a lock on a file without a name tells who has waited for it that the turn is over;
 * its size tells what came of it: 1 when the next one could not keep anything either, else 0. A process that died
 * leaves the name, and the turn is whose lock comes next. */
#include "session/store.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = RUNG_DIGEST_TEXT + sizeof RUNG_STORE_TURN };

static const char *name_of(const char *key, char out[NAME]) {
  snprintf(out, NAME, RUNG_STORE_TURN "%.*s", RUNG_DIGEST_TEXT - 1, key);
  return out;
}

static store_turn_state drop(store_turn *turn, store_turn_state state) {
  rung__turn_leave(turn);
  return state;
}

static store_turn_state try_lock(store_turn *turn) {
  struct stat info;
  int got = rung_os_try_lock(turn->fd);
  if (got < 0 || fstat(turn->fd, &info) != 0) return drop(turn, TURN_FREE);
  if (!info.st_nlink) return drop(turn, info.st_size ? TURN_FREE : TURN_OVER);
  if (got) atomic_store(&turn->held, true);
  return got ? TURN_MINE : TURN_OTHERS;
}

store_turn_state rung__turn_take(store_turn *turn, const rung_store *store, const char *key) {
  char name[NAME];
  int lock;
  if (turn->fd >= 0) return try_lock(turn);
  rung_status *status = rung__store_lock(store, &lock); /* nobody takes it for left over before it is locked */
  if (status) {
    rung_status_free(status);
    return TURN_FREE;
  }
  turn->fd = openat(store->folder, name_of(key, name), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  store_turn_state state = turn->fd < 0 ? TURN_FREE : try_lock(turn);
  close(lock);
  return state;
}

void rung__turn_end(store_turn *turn, const rung_store *store, const char *key, bool hopeless) {
  char name[NAME];
  if (!atomic_exchange(&turn->held, false)) return;
  if (hopeless) (void)rung_os_resize(turn->fd, 1);
  unlinkat(store->folder, name_of(key, name), 0);
  close(turn->fd);
}

void rung__turn_leave(store_turn *turn) {
  if (turn->fd >= 0) close(turn->fd);
  turn->fd = -1;
}
