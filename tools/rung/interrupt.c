#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>

static _Atomic(rung_cancel *) target;
static volatile sig_atomic_t seen;

static void on_signal(int number) {
  seen = 1;
  rung_cancel_request(atomic_load(&target)); /* NULL is allowed */
  signal(number, SIG_DFL);
}

void interrupt_cancels(rung_cancel *cancel) {
  atomic_store(&target, cancel);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
}

bool interrupted(void) { return seen; }
