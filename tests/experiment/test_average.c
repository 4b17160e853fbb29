/* test_average.c: runs whose class probabilities are averaged: the numbers, the commands that read
 * the result, and runs that do not belong together. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static void set_up(void) {
  fixture_begin();
  fixture_expect(0, "run experiment.yaml -o a.h5 --set stages.classify.epochs=4");
  fixture_expect(0, "run experiment.yaml -o b.h5 --set stages.classify.epochs=5 --set seed=5");
  fixture_write("both.yaml", "name: both\naverage: [a.h5, b.h5]\n");
}

static thaw_predictions *predictions_of(thaw_context *ctx, const char *path, const char *split) {
  thaw_run_file *run = fixture_open_run(ctx, path);
  thaw_predictions *predictions = NULL;
  ck_assert_int_eq(thaw_run_predictions(ctx, run, split, &predictions), THAW_OK);
  thaw_run_close(run);
  return predictions;
}

static void expect_mean(const char *split) {
  thaw_context *ctx = thaw_context_create();
  thaw_predictions *a = predictions_of(ctx, "a.h5", split), *b = predictions_of(ctx, "b.h5", split),
                   *c = predictions_of(ctx, "c.h5", split);
  ck_assert_uint_eq(c->count, a->count);
  for (size_t d = 0; d < c->count; d++) {
    size_t best = 0;
    ck_assert_int_eq(c->gold[d], a->gold[d]);
    for (size_t k = 0; k < c->classes; k++) {
      const size_t i = d * c->classes + k;
      const double mean = ((double)a->probabilities[i] + (double)b->probabilities[i]) / 2;
      ck_assert_double_eq((double)c->probabilities[i], (double)(float)mean);
      if (c->probabilities[i] > c->probabilities[d * c->classes + best]) best = k;
    }
    ck_assert_uint_eq((size_t)c->predicted[d], best);
  }
  thaw_predictions_free(a);
  thaw_predictions_free(b);
  thaw_predictions_free(c);
  thaw_context_free(ctx);
}

START_TEST(probabilities_are_averaged) {
  fixture_expect(0, "run both.yaml -o c.h5");
  expect_mean("valid");
  expect_mean("test");
  thaw_context *ctx = thaw_context_create();
  thaw_run_file *run = fixture_open_run(ctx, "c.h5");
  ck_assert(thaw_run_complete(run));
  ck_assert(!thaw_run_has_stage(run, NULL));
  thaw_series **series = NULL;
  size_t count = 0;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_OK);
  ck_assert_uint_eq(count, 1);
  ck_assert_str_eq(series[0]->stage, "average");
  ck_assert_double_gt(series[0]->epochs[0].accuracy, 0.2);
  thaw_series_free(series[0]);
  free(series);
  thaw_run_close(run);
  thaw_context_free(ctx);
}
END_TEST

static void expect_output(const char *command, const char *input, const char *text) {
  fixture_result result = fixture_run(command, input);
  ck_assert_msg(result.status == 0 && strstr(result.out.data, text),
                "thaw %s: expected '%s', found status %d and:\n%s%s", command, text, result.status,
                result.out.data, result.err.data);
  fixture_free(&result);
}

/* The probability of "food" for one text. */
static double ask(const char *path) {
  char command[64];
  snprintf(command, sizeof command, "predict %s --all", path);
  fixture_result result = fixture_run(command, "the cat eats\n");
  ck_assert_msg(result.status == 0, "%s", result.err.data);
  const char *food = strstr(result.out.data, "food=");
  ck_assert_ptr_nonnull(food);
  const double p = strtod(food + 5, NULL);
  fixture_free(&result);
  return p;
}

START_TEST(the_result_is_a_run_like_any_other) {
  fixture_expect(0, "run both.yaml -o c.h5");
  expect_output("run both.yaml -o c.h5", NULL, "c.h5 (finished before)");
  expect_output("compare --group-by run a.h5 b.h5 c.h5", NULL, "\nc ");
  expect_output("inspect c.h5", NULL, "average");
  expect_output("inspect c.h5 --format json", NULL, "\"documents\"");
  expect_output("evaluate c.h5 test.csv", NULL, "accuracy ");
  expect_output("run both.yaml", NULL, "runs/both/s1-");
  ck_assert_double_eq_tol(ask("c.h5"), (ask("a.h5") + ask("b.h5")) / 2, 1.1e-4);
  /* An average may be averaged. */
  fixture_write("more.yaml", "average: [c.h5, a.h5]\n");
  fixture_expect(0, "run more.yaml -o d.h5");
  ck_assert_double_eq_tol(ask("d.h5"), (ask("c.h5") + ask("a.h5")) / 2, 1.1e-4);
}
END_TEST

START_TEST(new_text_needs_the_runs) {
  fixture_expect(0, "run both.yaml -o c.h5");
  ck_assert_int_eq(rename("a.h5", "other.h5"), 0);
  fixture_expect_error(2, "predict c.h5", "c.h5 averages runs that are needed for new text: ");
  ck_assert_int_eq(link("b.h5", "a.h5"), 0);
  fixture_expect_error(2, "predict c.h5", "a.h5 is not the run any more that c.h5 was made of");
  expect_output("compare --group-by run c.h5", NULL, "\nc ");
  expect_output("inspect c.h5", NULL, "document ");
  /* Other runs, another average. */
  fixture_expect_error(2, "run both.yaml -o c.h5", "c.h5 holds another run");
}
END_TEST

static void run_other(const char *name, const char *sets) {
  char command[300];
  snprintf(command, sizeof command, "run experiment.yaml -o %s --set stages.classify.epochs=1 %s",
           name, sets);
  fixture_expect(0, command);
}

static void expect_apart(const char *name, const char *text) {
  char command[200];
  snprintf(command, sizeof command, "run both.yaml -o c.h5 --set average=[a.h5,%s]", name);
  fixture_expect_error(2, command, text);
}

START_TEST(runs_that_do_not_belong_together) {
  run_other("v.h5", "--set data.target.valid_fraction=0.3");
  expect_apart("v.h5", "the split valid has 12 documents in the first and 18 in the other");
  run_other("n.h5", "--set data.target.valid_fraction=0");
  expect_apart("n.h5", "only the first has predictions of the split valid");
  fixture_write("train2.csv",
                "text,label\na,food\nb,move\nc,sleep\nd,food\ne,move\nf,sleep\n"
                "a,food\nb,move\nc,sleep\nd,food\ne,move\nf,sleep\n");
  run_other("k.h5", "--set data.target.train=train2.csv --set stages.classify.batch=4");
  expect_apart("k.h5", "there are 2 classes in the first and 3 in the other");
  fixture_edit("test.csv", ",food\n", ",move\n");
  run_other("t.h5", "");
  expect_apart("t.h5", "document 0 of the split test is of class 'food' in the first and 'move'");
  fixture_edit("train2.csv", "a,food", "a,drink");
  ck_assert_int_eq(system("sed -i 's/food/drink/' *.csv"), 0);
  run_other("d.h5", "");
  expect_apart("d.h5", "class 0 is 'food' in the first and 'drink' in the other");
}
END_TEST

START_TEST(bad_configs) {
  fixture_write("lm.yaml",
                "data: {general: {format: text, train: general.txt}}\n"
                "tokenizer: {plugin: word, min_count: 1}\n"
                "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 1}\n"
                "stages: {pretrain: {data: general, epochs: 1, batch: 2, bptt: 5}}\n");
  fixture_expect(0, "run lm.yaml -o lm.h5");
  expect_apart("lm.h5",
               "lm.h5 has no predictions: only runs with a classify stage can be averaged");
  expect_apart("train.csv", "train.csv is not an HDF5 file");
  expect_apart("z.h5", "z.h5: there is no such file");
  expect_apart("a.h5", "a.h5 is named twice");
  fixture_expect_error(2, "run both.yaml --set average=a.h5",
                       "average: expected two run files or more, found one");
  fixture_expect_error(2, "run both.yaml --set average=[]", "average: expected a path or a list");
  fixture_expect_error(2, "run both.yaml --set encoder.hidden=3",
                       "'encoder' has no meaning in a config with average; it belongs to a config "
                       "with stages");
  fixture_expect_error(2, "plan both.yaml",
                       "both.yaml:2:10: average: this config averages finished runs");
  fixture_expect(0, "run both.yaml -o c.h5");
  fixture_expect_error(2, "generate c.h5", "c.h5 holds a classifier and no language model");
  fixture_write("neither.yaml", "name: x\n");
  fixture_expect_error(2, "run neither.yaml", "the key 'data' is missing");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("average");
  TCase *tests = tcase_create("average");
  tcase_add_checked_fixture(tests, set_up, fixture_end);
  tcase_add_test(tests, probabilities_are_averaged);
  tcase_add_test(tests, the_result_is_a_run_like_any_other);
  tcase_add_test(tests, new_text_needs_the_runs);
  tcase_add_test(tests, runs_that_do_not_belong_together);
  tcase_add_test(tests, bad_configs);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
