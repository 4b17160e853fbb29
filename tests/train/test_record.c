/* Tables of numbers that training leaves behind. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "train/record.h"

START_TEST(a_series_keeps_every_row) {
  const char *groups[] = {"embedding", "rnn.0", "head"};
  thaw_series *series = thaw_series_create("classify", 3, groups);
  ck_assert_ptr_nonnull(series);
  groups[1] = "changed later"; /* the names are copies */
  for (int64_t i = 0; i < 1000; i++) {
    const double step = (double)i;
    const thaw_step_row row = {i, i / 100, 1 / (step + 1), step / 2, 3e4};
    const double rates[] = {step, step * 10, step * 100};
    ck_assert(thaw_series_add_step(series, &row, rates));
  }
  for (int64_t i = 0; i < 100; i++) {
    const thaw_epoch_row row = {i, 10 * i, 1, 2, NAN, 0.5, 0.25, 7};
    ck_assert(thaw_series_add_epoch(series, &row));
  }
  ck_assert_str_eq(series->stage, "classify");
  ck_assert_str_eq(series->groups[1], "rnn.0");
  ck_assert_uint_eq(series->step_count, 1000);
  ck_assert_uint_eq(series->epoch_count, 100);
  for (size_t i = 0; i < 1000; i++) {
    ck_assert_int_eq(series->steps[i].step, (int64_t)i);
    ck_assert_double_eq(series->rates[3 * i + 2], 100.0 * (double)i);
  }
  ck_assert_int_eq(series->epochs[99].step, 990);
  ck_assert(isnan(series->epochs[99].perplexity));
  thaw_series_free(series);
}
END_TEST

START_TEST(distances_follow_the_epochs) {
  const char *groups[] = {"embedding", "head"};
  const bool taken[] = {true, false};
  thaw_series *series = thaw_series_create("classify", 0, NULL);
  ck_assert_ptr_nonnull(series);
  ck_assert(thaw_series_add_epoch(series, &(thaw_epoch_row){.epoch = 0}));
  ck_assert_uint_eq(series->moved_count, 0);
  ck_assert(thaw_series_follow(series, 2, groups, taken));
  for (int64_t i = 1; i < 200; i++) {
    ck_assert(thaw_series_add_epoch(series, &(thaw_epoch_row){.epoch = i}));
    ck_assert(isnan(thaw_series_last_distances(series)[1]));
    if (i == 7) continue; /* not measured */
    thaw_series_last_distances(series)[0] = (double)i;
    thaw_series_last_distances(series)[1] = -(double)i;
  }
  ck_assert_str_eq(series->moved[1], "head");
  ck_assert(series->taken[0] && !series->taken[1]);
  for (size_t i = 0; i < 200; i++) {
    const double *distances = series->distances + 2 * i;
    ck_assert_int_eq(series->epochs[i].epoch, (int64_t)i);
    if (i == 0 || i == 7) {
      ck_assert(isnan(distances[0]) && isnan(distances[1]));
    } else {
      ck_assert_double_eq(distances[0], (double)i);
      ck_assert_double_eq(distances[1], -(double)i);
    }
  }
  thaw_series_free(series);
}
END_TEST

START_TEST(a_series_without_groups) {
  thaw_series *series = thaw_series_create("pretrain", 0, NULL);
  ck_assert_ptr_nonnull(series);
  ck_assert(thaw_series_add_step(series, &(thaw_step_row){.step = 4}, NULL));
  ck_assert_int_eq(series->steps[0].step, 4);
  thaw_series_free(series);
  thaw_series_free(NULL);
}
END_TEST

START_TEST(predictions_start_unknown) {
  thaw_predictions *predictions = thaw_predictions_create("test", 3, 2);
  ck_assert_ptr_nonnull(predictions);
  for (size_t d = 0; d < 3; d++) {
    ck_assert_int_eq(predictions->gold[d], -1);
    ck_assert_int_eq(predictions->predicted[d], -1);
    ck_assert_float_eq(predictions->probabilities[2 * d + 1], 0);
  }
  thaw_predictions_free(predictions);
  predictions = thaw_predictions_create("empty", 0, 0);
  ck_assert_ptr_nonnull(predictions);
  thaw_predictions_free(predictions);
  ck_assert_ptr_null(thaw_predictions_create("huge", SIZE_MAX / 2, 100));
  thaw_predictions_free(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("record");
  TCase *tests = tcase_create("record");
  tcase_add_test(tests, a_series_keeps_every_row);
  tcase_add_test(tests, distances_follow_the_epochs);
  tcase_add_test(tests, a_series_without_groups);
  tcase_add_test(tests, predictions_start_unknown);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
