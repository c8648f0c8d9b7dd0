/* Runs a fuzz target over files and folders of files, where libFuzzer is not there to do it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 when the file was read and run. */
static int replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  /* exactly as large as the input, so that a sanitizer sees the first byte too far */
  uint8_t *data = size >= 0 ? malloc((size_t)size ? (size_t)size : 1) : NULL;
  rewind(file);
  int done = data && fread(data, 1, (size_t)size, file) == (size_t)size;
  fclose(file);
  if (done) LLVMFuzzerTestOneInput(data, (size_t)size);
  free(data);
  return done;
}

static int replay_folder(DIR *folder, const char *path) {
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char name[4096];
    int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.' && length > 0 && (size_t)length < sizeof name) count += replay_file(name);
  }
  return count;
}

int main(int count, char **paths) {
  int done = 0;
  for (int i = 1; i < count; i++) {
    DIR *folder = opendir(paths[i]);
    done += folder ? replay_folder(folder, paths[i]) : replay_file(paths[i]);
    if (folder) closedir(folder);
  }
  printf("%d inputs\n", done);
  return done == 0; /* an empty corpus proves nothing */
}
