#include "base/digest.h"
#include "support/test.h"

#include <string.h>

/* By Python's hashlib: blake2b(bytes(i * 7 % 256 ...), digest_size=32), around the sizes where a block ends. */
static const struct {
  size_t size;
  const char *digest;
} cases[] = {
    {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {127, "4ff62e7c4c43fe101a078479c48836be4907d9d498dcc577ca89d694b2c11f9b"},
    {128, "14696d2a98d9f8a280da8b132b1045b345e1033759c6b02fcc4ee885c8ae7c37"},
    {129, "3934215260b1039be9d9d2b073b059bcd50120c327a22af93eb4d98cf821c14c"},
    {255, "a3bb8b4fa098078d32bb5a89e905e237862fd83e99141ca7d8a073bb268ba2a0"},
    {256, "3d0cb2693dfbac42af5a6cc960953fea8714aa39c4bcd054ef61d6b5e98ade4a"},
    {257, "63cb41934eb22ceb359755501ea299abcd784306baf8845ad6b97ff0828b7cfe"},
    {1000, "6ac4bea923678eb024090384d6e767b5870f849057dc19b172d8d9f2df30bf8e"},
};

static uint8_t bytes[1000];

static int set_up(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 % 256);
  return 0;
}

static const char *digest_in_parts(size_t size, size_t part, char out[RUNG_DIGEST_TEXT]) {
  rung_digest digest;
  rung_digest_init(&digest);
  for (size_t at = 0; at < size; at += part) rung_digest_add(&digest, bytes + at, size - at < part ? size - at : part);
  return rung_digest_end_text(&digest, out);
}

static void published_digests_come_out(void **state) {
  (void)state;
  char out[RUNG_DIGEST_TEXT];
  rung_digest digest;
  rung_digest_init(&digest);
  rung_digest_add(&digest, "abc", 3);
  assert_string_equal(rung_digest_end_text(&digest, out),
                      "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(digest_in_parts(cases[i].size, sizeof bytes, out), cases[i].digest);
}

static void parts_make_no_difference(void **state) {
  (void)state;
  char out[RUNG_DIGEST_TEXT];
  static const size_t parts[] = {1, 3, 64, 127, 128, 129, 200};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
      assert_string_equal(digest_in_parts(cases[i].size, parts[p], out), cases[i].digest);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_digests_come_out),
      cmocka_unit_test(parts_make_no_difference),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
