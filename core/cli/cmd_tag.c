/* cmd_tag.c: `thaw tag`: words on finished runs, by which they are found again. */
#include <stdlib.h>
#include <string.h>

#include "analysis/run_list.h"
#include "cli/output.h"
#include "store/tags.h"

typedef struct tag_settings {
  thaw_words add, remove;
  int format;
} tag_settings;

static const thaw_option options[] = {{.name = "add",
                                       .letter = 'a',
                                       .type = THAW_OPTION_TEXTS,
                                       .offset = offsetof(tag_settings, add),
                                       .value_name = "NAME",
                                       .doc = "hang this tag on every run"},
                                      {.name = "remove",
                                       .letter = 'r',
                                       .type = THAW_OPTION_TEXTS,
                                       .offset = offsetof(tag_settings, remove),
                                       .value_name = "NAME",
                                       .doc = "take this tag from every run"},
                                      THAW_FORMAT_OPTION(tag_settings),
                                      {0}};

static thaw_status check_words(const thaw_call *call) {
  const tag_settings *settings = call->settings;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < settings->add.count && status == THAW_OK; i++) {
    status = thaw_tag_check(call->ctx, settings->add.words[i]);
    for (size_t k = 0; k < settings->remove.count && status == THAW_OK; k++) {
      if (strcmp(settings->add.words[i], settings->remove.words[k]) == 0)
        status = thaw_fail(call->ctx, THAW_INVALID, "both --add and --remove name '%s'",
                           settings->add.words[i]);
    }
  }
  for (size_t i = 0; i < settings->remove.count && status == THAW_OK; i++)
    status = thaw_tag_check(call->ctx, settings->remove.words[i]);
  return status;
}

static bool changes(const tag_settings *settings) {
  return settings->add.count > 0 || settings->remove.count > 0;
}

/* Can the run be tagged? One that was found in a folder and is not finished is left out. */
static thaw_status look_at(const thaw_call *call, const thaw_listed_run *file, bool *taggable) {
  const thaw_tag_change nothing = {0};
  thaw_run_file *run;
  thaw_status status = thaw_run_open(call->ctx, file->path, &run);
  if (status != THAW_OK) return status;
  *taggable = !file->found || thaw_run_complete(run);
  if (!*taggable)
    thaw_log(call->ctx, THAW_LOG_INFO, "%s is left out: it is not finished", file->path);
  /* To change nothing is refused where a change would be. */
  if (*taggable && changes(call->settings)) status = thaw_run_tag(call->ctx, run, &nothing);
  thaw_run_close(run);
  return status;
}

static thaw_status tag_run(const thaw_call *call, const char *path, thaw_table *table) {
  const tag_settings *settings = call->settings;
  const thaw_tag_change change = {settings->add.words, settings->remove.words, settings->add.count,
                                  settings->remove.count};
  thaw_run_file *run;
  char *tags = NULL;
  thaw_status status = thaw_run_open(call->ctx, path, &run);
  if (status != THAW_OK) return status;
  if (changes(settings)) status = thaw_run_tag(call->ctx, run, &change);
  if (status == THAW_OK) status = thaw_run_tags(call->ctx, run, &tags);
  if (status == THAW_OK) {
    thaw_table_text(table, path);
    thaw_table_text(table, *tags ? tags : NULL);
  }
  free(tags);
  thaw_run_close(run);
  return status;
}

/* All are looked at before one is changed. */
static thaw_status tag_all(const thaw_call *call, const thaw_listed_run *files, size_t count,
                           thaw_table *table) {
  bool *taggable = thaw_arena_zalloc(call->arena, (count + 1) * sizeof *taggable);
  thaw_status status = taggable ? THAW_OK : thaw_fail_memory(call->ctx, count);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    status = thaw_interrupted(call->ctx)
                 ? thaw_fail(call->ctx, THAW_INTERRUPTED, "no run was tagged")
                 : look_at(call, &files[i], &taggable[i]);
  }
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    if (taggable[i]) status = tag_run(call, files[i].path, table);
  }
  return status;
}

static thaw_status run(const thaw_call *call) {
  const tag_settings *settings = call->settings;
  const thaw_listed_run *files;
  size_t count;
  thaw_status status = check_words(call);
  if (status == THAW_OK)
    status = thaw_runs_list(call->ctx, call->arena, call->operands.count, call->operands.words,
                            &files, &count);
  if (status != THAW_OK) return status;
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  thaw_table_column(table, "run");
  thaw_table_column(table, "tags");
  status = tag_all(call, files, count, table);
  if (status == THAW_OK) status = thaw_print_table(call, table, settings->format);
  thaw_table_free(table);
  return status;
}

const thaw_command thaw_command_tag = {
    .name = "tag",
    .operands = "RUNS…",
    .summary = "Hang tags on finished runs, or take them off, and print what they have.",
    .description =
        "RUNS are run files and folders; a folder stands for all *.h5 below it, of which "
        "unfinished runs are left out. A tag is a word of letters, digits and -_.:+@/, at most 64 "
        "bytes long. Tags stand in the run file, behind everything else: they go where it goes, "
        "and tagging changes no byte of the run itself. thaw list --tag finds them.",
    .options = options,
    .settings_size = sizeof(tag_settings),
    .fewest = 1,
    .most = SIZE_MAX,
    .run = run,
};
