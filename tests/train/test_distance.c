/* test_distance.c: how far groups are from where they began. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/context.h"
#include "tensor/kernels.h"
#include "train/distance.h"

static thaw_context *ctx;
static thaw_params *params;
static float *weight, *bias, *head, *mean, *zeros;

static float *add(const char *group, const char *name, size_t count, float value, bool trained) {
  const size_t shape[] = {count};
  const thaw_init init = {THAW_INIT_CONSTANT, value, 0};
  thaw_tensor *tensor = trained ? thaw_params_add(params, ctx, group, name, 1, shape, init)
                                : thaw_params_add_buffer(params, ctx, group, name, 1, shape, init);
  ck_assert_ptr_nonnull(tensor);
  return tensor->data;
}

static void set_up(void) {
  ctx = thaw_context_create();
  params = thaw_params_create(1);
  weight = add("rnn", "weight", 4, 2, true); /* squares: 16 */
  bias = add("rnn", "bias", 9, 1, true);     /* 9: together the norm is 5 */
  head = add("head", "weight", 1, -4, true);
  mean = add("head", "running_mean", 1, 3, false);
  zeros = add("decoder", "bias", 3, 0, true);
  add("fixed", "table", 2, 1, false);
}

static void tear_down(void) {
  thaw_params_free(params);
  thaw_context_free(ctx);
}

START_TEST(it_is_relative_to_all_tensors_of_a_group) {
  thaw_distance *distance = NULL;
  double found[4];
  ck_assert_int_eq(thaw_distance_create(ctx, params, NULL, &distance), THAW_OK);
  ck_assert_int_eq(thaw_distance_measure(ctx, distance, params, found), THAW_OK);
  ck_assert_double_eq(found[0], 0);
  ck_assert_double_eq(found[1], 0);
  ck_assert(isnan(found[2])); /* from nothing */
  ck_assert(isnan(found[3])); /* nothing is trained */
  weight[0] += 3;
  bias[8] -= 4; /* 3² + 4²: 5 of 5 */
  head[0] = -3;
  mean[0] = 100; /* not trained: does not count */
  zeros[0] = 1;
  ck_assert_int_eq(thaw_distance_measure(ctx, distance, params, found), THAW_OK);
  ck_assert_double_eq(found[0], 1);
  ck_assert_double_eq(found[1], 0.25);
  ck_assert(isnan(found[2]));
  ck_assert(isnan(found[3]));
  weight[0] -= 3;
  bias[8] += 4;
  ck_assert_int_eq(thaw_distance_measure(ctx, distance, params, found), THAW_OK);
  ck_assert_double_eq(found[0], 0);
  thaw_distance_free(distance);
  thaw_distance_free(NULL);
}
END_TEST

/* The first values are read in pieces: of more than one piece, from one tensor to the next. */
START_TEST(large_tensors_are_compared_whole) {
  enum { COUNT = 200001 };
  float *large = add("large", "a", COUNT, 1, true), *after = add("large", "b", COUNT, 2, true);
  for (size_t i = 0; i < COUNT; i++) large[i] = 1 + (float)(i % 5);
  double square = 0;
  for (size_t i = 0; i < COUNT; i++) square += (double)large[i] * (double)large[i] + 4;
  thaw_distance *distance = NULL;
  double found[5];
  ck_assert_int_eq(thaw_distance_create(ctx, params, NULL, &distance), THAW_OK);
  ck_assert_int_eq(thaw_distance_measure(ctx, distance, params, found), THAW_OK);
  ck_assert_double_eq(found[4], 0);
  large[COUNT - 1] += 3;
  after[0] += 4;
  ck_assert_int_eq(thaw_distance_measure(ctx, distance, params, found), THAW_OK);
  ck_assert_double_eq_tol(found[4], 5 / sqrt(square), 1e-12);
  thaw_distance_free(distance);
}
END_TEST

/* A difference in the last bits of many large numbers is not lost, as it would be in floats. */
START_TEST(sums_are_exact) {
  enum { COUNT = 300001 };
  float *a = malloc(COUNT * sizeof *a), *b = malloc(COUNT * sizeof *b);
  ck_assert(a && b);
  double expected = 0;
  for (size_t i = 0; i < COUNT; i++) {
    a[i] = 1000 + (float)(i % 7);
    b[i] = nextafterf(a[i], i % 2 ? 0 : 1e9F);
    const double difference = (double)a[i] - (double)b[i];
    expected += difference * difference;
  }
  ck_assert_double_gt(expected, 0);
  ck_assert_double_eq_tol(thaw_squared_distance(a, b, COUNT), expected, 1e-9 * expected);
  ck_assert_double_eq(thaw_squared_distance(a, a, COUNT), 0);
  ck_assert_double_eq(thaw_squared_distance(a, b, 0), 0);
  a[5] = NAN;
  ck_assert(isnan(thaw_squared_distance(a, b, 9)));
  free(a);
  free(b);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("distance");
  TCase *tests = tcase_create("distance");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, it_is_relative_to_all_tensors_of_a_group);
  tcase_add_test(tests, large_tensors_are_compared_whole);
  tcase_add_test(tests, sums_are_exact);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
