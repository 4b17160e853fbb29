/* test_metrics.c: accuracy, macro F1 and confusion counts against a table worked out by hand.
 *
 *   gold       0 0 0 1 1 2 2 2 2 −1
 *   predicted  0 0 1 1 3 2 2 0 2  0
 *
 *   class  gold predicted both  F1
 *   0      3    3         2     4/6
 *   1      2    2         1     2/4
 *   2      4    3         3     6/7
 *   3      0    1         0     0
 *   4      0    0         0     does not count
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "train/metrics.h"

static const int32_t gold[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, -1};
static const int32_t predicted[] = {0, 0, 1, 1, 3, 2, 2, 0, 2, 0};
enum { COUNT = 10, CLASSES = 5 };

START_TEST(scores_by_hand) {
  thaw_context *ctx = thaw_context_create();
  thaw_scores scores;
  ck_assert_int_eq(thaw_score(ctx, gold, predicted, COUNT, CLASSES, &scores), THAW_OK);
  ck_assert_uint_eq(scores.count, 9);
  ck_assert_uint_eq(scores.correct, 6);
  ck_assert_double_eq_tol(scores.accuracy, 6.0 / 9.0, 1e-15);
  ck_assert_double_eq_tol(scores.macro_f1, (4.0 / 6 + 2.0 / 4 + 6.0 / 7 + 0) / 4, 1e-15);
  thaw_context_free(ctx);
}
END_TEST

START_TEST(confusion_by_hand) {
  thaw_context *ctx = thaw_context_create();
  size_t confusion[CLASSES * CLASSES];
  memset(confusion, 0xff, sizeof confusion);
  ck_assert_int_eq(thaw_confusion(ctx, gold, predicted, COUNT, CLASSES, confusion), THAW_OK);
  const size_t expected[CLASSES * CLASSES] = {
      2, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  };
  for (size_t i = 0; i < CLASSES * CLASSES; i++) ck_assert_uint_eq(confusion[i], expected[i]);
  thaw_context_free(ctx);
}
END_TEST

START_TEST(scores_of_classes_by_hand) {
  thaw_context *ctx = thaw_context_create();
  thaw_class_scores scores[CLASSES];
  ck_assert_int_eq(thaw_score_classes(ctx, gold, predicted, COUNT, CLASSES, scores), THAW_OK);
  ck_assert_uint_eq(scores[2].gold, 4);
  ck_assert_uint_eq(scores[2].predicted, 3);
  ck_assert_uint_eq(scores[2].correct, 3);
  ck_assert_double_eq(scores[2].precision, 1);
  ck_assert_double_eq(scores[2].recall, 0.75);
  ck_assert_double_eq_tol(scores[2].f1, 6.0 / 7, 1e-15);
  ck_assert(isnan(scores[3].recall));
  ck_assert_double_eq(scores[3].precision, 0);
  ck_assert_double_eq(scores[3].f1, 0);
  ck_assert(isnan(scores[4].precision) && isnan(scores[4].recall) && isnan(scores[4].f1));
  thaw_context_free(ctx);
}
END_TEST

START_TEST(losses) {
  const int32_t labels[] = {1, -1, 0};
  const float probabilities[] = {0.75f, 0.25f, 0.5f, 0.5f, 0, 1};
  const double first = thaw_prediction_loss(probabilities, labels[0]);
  const double last = thaw_prediction_loss(probabilities + 4, labels[2]);
  ck_assert_double_eq_tol(first, log(4), 1e-15);
  ck_assert_double_eq_tol(last, 87.3, 0.05); /* rounded to 0 */
  ck_assert_double_eq_tol(thaw_mean_loss(labels, probabilities, 3, 2), (first + last) / 2, 1e-12);
  ck_assert(isnan(thaw_mean_loss(labels + 1, probabilities, 1, 2)));
}
END_TEST

START_TEST(nothing_known_is_not_a_number) {
  thaw_context *ctx = thaw_context_create();
  thaw_scores scores;
  const int32_t unknown[] = {-1, -1}, guess[] = {0, 1};
  ck_assert_int_eq(thaw_score(ctx, unknown, guess, 2, 2, &scores), THAW_OK);
  ck_assert_uint_eq(scores.count, 0);
  ck_assert(isnan(scores.accuracy) && isnan(scores.macro_f1));
  ck_assert_int_eq(thaw_score(ctx, unknown, guess, 0, 0, &scores), THAW_OK);
  ck_assert(isnan(scores.accuracy));
  thaw_context_free(ctx);
}
END_TEST

START_TEST(numbers_out_of_range_are_refused) {
  thaw_context *ctx = thaw_context_create();
  thaw_scores scores;
  size_t confusion[4];
  const int32_t good[] = {0, 1}, high[] = {0, 2}, low[] = {0, -2}, none[] = {-1, 0};
  ck_assert_int_eq(thaw_score(ctx, high, good, 2, 2, &scores), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "document 1 has class 2"));
  ck_assert_int_eq(thaw_score(ctx, low, good, 2, 2, &scores), THAW_INVALID);
  ck_assert_int_eq(thaw_score(ctx, good, high, 2, 2, &scores), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "document 1 was predicted as class 2"));
  ck_assert_int_eq(thaw_score(ctx, good, none, 2, 2, &scores), THAW_INVALID);
  ck_assert_int_eq(thaw_confusion(ctx, good, none, 2, 2, confusion), THAW_INVALID);
  thaw_class_scores classes[2];
  ck_assert_int_eq(thaw_score_classes(ctx, good, none, 2, 2, classes), THAW_INVALID);
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("metrics");
  TCase *test = tcase_create("metrics");
  tcase_add_test(test, scores_by_hand);
  tcase_add_test(test, confusion_by_hand);
  tcase_add_test(test, scores_of_classes_by_hand);
  tcase_add_test(test, losses);
  tcase_add_test(test, nothing_known_is_not_a_number);
  tcase_add_test(test, numbers_out_of_range_are_refused);
  suite_add_tcase(suite, test);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
