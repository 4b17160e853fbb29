/* test_product.c: matrix products and the linear layer. */
#include <check.h>

#include "tape_check.h"

typedef struct transposes {
  bool a, b;
} transposes;

static thaw_tensor *run_matmul(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const transposes *t = user;
  return thaw_matmul(tape, inputs[0], t->a, inputs[1], t->b);
}

static thaw_tensor *run_linear(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)user;
  return thaw_linear(tape, inputs[0], inputs[1], inputs[2]);
}

static const size_t SIZES[][3] = {{1, 1, 1}, {1, 3, 5}, {4, 1, 2}, {5, 7, 3}, {17, 2, 19}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

START_TEST(matmul_values) {
  thaw_tape *tape = thaw_tape_create();
  thaw_tape_begin(tape, THAW_TAPE_EVALUATE, thaw_rng_make(1, 1));
  thaw_tensor *a = thaw_tape_constant(tape, SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6});
  thaw_tensor *b = thaw_tape_constant(tape, SHAPE(3, 2), (float[]){1, 0, 2, -1, 0, 3});
  const thaw_tensor *c = thaw_matmul(tape, a, false, b, false);
  const float expected[] = {5, 7, 14, 13};
  for (size_t i = 0; i < 4; i++) ck_assert_float_eq(c->data[i], expected[i]);
  const thaw_tensor *d = thaw_matmul(tape, b, true, a, true); /* (a·b)ᵀ */
  ck_assert_float_eq(d->data[1], 14);
  ck_assert_float_eq(d->data[2], 7);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(matmul_gradients) {
  for (size_t s = 0; s < SIZE_COUNT; s++) {
    const size_t m = SIZES[s][0], k = SIZES[s][1], n = SIZES[s][2];
    for (int both = 0; both < 4; both++) {
      transposes t = {both & 1, both & 2};
      thaw_tensor *inputs[] = {
          make_parameter(1, -1, 1, 2, t.a ? (size_t[]){k, m} : (size_t[]){m, k}),
          make_parameter(2, -1, 1, 2, t.b ? (size_t[]){n, k} : (size_t[]){k, n})};
      check_gradient("matmul", run_matmul, &t, 2, inputs);
      for (size_t i = 0; i < 2; i++) free_parameter(inputs[i]);
    }
  }
}
END_TEST

START_TEST(linear_gradients) {
  for (size_t s = 0; s < SIZE_COUNT; s++) {
    const size_t rows = SIZES[s][0], in = SIZES[s][1], out = SIZES[s][2];
    thaw_tensor *inputs[] = {make_parameter(1, -1, 1, SHAPE(2, rows, in)),
                             make_parameter(2, -1, 1, SHAPE(out, in)),
                             make_parameter(3, -1, 1, SHAPE(out))};
    check_gradient("linear", run_linear, NULL, 3, inputs);
    free_parameter(inputs[2]);
    inputs[2] = NULL;
    check_gradient("linear without bias", run_linear, NULL, 3, inputs);
    for (size_t i = 0; i < 2; i++) free_parameter(inputs[i]);
  }
}
END_TEST

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = thaw_tape_create();
  thaw_tensor *a = make_parameter(1, -1, 1, SHAPE(2, 3)),
              *b = make_parameter(2, -1, 1, SHAPE(4, 3));
  thaw_tensor *cube = make_parameter(2, -1, 1, SHAPE(2, 2, 3)),
              *row = make_parameter(3, -1, 1, SHAPE(3));
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  ck_assert_ptr_null(thaw_matmul(tape, a, false, b, false));
  expect_error(tape, "matmul: [2][3] and [4][3] do not fit: expected [M][K] and [K][N]");
  ck_assert_ptr_null(thaw_matmul(tape, a, true, b, true));
  expect_error(tape,
               "matmul: [2][3] transposed and [4][3] transposed do not fit: expected [M][K] and "
               "[K][N]");
  ck_assert_ptr_null(thaw_matmul(tape, cube, false, b, true));
  expect_error(tape,
               "matmul: [2][2][3] and [4][3] transposed do not fit: expected [M][K] and [K][N]");
  ck_assert_ptr_null(thaw_linear(tape, cube, cube, NULL));
  expect_error(tape,
               "linear: input [2][2][3] and weight [2][2][3] do not fit: expected [..][I] and "
               "[O][I]");
  ck_assert_ptr_null(thaw_linear(tape, cube, b, row));
  expect_error(tape, "linear: weight [4][3] and bias [3] do not fit: expected [O][I] and [O]");
  ck_assert_ptr_null(thaw_linear(tape, NULL, b, row));
  ck_assert_ptr_null(thaw_matmul(tape, NULL, false, b, false));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  free_parameter(a);
  free_parameter(b);
  free_parameter(cube);
  free_parameter(row);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("product");
  TCase *tests = tcase_create("product");
  tcase_add_test(tests, matmul_values);
  tcase_add_test(tests, matmul_gradients);
  tcase_add_test(tests, linear_gradients);
  tcase_add_test(tests, shapes_that_do_not_fit);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
