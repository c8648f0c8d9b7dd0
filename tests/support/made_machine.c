#include "support/made_machine.h"

#include "base/sha256.h"
#include "support/elf.h"
#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_WORDS = 24, LINE = 1024 };

/* Paths */

static const char *place(const made_machine *m, const char *path, char out[FOLDER_PATH]) {
  int size = strncmp(path, "site/", 5) == 0 ? snprintf(out, FOLDER_PATH, "%s%s/%s", m->root.path, m->site, path + 5)
                                            : snprintf(out, FOLDER_PATH, "%s%s", m->root.path, path);
  assert_true(size > 0 && size < FOLDER_PATH);
  return out;
}

static void make_folders(char *path) {
  for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    mkdir(path, 0777);
    *at = '/';
  }
}

static void put(const made_machine *m, const char *path, const void *data, size_t size) {
  char full[FOLDER_PATH];
  place(m, path, full);
  make_folders(full);
  FILE *file = fopen(full, "wb");
  if (!file) fail_msg("%s", full);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void put_text(const made_machine *m, const char *path, const char *text) { put(m, path, text, strlen(text)); }

static size_t get(const char *path, unsigned char **out) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  *out = malloc(size + 1);
  assert_non_null(*out);
  assert_int_equal(fread(*out, 1, size, file), size);
  fclose(file);
  return size;
}

/* Libraries */

static size_t split(char *text, const char *separators, char **out, size_t most) {
  size_t count = 0;
  for (char *word = strtok(text, separators); word && count < most; word = strtok(NULL, separators))
    out[count++] = word;
  return count;
}

static void read_option(char *word, elf_parts *parts) {
  char *value = strchr(word, '=') + 1, *items[ELF_MOST_NEEDED];
  if (strncmp(word, "runpath=", 8) == 0) parts->runpath = value;
  if (strncmp(word, "rpath=", 6) == 0) parts->rpath = value;
  if (strncmp(word, "soname=", 7) == 0) parts->soname = value;
  if (strncmp(word, "machine=", 8) == 0) parts->machine = atoi(value);
  if (strncmp(word, "needs=", 6) == 0) {
    size_t count = split(value, ",", items, ELF_MOST_NEEDED);
    for (size_t i = 0; i < count; i++) parts->needed[i] = items[i];
  }
  if (strncmp(word, "defines=", 8) == 0) {
    size_t count = split(value, ",", items, ELF_MOST_VERSIONS);
    for (size_t i = 0; i < count; i++) parts->defines[i] = items[i];
  }
  if (strncmp(word, "wants=", 6) == 0) {
    size_t count = split(value, ",", items, ELF_MOST_VERSIONS);
    for (size_t i = 0; i < count; i++) {
      char *colon = strchr(items[i], ':');
      *colon = 0;
      parts->wants[i] = (elf_version){items[i], colon + 1};
    }
  }
}

static void put_library(const made_machine *m, const char *path, char **words, size_t count) {
  elf_parts parts = {0};
  uint8_t bytes[ELF_SIZE];
  for (size_t i = 0; i < count; i++) read_option(words[i], &parts);
  const char *slash = strrchr(path, '/');
  if (!parts.soname) parts.soname = slash + 1;
  put(m, path, bytes, elf_make(&parts, bytes));
}

static void put_number(uint8_t *at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> 8 * i);
}

static size_t put_entry(uint8_t *at, int kind, int capability) {
  enum { HEAD = 64, BODY = 32 };
  put_number(at, (uint64_t)kind, 2);
  put_number(at + 4, HEAD, 4);
  put_number(at + 8, BODY, 8);
  put_number(at + 28, (uint64_t)capability, 4);
  return HEAD + BODY;
}

void machine_cuda_library(made_machine *m, const char *path, const int *kernels, const int *ptx) {
  enum { CODE_AT = ELF_SIZE, SECTIONS = 3, SECTION = 64 };
  static const char names[] = "\0.nv_fatbin\0.shstrtab";
  static uint8_t bytes[4 * ELF_SIZE];
  memset(bytes, 0, sizeof bytes);
  elf_make(&(elf_parts){.soname = strrchr(path, '/') + 1}, bytes);
  uint8_t *code = bytes + CODE_AT;
  size_t size = 16;
  put_number(code, 0xba55ed50, 4);
  put_number(code + 4, 1, 2);
  put_number(code + 6, 16, 2);
  for (; *kernels; kernels++) size += put_entry(code + size, 2, *kernels);
  for (; *ptx; ptx++) size += put_entry(code + size, 1, *ptx);
  put_number(code + 8, size - 16, 8);
  size_t texts = CODE_AT + size, table = texts + sizeof names;
  memcpy(bytes + texts, names, sizeof names);
  uint8_t *section = bytes + table + SECTION;
  put_number(section, 1, 4);
  put_number(section + 4, 1, 4);
  put_number(section + 24, CODE_AT, 8);
  put_number(section + 32, size, 8);
  section += SECTION;
  put_number(section, 12, 4);
  put_number(section + 4, 3, 4);
  put_number(section + 24, texts, 8);
  put_number(section + 32, sizeof names, 8);
  put_number(bytes + 40, table, 8);
  put_number(bytes + 58, SECTION, 2);
  put_number(bytes + 60, SECTIONS, 2);
  put_number(bytes + 62, 2, 2);
  assert_true(table + SECTIONS * SECTION <= sizeof bytes);
  put(m, path, bytes, table + SECTIONS * SECTION);
}

/* Packages */

static void put_metadata(const made_machine *m, const char *name, const char *version, const char *tag,
                         const char *record) {
  char file[64], path[256], text[512];
  snprintf(file, sizeof file, "%s", name);
  for (char *at = file; *at; at++)
    if (*at == '-') *at = '_';
  snprintf(path, sizeof path, "site/%s-%s.dist-info/METADATA", file, version);
  snprintf(text, sizeof text, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version);
  put_text(m, path, text);
  snprintf(path, sizeof path, "site/%s-%s.dist-info/WHEEL", file, version);
  snprintf(text, sizeof text, "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: %s\n", tag);
  put_text(m, path, text);
  snprintf(path, sizeof path, "site/%s-%s.dist-info/INSTALLER", file, version);
  put_text(m, path, "pip\n");
  snprintf(path, sizeof path, "site/%s-%s.dist-info/RECORD", file, version);
  put_text(m, path, record);
}

static void add_records(const char *folder, const char *name, char *out, size_t capacity) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    char path[1024], below[512], sum[RUNG_SHA256_BASE64];
    struct stat info;
    if (entry->d_name[0] == '.') continue;
    assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
    assert_true(snprintf(below, sizeof below, "%s/%s", name, entry->d_name) < (int)sizeof below);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
      add_records(path, below, out, capacity);
      continue;
    }
    unsigned char *data;
    size_t size = get(path, &data), used = strlen(out);
    rung_sha256_base64(data, size, sum);
    snprintf(out + used, capacity - used, "%s,sha256=%s,%zu\n", below, sum, size);
    free(data);
  }
  if (dir) closedir(dir);
}

static const char *default_tag(const made_machine *m, char out[64]) {
  int minor = atoi(strstr(m->site, "python3.") + 8);
#if defined(__aarch64__)
  snprintf(out, 64, "cp3%d-cp3%d-manylinux_2_28_aarch64", minor, minor);
#else
  snprintf(out, 64, "cp3%d-cp3%d-manylinux_2_28_x86_64", minor, minor);
#endif
  return out;
}

static void put_module(const made_machine *m, const char *version, const char *package, const char *cuda) {
  char text[512], path[256];
  int minor = atoi(strstr(m->site, "python3.") + 8);
  snprintf(text, sizeof text, "\"\"\"ONNX Runtime\"\"\"\n__version__ = \"%s\"\n", version);
  put_text(m, "site/onnxruntime/__init__.py", text);
  put_text(m, "site/onnxruntime/capi/__init__.py", "");
  snprintf(text, sizeof text, "package_name = '%s'\n__version__ = '%s'\n", package, version);
  if (cuda) snprintf(text + strlen(text), sizeof text - strlen(text), "cuda_version = '%s'\n", cuda);
  put_text(m, "site/onnxruntime/capi/build_and_package_info.py", text);
  snprintf(path, sizeof path, "site/onnxruntime/capi/onnxruntime_pybind11_state.cpython-3%d-x86_64-linux-gnu.so",
           minor);
  char needs[] = "needs=libc.so.6,libstdc++.so.6", *words[] = {needs};
  put_library(m, path, words, 1);
}

/* Devices */

static void put_pci(const made_machine *m, const char *address, const char *vendor, const char *driver) {
  char path[256], full[FOLDER_PATH], target[FOLDER_PATH];
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/vendor", address);
  put_text(m, path, vendor);
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/class", address);
  put_text(m, path, "0x030000\n");
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/device", address);
  put_text(m, path, "0x2330\n");
  if (strcmp(driver, "-") == 0) return;
  snprintf(path, sizeof path, "/sys/bus/pci/drivers/%s/bind", driver);
  put_text(m, path, "");
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", address);
  snprintf(target, sizeof target, "../../drivers/%s", driver);
  assert_int_equal(symlink(target, place(m, path, full)), 0);
}

static void put_nvidia(const made_machine *m, const char *driver, const char *name) {
  char text[512], path[256], full[FOLDER_PATH];
  snprintf(text, sizeof text, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  Sat Aug 19 2023\n", driver);
  put_text(m, "/proc/driver/nvidia/version", text);
  snprintf(text, sizeof text, "Model: \t\t %s\nIRQ:   \t\t 99\n", name);
  put_text(m, "/proc/driver/nvidia/gpus/0000:01:00.0/information", text);
  put_text(m, "/dev/nvidia0", "");
  put_text(m, "/dev/nvidiactl", "");
  put_text(m, "/dev/nvidia-uvm", "");
  put_pci(m, "0000:01:00.0", "0x10de\n", "nvidia");
  snprintf(path, sizeof path, "/usr/lib/libcuda.so.%s", driver);
  char soname[] = "soname=libcuda.so.1", *words[] = {soname};
  put_library(m, path, words, 1);
  snprintf(text, sizeof text, "libcuda.so.%s", driver);
  assert_int_equal(symlink(text, place(m, "/usr/lib/libcuda.so.1", full)), 0);
}

/* Commands */

static void unescape(char *text) {
  for (char *at = strstr(text, "\\n"); at; at = strstr(at, "\\n")) {
    *at = '\n';
    memmove(at + 1, at + 2, strlen(at + 2) + 1);
  }
}

static void change_file(const made_machine *m, const char *what, const char *path, const char *argument) {
  char full[FOLDER_PATH], other[FOLDER_PATH];
  place(m, path, full);
  if (strcmp(what, "cut") == 0) assert_int_equal(truncate(full, atol(argument)), 0);
  if (strcmp(what, "rm") == 0) assert_int_equal(remove(full), 0);
  if (strcmp(what, "move") == 0) {
    place(m, argument, other);
    make_folders(other);
    assert_int_equal(rename(full, other), 0);
  }
  if (strcmp(what, "grow") == 0) {
    FILE *file = fopen(full, "ab");
    assert_non_null(file);
    fputs("more", file);
    fclose(file);
  }
}

static void run_packages(made_machine *m, char **words, size_t count) {
  static char record[65536];
  char folder[FOLDER_PATH], tag[64];
  const char *given = count > 3 ? words[3] : default_tag(m, tag);
  record[0] = 0;
  if (strcmp(words[0], "own") == 0)
    add_records(place(m, "site/onnxruntime", folder), "onnxruntime", record, sizeof record);
  put_metadata(m, words[1], words[2], given, record);
}

static void run_need(const made_machine *m, const char *name, const char *rest) {
  char folder[FOLDER_PATH], full[2 * FOLDER_PATH];
  place(m, "site/", folder);
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    size_t size = strlen(name);
    if (strncmp(entry->d_name, name, size) != 0 || entry->d_name[size] != '-') continue;
    snprintf(full, sizeof full, "%s/%s/METADATA", folder, entry->d_name);
    FILE *file = fopen(full, "ab");
    assert_non_null(file);
    fprintf(file, "Requires-Dist: %s\n", rest);
    fclose(file);
  }
  if (dir) closedir(dir);
}

static void run_provider(const made_machine *m, char **words, size_t count) {
  char path[256], needs[512] = "needs=";
  for (size_t i = 2; i < count; i++)
    snprintf(needs + strlen(needs), sizeof needs - strlen(needs), "%s%s", i > 2 ? "," : "", words[i]);
  char *option[] = {needs};
  snprintf(path, sizeof path, "site/onnxruntime/capi/libonnxruntime_providers_%s.so", words[1]);
  put_library(m, path, option, 1);
  put_library(m, "site/onnxruntime/capi/libonnxruntime_providers_shared.so", NULL, 0);
}

static void run_line(made_machine *m, char *line) {
  char copy[LINE], full[FOLDER_PATH], *words[MOST_WORDS];
  strcpy(copy, line);
  size_t count = split(copy, " ", words, MOST_WORDS);
  if (!count) return;
  const char *what = words[0];
  if (strcmp(what, "module") == 0) {
    put_module(m, words[1], words[2], count > 3 ? words[3] : NULL);
  } else if (strcmp(what, "own") == 0 || strcmp(what, "dist") == 0) {
    run_packages(m, words, count);
  } else if (strcmp(what, "need") == 0) {
    run_need(m, words[1], strstr(line, words[2]));
  } else if (strcmp(what, "provider") == 0) {
    run_provider(m, words, count);
  } else if (strcmp(what, "lib") == 0) {
    put_library(m, words[1], words + 2, count - 2);
  } else if (strcmp(what, "file") == 0) {
    char *text = count > 2 ? strstr(line, words[1]) + strlen(words[1]) + 1 : line + strlen(line);
    unescape(text);
    put_text(m, words[1], text);
  } else if (strcmp(what, "mkdir") == 0) {
    place(m, words[1], full);
    make_folders(full);
    mkdir(full, 0777);
  } else if (strcmp(what, "link") == 0) {
    place(m, words[2], full);
    make_folders(full);
    assert_int_equal(symlink(words[1], full), 0);
  } else if (strcmp(what, "chmod") == 0) {
    assert_int_equal(chmod(place(m, words[2], full), (mode_t)strtol(words[1], NULL, 8)), 0);
  } else if (strcmp(what, "nvidia") == 0) {
    put_nvidia(m, words[1], strstr(line, words[1]) + strlen(words[1]) + 1);
  } else if (strcmp(what, "amd") == 0) {
    put_pci(m, "0000:03:00.0", "0x1002\n", "amdgpu");
    put_text(m, "/dev/kfd", "");
    put_text(m, "/dev/dri/renderD128", "");
  } else if (strcmp(what, "pci") == 0) {
    put_pci(m, "0000:05:00.0", words[1], words[2]);
  } else if (strcmp(what, "python") == 0) {
    snprintf(m->site, sizeof m->site, "/venv/lib/python%s/site-packages", words[1]);
    snprintf(full, sizeof full, "home = /usr/bin\nversion = %s.4\ninclude-system-site-packages = false\n", words[1]);
    put_text(m, "/venv/pyvenv.cfg", full);
  } else if (strcmp(what, "env") == 0) {
    assert_true(m->variable_count < 16 && strlen(line) < sizeof m->variables[0]);
    int at = 0; /* the later one of a name counts */
    while (at < m->variable_count && strncmp(m->variables[at], line + 4, strcspn(line + 4, "=") + 1) != 0) at++;
    strcpy(m->variables[at], line + 4);
    m->environment[at] = m->variables[at];
    m->variable_count += at == m->variable_count;
  } else if (strcmp(what, "cut") == 0 || strcmp(what, "rm") == 0 || strcmp(what, "grow") == 0 ||
             strcmp(what, "move") == 0) {
    change_file(m, what, words[1], count > 2 ? words[2] : "");
  } else {
    fail_msg("no command: %s", line);
  }
}

void machine_run(made_machine *m, const char *script) {
  for (const char *at = script; *at;) {
    char line[LINE];
    size_t size = strcspn(at, "\n");
    assert_true(size < sizeof line);
    memcpy(line, at, size);
    line[size] = 0;
    run_line(m, line);
    at += size + (at[size] == '\n');
  }
}

void machine_make(made_machine *m, const char *script) {
  memset(m, 0, sizeof *m);
  folder_make(&m->root);
  machine_run(m,
              "python 3.11\n"
              "lib /venv/bin/python needs=libc.so.6\n"
              "lib /usr/lib/libc.so.6 defines=GLIBC_2.17,GLIBC_2.28,GLIBC_2.36\n"
              "lib /usr/lib/libstdc++.so.6 defines=GLIBCXX_3.4.22,GLIBCXX_3.4.30,CXXABI_1.3.13\n");
  machine_run(m, script);
}

void machine_remove(made_machine *m) { folder_remove(&m->root); }
