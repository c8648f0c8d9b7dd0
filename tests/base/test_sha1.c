#include "base/sha1.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static const char *sha1(const char *text) {
  static char out[RUNG_SHA1_TEXT];
  return rung_sha1_text(text, strlen(text), out);
}

static void published_digests_come_out(void **state) {
  (void)state;
  assert_string_equal(sha1(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  assert_string_equal(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert_string_equal(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                      "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  char *million = malloc(1000000), out[RUNG_SHA1_TEXT];
  assert_non_null(million);
  memset(million, 'a', 1000000);
  assert_string_equal(rung_sha1_text(million, 1000000, out), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  free(million);
}

/* Around the sizes where the padding takes a block more; digests by Python's hashlib. */
static void padding_fits_every_size(void **state) {
  (void)state;
  static const struct {
    size_t size;
    const char *digest;
  } cases[] = {
      {55, "cef734ba81a024479e09eb5a75b6ddae62e6abf1"},  {56, "901305367c259952f4e7af8323f480d59f81335b"},
      {63, "0ddc4e0cccd9a12850deb5abb0853a4425559fec"},  {64, "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163"},
      {65, "78c741ddc482e4cdf8c474a0876347a0905b6233"},  {119, "4300320394f7ee239bcdce7d3b8bcee173a0cd5c"},
      {120, "ceb2821639c4b6dcb10bce0e522ca2e608ce056d"}, {128, "150fa3fbdc899bd0b8f95a9fb6027f564d953762"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[200], out[RUNG_SHA1_TEXT];
    memset(text, 'x', cases[i].size);
    assert_string_equal(rung_sha1_text(text, cases[i].size, out), cases[i].digest);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_digests_come_out),
      cmocka_unit_test(padding_fits_every_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
