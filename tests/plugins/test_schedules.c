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

static const char *const names[] = {"constant", "stlr", "discriminative", "gradual_unfreeze"};

START_TEST(multipliers_are_finite_pure_and_not_negative) {
  void *settings;
  char none[1] = "";
  const thaw_schedule *schedule = open_schedule(names[_i], none, &settings)->api.schedule;
  for (int64_t steps = 1; steps < 60; steps++) {
    for (int64_t step = 0; step <= steps; step++) {
      for (int64_t group = 0; group < 6; group++) {
        const thaw_moment moment = {step, steps, 1, step, steps, group, 6};
        const double found = schedule->multiplier(settings, &moment);
        ck_assert_msg(isfinite(found) && found >= 0,
                      "%s: %g at step %" PRId64 " of %" PRId64 ", group %" PRId64, names[_i], found,
                      step, steps, group);
        ck_assert(schedule->multiplier(settings, &moment) == found);
      }
    }
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("schedules");
  TCase *tests = tcase_create("schedules");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, multipliers_are_those_of_the_papers);
  tcase_add_loop_test(tests, multipliers_are_finite_pure_and_not_negative, 0, 4);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
