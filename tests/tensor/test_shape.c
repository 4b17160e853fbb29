/* test_shape.c: reshape, transpose, concat, slice and the two gathers. */
#include <math.h>

#include "tape_check.h"

/* 0, 1, 2, … in this shape. */
static thaw_tensor *count_up(thaw_tape *tape, size_t rank, const size_t *shape) {
  thaw_tensor *x = thaw_tape_tensor(tape, rank, shape);
  for (size_t i = 0; i < thaw_size(x); i++) x->data[i] = (float)i;
  return x;
}

/* ---- Reshape ------------------------------------------------------------------------------- */

static thaw_tensor *run_reshape(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  (void)user;
  thaw_tensor *flat = thaw_reshape(tape, inputs[0], SHAPE(thaw_size(inputs[0])));
  return thaw_multiply(tape, flat, thaw_reshape(tape, flat, SHAPE(thaw_size(inputs[0]), 1, 1)));
}

START_TEST(reshape_keeps_the_elements) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = count_up(tape, SHAPE(2, 3));
  const thaw_tensor *y = thaw_reshape(tape, x, SHAPE(3, 1, 2));
  expect_values(y, SHAPE(3, 1, 2), x->data);
  ck_assert_uint_eq(y->shape[3], 1);
  ck_assert_ptr_eq(y->data, x->data); /* nothing is copied */
  thaw_tensor *one = count_up(tape, 0, NULL);
  expect_values(thaw_reshape(tape, one, SHAPE(1, 1)), SHAPE(1, 1), (float[]){0});
  expect_values(thaw_reshape(tape, count_up(tape, SHAPE(1, 1)), 0, NULL), 0, NULL, (float[]){0});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(reshape_gradients) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3, 2)),
              *one = make_parameter(1, 1, 2, 0, NULL);
  check_gradient("reshape", run_reshape, NULL, 1, &x);
  check_gradient("reshape", run_reshape, NULL, 1, &one);
  free_parameter(x);
  free_parameter(one);
}
END_TEST

/* ---- Transpose ----------------------------------------------------------------------------- */

static thaw_tensor *run_transpose(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const size_t *axes = user;
  return thaw_transpose(tape, inputs[0], axes[0], axes[1]);
}

static void check_transpose(size_t rank, const size_t *shape, size_t axis_a, size_t axis_b) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = count_up(tape, rank, shape);
  const thaw_tensor *y = thaw_transpose(tape, x, axis_a, axis_b);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  for (size_t i = 0; i < thaw_size(y); i++) {
    size_t index[THAW_MAX_RANK], element = i, at = 0;
    for (size_t k = rank; k-- > 0; element /= y->shape[k]) index[k] = element % y->shape[k];
    const size_t moved = index[axis_a];
    index[axis_a] = index[axis_b];
    index[axis_b] = moved;
    for (size_t k = 0; k < rank; k++) at = at * shape[k] + index[k];
    ck_assert_msg(y->data[i] == (float)at, "axes %zu and %zu, element %zu: expected %zu, found %g",
                  axis_a, axis_b, i, at, (double)y->data[i]);
  }
  thaw_tape_free(tape);
}

START_TEST(transpose_any_two_axes) {
  static const size_t SHAPES[][5] = {{1, 3},          {2, 3, 5},    {2, 1, 4},       {3, 2, 3, 4},
                                     {4, 2, 3, 4, 5}, {2, 130, 70}, {3, 9, 100, 101}};
  for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
    const size_t rank = SHAPES[i][0];
    for (size_t a = 0; a < rank; a++) {
      for (size_t b = 0; b < rank; b++) {
        check_transpose(rank, SHAPES[i] + 1, a, b);
        size_t axes[2] = {a, b};
        thaw_tensor *x = make_parameter(2, -1, 1, rank, SHAPES[i] + 1);
        const size_t size = thaw_size(x);
        if (size < 200) check_gradient("transpose", run_transpose, axes, 1, &x);
        if (a < b && size > 200) expect_same_for_threads(run_transpose, axes, 1, &x);
        free_parameter(x);
      }
    }
  }
}
END_TEST

START_TEST(transpose_gradient_goes_back) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(130, 70));
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  const float *gradient = gradient_of(tape, thaw_transpose(tape, x, 0, 1), x);
  for (size_t i = 0; i < 130; i++) {
    for (size_t j = 0; j < 70; j++) {
      ck_assert_float_eq(gradient[i * 70 + j], (float)(j * 130 + i + 1));
    }
  }
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

/* ---- Concat and slice ---------------------------------------------------------------------- */

typedef struct cut {
  size_t axis, begin, end;
} cut;

static thaw_tensor *run_concat(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  return thaw_concat(tape, 3, inputs, *(const size_t *)user);
}

static thaw_tensor *run_slice(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const cut *c = user;
  return thaw_slice(tape, inputs[0], c->axis, c->begin, c->end);
}

START_TEST(concat_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *a = count_up(tape, SHAPE(2, 2)), *b = count_up(tape, SHAPE(2, 1));
  expect_values(thaw_concat(tape, 3, (thaw_tensor *[]){a, b, a}, 1), SHAPE(2, 5),
                (float[]){0, 1, 0, 0, 1, 2, 3, 1, 2, 3});
  thaw_tensor *row = count_up(tape, SHAPE(1, 2));
  expect_values(thaw_concat(tape, 2, (thaw_tensor *[]){row, a}, 0), SHAPE(3, 2),
                (float[]){0, 1, 0, 1, 2, 3});
  expect_values(thaw_concat(tape, 1, &row, 0), SHAPE(1, 2), (float[]){0, 1});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(slice_values) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = count_up(tape, SHAPE(3, 4));
  expect_values(thaw_slice(tape, x, 1, 1, 3), SHAPE(3, 2), (float[]){1, 2, 5, 6, 9, 10});
  const thaw_tensor *rows = thaw_slice(tape, x, 0, 1, 3);
  expect_values(rows, SHAPE(2, 4), (float[]){4, 5, 6, 7, 8, 9, 10, 11});
  ck_assert_ptr_eq(rows->data, x->data + 4); /* nothing is copied */
  expect_values(thaw_slice(tape, x, 1, 0, 4), SHAPE(3, 4), x->data);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(concat_gradients) {
  static const size_t LENGTHS[] = {2, 1, 3};
  for (size_t axis = 0; axis < 4; axis++) {
    thaw_tensor *parts[3];
    for (size_t i = 0; i < 3; i++) {
      size_t shape[4] = {2, 1, 3, 2};
      shape[axis] = LENGTHS[i];
      parts[i] = make_parameter(i, -1, 1, 4, shape);
    }
    check_gradient("concat", run_concat, &axis, 3, parts);
    for (size_t i = 0; i < 3; i++) free_parameter(parts[i]);
  }
}
END_TEST

START_TEST(slice_gradients) {
  static const cut CUTS[] = {{0, 0, 1}, {0, 1, 3}, {0, 0, 3}, {1, 1, 2}, {2, 2, 5}, {2, 4, 5}};
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(3, 2, 5)),
              *row = make_parameter(1, -1, 1, SHAPE(6));
  for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
    cut c = CUTS[i];
    check_gradient("slice", run_slice, &c, 1, &x);
  }
  check_gradient("slice", run_slice, &(cut){0, 2, 5}, 1, &row);
  free_parameter(x);
  free_parameter(row);
}
END_TEST

/* Slices of a whole put together again are the whole, and so are their gradients. */
START_TEST(slices_join_again) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(40, 50, 60));
  for (size_t axis = 0; axis < 3; axis++) {
    thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
    thaw_tensor *parts[2] = {thaw_slice(tape, x, axis, 0, 7),
                             thaw_slice(tape, x, axis, 7, x->shape[axis])};
    thaw_tensor *y = thaw_concat(tape, 2, parts, axis);
    expect_values(y, SHAPE(40, 50, 60), x->data);
    const float *gradient = gradient_of(tape, y, x);
    for (size_t i = 0; i < thaw_size(x); i++) ck_assert_float_eq(gradient[i], (float)(i + 1));
    thaw_tape_free(tape);
  }
  free_parameter(x);
}
END_TEST

/* ---- Gathers ------------------------------------------------------------------------------- */

static thaw_tensor *run_gather_rows(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  int32_t indices[5]; /* the caller's own do not have to last */
  for (size_t i = 0; i < 5; i++) indices[i] = ((const int32_t *)user)[i];
  thaw_tensor *y = thaw_gather_rows(tape, inputs[0], indices, 5);
  for (size_t i = 0; i < 5; i++) indices[i] = -1;
  return y;
}

static thaw_tensor *run_gather_steps(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  int32_t steps[3];
  for (size_t i = 0; i < 3; i++) steps[i] = ((const int32_t *)user)[i];
  thaw_tensor *y = thaw_gather_steps(tape, inputs[0], steps);
  for (size_t i = 0; i < 3; i++) steps[i] = -1;
  return y;
}

START_TEST(gathers_pick_and_give_back) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *table = count_up(tape, SHAPE(3, 2));
  expect_values(thaw_gather_rows(tape, table, (int32_t[]){2, 0, 2}, 3), SHAPE(3, 2),
                (float[]){4, 5, 0, 1, 4, 5});
  thaw_tensor *x = count_up(tape, SHAPE(3, 2, 2));
  expect_values(thaw_gather_steps(tape, x, (int32_t[]){2, 0}), SHAPE(2, 2), (float[]){8, 9, 2, 3});
  thaw_tape_free(tape);
  thaw_tensor *rows = make_parameter(1, -1, 1, SHAPE(4, 3)),
              *column = make_parameter(1, -1, 1, SHAPE(4, 1));
  check_gradient("gather_rows", run_gather_rows, (int32_t[]){1, 3, 1, 0, 1}, 1, &rows);
  check_gradient("gather_rows", run_gather_rows, (int32_t[]){1, 3, 1, 0, 1}, 1, &column);
  thaw_tensor *steps = make_parameter(1, -1, 1, SHAPE(4, 3, 2));
  check_gradient("gather_steps", run_gather_steps, (int32_t[]){3, 0, 3}, 1, &steps);
  free_parameter(rows);
  free_parameter(column);
  free_parameter(steps);
}
END_TEST

typedef struct many {
  const int32_t *indices;
  size_t count;
} many;

static thaw_tensor *run_many(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const many *m = user;
  return thaw_gather_rows(tape, inputs[0], m->indices, m->count);
}

START_TEST(threads_do_not_collide_in_a_table) {
  int32_t indices[2000];
  for (size_t i = 0; i < 2000; i++) indices[i] = (int32_t)(i * i % 5);
  thaw_tensor *table = make_parameter(1, -1, 1, SHAPE(5, 70));
  expect_same_for_threads(run_many, &(many){indices, 2000}, 1, &table);
  float expected = 0;
  for (size_t i = 0; i < 2000; i++) expected += indices[i] == 4 ? (float)(i * 70 + 1) : 0;
  ck_assert_float_eq_tol(table->grad[4 * 70], expected, 1e-6f * expected);
  free_parameter(table);
}
END_TEST

START_TEST(nan_passes_through) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2, 2), (float[]){NAN, 1, 2, 3});
  expect_values(thaw_transpose(tape, x, 0, 1), SHAPE(2, 2), (float[]){NAN, 2, 1, 3});
  expect_values(thaw_slice(tape, x, 1, 0, 1), SHAPE(2, 1), (float[]){NAN, 2});
  expect_values(thaw_concat(tape, 2, (thaw_tensor *[]){x, x}, 1), SHAPE(2, 4),
                (float[]){NAN, 1, NAN, 1, 2, 3, 2, 3});
  expect_values(thaw_gather_rows(tape, x, (int32_t[]){1, 0}, 2), SHAPE(2, 2),
                (float[]){2, 3, NAN, 1});
  thaw_tape_free(tape);
}
END_TEST

/* ---- Errors -------------------------------------------------------------------------------- */

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(2, 3)),
              *other = make_parameter(1, -1, 1, SHAPE(2, 4));
  thaw_tensor *row = make_parameter(1, -1, 1, SHAPE(3)),
              *number = make_parameter(1, -1, 1, 0, NULL);
  thaw_reshape(tape, x, SHAPE(4, 2));
  expect_error(tape, "reshape: [2][3] and [4][2] differ in size");
  thaw_reshape(tape, x, SHAPE(3));
  expect_error(tape, "reshape: [2][3] and [3] differ in size");
  thaw_reshape(tape, x, SHAPE(6, 0));
  expect_error(tape, "reshape: [2][3] and [6][0] differ in size");
  thaw_reshape(tape, x, 0, NULL);
  expect_error(tape, "reshape: [2][3] and scalar differ in size");
  thaw_reshape(tape, x, SHAPE(1, 1, 1, 2, 3));
  expect_error(tape, "reshape: rank 5 is more than 4");
  thaw_transpose(tape, x, 0, 2);
  expect_error(tape, "transpose: there is no axis 2 in [2][3]");
  thaw_transpose(tape, number, 0, 0);
  expect_error(tape, "transpose: there is no axis 0 in scalar");
  thaw_concat(tape, 0, NULL, 0);
  expect_error(tape, "concat: there is nothing to join");
  thaw_concat(tape, 2, (thaw_tensor *[]){x, other}, 0);
  expect_error(tape, "concat: [2][3] and [2][4] do not fit: only dimension 0 may differ");
  thaw_concat(tape, 2, (thaw_tensor *[]){row, x}, 0);
  expect_error(tape, "concat: [3] and [2][3] do not fit: only dimension 0 may differ");
  thaw_concat(tape, 1, &number, 0);
  expect_error(tape, "concat: there is no axis 0 in scalar");
  thaw_slice(tape, x, 2, 0, 1);
  expect_error(tape, "slice: there is no axis 2 in [2][3]");
  thaw_slice(tape, x, 1, 2, 4);
  expect_error(tape, "slice: there are no elements 2 <= i < 4 along axis 1 of [2][3]");
  thaw_slice(tape, x, 0, 1, 1);
  expect_error(tape, "slice: there are no elements 1 <= i < 1 along axis 0 of [2][3]");
  free_parameter(x);
  free_parameter(other);
  free_parameter(row);
  free_parameter(number);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(indices_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *table = make_parameter(1, -1, 1, SHAPE(5, 2)),
              *x = make_parameter(1, -1, 1, SHAPE(4, 3, 2));
  thaw_gather_rows(tape, x, (int32_t[]){0}, 1);
  expect_error(tape, "gather_rows: the table is [4][3][2]: expected [V][D]");
  thaw_gather_rows(tape, table, (int32_t[]){4, 5}, 2);
  expect_error(tape, "gather_rows: index 5 at position 1 is outside of the table [5][2]");
  thaw_gather_rows(tape, table, (int32_t[]){-1}, 1);
  expect_error(tape, "gather_rows: index -1 at position 0 is outside of the table [5][2]");
  thaw_gather_rows(tape, table, NULL, 0);
  expect_error(tape, "gather_rows: there are no indices");
  thaw_gather_steps(tape, table, (int32_t[]){0, 0});
  expect_error(tape, "gather_steps: the input is [5][2]: expected [T][B][D]");
  thaw_gather_steps(tape, x, (int32_t[]){0, 3, 4});
  expect_error(tape, "gather_steps: step 4 of sequence 2 is outside of [4][3][2]");
  thaw_gather_steps(tape, x, (int32_t[]){-1, 3, 4});
  expect_error(tape, "gather_steps: step -1 of sequence 0 is outside of [4][3][2]");
  free_parameter(table);
  free_parameter(x);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(nothing_in_nothing_out) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = count_up(tape, SHAPE(2, 2));
  ck_assert_ptr_null(thaw_reshape(tape, NULL, SHAPE(2)));
  ck_assert_ptr_null(thaw_transpose(tape, NULL, 0, 1));
  ck_assert_ptr_null(thaw_concat(tape, 2, (thaw_tensor *[]){x, NULL}, 0));
  ck_assert_ptr_null(thaw_slice(tape, NULL, 0, 0, 1));
  ck_assert_ptr_null(thaw_gather_rows(tape, NULL, (int32_t[]){0}, 1));
  ck_assert_ptr_null(thaw_gather_steps(tape, NULL, (int32_t[]){0}));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("shape");
  TCase *tests = tcase_create("shape");
  tcase_add_test(tests, reshape_keeps_the_elements);
  tcase_add_test(tests, reshape_gradients);
  tcase_add_test(tests, transpose_any_two_axes);
  tcase_add_test(tests, transpose_gradient_goes_back);
  tcase_add_test(tests, concat_values);
  tcase_add_test(tests, slice_values);
  tcase_add_test(tests, concat_gradients);
  tcase_add_test(tests, slice_gradients);
  tcase_add_test(tests, slices_join_again);
  tcase_add_test(tests, gathers_pick_and_give_back);
  tcase_add_test(tests, threads_do_not_collide_in_a_table);
  tcase_add_test(tests, nan_passes_through);
  tcase_add_test(tests, shapes_that_do_not_fit);
  tcase_add_test(tests, indices_that_do_not_fit);
  tcase_add_test(tests, nothing_in_nothing_out);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
