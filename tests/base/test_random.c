/* Random numbers: the published generator, and the shape of what is drawn from it. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "thaw/base.h"

START_TEST(the_generator_is_xoshiro256_starstar) {
  /* The first outputs of the authors' C code for the state 1, 2, 3, 4. */
  static const uint64_t expected[] = {11520,
                                      0,
                                      1509978240,
                                      1215971899390074240,
                                      1216172134540287360,
                                      607988272756665600,
                                      16172922978634559625u,
                                      8476171486693032832,
                                      10595114339597558777u,
                                      2904607092377533576};
  thaw_rng rng = {{1, 2, 3, 4}};
  for (size_t i = 0; i < 10; i++) ck_assert_uint_eq(thaw_rng_next(&rng), expected[i]);
}
END_TEST

START_TEST(seed_and_stream_tell_generators_apart) {
  thaw_rng a = thaw_rng_make(1, 2), same = thaw_rng_make(1, 2);
  ck_assert_mem_eq(&a, &same, sizeof a);
  static const uint64_t others[][2] = {{2, 1}, {1, 3}, {0, 2}, {1, 0}, {3, 0}, {0, 3}};
  for (size_t i = 0; i < 6; i++) {
    thaw_rng other = thaw_rng_make(others[i][0], others[i][1]);
    ck_assert(memcmp(&a, &other, sizeof a) != 0);
  }
}
END_TEST

START_TEST(uniform_numbers_fill_their_range) {
  enum { COUNT = 200000 };
  thaw_rng rng = thaw_rng_make(7, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < COUNT; i++) {
    const float x = thaw_rng_uniform(&rng);
    ck_assert(x >= 0 && x < 1);
    sum += x;
    squares += (double)x * x;
  }
  /* Five standard errors: 0.2887/√COUNT and 0.2981/√COUNT. */
  ck_assert_double_eq_tol(sum / COUNT, 0.5, 0.0033);
  ck_assert_double_eq_tol(squares / COUNT, 1.0 / 3, 0.0034);
}
END_TEST

START_TEST(normal_numbers_have_the_moments_of_the_normal) {
  enum { COUNT = 200000 };
  thaw_rng rng = thaw_rng_make(7, 1);
  double moments[5] = {0};
  for (int i = 0; i < COUNT; i++) {
    const double x = thaw_rng_normal(&rng);
    ck_assert(isfinite(x));
    for (int m = 1; m < 5; m++) moments[m] += pow(x, m) / COUNT;
  }
  ck_assert_double_eq_tol(moments[1], 0, 0.012);
  ck_assert_double_eq_tol(moments[2], 1, 0.016);
  ck_assert_double_eq_tol(moments[3], 0, 0.044);
  ck_assert_double_eq_tol(moments[4], 3, 0.11);
}
END_TEST

START_TEST(bounded_numbers_are_even) {
  enum { COUNT = 60000 };
  thaw_rng rng = thaw_rng_make(3, 3);
  int seen[6] = {0};
  for (int i = 0; i < COUNT; i++) seen[thaw_rng_below(&rng, 6)]++;
  double chi = 0;
  for (int i = 0; i < 6; i++) chi += pow(seen[i] - COUNT / 6.0, 2) / (COUNT / 6.0);
  ck_assert_double_lt(chi, 25); /* five degrees of freedom: p < 0.0002 */
  for (int i = 0; i < 100; i++) ck_assert_uint_eq(thaw_rng_below(&rng, 1), 0);
  /* A bound for which a third of all numbers must be drawn again. */
  const uint64_t bound = UINT64_C(3) << 62;
  int low = 0;
  for (int i = 0; i < COUNT; i++) low += thaw_rng_below(&rng, bound) < bound / 3;
  ck_assert_double_eq_tol((double)low / COUNT, 1.0 / 3, 0.01);
}
END_TEST

START_TEST(a_shuffle_keeps_every_index_and_favours_none) {
  enum { COUNT = 24000 };
  thaw_rng rng = thaw_rng_make(5, 5);
  int orders[64] = {0};
  for (int i = 0; i < COUNT; i++) {
    size_t order[4] = {0, 1, 2, 3};
    thaw_rng_shuffle(&rng, order, 4);
    ck_assert_uint_eq(1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3], 15);
    orders[order[0] << 4 | order[1] << 2 | order[2]]++;
  }
  int kinds = 0;
  double chi = 0;
  for (int i = 0; i < 64; i++) {
    if (!orders[i]) continue;
    kinds++;
    chi += pow(orders[i] - COUNT / 24.0, 2) / (COUNT / 24.0);
  }
  ck_assert_int_eq(kinds, 24);
  ck_assert_double_lt(chi, 55); /* 23 degrees of freedom: p < 0.0003 */
  thaw_rng_shuffle(&rng, NULL, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("random");
  TCase *tests = tcase_create("random");
  tcase_add_test(tests, the_generator_is_xoshiro256_starstar);
  tcase_add_test(tests, seed_and_stream_tell_generators_apart);
  tcase_add_test(tests, uniform_numbers_fill_their_range);
  tcase_add_test(tests, normal_numbers_have_the_moments_of_the_normal);
  tcase_add_test(tests, bounded_numbers_are_even);
  tcase_add_test(tests, a_shuffle_keeps_every_index_and_favours_none);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
