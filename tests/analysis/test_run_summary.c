/* Lists of run files that are written here: what is said of each, which are chosen, in which order,
 * and what is found to be broken. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/run_check.h"
#include "analysis/run_summary.h"
#include "base/context.h"
#include "base/file.h"
#include "folder.h"
#include "runs.h"
#include "store/tags.h"

static thaw_context *ctx;
static thaw_arena *arena;
static char *folder;
static thaw_run_summary *runs;
static size_t count;

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
  folder = make_folder();
  ck_assert(ctx && arena && folder);
}

static void tear_down(void) {
  remove_folder(folder);
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

static const thaw_listed_run *list(void) {
  const thaw_listed_run *files = NULL;
  ck_assert_int_eq(thaw_runs_list(ctx, arena, 1, (const char *const[]){folder}, &files, &count),
                   THAW_OK);
  return files;
}

static void read_all(void) {
  const thaw_listed_run *files = list();
  ck_assert_msg(thaw_run_summaries(ctx, arena, files, count, &runs) == THAW_OK, "%s",
                thaw_error(ctx));
}

static thaw_status keep(const char *where, const char *tag) {
  return thaw_run_summaries_keep(ctx, arena, where != NULL, &where, tag != NULL, &tag, runs,
                                 &count);
}

/* The labels that are left, with commas. */
static void expect_labels(const char *expected) {
  thaw_buffer labels = {0};
  thaw_buffer_text(&labels, "");
  for (size_t i = 0; i < count; i++)
    thaw_buffer_format(&labels, "%s%s", i ? "," : "", runs[i].label);
  ck_assert_str_eq(labels.data, expected);
  thaw_buffer_free(&labels);
}

static void expect_kept(const char *where, const char *tag, const char *expected) {
  read_all();
  ck_assert_msg(keep(where, tag) == THAW_OK, "%s: %s", where ? where : tag, thaw_error(ctx));
  expect_labels(expected);
}

static void expect_order(thaw_summary_order order, const char *expected) {
  read_all();
  ck_assert_int_eq(thaw_run_summaries_sort(ctx, runs, count, order), THAW_OK);
  expect_labels(expected);
}

static void expect_table(bool people, thaw_table_format format, const char *expected) {
  thaw_table *table = NULL;
  thaw_buffer text = {0};
  ck_assert_int_eq(thaw_run_summaries_table(ctx, runs, count, people, &table), THAW_OK);
  ck_assert_int_eq(thaw_table_write(ctx, table, format, 0, &text), THAW_OK);
  thaw_table_free(table);
  ck_assert_msg(strstr(text.data, expected) != NULL, "'%s' is not in:\n%s", expected, text.data);
  thaw_buffer_free(&text);
}

/* Four runs, of which one is not finished. */
static void write_runs(void) {
  static const struct {
    const char *name, *config;
    run_sketch sketch;
  } sketches[] = {
      {"x/a.h5",
       "name: x\nseed: 3\nhead: {plugin: max}\nstages: {classify: {epochs: 4}}\n",
       {.seed = 3, .seconds = 10, .documents = 10, .correct = 7}},
      {"x/b.h5",
       "name: x\nseed: 1\nhead: {plugin: mean}\nstages: {classify: {epochs: 4}}\n",
       {.seed = 1, .seconds = 30, .documents = 10, .correct = 9}},
      {"y/a.h5",
       "name: y\nseed: 2\nhead: {plugin: max}\nstages: {classify: {epochs: 8}}\n",
       {.seed = 2, .seconds = 20, .documents = 10, .correct = 8}},
      {"y/lm.h5", "name: y\nseed: 4\nstages: {pretrain: {epochs: 2}}\n", {.seed = 4, .seconds = 5}},
  };
  for (size_t i = 0; i < sizeof sketches / sizeof *sketches; i++) {
    run_sketch sketch = sketches[i].sketch;
    sketch.config = sketches[i].config;
    sketch.unfinished = i == 2;
    free(write_run(folder, sketches[i].name, sketch));
  }
}

static void tag(const char *name, const char *word) {
  char *path = thaw_path_join(folder, name);
  thaw_run_file *run = NULL;
  const thaw_tag_change change = {.add = &word, .add_count = 1};
  ck_assert_int_eq(thaw_run_open(ctx, path, &run), THAW_OK);
  ck_assert_msg(thaw_run_tag(ctx, run, &change) == THAW_OK, "%s", thaw_error(ctx));
  thaw_run_close(run);
  free(path);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

START_TEST(what_is_said_of_a_run) {
  write_runs();
  tag("x/a.h5", "paper");
  read_all();
  expect_labels("x/a,b,y/a,lm");
  ck_assert_str_eq(runs[0].state, "finished");
  ck_assert_str_eq(runs[0].name, "sketch");
  ck_assert_str_eq(runs[0].tags, "paper");
  ck_assert_str_eq(runs[1].tags, "");
  ck_assert(runs[0].complete && !runs[2].complete);
  ck_assert_uint_eq(runs[0].seed, 3);
  ck_assert_uint_gt(runs[0].bytes, 1000);
  ck_assert_double_eq(runs[0].seconds, 10);
  ck_assert_double_eq_tol(runs[0].accuracy, 0.7, 1e-12);
  ck_assert(isnan(runs[3].accuracy) && isnan(runs[0].perplexity));
  ck_assert_ptr_null(runs[0].started);
}
END_TEST

START_TEST(columns_without_values_are_for_programs) {
  write_runs();
  read_all();
  expect_table(true, THAW_TABLE_TEXT, "run  name    seed  state              accuracy  seconds");
  expect_table(true, THAW_TABLE_TEXT, "\nlm   sketch     4  finished                  –      5.0");
  expect_table(false, THAW_TABLE_CSV,
               "run,name,seed,state,accuracy,perplexity,started,seconds,bytes,tags,path\n");
}
END_TEST

/* ---- Choosing -------------------------------------------------------------------------------- */

START_TEST(conditions) {
  write_runs();
  tag("x/a.h5", "paper");
  tag("x/a.h5", "best");
  expect_kept("head.plugin=max", NULL, "x/a,y/a");
  expect_kept("stages.classify.epochs>4", NULL, "y/a");
  expect_kept("accuracy>0.75", NULL, "b,y/a");
  expect_kept("state=finished", NULL, "x/a,b,lm");
  expect_kept("seed=1,4", NULL, "b,lm");
  expect_kept("seconds<=10", NULL, "x/a,lm");
  expect_kept("path~/y/", NULL, "y/a,lm");
  expect_kept("run=b", NULL, "b");
  expect_kept("tag~paper", NULL, "x/a");
  expect_kept("tag=", NULL, "b,y/a,lm");
  expect_kept("size>1e9", NULL, "");
  expect_kept(NULL, "paper", "x/a");
  expect_kept(NULL, "pape", "");
  expect_kept("seed=1", "paper", "");
}
END_TEST

START_TEST(conditions_that_are_wrong) {
  write_runs();
  read_all();
  ck_assert_int_eq(keep("hed.plugin=max", NULL), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "head.plugin"));
  ck_assert_int_eq(keep("seed", NULL), THAW_INVALID);
  ck_assert_int_eq(keep(NULL, "a b"), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "'a b' is no tag"));
  ck_assert_uint_eq(count, 4);
}
END_TEST

START_TEST(orders) {
  write_runs();
  expect_order(THAW_SUMMARIES_GIVEN, "x/a,b,y/a,lm");
  expect_order(THAW_SUMMARIES_NAME, "x/a,b,y/a,lm"); /* all have the same: a stable sort */
  expect_order(THAW_SUMMARIES_SEED, "b,y/a,x/a,lm");
  expect_order(THAW_SUMMARIES_ACCURACY, "b,y/a,x/a,lm");
  expect_order(THAW_SUMMARIES_SECONDS, "lm,x/a,y/a,b");
  expect_order(THAW_SUMMARIES_STARTED, "x/a,b,y/a,lm");
}
END_TEST

/* ---- What is broken -------------------------------------------------------------------------- */

static void break_file(const char *name, long length, const char *text) {
  char *path = thaw_path_join(folder, name);
  if (text) {
    FILE *file = fopen(path, "w");
    ck_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
  } else {
    ck_assert_int_eq(truncate(path, length), 0);
  }
  free(path);
}

START_TEST(files_that_cannot_be_read_are_rows) {
  write_runs();
  break_file("x/b.h5", 2000, NULL);
  break_file("z.h5", 0, "not a run\n");
  read_all();
  expect_labels("x/a,b,y/a,lm,z");
  ck_assert_ptr_nonnull(strstr(runs[1].fault, "is truncated: it has 2000 bytes"));
  ck_assert_ptr_null(strstr(runs[1].fault, folder)); /* its row names it */
  ck_assert_ptr_nonnull(strstr(runs[4].fault, "is not an HDF5 file"));
  ck_assert_str_eq(runs[4].state, "unreadable");
  expect_table(true, THAW_TABLE_TEXT, "\nz    –          –  unreadable");
  expect_kept("seed>0", NULL, "x/a,y/a,lm");
  expect_order(THAW_SUMMARIES_SEED, "y/a,x/a,lm,b,z");
}
END_TEST

static void expect_faults(size_t expected, const char *const *texts) {
  const thaw_listed_run *files = list();
  thaw_table *faults = NULL;
  thaw_buffer text = {0};
  ck_assert_int_eq(thaw_runs_check(ctx, arena, files, count, &faults), THAW_OK);
  ck_assert_uint_eq(thaw_table_rows(faults), expected);
  ck_assert_int_eq(thaw_table_write(ctx, faults, THAW_TABLE_CSV, 0, &text), THAW_OK);
  for (size_t i = 0; i < expected; i++)
    ck_assert_msg(strstr(text.data, texts[i]) != NULL, "'%s' is not in:\n%s", texts[i], text.data);
  thaw_table_free(faults);
  thaw_buffer_free(&text);
}

START_TEST(broken_files_are_named) {
  write_runs();
  expect_faults(0, NULL);
  break_file("x/b.h5", 2000, NULL);
  break_file("y/empty.h5", 0, "");
  break_file("z.h5", 0, "not a run\n");
  expect_faults(3, (const char *const[]){"x/b.h5,is truncated", "y/empty.h5,is empty: not a run",
                                         "z.h5,\"is not an HDF5 file, let alone"});
}
END_TEST

START_TEST(an_interrupt_ends_the_reading) {
  write_runs();
  atomic_bool stop = true;
  const thaw_listed_run *files = list();
  thaw_table *faults = NULL;
  thaw_context_watch(ctx, &stop);
  ck_assert_int_eq(thaw_run_summaries(ctx, arena, files, count, &runs), THAW_INTERRUPTED);
  ck_assert_str_eq(thaw_error(ctx), "0 of 4 run files were read");
  ck_assert_int_eq(thaw_runs_check(ctx, arena, files, count, &faults), THAW_INTERRUPTED);
  ck_assert_ptr_null(faults);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("run_summary");
  TCase *tests = tcase_create("run_summary");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, what_is_said_of_a_run);
  tcase_add_test(tests, columns_without_values_are_for_programs);
  tcase_add_test(tests, conditions);
  tcase_add_test(tests, conditions_that_are_wrong);
  tcase_add_test(tests, orders);
  tcase_add_test(tests, files_that_cannot_be_read_are_rows);
  tcase_add_test(tests, broken_files_are_named);
  tcase_add_test(tests, an_interrupt_ends_the_reading);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
