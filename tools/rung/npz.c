/* Read through the directory at the archive's end (APPNOTE 4.3.12; sizes in the members' own headers may be missing).
 * Members are stored, or deflated where zlib is built in. */
#include "npz.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#if RUNG_HAVE_ZLIB
#include <zlib.h>
#endif

#define BAD(...) fail(EXIT_OF(INVALID_ARGUMENT), __VA_ARGS__)

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, STORED = 0, DEFLATED = 8, MOST_MEMBERS = 4096 };

typedef struct member {
  const char *name;
  size_t name_size;
  unsigned method;
  uint64_t packed, size, offset;
} member;

static uint32_t u16(const unsigned char *at) { return at[0] | (uint32_t)at[1] << 8; }
static uint32_t u32(const unsigned char *at) { return u16(at) | u16(at + 2) << 16; }
static uint64_t u64(const unsigned char *at) { return u32(at) | (uint64_t)u32(at + 4) << 32; }

/* Sizes beyond 32 bits stand in the extra field 1, those that were all ones in this order. */
static void read_wide(member *m, const unsigned char *extra, size_t size) {
  while (size >= 4 && u16(extra) != 1) {
    size_t step = 4 + u16(extra + 2);
    if (step > size) return;
    extra += step;
    size -= step;
  }
  uint64_t *fields[] = {&m->size, &m->packed, &m->offset};
  size_t at = 4;
  for (int i = 0; i < 3; i++)
    if (*fields[i] == UINT32_MAX && at + 8 <= size) {
      *fields[i] = u64(extra + at);
      at += 8;
    }
}

/* The directory entry at `*at`, which moves on. */
static bool next_member(bytes file, size_t *at, member *out) {
  if (*at > file.size || file.size - *at < ENTRY_SIZE) return false;
  const unsigned char *e = file.data + *at;
  if (u32(e) != 0x02014b50) return false;
  size_t name = u16(e + 28), extra = u16(e + 30), comment = u16(e + 32);
  if (file.size - *at - ENTRY_SIZE < name + extra + comment) return false;
  *out = (member){(const char *)e + ENTRY_SIZE, name, u16(e + 10), u32(e + 20), u32(e + 24), u32(e + 42)};
  read_wide(out, e + ENTRY_SIZE + name, extra);
  *at += ENTRY_SIZE + name + extra + comment;
  return true;
}

/* Where the directory begins. */
static int find_directory(bytes file, size_t *out_at) {
  for (size_t back = END_SIZE; back <= file.size && back < END_SIZE + 65536; back++) {
    const unsigned char *end = file.data + file.size - back;
    if (u32(end) != 0x06054b50) continue;
    uint64_t at = u32(end + 16);
    if (at == UINT32_MAX && back + 20 <= file.size) { /* the locator of the wide end record stands before */
      uint64_t wide = u32(end - 20) == 0x07064b50 ? u64(end - 12) : UINT64_MAX;
      if (wide < file.size && file.size - wide >= 56) at = u64(file.data + wide + 48);
    }
    if (at >= file.size) break;
    *out_at = (size_t)at;
    return 0;
  }
  return BAD("it is no .npz file (a ZIP archive), or cut off");
}

#if RUNG_HAVE_ZLIB
/* Room grows with what really comes out, so that a lying size costs nothing. */
static int inflate_member(const member *m, const unsigned char *data, bytes *out) {
  enum { STEP = 1 << 20 };
  z_stream stream = {.next_in = (Bytef *)data};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return fail(EXIT_OF(OUT_OF_MEMORY), "zlib has no memory left");
  size_t room = 0, size = 0, left = (size_t)m->packed;
  unsigned char *made = NULL;
  int state = Z_OK;
  while (state == Z_OK && size <= m->size) {
    if (!stream.avail_in) {
      stream.avail_in = left < STEP ? (uInt)left : STEP;
      left -= stream.avail_in;
    }
    if (size == room) {
      room = room ? 2 * room : STEP;
      unsigned char *more = realloc(made, room + 1);
      if (!more) break;
      made = more;
    }
    size_t space = room - size < STEP ? room - size : STEP;
    stream.next_out = made + size;
    stream.avail_out = (uInt)space;
    state = inflate(&stream, Z_NO_FLUSH);
    size += space - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || size != m->size) {
    free(made);
    return BAD("member %s is damaged", clean_bytes(m->name, m->name_size));
  }
  made[size] = 0;
  *out = (bytes){made, size};
  return 0;
}
#else
static int inflate_member(const member *m, const unsigned char *data, bytes *out) {
  (void)data, (void)out;
  return fail(EXIT_OF(UNSUPPORTED), "member %s is compressed, and this rung was built without zlib; use numpy.savez",
              clean_bytes(m->name, m->name_size));
}
#endif

static int unpack(bytes file, const member *m, bytes *out) {
  if (m->offset > file.size || file.size - m->offset < LOCAL_SIZE || u32(file.data + m->offset) != 0x04034b50)
    return BAD("member %s lies outside of the file", clean_bytes(m->name, m->name_size));
  const unsigned char *local = file.data + m->offset;
  size_t begin = LOCAL_SIZE + u16(local + 26) + u16(local + 28), left = file.size - (size_t)m->offset;
  if (begin > left || m->packed > left - begin) return BAD("member %s is cut off", clean_bytes(m->name, m->name_size));
  if (m->method == DEFLATED) return inflate_member(m, local + begin, out);
  if (m->method != STORED || m->size != m->packed)
    return BAD("member %s is packed by method %u, which is not read", clean_bytes(m->name, m->name_size), m->method);
  *out = (bytes){get_memory((size_t)m->size + 1, 1), (size_t)m->size};
  memcpy(out->data, local + begin, out->size);
  return 0;
}

/* The name without ".npy"; 0 for other members. */
static size_t stem(const member *m) {
  return m->name_size > 4 && memcmp(m->name + m->name_size - 4, ".npy", 4) == 0 ? m->name_size - 4 : 0;
}

int npz_names(bytes archive, char **names, int most) {
  size_t at;
  member m;
  int count = 0;
  if (find_directory(archive, &at)) return -1;
  for (int i = 0; i < MOST_MEMBERS && next_member(archive, &at, &m); i++) {
    if (!stem(&m)) continue;
    if (count < most) names[count] = copy_text(m.name, stem(&m));
    count++;
  }
  return count;
}

static int no_member(bytes archive, const char *name) {
  enum { MOST = 64 };
  char *names[MOST] = {NULL};
  int count = npz_names(archive, names, MOST);
  if (count > MOST) count = MOST;
  int code = fail(EXIT_OF(NOT_FOUND), "it has no member %s.npy%s", clean(name),
                  choices_text(name, (const char *const *)names, count > 0 ? (size_t)count : 0));
  for (int i = 0; i < count; i++) free(names[i]);
  return code;
}

int npz_member(bytes archive, const char *name, bytes *out) {
  size_t at, size = strlen(name);
  member m;
  TRY(find_directory(archive, &at));
  for (int i = 0; i < MOST_MEMBERS && next_member(archive, &at, &m); i++)
    if (stem(&m) == size && memcmp(m.name, name, size) == 0) return unpack(archive, &m, out);
  return no_member(archive, name);
}
