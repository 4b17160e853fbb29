/* test_softmax.c: softmax with and without a mask, and its logarithm. */
#include <math.h>

#include "tape_check.h"

static thaw_tensor *run_softmax(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_softmax(tape, inputs[0], user);
}

static thaw_tensor *run_log_softmax(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)user;
  return thaw_log_softmax(tape, inputs[0]);
}

static const size_t SHAPES[][5] = {{0, 0}, {1, 1}, {1, 9}, {2, 4, 1}, {2, 5, 3}, {4, 2, 1, 3, 17}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

START_TEST(values_by_hand) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){0, 1, 2, 1000, 1000, -1000});
  expect_values(thaw_softmax(tape, x, NULL), SHAPE(2, 3),
                (float[]){0.09003057f, 0.24472847f, 0.66524096f, 0.5f, 0.5f, 0});
  expect_values(thaw_log_softmax(tape, x), SHAPE(2, 3),
                (float[]){-2.40760596f, -1.40760596f, -0.40760596f, -0.69314718f, -0.69314718f,
                          -2000.69315f});
  thaw_tensor *mask = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){1, 1, 0, 0, 0, 1});
  expect_values(thaw_softmax(tape, x, mask), SHAPE(2, 3),
                (float[]){0.26894142f, 0.73105858f, 0, 0, 0, 1});
  thaw_tensor *one = thaw_tape_constant(tape, 0, NULL, (float[]){5});
  expect_values(thaw_softmax(tape, one, NULL), 0, NULL, (float[]){1});
  expect_values(thaw_log_softmax(tape, one), 0, NULL, (float[]){0});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(gradients) {
  for (size_t i = 0; i < SHAPE_COUNT; i++) {
    thaw_tensor *x = make_parameter(i, -2, 2, SHAPES[i][0], SHAPES[i] + 1);
    thaw_tensor *mask = make_parameter(i + 9, 0, 1, SHAPES[i][0], SHAPES[i] + 1);
    for (size_t k = 0; k < thaw_size(x); k++) mask->data[k] = mask->data[k] < 0.6f ? 1 : 0;
    check_gradient("softmax", run_softmax, NULL, 1, &x);
    check_gradient("softmax with a mask", run_softmax, mask, 1, &x);
    check_gradient("log_softmax", run_log_softmax, NULL, 1, &x);
    for (size_t k = 0; k < thaw_columns(x); k++) mask->data[k] = 0;
    check_gradient("softmax with a row masked out", run_softmax, mask, 1, &x);
    free_parameter(x);
    free_parameter(mask);
  }
}
END_TEST

START_TEST(a_row_masked_out_is_all_zeros) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3));
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *mask = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){0, 0, 0, 0, 1, 0});
  thaw_tensor *y = thaw_softmax(tape, x, mask);
  expect_values(y, SHAPE(2, 3), (float[]){0, 0, 0, 0, 1, 0});
  const float *gradient = gradient_of(tape, y, x);
  for (size_t i = 0; i < 6; i++) ck_assert_float_eq(gradient[i], 0);
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

START_TEST(nan_passes_unless_it_is_masked_out) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){0, NAN, 0, 1, 1, 1});
  const float third = 1 / 3.0f;
  expect_values(thaw_softmax(tape, x, NULL), SHAPE(2, 3),
                (float[]){NAN, NAN, NAN, third, third, third});
  const float log_third = -1.09861229f;
  expect_values(thaw_log_softmax(tape, x), SHAPE(2, 3),
                (float[]){NAN, NAN, NAN, log_third, log_third, log_third});
  thaw_tensor *mask = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){1, 0, 1, 1, 1, 1});
  expect_values(thaw_softmax(tape, x, mask), SHAPE(2, 3),
                (float[]){0.5f, 0, 0.5f, third, third, third});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(threads_change_nothing) {
  thaw_tensor *x = make_parameter(1, -5, 5, SHAPE(500, 170));
  thaw_tensor *mask = make_parameter(2, 0, 1, SHAPE(500, 170));
  for (size_t i = 0; i < thaw_size(x); i++) mask->data[i] = mask->data[i] < 0.6f ? 1 : 0;
  expect_same_for_threads(run_softmax, NULL, 1, &x);
  expect_same_for_threads(run_softmax, mask, 1, &x);
  expect_same_for_threads(run_log_softmax, NULL, 1, &x);
  expect_steady_memory(run_softmax, mask, &x);
  expect_steady_memory(run_log_softmax, NULL, &x);
  free_parameter(x);
  free_parameter(mask);
}
END_TEST

START_TEST(what_does_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 4)),
              *mask = make_parameter(1, 0, 1, SHAPE(2, 3));
  thaw_tensor *deep = make_parameter(1, 0, 1, SHAPE(2, 4, 1));
  ck_assert_ptr_null(thaw_softmax(tape, x, mask));
  expect_error(tape, "softmax: mask [2][3] does not fit [2][4]: expected the same shape");
  ck_assert_ptr_null(thaw_softmax(tape, x, deep));
  expect_error(tape, "softmax: mask [2][4][1] does not fit [2][4]: expected the same shape");
  ck_assert_ptr_null(thaw_softmax(tape, NULL, mask));
  ck_assert_ptr_null(thaw_log_softmax(tape, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  thaw_tape_fail(tape, "test", "no mask"); /* a mask that failed is no missing mask */
  ck_assert_ptr_null(thaw_softmax(tape, x, NULL));
  expect_error(tape, "test: no mask");
  free_parameter(x);
  free_parameter(mask);
  free_parameter(deep);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("softmax");
  TCase *tests = tcase_create("softmax");
  tcase_add_test(tests, values_by_hand);
  tcase_add_test(tests, gradients);
  tcase_add_test(tests, a_row_masked_out_is_all_zeros);
  tcase_add_test(tests, nan_passes_unless_it_is_masked_out);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, what_does_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
