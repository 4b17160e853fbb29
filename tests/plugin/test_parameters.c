/* Parameter tensors by group, their initial values, and carried state. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/carry.h"
#include "plugin/parameters.h"

static thaw_context *ctx;
static thaw_params *params;

static void set_up(void) {
  ctx = thaw_context_create();
  params = thaw_params_create(1);
}

static void tear_down(void) {
  thaw_params_free(params);
  thaw_context_free(ctx);
}

static const thaw_init uniform = {THAW_INIT_UNIFORM, -0.1f, 0.1f};
static const thaw_init zero = {THAW_INIT_CONSTANT, 0, 0};

START_TEST(groups_stand_in_the_order_of_their_first_tensor) {
  const size_t shape[] = {2, 3};
  thaw_tensor *table = thaw_params_add(params, ctx, "embedding", "table", 2, shape, uniform);
  ck_assert_ptr_nonnull(table);
  ck_assert_ptr_nonnull(thaw_params_add(params, ctx, "rnn.0", "w", 2, shape, uniform));
  ck_assert_ptr_nonnull(thaw_params_add(params, ctx, "embedding", "more", 1, shape, zero));
  ck_assert_ptr_nonnull(thaw_params_add_buffer(params, ctx, "rnn.0", "mean", 1, shape + 1, zero));
  ck_assert_uint_eq(params->count, 2);
  ck_assert_str_eq(params->groups[0].name, "embedding");
  ck_assert_str_eq(params->groups[1].name, "rnn.0");
  ck_assert_ptr_eq(thaw_params_find(params, "embedding", "table")->tensor, table);
  ck_assert_ptr_null(thaw_params_find(params, "embedding", "w"));
  ck_assert_ptr_null(thaw_params_find(params, "head", "w"));
  ck_assert_uint_eq(thaw_group_size(thaw_params_group(params, "embedding")), 8);
  ck_assert_uint_eq(thaw_group_size(thaw_params_group(params, "rnn.0")), 6);
  ck_assert_uint_eq(thaw_params_size(params), 14);
  const thaw_param *mean = thaw_params_find(params, "rnn.0", "mean");
  ck_assert(!mean->trained && !mean->tensor->wants_grad);
  ck_assert(table->wants_grad && !table->grad);
  ck_assert_uint_eq((uintptr_t)table->data % 64, 0);
  ck_assert_uint_eq(table->shape[1], 3);
  ck_assert_uint_eq(table->shape[2], 1);
}
END_TEST

START_TEST(values_depend_on_seed_group_and_name_alone) {
  const size_t shape[] = {50};
  thaw_params *other = thaw_params_create(1), *another = thaw_params_create(2);
  const thaw_tensor *w = thaw_params_add(params, ctx, "g", "w", 1, shape, uniform);
  thaw_params_add(other, ctx, "before", "v", 1, shape, uniform);
  const thaw_tensor *v = thaw_params_add(other, ctx, "g", "v", 1, shape, uniform);
  const thaw_tensor *same = thaw_params_add(other, ctx, "g", "w", 1, shape, uniform);
  const thaw_tensor *elsewhere = thaw_params_add(other, ctx, "gw", "w", 1, shape, uniform);
  const thaw_tensor *seeded = thaw_params_add(another, ctx, "g", "w", 1, shape, uniform);
  const size_t bytes = 50 * sizeof(float);
  ck_assert_mem_eq(w->data, same->data, bytes);
  ck_assert(memcmp(w->data, v->data, bytes) != 0);
  ck_assert(memcmp(w->data, elsewhere->data, bytes) != 0);
  ck_assert(memcmp(w->data, seeded->data, bytes) != 0);
  thaw_params_free(other);
  thaw_params_free(another);
}
END_TEST

START_TEST(values_have_the_distribution_asked_for) {
  const size_t shape[] = {100, 400};
  const size_t count = 100 * 400;
  const thaw_tensor *u = thaw_params_add(params, ctx, "g", "u", 2, shape, uniform);
  const thaw_tensor *n =
      thaw_params_add(params, ctx, "g", "n", 2, shape, (thaw_init){THAW_INIT_NORMAL, 3, 0.5f});
  const thaw_tensor *c =
      thaw_params_add(params, ctx, "g", "c", 0, NULL, (thaw_init){THAW_INIT_CONSTANT, 1.5f, 0});
  double u_sum = 0, u_squares = 0, n_sum = 0, n_squares = 0;
  for (size_t i = 0; i < count; i++) {
    ck_assert(u->data[i] >= -0.1f && u->data[i] < 0.1f);
    u_sum += u->data[i];
    u_squares += (double)u->data[i] * u->data[i];
    n_sum += n->data[i];
    n_squares += pow(n->data[i] - 3, 2);
  }
  ck_assert_double_eq_tol(u_sum / count, 0, 0.0015);
  ck_assert_double_eq_tol(sqrt(u_squares / count), 0.1 / sqrt(3), 0.001);
  ck_assert_double_eq_tol(n_sum / count, 3, 0.0125);
  ck_assert_double_eq_tol(sqrt(n_squares / count), 0.5, 0.009);
  ck_assert_float_eq(c->data[0], 1.5f);
}
END_TEST

START_TEST(addresses_stay) {
  thaw_tensor *tensors[200];
  for (size_t i = 0; i < 200; i++) {
    char group[10], name[10];
    snprintf(group, sizeof group, "g%zu", i % 20);
    snprintf(name, sizeof name, "t%zu", i);
    tensors[i] = thaw_params_add(params, ctx, group, name, 1, (size_t[]){i + 1}, zero);
  }
  for (size_t i = 0; i < 200; i++) {
    char group[10], name[10];
    snprintf(group, sizeof group, "g%zu", i % 20);
    snprintf(name, sizeof name, "t%zu", i);
    ck_assert_ptr_eq(thaw_params_find(params, group, name)->tensor, tensors[i]);
  }
}
END_TEST

static void expect_refused(const char *group, const char *name, size_t rank, const size_t *shape,
                           thaw_init init, const char *message) {
  ck_assert_ptr_null(thaw_params_add(params, ctx, group, name, rank, shape, init));
  ck_assert_str_eq(thaw_error(ctx), message);
}

START_TEST(mistakes_are_named) {
  const size_t good[] = {2, 3, 4, 5, 6}, empty[] = {2, 0}, huge[] = {SIZE_MAX / 8, 3};
  ck_assert_ptr_nonnull(thaw_params_add(params, ctx, "g", "w", 2, good, zero));
  expect_refused("g", "w", 2, good, zero, "there are two parameters g/w");
  expect_refused("g", "e", 2, empty, zero, "parameter g/e is empty: its dimension 1 is 0");
  expect_refused("g", "h", 2, huge, zero, "parameter g/h is larger than any memory");
  expect_refused("g", "r", 5, good, zero, "parameter g/r has 5 dimensions, at most 4 are possible");
  expect_refused("g", "a/b", 1, good, zero,
                 "a parameter's group and name must not be empty nor contain '/'");
  expect_refused("", "a", 1, good, zero,
                 "a parameter's group and name must not be empty nor contain '/'");
  expect_refused("g", "k", 1, good, (thaw_init){.kind = 77},
                 "parameter g/k: unknown kind of initial values 77");
  ck_assert_uint_eq(thaw_params_size(params), 6);
}
END_TEST

START_TEST(values_are_taken_from_a_donor) {
  const size_t shape[] = {2, 3}, other_shape[] = {3, 2};
  thaw_params *donor = thaw_params_create(9);
  const float *values = thaw_params_add(donor, ctx, "g", "w", 2, shape, uniform)->data;
  thaw_params_add(donor, ctx, "g", "v", 2, shape, uniform);
  thaw_params_take_from(params, donor);
  const thaw_tensor *w = thaw_params_add(params, ctx, "g", "w", 2, shape, zero);
  ck_assert_ptr_eq(w->data, values);
  ck_assert(w->data[0] != 0);
  ck_assert_ptr_null(thaw_params_add(params, ctx, "g", "v", 2, other_shape, zero));
  ck_assert_str_eq(thaw_error(ctx), "the parameter g/v is [2][3], expected [3][2]");
  ck_assert_ptr_null(thaw_params_add(params, ctx, "g", "u", 2, shape, zero));
  ck_assert_str_eq(thaw_error(ctx), "the parameter g/u is missing, expected [2][3]");
  thaw_params_take_from(params, NULL);
  ck_assert_float_eq(thaw_params_add(params, ctx, "g", "u", 2, shape, zero)->data[5], 0);
  thaw_params_free(donor);
}
END_TEST

START_TEST(slots_keep_their_floats_until_reset) {
  thaw_carry *carry = thaw_carry_create();
  float *a = thaw_carry_slot(carry, 7, 3);
  ck_assert(a[0] == 0 && a[1] == 0 && a[2] == 0);
  a[1] = 5;
  for (size_t slot = 100; slot < 120; slot++)
    ck_assert_ptr_nonnull(thaw_carry_slot(carry, slot, 1));
  ck_assert_ptr_eq(thaw_carry_slot(carry, 7, 3), a);
  ck_assert_float_eq(a[1], 5);
  ck_assert_uint_eq(thaw_carry_count(carry), 21);
  const thaw_carry_entry *entries = thaw_carry_entries(carry);
  ck_assert_uint_eq(entries[0].slot, 7);
  ck_assert_uint_eq(entries[0].count, 3);
  ck_assert_ptr_eq(entries[0].data, a);
  ck_assert_uint_eq(entries[20].slot, 119);
  thaw_carry_reset(carry);
  ck_assert_ptr_eq(thaw_carry_slot(carry, 7, 3), a);
  ck_assert_float_eq(a[1], 0);
  a[1] = 5;
  const float *wider = thaw_carry_slot(carry, 7, 4);
  for (int i = 0; i < 4; i++) ck_assert_float_eq(wider[i], 0);
  ck_assert_ptr_nonnull(thaw_carry_slot(carry, 8, 0));
  ck_assert_uint_eq(thaw_carry_count(carry), 22);
  thaw_carry_free(carry);
  thaw_carry_free(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("parameters");
  TCase *tests = tcase_create("parameters");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, groups_stand_in_the_order_of_their_first_tensor);
  tcase_add_test(tests, values_depend_on_seed_group_and_name_alone);
  tcase_add_test(tests, values_have_the_distribution_asked_for);
  tcase_add_test(tests, addresses_stay);
  tcase_add_test(tests, mistakes_are_named);
  tcase_add_test(tests, values_are_taken_from_a_donor);
  tcase_add_test(tests, slots_keep_their_floats_until_reset);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
