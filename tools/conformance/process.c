#include "process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *folder = opendir(path);
  if (!folder) return 0;
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

/* Lines of maps like "7f..-7f.. r-xp 00000000 08:01 1234 /usr/lib/libfoo.so". */
static size_t count_libraries(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps) return 0;
  size_t count = 0;
  char line[2048], rights[8];
  while (fgets(line, sizeof line, maps))
    count += sscanf(line, "%*s %7s", rights) == 1 && rights[2] == 'x' && strchr(line, '/');
  fclose(maps);
  return count;
}

static unsigned long hash_environment(void) {
  unsigned long hash = 5381;
  for (char **variable = environ; *variable; variable++)
    for (const char *at = *variable; *at; at++) hash = hash * 33 + (unsigned char)*at;
  return hash;
}

bool process_look(process_state *out) {
  *out = (process_state){.libraries = count_libraries(),
                         .files = count_entries("/proc/self/fd"),
                         .threads = count_entries("/proc/self/task"),
                         .environment = hash_environment()};
  return out->libraries && getcwd(out->folder, sizeof out->folder);
}

void process_compare(const process_state *before, const process_state *after, char *words, size_t size) {
  words[0] = 0;
  if (after->libraries != before->libraries)
    snprintf(words, size, "%zu libraries are loaded, not %zu", after->libraries, before->libraries);
  else if (after->files != before->files)
    snprintf(words, size, "%zu files are open, not %zu", after->files, before->files);
  else if (after->threads != before->threads)
    snprintf(words, size, "there are %zu threads, not %zu", after->threads, before->threads);
  else if (after->environment != before->environment)
    snprintf(words, size, "the environment's variables have changed");
  else if (strcmp(after->folder, before->folder) != 0)
    snprintf(words, size, "the current folder has changed");
}
