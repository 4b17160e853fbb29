/* cmd_cache_prune.c: `thaw cache prune`: makes the stage cache smaller. */
#include <string.h>

#include "cli/cache_output.h"
#include "experiment/cache_prune.h"

typedef struct settings {
  thaw_experiment_settings common; /* comes first: the options that commands share are in it */
  const char *older_than, *keep_size;
  bool unfinished, dry;
} settings;

static const thaw_option options[] = {
    {.name = "older-than",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, older_than),
     .value_name = "TIME",
     .doc = "remove stages that no run has used for so long: 30d, 12h, 2w"},
    {.name = "keep-size",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(settings, keep_size),
     .value_name = "SIZE",
     .doc = "remove those that were used longest ago until the others are no larger together: 10G, "
            "500M"},
    {.name = "unfinished",
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(settings, unfinished),
     .doc = "remove only stages that were begun and not finished; without another rule all of "
            "them"},
    {.name = "dry-run",
     .letter = 'n',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(settings, dry),
     .doc = "only say what would be removed"},
    THAW_CACHE_OPTION,
    THAW_FORMAT_OPTION(thaw_experiment_settings),
    {0}};

static thaw_status read_rules(const thaw_call *call, thaw_prune_rules *rules) {
  const settings *own = call->settings;
  *rules = (thaw_prune_rules){.by_age = own->older_than,
                              .by_size = own->keep_size,
                              .unfinished = own->unfinished,
                              .dry = own->dry};
  if (!rules->by_age && !rules->by_size && !rules->unfinished) {
    return thaw_fail(call->ctx, THAW_INVALID,
                     "what is to be removed? --older-than TIME, --keep-size SIZE or --unfinished "
                     "(see 'thaw cache prune --help')");
  }
  thaw_status status = THAW_OK;
  if (rules->by_age) {
    status = thaw_parse_duration(call->ctx, own->older_than, &rules->oldest);
    if (status) return thaw_explain(call->ctx, status, "--older-than");
  }
  if (rules->by_size) {
    status = thaw_parse_size(call->ctx, own->keep_size, &rules->keep_bytes);
    if (status) return thaw_explain(call->ctx, status, "--keep-size");
  }
  return status;
}

static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* "removed", "would be removed", or why it stays. */
static const char *outcome(const thaw_pruned *item, bool dry) {
  if (item->kept) return item->kept;
  return dry ? "would be removed" : "removed";
}

static void add_item(thaw_table *table, const thaw_pruned *item, bool dry, int format) {
  const thaw_cached_stage *stage = item->stage;
  if (stage) {
    thaw_table_key(table, stage->entry->key, format);
    thaw_table_text(table, stage->stage);
    thaw_table_text(table, stage->name);
    thaw_table_size(table, stage->entry->bytes, format);
    thaw_table_used(table, stage->entry->used, format);
  } else {
    char key[THAW_HASH_TEXT];
    snprintf(key, sizeof key, "%.32s", file_name(item->leftover->path));
    thaw_table_key(table, key, format);
    thaw_table_text(table, item->leftover->lock ? "lock" : "temporary file");
    thaw_table_nothing(table);
    thaw_table_size(table, item->leftover->bytes, format);
    thaw_table_used(table, item->leftover->used, format);
  }
  thaw_table_text(table, item->why);
  thaw_table_text(table, outcome(item, dry));
}

static thaw_status print_items(const thaw_call *call, const thaw_prune_result *result, bool dry,
                               int format) {
  const char *const headings[] = {
      "key", "stage",  "experiment", thaw_size_heading(format), thaw_used_heading(format),
      "why", "outcome"};
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
    thaw_table_column(table, headings[i]);
  for (size_t i = 0; i < result->count; i++) add_item(table, &result->items[i], dry, format);
  thaw_status status = THAW_OK;
  if (result->count > 0 || format != THAW_TABLE_TEXT)
    status = thaw_print_table(call, table, format);
  thaw_table_free(table);
  return status;
}

static void print_sum(const thaw_call *call, const thaw_prune_result *result, bool dry) {
  char freed[THAW_UNITS_TEXT], left[THAW_UNITS_TEXT];
  thaw_write_size(result->freed, freed);
  thaw_write_size(result->left_bytes, left);
  fprintf(call->out, "%s%s: %s of %zu stage%s; left: %zu stage%s, %s\n", result->count ? "\n" : "",
          dry ? "would be freed" : "freed", freed, result->gone, thaw_plural(result->gone),
          result->left, thaw_plural(result->left), left);
}

static thaw_status run(const thaw_call *call) {
  const settings *own = call->settings;
  const char *folder = NULL;
  thaw_prune_rules rules;
  thaw_prune_result result;
  thaw_status status = read_rules(call, &rules);
  if (status == THAW_OK) status = thaw_cache_of(call, own->common.cache, &folder);
  if (status == THAW_OK) status = thaw_cache_prune(call->ctx, call->arena, folder, &rules, &result);
  if (status == THAW_OK) status = print_items(call, &result, rules.dry, own->common.format);
  if (status) return status;
  if (own->common.format == THAW_TABLE_TEXT) print_sum(call, &result, rules.dry);
  if (result.failed == 0) return THAW_OK;
  return thaw_fail(call->ctx, THAW_FAILED, "%zu file%s could not be removed from %s", result.failed,
                   thaw_plural(result.failed), folder);
}

const thaw_command thaw_command_cache_prune = {
    .name = "cache prune",
    .operands = "",
    .summary = "Remove stages from the stage cache, by age, by size, or those never finished.",
    .description =
        "At least one rule must be given. --older-than and --keep-size both set a limit; "
        "--unfinished keeps finished stages out of either. A stage's age is counted from when a "
        "run last used or wrote it. A stage that a living process trains or uses stays, whatever "
        "the rules say. Lock files and temporary files of processes that have ended are removed "
        "too, those of another machine when they are a day old. A stage that is removed is trained "
        "again when a run needs it.\n"
        "In a SIZE the units B, K, M, G and T are powers of 1024; in a TIME they are s, m "
        "(minutes), h, d and w.",
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
