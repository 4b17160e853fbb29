/* AdamW, SGD and its averages over 20 steps, and the slanted triangular learning rate, against
 * PyTorch and the paper's formula. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/plugin_bench.h"
#include "golden.h"
#include "train/optimizer.h"

enum { TENSORS = 2, AVERAGED_FROM = 8 };
static const char *const names[TENSORS] = {"a", "b"};

typedef struct optimizer_case {
  const char *name;
  thaw_optimizer_config config;
} optimizer_case;

static const optimizer_case cases[] = {
    {"adamw",
     {.kind = THAW_OPTIMIZER_ADAM,
      .beta1 = 0.7,
      .beta2 = 0.99,
      .epsilon = 1e-8,
      .weight_decay = 0.1}},
    {"adamw_clip",
     {.kind = THAW_OPTIMIZER_ADAM,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .epsilon = 1e-6,
      .weight_decay = 0.01,
      .clip = 0.5}},
    {"sgd", {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1, .clip = 0.5}},
    {"sgd_plain", {.kind = THAW_OPTIMIZER_SGD}},
    {"nesterov", {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9, .nesterov = true}},
    {"nesterov_clip",
     {.kind = THAW_OPTIMIZER_SGD,
      .momentum = 0.7,
      .nesterov = true,
      .weight_decay = 0.1,
      .clip = 0.5}},
    {"nt_asgd", {.kind = THAW_OPTIMIZER_NT_ASGD, .weight_decay = 0.1, .clip = 0.5}},
};

/* The tensors a and b in a group of their own. */
static thaw_params *make_params(golden *file, thaw_context *ctx) {
  thaw_params *params = thaw_params_create(1);
  for (int i = 0; i < TENSORS; i++) {
    const thaw_tensor *start = golden_get(file, "start.%s", names[i]);
    thaw_tensor *tensor = thaw_params_add(params, ctx, "group", names[i], start->rank, start->shape,
                                          (thaw_init){THAW_INIT_CONSTANT, 0, 0});
    golden_fill(file, tensor, "start.%s", names[i]);
  }
  return params;
}

/* A tensor of the file that is not there at every step. */
static void compare(golden *file, const thaw_tensor *tensor, const char *name, size_t step,
                    const char *which) {
  char full[64];
  snprintf(full, sizeof full, "%s.step%zu.%s", name, step, which);
  if (golden_has(file, full)) golden_compare(file, tensor->data, thaw_size(tensor), "%s", full);
}

static void take_step(golden *file, thaw_optimizer *optimizer, thaw_params *params,
                      const char *name, size_t step, double rate) {
  thaw_optimizer_prepare(optimizer, &rate);
  for (int i = 0; i < TENSORS; i++) {
    const thaw_tensor *gradient = golden_get(file, "step%zu.grad.%s", step, names[i]);
    thaw_tensor *tensor = thaw_params_find(params, "group", names[i])->tensor;
    memcpy(thaw_grad(NULL, tensor), gradient->data, thaw_size(tensor) * sizeof(float));
  }
  const double norm = thaw_optimizer_norm(optimizer);
  const float found = (float)norm;
  golden_compare(file, &found, 1, "%s.step%zu.norm", name, step);
  thaw_optimizer_step(optimizer, &rate, 1, norm);
  for (int i = 0; i < TENSORS; i++) {
    const thaw_tensor *tensor = thaw_params_find(params, "group", names[i])->tensor;
    compare(file, tensor, name, step, names[i]);
  }
}

static void compare_averages(golden *file, thaw_optimizer *optimizer, thaw_params *params) {
  for (int swapped = 0; swapped < 2; swapped++, thaw_optimizer_average_swap(optimizer)) {
    for (int i = 0; i < TENSORS; i++) {
      const thaw_tensor *tensor = thaw_params_find(params, "group", names[i])->tensor;
      golden_compare(file, tensor->data, thaw_size(tensor), "nt_asgd.%s.%s",
                     swapped ? "average" : "step19", names[i]);
    }
  }
}

START_TEST(optimizer_steps) {
  const optimizer_case *c = &cases[_i];
  golden *file = golden_open("optimizers");
  thaw_context *ctx = thaw_context_create();
  thaw_params *params = make_params(file, ctx);
  const thaw_rate_group group = {
      .name = "group", .groups = {thaw_params_group(params, "group")}, .group_count = 1};
  thaw_optimizer *optimizer;
  ck_assert_int_eq(thaw_optimizer_create(ctx, &c->config, &group, 1, &optimizer), THAW_OK);
  const thaw_tensor *rates = golden_get(file, "rates");
  for (size_t step = 0; step < thaw_size(rates); step++) {
    if (step == AVERAGED_FROM && c->config.kind == THAW_OPTIMIZER_NT_ASGD)
      ck_assert_int_eq(thaw_optimizer_average_begin(ctx, optimizer), THAW_OK);
    take_step(file, optimizer, params, c->name, step, (double)rates->data[step]);
  }
  if (c->config.kind == THAW_OPTIMIZER_NT_ASGD) compare_averages(file, optimizer, params);
  thaw_optimizer_free(optimizer);
  thaw_params_free(params);
  thaw_context_free(ctx);
  golden_close(file);
}
END_TEST

START_TEST(slanted_triangular_rates) {
  golden *file = golden_open("stlr");
  plugin_bench bench;
  char name[32], text[32];
  bench_open(&bench, THAW_SCHEDULE, "stlr");
  for (int c = 0; c < 3; c++) {
    snprintf(name, sizeof name, "case%d", c);
    snprintf(text, sizeof text, "%g", (double)golden_get(file, "%s.cut_frac", name)->data[0]);
    bench_set(&bench, "cut_frac", text);
    snprintf(text, sizeof text, "%g", (double)golden_get(file, "%s.ratio", name)->data[0]);
    bench_set(&bench, "ratio", text);
    const size_t steps = thaw_size(golden_get(file, "%s", name));
    float *found = malloc(steps * sizeof *found);
    for (size_t t = 0; t < steps; t++) {
      const thaw_moment moment = {
          .step = (int64_t)t, .steps = (int64_t)steps, .epochs = 1, .groups = 1};
      found[t] = (float)bench.descriptor->api.schedule->multiplier(bench.settings, &moment);
    }
    golden_compare(file, found, steps, "%s", name);
    free(found);
  }
  bench_close(&bench);
  golden_close(file);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden optimizers");
  TCase *tests = tcase_create("optimizers");
  tcase_add_loop_test(tests, optimizer_steps, 0, sizeof cases / sizeof *cases);
  tcase_add_test(tests, slanted_triangular_rates);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
