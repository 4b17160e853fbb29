/* cmd_compare.c: `thaw compare`: finished runs in one table, with what they differ in. */
#include "analysis/comparison.h"
#include "cli/output.h"

typedef struct compare_settings {
  int format, order;
  bool group;
} compare_settings;

static const thaw_option options[] = {
    {.name = "group",
     .letter = 'g',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(compare_settings, group),
     .doc = "one row for runs that differ in nothing but seeds"},
    {.name = "sort",
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(compare_settings, order),
     .value_name = "ORDER",
     .default_value = "given",
     .doc = "the order of the rows, the best or the fastest first",
     .choices = thaw_comparison_orders},
    THAW_FORMAT_OPTION(compare_settings),
    {0}};

static thaw_status print_comparison(const thaw_call *call, const thaw_comparison *comparison) {
  const compare_settings *settings = call->settings;
  const bool people =
      settings->format == THAW_TABLE_TEXT || settings->format == THAW_TABLE_MARKDOWN;
  const thaw_comparison_row *rows;
  size_t count;
  thaw_table *table = NULL;
  thaw_status status = thaw_comparison_rows(call->ctx, comparison, settings->group,
                                            (thaw_comparison_order)settings->order, &rows, &count);
  if (status == THAW_OK) {
    status =
        thaw_comparison_table(call->ctx, comparison, rows, count, settings->group, people, &table);
  }
  if (status == THAW_OK) status = thaw_print_table(call, table, settings->format);
  thaw_table_free(table);
  return status;
}

static thaw_status run_compare(const thaw_call *call) {
  const thaw_listed_run *files;
  size_t count;
  thaw_comparison *comparison;
  thaw_status status = thaw_runs_list(call->ctx, call->arena, call->operands.count,
                                      call->operands.words, &files, &count);
  if (status != THAW_OK) return status;
  status = thaw_comparison_read(call->ctx, files, count, &comparison);
  if (status != THAW_OK) return status;
  status = print_comparison(call, comparison);
  thaw_comparison_free(comparison);
  return status;
}

const thaw_command thaw_command_compare = {
    .name = "compare",
    .operands = "RUNS…",
    .summary = "Print finished runs in one table: in what they differ, and how well they did.",
    .description =
        "RUNS are run files and folders; a folder stands for all *.h5 below it. Every setting in "
        "which the runs differ is a column. Accuracy and macro F1 are those of the test documents, "
        "or of the validation documents where there are no others.\n"
        "The interval behind an accuracy is a 95 % confidence interval: for one run Wilson's, "
        "which speaks of other test documents; with --group Student's over the runs, which speaks "
        "of other seeds.",
    .options = options,
    .settings_size = sizeof(compare_settings),
    .fewest = 1,
    .most = SIZE_MAX,
    .run = run_compare,
};
