/* The words of a sweep: grid, points, random and exclude. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "sweeps.h"

/* ---- Grid and points ------------------------------------------------------------------------ */

START_TEST(a_grid_may_be_written_out) {
  expect_points("sweep:\n  grid: {name: [a, b], seed: [1, 2]}\n", NULL,
                "name=a seed=1\nname=a seed=2\nname=b seed=1\nname=b seed=2\n");
  expect_points("sweep:\n  seed: [1, 2]\n  grid: {name: [a, b]}\n", NULL,
                "seed=1 name=a\nseed=1 name=b\nseed=2 name=a\nseed=2 name=b\n");
}
END_TEST

START_TEST(points_set_several_keys) {
  expect_points(
      "sweep:\n"
      "  points:\n"
      "    - {head.plugin: test_max, seed: 3}\n"
      "    - {stages.classify.transfer: [embedding, rnn.0]}\n"
      "    - {}\n"
      "  name: [a, b]\n",
      NULL,
      "head.plugin=test_max seed=3 name=a\n"
      "head.plugin=test_max seed=3 name=b\n"
      "stages.classify.transfer=[embedding, rnn.0] name=a\n"
      "stages.classify.transfer=[embedding, rnn.0] name=b\n"
      "name=a\n"
      "name=b\n");
}
END_TEST

/* Though a point does not set the keys of the others. */
START_TEST(every_point_loads) {
  thaw_sweep *sweep = load_sweep(
      "sweep:\n"
      "  points:\n"
      "    - {head.plugin: test_concat, head.hidden: [3]}\n"
      "    - {head.plugin: test_max, stages.classify.epochs: 2}\n"
      "    - {}\n"
      "  random: {count: 2, values: {stages.classify.optimizer.lr: "
      "{from: 1e-4, to: 1e-2, scale: log}}}\n"
      "  grid: {seed: [3, 4]}\n",
      NULL);
  static const int64_t epochs[] = {4, 2, 4};
  ck_assert_uint_eq(sweep->count, 12);
  for (size_t p = 0; p < sweep->count; p++) {
    const thaw_sweep_point *point = &sweep->points[p];
    thaw_experiment *e;
    const thaw_status status =
        thaw_experiment_load(ctx, "exp.yaml", point->set_count, point->sets, registry, &e);
    ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
    ck_assert_int_eq(e->stages[THAW_STAGE_CLASSIFY].epochs, epochs[p / 4]);
    ck_assert_int_eq(e->seed, p % 2 ? 4 : 3);
    const double rate = e->stages[THAW_STAGE_CLASSIFY].optimizer.lr;
    ck_assert(rate >= 1e-4 && rate <= 1e-2);
    thaw_experiment_free(e);
  }
  thaw_sweep_free(sweep);
}
END_TEST

START_TEST(one_run_of_points_needs_the_keys_of_one) {
  static const char refusal[] =
      "exp.yaml:28:1: this is a sweep, for 'thaw sweep'; one run needs a "
      "--set KEY=VALUE for each of: ";
  char message[200];
  write_sweep(
      "sweep:\n"
      "  points: [{seed: 1, name: a}, {stages.classify.epochs: 3}]\n"
      "  random: {count: 2, values: {stages.finetune.epochs: [1, 2]}}\n"
      "  exclude: [{seed: 1, stages.finetune.epochs: 1}]\n");
  snprintf(message, sizeof message, "%sstages.finetune.epochs, the keys of a point", refusal);
  expect_load_error((const char *const[]){"seed=1", NULL}, message);
  snprintf(message, sizeof message, "%sthe keys of a point", refusal);
  expect_load_error((const char *const[]){"seed=1", "stages.finetune.epochs=2", NULL}, message);
  thaw_experiment_free(
      load((const char *const[]){"seed=1", "name=b", "stages.finetune.epochs=2", NULL}));
  thaw_experiment_free(
      load((const char *const[]){"stages.classify.epochs=3", "stages.finetune.epochs=2", NULL}));
}
END_TEST

START_TEST(overrides_take_keys_out) {
  static const char sweep[] =
      "sweep:\n"
      "  points: [{seed: 1, name: a}, {seed: 2, name: a}, {seed: 1}]\n"
      "  grid: {stages.classify.epochs: [1, 2]}\n";
  /* Points that differed in that key only are the same run now. */
  expect_points(sweep, (const char *const[]){"seed=9", "stages.classify.epochs=5", NULL},
                "name=a seed=9 stages.classify.epochs=5\n"
                "seed=9 stages.classify.epochs=5\n");
  expect_points(sweep, (const char *const[]){"sweep.points=null", NULL},
                "stages.classify.epochs=1 sweep.points=null\n"
                "stages.classify.epochs=2 sweep.points=null\n");
  expect_points(sweep,
                (const char *const[]){"sweep.points=[{name: b}]",
                                      "sweep.grid.stages.classify.epochs=[7]", NULL},
                "name=b stages.classify.epochs=7 sweep.points=[{name: b}] "
                "sweep.grid.stages.classify.epochs=[7]\n");
}
END_TEST

START_TEST(a_sweep_inherits) {
  write_sweep(
      "sweep:\n"
      "  grid: {seed: [1, 2], name: [a, b]}\n"
      "  random: {count: 3, seed: 5, values: {stages.classify.epochs: {from: 1, to: 9, "
      "integer: true}, seed: [4]}}\n"
      "  points: [{description: x}]\n");
  ck_assert_int_eq(rename("exp.yaml", "base.yaml"), 0);
  write_file("exp.yaml",
             "extends: base.yaml\n"
             "sweep:\n"
             "  grid: {seed: null, name: [c]}\n"
             "  random: {count: 1, values: {seed: null, stages.classify.epochs: {from: "
             "9, to: 10}}}\n"
             "  points: null\n");
  thaw_sweep *sweep;
  const thaw_status status = thaw_sweep_load(ctx, "exp.yaml", 0, NULL, &sweep);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_uint_eq(sweep->count, 1);
  ck_assert_uint_eq(sweep->points[0].set_count, 2);
  ck_assert_str_eq(sweep->points[0].sets[0], "name=c");
  ck_assert(strcmp(sweep->points[0].sets[1], "stages.classify.epochs=9") == 0 ||
            strcmp(sweep->points[0].sets[1], "stages.classify.epochs=10") == 0);
  thaw_sweep_free(sweep);
}
END_TEST

START_TEST(paths_are_seen_from_the_file) {
  ck_assert_int_eq(mkdir("inner", 0777), 0);
  write_file("inner/exp.yaml",
             "data: {target: {format: csv, train: x.csv}}\n"
             "sweep:\n"
             "  points: [{data.target.train: [a.csv, ../b.csv]}, "
             "{data.target.train: c.csv}, {data.target.train: d.csv}]\n"
             "  random: {count: 2, values: {data.target.test: [e.csv, f.csv]}}\n"
             "  exclude:\n"
             "    - {data.target.train: [[a.csv, ../b.csv], c.csv]}\n"
             "    - {data.target.test: f.csv}\n");
  thaw_sweep *sweep;
  const thaw_status status = thaw_sweep_load(ctx, "inner/exp.yaml", 0, NULL, &sweep);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  char train[200], test[200];
  snprintf(train, sizeof train, "data.target.train=%s/inner/d.csv", folder);
  snprintf(test, sizeof test, "data.target.test=%s/inner/e.csv", folder);
  ck_assert_uint_eq(sweep->count, 1);
  ck_assert_uint_eq(sweep->excluded, 5);
  ck_assert_str_eq(sweep->points[0].sets[0], train);
  ck_assert_str_eq(sweep->points[0].sets[1], test);
  thaw_sweep_free(sweep);
}
END_TEST

/* ---- Random samples ------------------------------------------------------------------------- */

/* The numbers of the one key that is drawn. */
static size_t numbers_of(const char *sweep, double *numbers, size_t most) {
  thaw_sweep *made = load_sweep(sweep, NULL);
  ck_assert_uint_le(made->count, most);
  for (size_t p = 0; p < made->count; p++) {
    ck_assert_uint_eq(made->points[p].set_count, 1);
    numbers[p] = strtod(strchr(made->points[p].sets[0], '=') + 1, NULL);
  }
  const size_t count = made->count;
  thaw_sweep_free(made);
  return count;
}

/* These are the same on every machine. */
START_TEST(samples_are_reproducible) {
  static const char sweep[] =
      "sweep:\n"
      "  random:\n"
      "    count: 4\n"
      "    seed: 3\n"
      "    values:\n"
      "      stages.classify.optimizer.lr: {from: 1e-5, to: 1e-1, scale: log}\n"
      "      head.plugin: [test_max, test_concat]\n"
      "      stages.classify.epochs: {from: 1, to: 100, scale: log, integer: true}\n"
      "      stages.classify.label_smoothing: {from: 0, to: 0.25}\n"
      "      seed: {from: 1, to: 1000000, integer: true}\n";
  expect_points(
      sweep, NULL,
      "stages.classify.optimizer.lr=1.10271e-05 head.plugin=test_max stages.classify.epochs=72 "
      "stages.classify.label_smoothing=0.214422 seed=815193\n"
      "stages.classify.optimizer.lr=0.0122976 head.plugin=test_max stages.classify.epochs=53 "
      "stages.classify.label_smoothing=0.037075 seed=23600\n"
      "stages.classify.optimizer.lr=1.81758e-05 head.plugin=test_concat stages.classify.epochs=58 "
      "stages.classify.label_smoothing=0.194094 seed=587267\n"
      "stages.classify.optimizer.lr=0.0155358 head.plugin=test_concat stages.classify.epochs=21 "
      "stages.classify.label_smoothing=0.129812 seed=81785\n");
}
END_TEST

START_TEST(a_larger_count_keeps_the_samples) {
  double few[10], many[50], other[10];
  ck_assert_uint_eq(
      numbers_of("sweep: {random: {count: 10, values: {seed: {from: 0, to: 1}}}}\n", few, 10), 10);
  ck_assert_uint_eq(
      numbers_of("sweep: {random: {count: 50, values: {seed: {from: 0, to: 1}}}}\n", many, 50), 50);
  ck_assert_mem_eq(few, many, sizeof few);
  numbers_of("sweep: {random: {count: 10, seed: 2, values: {seed: {from: 0, to: 1}}}}\n", other,
             10);
  for (size_t i = 0; i < 10; i++) ck_assert_double_ne(few[i], other[i]);
}
END_TEST

START_TEST(samples_are_spread_by_the_scale) {
  enum { COUNT = 4000 };
  static double numbers[COUNT];
  size_t below = 0;
  numbers_of("sweep: {random: {count: 4000, values: {seed: {from: 1e-6, to: 1e-2, scale: log}}}}\n",
             numbers, COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert(numbers[i] >= 1e-6 && numbers[i] <= 1e-2);
    below += numbers[i] < 1e-4;
  }
  ck_assert_msg(below > 1850 && below < 2150, "%zu of 4000 are below 1e-4", below);
  numbers_of("sweep: {random: {count: 4000, values: {seed: {from: -1, to: 3}}}}\n", numbers, COUNT);
  below = 0;
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert(numbers[i] >= -1 && numbers[i] <= 3);
    below += numbers[i] < 0;
  }
  ck_assert_msg(below > 875 && below < 1125, "%zu of 4000 are below 0", below);
}
END_TEST

START_TEST(a_sample_that_was_drawn_is_drawn_again) {
  double numbers[100];
  bool seen[100] = {false};
  ck_assert_uint_eq(
      numbers_of(
          "sweep:\n  random: {count: 100, values: {seed: {from: 0, to: 99, integer: true}}}\n",
          numbers, 100),
      100);
  for (size_t i = 0; i < 100; i++) {
    const size_t number = (size_t)numbers[i];
    ck_assert(number < 100 && !seen[number]);
    seen[number] = true;
  }
  numbers_of(
      "sweep: {random: {count: 5, values: {seed: {from: 1, to: 5, integer: true, scale: "
      "log}}}}\n",
      numbers, 5);
  double sum = 0;
  for (size_t i = 0; i < 5; i++) sum += numbers[i];
  ck_assert_double_eq(sum, 15);
}
END_TEST

START_TEST(overrides_keep_the_other_samples) {
  static const char sweep[] =
      "sweep:\n"
      "  random:\n"
      "    count: 6\n"
      "    values: {seed: [1, 2, 3], name: [a, b, c]}\n";
  thaw_sweep *free_one = load_sweep(sweep, NULL);
  ck_assert_uint_eq(free_one->count, 6);
  thaw_sweep *fixed = load_sweep(sweep, (const char *const[]){"name=x", NULL});
  ck_assert_uint_le(fixed->count, 3); /* those with equal seeds are one */
  size_t found = 0;
  for (size_t p = 0; p < free_one->count && found < fixed->count; p++)
    found += strcmp(free_one->points[p].sets[0], fixed->points[found].sets[0]) == 0;
  ck_assert_uint_eq(found, fixed->count);
  for (size_t p = 0; p < fixed->count; p++) ck_assert_str_eq(fixed->points[p].sets[1], "name=x");
  thaw_sweep_free(free_one);
  thaw_sweep_free(fixed);
}
END_TEST

START_TEST(a_million_samples) {
  thaw_sweep *sweep = load_sweep(
      "sweep:\n"
      "  random: {count: 1000000, values: {stages.classify.optimizer.lr: {from: 1e-6, to: 1, "
      "scale: log}, seed: [1, 2, 3]}}\n",
      NULL);
  ck_assert_uint_eq(sweep->count, 1000000);
  ck_assert_uint_lt(thaw_arena_bytes(sweep->arena), 200u << 20);
  thaw_sweep_free(sweep);
}
END_TEST

/* ---- Exclusion ------------------------------------------------------------------------------ */

START_TEST(rules_take_runs_out) {
  expect_points(
      "sweep:\n"
      "  name: [a, b]\n"
      "  seed: [1, 2, 3]\n"
      "  exclude:\n"
      "    - {name: a, seed: [1, 2]}\n"
      "    - {seed: 3, name: b}\n",
      NULL, "name=a seed=3\nname=b seed=1\nname=b seed=2\n");
  /* A value that is a list, in a list of values. */
  expect_points(
      "sweep:\n"
      "  stages.classify.transfer: [none, embedding, [embedding, rnn.0], {groups: all}]\n"
      "  exclude: [{stages.classify.transfer: [[embedding, rnn.0], {groups: all}]}]\n",
      NULL, "stages.classify.transfer=none\nstages.classify.transfer=embedding\n");
  /* Numbers are compared as numbers. */
  expect_points(
      "sweep:\n"
      "  stages.classify.optimizer.lr: [1e-3, 0.01]\n"
      "  exclude: [{stages.classify.optimizer.lr: 0.001}]\n",
      NULL, "stages.classify.optimizer.lr=0.01\n");
}
END_TEST

START_TEST(rules_look_at_points) {
  /* The second point has the seed of the config, 7. */
  static const char points[] =
      "sweep:\n"
      "  points: [{seed: 1, name: a}, {name: a}, {name: b}]\n"
      "  stages.classify.epochs: [1, 2]\n";
  thaw_buffer text = {0};
  thaw_buffer_format(&text, "%s  exclude: [{seed: 7, name: a, stages.classify.epochs: 2}]\n",
                     points);
  expect_points(text.data, NULL,
                "seed=1 name=a stages.classify.epochs=1\n"
                "seed=1 name=a stages.classify.epochs=2\n"
                "name=a stages.classify.epochs=1\n"
                "name=b stages.classify.epochs=1\n"
                "name=b stages.classify.epochs=2\n");
  thaw_buffer_clear(&text);
  thaw_buffer_format(&text, "%s  exclude: [{seed: 1, name: b}]\n", points);
  refuse(text.data, "exp.yaml:31:13: sweep: exclude: no run has all the values of this rule");
  thaw_buffer_free(&text);
}
END_TEST

/* What the config says of a key that is not swept. */
START_TEST(rules_look_at_the_config) {
  expect_points("sweep:\n  seed: [1, 2]\n  exclude: [{head.plugin: test_concat, seed: 1}]\n", NULL,
                "seed=2\n");
  expect_points("sweep:\n  seed: [1, 2]\n  exclude: [{head.plugin: test_concat, seed: 1}]\n",
                (const char *const[]){"head.plugin=test_max", NULL},
                "seed=1 head.plugin=test_max\nseed=2 head.plugin=test_max\n");
}
END_TEST

START_TEST(rules_that_overrides_leave_without_runs_are_no_mistake) {
  static const char sweep[] =
      "sweep:\n"
      "  name: [a, b]\n"
      "  seed: [1, 2]\n"
      "  exclude: [{name: a, seed: 1}]\n";
  expect_points(sweep, (const char *const[]){"seed=5", NULL}, "name=a seed=5\nname=b seed=5\n");
  expect_points(sweep, (const char *const[]){"seed=1", NULL}, "name=b seed=1\n");
  expect_points(sweep, (const char *const[]){"sweep.seed=[2, 3]", NULL},
                "name=a seed=2 sweep.seed=[2, 3]\nname=a seed=3 sweep.seed=[2, 3]\n"
                "name=b seed=2 sweep.seed=[2, 3]\nname=b seed=3 sweep.seed=[2, 3]\n");
}
END_TEST

START_TEST(all_words_together) {
  thaw_sweep *sweep = load_sweep(
      "sweep:\n"
      "  head.plugin: [test_max, test_concat]\n"
      "  grid: {seed: [1, 2, 3]}\n"
      "  points: [{name: a, stages.classify.epochs: 1}, {name: b}]\n"
      "  random: {count: 5, values: {stages.classify.optimizer.lr: "
      "{from: 0.001, to: 0.1, scale: log}}}\n"
      "  exclude:\n"
      "    - {head.plugin: test_max, name: b}\n"
      "    - {seed: 3, stages.classify.epochs: [1, 4]}\n",
      NULL);
  ck_assert_uint_eq(sweep->count, 2 * 3 * 2 * 5 - 15 - 15);
  ck_assert_uint_eq(sweep->excluded, 30);
  ck_assert_uint_eq(sweep->points[0].set_count, 5);
  thaw_sweep_free(sweep);
}
END_TEST

/* ---- Mistakes ------------------------------------------------------------------------------- */

/* With a message that begins so. */
static void refuse_so(const char *sweep, const char *beginning) {
  thaw_sweep *made;
  write_sweep(sweep);
  ck_assert_int_eq(thaw_sweep_load(ctx, "exp.yaml", 0, NULL, &made), THAW_INVALID);
  ck_assert_msg(strncmp(thaw_error(ctx), beginning, strlen(beginning)) == 0, "expected: %s…\n%s",
                beginning, thaw_error(ctx));
}

START_TEST(misspelt_words_are_refused) {
  refuse("sweep: {exclud: [{seed: 1}]}\n",
         "exp.yaml:28:9: sweep: there is no key 'exclud' (did you mean 'exclude'?)");
  refuse("sweep: {pionts: [{seed: 1}]}\n",
         "exp.yaml:28:9: sweep: there is no key 'pionts' (did you mean 'points'?)");
  refuse_so("sweep: {zzz: [1]}\n",
            "exp.yaml:28:9: sweep: there is no key 'zzz'; there are: grid, points, random, "
            "exclude, name, description, seed");
  refuse("sweep: {grid: {stage.classify.epochs: [1]}}\n",
         "exp.yaml:28:16: sweep: stage.classify.epochs: there is no key 'stage' (did you mean "
         "'stages'?)");
  refuse("sweep: {points: [{sed: 1}]}\n",
         "exp.yaml:28:19: sweep: there is no key 'sed' (did you mean 'seed'?)");
  refuse_so("sweep: {extends: [a.yaml]}\n",
            "exp.yaml:28:9: sweep: there is no key 'extends'; there are: grid, points");
  refuse("sweep: {random: {cont: 1, values: {seed: [1]}}}\n",
         "exp.yaml:28:18: unknown key 'cont' in sweep.random (did you mean 'count'?)");
  refuse("sweep: {random: {count: 1, values: {seed: {from: 1, too: 2}}}}\n",
         "exp.yaml:28:53: unknown key 'too' in sweep.random.values.seed (did you mean 'to'?)");
}
END_TEST

START_TEST(words_of_another_kind_are_refused) {
  refuse("sweep: {grid: [1]}\n",
         "exp.yaml:28:15: sweep: grid: expected keys with lists of values, found a list");
  refuse("sweep: {grid: {}}\n",
         "exp.yaml:28:15: sweep: grid: expected keys with lists of values, found an empty mapping");
  refuse("sweep: {points: {seed: 1}}\n",
         "exp.yaml:28:17: sweep: points: expected a list of points: [{KEY: VALUE, …}, …], found a "
         "mapping");
  refuse("sweep: {points: []}\n",
         "exp.yaml:28:17: sweep: points: expected a list of points: [{KEY: VALUE, …}, …], found an "
         "empty list");
  refuse("sweep: {points: [seed]}\n",
         "exp.yaml:28:18: sweep: points: expected a point: {KEY: VALUE, …}, found one value");
  refuse("sweep: {random: 5}\n",
         "exp.yaml:28:17: sweep: random: expected the keys count, seed and values, found one "
         "value");
  refuse("sweep: {random: {count: 1, values: [seed]}}\n",
         "exp.yaml:28:36: sweep: random.values: expected keys with lists of values or with ranges "
         "{from: …, to: …}, found a list");
  refuse("sweep: {random: {count: 1, values: {}}}\n",
         "exp.yaml:28:36: sweep: random.values: expected keys with lists of values or with ranges "
         "{from: …, to: …}, found an empty mapping");
  refuse("sweep: {seed: [1], exclude: {seed: 1}}\n",
         "exp.yaml:28:29: sweep: exclude: expected a list of rules: [{KEY: VALUE, …}, …], found a "
         "mapping");
  refuse("sweep: {seed: [1], exclude: [{}]}\n",
         "exp.yaml:28:30: sweep: exclude: expected a rule: {KEY: VALUE, …}, found an empty "
         "mapping");
  write_sweep("sweep: {points: 1}\n");
  expect_load_error(NULL,
                    "exp.yaml:28:17: sweep: points: expected a list of points: [{KEY: VALUE, "
                    "…}, …], found one value");
}
END_TEST

START_TEST(what_stands_there_twice_is_refused) {
  refuse("sweep:\n  seed: [1]\n  grid: {seed: [2]}\n",
         "exp.yaml:30:10: sweep: seed is swept already, in line 29");
  refuse("sweep:\n  points: [{seed: 1}]\n  random: {count: 1, values: {seed: [1]}}\n",
         "exp.yaml:30:31: sweep: seed is swept already, in line 29");
  refuse("sweep:\n  points: [{seed: 1, name: a}, {seed: 1}, {name: a, seed: '1'}]\n",
         "exp.yaml:29:43: sweep: this point repeats the one in line 29, column 12");
  refuse("sweep:\n  points: [{}, {}]\n",
         "exp.yaml:29:16: sweep: this point repeats the one in line 29, column 12");
  refuse("sweep:\n  random: {count: 1, values: {seed: [1, 2, 1]}}\n",
         "exp.yaml:29:44: sweep: seed: the value 1 stands here twice");
}
END_TEST

START_TEST(bad_samples_are_refused) {
  refuse("sweep: {random: {values: {seed: [1]}}}\n",
         "exp.yaml:28:9: sweep.random: the key 'count' is missing (how many samples)");
  refuse("sweep: {random: {count: 1}}\n",
         "exp.yaml:28:9: sweep.random: the key 'values' is missing (keys with lists of values or "
         "with ranges)");
  refuse("sweep: {random: {count: 0, values: {seed: [1]}}}\n",
         "exp.yaml:28:25: sweep.random.count: 0 is out of range: expected 1 to 10000000");
  refuse("sweep: {random: {count: [1], values: {seed: [1]}}}\n",
         "exp.yaml:28:25: sweep.random.count: expected one value, found a list of 1");
  refuse("sweep: {random: {count: 1, seed: x, values: {seed: [1]}}}\n",
         "exp.yaml:28:34: sweep.random.seed: expected a whole number, found 'x'");
  refuse("sweep: {random: {count: 5, values: {seed: [1, 2], name: [a, b]}}}\n",
         "exp.yaml:28:25: sweep: random: 5 different samples are asked for, the values give 4");
  refuse("sweep: {random: {count: 7, values: {seed: {from: 1, to: 6, integer: true}}}}\n",
         "exp.yaml:28:25: sweep: random: 7 different samples are asked for, the values give 6");
  refuse("sweep: {random: {count: 100, values: {seed: {from: 1000000, to: 1000100}}}}\n",
         "exp.yaml:28:25: sweep: random: 100 different samples are asked for, the values give 11");
  refuse("sweep: {random: {count: 1, values: {seed: 5}}}\n",
         "exp.yaml:28:43: sweep: seed: expected a list of values, found one value");
  refuse("sweep: {random: {count: 1, values: {seed: []}}}\n",
         "exp.yaml:28:43: sweep: seed: expected a list of values, found an empty one");
}
END_TEST

START_TEST(bad_ranges_are_refused) {
#define RANGE(text) "sweep:\n  random: {count: 1, values: {seed: {" text "}}}\n"
  refuse(RANGE("from: 2, to: 1"),
         "exp.yaml:29:51: sweep.random.values.seed.to: expected more than from, which is 2, found "
         "1");
  refuse(RANGE("from: 1, to: 1.0"),
         "exp.yaml:29:51: sweep.random.values.seed.to: expected more than from, which is 1, found "
         "1.0");
  refuse(RANGE("from: 0, to: 1, scale: log"),
         "exp.yaml:29:44: sweep.random.values.seed.from: a log scale begins above 0, found 0");
  refuse(RANGE("from: -1, to: 1, scale: log"),
         "exp.yaml:29:44: sweep.random.values.seed.from: a log scale begins above 0, found -1");
  refuse(
      RANGE("from: 1, to: 2.5, integer: true"),
      "exp.yaml:29:51: sweep.random.values.seed.to: expected a whole number, as integer is true, "
      "found 2.5");
  refuse(RANGE("from: 1"),
         "exp.yaml:29:31: sweep.random.values.seed: the key 'to' is missing (the highest number)");
  refuse(RANGE("from: a, to: 2"),
         "exp.yaml:29:44: sweep.random.values.seed.from: expected a number, found 'a'");
  refuse(RANGE("from: 1, to: 2, scale: lin"),
         "exp.yaml:29:61: sweep.random.values.seed.scale: expected linear or log, found 'lin'");
}
END_TEST

START_TEST(bad_rules_are_refused) {
#define RULE(text) "sweep:\n  seed: [1, 2]\n  name: [a, b]\n  exclude: [" text "]\n"
  refuse(RULE("{seed: 3}"), "exp.yaml:31:20: sweep: exclude: seed: no run has the value 3");
  refuse(RULE("{seed: [1, 3]}"),
         "exp.yaml:31:24: sweep: exclude: seed: no run has the value 3 (a list means any of its "
         "items; [[a, b]] is the list [a, b])");
  refuse(RULE("{seed: []}"),
         "exp.yaml:31:20: sweep: exclude: seed: expected a value or a list of values, found an "
         "empty one");
  refuse(RULE("{seed: 1, sed: 1}"),
         "exp.yaml:31:23: sweep: there is no key 'sed' (did you mean 'seed'?)");
  refuse(RULE("{threads: 1}"),
         "exp.yaml:31:14: sweep: exclude: threads is neither swept nor written in the config: a "
         "rule cannot compare it");
  refuse(RULE("{head.plugin: test_max}"),
         "exp.yaml:31:27: sweep: exclude: head.plugin: no run has the value test_max");
  refuse("sweep:\n  head: [{plugin: test_max}]\n  exclude: [{head.plugin: test_max}]\n",
         "exp.yaml:30:14: sweep: exclude: head.plugin: the sweep sets head: a rule names keys as "
         "the sweep does");
  refuse("sweep:\n  head.plugin: [test_max]\n  exclude: [{head: {plugin: test_max}}]\n",
         "exp.yaml:30:14: sweep: exclude: head: the sweep sets head.plugin: a rule names keys as "
         "the sweep does");
  refuse(RULE("{seed: [1, 2]}"),
         "exp.yaml:31:3: sweep: exclude leaves no run: all 4 are taken out");
}
END_TEST

START_TEST(a_list_outside_of_a_sweep) {
  expect_error("    label: class\n", "    label: class\n    labels: [100, 200]\n",
               "exp.yaml:11:13: data.target.labels: expected one value, found a list of 2; for a "
               "run with each of them write sweep: {data.target.labels: [100, 200]}");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("sweep words");
  TCase *tests = tcase_create("sweep words");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_grid_may_be_written_out);
  tcase_add_test(tests, points_set_several_keys);
  tcase_add_test(tests, every_point_loads);
  tcase_add_test(tests, one_run_of_points_needs_the_keys_of_one);
  tcase_add_test(tests, overrides_take_keys_out);
  tcase_add_test(tests, a_sweep_inherits);
  tcase_add_test(tests, paths_are_seen_from_the_file);
  tcase_add_test(tests, samples_are_reproducible);
  tcase_add_test(tests, a_larger_count_keeps_the_samples);
  tcase_add_test(tests, samples_are_spread_by_the_scale);
  tcase_add_test(tests, a_sample_that_was_drawn_is_drawn_again);
  tcase_add_test(tests, overrides_keep_the_other_samples);
  tcase_add_test(tests, a_million_samples);
  tcase_add_test(tests, rules_take_runs_out);
  tcase_add_test(tests, rules_look_at_points);
  tcase_add_test(tests, rules_look_at_the_config);
  tcase_add_test(tests, rules_that_overrides_leave_without_runs_are_no_mistake);
  tcase_add_test(tests, all_words_together);
  tcase_add_test(tests, misspelt_words_are_refused);
  tcase_add_test(tests, words_of_another_kind_are_refused);
  tcase_add_test(tests, what_stands_there_twice_is_refused);
  tcase_add_test(tests, bad_samples_are_refused);
  tcase_add_test(tests, bad_ranges_are_refused);
  tcase_add_test(tests, bad_rules_are_refused);
  tcase_add_test(tests, a_list_outside_of_a_sweep);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
