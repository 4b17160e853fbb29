/* test_norm.c: layer norm, and batch norm with its two kinds of statistics. */
#include <math.h>

#include "tape_check.h"

static thaw_tensor *run_layer_norm(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)user;
  return thaw_layer_norm(tape, inputs[0], inputs[1], inputs[2], 1e-2f);
}

typedef struct running {
  thaw_tensor *mean, *variance;
} running;

static thaw_tensor *run_batch_norm(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const running *r = user;
  return thaw_batch_norm(tape, inputs[0], inputs[1], inputs[2], r->mean, r->variance, 0.1f, 1e-2f);
}

/* x, gain and bias of an operation over rows of `columns` numbers. */
static void make_inputs(thaw_tensor *inputs[3], size_t rank, const size_t *shape, size_t columns) {
  inputs[0] = make_parameter(1, -1, 2, rank, shape);
  inputs[1] = make_parameter(2, 0.5f, 1.5f, SHAPE(columns));
  inputs[2] = make_parameter(3, -1, 1, SHAPE(columns));
}

static void free_inputs(thaw_tensor *inputs[3]) {
  for (size_t i = 0; i < 3; i++) free_parameter(inputs[i]);
}

static running make_running(size_t columns) {
  running r = {make_parameter(4, -1, 1, SHAPE(columns)),
               make_parameter(5, 0.5f, 2, SHAPE(columns))};
  r.mean->wants_grad = r.variance->wants_grad = false;
  return r;
}

static void free_running(running r) {
  free_parameter(r.mean);
  free_parameter(r.variance);
}

/* ---- Layer norm ---------------------------------------------------------------------------- */

START_TEST(layer_norm_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 4), (float[]){1, 3, 5, 7, 2, 2, 2, 2});
  thaw_tensor *gain = thaw_tape_constant(tape, SHAPE(4), (float[]){1, 2, 1, 1});
  thaw_tensor *bias = thaw_tape_constant(tape, SHAPE(4), (float[]){0, 0, 0, 10});
  /* Mean 4, variance 5, and 4 more: divided by 3. */
  expect_values(thaw_layer_norm(tape, x, gain, bias, 4), SHAPE(2, 4),
                (float[]){-1, -2 / 3.0f, 1 / 3.0f, 11, 0, 0, 0, 10});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(layer_norm_gradients) {
  static const size_t SHAPES[][5] = {{1, 1}, {1, 7}, {2, 1, 5}, {3, 2, 3, 4}, {4, 2, 1, 2, 19}};
  for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
    thaw_tensor *inputs[3];
    make_inputs(inputs, SHAPES[i][0], SHAPES[i] + 1, SHAPES[i][SHAPES[i][0]]);
    check_gradient("layer_norm", run_layer_norm, NULL, 3, inputs);
    free_inputs(inputs);
  }
}
END_TEST

/* A large mean does not drown the differences. */
START_TEST(layer_norm_far_from_zero) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(1, 4), (float[]){10001, 10003, 10005, 10007});
  thaw_tensor *gain = thaw_tape_constant(tape, SHAPE(4), (float[]){1, 1, 1, 1});
  thaw_tensor *bias = thaw_tape_constant(tape, SHAPE(4), (float[]){0, 0, 0, 0});
  expect_values(thaw_layer_norm(tape, x, gain, bias, 4), SHAPE(1, 4),
                (float[]){-1, -1 / 3.0f, 1 / 3.0f, 1});
  thaw_tape_free(tape);
}
END_TEST

/* ---- Batch norm ---------------------------------------------------------------------------- */

START_TEST(batch_norm_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(4, 2), (float[]){1, 0, 3, 0, 5, 0, 7, 8});
  thaw_tensor *gain = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 2});
  thaw_tensor *bias = thaw_tape_constant(tape, SHAPE(2), (float[]){0, 1});
  thaw_tensor *mean = thaw_tape_constant(tape, SHAPE(2), (float[]){8, -2});
  thaw_tensor *variance = thaw_tape_constant(tape, SHAPE(2), (float[]){4, 1});
  /* Means 4 and 2, variances 5 and 12, and 4 more: divided by 3 and by 4. */
  expect_values(thaw_batch_norm(tape, x, gain, bias, mean, variance, 0.25f, 4), SHAPE(4, 2),
                (float[]){-1, 0, -1 / 3.0f, 0, 1 / 3.0f, 0, 1, 4});
  expect_values(mean, SHAPE(2), (float[]){7, -1});
  expect_values(variance, SHAPE(2), (float[]){3 + 0.25f * 20 / 3, 0.75f + 0.25f * 16});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(running_statistics_outside_of_training) {
  static const thaw_tape_mode MODES[] = {THAW_TAPE_EVALUATE, THAW_TAPE_RECORD};
  for (size_t i = 0; i < 2; i++) {
    thaw_tape *tape = start_tape(MODES[i]);
    thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){1, 2, 3, 4});
    thaw_tensor *gain = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 4});
    thaw_tensor *bias = thaw_tape_constant(tape, SHAPE(2), (float[]){0, 1});
    thaw_tensor *mean = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 0});
    thaw_tensor *variance = thaw_tape_constant(tape, SHAPE(2), (float[]){3, 15});
    expect_values(thaw_batch_norm(tape, x, gain, bias, mean, variance, 0.5f, 1), SHAPE(2, 2),
                  (float[]){0, 3, 1, 5});
    expect_values(mean, SHAPE(2), (float[]){1, 0});
    expect_values(variance, SHAPE(2), (float[]){3, 15});
    thaw_tape_free(tape);
  }
}
END_TEST

START_TEST(a_batch_of_one_uses_the_running_statistics) {
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(1, 1), (float[]){5});
  thaw_tensor *gain = thaw_tape_constant(tape, SHAPE(1), (float[]){3});
  thaw_tensor *bias = thaw_tape_constant(tape, SHAPE(1), (float[]){1});
  thaw_tensor *mean = thaw_tape_constant(tape, SHAPE(1), (float[]){1});
  thaw_tensor *variance = thaw_tape_constant(tape, SHAPE(1), (float[]){3});
  expect_values(thaw_batch_norm(tape, x, gain, bias, mean, variance, 0.5f, 1), SHAPE(1, 1),
                (float[]){7});
  expect_values(mean, SHAPE(1), (float[]){1});
  expect_values(variance, SHAPE(1), (float[]){3});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(batch_norm_gradients) {
  static const size_t SHAPES[][2] = {{1, 1}, {1, 4}, {2, 3}, {5, 1}, {9, 17}};
  static const thaw_tape_mode MODES[] = {THAW_TAPE_TRAIN, THAW_TAPE_RECORD};
  for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
    for (size_t m = 0; m < 2; m++) {
      thaw_tensor *inputs[3];
      make_inputs(inputs, 2, SHAPES[i], SHAPES[i][1]);
      running r = make_running(SHAPES[i][1]);
      check_gradients(&(gradient_check){.operation = "batch_norm",
                                        .run = run_batch_norm,
                                        .user = &r,
                                        .input_count = 3,
                                        .inputs = inputs,
                                        .mode = MODES[m]});
      free_inputs(inputs);
      free_running(r);
    }
  }
}
END_TEST

/* ---- Both ---------------------------------------------------------------------------------- */

START_TEST(nan_passes_through) {
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){NAN, 1, 2, 3});
  thaw_tensor *ones = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 1});
  thaw_tensor *mean = thaw_tape_constant(tape, SHAPE(2), (float[]){0, 0});
  thaw_tensor *variance = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 1});
  const thaw_tensor *y = thaw_layer_norm(tape, x, ones, ones, 1e-5f);
  for (size_t i = 0; i < 4; i++) ck_assert_int_eq(isnan(y->data[i]) != 0, i < 2);
  y = thaw_batch_norm(tape, x, ones, ones, mean, variance, 0.1f, 1e-5f);
  for (size_t i = 0; i < 4; i++) ck_assert_int_eq(isnan(y->data[i]) != 0, i % 2 == 0);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(threads_change_nothing) {
  thaw_tensor *inputs[3];
  make_inputs(inputs, SHAPE(700, 130), 130);
  running r = make_running(130);
  expect_same_for_threads(run_layer_norm, NULL, 3, inputs);
  expect_same_for_threads(run_batch_norm, &r, 3, inputs);
  expect_steady_memory(run_layer_norm, NULL, inputs);
  expect_steady_memory(run_batch_norm, &r, inputs); /* in training */
  free_inputs(inputs);
  free_running(r);
}
END_TEST

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3)), *row = make_parameter(1, -1, 1, SHAPE(3));
  thaw_tensor *wrong = make_parameter(1, -1, 1, SHAPE(4)),
              *number = make_parameter(1, -1, 1, 0, NULL);
  thaw_tensor *flat = make_parameter(1, -1, 1, SHAPE(1, 3));
  thaw_layer_norm(tape, x, wrong, row, 1);
  expect_error(tape, "layer_norm: input [2][3] and gain [4] do not fit: expected [..][D] and [D]");
  thaw_layer_norm(tape, x, row, flat, 1);
  expect_error(tape,
               "layer_norm: input [2][3] and bias [1][3] do not fit: expected [..][D] and [D]");
  thaw_layer_norm(tape, number, row, row, 1);
  expect_error(tape, "layer_norm: input scalar and gain [3] do not fit: expected [..][D] and [D]");
  thaw_batch_norm(tape, row, row, row, row, row, 0.1f, 1);
  expect_error(tape, "batch_norm: the input is [3]: expected [N][D]");
  thaw_batch_norm(tape, x, wrong, row, row, row, 0.1f, 1);
  expect_error(tape, "batch_norm: input [2][3] and gain [4] do not fit: expected [..][D] and [D]");
  thaw_batch_norm(tape, x, row, wrong, row, row, 0.1f, 1);
  expect_error(tape, "batch_norm: input [2][3] and bias [4] do not fit: expected [..][D] and [D]");
  thaw_batch_norm(tape, x, row, row, wrong, row, 0.1f, 1);
  expect_error(
      tape, "batch_norm: input [2][3] and running mean [4] do not fit: expected [..][D] and [D]");
  thaw_batch_norm(tape, x, row, row, row, wrong, 0.1f, 1);
  expect_error(
      tape,
      "batch_norm: input [2][3] and running variance [4] do not fit: expected [..][D] and [D]");
  ck_assert_ptr_null(thaw_layer_norm(tape, NULL, row, row, 1));
  ck_assert_ptr_null(thaw_layer_norm(tape, x, row, NULL, 1));
  ck_assert_ptr_null(thaw_batch_norm(tape, NULL, row, row, row, row, 0.1f, 1));
  ck_assert_ptr_null(thaw_batch_norm(tape, x, row, row, NULL, row, 0.1f, 1));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(row);
  free_parameter(wrong);
  free_parameter(number);
  free_parameter(flat);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("norm");
  TCase *tests = tcase_create("norm");
  tcase_add_test(tests, layer_norm_values);
  tcase_add_test(tests, layer_norm_gradients);
  tcase_add_test(tests, layer_norm_far_from_zero);
  tcase_add_test(tests, batch_norm_values);
  tcase_add_test(tests, running_statistics_outside_of_training);
  tcase_add_test(tests, a_batch_of_one_uses_the_running_statistics);
  tcase_add_test(tests, batch_norm_gradients);
  tcase_add_test(tests, nan_passes_through);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, shapes_that_do_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
