/* test_class_weights.c: what documents count for, by class. */
#include <check.h>
#include <stdlib.h>

#include "base/context.h"
#include "train/class_weights.h"

static char *names[] = {"bird", "fish", "stone", "tree"};
static const thaw_classes classes = {names, 4};

static float *find(const thaw_class_weights *given, const int32_t *labels, size_t count) {
  thaw_context *ctx = thaw_context_create();
  float *weights;
  ck_assert_int_eq(thaw_class_weights_find(ctx, given, &classes, labels, count, &weights), THAW_OK);
  thaw_context_free(ctx);
  return weights;
}

START_TEST(none) {
  ck_assert_ptr_null(find(&(thaw_class_weights){.kind = THAW_CLASS_WEIGHTS_NONE}, NULL, 0));
}
END_TEST

/* compute_class_weight("balanced", classes=[0, 1, 3], y=[0, 0, 0, 0, 1, 1, 3]) of scikit-learn is
 * [7/12, 7/6, 7/3]; the class that no document has is left out of its k. */
START_TEST(balanced) {
  const int32_t labels[] = {0, 1, 0, -1, 3, 0, 1, 0};
  float *weights = find(&(thaw_class_weights){.kind = THAW_CLASS_WEIGHTS_BALANCED}, labels, 8);
  const float expected[] = {7.0f / 12, 7.0f / 6, 1, 7.0f / 3};
  for (size_t c = 0; c < 4; c++) ck_assert_float_eq_tol(weights[c], expected[c], 1e-6f);
  free(weights);
}
END_TEST

START_TEST(given) {
  const thaw_class_weights some = {.kind = THAW_CLASS_WEIGHTS_GIVEN,
                                   .names = (const char *const[]){"tree", "bird"},
                                   .weights = (const double[]){0.25, 3},
                                   .count = 2};
  float *weights = find(&some, NULL, 0);
  const float expected[] = {3, 1, 1, 0.25f};
  for (size_t c = 0; c < 4; c++) ck_assert_float_eq(weights[c], expected[c]);
  free(weights);
  ck_assert_ptr_null(thaw_class_weights_unknown(&some, &classes));
}
END_TEST

START_TEST(unknown) {
  const thaw_class_weights some = {.kind = THAW_CLASS_WEIGHTS_GIVEN,
                                   .names = (const char *const[]){"tree", "brid", "x"},
                                   .weights = (const double[]){1, 2, 3},
                                   .count = 3};
  ck_assert_str_eq(thaw_class_weights_unknown(&some, &classes), "brid");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("class weights");
  TCase *cases = tcase_create("class weights");
  tcase_add_test(cases, none);
  tcase_add_test(cases, balanced);
  tcase_add_test(cases, given);
  tcase_add_test(cases, unknown);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
