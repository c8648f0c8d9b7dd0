/* What the cases of tests/operators/pictures cannot see: forms with alpha, being stopped, what is lacking. */
#include "picture/codec.h"
#include "support/test.h"

#include <string.h>

typedef struct room {
  uint8_t pixels[1 << 10];
  size_t width, height;
  int looks; /* left, before it stops */
} room;

static rung_status *begin(void *context, size_t width, size_t height, uint8_t **out_pixels) {
  room *r = context;
  r->width = width, r->height = height;
  *out_pixels = r->pixels;
  return NULL;
}

static rung_status *read_text(const char *text, rung_picture_form form, room *r) {
  const rung_picture_sink sink = {form, begin, NULL, r};
  return rung_picture_read(&rung_system_allocator, text, strlen(text), &sink);
}

static void every_form(void **state) {
  (void)state;
  static const struct {
    rung_picture_form form;
    uint8_t want[8];
  } rows[] = {{RUNG_PICTURE_RGB, {10, 20, 30, 200, 0, 100}},
              {RUNG_PICTURE_BGR, {30, 20, 10, 100, 0, 200}},
              {RUNG_PICTURE_RGBA, {10, 20, 30, 255, 200, 0, 100, 255}},
              {RUNG_PICTURE_GRAY, {18, 71}}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    room r = {0};
    assert_ok(read_text("P3 2 1 255 10 20 30 200 0 100", rows[i].form, &r));
    assert_int_equal(r.width, 2);
    assert_int_equal(r.height, 1);
    assert_memory_equal(r.pixels, rows[i].want, 2 * rung_picture_channels(rows[i].form));
    assert_ok(read_text("P2 2 1 255 18 71", RUNG_PICTURE_GRAY, &r));
  }
}

static void first_bytes_tell(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *name;
  } rows[] = {{"\x89PNG\r\n\x1a\n", 8, "PNG"},
              {"\xff\xd8\xff\xe0", 4, "JPEG"},
              {"\0\0\0\x0cjP  \r\n\x87\n", 12, "JPEG 2000"},
              {"\xff\x4f\xff\x51", 4, "JPEG 2000"},
              {"MM\0*\0\0\0\x08", 8, "TIFF"},
              {"II+\0\x08\0\0\0", 8, "TIFF"},
              {"RIFF\0\0\0\0WEBP", 12, "WebP"},
              {"RIFF\0\0\0\0WAVE", 12, NULL},
              {"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", 18, "BMP"},
              {"BMessage of a tensor", 20, NULL},
              {"P7\n", 3, NULL},
              {"P6\n", 3, "PNM"},
              {"", 0, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *name = rung_picture_recognise(rows[i].bytes, rows[i].size);
    assert_true(rows[i].name ? name && strcmp(name, rows[i].name) == 0 : !name);
  }
}

static void formats_of_our_own_lack_nothing(void **state) {
  (void)state;
  const char *name, *lacking;
  size_t count = 0;
  for (size_t i = 0; (name = rung_picture_format_name(i, &lacking)); i++) {
    bool is_own = strcmp(name, "BMP") == 0 || strcmp(name, "PNM") == 0;
    if (is_own) assert_null(lacking);
    if (lacking) print_message("%s\n", lacking);
    count++;
  }
  assert_int_equal(count, 7);
}

static void a_missing_library_is_named(void **state) {
  (void)state;
  static const rung_picture_codec codec = {
      .name = "X",
      .library = "libx_that_is_nowhere.so.7",
      .lacking = RUNG_PICTURE_MISSING("X", "libx_that_is_nowhere.so.7", "libx (Debian: x7)")};
  void (*table)(void) = NULL;
  static const char *const symbols[] = {"x"};
  rung_dylib *dylib = NULL;
  assert_error(rung__picture_load(&rung_system_allocator, &codec, symbols, 1, &table, &dylib), UNAVAILABLE,
               "X pictures need libx_that_is_nowhere.so.7, which is not on this machine; install libx (Debian: x7)");
  assert_null(dylib);
}

static bool stops(void *context) { return --((room *)context)->looks < 0; }

static void reading_can_be_stopped(void **state) {
  (void)state;
  enum { SIDE = 2048 };
  rung_status *status;
  const rung_allocator *allocator = &rung_system_allocator;
  char *file = rung_alloc(allocator, SIDE * SIDE + 32, 1, "test"), *pixels = rung_alloc(allocator, SIDE, SIDE, "test");
  room r = {.looks = 1};
  const rung_picture_sink sink = {RUNG_PICTURE_GRAY, begin, stops, &r};
  rung_picture_reader reader = {.allocator = allocator, .sink = &sink, .width = SIDE, .height = SIDE, .channels = 1};
  reader.pixels = (uint8_t *)pixels;
  size_t y = 0;
  for (status = NULL; y < SIDE && !status; y++) status = rung__picture_row(&reader, y, (const uint8_t *)file);
  assert_error(status, CANCELLED, "cancelled");
  assert_in_range(y, SIDE / 4, SIDE / 2 + SIDE / 4); /* of a million samples each */
  rung_free(allocator, pixels);
  rung_free(allocator, file);
}

static void ink_covers_light(void **state) {
  (void)state;
  const uint8_t cmyk[] = {0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 0, 9, 9, 9, 255, 0, 0, 0, 100};
  const uint8_t want[] = {255, 255, 255, 0, 255, 255, 255, 0, 0, 0, 0, 0, 155, 155, 155};
  uint8_t rgb[sizeof want];
  rung__picture_cmyk_to_rgb(cmyk, rgb, 5);
  assert_memory_equal(rgb, want, sizeof want);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_form),
      cmocka_unit_test(first_bytes_tell),
      cmocka_unit_test(formats_of_our_own_lack_nothing),
      cmocka_unit_test(a_missing_library_is_named),
      cmocka_unit_test(reading_can_be_stopped),
      cmocka_unit_test(ink_covers_light),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
