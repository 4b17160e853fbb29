/* Sweeps: which points they have, in which order, and that each loads. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sweeps.h"

START_TEST(a_config_without_a_sweep_is_one_point) {
  expect_points("", NULL, "\n");
  expect_points("sweep: {}\n", NULL, "\n");
  expect_points("", (const char *const[]){"seed=1", NULL}, "seed=1\n");
}
END_TEST

START_TEST(the_last_key_varies_fastest) {
  expect_points("sweep:\n  head.plugin: [test_concat, test_max]\n  seed: [1, 2, 3]\n", NULL,
                "head.plugin=test_concat seed=1\n"
                "head.plugin=test_concat seed=2\n"
                "head.plugin=test_concat seed=3\n"
                "head.plugin=test_max seed=1\n"
                "head.plugin=test_max seed=2\n"
                "head.plugin=test_max seed=3\n");
}
END_TEST

START_TEST(values_can_be_lists_and_mappings) {
  expect_points(
      "sweep:\n"
      "  stages.classify.transfer: [none, [embedding, rnn.0], {groups: all}]\n"
      "  description: [\"a b\", 'null', null]\n",
      NULL,
      "stages.classify.transfer=none description=\"a b\"\n"
      "stages.classify.transfer=none description=\"null\"\n"
      "stages.classify.transfer=none description=null\n"
      "stages.classify.transfer=[embedding, rnn.0] description=\"a b\"\n"
      "stages.classify.transfer=[embedding, rnn.0] description=\"null\"\n"
      "stages.classify.transfer=[embedding, rnn.0] description=null\n"
      "stages.classify.transfer={groups: all} description=\"a b\"\n"
      "stages.classify.transfer={groups: all} description=\"null\"\n"
      "stages.classify.transfer={groups: all} description=null\n");
}
END_TEST

START_TEST(every_point_loads) {
  thaw_sweep *sweep = load_sweep(
      "sweep:\n"
      "  head.plugin: [test_concat, test_max]\n"
      "  stages.classify.schedule: [[], [{plugin: stlr}, {plugin: gradual_unfreeze}]]\n"
      "  stages.classify.transfer: [none, embedding, {groups: all, from: exp.yaml}]\n"
      "  data.target.test: [test.csv, null]\n",
      NULL);
  ck_assert_uint_eq(sweep->count, 24);
  for (size_t p = 0; p < sweep->count; p++) {
    const thaw_sweep_point *point = &sweep->points[p];
    thaw_experiment *e;
    const thaw_status status =
        thaw_experiment_load(ctx, "exp.yaml", point->set_count, point->sets, registry, &e);
    ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
    ck_assert_int_eq(e->datasets[1].test == NULL, p % 2);
    ck_assert_uint_eq(e->stages[THAW_STAGE_CLASSIFY].schedule_count, p / 6 % 2 ? 2 : 0);
    thaw_experiment_free(e);
  }
  thaw_sweep_free(sweep);
}
END_TEST

START_TEST(the_user_s_overrides_come_last_and_fix_a_key) {
  expect_points("sweep: {seed: [1, 2], stages.classify.epochs: [3, 4]}\n",
                (const char *const[]){"seed=9", "name=x", NULL},
                "stages.classify.epochs=3 seed=9 name=x\n"
                "stages.classify.epochs=4 seed=9 name=x\n");
  expect_points("sweep: {seed: [1, 2], stages.classify.epochs: [3, 4]}\n",
                (const char *const[]){"stages.classify={}", NULL},
                "seed=1 stages.classify={}\n"
                "seed=2 stages.classify={}\n");
  expect_points("sweep: {seed: [1, 2], stages.classify.epochs: [3, 4]}\n",
                (const char *const[]){"sweep.stages.classify.epochs=null", "sweep.seed=[5]", NULL},
                "seed=5 sweep.stages.classify.epochs=null sweep.seed=[5]\n");
}
END_TEST

START_TEST(a_sweep_inherits) {
  write_sweep("sweep: {seed: [1, 2], name: [a]}\n");
  ck_assert_int_eq(mkdir("base", 0777), 0);
  ck_assert_int_eq(system("mv *.yaml *.csv *.txt base"), 0);
  write_file("exp.yaml",
             "extends: base/exp.yaml\nsweep: {seed: [3], name: null, data.target.test: [x.csv]}\n");
  thaw_sweep *sweep;
  ck_assert_int_eq(thaw_sweep_load(ctx, "exp.yaml", 0, NULL, &sweep), THAW_OK);
  ck_assert_uint_eq(sweep->count, 1);
  ck_assert_str_eq(sweep->points[0].sets[0], "seed=3");
  char expected[200];
  snprintf(expected, sizeof expected, "data.target.test=%s/x.csv", folder);
  ck_assert_str_eq(sweep->points[0].sets[1], expected);
  thaw_sweep_free(sweep);
}
END_TEST

START_TEST(paths_of_a_sweep_are_seen_from_its_file) {
  write_file("base.yaml", "");
  ck_assert_int_eq(mkdir("inner", 0777), 0);
  write_file("inner/exp.yaml",
             "sweep:\n"
             "  data.target.train: [a.csv, [b.csv, ../c.csv]]\n"
             "  data.target.train.0: [i.csv]\n"
             "  data: [{target: {valid: d.csv, text: e.csv}}]\n"
             "  head: [{plugin: ./f.so}, {plugin: f}]\n"
             "  stages.classify.schedule: [[{plugin: g.so}]]\n"
             "  stages.classify.schedule.0.plugin: [./h]\n"
             "  name: [j]\n");
  thaw_sweep *sweep;
  ck_assert_int_eq(thaw_sweep_load(ctx, "inner/exp.yaml", 0, NULL, &sweep), THAW_OK);
  ck_assert_uint_eq(sweep->count, 4);
  thaw_buffer text = {0}, expected = {0};
  for (size_t p = 0; p < 3; p += 2) { /* another train, another head */
    for (size_t i = 0; i < 7; i++) {
      thaw_buffer_format(&text, "%s\n", sweep->points[p ? 3 : 0].sets[i]);
    }
  }
  const char *const f = folder;
  thaw_buffer_format(&expected,
                     "data.target.train=%s/inner/a.csv\n"
                     "data.target.train.0=%s/inner/i.csv\n"
                     "data={target: {valid: %s/inner/d.csv, text: e.csv}}\n"
                     "head={plugin: %s/inner/f.so}\n"
                     "stages.classify.schedule=[{plugin: %s/inner/g.so}]\n"
                     "stages.classify.schedule.0.plugin=%s/inner/h\n"
                     "name=j\n"
                     "data.target.train=[%s/inner/b.csv, %s/c.csv]\n"
                     "data.target.train.0=%s/inner/i.csv\n"
                     "data={target: {valid: %s/inner/d.csv, text: e.csv}}\n"
                     "head={plugin: f}\n"
                     "stages.classify.schedule=[{plugin: %s/inner/g.so}]\n"
                     "stages.classify.schedule.0.plugin=%s/inner/h\n"
                     "name=j\n",
                     f, f, f, f, f, f, f, f, f, f, f, f);
  ck_assert_str_eq(text.data, expected.data);
  thaw_buffer_free(&text);
  thaw_buffer_free(&expected);
  thaw_sweep_free(sweep);
}
END_TEST

START_TEST(bad_sweeps_are_refused) {
  refuse("sweep: [a]\n", "exp.yaml:28:8: sweep: expected keys with lists of values, found a list");
  refuse("sweep: a\n", "exp.yaml:28:8: sweep: expected keys with lists of values, found one value");
  refuse("sweep: {seed: 1}\n",
         "exp.yaml:28:15: sweep: seed: expected a list of values, found one value");
  refuse("sweep: {seed: []}\n",
         "exp.yaml:28:15: sweep: seed: expected a list of values, found an empty one");
  refuse("sweep: {head: {plugin: [a]}}\n",
         "exp.yaml:28:15: sweep: head: expected a list of values, found a mapping");
  refuse("sweep: {a..b: [1]}\n",
         "exp.yaml:28:9: sweep: expected a key such as stages.classify.epochs, found 'a..b'");
  refuse("sweep: {seed: [1, 2, '1']}\n",
         "exp.yaml:28:22: sweep: seed: the value 1 stands here twice");
  refuse("sweep: {seed: [1, 2, 1]}\n",
         "exp.yaml:28:22: sweep: seed: the value 1 stands here twice");
}
END_TEST

/* Six keys of ten values, and one of `last`. */
static void write_many(thaw_buffer *text, int last) {
  thaw_buffer_text(text, "sweep:\n");
  for (int k = 0; k < 6; k++)
    thaw_buffer_format(text, "  data.k%d: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", k);
  thaw_buffer_text(text, "  seed: [");
  for (int i = 0; i < last; i++) thaw_buffer_format(text, "%s%d", i ? ", " : "", i);
  thaw_buffer_text(text, "]\n");
}

START_TEST(millions_of_points) {
  thaw_buffer text = {0};
  write_many(&text, 2);
  thaw_buffer_text(&text, "  exclude: [{data.k0: [1, 2]}, {seed: 1, data.k5: 9}]\n");
  thaw_sweep *sweep = load_sweep(text.data, NULL);
  ck_assert_uint_eq(sweep->count, 1520000); /* 2 * 8/10 million, less 1/20 of them */
  ck_assert_uint_eq(sweep->excluded, 480000);
  ck_assert_str_eq(sweep->points[1519999].sets[5], "data.k5=9");
  ck_assert_uint_lt(thaw_arena_bytes(sweep->arena), 150 * sweep->count);
  thaw_sweep_free(sweep);
  thaw_buffer_clear(&text);
  write_many(&text, 11);
  refuse(text.data, "exp.yaml:28:1: sweep: more than 10,000,000 runs come of it");
  thaw_buffer_free(&text);
}
END_TEST

/* A message about a point's value leads to the sweep. */
static void refuse_point(const char *sweep, const char *message) {
  thaw_sweep *made = load_sweep(sweep, NULL);
  const thaw_sweep_point *last = &made->points[made->count - 1];
  thaw_experiment *experiment;
  ck_assert_int_eq(
      thaw_experiment_load(ctx, "exp.yaml", last->set_count, last->sets, registry, &experiment),
      THAW_INVALID);
  expect_message(message);
  thaw_sweep_free(made);
}

START_TEST(unknown_keys_and_values_are_found_when_a_point_is_loaded) {
  refuse_point("sweep: {stages.classify.epoch: [1]}\n",
               "exp.yaml:28:9: unknown key 'epoch' in stages.classify (did you mean 'epochs'?)");
  refuse_point("sweep:\n  grid: {stages.clasify.epochs: [1]}\n",
               "exp.yaml:29:10: unknown key 'clasify' in stages (did you mean 'classify'?)");
  refuse_point("sweep:\n  points: [{seed: 1}, {seed: 2, head.hiden: 3}]\n",
               "exp.yaml:29:33: unknown key 'hiden' in head, whose plugin is test_concat (did you "
               "mean 'hidden'?)");
  refuse_point("sweep:\n  random: {count: 1, values: {stages.classify.epoch: {from: 1, to: 2}}}\n",
               "exp.yaml:29:31: unknown key 'epoch' in stages.classify (did you mean 'epochs'?)");
  refuse_point("sweep: {stages.classify.epochs: [1, many]}\n",
               "exp.yaml:28:37: stages.classify.epochs: expected a whole number, found 'many'");
  refuse_point(
      "sweep:\n"
      "  stages.classify.schedule: [[], [{plugin: constant}, {plugin: stlr, ratio: x}]]\n",
      "exp.yaml:29:77: stages.classify.schedule.1.ratio: expected a number, found 'x'");
  refuse_point("sweep:\n  points: [{seed: 1}, {data.target: {train: none.csv}}]\n",
               "exp.yaml:29:45: data.target.train: @/none.csv: there is no such file (did you "
               "mean 'more.csv'?)");
  refuse_point(
      "sweep:\n"
      "  random: {count: 1, values: {stages.classify.epochs: {from: -2, to: -1}}}\n",
      "exp.yaml:29:55: stages.classify.epochs: expected a whole number, found '-1.14362'");
  /* What the user wrote in the command line stands there. */
  write_sweep("sweep: {stages.classify.epochs: [1, 2], seed: [1]}\n");
  expect_load_error((const char *const[]){"stages.classify.epochs=-1", "seed=1", NULL},
                    "--set: stages.classify.epochs: -1 is out of range: expected 1 to 1000000 "
                    "epochs");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("sweep");
  TCase *tests = tcase_create("sweep");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_config_without_a_sweep_is_one_point);
  tcase_add_test(tests, the_last_key_varies_fastest);
  tcase_add_test(tests, values_can_be_lists_and_mappings);
  tcase_add_test(tests, every_point_loads);
  tcase_add_test(tests, the_user_s_overrides_come_last_and_fix_a_key);
  tcase_add_test(tests, a_sweep_inherits);
  tcase_add_test(tests, paths_of_a_sweep_are_seen_from_its_file);
  tcase_add_test(tests, bad_sweeps_are_refused);
  tcase_add_test(tests, millions_of_points);
  tcase_add_test(tests, unknown_keys_and_values_are_found_when_a_point_is_loaded);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
