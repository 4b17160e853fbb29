/* test_gru.c: the GRU layer against the formulas in double, its gradients, carried state. */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

enum { INPUTS = 5 };

typedef struct sizes {
  size_t time, batch, in, hidden;
} sizes;

typedef struct layer {
  thaw_tensor *inputs[INPUTS]; /* x, w_ih, w_hh, bias, bias_hn */
  thaw_tensor *h0;
} layer;

static layer make_layer(sizes s) {
  const float range = 1 / sqrtf((float)s.hidden);
  return (layer){.inputs = {make_parameter(1, -1, 1, SHAPE(s.time, s.batch, s.in)),
                            make_parameter(2, -range, range, SHAPE(3 * s.hidden, s.in)),
                            make_parameter(3, -range, range, SHAPE(3 * s.hidden, s.hidden)),
                            make_parameter(4, -1, 1, SHAPE(3 * s.hidden)),
                            make_parameter(5, -1, 1, SHAPE(s.hidden))},
                 .h0 = make_parameter(6, -0.9f, 0.9f, SHAPE(s.batch, s.hidden))};
}

static void free_layer(layer *l) {
  for (size_t i = 0; i < INPUTS; i++) free_parameter(l->inputs[i]);
  free_parameter(l->h0);
}

static const sizes SIZES[] = {
    {1, 1, 1, 1}, {1, 3, 2, 4}, {5, 1, 4, 2}, {4, 2, 3, 5}, {2, 5, 3, 17}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static thaw_tensor *run_on(thaw_tape *tape, thaw_tensor *const *in, const float *h0, float *last) {
  return thaw_gru(tape, in[0], in[1], in[2], in[3], in[4], h0, last);
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* Row j of a matrix [..][n] times a vector. */
static double row_times(const float *matrix, size_t j, const double *vector, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)matrix[j * n + i] * vector[i];
  return sum;
}

/* The definition, step by step in double; h [B][H] is the state, out [T][B][H]. */
static void reference(const layer *l, sizes s, double *h, float *out) {
  const float *w_ih = l->inputs[1]->data, *w_hh = l->inputs[2]->data, *bias = l->inputs[3]->data;
  const size_t hidden = s.hidden;
  double *x = malloc(s.in * sizeof *x), *next = malloc(hidden * sizeof *next);
  ck_assert(x && next);
  for (size_t row = 0; row < s.time * s.batch; row++) {
    double *hb = h + row % s.batch * hidden;
    for (size_t i = 0; i < s.in; i++) x[i] = (double)l->inputs[0]->data[row * s.in + i];
    for (size_t j = 0; j < hidden; j++) {
      double gates[3], states[3];
      for (size_t g = 0; g < 3; g++) {
        const size_t at = g * hidden + j;
        gates[g] = (double)bias[at] + row_times(w_ih, at, x, s.in);
        states[g] = row_times(w_hh, at, hb, hidden);
      }
      const double r = sigmoid(gates[0] + states[0]), z = sigmoid(gates[1] + states[1]);
      const double n = tanh(gates[2] + r * (states[2] + (double)l->inputs[4]->data[j]));
      next[j] = (1 - z) * n + z * hb[j];
    }
    for (size_t j = 0; j < hidden; j++) hb[j] = next[j];
    for (size_t j = 0; j < hidden; j++) out[row * hidden + j] = (float)next[j];
  }
  free(x);
  free(next);
}

/* Values, and the state that is handed on into the memory of the one that came in. */
static void check_values(sizes s, bool carried, thaw_tape_mode mode) {
  layer l = make_layer(s);
  const size_t state = s.batch * s.hidden, size = s.time * state;
  double *h = calloc(state, sizeof *h);
  float *expected = malloc(size * sizeof *expected);
  ck_assert(h && expected);
  for (size_t i = 0; carried && i < state; i++) h[i] = (double)l.h0->data[i];
  reference(&l, s, h, expected);
  thaw_tape *tape = start_tape(mode);
  const thaw_tensor *y = run_on(tape, l.inputs, carried ? l.h0->data : NULL, l.h0->data);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  expect_close("h", y->data, expected, size, 1e-5);
  ck_assert_mem_eq(l.h0->data, y->data + size - state, state * sizeof(float));
  thaw_tape_free(tape);
  free(h);
  free(expected);
  free_layer(&l);
}

START_TEST(values_by_definition) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    check_values(SIZES[i], false, THAW_TAPE_RECORD);
    check_values(SIZES[i], true, THAW_TAPE_RECORD);
    check_values(SIZES[i], true, THAW_TAPE_EVALUATE);
  }
}
END_TEST

/* Rows and units shared among threads, and more steps than are evaluated at a time. */
START_TEST(values_of_large_layers) {
  thaw_numerics_prepare(2);
  const sizes wide = {3, 17, 8, 250}, narrow = {3, 2, 8, 250}, longer = {401, 3, 4, 6};
  check_values(wide, true, THAW_TAPE_RECORD);
  check_values(wide, true, THAW_TAPE_EVALUATE);
  check_values(narrow, true, THAW_TAPE_RECORD);
  check_values(longer, true, THAW_TAPE_RECORD);
  check_values(longer, false, THAW_TAPE_EVALUATE);
}
END_TEST

static thaw_tensor *run_gru(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const layer *l = user;
  return run_on(tape, inputs, l ? l->h0->data : NULL, NULL);
}

START_TEST(numeric_gradients) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    layer l = make_layer(SIZES[i]);
    check_gradient("gru", run_gru, NULL, INPUTS, l.inputs);
    check_gradient("gru with carried state", run_gru, &l, INPUTS, l.inputs);
    for (size_t frozen = 0; frozen < INPUTS; frozen++) {
      l.inputs[frozen]->wants_grad = false;
      check_gradient("gru with a frozen input", run_gru, &l, INPUTS, l.inputs);
      l.inputs[frozen]->wants_grad = true;
    }
    free_layer(&l);
  }
}
END_TEST

/* The output, and behind it the gradient of w_hh, which the caller frees. */
static float *run_with_threads(int threads, const layer *l, size_t *size) {
  omp_set_num_threads(threads);
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  thaw_tensor *h = run_on(tape, l->inputs, l->h0->data, NULL);
  const thaw_tensor *w_hh = l->inputs[2];
  memset(w_hh->grad, 0, thaw_size(w_hh) * sizeof(float));
  play_back_from(tape, h);
  *size = thaw_size(h) + thaw_size(w_hh);
  float *result = malloc(*size * sizeof *result);
  ck_assert_ptr_nonnull(result);
  memcpy(result, h->data, thaw_size(h) * sizeof(float));
  memcpy(result + thaw_size(h), w_hh->grad, thaw_size(w_hh) * sizeof(float));
  thaw_tape_free(tape);
  return result;
}

/* Rows are shared, then units. */
START_TEST(threads_share_the_work) {
  const sizes cases[] = {{4, 40, 6, 48}, {4, 2, 6, 160}};
  for (size_t i = 0; i < 2; i++) {
    layer l = make_layer(cases[i]);
    size_t size;
    float *one = run_with_threads(1, &l, &size), *three = run_with_threads(3, &l, &size),
          *again = run_with_threads(3, &l, &size);
    expect_close("with three threads", three, one, size, 1e-6);
    ck_assert_mem_eq(again, three, size * sizeof(float));
    free(one);
    free(three);
    free(again);
    free_layer(&l);
  }
}
END_TEST

/* The state that came in may be overwritten before backward runs. */
START_TEST(incoming_state_is_kept) {
  const sizes s = {3, 2, 4, 5};
  float *gradients[2];
  for (int overwritten = 0; overwritten < 2; overwritten++) {
    layer l = make_layer(s);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    play_back_from(tape, run_on(tape, l.inputs, l.h0->data, overwritten ? l.h0->data : NULL));
    gradients[overwritten] = copy_of(l.inputs[2]->grad, thaw_size(l.inputs[2]));
    thaw_tape_free(tape);
    free_layer(&l);
  }
  ck_assert_mem_eq(gradients[0], gradients[1], 3 * s.hidden * s.hidden * sizeof(float));
  free(gradients[0]);
  free(gradients[1]);
}
END_TEST

START_TEST(memory) {
  layer l = make_layer((sizes){6, 3, 4, 20});
  expect_steady_memory(run_gru, &l, l.inputs);
  free_layer(&l);
  l = make_layer((sizes){600, 8, 4, 32});
  thaw_tape *kept = start_tape(THAW_TAPE_RECORD), *evaluated = start_tape(THAW_TAPE_EVALUATE);
  ck_assert_ptr_nonnull(run_gru(kept, l.inputs, &l));
  ck_assert_ptr_nonnull(run_gru(evaluated, l.inputs, &l));
  ck_assert_uint_lt(2 * thaw_tape_bytes(evaluated), thaw_tape_bytes(kept));
  thaw_tape_free(kept);
  thaw_tape_free(evaluated);
  free_layer(&l);
}
END_TEST

START_TEST(wrong_shapes) {
  layer l = make_layer((sizes){2, 3, 4, 5});
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *matrix = make_parameter(1, -1, 1, SHAPE(15, 3)),
              *scalar = make_parameter(1, 0, 1, 0, NULL);
  const char *const given[INPUTS] = {"[15][3]", "[15][3]", "[15][3]", "scalar", "scalar"};
  for (size_t i = 0; i < INPUTS; i++) {
    char expected[256];
    const char *shapes[INPUTS] = {"[2][3][4]", "[15][4]", "[15][5]", "[15]", "[5]"};
    thaw_tensor *inputs[INPUTS];
    memcpy(inputs, l.inputs, sizeof inputs);
    inputs[i] = i < 3 ? matrix : scalar;
    shapes[i] = given[i];
    ck_assert_ptr_null(run_on(tape, inputs, NULL, NULL));
    snprintf(expected, sizeof expected,
             "gru: input %s, w_ih %s, w_hh %s, bias %s and bias_hn %s do not fit: expected "
             "[T][B][I], [3H][I], [3H][H], [3H] and [H]",
             shapes[0], shapes[1], shapes[2], shapes[3], shapes[4]);
    expect_error(tape, expected);
    inputs[i] = NULL;
    ck_assert_ptr_null(run_on(tape, inputs, NULL, NULL));
    ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  }
  free_parameter(matrix);
  free_parameter(scalar);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("gru");
  TCase *tests = tcase_create("gru");
  tcase_add_test(tests, values_by_definition);
  tcase_add_test(tests, values_of_large_layers);
  tcase_add_test(tests, numeric_gradients);
  tcase_add_test(tests, threads_share_the_work);
  tcase_add_test(tests, incoming_state_is_kept);
  tcase_add_test(tests, memory);
  tcase_add_test(tests, wrong_shapes);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
