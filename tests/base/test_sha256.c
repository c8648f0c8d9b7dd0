#include "base/sha256.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *hex(const void *data, size_t size) {
  static char out[2 * RUNG_SHA256_SIZE + 1];
  uint8_t sum[RUNG_SHA256_SIZE];
  rung_sha256(data, size, sum);
  for (int i = 0; i < RUNG_SHA256_SIZE; i++) sprintf(out + 2 * i, "%02x", sum[i]);
  return out;
}

static void published_digests_come_out(void **state) {
  (void)state;
  assert_string_equal(hex("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_string_equal(hex("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_string_equal(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  char *million = malloc(1000000);
  assert_non_null(million);
  memset(million, 'a', 1000000);
  assert_string_equal(hex(million, 1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  free(million);
}

/* As pip writes it: the line of an INSTALLER that holds "pip\n". */
static void records_are_in_base64(void **state) {
  (void)state;
  char out[RUNG_SHA256_BASE64];
  assert_string_equal(rung_sha256_base64("pip\n", 4, out), "zuuue4knoyJ-UwPPXg8fezS7VCrXJQrAP7zeNuwvFQg");
  assert_string_equal(rung_sha256_base64("", 0, out), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_digests_come_out),
                                     cmocka_unit_test(records_are_in_base64)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
