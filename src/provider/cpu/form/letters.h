/* UTF-8, and letters that come in two cases: one code point for another, as Unicode's simple mapping has them. Scripts
 * and blocks with at least three such pairs in a row; single exceptions, archaic ones mostly, keep their case. No
 * locale has a say. */
#ifndef RUNG_CPU_FORM_LETTERS_H
#define RUNG_CPU_FORM_LETTERS_H

#include <stddef.h>
#include <stdint.h>

/* The code point that `size` > 0 bytes begin with, and how many bytes it takes. A byte that begins no valid one stands
 * for itself: RUNG_UTF8_INVALID + the byte. */
#define RUNG_UTF8_INVALID 0x110000
size_t rung_utf8_read(const char *bytes, size_t size, uint32_t *out_point);
/* At most 4 bytes; gives back how many. Takes what rung_utf8_read gave. */
size_t rung_utf8_write(uint32_t point, char *bytes);

uint32_t rung_lower_case(uint32_t point);
uint32_t rung_upper_case(uint32_t point);

#endif
