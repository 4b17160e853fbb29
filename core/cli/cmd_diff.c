/* cmd_diff.c: `thaw diff`: in what two runs differ, and why. */
#include "analysis/diff.h"
#include "cli/output.h"

typedef struct diff_settings {
  int format;
  bool exit_code;
} diff_settings;

static const thaw_option options[] = {
    {.name = "exit-code",
     .letter = 'e',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(diff_settings, exit_code),
     .doc = "end with status 1 when anything differs, and 0 otherwise"},
    THAW_FORMAT_OPTION(diff_settings),
    {0}};

/* A section without differences is one line; one with a table stands between empty lines. */
static thaw_status print_section(const thaw_call *call, const thaw_diff_section *section,
                                 bool after_table) {
  thaw_table *table = NULL;
  if (section->count > 0 || after_table) fputc('\n', call->out);
  fprintf(call->out, "%s: %s\n", section->name, section->summary);
  if (section->count == 0) return THAW_OK;
  thaw_status status = thaw_diff_section_table(call->ctx, section, &table);
  if (status == THAW_OK) status = thaw_print_table(call, table, THAW_TABLE_TEXT);
  thaw_table_free(table);
  return status;
}

static thaw_status print_sections(const thaw_call *call, const thaw_diff *diff) {
  static const char names[] = {'A', 'B'};
  thaw_status status = THAW_OK;
  bool after_table = true; /* the first stands apart too */
  for (size_t i = 0; i < 2; i++)
    fprintf(call->out, "%c  %s: %s\n", names[i], diff->paths[i], diff->states[i]);
  for (size_t i = 0; i < THAW_DIFF_SECTIONS && status == THAW_OK; i++) {
    status = print_section(call, &diff->sections[i], after_table);
    after_table = diff->sections[i].count > 0;
  }
  return status;
}

static thaw_status print_rows(const thaw_call *call, const thaw_diff *diff, int format) {
  thaw_table *table = NULL;
  thaw_status status = thaw_diff_table(call->ctx, diff, format == THAW_TABLE_MARKDOWN, &table);
  if (status == THAW_OK) status = thaw_print_table(call, table, format);
  thaw_table_free(table);
  return status;
}

static thaw_status run(const thaw_call *call) {
  const diff_settings *settings = call->settings;
  const bool people =
      settings->format == THAW_TABLE_TEXT || settings->format == THAW_TABLE_MARKDOWN;
  thaw_diff *diff = NULL;
  thaw_status status =
      thaw_diff_read(call->ctx, call->operands.words[0], call->operands.words[1], &diff);
  if (status != THAW_OK) return status;
  status = settings->format == THAW_TABLE_TEXT ? print_sections(call, diff)
                                               : print_rows(call, diff, settings->format);
  if (status == THAW_OK && people) fprintf(call->out, "\n%s\n", diff->conclusion);
  if (status == THAW_OK && settings->exit_code && diff->differs) {
    thaw_error_clear(call->ctx); /* the results say it all */
    status = THAW_FAILED;
  }
  thaw_diff_free(diff);
  return status;
}

const thaw_command thaw_command_diff = {
    .name = "diff",
    .operands = "A.h5 B.h5",
    .summary = "Show in what two runs differ, and the likely cause.",
    .description =
        "From what went in to what came out: the resolved config, the contents of the data files "
        "(by their hashes), versions and machine, the vocabulary, the weights by group, where the "
        "losses part, and the documents that are labelled otherwise. Embeddings are compared word "
        "by word. Steps and epochs are counted from 0, as in the run file.\n"
        "The last lines say which of it is the likely cause, and whether a difference is of the "
        "size of rounding. In the formats csv and json there is one row for each difference.",
    .options = options,
    .settings_size = sizeof(diff_settings),
    .fewest = 2,
    .most = 2,
    .run = run,
};
