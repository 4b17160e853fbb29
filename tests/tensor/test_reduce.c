/* test_reduce.c: sum, mean and maximum along an axis, with and without a mask. */
#include <math.h>

#include "tape_check.h"

typedef thaw_tensor *(*reducer)(thaw_tape *tape, thaw_tensor *x, size_t axis,
                                const thaw_tensor *mask);

typedef struct reduction {
  reducer reduce;
  size_t axis;
  const thaw_tensor *mask;
} reduction;

static thaw_tensor *run_reduction(thaw_tape *tape, thaw_tensor *const *inputs, void *user) {
  const reduction *r = user;
  return r->reduce(tape, inputs[0], r->axis, r->mask);
}

typedef struct named_reducer {
  const char *name;
  reducer reduce;
} named_reducer;

static const named_reducer ALL[] = {{"sum", thaw_sum}, {"mean", thaw_mean}, {"max", thaw_max}};

/* Differences must not change which element is the largest: all are a quarter apart. */
static thaw_tensor *distinct(size_t rank, const size_t *shape) {
  thaw_tensor *x = make_parameter(1, 0, 1, rank, shape);
  const size_t size = thaw_size(x);
  size_t order[512];
  ck_assert_uint_le(size, 512);
  for (size_t i = 0; i < size; i++) order[i] = i;
  thaw_rng rng = thaw_rng_make(size, 2);
  thaw_rng_shuffle(&rng, order, size);
  for (size_t i = 0; i < size; i++) x->data[i] = ((float)order[i] - (float)size / 2) / 4;
  return x;
}

/* A mask of random zeros and ones over the first `rank` dimensions of x, in which the first
 * result's elements along the axis are all 0. */
static thaw_tensor *random_mask(const thaw_tensor *x, size_t rank, size_t axis) {
  thaw_tensor *mask = make_parameter(rank, 0, 1, rank, x->shape);
  size_t behind = 1;
  for (size_t i = axis + 1; i < rank; i++) behind *= x->shape[i];
  for (size_t i = 0; i < thaw_size(mask); i++) {
    const bool first_result = i % behind == 0 && i / behind < x->shape[axis];
    mask->data[i] = mask->data[i] < 0.6f && !first_result ? 1 : 0;
  }
  mask->wants_grad = false;
  return mask;
}

/* ---- Every axis, every mask ------------------------------------------------------------------ */

/* The result for the elements with this index before and behind the axis, straight from the
 * definition; `found` receives how many count. */
static double expected_result(const reduction *r, const thaw_tensor *x, size_t outer, size_t inner,
                              size_t behind, size_t *found) {
  double sum = 0, largest = 0;
  *found = 0;
  const size_t rest = r->mask ? thaw_size(x) / thaw_size(r->mask) : behind;
  for (size_t i = 0; i < x->shape[r->axis]; i++) {
    const size_t at = (outer * x->shape[r->axis] + i) * behind + inner;
    if (r->mask && r->mask->data[at / rest] == 0) continue;
    const double value = (double)x->data[at];
    if (*found == 0 || value > largest) largest = value;
    sum += value;
    ++*found;
  }
  if (*found == 0) return 0;
  return r->reduce == thaw_sum ? sum : r->reduce == thaw_mean ? sum / (double)*found : largest;
}

static void check_values(const char *name, const reduction *r, thaw_tensor *x) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  const thaw_tensor *y = r->reduce(tape, x, r->axis, r->mask);
  ck_assert_msg(y != NULL, "%s", thaw_tape_error(tape));
  ck_assert_uint_eq(y->rank, x->rank - 1);
  size_t behind = 1;
  for (size_t i = r->axis + 1; i < x->rank; i++) behind *= x->shape[i];
  for (size_t i = 0; i < thaw_size(y); i++) {
    size_t found;
    const double expected = expected_result(r, x, i / behind, i % behind, behind, &found);
    ck_assert_msg(fabs(expected - (double)y->data[i]) <= 1e-6 * fmax(1, fabs(expected)),
                  "%s along axis %zu, element %zu of %zu that count: expected %.8g, found %.8g",
                  name, r->axis, i, found, expected, (double)y->data[i]);
  }
  thaw_tape_free(tape);
}

static const size_t SHAPES[][5] = {{1, 1},       {1, 7},       {2, 3, 4},      {2, 1, 5},
                                   {3, 5, 3, 2}, {3, 2, 1, 1}, {4, 2, 3, 2, 3}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

static void check_reduction(named_reducer named, thaw_tensor *x, size_t axis) {
  reduction r = {named.reduce, axis, NULL};
  check_values(named.name, &r, x);
  check_gradient(named.name, run_reduction, &r, 1, &x);
  for (size_t rank = axis + 1; rank <= x->rank; rank++) {
    thaw_tensor *mask = random_mask(x, rank, axis);
    r.mask = mask;
    check_values(named.name, &r, x);
    check_gradient(named.name, run_reduction, &r, 1, &x);
    for (size_t i = 0; i < thaw_size(mask); i++) mask->data[i] = 0;
    check_values(named.name, &r, x);
    for (size_t i = 0; i < thaw_size(mask); i++) mask->data[i] = 1;
    check_values(named.name, &r, x);
    free_parameter(mask);
  }
}

START_TEST(every_axis_and_mask) {
  for (size_t i = 0; i < SHAPE_COUNT; i++) {
    thaw_tensor *x = distinct(SHAPES[i][0], SHAPES[i] + 1);
    for (size_t axis = 0; axis < x->rank; axis++) {
      for (size_t k = 0; k < 3; k++) check_reduction(ALL[k], x, axis);
    }
    free_parameter(x);
  }
}
END_TEST

START_TEST(values_by_hand) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x =
      thaw_tape_constant(tape, SHAPE(3, 2, 2), (float[]){1, 2, 3, 4, 5, -6, 7, 8, -9, 10, 11, 12});
  const thaw_tensor *mask = thaw_length_mask(tape, 3, 2, (int32_t[]){2, 0});
  expect_values(thaw_sum(tape, x, 0, mask), SHAPE(2, 2), (float[]){6, -4, 0, 0});
  expect_values(thaw_mean(tape, x, 0, mask), SHAPE(2, 2), (float[]){3, -2, 0, 0});
  expect_values(thaw_max(tape, x, 0, mask), SHAPE(2, 2), (float[]){5, 2, 0, 0});
  expect_values(thaw_sum(tape, x, 2, NULL), SHAPE(3, 2), (float[]){3, 7, -1, 15, 1, 23});
  expect_values(thaw_mean(tape, x, 1, NULL), SHAPE(3, 2), (float[]){2, 3, 6, 1, 1, 11});
  expect_values(thaw_max(tape, x, 1, NULL), SHAPE(3, 2), (float[]){3, 4, 7, 8, 11, 12});
  thaw_tensor *low = thaw_tape_constant(tape, SHAPE(2, 1), (float[]){-INFINITY, -INFINITY});
  expect_values(thaw_max(tape, low, 0, NULL), SHAPE(1), (float[]){-INFINITY});
  thaw_tape_free(tape);
}
END_TEST

START_TEST(gradient_to_the_first_maximum) {
  thaw_tensor *x = make_parameter(1, 0, 1, SHAPE(4, 2));
  const float values[] = {1, -INFINITY, 3, -INFINITY, 3, -INFINITY, 3, -INFINITY};
  for (size_t i = 0; i < 8; i++) x->data[i] = values[i];
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  const float *gradient = gradient_of(tape, thaw_max(tape, x, 0, NULL), x);
  const float expected[] = {0, 2, 1, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 8; i++) ck_assert_float_eq(gradient[i], expected[i]);
  thaw_tape_begin(tape, THAW_TAPE_RECORD, thaw_rng_make(1, 1));
  thaw_tensor *mask = thaw_tape_constant(tape, SHAPE(4), (float[]){1, 0, 1, 1});
  gradient = gradient_of(tape, thaw_max(tape, x, 0, mask), x);
  const float masked[] = {0, 2, 0, 0, 1, 0, 0, 0};
  for (size_t i = 0; i < 8; i++) ck_assert_float_eq(gradient[i], masked[i]);
  thaw_tape_free(tape);
  free_parameter(x);
}
END_TEST

/* ---- NaN and padding --------------------------------------------------------------------------
 */

START_TEST(nan_passes_unless_it_is_padding) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(3, 2), (float[]){1, NAN, NAN, 2, 9, 3});
  for (size_t k = 0; k < 3; k++) {
    const thaw_tensor *y = ALL[k].reduce(tape, x, 0, NULL);
    ck_assert(isnan(y->data[0]) && isnan(y->data[1]));
    y = ALL[k].reduce(tape, x, 1, NULL);
    ck_assert(isnan(y->data[0]) && isnan(y->data[1]));
    const thaw_tensor *mask = thaw_length_mask(tape, 3, 2, (int32_t[]){1, 3});
    y = ALL[k].reduce(tape, x, 0, mask);
    ck_assert_float_eq(y->data[0], 1);
    ck_assert(isnan(y->data[1]));
  }
  thaw_tape_free(tape);
}
END_TEST

START_TEST(length_masks) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  expect_values(thaw_length_mask(tape, 3, 4, (int32_t[]){2, 0, 7, -1}), SHAPE(3, 4),
                (float[]){1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0});
  expect_values(thaw_length_mask(tape, 2, 2, NULL), SHAPE(2, 2), (float[]){1, 1, 1, 1});
  thaw_tape_free(tape);
}
END_TEST

/* ---- Large ------------------------------------------------------------------------------------
 */

START_TEST(threads_change_nothing) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(50, 40, 41));
  thaw_tensor *mask = random_mask(x, 2, 0);
  for (size_t axis = 0; axis < 3; axis++) {
    for (size_t k = 0; k < 3; k++) {
      reduction r = {ALL[k].reduce, axis, NULL};
      check_values(ALL[k].name, &r, x);
      expect_same_for_threads(run_reduction, &r, 1, &x);
      if (axis == 2) continue;
      r.mask = mask;
      check_values(ALL[k].name, &r, x);
      expect_same_for_threads(run_reduction, &r, 1, &x);
      expect_steady_memory(run_reduction, &r, &x);
    }
  }
  free_parameter(x);
  free_parameter(mask);
}
END_TEST

/* Wider than a strip of results, and cut in the middle of a group of the mask. */
START_TEST(more_results_than_a_strip) {
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(4, 3, 1500));
  thaw_tensor *mask = random_mask(x, 2, 0);
  for (size_t k = 0; k < 3; k++) {
    check_values(ALL[k].name, &(reduction){ALL[k].reduce, 0, NULL}, x);
    check_values(ALL[k].name, &(reduction){ALL[k].reduce, 0, mask}, x);
  }
  free_parameter(x);
  free_parameter(mask);
}
END_TEST

START_TEST(long_sums_are_exact) {
  thaw_tape *tape = start_tape(THAW_TAPE_EVALUATE);
  thaw_tensor *x = thaw_tape_tensor(tape, SHAPE(20000, 2));
  for (size_t i = 0; i < 40000; i++) x->data[i] = i < 2 ? 0x1p26f : 0.5f;
  const float sum = 0x1p26f + 0.5f * 19999;
  expect_values(thaw_sum(tape, x, 0, NULL), SHAPE(2), (float[]){sum, sum});
  thaw_tensor *mask = thaw_length_mask(tape, 20000, 1, NULL);
  expect_values(thaw_sum(tape, x, 0, thaw_reshape(tape, mask, SHAPE(20000))), SHAPE(2),
                (float[]){sum, sum});
  thaw_tape_free(tape);
}
END_TEST

/* ---- Errors ------------------------------------------------------------------------------------
 */

START_TEST(shapes_that_do_not_fit) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = make_parameter(1, -1, 1, SHAPE(5, 2, 3)),
              *number = make_parameter(1, -1, 1, 0, NULL);
  thaw_tensor *wrong = make_parameter(1, 0, 1, SHAPE(5, 3)),
              *early = make_parameter(1, 0, 1, SHAPE(5));
  thaw_tensor *deep = make_parameter(1, 0, 1, SHAPE(5, 2, 3, 1));
  thaw_sum(tape, x, 3, NULL);
  expect_error(tape, "sum: there is no axis 3 in [5][2][3]");
  thaw_max(tape, number, 0, NULL);
  expect_error(tape, "max: there is no axis 0 in scalar");
  thaw_mean(tape, x, 0, wrong);
  expect_error(tape,
               "mean: mask [5][3] does not fit [5][2][3]: expected its leading dimensions, axis 0 "
               "among them");
  thaw_max(tape, x, 1, early);
  expect_error(tape,
               "max: mask [5] does not fit [5][2][3]: expected its leading dimensions, axis 1 "
               "among them");
  thaw_sum(tape, x, 0, deep);
  expect_error(tape,
               "sum: mask [5][2][3][1] does not fit [5][2][3]: expected its leading dimensions, "
               "axis 0 among them");
  thaw_length_mask(tape, 0, 2, NULL);
  expect_error(tape, "length_mask: there is no mask of 0 steps for 2 sequences");
  free_parameter(x);
  free_parameter(number);
  free_parameter(wrong);
  free_parameter(early);
  free_parameter(deep);
  thaw_tape_free(tape);
}
END_TEST

START_TEST(nothing_in_nothing_out) {
  thaw_tape *tape = start_tape(THAW_TAPE_RECORD);
  thaw_tensor *x = thaw_tape_constant(tape, SHAPE(2), (float[]){1, 2});
  for (size_t k = 0; k < 3; k++) ck_assert_ptr_null(ALL[k].reduce(tape, NULL, 0, NULL));
  ck_assert_int_eq(thaw_tape_status(tape), THAW_OK);
  thaw_tape_fail(tape, "test", "no mask"); /* a mask that failed is no missing mask */
  for (size_t k = 0; k < 3; k++) ck_assert_ptr_null(ALL[k].reduce(tape, x, 0, NULL));
  expect_error(tape, "test: no mask");
  thaw_tape_free(tape);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("reduce");
  TCase *tests = tcase_create("reduce");
  tcase_add_test(tests, every_axis_and_mask);
  tcase_add_test(tests, values_by_hand);
  tcase_add_test(tests, gradient_to_the_first_maximum);
  tcase_add_test(tests, nan_passes_unless_it_is_padding);
  tcase_add_test(tests, length_masks);
  tcase_add_test(tests, threads_change_nothing);
  tcase_add_test(tests, more_results_than_a_strip);
  tcase_add_test(tests, long_sums_are_exact);
  tcase_add_test(tests, shapes_that_do_not_fit);
  tcase_add_test(tests, nothing_in_nothing_out);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
