/* test_loss.c: cross entropies and the penalties on hidden states. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

/* Targets over `classes`, every third one left out. */
static int32_t *make_targets(size_t rows, size_t classes) {
  int32_t *targets = malloc(rows * sizeof *targets);
  ck_assert_ptr_nonnull(targets);
  for (size_t i = 0; i < rows; i++) {
    targets[i] = i % 3 == 1 ? -1 : (int32_t)((7 * i + 1) % classes);
  }
  return targets;
}

static const int32_t LEFT_OUT[6] = {-1, -1, -1, -1, -1, -1};

/* ---- Cross entropy ------------------------------------------------------------------------- */

static thaw_tensor *run_cross_entropy(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_cross_entropy(tape, inputs[0], user);
}

/* Targets, and what the classes and a target count for. */
typedef struct weighting {
  const int32_t *targets;
  const float *weights;
  float smoothing;
} weighting;

static thaw_tensor *run_weighted_cross_entropy(thaw_tape *tape, thaw_tensor *const *inputs,
                                               void *user) {
  const weighting *w = user;
  return thaw_weighted_cross_entropy(tape, inputs[0], w->targets, w->weights, w->smoothing, NULL);
}

static thaw_tensor *run_linear_cross_entropy(thaw_tape *tape, thaw_tensor *const *inputs,
                                             void *user) {
  return thaw_linear_cross_entropy(tape, inputs[0], inputs[1], inputs[2], user, NULL);
}

START_TEST(cross_entropy_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *logits =
      thaw_tape_constant(tape, SHAPE(3, 2), (float[]){0, 0, 1e4f, 1, 0, (float)log(3)});
  const thaw_tensor *loss = thaw_cross_entropy(tape, logits, (int32_t[]){1, -1, 0});
  ck_assert_uint_eq(loss->rank, 0);
  ck_assert_float_eq_tol(loss->data[0], (float)(log(2) + log(4)) / 2, 1e-6f);
  loss = thaw_cross_entropy(tape, logits, (int32_t[]){-1, 1, -1});
  ck_assert_float_eq_tol(loss->data[0], 9999, 1e-2f);
  logits->data[3] = NAN;
  ck_assert_float_nan(thaw_cross_entropy(tape, logits, (int32_t[]){0, 0, 0})->data[0]);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(cross_entropy_gradients) {
  const size_t shapes[][3] = {{1, 1, 1}, {1, 1, 7}, {5, 1, 2}, {3, 4, 19}};
  for (size_t s = 0; s < 4; s++) {
    for (size_t rank = 1; rank <= 3; rank++) {
      thaw_tensor *logits = make_parameter(s, -2, 2, rank, shapes[s]);
      int32_t *targets = make_targets(thaw_rows(logits), thaw_columns(logits));
      check_gradient("cross_entropy", run_cross_entropy, targets, 1, &logits);
      free(targets);
      free_parameter(logits);
    }
  }
}
END_TEST

START_TEST(weighted_cross_entropy_gradients) {
  const size_t shapes[][3] = {{1, 1, 1}, {1, 1, 7}, {5, 1, 2}, {3, 4, 19}};
  for (size_t s = 0; s < 4; s++) {
    thaw_tensor *logits = make_parameter(s, -2, 2, 3, shapes[s]);
    thaw_tensor *weights = make_parameter(s + 9, 0.2f, 3, SHAPE(thaw_columns(logits)));
    int32_t *targets = make_targets(thaw_rows(logits), thaw_columns(logits));
    weighting cases[] = {{targets, NULL, 0.1f},
                         {targets, weights->data, 0},
                         {targets, weights->data, 0.4f},
                         {targets, NULL, 1}};
    for (size_t c = 0; c < 4; c++)
      check_gradient("weighted_cross_entropy", run_weighted_cross_entropy, &cases[c], 1, &logits);
    free(targets);
    free_parameter(weights);
    free_parameter(logits);
  }
}
END_TEST

START_TEST(weighted_cross_entropy_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  const float ones[] = {1, 1, 1}, weights[] = {2, 6, 1};
  const int32_t targets[] = {1, -1, 0};
  double sum = 0;
  thaw_tensor *logits = thaw_tape_constant(tape, SHAPE(3, 3), (float[]){0, 0, 0, 5, 6, 7, 1, 2, 3});
  const float plain = thaw_cross_entropy(tape, logits, targets)->data[0];
  ck_assert_float_eq_tol(thaw_weighted_cross_entropy(tape, logits, targets, ones, 0, &sum)->data[0],
                         plain, 1e-6f);
  ck_assert_double_eq(sum, 2);
  /* −log p of the two targets: log 3, and log Σ exp(x) − 1. */
  const double first = log(3), second = log(exp(1) + exp(2) + exp(3)) - 1;
  const float loss = thaw_weighted_cross_entropy(tape, logits, targets, weights, 0, &sum)->data[0];
  ck_assert_double_eq(sum, 8);
  ck_assert_double_eq_tol((double)loss, (6 * first + 2 * second) / 8, 1e-6);
  ck_assert_float_eq(
      thaw_weighted_cross_entropy(tape, logits, LEFT_OUT, weights, 0.1f, &sum)->data[0], 0);
  ck_assert_double_eq(sum, 0);
  logits->data[1] = NAN;
  ck_assert_float_nan(
      thaw_weighted_cross_entropy(tape, logits, targets, weights, 0.1f, NULL)->data[0]);
  ck_assert_ptr_null(
      thaw_weighted_cross_entropy(tape, logits, (int32_t[]){0, 3, 0}, weights, 0.1f, NULL));
  expect_error(tape,
               "cross_entropy: target 3 of row 1 is not a class: expected 0 to 2, or -1 to "
               "leave the row out");
  thaw_tape_free(tape);
}
END_TEST

START_TEST(linear_cross_entropy_gradients) {
  const size_t shapes[][4] = {{1, 1, 1, 1}, {1, 1, 3, 5}, {4, 3, 2, 7}, {2, 3, 5, 33}};
  for (size_t s = 0; s < 4; s++) {
    const size_t time = shapes[s][0], batch = shapes[s][1], in = shapes[s][2], out = shapes[s][3];
    thaw_tensor *inputs[] = {make_parameter(1, -1, 1, SHAPE(time, batch, in)),
                             make_parameter(2, -1, 1, SHAPE(out, in)),
                             make_parameter(3, -1, 1, SHAPE(out))};
    int32_t *targets = make_targets(time * batch, out);
    check_gradient("linear_cross_entropy", run_linear_cross_entropy, targets, 3, inputs);
    for (size_t frozen = 0; frozen < 3; frozen++) {
      inputs[frozen]->wants_grad = false;
      check_gradient("linear_cross_entropy with a frozen input", run_linear_cross_entropy, targets,
                     3, inputs);
      inputs[frozen]->wants_grad = true;
    }
    free_parameter(inputs[2]);
    inputs[2] = NULL;
    check_gradient("linear_cross_entropy without bias", run_linear_cross_entropy, targets, 3,
                   inputs);
    free(targets);
    free_parameter(inputs[0]);
    free_parameter(inputs[1]);
  }
}
END_TEST

/* The loss and the gradients of x, weight and bias by either way. */
static void compare_with_cross_entropy(size_t rows, size_t in, size_t out) {
  thaw_tensor *inputs[] = {make_parameter(1, -1, 1, SHAPE(rows, in)),
                           make_parameter(2, -1, 1, SHAPE(out, in)),
                           make_parameter(3, -1, 1, SHAPE(out))};
  int32_t *targets = make_targets(rows, out);
  size_t counted = 0;
  for (size_t i = 0; i < rows; i++) counted += targets[i] >= 0;
  float expected = 0, *gradients[3];
  double sum = 0;
  for (int blocks = 0; blocks < 2; blocks++) {
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    for (size_t i = 0; i < 3; i++) {
      memset(inputs[i]->grad, 0, thaw_size(inputs[i]) * sizeof(float));
    }
    thaw_tensor *loss =
        blocks
            ? thaw_linear_cross_entropy(tape, inputs[0], inputs[1], inputs[2], targets, &sum)
            : thaw_cross_entropy(tape, thaw_linear(tape, inputs[0], inputs[1], inputs[2]), targets);
    ck_assert_msg(thaw_tape_backward(tape, loss) == THAW_OK, "%s", thaw_tape_error(tape));
    if (blocks) {
      expect_close("loss", loss->data, &expected, 1, 1e-6);
      ck_assert_double_eq_tol(sum / (double)counted, (double)loss->data[0], 1e-5);
    }
    expected = loss->data[0];
    for (size_t i = 0; i < 3; i++) {
      if (!blocks) gradients[i] = copy_of(inputs[i]->grad, thaw_size(inputs[i]));
      if (blocks)
        expect_close("gradient", inputs[i]->grad, gradients[i], thaw_size(inputs[i]), 1e-4);
    }
    thaw_tape_free(tape);
  }
  for (size_t i = 0; i < 3; i++) {
    free(gradients[i]);
    free_parameter(inputs[i]);
  }
  free(targets);
}

START_TEST(linear_cross_entropy_is_cross_entropy_of_linear) {
  thaw_numerics_prepare(2);
  compare_with_cross_entropy(1, 1, 2);
  compare_with_cross_entropy(70, 16, 500);
  compare_with_cross_entropy(300, 3, 40009); /* more than one block */
}
END_TEST

START_TEST(evaluation_finds_the_same_loss) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(9, 5)),
              *w = make_parameter(2, -1, 1, SHAPE(11, 5));
  int32_t *targets = make_targets(9, 11);
  double sums[2];
  for (int evaluate = 0; evaluate < 2; evaluate++) {
    thaw_tape *tape = start_tape(evaluate ? THAW_TAPE_EVALUATE : THAW_TAPE_TRAIN);
    const thaw_tensor *loss = thaw_linear_cross_entropy(tape, x, w, NULL, targets, &sums[evaluate]);
    ck_assert_int_eq(loss->wants_grad, !evaluate);
    thaw_tape_free(tape);
  }
  ck_assert_double_eq(sums[0], sums[1]);
  free(targets);
  free_parameter(x);
  free_parameter(w);
}
END_TEST

START_TEST(no_row_counts) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(6, 3)),
              *w = make_parameter(2, -1, 1, SHAPE(4, 3));
  double sum = 1;
  const thaw_tensor *a = thaw_cross_entropy(tape, x, LEFT_OUT);
  const thaw_tensor *b = thaw_linear_cross_entropy(tape, x, w, NULL, LEFT_OUT, &sum);
  ck_assert_float_eq(a->data[0], 0);
  ck_assert_float_eq(b->data[0], 0);
  ck_assert_double_eq(sum, 0);
  ck_assert(!a->wants_grad && !b->wants_grad);
  free_parameter(x);
  free_parameter(w);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(cross_entropy_is_the_same_for_any_number_of_threads) {
  thaw_tensor *logits = make_parameter(1, -3, 3, SHAPE(101, 997));
  const size_t size = thaw_size(logits);
  int32_t *targets = make_targets(101, 997);
  float value = 0, *gradient = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    thaw_numerics_prepare(threads);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    memset(logits->grad, 0, size * sizeof(float));
    thaw_tensor *loss = thaw_cross_entropy(tape, logits, targets);
    ck_assert_int_eq(thaw_tape_backward(tape, loss), THAW_OK);
    if (threads == 1) {
      value = loss->data[0];
      gradient = copy_of(logits->grad, size);
    }
    ck_assert_float_eq(loss->data[0], value);
    ck_assert_mem_eq(logits->grad, gradient, size * sizeof(float));
    thaw_tape_free(tape);
  }
  free(gradient);
  free(targets);
  free_parameter(logits);
}
END_TEST

START_TEST(wrong_losses) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3)),
              *w = make_parameter(2, -1, 1, SHAPE(4, 3));
  thaw_tensor *v = make_parameter(3, -1, 1, SHAPE(3)), *scalar = make_parameter(3, -1, 1, 0, NULL);
  const int32_t high[] = {0, 4}, low[] = {-2, 0};
  double sum;
  ck_assert_ptr_null(thaw_cross_entropy(tape, x, high));
  expect_error(tape,
               "cross_entropy: target 4 of row 1 is not a class: expected 0 to 2, or -1 to "
               "leave the row out");
  ck_assert_ptr_null(thaw_cross_entropy(tape, scalar, high));
  expect_error(tape, "cross_entropy: logits are a scalar, expected [..][C]");
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, x, w, NULL, high, &sum));
  expect_error(tape,
               "linear_cross_entropy: target 4 of row 1 is not a class: expected 0 to 3, or "
               "-1 to leave the row out");
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, x, w, NULL, low, &sum));
  expect_error(tape,
               "linear_cross_entropy: target -2 of row 0 is not a class: expected 0 to 3, or "
               "-1 to leave the row out");
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, x, v, NULL, low, &sum));
  expect_error(tape,
               "linear_cross_entropy: input [2][3] and weight [3] do not fit: expected "
               "[..][D] and [V][D]");
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, x, w, v, low, &sum));
  expect_error(tape,
               "linear_cross_entropy: weight [4][3] and bias [3] do not fit: expected [V][D] "
               "and [V]");
  ck_assert_ptr_null(thaw_cross_entropy(tape, NULL, low));
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, NULL, w, v, low, &sum));
  ck_assert_ptr_null(thaw_linear_cross_entropy(tape, x, NULL, v, low, &sum));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(w);
  free_parameter(v);
  free_parameter(scalar);
  thaw_tape_free(tape);
}
END_TEST

/* ---- Penalties ----------------------------------------------------------------------------- */

static thaw_tensor *run_mean_square(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_mean_square(tape, inputs[0], user);
}

static thaw_tensor *run_mean_square_step(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_mean_square_step(tape, inputs[0], user);
}

/* A batch b counts for its first T − b steps. */
static thaw_tensor *make_mask(size_t time, size_t batch) {
  thaw_tensor *mask = make_parameter(1, 0, 0, SHAPE(time, batch));
  mask->wants_grad = false;
  for (size_t i = 0; i < time * batch; i++) mask->data[i] = i / batch + i % batch < time;
  return mask;
}

/* The mean of (x[t+steps] − x[t])², or of x² for steps 0. */
static double mean_by_definition(const thaw_tensor *x, const thaw_tensor *mask, size_t steps) {
  const size_t time = x->shape[0], batch = x->shape[1], width = x->shape[2];
  double sum = 0, count = 0;
  for (size_t i = 0; i < (time - steps) * batch; i++) {
    if (mask && (mask->data[i] == 0 || mask->data[i + steps * batch] == 0)) continue;
    for (size_t j = 0; j < width; j++) {
      const double from = steps ? (double)x->data[i * width + j] : 0;
      sum += pow((double)x->data[(i + steps * batch) * width + j] - from, 2);
      count++;
    }
  }
  return count > 0 ? sum / count : 0;
}

static const size_t PENALIZED[][3] = {{1, 1, 1}, {1, 3, 4}, {2, 1, 5}, {6, 4, 17}, {9, 20, 400}};
enum { PENALIZED_COUNT = sizeof PENALIZED / sizeof PENALIZED[0] };

START_TEST(penalty_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  for (size_t s = 0; s < PENALIZED_COUNT; s++) {
    thaw_tensor *x = make_parameter(s, -1, 1, 3, PENALIZED[s]);
    thaw_tensor *masks[] = {NULL, make_mask(PENALIZED[s][0], PENALIZED[s][1])};
    for (size_t m = 0; m < 2; m++) {
      const double square = (double)thaw_mean_square(tape, x, masks[m])->data[0];
      const double step = (double)thaw_mean_square_step(tape, x, masks[m])->data[0];
      ck_assert_double_eq_tol(square, mean_by_definition(x, masks[m], 0), 1e-6);
      ck_assert_double_eq_tol(step, mean_by_definition(x, masks[m], 1), 1e-6);
    }
    free_parameter(masks[1]);
    free_parameter(x);
  }
  thaw_tape_free(tape);
}
END_TEST

START_TEST(penalty_gradients) {
  for (size_t s = 0; s + 1 < PENALIZED_COUNT; s++) {
    thaw_tensor *x = make_parameter(s, -1, 1, 3, PENALIZED[s]);
    thaw_tensor *masks[] = {NULL, make_mask(PENALIZED[s][0], PENALIZED[s][1])};
    for (size_t m = 0; m < 2; m++) {
      check_gradient("mean_square", run_mean_square, masks[m], 1, &x);
      if (PENALIZED[s][0] == 1) continue; /* nothing is recorded */
      check_gradient("mean_square_step", run_mean_square_step, masks[m], 1, &x);
    }
    free_parameter(masks[1]);
    free_parameter(x);
  }
}
END_TEST

START_TEST(nothing_to_penalize) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *one = make_parameter(1, -1, 1, SHAPE(1, 3, 2)),
              *x = make_parameter(1, -1, 1, SHAPE(3, 2, 2));
  thaw_tensor *nothing = make_parameter(1, 0, 0, SHAPE(3, 2));
  const thaw_tensor *penalties[] = {thaw_mean_square_step(tape, one, NULL),
                                    thaw_mean_square(tape, x, nothing),
                                    thaw_mean_square_step(tape, x, nothing)};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_float_eq(penalties[i]->data[0], 0);
    ck_assert(!penalties[i]->wants_grad);
  }
  free_parameter(one);
  free_parameter(x);
  free_parameter(nothing);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(wrong_penalties) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(3, 2, 2)),
              *matrix = make_parameter(1, 0, 1, SHAPE(2, 3));
  ck_assert_ptr_null(thaw_mean_square(tape, matrix, NULL));
  expect_error(tape, "mean_square: input [2][3], expected [T][B][D]");
  ck_assert_ptr_null(thaw_mean_square(tape, x, matrix));
  expect_error(tape,
               "mean_square: input [3][2][2] and mask [2][3] do not fit: expected [T][B][D] "
               "and [T][B]");
  ck_assert_ptr_null(thaw_mean_square_step(tape, matrix, NULL));
  expect_error(tape, "mean_square_step: input [2][3], expected [T][B][D]");
  ck_assert_ptr_null(thaw_mean_square_step(tape, x, matrix));
  expect_error(tape,
               "mean_square_step: input [3][2][2] and mask [2][3] do not fit: expected "
               "[T][B][D] and [T][B]");
  ck_assert_ptr_null(thaw_mean_square(tape, NULL, NULL));
  ck_assert_ptr_null(thaw_mean_square_step(tape, NULL, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(matrix);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("loss");
  TCase *tests = tcase_create("loss");
  tcase_add_test(tests, cross_entropy_values);
  tcase_add_test(tests, cross_entropy_gradients);
  tcase_add_test(tests, weighted_cross_entropy_gradients);
  tcase_add_test(tests, weighted_cross_entropy_values);
  tcase_add_test(tests, linear_cross_entropy_gradients);
  tcase_add_test(tests, linear_cross_entropy_is_cross_entropy_of_linear);
  tcase_add_test(tests, evaluation_finds_the_same_loss);
  tcase_add_test(tests, no_row_counts);
  tcase_add_test(tests, cross_entropy_is_the_same_for_any_number_of_threads);
  tcase_add_test(tests, wrong_losses);
  tcase_add_test(tests, penalty_values);
  tcase_add_test(tests, penalty_gradients);
  tcase_add_test(tests, nothing_to_penalize);
  tcase_add_test(tests, wrong_penalties);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
