/* cmd_list.c: `thaw list`: run files, one a row; with --check, those that are not whole. */
#include "analysis/run_check.h"
#include "analysis/run_summary.h"
#include "base/file.h"
#include "cli/output.h"

typedef struct list_settings {
  thaw_words where, tags;
  int format, order;
  bool check;
} list_settings;

static const char default_folder[] = "runs";

static const thaw_option options[] = {
    {.name = "where",
     .letter = 'w',
     .type = THAW_OPTION_TEXTS,
     .offset = offsetof(list_settings, where),
     .value_name = "CONDITION",
     .doc = "only runs for which it holds: KEY=VALUE, or !=, <, <=, >, >= or ~ (contains)"},
    {.name = "tag",
     .letter = 't',
     .type = THAW_OPTION_TEXTS,
     .offset = offsetof(list_settings, tags),
     .value_name = "NAME",
     .doc = "only runs with this tag"},
    {.name = "sort",
     .letter = 's',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(list_settings, order),
     .value_name = "ORDER",
     .default_value = "given",
     .doc = "the order of the rows, the best, newest, fastest or largest first",
     .choices = thaw_summary_orders},
    {.name = "check",
     .letter = 'c',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(list_settings, check),
     .doc = "read every file to its end and list those that are damaged, truncated, unreadable or "
            "none of thaw's"},
    THAW_FORMAT_OPTION(list_settings),
    {0}};

/* ---- Checking ------------------------------------------------------------------------------- */

static thaw_status check(const thaw_call *call, const thaw_listed_run *files, size_t count) {
  const list_settings *settings = call->settings;
  thaw_table *faults = NULL;
  if (settings->where.count || settings->tags.count)
    return thaw_fail(call->ctx, THAW_INVALID,
                     "--check looks at every file: leave out --where and --tag");
  thaw_status status = thaw_runs_check(call->ctx, call->arena, files, count, &faults);
  if (status != THAW_OK) return status;
  const size_t found = thaw_table_rows(faults);
  if (found > 0 || settings->format != THAW_TABLE_TEXT) {
    status = thaw_print_table(call, faults, settings->format);
  } else {
    fprintf(call->out, "%zu run file%s as %s written\n", count, count == 1 ? " is" : "s are",
            count == 1 ? "it was" : "they were");
  }
  thaw_table_free(faults);
  if (status == THAW_OK && found > 0)
    status =
        thaw_fail(call->ctx, THAW_FAILED, "%zu of %zu files are not whole run files", found, count);
  return status;
}

/* ---- Listing -------------------------------------------------------------------------------- */

/* Warns of every run that cannot be read; their number. */
static size_t count_faults(const thaw_call *call, const thaw_run_summary *runs, size_t count) {
  size_t faults = 0;
  for (size_t i = 0; i < count; i++) {
    if (!runs[i].fault) continue;
    thaw_log(call->ctx, THAW_LOG_WARNING, "%s: %s", runs[i].path, runs[i].fault);
    faults++;
  }
  return faults;
}

static thaw_status list(const thaw_call *call, const thaw_listed_run *files, size_t count) {
  const list_settings *settings = call->settings;
  const bool people =
      settings->format == THAW_TABLE_TEXT || settings->format == THAW_TABLE_MARKDOWN;
  const size_t all = count;
  thaw_run_summary *runs = NULL;
  thaw_table *table = NULL;
  thaw_status status = thaw_run_summaries(call->ctx, call->arena, files, count, &runs);
  const size_t faults = status == THAW_OK ? count_faults(call, runs, count) : 0;
  if (status == THAW_OK)
    status = thaw_run_summaries_keep(call->ctx, call->arena, settings->where.count,
                                     settings->where.words, settings->tags.count,
                                     settings->tags.words, runs, &count);
  if (status == THAW_OK)
    status = thaw_run_summaries_sort(call->ctx, runs, count, (thaw_summary_order)settings->order);
  if (status == THAW_OK) status = thaw_run_summaries_table(call->ctx, runs, count, people, &table);
  if (status == THAW_OK) status = thaw_print_table(call, table, settings->format);
  thaw_table_free(table);
  if (status == THAW_OK && faults > 0)
    status = thaw_fail(call->ctx, THAW_FAILED, "%zu of %zu files cannot be read", faults, all);
  return status;
}

static thaw_status run(const thaw_call *call) {
  static const char *const folders[] = {default_folder};
  const list_settings *settings = call->settings;
  const bool given = call->operands.count > 0;
  const thaw_listed_run *files;
  size_t count;
  if (!given && !thaw_path_is_folder(default_folder))
    return thaw_fail(call->ctx, THAW_INVALID,
                     "there is no folder '%s' here: name run files or folders", default_folder);
  thaw_status status = thaw_runs_list(call->ctx, call->arena, given ? call->operands.count : 1,
                                      given ? call->operands.words : folders, &files, &count);
  if (status != THAW_OK) return status;
  return settings->check ? check(call, files, count) : list(call, files, count);
}

const thaw_command thaw_command_list = {
    .name = "list",
    .operands = "[RUNS…]",
    .summary = "List run files: how far they are, what they reached, when they were made.",
    .description =
        "RUNS are run files and folders; a folder stands for all *.h5 below it. Without any they "
        "are those in runs/. The accuracy is that of the test documents, or of the validation "
        "documents where there are no others; the perplexity of a language model is that of its "
        "validation text after the last epoch. A run that is not finished shows the epoch that its "
        "checkpoint is in.\n"
        "A condition's KEY is a setting of the config, shortened to an end that no other has "
        "(epochs, head.plugin), or one of run, path, name, seed, state, stage, accuracy, "
        "perplexity, started, seconds, size (bytes) and tag (with several tags: a list with "
        "commas).\n"
        "The exit status is 1 when a file cannot be read, or with --check when one is not whole.",
    .options = options,
    .settings_size = sizeof(list_settings),
    .fewest = 0,
    .most = SIZE_MAX,
    .run = run,
};
