/* test_dropout.c: dropout of single elements and the locked one. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

static thaw_tensor *run_dropout(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_dropout(tape, inputs[0], *(float *)user);
}

static thaw_tensor *run_locked(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_locked_dropout(tape, inputs[0], *(float *)user);
}

/* How many of the values are 0; all others have to be 1/(1−p). */
static size_t count_dropped(const float *values, size_t size, float p) {
  size_t dropped = 0;
  for (size_t i = 0; i < size; i++) {
    if (values[i] == 0) dropped++;
    if (values[i] != 0) ck_assert_float_eq_tol(values[i], 1 / (1 - p), 1e-6f);
  }
  return dropped;
}

/* Within 5 standard deviations. */
static void expect_rate(size_t dropped, size_t size, float p) {
  const double expected = (double)p * (double)size;
  const double allowed = 5 * sqrt(expected * (1 - (double)p));
  ck_assert_msg(fabs((double)dropped - expected) <= allowed,
                "p = %g dropped %zu of %zu, expected %.0f ± %.0f", (double)p, dropped, size,
                expected, allowed);
}

START_TEST(identity_unless_training) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3, 4));
  const thaw_tape_mode modes[] = {THAW_TAPE_EVALUATE, THAW_TAPE_RECORD, THAW_TAPE_TRAIN};
  for (size_t m = 0; m < 3; m++) {
    thaw_tape *tape = start_tape(modes[m]);
    const float p = modes[m] == THAW_TAPE_TRAIN ? 0 : 0.5f;
    ck_assert_ptr_eq(thaw_dropout(tape, x, p), x);
    ck_assert_ptr_eq(thaw_locked_dropout(tape, x, p), x);
    thaw_tape_free(tape);
  }
  free_parameter(x);
}
END_TEST

START_TEST(rate_and_scale) {
  const size_t size = 100003;
  thaw_tensor *x = make_parameter(1, 1, 1, 1, &size);
  const float rates[] = {0.02f, 0.25f, 0.5f, 0.9f};
  for (size_t r = 0; r < 4; r++) {
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    const thaw_tensor *y = thaw_dropout(tape, x, rates[r]), *z = thaw_dropout(tape, x, rates[r]);
    expect_rate(count_dropped(y->data, size, rates[r]), size, rates[r]);
    ck_assert_mem_ne(y->data, z->data, size * sizeof(float));
    thaw_tape_free(tape);
  }
  free_parameter(x);
}
END_TEST

START_TEST(locked_over_time) {
  const size_t time = 5, batch = 7, width = 301, step = batch * width;
  const float p = 0.3f;
  thaw_tensor *x = make_parameter(1, 1, 1, SHAPE(time, batch, width));
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  const thaw_tensor *y = thaw_locked_dropout(tape, x, p);
  expect_rate(count_dropped(y->data, step, p), step, p);
  for (size_t t = 1; t < time; t++) {
    ck_assert_mem_eq(y->data + t * step, y->data, step * sizeof(float));
  }
  for (size_t b = 1; b < batch; b++) {
    ck_assert_mem_ne(y->data + b * width, y->data, width * sizeof(float));
  }
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

START_TEST(dropout_gradients) {
  const size_t shapes[][3] = {{1, 1, 1}, {1, 3, 4}, {5, 1, 3}, {4, 3, 17}};
  for (size_t s = 0; s < 4; s++) {
    for (size_t rank = 0; rank <= 3; rank++) {
      thaw_tensor *x = make_parameter(s, -1, 1, rank, shapes[s]);
      float p = 0.4f;
      check_gradients(&(gradient_check){
          .operation = "dropout", run_dropout, &p, 1, &x, .mode = THAW_TAPE_TRAIN});
      if (rank == 3) {
        check_gradients(&(gradient_check){
            .operation = "locked_dropout", run_locked, &p, 1, &x, .mode = THAW_TAPE_TRAIN});
      }
      free_parameter(x);
    }
  }
}
END_TEST

/* Large enough to be shared among threads. */
START_TEST(same_for_any_number_of_threads) {
  float p = 0.5f;
  check_function functions[] = {run_dropout, run_locked};
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(31, 9, 301));
  const size_t size = thaw_size(x);
  for (size_t f = 0; f < 2; f++) {
    float *values = NULL, *gradients = NULL;
    for (int threads = 1; threads <= 2; threads++) {
      thaw_numerics_prepare(threads);
      thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
      thaw_tensor *y = functions[f](tape, &x, &p);
      memset(x->grad, 0, size * sizeof(float));
      play_back_from(tape, y);
      if (threads == 1) {
        values = copy_of(y->data, size);
        gradients = copy_of(x->grad, size);
      }
      ck_assert_mem_eq(y->data, values, size * sizeof(float));
      ck_assert_mem_eq(x->grad, gradients, size * sizeof(float));
      thaw_tape_free(tape);
    }
    free(values);
    free(gradients);
  }
  free_parameter(x);
}
END_TEST

START_TEST(a_constant_gets_no_gradient) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3, 4));
  x->wants_grad = false;
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  ck_assert(!thaw_dropout(tape, x, 0.5f)->wants_grad);
  ck_assert(!thaw_locked_dropout(tape, x, 0.5f)->wants_grad);
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

START_TEST(wrong_arguments) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3));
  ck_assert_ptr_null(thaw_dropout(tape, x, 1));
  expect_error(tape, "dropout: probability 1 is not at least 0 and below 1");
  ck_assert_ptr_null(thaw_dropout(tape, x, -0.5f));
  expect_error(tape, "dropout: probability -0.5 is not at least 0 and below 1");
  ck_assert_ptr_null(thaw_locked_dropout(tape, x, NAN));
  expect_error(tape, "locked_dropout: probability nan is not at least 0 and below 1");
  ck_assert_ptr_null(thaw_locked_dropout(tape, x, 0.5f));
  expect_error(tape, "locked_dropout: input [2][3], expected [T][B][D]");
  ck_assert_ptr_null(thaw_dropout(tape, NULL, 0.5f));
  ck_assert_ptr_null(thaw_locked_dropout(tape, NULL, 0.5f));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("dropout");
  TCase *tests = tcase_create("dropout");
  tcase_add_test(tests, identity_unless_training);
  tcase_add_test(tests, rate_and_scale);
  tcase_add_test(tests, locked_over_time);
  tcase_add_test(tests, dropout_gradients);
  tcase_add_test(tests, same_for_any_number_of_threads);
  tcase_add_test(tests, a_constant_gets_no_gradient);
  tcase_add_test(tests, wrong_arguments);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
