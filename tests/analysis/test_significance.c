/* Tests of differences against SciPy's numbers, which tools/golden-statistics.py wrote. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/resampling.h"
#include "analysis/significance.h"
#include "base/context.h"

enum { NAME = 64, MOST_VALUES = 1024 };

/* ---- Golden numbers, in all their digits ----------------------------------------------------- */

typedef struct numbers {
  size_t rows, count; /* rows: the first dimension */
  double values[MOST_VALUES];
} numbers;

static FILE *open_golden(void) {
  char path[4096];
  const char *source = getenv("THAW_SOURCE");
  snprintf(path, sizeof path, "%s/tests/golden/statistics.txt", source ? source : ".");
  FILE *file = fopen(path, "r");
  ck_assert_msg(file != NULL, "%s is missing", path);
  while (fgetc(file) != '\n') continue;
  return file;
}

/* The numbers called GROUP.NAME. */
static numbers golden(const char *group, const char *name) {
  char wanted[NAME], found[NAME];
  FILE *file = open_golden();
  size_t rank;
  snprintf(wanted, sizeof wanted, "%s.%s", group, name);
  while (fscanf(file, "%63s %zu", found, &rank) == 2) {
    numbers n = {.count = 1};
    for (size_t i = 0; i < rank; i++) {
      size_t dimension;
      ck_assert_int_eq(fscanf(file, "%zu", &dimension), 1);
      if (i == 0) n.rows = dimension;
      n.count *= dimension;
    }
    ck_assert_uint_le(n.count, MOST_VALUES);
    for (size_t i = 0; i < n.count; i++) ck_assert_int_eq(fscanf(file, "%lf", &n.values[i]), 1);
    if (strcmp(found, wanted) != 0) continue;
    fclose(file);
    return n;
  }
  ck_abort_msg("there is no %s", wanted);
}

static double golden_number(const char *group, const char *name) {
  return golden(group, name).values[0];
}

static void expect(const char *what, double found, double expected, double tolerance) {
  ck_assert_msg(fabs(found - expected) <= tolerance, "%s: %.17g was expected, %.17g found", what,
                expected, found);
}

/* ---- One source of variation ----------------------------------------------------------------- */

START_TEST(mcnemar) {
  const numbers counts = golden("mcnemar", "counts"), p = golden("mcnemar", "p");
  for (size_t i = 0; i < p.count; i++) {
    const size_t b = (size_t)counts.values[2 * i], c = (size_t)counts.values[2 * i + 1];
    expect("p", thaw_mcnemar(b, c), p.values[i], 1e-10);
    expect("p", thaw_mcnemar(c, b), p.values[i], 1e-10);
  }
}
END_TEST

/* Means without documents: Student's paired test and Welch's. */
static void expect_means(const char *group, const numbers *a, const numbers *b, bool paired,
                         const char *p, const char *interval) {
  const thaw_crossed_runs before = {NULL, a->values, a->count}, after = {NULL, b->values, b->count};
  const thaw_crossed crossed = thaw_crossed_difference(&before, &after, 0, paired, NULL);
  const numbers ends = golden(group, interval);
  expect(p, thaw_crossed_p(&crossed), golden_number(group, p), 1e-9);
  expect("low", thaw_crossed_interval(&crossed).low, ends.values[0], 1e-9);
  expect("high", thaw_crossed_interval(&crossed).high, ends.values[1], 1e-9);
}

START_TEST(over_seeds) {
  static const char *const groups[] = {"seeds.two", "seeds.three", "seeds.five", "seeds.uneven",
                                       "seeds.many"};
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    const numbers a = golden(groups[g], "a"), b = golden(groups[g], "b");
    double differences[MOST_VALUES];
    expect(groups[g], thaw_exchanges(a.values, a.count, b.values, b.count),
           golden_number(groups[g], "exchanges"), 1e-9);
    expect_means(groups[g], &a, &b, false, "welch", "welch_interval");
    if (a.count != b.count) continue;
    for (size_t i = 0; i < a.count; i++) differences[i] = b.values[i] - a.values[i];
    expect(groups[g], thaw_sign_flips(differences, a.count), golden_number(groups[g], "flips"),
           1e-9);
    expect_means(groups[g], &a, &b, true, "paired", "paired_interval");
  }
}
END_TEST

START_TEST(seeds_of_none) {
  const double one = 0.5;
  ck_assert(isnan(thaw_sign_flips(NULL, 0)));
  ck_assert(isnan(thaw_exchanges(NULL, 0, &one, 1)));
  ck_assert_double_eq(thaw_sign_flips(&one, 1), 1);
  const double same[] = {0.5, 0.5, 0.5};
  ck_assert_double_eq(thaw_exchanges(same, 3, same, 3), 1);
}
END_TEST

/* Draws are few and SciPy counts all: p may be off by four of its standard errors. */
START_TEST(over_documents) {
  const numbers differences = golden("documents", "differences");
  const double p = golden_number("documents", "p");
  const numbers ends = golden("documents", "bootstrap");
  float values[2 * MOST_VALUES];
  for (size_t d = 0; d < differences.count; d++) {
    values[d] = (float)differences.values[d];
    values[differences.count + d] = -values[d];
  }
  thaw_context *ctx = thaw_context_create();
  thaw_resampled found[2], again[2];
  ck_assert_int_eq(thaw_resample(ctx, 2, differences.count, values, found), THAW_OK);
  expect("p", found[0].p, p, 4 * sqrt(p * (1 - p) / THAW_SIGN_DRAWS));
  expect("p of the opposite", found[1].p, found[0].p, 0);
  expect("low", found[0].low, ends.values[0], 0.08);
  expect("high", found[0].high, ends.values[1], 0.08);
  expect("low of the opposite", found[1].low, -found[0].high, 1e-6);
  ck_assert_int_eq(thaw_resample(ctx, 2, differences.count, values, again), THAW_OK);
  ck_assert_int_eq(memcmp(found, again, sizeof found), 0);
  atomic_bool stop = true;
  thaw_context_watch(ctx, &stop);
  ck_assert_int_eq(thaw_resample(ctx, 2, differences.count, values, again), THAW_INTERRUPTED);
  thaw_context_free(ctx);
}
END_TEST

/* Nothing that differs is no evidence of anything. */
START_TEST(documents_without_differences) {
  const float zeros[8] = {0};
  thaw_context *ctx = thaw_context_create();
  thaw_resampled found;
  ck_assert_int_eq(thaw_resample(ctx, 1, 8, zeros, &found), THAW_OK);
  ck_assert_double_eq(found.p, 1);
  ck_assert(found.low == 0 && found.high == 0);
  thaw_context_free(ctx);
}
END_TEST

/* ---- Seeds and documents --------------------------------------------------------------------- */

static void means_of(const numbers *values, size_t documents, float *copies, double *means) {
  for (size_t i = 0; i < values->count; i++) copies[i] = (float)values->values[i];
  for (size_t s = 0; s < values->rows; s++) {
    means[s] = 0;
    for (size_t d = 0; d < documents; d++) means[s] += values->values[s * documents + d];
    means[s] /= (double)documents;
  }
}

START_TEST(crossed) {
  static const char *const groups[] = {"crossed.paired", "crossed.five", "crossed.unpaired",
                                       "crossed.even"};
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    const numbers a = golden(groups[g], "a"), b = golden(groups[g], "b");
    const size_t documents = a.count / a.rows;
    static float values[2][MOST_VALUES];
    double means[2][MOST_VALUES], scratch[2 * MOST_VALUES];
    means_of(&a, documents, values[0], means[0]);
    means_of(&b, documents, values[1], means[1]);
    const thaw_crossed_runs before = {values[0], means[0], a.rows};
    const thaw_crossed_runs after = {values[1], means[1], b.rows};
    const bool paired = g < 2;
    const thaw_crossed c = thaw_crossed_difference(&before, &after, documents, paired, scratch);
    const numbers parts = golden(groups[g], "parts"), ends = golden(groups[g], "interval");
    expect("value", c.value, golden_number(groups[g], "value"), 1e-12);
    expect("part of seeds", c.seeds, parts.values[0], 1e-12);
    expect("part of documents", c.documents, parts.values[1], 1e-12);
    expect("freedom", c.freedom, golden_number(groups[g], "freedom"), 1e-8);
    expect("p", thaw_crossed_p(&c), golden_number(groups[g], "p"), 1e-9);
    expect("low", thaw_crossed_interval(&c).low, ends.values[0], 1e-9);
    expect("high", thaw_crossed_interval(&c).high, ends.values[1], 1e-9);
    expect("same", thaw_crossed_same(&c, golden_number(groups[g], "margin")),
           golden_number(groups[g], "same"), 1e-9);
    expect("seeds needed", (double)thaw_seeds_needed(&c, a.rows, b.rows, paired, fabs(c.value)),
           golden_number(groups[g], "needed"), 1);
  }
}
END_TEST

/* One run against one: Student's paired test over documents. */
START_TEST(documents_alone) {
  const numbers a = golden("documents", "a"), b = golden("documents", "b");
  float values[2][MOST_VALUES];
  double means[2][1];
  numbers rows[2] = {a, b};
  for (size_t i = 0; i < 2; i++) {
    rows[i].rows = 1;
    means_of(&rows[i], a.count, values[i], means[i]);
  }
  const thaw_crossed_runs before = {values[0], means[0], 1}, after = {values[1], means[1], 1};
  const thaw_crossed c = thaw_documents_difference(&before, &after, a.count);
  expect("p", thaw_crossed_p(&c), golden_number("documents", "t"), 1e-9);
}
END_TEST

START_TEST(one_seed_shows_no_spread) {
  const float values[] = {0, 1, 1, 0, 1, 1, 1, 1};
  const double means[] = {0.5, 1};
  double scratch[8];
  const thaw_crossed_runs a = {values, means, 1}, b = {values + 4, means + 1, 1};
  const thaw_crossed c = thaw_crossed_difference(&a, &b, 4, false, scratch);
  ck_assert_double_eq(c.value, 0.5);
  ck_assert(isnan(c.seeds) && isnan(thaw_crossed_p(&c)) && isnan(thaw_crossed_same(&c, 0.1)));
  ck_assert(isnan(thaw_crossed_interval(&c).low));
  ck_assert_uint_eq(thaw_seeds_needed(&c, 1, 1, false, 0.5), 0);
}
END_TEST

START_TEST(equal_results_are_the_same) {
  const float values[] = {0, 1, 1, 1, 0, 1, 1, 1};
  const double means[] = {0.75, 0.75};
  double scratch[8];
  const thaw_crossed_runs runs = {values, means, 2};
  const thaw_crossed c = thaw_crossed_difference(&runs, &runs, 4, true, scratch);
  ck_assert_double_eq(thaw_crossed_p(&c), 1);
  ck_assert_double_eq(thaw_crossed_same(&c, 0), 0);
}
END_TEST

/* ---- How many would be needed ---------------------------------------------------------------- */

START_TEST(needed_seeds) {
  const numbers cases = golden("needed", "cases"), needed = golden("needed", "seeds");
  for (size_t i = 0; i < needed.count; i++) {
    const double effect = cases.values[2 * i], deviation = cases.values[2 * i + 1];
    const double part = deviation * deviation / 3;
    const thaw_crossed c = {.seeds = 2 * part, .a_seeds = part, .b_seeds = part, .freedom = 4};
    expect("seeds needed", (double)thaw_seeds_needed(&c, 3, 3, false, effect), needed.values[i], 1);
  }
}
END_TEST

START_TEST(more_seeds_do_not_always_help) {
  const thaw_crossed c = {.seeds = 1e-5,
                          .a_seeds = 1e-5,
                          .documents = 1e-4,
                          .freedom = 10}; /* sd over documents 0.01 */
  ck_assert_uint_eq(thaw_seeds_needed(&c, 3, 3, true, 0.02), 0);
  ck_assert_uint_gt(thaw_seeds_needed(&c, 3, 3, true, 0.03), 2);
  /* (1.96 + 0.84)² · 1e-4 · 500 / 0.02² */
  ck_assert_uint_eq(thaw_documents_needed(&c, 500, 0.02), 982);
  ck_assert_uint_eq(thaw_documents_needed(&c, 500, 0), 0);
}
END_TEST

/* GSL ends the process when a quantile's iteration does not converge. */
START_TEST(quantiles_of_broken_degrees_of_freedom) {
  for (double freedom = 1; freedom < 2e5; freedom *= 1.01) {
    const thaw_crossed c = {.value = 1, .seeds = 1, .a_seeds = 1, .freedom = freedom};
    ck_assert_double_gt(thaw_crossed_interval(&c).high, 2.9);
    ck_assert_double_gt(thaw_crossed_p(&c), 0.317);
  }
}
END_TEST

/* ---- Several tests --------------------------------------------------------------------------- */

START_TEST(holm) {
  const numbers p = golden("holm", "p"), corrected = golden("holm", "corrected");
  double found[MOST_VALUES], some[] = {NAN, 0.02, NAN, 0.9};
  ck_assert(thaw_holm(p.values, p.count, found));
  for (size_t i = 0; i < p.count; i++) expect("p", found[i], corrected.values[i], 1e-15);
  ck_assert(thaw_holm(some, 4, found));
  ck_assert(isnan(found[0]) && isnan(found[2]));
  expect("p", found[1], 0.04, 1e-15);
  expect("p", found[3], 0.9, 1e-15);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("significance");
  TCase *tests = tcase_create("significance");
  tcase_add_test(tests, mcnemar);
  tcase_add_test(tests, over_seeds);
  tcase_add_test(tests, seeds_of_none);
  tcase_add_test(tests, over_documents);
  tcase_add_test(tests, documents_without_differences);
  tcase_add_test(tests, crossed);
  tcase_add_test(tests, documents_alone);
  tcase_add_test(tests, one_seed_shows_no_spread);
  tcase_add_test(tests, equal_results_are_the_same);
  tcase_add_test(tests, needed_seeds);
  tcase_add_test(tests, more_seeds_do_not_always_help);
  tcase_add_test(tests, quantiles_of_broken_degrees_of_freedom);
  tcase_add_test(tests, holm);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
