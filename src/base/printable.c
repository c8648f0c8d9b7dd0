#include "base/printable.h"

#include <string.h>

/* Bytes of the printable character that begins at text[0], or 0: control characters, broken UTF-8 (also over-long
 * forms and surrogates). */
static size_t character(const unsigned char *text, size_t size) {
  unsigned first = text[0];
  if (first < 0x80) return first >= 0x20 && first != 0x7f;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > size) return 0;
  unsigned code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3f);
  }
  static const unsigned smallest[] = {0, 0, 0xa0 /* 0x80..0x9f are controls */, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  return length;
}

const char *rung_printable(rung_str text, char buffer[RUNG_PRINTABLE]) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *bytes = (const unsigned char *)text.data;
  char *to = buffer, *last = buffer + RUNG_PRINTABLE - 8; /* room for one character, "..." and NUL */
  for (size_t i = 0; i < text.size;) {
    if (to > last) {
      memcpy(to, "...", 3);
      to += 3;
      break;
    }
    size_t length = character(bytes + i, text.size - i);
    if (length) {
      memcpy(to, bytes + i, length);
      to += length;
      i += length;
    } else {
      *to++ = '\\', *to++ = 'x', *to++ = digits[bytes[i] >> 4], *to++ = digits[bytes[i] & 15];
      i++;
    }
  }
  *to = 0;
  return buffer;
}
