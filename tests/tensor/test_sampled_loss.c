/* test_sampled_loss.c: cross entropy over a sample of the vocabulary, and what it is in the mean.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"
#include "tensor/touched.h"

/* A layer of `words` words, a batch of `rows` rows with every fourth left out, and the loss's
 * arguments. */
typedef struct layer {
  thaw_tensor *inputs[3]; /* x [rows][D], weight [V][D], bias [V] */
  int32_t *targets;
  size_t rows, words, samples;
} layer;

static layer make_layer(size_t rows, size_t width, size_t words, size_t samples) {
  layer l = {
      {make_parameter(1, -1, 1, SHAPE(rows, width)), make_parameter(2, -1, 1, SHAPE(words, width)),
       make_parameter(3, -1, 1, SHAPE(words))},
      malloc(rows * sizeof *l.targets),
      rows,
      words,
      samples};
  ck_assert_ptr_nonnull(l.targets);
  for (size_t i = 0; i < rows; i++) l.targets[i] = i % 4 == 1 ? -1 : (int32_t)((7 * i + 1) % words);
  return l;
}

static void free_layer(layer *l) {
  for (size_t i = 0; i < 3; i++) free_parameter(l->inputs[i]);
  free(l->targets);
}

static thaw_tensor *run_sampled(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const layer *l = user;
  return thaw_sampled_cross_entropy(tape, inputs[0], inputs[1], inputs[2], l->targets, l->samples,
                                    NULL);
}

static thaw_tensor *run_exact(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const layer *l = user;
  return thaw_linear_cross_entropy(tape, inputs[0], inputs[1], inputs[2], l->targets, NULL);
}

/* The loss; gradients, from 0, are left in the inputs. `draw` chooses the words. */
static double play(thaw_tape *tape, check_function run, layer *l, uint64_t draw) {
  for (size_t i = 0; i < 3; i++) {
    if (!l->inputs[i]) continue;
    memset(l->inputs[i]->grad, 0, thaw_size(l->inputs[i]) * sizeof(float));
  }
  thaw_tape_begin(tape, THAW_TAPE_TRAIN, thaw_rng_make(5, draw));
  thaw_tensor *loss = run(tape, l->inputs, l);
  ck_assert_msg(loss && thaw_tape_backward(tape, loss) == THAW_OK, "%s", thaw_tape_error(tape));
  return (double)loss->data[0];
}

/* ---- One draw ------------------------------------------------------------------------------ */

START_TEST(gradients) {
  const size_t sizes[][4] = {{1, 1, 3, 1}, {6, 3, 19, 4}, {12, 5, 67, 20}, {3, 2, 7, 7}};
  for (size_t s = 0; s < 4; s++) {
    layer l = make_layer(sizes[s][0], sizes[s][1], sizes[s][2], sizes[s][3]);
    check_gradient("sampled_cross_entropy", run_sampled, &l, 3, l.inputs);
    for (size_t frozen = 0; frozen < 3; frozen++) {
      l.inputs[frozen]->wants_grad = false;
      check_gradient("sampled_cross_entropy with a frozen input", run_sampled, &l, 3, l.inputs);
      l.inputs[frozen]->wants_grad = true;
    }
    free_parameter(l.inputs[2]);
    l.inputs[2] = NULL;
    check_gradient("sampled_cross_entropy without bias", run_sampled, &l, 3, l.inputs);
    free_layer(&l);
  }
}
END_TEST

/* With every word as a candidate nothing is drawn: the loss and its gradients are the exact ones.
 */
START_TEST(all_words_are_the_exact_loss) {
  const size_t samples[] = {97, 300, 297, 2000};
  const size_t words[] = {100, 300, 300, 2000}; /* 3 targets and 97 others, … */
  for (size_t s = 0; s < 4; s++) {
    layer l = make_layer(4, 6, words[s], samples[s]);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    const float exact = (float)play(tape, run_exact, &l, 1);
    float *expected[3];
    for (size_t i = 0; i < 3; i++) expected[i] = copy_of(l.inputs[i]->grad, thaw_size(l.inputs[i]));
    const float sampled = (float)play(tape, run_sampled, &l, 1);
    expect_close("loss", &sampled, &exact, 1, 1e-6);
    for (size_t i = 0; i < 3; i++) {
      expect_close("gradient", l.inputs[i]->grad, expected[i], thaw_size(l.inputs[i]), 1e-6);
      free(expected[i]);
    }
    thaw_tape_free(tape);
    free_layer(&l);
  }
}
END_TEST

/* Gradients reach the targets and exactly so many other words as there are samples, and the
 * weight's account of its rows says so. */
START_TEST(exactly_so_many_words) {
  const size_t rows = 10, words = 200;
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  for (size_t samples = 1; samples < words; samples += 13) {
    layer l = make_layer(rows, 4, words, samples);
    l.targets[9] = l.targets[8]; /* one word twice; two rows are left out */
    thaw_touched *touched = l.inputs[1]->touched = thaw_touched_create(words);
    for (uint64_t draw = 0; draw < 20; draw++) {
      thaw_touched_clear(touched);
      play(tape, run_sampled, &l, draw);
      ck_assert(!touched->all);
      ck_assert_uint_eq(touched->count, samples + 7 < words ? samples + 7 : words);
      for (size_t row = 0; row < rows; row++)
        ck_assert(l.targets[row] < 0 || touched->is[l.targets[row]]);
      for (size_t word = 0; word < words; word++) {
        ck_assert_int_eq(l.inputs[2]->grad[word] != 0, touched->is[word]);
        for (size_t d = 0; d < 4; d++)
          ck_assert(touched->is[word] || l.inputs[1]->grad[word * 4 + d] == 0);
      }
    }
    thaw_touched_free(touched);
    l.inputs[1]->touched = NULL;
    free_layer(&l);
  }
  thaw_tape_free(tape);
}
END_TEST

START_TEST(the_same_numbers_draw_the_same_words) {
  layer l = make_layer(300, 16, 5000, 400);
  const size_t size = thaw_size(l.inputs[1]);
  for (int threads = 1; threads <= 2; threads++) {
    thaw_numerics_prepare(threads);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    const double first = play(tape, run_sampled, &l, 1);
    float *gradient = copy_of(l.inputs[1]->grad, size);
    ck_assert_double_ne(play(tape, run_sampled, &l, 2), first);
    ck_assert_double_eq(play(tape, run_sampled, &l, 1), first);
    ck_assert_mem_eq(l.inputs[1]->grad, gradient, size * sizeof(float));
    free(gradient);
    thaw_tape_free(tape);
  }
  expect_steady_memory(run_sampled, &l, l.inputs);
  free_layer(&l);
}
END_TEST

START_TEST(the_sum_of_the_losses) {
  layer l = make_layer(8, 3, 50, 10); /* two rows are left out */
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  double sum = 0;
  const thaw_tensor *loss = thaw_sampled_cross_entropy(tape, l.inputs[0], l.inputs[1], l.inputs[2],
                                                       l.targets, l.samples, &sum);
  ck_assert_double_eq_tol(sum, 6 * (double)loss->data[0], 1e-5);
  for (size_t i = 0; i < l.rows; i++) l.targets[i] = -1;
  loss = thaw_sampled_cross_entropy(tape, l.inputs[0], l.inputs[1], NULL, l.targets, 10, &sum);
  ck_assert_float_eq(loss->data[0], 0);
  ck_assert_double_eq(sum, 0);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

START_TEST(what_is_not_a_number_comes_out) {
  for (size_t i = 0; i < 3; i++) {
    layer l = make_layer(4, 3, 50, 10);
    thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
    const size_t places[] = {0, 3 * (size_t)l.targets[0], (size_t)l.targets[0]};
    l.inputs[i]->data[places[i]] = NAN;
    ck_assert_float_nan(run_sampled(tape, l.inputs, &l)->data[0]);
    thaw_tape_free(tape);
    free_layer(&l);
  }
}
END_TEST

/* ---- Many draws ---------------------------------------------------------------------------- */

/* The probability of each word, by definition: 1/(j+1) times what makes them add up to `samples`,
 * the more certain words the larger that is. */
static void find_probabilities(const layer *l, double *q) {
  double factor = 0, sum = 0;
  for (double step = 1e6; step > 1e-9; step /= 2) { /* by bisection */
    sum = 0;
    for (size_t word = 0; word < l->words; word++) {
      bool is_target = false;
      for (size_t row = 0; row < l->rows; row++) is_target |= l->targets[row] == (int32_t)word;
      q[word] = is_target ? 1 : fmin(1, (factor + step) / (double)(word + 1));
      sum += is_target ? 0 : q[word];
    }
    if (sum <= (double)l->samples) factor += step;
  }
  ck_assert_double_eq_tol(sum, (double)l->samples, 1e-6);
}

START_TEST(words_are_drawn_with_their_probabilities) {
  enum { DRAWS = 20000 };
  const size_t samples[] = {1, 4, 9, 20, 26};
  for (size_t s = 0; s < 5; s++) {
    layer l = make_layer(3, 2, 30, samples[s]);
    double q[30];
    size_t drawn[30] = {0};
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    find_probabilities(&l, q);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
      play(tape, run_sampled, &l, draw);
      for (size_t word = 0; word < 30; word++) drawn[word] += l.inputs[2]->grad[word] != 0;
    }
    for (size_t word = 0; word < 30; word++) {
      const double expected = DRAWS * q[word];
      const double allowed = 5 * sqrt(expected * (1 - q[word])) + 1e-3;
      ck_assert_msg(fabs((double)drawn[word] - expected) <= allowed,
                    "%zu samples: word %zu was drawn %zu times of %d, expected %.0f ± %.0f",
                    samples[s], word, drawn[word], (int)DRAWS, expected, allowed);
    }
    thaw_tape_free(tape);
    free_layer(&l);
  }
}
END_TEST

/* The denominator, and so exp(loss), has the exact one for its mean; the loss is below the exact
 * one. */
START_TEST(the_denominator_is_exact_in_the_mean) {
  enum { DRAWS = 4000 };
  const size_t samples[] = {5, 30, 150};
  for (size_t s = 0; s < 3; s++) {
    layer l = make_layer(1, 8, 400, samples[s]);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    const double exact = play(tape, run_exact, &l, 0);
    double sum = 0, squares = 0, losses = 0;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
      const double loss = play(tape, run_sampled, &l, draw), ratio = exp(loss - exact);
      losses += loss / DRAWS;
      sum += ratio / DRAWS;
      squares += ratio * ratio / DRAWS;
    }
    const double error = sqrt((squares - sum * sum) / DRAWS);
    ck_assert_double_lt(error, 0.02);
    ck_assert_msg(fabs(sum - 1) <= 5 * error,
                  "%zu samples: exp(loss) is in the mean %.4f of the exact one, expected 1 ± %.4f",
                  samples[s], sum, 5 * error);
    ck_assert_double_lt(losses, exact);
    thaw_tape_free(tape);
    free_layer(&l);
  }
}
END_TEST

/* Half of a gradient's error is that of the mean over the draws, half that the loss is not linear
 * in the denominator. */
START_TEST(the_gradient_is_nearly_exact_in_the_mean) {
  enum { DRAWS = 3000 };
  layer l = make_layer(12, 8, 400, 100);
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  play(tape, run_exact, &l, 0);
  float *exact[3];
  double *mean[3];
  for (size_t i = 0; i < 3; i++) {
    exact[i] = copy_of(l.inputs[i]->grad, thaw_size(l.inputs[i]));
    mean[i] = calloc(thaw_size(l.inputs[i]), sizeof(double));
  }
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    play(tape, run_sampled, &l, draw);
    for (size_t i = 0; i < 3; i++) {
      for (size_t j = 0; j < thaw_size(l.inputs[i]); j++)
        mean[i][j] += (double)l.inputs[i]->grad[j] / DRAWS;
    }
  }
  for (size_t i = 0; i < 3; i++) {
    double squares = 0, off = 0;
    for (size_t j = 0; j < thaw_size(l.inputs[i]); j++) {
      squares += pow((double)exact[i][j], 2);
      off += pow(mean[i][j] - (double)exact[i][j], 2);
    }
    ck_assert_msg(sqrt(off) <= 0.03 * sqrt(squares), "input %zu: the mean is %.4f off, of %.4f", i,
                  sqrt(off), sqrt(squares));
    free(exact[i]);
    free(mean[i]);
  }
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

/* ---- Bad input ----------------------------------------------------------------------------- */

START_TEST(wrong_arguments) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3)),
              *w = make_parameter(2, -1, 1, SHAPE(4, 3)), *v = make_parameter(3, -1, 1, SHAPE(3));
  const int32_t good[] = {0, 3}, high[] = {0, 4}, low[] = {-2, 0};
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, w, NULL, good, 0, NULL));
  expect_error(tape, "sampled_cross_entropy: 0 samples of 4 words: expected 1 to 4");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, w, NULL, good, 5, NULL));
  expect_error(tape, "sampled_cross_entropy: 5 samples of 4 words: expected 1 to 4");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, w, NULL, high, 2, NULL));
  expect_error(tape,
               "sampled_cross_entropy: target 4 of row 1 is not a class: expected 0 to 3, or -1 "
               "to leave the row out");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, w, NULL, low, 2, NULL));
  expect_error(tape,
               "sampled_cross_entropy: target -2 of row 0 is not a class: expected 0 to 3, or -1 "
               "to leave the row out");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, v, NULL, good, 2, NULL));
  expect_error(tape,
               "sampled_cross_entropy: input [2][3] and weight [3] do not fit: expected [..][D] "
               "and [V][D]");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, w, v, good, 2, NULL));
  expect_error(tape,
               "sampled_cross_entropy: weight [4][3] and bias [3] do not fit: expected [V][D] and "
               "[V]");
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, NULL, w, NULL, good, 2, NULL));
  ck_assert_ptr_null(thaw_sampled_cross_entropy(tape, x, NULL, NULL, good, 2, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(x);
  free_parameter(w);
  free_parameter(v);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("sampled loss");
  TCase *tests = tcase_create("sampled loss");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, gradients);
  tcase_add_test(tests, all_words_are_the_exact_loss);
  tcase_add_test(tests, exactly_so_many_words);
  tcase_add_test(tests, the_same_numbers_draw_the_same_words);
  tcase_add_test(tests, the_sum_of_the_losses);
  tcase_add_test(tests, what_is_not_a_number_comes_out);
  tcase_add_test(tests, words_are_drawn_with_their_probabilities);
  tcase_add_test(tests, the_denominator_is_exact_in_the_mean);
  tcase_add_test(tests, the_gradient_is_nearly_exact_in_the_mean);
  tcase_add_test(tests, wrong_arguments);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
