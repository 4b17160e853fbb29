/* test_sweep_tree.c: what the runs of a sweep share, what of it is due, and how it is divided. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/sweep_tree.h"
#include "fixture.h"

static thaw_context *ctx;
static thaw_registry *registry;
static thaw_sweep *sweep;
static thaw_sweep_tree *tree;

static void set_up(void) {
  fixture_begin();
  ctx = thaw_context_create();
  registry = thaw_registry_create(NULL);
  sweep = NULL;
  tree = NULL;
}

static void free_tree(void) {
  thaw_sweep_tree_free(tree);
  thaw_sweep_free(sweep);
  tree = NULL;
  sweep = NULL;
}

static void tear_down(void) {
  free_tree();
  thaw_registry_free(registry);
  thaw_context_free(ctx);
  fixture_end();
}

/* The small experiment with this sweep, in sweep.yaml. */
static void write_sweep(const char *text) {
  thaw_buffer whole = {0};
  thaw_buffer_format(&whole, "extends: experiment.yaml\nsweep:\n%s", text);
  fixture_write("sweep.yaml", whole.data);
  thaw_buffer_free(&whole);
}

static thaw_status try_plan(void) {
  const thaw_run_options options = {.cache = "cache", .folder = "runs"};
  free_tree();
  ck_assert_msg(thaw_sweep_load(ctx, "sweep.yaml", 0, NULL, &sweep) == THAW_OK, "%s",
                thaw_error(ctx));
  return thaw_sweep_tree_plan(ctx, "sweep.yaml", sweep, registry, &options, &tree);
}

static void plan(const char *text) {
  if (text) write_sweep(text);
  ck_assert_msg(try_plan() == THAW_OK, "%s", thaw_error(ctx));
}

static void expect_stage(size_t s, const char *name, size_t before, size_t runs, bool due) {
  const thaw_tree_stage *stage = &tree->stages[s];
  ck_assert_str_eq(stage->name, name);
  ck_assert_uint_eq(stage->before, before);
  ck_assert_uint_eq(stage->runs, runs);
  ck_assert_int_eq(stage->due, due);
}

static size_t count_due(void) {
  size_t due = 0;
  for (size_t s = 0; s < tree->stage_count; s++) due += tree->stages[s].due;
  return due;
}

START_TEST(stages_in_common_stand_there_once) {
  plan("  stages.classify.transfer: [all, none]\n  seed: [1, 2]\n");
  /* A run's own seed is that of its language models as well, where they have none. */
  ck_assert_uint_eq(tree->run_count, 4);
  ck_assert_uint_eq(tree->stage_count, 8);
  plan(
      "  stages.pretrain.seed: [7]\n  stages.finetune.seed: [7]\n"
      "  stages.classify.transfer: [all, none]\n  seed: [1, 2]\n");
  ck_assert_uint_eq(tree->stage_count, 6);
  expect_stage(0, "pretrain", SIZE_MAX, 2, true);
  expect_stage(1, "finetune", 0, 2, true);
  expect_stage(2, "classify", 1, 1, true);
  expect_stage(3, "classify", 1, 1, true);
  expect_stage(4, "classify", SIZE_MAX, 1, true);
  ck_assert_uint_eq(tree->stages[1].point, 0);
  ck_assert_uint_eq(tree->stages[4].point, 2);
  ck_assert_uint_eq(tree->runs[1].last, 3);
  ck_assert_uint_eq(tree->runs[1].stage_count, 3);
  ck_assert_uint_eq(tree->runs[2].stage_count, 1);
  ck_assert_str_eq(tree->stages[4].path, tree->runs[2].output);
  ck_assert_int_eq(tree->stages[0].progress, THAW_STAGE_NEW);
}
END_TEST

START_TEST(only_what_an_unfinished_run_needs_is_due) {
  write_sweep("  stages.pretrain.epochs: [1, 2]\n  head.plugin: [mean, max]\n");
  fixture_expect(
      0, "run sweep.yaml --cache cache --set head.plugin=mean --set stages.pretrain.epochs=1");
  plan(NULL);
  ck_assert_uint_eq(tree->stage_count, 8);
  expect_stage(0, "pretrain", SIZE_MAX, 2, false);
  expect_stage(1, "finetune", 0, 2, false);
  expect_stage(2, "classify", 1, 1, false);
  expect_stage(3, "classify", 1, 1, true);
  expect_stage(4, "pretrain", SIZE_MAX, 2, true);
  ck_assert(tree->runs[0].finished && !tree->runs[1].finished);
  ck_assert_uint_eq(tree->stages[0].unfinished, 1);
  ck_assert_int_eq(tree->stages[0].progress, THAW_STAGE_FINISHED);
  /* A finished fine-tuning is enough; without it, the pretraining is as well. */
  ck_assert_int_eq(unlink(tree->stages[0].path), 0);
  plan(NULL);
  ck_assert_uint_eq(count_due(), 5);
  ck_assert_int_eq(unlink(tree->stages[1].path), 0);
  plan(NULL);
  ck_assert_uint_eq(count_due(), 7);
  /* When all runs of it are finished, a stage is not missed. */
  fixture_expect(
      0, "run sweep.yaml --cache other --set head.plugin=max --set stages.pretrain.epochs=1");
  plan(NULL);
  ck_assert_uint_eq(count_due(), 4);
}
END_TEST

START_TEST(kept_weights_are_needed_by_a_run_that_does_not_take_them_over) {
  plan("  stages.pretrain.keep_weights: [true]\n  stages.classify.transfer: [none]\n");
  ck_assert_uint_eq(tree->run_count, 1);
  ck_assert_uint_eq(tree->stage_count, 2);
  expect_stage(0, "pretrain", SIZE_MAX, 1, true);
  expect_stage(1, "classify", SIZE_MAX, 1, true);
  ck_assert_uint_eq(tree->runs[0].kept, 1);
  ck_assert_uint_eq(tree->runs[0].last, 1);
}
END_TEST

START_TEST(points_that_are_one_run_are_twins) {
  plan("  threads: [1, 2]\n  head.plugin: [mean, max]\n");
  ck_assert_uint_eq(tree->run_count, 4);
  for (size_t r = 0; r < 4; r++) ck_assert_int_eq(tree->runs[r].twin, r >= 2);
  ck_assert_uint_eq(tree->runs[3].twin_point, 1);
  ck_assert_uint_eq(tree->stages[0].runs, 2);
  /* Another name is another file. */
  plan("  name: [a, b]\n");
  ck_assert(!tree->runs[1].twin);
  ck_assert_uint_eq(tree->stages[0].runs, 2);
  ck_assert_uint_eq(tree->stage_count, 4);
}
END_TEST

START_TEST(a_run_without_a_classifier_is_a_copy) {
  plan("  stages.classify: [null]\n  name: [a, b]\n");
  ck_assert_uint_eq(tree->stage_count, 2);
  ck_assert_uint_eq(tree->run_count, 2);
  ck_assert_uint_eq(tree->runs[0].last, 1);
  ck_assert_str_ne(tree->runs[0].output, tree->stages[1].path);
  fixture_expect(0, "run sweep.yaml --cache cache --set name=a --set stages.classify=null");
  plan(NULL);
  ck_assert(tree->runs[0].finished && !tree->runs[1].finished);
  ck_assert_uint_eq(count_due(), 0);
}
END_TEST

START_TEST(parts_are_whole_and_keep_families_together) {
  enum { RUNS = 24, PARTS = 5 };
  size_t seen[RUNS] = {0}, families = 0;
  for (size_t part = 1; part <= PARTS; part++) {
    plan(
        "  seed: [1, 2, 3]\n"
        "  stages.pretrain.epochs: [1, 2, 3, 4]\n"
        "  stages.pretrain.seed: [1]\n"
        "  stages.classify.epochs: [1, 2]\n");
    ck_assert_int_eq(thaw_sweep_tree_shard(ctx, tree, part, PARTS), THAW_OK);
    ck_assert_uint_ge(tree->run_count, RUNS / PARTS);
    ck_assert_uint_le(tree->run_count, RUNS / PARTS + 1);
    for (size_t r = 0; r < tree->run_count; r++) {
      seen[tree->runs[r].point]++;
      if (r > 0) ck_assert_uint_lt(tree->runs[r - 1].point, tree->runs[r].point);
    }
    for (size_t s = 0; s < tree->stage_count; s++)
      families += tree->stages[s].before == SIZE_MAX && tree->stages[s].runs > 0;
  }
  for (size_t r = 0; r < RUNS; r++) ck_assert_uint_eq(seen[r], 1);
  /* Four pretrainings, and no more than a cut between parts can double. */
  ck_assert_uint_le(families, 4 + PARTS - 1);
  plan("  threads: [1, 2]\n  head.plugin: [mean, max]\n");
  ck_assert_int_eq(thaw_sweep_tree_shard(ctx, tree, 2, 2), THAW_OK);
  ck_assert_uint_eq(tree->run_count, 2);
  ck_assert(!tree->runs[0].twin && tree->runs[1].twin);
}
END_TEST

START_TEST(a_bad_point_is_named) {
  write_sweep("  stages.classify.epochs: [1, 2, x]\n");
  ck_assert_int_eq(try_plan(), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "run 3 of 3 (stages.classify.epochs=x): "));
  ck_assert_ptr_null(tree);
}
END_TEST

START_TEST(a_damaged_file_counts_as_not_there) {
  plan("  head.plugin: [mean, max]\n");
  char *path = strdup(tree->runs[1].output);
  ck_assert_int_eq(system("mkdir -p runs/small"), 0);
  fixture_write(path, "no run file");
  plan(NULL);
  ck_assert(!tree->runs[1].finished);
  ck_assert_uint_eq(count_due(), 4);
  free(path);
}
END_TEST

START_TEST(data_are_hashed_once_but_not_longer) {
  plan("  head.plugin: [mean, max]\n");
  char key[THAW_HASH_TEXT];
  memcpy(key, tree->stages[0].key, sizeof key);
  fixture_write("general.txt", "other words\nthan before\nand a third line\n");
  plan(NULL);
  ck_assert_str_ne(key, tree->stages[0].key);
}
END_TEST

/* What a run's file says of its threads. */
static void expect_threads(const char *arguments, const char *threads) {
  fixture_expect(0, arguments);
  plan(NULL);
  for (size_t r = 0; r < tree->run_count; r++) {
    thaw_run_file *run = fixture_open_run(ctx, tree->runs[r].output);
    char *text = NULL;
    ck_assert_int_eq(thaw_run_text(ctx, run, "environment/threads", &text), THAW_OK);
    ck_assert_str_eq(text, threads);
    free(text);
    thaw_run_close(run);
    ck_assert_int_eq(unlink(tree->runs[r].output), 0);
  }
}

START_TEST(jobs_divide_the_threads) {
  const char *sweep_command = "sweep sweep.yaml --cache cache --jobs 2";
  write_sweep("  stages.classify.transfer: [none]\n  seed: [1, 2]\n");
  setenv("OMP_NUM_THREADS", "4", 1);
  expect_threads(sweep_command, "1"); /* the experiment's own */
  fixture_edit("experiment.yaml", "threads: 1\n", "");
  expect_threads(sweep_command, "2");
  expect_threads("sweep sweep.yaml --cache cache", "4");
  expect_threads("sweep sweep.yaml --cache cache --jobs 5", "1");
  unsetenv("OMP_NUM_THREADS");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("sweep tree");
  TCase *tests = tcase_create("sweep tree");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, stages_in_common_stand_there_once);
  tcase_add_test(tests, only_what_an_unfinished_run_needs_is_due);
  tcase_add_test(tests, kept_weights_are_needed_by_a_run_that_does_not_take_them_over);
  tcase_add_test(tests, points_that_are_one_run_are_twins);
  tcase_add_test(tests, a_run_without_a_classifier_is_a_copy);
  tcase_add_test(tests, parts_are_whole_and_keep_families_together);
  tcase_add_test(tests, a_bad_point_is_named);
  tcase_add_test(tests, a_damaged_file_counts_as_not_there);
  tcase_add_test(tests, data_are_hashed_once_but_not_longer);
  tcase_add_test(tests, jobs_divide_the_threads);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
