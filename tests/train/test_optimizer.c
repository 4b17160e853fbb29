/* test_optimizer.c: rows that no gradient reached cost nothing, and change nothing of the result.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "tensor/touched.h"
#include "train/optimizer.h"

enum { ROWS = 11, WIDTH = 5, STEPS = 6 };

/* A matrix that is trained. */
typedef struct trained {
  thaw_params *params;
  thaw_tensor *table;
  thaw_rate_group group;
  thaw_optimizer *optimizer;
} trained;

static trained start(thaw_context *ctx, const thaw_optimizer_config *config) {
  trained t = {.params = thaw_params_create(1)};
  t.table = thaw_params_add(t.params, ctx, "embedding", "weight", 2, (size_t[]){ROWS, WIDTH},
                            (thaw_init){THAW_INIT_UNIFORM, -1, 1});
  ck_assert_ptr_nonnull(t.table);
  t.group = (thaw_rate_group){
      .name = "embedding", .groups = {thaw_params_group(t.params, "embedding")}, .group_count = 1};
  ck_assert_int_eq(thaw_optimizer_create(ctx, config, &t.group, 1, &t.optimizer), THAW_OK);
  return t;
}

static void end(trained *t) {
  thaw_optimizer_free(t->optimizer);
  thaw_params_free(t->params);
}

/* Which rows a step reaches: early steps few, some again and again, the last row never. */
static const int32_t rows_of_step[STEPS][3] = {{1, 2, 1}, {5, 1, 1}, {0, 7, 7},
                                               {2, 2, 2}, {9, 8, 1}, {3, 3, 5}};

static void add_gradients(float *gradient, size_t step) {
  for (size_t i = 0; i < 3; i++) {
    for (size_t j = 0; j < WIDTH; j++)
      gradient[(size_t)rows_of_step[step][i] * WIDTH + j] += 0.1f * (float)(j + 1) - 0.2f;
  }
}

/* `by_rows`: the optimizer is told which rows the gradient has. */
static double take_step(trained *t, size_t step, bool by_rows) {
  const double rate = 0.1;
  thaw_optimizer_prepare(t->optimizer, &rate);
  for (size_t i = 0; i < ROWS * WIDTH; i++) ck_assert(t->table->grad[i] == 0);
  float *gradient =
      by_rows ? thaw_grad_rows(NULL, t->table, rows_of_step[step], 3) : thaw_grad(NULL, t->table);
  ck_assert_ptr_eq(gradient, t->table->grad);
  add_gradients(gradient, step);
  const double norm = thaw_optimizer_norm(t->optimizer);
  thaw_optimizer_step(t->optimizer, &rate, 1, norm);
  return norm;
}

static const thaw_optimizer_config CONFIGS[] = {
    {.kind = THAW_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8},
    {.kind = THAW_OPTIMIZER_ADAM,
     .beta1 = 0.7,
     .beta2 = 0.99,
     .epsilon = 1e-8,
     .weight_decay = 0.1},
    {.kind = THAW_OPTIMIZER_SGD},
    {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9},
    {.kind = THAW_OPTIMIZER_SGD, .weight_decay = 0.1},
    {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1},
    {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .nesterov = true},
    {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true},
    {.kind = THAW_OPTIMIZER_NT_ASGD},
    {.kind = THAW_OPTIMIZER_NT_ASGD, .weight_decay = 0.1},
};
enum { CONFIG_COUNT = sizeof CONFIGS / sizeof CONFIGS[0] };

START_TEST(rows_give_the_same_bits) {
  thaw_context *ctx = thaw_context_create();
  trained rows = start(ctx, &CONFIGS[_i]), whole = start(ctx, &CONFIGS[_i]);
  for (size_t step = 0; step < STEPS; step++) {
    const double a = take_step(&rows, step, true), b = take_step(&whole, step, false);
    ck_assert(fabs(a - b) < 1e-12 * b);
    ck_assert_mem_eq(rows.table->data, whole.table->data, ROWS * WIDTH * sizeof(float));
  }
  end(&rows);
  end(&whole);
  thaw_context_free(ctx);
}
END_TEST

/* A step that reaches all rows comes between. */
START_TEST(whole_gradients_between) {
  thaw_context *ctx = thaw_context_create();
  trained rows = start(ctx, &CONFIGS[_i]), whole = start(ctx, &CONFIGS[_i]);
  for (size_t step = 0; step < STEPS; step++) {
    take_step(&rows, step, step != 2);
    take_step(&whole, step, false);
    ck_assert_mem_eq(rows.table->data, whole.table->data, ROWS * WIDTH * sizeof(float));
  }
  end(&rows);
  end(&whole);
  thaw_context_free(ctx);
}
END_TEST

/* Averages of all rows, those that no gradient reached in between included. */
START_TEST(averages_of_rows) {
  thaw_context *ctx = thaw_context_create();
  trained rows = start(ctx, &CONFIGS[_i]), whole = start(ctx, &CONFIGS[_i]);
  double sums[ROWS * WIDTH] = {0};
  for (size_t step = 0; step < STEPS; step++) {
    take_step(&rows, step, true);
    take_step(&whole, step, false);
    if (step == 1) {
      ck_assert_int_eq(thaw_optimizer_average_begin(ctx, rows.optimizer), THAW_OK);
      ck_assert_int_eq(thaw_optimizer_average_begin(ctx, whole.optimizer), THAW_OK);
    }
    for (size_t i = 0; step >= 1 && i < ROWS * WIDTH; i++) sums[i] += (double)rows.table->data[i];
  }
  ck_assert_int_eq(rows.optimizer->averaged, STEPS - 1);
  thaw_optimizer_average_swap(rows.optimizer);
  thaw_optimizer_average_swap(whole.optimizer);
  for (size_t i = 0; i < ROWS * WIDTH; i++)
    ck_assert_double_eq_tol((double)rows.table->data[i], sums[i] / (STEPS - 1), 1e-6);
  ck_assert_mem_eq(rows.table->data, whole.table->data, ROWS * WIDTH * sizeof(float));
  end(&rows);
  end(&whole);
  thaw_context_free(ctx);
}
END_TEST

/* An optimizer that goes on from stored moments. */
START_TEST(moments_from_elsewhere) {
  thaw_context *ctx = thaw_context_create();
  trained first = start(ctx, &CONFIGS[_i]), second = start(ctx, &CONFIGS[_i]);
  for (size_t step = 0; step < 3; step++) take_step(&first, step, true);
  memcpy(second.table->data, first.table->data, ROWS * WIDTH * sizeof(float));
  for (size_t m = 0; m < 2; m++) {
    const float *moments = first.optimizer->tensors[0].moments[m];
    if (moments)
      memcpy(second.optimizer->tensors[0].moments[m], moments, ROWS * WIDTH * sizeof(float));
  }
  second.optimizer->steps[0] = first.optimizer->steps[0];
  thaw_optimizer_moments_changed(second.optimizer);
  for (size_t step = 3; step < STEPS; step++) {
    take_step(&first, step, true);
    take_step(&second, step, true);
    ck_assert_mem_eq(first.table->data, second.table->data, ROWS * WIDTH * sizeof(float));
  }
  end(&first);
  end(&second);
  thaw_context_free(ctx);
}
END_TEST

START_TEST(a_row_of_nan_stays_nan) {
  thaw_context *ctx = thaw_context_create();
  trained t = start(ctx, &CONFIGS[0]);
  const double rate = 0.1;
  thaw_optimizer_prepare(t.optimizer, &rate);
  thaw_grad_rows(NULL, t.table, (int32_t[]){4}, 1)[4 * WIDTH] = NAN;
  ck_assert(isnan(thaw_optimizer_norm(t.optimizer)));
  end(&t);
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("optimizer");
  TCase *cases = tcase_create("rows");
  tcase_add_loop_test(cases, rows_give_the_same_bits, 0, CONFIG_COUNT);
  tcase_add_loop_test(cases, whole_gradients_between, 0, CONFIG_COUNT);
  tcase_add_loop_test(cases, moments_from_elsewhere, 0, CONFIG_COUNT);
  tcase_add_loop_test(cases, averages_of_rows, 0, CONFIG_COUNT);
  tcase_add_test(cases, a_row_of_nan_stays_nan);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
