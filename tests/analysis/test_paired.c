/* Rows against a baseline: verdicts, and which runs belong together. The numbers themselves are
 * checked in test_significance.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/paired.h"
#include "analysis/significance.h"
#include "base/context.h"
#include "folder.h"
#include "runs.h"

enum { DOCUMENTS = 200 };

static thaw_context *ctx;
static char *folder;
static thaw_comparison *comparison;
static const thaw_comparison_row *rows;
static size_t row_count;
static const thaw_paired *pairs;

static void set_up(void) {
  ctx = thaw_context_create();
  folder = make_folder();
  comparison = NULL;
}

static void tear_down(void) {
  thaw_comparison_free(comparison);
  remove_folder(folder);
  thaw_context_free(ctx);
}

/* A run of the head `head`. */
static void write_head(const char *head, uint64_t seed, run_sketch sketch) {
  char name[64], config[256];
  snprintf(name, sizeof name, "%s-%u.h5", head, (unsigned)seed);
  snprintf(config, sizeof config, "seed: %u\nhead: {plugin: %s}\n", (unsigned)seed, head);
  sketch.config = config;
  sketch.seed = seed;
  if (!sketch.documents) sketch.documents = DOCUMENTS;
  free(write_run(folder, name, sketch));
}

/* `count` seeds from `first` on, that are right by chance. */
static void write_heads(const char *head, size_t first, size_t count, double level) {
  for (size_t i = first; i < first + count; i++) {
    const uint64_t chance = i + 100 * (uint64_t)head[0];
    write_head(head, i, (run_sketch){.marks = chance_marks(DOCUMENTS, level, chance)});
  }
}

/* Tests all heads, in the order of their names, against the first. */
static void test_by(thaw_metric metric, bool grouped, double margin) {
  const thaw_comparison_options options = {.metric = metric};
  ck_assert_msg(compare_folder(ctx, folder, &options, &comparison) == THAW_OK, "%s",
                thaw_error(ctx));
  ck_assert_int_eq(
      thaw_comparison_rows(ctx, comparison, grouped, THAW_ORDER_GIVEN, &rows, &row_count), THAW_OK);
  const thaw_pairing pairing = {.baseline = 0, .runs_alone = !grouped, .margin = margin};
  ck_assert_msg(thaw_paired_test(ctx, comparison, rows, row_count, &pairing, &pairs) == THAW_OK,
                "%s", thaw_error(ctx));
  ck_assert_int_eq(pairs[0].verdict, THAW_VERDICT_BASELINE);
}

static void expect_words(const thaw_paired *pair, const char *expected) {
  char words[128];
  thaw_verdict_words(pair, sizeof words, words);
  ck_assert_str_eq(words, expected);
}

/* ---- Verdicts -------------------------------------------------------------------------------- */

START_TEST(what_differs) {
  write_heads("a", 1, 5, 0.4);
  write_heads("b", 1, 5, 0.7);
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  const thaw_paired *pair = &pairs[1];
  ck_assert_uint_eq(row_count, 2);
  ck_assert(pair->same_seeds);
  ck_assert_double_gt(pair->difference.low, 0.1);
  ck_assert_double_eq_tol(pair->difference.value, rows[1].accuracy.value - rows[0].accuracy.value,
                          1e-12);
  ck_assert_double_lt(pair->p, 0.001);
  ck_assert_double_eq(pair->p_holm, pair->p);             /* of one */
  ck_assert_double_eq_tol(pair->p_documents, 1e-4, 1e-9); /* the least of 9999 draws */
  ck_assert_double_eq(pair->p_seeds, 2.0 / 32);
  ck_assert(pair->boot_low > 0.1 && pair->boot_low < pair->difference.value);
  ck_assert(pair->boot_high > pair->difference.value && pair->boot_high < 0.6);
  expect_words(pair, "differs");
  expect_words(&pairs[0], "baseline");
}
END_TEST

START_TEST(what_is_the_same) {
  for (unsigned seed = 1; seed <= 5; seed++) {
    const char *marks = chance_marks(DOCUMENTS, 0.5, seed);
    write_head("a", seed, (run_sketch){.marks = marks});
    write_head("b", seed, (run_sketch){.marks = marks});
  }
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert_double_eq(pairs[1].p, 1);
  ck_assert_double_eq(pairs[1].difference.value, 0);
  expect_words(&pairs[1], "does not differ");
}
END_TEST

/* Nearly the same is the same, but within a margin only. */
START_TEST(margins) {
  write_heads("a", 1, 5, 0.5);
  write_heads("b", 1, 5, 0.5);
  test_by(THAW_METRIC_ACCURACY, true, 0.1);
  ck_assert_int_eq(pairs[1].verdict, THAW_VERDICT_SAME);
  const thaw_pairing narrow = {.margin = 0.0001}, none = {.margin = 0};
  ck_assert_int_eq(thaw_paired_test(ctx, comparison, rows, row_count, &narrow, &pairs), THAW_OK);
  ck_assert_int_ne(pairs[1].verdict, THAW_VERDICT_SAME);
  ck_assert_int_eq(thaw_paired_test(ctx, comparison, rows, row_count, &none, &pairs), THAW_OK);
  ck_assert(isnan(pairs[1].p_same));
}
END_TEST

START_TEST(too_few_seeds) {
  static const double levels[2][3] = {{0.45, 0.60, 0.52}, {0.62, 0.55, 0.65}};
  for (unsigned h = 0; h < 2; h++) {
    for (unsigned seed = 1; seed <= 3; seed++) {
      write_head(h ? "b" : "a", seed,
                 (run_sketch){.marks = chance_marks(DOCUMENTS, levels[h][seed - 1], seed)});
    }
  }
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert_int_eq(pairs[1].verdict, THAW_VERDICT_FEW_SEEDS);
  ck_assert_uint_gt(pairs[1].seeds_needed, 3);
  char words[128];
  snprintf(words, sizeof words, "not enough seeds to tell: about %zu would be needed",
           pairs[1].seeds_needed);
  expect_words(&pairs[1], words);
}
END_TEST

/* Six documents against three, whatever the seed. */
START_TEST(too_few_documents) {
  for (unsigned seed = 1; seed <= 3; seed++) {
    write_head("a", seed, (run_sketch){.documents = 20, .marks = "11100000001111111111"});
    write_head("b", seed, (run_sketch){.documents = 20, .marks = "00011111101111111111"});
  }
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert_int_eq(pairs[1].verdict, THAW_VERDICT_FEW_DOCUMENTS);
  ck_assert_uint_gt(pairs[1].documents_needed, 60);
  ck_assert_uint_lt(pairs[1].documents_needed, 200);
  ck_assert_uint_eq(pairs[1].seeds_needed, 0);
}
END_TEST

START_TEST(one_seed) {
  write_heads("a", 1, 1, 0.4);
  write_heads("b", 1, 2, 0.7);
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert(isnan(pairs[1].p) && isnan(pairs[1].p_seeds) && isnan(pairs[1].difference.low));
  ck_assert_double_lt(pairs[1].p_documents, 0.001);
  ck_assert(!pairs[1].same_seeds);
  expect_words(&pairs[1], "not enough seeds to tell: one shows no spread");
}
END_TEST

START_TEST(other_documents) {
  write_heads("a", 1, 2, 0.4);
  write_head("b", 1, (run_sketch){.documents = 10, .correct = 5});
  write_head("b", 2, (run_sketch){.documents = 10, .correct = 6});
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert(isnan(pairs[1].p) && isnan(pairs[1].difference.value));
  expect_words(&pairs[1], "not tested: other documents");
}
END_TEST

/* ---- Which runs belong together -------------------------------------------------------------- */

START_TEST(other_seeds_are_not_paired) {
  write_heads("a", 1, 3, 0.4);
  write_heads("b", 2, 3, 0.7);
  write_heads("c", 1, 4, 0.7);
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert(!pairs[1].same_seeds && !pairs[2].same_seeds);
  ck_assert_double_eq_tol(pairs[1].p_seeds, 2.0 / 20, 1e-12); /* the least of 6 over 3 */
  ck_assert_int_eq(pairs[1].verdict, THAW_VERDICT_DIFFERS);
}
END_TEST

/* Of few pairs the spread is too uncertain. */
START_TEST(few_seeds_are_not_paired) {
  write_heads("a", 1, 4, 0.4);
  write_heads("b", 1, 4, 0.7);
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert(!pairs[1].same_seeds);
}
END_TEST

/* A row that averages over tails pairs runs with the same tail. */
START_TEST(rest_and_seed_make_pairs) {
  static const char *const tails[] = {"x", "y"};
  for (unsigned i = 0; i < 12; i++) {
    char name[16], config[96];
    snprintf(name, sizeof name, "%02u.h5", i);
    snprintf(config, sizeof config, "seed: %u\nhead: {plugin: %s}\ntail: {plugin: %s}\n", i / 4,
             i % 2 ? "b" : "a", tails[i / 2 % 2]);
    free(write_run(folder, name,
                   (run_sketch){.config = config,
                                .seed = i / 4,
                                .documents = DOCUMENTS,
                                .marks = chance_marks(DOCUMENTS, i % 2 ? 0.6 : 0.5, i)}));
  }
  const thaw_comparison_options options = {.metric = THAW_METRIC_ACCURACY};
  ck_assert_int_eq(compare_folder(ctx, folder, &options, &comparison), THAW_OK);
  ck_assert_str_eq(comparison->differences[0].key, "head.plugin");
  const thaw_grouping grouping = {
      .keys = comparison->differences, .key_count = 1, .averaged = true};
  thaw_comparison_row *made;
  ck_assert_int_eq(thaw_grouping_rows(ctx, comparison, &grouping, &made, &row_count), THAW_OK);
  ck_assert_uint_eq(row_count, 2);
  ck_assert_uint_eq(made[0].seeds, 6);
  const thaw_pairing pairing = {.margin = 0.01};
  ck_assert_int_eq(thaw_paired_test(ctx, comparison, made, 2, &pairing, &pairs), THAW_OK);
  ck_assert(pairs[1].same_seeds);
  ck_assert_double_ge(pairs[1].p_seeds, 2.0 / 64);
}
END_TEST

START_TEST(runs_alone) {
  write_heads("a", 1, 1, 0.4);
  write_heads("b", 1, 1, 0.7);
  write_heads("c", 1, 1, 0.42);
  test_by(THAW_METRIC_ACCURACY, false, 0.01);
  size_t only[2] = {0, 0};
  for (size_t d = 0; d < DOCUMENTS; d++) {
    const int change = comparison->runs[1].right[d] - comparison->runs[0].right[d];
    only[0] += change < 0;
    only[1] += change > 0;
  }
  ck_assert_double_eq(pairs[1].p, thaw_mcnemar(only[0], only[1]));
  ck_assert_double_eq(pairs[1].p_documents, pairs[1].p);
  ck_assert_double_eq_tol(pairs[1].p_holm, 2 * pairs[1].p, 1e-15);
  ck_assert_int_eq(pairs[1].verdict, THAW_VERDICT_DIFFERS);
  ck_assert_int_eq(pairs[2].verdict, THAW_VERDICT_FEW_DOCUMENTS);
  ck_assert_uint_gt(pairs[2].documents_needed, DOCUMENTS);
}
END_TEST

START_TEST(the_same_numbers_again) {
  write_heads("a", 1, 3, 0.4);
  write_heads("b", 1, 3, 0.5);
  test_by(THAW_METRIC_LOSS, true, 0);
  const thaw_paired before = pairs[1];
  const thaw_pairing pairing = {.margin = 0};
  ck_assert_int_eq(thaw_paired_test(ctx, comparison, rows, row_count, &pairing, &pairs), THAW_OK);
  ck_assert_double_eq(pairs[1].p_documents, before.p_documents);
  ck_assert_double_eq(pairs[1].boot_low, before.boot_low);
}
END_TEST

/* ---- Other metrics --------------------------------------------------------------------------- */

/* −log 0.8 where right, −log 0.2 where wrong: a loss is a line of the accuracy. */
START_TEST(losses) {
  write_heads("a", 1, 4, 0.4);
  write_heads("b", 1, 4, 0.7);
  test_by(THAW_METRIC_LOSS, true, 0);
  const double step = log(0.8) - log(0.2);
  const double gained = rows[1].accuracy.value - rows[0].accuracy.value;
  ck_assert_double_eq_tol(pairs[1].difference.value, -gained * step, 1e-6);
  ck_assert_double_lt(pairs[1].difference.high, 0);
  expect_words(&pairs[1], "differs");
}
END_TEST

/* Macro F1 of two balanced classes behaves much as accuracy does, and so must its test. */
START_TEST(macro_f1) {
  write_heads("a", 1, 4, 0.45);
  write_heads("b", 1, 4, 0.55);
  test_by(THAW_METRIC_MACRO_F1, true, 0.01);
  const thaw_paired by_f1 = pairs[1];
  ck_assert_double_eq_tol(by_f1.difference.value, rows[1].macro_f1.value - rows[0].macro_f1.value,
                          1e-12);
  double mean = 0;
  for (size_t d = 0; d < DOCUMENTS; d++) mean += (double)comparison->runs[0].shares[d];
  ck_assert_double_eq_tol(mean / DOCUMENTS, comparison->runs[0].scores.macro_f1, 2e-3);
  thaw_comparison_free(comparison);
  test_by(THAW_METRIC_ACCURACY, true, 0.01);
  ck_assert_double_eq_tol(by_f1.error, pairs[1].error, 0.1 * pairs[1].error);
  ck_assert_double_eq_tol(by_f1.boot_high - by_f1.boot_low, pairs[1].boot_high - pairs[1].boot_low,
                          0.01);
}
END_TEST

START_TEST(seconds) {
  for (unsigned seed = 1; seed <= 4; seed++) {
    write_head("a", seed, (run_sketch){.correct = 100, .seconds = 100 + seed});
    write_head("b", seed, (run_sketch){.correct = 100, .seconds = 50 + 2 * seed});
  }
  test_by(THAW_METRIC_SECONDS, true, 0);
  ck_assert_double_eq_tol(pairs[1].difference.value, -47.5, 1e-9);
  ck_assert(isnan(pairs[1].p_documents) && isnan(pairs[1].boot_low));
  expect_words(&pairs[1], "differs");
  thaw_comparison_free(comparison);
  test_by(THAW_METRIC_SECONDS, false, 0);
  expect_words(&pairs[1], "not tested"); /* what two runs took says nothing of two more */
}
END_TEST

START_TEST(perplexities) {
  for (unsigned seed = 1; seed <= 3; seed++) {
    for (unsigned h = 0; h < 2; h++) {
      char name[16], config[128];
      snprintf(name, sizeof name, "%u-%u.h5", h, seed);
      snprintf(config, sizeof config,
               "seed: %u\nencoder: {hidden: %u}\nstages: {pretrain: {keep: %s}}\n", seed, h,
               h ? "last" : "best");
      free(write_run(folder, name,
                     (run_sketch){.config = config, .seed = seed, .perplexity = 80 + 0.1 * seed}));
    }
  }
  write_heads("c", 1, 1, 0.5); /* left out: it has classes */
  test_by(THAW_METRIC_PERPLEXITY, true, 0);
  ck_assert_uint_eq(row_count, 2);
  ck_assert_double_eq_tol(rows[0].metric.value, 80.2, 1e-9); /* the best epochs */
  ck_assert_double_eq_tol(rows[1].metric.value, 82.2, 1e-9); /* the last ones */
  expect_words(&pairs[1], "differs");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("paired");
  TCase *tests = tcase_create("paired");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, what_differs);
  tcase_add_test(tests, what_is_the_same);
  tcase_add_test(tests, margins);
  tcase_add_test(tests, too_few_seeds);
  tcase_add_test(tests, too_few_documents);
  tcase_add_test(tests, one_seed);
  tcase_add_test(tests, other_documents);
  tcase_add_test(tests, other_seeds_are_not_paired);
  tcase_add_test(tests, few_seeds_are_not_paired);
  tcase_add_test(tests, rest_and_seed_make_pairs);
  tcase_add_test(tests, runs_alone);
  tcase_add_test(tests, the_same_numbers_again);
  tcase_add_test(tests, losses);
  tcase_add_test(tests, macro_f1);
  tcase_add_test(tests, seconds);
  tcase_add_test(tests, perplexities);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
