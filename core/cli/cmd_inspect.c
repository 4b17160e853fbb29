/* cmd_inspect.c: `thaw inspect`: what is in a run file. */
#include "analysis/inspection.h"
#include "cli/output.h"

static const char *const formats[] = {"table", "json", NULL};
enum { FORMAT_JSON = 1 };

typedef struct inspect_settings {
  int format;
  bool config;
  int64_t documents;
} inspect_settings;

static const thaw_option options[] = {
    {.name = "config",
     .letter = 'c',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(inspect_settings, config),
     .doc = "print the whole config, with all defaults, as YAML and nothing else"},
    {.name = "documents",
     .letter = 'd',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(inspect_settings, documents),
     .value_name = "N",
     .default_value = "10",
     .doc = "list so many of the most wrong documents",
     .minimum = 0,
     .maximum = 1000000},
    {.name = "format",
     .letter = 'f',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(inspect_settings, format),
     .value_name = "FORMAT",
     .default_value = "table",
     .doc = "table: for people; json: one object with a list for each part",
     .choices = formats},
    {0}};

static thaw_status print_for_people(const thaw_call *call, const thaw_inspection *inspection) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < inspection->count && status == THAW_OK; i++) {
    const thaw_inspection_part *part = &inspection->parts[i];
    if (!part->for_people || thaw_table_rows(part->table) == 0) continue;
    if (i > 0) fputc('\n', call->out);
    if (*part->title) fprintf(call->out, "%s:\n", part->title);
    status = thaw_print_table(call, part->table, THAW_TABLE_TEXT);
  }
  return status;
}

static thaw_status print_for_programs(const thaw_call *call, const thaw_inspection *inspection) {
  thaw_status status = THAW_OK;
  const char *before = "{\n";
  for (size_t i = 0; i < inspection->count && status == THAW_OK; i++) {
    const thaw_inspection_part *part = &inspection->parts[i];
    if (!part->for_programs) continue;
    fprintf(call->out, "%s\"%s\": ", before, part->name);
    status = thaw_print_table(call, part->table, THAW_TABLE_JSON);
    before = ",\n";
  }
  fputs("}\n", call->out);
  return status;
}

static thaw_status run(const thaw_call *call) {
  const inspect_settings *settings = call->settings;
  thaw_inspection inspection;
  thaw_status status =
      thaw_inspection_read(call->ctx, call->operands.words[0], call->registry,
                           settings->config ? 0 : (size_t)settings->documents, &inspection);
  if (status) return status;
  if (settings->config) {
    fputs(inspection.resolved, call->out);
  } else {
    status = settings->format == FORMAT_JSON ? print_for_programs(call, &inspection)
                                             : print_for_people(call, &inspection);
  }
  thaw_inspection_free(&inspection);
  return status;
}

const thaw_command thaw_command_inspect = {
    .name = "inspect",
    .operands = "RUN.h5",
    .summary = "Show what is in a run file.",
    .description =
        "What it is and whether it is finished, the sections of its config, the environment, "
        "groups and tensors with their sizes, the curves of every stage by epoch, how far each "
        "group "
        "moved from the weights that it began with; of a classifier also how well each class is "
        "found, which classes are taken for each other most often, and "
        "the wrongly labelled documents with the highest loss, with their texts where the data "
        "files still are what they were. Classes and documents are those of the test documents, or "
        "of the validation documents where there are no others.",
    .options = options,
    .settings_size = sizeof(inspect_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
