/* test_moved.c: a folder of runs may be moved, and runs be tagged, and nothing that reads them
 * notices. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

#define THERE "elsewhere/deep/moved"

static void set_up(void) {
  fixture_begin();
  ck_assert_int_eq(mkdir("runs", 0777), 0);
  fixture_expect(0, "run experiment.yaml -o runs/a.h5 --set stages.classify.epochs=4");
  fixture_expect(0, "run experiment.yaml -o runs/b.h5 --set stages.classify.epochs=5");
  fixture_write("both.yaml", "name: both\naverage: [runs/a.h5, runs/b.h5]\n");
  fixture_expect(0, "run both.yaml -o runs/averages/both.h5");
}

static void move(void) {
  ck_assert_int_eq(mkdir("elsewhere", 0777), 0);
  ck_assert_int_eq(mkdir("elsewhere/deep", 0777), 0);
  ck_assert_int_eq(rename("runs", THERE), 0);
}

/* What the command prints; malloc'ed. */
static char *output_of(const char *command, const char *input) {
  fixture_result result = fixture_run(command, input);
  ck_assert_msg(result.status == 0, "thaw %s: %s", command, result.err.data);
  char *text = strdup(result.out.data);
  fixture_free(&result);
  return text;
}

static void expect_output(const char *command, const char *text) {
  char *found = output_of(command, "the cat eats\n");
  ck_assert_msg(strstr(found, text) != NULL, "thaw %s: '%s' is not in:\n%s", command, text, found);
  free(found);
}

/* The texts of documents are found. */
static void expect_texts(const char *command) {
  fixture_result result = fixture_run(command, NULL);
  ck_assert_msg(result.status == 0 && !strstr(result.err.data, "without their text"), "thaw %s: %s",
                command, result.err.data);
  fixture_free(&result);
}

START_TEST(a_folder_of_runs_moves) {
  static const char sentence[] = "the cat eats\n";
  char *one = output_of("predict runs/a.h5 --all", sentence);
  char *both = output_of("predict runs/averages/both.h5 --all", sentence);
  char *compared = output_of("compare runs", NULL);
  move();
  expect_output("predict " THERE "/a.h5 --all", one);
  expect_output("predict " THERE "/averages/both.h5 --all", both);
  expect_output("compare " THERE, compared);
  expect_output("list " THERE, "\nboth");
  expect_output("list --check " THERE, "3 run files are as they were written");
  expect_output("evaluate " THERE "/a.h5 test.csv", "accuracy ");
  expect_output("evaluate " THERE "/averages/both.h5 test.csv", "accuracy ");
  expect_output("diff " THERE "/a.h5 " THERE "/b.h5", "stages.classify.epochs");
  expect_texts("inspect " THERE "/a.h5");
  expect_texts("inspect " THERE "/averages/both.h5");
  fixture_expect(0, "export " THERE "/a.h5 -o a.safetensors");
  free(one);
  free(both);
  free(compared);
}
END_TEST

/* Files of the data may be gone too: a run knows what it needs. */
START_TEST(the_data_are_gone) {
  ck_assert_int_eq(rename("train.csv", "train.old"), 0);
  ck_assert_int_eq(rename("general.txt", "general.old"), 0);
  move();
  fixture_expect(0, "predict " THERE "/averages/both.h5");
  fixture_expect(0, "inspect " THERE "/a.h5");
  fixture_expect(0, "compare " THERE);
  fixture_expect(0, "diff " THERE "/a.h5 " THERE "/b.h5");
}
END_TEST

/* A run of the same name with other contents is not taken for the one that was averaged. */
START_TEST(another_run_under_the_name) {
  move();
  ck_assert_int_eq(rename(THERE "/b.h5", THERE "/a.h5"), 0);
  fixture_expect_error(2, "predict " THERE "/averages/both.h5",
                       "both.h5 averages runs that are needed for new text: ");
}
END_TEST

static void write_taking_over(const char *name, const char *path) {
  char transfer[128];
  thaw_buffer text = {0};
  fixture_read("experiment.yaml", &text);
  fixture_write(name, text.data);
  thaw_buffer_free(&text);
  snprintf(transfer, sizeof transfer, "transfer: {groups: all, from: %s}", path);
  fixture_edit(name, "transfer: all", transfer);
}

/* The key of what takes over from a run rests on its contents, not on its place or its tags. */
START_TEST(runs_that_are_taken_over_from) {
  write_taking_over("before.yaml", "runs/a.h5");
  fixture_expect(0, "run before.yaml -o c.h5");
  move();
  write_taking_over("after.yaml", THERE "/a.h5");
  expect_output("run after.yaml -o c.h5", "c.h5 (finished before)");
  fixture_expect(0, "tag " THERE " --add paper");
  expect_output("run after.yaml -o c.h5", "c.h5 (finished before)");
}
END_TEST

START_TEST(runs_that_are_averaged) {
  fixture_write("again.yaml", "name: both\naverage: [" THERE "/a.h5, " THERE "/b.h5]\n");
  move();
  expect_output("run again.yaml -o " THERE "/averages/both.h5", "(finished before)");
  fixture_expect(0, "tag " THERE " --add paper");
  expect_output("run again.yaml -o " THERE "/averages/both.h5", "(finished before)");
  fixture_expect(0, "predict " THERE "/averages/both.h5");
  expect_output("list --tag paper " THERE, "\nboth");
}
END_TEST

/* A run that was interrupted is listed, may be compared with another, and has no tags. */
START_TEST(a_run_in_training) {
  fixture_result result = fixture_run_interrupted(
      "run experiment.yaml -o runs/c.h5 --set stages.classify.epochs=4000 --checkpoint 0",
      "classify: takes over");
  ck_assert_int_eq(result.status, 130);
  fixture_free(&result);
  expect_output("list runs", "classify, epoch ");
  expect_output("list runs", " of 4000 ");
  expect_output("diff runs/a.h5 runs/c.h5", "B is not finished");
  fixture_expect_error(2, "tag runs/c.h5 --add paper", "runs/c.h5 is not finished");
  fixture_expect_error(0, "tag runs --add paper", "runs/c.h5 is left out: it is not finished");
  expect_output("list runs --where tag~paper --format csv", "runs/a.h5\n");
  expect_output("list --check runs", "4 run files are as they were written");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("moved");
  TCase *tests = tcase_create("moved");
  tcase_add_checked_fixture(tests, set_up, fixture_end);
  tcase_add_test(tests, a_folder_of_runs_moves);
  tcase_add_test(tests, the_data_are_gone);
  tcase_add_test(tests, another_run_under_the_name);
  tcase_add_test(tests, runs_that_are_taken_over_from);
  tcase_add_test(tests, runs_that_are_averaged);
  tcase_add_test(tests, a_run_in_training);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
