#include "base/look.h"

#include "base/printable.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *rung_look_system(void) {
#if defined(__ANDROID__)
  return "android";
#elif defined(__linux__)
  return "linux";
#elif defined(__APPLE__)
  return "macos";
#elif defined(_WIN32)
  return "windows";
#else
  return "other";
#endif
}

static bool join(const char *root, const char *path, char out[4096]) {
  int length = snprintf(out, 4096, "%s%s", root, path);
  return length > 0 && length < 4096;
}

bool rung_look_line(const char *root, const char *path, char out_line[RUNG_LOOK_LINE]) {
  char full[4096], bytes[RUNG_LOOK_LINE], shown[RUNG_PRINTABLE];
  int fd = join(root, path, full) ? open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
  ssize_t size = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
  if (fd >= 0) close(fd);
  size_t length = 0;
  while (size > 0 && length < (size_t)size && bytes[length] != '\n') length++;
  snprintf(out_line, RUNG_LOOK_LINE, "%s", rung_printable((rung_str){bytes, length}, shown));
  return length > 0;
}

/* `folder` and the beginning of a name in it; the first entry that goes on with a digit, in the order of names. */
static bool find_numbered(const char *folder, const char *begin, char out_name[RUNG_LOOK_LINE]) {
  DIR *dir = opendir(folder);
  size_t length = strlen(begin);
  out_name[0] = 0;
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    const char *name = entry->d_name;
    if (strncmp(name, begin, length) != 0 || !isdigit((unsigned char)name[length]) || strlen(name) >= RUNG_LOOK_LINE)
      continue;
    if (!out_name[0] || strcmp(name, out_name) < 0) strcpy(out_name, name);
  }
  if (dir) closedir(dir);
  return out_name[0] != 0;
}

rung_look_access rung_look_device(const char *root, const char *name, char out_name[RUNG_LOOK_LINE]) {
  char path[4096], found[RUNG_LOOK_LINE];
  size_t length = strlen(name);
  if (!join(root, name, path)) return RUNG_LOOK_NONE;
  snprintf(out_name, RUNG_LOOK_LINE, "%s", name);
  if (length && name[length - 1] == '#') {
    char *begin = strrchr(path, '/') + 1;
    path[strlen(path) - 1] = 0;
    char word[sizeof path];
    strcpy(word, begin);
    *begin = 0;
    if (!find_numbered(path, word, found)) return RUNG_LOOK_NONE;
    int size = snprintf(out_name, RUNG_LOOK_LINE, "%.*s%s", (int)(strrchr(name, '/') - name) + 1, name, found);
    if (size >= RUNG_LOOK_LINE || !join(root, out_name, path)) return RUNG_LOOK_NONE;
  }
  if (access(path, F_OK) != 0) return RUNG_LOOK_NONE;
  return access(path, R_OK | W_OK) == 0 ? RUNG_LOOK_OPEN : RUNG_LOOK_FORBIDDEN;
}

/* "0x10de" in a file of a device; 0 when there is none. */
static uint32_t read_id(const char *folder, const char *device, const char *file) {
  char path[RUNG_LOOK_LINE + 16], line[RUNG_LOOK_LINE];
  snprintf(path, sizeof path, "/%s/%s", device, file);
  return rung_look_line(folder, path, line) ? (uint32_t)strtoul(line, NULL, 16) : 0;
}

bool rung_look_pci(const char *root, uint32_t vendor, char out_text[RUNG_LOOK_LINE]) {
  enum { DISPLAY = 0x03, PROCESSING = 0x12, CLASS_SHIFT = 16 };
  char folder[4096];
  DIR *dir = join(root, "/sys/bus/pci/devices", folder) ? opendir(folder) : NULL;
  char best[RUNG_LOOK_LINE] = "";
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    const char *name = entry->d_name;
    if (name[0] == '.' || strlen(name) >= sizeof best || read_id(folder, name, "vendor") != vendor) continue;
    uint32_t kind = read_id(folder, name, "class") >> CLASS_SHIFT;
    if ((kind == DISPLAY || kind == PROCESSING) && (!best[0] || strcmp(name, best) < 0)) strcpy(best, name);
  }
  if (dir) closedir(dir);
  if (best[0])
    snprintf(out_text, RUNG_LOOK_LINE, "%04x:%04x at %.200s", (unsigned)vendor,
             (unsigned)read_id(folder, best, "device"), best);
  return best[0] != 0;
}
