/* test_qrnn.c: the quasi-recurrent layer against the formulas in double, its gradients, zoneout and
 * what is carried; and steps in reversed order. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_check.h"
#include "tape_check.h"
#include "tensor/blas.h"

enum { INPUTS = 3 };

typedef struct sizes {
  size_t time, batch, in, hidden, window;
} sizes;

typedef struct layer {
  thaw_tensor *inputs[INPUTS]; /* x, weight, bias */
  thaw_tensor *x0, *c0;
  float zoneout;
} layer;

static layer make_layer(sizes s) {
  const float range = 1 / sqrtf((float)(s.window * s.in));
  return (layer){.inputs = {make_parameter(1, -1, 1, SHAPE(s.time, s.batch, s.in)),
                            make_parameter(2, -range, range, SHAPE(3 * s.hidden, s.window * s.in)),
                            make_parameter(3, -1, 1, SHAPE(3 * s.hidden))},
                 .x0 = make_parameter(4, -1, 1, SHAPE(s.batch, s.in)),
                 .c0 = make_parameter(5, -2, 2, SHAPE(s.batch, s.hidden))};
}

static void free_layer(layer *l) {
  for (size_t i = 0; i < INPUTS; i++) free_parameter(l->inputs[i]);
  free_parameter(l->x0);
  free_parameter(l->c0);
}

static const sizes SIZES[] = {{1, 1, 1, 1, 1}, {1, 3, 2, 4, 2},  {5, 1, 4, 2, 2},
                              {4, 2, 3, 5, 1}, {2, 5, 3, 17, 2}, {5, 2, 3, 4, 2}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* Gate number j of step t of sequence b, before its activation; x0 NULL: zeros. */
static double gate_of(const layer *l, sizes s, size_t j, size_t t, size_t b, const float *x0) {
  const float *row = l->inputs[1]->data + j * s.window * s.in, *x = l->inputs[0]->data;
  const float *before = t > 0 ? x + ((t - 1) * s.batch + b) * s.in : x0 ? x0 + b * s.in : NULL;
  double sum = (double)l->inputs[2]->data[j];
  for (size_t i = 0; i < s.in; i++) {
    sum += (double)row[i] * (double)x[(t * s.batch + b) * s.in + i];
    if (s.window == 2 && before) sum += (double)row[s.in + i] * (double)before[i];
  }
  return sum;
}

/* The definition, step by step in double; c [B][H] is the state, out [T][B][H]. */
static void reference(const layer *l, sizes s, const float *x0, double *c, float *out) {
  for (size_t row = 0; row < s.time * s.batch; row++) {
    const size_t t = row / s.batch, b = row % s.batch;
    for (size_t j = 0; j < s.hidden; j++) {
      const double z = tanh(gate_of(l, s, j, t, b, x0));
      const double f = sigmoid(gate_of(l, s, s.hidden + j, t, b, x0));
      const double o = sigmoid(gate_of(l, s, 2 * s.hidden + j, t, b, x0));
      double *state = &c[b * s.hidden + j];
      *state = f * *state + (1 - f) * z;
      out[row * s.hidden + j] = (float)(o * *state);
    }
  }
}

/* Values, and what is handed on into the memory of what came in. */
static void check_values(sizes s, bool carried, thaw_tape_mode mode) {
  layer l = make_layer(s);
  const size_t state = s.batch * s.hidden, size = s.time * state, step = s.batch * s.in;
  double *c = calloc(state, sizeof *c);
  float *expected = malloc(size * sizeof *expected), *c_last = malloc(state * sizeof *c_last);
  ck_assert(c && expected && c_last);
  for (size_t i = 0; carried && i < state; i++) c[i] = (double)l.c0->data[i];
  reference(&l, s, carried ? l.x0->data : NULL, c, expected);
  for (size_t i = 0; i < state; i++) c_last[i] = (float)c[i];
  thaw_tape *tape = start_tape(mode);
  const thaw_tensor *y =
      thaw_qrnn(tape, l.inputs[0], l.inputs[1], l.inputs[2], 0.5f, carried ? l.x0->data : NULL,
                carried ? l.c0->data : NULL, l.x0->data, l.c0->data);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  expect_close("h", y->data, expected, size, 1e-5);
  expect_close("c_last", l.c0->data, c_last, state, 1e-5);
  ck_assert_mem_eq(l.x0->data, l.inputs[0]->data + (s.time - 1) * step, step * sizeof(float));
  thaw_tape_free(tape);
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
  const sizes wide = {30, 17, 8, 250, 2}, longer = {401, 3, 4, 6, 2};
  check_values(wide, true, THAW_TAPE_RECORD);
  check_values(wide, true, THAW_TAPE_EVALUATE);
  check_values(longer, true, THAW_TAPE_RECORD);
  check_values(longer, false, THAW_TAPE_EVALUATE);
}
END_TEST

static thaw_tensor *run_qrnn(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const layer *l = user;
  return thaw_qrnn(tape, inputs[0], inputs[1], inputs[2], l ? l->zoneout : 0,
                   l ? l->x0->data : NULL, l ? l->c0->data : NULL, NULL, NULL);
}

START_TEST(numeric_gradients) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    layer l = make_layer(SIZES[i]);
    check_gradient("qrnn", run_qrnn, NULL, INPUTS, l.inputs);
    check_gradient("qrnn with carried state", run_qrnn, &l, INPUTS, l.inputs);
    for (size_t frozen = 0; frozen < INPUTS; frozen++) {
      l.inputs[frozen]->wants_grad = false;
      check_gradient("qrnn with a frozen input", run_qrnn, &l, INPUTS, l.inputs);
      l.inputs[frozen]->wants_grad = true;
    }
    free_layer(&l);
  }
}
END_TEST

START_TEST(gradients_with_zoneout) {
  layer l = make_layer((sizes){5, 3, 3, 6, 2});
  l.zoneout = 0.4f;
  check_gradients(&(gradient_check){.operation = "qrnn with zoneout",
                                    .run = run_qrnn,
                                    .user = &l,
                                    .input_count = INPUTS,
                                    .inputs = l.inputs,
                                    .mode = THAW_TAPE_TRAIN});
  free_layer(&l);
}
END_TEST

/* With an open output gate and f near 0, h is z, or in a share of the steps what it was before. */
START_TEST(zoneout_keeps_states) {
  const sizes s = {200, 2, 3, 10, 1};
  layer l = make_layer(s);
  const size_t state = s.batch * s.hidden;
  size_t kept = 0;
  for (size_t j = 0; j < s.hidden; j++) l.inputs[2]->data[s.hidden + j] = -80;
  for (size_t j = 0; j < s.hidden; j++) l.inputs[2]->data[2 * s.hidden + j] = 80;
  l.zoneout = 0.25f;
  thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
  const thaw_tensor *h = run_qrnn(tape, l.inputs, &l);
  for (size_t i = state; i < thaw_size(h); i++) kept += h->data[i] == h->data[i - state];
  ck_assert_double_eq_tol((double)kept / (double)(thaw_size(h) - state), 0.25, 0.03);
  thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  h = run_qrnn(tape, l.inputs, &l);
  for (size_t i = state; i < thaw_size(h); i++) ck_assert(h->data[i] != h->data[i - state]);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

START_TEST(threads_do_not_change_bits) {
  layer l = make_layer((sizes){40, 5, 6, 400, 2});
  expect_same_for_threads(run_qrnn, &l, INPUTS, l.inputs);
  free_layer(&l);
}
END_TEST

/* What came in may be overwritten before backward runs. */
START_TEST(incoming_state_is_kept) {
  const sizes s = {3, 2, 4, 5, 2};
  float *gradients[2];
  for (int overwritten = 0; overwritten < 2; overwritten++) {
    layer l = make_layer(s);
    thaw_tape *tape = start_tape(THAW_TAPE_TRAIN);
    thaw_tensor *h =
        thaw_qrnn(tape, l.inputs[0], l.inputs[1], l.inputs[2], 0, l.x0->data, l.c0->data,
                  overwritten ? l.x0->data : NULL, overwritten ? l.c0->data : NULL);
    play_back_from(tape, h);
    gradients[overwritten] = copy_of(l.inputs[1]->grad, thaw_size(l.inputs[1]));
    thaw_tape_free(tape);
    free_layer(&l);
  }
  ck_assert_mem_eq(gradients[0], gradients[1], 6 * s.hidden * s.in * sizeof(float));
  free(gradients[0]);
  free(gradients[1]);
}
END_TEST

START_TEST(memory) {
  layer l = make_layer((sizes){6, 3, 4, 20, 2});
  l.zoneout = 0.1f;
  expect_steady_memory(run_qrnn, &l, l.inputs);
  free_layer(&l);
  l = make_layer((sizes){600, 8, 4, 32, 2});
  thaw_tape *kept = start_tape(THAW_TAPE_RECORD), *evaluated = start_tape(THAW_TAPE_EVALUATE);
  ck_assert_ptr_nonnull(run_qrnn(kept, l.inputs, &l));
  ck_assert_ptr_nonnull(run_qrnn(evaluated, l.inputs, &l));
  ck_assert_uint_lt(2 * thaw_tape_bytes(evaluated), thaw_tape_bytes(kept));
  thaw_tape_free(kept);
  thaw_tape_free(evaluated);
  free_layer(&l);
}
END_TEST

START_TEST(wrong_arguments) {
  layer l = make_layer((sizes){2, 3, 4, 5, 2});
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *matrix = make_parameter(1, -1, 1, SHAPE(15, 12)),
              *vector = make_parameter(1, 0, 1, SHAPE(14));
  const char *const given[INPUTS] = {"[15][12]", "[15][12]", "[14]"};
  for (size_t i = 0; i < INPUTS; i++) {
    char expected[256];
    const char *shapes[INPUTS] = {"[2][3][4]", "[15][8]", "[15]"};
    thaw_tensor *inputs[INPUTS];
    memcpy(inputs, l.inputs, sizeof inputs);
    inputs[i] = i < 2 ? matrix : vector;
    shapes[i] = given[i];
    ck_assert_ptr_null(run_qrnn(tape, inputs, NULL));
    snprintf(expected, sizeof expected,
             "qrnn: input %s, weight %s and bias %s do not fit: expected [T][B][I], [3H][I] or "
             "[3H][2I], and [3H]",
             shapes[0], shapes[1], shapes[2]);
    expect_error(tape, expected);
    inputs[i] = NULL;
    ck_assert_ptr_null(run_qrnn(tape, inputs, NULL));
    ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  }
  l.zoneout = 1;
  ck_assert_ptr_null(run_qrnn(tape, l.inputs, &l));
  expect_error(tape, "qrnn: zoneout is 1, expected at least 0, below 1");
  free_parameter(matrix);
  free_parameter(vector);
  thaw_tape_free(tape);
  free_layer(&l);
}
END_TEST

/* ---- Reversed order -------------------------------------------------------------------------- */

static thaw_tensor *run_reverse(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_reverse_steps(tape, inputs[0], user);
}

START_TEST(reversed_steps) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  const float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; /* [3][2][2] */
  int32_t lengths[] = {3, 2};
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(3, 2, 2), values);
  expect_values(thaw_reverse_steps(tape, x, NULL), SHAPE(3, 2, 2),
                (float[]){8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3});
  thaw_tensor *y = thaw_reverse_steps(tape, x, lengths);
  expect_values(y, SHAPE(3, 2, 2), (float[]){8, 9, 6, 7, 4, 5, 2, 3, 0, 1, 10, 11});
  expect_values(thaw_reverse_steps(tape, y, lengths), SHAPE(3, 2, 2), values);
  thaw_tensor *wanted = make_parameter(1, -1, 1, SHAPE(3, 2, 2));
  check_gradient("reverse_steps", run_reverse, NULL, 1, &wanted);
  check_gradient("reverse_steps with lengths", run_reverse, lengths, 1, &wanted);
  free_parameter(wanted);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(what_cannot_be_reversed) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = thaw_tape_tensor(tape, SHAPE(3, 2, 1));
  ck_assert_ptr_null(thaw_reverse_steps(tape, x, (int32_t[]){3, 4}));
  expect_error(tape, "reverse_steps: sequence 1 has the length 4, but the input is [3][2][1]");
  ck_assert_ptr_null(thaw_reverse_steps(tape, thaw_tape_tensor(tape, SHAPE(3, 2)), NULL));
  expect_error(tape, "reverse_steps: the input is [3][2]: expected [T][B][D]");
  ck_assert_ptr_null(thaw_reverse_steps(tape, NULL, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("qrnn");
  TCase *tests = tcase_create("qrnn");
  tcase_add_test(tests, values_by_definition);
  tcase_add_test(tests, values_of_large_layers);
  tcase_add_test(tests, numeric_gradients);
  tcase_add_test(tests, gradients_with_zoneout);
  tcase_add_test(tests, zoneout_keeps_states);
  tcase_add_test(tests, threads_do_not_change_bits);
  tcase_add_test(tests, incoming_state_is_kept);
  tcase_add_test(tests, memory);
  tcase_add_test(tests, wrong_arguments);
  tcase_add_test(tests, reversed_steps);
  tcase_add_test(tests, what_cannot_be_reversed);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
