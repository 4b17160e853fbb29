/* The tokenizer `word` cuts ASCII by a table of its own and asks libunistring about the rest. Here
 * the two are held against each other: boundary by boundary, and with all rules on. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#include <uniwbrk.h>

#include "base/buffer.h"
#include "plugin_bench.h"

static plugin_bench bench;
static thaw_buffer expected, found;

static void set_up(void) {
  bench_open(&bench, THAW_TOKENIZER, "word");
  bench.self = calloc(1, bench.descriptor->api.tokenizer->self_size);
  ck_assert_ptr_nonnull(bench.self);
}

static void tear_down(void) {
  bench.descriptor->api.tokenizer->destroy(bench.self);
  bench_close(&bench);
  thaw_buffer_free(&expected);
  thaw_buffer_free(&found);
}

static void collect(void *user, const char *piece, size_t bytes) {
  if (!thaw_buffer_append(user, piece, bytes) || !thaw_buffer_append(user, "|", 1))
    ck_abort_msg("no memory");
}

static void cut(const char *text, size_t bytes, thaw_buffer *pieces) {
  thaw_buffer_clear(pieces);
  /* In memory of exactly its size: the sanitizer sees a step beyond it. */
  char *exact = malloc(bytes ? bytes : 1);
  memcpy(exact, text, bytes);
  ck_assert_int_eq(bench.descriptor->api.tokenizer->pieces(bench.self, bench.settings, exact, bytes,
                                                           collect, pieces, bench.ctx),
                   THAW_OK);
  free(exact);
}

/* ---- Boundaries ------------------------------------------------------------------------------ */

static void all_off(void) {
  static const char *const rules[] = {"lower", "repetitions", "html", "contractions"};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) bench_set(&bench, rules[i], "false");
}

/* A text without white space is cut exactly where libunistring has a word boundary. */
static void expect_boundaries(const char *text, size_t bytes) {
  char breaks[256];
  ck_assert_uint_le(bytes, sizeof breaks);
  u8_wordbreaks((const uint8_t *)text, bytes, breaks);
  thaw_buffer_clear(&expected);
  for (size_t i = 0, begin = 0; i < bytes; begin = i) {
    do i++;
    while (i < bytes && !breaks[i]);
    collect(&expected, text + begin, i - begin);
  }
  cut(text, bytes, &found);
  ck_assert_msg(strcmp(found.data, expected.data) == 0, "'%.*s': expected %s, found %s", (int)bytes,
                text, expected.data, found.data);
}

/* Characters of every class that UAX #29 has for ASCII, and of those that it has not. */
static const char classes[] = "aZ05_:.',;\"-(";

START_TEST(four_of_any_class) {
  enum { CLASSES = sizeof classes - 1 };
  all_off();
  for (size_t n = 0; n < CLASSES * CLASSES * CLASSES * CLASSES; n++) {
    char text[4];
    for (size_t i = 0, rest = n; i < sizeof text; i++, rest /= CLASSES)
      text[i] = classes[rest % CLASSES];
    for (size_t bytes = 1; bytes <= sizeof text; bytes++) expect_boundaries(text, bytes);
  }
}
END_TEST

START_TEST(every_character_between_two_others) {
  all_off();
  for (const char *before = classes; *before; before++) {
    for (const char *after = classes; *after; after++) {
      for (char c = '!'; c <= '~'; c++) {
        const char text[] = {*before, c, *after};
        expect_boundaries(text, sizeof text);
      }
    }
  }
}
END_TEST

/* Some of them join what stands beside them, from either side. */
START_TEST(characters_beyond_ascii_among_others) {
  static const char *const odd[] = {"é", "\u0301", "’", "\u05d0", "カ", "日",       "\u0663",
                                    "…", "‿",      "·", "\ufe0f", "🇩🇪", "👍🏽", "\u00aa"};
  all_off();
  for (uint64_t seed = 0; seed < 30000; seed++) {
    thaw_rng rng = thaw_rng_make(seed, 6);
    char text[128];
    size_t bytes = 0;
    for (uint64_t i = 1 + thaw_rng_below(&rng, 12); i > 0; i--) {
      if (thaw_rng_below(&rng, 4) == 0) {
        const char *bit = odd[thaw_rng_below(&rng, sizeof odd / sizeof *odd)];
        memcpy(text + bytes, bit, strlen(bit));
        bytes += strlen(bit);
      } else {
        text[bytes++] = classes[thaw_rng_below(&rng, sizeof classes - 1)];
      }
    }
    expect_boundaries(text, bytes);
  }
}
END_TEST

/* ---- All rules ------------------------------------------------------------------------------- */

/* Some words and marks with `space` between them. */
static size_t make_text(uint64_t seed, const char *space, char *text) {
  static const char *const bits[] = {"don't", "I'VE", "n't",  "'s",  "ah",   "xxmaj",
                                     "XXUP",  "oooo", "The",  "USA", "3.14", "1000",
                                     "e.g",   "a_b",  "amp;", "'"};
  thaw_rng rng = thaw_rng_make(seed, 7);
  size_t bytes = 0;
  for (uint64_t i = thaw_rng_below(&rng, 30); i > 0; i--) {
    const uint64_t kind = thaw_rng_below(&rng, 8);
    const char one[] = {(char)('!' + thaw_rng_below(&rng, 94)), '\0'};
    const char class[] = {classes[thaw_rng_below(&rng, sizeof classes - 1)], '\0'};
    const char *bit = kind < 2   ? bits[thaw_rng_below(&rng, sizeof bits / sizeof *bits)]
                      : kind < 4 ? one
                      : kind < 6 ? class
                                 : space;
    for (uint64_t times = thaw_rng_below(&rng, 8) ? 1 : 4; times > 0; times--) {
      memcpy(text + bytes, bit, strlen(bit));
      bytes += strlen(bit);
    }
  }
  memcpy(text + bytes, space, strlen(space));
  return bytes + strlen(space);
}

/* A no-break space is white space like any other, but it is not ASCII: what stands before it is cut
 * by libunistring. */
START_TEST(ascii_is_cut_like_the_rest) {
  for (uint64_t seed = 0; seed < 30000; seed++) {
    char text[1024];
    bench_set(&bench, "html", "false");
    bench_set(&bench, "lower", seed & 1 ? "true" : "false");
    bench_set(&bench, "repetitions", seed & 2 ? "true" : "false");
    bench_set(&bench, "contractions", seed & 4 ? "true" : "false");
    bench_set(&bench, "longest", seed & 8 ? "100" : "3");
    cut(text, make_text(seed, "\u00a0", text), &expected);
    const size_t bytes = make_text(seed, " ", text);
    cut(text, bytes, &found);
    ck_assert_msg(strcmp(expected.data ? expected.data : "", found.data ? found.data : "") == 0,
                  "seed %llu, '%.*s': expected %s, found %s", (unsigned long long)seed, (int)bytes,
                  text, expected.data, found.data);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("word boundaries");
  TCase *tests = tcase_create("word boundaries");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, four_of_any_class);
  tcase_add_test(tests, every_character_between_two_others);
  tcase_add_test(tests, characters_beyond_ascii_among_others);
  tcase_add_test(tests, ascii_is_cut_like_the_rest);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
