/* test_lstm.c: the LSTM layer against the formulas in double, its gradients, carried state. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

typedef struct sizes {
  size_t time, batch, in, hidden;
} sizes;

typedef struct layer {
  thaw_tensor *inputs[4]; /* x, w_ih, w_hh, bias */
  thaw_tensor *h0, *c0;
} layer;

static layer make_layer(sizes s) {
  const float range = 1 / sqrtf((float)s.hidden);
  return (layer){.inputs = {make_parameter(1, -1, 1, SHAPE(s.time, s.batch, s.in)),
                            make_parameter(2, -range, range, SHAPE(4 * s.hidden, s.in)),
                            make_parameter(3, -range, range, SHAPE(4 * s.hidden, s.hidden)),
                            make_parameter(4, -1, 1, SHAPE(4 * s.hidden))},
                 .h0 = make_parameter(5, -0.9f, 0.9f, SHAPE(s.batch, s.hidden)),
                 .c0 = make_parameter(6, -2, 2, SHAPE(s.batch, s.hidden))};
}

static void free_layer(layer *l) {
  for (size_t i = 0; i < 4; i++) free_parameter(l->inputs[i]);
  free_parameter(l->h0);
  free_parameter(l->c0);
}

static const sizes SIZES[] = {
    {1, 1, 1, 1}, {1, 3, 2, 4}, {5, 1, 4, 2}, {4, 2, 3, 5}, {2, 5, 3, 17}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* The definition, step by step in double; h and c [B][H] are the state, out [T][B][H]. */
static void reference(const layer *l, sizes s, double *h, double *c, float *out) {
  const float *x = l->inputs[0]->data, *w_ih = l->inputs[1]->data, *w_hh = l->inputs[2]->data;
  double *gates = malloc(4 * s.hidden * sizeof *gates);
  ck_assert_ptr_nonnull(gates);
  for (size_t row = 0; row < s.time * s.batch; row++) {
    double *hb = h + row % s.batch * s.hidden, *cb = c + row % s.batch * s.hidden;
    for (size_t j = 0; j < 4 * s.hidden; j++) {
      gates[j] = (double)l->inputs[3]->data[j];
      for (size_t i = 0; i < s.in; i++) {
        gates[j] += (double)x[row * s.in + i] * (double)w_ih[j * s.in + i];
      }
      for (size_t i = 0; i < s.hidden; i++) gates[j] += hb[i] * (double)w_hh[j * s.hidden + i];
    }
    for (size_t j = 0; j < s.hidden; j++) {
      const double in = sigmoid(gates[j]), forget = sigmoid(gates[s.hidden + j]);
      cb[j] = forget * cb[j] + in * tanh(gates[2 * s.hidden + j]);
      hb[j] = sigmoid(gates[3 * s.hidden + j]) * tanh(cb[j]);
      out[row * s.hidden + j] = (float)hb[j];
    }
  }
  free(gates);
}

/* Values, and the state that is handed on into the memory of the one that came in. */
static void check_values(sizes s, bool carried, thaw_tape_mode mode) {
  layer l = make_layer(s);
  const size_t state = s.batch * s.hidden, size = s.time * state;
  double *h = calloc(state, sizeof *h), *c = calloc(state, sizeof *c);
  float *expected = malloc(size * sizeof *expected), *c_last = malloc(state * sizeof *c_last);
  ck_assert(h && c && expected && c_last);
  for (size_t i = 0; carried && i < state; i++) h[i] = (double)l.h0->data[i];
  for (size_t i = 0; carried && i < state; i++) c[i] = (double)l.c0->data[i];
  reference(&l, s, h, c, expected);
  for (size_t i = 0; i < state; i++) c_last[i] = (float)c[i];
  thaw_tape *tape = start_tape(mode);
  const thaw_tensor *y =
      thaw_lstm(tape, l.inputs[0], l.inputs[1], l.inputs[2], l.inputs[3],
                carried ? l.h0->data : NULL, carried ? l.c0->data : NULL, l.h0->data, l.c0->data);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  expect_close("h", y->data, expected, size, 1e-5);
  expect_close("c_last", l.c0->data, c_last, state, 1e-5);
  ck_assert_mem_eq(l.h0->data, y->data + size - state, state * sizeof(float));
  thaw_tape_free(tape);
  free(h);
  free(c);
  free(expected);
  free(c_last);
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

/* Rows shared among threads, and more steps than are evaluated at a time. */
START_TEST(values_of_large_layers) {
  thaw_numerics_prepare(2);
  const sizes wide = {3, 17, 8, 250}, longer = {401, 3, 4, 6};
  check_values(wide, true, THAW_TAPE_RECORD);
  check_values(wide, true, THAW_TAPE_EVALUATE);
  check_values(longer, true, THAW_TAPE_RECORD);
  check_values(longer, false, THAW_TAPE_EVALUATE);
}
END_TEST

static thaw_tensor *run_lstm(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const layer *l = user;
  return thaw_lstm(tape, inputs[0], inputs[1], inputs[2], inputs[3], l ? l->h0->data : NULL,
                   l ? l->c0->data : NULL, NULL, NULL);
}

START_TEST(numeric_gradients) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    layer l = make_layer(SIZES[i]);
    check_gradient("lstm", run_lstm, NULL, 4, l.inputs);
    check_gradient("lstm with carried state", run_lstm, &l, 4, l.inputs);
    for (size_t frozen = 0; frozen < 4; frozen++) { /* the gradient check freezes all but one */
      l.inputs[frozen]->wants_grad = false;
      check_gradient("lstm with a frozen input", run_lstm, &l, 4, l.inputs);
      l.inputs[frozen]->wants_grad = true;
    }
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
    thaw_tensor *h =
        thaw_lstm(tape, l.inputs[0], l.inputs[1], l.inputs[2], l.inputs[3], l.h0->data, l.c0->data,
                  overwritten ? l.h0->data : NULL, overwritten ? l.c0->data : NULL);
    play_back_from(tape, h);
    gradients[overwritten] = copy_of(l.inputs[2]->grad, thaw_size(l.inputs[2]));
    thaw_tape_free(tape);
    free_layer(&l);
  }
  ck_assert_mem_eq(gradients[0], gradients[1], 4 * s.hidden * s.hidden * sizeof(float));
  free(gradients[0]);
  free(gradients[1]);
}
END_TEST

START_TEST(two_halves_are_the_whole) {
  const sizes s = {7, 3, 4, 5};
  const size_t first = 4, state = s.batch * s.hidden;
  layer l = make_layer(s);
  thaw_tensor *x = l.inputs[0], *w_ih = l.inputs[1], *w_hh = l.inputs[2], *bias = l.inputs[3];
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  const thaw_tensor *whole = thaw_lstm(tape, x, w_ih, w_hh, bias, NULL, NULL, NULL, NULL);
  thaw_tensor *head = thaw_tape_constant(tape, SHAPE(first, s.batch, s.in), x->data);
  thaw_tensor *tail = thaw_tape_constant(tape, SHAPE(s.time - first, s.batch, s.in),
                                         x->data + first * s.batch * s.in);
  float *h = l.h0->data, *c = l.c0->data;
  const thaw_tensor *a = thaw_lstm(tape, head, w_ih, w_hh, bias, NULL, NULL, h, c);
  const thaw_tensor *b = thaw_lstm(tape, tail, w_ih, w_hh, bias, h, c, h, c);
  expect_close("first half", a->data, whole->data, first * state, 1e-6);
  expect_close("second half", b->data, whole->data + first * state, (s.time - first) * state, 1e-6);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

/* Going without the gates of all steps saves most of the memory. */
START_TEST(evaluation_keeps_little) {
  const sizes s = {600, 8, 4, 32};
  size_t bytes[2];
  for (int evaluate = 0; evaluate < 2; evaluate++) {
    layer l = make_layer(s);
    thaw_tape *tape = start_tape(evaluate ? THAW_TAPE_EVALUATE : THAW_TAPE_RECORD);
    ck_assert_ptr_nonnull(run_lstm(tape, l.inputs, &l));
    bytes[evaluate] = thaw_tape_bytes(tape);
    thaw_tape_free(tape);
    free_layer(&l);
  }
  ck_assert_uint_lt(2 * bytes[1], bytes[0]);
}
END_TEST

static thaw_tensor *run_shapes(thaw_tape *tape, thaw_tensor *const *inputs, size_t changed,
                               thaw_tensor *other) {
  thaw_tensor *given[4];
  for (size_t i = 0; i < 4; i++) given[i] = i == changed ? other : inputs[i];
  return thaw_lstm(tape, given[0], given[1], given[2], given[3], NULL, NULL, NULL, NULL);
}

START_TEST(wrong_shapes) {
  layer l = make_layer((sizes){2, 3, 4, 5});
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *matrix = make_parameter(1, -1, 1, SHAPE(20, 3)),
              *scalar = make_parameter(1, 0, 1, 0, NULL);
  const char *expected[4] = {
      "lstm: input [20][3], w_ih [20][4], w_hh [20][5] and bias [20] do not fit: expected "
      "[T][B][I], [4H][I], [4H][H] and [4H]",
      "lstm: input [2][3][4], w_ih [20][3], w_hh [20][5] and bias [20] do not fit: expected "
      "[T][B][I], [4H][I], [4H][H] and [4H]",
      "lstm: input [2][3][4], w_ih [20][4], w_hh [20][3] and bias [20] do not fit: expected "
      "[T][B][I], [4H][I], [4H][H] and [4H]",
      "lstm: input [2][3][4], w_ih [20][4], w_hh [20][5] and bias scalar do not fit: expected "
      "[T][B][I], [4H][I], [4H][H] and [4H]",
  };
  for (size_t i = 0; i < 4; i++) {
    ck_assert_ptr_null(run_shapes(tape, l.inputs, i, i == 3 ? scalar : matrix));
    expect_error(tape, expected[i]);
    ck_assert_ptr_null(run_shapes(tape, l.inputs, i, NULL));
    ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  }
  free_parameter(matrix);
  free_parameter(scalar);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lstm");
  TCase *tests = tcase_create("lstm");
  tcase_add_test(tests, values_by_definition);
  tcase_add_test(tests, values_of_large_layers);
  tcase_add_test(tests, numeric_gradients);
  tcase_add_test(tests, incoming_state_is_kept);
  tcase_add_test(tests, two_halves_are_the_whole);
  tcase_add_test(tests, evaluation_keeps_little);
  tcase_add_test(tests, wrong_shapes);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
