/* cmd_report.c: `thaw report`: finished runs as one HTML page. */
#include "analysis/report.h"
#include "cli/command.h"

typedef struct report_settings {
  const char *output, *baseline;
  thaw_words where;
  int64_t documents;
} report_settings;

static const thaw_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(report_settings, output),
     .value_name = "FILE.html",
     .default_value = "report.html",
     .doc = "the page to write; an older report is replaced, any other file is not"},
    {.name = "where",
     .letter = 'w',
     .type = THAW_OPTION_TEXTS,
     .offset = offsetof(report_settings, where),
     .value_name = "CONDITION",
     .doc = "only runs with KEY=VALUE, or !=, <, <=, >, >=, ~ (contains), as in thaw compare"},
    {.name = "baseline",
     .letter = 'b',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(report_settings, baseline),
     .value_name = "ROW",
     .doc = "what strategies are tested against, as in thaw compare (default: the best)"},
    {.name = "documents",
     .letter = 'd',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(report_settings, documents),
     .value_name = "N",
     .default_value = "20",
     .doc = "list so many of the documents on which strategies disagree most",
     .minimum = 0,
     .maximum = 10000},
    {0}};

static thaw_status run(const thaw_call *call) {
  const report_settings *settings = call->settings;
  const thaw_listed_run *files = NULL;
  size_t count = 0;
  const thaw_report_options what = {.documents = (size_t)settings->documents,
                                    .registry = call->registry,
                                    .where_count = settings->where.count,
                                    .where = settings->where.words,
                                    .baseline = settings->baseline};
  thaw_report_summary summary;
  thaw_status status = thaw_runs_list(call->ctx, call->arena, call->operands.count,
                                      call->operands.words, &files, &count);
  if (status == THAW_OK)
    status = thaw_report_write(call->ctx, files, count, &what, settings->output, &summary);
  if (status) return status;
  thaw_log(call->ctx, THAW_LOG_INFO, "%zu runs, %zu strategies: %zu KiB", summary.runs,
           summary.strategies, summary.bytes / 1024);
  fprintf(call->out, "%s\n", settings->output);
  return THAW_OK;
}

const thaw_command thaw_command_report = {
    .name = "report",
    .operands = "RUNS…",
    .summary = "Write finished runs as one HTML page: the question, the table, the curves.",
    .description =
        "RUNS are run files and folders, as in thaw compare. The page has the name and description "
        "of the experiment, the table of thaw compare, two settings together as a heat map, "
        "learning curves with bands over "
        "seeds, the rates of every group with the moments of thawing, how far training moved each "
        "group from the weights that it took over, confusion matrices, and the documents on which "
        "strategies disagree, with their texts where the data files still are what they were.\n"
        "It is one file that needs no other: it runs no script and fetches nothing, and follows "
        "the reader's choice of a light or dark screen.",
    .options = options,
    .settings_size = sizeof(report_settings),
    .fewest = 1,
    .most = SIZE_MAX,
    .run = run,
};
