/* Schedules against the numbers of PyTorch's and fastai's own, over all steps of 6 epochs. */
#include <check.h>
#include <stdlib.h>

#include "../plugins/plugin_bench.h"
#include "golden.h"

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

int main(void) {
  Suite *suite = suite_create("golden schedules");
  TCase *tests = tcase_create("schedules");
  tcase_add_loop_test(tests, rates_and_momenta, 0, sizeof cases / sizeof *cases);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
