/* A folder of its own for a test, and files in it. */
#ifndef RUNG_TESTS_FOLDER_H
#define RUNG_TESTS_FOLDER_H

#include <stddef.h>

enum { FOLDER_PATH = 512 };

typedef struct temp_folder {
  char path[FOLDER_PATH - 256]; /* canonical */
} temp_folder;

/* Makes it below the system's folder for temporary files. */
void folder_make(temp_folder *folder);
/* Removes it and all that is in it. */
void folder_remove(temp_folder *folder);

/* Fixture: a folder for each test, which nobody else may enter, as a cache wants it. */
extern temp_folder own_folder;
int own_folder_set_up(void **state);
int own_folder_tear_down(void **state);

/* `out` = the path of `name` in the folder. Returns out. */
const char *folder_at(const temp_folder *folder, const char *name, char out[FOLDER_PATH]);
void folder_mkdir(const temp_folder *folder, const char *name);
void folder_write(const temp_folder *folder, const char *name, const void *data, size_t size);
void folder_symlink(const temp_folder *folder, const char *target,
                    const char *name); /* target as it stands in the link */
void folder_hardlink(const temp_folder *folder, const char *target, const char *name);

#endif
