/* cmd_cache_list.c: `thaw cache list`: what is in the stage cache. */
#include <string.h>

#include "cli/cache_output.h"

static const thaw_option options[] = {
    THAW_CACHE_OPTION, THAW_FORMAT_OPTION(thaw_experiment_settings), {0}};

static void add_columns(thaw_table *table, int format) {
  const bool programs = thaw_for_programs(format);
  thaw_table_column(table, "key");
  thaw_table_column(table, "stage");
  thaw_table_column(table, "experiment");
  thaw_table_column(table, "encoder");
  thaw_table_column(table, "state");
  thaw_table_column(table, programs ? "takes_over" : "takes over");
  thaw_table_column(table, "perplexity");
  thaw_table_column(table, thaw_size_heading(format));
  thaw_table_column(table, thaw_used_heading(format));
  if (programs) thaw_table_column(table, "file");
}

/* "1a2b3c4d", "1a2b3c4d: embedding rnn.0" */
static void add_source(thaw_table *table, const thaw_cached_stage *stage) {
  thaw_buffer text = {0};
  bool ok = stage->source && thaw_buffer_text(&text, stage->source);
  if (ok && stage->groups && strcmp(stage->groups, "all") != 0)
    ok = thaw_buffer_format(&text, ": %s", stage->groups);
  thaw_table_text(table, ok ? text.data : NULL);
  thaw_buffer_free(&text);
}

static void add_stage(const thaw_call *call, thaw_table *table, const thaw_cached_stage *stage,
                      int format) {
  thaw_table_key(table, stage->entry->key, format);
  thaw_table_text(table, stage->stage);
  thaw_table_text(table, stage->name);
  thaw_table_text(table, stage->encoder);
  thaw_table_text(table, thaw_cached_stage_state(call->arena, stage));
  add_source(table, stage);
  thaw_table_number(table, stage->perplexity, 2);
  thaw_table_size(table, stage->entry->bytes, format);
  thaw_table_used(table, stage->entry->used, format);
  if (thaw_for_programs(format)) thaw_table_text(table, stage->entry->path);
}

/* For people, below the table. */
static void print_sum(const thaw_call *call, const thaw_cached_stages *all) {
  const thaw_cache_folder_content *content = &all->content;
  uint64_t bytes = 0;
  char size[THAW_UNITS_TEXT];
  for (size_t i = 0; i < all->count; i++) bytes += all->stages[i].entry->bytes;
  thaw_write_size(bytes, size);
  fprintf(call->out, "%s%zu stage%s, %s, in %s\n", all->count ? "\n" : "", all->count,
          thaw_plural(all->count), size, content->folder);
  if (content->held_count)
    fprintf(call->out, "%zu more stage%s or classifier%s being trained, without a file here yet\n",
            content->held_count, thaw_plural(content->held_count),
            content->held_count == 1 ? " is" : "s are");
  if (content->leftover_count)
    fprintf(call->out,
            "%zu lock or temporary file%s of processes that have ended: thaw cache prune removes "
            "%s\n",
            content->leftover_count, thaw_plural(content->leftover_count),
            content->leftover_count == 1 ? "it" : "them");
  if (content->other_count)
    fprintf(call->out, "%zu other file%s of the folder %s not thaw's and stay%s alone\n",
            content->other_count, thaw_plural(content->other_count),
            content->other_count == 1 ? "is" : "are", content->other_count == 1 ? "s" : "");
}

/* What a stage cannot say of itself in the table. */
static void warn(const thaw_call *call, const thaw_cached_stages *all) {
  for (size_t i = 0; i < all->count; i++) {
    const thaw_cached_stage *stage = &all->stages[i];
    if (stage->problem) thaw_log(call->ctx, THAW_LOG_WARNING, "%s", stage->problem);
    if (stage->trainer)
      thaw_log(call->ctx, THAW_LOG_INFO, "%.8s is being trained by %s", stage->entry->key,
               stage->trainer);
  }
}

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  const char *folder = NULL;
  thaw_cached_stages all;
  thaw_status status = thaw_cache_of(call, settings->cache, &folder);
  if (status == THAW_OK) status = thaw_cached_stages_read(call->ctx, call->arena, folder, &all);
  if (status) return status;
  warn(call, &all);
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  add_columns(table, settings->format);
  for (size_t i = 0; i < all.count; i++) add_stage(call, table, &all.stages[i], settings->format);
  const bool text = settings->format == THAW_TABLE_TEXT;
  if (!text || all.count > 0) status = thaw_print_table(call, table, settings->format);
  if (status == THAW_OK && text) print_sum(call, &all);
  thaw_table_free(table);
  return status;
}

const thaw_command thaw_command_cache_list = {
    .name = "cache list",
    .operands = "",
    .summary = "List the stages in the stage cache.",
    .description =
        "The one that a run used last comes first. 'takes over' is the key of the stage that a "
        "stage builds on, or the file, and the parameter groups unless it took all. The perplexity "
        "is that of the weights that were kept, on validation text. The sizes behind an encoder's "
        "name are its embedding, hidden and layers.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .run = run,
};
