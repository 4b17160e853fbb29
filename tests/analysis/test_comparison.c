/* Comparisons of run files that are written here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/comparison.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "folder.h"
#include "runs.h"

static thaw_context *ctx;
static thaw_arena *arena;
static char *folder;
static thaw_buffer log_lines, written;

static void keep_line(void *user, thaw_log_level level, const char *line) {
  (void)user;
  thaw_buffer_format(&log_lines, "%s%s\n", level == THAW_LOG_WARNING ? "warning: " : "", line);
}

static void set_up(void) {
  ctx = thaw_context_create();
  arena = thaw_arena_create();
  folder = make_folder();
  ck_assert(ctx && arena);
  thaw_context_log_to(ctx, keep_line, NULL);
  thaw_buffer_text(&log_lines, "");
}

static void tear_down(void) {
  remove_folder(folder);
  thaw_buffer_free(&log_lines);
  thaw_buffer_free(&written);
  thaw_arena_free(arena);
  thaw_context_free(ctx);
}

/* Paths in the test's folder; "" is the folder itself. */
static thaw_status list(size_t count, const char *const *names, const thaw_listed_run **files,
                        size_t *file_count) {
  const char *paths[16];
  for (size_t i = 0; i < count; i++) {
    char *path = thaw_path_join(folder, names[i]);
    paths[i] = thaw_arena_strdup(arena, path);
    free(path);
  }
  return thaw_runs_list(ctx, arena, count, paths, files, file_count);
}

static thaw_status read_runs(size_t count, const char *const *names, thaw_comparison **comparison) {
  const thaw_listed_run *files;
  size_t file_count;
  thaw_status status = list(count, names, &files, &file_count);
  return status ? status : thaw_comparison_read(ctx, files, file_count, comparison);
}

static void expect_table(const thaw_comparison *comparison, bool grouped,
                         thaw_comparison_order order, thaw_table_format format, const char *text) {
  const thaw_comparison_row *rows;
  size_t count;
  thaw_table *table;
  const bool people = format == THAW_TABLE_TEXT;
  thaw_buffer_clear(&written);
  ck_assert_int_eq(thaw_comparison_rows(ctx, comparison, grouped, order, &rows, &count), THAW_OK);
  ck_assert_int_eq(thaw_comparison_table(ctx, comparison, rows, count, grouped, people, &table),
                   THAW_OK);
  ck_assert_int_eq(thaw_table_write(ctx, table, format, 0, &written), THAW_OK);
  thaw_table_free(table);
  ck_assert_str_eq(written.data, text);
}

/* The table of the named runs as people see it. */
static void expect_text(size_t count, const char *const *names, bool grouped, const char *text) {
  thaw_comparison *comparison;
  ck_assert_msg(read_runs(count, names, &comparison) == THAW_OK, "%s", thaw_error(ctx));
  expect_table(comparison, grouped, THAW_ORDER_GIVEN, THAW_TABLE_TEXT, text);
  thaw_comparison_free(comparison);
}

static void expect_failure(size_t count, const char *const *names, const char *message) {
  thaw_comparison *comparison = NULL;
  ck_assert_int_eq(read_runs(count, names, &comparison), THAW_INVALID);
  ck_assert_ptr_null(comparison);
  ck_assert_msg(strstr(thaw_error(ctx), message), "'%s' is not in: %s", message, thaw_error(ctx));
}

/* One run with 100 documents, half of them right. */
static void write_half(const char *name, uint64_t seed, const char *config) {
  free(write_run(
      folder, name,
      (run_sketch){.config = config, .seed = seed, .seconds = 1, .documents = 100, .correct = 50}));
}

#define HALF "0.500 [0.404, 0.596]     0.500      1.0\n"

/* ---- Finding runs ---------------------------------------------------------------------------- */

START_TEST(folders_stand_for_what_is_below) {
  const char *const names[] = {"b.h5", "a/2.h5", "a/1.h5", "a/.hidden.h5", ".h/1.h5", "a/x.txt"};
  for (size_t i = 0; i < 6; i++) write_half(names[i], 1, "seed: 1\n");
  const thaw_listed_run *files;
  size_t count;
  ck_assert_int_eq(list(1, (const char *[]){""}, &files, &count), THAW_OK);
  ck_assert_uint_eq(count, 3);
  const char *const expected[] = {"a/1.h5", "a/2.h5", "b.h5"};
  for (size_t i = 0; i < 3; i++) {
    ck_assert(files[i].found);
    ck_assert_str_eq(files[i].path + strlen(folder) + 1, expected[i]);
  }
}
END_TEST

START_TEST(files_keep_their_order_and_come_once) {
  write_half("b.h5", 1, "seed: 1\n");
  write_half("a/1.run", 1, "seed: 1\n");
  char *link = thaw_path_join(folder, "a/link.h5");
  ck_assert_int_eq(symlink("../b.h5", link), 0);
  free(link);
  const char *const names[] = {"b.h5", "a/1.run", "a", "a/../b.h5"};
  const thaw_listed_run *files;
  size_t count;
  ck_assert_int_eq(list(4, names, &files, &count), THAW_OK);
  ck_assert_uint_eq(count, 2);
  ck_assert(!files[0].found && !files[1].found);
  ck_assert_str_eq(files[0].path + strlen(folder) + 1, "b.h5");
  ck_assert_str_eq(files[1].path + strlen(folder) + 1, "a/1.run");
}
END_TEST

/* A link to a folder above must not keep the walk going. */
START_TEST(circles_end) {
  write_half("a/1.h5", 1, "seed: 1\n");
  char *link = thaw_path_join(folder, "a/up");
  ck_assert_int_eq(symlink("..", link), 0);
  free(link);
  const thaw_listed_run *files;
  size_t count;
  ck_assert_int_eq(list(1, (const char *[]){""}, &files, &count), THAW_OK);
  ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(nothing_to_list) {
  expect_failure(1, (const char *[]){""}, "no run file (*.h5) was found in");
  expect_failure(1, (const char *[]){"missing"}, "missing: cannot be read: No such file");
  expect_failure(1, (const char *[]){"missing.h5"}, "missing.h5: cannot be read");
  char *link = thaw_path_join(folder, "dangling.h5");
  ck_assert_int_eq(symlink("nowhere", link), 0);
  free(link);
  expect_failure(1, (const char *[]){"dangling.h5"}, "is neither a file nor a folder");
}
END_TEST

/* ---- Reading runs ---------------------------------------------------------------------------- */

START_TEST(a_folder_may_hold_what_cannot_be_compared) {
  write_half("good.h5", 1, "seed: 1\n");
  free(write_run(folder, "lm.h5", (run_sketch){.config = "seed: 1\n"}));
  free(write_run(folder, "part.h5",
                 (run_sketch){.config = "seed: 1\n", .documents = 4, .unfinished = true}));
  expect_text(1, (const char *[]){""}, false,
              "run   seed  documents  accuracy              macro F1  seconds\n"
              "good     1        100  " HALF);
  ck_assert_ptr_nonnull(strstr(log_lines.data, "lm.h5 is left out: it has no predictions"));
  ck_assert_ptr_nonnull(strstr(log_lines.data, "part.h5 is left out: it is not finished"));
  ck_assert_ptr_null(strstr(log_lines.data, "warning"));
  expect_failure(1, (const char *[]){"lm.h5"},
                 "lm.h5 has no predictions; compare needs runs with a classify stage");
  expect_failure(2, (const char *[]){"good.h5", "part.h5"}, "part.h5 is not finished");
}
END_TEST

START_TEST(a_folder_without_finished_runs) {
  free(write_run(folder, "lm.h5", (run_sketch){.config = "seed: 1\n"}));
  expect_failure(1, (const char *[]){""}, "there is no finished run with predictions");
}
END_TEST

START_TEST(files_that_are_no_runs) {
  write_half("good.h5", 1, "seed: 1\n");
  char *path = thaw_path_join(folder, "text.h5");
  FILE *file = fopen(path, "w");
  ck_assert(file && fputs("no run\n", file) >= 0 && fclose(file) == 0);
  free(path);
  expect_failure(1, (const char *[]){""}, "text.h5");
  free(write_run(folder, "bare.h5", (run_sketch){.documents = 4}));
  expect_failure(1, (const char *[]){"bare.h5"}, "bare.h5 has no config/resolved");
  write_half("broken.h5", 1, "seed: [1\n");
  expect_failure(1, (const char *[]){"broken.h5"}, "broken.h5");
}
END_TEST

START_TEST(an_interrupt_ends_the_reading) {
  write_half("good.h5", 1, "seed: 1\n");
  atomic_bool stop = true;
  thaw_context_watch(ctx, &stop);
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){"good.h5"}, &comparison), THAW_INTERRUPTED);
  ck_assert_str_eq(thaw_error(ctx), "0 of 1 run files were read");
}
END_TEST

START_TEST(names_are_as_short_as_they_can_be) {
  write_half("a/x.h5", 1, "seed: 1\n");
  write_half("b/x.h5", 2, "seed: 2\n");
  write_half("b/y.z.h5", 3, "seed: 3\n");
  expect_text(1, (const char *[]){""}, false,
              "run  seed  documents  accuracy              macro F1  seconds\n"
              "a/x     1        100  " HALF "b/x     2        100  " HALF
              "y.z     3        100  " HALF);
}
END_TEST

/* ---- Differences ----------------------------------------------------------------------------- */

START_TEST(settings_that_differ_are_columns) {
  write_half("1.h5", 1,
             "name: one\ndescription: first\nseed: 1\nhead: {plugin: last, dropout: 0.1}\n"
             "stages: {classify: {transfer: all, epochs: 4, seed: 1}}\n");
  write_half("2.h5", 1,
             "name: two\ndescription: second\nseed: 1\nhead: {plugin: pool, parts: [max, mean], "
             "dropout: 0.1}\nstages: {classify: {transfer: none, epochs: 4, seed: 1}}\n");
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  ck_assert_uint_eq(comparison->difference_count, 3);
  const thaw_difference *d = comparison->differences;
  ck_assert_str_eq(d[0].key, "head.plugin");
  ck_assert_str_eq(d[0].heading, "head.plugin"); /* "plugin" alone would say nothing */
  ck_assert_str_eq(d[0].values[1], "pool");
  ck_assert_str_eq(d[1].key, "head.parts");
  ck_assert_str_eq(d[1].heading, "parts");
  ck_assert_ptr_null(d[1].values[0]);
  ck_assert_str_eq(d[2].key, "stages.classify.transfer");
  ck_assert_str_eq(d[2].heading, "transfer");
  ck_assert_str_eq(d[2].values[0], "all");
  ck_assert_str_eq(d[2].values[1], "none");
  thaw_comparison_free(comparison);
}
END_TEST

START_TEST(a_missing_value_is_a_dash) {
  write_half("1.h5", 1, "seed: 1\nhead: {a: 5}\n");
  write_half("2.h5", 1, "seed: 1\nhead: {b: x}\n");
  expect_text(1, (const char *[]){""}, false,
              "run  b  a  seed  documents  accuracy              macro F1  seconds\n"
              "1    –  5     1        100  " HALF "2    x  –     1        100  " HALF);
}
END_TEST

START_TEST(headings_grow_until_they_are_unambiguous) {
  write_half("1.h5", 1,
             "seed: 1\ndata: {t: {test: a.csv}}\n"
             "stages: {finetune: {epochs: 1, schedule: [{plugin: s, cut: 1}]},"
             " classify: {epochs: 1}}\n");
  write_half("2.h5", 1,
             "seed: 1\ndata: {t: {test: b.csv}}\n"
             "stages: {finetune: {epochs: 2, schedule: [{plugin: t, cut: 2}]},"
             " classify: {epochs: 3}}\n");
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  const char *const expected[] = {"t.test", /* "test" is a column of its own */
                                  "finetune.epochs", "schedule.0.plugin", "cut", "classify.epochs"};
  ck_assert_uint_eq(comparison->difference_count, 5);
  for (size_t i = 0; i < 5; i++) {
    ck_assert_str_eq(comparison->differences[i].heading, expected[i]);
  }
  thaw_comparison_free(comparison);
}
END_TEST

/* What a stage takes over from the experiment is said once, what it has of its own is said. */
START_TEST(repeated_settings_are_no_columns) {
  write_half("1.h5", 1,
             "seed: 1\nencoder: {dropout: 0.1}\n"
             "stages: {pretrain: {seed: 9, encoder: {dropout: 0.1}}, classify: {seed: 1}}\n");
  write_half("2.h5", 2,
             "seed: 2\nencoder: {dropout: 0.2}\n"
             "stages: {pretrain: {seed: 8, encoder: {dropout: 0.2}}, classify: {seed: 2}}\n");
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  ck_assert_uint_eq(comparison->difference_count, 2);
  ck_assert_str_eq(comparison->differences[0].heading, "dropout");
  ck_assert_str_eq(comparison->differences[1].heading, "pretrain.seed");
  ck_assert(!comparison->differences[0].is_seed && comparison->differences[1].is_seed);
  thaw_comparison_free(comparison);
}
END_TEST

/* A stage that is left out would otherwise be a dozen columns. */
START_TEST(a_missing_section_is_one_column) {
  write_half("1.h5", 1, "seed: 1\nstages: {classify: {seed: 1, schedule: [{plugin: one}]}}\n");
  write_half("2.h5", 2,
             "seed: 2\nstages: {pretrain: {seed: 2, epochs: 3, optimizer: {lr: 1}},"
             " classify: {seed: 2, schedule: [{plugin: one}]}}\n");
  write_half("3.h5", 3,
             "seed: 3\nstages: {pretrain: {seed: 3, epochs: 3, optimizer: {lr: 1}},"
             " classify: {seed: 3, schedule: [{plugin: one}, {plugin: stlr, cut: 1}]}}\n");
  expect_text(
      1, (const char *[]){""}, false,
      "run  pretrain  schedule.1  seed  documents  accuracy              macro F1  seconds\n"
      "1    –         –              1        100  " HALF
      "2    yes       –              2        100  " HALF
      "3    yes       stlr           3        100  " HALF);
}
END_TEST

START_TEST(a_missing_section_is_told_by_a_value_in_it) {
  write_half("1.h5", 1, "seed: 1\n");
  write_half("2.h5", 1, "seed: 1\nstages: {pretrain: {epochs: 3, batch: 8}}\n");
  write_half("3.h5", 1, "seed: 1\nstages: {pretrain: {epochs: 4, batch: 8}}\n");
  expect_text(1, (const char *[]){""}, false,
              "run  epochs  seed  documents  accuracy              macro F1  seconds\n"
              "1    –          1        100  " HALF "2    3          1        100  " HALF
              "3    4          1        100  " HALF);
}
END_TEST

/* ---- Tables ---------------------------------------------------------------------------------- */

START_TEST(a_row_a_run) {
  write_sweep(folder);
  expect_text(2, (const char *[]){"sweep/mean-2.h5", "sweep"}, false,
              "run     head.plugin  seed  documents  accuracy              macro F1  seconds\n"
              "mean-2  mean            2        100  0.760 [0.668, 0.833]     0.760     20.0\n"
              "last-1  last            1        100  0.600 [0.502, 0.691]     0.600     10.0\n"
              "last-2  last            2        100  0.640 [0.542, 0.727]     0.640     20.0\n"
              "last-3  last            3        100  0.620 [0.522, 0.709]     0.620     30.0\n"
              "mean-1  mean            1        100  0.700 [0.604, 0.781]     0.700     10.0\n"
              "mean-3  mean            3        100  0.720 [0.625, 0.799]     0.720     30.0\n");
}
END_TEST

START_TEST(a_row_a_group) {
  write_sweep(folder);
  expect_text(1, (const char *[]){"sweep"}, true,
              "head.plugin  seeds  documents  accuracy                 sd  macro F1  seconds\n"
              "last             3        100  0.620 [0.570, 0.670]  0.020     0.620     20.0\n"
              "mean             3        100  0.727 [0.651, 0.803]  0.031     0.727     20.0\n");
}
END_TEST

/* Two seeds say nearly nothing, but no accuracy is below 0 or above 1. */
START_TEST(intervals_of_groups_stay_within_bounds) {
  for (unsigned i = 0; i < 2; i++) {
    free(write_run(
        folder, i ? "1.h5" : "2.h5",
        (run_sketch){.config = "seed: 1\n", .seed = i, .documents = 10, .correct = i ? 2 : 8}));
  }
  expect_text(1, (const char *[]){""}, true,
              "seeds  documents  accuracy                 sd  macro F1  seconds\n"
              "    2         10  0.500 [0.000, 1.000]  0.424     0.500      0.0\n");
}
END_TEST

START_TEST(programs_get_numbers) {
  write_sweep(folder);
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){"sweep/mean-2.h5"}, &comparison), THAW_OK);
  /* Wilson's interval of 76 in 100, from SciPy; see test_statistics.c. */
  expect_table(comparison, false, THAW_ORDER_GIVEN, THAW_TABLE_CSV,
               "run,seed,documents,accuracy,accuracy_low,accuracy_high,macro_f1,seconds\n"
               "mean-2,2,100,0.76,0.6676766365018553,0.8330867444305122,0.76,20\n");
  expect_table(comparison, true, THAW_ORDER_GIVEN, THAW_TABLE_CSV,
               "seeds,documents,accuracy,accuracy_low,accuracy_high,sd,macro_f1,macro_f1_low,"
               "macro_f1_high,seconds\n"
               "1,100,0.76,,,,0.76,,,20\n");
  thaw_comparison_free(comparison);
}
END_TEST

START_TEST(rows_in_other_orders) {
  const size_t correct[] = {50, 70, 60, 70};
  for (size_t i = 0; i < 4; i++) {
    char name[] = "0.h5", config[] = "seed: 1\nx: 0\n";
    name[0] = config[11] = (char)('0' + i);
    free(write_run(folder, name,
                   (run_sketch){.config = config,
                                .seed = 1,
                                .seconds = (double)(9 - i),
                                .documents = 100,
                                .correct = correct[i]}));
  }
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  const char *const expected[] = {"0123", "1320", "1320", "3210"};
  for (int order = THAW_ORDER_GIVEN; order <= THAW_ORDER_SECONDS; order++) {
    const thaw_comparison_row *rows;
    size_t count;
    ck_assert_int_eq(thaw_comparison_rows(ctx, comparison, order % 2, (thaw_comparison_order)order,
                                          &rows, &count),
                     THAW_OK);
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < 4; i++) {
      ck_assert_uint_eq(rows[i].run, (size_t)(expected[order][i] - '0'));
    }
  }
  ck_assert_ptr_null(thaw_comparison_orders[THAW_ORDER_SECONDS + 1]);
  thaw_comparison_free(comparison);
}
END_TEST

START_TEST(the_same_run_twice_is_no_second_seed) {
  write_half("1.h5", 1, "seed: 1\n");
  write_half("2.h5", 2, "seed: 2\n");
  write_half("copy.h5", 1, "seed: 1\n");
  expect_text(1, (const char *[]){""}, true,
              "seeds  documents  accuracy                 sd  macro F1  seconds\n"
              "    2        100  0.500 [0.500, 0.500]  0.000     0.500      1.0\n");
  ck_assert_ptr_nonnull(strstr(log_lines.data,
                               "copy.h5 is left out: it has the settings and the "
                               "seed 1 of"));
}
END_TEST

/* The seed of one stage alone makes two runs of a group. */
START_TEST(seeds_of_stages_are_seeds) {
  write_half("1.h5", 1, "seed: 1\nstages: {classify: {seed: 5}}\n");
  write_half("2.h5", 1, "seed: 1\nstages: {classify: {seed: 6}}\n");
  expect_text(1, (const char *[]){""}, true,
              "seeds  documents  accuracy                 sd  macro F1  seconds\n"
              "    2        100  0.500 [0.500, 0.500]  0.000     0.500      1.0\n");
}
END_TEST

START_TEST(large_seeds_are_written_whole) {
  write_half("1.h5", UINT64_MAX, "seed: 1\n");
  expect_text(1, (const char *[]){""}, false,
              "run  seed                  documents  accuracy              macro F1  seconds\n"
              "1    18446744073709551615        100  " HALF);
}
END_TEST

/* ---- Tests that differ ----------------------------------------------------------------------- */

START_TEST(other_documents_are_told_apart) {
  write_half("1.h5", 1, "seed: 1\n");
  free(write_run(folder, "2.h5",
                 (run_sketch){.config = "seed: 2\n", .seed = 2, .documents = 10, .correct = 5}));
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  ck_assert(comparison->tests_differ && !comparison->splits_named);
  ck_assert_ptr_nonnull(strstr(log_lines.data, "warning: "));
  ck_assert_ptr_nonnull(strstr(log_lines.data, "were not tested on the same documents"));
  const thaw_comparison_row *rows;
  size_t count;
  ck_assert_int_eq(thaw_comparison_rows(ctx, comparison, true, THAW_ORDER_GIVEN, &rows, &count),
                   THAW_OK);
  ck_assert_uint_eq(count, 2); /* one mean of both would mean nothing */
  char text[512];
  snprintf(text, sizeof text,
           "run  seed  test          documents  accuracy              macro F1  seconds\n"
           "1       1  100 %.8s        100  0.500 [0.404, 0.596]     0.500      1.0\n"
           "2       2  10 %.8s          10  0.500 [0.237, 0.763]     0.495      0.0\n",
           comparison->runs[0].gold, comparison->runs[1].gold);
  expect_table(comparison, false, THAW_ORDER_GIVEN, THAW_TABLE_TEXT, text);
  thaw_comparison_free(comparison);
}
END_TEST

/* The same classes under other numbers are the same. */
START_TEST(the_numbers_of_classes_do_not_matter) {
  write_half("1.h5", 1, "seed: 1\n");
  free(write_run(folder, "2.h5",
                 (run_sketch){.config = "seed: 2\n",
                              .seed = 2,
                              .seconds = 1,
                              .documents = 100,
                              .correct = 50,
                              .unused_class = true}));
  thaw_comparison *comparison;
  ck_assert_int_eq(read_runs(1, (const char *[]){""}, &comparison), THAW_OK);
  ck_assert(!comparison->tests_differ);
  ck_assert_str_eq(log_lines.data, "");
  thaw_comparison_free(comparison);
}
END_TEST

START_TEST(a_split_other_than_test_is_named) {
  free(write_run(folder, "1.h5",
                 (run_sketch){.config = "seed: 1\n",
                              .seed = 1,
                              .seconds = 1,
                              .split = "valid",
                              .documents = 100,
                              .correct = 50}));
  expect_text(1, (const char *[]){""}, false,
              "run  seed  split  documents  accuracy              macro F1  seconds\n"
              "1       1  valid        100  " HALF);
}
END_TEST

static Suite *make_suite(void) {
  Suite *suite = suite_create("comparison");
  TCase *tests = tcase_create("comparison");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, folders_stand_for_what_is_below);
  tcase_add_test(tests, files_keep_their_order_and_come_once);
  tcase_add_test(tests, circles_end);
  tcase_add_test(tests, nothing_to_list);
  tcase_add_test(tests, a_folder_may_hold_what_cannot_be_compared);
  tcase_add_test(tests, a_folder_without_finished_runs);
  tcase_add_test(tests, files_that_are_no_runs);
  tcase_add_test(tests, an_interrupt_ends_the_reading);
  tcase_add_test(tests, names_are_as_short_as_they_can_be);
  tcase_add_test(tests, settings_that_differ_are_columns);
  tcase_add_test(tests, a_missing_value_is_a_dash);
  tcase_add_test(tests, headings_grow_until_they_are_unambiguous);
  tcase_add_test(tests, repeated_settings_are_no_columns);
  tcase_add_test(tests, a_missing_section_is_one_column);
  tcase_add_test(tests, a_missing_section_is_told_by_a_value_in_it);
  tcase_add_test(tests, a_row_a_run);
  tcase_add_test(tests, a_row_a_group);
  tcase_add_test(tests, intervals_of_groups_stay_within_bounds);
  tcase_add_test(tests, programs_get_numbers);
  tcase_add_test(tests, rows_in_other_orders);
  tcase_add_test(tests, the_same_run_twice_is_no_second_seed);
  tcase_add_test(tests, seeds_of_stages_are_seeds);
  tcase_add_test(tests, large_seeds_are_written_whole);
  tcase_add_test(tests, other_documents_are_told_apart);
  tcase_add_test(tests, the_numbers_of_classes_do_not_matter);
  tcase_add_test(tests, a_split_other_than_test_is_named);
  suite_add_tcase(suite, tests);
  return suite;
}

/* With a folder as argument: only writes runs into it, for the tests of the command line. */
int main(int argc, char **argv) {
  if (argc == 2) {
    write_sweep(argv[1]);
    return EXIT_SUCCESS;
  }
  SRunner *runner = srunner_create(make_suite());
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
