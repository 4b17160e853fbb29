/* test_lr_find.c: `thaw lr-find`: what it prints, what it trains first, and what it leaves. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static fixture_result find(const char *options) {
  char command[300];
  snprintf(command, sizeof command, "lr-find experiment.yaml%s", options);
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0, "thaw %s: %s", command, result.err.data);
  return result;
}

static void expect_found(const char *options, const char *text) {
  fixture_result result = find(options);
  ck_assert_msg(strstr(result.out.data, text) != NULL, "expected '%s', found:\n%s", text,
                result.out.data);
  fixture_free(&result);
}

START_TEST(the_first_stage_that_is_due) {
  expect_found("", "pretrain: smoothed loss at rising base rates, ");
  ck_assert_uint_eq(fixture_count(".h5"), 0);
  ck_assert_int_ne(access("cache", F_OK), 0);
  ck_assert_int_ne(access("runs", F_OK), 0);
  fixture_expect(0, "run experiment.yaml");
  expect_found("", "classify: smoothed loss");
  expect_found(" --set stages.finetune.epochs=2", "finetune: smoothed loss");
  expect_found(" --stage pretrain", "pretrain: smoothed loss");
}
END_TEST

START_TEST(what_it_takes_over_from_is_trained_first) {
  fixture_result result = find(" --stage classify");
  ck_assert_ptr_nonnull(strstr(result.err.data, "pretrain: is trained first, and stays"));
  ck_assert_ptr_nonnull(strstr(result.err.data, "finetune: is trained first, and stays"));
  ck_assert_ptr_nonnull(strstr(result.err.data, "rnn.0, rnn.1 from finetune; fresh: head"));
  fixture_free(&result);
  ck_assert_uint_eq(fixture_count(".h5"), 2);
  result = find(" --stage classify");
  ck_assert_ptr_null(strstr(result.err.data, "trained first"));
  fixture_free(&result);
  /* It is what a run finds there. */
  result = fixture_run("run experiment.yaml", NULL);
  ck_assert_int_eq(result.status, 0);
  ck_assert_ptr_nonnull(strstr(result.err.data, "finetune: found in the stage cache"));
  fixture_free(&result);
}
END_TEST

START_TEST(nothing_is_trained_for_a_stage_that_takes_over_nothing) {
  fixture_result result = find(" --stage classify --set stages.classify.transfer=none");
  ck_assert_ptr_null(strstr(result.err.data, "trained first"));
  ck_assert_uint_eq(fixture_count(".h5"), 0);
  fixture_free(&result);
}
END_TEST

/* The rates of the csv, the first and the last one, and how many there are. */
static size_t read_rates(const char *options, double *first, double *last) {
  fixture_result result = find(options);
  size_t rows = 0;
  char *rest = strchr(result.out.data, '\n');
  ck_assert_int_eq(strncmp(result.out.data, "step,rate,loss,smoothed loss\n", 29), 0);
  for (char *row = strtok(rest, "\n"); row; row = strtok(NULL, "\n"), rows++) {
    double rate, loss, smooth;
    ck_assert_int_eq(sscanf(row, "%*d,%lf,%lf,%lf", &rate, &loss, &smooth), 3);
    if (rows == 0) *first = rate;
    *last = rate;
    ck_assert(loss > 0 && smooth > 0);
  }
  fixture_free(&result);
  return rows;
}

START_TEST(rates_rise_from_the_first_to_the_last) {
  double first, last;
  ck_assert_uint_eq(read_rates(" --format csv --steps 50 --from 1e-5 --to 0.01", &first, &last),
                    50);
  ck_assert_double_eq_tol(first, 1e-5, 1e-12);
  ck_assert_double_eq_tol(last, 0.01, 1e-9);
  /* More steps than the stage has, and an end where the loss explodes. */
  const size_t rows = read_rates(
      " --stage classify --set stages.classify.transfer=none --set stages.classify.epochs=1 --set "
      "stages.classify.optimizer.name=sgd --format csv "
      "--steps 200 --to 1e5",
      &first, &last);
  ck_assert_uint_lt(rows, 200);
  ck_assert_uint_gt(rows, 20);
}
END_TEST

START_TEST(a_picture_is_drawn) {
  expect_found(" --svg a.svg", "suggestions for stages.pretrain.optimizer.lr");
  thaw_buffer text = {0};
  fixture_read("a.svg", &text);
  ck_assert_ptr_nonnull(strstr(text.data, "</svg>"));
  thaw_buffer_free(&text);
  fixture_expect_error(1, "lr-find experiment.yaml --svg missing/a.svg", "missing/a.svg");
}
END_TEST

START_TEST(the_same_twice) {
  fixture_result a = find(" --format csv"), b = find(" --format csv");
  ck_assert_str_eq(a.out.data, b.out.data);
  fixture_free(&a);
  fixture_free(&b);
}
END_TEST

START_TEST(an_interrupt_ends_it) {
  fixture_result result = fixture_run_interrupted("lr-find experiment.yaml --steps 10000 --to 1e-6",
                                                  "pretrain: takes over nothing");
  ck_assert_int_eq(result.status, 130);
  ck_assert_ptr_nonnull(strstr(result.err.data, " of 10000 steps; nothing was kept"));
  ck_assert_uint_eq(fixture_count(".h5"), 0);
  fixture_free(&result);
}
END_TEST

START_TEST(wrong_usage) {
  fixture_expect_error(2, "lr-find experiment.yaml --stage clasify",
                       "has no stage 'clasify' (did you mean 'classify'?); its stages: pretrain, "
                       "finetune, classify");
  fixture_expect_error(2, "lr-find experiment.yaml --from 0",
                       "--from: expected a rate above 0 and at most 1e6, found '0'");
  fixture_expect_error(2, "lr-find experiment.yaml --to high",
                       "--to: expected a rate above 0 and at most 1e6, found 'high'");
  fixture_expect_error(2, "lr-find experiment.yaml --from 1 --to 1",
                       "--from 1 is not less than --to 1");
  fixture_expect_error(2, "lr-find experiment.yaml --steps 5", "--steps: 5 is not between 10 and");
  fixture_expect_error(2, "lr-find missing.yaml", "missing.yaml");
  fixture_edit("experiment.yaml", "{plugin: gradual_unfreeze}", "{plugin: freeze, groups: [heat]}");
  fixture_expect_error(2, "lr-find experiment.yaml --stage classify",
                       "freeze: there is no group 'heat' (did you mean 'head'?)");
  ck_assert_uint_eq(fixture_count(".h5"), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lr-find");
  TCase *tests = tcase_create("lr-find");
  tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
  tcase_add_test(tests, the_first_stage_that_is_due);
  tcase_add_test(tests, what_it_takes_over_from_is_trained_first);
  tcase_add_test(tests, nothing_is_trained_for_a_stage_that_takes_over_nothing);
  tcase_add_test(tests, rates_rise_from_the_first_to_the_last);
  tcase_add_test(tests, a_picture_is_drawn);
  tcase_add_test(tests, the_same_twice);
  tcase_add_test(tests, an_interrupt_ends_it);
  tcase_add_test(tests, wrong_usage);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
