/* A library that does what the file beside it says when it is loaded: "abort", "exit", "hang", "crash". The file has
 * the library's name with ".does" behind it. "init 802": it is a driver whose cuInit returns that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_order(char order[16]) {
  Dl_info info;
  char path[4096];
  order[0] = 0;
  if (!dladdr((void *)read_order, &info)) return;
  snprintf(path, sizeof path, "%s.does", info.dli_fname);
  FILE *file = fopen(path, "r");
  if (!file) return;
  if (!fgets(order, 16, file)) order[0] = 0;
  fclose(file);
}

__attribute__((constructor)) static void begin(void) {
  char order[16];
  read_order(order);
  if (strcmp(order, "abort") == 0) abort();
  if (strcmp(order, "exit") == 0) exit(0);
  if (strcmp(order, "crash") == 0) raise(SIGSEGV);
  while (strcmp(order, "hang") == 0) pause();
}

__attribute__((visibility("default"))) int cuInit(unsigned flags);
int cuInit(unsigned flags) {
  char order[16];
  read_order(order);
  return strncmp(order, "init ", 5) == 0 ? atoi(order + 5) + (int)flags : 0;
}
