/* The tokenizer `char`: graphemes and code points, and that every text comes back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "tokenizer_bench.h"

static void set_up(void) {
  bench_begin("char");
  between = "|";
}

START_TEST(graphemes) {
  ck_assert_str_eq(cut("a b"), "a| |b");
  ck_assert_str_eq(cut("e\u0301le\u0300ve"), "e\u0301|l|e\u0300|v|e");
  ck_assert_str_eq(cut("👩‍👩‍👧🇩🇪🇫🇷x"),
                   "👩‍👩‍👧|🇩🇪|🇫🇷|x");
  ck_assert_str_eq(cut("a\r\nb\n\tc"), "a|\r\n|b|\n|\t|c");
  ck_assert_str_eq(cut("ñ한글"), "ñ|한|글");
  ck_assert_str_eq(cut(""), "");
  ck_assert_str_eq(cut_bytes("a\0b", 3), "a|b");
  ck_assert_str_eq(join("xxunk|a"), "\uFFFDa");
}
END_TEST

START_TEST(code_points) {
  set("unit", "code_point");
  ck_assert_str_eq(cut("e\u0301 🇩🇪"), "e|\u0301| |🇩|🇪");
  ck_assert_str_eq(cut("a\r\n"), "a|\r|\n");
  ck_assert_str_eq(cut(""), "");
}
END_TEST

/* What a text's pieces are put together to. */
typedef struct whole {
  char text[600];
  size_t bytes, pieces;
} whole;

static void add(void *user, const char *piece, size_t bytes) {
  whole *w = user;
  if (bytes == 0 || u8_check((const uint8_t *)piece, bytes)) ck_abort_msg("an empty or bad piece");
  memcpy(w->text + w->bytes, piece, bytes);
  w->bytes += bytes;
  w->pieces++;
}

START_TEST(every_text_comes_back) {
  uint8_t text[600];
  for (uint64_t seed = 0; seed < 2000; seed++) {
    size_t bytes = random_text(seed, text, sizeof text), kept = 0;
    set("unit", seed & 1 ? "grapheme" : "code_point");
    char *exact = malloc(bytes + 1); /* the sanitizer sees a step beyond its end */
    memcpy(exact, text, bytes);
    exact = realloc(exact, bytes ? bytes : 1);
    whole w = {.bytes = 0};
    ck_assert_int_eq(plugin->api.tokenizer->pieces(self, settings, exact, bytes, add, &w, ctx),
                     THAW_OK);
    free(exact);
    for (size_t i = 0; i < bytes; i++) { /* but for NUL */
      if (text[i]) text[kept++] = text[i];
    }
    ck_assert_uint_eq(w.bytes, kept);
    ck_assert_mem_eq(w.text, text, kept);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("char");
  TCase *tests = tcase_create("char");
  tcase_add_checked_fixture(tests, set_up, bench_end);
  tcase_add_test(tests, graphemes);
  tcase_add_test(tests, code_points);
  tcase_add_test(tests, every_text_comes_back);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
