/* test_elementwise.c: arithmetic with broadcasting, and activations. */
#include <math.h>

#include "tape_check.h"

typedef thaw_tensor *(*binary)(thaw_tape *tape, thaw_tensor *a, thaw_tensor *b);
typedef thaw_tensor *(*unary)(thaw_tape *tape, thaw_tensor *x);

typedef struct operation {
  const char *name;
  binary two;
  unary one;
} operation;

static const operation BINARY[] = {
    {"add", thaw_add, NULL}, {"subtract", thaw_subtract, NULL}, {"multiply", thaw_multiply, NULL}};

static thaw_tensor *run_affine(thaw_tape *tape, thaw_tensor *x) {
  return thaw_affine(tape, x, -1.5f, 0.25f);
}

static const operation UNARY[] = {{"affine", NULL, run_affine}, {"relu", NULL, thaw_relu},
                                  {"tanh", NULL, thaw_tanh},    {"sigmoid", NULL, thaw_sigmoid},
                                  {"gelu", NULL, thaw_gelu},    {"exp", NULL, thaw_exp},
                                  {"square", NULL, thaw_square}};
enum {
  BINARY_COUNT = sizeof BINARY / sizeof BINARY[0],
  UNARY_COUNT = sizeof UNARY / sizeof UNARY[0],
};

static thaw_tensor *run_operation(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const operation *o = user;
  return o->two ? o->two(tape, inputs[0], inputs[1]) : o->one(tape, inputs[0]);
}

/* ---- Broadcasting -------------------------------------------------------------------------- */

typedef struct shape_pair {
  size_t rank_a, a[4], rank_b, b[4];
} shape_pair;

static const shape_pair PAIRS[] = {
    {0, {0}, 0, {0}},
    {1, {3}, 1, {3}},
    {0, {0}, 1, {5}},
    {1, {1}, 1, {4}},
    {2, {1, 1}, 1, {1}},
    {2, {2, 3}, 1, {3}},
    {2, {2, 1}, 2, {1, 3}},
    {2, {4, 3}, 2, {4, 1}},
    {3, {4, 3, 5}, 3, {4, 1, 5}},
    {3, {4, 3, 5}, 2, {3, 1}},
    {3, {2, 3, 4}, 3, {2, 3, 4}},
    {3, {2, 3, 4}, 0, {0}},
    {4, {2, 1, 3, 1}, 3, {5, 1, 4}},
    {4, {2, 3, 2, 2}, 4, {1, 3, 1, 2}},
    {4, {2, 3, 2, 2}, 4, {2, 1, 2, 1}},
    {2, {17, 33}, 1, {33}},
};
enum { PAIR_COUNT = sizeof PAIRS / sizeof PAIRS[0] };

/* x's element under an element of y, one dimension at a time. */
static float element_under(const thaw_tensor *x, const thaw_tensor *y, size_t element) {
  size_t at = 0, stride = 1;
  for (size_t i = 0; i < y->rank; i++) {
    const size_t index = element % y->shape[y->rank - 1 - i];
    element /= y->shape[y->rank - 1 - i];
    if (i >= x->rank) continue;
    const size_t size = x->shape[x->rank - 1 - i];
    at += (size == 1 ? 0 : index) * stride;
    stride *= size;
  }
  return x->data[at];
}

static void check_values(const operation *o, thaw_tensor *a, thaw_tensor *b) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  const thaw_tensor *y = o->two(tape, a, b);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  ck_assert_uint_eq(y->rank, a->rank > b->rank ? a->rank : b->rank);
  for (size_t i = 0; i < thaw_size(y); i++) {
    const float in_a = element_under(a, y, i), in_b = element_under(b, y, i);
    const float expected = o->two == thaw_add        ? in_a + in_b
                           : o->two == thaw_subtract ? in_a - in_b
                                                     : in_a * in_b;
    ck_assert_msg(y->data[i] == expected, "%s, element %zu: expected %.9g, found %.9g", o->name, i,
                  (double)expected, (double)y->data[i]);
  }
  thaw_tape_free(tape);
}

START_TEST(broadcasting_both_ways) {
  for (size_t i = 0; i < PAIR_COUNT; i++) {
    const shape_pair *p = &PAIRS[i];
    thaw_tensor *a = make_parameter(1, -1, 1, p->rank_a, p->a);
    thaw_tensor *b = make_parameter(2, -1, 1, p->rank_b, p->b);
    for (size_t k = 0; k < BINARY_COUNT; k++) {
      operation o = BINARY[k];
      check_values(&o, a, b);
      check_values(&o, b, a);
      check_gradient(o.name, run_operation, &o, 2, (thaw_tensor *[]){a, b});
      check_gradient(o.name, run_operation, &o, 2, (thaw_tensor *[]){b, a});
    }
    free_parameter(a);
    free_parameter(b);
  }
}
END_TEST

START_TEST(one_tensor_as_both_operands) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3));
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  const float *gradient = gradient_of(tape, thaw_subtract(tape, x, x), x);
  for (size_t i = 0; i < 6; i++) ck_assert_float_eq(gradient[i], 0);
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  gradient = gradient_of(tape, thaw_multiply(tape, x, x), x);
  for (size_t i = 0; i < 6; i++) {
    ck_assert_float_eq(gradient[i], 2 * (float)(i + 1) * x->data[i]);
  }
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

/* Large enough for several threads. */
static const shape_pair LARGE[] = {
    {3, {50, 41, 40}, 3, {50, 41, 40}}, {3, {50, 41, 40}, 3, {50, 41, 1}},
    {3, {50, 41, 40}, 2, {41, 40}},     {3, {50, 41, 40}, 1, {40}},
    {3, {50, 41, 40}, 3, {50, 1, 40}},  {3, {50, 41, 40}, 0, {0}},
};

START_TEST(threads_change_nothing) {
  for (size_t i = 0; i < sizeof LARGE / sizeof LARGE[0]; i++) {
    thaw_tensor *a = make_parameter(1, -1, 1, LARGE[i].rank_a, LARGE[i].a);
    thaw_tensor *b = make_parameter(2, -1, 1, LARGE[i].rank_b, LARGE[i].b);
    for (size_t k = 0; k < BINARY_COUNT; k++) {
      operation o = BINARY[k];
      check_values(&o, a, b);
      expect_same_for_threads(run_operation, &o, 2, (thaw_tensor *[]){a, b});
      expect_same_for_threads(run_operation, &o, 2, (thaw_tensor *[]){b, a});
    }
    operation multiply = {"multiply", thaw_multiply, NULL};
    expect_steady_memory(run_operation, &multiply, (thaw_tensor *[]){b, a});
    free_parameter(a);
    free_parameter(b);
  }
}
END_TEST

static thaw_tensor *sum_all(thaw_tape *tape, thaw_tensor *x) {
  return thaw_sum(tape, thaw_sum(tape, x, 1, NULL), 0, NULL);
}

/* The gradient of a repeated number is a long sum: small terms are not lost beside a large one. */
START_TEST(long_sums_are_exact) {
  thaw_tensor *a = make_parameter(1, 0.5f, 0.5f, SHAPE(400, 200));
  thaw_tensor *number = make_parameter(2, 1, 1, 0, NULL);
  thaw_tensor *row = make_parameter(2, 1, 1, SHAPE(200));
  a->data[0] = 0x1p26f;
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *y = sum_all(tape, thaw_multiply(tape, a, number));
  ck_assert_float_eq(gradient_of(tape, y, number)[0], 0x1p26f + 0.5f * 79999);
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  y = sum_all(tape, thaw_multiply(tape, a, row));
  ck_assert_float_eq(gradient_of(tape, y, row)[0], 0x1p26f + 0.5f * 399);
  thaw_tape_free(tape);
  free_parameter(a);
  free_parameter(number);
  free_parameter(row);
}
END_TEST

/* ---- Activations --------------------------------------------------------------------------- */

START_TEST(activation_gradients) {
  static const size_t SHAPES[][5] = {{0, 0}, {1, 1}, {1, 37}, {2, 3, 5}, {4, 2, 1, 3, 4}};
  for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
    thaw_tensor *x = make_parameter(3, -2, 2, SHAPES[i][0], SHAPES[i] + 1);
    /* Differences must not reach over relu's corner. */
    for (size_t k = 0; k < thaw_size(x); k++) x->data[k] += x->data[k] < 0 ? -0.1f : 0.1f;
    for (size_t k = 0; k < UNARY_COUNT; k++) {
      operation o = UNARY[k];
      check_gradient(o.name, run_operation, &o, 1, &x);
    }
    free_parameter(x);
  }
}
END_TEST

START_TEST(activation_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(4), (float[]){-2, 0, 0.5f, 3});
  expect_values(run_affine(tape, x), SHAPE(4), (float[]){3.25f, 0.25f, -0.5f, -4.25f});
  expect_values(thaw_relu(tape, x), SHAPE(4), (float[]){0, 0, 0.5f, 3});
  expect_values(thaw_tanh(tape, x), SHAPE(4), (float[]){-0.96402758f, 0, 0.46211716f, 0.99505475f});
  expect_values(thaw_sigmoid(tape, x), SHAPE(4),
                (float[]){0.11920292f, 0.5f, 0.62245933f, 0.95257413f});
  expect_values(thaw_gelu(tape, x), SHAPE(4), (float[]){-0.04540231f, 0, 0.34571401f, 2.99636261f});
  expect_values(thaw_exp(tape, x), SHAPE(4), (float[]){0.13533528f, 1, 1.64872127f, 20.0855369f});
  expect_values(thaw_square(tape, x), SHAPE(4), (float[]){4, 0, 0.25f, 9});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(nan_passes_through) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){1, NAN, 2, 3});
  thaw_tensor *ones = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 1});
  thaw_tensor *broken = thaw_tape_constant(tape, 0, NULL, (float[]){NAN});
  for (size_t k = 0; k < UNARY_COUNT; k++) {
    const thaw_tensor *y = UNARY[k].one(tape, x);
    for (size_t i = 0; i < 4; i++) ck_assert_int_eq(isnan(y->data[i]) != 0, i == 1);
  }
  for (size_t k = 0; k < BINARY_COUNT; k++) {
    const thaw_tensor *y = BINARY[k].two(tape, ones, x), *all = BINARY[k].two(tape, broken, x);
    for (size_t i = 0; i < 4; i++) {
      ck_assert_int_eq(isnan(y->data[i]) != 0, i == 1);
      ck_assert(isnan(all->data[i]));
    }
  }
  thaw_tape_free(tape);
}
END_TEST

/* ---- Errors -------------------------------------------------------------------------------- */

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *a = make_parameter(1, -1, 1, SHAPE(2, 3)),
              *b = make_parameter(2, -1, 1, SHAPE(4, 3));
  thaw_tensor *row = make_parameter(3, -1, 1, SHAPE(2));
  ck_assert_ptr_null(thaw_add(tape, a, b));
  expect_error(tape,
               "add: [2][3] and [4][3] do not fit: expected equal dimensions or 1, counted from "
               "the last");
  ck_assert_ptr_null(thaw_subtract(tape, a, row));
  expect_error(tape,
               "subtract: [2][3] and [2] do not fit: expected equal dimensions or 1, counted from "
               "the last");
  ck_assert_ptr_null(thaw_multiply(tape, row, b));
  expect_error(tape,
               "multiply: [2] and [4][3] do not fit: expected equal dimensions or 1, counted from "
               "the last");
  free_parameter(a);
  free_parameter(b);
  free_parameter(row);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(nothing_in_nothing_out) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(1), (float[]){1});
  for (size_t k = 0; k < BINARY_COUNT; k++) {
    ck_assert_ptr_null(BINARY[k].two(tape, NULL, x));
    ck_assert_ptr_null(BINARY[k].two(tape, x, NULL));
  }
  for (size_t k = 0; k < UNARY_COUNT; k++) ck_assert_ptr_null(UNARY[k].one(tape, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("elementwise");
  TCase *tests = tcase_create("elementwise");
  tcase_add_test(tests, broadcasting_both_ways);
  tcase_add_test(tests, one_tensor_as_both_operands);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, long_sums_are_exact);
  tcase_add_test(tests, activation_gradients);
  tcase_add_test(tests, activation_values);
  tcase_add_test(tests, nan_passes_through);
  tcase_add_test(tests, shapes_that_do_not_fit);
  tcase_add_test(tests, nothing_in_nothing_out);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
