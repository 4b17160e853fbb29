/* Intervals against published ones and SciPy's. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/statistics.h"

static void expect(thaw_estimate found, double value, double low, double high, double tolerance) {
  ck_assert_double_eq_tol(found.value, value, tolerance);
  ck_assert_double_eq_tol(found.low, low, tolerance);
  ck_assert_double_eq_tol(found.high, high, tolerance);
}

static void expect_no_interval(thaw_estimate found) {
  ck_assert(isnan(found.low) && isnan(found.high));
}

/* Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3. */
START_TEST(proportions_as_published) {
  expect(thaw_estimate_proportion(81, 263), 0.3080, 0.2553, 0.3662, 5e-5);
  expect(thaw_estimate_proportion(15, 148), 0.1014, 0.0624, 0.1605, 5e-5);
  expect(thaw_estimate_proportion(0, 20), 0, 0, 0.1611, 5e-5);
  expect(thaw_estimate_proportion(1, 29), 0.0345, 0.0061, 0.1718, 5e-5);
}
END_TEST

/* scipy.stats.binomtest(k, n).proportion_ci(method='wilson') of SciPy 1.17.1. */
START_TEST(proportions_as_in_scipy) {
  expect(thaw_estimate_proportion(81, 263), 81.0 / 263, 0.2552885198782742, 0.36620957698280004,
         1e-12);
  expect(thaw_estimate_proportion(2410, 5000), 0.482, 0.46816907444131944, 0.4958585628287026,
         1e-12);
  expect(thaw_estimate_proportion(1, 2), 0.5, 0.09453120573423074, 0.9054687942657693, 1e-12);
}
END_TEST

START_TEST(proportions_at_the_ends) {
  for (size_t n = 1; n < 3000; n = 3 * n + 1) {
    ck_assert_double_eq(thaw_estimate_proportion(0, n).low, 0);
    ck_assert_double_gt(thaw_estimate_proportion(0, n).high, 0);
    ck_assert_double_eq(thaw_estimate_proportion(n, n).high, 1);
    ck_assert_double_lt(thaw_estimate_proportion(n, n).low, 1);
  }
  ck_assert(isnan(thaw_estimate_proportion(0, 0).value));
  expect_no_interval(thaw_estimate_proportion(0, 0));
}
END_TEST

/* scipy.stats.t.interval(0.95, n - 1, loc=mean(v), scale=sem(v)) of SciPy 1.17.1. */
START_TEST(means_as_in_scipy) {
  const double five[] = {0.482, 0.476, 0.491, 0.468, 0.479};
  expect(thaw_estimate_mean(five, 5), 0.4792, 0.4687596803425575, 0.4896403196574424, 1e-12);
  const double two[] = {0.8, 0.9};
  expect(thaw_estimate_mean(two, 2), 0.85, 0.21468976319126554, 1.4853102368087345, 1e-12);
  /* Large and near each other: nothing is lost by squaring first. */
  const double large[] = {1e9 + 1, 1e9 + 2, 1e9 + 4};
  expect(thaw_estimate_mean(large, 3), 1e9 + 7.0 / 3, 999999998.5387503, 1000000006.1279165, 1e-5);
}
END_TEST

START_TEST(means_of_few) {
  const double values[] = {0.25, 0.25};
  expect(thaw_estimate_mean(values, 2), 0.25, 0.25, 0.25, 1e-15);
  ck_assert_double_eq(thaw_estimate_mean(values, 1).value, 0.25);
  expect_no_interval(thaw_estimate_mean(values, 1));
  ck_assert(isnan(thaw_estimate_mean(NULL, 0).value));
  expect_no_interval(thaw_estimate_mean(NULL, 0));
  const double unknown[] = {0.25, NAN};
  ck_assert(isnan(thaw_estimate_mean(unknown, 2).value));
}
END_TEST

/* Half the width of the interval of 0, 0, …, 0, n is the quantile times its standard error, 1. GSL
 * finds quantiles by iteration and ends the process when that does not converge. */
START_TEST(quantiles_fall_towards_the_normal_one) {
  enum { MOST = 3000 };
  static double values[MOST];
  double before = INFINITY;
  for (size_t n = 2; n <= MOST; n++) {
    values[0] = (double)n;
    const thaw_estimate found = thaw_estimate_mean(values, n);
    const double quantile = (found.high - found.low) / 2;
    ck_assert_double_le(quantile, before);
    ck_assert_double_gt(quantile, 1.9599);
    before = quantile;
  }
  ck_assert_double_eq_tol(before, 1.960755, 1e-5);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("statistics");
  TCase *tests = tcase_create("statistics");
  tcase_add_test(tests, proportions_as_published);
  tcase_add_test(tests, proportions_as_in_scipy);
  tcase_add_test(tests, proportions_at_the_ends);
  tcase_add_test(tests, means_as_in_scipy);
  tcase_add_test(tests, means_of_few);
  tcase_add_test(tests, quantiles_fall_towards_the_normal_one);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
