/* cmd_compare.c: `thaw compare`: finished runs in one table, with what they differ in, and whether
 * they differ from a baseline. */
#include <math.h>
#include <string.h>

#include "analysis/comparison_view.h"
#include "cli/output.h"

typedef struct compare_settings {
  int format, metric;
  const char *keys, *order, *baseline;
  thaw_words where;
  double margin; /* 0: the metric's own */
} compare_settings;

static const thaw_option options[] = {
    {.name = "group-by",
     .letter = 'g',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(compare_settings, keys),
     .value_name = "KEYS",
     .doc = "one row for runs that agree in these settings, averaged over the rest; or 'run': one "
            "row a run (default: everything but seeds)"},
    {.name = "where",
     .letter = 'w',
     .type = THAW_OPTION_TEXTS,
     .offset = offsetof(compare_settings, where),
     .value_name = "CONDITION",
     .doc = "only runs with KEY=VALUE, or !=, <, <=, >, >=, ~ (contains); all "
            "must hold"},
    {.name = "metric",
     .letter = 'm',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(compare_settings, metric),
     .value_name = "METRIC",
     .default_value = "accuracy",
     .doc = "what is compared",
     .choices = thaw_metrics},
    {.name = "baseline",
     .letter = 'b',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(compare_settings, baseline),
     .value_name = "ROW",
     .doc = "what the other rows are tested against: KEY=VALUE[,…], the number of a row, a run "
            "file, or 'none' (default: the best row)"},
    {.name = "margin",
     .type = THAW_OPTION_NUMBER,
     .offset = offsetof(compare_settings, margin),
     .value_name = "DIFFERENCE",
     .maximum = 1000000,
     .doc = "smaller differences are of no interest (default: 0.01, a point, of accuracy and macro "
            "F1)"},
    {.name = "sort",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(compare_settings, order),
     .value_name = "ORDER",
     .default_value = "best",
     .doc = "best, given, accuracy, macro_f1, seconds, or a setting"},
    THAW_FORMAT_OPTION(compare_settings),
    {0}};

/* Rows that are runs are tested where a baseline is named; others always. */
static bool is_tested(const compare_settings *settings, const thaw_comparison_view *view) {
  if (settings->baseline && strcmp(settings->baseline, "none") == 0) return false;
  return settings->baseline || (view->count > 1 && !view->grouping->runs);
}

static thaw_status test_rows(const thaw_call *call, const thaw_comparison *comparison,
                             thaw_comparison_view *view, thaw_pairing *pairing) {
  const compare_settings *settings = call->settings;
  const double margin = thaw_metric_about(comparison->metric)->margin;
  *pairing = (thaw_pairing){.runs_alone = view->grouping->runs,
                            .averaged = view->grouping->averaged,
                            .margin = settings->margin > 0 ? settings->margin : margin};
  thaw_status status = thaw_baseline_choose(call->ctx, comparison, view->rows, view->count,
                                            settings->baseline, &pairing->baseline);
  if (status != THAW_OK) return status;
  view->pairing = pairing;
  view->baseline_named = settings->baseline != NULL;
  return thaw_paired_test(call->ctx, comparison, view->rows, view->count, pairing, &view->pairs);
}

/* What the table means, where people read it. */
static thaw_status print_notes(const thaw_call *call, const thaw_comparison *comparison,
                               const thaw_comparison_view *view) {
  const compare_settings *settings = call->settings;
  const char *const before[] = {
      [THAW_TABLE_TEXT] = "", [THAW_TABLE_MARKDOWN] = "- ", [THAW_TABLE_LATEX] = "% "};
  thaw_buffer notes = {0};
  thaw_status status =
      thaw_comparison_view_notes(call->ctx, comparison, view, before[settings->format], &notes);
  if (status == THAW_OK && notes.size) {
    fprintf(call->out, "%s%s", notes.data, settings->format == THAW_TABLE_LATEX ? "" : "\n");
  }
  thaw_buffer_free(&notes);
  return status;
}

static thaw_status print_view(const thaw_call *call, const thaw_comparison *comparison,
                              const thaw_comparison_view *view) {
  const compare_settings *settings = call->settings;
  thaw_table *table = NULL;
  thaw_status status = view->together ? print_notes(call, comparison, view) : THAW_OK;
  if (status == THAW_OK) status = thaw_comparison_view_table(call->ctx, comparison, view, &table);
  if (status == THAW_OK) status = thaw_print_table(call, table, settings->format);
  thaw_table_free(table);
  return status;
}

static thaw_status print_comparison(const thaw_call *call, const thaw_comparison *comparison) {
  const compare_settings *settings = call->settings;
  thaw_grouping grouping;
  thaw_pairing pairing;
  thaw_comparison_row *rows;
  thaw_comparison_view view = {
      .grouping = &grouping,
      .together = thaw_table_for_people((thaw_table_format)settings->format)};
  thaw_status status = thaw_grouping_choose(call->ctx, comparison, settings->keys, &grouping);
  if (status == THAW_OK) {
    status = thaw_grouping_rows(call->ctx, comparison, &grouping, &rows, &view.count);
  }
  if (status == THAW_OK) {
    status = thaw_rows_order(call->ctx, comparison, &grouping, settings->order, rows, view.count);
    view.rows = rows;
  }
  if (status == THAW_OK && is_tested(settings, &view)) {
    status = test_rows(call, comparison, &view, &pairing);
  }
  return status ? status : print_view(call, comparison, &view);
}

static thaw_status run_compare(const thaw_call *call) {
  const compare_settings *settings = call->settings;
  const thaw_comparison_options chosen = {.metric = (thaw_metric)settings->metric,
                                          .where_count = settings->where.count,
                                          .where = settings->where.words};
  const thaw_listed_run *files;
  size_t count;
  thaw_comparison *comparison;
  thaw_status status = thaw_runs_list(call->ctx, call->arena, call->operands.count,
                                      call->operands.words, &files, &count);
  if (status != THAW_OK) return status;
  status = thaw_comparison_read_some(call->ctx, files, count, &chosen, &comparison);
  if (status != THAW_OK) return status;
  status = print_comparison(call, comparison);
  thaw_comparison_free(comparison);
  return status;
}

const thaw_command thaw_command_compare = {
    .name = "compare",
    .operands = "RUNS…",
    .summary =
        "Print finished runs in one table: in what they differ, how well they did, and "
        "whether they differ from a baseline.",
    .description =
        "RUNS are run files and folders; a folder stands for all *.h5 below it. Runs that differ "
        "in "
        "nothing but seeds share a row, wherever they lie; every setting in which rows differ is a "
        "column. The metric is that of the test documents, or of the validation documents where "
        "there are no others; perplexity is that of language models on their validation text. A "
        "row has its mean over seeds with Student's 95 % interval, and the standard deviation; one "
        "run's accuracy has Wilson's interval, which speaks of other test documents.\n"
        "Every row is tested against the baseline. A difference counts if it would be there with "
        "other seeds and on other documents: the test takes both for samples, crossed with each "
        "other (Dorfman, Berbaum and Metz 1992; degrees of freedom by Hillis 2007), pairs five or "
        "more seeds that both rows have, and is corrected for the number of rows (Holm 1979). The "
        "verdict is "
        "'differs' (p <= 0.05), 'does not differ' (by less than the margin: two one-sided tests, "
        "Schuirmann 1987), or how many seeds or documents would be needed to tell, for a power of "
        "80 %. Rows that were not tested on the same documents are not compared. The best row is "
        "the baseline by chance as well: where that matters, name another before looking.\n"
        "For programs (csv, json) there are also p-values over documents alone (McNemar's exact "
        "test of one run against one, else sign flips), over seeds alone (all sign flips or "
        "exchanges), and the bootstrap interval over documents (Efron 1979). Differences of "
        "accuracy and macro F1 are in points for people, in full for programs.\n"
        "With --group-by run every row is one run, and tests, over documents alone, are made where "
        "a baseline is named.",
    .options = options,
    .settings_size = sizeof(compare_settings),
    .fewest = 1,
    .most = SIZE_MAX,
    .run = run_compare,
};
