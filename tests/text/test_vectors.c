/* Word vectors from text, and vocabularies as text files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "text/vectors.h"
#include "text/word_list.h"

enum { WIDTH = 3, WORDS = 7 };

static const char *const pieces[WORDS] = {"xxunk", "xxpad", "xxbos", "cat", "dog", "New York", "1"};
static thaw_vocabulary *vocabulary;
static float values[WORDS * WIDTH];
static bool found[WORDS];
static thaw_vectors_count count;

static void set_up(void) {
  reading_set_up();
  ck_assert_int_eq(thaw_vocabulary_from_list(reading_ctx, pieces, NULL, WORDS, &vocabulary),
                   THAW_OK);
}

static void tear_down(void) {
  thaw_vocabulary_free(vocabulary);
  reading_tear_down();
}

static thaw_status read_file(void) {
  return thaw_vectors_read(reading_ctx, "file", vocabulary, WIDTH, values, found, &count);
}

static void expect_row(size_t id, float a, float b, float c) {
  const float *row = values + id * WIDTH;
  ck_assert_msg(row[0] == a && row[1] == b && row[2] == c, "%s: %g %g %g", pieces[id],
                (double)row[0], (double)row[1], (double)row[2]);
}

/* The same three vectors, however they are written. */
static void expect_sample(const char *content) {
  for (int gzip = 0; gzip < 2; gzip++) {
    if (gzip) {
      write_gzip("file", content, strlen(content));
    } else {
      write_text("file", content);
    }
    ck_assert_msg(read_file() == THAW_OK, "%s", thaw_error(reading_ctx));
    ck_assert_uint_eq(count.lines, 5);
    ck_assert_uint_eq(count.found, 3);
    expect_row(3, 1, -2, 0.5f);
    expect_row(5, 3, 0, 1e-3f);
    expect_row(6, 2, 2, 2);
    ck_assert(found[3] && !found[4] && found[5] && found[6] && !found[0]);
    const float mean = (float)((0.5 + (double)1e-3f + 2) / 3);
    for (size_t d = 0; d < WIDTH; d++) {
      ck_assert_float_eq_tol(values[4 * WIDTH + d], d == 0 ? 2 : d == 1 ? 0 : mean, 1e-6f);
      ck_assert(values[d] == values[4 * WIDTH + d]);
    }
  }
}

START_TEST(words_get_their_vectors_and_others_the_mean) {
  expect_sample("cat 1 -2 0.5\nNew York 3 0 1e-3\n1 2 2 2\n. . . 7 7 7\ncat 9 9 9\n");
  expect_sample("5 3\ncat 1 -2 0.5 \nzebra 1 x y\nNew York 3 0 1e-3 \n1 2 2 2 \ncat 9 9 9\n");
  expect_sample("cat\t1\t-2\t0.5\r\nNew York\t3\t0\t1e-3\r\n1 2 2 2\r\n\r\nCat 1 1 1\r\na 1 1 1");
}
END_TEST

static void expect_refusal(const char *content, const char *message) {
  write_text("file", content);
  const thaw_status status = read_file();
  ck_assert_msg(
      status == THAW_INVALID && strncmp(thaw_error(reading_ctx), message, strlen(message)) == 0,
      "%s\nexpected: %s\nfound %d: %s", content, message, status, thaw_error(reading_ctx));
}

START_TEST(files_that_are_wrong) {
  expect_refusal("cat 1 2\n",
                 "file:1: vectors of 2 numbers, the embedding has 3: set encoder.embedding: 2");
  expect_refusal("2 4\ncat 1 2 3 4\n",
                 "file:1: vectors of 4 numbers, the embedding has 3: set encoder.embedding: 4");
  expect_refusal("a cat sat\n", "file:1: is neither a run file nor a file of word vectors");
  expect_refusal("\n", "file:1: is neither a run file nor a file of word vectors");
  expect_refusal("cat 1 2 x\n", "file:1: number 3 of the vector is 'x', a finite number was");
  expect_refusal("cat 1 2 3\ndog 1 2;3 4\n", "file:2: number 2 of the vector is '2;3'");
  expect_refusal("cat 1 2 3\ndog 1 inf 4\n", "file:2: number 2 of the vector is 'inf'");
  expect_refusal(
      "cat 1 2 3\n\ndog 1 2\n",
      "file:3: the line is too short: a word and 3 numbers were expected, found 3 parts");
  expect_refusal("cat 1 2 3\n1 2 3\n", "file:2: the line is too short");
  expect_refusal("cat 1 2 3\nq 1 2 3 4\n",
                 "file:2: more than the 3 numbers of a vector stand behind the word 'q'");
  expect_refusal("zebra 1 2 3\nCat 1 2 3\n", "file: none of its 2 words is one of the 7");
  expect_refusal("9 3\ncat 1 2 3\n", "file: is truncated: it has 1 vectors, its first line says 9");
  expect_refusal("cat 1 2 3\n\xff 1 2 3\n", "file:2:1: ");
  expect_refusal("", "file: none of its 0 words");
  write_gzip("file", "cat 1 2 3\ndog 4 5 6\n", 20);
  ck_assert_int_eq(system("head -c 25 file > cut && mv cut file"), 0);
  ck_assert_int_eq(read_file(), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(reading_ctx), "truncated"));
}
END_TEST

START_TEST(vectors_are_told_from_run_files) {
  write_text("a.h5", "cat 1 2 3\n");
  write_bytes("b", "\x89HDF\r\n\x1a\nmore", 12);
  write_text("c.txt", "cat 1 2 3\n");
  write_text("d", "");
  ck_assert(!thaw_is_vectors("a.h5"));
  ck_assert(!thaw_is_vectors("b"));
  ck_assert(thaw_is_vectors("c.txt"));
  ck_assert(thaw_is_vectors("d"));
  ck_assert(!thaw_is_vectors("missing.h5"));
}
END_TEST

/* ---- Word lists ----------------------------------------------------------------------------- */

static thaw_arena *arena;
static const char *const *listed;
static size_t listed_count;

static thaw_status read_list(void) {
  thaw_arena_reset(arena);
  return thaw_word_list_read(reading_ctx, arena, "file", &listed, &listed_count);
}

START_TEST(every_piece_comes_back) {
  static const char *const odd[] = {"xxunk",    "xxpad",  "xxbos", "\n",       "\r",
                                    "\\",       "\\n",    "\\\\",  "\\\n",     "\\\\n",
                                    "a\\b\r\n", "\\\\\\", " ",     "\xc3\xa9", "\\r\\"};
  const size_t size = sizeof odd / sizeof *odd;
  thaw_vocabulary *words = NULL;
  arena = thaw_arena_create();
  ck_assert_int_eq(thaw_vocabulary_from_list(reading_ctx, odd, NULL, size, &words), THAW_OK);
  ck_assert_int_eq(thaw_word_list_write(reading_ctx, "file", words), THAW_OK);
  ck_assert_msg(read_list() == THAW_OK, "%s", thaw_error(reading_ctx));
  ck_assert_uint_eq(listed_count, size);
  for (size_t i = 0; i < size; i++) ck_assert_str_eq(listed[i], odd[i]);
  thaw_vocabulary_free(words);
  thaw_arena_free(arena);
}
END_TEST

START_TEST(lists_that_are_wrong) {
  static const struct {
    const char *content, *message;
  } cases[] = {{"a\n\nb\n", "file:2: the line is empty"},
               {"", "file: is empty"},
               {"a\n\xff\n", "file:2:1: "}};
  arena = thaw_arena_create();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_text("file", cases[i].content);
    ck_assert_int_eq(read_list(), THAW_INVALID);
    ck_assert_msg(strncmp(thaw_error(reading_ctx), cases[i].message, strlen(cases[i].message)) == 0,
                  "%s", thaw_error(reading_ctx));
  }
  write_bytes("file", "a\0b\n", 4);
  ck_assert_int_eq(read_list(), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(reading_ctx), "file:1:2: "));
  write_text("file", "a\r\nb\r\na");
  ck_assert_int_eq(read_list(), THAW_OK);
  ck_assert_uint_eq(listed_count, 3);
  ck_assert_str_eq(listed[1], "b");
  thaw_arena_free(arena);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("vectors");
  TCase *tests = tcase_create("vectors and word lists");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, words_get_their_vectors_and_others_the_mean);
  tcase_add_test(tests, files_that_are_wrong);
  tcase_add_test(tests, vectors_are_told_from_run_files);
  tcase_add_test(tests, every_piece_comes_back);
  tcase_add_test(tests, lists_that_are_wrong);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
