/* What a command line asks of a comparison: which runs, which rows, their order, the baseline, and
 * what is printed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison_view.h"
#include "base/context.h"
#include "folder.h"
#include "runs.h"

enum { DOCUMENTS = 100 };

static thaw_context *ctx;
static char *folder;
static thaw_comparison *comparison;
static thaw_grouping grouping;
static thaw_comparison_row *rows;
static size_t count;
static thaw_buffer written;

/* Two heads × two transfers × three seeds. */
static void set_up(void) {
  static const char *const heads[] = {"last", "mean"}, *const transfers[] = {"all", "none"};
  ctx = thaw_context_create();
  folder = make_folder();
  comparison = NULL;
  for (unsigned i = 0; i < 12; i++) {
    char name[32], config[128];
    const unsigned head = i / 6, transfer = i / 3 % 2, seed = i % 3 + 1;
    snprintf(name, sizeof name, "%s-%s-%u.h5", heads[head], transfers[transfer], seed);
    snprintf(config, sizeof config,
             "name: view\nseed: %u\nencoder: {hidden: %u}\nhead: {plugin: %s}\n"
             "stages: {classify: {transfer: %s, seed: %u}}\n",
             seed, 1000, heads[head], transfers[transfer], seed);
    free(write_run(folder, name,
                   (run_sketch){.config = config,
                                .seed = seed,
                                .seconds = 10 * (i / 3) + seed,
                                .documents = DOCUMENTS,
                                .correct = 50 + 5 * head + 20 * (1 - transfer) + seed}));
  }
}

static void tear_down(void) {
  thaw_buffer_free(&written);
  thaw_comparison_free(comparison);
  remove_folder(folder);
  thaw_context_free(ctx);
}

static thaw_status read_where(size_t where_count, const char *const *where) {
  const thaw_comparison_options options = {.where_count = where_count, .where = where};
  return compare_folder(ctx, folder, &options, &comparison);
}

static void read_all(void) {
  ck_assert_msg(read_where(0, NULL) == THAW_OK, "%s", thaw_error(ctx));
}

static void make_rows(const char *keys, const char *order) {
  ck_assert_msg(thaw_grouping_choose(ctx, comparison, keys, &grouping) == THAW_OK, "%s",
                thaw_error(ctx));
  ck_assert_int_eq(thaw_grouping_rows(ctx, comparison, &grouping, &rows, &count), THAW_OK);
  ck_assert_msg(thaw_rows_order(ctx, comparison, &grouping, order, rows, count) == THAW_OK, "%s",
                thaw_error(ctx));
}

static void expect_failure(thaw_status status, const char *message) {
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_msg(strstr(thaw_error(ctx), message), "'%s' is not in: %s", message, thaw_error(ctx));
}

/* ---- Which runs ------------------------------------------------------------------------------ */

START_TEST(some_runs) {
  ck_assert_int_eq(read_where(2, (const char *[]){"transfer=all", "seed!=2"}), THAW_OK);
  ck_assert_uint_eq(comparison->run_count, 4);
  ck_assert_uint_eq(comparison->difference_count, 1); /* only the heads are left */
  ck_assert_str_eq(comparison->differences[0].values[0], "last");
  ck_assert_str_eq(comparison->differences[0].values[3], "mean");
  ck_assert_str_eq(comparison->runs[3].name, "mean-all-3");
}
END_TEST

START_TEST(results_choose_runs) {
  ck_assert_int_eq(read_where(1, (const char *[]){"accuracy>0.75"}), THAW_OK);
  ck_assert_uint_eq(comparison->run_count, 3);
  thaw_comparison_free(comparison);
  ck_assert_int_eq(read_where(2, (const char *[]){"path~none-1.h5", "seconds<20"}), THAW_OK);
  ck_assert_uint_eq(comparison->run_count, 1);
  thaw_comparison_free(comparison);
  ck_assert_int_eq(read_where(2, (const char *[]){"documents=100", "split=test"}), THAW_OK);
  ck_assert_uint_eq(comparison->run_count, 12);
}
END_TEST

START_TEST(no_runs) {
  expect_failure(read_where(1, (const char *[]){"transfer=some"}),
                 "none of 12 runs fulfils 'transfer=some'");
  expect_failure(read_where(2, (const char *[]){"transfer=all", "seed>3"}),
                 "fulfils 'transfer=all' and the other conditions");
  expect_failure(read_where(1, (const char *[]){"tranfer=all"}),
                 "no run has a key 'tranfer'; did you mean 'transfer'?");
  expect_failure(read_where(1, (const char *[]){"transfer"}), "'transfer' is no condition");
  expect_failure(read_where(1, (const char *[]){"loss>1"}), "fulfils 'loss>1'");
}
END_TEST

/* ---- Rows ------------------------------------------------------------------------------------ */

static void expect_row(size_t row, const char *first, const char *second, size_t seeds) {
  ck_assert_str_eq(grouping.keys[0].values[rows[row].run], first);
  if (second) ck_assert_str_eq(grouping.keys[1].values[rows[row].run], second);
  ck_assert_uint_eq(rows[row].seeds, seeds);
}

START_TEST(everything_but_seeds) {
  read_all();
  make_rows(NULL, "best");
  ck_assert_uint_eq(count, 4);
  ck_assert(!grouping.averaged && !grouping.runs);
  expect_row(0, "mean", "all", 3);
  expect_row(1, "last", "all", 3);
  expect_row(2, "mean", "none", 3);
  expect_row(3, "last", "none", 3);
  ck_assert_double_eq_tol(rows[0].metric.value, 0.77, 1e-12);
  ck_assert_double_eq_tol(rows[0].deviation, 0.01, 1e-12);
}
END_TEST

START_TEST(some_keys) {
  static const char *const names[] = {"transfer", "stages.classify.transfer", "classify.transfer"};
  read_all();
  for (size_t i = 0; i < 3; i++) {
    make_rows(names[i], "given");
    ck_assert_uint_eq(count, 2);
    ck_assert(grouping.averaged);
    expect_row(0, "all", NULL, 6);
    expect_row(1, "none", NULL, 6);
  }
  make_rows("transfer, head.plugin", "given");
  expect_row(0, "all", "last", 3);
  make_rows("seed", "given");
  expect_row(2, "3", NULL, 4);
  make_rows("hidden", "given"); /* all have the same */
  expect_row(0, "1000", NULL, 12);
  make_rows("run", "given");
  ck_assert_uint_eq(count, 12);
  ck_assert(grouping.runs);
}
END_TEST

START_TEST(wrong_keys) {
  read_all();
  expect_failure(thaw_grouping_choose(ctx, comparison, "tranfer", &grouping),
                 "--group-by: no run has a key 'tranfer'; did you mean 'transfer'?");
  expect_failure(thaw_grouping_choose(ctx, comparison, "transfer,", &grouping),
                 "--group-by: 'transfer,' names no setting");
  expect_failure(thaw_grouping_choose(ctx, comparison, "", &grouping), "names no setting");
}
END_TEST

START_TEST(orders) {
  read_all();
  make_rows(NULL, "given");
  expect_row(0, "last", "all", 3);
  make_rows(NULL, "seconds");
  expect_row(0, "last", "all", 3);
  make_rows(NULL, "transfer");
  expect_row(1, "mean", "all", 3);
  expect_row(2, "last", "none", 3);
  make_rows("seed", "seed");
  expect_row(0, "1", NULL, 4);
  make_rows("seed", "accuracy");
  expect_row(0, "3", NULL, 4);
  expect_failure(thaw_rows_order(ctx, comparison, &grouping, "acuracy", rows, count),
                 "--sort: there is no column 'acuracy'; did you mean 'accuracy'?");
  expect_failure(thaw_rows_order(ctx, comparison, &grouping, "perplexity", rows, count),
                 "--sort: there is no column 'perplexity'; expected best, given");
}
END_TEST

/* ---- Baseline -------------------------------------------------------------------------------- */

static size_t baseline(const char *text) {
  size_t row;
  ck_assert_msg(thaw_baseline_choose(ctx, comparison, rows, count, text, &row) == THAW_OK, "%s",
                thaw_error(ctx));
  return row;
}

START_TEST(baselines) {
  read_all();
  make_rows(NULL, "given");
  ck_assert_uint_eq(baseline(NULL), 2);
  ck_assert_uint_eq(baseline("4"), 3);
  ck_assert_uint_eq(baseline("head.plugin=last,transfer=none"), 1);
  ck_assert_uint_eq(baseline("accuracy<=0.53"), 1); /* of all runs in the row */
  ck_assert_uint_eq(baseline("mean-none-2"), 3);
  ck_assert_uint_eq(baseline(comparison->runs[3].path), 1);
}
END_TEST

START_TEST(wrong_baselines) {
  size_t row;
  read_all();
  make_rows(NULL, "given");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "5", &row),
                 "--baseline: there is no row 5, only 1 to 4");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "0", &row), "no row 0");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "transfer=all", &row),
                 "'transfer=all' holds for 2 rows: say more");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "seed=1", &row),
                 "'seed=1' holds for no row");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "trnsfer=all", &row),
                 "--baseline: no run has a key 'trnsfer'; did you mean 'transfer'?");
  expect_failure(thaw_baseline_choose(ctx, comparison, rows, count, "missing.h5", &row),
                 "'missing.h5' is none of the runs; expected one of them, the number of a row");
}
END_TEST

/* ---- What is printed ------------------------------------------------------------------------- */

static void print(const char *keys, const char *against, thaw_table_format format) {
  make_rows(keys, "best");
  thaw_pairing pairing = {.margin = 0.01, .runs_alone = grouping.runs};
  thaw_comparison_view view = {.grouping = &grouping,
                               .rows = rows,
                               .count = count,
                               .baseline_named = against != NULL,
                               .together = thaw_table_for_people(format)};
  thaw_table *table;
  pairing.baseline = baseline(against);
  view.pairing = &pairing;
  ck_assert_int_eq(thaw_paired_test(ctx, comparison, rows, count, &pairing, &view.pairs), THAW_OK);
  thaw_buffer_clear(&written);
  if (view.together) {
    ck_assert_int_eq(thaw_comparison_view_notes(ctx, comparison, &view, "", &written), THAW_OK);
  }
  ck_assert_int_eq(thaw_comparison_view_table(ctx, comparison, &view, &table), THAW_OK);
  ck_assert_int_eq(thaw_table_write(ctx, table, format, 0, &written), THAW_OK);
  thaw_table_free(table);
}

static void prints(const char *text) {
  ck_assert_msg(strstr(written.data, text), "'%s' is not in:\n%s", text, written.data);
}

START_TEST(for_people) {
  read_all();
  print(NULL, NULL, THAW_TABLE_TEXT);
  prints("accuracy on 100 test documents: mean over seeds [Student's 95 % interval]; sd: ");
  prints(
      "difference: points, against row 1, the best (--baseline names another) [95 % interval "
      "over seeds and documents]\n");
  prints(
      "p: seeds crossed with documents (Dorfman et al. 1992; Hillis 2007), corrected for 3 "
      "tests (Holm 1979)\n");
  prints(
      "row  head.plugin  transfer  seeds  accuracy                 sd  macro F1  seconds  "
      "difference            p       verdict\n"
      "  1  mean         all           3  0.770 [0.745, 0.795]  0.010     0.770     22.0  –  ");
  prints("baseline\n");
  prints("-20.0 [-27.7, -12.3]  <0.001  differs\n");
}
END_TEST

START_TEST(for_programs) {
  read_all();
  print(NULL, "transfer=all,head.plugin=last", THAW_TABLE_CSV);
  prints(
      "row,head.plugin,transfer,seeds,documents,accuracy,accuracy_low,accuracy_high,sd,macro_f1,"
      "macro_f1_low,macro_f1_high,seconds,difference,difference_low,difference_high,p,p_holm,"
      "p_same,p_same_holm,p_documents,p_seeds,bootstrap_low,bootstrap_high,seeds_needed,"
      "documents_needed,verdict\n");
  prints("2,last,all,3,100,");
  prints(",,,,,,,,,,,,,,baseline\n");
}
END_TEST

START_TEST(averages_are_named) {
  read_all();
  print("transfer", "transfer=none", THAW_TABLE_TEXT);
  prints("rows are means over seeds and head.plugin; their runs count as independent\n");
  prints("against row 2 [95 % interval");
  prints("row  transfer  runs  accuracy");
}
END_TEST

START_TEST(runs_are_tested_over_documents) {
  read_all();
  print("run", "1", THAW_TABLE_TEXT);
  prints("p: McNemar's exact test over documents (1947), corrected for 11 tests (Holm 1979)\n");
  prints("accuracy on 100 test documents\n");
  prints("[95 % interval over documents]\n");
  prints("row  run          head.plugin  transfer  seed  accuracy ");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("comparison view");
  TCase *tests = tcase_create("comparison view");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, some_runs);
  tcase_add_test(tests, results_choose_runs);
  tcase_add_test(tests, no_runs);
  tcase_add_test(tests, everything_but_seeds);
  tcase_add_test(tests, some_keys);
  tcase_add_test(tests, wrong_keys);
  tcase_add_test(tests, orders);
  tcase_add_test(tests, baselines);
  tcase_add_test(tests, wrong_baselines);
  tcase_add_test(tests, for_people);
  tcase_add_test(tests, for_programs);
  tcase_add_test(tests, averages_are_named);
  tcase_add_test(tests, runs_are_tested_over_documents);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
