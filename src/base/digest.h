/* BLAKE2b with 32 bytes of digest (RFC 7693): names what the engine cache keeps, and tells damage from content.
 * Nobody can make two contents with one digest, which SHA-1 no longer promises; and in plain C it is several times as
 * fast as SHA-256, which counts for weights of gigabytes. */
#ifndef RUNG_BASE_DIGEST_H
#define RUNG_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { RUNG_DIGEST_SIZE = 32, RUNG_DIGEST_TEXT = 2 * RUNG_DIGEST_SIZE + 1 };

/* A digest that is being made. */
typedef struct rung_digest {
  uint64_t h[8];
  uint64_t count;     /* bytes so far, those in `block` included */
  uint8_t block[128]; /* the last ones; a full block is taken in only when more follows */
  size_t filled;
} rung_digest;

void rung_digest_init(rung_digest *digest);
void rung_digest_add(rung_digest *digest, const void *data, size_t size);
/* Nothing may be added afterwards. */
void rung_digest_end(rung_digest *digest, uint8_t out[RUNG_DIGEST_SIZE]);
/* The same as lower-case hexadecimal digits. Returns out. */
const char *rung_digest_end_text(rung_digest *digest, char out[RUNG_DIGEST_TEXT]);

#endif
