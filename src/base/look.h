/* What can be seen of the machine without asking anybody: device files, one-line files, the devices on the PCI bus.
 * Paths begin with `root`, "" for the machine itself; tests have roots of their own. */
#ifndef RUNG_BASE_LOOK_H
#define RUNG_BASE_LOOK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RUNG_LOOK_LINE = 256 };

/* "linux", "android", "macos", "windows", "other": what this program was built for. */
const char *rung_look_system(void);

/* The first line of a file, without its end, made printable; false when it cannot be read or is empty. */
bool rung_look_line(const char *root, const char *path, char out_line[RUNG_LOOK_LINE]);

typedef enum rung_look_access { RUNG_LOOK_NONE, RUNG_LOOK_FORBIDDEN, RUNG_LOOK_OPEN } rung_look_access;
/* Is there a file of that name, and may this process read and write it? A name that ends in '#' stands for any that
 * goes on with a digit ("/dev/nvidia#"); the one that was found is in `out_name`. */
rung_look_access rung_look_device(const char *root, const char *name, char out_name[RUNG_LOOK_LINE]);

/* The first display or processing device of a vendor on the PCI bus, as "10de:2330 at 0000:4e:00.0"; false: none. */
bool rung_look_pci(const char *root, uint32_t vendor, char out_text[RUNG_LOOK_LINE]);

#endif
