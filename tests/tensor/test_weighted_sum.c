/* test_weighted_sum.c: weighted sums over time, and of several tensors. */
#include <math.h>

#include "tape_check.h"

static thaw_tensor *run_over_time(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_weighted_sum(tape, inputs[0], inputs[1], user);
}

/* The weights come last. */
static thaw_tensor *run_mix(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const size_t *count = user;
  return thaw_mix(tape, *count, inputs, inputs[*count]);
}

/* ---- Over time ------------------------------------------------------------------------------- */

START_TEST(values_by_hand) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x =
      thaw_tape_constant(tape, SHAPE(3, 2, 2), (float[]){1, 2, 3, 4, 5, -6, 7, 8, -9, 10, NAN, 12});
  thaw_tensor *w = thaw_tape_constant(tape, SHAPE(3, 2), (float[]){1, 2, 0.5f, -1, 2, NAN});
  const thaw_tensor *mask = thaw_length_mask(tape, 3, 2, (int32_t[]){3, 2});
  expect_values(thaw_weighted_sum(tape, x, w, mask), SHAPE(2, 2), (float[]){-14.5f, 19, -1, 0});
  expect_values(thaw_weighted_sum(tape, x, w, NULL), SHAPE(2, 2), (float[]){-14.5f, 19, NAN, NAN});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(gradients) {
  static const size_t shapes[][3] = {{1, 1, 1}, {5, 1, 3}, {4, 3, 2}, {7, 2, 17}};
  for (size_t i = 0; i < 4; i++) {
    thaw_tensor *x = make_parameter(i, -1, 1, 3, shapes[i]);
    thaw_tensor *w = make_parameter(i + 9, -1, 1, 2, shapes[i]);
    thaw_tensor *mask = make_parameter(i + 17, 0, 1, 2, shapes[i]);
    for (size_t k = 0; k < thaw_size(mask); k++) mask->data[k] = mask->data[k] < 0.6f ? 1 : 0;
    thaw_tensor *inputs[] = {x, w};
    check_gradient("weighted_sum", run_over_time, NULL, 2, inputs);
    check_gradient("weighted_sum with a mask", run_over_time, mask, 2, inputs);
    free_parameter(x);
    free_parameter(w);
    free_parameter(mask);
  }
}
END_TEST

/* Wider than a strip of results, which then begins within a document. */
START_TEST(more_results_than_a_strip) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(4, 3, 1500));
  thaw_tensor *w = make_parameter(2, -1, 1, SHAPE(4, 3));
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  const thaw_tensor *y = thaw_weighted_sum(tape, x, w, NULL);
  for (size_t i = 0; i < 4500; i++) {
    double sum = 0;
    for (size_t t = 0; t < 4; t++)
      sum += (double)x->data[t * 4500 + i] * (double)w->data[t * 3 + i / 1500];
    ck_assert_double_eq_tol((double)y->data[i], sum, 1e-6);
  }
  thaw_tape_free(tape);
  free_parameter(x);
  free_parameter(w);
}
END_TEST

START_TEST(long_sums_are_exact) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_tensor(tape, SHAPE(20000, 1, 1));
  thaw_tensor *w = thaw_tape_tensor(tape, SHAPE(20000, 1));
  for (size_t t = 0; t < 20000; t++) {
    x->data[t] = t == 0 ? 0x1p26f : 0.5f;
    w->data[t] = 2;
  }
  const float sum = 2 * (0x1p26f + 0.5f * 19999);
  expect_values(thaw_weighted_sum(tape, x, w, NULL), SHAPE(1, 1), &sum);
  thaw_tape_free(tape);
}
END_TEST

/* ---- Of several tensors ---------------------------------------------------------------------- */

START_TEST(mixes_by_hand) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *a = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){1, 2, 3, 4});
  thaw_tensor *b = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){10, 0, -10, 1});
  thaw_tensor *w = thaw_tape_constant(tape, SHAPE(2), (float[]){0.5f, -2});
  thaw_tensor *one = thaw_tape_constant(tape, SHAPE(1), (float[]){3});
  expect_values(thaw_mix(tape, 2, (thaw_tensor *[]){a, b}, w), SHAPE(2, 2),
                (float[]){-19.5f, 1, 21.5f, 0});
  expect_values(thaw_mix(tape, 1, &a, one), SHAPE(2, 2), (float[]){3, 6, 9, 12});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(gradients_of_mixes) {
  for (size_t count = 1; count <= 3; count++) {
    thaw_tensor *inputs[4];
    for (size_t i = 0; i < count; i++) inputs[i] = make_parameter(i, -1, 1, SHAPE(3, 2, 5));
    inputs[count] = make_parameter(9, -1, 1, SHAPE(count));
    check_gradient("mix", run_mix, &count, count + 1, inputs);
    for (size_t i = 0; i <= count; i++) free_parameter(inputs[i]);
  }
}
END_TEST

/* A tensor that is mixed with itself gets both gradients. */
START_TEST(a_tensor_twice) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2));
  thaw_tensor *w = make_parameter(2, -1, 1, SHAPE(2));
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *y = thaw_mix(tape, 2, (thaw_tensor *[]){x, x}, w);
  const float *gradient = gradient_of(tape, y, x);
  const float sum = w->data[0] + w->data[1];
  for (size_t i = 0; i < 2; i++) ck_assert_float_eq_tol(gradient[i], sum * (float)(i + 1), 1e-6f);
  thaw_tape_free(tape);
  free_parameter(x);
  free_parameter(w);
}
END_TEST

/* ---- Both ------------------------------------------------------------------------------------ */

START_TEST(threads_change_nothing) {
  size_t count = 2;
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(60, 7, 90));
  thaw_tensor *y = make_parameter(2, -1, 1, SHAPE(60, 7, 90));
  thaw_tensor *w = make_parameter(3, -1, 1, SHAPE(60, 7));
  thaw_tensor *weights = make_parameter(4, -1, 1, SHAPE(2));
  thaw_tensor *over_time[] = {x, w}, *mixed[] = {x, y, weights};
  expect_same_for_threads(run_over_time, NULL, 2, over_time);
  expect_steady_memory(run_over_time, NULL, over_time);
  expect_same_for_threads(run_mix, &count, 3, mixed);
  expect_steady_memory(run_mix, &count, mixed);
  for (size_t i = 0; i < 3; i++) free_parameter(mixed[i]);
  free_parameter(w);
}
END_TEST

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(5, 2, 3));
  thaw_tensor *w = make_parameter(1, -1, 1, SHAPE(5, 2));
  thaw_tensor *turned = make_parameter(1, -1, 1, SHAPE(2, 5));
  thaw_tensor *two = make_parameter(1, -1, 1, SHAPE(2));
  thaw_weighted_sum(tape, x, turned, NULL);
  expect_error(tape,
               "weighted_sum: input [5][2][3], weights [2][5] do not fit: expected [T][B][D] and "
               "[T][B]");
  thaw_weighted_sum(tape, x, w, turned);
  expect_error(tape,
               "weighted_sum: input [5][2][3], weights [5][2] and mask [2][5] do not fit: expected "
               "[T][B][D] and [T][B]");
  thaw_weighted_sum(tape, w, w, NULL);
  expect_error(tape,
               "weighted_sum: input [5][2], weights [5][2] do not fit: expected [T][B][D] and "
               "[T][B]");
  thaw_mix(tape, 3, (thaw_tensor *[]){x, x, x}, two);
  expect_error(tape, "mix: weights [2] for 3 tensors: expected one for each");
  thaw_mix(tape, 2, (thaw_tensor *[]){w, turned}, two);
  expect_error(tape, "mix: tensor 0 is [5][2] and tensor 1 [2][5]: expected one shape");
  ck_assert_ptr_null(thaw_weighted_sum(tape, NULL, w, NULL));
  ck_assert_ptr_null(thaw_weighted_sum(tape, x, NULL, NULL));
  ck_assert_ptr_null(thaw_mix(tape, 2, (thaw_tensor *[]){x, NULL}, two));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(w);
  free_parameter(turned);
  free_parameter(two);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("weighted sum");
  TCase *tests = tcase_create("weighted sum");
  tcase_add_test(tests, values_by_hand);
  tcase_add_test(tests, gradients);
  tcase_add_test(tests, more_results_than_a_strip);
  tcase_add_test(tests, long_sums_are_exact);
  tcase_add_test(tests, mixes_by_hand);
  tcase_add_test(tests, gradients_of_mixes);
  tcase_add_test(tests, a_tensor_twice);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, shapes_that_do_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
