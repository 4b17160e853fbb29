/* test_schedule.c: schedules in whole runs: wrong ones are refused before anything is trained, with
 * their place in the YAML. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define CHAIN "[{plugin: stlr}, {plugin: gradual_unfreeze}]"

static const struct {
  const char *chain, *message;
} wrong[] = {
    {"[{plugin: stlr},\n      {plugin: freeze, groups: [rnn.5]}]",
     "experiment.yaml:14:7: stages.classify.schedule.1: freeze: there is no group 'rnn.5' (did you "
     "mean 'rnn.0'?); the groups, from the input to the output: embedding, rnn.0, rnn.1, head"},
    {"[{plugin: gradual_unfreeze}, {plugin: chain_thaw}]",
     "experiment.yaml:13:53: stages.classify.schedule.1: gradual_unfreeze and chain_thaw "
     "contradict "
     "each other"},
    {"[{plugin: gradual_unfreeze, first: 5}]",
     "experiment.yaml:13:25: stages.classify.schedule.0: gradual_unfreeze: the last 5 groups shall "
     "train first, but there are only 4"},
    {"[{plugin: chain_thaw, epochs_each: 4}]",
     "experiment.yaml:13:25: stages.classify.schedule.0: chain_thaw: 1 epochs for the new groups "
     "and 4 for each of 3 others are 13, and then all train together, but the stage has only 12"},
    {"[{plugin: one_cycle}, {plugin: one_cycle}]",
     "experiment.yaml:13:46: stages.classify.schedule.1: two schedules of the chain set the "
     "momentum"},
    {"[{plugin: freeze, groups: [head]}, {plugin: gradual_unfreeze}]",
     "experiment.yaml:13:24: stages.classify.schedule: no group is trained in epoch 1 of 12"},
    {"[{plugin: one_cycle, momentum: [0.9, 0.8]}]",
     "experiment.yaml:13:25: stages.classify.schedule.0: momentum: expected three numbers"},
    {"[{plugin: one_cycle, momentum: [0.9, 0.8, 1]}]",
     "experiment.yaml:13:55: stages.classify.schedule.0.momentum: 1 is out of range: expected 0 to "
     "0.999999"},
    {"[{plugin: cosine, minimum: 2}]",
     "experiment.yaml:13:51: stages.classify.schedule.0.minimum: 2 is out of range: expected 0 to "
     "1"},
    {"[{plugin: cosin}]",
     "experiment.yaml:13:34: stages.classify.schedule.0.plugin: there is no schedule plugin called "
     "'cosin' (did you mean 'cosine'?)"},
};

START_TEST(wrong_chains_are_refused) {
  static const char *const commands[] = {"plan experiment.yaml", "run experiment.yaml"};
  fixture_edit("experiment.yaml", CHAIN, wrong[_i].chain);
  for (size_t c = 0; c < 2; c++) fixture_expect_error(2, commands[c], wrong[_i].message);
  ck_assert_uint_eq(fixture_count(".h5"), 0); /* not even a language model */
}
END_TEST

/* In a language model the tied embedding is the last group. */
START_TEST(groups_of_a_language_model) {
  fixture_edit("experiment.yaml", "epochs: 1, batch: 4, bptt: 10",
               "epochs: 1, batch: 4, bptt: 10, schedule: [{plugin: freeze, groups: [decoder]}]");
  fixture_expect_error(2, "run experiment.yaml",
                       "experiment.yaml:11:70: stages.finetune.schedule.0: freeze: there is no "
                       "group 'decoder'; the groups, from the input to the output: rnn.0, rnn.1, "
                       "embedding");
}
END_TEST

static const char *const good[] = {
    "[{plugin: one_cycle}, {plugin: gradual_unfreeze, restart: true}, {plugin: discriminative}]",
    "[{plugin: warmup_linear, warmup: 0.1}, {plugin: freeze, groups: [embedding]}]",
    "[{plugin: cosine, cycle: 1, cycle_mult: 2}, {plugin: chain_thaw, restart: true}]",
    "[{plugin: gradual_unfreeze, steps_per_group: 5}]"};

START_TEST(runs_end_with_every_schedule) {
  fixture_edit("experiment.yaml", CHAIN, good[_i]);
  fixture_edit("experiment.yaml", "  pretrain: {data: general, epochs: 2",
               "  pretrain: {data: general, schedule: [{plugin: one_cycle}], epochs: 1");
  fixture_expect(0, "run experiment.yaml --output first.h5");
  fixture_result killed = fixture_run_killed(
      "run experiment.yaml --output second.h5 --cache other "
      "--checkpoint 0",
      0.3);
  fixture_free(&killed);
  fixture_expect(0, "run experiment.yaml --output second.h5 --cache other");
  fixture_expect_same_weights("first.h5", "second.h5");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("schedule in runs");
  TCase *tests = tcase_create("schedule");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_loop_test(tests, wrong_chains_are_refused, 0, sizeof wrong / sizeof *wrong);
  tcase_add_test(tests, groups_of_a_language_model);
  tcase_add_loop_test(tests, runs_end_with_every_schedule, 0, sizeof good / sizeof *good);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
