/* SHA-1, for the checksums that ONNX models may carry: against damage, not against attackers. */
#ifndef RUNG_BASE_SHA1_H
#define RUNG_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { RUNG_SHA1_TEXT = 41 };

/* The digest as 40 lower-case hexadecimal digits. Returns out. */
const char *rung_sha1_text(const void *data, size_t size, char out[RUNG_SHA1_TEXT]);

#endif
