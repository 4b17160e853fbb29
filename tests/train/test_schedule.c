/* test_schedule.c: chains of schedules: what they are together, and what contradicts itself. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "train/optimizer.h"
#include "train/schedule.h"

enum { EPOCHS = 6, EPOCH_STEPS = 20, STEPS = EPOCHS * EPOCH_STEPS };

static thaw_context *ctx;
static thaw_registry *registry;
static thaw_arena *arena;
static thaw_plugin_use uses[4];
static thaw_stage_config stage;
static int64_t epoch_steps[EPOCHS + 1];
static const char *const names[] = {"embedding", "rnn.0", "head"};
static const thaw_timetable table = {
    .epoch_steps = epoch_steps, .epochs = EPOCHS, .group_names = names, .groups = 3};

static void set_up(void) {
  ctx = thaw_context_create();
  registry = thaw_registry_create(NULL);
  arena = thaw_arena_create();
  stage = (thaw_stage_config){.name = "classify", .optimizer.lr = 0.5, .schedule = uses};
  for (int64_t e = 0; e <= EPOCHS; e++) epoch_steps[e] = e * EPOCH_STEPS;
}

static void tear_down(void) {
  thaw_arena_free(arena);
  thaw_registry_free(registry);
  thaw_context_free(ctx);
}

/* Adds "NAME" or "NAME KEY VALUE" to the chain. */
static void add(const char *name, const char *key, const char *value) {
  thaw_plugin_use *use = &uses[stage.schedule_count++];
  ck_assert_msg(thaw_registry_find(registry, ctx, THAW_SCHEDULE, name, &use->plugin) == THAW_OK,
                "%s", thaw_error(ctx));
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  ck_assert_int_eq(thaw_settings_create(ctx, arena, plugin, &use->settings), THAW_OK);
  if (!key) return;
  const thaw_value one = {.count = *value ? 1 : 0, .is_list = !*value, .texts = &value};
  ck_assert_msg(thaw_settings_set(ctx, arena, thaw_param_find(plugin->params, key), use->settings,
                                  &one) == THAW_OK,
                "%s", thaw_error(ctx));
}

static double rate(int64_t step, int64_t group) {
  const thaw_moment moment = thaw_timetable_moment(&table, step, group);
  double found;
  ck_assert_msg(thaw_schedule_rate(ctx, &stage, &moment, &found) == THAW_OK, "%s", thaw_error(ctx));
  return found;
}

static double momentum(int64_t step) {
  const thaw_moment moment = thaw_timetable_moment(&table, step, 2);
  double found;
  ck_assert_msg(thaw_schedule_momentum(ctx, &stage, &moment, &found) == THAW_OK, "%s",
                thaw_error(ctx));
  return found;
}

/* ---- Together -------------------------------------------------------------------------------- */

START_TEST(a_moment_knows_its_epoch) {
  epoch_steps[1] = 3; /* epochs of 3, 37, 20 … steps */
  static const int64_t known[][3] = {{0, 0, 3}, {2, 0, 3}, {3, 1, 37}, {39, 1, 37}, {119, 5, 20}};
  for (size_t i = 0; i < 5; i++) {
    const thaw_moment moment = thaw_timetable_moment(&table, known[i][0], 1);
    ck_assert_int_eq(moment.epoch, known[i][1]);
    ck_assert_int_eq(moment.steps_per_epoch, known[i][2]);
    ck_assert_int_eq(moment.steps, STEPS);
    ck_assert_str_eq(moment.group_name, "rnn.0");
  }
}
END_TEST

START_TEST(multipliers_are_multiplied) {
  ck_assert_double_eq(rate(7, 0), 0.5);
  ck_assert_double_lt(momentum(7), 0);
  add("constant", "factor", "0.5");
  add("discriminative", "factor", "2");
  add("gradual_unfreeze", NULL, NULL);
  ck_assert_double_eq(rate(0, 2), 0.25);
  ck_assert_double_eq(rate(19, 1), 0);
  ck_assert_double_eq(rate(20, 1), 0.125);
  ck_assert_double_eq(rate(39, 0), 0);
  ck_assert_double_eq(rate(40, 0), 0.0625);
}
END_TEST

/* The phases of gradual_unfreeze: 20, 20 and 80 steps. */
START_TEST(a_restart_is_a_training_of_its_own) {
  static const int64_t begins[] = {0, 20, 40, STEPS};
  add("one_cycle", NULL, NULL);
  add("gradual_unfreeze", "restart", "true");
  const thaw_schedule *cycle = uses[0].plugin->descriptor->api.schedule;
  for (size_t phase = 0; phase < 3; phase++) {
    for (int64_t step = begins[phase]; step < begins[phase + 1]; step++) {
      const thaw_moment alone = {.step = step - begins[phase],
                                 .steps = begins[phase + 1] - begins[phase]};
      ck_assert_double_eq(rate(step, 2), 0.5 * cycle->multiplier(uses[0].settings, &alone));
      ck_assert_double_eq(momentum(step), cycle->momentum(uses[0].settings, &alone));
      ck_assert(phase > 0 || rate(step, 1) == 0);
    }
  }
  char place[80];
  ck_assert_int_eq(thaw_schedule_check(ctx, &stage, &table, place, sizeof place), THAW_OK);
}
END_TEST

START_TEST(the_order_of_a_chain_does_not_matter) {
  add("cosine", "cycle", "1");
  add("chain_thaw", "restart", "true");
  double first[STEPS];
  for (int64_t step = 0; step < STEPS; step++) first[step] = rate(step, 1);
  const thaw_plugin_use use = uses[0];
  uses[0] = uses[1];
  uses[1] = use;
  for (int64_t step = 0; step < STEPS; step++) ck_assert_double_eq(rate(step, 1), first[step]);
  ck_assert_double_eq(rate(20, 1), 0);
  ck_assert_double_eq(rate(40, 1), 0.5); /* it thaws, and the cosine begins at its top */
  ck_assert_double_eq(rate(60, 0), 0.5);
}
END_TEST

/* ---- Contradictions -------------------------------------------------------------------------- */

typedef struct part {
  const char *name, *key, *value;
} part;

static const struct {
  part chain[4];
  const char *place, *message;
} wrong[] = {
    {{{.name = "gradual_unfreeze"}, {.name = "stlr"}, {.name = "chain_thaw"}},
     "stages.classify.schedule.2",
     "gradual_unfreeze and chain_thaw contradict each other: both decide which groups are thawed "
     "when; leave one of them out"},
    {{{.name = "one_cycle"}, {.name = "one_cycle"}},
     "stages.classify.schedule.1",
     "two schedules of the chain set the momentum (at step 0 one_cycle 0.8, and one_cycle 0.8): "
     "only one may"},
    {{{.name = "stlr"}, {"freeze", "groups", "rnn.O"}},
     "stages.classify.schedule.1",
     "freeze: there is no group 'rnn.O' (did you mean 'rnn.0'?); the groups, from the input to the "
     "output: embedding, rnn.0, head"},
    {{{.name = "stlr"}, {"freeze", "groups", "head"}, {.name = "gradual_unfreeze"}},
     "stages.classify.schedule",
     "no group is trained in epoch 1 of 6: what the chain (stlr, freeze, gradual_unfreeze) thaws "
     "and "
     "what it freezes contradict each other; the groups, from the input to the output: embedding, "
     "rnn.0, head"},
    {{{.name = "chain_thaw"}, {"freeze", "groups", "embedding"}},
     "stages.classify.schedule",
     "no group is trained in epoch 2 of 6"},
    {{{"constant", "factor", "0"}},
     "stages.classify.schedule",
     "no group is trained in epoch 1 of 6"},
    {{{"gradual_unfreeze", "first", "4"}},
     "stages.classify.schedule.0",
     "gradual_unfreeze: the last 4 groups shall train first, but there are only 3; the groups, "},
};

START_TEST(contradictions_are_found_before_training) {
  char place[80];
  for (const part *p = wrong[_i].chain; p->name; p++) add(p->name, p->key, p->value);
  ck_assert_int_eq(thaw_schedule_check(ctx, &stage, &table, place, sizeof place), THAW_INVALID);
  ck_assert_str_eq(place, wrong[_i].place);
  ck_assert_msg(strncmp(thaw_error(ctx), wrong[_i].message, strlen(wrong[_i].message)) == 0,
                "expected '%s', found '%s'", wrong[_i].message, thaw_error(ctx));
}
END_TEST

static const part right[][4] = {
    {{NULL}},
    {{.name = "one_cycle"}, {"one_cycle", "momentum", ""}},
    {{.name = "stlr"},
     {"freeze", "groups", "0"},
     {.name = "discriminative"},
     {.name = "gradual_unfreeze"}},
    {{"warmup_linear", "warmup_steps", "60"}, {"cosine", "cycle", "2"}},
};

START_TEST(what_goes_together_passes) {
  char place[80];
  for (size_t i = 0; i < 4 && right[_i][i].name; i++)
    add(right[_i][i].name, right[_i][i].key, right[_i][i].value);
  ck_assert_msg(thaw_schedule_check(ctx, &stage, &table, place, sizeof place) == THAW_OK, "%s",
                thaw_error(ctx));
}
END_TEST

START_TEST(epochs_of_one_step_may_begin_with_a_rise) {
  static const int64_t single[] = {0, 1, 2};
  const thaw_timetable short_table = {
      .epoch_steps = single, .epochs = 2, .group_names = names, .groups = 3};
  char place[80];
  add("warmup_linear", "warmup_steps", "1");
  ck_assert_msg(thaw_schedule_check(ctx, &stage, &short_table, place, sizeof place) == THAW_OK,
                "%s", thaw_error(ctx));
}
END_TEST

/* ---- Momentum in the optimizer --------------------------------------------------------------- */

/* A weight after two steps whose momenta are 0.9 and `second`: in the config, where `moved` is
 * false, else from the schedule. */
static float weight_after(thaw_optimizer_config config, double second, bool moved) {
  thaw_params *params = thaw_params_create(1);
  thaw_tensor *weight = thaw_params_add(params, ctx, "head", "weight", 1, (size_t[]){1},
                                        (thaw_init){THAW_INIT_CONSTANT, 1, 0});
  const thaw_rate_group group = {
      .name = "head", .groups = {thaw_params_group(params, "head")}, .group_count = 1};
  thaw_optimizer *optimizer;
  const double step_rate = 0.1;
  ck_assert_int_eq(thaw_optimizer_create(ctx, &config, &group, 1, &optimizer), THAW_OK);
  for (int step = 0; step < 2; step++) {
    if (step == 1 && moved) optimizer->momentum = second;
    if (step == 1 && !moved) config.beta1 = config.momentum = second;
    thaw_optimizer_prepare(optimizer, &step_rate);
    *thaw_grad(NULL, weight) += step == 0 ? 0.5f : -0.25f;
    thaw_optimizer_step(optimizer, &step_rate, 1, thaw_optimizer_norm(optimizer));
  }
  const float value = weight->data[0];
  thaw_optimizer_free(optimizer);
  thaw_params_free(params);
  return value;
}

START_TEST(the_optimizer_takes_the_momentum) {
  const thaw_optimizer_config adam = {
      .kind = THAW_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
  const thaw_optimizer_config sgd = {.kind = THAW_OPTIMIZER_SGD, .momentum = 0.9};
  const thaw_optimizer_config plain = {.kind = THAW_OPTIMIZER_SGD};
  ck_assert_float_eq(weight_after(adam, 0.7, true), weight_after(adam, 0.7, false));
  ck_assert_float_ne(weight_after(adam, 0.7, true), weight_after(adam, -1, true));
  ck_assert_float_eq(weight_after(sgd, 0.5, true), weight_after(sgd, 0.5, false));
  /* −0.1 · 0.5, then −0.1 · (0.5 · 0.5 − 0.25) */
  ck_assert_float_eq_tol(weight_after(sgd, 0.5, true), 0.95f, 1e-6f);
  /* SGD without momentum stays without. */
  ck_assert_float_eq_tol(weight_after(plain, 0.5, true), 0.975f, 1e-6f);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("schedule");
  TCase *tests = tcase_create("schedule");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_moment_knows_its_epoch);
  tcase_add_test(tests, multipliers_are_multiplied);
  tcase_add_test(tests, a_restart_is_a_training_of_its_own);
  tcase_add_test(tests, the_order_of_a_chain_does_not_matter);
  tcase_add_loop_test(tests, contradictions_are_found_before_training, 0,
                      sizeof wrong / sizeof *wrong);
  tcase_add_loop_test(tests, what_goes_together_passes, 0, sizeof right / sizeof *right);
  tcase_add_test(tests, epochs_of_one_step_may_begin_with_a_rise);
  tcase_add_test(tests, the_optimizer_takes_the_momentum);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
