/* SHA-256, for the checksums that Python's packages carry. */
#ifndef RUNG_BASE_SHA256_H
#define RUNG_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { RUNG_SHA256_SIZE = 32, RUNG_SHA256_BASE64 = 44 };

void rung_sha256(const void *data, size_t size, uint8_t out[RUNG_SHA256_SIZE]);
/* The digest as 43 characters of URL-safe base64 without padding, as a RECORD has it. Returns out. */
const char *rung_sha256_base64(const void *data, size_t size, char out[RUNG_SHA256_BASE64]);

#endif
