/* Every schedule against schedules.csv (written by schedules.py from the papers' formulas), and the
 * promises that all schedules make: finite, not negative, and the same value for the same moment.
 */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "plugin/registry.h"
#include "plugin/settings.h"

static thaw_context *ctx;
static thaw_registry *registry;
static thaw_arena *arena;

static void set_up(void) {
  ctx = thaw_context_create();
  registry = thaw_registry_create(NULL);
  arena = thaw_arena_create();
}

static void tear_down(void) {
  thaw_arena_free(arena);
  thaw_registry_free(registry);
  thaw_context_free(ctx);
}

/* The schedule and its settings from "key=value;key=value". */
static const thaw_plugin_descriptor *open_schedule(const char *name, char *assignments,
                                                   void **settings) {
  const thaw_plugin *plugin;
  ck_assert_msg(thaw_registry_find(registry, ctx, THAW_SCHEDULE, name, &plugin) == THAW_OK, "%s",
                thaw_error(ctx));
  const thaw_plugin_descriptor *descriptor = plugin->descriptor;
  ck_assert_int_eq(thaw_settings_create(ctx, arena, descriptor, settings), THAW_OK);
  char *rest = NULL;
  for (char *one = strtok_r(assignments, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
    char *equals = strchr(one, '=');
    *equals = '\0';
    const char *text = equals + 1;
    const thaw_param_spec *spec = thaw_param_find(descriptor->params, one);
    ck_assert_msg(spec != NULL, "%s has no parameter %s", name, one);
    const thaw_value value = {.count = 1, .texts = &text};
    ck_assert_msg(thaw_settings_set(ctx, arena, spec, *settings, &value) == THAW_OK, "%s",
                  thaw_error(ctx));
  }
  return descriptor;
}

/* Cuts a line at its commas, empty cells included. */
static void cut_line(char *line, char *cells[9]) {
  for (int i = 0; i < 9; i++) cells[i] = strsep(&line, ",\n");
  ck_assert_ptr_nonnull(cells[8]);
}

START_TEST(multipliers_are_those_of_the_papers) {
  char path[4096], line[500], whole[500];
  int rows = 0;
  snprintf(path, sizeof path, "%s/tests/plugins/schedules.csv", getenv("THAW_SOURCE"));
  FILE *table = fopen(path, "r");
  ck_assert_msg(table != NULL, "%s is missing", path);
  ck_assert_ptr_nonnull(fgets(line, sizeof line, table));
  while (fgets(line, sizeof line, table)) {
    char *cells[9];
    void *settings;
    snprintf(whole, sizeof whole, "%s", line);
    cut_line(line, cells);
    const thaw_plugin_descriptor *schedule = open_schedule(cells[0], cells[1], &settings);
    const thaw_moment moment = {
        .step = atoll(cells[2]),
        .steps = atoll(cells[3]),
        .steps_per_epoch = 25,
        .epoch = atoll(cells[4]),
        .epochs = atoll(cells[5]),
        .group = atoll(cells[6]),
        .groups = atoll(cells[7]),
        .group_name = "group",
    };
    const double expected = strtod(cells[8], NULL);
    const double found = schedule->api.schedule->multiplier(settings, &moment);
    ck_assert_msg(fabs(found - expected) <= 1e-12, "expected %.17g, found %.17g for %s", expected,
                  found, whole);
    rows++;
  }
  fclose(table);
  ck_assert_int_gt(rows, 80);
}
END_TEST

static const char *const names[] = {"constant",  "warmup_linear",    "stlr",
                                    "one_cycle", "cosine",           "discriminative",
                                    "freeze",    "gradual_unfreeze", "chain_thaw"};
enum { NAMES = sizeof names / sizeof *names };

/* Epochs of one step. */
static const int64_t *single_steps(void) {
  static int64_t steps[62];
  for (int64_t e = 0; e < 62; e++) steps[e] = e;
  return steps;
}

START_TEST(multipliers_are_finite_pure_and_not_negative) {
  void *settings;
  char none[1] = "";
  const thaw_schedule *schedule = open_schedule(names[_i], none, &settings)->api.schedule;
  for (int64_t steps = 1; steps < 60; steps++) {
    for (int64_t step = 0; step < steps; step++) {
      for (int64_t group = 0; group < 6; group++) {
        const thaw_moment moment = {step,  steps, 1,       step,           steps,
                                    group, 6,     "group", single_steps(), 0};
        const double found = schedule->multiplier(settings, &moment);
        ck_assert_msg(isfinite(found) && found >= 0,
                      "%s: %g at step %" PRId64 " of %" PRId64 ", group %" PRId64, names[_i], found,
                      step, steps, group);
        ck_assert(schedule->multiplier(settings, &moment) == found);
        const double momentum = schedule->momentum ? schedule->momentum(settings, &moment) : -1;
        ck_assert_msg(momentum < 1, "%s: the momentum %g at step %" PRId64 " of %" PRId64,
                      names[_i], momentum, step, steps);
      }
    }
  }
}
END_TEST

/* ---- Thawing, written out by hand ----------------------------------------------------------- */

/* One word an epoch of two steps: which of the groups, from the input to the output, are trained.
 */
static void expect_thawed(const char *name, const char *assignments, const char *const *epochs) {
  char copy[200];
  void *settings;
  int64_t count = 0, epoch_steps[20] = {0};
  snprintf(copy, sizeof copy, "%s", assignments);
  const thaw_schedule *schedule = open_schedule(name, copy, &settings)->api.schedule;
  for (; epochs[count]; count++) epoch_steps[count + 1] = 2 * (count + 1);
  for (int64_t step = 0; step < 2 * count; step++) {
    char found[10] = "";
    const char *expected = epochs[step / 2];
    const int64_t groups = (int64_t)strlen(expected);
    for (int64_t group = 0; group < groups; group++) {
      const thaw_moment moment = {.step = step,
                                  .steps = 2 * count,
                                  .steps_per_epoch = 2,
                                  .epoch = step / 2,
                                  .epochs = count,
                                  .group = group,
                                  .groups = groups,
                                  .group_name = "group",
                                  .epoch_steps = epoch_steps};
      found[group] = schedule->multiplier(settings, &moment) > 0 ? '1' : '0';
    }
    ck_assert_msg(strcmp(found, expected) == 0, "%s %s, step %" PRId64 ": expected %s, found %s",
                  name, assignments, step, expected, found);
  }
}

START_TEST(groups_are_thawed_as_in_the_papers) {
  /* Felbo et al. 2017, figure 2: a) the new layer, b) the first layer, c) the next ones in turn,
   * d) all. */
  expect_thawed("chain_thaw", "",
                (const char *const[]){"0001", "1000", "0100", "0010", "1111", "1111", NULL});
  expect_thawed(
      "chain_thaw", "new_groups=2;epochs_new=3;epochs_each=2;restart=true",
      (const char *const[]){"0011", "0011", "0011", "1000", "1000", "0100", "0100", "1111", NULL});
  /* Howard and Ruder 2018, section 3.3. */
  expect_thawed("gradual_unfreeze", "",
                (const char *const[]){"0001", "0011", "0111", "1111", "1111", NULL});
  expect_thawed(
      "gradual_unfreeze", "steps_per_group=4;restart=true",
      (const char *const[]){"0001", "0001", "0011", "0011", "0111", "0111", "1111", NULL});
  expect_thawed("freeze", "groups=group", (const char *const[]){"00", "00", NULL});
  expect_thawed("freeze", "groups=0", (const char *const[]){"011", "011", NULL});
  expect_thawed("freeze", "groups=-1", (const char *const[]){"110", NULL});
  expect_thawed("freeze", "groups=3", (const char *const[]){"111", NULL});
}
END_TEST

/* ---- Views ---------------------------------------------------------------------------------- */

/* What the others see at a step of epochs of 10, 20, 10 and 40 steps, of four groups. */
static void expect_seen(const char *name, const char *assignments, int64_t step, int64_t epoch,
                        const int64_t seen[4]) {
  static const int64_t epoch_steps[] = {0, 10, 30, 40, 80};
  char copy[200];
  void *settings;
  snprintf(copy, sizeof copy, "%s", assignments);
  const thaw_schedule *schedule = open_schedule(name, copy, &settings)->api.schedule;
  const thaw_moment moment = {.step = step,
                              .steps = 80,
                              .steps_per_epoch = epoch_steps[epoch + 1] - epoch_steps[epoch],
                              .epoch = epoch,
                              .epochs = 4,
                              .group = 3,
                              .groups = 4,
                              .group_name = "head",
                              .epoch_steps = epoch_steps};
  thaw_moment found = moment;
  schedule->view(settings, &moment, &found);
  ck_assert_msg(found.step == seen[0] && found.steps == seen[1] && found.epoch == seen[2] &&
                    found.epochs == seen[3],
                "%s %s at step %" PRId64 ": found step %" PRId64 " of %" PRId64 ", epoch %" PRId64
                " of %" PRId64,
                name, assignments, step, found.step, found.steps, found.epoch, found.epochs);
}

START_TEST(others_start_anew_at_a_thaw) {
  const char *gradual = "gradual_unfreeze", *chain = "chain_thaw";
  expect_seen(gradual, "", 35, 2, (const int64_t[]){35, 80, 2, 4});
  expect_seen(gradual, "restart=true", 9, 0, (const int64_t[]){9, 10, 0, 1});
  expect_seen(gradual, "restart=true", 35, 2, (const int64_t[]){5, 10, 0, 1});
  /* The last phase lasts until the end. */
  expect_seen(gradual, "restart=true;first=3", 10, 1, (const int64_t[]){0, 70, 0, 3});
  expect_seen(gradual, "restart=true;first=3", 79, 3, (const int64_t[]){69, 70, 2, 3});
  expect_seen(gradual, "restart=true;epochs_per_group=3", 79, 3, (const int64_t[]){39, 40, 0, 1});
  /* In the middle of epochs. */
  expect_seen(gradual, "restart=true;steps_per_group=25", 24, 1, (const int64_t[]){24, 25, 1, 2});
  expect_seen(gradual, "restart=true;steps_per_group=25", 25, 1, (const int64_t[]){0, 25, 0, 3});
  expect_seen(gradual, "restart=true;steps_per_group=25", 79, 3, (const int64_t[]){4, 5, 0, 1});
  expect_seen(chain, "", 35, 2, (const int64_t[]){35, 80, 2, 4});
  expect_seen(chain, "restart=true", 35, 2, (const int64_t[]){5, 10, 0, 1});
  expect_seen(chain, "restart=true;new_groups=3;epochs_new=2", 29, 1,
              (const int64_t[]){29, 30, 1, 2});
  expect_seen(chain, "restart=true;new_groups=3", 79, 3, (const int64_t[]){49, 50, 1, 2});
}
END_TEST

START_TEST(epochs_pass_in_parts) {
  static const int64_t epoch_steps[] = {0, 10, 30, 40, 80};
  const thaw_moment moment = {
      .step = 35, .steps = 80, .epoch = 2, .epochs = 4, .groups = 1, .epoch_steps = epoch_steps};
  ck_assert_double_eq_tol(thaw_moment_epochs(&moment), 2.5, 1e-12);
  const thaw_moment seen = thaw_moment_within(&moment, 20, 60);
  ck_assert_double_eq_tol(thaw_moment_epochs(&seen), 1, 1e-12);
  const thaw_moment again = thaw_moment_within(&seen, 10, 40);
  ck_assert_int_eq(again.step, 5);
  ck_assert_double_eq_tol(thaw_moment_epochs(&again), 0.5, 1e-12);
}
END_TEST

/* ---- Bad settings --------------------------------------------------------------------------- */

static const char *const group_names[] = {"embedding", "rnn.0", "rnn.1", "head"};

static const struct {
  const char *plugin, *assignments, *message;
} bad[] = {
    {"one_cycle", "momentum=0.8",
     "momentum: expected three numbers, the first, the middle and the "
     "last one, or [], found 1"},
    {"cosine", "cycle_mult=2", "cycle_mult is 2, but cycle is 0"},
    {"cosine", "cycle=1e-6", "cycle: expected 0 or at least 0.001 epochs, found 1e-06"},
    {"gradual_unfreeze", "epochs_per_group=2;steps_per_group=5",
     "epochs_per_group (2) and steps_per_group (5) exclude each other"},
    {"gradual_unfreeze", "first=5",
     "gradual_unfreeze: the last 5 groups shall train first, but there are only 4"},
    {"warmup_linear", "warmup_steps=100",
     "warmup_linear: a rise over 100 steps (warmup_steps) never ends: the stage has 100"},
    {"freeze", "groups=rnn.2", "freeze: there is no group 'rnn.2' (did you mean 'rnn.0'?)"},
    {"freeze", "groups=4", "freeze: there is no group '4'"},
    {"freeze", "groups=-5", "freeze: there is no group '-5'"},
    {"chain_thaw", "new_groups=4",
     "chain_thaw: new_groups is 4, but of the 4 groups there must be one that is not new"},
    {"chain_thaw", "epochs_each=2",
     "chain_thaw: 1 epochs for the new groups and 2 for each of 3 others are 7, and then all train "
     "together, but the stage has only 5 epochs"},
};

START_TEST(bad_settings_are_refused) {
  const thaw_schedule_scope scope = {group_names, 4, 5, 100};
  char copy[200];
  void *settings;
  snprintf(copy, sizeof copy, "%s", bad[_i].assignments);
  const thaw_plugin_descriptor *plugin = open_schedule(bad[_i].plugin, copy, &settings);
  thaw_status status = plugin->validate ? plugin->validate(settings, ctx) : THAW_OK;
  if (status == THAW_OK) status = plugin->api.schedule->check(settings, &scope, ctx);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_msg(strncmp(thaw_error(ctx), bad[_i].message, strlen(bad[_i].message)) == 0,
                "expected '%s', found '%s'", bad[_i].message, thaw_error(ctx));
}
END_TEST

START_TEST(good_settings_pass) {
  static const char *const good[][2] = {{"gradual_unfreeze", "first=4"},
                                        {"freeze", "groups=rnn.1"},
                                        {"freeze", "groups=-4"},
                                        {"chain_thaw", ""},
                                        {"chain_thaw", "new_groups=3;epochs_new=3"},
                                        {"warmup_linear", "warmup_steps=99"}};
  const thaw_schedule_scope scope = {group_names, 4, 5, 100};
  char copy[200];
  void *settings;
  snprintf(copy, sizeof copy, "%s", good[_i][1]);
  const thaw_plugin_descriptor *plugin = open_schedule(good[_i][0], copy, &settings);
  ck_assert_msg(plugin->api.schedule->check(settings, &scope, ctx) == THAW_OK, "%s",
                thaw_error(ctx));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("schedules");
  TCase *tests = tcase_create("schedules");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, multipliers_are_those_of_the_papers);
  tcase_add_loop_test(tests, multipliers_are_finite_pure_and_not_negative, 0, NAMES);
  tcase_add_test(tests, groups_are_thawed_as_in_the_papers);
  tcase_add_test(tests, others_start_anew_at_a_thaw);
  tcase_add_test(tests, epochs_pass_in_parts);
  tcase_add_loop_test(tests, bad_settings_are_refused, 0, sizeof bad / sizeof *bad);
  tcase_add_loop_test(tests, good_settings_pass, 0, 6);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
