/* The tokenizer `whitespace`: what is white space, lower case, and the way back to text. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "tokenizer_bench.h"

static void set_up(void) {
  bench_begin("whitespace");
  between = "|";
}

START_TEST(white_space_separates) {
  ck_assert_str_eq(cut("Don't panic, it is 3\n o'clock!"), "Don't|panic,|it|is|3|o'clock!");
  ck_assert_str_eq(cut("  a\tb\r\nc\u00a0d\u2003e\u2028f\u3000g\xc2\x85h  "), "a|b|c|d|e|f|g|h");
  ck_assert_str_eq(cut("a\u200bb a\ufeffb"), "a\u200bb|a\ufeffb"); /* no White_Space */
  ck_assert_str_eq(cut_bytes("a\0b", 3), "a|b");
  ck_assert_str_eq(cut(""), "");
  ck_assert_str_eq(cut(" \n "), "");
}
END_TEST

START_TEST(lower_case_is_unicode_s) {
  ck_assert_str_eq(cut("ÉCOLE Straße ΣΊΣΥΦΟΣ"), "ÉCOLE|Straße|ΣΊΣΥΦΟΣ");
  set("lower", "true");
  ck_assert_str_eq(cut("ÉCOLE Straße ΣΊΣΥΦΟΣ A"), "école|straße|σίσυφος|a");
  ck_assert_str_eq(cut(""), "");
}
END_TEST

START_TEST(pieces_become_text) {
  ck_assert_str_eq(join("Don't|panic,|it"), "Don't panic, it");
  ck_assert_str_eq(join(cut(" a\n\nb ")), "a b");
  ck_assert_str_eq(join("the|xxunk|x"), "the <unk> x");
  ck_assert_str_eq(join(""), "");
}
END_TEST

START_TEST(a_text_cannot_write_the_vocabulary_s_own_pieces) {
  ck_assert_str_eq(cut("xxbos xxpads xxunk"), "xx|bos|xxpads|xx|unk");
  ck_assert_str_eq(join("xx|bos|xxpads|xx|unk|xx|y"), "xxbos xxpads xxunk xx y");
  set("lower", "true");
  ck_assert_str_eq(cut("XXPAD"), "xx|pad");
}
END_TEST

static void check_piece(void *user, const char *piece, size_t bytes) {
  const uint8_t *p = (const uint8_t *)piece;
  if (bytes == 0 || u8_check(p, bytes)) ck_abort_msg("a piece is empty or not UTF-8");
  for (size_t i = 0; i < bytes; ++*(size_t *)user) {
    ucs4_t c;
    i += (size_t)u8_mbtouc(&c, p + i, bytes - i);
    if (c == 0 || uc_is_property_white_space(c)) ck_abort_msg("U+%04X in a piece", (unsigned)c);
  }
}

/* The number of characters that are no white space. */
static size_t count_visible(const uint8_t *text, size_t bytes) {
  size_t count = 0;
  for (size_t i = 0; i < bytes;) {
    ucs4_t c;
    i += (size_t)u8_mbtouc(&c, text + i, bytes - i);
    count += c != 0 && !uc_is_property_white_space(c);
  }
  return count;
}

START_TEST(nothing_of_any_text_is_lost) {
  uint8_t text[600];
  between = " ";
  for (uint64_t seed = 0; seed < 2000; seed++) {
    const size_t bytes = random_text(seed, text, sizeof text);
    size_t found = 0;
    char *exact = malloc(bytes ? bytes : 1); /* the sanitizer sees a step beyond its end */
    memcpy(exact, text, bytes);
    ck_assert_int_eq(
        plugin->api.tokenizer->pieces(self, settings, exact, bytes, check_piece, &found, ctx),
        THAW_OK);
    free(exact);
    ck_assert_uint_eq(found, count_visible(text, bytes));
    char *first = strdup(join(cut_bytes((const char *)text, bytes)));
    ck_assert_str_eq(join(cut(first)), first);
    free(first);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("whitespace");
  TCase *tests = tcase_create("whitespace");
  tcase_add_checked_fixture(tests, set_up, bench_end);
  tcase_add_test(tests, white_space_separates);
  tcase_add_test(tests, lower_case_is_unicode_s);
  tcase_add_test(tests, pieces_become_text);
  tcase_add_test(tests, a_text_cannot_write_the_vocabulary_s_own_pieces);
  tcase_add_test(tests, nothing_of_any_text_is_lost);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
