/* Schedules against the numbers of PyTorch's and fastai's own, over all steps of 6 epochs. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "../plugins/plugin_bench.h"
#include "golden.h"
#include "train/lr_find.h"

enum { EPOCHS = 6, EPOCH_STEPS = 20, STEPS = EPOCHS * EPOCH_STEPS };

static const struct {
  const char *plugin, *name;
  const char *settings[4][2];
} cases[] = {
    {"warmup_linear", "short", {{"warmup", "0.1"}}},
    {"warmup_linear", "short", {{"warmup_steps", "12"}}},
    {"warmup_linear", "long", {{"warmup_steps", "50"}, {"end", "0.25"}}},
    {"warmup_linear", "none", {{NULL, NULL}}}, /* 0.2 % of 120 steps are none */
    {"cosine", "once", {{NULL, NULL}}},
    {"cosine", "equal", {{"cycle", "2"}, {"minimum", "0.1"}}},
    {"cosine", "growing", {{"cycle", "1"}, {"cycle_mult", "2"}}},
    {"one_cycle", "default", {{NULL, NULL}}},
    {"one_cycle",
     "other",
     {{"pct_start", "0.4"},
      {"div", "10"},
      {"div_final", "100"},
      {"momentum", "[0.95, 0.85, 0.9]"}}},
};

static thaw_moment moment_at(int64_t step, const int64_t *epoch_steps) {
  return (thaw_moment){.step = step,
                       .steps = STEPS,
                       .steps_per_epoch = EPOCH_STEPS,
                       .epoch = step / EPOCH_STEPS,
                       .epochs = EPOCHS,
                       .groups = 1,
                       .group_name = "head",
                       .epoch_steps = epoch_steps};
}

START_TEST(rates_and_momenta) {
  golden *file = golden_open("schedules");
  plugin_bench bench;
  bench_open(&bench, THAW_SCHEDULE, cases[_i].plugin);
  for (size_t i = 0; i < 4 && cases[_i].settings[i][0]; i++)
    bench_set(&bench, cases[_i].settings[i][0], cases[_i].settings[i][1]);
  const thaw_schedule *schedule = bench.descriptor->api.schedule;
  int64_t epoch_steps[EPOCHS + 1];
  float rates[STEPS], momenta[STEPS];
  for (int64_t e = 0; e <= EPOCHS; e++) epoch_steps[e] = e * EPOCH_STEPS;
  for (int64_t step = 0; step < STEPS; step++) {
    const thaw_moment moment = moment_at(step, epoch_steps);
    rates[step] = (float)schedule->multiplier(bench.settings, &moment);
    if (schedule->momentum) momenta[step] = (float)schedule->momentum(bench.settings, &moment);
  }
  golden_compare(file, rates, STEPS, "%s.%s.rate", cases[_i].plugin, cases[_i].name);
  if (schedule->momentum)
    golden_compare(file, momenta, STEPS, "%s.%s.momentum", cases[_i].plugin, cases[_i].name);
  bench_close(&bench);
  golden_close(file);
}
END_TEST

/* ---- The learning rate range test ------------------------------------------------------------ */

static const char *const curves[] = {"diverges", "noisy", "ends"};

START_TEST(suggested_rates) {
  enum { MOST = 100 };
  golden *file = golden_open("lr_find");
  thaw_context *ctx = thaw_context_create();
  thaw_lr_point points[MOST];
  float smooth[MOST];
  const thaw_tensor *rates = golden_get(file, "rates");
  const thaw_tensor *losses = golden_get(file, "%s.losses", curves[_i]);
  double mean = 0, best = INFINITY;
  size_t count = 0;
  for (bool stop = false; count < MOST && !stop; count++) {
    points[count].rate = (double)rates->data[count];
    points[count].loss = (double)losses->data[count];
    points[count].smooth = thaw_lr_smooth(&mean, count, points[count].loss);
    smooth[count] = (float)points[count].smooth;
    stop = thaw_lr_diverges(&best, points[count].smooth);
  }
  golden_compare(file, smooth, count, "%s.smooth", curves[_i]); /* as many, too */
  thaw_lr_suggestion found;
  ck_assert_int_eq(thaw_lr_suggest(ctx, points, count, MOST, &found), THAW_OK);
  golden_compare(file, &(float){(float)found.valley}, 1, "%s.valley", curves[_i]);
  golden_compare(file, &(float){(float)found.steepest}, 1, "%s.steepest", curves[_i]);
  thaw_context_free(ctx);
  golden_close(file);
}
END_TEST

START_TEST(what_does_not_fall_suggests_nothing) {
  thaw_context *ctx = thaw_context_create();
  thaw_lr_point points[40];
  thaw_lr_suggestion found;
  for (size_t i = 0; i < 40; i++)
    points[i] = (thaw_lr_point){.rate = pow(1.5, (double)i), .smooth = 1 + (double)i};
  ck_assert_int_eq(thaw_lr_suggest(ctx, points, 40, 40, &found), THAW_OK);
  ck_assert_double_nan(found.valley);
  ck_assert_double_nan(found.steepest);
  points[20].smooth = 0; /* a single step down */
  ck_assert_int_eq(thaw_lr_suggest(ctx, points, 40, 40, &found), THAW_OK);
  ck_assert_double_eq(found.steepest, points[19].rate);
  for (size_t count = 0; count < 10; count++) {
    ck_assert_int_eq(thaw_lr_suggest(ctx, points, count, 100, &found), THAW_OK);
    ck_assert_double_nan(found.valley);
  }
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("golden schedules");
  TCase *tests = tcase_create("schedules");
  tcase_add_loop_test(tests, rates_and_momenta, 0, sizeof cases / sizeof *cases);
  tcase_add_loop_test(tests, suggested_rates, 0, 3);
  tcase_add_test(tests, what_does_not_fall_suggests_nothing);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
