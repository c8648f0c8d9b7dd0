/* Notes: lines of "name word check", the oldest first; a line whose check is wrong counts as not there. */
#include "session/store.h"

#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

enum { CHECK = 16, MOST_BYTES = 1 << 20 };

/* The first digits of the digest of "name word". */
static void make_check(rung_str line, char out[CHECK + 1]) {
  char text[RUNG_DIGEST_TEXT];
  rung_digest digest;
  rung_digest_init(&digest);
  rung_digest_add(&digest, line.data, line.size);
  rung_digest_end_text(&digest, text);
  memcpy(out, text, CHECK);
  out[CHECK] = 0;
}

typedef struct note {
  rung_str name, word, line; /* line: all three and the newline */
} note;

/* The next line that is whole, from *at on; false at the end. */
static bool next_note(const char **at, const char *end, note *out) {
  while (*at < end) {
    const char *begin = *at, *newline = memchr(begin, '\n', (size_t)(end - begin));
    *at = newline ? newline + 1 : end;
    const char *space = newline ? memchr(begin, ' ', (size_t)(newline - begin)) : NULL;
    const char *second = space ? memchr(space + 1, ' ', (size_t)(newline - space - 1)) : NULL;
    if (!second || newline - second != CHECK + 1) continue;
    char check[CHECK + 1];
    make_check((rung_str){begin, (size_t)(second - begin)}, check);
    if (memcmp(check, second + 1, CHECK) != 0) continue;
    *out = (note){{begin, (size_t)(space - begin)},
                  {space + 1, (size_t)(second - space - 1)},
                  {begin, (size_t)(newline + 1 - begin)}};
    return true;
  }
  return false;
}

/* Read and not mapped: it is small, and may be replaced at any time. */
static bool read_notes(const rung_store *store, rung_file *out_file) {
  char path[RUNG_PATH_MAX];
  if (store->folder < 0) return false;
  int length = snprintf(path, sizeof path, "%s/notes", store->path);
  if (length < 0 || (size_t)length >= sizeof path) return false;
  rung_status *status = rung_file_open(store->allocator, path, true, out_file);
  bool there = !status;
  rung_status_free(status);
  if (!there || out_file->size <= MOST_BYTES) return there;
  rung_file_close(out_file);
  return false;
}

bool rung__store_noted(const rung_store *store, const char *name, char out_word[RUNG_STORE_NOTE]) {
  rung_file file;
  note n;
  bool found = false;
  if (!read_notes(store, &file)) return false;
  const char *at = (const char *)file.data, *end = at + file.size;
  while (next_note(&at, end, &n)) {
    if (!rung_str_is(n.name, name) || n.word.size >= RUNG_STORE_NOTE) continue;
    memcpy(out_word, n.word.data, n.word.size);
    out_word[n.word.size] = 0;
    found = true;
  }
  rung_file_close(&file);
  return found;
}

static size_t count_notes(const rung_file *file) {
  const char *at = (const char *)file->data, *end = at + file->size;
  size_t count = 0;
  for (note n; next_note(&at, end, &n);) count++;
  return count;
}

/* Copies the notes that stay: of other names, and not the oldest of too many. */
static void keep_others(const rung_file *file, const char *name, rung_text *text) {
  const char *at = (const char *)file->data, *end = at + file->size;
  size_t count = count_notes(file), skip = count >= RUNG_STORE_NOTES ? count - RUNG_STORE_NOTES + 1 : 0;
  for (note n; next_note(&at, end, &n);) {
    if (skip) {
      skip--;
      continue;
    }
    if (!rung_str_is(n.name, name)) rung_text_append(text, n.line.data, n.line.size);
  }
}

static rung_status *write_notes(const rung_store *store, const rung_text *text) {
  char path[RUNG_PATH_MAX];
  rung_str piece = {text->data, text->size};
  int length = snprintf(path, sizeof path, "%s/notes", store->path);
  if (text->failed) return rung_status_out_of_memory();
  RUNG_REQUIRE(length > 0 && (size_t)length < sizeof path, LIMIT, "the path of the cache is too long");
  return rung_file_write_atomic(path, &piece, 1, 0600);
}

rung_status *rung__store_note(const rung_store *store, const char *name, const char *word) {
  rung_text text, line;
  rung_file file;
  int lock;
  char check[CHECK + 1];
  RUNG_TRY(rung__store_lock(store, &lock));
  rung_text_init(&text, store->allocator);
  rung_text_init(&line, store->allocator);
  if (read_notes(store, &file)) {
    keep_others(&file, name, &text);
    rung_file_close(&file);
  }
  rung_text_printf(&line, "%s %s", name, word);
  make_check((rung_str){line.data, line.size}, check);
  if (line.data) rung_text_printf(&text, "%s %s\n", line.data, check);
  text.failed |= line.failed;
  rung_status *status = write_notes(store, &text);
  rung_text_finish(&line);
  rung_text_finish(&text);
  close(lock);
  return status;
}
