/* Pieces get their ids by falling count; vocabularies are stored, joined and mapped. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/vocabulary.h"

static thaw_context *ctx;

static void set_up(void) {
  ctx = thaw_context_create();
}

static void tear_down(void) {
  thaw_context_free(ctx);
}

/* Counts the words of `text`, which are parted by single spaces. */
static thaw_vocabulary *count_words(const char *text, const char *const *markers) {
  thaw_vocabulary *vocabulary = thaw_vocabulary_create(markers);
  ck_assert_ptr_nonnull(vocabulary);
  while (*text) {
    const size_t bytes = strcspn(text, " ");
    ck_assert_int_eq(thaw_vocabulary_count(ctx, vocabulary, text, bytes), THAW_OK);
    text += bytes + (text[bytes] != '\0');
  }
  return vocabulary;
}

static thaw_vocabulary *finished(const char *text, const char *const *markers) {
  thaw_vocabulary *vocabulary = count_words(text, markers);
  ck_assert_msg(thaw_vocabulary_finish(ctx, vocabulary, 1, 0) == THAW_OK, "%s", thaw_error(ctx));
  return vocabulary;
}

/* Expects exactly these pieces, parted by spaces, behind the special ones. */
static void expect_pieces(const thaw_vocabulary *vocabulary, const char *expected) {
  char found[1000] = "";
  size_t used = 0;
  for (size_t id = 3; id < thaw_vocabulary_size(vocabulary); id++) {
    const char *piece = thaw_vocabulary_piece(vocabulary, (int32_t)id);
    used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", id > 3 ? " " : "", piece);
    ck_assert_int_eq(thaw_vocabulary_id(vocabulary, piece, strlen(piece)), (int32_t)id);
  }
  ck_assert_str_eq(found, expected);
  ck_assert_str_eq(thaw_vocabulary_piece(vocabulary, THAW_ID_UNKNOWN), "xxunk");
  ck_assert_str_eq(thaw_vocabulary_piece(vocabulary, THAW_ID_PADDING), "xxpad");
  ck_assert_str_eq(thaw_vocabulary_piece(vocabulary, THAW_ID_START), "xxbos");
}

/* ---- Counting -------------------------------------------------------------------------------- */

START_TEST(pieces_by_falling_count_then_by_bytes) {
  thaw_vocabulary *v = finished("b a c é c b z a c Z", NULL);
  expect_pieces(v, "c a b Z z é");
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 3), 3);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 5), 2);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 8), 1);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, THAW_ID_PADDING), 0);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(an_unknown_piece_or_id) {
  thaw_vocabulary *v = finished("a ab b", NULL);
  ck_assert_int_eq(thaw_vocabulary_id(v, "c", 1), THAW_ID_UNKNOWN);
  ck_assert_int_eq(thaw_vocabulary_id(v, "", 0), THAW_ID_UNKNOWN);
  ck_assert_int_eq(thaw_vocabulary_id(v, "abc", 2), 4); /* `bytes` counts, not the NUL */
  ck_assert_str_eq(thaw_vocabulary_piece(v, 6), "xxunk");
  ck_assert_str_eq(thaw_vocabulary_piece(v, -1), "xxunk");
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 6), 0);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(min_count_is_the_least_that_stays) {
  thaw_vocabulary *v = count_words("a b c c b c", NULL);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 2, 0), THAW_OK);
  expect_pieces(v, "c b");
  ck_assert_int_eq(thaw_vocabulary_id(v, "a", 1), THAW_ID_UNKNOWN);
  ck_assert_int_eq(thaw_vocabulary_count(ctx, v, "a", 1), THAW_INVALID);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(max_size_counts_every_id) {
  const char *const markers[] = {"xxup", NULL};
  thaw_vocabulary *v = count_words("a b c c b c", markers);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 1, 6), THAW_OK);
  ck_assert_uint_eq(thaw_vocabulary_size(v), 6);
  expect_pieces(v, "xxup c b");
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(markers_are_always_there) {
  const char *const markers[] = {"xxup", "xxmaj", "xxpad", NULL}; /* xxpad is there already */
  thaw_vocabulary *v = count_words("a xxmaj a xxunk b", markers);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 2, 0), THAW_OK);
  expect_pieces(v, "xxup xxmaj a");
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 3), 0);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 4), 1);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, THAW_ID_UNKNOWN), 1);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(nothing_left) {
  const char *const markers[] = {"xxup", NULL};
  thaw_vocabulary *v = count_words("a b b", markers);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 5, 100), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx),
                   "no piece is left for the vocabulary: 2 different pieces occurred, the most "
                   "frequent one 2 times; min_count is 5, and max_vocab is 100, of which 4 are "
                   "special");
  thaw_vocabulary_free(v);
  v = count_words("a b b", markers);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 1, 4), THAW_INVALID); /* all taken by markers */
  thaw_vocabulary_free(v);
  v = count_words("", NULL);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 1, 0), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "0 different pieces"));
  thaw_vocabulary_free(v);
}
END_TEST

/* Enough pieces for the table and the texts to grow several times, one longer than a chunk. */
/* Short pieces are told apart by their bytes alone, longer ones by a hash first: here each differs
 * from its neighbour in one byte, or in its length. */
START_TEST(pieces_of_any_length_differ) {
  enum { LONGEST = 40 };
  char piece[LONGEST + 1];
  thaw_vocabulary *v = thaw_vocabulary_create(NULL);
  int32_t number, expected = 3;
  for (size_t bytes = 1; bytes <= LONGEST; bytes++) {
    memset(piece, 'a', sizeof piece);
    for (size_t changed = 0; changed <= bytes; changed++) {
      if (changed < bytes) piece[changed] = 'b';
      ck_assert_int_eq(thaw_vocabulary_number(ctx, v, piece, bytes, 1, &number), THAW_OK);
      ck_assert_int_eq(number, expected++);
      ck_assert_int_eq(thaw_vocabulary_number(ctx, v, piece, bytes, 1, &number), THAW_OK);
      ck_assert_int_eq(number, expected - 1);
      piece[changed] = 'a';
    }
  }
  ck_assert_uint_eq(thaw_vocabulary_numbers(v), (size_t)expected);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(numbers_become_ids) {
  static const char *const words[] = {"rare",   "twice",  "seen",   "twice",
                                      "thrice", "thrice", "thrice", "xxpad"};
  static const uint64_t times[] = {1, 1, 0, 1, 1, 1, 1, 1};
  static const int32_t numbers[] = {3, 4, 5, 4, 6, 6, 6, THAW_ID_PADDING};
  thaw_vocabulary *v = thaw_vocabulary_create(NULL), *other = finished("seen rare", NULL);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    int32_t number;
    ck_assert_int_eq(thaw_vocabulary_number(ctx, v, words[i], strlen(words[i]), times[i], &number),
                     THAW_OK);
    ck_assert_int_eq(number, numbers[i]);
  }
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 2, 0), THAW_OK);
  expect_pieces(v, "thrice twice");
  ck_assert_uint_eq(thaw_vocabulary_numbers(v), 7);
  int32_t ids[7];
  thaw_vocabulary_ids(v, v, ids);
  ck_assert_mem_eq(ids, ((int32_t[]){0, 1, 2, 0, 4, 0, 3}), sizeof ids);
  /* Also those that were left out. */
  thaw_vocabulary_ids(v, other, ids);
  ck_assert_mem_eq(ids, ((int32_t[]){0, 1, 2, 3, 0, 4, 0}), sizeof ids);
  thaw_vocabulary_free(v);
  thaw_vocabulary_free(other);
}
END_TEST

/* It has a number, but it did not occur. */
START_TEST(a_piece_that_counts_nothing_is_no_word) {
  int32_t number;
  thaw_vocabulary *v = count_words("a b", NULL);
  ck_assert_int_eq(thaw_vocabulary_number(ctx, v, "c", 1, 0, &number), THAW_OK);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 5, 0), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), ": 2 different pieces occurred"));
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 0, 0), THAW_OK);
  expect_pieces(v, "a b");
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(many_pieces) {
  enum { PIECES = 50000, LONG = 200000 };
  char piece[32];
  char *longest = malloc(LONG);
  memset(longest, 'x', LONG);
  thaw_vocabulary *v = thaw_vocabulary_create(NULL);
  for (int i = 0; i < PIECES; i++) {
    const int bytes = snprintf(piece, sizeof piece, "piece%d", i);
    /* The first comes three times, the others twice. */
    for (int k = 0; k < (i ? 2 : 3); k++) {
      ck_assert_int_eq(thaw_vocabulary_count(ctx, v, piece, (size_t)bytes), THAW_OK);
    }
  }
  ck_assert_int_eq(thaw_vocabulary_count(ctx, v, longest, LONG), THAW_OK);
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, v, 1, 0), THAW_OK);
  ck_assert_uint_eq(thaw_vocabulary_size(v), PIECES + 4);
  ck_assert_str_eq(thaw_vocabulary_piece(v, 3), "piece0");
  ck_assert_int_eq(thaw_vocabulary_id(v, longest, LONG), PIECES + 3);
  for (int32_t id = 0; id < PIECES + 4; id++) {
    const char *text = thaw_vocabulary_piece(v, id);
    const size_t bytes = id == PIECES + 3 ? LONG : strlen(text);
    ck_assert_int_eq(thaw_vocabulary_id(v, text, bytes), id);
  }
  thaw_vocabulary_free(v);
  free(longest);
}
END_TEST

/* ---- Stored lists ---------------------------------------------------------------------------- */

START_TEST(a_list_comes_back) {
  const char *const pieces[] = {"xxunk", "xxpad", "xxbos", "rare", "often", "größe"};
  const uint64_t counts[] = {7, 0, 1, 1, 1ULL << 40, 3};
  thaw_vocabulary *v = NULL;
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, pieces, counts, 6, &v), THAW_OK);
  expect_pieces(v, "rare often größe"); /* the list's order, whatever the counts */
  for (int32_t id = 0; id < 6; id++) {
    ck_assert_uint_eq(thaw_vocabulary_frequency(v, id), counts[id]);
  }
  thaw_vocabulary_free(v);
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, pieces, NULL, 6, &v), THAW_OK);
  ck_assert_uint_eq(thaw_vocabulary_frequency(v, 4), 0);
  ck_assert_int_eq(thaw_vocabulary_count(ctx, v, "a", 1), THAW_INVALID);
  thaw_vocabulary_free(v);
}
END_TEST

START_TEST(a_list_that_is_no_vocabulary) {
  const char *const unordered[] = {"xxunk", "xxbos", "xxpad", "a"};
  const char *const twice[] = {"xxunk", "xxpad", "xxbos", "a", "b", "a"};
  thaw_vocabulary *v = NULL;
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, unordered, NULL, 4, &v), THAW_INVALID);
  ck_assert_ptr_null(v);
  ck_assert_str_eq(thaw_error(ctx), "piece 1 of the vocabulary is 'xxbos', it must be 'xxpad'");
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, twice, NULL, 2, &v), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "piece 2 of the vocabulary is missing, it must be 'xxbos'");
  ck_assert_int_eq(thaw_vocabulary_from_list(ctx, twice, NULL, 6, &v), THAW_INVALID);
  ck_assert_ptr_null(v);
  ck_assert_str_eq(thaw_error(ctx), "the piece 'a' stands in the vocabulary twice, as 3 and 5");
}
END_TEST

/* ---- Taking words over ----------------------------------------------------------------------- */

START_TEST(own_pieces_come_first_in_a_join) {
  const char *const markers[] = {"xxup", NULL};
  thaw_vocabulary *own = count_words("b b b a a c", markers), *joined = NULL;
  ck_assert_int_eq(thaw_vocabulary_finish(ctx, own, 2, 0), THAW_OK);
  thaw_vocabulary *source = finished("c c c c d d d b b z", markers);
  ck_assert_int_eq(thaw_vocabulary_join(ctx, own, source, 0, &joined), THAW_OK);
  expect_pieces(joined, "xxup b a c d z");
  ck_assert_uint_eq(thaw_vocabulary_frequency(joined, 4), 3); /* b: its own count */
  ck_assert_uint_eq(thaw_vocabulary_frequency(joined, 6), 4); /* c: the source's */
  thaw_vocabulary_free(joined);
  ck_assert_int_eq(thaw_vocabulary_join(ctx, own, source, 8, &joined), THAW_OK);
  expect_pieces(joined, "xxup b a c d");
  ck_assert_int_eq(thaw_vocabulary_id(joined, "z", 1), THAW_ID_UNKNOWN);
  ck_assert_int_eq(thaw_vocabulary_count(ctx, joined, "a", 1), THAW_INVALID);
  thaw_vocabulary_free(joined);
  /* Own pieces stay, even where there is no room for them. */
  ck_assert_int_eq(thaw_vocabulary_join(ctx, own, source, 2, &joined), THAW_OK);
  expect_pieces(joined, "xxup b a");
  thaw_vocabulary_free(joined);
  thaw_vocabulary_free(own);
  thaw_vocabulary_free(source);
}
END_TEST

START_TEST(only_finished_vocabularies_are_joined) {
  thaw_vocabulary *open = count_words("a b", NULL), *done = finished("a", NULL), *joined = NULL;
  ck_assert_int_eq(thaw_vocabulary_join(ctx, open, done, 0, &joined), THAW_INVALID);
  ck_assert_int_eq(thaw_vocabulary_join(ctx, done, open, 0, &joined), THAW_INVALID);
  ck_assert_ptr_null(joined);
  thaw_vocabulary_free(open);
  thaw_vocabulary_free(done);
}
END_TEST

START_TEST(a_map_tells_new_words_from_the_unknown_one) {
  const char *const markers[] = {"xxup", NULL};
  thaw_vocabulary *to = finished("b b new a", NULL), *from = finished("a a b c", markers);
  int32_t rows[6];
  ck_assert_uint_eq(thaw_vocabulary_size(to), 6);
  thaw_vocabulary_map(to, from, rows);
  const int32_t expected[] = {0, 1, 2, 5, 4, -1}; /* xxunk xxpad xxbos b a new */
  for (size_t i = 0; i < 6; i++) ck_assert_int_eq(rows[i], expected[i]);
  thaw_vocabulary_map(to, to, rows);
  for (int32_t i = 0; i < 6; i++) ck_assert_int_eq(rows[i], i);
  thaw_vocabulary_free(to);
  thaw_vocabulary_free(from);
}
END_TEST

START_TEST(a_join_maps_to_both_of_its_sources) {
  thaw_vocabulary *own = finished("a b b x", NULL), *source = finished("q a z z", NULL);
  thaw_vocabulary *joined = NULL;
  int32_t to_own[8], to_source[8];
  ck_assert_int_eq(thaw_vocabulary_join(ctx, own, source, 0, &joined), THAW_OK);
  expect_pieces(joined, "b a x z q");
  ck_assert_uint_eq(thaw_vocabulary_size(joined), 8);
  thaw_vocabulary_map(joined, own, to_own);
  thaw_vocabulary_map(joined, source, to_source);
  const int32_t own_rows[] = {0, 1, 2, 3, 4, 5, -1, -1};
  const int32_t source_rows[] = {0, 1, 2, -1, 4, -1, 3, 5};
  for (size_t i = 0; i < 8; i++) {
    ck_assert_int_eq(to_own[i], own_rows[i]);
    ck_assert_int_eq(to_source[i], source_rows[i]);
  }
  thaw_vocabulary_free(own);
  thaw_vocabulary_free(source);
  thaw_vocabulary_free(joined);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("vocabulary");
  TCase *tests = tcase_create("vocabulary");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, pieces_by_falling_count_then_by_bytes);
  tcase_add_test(tests, an_unknown_piece_or_id);
  tcase_add_test(tests, min_count_is_the_least_that_stays);
  tcase_add_test(tests, max_size_counts_every_id);
  tcase_add_test(tests, markers_are_always_there);
  tcase_add_test(tests, nothing_left);
  tcase_add_test(tests, pieces_of_any_length_differ);
  tcase_add_test(tests, numbers_become_ids);
  tcase_add_test(tests, a_piece_that_counts_nothing_is_no_word);
  tcase_add_test(tests, many_pieces);
  tcase_add_test(tests, a_list_comes_back);
  tcase_add_test(tests, a_list_that_is_no_vocabulary);
  tcase_add_test(tests, own_pieces_come_first_in_a_join);
  tcase_add_test(tests, only_finished_vocabularies_are_joined);
  tcase_add_test(tests, a_map_tells_new_words_from_the_unknown_one);
  tcase_add_test(tests, a_join_maps_to_both_of_its_sources);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
